#include "swift/versions.h"

#include "base/codec.h"
#include "object/config.h"
#include "object/list.h"
#include "swift/large.h"
#include "swift/object_meta.h"

#define ETAG_OF_NOTHING SLICE("d41d8cd98f00b204e9800998ecf8427e")
#define MARKER_TYPE SLICE("application/x-deleted;swift_versions_deleted=1")

bool swift_names_version(const struct swift_call *call) {
    return swift_param(call, "version-id").ptr != NULL;
}

/* Whether it could be a version of Swift's own, which are times. */
static bool is_time(struct slice text) {
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!is_digit && text.ptr[i] != '.') return false;
        digits += is_digit;
    }
    return digits > 0;
}

static struct status version_parse(struct swift_call *call, struct slice text,
                                   struct object_version *ret_version) {
    if (object_version_parse(text, ret_version)) return status_ok();
    if (is_time(text)) return swift_refuse(call, 404, NULL);
    return swift_refuse(call, 400, "Invalid version parameter");
}

struct status swift_version_of(struct swift_call *call, struct object_version *ret_version) {
    *ret_version = (struct object_version){.kind = OBJECT_VERSION_CURRENT};
    if (!swift_names_version(call)) return status_ok();
    return version_parse(call, swift_param(call, "version-id"), ret_version);
}

void swift_version_answer(struct swift_call *call, const struct bucket *bucket,
                          const struct object_info *info) {
    if (bucket->versioning == BUCKET_VERSIONING_OFF || info->null_version) return;
    http_response_set(&call->response, SLICE("X-Object-Version-Id"),
                      object_version_text(info, call->arena));
}

/* ---- containers ----------------------------------------------------------------------------- */

/* Whether a request asks for versions in both of Swift's ways. */
static bool asks_twice(const struct swift_call *call) {
    return swift_is_true(swift_header(call, "x-versions-enabled")) &&
           (swift_header(call, "x-versions-location").len > 0 ||
            swift_header(call, "x-history-location").len > 0);
}

struct status swift_versions_set(struct swift_call *call, const struct bucket *bucket) {
    struct slice header = swift_header(call, "x-versions-enabled");
    if (header.ptr == NULL || !call->acts_for_account) return status_ok();
    if (asks_twice(call)) {
        return swift_refuse(call, 400,
                            "Cannot enable both object versioning and versioned writes.");
    }
    bool on = swift_is_true(header);
    if (!on && bucket->versioning == BUCKET_VERSIONING_OFF) return status_ok();
    struct status s =
        bucket_versioning_set(call->service->objects, bucket,
                              on ? BUCKET_VERSIONING_ENABLED : BUCKET_VERSIONING_SUSPENDED);
    if (!status_is(s, STATUS_CONFLICT)) return s;
    return swift_refuse(call, 409, "Versions of a container with object lock are always kept.");
}

void swift_versions_answer(struct swift_call *call) {
    enum bucket_versioning versioning = call->bucket.versioning;
    if (versioning == BUCKET_VERSIONING_OFF) return;
    http_response_set_str(&call->response, "X-Versions-Enabled",
                          versioning == BUCKET_VERSIONING_ENABLED ? "True" : "False");
}

/* ---- listing -------------------------------------------------------------------------------- */

static void write_version(struct swift_call *call, struct swift_page *page,
                          const struct version_list_entry *entry) {
    const struct object_info *info = &entry->info;
    struct json_writer *json = &page->json;
    char time[SWIFT_TIME_CAP];
    page->count++;
    if (entry->is_prefix) {
        json_begin_object(json);
        json_member_string(json, "subdir", entry->name);
        json_end_object(json);
        return;
    }
    struct slice type = swift_object_header(&info->meta, SLICE("content-type"));
    swift_time_iso(info->modified_ns, time);
    json_begin_object(json);
    json_member_u64(json, "bytes", info->size);
    json_member_string(json, "hash",
                       info->delete_marker ? ETAG_OF_NOTHING : object_link_etag(info));
    json_member_string(json, "name", entry->name);
    json_member_string(json, "content_type",
                       info->delete_marker ? MARKER_TYPE
                       : type.len > 0      ? type
                                           : SLICE("application/octet-stream"));
    json_member_str(json, "last_modified", time);
    json_member_bool(json, "is_latest", entry->is_latest);
    json_member_string(json, "version_id", object_version_text(info, call->arena));
    json_end_object(json);
}

/* Page by page of the store; the markers of the next one are kept over the end of its memory. */
static struct status fill(struct swift_call *call, struct version_list_query *query, size_t limit,
                          struct swift_page *page) {
    enum { STORE_PAGE = 100, BLOCK = 64 * 1024, MEMORY_MAX = 8 * 1024 * 1024 };
    struct arena *whole = call->arena;
    struct arena arena;
    char key[OBJECT_KEY_MAX];
    struct status s = status_ok();
    bool more = limit > 0;
    arena_init(&arena, BLOCK, MEMORY_MAX);
    while (is_ok(s) && more) {
        struct version_list_page part;
        size_t left = limit - page->count;
        query->max = left < STORE_PAGE ? left : STORE_PAGE;
        arena_reset(&arena);
        s = list_versions(call->service->objects, &call->bucket, query, &arena, &part);
        if (!is_ok(s)) break;
        call->arena = &arena;
        for (size_t i = 0; i < part.count; i++) write_version(call, page, &part.entries[i]);
        call->arena = whole;
        more = part.truncated && page->count < limit && swift_page_has_room(page);
        if (!more) break;
        memcpy(key, part.next_key.ptr, part.next_key.len);
        query->key_marker = slice_of(key, part.next_key.len);
        struct object_version version = {.kind = OBJECT_VERSION_CURRENT};
        query->has_id_marker = object_version_parse(part.next_id, &version);
        query->id_marker = version;
    }
    arena_fini(&arena);
    return s;
}

struct status swift_versions_list(struct swift_call *call, const struct swift_listing *listing) {
    struct version_list_query query = {.prefix = listing->prefix,
                                       .delimiter = listing->delimiter,
                                       .key_marker = listing->marker,
                                       .with_headers = true};
    struct slice id = swift_param(call, "version_marker");
    struct swift_page page;
    if (id.len > 0) {
        struct object_version version;
        TRY(version_parse(call, id, &version));
        query.has_id_marker = true;
        query.id_marker = version;
    }
    swift_page_begin(&page, SWIFT_JSON, "container", call->container, call->arena);
    struct status s = fill(call, &query, listing->limit, &page);
    if (is_ok(s)) return swift_page_answer(call, &page, "container");
    buf_fini(&page.buf);
    return s;
}
