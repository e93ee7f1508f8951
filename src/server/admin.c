#include "server/admin.h"

#include <string.h>

#include "base/check.h"
#include "base/date.h"
#include "identity/builtin_login.h"
#include "json/reader.h"
#include "json/writer.h"
#include "server/admin_store.h"
#include "server/explain.h"

enum {
    LIST_PAGE = 200,
    ARENA_BLOCK = 16 * 1024,
    ARENA_LIMIT = 4 * 1024 * 1024,
    FIRST_BYTES = 4096
};

/* One request on its way. */
struct call {
    struct admin *admin;
    const struct json *request;
    enum builtin_kind kind; /* of operations on domains, projects and users */
    bool enable;            /* of enable and disable */
    struct arena arena;
    struct note note;
    struct json_writer writer; /* inside the reply's object; nothing is written before success */
};

static const char *code_name(enum status_code code) {
    static const char *const names[] = {
        "OK",
#define STATUS_CODE(name, text) #name,
#include "base/status.def"
#undef STATUS_CODE
    };
    return names[code];
}

static struct slice member(const struct call *call, const char *name) {
    struct slice text = json_get_string(call->request, name);
    return text.ptr ? text : SLICE("");
}

static struct status need(struct call *call, const char *name, struct slice *ret_text) {
    struct slice text = member(call, name);
    if (text.len == 0) {
        return note_status(&call->note, STATUS_INVALID, "the request needs \"%s\"", name);
    }
    *ret_text = text;
    return status_ok();
}

/* The id of the domain that names belong to: the request's, or the default one. */
static struct status domain_of(struct call *call, struct slice *ret_id) {
    struct slice wanted = member(call, "domain");
    *ret_id = SLICE(BUILTIN_DEFAULT);
    if (wanted.len == 0) return status_ok();
    struct builtin_entity domain;
    TRY(builtin_find(call->admin->identity, BUILTIN_DOMAIN, SLICE(""), wanted, &call->arena,
                     &call->note, &domain));
    *ret_id = domain.id;
    return status_ok();
}

/* Finds what the member `name` of the request names. */
static struct status find(struct call *call, enum builtin_kind kind, const char *name,
                          struct builtin_entity *ret_entity) {
    struct slice wanted;
    struct slice domain_id = SLICE("");
    TRY(need(call, name, &wanted));
    if (kind != BUILTIN_DOMAIN) TRY(domain_of(call, &domain_id));
    return builtin_find(call->admin->identity, kind, domain_id, wanted, &call->arena, &call->note,
                        ret_entity);
}

static void write_date(struct json_writer *w, const char *name, int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    date_format_iso_ms(time_ns, text);
    json_member_str(w, name, text);
}

static void write_entity(struct json_writer *w, const struct builtin_entity *entity) {
    json_begin_object(w);
    json_member_string(w, "id", entity->id);
    json_member_string(w, "name", entity->name);
    if (entity->kind != BUILTIN_DOMAIN) json_member_string(w, "domain_id", entity->domain_id);
    json_member_string(w, "description", entity->description);
    json_member_bool(w, "enabled", entity->enabled);
    if (entity->kind == BUILTIN_USER) json_member_bool(w, "admin", entity->admin);
    write_date(w, "created", entity->created_ns);
    json_end_object(w);
}

/* A user with a password that is refused was not made. */
static struct status set_first_password(struct call *call, struct slice user_id) {
    struct slice password = member(call, "password");
    if (call->kind != BUILTIN_USER || password.len == 0) return status_ok();
    struct status s = builtin_password_set(call->admin->identity, user_id, password, &call->note);
    if (is_ok(s)) return s;
    struct note unused;
    IGNORE_STATUS(builtin_delete(call->admin->identity, BUILTIN_USER, user_id, &unused));
    return s;
}

