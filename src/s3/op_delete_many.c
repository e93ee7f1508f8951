/*
 * DeleteObjects: up to a thousand keys of one bucket, each with its own verdict.
 */
#include "base/date.h"
#include "http/condition.h"
#include "s3/body.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/write_condition.h"
#include "xml/reader.h"

enum {
    KEYS_MAX = 1000,
    DOCUMENT_MAX = 2 * 1024 * 1024,
    TREE_BLOCK = 64 * 1024,
    TREE_MAX = 8 * 1024 * 1024,
    ANSWER_MAX = 16 * 1024 * 1024
};

struct status op_delete_objects_check(struct s3_call *call) {
    struct s3_body_promise promise;
    TRY(s3_check_headers(call));
    TRY(s3_body_promise_of(call, &promise));
    if (promise.has_md5 || promise.wish.present) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

static struct status malformed_refuse(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

/* Reads the list of keys into `arena`, to the verified end of the body. */
static struct status list_read(struct s3_call *call, struct arena *arena,
                               const struct xml_node **ret_root) {
    static const struct xml_limits limits = {.bytes_max = DOCUMENT_MAX,
                                             .elements_max = 8 * KEYS_MAX};
    struct s3_body body;
    const struct xml_node *root;
    TRY(s3_body_init_document(&body, call, DOCUMENT_MAX));
    struct status status = xml_read(arena, &body.source, &limits, call->note, &root);
    if (status_is(status, STATUS_INVALID) || status_is(status, STATUS_TOO_LARGE)) {
        return malformed_refuse(call);
    }
    TRY(status);
    size_t count = 0;
    const struct xml_node *object = xml_child(root, "Object");
    for (; object != NULL; object = xml_next_same(object)) {
        if (xml_text(object, "Key").len == 0) return malformed_refuse(call);
        count++;
    }
    if (!xml_is(root, "Delete") || count == 0 || count > KEYS_MAX) return malformed_refuse(call);
    *ret_root = root;
    return status_ok();
}

/* What the list requires of a key's object: ETag, Size, LastModifiedTime. */
static struct status condition_of(struct s3_call *call, const struct xml_node *object,
                                  struct s3_write_condition *ret_condition) {
    struct slice modified = xml_text(object, "LastModifiedTime");
    int64_t time_ns = 0;
    *ret_condition = (struct s3_write_condition){
        .if_match = xml_text(object, "ETag"),
        .has_size = xml_text(object, "Size").ptr != NULL,
        .has_modified = modified.ptr != NULL,
        .absence_passes = true,
    };
    if (ret_condition->has_size && !xml_u64(object, "Size", &ret_condition->size)) {
        return malformed_refuse(call);
    }
    if (modified.ptr != NULL && !date_parse_iso(modified, &time_ns) &&
        !date_parse_http(modified, &time_ns)) {
        return malformed_refuse(call);
    }
    ret_condition->modified_s = time_ns / NS_PER_S;
    return s3_write_condition_init(call, ret_condition);
}

static struct status version_check(struct s3_call *call, const struct xml_node *object) {
    struct slice version = xml_text(object, "VersionId");
    return version.len == 0 ? status_ok() : s3_check_version_id(call, version);
}

static struct status key_delete(struct s3_call *call, const struct xml_node *object) {
    struct slice key = xml_text(object, "Key");
    struct s3_write_condition condition;
    struct bucket bucket;
    if (key.len > OBJECT_KEY_MAX) return s3_refuse(call, S3_ERROR_KEY_TOO_LONG, NULL);
    TRY(s3_authorize_other(call, "s3:DeleteObject", call->bucket_name, key, &bucket));
    TRY(version_check(call, object));
    TRY(condition_of(call, object, &condition));
    struct status status = object_delete(call->service->objects, &call->bucket, key,
                                         s3_write_condition_ptr(&condition), NULL);
    return is_ok(status) ? status : s3_write_failed(call, &condition, status);
}

static void deleted_write(struct xml_writer *xml, const struct xml_node *object) {
    struct slice version = xml_text(object, "VersionId");
    xml_open(xml, "Deleted");
    xml_element(xml, "Key", xml_text(object, "Key"));
    if (version.len > 0) xml_element(xml, "VersionId", version);
    xml_close(xml, "Deleted");
}

/* The verdict on one key; what the refusal left in the call is the key's, not the request's. */
static void error_write(struct s3_call *call, struct xml_writer *xml,
                        const struct xml_node *object) {
    struct slice version = xml_text(object, "VersionId");
    struct slice message = call->detail.message;
    if (message.len == 0) message = slice_str(s3_error_message(call->error));
    xml_open(xml, "Error");
    xml_element(xml, "Key", xml_text(object, "Key"));
    if (version.len > 0) xml_element(xml, "VersionId", version);
    xml_element_str(xml, "Code", s3_error_code(call->error));
    xml_element(xml, "Message", message);
    xml_close(xml, "Error");
    call->error = S3_ERROR_NONE;
    memset(&call->detail, 0, sizeof call->detail);
}

/* Failures of the world end the request: what follows would fail too, and nothing is hidden. */
static bool is_own_trouble(struct status status) {
    return !is_ok(status) && !status_is(status, STATUS_REFUSED);
}

static struct status keys_delete(struct s3_call *call, const struct xml_node *root,
                                 struct xml_writer *xml) {
    bool quiet = false;
    xml_bool(root, "Quiet", &quiet);
    const struct xml_node *object = xml_child(root, "Object");
    for (; object != NULL; object = xml_next_same(object)) {
        struct status status = key_delete(call, object);
        if (is_own_trouble(status)) return status;
        if (!is_ok(status)) {
            error_write(call, xml, object);
        } else if (!quiet) {
            deleted_write(xml, object);
        }
    }
    return status_ok();
}

static struct status delete_and_answer(struct s3_call *call, const struct xml_node *root) {
    struct xml_writer xml;
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    xml_writer_init(&xml, &text);
    xml_declaration(&xml);
    xml_open_ns(&xml, "DeleteResult", XML_NS_S3);
    struct status status = keys_delete(call, root, &xml);
    xml_close(&xml, "DeleteResult");
    if (is_ok(status)) status = xml_end(&xml);
    if (is_ok(status)) return s3_answer_xml(call, &text);
    buf_fini(&text);
    return status;
}

struct status op_delete_objects(struct s3_call *call) {
    struct arena tree;
    const struct xml_node *root;
    arena_init(&tree, TREE_BLOCK, TREE_MAX);
    struct status status = list_read(call, &tree, &root);
    if (is_ok(status)) status = delete_and_answer(call, root);
    arena_fini(&tree);
    return status;
}
