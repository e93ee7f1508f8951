/*
 * check.h - whether the records of buckets fit together: an offline check of the whole store
 *
 * Every partition is read once: its tables are counted and compared with the counters, references
 * to blobs and manifests with theirs, parts with their uploads, names with the buckets that they
 * lead to. Memory: 20 to 40 bytes a blob of the largest bucket.
 *
 * Threads: one; nobody else uses the store meanwhile.
 */
#ifndef OBJECT_CHECK_H
#define OBJECT_CHECK_H

#include "base/findings.h"
#include "kv/kv.h"

/* Finds the first partition at or after `*partition` that has an entry; false past the last. */
struct object_partitions {
    struct status (*find)(struct object_partitions *partitions, struct kv_partition *partition,
                          bool *ret_found);
};

/*
 * Checks all buckets and the directory. What can be put right: counters of objects, bytes,
 * versions, buckets and references; garbage that nobody knew of; parts without an upload. What
 * can't: records that are damaged, bytes that are not there, partitions without a bucket. Errors:
 * kv's.
 */
struct status object_check(struct kv *kv, struct object_partitions *partitions,
                           struct findings *findings);

#endif
