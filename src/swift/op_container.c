/* Containers: made, looked at, taken away. */
#include "base/check.h"
#include "swift/container.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/ops.h"
#include "swift/versions.h"
#include "swift/visit.h"

/* ---- listing -------------------------------------------------------------------------------- */

static void write_entry(const struct swift_call *call, struct swift_page *page,
                        const struct swift_listing *listing, const struct list_entry *entry) {
    /* A path is asked for what lies in it, neither for itself nor for paths in it. */
    bool by_path = listing->path.ptr != NULL;
    if (by_path && (entry->is_prefix || slice_eq(entry->name, listing->prefix))) return;
    if (entry->is_prefix) {
        swift_page_subdir(page, entry->name);
        return;
    }
    const struct object_info *info = &entry->info;
    bool has_segments = info->link.kind == OBJECT_LINK_SEGMENTS;
    char slo_etag[SWIFT_ETAG_TEXT_CAP];
    char path[SWIFT_SYMLINK_PATH_CAP];
    swift_page_object(
        page, &(struct swift_page_object){.name = entry->name,
                                          .hash = has_segments ? info->link.etag : info->etag,
                                          .slo_etag = swift_slo_etag(info, slo_etag),
                                          .symlink_path = swift_symlink_path(call, info, path),
                                          .bytes = entry->info.size,
                                          .content_type = swift_entry_type(entry),
                                          .modified_ns = entry->info.modified_ns});
}

/* A page in the making, which takes entries. */
struct filling {
    struct swift_visitor visitor;
    const struct swift_call *call;
    const struct swift_listing *listing;
    struct swift_page *page;
};

static bool fill_one(struct swift_visitor *visitor, const struct list_entry *entry) {
    struct filling *filling = CONTAINER_OF(visitor, struct filling, visitor);
    write_entry(filling->call, filling->page, filling->listing, entry);
    return filling->page->count < filling->listing->limit && swift_page_has_room(filling->page);
}

static struct status fill(struct swift_call *call, const struct swift_listing *listing,
                          struct swift_page *page) {
    const struct list_query query = {.prefix = listing->prefix,
                                     .delimiter = listing->delimiter,
                                     .after = listing->marker,
                                     .until = listing->end_marker,
                                     .max = listing->limit,
                                     .reverse = listing->reverse,
                                     .with_headers = true};
    struct filling filling = {
        .visitor.visit = fill_one, .call = call, .listing = listing, .page = page};
    return listing->limit > 0 ? swift_visit(call, &query, &filling.visitor) : status_ok();
}

static struct status list(struct swift_call *call, const struct swift_listing *listing) {
    struct swift_page page;
    swift_page_begin(&page, listing->format, "container", call->container, call->arena);
    struct status s = fill(call, listing, &page);
    if (is_ok(s)) return swift_page_answer(call, &page, "container");
    buf_fini(&page.buf);
    return s;
}

/* ---- GET and HEAD --------------------------------------------------------------------------- */

static struct status say_container(struct swift_call *call) {
    struct http_response *response = &call->response;
    const struct bucket *bucket = &call->bucket;
    struct bucket_usage usage;
    char time[SWIFT_TIME_CAP];
    TRY(bucket_usage_read(call->service->objects, bucket, &usage));
    http_response_set_u64(response, "X-Container-Object-Count", usage.objects);
    /* Spec: Swift counts the bytes of all versions, and the current objects. */
    http_response_set_u64(response, "X-Container-Bytes-Used", usage.bytes + usage.version_bytes);
    swift_versions_answer(call);
    TRY(swift_legacy_answer(call));
    swift_time_timestamp(bucket->created_ns, time);
    http_response_set_str(response, "X-Timestamp", time);
    http_response_set_date(response, "Last-Modified", swift_time_http(bucket->created_ns));
    http_response_set(response, SLICE("X-Storage-Policy"), bucket->policy);
    http_response_set_str(response, "Accept-Ranges", "bytes");
    return swift_container_answer(call);
}

struct status run_get_container(struct swift_call *call) {
    struct swift_listing listing;
    TRY(swift_listing_parse(call, &listing));
    TRY(say_container(call));
    bool versions = swift_param(call, "versions").ptr != NULL;
    if (call->head->method == HTTP_GET && versions) return swift_versions_list(call, &listing);
    if (call->head->method == HTTP_GET) return list(call, &listing);
    call->response.status = 204;
    http_response_set_str(&call->response, "Content-Type", swift_format_type(listing.format));
    return status_ok();
}

/* ---- PUT ------------------------------------------------------------------------------------ */

