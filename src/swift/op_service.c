/* What the door is, and that it is there. */
#include "base/check.h"
#include "object/large.h"
#include "swift/listing.h"
#include "swift/meta.h"
#include "swift/ops.h"
#include "swift/report.h"
#include "swift/slo.h"

static void write_limits(struct json_writer *w, const struct swift_call *call) {
    const struct swift_region *region = call->region;
    json_key(w, "swift");
    json_begin_object(w);
    json_member_str(w, "version", "2.30.0");
    json_member_u64(w, "account_listing_limit", SWIFT_LISTING_MAX);
    json_member_bool(w, "allow_account_management", false);
    json_member_u64(w, "container_listing_limit", SWIFT_LISTING_MAX);
    json_member_u64(w, "extra_header_count", 0);
    json_member_u64(w, "max_account_name_length", SWIFT_CONTAINER_NAME_MAX);
    json_member_u64(w, "max_container_name_length", SWIFT_CONTAINER_NAME_MAX);
    json_member_u64(w, "max_file_size", SWIFT_OBJECT_SIZE_MAX);
    json_member_u64(w, "max_header_size", HTTP_HEAD_MAX);
    json_member_u64(w, "max_meta_count", SWIFT_META_COUNT_MAX);
    json_member_u64(w, "max_meta_name_length", SWIFT_META_NAME_MAX);
    json_member_u64(w, "max_meta_overall_size", SWIFT_META_BYTES_MAX);
    json_member_u64(w, "max_meta_value_length", SWIFT_META_VALUE_MAX);
    json_member_u64(w, "max_object_name_length", SWIFT_OBJECT_NAME_MAX);
    json_key(w, "policies");
    json_begin_array(w);
    for (size_t i = 0; i < region->policy_count; i++) {
        json_begin_object(w);
        json_member_string(w, "name", region->policies[i]);
        json_member_string(w, "aliases", region->policies[i]);
        if (slice_eq(region->policies[i], region->default_policy)) {
            json_member_bool(w, "default", true);
        }
        json_end_object(w);
    }
    json_end_array(w);
    json_member_bool(w, "strict_cors_mode", true);
    json_key(w, "valid_api_versions");
    json_begin_array(w);
    json_write_str(w, "v1");
    json_write_str(w, "v1.0");
    json_end_array(w);
    json_end_object(w);
}

static void write_words(struct json_writer *w, const char *name, const char *const *words,
                        size_t count) {
    json_key(w, name);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) json_write_str(w, words[i]);
    json_end_array(w);
}

static void write_large(struct json_writer *w) {
    json_key(w, "slo");
    json_begin_object(w);
    json_member_bool(w, "allow_async_delete", false);
    json_member_u64(w, "max_manifest_segments", SWIFT_SLO_SEGMENTS_MAX);
    json_member_u64(w, "max_manifest_size", SWIFT_SLO_BYTES_MAX);
    json_member_u64(w, "min_segment_size", 1);
    json_end_object(w);
    json_key(w, "dlo");
    json_begin_object(w);
    json_member_u64(w, "max_segments", OBJECT_PREFIX_SEGMENTS_MAX);
    json_end_object(w);
    json_key(w, "symlink");
    json_begin_object(w);
    json_member_bool(w, "static_links", true);
    json_member_u64(w, "symloop_max", OBJECT_SYMLINK_DEPTH_MAX);
    json_end_object(w);
}

static void write_tempurl(struct json_writer *w) {
    static const char *const digests[] = {"sha1", "sha256", "sha512"};
    static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
    static const char *const removed[] = {"x-object-meta-*"};
    static const char *const allowed[] = {"x-object-meta-public-*"};
    static const char *const incoming[] = {"x-timestamp"};
    json_key(w, "tempurl");
    json_begin_object(w);
    write_words(w, "allowed_digests", digests, ARRAY_LEN(digests));
    write_words(w, "incoming_allow_headers", NULL, 0);
    write_words(w, "incoming_remove_headers", incoming, ARRAY_LEN(incoming));
    write_words(w, "methods", methods, ARRAY_LEN(methods));
    write_words(w, "outgoing_allow_headers", allowed, ARRAY_LEN(allowed));
    write_words(w, "outgoing_remove_headers", removed, ARRAY_LEN(removed));
    json_end_object(w);
}

static void write_form(struct json_writer *w) {
    static const char *const digests[] = {"sha1", "sha256", "sha512"};
    json_key(w, "formpost");
    json_begin_object(w);
    write_words(w, "allowed_digests", digests, ARRAY_LEN(digests));
    json_end_object(w);
}

/* What is there, and has nothing to be told. */
static void write_feature(struct json_writer *w, const char *name) {
    json_key(w, name);
    json_begin_object(w);
    json_end_object(w);
}

static void write_many(struct json_writer *w) {
    static const char *const flags[] = {"x-versions-location", "x-history-location"};
    json_key(w, "bulk_delete");
    json_begin_object(w);
    json_member_u64(w, "max_deletes_per_request", SWIFT_BULK_DELETES_MAX);
    json_member_u64(w, "max_failed_deletes", SWIFT_BULK_FAILED_MAX);
    json_end_object(w);
    json_key(w, "bulk_upload");
    json_begin_object(w);
    json_member_u64(w, "max_containers_per_extraction", SWIFT_BULK_CONTAINERS_MAX);
    json_member_u64(w, "max_failed_extractions", SWIFT_BULK_FAILED_MAX);
    json_end_object(w);
    json_key(w, "versioned_writes");
    json_begin_object(w);
    write_words(w, "allowed_flags", flags, ARRAY_LEN(flags));
    json_end_object(w);
    write_feature(w, "object_versioning");
    write_feature(w, "staticweb");
}

struct status run_info(struct swift_call *call) {
    enum { INFO_BYTES_MAX = 64 * 1024 };
    struct buf buf;
    struct json_writer writer;
    buf_init(&buf, INFO_BYTES_MAX);
    json_writer_init(&writer, &buf);
    json_begin_object(&writer);
    write_limits(&writer, call);
    write_large(&writer);
    write_tempurl(&writer);
    write_form(&writer);
    write_many(&writer);
    json_end_object(&writer);
    return swift_answer_document(call, &buf, "application/json; charset=UTF-8");
}

/* Spec: Swift, middleware/healthcheck.py. */
struct status run_health(struct swift_call *call) {
    call->answer.document = SLICE("OK");
    http_response_set_str(&call->response, "Content-Type", "text/plain");
    return status_ok();
}
