#include "swift/remove.h"

static struct status refuse_absent(const struct object_condition *condition,
                                   const struct object_info *current) {
    (void)condition;
    return current != NULL ? status_ok() : status_of(STATUS_NOT_FOUND);
}

static struct status remove_object(struct swift_call *call, const struct bucket *bucket,
                                   struct slice object) {
    const struct object_condition if_present = {.judge = refuse_absent};
    const struct object_deletion deletion = {
        .key = object, .condition = &if_present, .owner_id = bucket->project_id};
    struct object_deleted deleted;
    return object_delete_version(call->service->objects, bucket, &deletion, &deleted);
}

static struct status remove_named(struct swift_call *call, struct slice container,
                                  struct slice object) {
    struct bucket bucket;
    const char *action = object.len > 0 ? "s3:DeleteObject" : "s3:DeleteBucket";
    TRY(swift_authorize_other(call, action, call->project_id, container, object, &bucket));
    if (object.len > 0) return remove_object(call, &bucket, object);
    return bucket_delete(call->service->objects, &bucket, call->note);
}

/* What a refusal, or the store, says about one of many is no end of the others. */
struct status swift_remove(struct swift_call *call, struct slice container, struct slice object,
                           int *ret_status) {
    struct status s = remove_named(call, container, object);
    int refused = call->error.status;
    call->error = (struct swift_error){0};
    switch (s.code) {
        case STATUS_OK:
            *ret_status = 204;
            return status_ok();
        case STATUS_REFUSED:
            *ret_status = refused;
            return status_ok();
        case STATUS_NOT_FOUND:
            *ret_status = 404;
            return status_ok();
        case STATUS_CONFLICT:
            *ret_status = 409;
            return status_ok();
        case STATUS_DENIED:
            *ret_status = 403;
            return status_ok();
        default:
            return s;
    }
}
