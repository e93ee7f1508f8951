#include "identity/remote_document.h"

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "json/reader.h"

enum { ROLES_MAX = 256 };

static struct status parse(struct slice text, struct json **ret_document) {
    struct status s = json_parse(text, NULL, ret_document);
    if (is_ok(s) || status_is(s, STATUS_NO_MEMORY)) return s;
    return status_of(STATUS_CORRUPT);
}

/* --- pieces --- */

static bool is_clean(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    return true;
}

/* Ids end up in headers, lists and policies: they are words. */
static bool is_id(struct slice text) {
    if (text.len == 0 || text.len > IDENTITY_ID_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
        if (!good) return false;
    }
    return true;
}

static bool is_name(struct slice text) {
    return text.len > 0 && text.len <= IDENTITY_NAME_MAX && is_clean(text);
}

/* Reads id and name of an object, and of the domain in it. */
static struct status read_named(const struct json *object, struct arena *arena, struct slice *id,
                                struct slice *name) {
    struct slice read_id = json_get_string(object, "id");
    struct slice read_name = json_get_string(object, "name");
    if (!is_id(read_id) || !is_name(read_name)) return status_of(STATUS_CORRUPT);
    *id = arena_dup(arena, read_id);
    *name = arena_dup(arena, read_name);
    return arena_ok(arena);
}

static struct status read_user(const struct json *user, struct arena *arena,
                               struct principal *principal) {
    TRY(read_named(user, arena, &principal->user_id, &principal->user_name));
    return read_named(json_get(user, "domain"), arena, &principal->user_domain_id,
                      &principal->user_domain_name);
}

static struct status read_project(const struct json *project, struct arena *arena,
                                  struct principal *principal) {
    TRY(read_named(project, arena, &principal->project_id, &principal->project_name));
    return read_named(json_get(project, "domain"), arena, &principal->project_domain_id,
                      &principal->project_domain_name);
}

/* --- roles --- */

static bool is_among(struct slice name, const struct remote_words *words) {
    for (size_t i = 0; i < words->count; i++) {
        if (slice_eq_nocase(name, slice_str(words->items[i]))) return true;
    }
    return false;
}

static unsigned bits_of(struct slice name, const struct remote_roles *roles) {
    enum {
        MEMBER = IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER,
        ADMIN = IDENTITY_ROLE_ADMIN | MEMBER
    };
    unsigned bits = 0;
    if (is_among(name, &roles->reader)) bits |= IDENTITY_ROLE_READER;
    if (is_among(name, &roles->member)) bits |= MEMBER;
    if (is_among(name, &roles->admin)) bits |= ADMIN;
    if (is_among(name, &roles->reseller)) bits |= IDENTITY_ROLE_RESELLER;
    if (is_among(name, &roles->service)) bits |= IDENTITY_ROLE_SERVICE;
    return bits;
}

/* The roles of somebody, as they are read one by one. */
struct role_list {
    struct slice names[ROLES_MAX];
    size_t count;
    unsigned bits;
};

static void add_role(struct role_list *list, const struct json *role,
                     const struct remote_roles *roles) {
    struct slice name = json_get_string(role, "name");
    /* Names are kept with ',' between them, so a name that has one can't be kept. */
    if (!is_name(name) || slice_find_char(name, ',') < name.len) return;
    for (size_t i = 0; i < list->count; i++) {
        if (slice_eq(list->names[i], name)) return;
    }
    if (list->count == ROLES_MAX) return;
    list->names[list->count++] = name;
    list->bits |= bits_of(name, roles);
}

static struct status keep_roles(const struct role_list *list, struct arena *arena,
                                struct principal *principal) {
    struct slice *parts = arena_calloc(arena, 2 * list->count + 1, sizeof *parts);
    size_t count = 0;
    TRY(arena_ok(arena));
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) parts[count++] = SLICE(",");
        parts[count++] = list->names[i];
    }
    principal->role_names = arena_join(arena, parts, count);
    principal->roles = list->bits;
    principal->admin = (list->bits & IDENTITY_ROLE_RESELLER) != 0;
    return arena_ok(arena);
}

static struct status read_assignments(const struct json *document, const struct remote_roles *roles,
                                      struct arena *arena, struct principal *principal) {
    const struct json *list = json_get(document, "role_assignments");
    struct role_list found = {.count = 0};
    if (json_type(list) != JSON_ARRAY) return status_of(STATUS_CORRUPT);
    JSON_EACH(item, list) {
        const struct json *project = json_get(json_get(item, "scope"), "project");
        /* What was asked for and not answered is no role in this project. */
        bool same = slice_eq(json_get_string(json_get(item, "user"), "id"), principal->user_id) &&
                    slice_eq(json_get_string(project, "id"), principal->project_id);
        if (!same) continue;
        TRY(read_user(json_get(item, "user"), arena, principal));
        TRY(read_project(project, arena, principal));
        add_role(&found, json_get(item, "role"), roles);
    }
    return keep_roles(&found, arena, principal);
}

struct status remote_assignments_read(struct slice text, const struct remote_roles *roles,
                                      struct arena *arena, struct principal *principal) {
    struct json *document;
    TRY(parse(text, &document));
    struct status s = read_assignments(document, roles, arena, principal);
    json_free(&document);
    return s;
}

/* --- tokens --- */

static struct status read_expiry(const struct json *token, int64_t *ret_expires_ns) {
    bool good = date_parse_iso(json_get_string(token, "expires_at"), ret_expires_ns);
    return good ? status_ok() : status_of(STATUS_CORRUPT);
}

