#include "s3/name.h"
#include "s3/s3.h"

struct status s3_check(struct s3_call *call) {
    const struct s3_op *op = call->op;
    if (op->run == NULL) {
        return s3_refuse(call, S3_ERROR_NOT_IMPLEMENTED, "%s is not implemented.", op->name);
    }
    if (op->subject == S3_NEW_BUCKET) {
        const char *complaint = s3_bucket_name_complaint(call->bucket_name);
        if (complaint != NULL) {
            return s3_refuse(call, S3_ERROR_INVALID_BUCKET_NAME, "%s", complaint);
        }
    }
    return op->check != NULL ? op->check(call) : status_ok();
}
