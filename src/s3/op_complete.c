/*
 * CompleteMultipartUpload: the list of parts, and the one instant at which they are an object.
 */
#include "http/condition.h"
#include "s3/body.h"
#include "s3/complete_document.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/upload_call.h"
#include "s3/version_call.h"
#include "s3/write_condition.h"

enum { TREE_BLOCK = 64 * 1024, TREE_MAX = 32 * 1024 * 1024, RESULT_MAX = 64 * 1024 };

/* x-amz-mp-object-size. */
static struct status object_size(struct s3_call *call, bool *ret_has, uint64_t *ret_size) {
    struct slice text = s3_header(call, "x-amz-mp-object-size");
    *ret_has = text.ptr != NULL;
    if (text.ptr == NULL || slice_parse_u64(text, ret_size)) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "Value for x-amz-mp-object-size header is invalid: '%.*s'", SLICE_FMT(text));
}

struct status op_complete_multipart_upload_check(struct s3_call *call) {
    struct object_checksum expected;
    enum object_checksum_type type;
    uint64_t number;
    bool present;
    TRY(s3_check_headers(call));
    TRY(s3_checksum_of_object(call, &expected, &number));
    TRY(s3_checksum_type(call, &present, &type));
    return object_size(call, &present, &number);
}

/* What the client says about the object's checksum must fit the upload, as far as it is known. */
static struct status expected_checksum(struct s3_call *call, const struct upload *upload,
                                       struct object_checksum *ret_expected) {
    const struct upload_checksum *checksum = &upload->checksum;
    enum object_checksum_type type;
    uint64_t part_count;
    bool has_type;
    TRY(s3_checksum_of_object(call, ret_expected, &part_count));
    TRY(s3_checksum_type(call, &has_type, &type));
    if (checksum->kind == S3_CHECKSUM_DEFAULT && ret_expected->value.kind != checksum->kind) {
        ret_expected->present = false; /* as what clients say about the parts, see below */
    }
    if (has_type && type != checksum->type) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "The upload was created using the %s checksum mode. The complete request "
                         "must use the same checksum mode.",
                         s3_checksum_type_name(checksum->type));
    }
    if (ret_expected->present && ret_expected->value.kind != checksum->kind) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "Checksum Type mismatch occurred, expected checksum Type: %s, actual "
                         "checksum Type: %s",
                         checksum_suffix(checksum->kind),
                         checksum_suffix(ret_expected->value.kind));
    }
    ret_expected->type = checksum->type;
    return status_ok();
}

static struct status part_checksum(struct s3_call *call, const struct upload *upload,
                                   const struct upload_listed_part *part) {
    const struct upload_checksum *checksum = &upload->checksum;
    if (part->has_checksum && part->checksum.kind != checksum->kind) {
        return s3_refuse(call, S3_ERROR_BAD_DIGEST,
                         "The %s you specified for part %u did not match what we received.",
                         checksum_suffix(part->checksum.kind), (unsigned)part->number);
    }
    if (!part->has_checksum && checksum->type == OBJECT_CHECKSUM_COMPOSITE) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "The upload was created using a %s checksum. The complete request must "
                         "include the checksum for each part. It was missing for part %u in the "
                         "request.",
                         checksum_suffix(checksum->kind), (unsigned)part->number);
    }
    return status_ok();
}

/* What the list says beside the default checksum is dropped; whether there was anything. */
static bool drop_other_checksums(struct s3_part_list *list) {
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
        struct upload_listed_part *part = &list->parts[i];
        if (!part->has_checksum || part->checksum.kind == S3_CHECKSUM_DEFAULT) continue;
        part->has_checksum = false;
        any = true;
    }
    return any;
}

/*
 * Spec: S3: each part of a composite checksum is named with its own. An upload of the default
 * checksum may have been created without a word about it; then what clients sent with the parts
 * was looked at when they came, and is not kept.
 */
static struct status part_checksums(struct s3_call *call, const struct upload *upload,
                                    struct s3_part_list *list) {
    if (upload->checksum.kind == S3_CHECKSUM_DEFAULT) drop_other_checksums(list);
    for (size_t i = 0; i < list->count; i++) TRY(part_checksum(call, upload, &list->parts[i]));
    return status_ok();
}

static struct slice number_text(struct s3_call *call, uint64_t number) {
    return arena_printf(call->arena, "%llu", (unsigned long long)number);
}

/* The ETag that the list has for a part. */
static struct slice listed_etag(const struct upload_completion *completion, uint32_t number) {
    for (size_t i = 0; i < completion->part_count; i++) {
        if (completion->parts[i].number == number) return completion->parts[i].etag;
    }
    return SLICE("");
}

static struct status part_refuse(struct s3_call *call, enum s3_error error,
                                 const struct upload_completion *completion,
                                 const struct upload_complaint *complaint) {
    struct slice etag = listed_etag(completion, complaint->part_number);
    s3_refuse_with(call, "UploadId", s3_param(call, "uploadId"));
    s3_refuse_with(call, "PartNumber", number_text(call, complaint->part_number));
    s3_refuse_with(call, "ETag", arena_dup(call->arena, etag));
    return s3_refuse(call, error, NULL);
}

static struct status small_refuse(struct s3_call *call, const struct upload_complaint *complaint) {
    s3_refuse_with(call, "ProposedSize", number_text(call, complaint->part_size));
    s3_refuse_with(call, "MinSizeAllowed", number_text(call, UPLOAD_PART_SIZE_MIN));
    s3_refuse_with(call, "PartNumber", number_text(call, complaint->part_number));
    s3_refuse_with(call, "ETag", complaint->part_etag);
    return s3_refuse(call, S3_ERROR_ENTITY_TOO_SMALL, NULL);
}

