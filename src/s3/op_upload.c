/*
 * CreateMultipartUpload, AbortMultipartUpload, ListParts.
 */
#include "base/date.h"
#include "object/upload.h"
#include "s3/checksum_header.h"
#include "s3/listing.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/upload_call.h"

enum { CREATED_MAX = 64 * 1024, PARTS_ANSWER_MAX = 1024 * 1024 };

/* ---- CreateMultipartUpload ------------------------------------------------------------------ */

/* Which types S3 offers: a whole can be computed from its parts only where the kind combines. */
static bool type_fits(enum checksum_kind kind, enum object_checksum_type type) {
    if (type == OBJECT_CHECKSUM_FULL) return checksum_combines(kind);
    return kind != CHECKSUM_CRC64NVME;
}

static enum object_checksum_type default_type(enum checksum_kind kind) {
    return kind == CHECKSUM_CRC64NVME ? OBJECT_CHECKSUM_FULL : OBJECT_CHECKSUM_COMPOSITE;
}

static struct status type_refuse(struct s3_call *call, enum checksum_kind kind,
                                 enum object_checksum_type type) {
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "The %s checksum type cannot be used with the %s checksum algorithm.",
                     s3_checksum_type_name(type), checksum_suffix(kind));
}

/*
 * What the parts' checksums will be, and the object's: the default one where nothing is said.
 * Spec: S3 CreateMultipartUpload.
 */
static struct status wanted_checksum(struct s3_call *call, struct upload_checksum *ret_checksum) {
    struct upload_checksum checksum = {0};
    bool has_type;
    TRY(s3_checksum_algorithm(call, &checksum.present, &checksum.kind));
    TRY(s3_checksum_type(call, &has_type, &checksum.type));
    if (!checksum.present) {
        if (has_type) {
            return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                             "The x-amz-checksum-type header can only be used with the "
                             "x-amz-checksum-algorithm header.");
        }
        *ret_checksum = (struct upload_checksum){true, S3_CHECKSUM_DEFAULT, OBJECT_CHECKSUM_FULL};
        return status_ok();
    }
    if (!has_type) checksum.type = default_type(checksum.kind);
    if (!type_fits(checksum.kind, checksum.type)) {
        return type_refuse(call, checksum.kind, checksum.type);
    }
    *ret_checksum = checksum;
    return status_ok();
}

struct status op_create_multipart_upload_check(struct s3_call *call) {
    struct upload_checksum checksum;
    TRY(s3_check_headers(call));
    return wanted_checksum(call, &checksum);
}

static struct status created_answer(struct s3_call *call, const struct upload *upload) {
    struct xml_writer xml;
    struct buf text;
    if (s3_header(call, "x-amz-checksum-algorithm").len > 0) {
        http_response_set_str(&call->response, "x-amz-checksum-algorithm",
                              checksum_name(upload->checksum.kind));
        http_response_set_str(&call->response, "x-amz-checksum-type",
                              s3_checksum_type_name(upload->checksum.type));
    }
    buf_init(&text, CREATED_MAX);
    xml_writer_init(&xml, &text);
    xml_declaration(&xml);
    xml_open_ns(&xml, "InitiateMultipartUploadResult", XML_NS_S3);
    xml_element(&xml, "Bucket", call->bucket_name);
    xml_element(&xml, "Key", call->key);
    xml_element(&xml, "UploadId", upload->id);
    xml_close(&xml, "InitiateMultipartUploadResult");
    return s3_upload_answer(call, &xml, &text);
}

struct status op_create_multipart_upload(struct s3_call *call) {
    struct upload upload;
    struct upload wanted = {
        .key = call->key,
        .initiator_id = call->auth.principal.user_id,
        .initiator_name = call->auth.principal.user_name,
    };
    TRY(wanted_checksum(call, &wanted.checksum));
    TRY(s3_meta_of_request(call, &wanted.meta));
    struct status status =
        upload_create(call->service->objects, &call->bucket, &wanted, call->arena, &upload);
    if (status_is(status, STATUS_NOT_FOUND)) return s3_refuse_bucket_gone(call);
    TRY(status);
    return created_answer(call, &upload);
}

/* ---- AbortMultipartUpload ------------------------------------------------------------------- */

/* x-amz-if-match-initiated-time: only the upload that began at that time. */
static struct status initiated_judge(struct s3_call *call) {
    struct slice text = s3_header(call, "x-amz-if-match-initiated-time");
    struct upload upload;
    int64_t time_ns;
    if (text.ptr == NULL) return status_ok();
    if (!date_parse_http(text, &time_ns) && !date_parse_iso(text, &time_ns)) {
        return s3_refuse_argument(call, "x-amz-if-match-initiated-time", text, "Invalid Argument");
    }
    TRY(s3_upload_of(call, &upload));
    if (time_ns / NS_PER_S == upload.created_ns / NS_PER_S) return status_ok();
    return s3_refuse_condition(call, "x-amz-if-match-initiated-time");
}

