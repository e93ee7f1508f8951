/*
 * refusals.h - refusals that several operations on objects have in common
 *
 * Each answers REFUSED, for `return refuse_…(…)`, but for the checks, which may let pass.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_REFUSALS_H
#define S3_REFUSALS_H

#include "s3/call.h"

/*
 * NoSuchKey, with the key, to those who may list the bucket; AccessDenied to others.
 * Blocks: as the store, where the bucket has a policy.
 */
struct status s3_refuse_no_key(struct s3_call *call, const struct bucket *bucket, struct slice key);

/* NoSuchUpload, with the upload's id. */
struct status s3_refuse_no_upload(struct s3_call *call, struct slice id);

/* PreconditionFailed, with the header that was not fulfilled. */
struct status s3_refuse_condition(struct s3_call *call, const char *header);

/*
 * What became of the call's bucket when the object layer says that it has gone or changed: it is
 * looked for again. NoSuchBucket, or OperationAborted where it is there.
 */
struct status s3_refuse_bucket_gone(struct s3_call *call);

/*
 * Refuses, by its name, a header that asks for what is not there yet (encryption, grants, …)
 * instead of ignoring it silently. Errors: REFUSED (NotImplemented, InvalidArgument).
 */
struct status s3_check_headers(struct s3_call *call);

#endif
