#include "s3/version_call.h"

#include "base/check.h"
#include "base/date.h"
#include "s3/grants.h"
#include "s3/refusals.h"

struct status s3_version_parse(struct s3_call *call, struct slice text,
                               struct object_version *ret_version) {
    *ret_version = (struct object_version){.kind = OBJECT_VERSION_CURRENT};
    if (text.ptr == NULL || object_version_parse(text, ret_version)) return status_ok();
    if (text.len == 0) {
        return s3_refuse_argument(call, "versionId", text, "Version id cannot be the empty string");
    }
    return s3_refuse_argument(call, "versionId", text, "Invalid version id specified");
}

struct status s3_version_of(struct s3_call *call, struct object_version *ret_version) {
    return s3_version_parse(call, s3_param(call, "versionId"), ret_version);
}

struct status s3_version_check(struct s3_call *call) {
    struct object_version version;
    return s3_version_of(call, &version);
}

/* Spec: AWS Service Authorization Reference, "Actions defined by Amazon S3". */
const char *s3_version_action(const char *action, struct slice version) {
    static const struct {
        const char *action;
        const char *of_version;
    } rows[] = {
        {"s3:GetObject", "s3:GetObjectVersion"},
        {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
        {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
        {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
        {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
        {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
        {"s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"},
    };
    if (version.ptr == NULL) return action;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(action, rows[i].action) == 0) return rows[i].of_version;
    }
    return action;
}

void s3_version_answer(struct s3_call *call, const struct object_info *info) {
    if (call->bucket.versioning == BUCKET_VERSIONING_OFF) return;
    http_response_set(&call->response, SLICE("x-amz-version-id"),
                      object_version_text(info, call->arena));
}

void s3_version_answer_written(struct s3_call *call, const struct object_info *info) {
    if (!info->null_version) s3_version_answer(call, info);
}

static void tell_marker(struct s3_call *call, const struct object_info *marker) {
    s3_refuse_header(call, "x-amz-delete-marker", SLICE("true"));
    s3_refuse_header(call, "x-amz-version-id", object_version_text(marker, call->arena));
}

struct slice s3_version_text(struct s3_call *call, const struct object_version *version) {
    struct object_info named = {.version = version->id,
                                .null_version = version->kind == OBJECT_VERSION_NULL};
    return object_version_text(&named, call->arena);
}

struct status s3_refuse_no_version(struct s3_call *call, const struct bucket *bucket,
                                   struct slice key, const struct object_version *version) {
    const struct s3_question question = {
        .action = "s3:ListBucket", .bucket = bucket, .prefix = key};
    struct access_decision decision;
    struct object_info marker;
    if (version->kind == OBJECT_VERSION_CURRENT) {
        struct status s =
            object_find_marker(call->service->objects, bucket, key, call->arena, &marker);
        if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
        TRY(s3_decide(call, &question, &decision));
        if (is_ok(s) && decision.allowed) tell_marker(call, &marker);
        return s3_refuse_no_key(call, bucket, key);
    }
    TRY(s3_decide(call, &question, &decision));
    if (!decision.allowed) return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
    s3_refuse_with(call, "Key", key);
    s3_refuse_with(call, "VersionId", s3_version_text(call, version));
    return s3_refuse(call, S3_ERROR_NO_SUCH_VERSION, NULL);
}

struct status s3_refuse_marker(struct s3_call *call, const struct object_info *marker) {
    char text[DATE_TEXT_CAP];
    date_format_http(marker->modified_ns, text);
    tell_marker(call, marker);
    s3_refuse_header(call, "Allow", SLICE("DELETE"));
    s3_refuse_header(call, "Last-Modified", arena_dup(call->arena, slice_str(text)));
    s3_refuse_with(call, "Method", call->head->method_text);
    s3_refuse_with(call, "ResourceType", SLICE("DeleteMarker"));
    return s3_refuse(call, S3_ERROR_METHOD_NOT_ALLOWED, NULL);
}

struct status s3_bypasses_governance(struct s3_call *call, struct slice key, bool *ret_bypasses) {
    struct access_decision decision;
    struct slice said = s3_header(call, "x-amz-bypass-governance-retention");
    *ret_bypasses = false;
    if (!slice_eq_nocase(said, SLICE("true"))) return status_ok();
    const struct s3_question question = {
        .action = "s3:BypassGovernanceRetention", .bucket = &call->bucket, .key = key};
    TRY(s3_decide(call, &question, &decision));
    *ret_bypasses = decision.allowed;
    return status_ok();
}

struct status s3_refuse_protected(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED,
                     "Access Denied because object protected by object lock.");
}

struct status s3_version_find(struct s3_call *call, struct object_info *ret_info) {
    struct object_version version;
    TRY(s3_version_of(call, &version));
    struct status s = object_find_version(call->service->objects, &call->bucket, call->key,
                                          &version, call->arena, ret_info);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, &call->bucket, call->key, &version);
    }
    TRY(s);
    return ret_info->delete_marker ? s3_refuse_marker(call, ret_info) : status_ok();
}
