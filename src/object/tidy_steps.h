/*
 * tidy_steps.h - the steps of the housekeeping in one partition, each bounded and resumable
 *
 * Each step is one batch whose guards see to it that two who do it at the same time do it once.
 * `*ret_done` says that nothing of its kind was left.
 *
 * Only tidy*.c include it. Threads: any.
 */
#ifndef OBJECT_TIDY_STEPS_H
#define OBJECT_TIDY_STEPS_H

#include "object/inner.h"

enum {
    TIDY_STEP_MAX = 500, /* records a batch */
    TIDY_DROP_STEP = 1000,
    TIDY_MAKING_MAX_MS = 10 * 60 * 1000 /* so long a bucket may take to be made */
};

/* What a step works with; reset before each. */
struct tidy_work {
    struct object_store *store;
    struct kv_partition partition;
    struct kv_batch *batch;
    struct arena arena;
    bool pinned;      /* a manifest has to wait for a reader */
    uint64_t removed; /* versions that had expired */
};

/* Makes and frees it. */
void tidy_work_init(struct tidy_work *work, struct object_store *store,
                    struct kv_partition partition);
void tidy_work_fini(struct tidy_work *work);

/* Forgets what the step before built and read. */
void tidy_work_reset(struct tidy_work *work);

/* Commits the batch; a lost race is OK: somebody else has done it, or it is met again. */
struct status tidy_work_commit(struct tidy_work *work);

/* The first key of `prefix` at or behind `from`, copied into the arena. */
struct status tidy_first(struct tidy_work *work, struct slice prefix, struct slice from,
                         bool *ret_found, struct slice *ret_key, struct slice *ret_value);

/* Removes receipts that have expired. */
struct status tidy_receipts(struct tidy_work *work, bool *ret_done);

/* Removes versions that have expired. */
struct status tidy_expired(struct tidy_work *work, bool *ret_done);

/* Frees parts of uploads that have ended. */
struct status tidy_ended(struct tidy_work *work, bool *ret_done);

/* Releases the blobs of manifests that have no reference left, but of those that are pinned. */
struct status tidy_manifests(struct tidy_work *work, bool *ret_done);

/* Ends uploads of a partition that is to be dropped. */
struct status tidy_uploads(struct tidy_work *work, bool *ret_done);

/* Whether the housekeeping is being stopped. */
bool tidy_is_stopping(struct tidy *tidy);

#endif
