/*
 * builtin.h - hink's own store of domains, projects, users and access keys
 *
 * Everything lies in the system partition of kv (docs/format-identity.md). Secrets are encrypted
 * there under the key of a file of the server; whoever has the store alone has no secret.
 *
 *     domain ── project ──┐
 *        └───── user ─────┴── access key: a user in a project
 *
 * Names are unique: of domains among themselves, of projects and users within their domain. Ids and
 * access keys are unique everywhere and can be given at creation, so that two zones share them.
 *
 *     key_file_load ── builtin_open ── builtin_* on any number of threads ── builtin_close
 *
 * Look-ups (identity.h) go through a cache, bounded in number. A change made through this object is
 * seen by the next look-up; one made by another process within the staleness given at open.
 *
 * Blocks: every call but builtin_identity may wait for a drive. Threads: any.
 */
#ifndef IDENTITY_BUILTIN_H
#define IDENTITY_BUILTIN_H

#include "crypto/password.h"
#include "identity/identity.h"
#include "kv/kv.h"
#include "os/clock.h"
#include "os/random.h"

enum {
    BUILTIN_KEY_FILE_LEN = 32,
    BUILTIN_KEYS_PER_USER_MAX = 1000,
    BUILTIN_KEYS_PER_PROJECT_MAX = 10000,
    BUILTIN_LIST_MAX = 1000,
    BUILTIN_DESCRIPTION_MAX = 255,
    BUILTIN_ACCESS_KEY_LEN = 20, /* of generated ones */
    BUILTIN_SECRET_KEY_LEN = 40
};

/* The id and the name of the domain, and the name of the project and the user of a new store. */
#define BUILTIN_DEFAULT "default"
#define BUILTIN_ADMIN "admin"

/* The key that secrets are encrypted under. Wiped by key_file_wipe. */
struct key_file {
    uint8_t bytes[BUILTIN_KEY_FILE_LEN];
};

/*
 * Reads the key file at `path`. An absent one is made of random bytes, mode 0600, its name durable,
 * where `may_make`.
 * Errors: NOT_FOUND; DENIED (others may read it); CORRUPT (not exactly 32 bytes); IO; all noted.
 */
struct status key_file_load(const char *path, bool may_make, struct random *random,
                            struct note *note, struct key_file *ret_key);

/* Overwrites the key. */
void key_file_wipe(struct key_file *key);

struct builtin;

/* What a store is opened with. */
struct builtin_options {
    struct kv *kv; /* outlives the store, as do clock and random */
    struct clock *clock;
    struct random *random;
    const struct key_file *key;         /* copied */
    size_t cache_entries;               /* 0: 4096 */
    int64_t staleness_ns;               /* 0: 5 s */
    struct password_cost password_cost; /* of new passwords; zeros: password_cost_default */
};

/*
 * Opens the store of `options->kv`; an empty one is set up for the key file.
 * Owns: the caller, until builtin_close.
 * Errors: DENIED (the store was encrypted under another key file); CORRUPT; IO; NO_SPACE; noted.
 */
struct status builtin_open(const struct builtin_options *options, struct note *note,
                           struct builtin **ret_store);

/* Ends the store and wipes what it held in memory; NULL is allowed. */
void builtin_close(struct builtin **store);

/* The look-up interface of the store; lives as long as it does. */
struct identity *builtin_identity(struct builtin *store);

enum builtin_kind { BUILTIN_DOMAIN, BUILTIN_PROJECT, BUILTIN_USER, BUILTIN_KIND_COUNT };

/* The word for a kind: "domain", "project", "user". */
const char *builtin_kind_word(enum builtin_kind kind);

/* A domain, project or user. */
struct builtin_entity {
    enum builtin_kind kind;
    struct slice id;        /* empty at creation: a random one */
    struct slice domain_id; /* of projects and users */
    struct slice name;
    struct slice description;
    bool enabled;
    bool admin;         /* of users: may administer every project */
    int64_t created_ns; /* since 1970; set by builtin_create */
};

/*
 * Makes a domain, project or user.
 * Owns: what `*ret_entity` points to lies in `arena`.
 * Errors: INVALID (id, name or description); EXISTS (id or name); NOT_FOUND (the domain); as
 * kv_commit; noted.
 */
struct status builtin_create(struct builtin *store, const struct builtin_entity *wanted,
                             struct arena *arena, struct note *note,
                             struct builtin_entity *ret_entity);

/*
 * Finds one by its id, or else by its name in the domain (any of the two for domains).
 * Owns: what `*ret_entity` points to lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; noted.
 */
