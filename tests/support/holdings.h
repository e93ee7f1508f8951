/*
 * holdings.h - the books of a bucket's partition: everything that is there is named as often as its
 * references say
 */
#ifndef SUPPORT_HOLDINGS_H
#define SUPPORT_HOLDINGS_H

#include "kv/kv.h"

/* What lies in a partition. */
struct holdings {
    uint64_t objects;
    uint64_t bytes; /* of the objects */
    uint64_t uploads;
    uint64_t parts;
    uint64_t manifests; /* garbage included */
    uint64_t blobs;     /* garbage included */
    uint64_t receipts;
    uint64_t waiting; /* for the housekeeping: blobs, manifests and uploads that have ended */
};

/*
 * Walks through the partition and fails the test where the books do not balance: a blob or manifest
 * that is named more or less often than its references say; a name of what is not there; a part
 * without an upload in progress or one that has ended; counters that are not the sums. Order:
 * nobody changes anything meanwhile.
 */
void holdings_read(struct kv *kv, struct kv_partition partition, struct holdings *ret_holdings);

#endif
