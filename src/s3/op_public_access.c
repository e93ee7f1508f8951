/* Public access blocks: of a bucket, and of a project with all its buckets. */
#include "object/config.h"
#include "object/project.h"
#include "s3/grants.h"
#include "s3/ops.h"
#include "xml/writer.h"

enum { ANSWER_MAX = 4 * 1024 };

/* The block that the request puts, validated; `*ret_document` has it as it was given. */
static struct status block_of_request(struct s3_call *call, struct slice *ret_document) {
    struct public_access block;
    struct note why = {0};
    TRY(s3_body_document(call, PUBLIC_ACCESS_DOCUMENT_MAX, ret_document));
    struct status s = public_access_parse(call->arena, *ret_document, &why, &block);
    bool is_wrong = status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE);
    return is_wrong ? s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL) : s;
}

/* Answers with what the document says, and all that it does not say. */
static struct status answer(struct s3_call *call, struct status found, struct slice document) {
    struct public_access block;
    struct buf buf;
    struct xml_writer writer;
    if (status_is(found, STATUS_NOT_FOUND)) {
        return s3_refuse(call, S3_ERROR_NO_SUCH_PUBLIC_ACCESS_BLOCK, NULL);
    }
    TRY(found);
    TRY(public_access_parse(call->arena, document, NULL, &block));
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "PublicAccessBlockConfiguration",
                call->is_control ? XML_NS_S3_CONTROL : XML_NS_S3);
    xml_element_bool(&writer, "BlockPublicAcls", block.block_acls);
    xml_element_bool(&writer, "IgnorePublicAcls", block.ignore_acls);
    xml_element_bool(&writer, "BlockPublicPolicy", block.block_policy);
    xml_element_bool(&writer, "RestrictPublicBuckets", block.restrict_all);
    xml_close(&writer, "PublicAccessBlockConfiguration");
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}

/* ---- of a bucket ---------------------------------------------------------------------------- */

struct status op_put_public_access_block(struct s3_call *call) {
    struct slice document;
    TRY(block_of_request(call, &document));
    return bucket_config_put(call->service->objects, &call->bucket, BUCKET_CONFIG_PUBLIC_ACCESS,
                             SLICE(""), document);
}

struct status op_get_public_access_block(struct s3_call *call) {
    struct slice document = {0};
    struct status s =
        bucket_config_get(call->service->objects, &call->bucket, BUCKET_CONFIG_PUBLIC_ACCESS,
                          SLICE(""), call->arena, &document);
    return answer(call, s, document);
}

struct status op_delete_public_access_block(struct s3_call *call) {
    TRY(bucket_config_delete(call->service->objects, &call->bucket, BUCKET_CONFIG_PUBLIC_ACCESS,
                             SLICE("")));
    call->response.status = 204;
    return status_ok();
}

/* ---- of a project --------------------------------------------------------------------------- */

struct status op_put_account_public_access_block(struct s3_call *call) {
    struct slice document;
    TRY(block_of_request(call, &document));
    return project_config_put(call->service->objects, s3_header(call, S3_ACCOUNT_HEADER),
                              PROJECT_CONFIG_PUBLIC_ACCESS, document);
}

struct status op_get_account_public_access_block(struct s3_call *call) {
    struct slice document = {0};
    struct status s = project_config_get(call->service->objects, s3_header(call, S3_ACCOUNT_HEADER),
                                         PROJECT_CONFIG_PUBLIC_ACCESS, call->arena, &document);
    return answer(call, s, document);
}

struct status op_delete_account_public_access_block(struct s3_call *call) {
    TRY(project_config_delete(call->service->objects, s3_header(call, S3_ACCOUNT_HEADER),
                              PROJECT_CONFIG_PUBLIC_ACCESS));
    call->response.status = 204;
    return status_ok();
}
