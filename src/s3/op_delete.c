#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"
#include "s3/write_condition.h"

struct status op_delete_object_check(struct s3_call *call) {
    TRY(s3_check_headers(call));
    return s3_version_check(call);
}

/* Spec: S3 DeleteObject, x-amz-delete-marker and x-amz-version-id. */
static void deleted_answer(struct s3_call *call, const struct object_deletion *deletion,
                           const struct object_deleted *deleted) {
    bool is_named = deletion->version.kind != OBJECT_VERSION_CURRENT;
    call->response.status = 204;
    if (deleted->is_marker) http_response_set_str(&call->response, "x-amz-delete-marker", "true");
    if (is_named) {
        http_response_set(&call->response, SLICE("x-amz-version-id"), s3_param(call, "versionId"));
    } else if (deleted->has_version) {
        http_response_set(&call->response, SLICE("x-amz-version-id"),
                          object_deleted_text(deleted, call->arena));
    }
}

/* To delete what is not there succeeds. Spec: S3 DeleteObject. */
struct status op_delete_object(struct s3_call *call) {
    struct s3_write_condition condition;
    struct object_deletion deletion = {.key = call->key};
    struct object_deleted deleted;
    TRY(s3_version_of(call, &deletion.version));
    TRY(s3_delete_condition_of(call, &condition));
    TRY(s3_bypasses_governance(call, call->key, &deletion.bypasses_governance));
    s3_owner(call, &deletion.owner_id, &deletion.owner_name);
    deletion.condition = s3_write_condition_ptr(&condition);
    struct status status =
        object_delete_version(call->service->objects, &call->bucket, &deletion, &deleted);
    if (status_is(status, STATUS_DENIED)) return s3_refuse_protected(call);
    if (!is_ok(status)) return s3_write_failed(call, &condition, status);
    deleted_answer(call, &deletion, &deleted);
    return status_ok();
}
