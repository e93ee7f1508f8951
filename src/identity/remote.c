#include "identity/remote.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "crypto/digest.h"
#include "identity/remote_ask.h"
#include "identity/remote_cache.h"
#include "identity/remote_document.h"

enum {
    ENTRIES = 16384,
    PATH_MAX_BYTES = 2048,
    ARENA_BLOCK_BYTES = 16 * 1024,
    ARENA_BYTES_MAX = 8 * 1024 * 1024,
    CREDENTIAL_ID_LEN = 2 * DIGEST_SHA256_LEN
};

#define TIMEOUT_NS (5 * NS_PER_S)
#define REFRESH_NS (60 * NS_PER_S)
#define STALE_MAX_NS (15 * 60 * NS_PER_S)
#define RETRY_NS (2 * NS_PER_S)
#define ABSENT_NS (5 * NS_PER_S)

struct remote {
    struct identity identity;
    struct clock *clock;
    struct remote_asker *asker;
    struct remote_cache *cache;
    struct arena arena; /* of the roles */
    struct remote_roles roles;
    void (*tell)(void *context, bool is_problem, const char *text);
    void *context;
    _Atomic bool told_away;
};

/* One question on its way to Keystone. */
struct errand {
    struct remote *remote;
    struct slice name; /* the access key, token, id or name that it is about */
    const char *word;  /* of what is looked for: "user", "project" or "domain" */
    struct slice domain_id;
};

/* --- telling --- */

static void tell(struct remote *remote, struct status s, const struct note *note) {
    bool away =
        status_is(s, STATUS_TIMEOUT) || status_is(s, STATUS_IO) || status_is(s, STATUS_BUSY);
    if (!away && !is_ok(s)) return;
    if (atomic_exchange(&remote->told_away, away) == away || remote->tell == NULL) return;
    const char *text = note->text[0] != 0 ? note->text : status_text(s.code);
    remote->tell(remote->context, away, away ? text : "Keystone answers again");
}

/* GET, the answer of which is read by the caller. */
static struct status get(struct remote *remote, struct slice path, struct slice subject,
                         struct arena *arena, struct slice *ret_body) {
    struct note note = {0};
    struct status s = remote_asker_get(remote->asker, path, subject, arena, &note, ret_body);
    tell(remote, status_is(s, STATUS_NOT_FOUND) ? status_ok() : s, &note);
    return s;
}

/* A path with what clients chose in it. Errors: NO_MEMORY; TOO_LARGE. */
static struct status path_of(struct arena *arena, const char *before, struct slice word,
                             const char *behind, struct slice more, struct slice *ret_path) {
    char bytes[PATH_MAX_BYTES];
    struct buf buf;
    buf_init_fixed(&buf, bytes, sizeof bytes);
    buf_append_str(&buf, before);
    percent_encode(&buf, word, false);
    buf_append_str(&buf, behind);
    percent_encode(&buf, more, false);
    TRY(buf_ok(&buf));
    *ret_path = arena_dup(arena, buf_slice(&buf));
    return arena_ok(arena);
}

/* --- users, projects and domains --- */

enum { ENTITY_ENABLED = 1 };

static void keep_entity(const struct remote_entity *entity, struct remote_record *record) {
    record->bits = entity->enabled ? ENTITY_ENABLED : 0;
    record->text_count = 3;
    record->texts[0] = entity->id;
    record->texts[1] = entity->name;
    record->texts[2] = entity->domain_id;
}

static struct remote_entity entity_of(const struct remote_record *record) {
    return (struct remote_entity){.id = record->texts[0],
                                  .name = record->texts[1],
                                  .domain_id = record->texts[2],
                                  .enabled = (record->bits & ENTITY_ENABLED) != 0};
}

static struct status absent(struct remote_record *record) {
    record->outcome = REMOTE_ABSENT;
    return status_ok();
}

static struct status ask_entity(void *context, struct arena *arena, struct remote_record *record) {
    const struct errand *errand = context;
    struct remote_entity entity;
    struct slice path, body;
    char before[16];
    snprintf(before, sizeof before, "/%ss/", errand->word);
    TRY(path_of(arena, before, errand->name, "", SLICE(""), &path));
    struct status s = get(errand->remote, path, SLICE(""), arena, &body);
    if (status_is(s, STATUS_NOT_FOUND)) return absent(record);
    TRY(s);
    TRY(remote_entity_read(body, errand->word, arena, &entity));
    keep_entity(&entity, record);
    return status_ok();
}

