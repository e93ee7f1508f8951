#include "object/upload.h"
#include "s3/listing.h"
#include "s3/ops.h"

struct upload_listing {
    struct s3_listing common;
    struct slice key_marker;
    struct slice id_marker;
};

struct status op_list_multipart_uploads_check(struct s3_call *call) {
    struct upload_listing *listing = ARENA_NEW(call->arena, struct upload_listing);
    if (listing == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(s3_listing_parse(call, "max-uploads", UPLOAD_LIST_MAX, &listing->common));
    listing->key_marker = s3_param(call, "key-marker");
    /* Without a key the id of an upload marks nothing, and S3 ignores it. */
    if (listing->key_marker.len > 0) listing->id_marker = s3_param(call, "upload-id-marker");
    call->state = listing;
    return status_ok();
}

static void write_upload(struct xml_writer *writer, const struct upload_listing *listing,
                         const struct upload_list_entry *entry) {
    const struct upload *upload = &entry->upload;
    struct slice class = upload->meta.storage_class;
    xml_open(writer, "Upload");
    s3_listing_name(writer, &listing->common, "Key", entry->name);
    xml_element(writer, "UploadId", upload->id);
    s3_listing_person(writer, "Initiator", upload->initiator_id, upload->initiator_name);
    s3_listing_person(writer, "Owner", upload->meta.owner_id, upload->meta.owner_name);
    xml_element(writer, "StorageClass", class.len > 0 ? class : SLICE("STANDARD"));
    xml_element_time(writer, "Initiated", upload->created_ns);
    if (upload->checksum.present) {
        bool is_full = upload->checksum.type == OBJECT_CHECKSUM_FULL;
        xml_element_str(writer, "ChecksumAlgorithm", checksum_name(upload->checksum.kind));
        xml_element_str(writer, "ChecksumType", is_full ? "FULL_OBJECT" : "COMPOSITE");
    }
    xml_close(writer, "Upload");
}

static void write_frame(struct s3_call *call, struct xml_writer *writer,
                        const struct upload_listing *listing, const struct upload_list_page *page) {
    const struct s3_listing *common = &listing->common;
    xml_element(writer, "Bucket", call->bucket_name);
    s3_listing_name(writer, common, "KeyMarker", listing->key_marker);
    xml_element(writer, "UploadIdMarker", listing->id_marker);
    if (page->truncated) {
        s3_listing_name(writer, common, "NextKeyMarker", page->next_key);
        xml_element(writer, "NextUploadIdMarker", page->next_id);
    }
    if (common->delimiter.len > 0) s3_listing_name(writer, common, "Delimiter", common->delimiter);
    s3_listing_name(writer, common, "Prefix", common->prefix);
    if (common->is_url) xml_element_str(writer, "EncodingType", "url");
    xml_element_u64(writer, "MaxUploads", common->max);
    xml_element_bool(writer, "IsTruncated", page->truncated);
}

static void write_page(struct s3_call *call, struct xml_writer *writer,
                       const struct upload_list_page *page) {
    const struct upload_listing *listing = call->state;
    xml_declaration(writer);
    xml_open_ns(writer, "ListMultipartUploadsResult", XML_NS_S3);
    write_frame(call, writer, listing, page);
    for (size_t i = 0; i < page->count; i++) {
        if (!page->entries[i].is_prefix) write_upload(writer, listing, &page->entries[i]);
    }
    for (size_t i = 0; i < page->count; i++) {
        const struct upload_list_entry *entry = &page->entries[i];
        if (entry->is_prefix) s3_listing_common_prefix(writer, &listing->common, entry->name);
    }
    xml_close(writer, "ListMultipartUploadsResult");
}

struct status op_list_multipart_uploads(struct s3_call *call) {
    const struct upload_listing *listing = call->state;
    struct upload_list_page page = {0};
    struct upload_list_query query = {
        .prefix = listing->common.prefix,
        .delimiter = listing->common.delimiter,
        .key_marker = listing->key_marker,
        .id_marker = listing->id_marker,
        .max = listing->common.max,
    };
    if (query.max > 0) {
        TRY(upload_list(call->service->objects, &call->bucket, &query, call->arena, &page));
    }
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, S3_LISTING_DOCUMENT_MAX);
    xml_writer_init(&writer, &buf);
    write_page(call, &writer, &page);
    IGNORE_STATUS(xml_end(&writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, &buf);
}
