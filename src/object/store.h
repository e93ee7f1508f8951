/*
 * store.h - the object layer: buckets, objects, uploads and listings over kv and blob
 *
 * The semantics that S3 and Swift share; the only room that knows the metadata schema
 * (docs/format.md). It speaks no protocol: refusals are status codes, and the doors translate them.
 *
 *     object_store_open ── bucket.h, object.h, list.h, upload.h on any number of threads ──
 *     object_store_close
 *
 * Every change is one kv batch in the bucket's partition, guarded on the bucket's epoch record
 * (bucket.h) and on the exact bytes of what it replaces; a batch that loses a race is built again
 * from what is there then, so contention does not reach the caller.
 *
 * Threads: any number, but for open and close. Blocks: as kv and blob.
 */
#ifndef OBJECT_STORE_H
#define OBJECT_STORE_H

#include "base/note.h"
#include "base/status.h"
#include "blob/blob.h"
#include "kv/kv.h"
#include "os/clock.h"
#include "os/random.h"

struct object_store;

/* What it works on; everything outlives it. */
struct object_store_config {
    struct kv *kv;
    struct blob_store *blob;
    struct clock *clock;
    struct random *random;
    bool housekeeping; /* start the thread that collects garbage; tests call object_store_tidy */
};

/*
 * Opens the layer, and starts its housekeeping: the end of deleted buckets, of bucket creations
 * that a crash cut off, of replaced bytes and of receipts that have expired.
 * Owns: the caller, until object_store_close.
 * Errors: NO_MEMORY; BUSY; noted.
 */
struct status object_store_open(const struct object_store_config *config, struct note *note,
                                struct object_store **ret_store);

/* Ends the housekeeping and frees; NULL is allowed. No call is in progress. */
void object_store_close(struct object_store **store);

/*
 * One pass of the housekeeping over everything that waits for it; `*ret_done` says that nothing was
 * left. Resumable, safe beside everything else and in several processes.
 * Errors: IO; BUSY; CORRUPT.
 */
struct status object_store_tidy(struct object_store *store, bool *ret_done);

/* Figures for metrics. */
struct object_store_stats {
    uint64_t tidied_blobs;
    uint64_t tidied_buckets;
    uint64_t tidy_errors; /* buckets that the housekeeping could not finish with; it tries again */
    uint64_t commit_retries; /* batches built again because of a race */
};

/* Reads the figures. */
void object_store_stats_read(struct object_store *store, struct object_store_stats *ret_stats);

#endif
