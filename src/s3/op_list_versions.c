/*
 * ListObjectVersions: versions and delete markers in one order, with two markers.
 */
#include "object/list.h"
#include "s3/listing.h"
#include "s3/ops.h"
#include "s3/version_call.h"

enum { ENTRY_BYTES = 480, FRAME_BYTES = 1024 };

struct listing {
    struct s3_listing common;
    struct version_list_query query;
};

/*
 * An id marker is one of those that an answer had in NextVersionIdMarker, or any version's id; an
 * empty one is none.
 */
static struct status read_marker(struct s3_call *call, struct version_list_query *query) {
    static const char name[] = "version-id-marker";
    struct slice marker = s3_param(call, name);
    query->key_marker = s3_param(call, "key-marker");
    if (marker.len == 0) return status_ok();
    if (query->key_marker.len == 0) {
        return s3_refuse_argument(call, name, marker,
                                  "A version-id marker cannot be specified without a key marker.");
    }
    query->has_id_marker = object_version_parse(marker, &query->id_marker);
    if (query->has_id_marker) return status_ok();
    return s3_refuse_argument(call, name, marker, "Invalid version id specified");
}

struct status op_list_object_versions_check(struct s3_call *call) {
    struct listing *listing = ARENA_NEW(call->arena, struct listing);
    if (listing == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(s3_listing_parse(call, "max-keys", LIST_PAGE_MAX, &listing->common));
    TRY(s3_listing_check_attributes(call));
    TRY(read_marker(call, &listing->query));
    listing->query.prefix = listing->common.prefix;
    listing->query.delimiter = listing->common.delimiter;
    listing->query.max = listing->common.max;
    call->state = listing;
    return status_ok();
}

static void write_object(struct xml_writer *writer, const struct object_info *info) {
    xml_element_etag(writer, "ETag", info->etag);
    s3_listing_checksum(writer, &info->checksum);
    xml_element_u64(writer, "Size", info->size);
}

static void write_version(struct s3_call *call, struct xml_writer *writer,
                          const struct s3_listing *common, const struct version_list_entry *entry) {
    const struct object_info *info = &entry->info;
    const char *element = info->delete_marker ? "DeleteMarker" : "Version";
    xml_open(writer, element);
    s3_listing_name(writer, common, "Key", entry->name);
    xml_element(writer, "VersionId", object_version_text(info, call->arena));
    xml_element_bool(writer, "IsLatest", entry->is_latest);
    xml_element_time(writer, "LastModified", info->modified_ns);
    if (!info->delete_marker) write_object(writer, info);
    s3_listing_person(writer, "Owner", info->meta.owner_id, info->meta.owner_name);
    struct slice class = info->meta.storage_class;
    if (class.len == 0) class = SLICE("STANDARD");
    if (!info->delete_marker) xml_element(writer, "StorageClass", class);
    xml_close(writer, element);
}

static void write_entries(struct s3_call *call, struct xml_writer *writer,
                          const struct s3_listing *common, const struct version_list_page *page) {
    for (size_t i = 0; i < page->count; i++) {
        if (!page->entries[i].is_prefix) write_version(call, writer, common, &page->entries[i]);
    }
    for (size_t i = 0; i < page->count; i++) {
        if (!page->entries[i].is_prefix) continue;
        s3_listing_common_prefix(writer, common, page->entries[i].name);
    }
}

static void write_page(struct s3_call *call, struct xml_writer *writer,
                       const struct listing *listing, const struct version_list_page *page) {
    const struct s3_listing *common = &listing->common;
    xml_open_ns(writer, "ListVersionsResult", XML_NS_S3);
    xml_element(writer, "Name", call->bucket_name);
    s3_listing_name(writer, common, "Prefix", common->prefix);
    s3_listing_name(writer, common, "KeyMarker", listing->query.key_marker);
    xml_element(writer, "VersionIdMarker", s3_param(call, "version-id-marker"));
    if (page->truncated) {
        s3_listing_name(writer, common, "NextKeyMarker", page->next_key);
        if (page->next_id.len > 0) xml_element(writer, "NextVersionIdMarker", page->next_id);
    }
    xml_element_u64(writer, "MaxKeys", common->max);
    if (common->delimiter.len > 0) s3_listing_name(writer, common, "Delimiter", common->delimiter);
    if (common->is_url) xml_element_str(writer, "EncodingType", "url");
    xml_element_bool(writer, "IsTruncated", page->truncated);
    write_entries(call, writer, common, page);
    xml_close(writer, "ListVersionsResult");
}

struct status op_list_object_versions(struct s3_call *call) {
    const struct listing *listing = call->state;
    struct version_list_page page = {0};
    struct buf buf;
    struct xml_writer writer;
    TRY(list_versions(call->service->objects, &call->bucket, &listing->query, call->arena, &page));
    buf_init(&buf, S3_LISTING_DOCUMENT_MAX);
    /* Where there is no room, the writing itself will tell. */
    (void)buf_reserve(&buf, FRAME_BYTES + page.count * ENTRY_BYTES);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    write_page(call, &writer, listing, &page);
    IGNORE_STATUS(xml_end(&writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, &buf);
}
