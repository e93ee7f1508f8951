/*
 * blob.h - immutable bytes under a storage policy, bound to their name by a kv batch
 *
 * The narrow waist, data half. A blob is written once, sealed, and then bound by the very batch
 * that publishes whatever points to it; it is released by the batch that removes the last pointer.
 * The blob layer puts its own keys into that batch, in the same partition, under BLOB_KEY_PREFIX.
 * So no crash leaves a name without bytes, or bytes that nobody will ever free.
 *
 *     begin ── write* ── seal ── bind(batch) ── [kv_commit] ── commit
 *        └────────┴───────┴──────────┴────────────────┴─────── abort
 *
 * References: a bound blob has one reference. blob_share adds one, blob_unbind takes one away; at
 * none it is garbage, and blob_collect frees it. Both only add entries to the caller's batch, and
 * may be used several times for one blob in one batch.
 *
 * What holds:
 *   B1  After seal returned OK, the bytes survive the loss of power, on as many drives as the
 *       policy acknowledges, or they are inside the entries that bind adds (small blobs).
 *   B2  A blob whose binding batch was not committed is not there after a restart, nor its space.
 *   B3  A reader that is open reads its bytes to the end, whatever is unbound meanwhile.
 *   B4  Bytes read are the bytes written, or the call fails with CORRUPT.
 *
 * Blocks: every call but the accessors may wait for a drive. Threads: any number; a writer and a
 * reader belong to one thread at a time.
 */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"
#include "kv/kv.h"

enum { BLOB_ID_LEN = 16, BLOB_POLICY_NAME_MAX = 64 };

#define BLOB_SIZE_MAX (UINT64_C(5) * 1024 * 1024 * 1024 * 1024)

/* The first byte of every key that the blob layer puts into a partition. */
#define BLOB_KEY_PREFIX 'b'

struct blob_id {
    uint8_t bytes[BLOB_ID_LEN];
};

struct blob_store;
struct blob_writer;
struct blob_reader;

/*
 * Starts a blob of the partition under the policy named `policy`. `size_hint` is the expected
 * number of bytes, or UINT64_MAX when unknown; it is no promise.
 * Errors: NOT_FOUND (no such policy); BUSY (fewer drives than the policy needs to acknowledge);
 * NO_SPACE; IO.
 */
struct status blob_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer);

/* Takes all of `bytes`. After an error only abort may follow. Errors: NO_SPACE; TOO_LARGE; IO. */
struct status blob_writer_write(struct blob_writer *writer, struct slice bytes);

/* Ends the bytes and makes them durable (B1). Errors: NO_SPACE; IO. */
struct status blob_writer_seal(struct blob_writer *writer);

/* The id that the blob will be known by in its partition; fixed from begin on. */
struct blob_id blob_writer_id(const struct blob_writer *writer);

/* Bytes written so far. */
uint64_t blob_writer_size(const struct blob_writer *writer);

/*
 * Adds the entries that bind the sealed blob, with one reference, to `batch`. May be called again
 * for a rebuilt batch when the first commit met a CONFLICT.
 */
void blob_writer_bind(const struct blob_writer *writer, struct kv_batch *batch);

/* Ends the writer after its batch was committed. Consumes it. */
void blob_writer_commit(struct blob_writer **writer);

/*
 * Ends the writer and frees its bytes: the batch was never committed, or was refused. Consumes it;
 * NULL is allowed. Not to be used when kv_commit failed with IO or CORRUPT: then
 * blob_writer_forget.
 */
void blob_writer_abort(struct blob_writer **writer);

/* Ends the writer when it is not known whether its batch is durable; the bytes stay. */
void blob_writer_forget(struct blob_writer **writer);

/*
 * Adds entries that give a bound blob of the partition one more reference. The commit fails with
 * CONFLICT if the blob has none left by then. Order: in one batch, before the unbind of the same
 * blob (an object copied onto itself).
 */
void blob_share(struct blob_store *store, struct blob_id id, struct kv_batch *batch);

/*
 * Adds entries that take one reference away, and note the blob as possible garbage. The commit
 * fails with CONFLICT if the blob has none left by then.
 */
void blob_unbind(struct blob_store *store, struct blob_id id, struct kv_batch *batch);

/*
 * Frees up to `blobs_max` garbage blobs of the partition; `*ret_done` says that none was left.
 * Resumable, safe to run beside everything else, on any number of threads.
 * Errors: IO; BUSY.
 */
struct status blob_collect(struct blob_store *store, struct kv_partition partition,
                           size_t blobs_max, bool *ret_done);

/*
 * Opens a bound blob for reading.
 * Errors: NOT_FOUND (it was unbound: read the name again); CORRUPT; IO.
 */
struct status blob_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader);

/* The blob's size in bytes. */
uint64_t blob_reader_size(const struct blob_reader *reader);

/*
 * Reads exactly `len` bytes from `offset`, checked against their checksums.
 * Errors: RANGE (past the end); CORRUPT; IO.
 */
struct status blob_reader_read(struct blob_reader *reader, uint64_t offset, void *buffer,
                               size_t len);

/* A piece of a blob as part of an open file, for sendfile. */
struct blob_segment {
    int fd; /* owned by the reader */
    uint64_t file_offset;
    uint64_t len;
};

/*
 * A piece of the blob that starts at `offset`, of at most `len` bytes, which need no checking any
 * more. Errors: UNSUPPORTED (read it instead); RANGE.
 */
struct status blob_reader_segment(struct blob_reader *reader, uint64_t offset, uint64_t len,
                                  struct blob_segment *ret_segment);

/* Consumes the reader; NULL is allowed. */
void blob_reader_close(struct blob_reader **reader);

/* Figures for metrics and health. */
struct blob_stats {
    uint64_t bytes_free;  /* of the drives */
    uint64_t bytes_total; /* of the drives */
    uint64_t corrupt_blocks;
    uint64_t collected_blobs;
};

/* Reads the figures. */
void blob_stats_read(struct blob_store *store, struct blob_stats *ret_stats);

/* Ends the store; no writer and no reader is left. */
void blob_store_close(struct blob_store **store);

#endif
