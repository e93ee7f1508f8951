#include "object/list.h"

#include "s3/listing.h"
#include "s3/ops.h"

/* About what an entry takes in the document, so that it seldom moves while it grows. */
enum { ENTRY_BYTES = 420, FRAME_BYTES = 1024 };

/* The three listings of objects differ in where they begin and in what is around the entries. */
struct object_listing {
    struct s3_listing common;
    struct slice after;
    bool with_owner;
};

/* ---- parameters --------------------------------------------------------------------------- */

static struct status begin_listing(struct s3_call *call, struct object_listing **ret_listing) {
    struct object_listing *listing = ARENA_NEW(call->arena, struct object_listing);
    if (listing == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(s3_listing_parse(call, "max-keys", LIST_PAGE_MAX, &listing->common));
    TRY(s3_listing_check_attributes(call));
    /* The Ceph gateway's extension: any order will do. Ours is always sorted. */
    struct slice unordered = s3_param(call, "allow-unordered");
    if (slice_eq_nocase(unordered, SLICE("true")) && listing->common.delimiter.len > 0) {
        return s3_refuse_argument(call, "allow-unordered", unordered,
                                  "An unordered listing cannot have a delimiter.");
    }
    call->state = listing;
    *ret_listing = listing;
    return status_ok();
}

struct status op_list_objects_check(struct s3_call *call) {
    struct object_listing *listing;
    struct slice list_type = s3_param(call, "list-type");
    if (list_type.len > 0) {
        return s3_refuse_argument(call, "list-type", list_type, "Invalid List Type");
    }
    TRY(begin_listing(call, &listing));
    listing->after = s3_param(call, "marker");
    listing->with_owner = true;
    return status_ok();
}

struct status op_list_objects_v2_check(struct s3_call *call) {
    struct object_listing *listing;
    TRY(begin_listing(call, &listing));
    struct slice token = s3_param(call, "continuation-token");
    listing->after = s3_param(call, "start-after");
    if (token.len > 0) TRY(s3_token_decode(call, S3_TOKEN_OBJECTS, token, &listing->after));
    listing->with_owner = slice_eq_nocase(s3_param(call, "fetch-owner"), SLICE("true"));
    return status_ok();
}

/* ---- entries ------------------------------------------------------------------------------ */

static void write_object(struct xml_writer *writer, const struct object_listing *listing,
                         const struct object_info *info) {
    struct slice class = info->meta.storage_class;
    xml_element_time(writer, "LastModified", info->modified_ns);
    xml_element_etag(writer, "ETag", info->etag);
    s3_listing_checksum(writer, &info->checksum);
    xml_element_u64(writer, "Size", info->size);
    if (listing->with_owner) {
        s3_listing_person(writer, "Owner", info->meta.owner_id, info->meta.owner_name);
    }
    xml_element(writer, "StorageClass", class.len > 0 ? class : SLICE("STANDARD"));
}

static void write_contents(struct xml_writer *writer, const struct object_listing *listing,
                           const struct list_page *page) {
    for (size_t i = 0; i < page->count; i++) {
        const struct list_entry *entry = &page->entries[i];
        if (entry->is_prefix) continue;
        xml_open(writer, "Contents");
        s3_listing_name(writer, &listing->common, "Key", entry->name);
        write_object(writer, listing, &entry->info);
        xml_close(writer, "Contents");
    }
}

/* What stands behind the markers, in all three: the limits, and whether there is more. */
static void write_limits(struct xml_writer *writer, const struct object_listing *listing,
                         const struct list_page *page) {
    const struct s3_listing *common = &listing->common;
    xml_element_u64(writer, "MaxKeys", common->max);
    if (common->delimiter.len > 0) s3_listing_name(writer, common, "Delimiter", common->delimiter);
    if (common->is_url) xml_element_str(writer, "EncodingType", "url");
    xml_element_bool(writer, "IsTruncated", page->truncated);
}

static void write_common_prefixes(struct xml_writer *writer, const struct object_listing *listing,
                                  const struct list_page *page) {
    for (size_t i = 0; i < page->count; i++) {
        if (!page->entries[i].is_prefix) continue;
        s3_listing_common_prefix(writer, &listing->common, page->entries[i].name);
    }
}

/* ---- documents ---------------------------------------------------------------------------- */

/* Writes a page between the declaration and the end. */
typedef void write_page_fn(struct s3_call *call, struct xml_writer *writer,
                           const struct object_listing *listing, const struct list_page *page);

static struct status find_page(struct s3_call *call, const struct object_listing *listing,
                               struct list_page *ret_page) {
    struct list_query query = {
        .prefix = listing->common.prefix,
        .delimiter = listing->common.delimiter,
        .after = listing->after,
        .max = listing->common.max,
    };
    *ret_page = (struct list_page){0};
    /* No entries are asked for: then there are no more of them either, says S3. */
    if (query.max == 0) return status_ok();
    return list_objects(call->service->objects, &call->bucket, &query, call->arena, ret_page);
}

static struct status answer_page(struct s3_call *call, write_page_fn *write_page) {
    const struct object_listing *listing = call->state;
    struct list_page page;
    struct buf buf;
    struct xml_writer writer;
    TRY(find_page(call, listing, &page));
    buf_init(&buf, S3_LISTING_DOCUMENT_MAX);
    /* Where there is no room, the writing itself will tell. */
    (void)buf_reserve(&buf, FRAME_BYTES + page.count * ENTRY_BYTES);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    write_page(call, &writer, listing, &page);
    IGNORE_STATUS(xml_end(&writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, &buf);
}

static void write_page_v1(struct s3_call *call, struct xml_writer *writer,
                          const struct object_listing *listing, const struct list_page *page) {
    const struct s3_listing *common = &listing->common;
    xml_open_ns(writer, "ListBucketResult", XML_NS_S3);
    xml_element(writer, "Name", call->bucket_name);
    /* Never encoded: boto3 decodes every other name of this document, but not this one. */
    xml_element(writer, "Prefix", common->prefix);
    s3_listing_name(writer, common, "Marker", listing->after);
    /* Without a delimiter the last key is the marker, and S3 leaves it to the client. */
    if (page->truncated && common->delimiter.len > 0) {
        s3_listing_name(writer, common, "NextMarker", page->next);
    }
    write_limits(writer, listing, page);
    write_contents(writer, listing, page);
    write_common_prefixes(writer, listing, page);
    xml_close(writer, "ListBucketResult");
}

struct status op_list_objects(struct s3_call *call) {
    return answer_page(call, write_page_v1);
}

static void write_page_v2(struct s3_call *call, struct xml_writer *writer,
                          const struct object_listing *listing, const struct list_page *page) {
    const struct s3_listing *common = &listing->common;
    struct slice start_after = s3_param(call, "start-after");
    struct slice token = s3_param(call, "continuation-token");
    xml_open_ns(writer, "ListBucketResult", XML_NS_S3);
    xml_element(writer, "Name", call->bucket_name);
    s3_listing_name(writer, common, "Prefix", common->prefix);
    if (start_after.len > 0) s3_listing_name(writer, common, "StartAfter", start_after);
    if (token.ptr != NULL) xml_element(writer, "ContinuationToken", token);
    if (page->truncated) {
        xml_element(writer, "NextContinuationToken",
                    s3_token_encode(call, S3_TOKEN_OBJECTS, page->next));
    }
    xml_element_u64(writer, "KeyCount", page->count);
    write_limits(writer, listing, page);
    write_contents(writer, listing, page);
    write_common_prefixes(writer, listing, page);
    xml_close(writer, "ListBucketResult");
}

struct status op_list_objects_v2(struct s3_call *call) {
    return answer_page(call, write_page_v2);
}
