/*
 * first.h - the first user, the first buckets, and the first words to whoever started the server
 *
 * A new store gets a user and an access key, which is written to DATA/credentials, mode 0600, and
 * shown once. Where the Identity API is served, its administrator gets a password too, in
 * DATA/admin.password, mode 0600. Containers give a key and buckets in the environment instead
 * (cli_environment_read).
 *
 *     first_make ── first_greet ── first_wipe
 *
 * Threads: the main thread.
 */
#ifndef SERVER_FIRST_H
#define SERVER_FIRST_H

#include "cli/cli.h"
#include "identity/builtin.h"
#include "net/server.h"
#include "server/zone.h"

enum { FIRST_PATH_MAX = 4096 };

/* What is to be told. */
struct first {
    char access_key[IDENTITY_ACCESS_KEY_MAX + 1];
    char secret_key[IDENTITY_SECRET_KEY_MAX + 1]; /* empty, unless it was made just now */
    char credential_file[FIRST_PATH_MAX];         /* empty: there is none */
};

/*
 * Sees to it that somebody can use the store, and makes the buckets of the environment in the
 * region of the first endpoint. Does nothing where the users are those of a Keystone.
 * Errors: as cli_environment_read, identity_bootstrap, cli_write_credentials and bucket_create,
 * noted; EXISTS where a bucket is somebody else's.
 */
struct status first_make(const struct zone *zone, struct builtin *identity, struct note *note,
                         struct first *ret_first);

/* Says on standard output where the server is and who may use it. */
void first_greet(const struct first *first, const struct config *config, struct net_server *net);

/* Overwrites the secret. */
void first_wipe(struct first *first);

#endif
