#include "server/explain.h"

#include "base/check.h"
#include "identity/builtin_login.h"
#include "os/clock.h"
#include "s3/explain.h"

enum { FACTS_MAX = 256 };

static struct slice text_of(const struct json *request, const char *name) {
    struct slice text = json_get_string(request, name);
    return text.ptr ? text : SLICE("");
}

/* ---- who asks ------------------------------------------------------------------------------- */

static struct status entity_of(const struct explain *explain, enum builtin_kind kind,
                               struct slice name, struct arena *arena, struct note *note,
                               struct builtin_entity *ret_entity) {
    *ret_entity = (struct builtin_entity){.id = name, .name = name};
    if (explain->identity == NULL || name.len == 0) return status_ok();
    return builtin_find(explain->identity, kind, SLICE(BUILTIN_DEFAULT), name, arena, note,
                        ret_entity);
}

static struct status principal_of_key(const struct explain *explain, struct slice access_key,
                                      struct arena *arena, struct note *note,
                                      struct principal *ret_principal) {
    struct identity_key key;
    if (explain->identity == NULL) {
        return note_status(note, STATUS_INVALID, "without a store there are no access keys");
    }
    struct status s =
        identity_key_find(builtin_identity(explain->identity), access_key, arena, &key);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return note_status(note, s.code, "there is no access key '%.*s', or it is disabled",
                           SLICE_FMT(slice_take(access_key, 80)));
    }
    TRY(s);
    *ret_principal = key.principal;
    return status_ok();
}

/* Roles as the store has them; without one, or without a user, who asks is a member. */
static struct status roles_of(const struct explain *explain, const struct builtin_entity *user,
                              const struct builtin_entity *project, struct arena *arena,
                              unsigned *ret_roles) {
    *ret_roles = 0;
    if (project->id.len == 0) return status_ok();
    *ret_roles = IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER;
    if (explain->identity == NULL || user->id.len == 0) return status_ok();
    return builtin_roles_of(explain->identity, user, project, arena, ret_roles);
}

static struct status principal_of(const struct explain *explain, const struct json *request,
                                  struct arena *arena, struct note *note,
                                  struct principal *ret_principal) {
    struct slice access_key = text_of(request, "access_key");
    struct slice user_name = text_of(request, "user");
    struct slice project_name = text_of(request, "project");
    struct builtin_entity user;
    struct builtin_entity project;
    unsigned roles;
    if (access_key.len > 0) {
        return principal_of_key(explain, access_key, arena, note, ret_principal);
    }
    if (user_name.len > 0 && project_name.len == 0) {
        return note_status(note, STATUS_INVALID, "a user asks in a project: which one?");
    }
    TRY(entity_of(explain, BUILTIN_USER, user_name, arena, note, &user));
    TRY(entity_of(explain, BUILTIN_PROJECT, project_name, arena, note, &project));
    TRY(roles_of(explain, &user, &project, arena, &roles));
    *ret_principal = (struct principal){.user_id = user.id,
                                        .user_name = user.name,
                                        .project_id = project.id,
                                        .project_name = project.name,
                                        .roles = roles,
                                        .anonymous = project_name.len == 0,
                                        .admin = user.admin};
    return status_ok();
}

/* ---- the question --------------------------------------------------------------------------- */

static struct status add_fact(struct slice name, const struct json *value, struct note *note,
                              struct object_pair *pairs, size_t *count) {
    struct slice text;
    if (*count == FACTS_MAX) {
        return note_status(note, STATUS_TOO_LARGE, "there are more than %d facts", FACTS_MAX);
    }
    if (!json_string(value, &text)) {
        return note_status(note, STATUS_INVALID, "the fact '%.*s' is no string",
                           SLICE_FMT(slice_take(name, 80)));
    }
    pairs[(*count)++] = (struct object_pair){name, text};
    return status_ok();
}