struct status op_abort_multipart_upload(struct s3_call *call) {
    struct slice id = s3_param(call, "uploadId");
    TRY(initiated_judge(call));
    struct status status = upload_abort(call->service->objects, &call->bucket, call->key, id);
    if (status_is(status, STATUS_NOT_FOUND)) return s3_refuse_no_upload(call, id);
    TRY(status);
    call->response.status = 204;
    return status_ok();
}

/* ---- ListParts ------------------------------------------------------------------------------ */

/* Which page of parts is asked for. */
struct parts_query {
    uint32_t after;
    struct s3_listing listing; /* max-parts and encoding-type of it */
};

static struct status parts_query_of(struct s3_call *call, struct parts_query *ret_query) {
    uint64_t after;
    TRY(s3_listing_parse(call, "max-parts", UPLOAD_LIST_MAX, &ret_query->listing));
    TRY(s3_number_param(call, "part-number-marker", 0, 0, &after));
    ret_query->after = (uint32_t)after;
    return status_ok();
}

struct status op_list_parts_check(struct s3_call *call) {
    struct parts_query query;
    return parts_query_of(call, &query);
}

static void part_write(struct s3_call *call, struct xml_writer *xml,
                       const struct upload_part *part) {
    xml_open(xml, "Part");
    xml_element_u64(xml, "PartNumber", part->number);
    xml_element_time(xml, "LastModified", part->modified_ns);
    xml_element_etag(xml, "ETag", part->etag);
    xml_element_u64(xml, "Size", part->size);
    s3_checksum_element(xml, call->arena, &part->checksum, 0);
    xml_close(xml, "Part");
}

/* A page of parts. */
struct parts_page {
    struct upload_part *parts;
    size_t count;
    bool more;
};

static void page_head_write(struct s3_call *call, struct xml_writer *xml,
                            const struct upload *upload, const struct parts_query *query,
                            const struct parts_page *page) {
    struct slice storage_class = upload->meta.storage_class;
    xml_element(xml, "Bucket", call->bucket_name);
    s3_listing_name(xml, &query->listing, "Key", call->key);
    xml_element(xml, "UploadId", upload->id);
    s3_listing_person(xml, "Initiator", upload->initiator_id, upload->initiator_name);
    s3_listing_person(xml, "Owner", upload->meta.owner_id, upload->meta.owner_name);
    xml_element(xml, "StorageClass", storage_class.len > 0 ? storage_class : SLICE("STANDARD"));
    xml_element_u64(xml, "PartNumberMarker", query->after);
    uint32_t last = page->count > 0 ? page->parts[page->count - 1].number : 0;
    xml_element_u64(xml, "NextPartNumberMarker", last);
    xml_element_u64(xml, "MaxParts", query->listing.max);
    if (query->listing.is_url) xml_element_str(xml, "EncodingType", "url");
    xml_element_bool(xml, "IsTruncated", page->more);
    if (upload->checksum.present) {
        xml_element_str(xml, "ChecksumAlgorithm", checksum_name(upload->checksum.kind));
        xml_element_str(xml, "ChecksumType", s3_checksum_type_name(upload->checksum.type));
    }
}

static struct status parts_answer(struct s3_call *call, const struct upload *upload,
                                  const struct parts_query *query, const struct parts_page *page) {
    struct xml_writer xml;
    struct buf text;
    buf_init(&text, PARTS_ANSWER_MAX);
    xml_writer_init(&xml, &text);
    xml_declaration(&xml);
    xml_open_ns(&xml, "ListPartsResult", XML_NS_S3);
    page_head_write(call, &xml, upload, query, page);
    for (size_t i = 0; i < page->count; i++) part_write(call, &xml, &page->parts[i]);
    xml_close(&xml, "ListPartsResult");
    return s3_upload_answer(call, &xml, &text);
}

struct status op_list_parts(struct s3_call *call) {
    struct upload upload;
    struct parts_query query;
    struct parts_page page = {0};
    TRY(parts_query_of(call, &query));
    TRY(s3_upload_of(call, &upload));
    page.parts = arena_calloc(call->arena, query.listing.max + 1, sizeof *page.parts);
    if (page.parts == NULL) return status_of(STATUS_NO_MEMORY);
    if (query.listing.max > 0) {
        TRY(upload_part_list(call->service->objects, &call->bucket, &upload, query.after,
                             call->arena, page.parts, query.listing.max, &page.count, &page.more));
    }
    return parts_answer(call, &upload, &query, &page);
}
