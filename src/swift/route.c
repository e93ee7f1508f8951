#include "swift/route.h"
#include "base/check.h"
#include "base/codec.h"
#include "swift/swift.h"

#define PREFIX SLICE("AUTH_")

/* ---- which door ----------------------------------------------------------------------------- */

/* What stands before an account. Spec: Swift, valid_api_version; RGW, rgw_swift_url_prefix. */
static const char *const bases[] = {"/swift/v1.0", "/swift/v1", "/v1.0", "/v1"};

static const struct {
    const char *path;
    enum swift_subject subject;
} places[] = {
    {"/info", SWIFT_INFO},          {"/swift/info", SWIFT_INFO},
    {"/healthcheck", SWIFT_HEALTH}, {"/swift/healthcheck", SWIFT_HEALTH},
    {"/auth/v1.0", SWIFT_LOGIN},    {"/auth", SWIFT_LOGIN},
};

/* The base that a path begins with; `*ret_rest` is what follows, with its slash. */
static bool base_of(struct slice path, struct slice *ret_base, struct slice *ret_rest) {
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        struct slice base = slice_str(bases[i]);
        if (!slice_starts_with(path, base)) continue;
        struct slice rest = slice_skip(path, base.len);
        if (rest.len > 0 && rest.ptr[0] != '/') continue;
        *ret_base = base;
        *ret_rest = rest;
        return true;
    }
    return false;
}

static bool place_of(struct slice path, enum swift_subject *ret_subject) {
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (!slice_eq(path, slice_str(places[i].path))) continue;
        *ret_subject = places[i].subject;
        return true;
    }
    return false;
}

/* Whether it shows a proof of S3's, be it a wrong one. */
static bool is_signed_for_s3(const struct http_head *head, const struct http_query *query) {
    static const char *const params[] = {"X-Amz-Algorithm", "X-Amz-Signature", "AWSAccessKeyId"};
    struct slice authorization = http_head_find(head, SLICE("authorization"));
    if (slice_starts_with(authorization, SLICE("AWS"))) return true;
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        if (http_query_find(query, slice_str(params[i])) != NULL) return true;
    }
    return false;
}

/* The label of an account in a host name, "auth_x" or "auth-x", behind a container's or alone. */
static bool label_of(struct slice label, struct slice *ret_container, struct slice *ret_account) {
    size_t dot = label.len;
    while (dot > 0 && label.ptr[dot - 1] != '.') dot--;
    struct slice account = slice_skip(label, dot);
    bool fits = slice_starts_with_nocase(account, SLICE("auth_")) ||
                slice_starts_with_nocase(account, SLICE("auth-"));
    if (!fits || account.len == PREFIX.len) return false;
    *ret_account = account;
    *ret_container = dot > 0 ? slice_take(label, dot - 1) : SLICE("");
    return true;
}

bool swift_claims(const struct http_head *head, const struct http_query *query,
                  struct slice label) {
    struct slice base, rest, container, account;
    enum swift_subject subject;
    if (is_signed_for_s3(head, query)) return false;
    if (label.len > 0) return label_of(label, &container, &account);
    if (place_of(head->path, &subject)) {
        /* A form for the bucket "info" is S3's. */
        struct slice type = http_head_find(head, SLICE("content-type"));
        bool is_form = slice_starts_with_nocase(type, SLICE("multipart/form-data"));
        return (head->method != HTTP_POST || !is_form) && head->method != HTTP_PUT;
    }
    if (!base_of(head->path, &base, &rest)) return false;
    /* Who asks for "/swift/v1" alone or with a token means this door, whatever follows. */
    return slice_starts_with(base, SLICE("/swift")) || slice_starts_with(rest, SLICE("/AUTH_")) ||
           http_head_count(head, SLICE("x-auth-token")) > 0;
}

/* ---- account, container, object ------------------------------------------------------------- */

static struct status refuse_path(struct swift_call *call) {
    return swift_refuse(call, 412, "Bad URL");
}

/* Takes "/account/container/object" apart, which is decoded already. */
static struct status split_path(struct swift_call *call, struct slice path) {
    struct slice rest;
    if (path.len == 0) return refuse_path(call);
    slice_cut(slice_skip(path, 1), '/', &call->account, &rest);
    if (call->account.len == 0) return refuse_path(call);
    slice_cut(rest, '/', &call->container, &call->object);
    /* Spec: Swift, split_path: an empty segment in the middle is no path. */
    if (call->container.len == 0 && call->object.len > 0) return refuse_path(call);
    return status_ok();
}

/* Spec: Swift, middleware/domain_remap.py. */
static struct status take_label(struct swift_call *call, struct slice path) {
    struct slice container, account;
    CHECK(label_of(call->label_from_host, &container, &account));
    call->base = SLICE("/v1");
    call->account = arena_printf(call->arena, "AUTH_%.*s", SLICE_FMT(slice_skip(account, 5)));
    TRY(arena_ok(call->arena));
    path = slice_skip(path, 1);
    if (container.len > 0) {
        call->container = container;
        call->object = path;
        return status_ok();
    }
    slice_cut(path, '/', &call->container, &call->object);
    return status_ok();
}