static struct status ask_entity_by_name(void *context, struct arena *arena,
                                        struct remote_record *record) {
    const struct errand *errand = context;
    struct remote_entity entity;
    struct slice path, body;
    char before[24];
    snprintf(before, sizeof before, "/%ss?name=", errand->word);
    TRY(path_of(arena, before, errand->name, "&domain_id=", errand->domain_id, &path));
    struct status s = get(errand->remote, path, SLICE(""), arena, &body);
    if (is_ok(s)) s = remote_entity_pick(body, errand->word, errand->name, arena, &entity);
    if (status_is(s, STATUS_NOT_FOUND)) return absent(record);
    TRY(s);
    keep_entity(&entity, record);
    return status_ok();
}

enum { NAME_MAX_BYTES = 3 + 2 * IDENTITY_NAME_MAX };

_Static_assert((int)NAME_MAX_BYTES <= (int)REMOTE_NAME_MAX, "every name fits");
_Static_assert((int)IDENTITY_ACCESS_KEY_MAX <= (int)IDENTITY_NAME_MAX, "access keys do too");

/* What the cache knows an answer by: the kind of it, and up to two texts, told apart by a length.
 */
static struct slice cache_name(char *out, const char *kind, struct slice a, struct slice b) {
    struct buf buf;
    buf_init_fixed(&buf, out, NAME_MAX_BYTES);
    buf_append_str(&buf, kind);
    buf_append_char(&buf, (char)a.len);
    buf_append(&buf, a);
    buf_append(&buf, b);
    CHECK(!buf.overflowed);
    return buf_slice(&buf);
}

/* Out of the cache, or asked. What this answer depends on was checked at `*checked_ns`, or later.
 */
static struct status find_entity(struct remote *remote, const char *word, struct slice id,
                                 bool is_inner, struct arena *arena, int64_t *checked_ns,
                                 struct remote_entity *ret_entity) {
    char name[NAME_MAX_BYTES];
    char kind[] = {word[0], 0};
    struct errand errand = {.remote = remote, .name = id, .word = word};
    struct remote_record record;
    if (id.len == 0 || id.len > IDENTITY_ID_MAX) return status_of(STATUS_NOT_FOUND);
    struct remote_question question = {.name = cache_name(name, kind, id, SLICE("")),
                                       .is_inner = is_inner,
                                       .ask = ask_entity,
                                       .context = &errand};
    TRY(remote_cache_get(remote->cache, &question, arena, &record));
    if (record.outcome != REMOTE_FOUND) return status_of(STATUS_NOT_FOUND);
    if (checked_ns != NULL && record.checked_ns < *checked_ns) *checked_ns = record.checked_ns;
    *ret_entity = entity_of(&record);
    return status_ok();
}

/* Whether it is enabled, and its domain too; DENIED, NOT_FOUND. */
static struct status check_enabled(struct remote *remote, const char *word, struct slice id,
                                   struct arena *arena, int64_t *checked_ns) {
    struct remote_entity entity;
    struct remote_entity domain;
    TRY(find_entity(remote, word, id, true, arena, checked_ns, &entity));
    if (!entity.enabled) return status_of(STATUS_DENIED);
    TRY(find_entity(remote, "domain", entity.domain_id, true, arena, checked_ns, &domain));
    return domain.enabled ? status_ok() : status_of(STATUS_DENIED);
}

/* --- principals as records --- */

static void keep_principal(const struct principal *principal, struct slice secret,
                           struct remote_record *record) {
    record->bits = principal->roles;
    record->expires_ns = principal->expires_ns;
    record->text_count = 11;
    record->texts[0] = secret;
    record->texts[1] = principal->user_id;
    record->texts[2] = principal->user_name;
    record->texts[3] = principal->project_id;
    record->texts[4] = principal->project_name;
    record->texts[5] = principal->access_key;
    record->texts[6] = principal->user_domain_id;
    record->texts[7] = principal->user_domain_name;
    record->texts[8] = principal->project_domain_id;
    record->texts[9] = principal->project_domain_name;
    record->texts[10] = principal->role_names;
}