static struct status entity_create(struct call *call) {
    struct builtin_entity wanted = {
        .kind = call->kind,
        .id = member(call, "id"),
        .description = member(call, "description"),
        .enabled = true,
    };
    TRY(need(call, "name", &wanted.name));
    if (call->kind != BUILTIN_DOMAIN) TRY(domain_of(call, &wanted.domain_id));
    if (call->kind == BUILTIN_USER) {
        (void)json_bool(json_get(call->request, "admin"), &wanted.admin);
    }
    struct builtin_entity made;
    TRY(builtin_create(call->admin->identity, &wanted, &call->arena, &call->note, &made));
    TRY(set_first_password(call, made.id));
    json_key(&call->writer, builtin_kind_word(call->kind));
    write_entity(&call->writer, &made);
    return status_ok();
}

static struct status entity_show(struct call *call) {
    struct builtin_entity entity;
    TRY(find(call, call->kind, "name", &entity));
    json_key(&call->writer, builtin_kind_word(call->kind));
    write_entity(&call->writer, &entity);
    return status_ok();
}

static struct status entity_list(struct call *call) {
    struct builtin_entity *entities = arena_calloc(&call->arena, LIST_PAGE, sizeof *entities);
    struct slice domain_id = SLICE("");
    size_t count;
    bool more;
    TRY(arena_ok(&call->arena));
    bool filtered = call->kind != BUILTIN_DOMAIN && member(call, "domain").len > 0;
    if (filtered) TRY(domain_of(call, &domain_id));
    TRY(builtin_list(call->admin->identity, call->kind, member(call, "after"), &call->arena,
                     entities, LIST_PAGE, &count, &more));
    json_key(&call->writer, "items");
    json_begin_array(&call->writer);
    for (size_t i = 0; i < count; i++) {
        if (filtered && !slice_eq(entities[i].domain_id, domain_id)) continue;
        write_entity(&call->writer, &entities[i]);
    }
    json_end_array(&call->writer);
    if (more) json_member_string(&call->writer, "next", entities[count - 1].id);
    return status_ok();
}

static struct status check_project_is_free(struct call *call, const struct builtin_entity *entity) {
    bool has = false;
    if (entity->kind != BUILTIN_PROJECT || call->admin->project_has_buckets == NULL) {
        return status_ok();
    }
    TRY(call->admin->project_has_buckets(call->admin->context, entity->id, &has));
    if (!has) return status_ok();
    return note_status(&call->note, STATUS_CONFLICT, "project '%.*s' still has buckets",
                       SLICE_FMT(slice_take(entity->name, 80)));
}

static struct status entity_delete(struct call *call) {
    struct builtin_entity entity;
    TRY(find(call, call->kind, "name", &entity));
    TRY(check_project_is_free(call, &entity));
    return builtin_delete(call->admin->identity, call->kind, entity.id, &call->note);
}

static struct status entity_switch(struct call *call) {
    struct builtin_entity entity;
    TRY(find(call, call->kind, "name", &entity));
    return builtin_set_enabled(call->admin->identity, call->kind, entity.id, call->enable,
                               &call->note);
}

/* A name where there is still somebody of that id, else the empty slice. */
static struct slice name_of(struct call *call, enum builtin_kind kind, struct slice id) {
    struct builtin_entity entity;
    struct note unused;
    struct status s =
        builtin_find(call->admin->identity, kind, SLICE(""), id, &call->arena, &unused, &entity);
    return is_ok(s) ? entity.name : SLICE("");
}

/* A key with the names that go with its ids. */
struct named_key {
    struct builtin_key key;
    struct slice user_name;
    struct slice project_name;
};

static struct named_key with_names(struct call *call, const struct builtin_key *key) {
    return (struct named_key){*key, name_of(call, BUILTIN_USER, key->user_id),
                              name_of(call, BUILTIN_PROJECT, key->project_id)};
}

