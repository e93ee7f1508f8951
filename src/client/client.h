/*
 * client.h - requests to other services: HTTP over libcurl, bounded in time, size and number
 *
 *     client_open ── client_send* on any number of threads ── client_close
 *
 * A client keeps a few connections and uses them again. Certificates are verified, redirections are
 * not followed, proxies of the environment are not used, nothing but http and https is spoken. An
 * answer that is larger than was asked for is refused when it has become so large, and not kept.
 *
 * Blocks: client_send, for at most the request's deadline; it covers waiting for a free connection,
 * looking the name up, connecting and the last byte of the answer.
 * Threads: any.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    CLIENT_CONNECTIONS_MAX = 64,
    CLIENT_HEADERS_MAX = 16,           /* of a request */
    CLIENT_URL_MAX = 4096,             /* of a request */
    CLIENT_HEAD_BYTES_MAX = 32 * 1024, /* of an answer */
    CLIENT_BODY_BYTES_MAX = 16 * 1024 * 1024
};

/* What all requests of a client have in common. */
struct client_options {
    const char *ca_file;        /* PEM; NULL: the system's certificates */
    size_t connections;         /* at once; more wait. 0: 8 */
    int64_t connect_timeout_ns; /* 0: 3 s; never longer than what is left of the deadline */
};

struct client;

/*
 * Makes a client. Nothing is connected yet.
 * Owns: the caller, until client_close.
 * Errors: NO_MEMORY; INVALID (the file of certificates can't be read); noted.
 */
struct status client_open(const struct client_options *options, struct note *note,
                          struct client **ret_client);

/* Ends it; no request is under way any more. NULL is allowed. */
void client_close(struct client **client);

struct client_header {
    const char *name;
    struct slice value;
};

/* What is asked. Slices need no NUL; header values and the URL have no control characters. */
struct client_request {
    const char *method; /* "GET" */
    struct slice url;
    const struct client_header *headers;
    size_t header_count;
    struct slice body;         /* sent where the method is POST, PUT or PATCH */
    int64_t deadline_ns;       /* from now on; above 0 */
    size_t response_bytes_max; /* of the body */
};

/* What was answered. */
struct client_response {
    int status;
    struct slice head; /* the lines of the headers */
    struct slice body;
};

/*
 * Sends the request and reads the answer, whatever its status is.
 * Owns: `*ret_response` lies in `arena`.
 * Errors: INVALID (URL or header); TIMEOUT; IO (no connection, or a broken one; a certificate that
 * is not valid); TOO_LARGE; NO_MEMORY; noted, without the query of the URL.
 * Blocks: until the deadline.
 */
struct status client_send(struct client *client, const struct client_request *request,
                          struct arena *arena, struct note *note,
                          struct client_response *ret_response);

/* The first header of that name (any case) in an answer; an empty slice where there is none. */
struct slice client_header_find(const struct client_response *response, const char *name);

#endif
