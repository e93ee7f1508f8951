#include "base/check.h"
#include "base/codec.h"
#include "object/object.h"
#include "s3/s3.h"

/* ---- bucket and key ----------------------------------------------------------------------- */

static struct status refuse_uri(struct s3_call *call) {
    s3_refuse_with(call, "URI", call->head->path);
    return s3_refuse(call, S3_ERROR_INVALID_URI, NULL);
}

static struct status check_query_text(struct s3_call *call) {
    for (size_t i = 0; i < call->query->count; i++) {
        const struct http_param *param = &call->query->params[i];
        if (!utf8_is_valid(param->name) || !utf8_is_valid(param->value)) return refuse_uri(call);
    }
    return status_ok();
}

/*
 * The path is decoded first and split then: "/b%2Fk" is the key k of b, as it is for S3. Nothing in
 * it is normalised: "//", "/./" and "+" are parts of keys.
 */
static struct status split_path(struct s3_call *call) {
    struct slice path;
    bool decoded = percent_decode(call->arena, call->head->path, false, &path);
    TRY(arena_ok(call->arena));
    if (!decoded || !utf8_is_valid(path)) return refuse_uri(call);
    if (path.len == 0 || path.ptr[0] != '/') {
        /* "OPTIONS *" is about the service. */
        return slice_eq(path, SLICE("*")) ? status_ok() : refuse_uri(call);
    }
    struct slice rest = slice_skip(path, 1);
    if (call->bucket_from_host.len > 0) {
        call->bucket_name = call->bucket_from_host;
        call->key = rest;
        return status_ok();
    }
    slice_cut(rest, '/', &call->bucket_name, &call->key);
    if (rest.len > 0 && call->bucket_name.len == 0) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_NAME,
                         "The path begins with two slashes, where the bucket's name should be.");
    }
    return status_ok();
}

static struct status check_lengths(struct s3_call *call) {
    if (call->bucket_name.len > BUCKET_NAME_MAX) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_NAME, NULL);
    }
    if (call->key.len <= OBJECT_KEY_MAX) return status_ok();
    s3_refuse_with(call, "Size", arena_printf(call->arena, "%zu", call->key.len));
    s3_refuse_with(call, "MaxSizeAllowed", arena_printf(call->arena, "%d", OBJECT_KEY_MAX));
    return s3_refuse(call, S3_ERROR_KEY_TOO_LONG, NULL);
}

/* ---- operation ---------------------------------------------------------------------------- */

/* Whether one condition of a selector holds: "name", "name=value" or "@header". */
static bool condition_holds(const struct s3_call *call, struct slice condition) {
    if (condition.ptr[0] == '@') {
        return http_head_count(call->head, slice_skip(condition, 1)) > 0;
    }
    if (call->query->count == 0) return false;
    struct slice name;
    struct slice value;
    bool has_value = slice_cut(condition, '=', &name, &value);
    const struct http_param *param = http_query_find(call->query, name);
    return param != NULL && (!has_value || slice_eq(param->value, value));
}

static bool selector_fits(const struct s3_call *call, const char *selector) {
    struct slice rest = slice_str(selector);
    while (rest.len > 0) {
        struct slice condition;
        struct slice next;
        slice_cut(rest, '&', &condition, &next);
        if (!condition_holds(call, condition)) return false;
        rest = next;
    }
    return true;
}

