/* One request: which operation, who asks, do it, and what is said where it can't be done. */
#include "base/check.h"
#include "base/codec.h"
#include "crypto/ct.h"
#include "keystone/call.h"

static const struct keystone_route routes[] = {
#define KEYSTONE_ROUTE(method, pattern, name, needs_token, function) \
    {HTTP_##method, pattern, name, needs_token, keystone_##function},
#include "keystone/routes.def"
#undef KEYSTONE_ROUTE
};

size_t keystone_route_count(void) {
    return ARRAY_LEN(routes);
}

const struct keystone_route *keystone_route_at(size_t index) {
    CHECK(index < ARRAY_LEN(routes));
    return &routes[index];
}

size_t keystone_route_index(const struct keystone_route *route) {
    return (size_t)(route - routes);
}

/* A path in pieces; a '/' at its end makes no difference. */
struct path {
    struct slice segments[KEYSTONE_SEGMENTS_MAX];
    size_t count;
};

static bool path_split(struct slice text, struct path *ret_path) {
    struct slice rest = text;
    ret_path->count = 0;
    while (rest.len > 0) {
        struct slice segment, next;
        slice_cut(slice_skip(rest, 1), '/', &segment, &next);
        bool last = next.len == 0;
        if (segment.len == 0) return last && slice_skip(rest, 1).len == 0;
        if (ret_path->count == KEYSTONE_SEGMENTS_MAX) return false;
        ret_path->segments[ret_path->count++] = segment;
        /* The next round begins at the '/' before what is left. */
        rest = slice_skip(rest, 1 + segment.len);
    }
    return true;
}

/* Whether the path fits the pattern; the words in its {} go to the call. */
static bool fits(struct keystone_call *call, const char *pattern, const struct path *path) {
    struct path wanted;
    size_t words = 0;
    if (!path_split(slice_str(pattern), &wanted) || wanted.count != path->count) return false;
    for (size_t i = 0; i < wanted.count; i++) {
        if (!slice_eq(wanted.segments[i], SLICE("{}"))) {
            if (!slice_eq(wanted.segments[i], path->segments[i])) return false;
            continue;
        }
        if (!percent_decode(call->arena, path->segments[i], false, &call->words[words++])) {
            return false;
        }
    }
    return true;
}

static struct status route(struct keystone_call *call) {
    struct path path;
    bool known = false;
    enum http_method method = call->head->method == HTTP_HEAD ? HTTP_GET : call->head->method;
    bool split = path_split(call->head->path, &path);
    for (size_t i = 0; i < ARRAY_LEN(routes) && split; i++) {
        if (!fits(call, routes[i].pattern, &path)) continue;
        known = true;
        if (routes[i].method != method) continue;
        call->route = &routes[i];
        break;
    }
    if (known && call->route == NULL) {
        return keystone_refuse(call, 405, "The method is not allowed for the requested URL.");
    }
    if (call->route == NULL) return keystone_refuse(call, 404, "The resource could not be found.");
    struct status s = http_query_parse(call->arena, call->head->query, &call->query);
    if (is_ok(s) || status_is(s, STATUS_NO_MEMORY)) return s;
    return keystone_refuse(call, 400, "The query of the request is malformed.");
}

static struct status authenticate(struct keystone_call *call) {
    if (!call->route->needs_token) return status_ok();
    struct slice token = http_head_find(call->head, SLICE("x-auth-token"));
    struct status s = builtin_token_open(call->service->store, token, call->arena, &call->bearer);
    return status_is(s, STATUS_NOT_FOUND) ? keystone_refuse_unauthorized(call) : s;
}

/* What a failure below is for the client. */
static void answer_failure(struct keystone_call *call, struct status s) {
    static const struct {
        enum status_code code;
        int http;
    } known[] = {
        {STATUS_NOT_FOUND, 404}, {STATUS_EXISTS, 409},    {STATUS_CONFLICT, 409},
        {STATUS_INVALID, 400},   {STATUS_TOO_LARGE, 400}, {STATUS_BUSY, 503},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (s.code != known[i].code) continue;
        const char *text = call->note->text[0] ? call->note->text : status_text(s.code);
        IGNORE_STATUS(keystone_refuse(call, known[i].http, "%s.", text));
        return;
    }
    call->internal = true;
    IGNORE_STATUS(keystone_refuse(
        call, 500, "An unexpected error prevented the server from fulfilling your request."));
}

static struct status serve(struct keystone_call *call) {
    TRY(route(call));
    TRY(authenticate(call));
    TRY(call->route->run(call));
    TRY(arena_ok(call->arena));
    return buf_ok(&call->document);
}

void keystone_serve(struct keystone_call *call) {
    http_response_init(&call->response, call->arena);
    buf_init(&call->document, KEYSTONE_DOCUMENT_BYTES_MAX);
    http_response_set_str(&call->response, "Vary", "X-Auth-Token");
    struct status s = serve(call);
    if (!is_ok(s) && !status_is(s, STATUS_REFUSED)) answer_failure(call, s);
    if (call->document.len > 0) {
        http_response_set_str(&call->response, "Content-Type", "application/json");
    }
    http_response_set(&call->response, SLICE("x-openstack-request-id"), call->request_id);
    json_free(&call->request);
}

void keystone_fini(struct keystone_call *call) {
    if (call->document.ptr != NULL) ct_wipe(call->document.ptr, call->document.len);
    buf_fini(&call->document);
}