static struct status complaint_refuse(struct s3_call *call,
                                      const struct upload_completion *completion,
                                      const struct upload_complaint *complaint) {
    switch (complaint->defect) {
        case UPLOAD_DEFECT_PART:
            return part_refuse(call, S3_ERROR_INVALID_PART, completion, complaint);
        case UPLOAD_DEFECT_ORDER:
            return part_refuse(call, S3_ERROR_INVALID_PART_ORDER, completion, complaint);
        case UPLOAD_DEFECT_SMALL:
            return small_refuse(call, complaint);
        case UPLOAD_DEFECT_SIZE:
            return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                             "The provided 'x-amz-mp-object-size' header value %llu does not match "
                             "what was computed: %llu",
                             (unsigned long long)completion->size,
                             (unsigned long long)complaint->part_size);
        case UPLOAD_DEFECT_CHECKSUM:
            return s3_checksum_mismatch(call, completion->expected.value.kind);
        case UPLOAD_DEFECT_EMPTY:
        case UPLOAD_DEFECT_NONE:
            break;
    }
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

static struct status complete(struct s3_call *call, struct upload_completion *completion,
                              struct object_info *ret_info) {
    struct upload_complaint complaint = {0};
    struct s3_write_condition condition;
    struct slice id = s3_param(call, "uploadId");
    TRY(s3_write_condition_of(call, &condition));
    TRY(object_size(call, &completion->has_size, &completion->size));
    completion->condition = s3_write_condition_ptr(&condition);
    struct status status = upload_complete(call->service->objects, &call->bucket, call->key, id,
                                           completion, call->arena, &complaint, ret_info);
    if (is_ok(status)) return status;
    if (status_is(status, STATUS_INVALID)) return complaint_refuse(call, completion, &complaint);
    if (status_is(status, STATUS_NOT_FOUND) && !condition.verdict->absent) {
        return s3_refuse_no_upload(call, id);
    }
    return s3_write_failed(call, &condition, status);
}

static struct status completed_answer(struct s3_call *call, const struct object_info *info) {
    struct xml_writer xml;
    struct buf text;
    s3_version_answer_written(call, info);
    buf_init(&text, RESULT_MAX);
    xml_writer_init(&xml, &text);
    xml_declaration(&xml);
    xml_open_ns(&xml, "CompleteMultipartUploadResult", XML_NS_S3);
    const struct slice location[] = {call->is_tls ? SLICE("https://") : SLICE("http://"),
                                     call->head->authority, call->head->path};
    xml_element(&xml, "Location", arena_join(call->arena, location, 3));
    xml_element(&xml, "Bucket", call->bucket_name);
    xml_element(&xml, "Key", call->key);
    xml_element_etag(&xml, "ETag", info->etag);
    s3_checksum_element(&xml, call->arena, &info->checksum, info->part_count);
    if (info->checksum.present) {
        xml_element_str(&xml, "ChecksumType", s3_checksum_type_name(info->checksum.type));
    }
    xml_close(&xml, "CompleteMultipartUploadResult");
    return s3_upload_answer(call, &xml, &text);
}

/*
 * An upload that is not there may have been completed by this very request before: its receipt
 * knows. What the list said about checksums was looked at then.
 */
static struct status again(struct s3_call *call, struct upload_completion *completion,
                           struct s3_part_list *list, struct object_info *ret_info) {
    struct status status = complete(call, completion, ret_info);
    if (is_ok(status) || call->error != S3_ERROR_NO_SUCH_UPLOAD) return status;
    if (!drop_other_checksums(list)) return status;
    call->error = S3_ERROR_NONE;
    memset(&call->detail, 0, sizeof call->detail);
    return complete(call, completion, ret_info);
}

static struct status list_complete(struct s3_call *call, struct s3_part_list *list) {
    struct upload_completion completion = {
        .parts = list->parts, .part_count = list->count, .min_part_size = UPLOAD_PART_SIZE_MIN};
    struct object_info info;
    struct upload upload;
    struct status status = upload_find(call->service->objects, &call->bucket, call->key,
                                       s3_param(call, "uploadId"), call->arena, &upload);
    if (status_is(status, STATUS_NOT_FOUND)) {
        TRY(again(call, &completion, list, &info));
        return completed_answer(call, &info);
    }
    TRY(status);
    TRY(expected_checksum(call, &upload, &completion.expected));
    TRY(part_checksums(call, &upload, list));
    TRY(complete(call, &completion, &info));
    return completed_answer(call, &info);
}

static struct status list_read(struct s3_call *call, struct arena *arena,
                               struct s3_part_list *ret_list) {
    struct s3_body body;
    struct note note = {0};
    bool is_argument = false;
    TRY(s3_body_init_completion(&body, call, S3_PART_LIST_DOCUMENT_MAX));
    struct status status = s3_part_list_read(arena, &body.source, &note, &is_argument, ret_list);
    if (!status_is(status, STATUS_INVALID)) return status;
    if (is_argument) return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", note.text);
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

struct status op_complete_multipart_upload(struct s3_call *call) {
    struct arena tree;
    struct s3_part_list list;
    arena_init(&tree, TREE_BLOCK, TREE_MAX);
    struct status status = list_read(call, &tree, &list);
    if (is_ok(status)) status = list_complete(call, &list);
    arena_fini(&tree);
    return status;
}