/* The subresource that a row is about: the first name of its selector; empty where it has none. */
static struct slice op_subresource(const struct s3_op *op) {
    struct slice first;
    struct slice rest;
    struct slice value;
    slice_cut(slice_str(op->selector), '&', &first, &rest);
    if (first.len == 0 || first.ptr[0] == '@') return slice_of(NULL, 0);
    return slice_cut(first, '=', &first, &value) ? slice_of(NULL, 0) : first;
}

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {
    {HTTP_GET, "GET"},   {HTTP_HEAD, "HEAD"},     {HTTP_PUT, "PUT"},
    {HTTP_POST, "POST"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"},
};

/* The subresource of S3 that the query names; empty where there is none. */
static struct slice asked_subresource(const struct s3_call *call, enum s3_subject subject) {
    for (size_t i = 0; i < ARRAY_LEN(methods) && call->query->count > 0; i++) {
        const struct s3_op *op = s3_op_first(methods[i].method, subject);
        for (; op != NULL; op = s3_op_next(op)) {
            struct slice name = op_subresource(op);
            if (name.len > 0 && http_query_find(call->query, name) != NULL) return name;
        }
    }
    return slice_of(NULL, 0);
}

/* The first row that fits; with `plain` among those without a selector, else among the others. */
static const struct s3_op *find_op(const struct s3_call *call, enum s3_subject subject,
                                   bool plain) {
    const struct s3_op *op = s3_op_first(call->head->method, subject);
    for (; op != NULL; op = s3_op_next(op)) {
        if ((op->selector == NULL) != plain) continue;
        if (plain || selector_fits(call, op->selector)) return op;
    }
    return NULL;
}

/* ---- MethodNotAllowed --------------------------------------------------------------------- */

static bool method_has_row(enum http_method method, enum s3_subject subject,
                           struct slice subresource) {
    for (const struct s3_op *op = s3_op_first(method, subject); op != NULL; op = s3_op_next(op)) {
        if (slice_eq(op_subresource(op), subresource)) return true;
    }
    return false;
}

/* The answer names the methods that would do. Spec: RFC 9110 section 15.5.6. */
static struct slice allowed_methods(struct s3_call *call, enum s3_subject subject,
                                    struct slice subresource) {
    struct slice list = {0};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (!method_has_row(methods[i].method, subject, subresource)) continue;
        list = arena_printf(call->arena, "%.*s%s%s", SLICE_FMT(list), list.len > 0 ? ", " : "",
                            methods[i].name);
    }
    return list;
}

static struct status refuse_method(struct s3_call *call, enum s3_subject subject,
                                   struct slice subresource) {
    static const char *const words[] = {"SERVICE", "BUCKET", "BUCKET", "OBJECT",
                                        "BUCKET",  "OBJECT", "ACCOUNT"};
    s3_refuse_with(call, "Method", call->head->method_text);
    s3_refuse_with(call, "ResourceType",
                   subresource.len > 0 ? subresource : slice_str(words[subject]));
    s3_refuse_header(call, "Allow", allowed_methods(call, subject, subresource));
    return s3_refuse(call, S3_ERROR_METHOD_NOT_ALLOWED, NULL);
}

/* A page is named by its path alone. */
static struct status route_page(struct s3_call *call) {
    call->op = find_op(call, S3_WEBSITE, true);
    return call->op != NULL ? status_ok() : refuse_method(call, S3_WEBSITE, SLICE(""));
}

#define CONTROL_PATH "/v20180820/"

/*
 * S3 Control asks at the same endpoints as S3, and is told by its version in the path and by the
 * header that all its requests have. The account is in the host's name too, where others have a
 * bucket. Spec: S3 API, "Amazon S3 Control", GetPublicAccessBlock.
 */
static bool is_control(const struct s3_call *call) {
    return slice_starts_with(call->head->path, SLICE(CONTROL_PATH)) &&
           http_head_count(call->head, SLICE(S3_ACCOUNT_HEADER)) > 0;
}

static struct status route_control(struct s3_call *call) {
    call->is_control = true;
    if (!slice_eq(call->head->path, SLICE(CONTROL_PATH "configuration/publicAccessBlock"))) {
        return s3_refuse(call, S3_ERROR_NOT_IMPLEMENTED,
                         "hink has no such operation of S3 Control.");
    }
    call->op = find_op(call, S3_ACCOUNT, true);
    return call->op != NULL ? status_ok() : refuse_method(call, S3_ACCOUNT, SLICE(""));
}

struct status s3_route(struct s3_call *call) {
    TRY(check_query_text(call));
    if (!call->is_website && is_control(call)) return route_control(call);
    TRY(split_path(call));
    TRY(check_lengths(call));
    if (call->is_website) return route_page(call);
    enum s3_subject subject = call->key.len > 0           ? S3_OBJECT
                              : call->bucket_name.len > 0 ? S3_BUCKET
                                                          : S3_SERVICE;
    const struct s3_op *op = find_op(call, subject, false);
    if (op == NULL || op_subresource(op).len == 0) {
        /* What a header alone chose is no answer to a subresource either: "PUT ?uploads". */
        struct slice subresource = asked_subresource(call, subject);
        if (subresource.len > 0) return refuse_method(call, subject, subresource);
        if (op == NULL) op = find_op(call, subject, true);
        if (op == NULL) return refuse_method(call, subject, subresource);
    }
    call->op = op;
    return status_ok();
}
