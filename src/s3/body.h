/*
 * body.h - the last stage of an upload's pipe: digests on the way, and the verdict at the end
 *
 *     framing ◀─ aws-chunked ◀─ s3_body ◀─ object writer, XML reader, …
 *                                  │
 *                                  └─ MD5 (the ETag), the checksum to keep, the client's own
 *                                     checksum, SHA-256 where the signature names it
 *
 * Memory is fixed. The stage says `end` only when everything the client announced was found to be
 * so: Content-MD5, x-amz-content-sha256, x-amz-checksum-* of the head or of a trailer, and the
 * size limit. What it refuses it has refused already (call.h).
 *
 * Threads: the worker that serves the request. Blocks: as the connection.
 */
#ifndef S3_BODY_H
#define S3_BODY_H

#include "crypto/digest.h"
#include "crypto/md5_stream.h"
#include "s3/checksum_header.h"

enum { S3_ETAG_LEN = 32 };

/* The largest body of one request. */
#define S3_BODY_SIZE_MAX (UINT64_C(5) * 1024 * 1024 * 1024)

/* What the head says that the body will be. */
struct s3_body_promise {
    bool has_md5;
    unsigned char md5[DIGEST_MD5_LEN];
    struct s3_checksum_wish wish;
};

/*
 * Reads what the head promises about the body.
 * Errors: REFUSED (InvalidDigest; those of s3_checksum_wish_of).
 */
struct status s3_body_promise_of(struct s3_call *call, struct s3_body_promise *ret_promise);

/*
 * For the check of an operation whose body becomes an object or a part: the promises are sound, the
 * length is known or the framing tells it, and it is not above S3_BODY_SIZE_MAX.
 * Errors: REFUSED (MissingContentLength, EntityTooLarge; those of s3_body_promise_of).
 */
struct status s3_body_check(struct s3_call *call);

struct s3_body {
    struct source source; /* pull from this */
    struct s3_call *call;
    struct source *inner;
    bool is_request; /* inner is the request's body, not a copy's source */
    uint64_t size;   /* so far */
    uint64_t size_max;
    struct s3_body_promise promise;
    bool has_sha256; /* x-amz-content-sha256 is to be compared */
    bool has_own;    /* `own` is another kind than `kept` */
    bool keeps;
    struct md5_stream md5_stream;
    unsigned char md5[DIGEST_MD5_LEN]; /* from the end on */
    struct digest sha256;
    struct checksum kept; /* to be kept with the object */
    struct checksum own;  /* what the client announced */
};

/*
 * Makes the stage over call->body. With `kind` that checksum is kept; else the client's, else the
 * default.
 * Owns: `call` must outlive it. Don't copy or move it.
 * Errors: REFUSED; of the pull: REFUSED.
 */
struct status s3_body_init(struct s3_body *body, struct s3_call *call,
                           const enum checksum_kind *kind);

/* The same over the bytes of another object: nothing is promised about them. */
void s3_body_init_copy(struct s3_body *body, struct s3_call *call, struct source *source,
                       enum checksum_kind kind);

/* The same for a small document: no checksum is kept, `size_max` bytes at most. */
struct status s3_body_init_document(struct s3_body *body, struct s3_call *call, uint64_t size_max);

/* The same where x-amz-checksum-* are not about the body (CompleteMultipartUpload). */
struct status s3_body_init_completion(struct s3_body *body, struct s3_call *call,
                                      uint64_t size_max);

/* The ETag, S3_ETAG_LEN bytes to `out`. Order: after the end. */
struct slice s3_body_etag(const struct s3_body *body, char *out);

/* The checksum to keep. Order: after the end. */
struct object_checksum s3_body_checksum(const struct s3_body *body);

/* The checksum that the client announced, else the one that is kept. Order: after the end. */
struct object_checksum s3_body_said(const struct s3_body *body);

/* Whether the head brings Content-MD5 or a checksum at all, as DeleteObjects must have it. */
bool s3_body_is_promised(const struct s3_body *body);

#endif
