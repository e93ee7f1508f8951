#include "s3/listing.h"
#include "s3/ops.h"

enum { LIST_BUCKETS_MAX = 10000 };

struct bucket_listing {
    struct slice prefix;
    struct slice after; /* of the continuation token */
    bool elsewhere;     /* bucket-region is not this endpoint's */
    size_t max;
};

struct status op_list_buckets_check(struct s3_call *call) {
    struct bucket_listing *listing = ARENA_NEW(call->arena, struct bucket_listing);
    uint64_t max;
    if (listing == NULL) return status_of(STATUS_NO_MEMORY);
    listing->prefix = s3_param(call, "prefix");
    TRY(s3_number_param(call, "max-buckets", 1, LIST_BUCKETS_MAX, &max));
    if (max > LIST_BUCKETS_MAX) {
        return s3_refuse_argument(call, "max-buckets", s3_param(call, "max-buckets"),
                                  "Argument max-buckets must be an integer between 1 and 10000");
    }
    listing->max = (size_t)max;
    struct slice token = s3_param(call, "continuation-token");
    if (token.ptr != NULL) TRY(s3_token_decode(call, S3_TOKEN_BUCKETS, token, &listing->after));
    struct slice region = s3_param(call, "bucket-region");
    listing->elsewhere = region.len > 0 && !slice_eq(region, call->region->name);
    call->state = listing;
    return status_ok();
}

static void write_bucket(struct xml_writer *writer, const struct bucket *bucket) {
    xml_open(writer, "Bucket");
    xml_element(writer, "Name", bucket->name);
    xml_element_time(writer, "CreationDate", bucket->created_ns);
    xml_element(writer, "BucketRegion", bucket->region);
    xml_close(writer, "Bucket");
}

/* Writes all buckets that were asked for, a page of the store at a time. */
static struct status write_buckets(struct s3_call *call, struct xml_writer *writer,
                                   struct slice *ret_next) {
    const struct bucket_listing *listing = call->state;
    struct slice project = call->auth.principal.project_id;
    struct slice after = listing->after;
    size_t left = project.len > 0 && !listing->elsewhere ? listing->max : 0;
    bool more = left > 0;
    struct bucket *buckets = arena_calloc(call->arena, BUCKET_LIST_MAX, sizeof(struct bucket));
    if (buckets == NULL) return status_of(STATUS_NO_MEMORY);
    while (more && left > 0) {
        size_t count = 0;
        size_t cap = left < BUCKET_LIST_MAX ? left : BUCKET_LIST_MAX;
        TRY(bucket_list(call->service->objects, call->region->name, project, listing->prefix, after,
                        call->arena, buckets, cap, &count, &more));
        for (size_t i = 0; i < count; i++) write_bucket(writer, &buckets[i]);
        if (count == 0) break;
        after = buckets[count - 1].name;
        left -= count;
    }
    *ret_next = more ? after : slice_of(NULL, 0);
    return status_ok();
}

static struct status write_page(struct s3_call *call, struct xml_writer *writer) {
    const struct bucket_listing *listing = call->state;
    struct slice owner_id;
    struct slice owner_name;
    struct slice next;
    s3_owner(call, &owner_id, &owner_name);
    xml_declaration(writer);
    xml_open_ns(writer, "ListAllMyBucketsResult", XML_NS_S3);
    s3_listing_person(writer, "Owner", owner_id, owner_name);
    xml_open(writer, "Buckets");
    TRY(write_buckets(call, writer, &next));
    xml_close(writer, "Buckets");
    if (next.len > 0) {
        xml_element(writer, "ContinuationToken", s3_token_encode(call, S3_TOKEN_BUCKETS, next));
    }
    if (listing->prefix.len > 0) xml_element(writer, "Prefix", listing->prefix);
    xml_close(writer, "ListAllMyBucketsResult");
    return xml_end(writer);
}

struct status op_list_buckets(struct s3_call *call) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, S3_LISTING_DOCUMENT_MAX);
    xml_writer_init(&writer, &buf);
    struct status written = write_page(call, &writer);
    if (is_ok(written)) return s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return written;
}
