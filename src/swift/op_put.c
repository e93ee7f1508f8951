/* Objects written, changed and deleted. */
#include "base/check.h"
#include "http/condition.h"
#include "swift/account.h"
#include "swift/body.h"
#include "swift/large.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

/* ---- PUT ------------------------------------------------------------------------------------ */

static struct status refuse_existing(const struct object_condition *condition,
                                     const struct object_info *current) {
    (void)condition;
    return current != NULL ? status_of(STATUS_PRECONDITION) : status_ok();
}

static const struct object_condition if_absent = {.judge = refuse_existing};

/* Spec: Object Storage API: If-None-Match of a PUT is "*" or nothing. */
static struct status condition_of(struct swift_call *call,
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

/*
 * Refuses what would go beyond a quota before the body is read; the container's is guarded when the
 * object is written, too. Spec: Swift, middleware/container_quotas.py, account_quotas.py.
 */
struct status swift_quota_check(struct swift_call *call, const struct bucket *bucket,
                                struct slice object, uint64_t size) {
    struct object_store *store = call->service->objects;
    const struct bucket_quota *quota = &bucket->quota;
    struct bucket_usage usage;
    struct object_info info = {0};
    uint64_t bytes = size == UINT64_MAX ? 0 : size;
    struct status found = object_find(store, bucket, object, call->arena, &info);
    if (!is_ok(found) && !status_is(found, STATUS_NOT_FOUND)) return found;
    bool is_new = !is_ok(found);
    if (quota->limits_bytes || quota->limits_objects) {
        TRY(bucket_usage_read(store, bucket, &usage));
        uint64_t used = usage.bytes - (usage.bytes < info.size ? usage.bytes : info.size);
        bool too_much = quota->limits_bytes && bytes > 0 && used + bytes > quota->bytes;
        bool too_many = quota->limits_objects && is_new && usage.objects + 1 > quota->objects;
        if (too_much || too_many) return swift_refuse(call, 413, "Upload exceeds quota.");
    }
    return swift_account_room(call, bucket->project_id, bytes, info.size);
}

/* Nothing of it is visible before the body was verified to its end. Consumes the writer. */
static struct status put_run(struct swift_call *call, struct swift_body *body,
                             struct object_writer **writer,
                             const struct object_condition *condition) {
    char storage[SWIFT_ETAG_LEN];
    struct object_info info;
    struct status s = object_writer_pull(*writer, &body->source);
    if (!is_ok(s)) {
        object_writer_abort(writer);
        return s;
    }
    struct object_seal seal = {.etag = swift_body_etag(body, storage),
                               .checksum = swift_body_checksum(body),
                               .condition = condition};
    s = object_writer_commit(writer, &seal, call->arena, &info);
    if (status_is(s, STATUS_QUOTA)) return swift_refuse(call, 413, "Upload exceeds quota.");
    TRY(s);
    put_answer(call, &info);
    return status_ok();
}

struct status run_put_object(struct swift_call *call) {
    struct object_put put = {.key = call->object, .size_hint = call->body_length};
    const struct object_condition *condition;
    struct swift_body body;
    struct object_writer *writer = NULL;
    TRY(length_check(call));
    TRY(condition_of(call, &condition));
    TRY(swift_object_meta_read(call, call->object, &put.meta));
    TRY(swift_prefix_read(call, &put.link));
    TRY(swift_quota_check(call, &call->bucket, call->object, call->body_length));
    swift_body_init(&body, call, call->body, swift_header(call, "etag"));
    TRY(object_writer_begin(call->service->objects, &call->bucket, &put, call->note, &writer));
    return put_run(call, &body, &writer, condition);
}

/* ---- DELETE --------------------------------------------------------------------------------- */

static struct status refuse_absent(const struct object_condition *condition,
                                   const struct object_info *current) {
    (void)condition;
    return current != NULL ? status_ok() : status_of(STATUS_NOT_FOUND);
}

struct status run_delete_object(struct swift_call *call) {
    const struct object_condition if_present = {.judge = refuse_absent};
    const struct object_deletion deletion = {
        .key = call->object, .condition = &if_present, .owner_id = call->bucket.project_id};
    struct object_deleted deleted;
    TRY(object_delete_version(call->service->objects, &call->bucket, &deletion, &deleted));
    swift_answer_page(call, 204);
    return status_ok();
}
