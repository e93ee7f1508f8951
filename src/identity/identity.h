/*
 * identity.h - who exists: domains, projects, users, and the access keys they made
 *
 * What a request's credential means. The built-in store (builtin.h) keeps everything in the system
 * partition of kv, secrets encrypted; other sources (Keystone) come behind the same interface.
 *
 * Blocks: a look-up may wait for a drive; implementations cache, bounded in number and staleness.
 * Threads: any.
 */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    IDENTITY_ACCESS_KEY_MIN = 3,
    IDENTITY_ACCESS_KEY_MAX = 128,
    IDENTITY_SECRET_KEY_MIN = 8,
    IDENTITY_SECRET_KEY_MAX = 256,
    IDENTITY_NAME_MAX = 255,
    IDENTITY_ID_MAX = 64
};

/* Somebody, in a project. The anonymous principal has empty ids and `anonymous` set. */
struct principal {
    struct slice user_id;
    struct slice user_name;
    struct slice project_id;
    struct slice project_name;
    struct slice access_key;
    bool anonymous;
    bool admin; /* may administer every project */
};

/* An access key: the secret it signs with and whom it stands for. */
struct identity_key {
    struct slice secret;
    struct principal principal;
};

struct identity;

struct identity_ops {
    struct status (*key_find)(struct identity *identity, struct slice access_key,
                              struct arena *arena, struct identity_key *ret_key);
    struct status (*name_find)(struct identity *identity, struct slice id, struct arena *arena,
                               struct slice *ret_name);
};

struct identity {
    const struct identity_ops *ops;
};

/*
 * Looks up an access key of an enabled user in an enabled project.
 * Owns: all of `*ret_key` lies in `arena`.
 * Errors: NOT_FOUND (no such key, or it is disabled); BUSY, TIMEOUT, IO (the source did not
 * answer).
 */
static inline struct status identity_key_find(struct identity *identity, struct slice access_key,
                                              struct arena *arena, struct identity_key *ret_key) {
    return identity->ops->key_find(identity, access_key, arena, ret_key);
}

/*
 * The name of the project, or else of the user, that has an id.
 * Owns: `*ret_name` lies in `arena`.
 * Errors: NOT_FOUND; BUSY, TIMEOUT, IO (the source did not answer).
 */
static inline struct status identity_name_find(struct identity *identity, struct slice id,
                                               struct arena *arena, struct slice *ret_name) {
    return identity->ops->name_find(identity, id, arena, ret_name);
}

#endif
