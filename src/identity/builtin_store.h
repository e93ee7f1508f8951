/*
 * builtin_store.h - the inner side of builtin.h: keys of kv, records, sealed secrets
 *
 * Only builtin*.c and bootstrap.c include it. docs/format-identity.md describes what is written.
 *
 * Threads: as builtin.h.
 */
#ifndef IDENTITY_BUILTIN_STORE_H
#define IDENTITY_BUILTIN_STORE_H

#include "base/buf.h"
#include "identity/builtin.h"
#include "identity/builtin_cache.h"
#include "identity/builtin_login.h"

enum {
    BUILTIN_NONCE_LEN = 12,
    BUILTIN_TAG_LEN = 16,
    BUILTIN_RECORD_VERSION = 1,
    BUILTIN_RETRIES_MAX = 32,
    BUILTIN_RECORD_BYTES_MAX = 4096
};

/* The second byte of a key says which table it is in; the first is 'i' for all of identity. */
enum builtin_table {
    BUILTIN_TABLE_KEY_CHECK = 'v',
    BUILTIN_TABLE_DOMAIN_MEMBERS = 'e', /* counter: projects and users of a domain */
    BUILTIN_TABLE_USER_KEY_COUNT = 'w',
    BUILTIN_TABLE_PROJECT_KEY_COUNT = 'q',
    BUILTIN_TABLE_KEY = 'k',
    BUILTIN_TABLE_ACCOUNT = 'a',     /* USER */
    BUILTIN_TABLE_USER_KEY = 'K',    /* USER NUL ACCESS-KEY */
    BUILTIN_TABLE_PROJECT_KEY = 'Q', /* PROJECT NUL ACCESS-KEY */
};

/* The tables of a kind of entity. */
struct builtin_kind_row {
    const char *word;
    char table;
    char name_table;
    char count_table;     /* what is counted below it */
    char key_index_table; /* 0 where no access keys hang on it */
};

/* The row of `kind`. */
const struct builtin_kind_row *builtin_kind_row(enum builtin_kind kind);

struct builtin {
    struct identity identity;
    struct kv *kv;
    struct clock *clock;
    struct random *random;
    struct key_file key;
    struct builtin_cache *cache;
    struct password_cost password_cost;
    struct builtin_login_gate *gate; /* builtin_login.c */
};

/* Room for one key of kv. */
struct builtin_path {
    char bytes[2 + IDENTITY_ID_MAX + 1 + IDENTITY_NAME_MAX];
    size_t len;
};

/* The key in `table` of `a`, or of `a` NUL `b` where `b` has a pointer. Both are within limits. */
struct builtin_path builtin_path(char table, struct slice a, struct slice b);

/* The bytes of a path. */
static inline struct slice builtin_path_slice(const struct builtin_path *path) {
    return slice_of(path->bytes, path->len);
}

/* What may be an id, a name or description, an access key, a secret key. */
bool builtin_id_is_valid(struct slice id);
bool builtin_text_is_valid(struct slice text, size_t max);
bool builtin_access_key_is_valid(struct slice access_key);
bool builtin_secret_is_valid(struct slice secret);

/* Reads the record of an entity by its id; `*ret_raw` (may be NULL) is what a guard compares. */
struct status builtin_entity_read(struct builtin *store, enum builtin_kind kind, struct slice id,
                                  struct arena *arena, struct slice *ret_raw,
                                  struct builtin_entity *ret_entity);

/* Adds the record, the name and the guards of a new entity to `batch`. The domain's record is
 * `domain_raw`, empty for a domain. Guards in this order: id, name, domain, members of the domain.
 */
void builtin_entity_add(const struct builtin_entity *entity, struct slice domain_raw,
                        struct kv_batch *batch);

/* An access key as it is stored: its fields, and its secret under seal. */
struct builtin_sealed_key {
    struct builtin_key key;
    struct slice nonce;
    struct slice sealed_secret;
};

/* The gate that passwords are checked behind (builtin_login.c). */
struct builtin_login_gate *builtin_login_gate_new(struct random *random);
void builtin_login_gate_free(struct builtin_login_gate **gate);

/* password_derive behind the gate: a few at once. Errors: BUSY (too many wait); NO_MEMORY. */
struct status builtin_derive_secret(struct builtin *store, struct slice secret, const uint8_t *salt,
                                    struct password_cost cost, uint8_t *out);

/* Reads a user or a project that is enabled, in an enabled domain; NOT_FOUND otherwise. */
struct status builtin_entity_read_enabled(struct builtin *store, enum builtin_kind kind,
                                          struct slice id, struct arena *arena,
                                          struct builtin_entity *ret_entity);

/*
 * Fills in user and project (where there is one) with their domains, as they are now; the roles are
 * left alone. NOT_FOUND where one is gone or disabled.
 */
struct status builtin_bearer_find(struct builtin *store, struct slice user_id,
                                  struct slice project_id, struct arena *arena,
                                  struct builtin_bearer *bearer);

/* Reads the record of an access key. */
struct status builtin_key_read(struct builtin *store, struct slice access_key, struct arena *arena,
                               struct slice *ret_raw, struct builtin_sealed_key *ret_key);

/* Decodes the record of an access key. Errors: CORRUPT; NO_MEMORY. */
struct status builtin_key_decode(struct slice raw, struct arena *arena,
                                 struct builtin_sealed_key *ret_key);

/* Adds a put of the record of an access key to `batch`; the indexes are not touched. */
void builtin_key_put(const struct builtin_sealed_key *key, struct kv_batch *batch);

/*
 * Adds a new access key with its indexes and guards to `batch`. Guards in this order: the access
 * key is new, the user's count, the project's count.
 */
void builtin_key_add(const struct builtin_sealed_key *key, struct kv_batch *batch);

/* Seals the secret of `key` for its access key, user and project. */
struct status builtin_key_seal(struct builtin *store, const struct builtin_key *key,
                               struct arena *arena, struct builtin_sealed_key *ret_key);

/* Opens the secret. Errors: CORRUPT (not sealed under this key, or moved); NO_MEMORY. */
struct status builtin_key_unseal(struct builtin *store, const struct builtin_sealed_key *key,
                                 struct arena *arena, struct slice *ret_secret);

/* Fills in what `wanted` leaves to chance: access key, secret, time. */
struct status builtin_key_draft(struct builtin *store, const struct builtin_key *wanted,
                                struct arena *arena, struct note *note,
                                struct builtin_key *ret_key);

/* The same for an entity: id, domain, time. */
struct status builtin_entity_draft(struct builtin *store, const struct builtin_entity *wanted,
                                   struct arena *arena, struct note *note,
                                   struct builtin_entity *ret_entity);

/* Checks or, in an empty store, writes the record that tells whether the key file is right. */
struct status builtin_check_key_file(struct builtin *store, struct note *note);

/* Commits in the system partition, and makes the cache forget. */
struct status builtin_commit(struct builtin *store, const struct kv_batch *batch,
                             size_t *ret_failed_guard);

#endif