/* The policy that the request names, or the region's. */
static struct status policy_of(struct swift_call *call, struct slice *ret_policy) {
    struct slice asked = swift_header(call, "x-storage-policy");
    const struct swift_region *region = call->region;
    *ret_policy = region->default_policy;
    if (asked.len == 0) return status_ok();
    for (size_t i = 0; i < region->policy_count; i++) {
        if (!slice_eq_nocase(region->policies[i], asked)) continue;
        *ret_policy = region->policies[i];
        return status_ok();
    }
    return swift_refuse_plain(call, 400, "Invalid X-Storage-Policy '%.*s'",
                              SLICE_FMT(slice_take(asked, 100)));
}

/* The bucket may just have been changed, and is found anew. */
static struct status versions_set(struct swift_call *call) {
    TRY(swift_container_find(call, call->project_id, call->container, &call->bucket));
    TRY(swift_legacy_set(call, &call->bucket));
    if (swift_header(call, "x-versions-enabled").ptr == NULL) return status_ok();
    TRY(swift_container_find(call, call->project_id, call->container, &call->bucket));
    return swift_versions_set(call, &call->bucket);
}

/* Spec: Object Storage API: a policy is for the container's life. */
static struct status put_again(struct swift_call *call, struct slice policy) {
    bool asks = swift_header(call, "x-storage-policy").len > 0;
    if (asks && !slice_eq(policy, call->bucket.policy)) return swift_refuse(call, 409, NULL);
    if (swift_container_says(call)) TRY(swift_container_change(call));
    TRY(versions_set(call));
    swift_answer_page(call, 202);
    return status_ok();
}

/* Whether S3 could have such a name. Spec: S3, "Bucket naming rules". */
static bool is_s3_name(struct slice name) {
    if (name.len < 3 || name.len > 63) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner = (c == '-' || c == '.') && i > 0 && i + 1 < name.len;
        if (!alnum && !inner) return false;
        if (c == '.' && name.ptr[i - 1] == '.') return false;
    }
    return true;
}

struct status swift_container_make(struct swift_call *call, struct slice name,
                                   struct bucket *ret_bucket) {
    const struct bucket_wanted wanted = {.name = name,
                                         .region = call->region->name,
                                         .project_id = call->project_id,
                                         .owner_id = call->principal.user_id,
                                         .owner_name = call->principal.user_name,
                                         .policy = call->region->default_policy,
                                         .claim_s3_name = is_s3_name(name),
                                         .s3_name_optional = true,
                                         .buckets_max = call->service->buckets_per_project};
    struct status s =
        bucket_create(call->service->objects, &wanted, call->arena, call->note, ret_bucket);
    return status_is(s, STATUS_EXISTS) ? status_ok() : s;
}

struct status run_put_container(struct swift_call *call) {
    struct bucket_document documents[BUCKET_EDITED_MAX];
    struct bucket_quota quota;
    struct slice policy;
    size_t count;
    TRY(swift_container_check(call));
    TRY(swift_legacy_check(call));
    TRY(policy_of(call, &policy));
    TRY(swift_container_begin(call, documents, &count, &quota));
    if (call->has_bucket) return put_again(call, policy);
    const struct bucket_wanted wanted = {.name = call->container,
                                         .region = call->region->name,
                                         .project_id = call->project_id,
                                         .owner_id = call->principal.user_id,
                                         .owner_name = call->principal.user_name,
                                         .policy = policy,
                                         .claim_s3_name = is_s3_name(call->container),
                                         .s3_name_optional = true,
                                         .documents = documents,
                                         .document_count = count,
                                         .quota = quota,
                                         .buckets_max = call->service->buckets_per_project};
    struct status s =
        bucket_create(call->service->objects, &wanted, call->arena, call->note, &call->bucket);
    if (status_is(s, STATUS_EXISTS)) return put_again(call, policy);
    if (status_is(s, STATUS_TOO_LARGE)) {
        return swift_refuse(call, 403, "Reached container limit of %llu",
                            (unsigned long long)call->service->buckets_per_project);
    }
    TRY(s);
    TRY(versions_set(call));
    swift_answer_page(call, 201);
    return status_ok();
}

/* ---- POST ----------------------------------------------------------------------------------- */

struct status run_post_container(struct swift_call *call) {
    TRY(swift_container_check(call));
    TRY(swift_legacy_check(call));
    if (swift_container_says(call)) TRY(swift_container_change(call));
    TRY(versions_set(call));
    swift_answer_page(call, 204);
    return status_ok();
}

/* ---- DELETE --------------------------------------------------------------------------------- */

struct status run_delete_container(struct swift_call *call) {
    struct status s = bucket_delete(call->service->objects, &call->bucket, call->note);
    if (status_is(s, STATUS_CONFLICT) && call->bucket.versioning != BUCKET_VERSIONING_OFF) {
        return swift_refuse(call, 409, "Delete all versions before deleting container.");
    }
    if (status_is(s, STATUS_CONFLICT)) return swift_refuse(call, 409, NULL);
    TRY(s);
    swift_answer_page(call, 204);
    return status_ok();
}
