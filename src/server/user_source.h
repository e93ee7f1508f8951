/*
 * user_source.h - where users come from, as the configuration says: our own store, or a Keystone
 *
 *     user_source_open ── user_source_identity* ── user_source_close
 *
 * Threads: one opens and closes; look-ups are any thread's (identity.h).
 */
#ifndef SERVER_USER_SOURCE_H
#define SERVER_USER_SOURCE_H

#include "identity/builtin.h"
#include "identity/remote.h"
#include "identity/tempauth.h"
#include "server/config.h"

struct user_source {
    struct builtin *builtin;   /* the store's; not consulted where there is a `remote` */
    struct remote *remote;     /* NULL: the users are our own */
    struct tempauth *tempauth; /* NULL: there is no /auth/v1.0 */
};

/*
 * Makes the source; a Keystone is not asked yet.
 * Owns: the caller; user_source_close. `builtin` outlives it.
 * Errors: INVALID (the file of the password); EXISTS (a user of /auth/v1.0 is there twice);
 * NO_MEMORY; noted.
 */
struct status user_source_open(const struct config *config, struct builtin *builtin,
                               struct note *note, struct user_source *ret_source);

/* Gives it back; a source of zeros is allowed. */
void user_source_close(struct user_source *source);

/* What the doors ask. */
struct identity *user_source_identity(const struct user_source *source);

/*
 * Asks a Keystone once, and writes to the log what is wrong with it, which is no reason not to go
 * on. Blocks: for its answer.
 */
void user_source_greet(const struct user_source *source, const struct config *config);

#endif
