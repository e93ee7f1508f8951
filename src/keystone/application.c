/* Application credentials: made, shown and deleted by the user whose they are. */
#include "base/check.h"
#include "base/date.h"
#include "identity/builtin_application.h"
#include "keystone/call.h"

/* --- documents --- */

static void write_expiry(struct json_writer *w, int64_t expires_ns) {
    char text[DATE_TEXT_CAP + 3];
    if (expires_ns == 0) {
        json_member_str(w, "expires_at", NULL);
        return;
    }
    date_format_iso_ms(expires_ns, text);
    /* Keystone writes microseconds here, and no zone. */
    memcpy(text + DATE_ISO_MS_LEN - 1, "000", 4);
    json_member_str(w, "expires_at", text);
}

/* With the secret where there is one: only the answer to its creation has it. */
static void write_application(struct keystone_call *call, struct json_writer *w,
                              const struct builtin_application *application) {
    json_begin_object(w);
    json_member_string(w, "id", application->id);
    json_member_string(w, "name", application->name);
    json_member_string(w, "description", application->description);
    json_member_string(w, "project_id", application->project_id);
    json_member_string(w, "user_id", application->user_id);
    json_member_str(w, "system", NULL);
    keystone_write_roles(w, application->roles);
    json_member_bool(w, "unrestricted", application->unrestricted);
    write_expiry(w, application->expires_ns);
    if (application->secret.len > 0) json_member_string(w, "secret", application->secret);
    keystone_write_self(call, w, "users/%.*s/application_credentials/%.*s",
                        SLICE_FMT(application->user_id), SLICE_FMT(application->id));
    json_end_object(w);
}

static struct status answer_one(struct keystone_call *call,
                                const struct builtin_application *application) {
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "application_credential");
    write_application(call, &w, application);
    json_end_object(&w);
    return status_ok();
}

/* --- whose they are --- */

/*
 * They are for their user alone, and for administrators to see and take away. With a token of one
 * of them others are managed only where it is unrestricted.
 * Spec: Identity API v3, "Application Credentials", unrestricted.
 */
static struct status check_caller(struct keystone_call *call, bool changes) {
    const struct builtin_bearer *bearer = &call->bearer;
    bool self = keystone_is_self(call, call->words[0]);
    if (!self && !keystone_is_admin(call)) return keystone_refuse_forbidden(call);
    if (changes && bearer->application_id.len > 0 && !bearer->application_unrestricted) {
        return keystone_refuse(call, 403,
                               "A restricted application credential may not manage others.");
    }
    return status_ok();
}

static struct status find(struct keystone_call *call, bool changes,
                          struct builtin_application *ret_application) {
    TRY(check_caller(call, changes));
    struct slice id = call->words[1];
    struct status s =
        builtin_application_find(call->service->store, id, call->arena, ret_application);
    bool other = is_ok(s) && !slice_eq(ret_application->user_id, call->words[0]);
    if (other || status_is(s, STATUS_NOT_FOUND)) {
        return keystone_refuse_absent(call, "application credential", id);
    }
    return s;
}

/* --- making one --- */

static struct status read_roles(struct keystone_call *call, const struct json *list,
                                unsigned *ret_roles) {
    unsigned wanted = 0;
    if (json_type(list) == JSON_NULL || json_count(list) == 0) {
        *ret_roles = call->bearer.roles;
        return status_ok();
    }
    JSON_EACH(role, list) {
        struct slice word = json_get_string(role, "id");
        if (word.len == 0) word = json_get_string(role, "name");
        unsigned bit = builtin_role_parse(word);
        if (bit == 0) return keystone_refuse_absent(call, "role", word);
        wanted |= bit;
    }
    /* Nobody gives what they have not; an unrestricted one cannot grow either. */
    if ((wanted & ~call->bearer.roles) != 0) {
        return keystone_refuse(call, 400, "An application credential has roles of its user only.");
    }
    *ret_roles = wanted;
    return status_ok();
}

/* Clients write it with and without a zone, which is UTC then. */
static struct status read_expiry(struct keystone_call *call, const struct json *value,
                                 int64_t *ret_expires_ns) {
    struct slice text;
    *ret_expires_ns = 0;
    if (json_type(value) == JSON_NULL) return status_ok();
    bool good = json_string(value, &text) && text.len < DATE_TEXT_CAP + 16;
    struct slice parts[] = {good ? text : SLICE(""), SLICE("Z")};
    good = good && (date_parse_iso(text, ret_expires_ns) ||
                    date_parse_iso(arena_join(call->arena, parts, 2), ret_expires_ns));
    if (!good) return keystone_refuse(call, 400, "expires_at is no time as in ISO 8601.");
    if (*ret_expires_ns > call->now_ns) return status_ok();
    return keystone_refuse(call, 400, "expires_at is in the past.");
}

static struct status read_wanted(struct keystone_call *call, const struct json *from,
                                 struct builtin_application *wanted) {
    const struct json *rules = json_get(from, "access_rules");
    *wanted = (struct builtin_application){.user_id = call->bearer.user.id,
                                           .project_id = call->bearer.project.id,
                                           .name = json_get_string(from, "name"),
                                           .description = json_get_string(from, "description"),
                                           .secret = json_get_string(from, "secret")};
    if (wanted->project_id.len == 0) {
        return keystone_refuse(call, 403, "An application credential needs a token of a project.");
    }
    if (wanted->name.len == 0) {
        return keystone_refuse(call, 400, "An application credential needs a name.");
    }
    if (json_count(rules) > 0) {
        return keystone_refuse(call, 400,
                               "Access rules are not supported: leave them out, and give fewer "
                               "roles instead.");
    }
    (void)json_bool(json_get(from, "unrestricted"), &wanted->unrestricted);
    TRY(read_expiry(call, json_get(from, "expires_at"), &wanted->expires_ns));
    return read_roles(call, json_get(from, "roles"), &wanted->roles);
}

struct status keystone_application_create(struct keystone_call *call) {
    struct builtin_application wanted, made;
    if (!keystone_is_self(call, call->words[0])) return keystone_refuse_forbidden(call);
    TRY(check_caller(call, true));
    TRY(keystone_parse_body(call));
    TRY(read_wanted(call, json_get(call->request, "application_credential"), &wanted));
    TRY(builtin_application_create(call->service->store, &wanted, call->arena, call->note, &made));
    call->response.status = 201;
    return answer_one(call, &made);
}

/* --- the rest --- */

struct status keystone_application_list(struct keystone_call *call) {
    struct builtin_application *list;
    size_t count;
    struct slice name = keystone_query(call, "name");
    TRY(check_caller(call, false));
    struct status s =
        builtin_application_list(call->service->store, call->words[0], call->arena, &list, &count);
    if (status_is(s, STATUS_NOT_FOUND)) return keystone_refuse_absent(call, "user", call->words[0]);
    TRY(s);
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "application_credentials");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (name.ptr != NULL && !slice_eq(name, list[i].name)) continue;
        write_application(call, &w, &list[i]);
    }
    json_end_array(&w);
    keystone_write_list_links(call, &w);
    json_end_object(&w);
    return status_ok();
}

struct status keystone_application_show(struct keystone_call *call) {
    struct builtin_application application;
    TRY(find(call, false, &application));
    return answer_one(call, &application);
}

struct status keystone_application_delete(struct keystone_call *call) {
    struct builtin_application application;
    TRY(find(call, true, &application));
    TRY(builtin_application_delete(call->service->store, application.id, call->note));
    call->response.status = 204;
    return status_ok();
}
