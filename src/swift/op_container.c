/* Containers: made, looked at, taken away. */
#include "base/check.h"
#include "object/list.h"
#include "swift/container.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/ops.h"
#include "swift/versions.h"

/* ---- listing -------------------------------------------------------------------------------- */

static struct slice type_of(const struct object_info *info) {
    for (size_t i = 0; i < info->meta.headers.count; i++) {
        const struct object_pair *pair = &info->meta.headers.items[i];
        if (slice_eq(pair->name, SLICE("content-type"))) return pair->value;
    }
    return SLICE("application/octet-stream");
}

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
                                          .content_type = type_of(&entry->info),
                                          .modified_ns = entry->info.modified_ns});
}

/* Page by page of the store, each in memory of its own. */
static struct status fill(struct swift_call *call, const struct swift_listing *listing,
                          struct swift_page *page) {
    enum { BLOCK = 64 * 1024, STORE_PAGE = 100, MEMORY_MAX = 8 * 1024 * 1024 };
    struct list_query query = {.prefix = listing->prefix,
                               .delimiter = listing->delimiter,
                               .after = listing->marker,
                               .until = listing->end_marker,
                               .reverse = listing->reverse,
                               .with_headers = true};
    struct arena arena;
    struct status s = status_ok();
    char after[OBJECT_KEY_MAX];
    bool more = listing->limit > 0;
    arena_init(&arena, BLOCK, MEMORY_MAX);
    while (is_ok(s) && more) {
        struct list_page part;
        size_t left = listing->limit - page->count;
        query.max = left < STORE_PAGE ? left : STORE_PAGE;
        s = list_objects(call->service->objects, &call->bucket, &query, &arena, &part);
        if (!is_ok(s)) break;
        for (size_t i = 0; i < part.count; i++) write_entry(call, page, listing, &part.entries[i]);
        more = part.truncated && page->count < listing->limit && swift_page_has_room(page);
        if (more) {
            CHECK(part.next.len <= sizeof after);
            memcpy(after, part.next.ptr, part.next.len);
            query.after = slice_of(after, part.next.len);
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return s;
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
