#include "s3/refusals.h"

#include "base/check.h"
#include "s3/grants.h"

/* Spec: S3 API, GetObject, "Permissions". */
struct status s3_refuse_no_key(struct s3_call *call, const struct bucket *bucket,
                               struct slice key) {
    struct access_decision decision;
    TRY(s3_decide(call, "s3:ListBucket", bucket, SLICE(""), &decision));
    if (!decision.allowed) return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
    s3_refuse_with(call, "Key", key);
    return s3_refuse(call, S3_ERROR_NO_SUCH_KEY, NULL);
}

struct status s3_refuse_no_upload(struct s3_call *call, struct slice id) {
    s3_refuse_with(call, "UploadId", id);
    return s3_refuse(call, S3_ERROR_NO_SUCH_UPLOAD, NULL);
}

struct status s3_refuse_condition(struct s3_call *call, const char *header) {
    s3_refuse_with(call, "Condition", slice_str(header));
    return s3_refuse(call, S3_ERROR_PRECONDITION_FAILED, NULL);
}

struct status s3_refuse_bucket_gone(struct s3_call *call) {
    struct bucket bucket;
    struct status status =
        bucket_find(call->service->objects, call->region->name, call->auth.principal.project_id,
                    call->bucket_name, call->arena, call->note, &bucket);
    if (is_ok(status)) return s3_refuse(call, S3_ERROR_OPERATION_ABORTED, NULL);
    if (!status_is(status, STATUS_NOT_FOUND)) return status;
    s3_refuse_with(call, "BucketName", call->bucket_name);
    return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
}

/* Headers, or beginnings of headers, that nothing here honours. */
static const char *const absent_features[] = {
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-grant-",
    "x-amz-write-offset-bytes",
    "x-amz-object-if-match",
    "x-amz-rename-source",
};

static struct status absent_refuse(struct s3_call *call, struct slice header) {
    s3_refuse_with(call, "Header", header);
    return s3_refuse(call, S3_ERROR_NOT_IMPLEMENTED,
                     "A header you provided implies functionality that is not implemented: %.*s",
                     SLICE_FMT(header));
}

static struct status feature_check(struct s3_call *call, struct slice name) {
    if (!slice_starts_with_nocase(name, SLICE("x-amz-"))) return status_ok();
    for (size_t i = 0; i < ARRAY_LEN(absent_features); i++) {
        if (slice_starts_with_nocase(name, slice_str(absent_features[i]))) {
            return absent_refuse(call, name);
        }
    }
    return status_ok();
}

/* Canned ACLs: those that say what is so anyway, and those that S3 knows beside them. */
static struct status acl_check(struct s3_call *call) {
    static const char *const fulfilled[] = {"private", "bucket-owner-full-control",
                                            "bucket-owner-read"};
    static const char *const known[] = {"public-read", "public-read-write", "authenticated-read",
                                        "aws-exec-read", "log-delivery-write"};
    struct slice acl = s3_header(call, "x-amz-acl");
    if (acl.len == 0) return status_ok();
    for (size_t i = 0; i < ARRAY_LEN(fulfilled); i++) {
        if (slice_eq(acl, slice_str(fulfilled[i]))) return status_ok();
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_eq(acl, slice_str(known[i]))) return absent_refuse(call, SLICE("x-amz-acl"));
    }
    return s3_refuse_argument(call, "x-amz-acl", acl, "Invalid Argument");
}

struct status s3_check_headers(struct s3_call *call) {
    for (size_t i = 0; i < call->head->header_count; i++) {
        TRY(feature_check(call, call->head->headers[i].name));
    }
    return acl_check(call);
}
