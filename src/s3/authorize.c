#include "access/access.h"
#include "s3/s3.h"

static struct status allow(struct s3_call *call, const char *action, struct slice owner_project) {
    const struct principal *principal = &call->auth.principal;
    struct access_request request = {
        .action = action,
        .principal_project = principal->project_id,
        .principal_anonymous = principal->anonymous,
        .principal_admin = principal->admin,
        .owner_project = owner_project,
    };
    if (access_allows(&request)) return status_ok();
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
}

static struct status find_bucket(struct s3_call *call, struct slice name,
                                 struct bucket *ret_bucket) {
    struct status found =
        bucket_find(call->service->objects, call->region->name, call->auth.principal.project_id,
                    name, call->arena, call->note, ret_bucket);
    if (!status_is(found, STATUS_NOT_FOUND)) return found;
    s3_refuse_with(call, "BucketName", name);
    return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
}

struct status s3_expect_owner(struct s3_call *call, const char *name, const struct bucket *bucket) {
    struct slice expected = s3_header(call, name);
    if (expected.ptr == NULL || slice_eq(expected, bucket->project_id)) return status_ok();
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
}

/* A new bucket and the service are the principal's own; nobody has none. */
static struct status authorize_own(struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    TRY(allow(call, call->op->action, principal->project_id));
    if (call->op->subject != S3_NEW_BUCKET || principal->project_id.len > 0) return status_ok();
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
}

struct status s3_authorize(struct s3_call *call) {
    const struct s3_op *op = call->op;
    if (op->action == NULL) return status_ok();
    if (op->subject == S3_SERVICE || op->subject == S3_NEW_BUCKET) return authorize_own(call);
    TRY(find_bucket(call, call->bucket_name, &call->bucket));
    TRY(s3_expect_owner(call, "x-amz-expected-bucket-owner", &call->bucket));
    return allow(call, op->action, call->bucket.project_id);
}

struct status s3_authorize_other(struct s3_call *call, const char *action, struct slice bucket_name,
                                 struct slice key, struct bucket *ret_bucket) {
    (void)key; /* policies will ask for it */
    struct bucket bucket;
    TRY(find_bucket(call, bucket_name, &bucket));
    TRY(allow(call, action, bucket.project_id));
    *ret_bucket = bucket;
    return status_ok();
}