static struct principal principal_of(const struct remote_record *record) {
    return (struct principal){.user_id = record->texts[1],
                              .user_name = record->texts[2],
                              .project_id = record->texts[3],
                              .project_name = record->texts[4],
                              .access_key = record->texts[5],
                              .user_domain_id = record->texts[6],
                              .user_domain_name = record->texts[7],
                              .project_domain_id = record->texts[8],
                              .project_domain_name = record->texts[9],
                              .role_names = record->texts[10],
                              .roles = record->bits,
                              .expires_ns = record->expires_ns,
                              .admin = (record->bits & IDENTITY_ROLE_RESELLER) != 0};
}

/* --- access keys --- */

static struct status denied(struct remote_record *record) {
    record->outcome = REMOTE_DENIED;
    record->text_count = 0;
    return status_ok();
}

static struct status ask_credential(struct remote *remote, struct slice access_key,
                                    struct arena *arena, struct remote_credential *ret_credential) {
    uint8_t digest[DIGEST_SHA256_LEN];
    char id[CREDENTIAL_ID_LEN];
    struct buf text;
    struct slice path, body;
    digest_sha256(access_key, digest);
    buf_init_fixed(&text, id, sizeof id);
    hex_encode(&text, slice_of(digest, sizeof digest));
    TRY(path_of(arena, "/credentials/", buf_slice(&text), "", SLICE(""), &path));
    struct status s = get(remote, path, SLICE(""), arena, &body);
    /* An answer beyond all bounds is one that somebody wrote into their own credential. */
    if (status_is(s, STATUS_TOO_LARGE)) return status_of(STATUS_NOT_FOUND);
    TRY(s);
    return remote_credential_read(body, access_key, arena, ret_credential);
}

static struct status ask_roles(struct remote *remote, struct arena *arena,
                               struct principal *principal) {
    struct slice path, body;
    TRY(path_of(arena, "/role_assignments?effective&include_names&user.id=", principal->user_id,
                "&scope.project.id=", principal->project_id, &path));
    TRY(get(remote, path, SLICE(""), arena, &body));
    return remote_assignments_read(body, &remote->roles, arena, principal);
}

/* What the credential is worth: DENIED where that is nothing. */
static struct status ask_worth(struct remote *remote, const struct remote_credential *credential,
                               struct arena *arena, struct principal *principal,
                               int64_t *checked_ns) {
    if (credential->is_delegated) return status_of(STATUS_DENIED);
    TRY(check_enabled(remote, "user", credential->user_id, arena, checked_ns));
    TRY(check_enabled(remote, "project", credential->project_id, arena, checked_ns));
    TRY(ask_roles(remote, arena, principal));
    return principal->role_names.len > 0 ? status_ok() : status_of(STATUS_DENIED);
}

static struct status ask_key(void *context, struct arena *arena, struct remote_record *record) {
    const struct errand *errand = context;
    struct remote_credential credential;
    struct status s = ask_credential(errand->remote, errand->name, arena, &credential);
    if (status_is(s, STATUS_NOT_FOUND)) return absent(record);
    TRY(s);
    struct principal principal = {.user_id = credential.user_id,
                                  .project_id = credential.project_id,
                                  .access_key = errand->name};
    s = ask_worth(errand->remote, &credential, arena, &principal, &record->checked_ns);
    if (status_is(s, STATUS_DENIED) || status_is(s, STATUS_NOT_FOUND)) return denied(record);
    TRY(s);
    keep_principal(&principal, credential.secret, record);
    return status_ok();
}

/* What is no answer is not told apart: there is none, and it may come. */
static struct status look_up(struct remote *remote, const struct remote_question *question,
                             struct arena *arena, struct remote_record *ret_record) {
    struct status s = remote_cache_get(remote->cache, question, arena, ret_record);
    if (!is_ok(s)) return status_is(s, STATUS_NO_MEMORY) ? s : status_of(STATUS_BUSY);
    if (ret_record->outcome == REMOTE_FOUND) return status_ok();
    bool is_denied = ret_record->outcome == REMOTE_DENIED;
    return status_of(is_denied ? STATUS_DENIED : STATUS_NOT_FOUND);
}

