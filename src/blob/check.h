/*
 * check.h - whether blobs have just the references that their counters say
 *
 * Whoever refers to blobs counts its references in a tally, then has it compared with the records,
 * the counters and the candidates of the partition (driver.h). Offline: nothing else changes the
 * partition meanwhile.
 *
 * Threads: one at a time.
 */
#ifndef BLOB_CHECK_H
#define BLOB_CHECK_H

#include "base/findings.h"
#include "base/tally.h"
#include "blob/blob.h"

/*
 * Compares the references in `seen` with what the partition says of its blobs. What can be put
 * right: a wrong counter; a blob without references becomes garbage. What can't: a reference to a
 * blob that is not there.
 * Errors: kv's.
 */
struct status blob_check(struct kv *kv, struct kv_partition partition, struct tally *seen,
                         struct findings *findings);

#endif
