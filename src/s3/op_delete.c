#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/write_condition.h"

struct status op_delete_object_check(struct s3_call *call) {
    TRY(s3_check_headers(call));
    return s3_check_version(call);
}

/* To delete what is not there succeeds. Spec: S3 DeleteObject. */
struct status op_delete_object(struct s3_call *call) {
    struct s3_write_condition condition;
    TRY(s3_delete_condition_of(call, &condition));
    struct status status = object_delete(call->service->objects, &call->bucket, call->key,
                                         s3_write_condition_ptr(&condition), NULL);
    if (!is_ok(status)) return s3_write_failed(call, &condition, status);
    call->response.status = 204;
    return status_ok();
}
