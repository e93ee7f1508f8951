/*
 * version_call.h - which version a request means, and what is said about versions
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_VERSION_CALL_H
#define S3_VERSION_CALL_H

#include "object/object.h"
#include "s3/call.h"

/*
 * The version that `text` names; a NULL ptr means the current one.
 * Errors: REFUSED (InvalidArgument).
 */
struct status s3_version_parse(struct s3_call *call, struct slice text,
                               struct object_version *ret_version);

/* The same of the parameter versionId. */
struct status s3_version_of(struct s3_call *call, struct object_version *ret_version);

/* For a check: versionId is sound, if it is there. Errors: REFUSED (InvalidArgument). */
struct status s3_version_check(struct s3_call *call);

/*
 * The permission for an operation on a named version, where S3 has another one for it; `action`
 * itself where no version is named.
 */
const char *s3_version_action(const char *action, struct slice version);

/* The id of a version that is named, as S3 writes it. Owns: it lies in call->arena. */
struct slice s3_version_text(struct s3_call *call, const struct object_version *version);

/*
 * Says x-amz-version-id, where the bucket has or had versioning. Spec: S3 PutObject, GetObject.
 */
void s3_version_answer(struct s3_call *call, const struct object_info *info);

/* The same about what was written: the null version is not told. */
void s3_version_answer_written(struct s3_call *call, const struct object_info *info);

/*
 * Refuses a version that is not there: NoSuchVersion; for the current one NoSuchKey, with
 * x-amz-delete-marker where a delete marker is why. AccessDenied to who may not list the bucket.
 * Errors: REFUSED; CORRUPT; IO.
 */
struct status s3_refuse_no_version(struct s3_call *call, const struct bucket *bucket,
                                   struct slice key, const struct object_version *version);

/* Refuses to read a delete marker that was named: MethodNotAllowed. */
struct status s3_refuse_marker(struct s3_call *call, const struct object_info *marker);

/*
 * Whether a retention of mode GOVERNANCE is to be bypassed: the request says so, and the principal
 * may. Errors: IO; CORRUPT.
 */
struct status s3_bypasses_governance(struct s3_call *call, struct slice key, bool *ret_bypasses);

/* AccessDenied because the version is protected. */
struct status s3_refuse_protected(struct s3_call *call);

/*
 * Finds the version that the call's versionId means; a delete marker has nothing to tell.
 * Owns: `*ret_info` lies in call->arena.
 * Errors: REFUSED (NoSuchKey, NoSuchVersion, MethodNotAllowed, …); CORRUPT; IO.
 */
struct status s3_version_find(struct s3_call *call, struct object_info *ret_info);

#endif
