/*
 * builtin_application.h - application credentials: a part of a user's rights, with a secret of its
 * own
 *
 * A user makes one in a project, with some of the roles that the user has there, so that a program
 * need not have the user's password. It ends with its time, with the user and with the project, and
 * is never worth more than what the user may do now. They lie in the user's account, and the id
 * begins with the user's.
 *
 *     builtin_application_create ── builtin_application_login ── builtin_token_issue
 *
 * Secrets are kept as passwords are, and guesses at them are slowed with those.
 *
 * Blocks: every call may wait for a drive; create and login compute, and wait for their turn.
 * Threads: any.
 */
#ifndef IDENTITY_BUILTIN_APPLICATION_H
#define IDENTITY_BUILTIN_APPLICATION_H

#include "identity/builtin_login.h"

enum {
    BUILTIN_APPLICATION_ID_MAX = IDENTITY_ID_MAX + 17,
    BUILTIN_APPLICATIONS_MAX = 32,      /* of one user */
    BUILTIN_APPLICATION_SECRET_LEN = 48 /* of generated ones */
};

struct builtin_application {
    struct slice id; /* given by us */
    struct slice user_id;
    struct slice project_id;
    struct slice name;
    struct slice description;
    struct slice secret; /* at creation: empty for a random one; empty when read */
    unsigned roles;      /* those that it was made with */
    bool unrestricted;   /* its tokens may make and delete application credentials */
    int64_t created_ns;
    int64_t expires_ns; /* 0: never */
};

/*
 * Makes one, and gives its secret back.
 * Owns: what `*ret_application` points to lies in `arena`; the caller wipes the secret.
 * Errors: INVALID (name, description, secret, roles); EXISTS (the user has one of that name);
 * NOT_FOUND (user or project); TOO_LARGE (too many); BUSY; as kv_commit; noted.
 */
struct status builtin_application_create(struct builtin *store,
                                         const struct builtin_application *wanted,
                                         struct arena *arena, struct note *note,
                                         struct builtin_application *ret_application);

/*
 * The one of that id, or all of a user's, those of projects that are gone left out.
 * Owns: all of it lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO.
 */
struct status builtin_application_find(struct builtin *store, struct slice id, struct arena *arena,
                                       struct builtin_application *ret_application);
struct status builtin_application_list(struct builtin *store, struct slice user_id,
                                       struct arena *arena,
                                       struct builtin_application **ret_applications,
                                       size_t *ret_count);

/* Deletes one, and with it what its tokens are worth. Errors: NOT_FOUND; as kv_commit; noted. */
struct status builtin_application_delete(struct builtin *store, struct slice id, struct note *note);

/* Which one, by its id or by its name and user, and what proves it. */
struct builtin_application_login {
    struct slice id;
    struct slice user_id;
    struct slice name;
    struct slice secret;
    struct slice source;
};

/*
 * Whether the secret is right, of one that has not expired. Takes as long where there is none.
 * Owns: what `*ret_application` points to lies in `arena`.
 * Errors: DENIED; BUSY, as builtin_login; CORRUPT; IO.
 */
struct status builtin_application_login(struct builtin *store,
                                        const struct builtin_application_login *login,
                                        struct arena *arena, int64_t *ret_wait_ns,
                                        struct builtin_application *ret_application);

#endif
