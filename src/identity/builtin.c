#include "identity/builtin.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "identity/builtin_login.h"
#include "identity/builtin_store.h"

enum { CACHE_ENTRIES = 4096 };
#define STALENESS_NS (5 * INT64_C(1000000000))

static const struct builtin_kind_row kinds[BUILTIN_KIND_COUNT] = {
    [BUILTIN_DOMAIN] = {"domain", 'd', 'D', BUILTIN_TABLE_DOMAIN_MEMBERS, 0},
    [BUILTIN_PROJECT] = {"project", 'p', 'P', BUILTIN_TABLE_PROJECT_KEY_COUNT,
                         BUILTIN_TABLE_PROJECT_KEY},
    [BUILTIN_USER] = {"user", 'u', 'U', BUILTIN_TABLE_USER_KEY_COUNT, BUILTIN_TABLE_USER_KEY},
};

const struct builtin_kind_row *builtin_kind_row(enum builtin_kind kind) {
    CHECK(kind < BUILTIN_KIND_COUNT);
    return &kinds[kind];
}

const char *builtin_kind_word(enum builtin_kind kind) {
    return builtin_kind_row(kind)->word;
}

struct builtin_path builtin_path(char table, struct slice a, struct slice b) {
    struct builtin_path path;
    struct buf buf;
    buf_init_fixed(&buf, path.bytes, sizeof path.bytes);
    buf_append_char(&buf, 'i');
    buf_append_char(&buf, table);
    buf_append(&buf, a);
    if (b.ptr != NULL) {
        buf_append_char(&buf, 0);
        buf_append(&buf, b);
    }
    CHECK(!buf.overflowed);
    path.len = buf.len;
    return path;
}

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_word(struct slice s, size_t min, size_t max) {
    if (s.len < min || s.len > max) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_word_char(s.ptr[i])) return false;
    }
    return true;
}

bool builtin_id_is_valid(struct slice id) {
    return is_word(id, 1, IDENTITY_ID_MAX);
}

bool builtin_access_key_is_valid(struct slice access_key) {
    return is_word(access_key, IDENTITY_ACCESS_KEY_MIN, IDENTITY_ACCESS_KEY_MAX);
}

bool builtin_text_is_valid(struct slice text, size_t max) {
    if (text.len > max || !utf8_is_valid(text)) return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    return true;
}

bool builtin_secret_is_valid(struct slice secret) {
    if (secret.len < IDENTITY_SECRET_KEY_MIN || secret.len > IDENTITY_SECRET_KEY_MAX) return false;
    for (size_t i = 0; i < secret.len; i++) {
        if (secret.ptr[i] <= 0x20 || secret.ptr[i] > 0x7e) return false;
    }
    return true;
}

struct status builtin_commit(struct builtin *store, const struct kv_batch *batch,
                             size_t *ret_failed_guard) {
    struct status s = kv_commit(store->kv, kv_partition_system, batch, ret_failed_guard);
    /* After a failure too: it may not be known what is there now. */
    builtin_cache_clear(store->cache);
    return s;
}

struct status builtin_entity_read_enabled(struct builtin *store, enum builtin_kind kind,
                                          struct slice id, struct arena *arena,
                                          struct builtin_entity *ret_entity) {
    struct builtin_entity entity;
    TRY(builtin_entity_read(store, kind, id, arena, NULL, &entity));
    if (!entity.enabled) return status_of(STATUS_NOT_FOUND);
    if (kind != BUILTIN_DOMAIN) {
        struct builtin_entity domain;
        TRY(builtin_entity_read_enabled(store, BUILTIN_DOMAIN, entity.domain_id, arena, &domain));
    }
    *ret_entity = entity;
    return status_ok();
}

/* --- whom a credential stands for --- */

/* The words of the roles, with "," between them. */
static struct slice role_names(unsigned roles, struct arena *arena) {
    struct slice parts[2 * BUILTIN_ROLE_COUNT];
    size_t count = 0;
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        if ((roles & 1U << i) == 0) continue;
        if (count > 0) parts[count++] = SLICE(",");
        parts[count++] = slice_str(builtin_role_word(i));
    }
    return arena_join(arena, parts, count);
}

static struct principal principal_of(const struct builtin_bearer *bearer, struct arena *arena) {
    return (struct principal){
        .user_id = bearer->user.id,
        .user_name = bearer->user.name,
        .project_id = bearer->project.id,
        .project_name = bearer->project.name,
        .user_domain_id = bearer->user_domain.id,
        .user_domain_name = bearer->user_domain.name,
        .project_domain_id = bearer->project_domain.id,
        .project_domain_name = bearer->project_domain.name,
        .role_names = role_names(bearer->roles, arena),
        .roles = bearer->roles,
        .expires_ns = bearer->expires_ns,
        .admin = (bearer->roles & BUILTIN_ROLE_RESELLER) != 0,
    };
}

/*
 * A key that was made through the Identity API is worth what its user's roles are worth now; for
 * another one the operator has decided that its user is a member.
 */
static struct status find_roles(struct builtin *store, const struct builtin_key *key,
                                struct arena *arena, struct builtin_bearer *bearer) {
    TRY(builtin_roles_of(store, &bearer->user, &bearer->project, arena, &bearer->roles));
    if (!key->needs_role) bearer->roles |= BUILTIN_ROLE_READER | BUILTIN_ROLE_MEMBER;
    return bearer->roles != 0 ? status_ok() : status_of(STATUS_DENIED);
}

