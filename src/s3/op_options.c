/* What browsers ask before they send, and what they are told with every answer: CORS. */
#include "object/config.h"
#include "s3/cors.h"
#include "s3/ops.h"

/* Reads the bucket's rules. Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY. */
static struct status read_rules(struct s3_call *call, const struct bucket *bucket,
                                struct cors *ret_cors) {
    struct slice document;
    struct note why = {0};
    bool is_malformed;
    TRY(bucket_config_get(call->service->objects, bucket, BUCKET_CONFIG_CORS, SLICE(""),
                          call->arena, &document));
    struct status s = cors_parse(call->arena, document, &why, &is_malformed, ret_cors);
    return status_is(s, STATUS_INVALID) ? status_of(STATUS_CORRUPT) : s;
}

/*
 * The header of a preflight says what is asked about, should a request that is none have it too: no
 * browser sends it there, but Ceph's suite does.
 */
static struct slice method_asked(const struct s3_call *call) {
    struct slice named = s3_header(call, "Access-Control-Request-Method");
    return named.len > 0 ? named : call->head->method_text;
}

void s3_cors_apply(struct s3_call *call) {
    struct cors cors;
    struct cors_question question = {.origin = s3_header(call, "Origin"),
                                     .method = method_asked(call)};
    if (question.origin.len == 0 || !bucket_has_config(&call->bucket, BUCKET_CONFIG_CORS)) return;
    if (!is_ok(read_rules(call, &call->bucket, &cors))) return; /* no permission, then */
    const struct cors_rule *rule = cors_match(&cors, &question);
    if (rule != NULL) cors_answer(rule, &question, false, call->arena, &call->response);
}

static struct status refuse_preflight(struct s3_call *call, const char *text) {
    s3_refuse_with(call, "Method", s3_header(call, "Access-Control-Request-Method"));
    s3_refuse_with(call, "ResourceType", call->key.len > 0 ? SLICE("OBJECT") : SLICE("BUCKET"));
    return s3_refuse(call, S3_ERROR_ACCESS_FORBIDDEN, "%s", text);
}

struct status op_options_check(struct s3_call *call) {
    if (s3_header(call, "Origin").len == 0) {
        return s3_refuse(call, S3_ERROR_BAD_REQUEST,
                         "Insufficient information. Origin request header needed.");
    }
    if (s3_header(call, "Access-Control-Request-Method").len == 0) {
        return s3_refuse(call, S3_ERROR_BAD_REQUEST, "Invalid Access-Control-Request-Method: null");
    }
    return status_ok();
}

/*
 * A preflight is not signed, and tells nothing but the rules themselves. Whether the bucket is
 * there at all, S3 tells too.
 */
struct status op_options(struct s3_call *call) {
    struct bucket bucket;
    struct cors cors;
    struct cors_question question = {.origin = s3_header(call, "Origin"),
                                     .method = s3_header(call, "Access-Control-Request-Method"),
                                     .headers = s3_header(call, "Access-Control-Request-Headers")};
    struct status s = bucket_find(call->service->objects, call->region->name, SLICE(""),
                                  call->bucket_name, call->arena, call->note, &bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
    TRY(s);
    s = read_rules(call, &bucket, &cors);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return refuse_preflight(call, "CORSResponse: CORS is not enabled for this bucket.");
    }
    TRY(s);
    const struct cors_rule *rule = cors_match(&cors, &question);
    if (rule == NULL) {
        return refuse_preflight(call,
                                "CORSResponse: This CORS request is not allowed. This is usually "
                                "because the evalution of Origin, request method / "
                                "Access-Control-Request-Method or Access-Control-Request-Headers "
                                "are not whitelisted by the resource's CORS spec.");
    }
    cors_answer(rule, &question, true, call->arena, &call->response);
    return status_ok();
}