static struct status take_account(struct swift_call *call) {
    if (!slice_starts_with(call->account, PREFIX) || call->account.len == PREFIX.len) {
        /* Nobody's account: Swift has it refused by whoever asks. */
        call->prefix = slice_take(call->account, 0);
        call->project_id = SLICE("");
        return status_ok();
    }
    call->prefix = slice_take(call->account, PREFIX.len);
    call->project_id = slice_skip(call->account, PREFIX.len);
    return status_ok();
}

static struct status check_names(struct swift_call *call) {
    if (call->container.len > SWIFT_CONTAINER_NAME_MAX) {
        return swift_refuse(call, 400, "Container name length of %zu longer than %d",
                            call->container.len, SWIFT_CONTAINER_NAME_MAX);
    }
    if (call->object.len > SWIFT_OBJECT_NAME_MAX) {
        return swift_refuse_plain(call, 400, "Object name length of %zu longer than %d",
                                  call->object.len, SWIFT_OBJECT_NAME_MAX);
    }
    return status_ok();
}

static struct status read_path(struct swift_call *call) {
    struct slice path = SLICE("");
    struct slice rest;
    bool decoded = percent_decode(call->arena, call->head->path, false, &path);
    TRY(arena_ok(call->arena));
    bool is_text = decoded && slice_find_char(path, 0) == path.len && utf8_is_valid(path);
    if (!is_text) {
        return swift_refuse(call, 412, "Invalid UTF8 or contains NULL");
    }
    if (call->label_from_host.len > 0 && !base_of(path, &call->base, &rest)) {
        TRY(take_label(call, path));
    } else {
        if (!base_of(path, &call->base, &rest)) return refuse_path(call);
        TRY(split_path(call, rest));
    }
    TRY(take_account(call));
    return check_names(call);
}

/* ---- operation ------------------------------------------------------------------------------ */

/* "name" or "name=value" of a header: the value without its parameters. */
static bool header_holds(const struct swift_call *call, struct slice condition) {
    struct slice name, value, sent, parameters;
    bool has_value = slice_cut(condition, '=', &name, &value);
    if (!has_value) return http_head_count(call->head, name) > 0;
    slice_cut(http_head_find(call->head, name), ';', &sent, &parameters);
    return slice_eq_nocase(slice_trim(sent), value);
}

/* Whether one condition of a selector holds: as ops.def has them. */
static bool condition_holds(const struct swift_call *call, struct slice condition) {
    if (condition.ptr[0] == '!') return !condition_holds(call, slice_skip(condition, 1));
    if (condition.ptr[0] == '@') return header_holds(call, slice_skip(condition, 1));
    struct slice name, value;
    bool has_value = slice_cut(condition, '=', &name, &value);
    const struct http_param *param = http_query_find(call->query, name);
    return param != NULL && (!has_value || slice_eq(param->value, value));
}

static bool selector_fits(const struct swift_call *call, const char *selector) {
    struct slice rest = slice_str(selector);
    while (rest.len > 0) {
        struct slice condition, next;
        slice_cut(rest, '&', &condition, &next);
        if (!condition_holds(call, condition)) return false;
        rest = next;
    }
    return true;
}

const struct swift_op *swift_op_find(const struct swift_call *call, enum swift_subject subject,
                                     enum http_method method) {
    const struct swift_op *plain = NULL;
    for (size_t i = 0; i < swift_op_count(); i++) {
        const struct swift_op *op = swift_op_at(i);
        if (op->method != method || op->subject != subject) continue;
        if (op->selector == NULL) {
            if (plain == NULL) plain = op;
        } else if (selector_fits(call, op->selector)) {
            return op;
        }
    }
    return plain;
}

struct slice swift_methods(const struct swift_call *call, enum swift_subject subject) {
    static const struct {
        enum http_method method;
        const char *name;
    } methods[] = {{HTTP_COPY, "COPY"}, {HTTP_DELETE, "DELETE"},   {HTTP_GET, "GET"},
                   {HTTP_HEAD, "HEAD"}, {HTTP_OPTIONS, "OPTIONS"}, {HTTP_POST, "POST"},
                   {HTTP_PUT, "PUT"}};
    struct slice list = SLICE("");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (swift_op_find(call, subject, methods[i].method) == NULL) continue;
        list = arena_printf(call->arena, "%.*s%s%s", SLICE_FMT(list), list.len > 0 ? ", " : "",
                            methods[i].name);
    }
    return list;
}

/* The answer names the methods that would do. */
static struct status refuse_method(struct swift_call *call, enum swift_subject subject) {
    http_response_set(&call->response, SLICE("Allow"), swift_methods(call, subject));
    return swift_refuse_with_headers(call, 405);
}

struct status swift_route(struct swift_call *call) {
    enum swift_subject subject = SWIFT_ACCOUNT;
    if (!place_of(call->head->path, &subject)) {
        TRY(read_path(call));
        if (call->container.len > 0) subject = SWIFT_CONTAINER;
        if (call->object.len > 0) subject = SWIFT_OBJECT;
    }
    call->op = swift_op_find(call, subject, call->head->method);
    return call->op != NULL ? status_ok() : refuse_method(call, subject);
}
