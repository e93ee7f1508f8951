#include "swift/cors.h"

#include "base/check.h"
#include "swift/container.h"
#include "swift/ops.h"
#include "swift/route.h"
#include "swift/swift.h"

/* The next word of a list with blanks between. */
static bool next_word(struct slice *rest, struct slice *ret_word) {
    while (rest->len > 0 && rest->ptr[0] == ' ') *rest = slice_skip(*rest, 1);
    if (rest->len == 0) return false;
    size_t end = slice_find_char(*rest, ' ');
    *ret_word = slice_take(*rest, end);
    *rest = slice_skip(*rest, end);
    return true;
}

/* What to say to an origin: itself, "*", or nothing. */
static struct slice allowed_origin(struct slice list, struct slice origin) {
    struct slice word;
    struct slice rest = list;
    while (next_word(&rest, &word)) {
        if (slice_eq(word, SLICE("*"))) return SLICE("*");
    }
    while (next_word(&list, &word)) {
        if (slice_eq(word, origin)) return origin;
    }
    return SLICE("");
}

struct status swift_cors_find(struct swift_call *call) {
    struct slice origin = swift_header(call, "origin");
    struct object_pairs meta;
    if (origin.len == 0) return status_ok();
    TRY(swift_container_meta(call, &call->bucket, &meta));
    call->cors.origin = allowed_origin(swift_pair(&meta, "access-control-allow-origin"), origin);
    call->cors.exposed = swift_pair(&meta, "access-control-expose-headers");
    call->cors.max_age = swift_pair(&meta, "access-control-max-age");
    return status_ok();
}

static void add_name(struct buf *list, struct slice name) {
    if (list->len > 0) buf_append_str(list, ", ");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        buf_append_char(list, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

/* Spec: Swift, cors_validation: what a page may read of the answer. */
static void expose(struct swift_call *call) {
    static const char *const always[] = {"cache-control", "content-language",
                                         "content-type",  "expires",
                                         "last-modified", "pragma",
                                         "etag",          "x-timestamp",
                                         "x-trans-id",    "x-openstack-request-id"};
    struct http_response *response = &call->response;
    struct slice rest = call->cors.exposed;
    struct slice word;
    struct buf list;
    buf_init(&list, 16 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(always); i++) add_name(&list, slice_str(always[i]));
    for (size_t i = 0; i < response->header_count; i++) {
        struct slice name = response->headers[i].name;
        bool is_meta = slice_starts_with_nocase(name, SLICE("x-object-meta-")) ||
                       slice_starts_with_nocase(name, SLICE("x-container-meta-"));
        if (is_meta) add_name(&list, name);
    }
    while (next_word(&rest, &word)) add_name(&list, word);
    if (is_ok(buf_ok(&list))) {
        http_response_set(response, SLICE("Access-Control-Expose-Headers"), buf_slice(&list));
    }
    buf_fini(&list);
}

void swift_cors_apply(struct swift_call *call) {
    if (call->cors.origin.len == 0 || call->head->method == HTTP_OPTIONS) return;
    expose(call);
    http_response_set(&call->response, SLICE("Access-Control-Allow-Origin"), call->cors.origin);
}

/* ---- OPTIONS -------------------------------------------------------------------------------- */

/* The container, where there is one; a preflight asks nobody whether it may know. */
static struct status find_container(struct swift_call *call) {
    if (call->container.len == 0) return status_ok();
    struct status s = swift_container_find(call, call->project_id, call->container, &call->bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    call->has_bucket = true;
    return swift_cors_find(call);
}

static bool is_method(const struct swift_call *call, struct slice wanted) {
    struct slice methods = swift_methods(call, call->op->subject);
    while (methods.len > 0) {
        struct slice method, rest;
        slice_cut(methods, ',', &method, &rest);
        methods = rest;
        if (slice_eq(slice_trim(method), wanted)) return true;
    }
    return false;
}

struct status run_options(struct swift_call *call) {
    struct http_response *response = &call->response;
    struct slice methods = swift_methods(call, call->op->subject);
    struct slice wanted = swift_header(call, "access-control-request-method");
    struct slice headers = swift_header(call, "access-control-request-headers");
    http_response_set(response, SLICE("Allow"), methods);
    if (swift_header(call, "origin").len == 0 || call->op->subject < SWIFT_ACCOUNT) {
        swift_answer_page(call, 200);
        return status_ok();
    }
    TRY(find_container(call));
    if (call->cors.origin.len == 0 || !is_method(call, wanted)) {
        return swift_refuse_with_headers(call, 401);
    }
    http_response_set(response, SLICE("Access-Control-Allow-Origin"), call->cors.origin);
    http_response_set(response, SLICE("Access-Control-Allow-Methods"), methods);
    if (call->cors.max_age.len > 0) {
        http_response_set(response, SLICE("Access-Control-Max-Age"), call->cors.max_age);
    }
    if (headers.len > 0) {
        http_response_set(response, SLICE("Access-Control-Allow-Headers"), headers);
        http_response_set_str(response, "Vary", "Access-Control-Request-Headers");
    }
    return status_ok();
}
