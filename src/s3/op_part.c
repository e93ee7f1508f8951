/*
 * UploadPart and UploadPartCopy: bytes that become a part of an upload.
 */
#include "http/range.h"
#include "s3/body.h"
#include "s3/copy_source.h"
#include "s3/early.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/upload_call.h"

enum { RESULT_MAX = 4096 };

/*
 * Spec: S3 UploadPart: the algorithm must be the one of CreateMultipartUpload. An upload of the
 * default one may have been created without a word about it, and takes any.
 */
static struct status kind_check(struct s3_call *call, const struct upload *upload) {
    struct s3_checksum_wish wish;
    TRY(s3_checksum_wish_of(call, &wish));
    const struct upload_checksum *checksum = &upload->checksum;
    bool may_lack = checksum->type == OBJECT_CHECKSUM_FULL;
    if (checksum->kind == S3_CHECKSUM_DEFAULT) return status_ok();
    if (wish.present ? wish.kind == checksum->kind : may_lack) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum "
                     "Type: %s",
                     checksum_suffix(checksum->kind),
                     wish.present ? checksum_suffix(wish.kind) : "null");
}

struct status op_upload_part_check(struct s3_call *call) {
    uint32_t number;
    TRY(s3_check_headers(call));
    TRY(s3_part_number_of(call, &number));
    return s3_body_check(call);
}

/* Pulls the body to its verified end and makes it the part. */
static struct status part_write(struct s3_call *call, const struct upload *upload,
                                struct s3_body *body, uint64_t size_hint,
                                struct upload_part *ret_part) {
    struct upload_part_writer *writer = NULL;
    char storage[S3_ETAG_LEN];
    uint32_t number;
    TRY(s3_part_number_of(call, &number));
    TRY(upload_part_begin(call->service->objects, &call->bucket, upload, number, size_hint,
                          call->note, &writer));
    struct status status = upload_part_pull(writer, &body->source);
    if (!is_ok(status)) {
        upload_part_abort(&writer);
        return status;
    }
    struct object_checksum checksum = s3_body_checksum(body);
    struct slice etag = s3_body_etag(body, storage);
    status = upload_part_commit(&writer, etag, &checksum, ret_part);
    if (status_is(status, STATUS_NOT_FOUND)) return s3_refuse_no_upload(call, upload->id);
    TRY(status);
    ret_part->etag = arena_dup(call->arena, etag);
    ret_part->checksum = checksum;
    return arena_ok(call->arena);
}

struct status op_upload_part(struct s3_call *call) {
    struct upload upload;
    struct upload_part part;
    struct s3_body body;
    TRY(s3_upload_of(call, &upload));
    TRY(kind_check(call, &upload));
    TRY(s3_body_init(&body, call, &upload.checksum.kind));
    TRY(part_write(call, &upload, &body, call->body_length, &part));
    struct object_checksum said = s3_body_said(&body);
    s3_etag_answer(call, part.etag);
    s3_checksum_answer(call, &said, 0);
    return status_ok();
}

/* ---- UploadPartCopy ------------------------------------------------------------------------- */

static struct status range_parse(struct s3_call *call, bool *ret_has,
                                 struct http_range *ret_range) {
    struct slice text = s3_header(call, "x-amz-copy-source-range");
    *ret_has = text.ptr != NULL;
    if (text.ptr == NULL || is_ok(http_copy_range_parse(text, ret_range))) return status_ok();
    return s3_refuse_argument(call, "x-amz-copy-source-range", text,
                              "The x-amz-copy-source-range value must be of the form "
                              "bytes=first-last where first and last are the zero-based offsets of "
                              "the first and last bytes to copy");
}

struct status op_upload_part_copy_check(struct s3_call *call) {
    struct http_range range;
    bool has_range;
    uint32_t number;
    TRY(s3_check_headers(call));
    TRY(s3_part_number_of(call, &number));
    TRY(s3_copy_source_check(call));
    return range_parse(call, &has_range, &range);
}

/*
 * Spec-deviation: S3 says InvalidArgument to a range that leaves the source; the S3 test suite of
 * Ceph wants InvalidRange.
 */
static struct status range_refuse(struct s3_call *call, uint64_t size) {
    s3_refuse_with(call, "RangeRequested", s3_header(call, "x-amz-copy-source-range"));
    return s3_refuse(call, S3_ERROR_INVALID_RANGE,
                     "Range specified is not valid for source object of size: %llu",
                     (unsigned long long)size);
}

static struct status range_choose(struct s3_call *call, const struct object_info *source,
                                  struct http_range *ret_range) {
    bool has_range;
    TRY(range_parse(call, &has_range, ret_range));
    if (!has_range) {
        *ret_range = (struct http_range){0, source->size};
    } else if (!http_range_is_inside(*ret_range, source->size)) {
        return range_refuse(call, source->size);
    }
    if (ret_range->len <= UPLOAD_PART_SIZE_MAX) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "The specified copy source is larger than the maximum allowable size for a "
                     "copy source: %llu",
                     (unsigned long long)UPLOAD_PART_SIZE_MAX);
}

static struct status part_copy(struct s3_call *call, const struct upload *upload,
                               const struct s3_copy_source *source, struct upload_part *ret_part) {
    struct http_range range;
    struct s3_copy_bytes bytes;
    struct s3_body body;
    TRY(range_choose(call, &source->info, &range));
    s3_copy_bytes_init(&bytes, call, source, range.first, range.len);
    s3_body_init_copy(&body, call, &bytes.source, upload->checksum.kind);
    return part_write(call, upload, &body, range.len, ret_part);
}

static struct status copied_answer(struct s3_call *call, const struct upload_part *part) {
    struct xml_writer xml;
    struct buf text;
    buf_init(&text, RESULT_MAX);
    xml_writer_init(&xml, &text);
    s3_early_declaration(call, &xml);
    xml_open_ns(&xml, "CopyPartResult", XML_NS_S3);
    xml_element_etag(&xml, "ETag", part->etag);
    xml_element_time(&xml, "LastModified", part->modified_ns);
    s3_checksum_element(&xml, call->arena, &part->checksum, 0);
    xml_close(&xml, "CopyPartResult");
    return s3_upload_answer(call, &xml, &text);
}

struct status op_upload_part_copy(struct s3_call *call) {
    struct upload upload;
    struct upload_part part;
    struct s3_copy_source source;
    TRY(s3_upload_of(call, &upload));
    TRY(s3_copy_source_open(call, &source));
    s3_copy_source_answer(call, &source); /* in an early head too */
    struct status status = part_copy(call, &upload, &source, &part);
    s3_copy_source_close(&source);
    TRY(status);
    return copied_answer(call, &part);
}
