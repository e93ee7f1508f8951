/*
 * identity.h - who exists: domains, projects, users, and what access keys and tokens stand for
 *
 * What a request's credential means. The built-in store (builtin.h) keeps everything in the system
 * partition of kv, secrets encrypted; other sources (Keystone) come behind the same interface, and
 * doors need not know which one they have.
 *
 *     access key ── identity_key_find ──┐
 *                                       ├──▶ struct principal: who, in which project, what they may
 *     X-Auth-Token ─ identity_token_find ┘
 *
 * What is found may be as old as the source's staleness, and no older: the roles in it are those
 * that count, whatever the credential was made for.
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
    IDENTITY_ID_MAX = 64,
    IDENTITY_TOKEN_MAX = 8 * 1024 /* longer ones are nobody's */
};

/*
 * What somebody may do in their project: bits, and each comes with those that it includes. A reader
 * sees everything of the project, a member changes it too, an administrator also has what is for
 * administrators. None of the three: nothing of the project is theirs, but others may let them in
 * by name (bucket policies, lists). The last two are Swift's: RESELLER may work in every project
 * (`admin` is set then), SERVICE makes a token count as one of a service.
 */
enum {
    IDENTITY_ROLE_READER = 1,
    IDENTITY_ROLE_MEMBER = 2,
    IDENTITY_ROLE_ADMIN = 4,
    IDENTITY_ROLE_RESELLER = 8,
    IDENTITY_ROLE_SERVICE = 16
};

/* Somebody, in a project. The anonymous principal has empty ids and `anonymous` set. */
struct principal {
    struct slice user_id;
    struct slice user_name;
    struct slice project_id; /* empty: of a token without a project */
    struct slice project_name;
    struct slice access_key; /* empty: of a token */
    struct slice user_domain_id;
    struct slice user_domain_name;
    struct slice project_domain_id;
    struct slice project_domain_name;
    struct slice role_names; /* as their source calls them, with "," between them */
    unsigned roles;          /* IDENTITY_ROLE_* bits, in the project */
    int64_t expires_ns;      /* of a token, since 1970; 0: of an access key */
    bool anonymous;
    bool admin; /* may administer every project */
};

/* A project or a user. */
enum identity_kind { IDENTITY_PROJECT, IDENTITY_USER };

struct identity_entity {
    struct slice id;
    struct slice name;
    struct slice domain_id;
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
    /* These may be absent: nothing is found then. */
    struct status (*token_find)(struct identity *identity, struct slice token, struct arena *arena,
                                struct principal *ret_principal);
    struct status (*entity_find)(struct identity *identity, enum identity_kind kind,
                                 struct slice domain_id, struct slice id_or_name,
                                 struct arena *arena, struct identity_entity *ret_entity);
};

struct identity {
    const struct identity_ops *ops;
};

/*
 * Looks up an access key of an enabled user in an enabled project.
 * Owns: all of `*ret_key` lies in `arena`.
 * Errors: NOT_FOUND (no such key, or it is disabled); DENIED (there is one, and its user has no
 * role in its project any more); BUSY, TIMEOUT, IO (the source did not answer).
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

/*
 * Who holds a token (X-Auth-Token), and what they may now. In the cache it takes a few
 * microseconds.
 * Owns: all of `*ret_principal` lies in `arena`.
 * Errors: NOT_FOUND (no token, expired, revoked, or nothing is left of what it was good for); BUSY,
 * TIMEOUT, IO (the source did not answer).
 */
static inline struct status identity_token_find(struct identity *identity, struct slice token,
                                                struct arena *arena,
                                                struct principal *ret_principal) {
    if (identity->ops->token_find == NULL) return status_of(STATUS_NOT_FOUND);
    return identity->ops->token_find(identity, token, arena, ret_principal);
}

/*
 * A project or a user by its id, or else by its name in a domain (of id `domain_id`; empty: the
 * default one). Disabled ones are found too.
 * Owns: all of `*ret_entity` lies in `arena`.
 * Errors: NOT_FOUND; BUSY, TIMEOUT, IO (the source did not answer).
 */
static inline struct status identity_entity_find(struct identity *identity, enum identity_kind kind,
                                                 struct slice domain_id, struct slice id_or_name,
                                                 struct arena *arena,
                                                 struct identity_entity *ret_entity) {
    if (identity->ops->entity_find == NULL) return status_of(STATUS_NOT_FOUND);
    return identity->ops->entity_find(identity, kind, domain_id, id_or_name, arena, ret_entity);
}

#endif