static struct status read_token(const struct json *token, const struct remote_roles *roles,
                                struct arena *arena, struct principal *ret_principal) {
    struct principal principal = {.access_key = SLICE("")};
    const struct json *project = json_get(token, "project");
    struct role_list found = {.count = 0};
    TRY(read_user(json_get(token, "user"), arena, &principal));
    TRY(read_expiry(token, &principal.expires_ns));
    if (json_type(project) == JSON_OBJECT) {
        TRY(read_project(project, arena, &principal));
        JSON_EACH(role, json_get(token, "roles")) add_role(&found, role, roles);
    }
    TRY(keep_roles(&found, arena, &principal));
    *ret_principal = principal;
    return status_ok();
}

struct status remote_token_read(struct slice text, const struct remote_roles *roles,
                                struct arena *arena, struct principal *ret_principal) {
    struct json *document;
    TRY(parse(text, &document));
    struct status s = read_token(json_get(document, "token"), roles, arena, ret_principal);
    json_free(&document);
    return s;
}

struct status remote_token_expiry(struct slice text, int64_t *ret_expires_ns) {
    struct json *document;
    TRY(parse(text, &document));
    struct status s = read_expiry(json_get(document, "token"), ret_expires_ns);
    json_free(&document);
    return s;
}

/* --- users, projects, domains --- */

static struct status read_entity(const struct json *object, struct arena *arena,
                                 struct remote_entity *ret_entity) {
    struct remote_entity entity = {.enabled = true};
    struct slice domain_id = json_get_string(object, "domain_id");
    const struct json *enabled = json_get(object, "enabled");
    TRY(read_named(object, arena, &entity.id, &entity.name));
    if (domain_id.len > 0 && !is_id(domain_id)) return status_of(STATUS_CORRUPT);
    /* What says nothing about it is not enabled. */
    if (!json_bool(enabled, &entity.enabled)) entity.enabled = false;
    entity.domain_id = arena_dup(arena, domain_id);
    *ret_entity = entity;
    return arena_ok(arena);
}

struct status remote_entity_read(struct slice text, const char *word, struct arena *arena,
                                 struct remote_entity *ret_entity) {
    struct json *document;
    TRY(parse(text, &document));
    struct status s = read_entity(json_get(document, word), arena, ret_entity);
    json_free(&document);
    return s;
}

static struct status pick(const struct json *list, struct slice name, struct arena *arena,
                          struct remote_entity *ret_entity) {
    if (json_type(list) != JSON_ARRAY) return status_of(STATUS_CORRUPT);
    JSON_EACH(item, list) {
        if (!slice_eq(json_get_string(item, "name"), name)) continue;
        return read_entity(item, arena, ret_entity);
    }
    return status_of(STATUS_NOT_FOUND);
}

struct status remote_entity_pick(struct slice text, const char *word, struct slice name,
                                 struct arena *arena, struct remote_entity *ret_entity) {
    struct json *document;
    TRY(parse(text, &document));
    struct slice plural = arena_printf(arena, "%ss", word);
    struct status s = arena_ok(arena);
    if (is_ok(s)) s = pick(json_get(document, plural.ptr), name, arena, ret_entity);
    json_free(&document);
    return s;
}

/* --- credentials --- */

static bool is_secret(struct slice secret) {
    return secret.len > 0 && secret.len <= IDENTITY_SECRET_KEY_MAX && is_clean(secret);
}

static bool is_there(const struct json *object, const char *name) {
    return json_type(json_get(object, name)) != JSON_NULL;
}

static struct status read_blob(const struct json *blob, struct slice access_key,
                               struct arena *arena, struct remote_credential *credential) {
    struct slice secret = json_get_string(blob, "secret");
    bool good = slice_eq(json_get_string(blob, "access"), access_key) && is_secret(secret);
    if (!good) return status_of(STATUS_NOT_FOUND);
    credential->secret = arena_dup(arena, secret);
    credential->is_delegated = is_there(blob, "trust_id") || is_there(blob, "app_cred_id") ||
                               is_there(blob, "access_token_id");
    return arena_ok(arena);
}

static struct status read_credential(const struct json *object, struct slice access_key,
                                     struct arena *arena, struct remote_credential *credential) {
    struct json *blob;
    struct slice user_id = json_get_string(object, "user_id");
    struct slice project_id = json_get_string(object, "project_id");
    if (json_type(object) != JSON_OBJECT) return status_of(STATUS_CORRUPT);
    bool good = slice_eq(json_get_string(object, "type"), SLICE("ec2")) && is_id(user_id) &&
                is_id(project_id);
    if (!good) return status_of(STATUS_NOT_FOUND);
    struct status s = parse(json_get_string(object, "blob"), &blob);
    if (status_is(s, STATUS_CORRUPT)) return status_of(STATUS_NOT_FOUND);
    TRY(s);
    *credential = (struct remote_credential){.user_id = arena_dup(arena, user_id),
                                             .project_id = arena_dup(arena, project_id)};
    s = read_blob(blob, access_key, arena, credential);
    json_free(&blob);
    return s;
}

struct status remote_credential_read(struct slice text, struct slice access_key,
                                     struct arena *arena,
                                     struct remote_credential *ret_credential) {
    struct json *document;
    struct remote_credential credential;
    TRY(parse(text, &document));
    struct status s =
        read_credential(json_get(document, "credential"), access_key, arena, &credential);
    json_free(&document);
    if (is_ok(s)) *ret_credential = credential;
    return s;
}
