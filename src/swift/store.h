/*
 * store.h - one object written: by a PUT, out of an archive, out of a form
 *
 *     source ─▶ swift_body ─▶ object writer ─▶ the object, when all is verified
 *
 * Threads: the worker that serves the request. Blocks: as connection and store.
 */
#ifndef SWIFT_STORE_H
#define SWIFT_STORE_H

#include "swift/call.h"

struct swift_storing {
    const struct bucket *bucket;
    struct slice object;
    struct object_meta meta;
    struct object_link link;
    struct source *source;
    uint64_t size;                            /* UINT64_MAX: unknown */
    struct slice announced;                   /* its ETag; empty: unknown */
    const struct object_condition *condition; /* NULL: none */
};

/*
 * Writes an object, if the quotas let it. Whoever asks may: that was asked before.
 * Owns: `*ret_info` lies in call->arena.
 * Errors: REFUSED (413, 422, …); those of the source; as object_writer_commit.
 */
struct status swift_store(struct swift_call *call, const struct swift_storing *storing,
                          struct object_info *ret_info);

#endif
