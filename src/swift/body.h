/*
 * body.h - the last stage of an upload's pipe: digests on the way, and the verdict at the end
 *
 *     framing ◀─ swift_body ◀─ object writer
 *                    └─ MD5 (the ETag), and the checksum that S3 keeps with an object
 *
 * The stage says `end` only when the size is within its limit and the MD5 is what the ETag header
 * announced. What it refuses it has refused already (call.h).
 *
 * Threads: the worker that serves the request. Blocks: as the connection.
 */
#ifndef SWIFT_BODY_H
#define SWIFT_BODY_H

#include "crypto/digest.h"
#include "swift/call.h"

enum { SWIFT_ETAG_LEN = 32 };

struct swift_body {
    struct source source; /* pull from this */
    struct swift_call *call;
    struct source *inner;
    uint64_t size; /* so far */
    uint64_t size_max;
    struct slice announced; /* 32 digits; empty: nothing */
    struct digest md5;
    struct checksum kept;
};

/*
 * Makes the stage over `inner`; `announced` is an ETag, with or without quotes; empty: none.
 * Owns: `call` and `inner` must outlive it. Don't copy or move it.
 * Errors of the pull: REFUSED (413; 422: another ETag); those of `inner`.
 */
void swift_body_init(struct swift_body *body, struct swift_call *call, struct source *inner,
                     struct slice announced);

/* The ETag, SWIFT_ETAG_LEN bytes to `out`, and the checksum. Order: after the end. */
struct slice swift_body_etag(const struct swift_body *body, char *out);
struct object_checksum swift_body_checksum(const struct swift_body *body);

#endif
