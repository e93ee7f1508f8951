/*
 * copy_source.h - where a copy comes from: x-amz-copy-source and its conditions
 *
 *     [/]bucket/key[?versionId=…]      percent-encoded
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_COPY_SOURCE_H
#define S3_COPY_SOURCE_H

#include "object/object.h"
#include "s3/call.h"
#include "s3/large.h"

/* The largest object that one request copies. */
#define S3_COPY_SIZE_MAX (UINT64_C(5) * 1024 * 1024 * 1024)

/* The header, taken apart. */
struct s3_copy_name {
    struct slice bucket;
    struct slice key;
    struct slice version; /* NULL ptr: none is named */
};

/*
 * Takes the value of x-amz-copy-source apart. Pure.
 * Owns: decoded text lies in `arena` or in `header`.
 * Errors: INVALID, noted.
 * Spec: S3 CopyObject.
 */
struct status s3_copy_name_parse(struct arena *arena, struct slice header, struct note *note,
                                 struct s3_copy_name *ret_name);

/* What is copied: found, permitted, and as the conditions want it. */
struct s3_copy_source {
    struct bucket bucket;
    struct slice key;
    struct object_version version; /* as it was named */
    struct object_info info;
    struct s3_large large; /* open */
};

/* For a check: the header is there and sound. Errors: REFUSED (InvalidArgument). */
struct status s3_copy_source_check(struct s3_call *call);

/*
 * Finds and opens the source that the call names, if the principal may read it.
 * Owns: `*ret_source` until s3_copy_source_close.
 * Errors: REFUSED (NoSuchBucket, AccessDenied, NoSuchKey, PreconditionFailed, …); IO; CORRUPT.
 */
struct status s3_copy_source_open(struct s3_call *call, struct s3_copy_source *ret_source);

/* Says x-amz-copy-source-version-id, where the source's bucket has or had versioning. */
void s3_copy_source_answer(struct s3_call *call, const struct s3_copy_source *source);

/* Ends it. */
void s3_copy_source_close(struct s3_copy_source *source);

/*
 * Its bytes [first, first + len) as a source; while they are pulled the client is told that it
 * goes on, when it takes long (early.h).
 */
struct s3_copy_bytes {
    struct source source; /* pull from this */
    struct s3_call *call;
    struct object_reader *reader;
    uint64_t at;
    uint64_t left;
    uint64_t since_pulse;
};

/* Owns: `call` and `from` must outlive it. */
void s3_copy_bytes_init(struct s3_copy_bytes *bytes, struct s3_call *call,
                        const struct s3_copy_source *from, uint64_t first, uint64_t len);

#endif
