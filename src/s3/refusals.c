#include "s3/refusals.h"

#include "base/check.h"
#include "s3/grants.h"

/* Spec: S3 API, GetObject, "Permissions". */
struct status s3_refuse_no_key(struct s3_call *call, const struct bucket *bucket,
                               struct slice key) {
    /* Who may list this key, and be it no other. */
    const struct s3_question question = {
        .action = "s3:ListBucket", .bucket = bucket, .prefix = key};
    struct access_decision decision;
    TRY(s3_decide(call, &question, &decision));
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
    "x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption",
    "x-amz-write-offset-bytes",     "x-amz-object-if-match",
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

/* A canned list must be one that there is; whether it may be set the bucket's ownership says. */
static struct status acl_check(struct s3_call *call) {
    struct slice name = s3_header(call, "x-amz-acl");
    const struct acl_owners nobody = {0};
    struct acl acl;
    if (name.ptr == NULL) return status_ok();
    struct status s = acl_canned(name, &nobody, call->arena, &acl);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    return s3_refuse_argument(call, "x-amz-acl", name, "Invalid Argument");
}

struct status s3_check_headers(struct s3_call *call) {
    for (size_t i = 0; i < call->head->header_count; i++) {
        TRY(feature_check(call, call->head->headers[i].name));
    }
    return acl_check(call);
}
