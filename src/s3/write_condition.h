/*
 * write_condition.h - If-Match and its relatives on what a write would replace or delete
 *
 * They are judged inside the commit (object.h), so exactly: of N writers that require absence one
 * wins.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_WRITE_CONDITION_H
#define S3_WRITE_CONDITION_H

#include "object/object.h"
#include "s3/call.h"

/* What is required; a NULL ptr or false is nothing. */
struct s3_write_condition {
    struct object_condition condition; /* first: judge finds the rest by it */
    struct slice if_match;             /* entity tags, or "*" */
    struct slice if_none_match;
    bool has_size;
    uint64_t size;
    bool has_modified;
    int64_t modified_s;
    bool absence_passes; /* a delete of what is not there is done already */
    struct s3_write_verdict {
        const char *failed; /* the header that was not fulfilled */
        bool absent;        /* because there is nothing */
    } * verdict;
};

/*
 * Reads If-Match and If-None-Match for a write.
 * Owns: `*ret_condition` points into the call; don't copy it while it is used.
 */
struct status s3_write_condition_of(struct s3_call *call, struct s3_write_condition *ret_condition);

/*
 * Reads If-Match, x-amz-if-match-size and x-amz-if-match-last-modified-time for a delete. Each is
 * fulfilled by absence. Errors: REFUSED (InvalidArgument); NO_MEMORY.
 */
struct status s3_delete_condition_of(struct s3_call *call,
                                     struct s3_write_condition *ret_condition);

/* Makes a condition of the parts of it that are set already. Errors: NO_MEMORY. */
struct status s3_write_condition_init(struct s3_call *call, struct s3_write_condition *condition);

/* What the object layer is to be given: NULL where nothing is required. */
const struct object_condition *s3_write_condition_ptr(const struct s3_write_condition *condition);

/*
 * Judges the condition against what there is now, so that nothing is read or copied in vain; the
 * commit judges again. Errors: REFUSED (PreconditionFailed, NoSuchKey); CORRUPT; IO; NO_MEMORY.
 */
struct status s3_write_condition_foresee(struct s3_call *call,
                                         const struct s3_write_condition *condition);

/*
 * Translates a failed write: what the condition refused, a bucket that has gone, or `status`
 * itself.
 */
struct status s3_write_failed(struct s3_call *call, const struct s3_write_condition *condition,
                              struct status status);

#endif
