/* Bucket policies. */
#include "object/config.h"
#include "s3/grants.h"
#include "s3/ops.h"
#include "xml/writer.h"

enum { ANSWER_MAX = 64 * 1024 };

static struct status put(struct s3_call *call, enum bucket_config kind, struct slice document) {
    return bucket_config_put(call->service->objects, &call->bucket, kind, SLICE(""), document);
}

static struct status get(struct s3_call *call, enum bucket_config kind, enum s3_error absent,
                         struct slice *ret_document) {
    struct status s = bucket_config_get(call->service->objects, &call->bucket, kind, SLICE(""),
                                        call->arena, ret_document);
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse(call, absent, NULL) : s;
}

static struct status forget(struct s3_call *call, enum bucket_config kind) {
    TRY(bucket_config_delete(call->service->objects, &call->bucket, kind, SLICE("")));
    call->response.status = 204;
    return status_ok();
}

static struct status answer(struct s3_call *call, struct slice document, const char *type) {
    struct buf buf;
    buf_init(&buf, ANSWER_MAX);
    buf_append(&buf, document);
    TRY(s3_answer_xml(call, &buf));
    http_response_set_str(&call->response, "Content-Type", type);
    return status_ok();
}

struct status op_put_bucket_policy(struct s3_call *call) {
    struct slice text;
    const struct policy *policy;
    struct public_access block;
    struct note why = {0};
    TRY(s3_body_document(call, POLICY_BYTES_MAX + 1, &text));
    struct status s = policy_parse(call->arena, text, call->bucket.name, &why, &policy);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) {
        return s3_refuse(call, S3_ERROR_MALFORMED_POLICY, "%s", why.text);
    }
    TRY(s);
    TRY(s3_public_access_read(call, &call->bucket, &block));
    if (block.block_policy && policy_is_public(policy)) {
        return s3_refuse(call, S3_ERROR_ACCESS_DENIED,
                         "The policy is public, and the public access block of the bucket or of "
                         "its owner forbids such policies (BlockPublicPolicy).");
    }
    TRY(put(call, BUCKET_CONFIG_POLICY, text));
    call->response.status = 204;
    return status_ok();
}

struct status op_get_bucket_policy(struct s3_call *call) {
    struct slice text;
    TRY(get(call, BUCKET_CONFIG_POLICY, S3_ERROR_NO_SUCH_BUCKET_POLICY, &text));
    return answer(call, text, "application/json");
}

struct status op_delete_bucket_policy(struct s3_call *call) {
    return forget(call, BUCKET_CONFIG_POLICY);
}

struct status op_get_bucket_policy_status(struct s3_call *call) {
    const struct policy *policy;
    struct buf buf;
    struct xml_writer writer;
    TRY(s3_policy_read(call, &call->bucket, &policy));
    if (policy == NULL) return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET_POLICY, NULL);
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "PolicyStatus", XML_NS_S3);
    xml_element_bool(&writer, "IsPublic", policy_is_public(policy));
    xml_close(&writer, "PolicyStatus");
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}
