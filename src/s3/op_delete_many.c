/*
 * DeleteObjects: up to a thousand keys of one bucket, each with its own verdict.
 */
#include "base/date.h"
#include "s3/body.h"
#include "s3/delete_document.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"
#include "s3/write_condition.h"

enum { TREE_BLOCK = 64 * 1024, TREE_MAX = 8 * 1024 * 1024, ANSWER_MAX = 16 * 1024 * 1024 };

struct status op_delete_objects_check(struct s3_call *call) {
    struct s3_body_promise promise;
    TRY(s3_check_headers(call));
    TRY(s3_body_promise_of(call, &promise));
    if (promise.has_md5 || promise.wish.present) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

static struct status list_read(struct s3_call *call, struct arena *arena,
                               struct s3_delete_list *ret_list) {
    struct s3_body body;
    TRY(s3_body_init_document(&body, call, S3_DELETE_DOCUMENT_MAX));
    struct status status = s3_delete_list_read(arena, &body.source, call->note, ret_list);
    if (!status_is(status, STATUS_INVALID)) return status;
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

static struct status condition_of(struct s3_call *call, const struct s3_delete_key *key,
                                  struct s3_write_condition *ret_condition) {
    *ret_condition = (struct s3_write_condition){
        .if_match = key->etag,
        .has_size = key->has_size,
        .size = key->size,
        .has_modified = key->has_modified,
        .modified_s = key->modified_ns / NS_PER_S,
        .absence_passes = true,
    };
    return s3_write_condition_init(call, ret_condition);
}

/* A version that is no version of ours is not there. */
static struct status version_of(struct s3_call *call, const struct s3_delete_key *key,
                                struct object_version *ret_version) {
    *ret_version = (struct object_version){.kind = OBJECT_VERSION_CURRENT};
    if (key->version.len == 0 || object_version_parse(key->version, ret_version)) {
        return status_ok();
    }
    return s3_refuse(call, S3_ERROR_NO_SUCH_VERSION, NULL);
}

static struct status key_delete(struct s3_call *call, const struct s3_delete_key *key,
                                struct object_deleted *ret_deleted) {
    struct s3_write_condition condition;
    struct bucket bucket;
    struct object_deletion deletion = {.key = key->key};
    struct slice named = key->version.len > 0 ? key->version : slice_of(NULL, 0);
    if (key->key.len > OBJECT_KEY_MAX) return s3_refuse(call, S3_ERROR_KEY_TOO_LONG, NULL);
    TRY(version_of(call, key, &deletion.version));
    TRY(s3_authorize_other(call, s3_version_action("s3:DeleteObject", named), call->bucket_name,
                           key->key, &deletion.version, &bucket));
    TRY(condition_of(call, key, &condition));
    TRY(s3_bypasses_governance(call, key->key, &deletion.bypasses_governance));
    s3_owner(call, &deletion.owner_id, &deletion.owner_name);
    deletion.condition = s3_write_condition_ptr(&condition);
    struct status status =
        object_delete_version(call->service->objects, &call->bucket, &deletion, ret_deleted);
    if (status_is(status, STATUS_DENIED)) return s3_refuse_protected(call);
    return is_ok(status) ? status : s3_write_failed(call, &condition, status);
}

static void name_write(struct xml_writer *xml, const struct s3_delete_key *key) {
    xml_element(xml, "Key", key->key);
    if (key->version.len > 0) xml_element(xml, "VersionId", key->version);
}

static void deleted_write(struct s3_call *call, struct xml_writer *xml,
                          const struct s3_delete_key *key, const struct object_deleted *deleted) {
    xml_open(xml, "Deleted");
    name_write(xml, key);
    if (deleted->is_marker) {
        xml_element_bool(xml, "DeleteMarker", true);
        xml_element(xml, "DeleteMarkerVersionId", object_deleted_text(deleted, call->arena));
    }
    xml_close(xml, "Deleted");
}

/* The verdict on one key; what the refusal left in the call is the key's, not the request's. */
static void error_write(struct s3_call *call, struct xml_writer *xml,
                        const struct s3_delete_key *key) {
    struct slice message = call->detail.message;
    if (message.len == 0) message = slice_str(s3_error_message(call->error));
    xml_open(xml, "Error");
    name_write(xml, key);
    xml_element_str(xml, "Code", s3_error_code(call->error));
    xml_element(xml, "Message", message);
    xml_close(xml, "Error");
    call->error = S3_ERROR_NONE;
    memset(&call->detail, 0, sizeof call->detail);
}

/* A failure of the world ends the request: what follows would fail too. */
static struct status keys_delete(struct s3_call *call, const struct s3_delete_list *list,
                                 struct xml_writer *xml) {
    for (size_t i = 0; i < list->count; i++) {
        struct object_deleted deleted;
        struct status status = key_delete(call, &list->keys[i], &deleted);
        if (is_ok(status)) {
            if (!list->quiet) deleted_write(call, xml, &list->keys[i], &deleted);
        } else if (status_is(status, STATUS_REFUSED)) {
            error_write(call, xml, &list->keys[i]);
        } else {
            return status;
        }
    }
    return status_ok();
}

static struct status delete_and_answer(struct s3_call *call, const struct s3_delete_list *list) {
    struct xml_writer xml;
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    xml_writer_init(&xml, &text);
    xml_declaration(&xml);
    xml_open_ns(&xml, "DeleteResult", XML_NS_S3);
    struct status status = keys_delete(call, list, &xml);
    xml_close(&xml, "DeleteResult");
    if (is_ok(status)) status = xml_end(&xml);
    if (is_ok(status)) return s3_answer_xml(call, &text);
    buf_fini(&text);
    return status;
}

struct status op_delete_objects(struct s3_call *call) {
    struct arena tree;
    struct s3_delete_list list;
    arena_init(&tree, TREE_BLOCK, TREE_MAX);
    struct status status = list_read(call, &tree, &list);
    if (is_ok(status)) status = delete_and_answer(call, &list);
    arena_fini(&tree);
    return status;
}