static void write_key(struct json_writer *w, const struct named_key *named, bool with_secret) {
    const struct builtin_key *key = &named->key;
    json_begin_object(w);
    json_member_string(w, "access_key", key->access_key);
    if (with_secret) json_member_string(w, "secret_key", key->secret);
    json_member_string(w, "user_id", key->user_id);
    json_member_string(w, "user", named->user_name);
    json_member_string(w, "project_id", key->project_id);
    json_member_string(w, "project", named->project_name);
    json_member_string(w, "description", key->description);
    json_member_bool(w, "enabled", key->enabled);
    write_date(w, "created", key->created_ns);
    json_end_object(w);
}

/*
 * Finds whom a key is for. With an id in the request, somebody of that name who is not there yet
 * is made with that id, so that two zones can share it in one command.
 */
static struct status find_or_make(struct call *call, enum builtin_kind kind, const char *id_member,
                                  struct slice *ret_id) {
    struct builtin_entity entity;
    struct slice id = member(call, id_member);
    struct status s = find(call, kind, builtin_kind_word(kind), &entity);
    if (status_is(s, STATUS_NOT_FOUND) && id.len > 0) {
        struct builtin_entity wanted = {.kind = kind, .id = id, .enabled = true};
        TRY(domain_of(call, &wanted.domain_id));
        TRY(need(call, builtin_kind_word(kind), &wanted.name));
        TRY(builtin_create(call->admin->identity, &wanted, &call->arena, &call->note, &entity));
    } else {
        TRY(s);
    }
    if (id.len > 0 && !slice_eq(id, entity.id)) {
        return note_status(&call->note, STATUS_EXISTS, "%s '%.*s' has the id %.*s",
                           builtin_kind_word(kind), SLICE_FMT(slice_take(entity.name, 80)),
                           SLICE_FMT(entity.id));
    }
    *ret_id = entity.id;
    return status_ok();
}

static struct status key_create(struct call *call) {
    struct builtin_key wanted = {
        .access_key = member(call, "access_key"),
        .secret = member(call, "secret_key"),
        .description = member(call, "description"),
        .enabled = true,
    };
    if ((wanted.access_key.len == 0) != (wanted.secret.len == 0)) {
        return note_status(&call->note, STATUS_INVALID,
                           "access key and secret key are given together, or none of them");
    }
    TRY(find_or_make(call, BUILTIN_USER, "user_id", &wanted.user_id));
    TRY(find_or_make(call, BUILTIN_PROJECT, "project_id", &wanted.project_id));
    struct builtin_key made;
    TRY(builtin_key_create(call->admin->identity, &wanted, &call->arena, &call->note, &made));
    struct named_key named = with_names(call, &made);
    json_key(&call->writer, "key");
    write_key(&call->writer, &named, true);
    if (made.secret.len > 0) {
        /* The arena's copy has served. */
        explicit_bzero((void *)(uintptr_t)made.secret.ptr, made.secret.len);
    }
    return status_ok();
}

static struct status key_show(struct call *call) {
    struct builtin_key key;
    struct slice access_key;
    TRY(need(call, "name", &access_key));
    TRY(builtin_key_get(call->admin->identity, access_key, &call->arena, &call->note, &key));
    struct named_key named = with_names(call, &key);
    json_key(&call->writer, "key");
    write_key(&call->writer, &named, false);
    return status_ok();
}

static struct status key_list(struct call *call) {
    struct builtin_key *keys = arena_calloc(&call->arena, LIST_PAGE, sizeof *keys);
    struct slice user_id = SLICE("");
    size_t count;
    bool more;
    TRY(arena_ok(&call->arena));
    if (member(call, "user").len > 0) {
        struct builtin_entity user;
        TRY(find(call, BUILTIN_USER, "user", &user));
        user_id = user.id;
    }
    TRY(builtin_key_list(call->admin->identity, user_id, member(call, "after"), &call->arena, keys,
                         LIST_PAGE, &count, &more));
    json_key(&call->writer, "items");
    json_begin_array(&call->writer);
    for (size_t i = 0; i < count; i++) {
        struct named_key named = with_names(call, &keys[i]);
        write_key(&call->writer, &named, false);
    }
    json_end_array(&call->writer);
    if (more && count > 0) json_member_string(&call->writer, "next", keys[count - 1].access_key);
    return status_ok();
}

