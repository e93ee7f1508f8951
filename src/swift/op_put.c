/* Objects written, changed and deleted. */
#include "base/check.h"
#include "http/condition.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/store.h"
#include "swift/versions.h"

/* ---- PUT ------------------------------------------------------------------------------------ */

static struct status refuse_existing(const struct object_condition *condition,
                                     const struct object_info *current) {
    (void)condition;
    return current != NULL ? status_of(STATUS_PRECONDITION) : status_ok();
}

static const struct object_condition if_absent = {.judge = refuse_existing};

/* Spec: Object Storage API: If-None-Match of a PUT is "*" or nothing. */
struct status swift_write_condition(struct swift_call *call,
                                    const struct object_condition **ret_condition) {
    struct slice none = swift_header(call, "if-none-match");
    *ret_condition = NULL;
    if (none.ptr == NULL) return status_ok();
    if (!slice_eq(none, SLICE("*"))) {
        return swift_refuse_plain(call, 400, "If-None-Match only supports *");
    }
    *ret_condition = &if_absent;
    return status_ok();
}

static struct status length_check(struct swift_call *call) {
    if (call->head->body == HTTP_BODY_NONE) return swift_refuse(call, 411, NULL);
    if (call->head->body == HTTP_BODY_CHUNKED) return status_ok();
    if (call->head->content_length <= SWIFT_OBJECT_SIZE_MAX) return status_ok();
    return swift_refuse(call, 413, NULL);
}

static void put_answer(struct swift_call *call, const struct object_info *info) {
    struct http_response *response = &call->response;
    http_response_set(response, SLICE("Etag"), info->etag);
    http_response_set_date(response, "Last-Modified", swift_time_http(info->modified_ns));
    swift_answer_page(call, 201);
}

struct status run_put_object(struct swift_call *call) {
    struct swift_storing storing = {.bucket = &call->bucket,
                                    .object = call->object,
                                    .source = call->body,
                                    .size = call->body_length,
                                    .announced = swift_header(call, "etag")};
    struct object_info info;
    TRY(length_check(call));
    TRY(swift_write_condition(call, &storing.condition));
    TRY(swift_object_meta_read(call, call->object, &storing.meta));
    TRY(swift_prefix_read(call, &storing.link));
    TRY(swift_store(call, &storing, &info));
    swift_version_answer(call, &call->bucket, &info);
    put_answer(call, &info);
    return status_ok();
}

/* ---- DELETE --------------------------------------------------------------------------------- */

static struct status refuse_absent(const struct object_condition *condition,
                                   const struct object_info *current) {
    (void)condition;
    return current != NULL ? status_ok() : status_of(STATUS_NOT_FOUND);
}

/* Of a container with versions: which was put, or removed, and which is the current one now. */
static struct status delete_answer(struct swift_call *call, const struct object_deleted *deleted) {
    struct object_info info;
    bool kept = call->bucket.versioning != BUCKET_VERSIONING_OFF;
    struct slice id = swift_param(call, "version-id");
    if (deleted->has_version) id = object_deleted_text(deleted, call->arena);
    if (kept && id.len > 0 && !slice_eq(id, SLICE("null"))) {
        http_response_set(&call->response, SLICE("X-Object-Version-Id"), id);
    }
    if (!swift_names_version(call)) return status_ok();
    struct status s =
        object_find(call->service->objects, &call->bucket, call->object, call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    http_response_set(&call->response, SLICE("X-Object-Current-Version-Id"),
                      object_version_text(&info, call->arena));
    return status_ok();
}

struct status run_delete_object(struct swift_call *call) {
    const struct object_condition if_present = {.judge = refuse_absent};
    struct object_deletion deletion = {
        .key = call->object, .condition = &if_present, .owner_id = call->bucket.project_id};
    struct object_deleted deleted;
    bool done;
    TRY(swift_version_of(call, &deletion.version));
    TRY(swift_legacy_delete(call, &done));
    if (done) {
        swift_answer_page(call, 204);
        return status_ok();
    }
    /* What keeps versions takes a marker also where nothing is; a marker is no object. */
    bool keeps = call->bucket.versioning == BUCKET_VERSIONING_ENABLED;
    if (keeps || swift_names_version(call)) deletion.condition = NULL;
    TRY(object_delete_version(call->service->objects, &call->bucket, &deletion, &deleted));
    TRY(delete_answer(call, &deleted));
    if (swift_names_version(call) && !deleted.found) return swift_refuse_with_headers(call, 404);
    swift_answer_page(call, 204);
    return status_ok();
}

/* Brings a version back: a copy of it becomes the current one, without a byte being moved. */
struct status run_restore_version(struct swift_call *call) {
    struct object_version version;
    struct object_info source, info;
    TRY(swift_version_of(call, &version));
    struct status s = object_find_version(call->service->objects, &call->bucket, call->object,
                                          &version, call->arena, &source);
    if (is_ok(s) && source.delete_marker) s = status_of(STATUS_NOT_FOUND);
    TRY(s);
    TRY(swift_authorize_found(call, "s3:GetObjectVersion", &call->bucket, &source));
    struct object_meta meta = source.meta;
    meta.lock = (struct object_lock){0};
    const struct object_copy copy = {.source_bucket = &call->bucket,
                                     .source = &source,
                                     .bucket = &call->bucket,
                                     .key = call->object,
                                     .meta = &meta};
    if (!object_can_share(&copy)) return swift_refuse(call, 409, NULL);
    TRY(object_share(call->service->objects, &copy, call->arena, &info));
    swift_version_answer(call, &call->bucket, &info);
    put_answer(call, &info);
    return status_ok();
}
