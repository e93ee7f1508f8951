#include "keystone/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "http/text.h"
#include "http/url.h"

enum { MESSAGE_MAX = 512 };

struct json_writer keystone_document(struct keystone_call *call) {
    struct json_writer w;
    buf_clear(&call->document);
    json_writer_init(&w, &call->document);
    return w;
}

static void write_error(struct keystone_call *call, int http_status, const char *message) {
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "error");
    json_begin_object(&w);
    json_member_u64(&w, "code", (uint64_t)http_status);
    json_member_str(&w, "message", message);
    json_member_str(&w, "title", http_reason(http_status));
    json_end_object(&w);
    json_end_object(&w);
    call->response.status = http_status;
    call->error = slice_str(http_reason(http_status));
}

struct status keystone_refuse(struct keystone_call *call, int http_status, const char *format,
                              ...) {
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    write_error(call, http_status, message);
    return status_of(STATUS_REFUSED);
}

void keystone_refuse_early(struct keystone_call *call, int http_status, const char *message) {
    http_response_init(&call->response, call->arena);
    buf_init(&call->document, KEYSTONE_DOCUMENT_BYTES_MAX);
    http_response_set_str(&call->response, "Content-Type", "application/json");
    write_error(call, http_status, message);
}

struct status keystone_refuse_unauthorized(struct keystone_call *call) {
    http_response_setf(&call->response, "WWW-Authenticate", "Keystone uri=\"%.*s/v3\"",
                       SLICE_FMT(keystone_base_url(call)));
    return keystone_refuse(call, 401, "The request you have made requires authentication.");
}

struct status keystone_refuse_forbidden(struct keystone_call *call) {
    return keystone_refuse(call, 403, "You are not authorized to perform the requested action: %s.",
                           call->route->name);
}

struct status keystone_refuse_absent(struct keystone_call *call, const char *word,
                                     struct slice id) {
    return keystone_refuse(call, 404, "Could not find %s: %.*s.", word,
                           SLICE_FMT(slice_take(id, 128)));
}

bool keystone_is_admin(const struct keystone_call *call) {
    /* An application credential has the roles that it names, and this is none. */
    return call->bearer.user.admin && call->bearer.application_id.len == 0;
}

bool keystone_is_self(const struct keystone_call *call, struct slice user_id) {
    return slice_eq(call->bearer.user.id, user_id);
}

bool keystone_is_project_admin(const struct keystone_call *call, struct slice project_id) {
    if (keystone_is_admin(call)) return true;
    return (call->bearer.roles & BUILTIN_ROLE_ADMIN) != 0 &&
           slice_eq(call->bearer.project.id, project_id);
}

struct status keystone_parse_body(struct keystone_call *call) {
    struct status s = json_parse(call->body, call->note, &call->request);
    if (status_is(s, STATUS_NO_MEMORY)) return s;
    if (!is_ok(s) || json_type(call->request) != JSON_OBJECT) {
        return keystone_refuse(call, 400, "The body of the request is not a JSON object.");
    }
    return status_ok();
}

struct slice keystone_query(const struct keystone_call *call, const char *name) {
    const struct http_param *param = http_query_find(&call->query, slice_str(name));
    return param != NULL ? param->value : slice_of(NULL, 0);
}

struct slice keystone_base_url(struct keystone_call *call) {
    struct slice host, port;
    if (call->service->url.len > 0) return call->service->url;
    struct slice authority = call->head->authority;
    bool sane = http_authority_split(authority, &host, &port) && host.len > 0 &&
                http_is_field_value(authority) && slice_find_char(authority, '"') == authority.len;
    if (!sane) authority = SLICE("localhost");
    struct slice parts[] = {call->tls ? SLICE("https://") : SLICE("http://"), authority};
    return arena_join(call->arena, parts, ARRAY_LEN(parts));
}

void keystone_write_self(struct keystone_call *call, struct json_writer *w, const char *format,
                         ...) {
    char path[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    struct slice parts[] = {keystone_base_url(call), SLICE("/v3/"), slice_str(path)};
    json_key(w, "links");
    json_begin_object(w);
    json_member_string(w, "self", arena_join(call->arena, parts, ARRAY_LEN(parts)));
    json_end_object(w);
}

void keystone_write_list_links(struct keystone_call *call, struct json_writer *w) {
    struct slice parts[] = {keystone_base_url(call), call->head->target};
    json_key(w, "links");
    json_begin_object(w);
    json_member_str(w, "next", NULL);
    json_member_string(w, "self", arena_join(call->arena, parts, ARRAY_LEN(parts)));
    json_member_str(w, "previous", NULL);
    json_end_object(w);
}

void keystone_write_domain(struct json_writer *w, const struct builtin_entity *domain) {
    json_begin_object(w);
    json_member_string(w, "id", domain->id);
    json_member_string(w, "name", domain->name);
    json_end_object(w);
}

void keystone_write_roles(struct json_writer *w, unsigned roles) {
    json_key(w, "roles");
    json_begin_array(w);
    for (unsigned i = 0; i < BUILTIN_ROLE_COUNT; i++) {
        if ((roles & 1U << i) == 0) continue;
        json_begin_object(w);
        json_member_str(w, "id", builtin_role_word(i));
        json_member_str(w, "name", builtin_role_word(i));
        json_end_object(w);
    }
    json_end_array(w);
}