static struct status facts_of(const struct json *request, struct arena *arena, struct note *note,
                              struct object_pairs *ret_facts) {
    struct object_pair *pairs = arena_calloc(arena, FACTS_MAX, sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    JSON_EACH(fact, json_get(request, "facts")) {
        struct slice name = json_name(fact);
        if (json_type(fact) != JSON_ARRAY) {
            TRY(add_fact(name, fact, note, pairs, &count));
            continue;
        }
        JSON_EACH(value, fact) TRY(add_fact(name, value, note, pairs, &count));
    }
    *ret_facts = (struct object_pairs){pairs, count};
    return status_ok();
}

static struct status region_of(const struct explain *explain, const struct json *request,
                               struct note *note, const struct s3_region **ret_region) {
    static const struct s3_region nowhere = {.name = {"", 0}};
    struct slice name = text_of(request, "region");
    *ret_region = &nowhere;
    if (explain->zone == NULL) return status_ok();
    const struct s3_service *service = &explain->zone->service;
    for (size_t i = 0; i < service->region_count; i++) {
        *ret_region = &service->regions[i];
        if (name.len == 0 || slice_eq(name, service->regions[i].name)) return status_ok();
    }
    return note_status(note, STATUS_NOT_FOUND, "there is no region '%.*s'",
                       SLICE_FMT(slice_take(name, 80)));
}

static struct status question_of(const struct explain *explain, const struct json *request,
                                 struct arena *arena, struct note *note,
                                 struct s3_explain *ret_asked) {
    struct s3_explain asked = {.action = text_of(request, "action"),
                               .bucket = text_of(request, "bucket"),
                               .key = text_of(request, "key"),
                               .version = text_of(request, "version_id"),
                               .source_ip = text_of(request, "source_ip"),
                               .policy = json_get_string(request, "policy"),
                               .owner = text_of(request, "owner"),
                               .now_ns = clock_wall_ns(clock_system())};
    if (asked.bucket.len == 0) {
        return note_status(note, STATUS_INVALID, "the request needs \"bucket\"");
    }
    if (explain->zone == NULL && asked.policy.ptr == NULL) {
        return note_status(note, STATUS_INVALID, "without a store a \"policy\" is needed");
    }
    (void)json_bool(json_get(request, "tls"), &asked.is_tls);
    TRY(region_of(explain, request, note, &asked.region));
    TRY(principal_of(explain, request, arena, note, &asked.principal));
    TRY(facts_of(request, arena, note, &asked.facts));
    *ret_asked = asked;
    return status_ok();
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* Numbers count from 1, as people do who look for a statement in a document. */
static void write_by(struct json_writer *w, const struct access_decision *decision) {
    if (access_reason_is_statement(decision->reason)) {
        json_member_u64(w, "statement", decision->statement + 1);
        if (decision->sid.len > 0) json_member_string(w, "sid", decision->sid);
    }
    if (!access_reason_is_grant(decision->reason)) return;
    if (decision->grant == ACCESS_GRANT_OF_OWNER) {
        json_member_str(w, "grant", "owner");
    } else {
        json_member_u64(w, "grant", decision->grant + 1);
    }
}

static void write_explanation(struct json_writer *w, const struct s3_explain *asked,
                              const struct s3_explanation *explanation) {
    const struct access_decision *decision = &explanation->decision;
    json_key(w, "explanation");
    json_begin_object(w);
    json_member_str(w, "decision", decision->allowed ? "allowed" : "denied");
    json_member_str(w, "reason", access_reason_text(decision->reason));
    write_by(w, decision);
    json_member_string(w, "action", asked->action);
    json_member_string(w, "resource", explanation->resource);
    json_member_string(w, "bucket_owner", explanation->owner);
    if (asked->principal.anonymous) {
        json_member_str(w, "principal", "anonymous");
    } else {
        json_member_string(w, "project_id", asked->principal.project_id);
        json_member_string(w, "user_id", asked->principal.user_id);
    }
    json_end_object(w);
}

struct status explain_run(const struct explain *explain, const struct json *request,
                          struct arena *arena, struct note *note, struct json_writer *writer) {
    static const struct s3_service no_store;
    struct s3_explain asked;
    struct s3_explanation explanation;
    TRY(question_of(explain, request, arena, note, &asked));
    asked.service = explain->zone != NULL ? &explain->zone->service : &no_store;
    TRY(s3_explain(&asked, arena, note, &explanation));
    write_explanation(writer, &asked, &explanation);
    return status_ok();
}