static struct status key_delete(struct call *call) {
    struct slice access_key;
    TRY(need(call, "name", &access_key));
    return builtin_key_delete(call->admin->identity, access_key, &call->note);
}

static struct status key_switch(struct call *call) {
    struct slice access_key;
    TRY(need(call, "name", &access_key));
    return builtin_key_set_enabled(call->admin->identity, access_key, call->enable, &call->note);
}

static struct status user_password(struct call *call) {
    struct builtin_entity user;
    struct slice password;
    TRY(find(call, BUILTIN_USER, "name", &user));
    TRY(need(call, "password", &password));
    return builtin_password_set(call->admin->identity, user.id, password, &call->note);
}

/* Gives a role, or takes it away: its word is the request's name. */
static struct status role_change(struct call *call,
                                 struct status (*change)(struct builtin *, struct slice,
                                                         struct slice, unsigned, struct note *)) {
    struct builtin_entity user;
    struct builtin_entity project;
    struct slice word;
    TRY(need(call, "name", &word));
    unsigned role = builtin_role_parse(word);
    if (role == 0) {
        return note_status(&call->note, STATUS_INVALID,
                           "there is no role '%.*s'; there are reader, member, admin, "
                           "ResellerAdmin and service",
                           SLICE_FMT(slice_take(word, 80)));
    }
    TRY(find(call, BUILTIN_USER, "user", &user));
    TRY(find(call, BUILTIN_PROJECT, "project", &project));
    return change(call->admin->identity, user.id, project.id, role, &call->note);
}

static struct status role_grant(struct call *call) {
    return role_change(call, builtin_role_grant);
}

static struct status role_revoke(struct call *call) {
    return role_change(call, builtin_role_revoke);
}

static void write_role(struct json_writer *w, const struct builtin_entity *user,
                       const struct builtin_grant *grant, unsigned role) {
    json_begin_object(w);
    json_member_str(w, "role", builtin_role_word(role));
    json_member_string(w, "user_id", user->id);
    json_member_string(w, "user", user->name);
    json_member_string(w, "project_id", grant->project.id);
    json_member_string(w, "project", grant->project.name);
    json_end_object(w);
}

/* Not those that another one of them includes. */
static void write_grant(struct json_writer *w, const struct builtin_entity *user,
                        const struct builtin_grant *grant) {
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        bool has = (grant->roles & 1U << i) != 0;
        bool included = i + 1 < BUILTIN_ROLE_LEVELS && (grant->roles & 1U << (i + 1)) != 0;
        if (has && !included) write_role(w, user, grant, i);
    }
}

/* The roles of one user. */
static struct status role_list(struct call *call) {
    struct builtin_entity user;
    struct builtin_grant *grants;
    size_t count;
    TRY(find(call, BUILTIN_USER, "user", &user));
    TRY(builtin_grant_list(call->admin->identity, user.id, &call->arena, &call->note, &grants,
                           &count));
    json_key(&call->writer, "items");
    json_begin_array(&call->writer);
    for (size_t i = 0; i < count; i++) write_grant(&call->writer, &user, &grants[i]);
    json_end_array(&call->writer);
    return status_ok();
}

static struct status policy_explain(struct call *call) {
    const struct explain explain = {call->admin->zone, call->admin->identity};
    return explain_run(&explain, call->request, &call->arena, &call->note, &call->writer);
}

/* What there is for one noun only. */
static const struct single {
    const char *op;
    struct status (*run)(struct call *call);
} singles[] = {
    {"user.password", user_password},   {"role.grant", role_grant},
    {"role.revoke", role_revoke},       {"role.list", role_list},
    {"policy.explain", policy_explain},
};

