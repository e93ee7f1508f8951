/*
 * tidy.h - the housekeeping: what it knows of, its thread, its steps
 *
 * What is to be done is written in kv only. In memory there is merely a set of partitions worth a
 * look, fed by this process's own changes; at the start, and once an hour, every bucket of the
 * directory gets one.
 *
 * Threads: any.
 */
#ifndef OBJECT_TIDY_H
#define OBJECT_TIDY_H

#include "base/note.h"
#include "kv/kv.h"

struct object_store;
struct tidy;

/* What the housekeeping keeps in memory; starts no thread. */
struct tidy *tidy_new(struct object_store *store);

/* Starts the thread. Errors: NO_MEMORY; BUSY; noted. */
struct status tidy_start(struct tidy *tidy, struct note *note);

/* Stops the thread if there is one, and frees. NULL is allowed. */
void tidy_free(struct tidy **tidy);

/* Says that there is something to be done in `partition`, soon. */
void tidy_wants(struct tidy *tidy, struct kv_partition partition);

/* Says that a partition is to be dropped. */
void tidy_wants_drop(struct tidy *tidy);

/* Does everything in `partition` that can be done now; `*ret_done`: nothing is left. */
struct status tidy_partition(struct object_store *store, struct kv_partition partition,
                             bool *ret_done);

/* Removes the versions in `partition` that have expired, at once; `*ret_removed`: how many. */
struct status tidy_expire(struct object_store *store, struct kv_partition partition,
                          uint64_t *ret_removed);

/* Drops the partitions that are to be dropped; `*ret_done`: none is left. */
struct status tidy_pending(struct object_store *store, bool *ret_done);

#endif