static struct status key_find(struct identity *identity, struct slice access_key,
                              struct arena *arena, struct identity_key *ret_key) {
    struct remote *remote = CONTAINER_OF(identity, struct remote, identity);
    struct errand errand = {.remote = remote, .name = access_key};
    char name[NAME_MAX_BYTES];
    struct remote_record record;
    bool possible =
        access_key.len >= IDENTITY_ACCESS_KEY_MIN && access_key.len <= IDENTITY_ACCESS_KEY_MAX;
    if (!possible) return status_of(STATUS_NOT_FOUND);
    struct remote_question question = {
        .name = cache_name(name, "k", access_key, SLICE("")), .ask = ask_key, .context = &errand};
    TRY(look_up(remote, &question, arena, &record));
    *ret_key = (struct identity_key){record.texts[0], principal_of(&record)};
    return status_ok();
}

/* --- tokens --- */

static struct status ask_token(void *context, struct arena *arena, struct remote_record *record) {
    const struct errand *errand = context;
    struct principal principal;
    struct slice body;
    struct status s =
        get(errand->remote, SLICE("/auth/tokens?nocatalog"), errand->name, arena, &body);
    if (status_is(s, STATUS_NOT_FOUND)) return absent(record);
    TRY(s);
    TRY(remote_token_read(body, &errand->remote->roles, arena, &principal));
    keep_principal(&principal, SLICE(""), record);
    return status_ok();
}

/* What a header can hold, and no more. */
static bool is_token(struct slice token) {
    if (token.len == 0 || token.len >= REMOTE_TOKEN_MAX) return false;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= 0x20 || token.ptr[i] > 0x7e) return false;
    }
    return true;
}

static struct status token_find(struct identity *identity, struct slice token, struct arena *arena,
                                struct principal *ret_principal) {
    struct remote *remote = CONTAINER_OF(identity, struct remote, identity);
    struct errand errand = {.remote = remote, .name = token};
    uint8_t digest[DIGEST_SHA256_LEN];
    char name[NAME_MAX_BYTES];
    struct remote_record record;
    if (!is_token(token)) return status_of(STATUS_NOT_FOUND);
    /* The cache holds no tokens, but what names them. */
    digest_sha256(token, digest);
    struct remote_question question = {
        .name = cache_name(name, "t", slice_of(digest, sizeof digest), SLICE("")),
        .ask = ask_token,
        .context = &errand};
    TRY(look_up(remote, &question, arena, &record));
    if (clock_wall_ns(remote->clock) >= record.expires_ns) return status_of(STATUS_NOT_FOUND);
    *ret_principal = principal_of(&record);
    return status_ok();
}

/* --- others --- */

static struct status answer_entity(struct status s, const struct remote_entity *entity,
                                   struct identity_entity *ret_entity) {
    if (is_ok(s)) {
        *ret_entity = (struct identity_entity){entity->id, entity->name, entity->domain_id};
        return s;
    }
    bool plain = status_is(s, STATUS_NOT_FOUND) || status_is(s, STATUS_NO_MEMORY);
    return plain ? s : status_of(STATUS_BUSY);
}

static struct status name_find(struct identity *identity, struct slice id, struct arena *arena,
                               struct slice *ret_name) {
    struct remote *remote = CONTAINER_OF(identity, struct remote, identity);
    struct remote_entity entity;
    struct identity_entity found;
    struct status s = find_entity(remote, "project", id, false, arena, NULL, &entity);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = find_entity(remote, "user", id, false, arena, NULL, &entity);
    }
    TRY(answer_entity(s, &entity, &found));
    *ret_name = found.name;
    return status_ok();
}

static struct status find_by_name(struct remote *remote, const char *word, struct slice domain_id,
                                  struct slice name, struct arena *arena,
                                  struct remote_entity *ret_entity) {
    char bytes[NAME_MAX_BYTES];
    char kind[] = {'n', word[0], 0};
    struct errand errand = {.remote = remote, .name = name, .word = word, .domain_id = domain_id};
    struct remote_record record;
    bool possible = name.len > 0 && name.len <= IDENTITY_NAME_MAX && utf8_is_valid(name);
    if (!possible || domain_id.len > IDENTITY_ID_MAX) return status_of(STATUS_NOT_FOUND);
    struct remote_question question = {.name = cache_name(bytes, kind, domain_id, name),
                                       .ask = ask_entity_by_name,
                                       .context = &errand};
    TRY(look_up(remote, &question, arena, &record));
    *ret_entity = entity_of(&record);
    return status_ok();
}

