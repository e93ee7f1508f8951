/*
 * data_store.h - the insides of the data half, as its files share them
 *
 * Threads: see each member.
 */
#ifndef ENGINE_DATA_STORE_H
#define ENGINE_DATA_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "blob/driver.h"
#include "engine/data.h"
#include "engine/layout.h"
#include "engine/meta.h"
#include "engine/parity.h"
#include "engine/piece.h"
#include "engine/pin.h"
#include "engine/record.pb-c.h"
#include "engine/timely.h"
#include "os/thread.h"

enum {
    DATA_POLICIES_MAX = 64,
    DATA_INLINE_MAX = 64 * 1024,
    DATA_TINY_MAX = 2000, /* with its record it fits into a leaf of the index, and stays there */
};

/* A drive in its place; the place of number n is places[n]. Complete when it is put there, then
 * only read, but for the atomics. */
struct data_place {
    uint32_t number;
    atomic_bool draining;
    atomic_bool removed;
    atomic_bool unlisted;  /* its record is still to be written: nothing is put on it */
    atomic_uint successor; /* the drive that takes over what lies here; 0: any */
    atomic_llong pieces;   /* that records name, or will */
    struct drive_id id;
    struct drive drive;
    struct volumes volumes;
    struct data_place *before; /* that was in its place, until the store is closed */
};

struct data_kept_policy {
    char name[BLOB_POLICY_NAME_MAX + 1];
    struct data_policy asked;
    unsigned min_pieces;
    struct parity parity; /* what is kept; fewer pieces than asked if it is reduced */
    bool reduced;
    struct data_kept_policy *before; /* with fewer or more drives, until the store is closed */
};

struct data_pass {
    atomic_bool running;
    atomic_ullong blobs_done;
    atomic_ullong bytes_done;
    atomic_ullong repaired;
    atomic_ullong failed;
    atomic_llong started_ns;
    atomic_llong ended_ns;
};

/* Where a walk is to begin; zeros: at the beginning. */
struct data_position {
    struct kv_partition partition;
    struct blob_id id;
};

struct data_store {
    struct blob_store store;
    struct fs *fs;
    struct clock *clock;
    struct random *random;
    struct data_config config;
    _Atomic(struct data_place *) places[DRIVE_NUMBER_MAX + 1];
    _Atomic(struct data_kept_policy *) policies[DATA_POLICIES_MAX];
    size_t policy_count;
    atomic_uint joined[DRIVE_NUMBER_MAX + 1]; /* pieces on the drive that a record may name soon */
    pthread_mutex_t drives_lock; /* one changes the drives at a time; guards nothing else */
    struct pins pins;
    struct data_move *move; /* NULL: small bodies stay in their records */
    struct timely *timely;  /* NULL: drives are called by whoever needs them */
    atomic_uint turn;       /* spreads writes over drives */
    atomic_ullong collected;
    atomic_ullong corrupt_blocks;
    atomic_ullong blocks_repaired;
    atomic_ullong blobs_short;
    atomic_ullong overlaps;
    atomic_ullong lacking; /* blobs that the last pass over all could not make whole */
    struct data_pass repair;
    struct data_pass scrub;
    pthread_mutex_t mend_lock; /* one pass at a time; guards nothing else */
    pthread_mutex_t wake_lock; /* guards what follows */
    pthread_cond_t wake;
    bool scrub_wanted;
    bool look_wanted;
    atomic_bool repair_wanted; /* as look_wanted, for a scrub that is to give way */
    atomic_bool scrub_stopped;
    bool scrub_begun;              /* these two under the mend lock */
    struct data_position scrub_at; /* what it looks at next */
    atomic_bool closing;
    struct thread mender;
    bool mending;
};

/* The store around the driver. */
struct data_store *data_of(struct blob_store *store);

/* The place of a drive's number; NULL if the store has no such drive. */
struct data_place *data_place(struct data_store *store, uint32_t number);

/* Its volumes if it may be written to, or read from; NULL if not. */
struct volumes *data_volumes_to_write(struct data_store *store, uint32_t number);
struct volumes *data_volumes_to_read(struct data_store *store, uint32_t number);

/* Whether what lies on the drive may stay there: it takes writes and is not to be emptied. */
bool data_drive_is_well(struct data_store *store, uint32_t number);

/* Whether what lies on the drive can be read, and will be at the next start: one that was removed
 * is read for as long as it is open, but is not opened again. */
bool data_drive_keeps(struct data_store *store, uint32_t number);

/*
 * Says that a piece is about to be written to the drive; false: nothing new is to be. After true,
 * data_drive_leave when the record that names it is committed, or will not be: until then no
 * census sees the piece, and the drive is not removed. To leave 0 is nothing.
 */
bool data_drive_join(struct data_store *store, uint32_t number);
void data_drive_leave(struct data_store *store, uint32_t number);

/* Counts a piece that is on a drive now (+1), or is not any more; 0 is no drive. */
void data_piece_count(struct data_store *store, uint32_t number, int change);

/* Writes the records that could not be written at the open. Errors, with a line in `note`: kv's. */
struct status data_drives_list(struct data_store *store, struct note *note);

