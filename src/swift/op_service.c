/* What the door is, and that it is there. */
#include "swift/listing.h"
#include "swift/meta.h"
#include "swift/ops.h"

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

struct status run_info(struct swift_call *call) {
    enum { INFO_BYTES_MAX = 64 * 1024 };
    struct buf buf;
    struct json_writer writer;
    buf_init(&buf, INFO_BYTES_MAX);
    json_writer_init(&writer, &buf);
    json_begin_object(&writer);
    write_limits(&writer, call);
    json_end_object(&writer);
    return swift_answer_document(call, &buf, "application/json; charset=UTF-8");
}

/* Spec: Swift, middleware/healthcheck.py. */
struct status run_health(struct swift_call *call) {
    call->answer.document = SLICE("OK");
    http_response_set_str(&call->response, "Content-Type", "text/plain");
    return status_ok();
}