static struct status entity_find(struct identity *identity, enum identity_kind kind,
                                 struct slice domain_id, struct slice id_or_name,
                                 struct arena *arena, struct identity_entity *ret_entity) {
    struct remote *remote = CONTAINER_OF(identity, struct remote, identity);
    const char *word = kind == IDENTITY_USER ? "user" : "project";
    struct remote_entity entity;
    struct status s = find_entity(remote, word, id_or_name, false, arena, NULL, &entity);
    if (status_is(s, STATUS_NOT_FOUND)) {
        struct slice domain = domain_id.len > 0 ? domain_id : SLICE("default");
        s = find_by_name(remote, word, domain, id_or_name, arena, &entity);
    }
    return answer_entity(s, &entity, ret_entity);
}

static const struct identity_ops ops = {.key_find = key_find,
                                        .name_find = name_find,
                                        .token_find = token_find,
                                        .entity_find = entity_find};

/* --- open and close --- */

static struct remote_words copy_words(struct arena *arena, const struct remote_words *from) {
    const char **items = arena_calloc(arena, from->count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < from->count; i++) {
        items[i] = arena_cstr(arena, slice_str(from->items[i]));
    }
    return (struct remote_words){items, from->count};
}

static struct status copy_roles(struct remote *remote, const struct remote_roles *from) {
    remote->roles = (struct remote_roles){
        .reader = copy_words(&remote->arena, &from->reader),
        .member = copy_words(&remote->arena, &from->member),
        .admin = copy_words(&remote->arena, &from->admin),
        .reseller = copy_words(&remote->arena, &from->reseller),
        .service = copy_words(&remote->arena, &from->service),
    };
    return arena_ok(&remote->arena);
}

static int64_t or_else(int64_t value, int64_t otherwise) {
    return value != 0 ? value : otherwise;
}

static struct status open_parts(struct remote *remote, const struct remote_options *options,
                                struct note *note) {
    struct remote_options whole = *options;
    whole.timeout_ns = or_else(options->timeout_ns, TIMEOUT_NS);
    struct remote_cache_options cache = {
        .clock = options->clock,
        .entries = ENTRIES,
        .refresh_ns = or_else(options->refresh_ns, REFRESH_NS),
        .stale_max_ns = or_else(options->stale_max_ns, STALE_MAX_NS),
        .absent_ns = ABSENT_NS,
        .retry_ns = or_else(options->retry_ns, RETRY_NS),
    };
    if (cache.absent_ns > cache.refresh_ns) cache.absent_ns = cache.refresh_ns;
    TRY(copy_roles(remote, &options->roles));
    TRY(remote_asker_open(&whole, note, &remote->asker));
    remote->cache = remote_cache_new(&cache);
    return remote->cache != NULL ? status_ok() : status_of(STATUS_NO_MEMORY);
}

struct status remote_open(const struct remote_options *options, struct note *note,
                          struct remote **ret_remote) {
    struct remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL) return status_of(STATUS_NO_MEMORY);
    remote->identity.ops = &ops;
    remote->clock = options->clock;
    remote->tell = options->tell;
    remote->context = options->context;
    arena_init(&remote->arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    struct status s = open_parts(remote, options, note);
    if (!is_ok(s)) {
        remote_close(&remote);
        return s;
    }
    *ret_remote = remote;
    return s;
}

void remote_close(struct remote **remote) {
    if (*remote == NULL) return;
    remote_asker_close(&(*remote)->asker);
    remote_cache_free(&(*remote)->cache);
    arena_fini(&(*remote)->arena);
    free(*remote);
    *remote = NULL;
}

struct identity *remote_identity(struct remote *remote) {
    return &remote->identity;
}

struct status remote_probe(struct remote *remote, struct note *note) {
    struct status s = remote_asker_login(remote->asker, note);
    tell(remote, s, note);
    return s;
}

void remote_count(const struct remote *remote, struct remote_counts *ret_counts) {
    remote_cache_counts(remote->cache, &ret_counts->hits, &ret_counts->asks, &ret_counts->failures);
    ret_counts->is_away = remote_cache_is_away(remote->cache);
}