struct verb {
    const char *word;
    struct status (*of_entity)(struct call *call);
    struct status (*of_key)(struct call *call);
    bool enable;
};

static const struct verb verbs[] = {
    {"create", entity_create, key_create, false}, {"list", entity_list, key_list, false},
    {"show", entity_show, key_show, false},       {"delete", entity_delete, key_delete, false},
    {"enable", entity_switch, key_switch, true},  {"disable", entity_switch, key_switch, false},
};

static bool find_kind(struct slice noun, enum builtin_kind *ret_kind) {
    for (int i = 0; i < BUILTIN_KIND_COUNT; i++) {
        if (!slice_eq(noun, slice_str(builtin_kind_word((enum builtin_kind)i)))) continue;
        *ret_kind = (enum builtin_kind)i;
        return true;
    }
    return false;
}

static struct status dispatch(struct call *call) {
    struct slice op;
    struct slice noun;
    struct slice word;
    TRY(need(call, "op", &op));
    if (slice_eq(op, SLICE("ping"))) return status_ok();
    if (call->admin->is_elsewhere) {
        return note_status(&call->note, STATUS_UNSUPPORTED,
                           "users, projects and keys are those of the Keystone in [identity]");
    }
    for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
        if (slice_eq(op, slice_str(singles[i].op))) return singles[i].run(call);
    }
    bool known;
    TRY(admin_store_run(call->admin, op, call->request, &call->writer, &call->note, &known));
    if (known) return status_ok();
    slice_cut(op, '.', &noun, &word);
    bool is_key = slice_eq(noun, SLICE("key"));
    if (is_key || find_kind(noun, &call->kind)) {
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
            if (!slice_eq(word, slice_str(verbs[i].word))) continue;
            call->enable = verbs[i].enable;
            return is_key ? verbs[i].of_key(call) : verbs[i].of_entity(call);
        }
    }
    return note_status(&call->note, STATUS_UNSUPPORTED, "there is no operation \"%.*s\"",
                       SLICE_FMT(slice_take(op, 80)));
}

static struct status run(struct call *call, struct slice request, struct buf *body) {
    if (request.len > ADMIN_REQUEST_BYTES_MAX) {
        return note_status(&call->note, STATUS_TOO_LARGE, "the request is larger than %d bytes",
                           ADMIN_REQUEST_BYTES_MAX);
    }
    struct json *document;
    TRY(json_parse(request, &call->note, &document));
    call->request = document;
    json_writer_init(&call->writer, body);
    json_begin_object(&call->writer);
    json_member_bool(&call->writer, "ok", true);
    struct status s = dispatch(call);
    json_free(&document);
    if (!is_ok(s)) return s;
    json_end_object(&call->writer);
    return buf_ok(body);
}

static void write_refusal(struct call *call, struct status s, struct buf *body) {
    struct json_writer w;
    json_writer_init(&w, body);
    json_begin_object(&w);
    json_member_bool(&w, "ok", false);
    json_member_str(&w, "code", code_name(s.code));
    json_member_str(&w, "message", call->note.text[0] ? call->note.text : status_text(s.code));
    json_end_object(&w);
}

void admin_execute(struct admin *admin, struct slice request, struct buf *reply) {
    struct call call = {.admin = admin};
    struct buf body;
    buf_init(&body, ADMIN_REPLY_BYTES_MAX);
    /* Room for any reply with a secret at once: growing would leave a copy behind. */
    (void)buf_reserve(&body, FIRST_BYTES);
    arena_init(&call.arena, ARENA_BLOCK, ARENA_LIMIT);
    struct status s = run(&call, request, &body);
    if (!is_ok(s)) {
        buf_clear(&body);
        write_refusal(&call, s, &body);
    }
    buf_append(reply, buf_slice(&body));
    explicit_bzero(body.ptr, body.len);
    buf_fini(&body);
    arena_fini(&call.arena);
}
