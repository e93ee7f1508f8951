/*
 * data_move.h - small bodies: promised room when they are admitted, moved to it by the checkpoint
 *
 *     promise ── (record with the body committed: in the log) ── checkpoint ── moved
 *         └── drop (never committed)
 *
 * A body that is not larger than DATA_INLINE_MAX is first inside its record, in the log, with the
 * name of its policy and the drives that have promised room for its pieces. The checkpoint of the
 * layer that it came with writes it there, beside thousands of others, and puts a record with the
 * place into the index instead (mover.h). One that was deleted before never gets that far. What a
 * drive can't take after all goes to another one; short of pieces, it is marked; with fewer than
 * the policy acknowledges, the body stays in the index, is marked too, and is moved when it is
 * repaired.
 *
 * The extents of moved bodies belong to the index: only a checkpoint takes them, and the one that
 * removes or replaces the record frees them. A repair puts the body into the log again.
 *
 * Threads: any, but for start and stop.
 */
#ifndef ENGINE_DATA_MOVE_H
#define ENGINE_DATA_MOVE_H

#include "engine/data_store.h"

/* Room promised to a body that is not yet in the log. */
struct data_promise {
    const struct data_kept_policy *policy;
    unsigned data;
    unsigned pieces;
    uint64_t units;                    /* of each */
    uint8_t drives[LAYOUT_PIECES_MAX]; /* numbers; 0: there is none for that piece */
};

/*
 * Loads the map of moved bodies, marks their units as in use, and attaches the mover to the
 * metadata store. Errors, with a line in `note`: CORRUPT; kv's.
 */
struct status data_move_start(struct data_store *store, struct note *note);

/* No checkpoint is done any more. NULL inside is allowed. */
void data_move_stop(struct data_store *store);

/* Whether a body of the policy may be acknowledged when it is in the log: that has as many copies
 * as the policy would acknowledge. */
bool data_move_may_ride(const struct data_store *store, const struct data_kept_policy *policy);

/* Whether a body of `size` bytes stays in its record for good: it is tiny, and records have all the
 * copies that the policy wants. */
bool data_move_is_tiny(const struct data_store *store, const struct data_kept_policy *policy,
                       uint64_t size);

/*
 * Promises room for a body's pieces, on as many drives as there are, at least those that
 * acknowledge. Errors: BUSY (too few drives); NO_SPACE; IO.
 */
struct status data_promise_make(struct data_store *store, const struct data_kept_policy *policy,
                                uint64_t size, struct data_promise *ret_promise);

/* Takes the promise back. */
void data_promise_drop(struct data_store *store, const struct data_promise *promise);

/* The record of a body; with its promise, if there is one. Owns: the caller, free. */
struct slice data_promise_print(const struct data_promise *promise, struct slice bytes,
                                uint32_t sum);

/*
 * Repairs a body that was moved, or that had to stay: puts it into the log again, for drives that
 * serve, if that makes it less short. `*ret_done` says whether it did. Errors: kv's.
 */
struct status data_move_again(struct data_store *store, struct kv_partition partition,
                              struct blob_id id, struct slice value, bool *ret_done);

/* Notes that a moved body's record was removed: its extents are free after the next checkpoint. */
void data_move_gone(struct data_store *store, const Engine__BlobRecord *record);

/*
 * Makes as much of what was deleted free as can be at once, where there is no room: collects
 * garbage of the partition and does a checkpoint. Blocks: for that. False: there was nothing.
 */
bool data_reclaim(struct data_store *store, struct kv_partition partition);

/* Does a checkpoint, if something is to be freed or moved by it. */
void data_move_flush(struct data_store *store);

/* Marks the units of moved bodies on a drive that is not in its place yet. */
void data_move_take(struct data_store *store, struct data_place *place);

/* Bytes of extents that moved bodies of a policy have, in all pieces. */
uint64_t data_move_used(struct data_store *store, struct slice policy);

#endif