/* Opens the drives that the configuration or the store's list names; closes all. */
struct status data_drives_open(struct data_store *store, struct note *note);
void data_drives_close(struct data_store *store);

/* Takes the extents that records name on a drive that is about to be put into its place. */
struct status data_space_find_on(struct data_store *store, struct data_place *place);

/* Removes the drives that have been replaced and are empty. */
void data_drives_tidy(struct data_store *store);

/* Whether all policies could be kept without the drive. Errors: INVALID, noted. */
struct status data_policies_survive(struct data_store *store, uint32_t without, struct note *note);

/* Keeps the policies by the drives there are now. */
void data_policies_review(struct data_store *store);

/* Whether the drive may take a piece of a blob that has pieces on those in `taken`. */
bool data_drive_may_take(struct data_store *store, const struct data_kept_policy *policy,
                         uint32_t number, const uint32_t *taken, unsigned count);

/*
 * Chooses up to `wanted` drives of the policy's medium that take writes, none on a device of
 * another, nor of one in `taken` (numbers, 0 is none): the ones with the most room, in turns.
 * Writes their numbers to `ret_numbers`; the answer is how many.
 */
unsigned data_drives_choose(struct data_store *store, const struct data_kept_policy *policy,
                            const uint32_t *taken, unsigned taken_count, unsigned wanted,
                            uint32_t *ret_numbers);

/* Finds a policy by its name; NULL if there is none. */
const struct data_kept_policy *data_policy_find(const struct data_store *store, struct slice name);

/* blob_writer_begin, blob_reader_open. */
struct status data_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer);
struct status data_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader);

/* ---- calls on drives ---- */

/* Bytes that outlive whoever gave up on a call that uses them. */
struct data_buffer {
    atomic_uint holders;
    size_t len;
    unsigned char *bytes; /* aligned to EXTENT_UNIT */
};

/* A buffer with one holder, one more (NULL is allowed), and the end of one. */
struct data_buffer *data_buffer_new(size_t len);
struct data_buffer *data_buffer_hold(struct data_buffer *buffer);
void data_buffer_drop(struct data_buffer **buffer);

/* Something to be done with one piece: bytes to be written, or a sync. */
struct data_call {
    struct piece *piece; /* has a drive */
    bool sync;
    uint64_t units; /* that the piece is to have room for, if that can be had */
    uint64_t offset;
    const unsigned char *bytes; /* in the buffer */
    size_t len;
    struct data_buffer *buffer; /* its own; NULL: that of all */
    struct status status;       /* what came of it; TIMEOUT: the piece is lost, its drive hangs */
};

/* Does all of them, side by side, and waits at most the deadline. */
void data_calls_run(struct data_store *store, struct data_call *calls, size_t count,
                    struct data_buffer *buffer);

/* How long a drive may take for a call. */
int64_t data_io_deadline_ns(const struct data_store *store);

/* piece_write to a part of a piece that others may have too: the drive hangs, or this is done. */
struct status data_piece_write(struct data_store *store, const struct piece *piece, uint64_t offset,
                               struct slice bytes);

/* Calls that have been begun and are waited for later. In between their pieces are theirs. */
struct data_flight {
    struct data_call calls[LAYOUT_PIECES_MAX];
    size_t count;
    struct data_buffer *buffer;
    struct timely_task *tasks[LAYOUT_PIECES_MAX]; /* NULL: it has been done */
};

/* Begins the calls of `flight`, which holds its buffer. Blocks: only where nobody else can. */
void data_flight_begin(struct data_store *store, struct data_flight *flight);

/* Waits for them, at most the deadline from now; afterwards each has its status. */
void data_flight_wait(struct data_store *store, struct data_flight *flight);

/* volumes_reserve, volumes_find_run, but for a drive that does not answer: then it hangs, and this
 * is IO. */
struct status data_reserve(struct data_store *store, struct volumes *volumes, uint64_t units);
struct status data_find_run(struct data_store *store, struct volumes *volumes, uint32_t units,
                            bool promised, struct extent *ret_extent);

/* piece_read, but for a drive that does not answer: then it hangs, and this is IO. */
struct status data_piece_read(struct data_store *store, const struct piece *piece, uint64_t offset,
                              void *out, size_t len, bool direct);

/* ---- records ---- */

/* A striped blob as its record has it. */
struct data_blob {
    struct kv_partition partition;
    struct blob_id id;
    struct layout layout;
    struct piece pieces[LAYOUT_PIECES_MAX];
    const Engine__BlobRecord *record; /* for the sums of the last group */
};

/* Parses a record and checks that it says what it must; NULL: it is damaged. Owns: the caller,
 * data_record_free. */
Engine__BlobRecord *data_record_parse(struct slice value);
void data_record_free(Engine__BlobRecord *record);

/* Fills `blob` from a valid, striped record, which must outlive it; its pieces are for reading. */
void data_blob_init(struct data_blob *blob, struct data_store *store, struct kv_partition partition,
                    struct blob_id id, const Engine__BlobRecord *record);
void data_blob_fini(struct data_blob *blob);

