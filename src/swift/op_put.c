/* Objects written, changed and deleted. */
#include "base/check.h"
#include "http/condition.h"
#include "swift/large.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/store.h"

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

struct status run_put_object(struct swift_call *call) {
    struct swift_storing storing = {.bucket = &call->bucket,
                                    .object = call->object,
                                    .source = call->body,
                                    .size = call->body_length,
                                    .announced = swift_header(call, "etag")};
    struct object_info info;
    TRY(length_check(call));
    TRY(condition_of(call, &storing.condition));
    TRY(swift_object_meta_read(call, call->object, &storing.meta));
    TRY(swift_prefix_read(call, &storing.link));
    TRY(swift_store(call, &storing, &info));
    put_answer(call, &info);
    return status_ok();
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