static struct status key_find_stored(struct builtin *store, struct slice access_key,
                                     struct arena *arena, struct identity_key *ret_key) {
    struct builtin_sealed_key sealed;
    struct builtin_bearer bearer = {0};
    TRY(builtin_key_read(store, access_key, arena, NULL, &sealed));
    if (!sealed.key.enabled) return status_of(STATUS_NOT_FOUND);
    TRY(builtin_bearer_find(store, sealed.key.user_id, sealed.key.project_id, arena, &bearer));
    TRY(find_roles(store, &sealed.key, arena, &bearer));
    struct identity_key key = {.principal = principal_of(&bearer, arena)};
    key.principal.access_key = sealed.key.access_key;
    TRY(builtin_key_unseal(store, &sealed, arena, &key.secret));
    TRY(arena_ok(arena));
    *ret_key = key;
    return status_ok();
}

static struct status key_find(struct identity *identity, struct slice access_key,
                              struct arena *arena, struct identity_key *ret_key) {
    struct builtin *store = CONTAINER_OF(identity, struct builtin, identity);
    if (!builtin_access_key_is_valid(access_key)) return status_of(STATUS_NOT_FOUND);
    int64_t now_ns = clock_mono_ns(store->clock);
    if (builtin_cache_find(store->cache, access_key, now_ns, arena, ret_key)) return status_ok();
    uint64_t generation = builtin_cache_generation(store->cache);
    TRY(key_find_stored(store, access_key, arena, ret_key));
    builtin_cache_put(store->cache, generation, access_key, ret_key, now_ns);
    return status_ok();
}

/* Begins with a NUL, which no access key has. */
enum { TOKEN_NAME_LEN = 1 + DIGEST_SHA256_LEN };

static struct status token_find(struct identity *identity, struct slice token, struct arena *arena,
                                struct principal *ret_principal) {
    struct builtin *store = CONTAINER_OF(identity, struct builtin, identity);
    uint8_t bytes[TOKEN_NAME_LEN] = {0};
    struct slice name = slice_of(bytes, sizeof bytes);
    struct identity_key key = {.secret = SLICE("")};
    struct builtin_bearer bearer;
    if (token.len == 0 || token.len > BUILTIN_TOKEN_TEXT_MAX) return status_of(STATUS_NOT_FOUND);
    digest_sha256(token, bytes + 1);
    int64_t now_ns = clock_mono_ns(store->clock);
    if (!builtin_cache_find(store->cache, name, now_ns, arena, &key)) {
        uint64_t generation = builtin_cache_generation(store->cache);
        TRY(builtin_token_open(store, token, arena, &bearer));
        key.principal = principal_of(&bearer, arena);
        TRY(arena_ok(arena));
        builtin_cache_put(store->cache, generation, name, &key, now_ns);
    }
    if (clock_wall_ns(store->clock) >= key.principal.expires_ns) {
        return status_of(STATUS_NOT_FOUND);
    }
    *ret_principal = key.principal;
    return status_ok();
}

/* --- others --- */

static struct status name_find(struct identity *identity, struct slice id, struct arena *arena,
                               struct slice *ret_name) {
    struct builtin *store = CONTAINER_OF(identity, struct builtin, identity);
    struct builtin_entity entity;
    if (!builtin_id_is_valid(id)) return status_of(STATUS_NOT_FOUND);
    struct status s = builtin_entity_read(store, BUILTIN_PROJECT, id, arena, NULL, &entity);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = builtin_entity_read(store, BUILTIN_USER, id, arena, NULL, &entity);
    }
    TRY(s);
    *ret_name = entity.name;
    return status_ok();
}

static struct status entity_find(struct identity *identity, enum identity_kind kind,
                                 struct slice domain_id, struct slice id_or_name,
                                 struct arena *arena, struct identity_entity *ret_entity) {
    struct builtin *store = CONTAINER_OF(identity, struct builtin, identity);
    struct builtin_entity entity;
    TRY(builtin_find(store, kind == IDENTITY_USER ? BUILTIN_USER : BUILTIN_PROJECT, domain_id,
                     id_or_name, arena, NULL, &entity));
    *ret_entity = (struct identity_entity){entity.id, entity.name, entity.domain_id};
    return status_ok();
}

static const struct identity_ops ops = {.key_find = key_find,
                                        .name_find = name_find,
                                        .token_find = token_find,
                                        .entity_find = entity_find};

struct status builtin_open(const struct builtin_options *options, struct note *note,
                           struct builtin **ret_store) {
    struct builtin *store = calloc(1, sizeof *store);
    if (store == NULL) return status_of(STATUS_NO_MEMORY);
    *store = (struct builtin){.identity = {&ops},
                              .kv = options->kv,
                              .clock = options->clock,
                              .random = options->random,
                              .key = *options->key,
                              .password_cost = options->password_cost};
    if (store->password_cost.log_n == 0) store->password_cost = password_cost_default;
    store->gate = builtin_login_gate_new(options->random);
    store->cache =
        builtin_cache_new(options->cache_entries ? options->cache_entries : CACHE_ENTRIES,
                          options->staleness_ns ? options->staleness_ns : STALENESS_NS);
    struct status s = store->cache && store->gate ? builtin_check_key_file(store, note)
                                                  : status_of(STATUS_NO_MEMORY);
    if (!is_ok(s)) {
        builtin_close(&store);
        return s;
    }
    *ret_store = store;
    return s;
}

void builtin_close(struct builtin **store) {
    if (*store == NULL) return;
    builtin_cache_free(&(*store)->cache);
    builtin_login_gate_free(&(*store)->gate);
    key_file_wipe(&(*store)->key);
    free(*store);
    *store = NULL;
}

struct identity *builtin_identity(struct builtin *store) {
    return &store->identity;
}
