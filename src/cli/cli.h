/*
 * cli.h - the command line: one binary, several commands
 *
 *     hink serve | check-config | user | project | domain | key | role | policy | status | drive |
 *          scrub | check | bench | help
 *
 * What a command needs from the server (reading a configuration, opening a store) is given as
 * functions, since this room knows neither.
 *
 * Exit codes, everywhere: 0 done, 1 it failed, 2 the command line or the configuration is wrong.
 *
 * Threads: the main thread.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "base/findings.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum { CLI_REPLY_BYTES_MAX = 4 * 1024 * 1024 };

/* Which store or server a command is for: a file, or a directory without one. */
struct cli_where {
    const char *config;               /* --config FILE; NULL */
    const char *data;                 /* --data DIR; NULL */
    const char *listen;               /* --listen HOST:PORT, of serve; NULL */
    const char *admin_listen;         /* --admin-listen HOST:PORT, of serve; NULL */
    const char *accept_metadata_from; /* --accept-metadata-from DRIVE, of serve; NULL */
};

/* What the server does for the command line. */
struct cli_context {
    /* Serves until told to stop; the exit code. */
    int (*serve)(const struct cli_where *where);

    /* Reads a configuration. Errors: INVALID and others, with "FILE:LINE: …" in `note`. */
    struct status (*check_config)(const char *path, struct note *note);

    /*
     * Writes the path of the administration socket to `out`.
     * Errors: as check_config.
     */
    struct status (*admin_socket)(const struct cli_where *where, struct note *note, char *out,
                                  size_t cap);

    /*
     * Has `request` (a JSON object) executed on the store that nobody serves; the reply (a JSON
     * object) is appended to `reply`.
     * Errors: BUSY (somebody else has the store open); NOT_FOUND (there is none yet); those of
     * opening it; noted.
     */
    struct status (*admin_offline)(const struct cli_where *where, struct slice request,
                                   struct note *note, struct buf *reply);

    /* The same of a policy.explain that brings its policy along and needs no store. */
    void (*explain_document)(struct slice request, struct buf *reply);

    /*
     * Looks at everything in the store that nobody serves, with `blocks` at all bytes too.
     * Errors: BUSY, NOT_FOUND and those of opening it; noted. What is wrong is in `findings`.
     */
    struct status (*check)(const struct cli_where *where, bool blocks, struct note *note,
                           struct findings *findings);
};

/* Runs the command that `argv` names; the exit code of the process. */
int cli_main(int argc, char **argv, const struct cli_context *context);

/* First user and buckets as containers give them. Slices point into the environment. */
struct cli_environment {
    struct slice access_key; /* HINK_ACCESS_KEY; empty where absent */
    struct slice secret_key; /* HINK_SECRET_KEY; there when the access key is */
    struct slice buckets;    /* HINK_BUCKETS: NAME,NAME,…; see cli_next_bucket */
};

/*
 * Reads and checks HINK_ACCESS_KEY, HINK_SECRET_KEY and HINK_BUCKETS.
 * Errors: INVALID, with the variable and never its value in `note`.
 */
struct status cli_environment_read(struct note *note, struct cli_environment *ret_environment);

/* Takes the next name off `*buckets`; false when there is none left. */
bool cli_next_bucket(struct slice *buckets, struct slice *ret_name);

/* What a person is told when a server has started. */
struct cli_greeting {
    const char *zone;
    const char *const *endpoints; /* "http://127.0.0.1:9000", the first for the aws line */
    const char *const *regions;   /* of each endpoint */
    size_t endpoint_count;
    struct slice access_key;     /* empty: the key is in no file and was not made now */
    struct slice secret_key;     /* empty, unless it was just made */
    const char *credential_file; /* where it can be read; NULL */
};

/*
 * Prints endpoints, access key and an `aws` line to `fd`. The secret is printed only where `fd` is
 * a terminal; otherwise the file that holds it is named.
 * Errors: IO.
 */
struct status cli_greet(int fd, const struct cli_greeting *greeting);

/*
 * Writes a key in the form of ~/.aws/credentials to a new file of mode 0600, durably; one that is
 * there is replaced.
 * Errors: DENIED, NO_SPACE, IO, noted.
 */
struct status cli_write_credentials(const char *path, struct slice access_key,
                                    struct slice secret_key, struct note *note);

/*
 * Reads the access key (not the secret) back from such a file.
 * Errors: NOT_FOUND; CORRUPT; IO.
 */
struct status cli_read_credentials(const char *path, char *ret_access_key, size_t cap);

#endif