/* A small body in its record, and where it is to be moved to; no policy: it stays. */
struct data_body {
    struct slice bytes;
    uint32_t sum;
    struct slice policy;
    unsigned data;       /* of its pieces */
    struct slice drives; /* a byte a piece: a drive where room is promised, or 0 */
};

/* Reads a record as data_body_print writes it; false: it is another one, or damaged. */
bool data_body_parse(struct slice value, struct data_body *ret_body);

/* The record of a small body, from malloc. */
struct slice data_body_print(const struct data_body *body);

/* The record of a moved body, from malloc. */
struct slice data_moved_print(struct slice policy, const struct layout *layout,
                              const struct piece *pieces, uint32_t *const sums[]);

/* Puts the record of a striped blob into the batch. `sums` has, for each piece (one for all if
 * they are copies), those of the last group. */
void data_record_put(struct kv_batch *batch, struct blob_id id, struct slice policy,
                     const struct layout *layout, const struct piece *pieces,
                     uint32_t *const sums[]);

/* The sum of a block of the last group, out of the record. */
uint32_t data_last_sum(const struct data_blob *blob, unsigned piece, size_t index);

/* Whether a piece is lost, or lies on a drive that takes no writes or is to be drained. */
bool data_blob_is_short(struct data_store *store, const struct data_blob *blob);

/* ---- blocks ---- */

/* Reads and checks blocks of one blob, from other pieces where one is bad. Threads: one. */
struct data_blocks {
    struct data_store *store;
    const struct data_blob *blob;
    struct parity parity;
    uint32_t *sums[LAYOUT_PIECES_MAX]; /* of group `groups`, if there */
    uint64_t groups[LAYOUT_PIECES_MAX];
    unsigned char *scratch; /* aligned: data pieces + 1 blocks, then a table */
    unsigned preferred;     /* the copy to begin with */
};

/* Begins and ends. */
void data_blocks_init(struct data_blocks *blocks, struct data_store *store,
                      const struct data_blob *blob);
void data_blocks_fini(struct data_blocks *blocks);

/*
 * Reads the block of `piece` in `stripe`, its whole cell, to `out`: from the piece, or from the
 * others and then writes it back. Errors: CORRUPT; IO (too few pieces can be reached).
 */
struct status data_block_get(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                             void *out);

/*
 * Reads whole blocks of a blob with one data piece from `stripe` on, all of one group, `len` bytes
 * of them, to `out`. Errors: as data_block_get.
 */
struct status data_copy_get(struct data_blocks *blocks, uint64_t stripe, size_t len, void *out);

/* The copy to read: the preferred one if its drive is well, else the next. */
unsigned data_copy_choose(const struct data_blocks *blocks);

/* Looks at the block in the piece itself. Errors: CORRUPT; IO. */
struct status data_block_check(struct data_blocks *blocks, uint64_t stripe, unsigned piece);

/*
 * Looks at the table of `piece` behind a group that is not the last, past the page cache; writes it
 * again, from the other pieces. Errors: CORRUPT; IO.
 */
struct status data_table_check(struct data_blocks *blocks, unsigned piece, uint64_t group);
struct status data_table_mend(struct data_blocks *blocks, unsigned piece, uint64_t group);

/* Rebuilds the block of `piece` from the others alone. */
struct status data_block_rebuild(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                                 void *out);

/* ---- all blobs ---- */

/* Sees the striped blobs of the store; false ends the walk. */
struct data_visitor {
    bool (*visit)(struct data_visitor *visitor, struct kv_partition partition, struct blob_id id,
                  struct slice record);
};

enum data_walk {
    DATA_WALK_ALL,
    DATA_WALK_PLACED, /* what names extents but moved bodies, whose units the index has a map of */
    DATA_WALK_SHORT,  /* those that have the mark */
};

/* Shows records to the visitor. */
struct status data_walk(struct data_store *store, struct data_position from, enum data_walk which,
                        struct data_visitor *visitor);

/* Whether the record is still there, exactly so: for a visitor, once it has pinned the blob. */
bool data_record_stands(struct data_store *store, struct kv_partition partition, struct blob_id id,
                        struct slice value);

/* The partition behind; false if it is the last one of all. */
bool data_partition_next(struct kv_partition *partition);

/* Gives back the extents of pieces, now or when the blob's last reader is done. */
void data_pieces_release(struct data_store *store, struct kv_partition partition, struct blob_id id,
                         const struct piece *pieces, unsigned count);
void data_unpin(struct data_store *store, struct kv_partition partition, struct blob_id id);

/* Counts bytes that a pass has read, and sleeps so that they are not more than its rate allows. */
void data_pace(struct data_store *store, struct data_pass *pass, uint64_t bytes);

/* Reads at the open how far a scrub had come, or what came of the last one. */
struct status data_scrub_load(struct data_store *store);

/* Whether a scrub is to be gone on with; whether one is to begin by the schedule. */
bool data_scrub_is_begun(struct data_store *store);
bool data_scrub_is_due(struct data_store *store);

/* Starts and stops the mending thread. */
struct status data_mend_start(struct data_store *store, struct note *note);
void data_mend_stop(struct data_store *store);
void data_mend_wake(struct data_store *store);

#endif
