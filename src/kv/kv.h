/*
 * kv.h - ordered keys and values in partitions, changed by atomic, guarded, durable batches
 *
 * The narrow waist, metadata half. Everything that hink knows about buckets, objects, uploads,
 * users and keys is bytes in here; everything above may assume only what this page says. Drivers:
 * the embedded engine (engine/), Ceph (rados/), and the in-memory reference (kv/mem.h).
 *
 *     partition ── key (1 to KV_KEY_MAX bytes, bytewise order) ── value (1 to KV_VALUE_MAX bytes)
 *
 * A partition is named by 16 bytes. It need not be made: it exists as soon as a batch is committed
 * in it. No batch spans two partitions.
 *
 * What holds:
 *   K1  A batch is applied whole or not at all, at one instant, to every reader.
 *   K2  When kv_commit returns OK, the batch survives the loss of power.
 *   K3  Reads see only what is durable, and everything whose commit has returned.
 *   K4  Guards and changes of a batch are one step: nothing comes between them.
 *   K5  A guard that failed was decided by durable state.
 *   K6  Damage is STATUS_CORRUPT, never an absent key.
 * Nothing here assumes to be the only user of the store: a driver may serve several processes.
 *
 * Blocks: every call may wait for a drive. Threads: any number, on all calls, but a batch and a
 * cursor belong to one thread at a time.
 */
#ifndef KV_KV_H
#define KV_KV_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    KV_KEY_MAX = 1300,
    KV_VALUE_MAX = 8 * 1024 * 1024,
    KV_BATCH_ENTRIES_MAX = 64 * 1024,
    KV_BATCH_BYTES_MAX = 32 * 1024 * 1024,
    KV_PARTITION_LEN = 16
};

struct kv_partition {
    uint8_t id[KV_PARTITION_LEN];
};

/* The partition of users, projects, keys and the directory of buckets: sixteen zero bytes. */
extern const struct kv_partition kv_partition_system;

/* Whether both name the same partition. */
static inline bool kv_partition_eq(struct kv_partition a, struct kv_partition b) {
    return memcmp(a.id, b.id, sizeof a.id) == 0;
}

struct kv;
struct kv_batch;
struct kv_cursor;

/*
 * Looks up one key.
 * Owns: `*ret_value` lies in `arena`.
 * Errors: NOT_FOUND; NO_MEMORY (the arena's limit); CORRUPT; IO.
 */
struct status kv_get(struct kv *kv, struct kv_partition partition, struct slice key,
                     struct arena *arena, struct slice *ret_value);

/*
 * Opens a cursor over the keys that begin with `prefix` (all keys for the empty one). It stands
 * nowhere until it is moved.
 * Owns: the caller, until kv_cursor_close. Holds no lock; a snapshot is not promised, but each key
 * that was durable at the open and has not changed since is met exactly once in a sweep.
 * Errors: NO_MEMORY; IO.
 */
struct status kv_cursor_open(struct kv *kv, struct kv_partition partition, struct slice prefix,
                             struct kv_cursor **ret_cursor);

/*
 * Moves to the first key at or after `key` (seek), to the last key at or before it (seek_back), to
 * the next or the previous one. All stay within the prefix; `*ret_found` is false past its ends,
 * and the cursor then stands nowhere, from where next and prev find nothing. Re-seeking is cheap
 * and moves either way. The `key` of a seek may have any length.
 * Errors: CORRUPT; IO.
 */
struct status kv_cursor_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found);
struct status kv_cursor_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found);
struct status kv_cursor_next(struct kv_cursor *cursor, bool *ret_found);
struct status kv_cursor_prev(struct kv_cursor *cursor, bool *ret_found);

/*
 * The entry the cursor stands on, the key with its prefix.
 * Owns: both slices are valid until the cursor is moved or closed.
 */
struct slice kv_cursor_key(const struct kv_cursor *cursor);
struct slice kv_cursor_value(const struct kv_cursor *cursor);

/* Ends the cursor; NULL is allowed. */
void kv_cursor_close(struct kv_cursor **cursor);

/*
 * Commits the guards and changes of `batch` in `partition`, all or nothing; durable on return.
 * `*ret_failed_guard` (may be NULL) is written on CONFLICT only: the index, in order of addition,
 * of a guard that did not hold. The batch is unchanged by the call and may be committed again.
 * Errors: CONFLICT (a guard did not hold; nothing changed); BUSY (overloaded; nothing changed);
 * NO_SPACE (nothing changed); CORRUPT; IO. After CORRUPT or IO it is not known whether the batch
 * will be there after a restart, and the store refuses further commits with IO.
 */
struct status kv_commit(struct kv *kv, struct kv_partition partition, const struct kv_batch *batch,
                        size_t *ret_failed_guard);

/*
 * Removes up to `entries_max` entries of `partition`; `*ret_done` says that none is left.
 * Resumable: call again until done. The caller sees to it that nobody writes there any more.
 * Errors: IO; BUSY.
 */
struct status kv_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                      bool *ret_done);

/* Figures for metrics and health; all may be estimates. Units: bytes. */
struct kv_stats {
    uint64_t entries;
    uint64_t bytes_on_disk;
    uint64_t commits;
    uint64_t commit_groups; /* synced writes; commits / commit_groups is the mean group */
    uint64_t conflicts;
};

/* Reads the figures. */
void kv_stats_read(struct kv *kv, struct kv_stats *ret_stats);

/* Ends the store: waits for calls in progress to return, syncs, frees. */
void kv_close(struct kv **kv);

/*
 * ---- batches -------------------------------------------------------------------------------
 *
 * A batch is built in memory and knows no store. Every byte given to it is copied. Past
 * KV_BATCH_ENTRIES_MAX or KV_BATCH_BYTES_MAX it overflows, sticky; kv_batch_ok says so, and
 * kv_commit refuses it with TOO_LARGE; so do a key or a value past their limits.
 *
 * Guards on presence and equality are judged by what was there before the batch. Changes apply in
 * order of addition: when two name the same key, the later one counts, and a counter addition sees
 * what the lines before it made of its key.
 */

/* A new, empty batch. Errors: none; no memory for it is a bug of the process's limits. */
struct kv_batch *kv_batch_new(void);
void kv_batch_free(struct kv_batch **batch);
void kv_batch_clear(struct kv_batch *batch);

/* Changes. A value is never empty. */
void kv_batch_put(struct kv_batch *batch, struct slice key, struct slice value);
void kv_batch_delete(struct kv_batch *batch, struct slice key);

/*
 * Adds `delta` to the counter at `key` and requires the result to lie within [min, max]: change and
 * guard in one. A counter's value is 8 bytes, little-endian two's complement; a counter of 0 is an
 * absent key, and becomes one. Several additions to one counter are judged one after the other.
 */
void kv_batch_add(struct kv_batch *batch, struct slice key, int64_t delta, int64_t min,
                  int64_t max);

/* Guards: the key is absent; is present, with any value; has exactly these bytes as its value. */
void kv_batch_guard_absent(struct kv_batch *batch, struct slice key);
void kv_batch_guard_present(struct kv_batch *batch, struct slice key);
void kv_batch_guard_equals(struct kv_batch *batch, struct slice key, struct slice value);

/* How many guards (counter additions included) were added so far: the index of the next one. */
size_t kv_batch_guard_count(const struct kv_batch *batch);

/* OK, or TOO_LARGE. */
struct status kv_batch_ok(const struct kv_batch *batch);

/* The value of a counter's bytes; CORRUPT if they are not 8. */
struct status kv_counter_parse(struct slice value, int64_t *ret_count);

#endif
