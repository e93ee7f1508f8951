/*
 * large.h - objects that stand for others, read by this door: what is behind them is asked for too
 *
 *     s3_large_open ─ (authorize the object) ─ s3_large_follow ─ s3_large_verify
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 */
#ifndef S3_LARGE_H
#define S3_LARGE_H

#include "object/large.h"
#include "s3/call.h"

/* An object as it is read; lives as long as its reader. */
struct s3_large {
    struct object_gate gate; /* first; asks for s3:GetObject and s3:ListBucket */
    struct s3_call *call;
    struct object_opened opened;
};

/*
 * Opens an object in the place of which another may stand.
 * Errors: as object_open_target, but that of a broken link: REFUSED (BrokenMPU).
 */
struct status s3_large_open(struct s3_call *call, const struct bucket *bucket, struct slice key,
                            const struct object_version *version, struct s3_large *ret_large);

/* Finds out what the whole of it is (object_reader_follow). Errors: REFUSED; as that. */
struct status s3_large_follow(struct s3_large *large);

/* Whether its bytes in that range are there. Errors: REFUSED (BrokenMPU); as object_reader_verify.
 */
struct status s3_large_verify(struct s3_large *large, uint64_t offset, uint64_t len);

/* Ends it. */
void s3_large_close(struct s3_large *large);

#endif