struct status builtin_find(struct builtin *store, enum builtin_kind kind, struct slice domain_id,
                           struct slice id_or_name, struct arena *arena, struct note *note,
                           struct builtin_entity *ret_entity);

/*
 * Lists up to `cap` (at most BUILTIN_LIST_MAX) of a kind in the order of their ids, from behind
 * `after` on; `*ret_more` says that there are others.
 * Owns: what `entities` points to lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status builtin_list(struct builtin *store, enum builtin_kind kind, struct slice after,
                           struct arena *arena, struct builtin_entity *entities, size_t cap,
                           size_t *ret_count, bool *ret_more);

/* Enables or disables one by its id. Errors: NOT_FOUND; as kv_commit; noted. */
struct status builtin_set_enabled(struct builtin *store, enum builtin_kind kind, struct slice id,
                                  bool enabled, struct note *note);

/*
 * Deletes one by its id; a user or a project with all its access keys, a domain only when it is
 * empty. Whether a project has buckets is for the caller to ask.
 * Errors: NOT_FOUND; CONFLICT (the domain is not empty); as kv_commit; noted.
 */
struct status builtin_delete(struct builtin *store, enum builtin_kind kind, struct slice id,
                             struct note *note);

/* An access key. */
struct builtin_key {
    struct slice access_key; /* empty at creation: a random one */
    struct slice secret;     /* given or random at creation; empty when read */
    struct slice user_id;
    struct slice project_id;
    struct slice description;
    bool enabled;
    bool needs_role; /* works only while the user is at least a member of the project */
    int64_t created_ns;
};

/*
 * Makes an access key for a user in a project, and gives its secret back.
 * Owns: what `*ret_key` points to lies in `arena`; the caller wipes the secret.
 * Errors: INVALID (access or secret key); EXISTS; NOT_FOUND (user or project); TOO_LARGE (the user
 * or the project has too many); as kv_commit; noted.
 */
struct status builtin_key_create(struct builtin *store, const struct builtin_key *wanted,
                                 struct arena *arena, struct note *note,
                                 struct builtin_key *ret_key);

/* Reads an access key, without its secret. Errors: NOT_FOUND; CORRUPT; IO; noted. */
struct status builtin_key_get(struct builtin *store, struct slice access_key, struct arena *arena,
                              struct note *note, struct builtin_key *ret_key);

/*
 * Reads an access key with its secret, for its owner or an administrator; the caller wipes it.
 * Errors: NOT_FOUND; CORRUPT; IO; noted.
 */
struct status builtin_key_reveal(struct builtin *store, struct slice access_key,
                                 struct arena *arena, struct note *note,
                                 struct builtin_key *ret_key);

/*
 * Lists up to `cap` (at most BUILTIN_LIST_MAX) access keys in bytewise order from behind `after`
 * on, those of one user where `user_id` is not empty; without their secrets.
 * Owns: what `keys` points to lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status builtin_key_list(struct builtin *store, struct slice user_id, struct slice after,
                               struct arena *arena, struct builtin_key *keys, size_t cap,
                               size_t *ret_count, bool *ret_more);

/* Enables or disables an access key. Errors: NOT_FOUND; as kv_commit; noted. */
struct status builtin_key_set_enabled(struct builtin *store, struct slice access_key, bool enabled,
                                      struct note *note);

/* Deletes an access key. Errors: NOT_FOUND; as kv_commit; noted. */
struct status builtin_key_delete(struct builtin *store, struct slice access_key, struct note *note);

/* What came of identity_bootstrap. */
struct identity_bootstrap_result {
    bool made_key;           /* an access key was made; `key.secret` is there */
    struct builtin_key key;  /* with made_key, or when one was asked for */
    struct slice project_id; /* of the project "default" */
};

/*
 * Sees to it that somebody can use the store. With an `access_key` (and its `secret`) that access
 * key of user "admin" in project "default" exists afterwards, has that secret and is enabled.
 * Without one, a random key is made if there is no user at all. Domain, project and user are made
 * as needed. Does nothing where nothing is to be done.
 * Owns: what `*ret_result` points to lies in `arena`; the caller wipes the secret.
 * Errors: INVALID; EXISTS (the access key is somebody else's); as kv_commit; noted.
 */
struct status identity_bootstrap(struct builtin *store, struct slice access_key,
                                 struct slice secret, struct arena *arena, struct note *note,
                                 struct identity_bootstrap_result *ret_result);

#endif
