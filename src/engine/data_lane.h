/*
 * data_lane.h - large writes of what many small bodies have on one drive
 *
 *     get ── put* ── (flush ── sync) ── place ── close
 *
 * A checkpoint puts the cells of thousands of bodies one behind the other into lanes, one a drive,
 * each a run of units as long as can be had. Lanes are written past the page cache, a MiB at a
 * time, all of them side by side, and none is waited for longer than the deadline: a lane whose
 * drive failed, or hangs, is lost with all that was put into it.
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_DATA_LANE_H
#define ENGINE_DATA_LANE_H

#include "engine/data_store.h"

struct data_lane;

/* The lanes of one checkpoint, by drive: those for promised units, and others. */
struct data_lanes {
    struct data_store *store;
    struct data_lane *promised[DRIVE_NUMBER_MAX + 1];
    struct data_lane *others[DRIVE_NUMBER_MAX + 1];
};

/* No lanes yet. */
void data_lanes_init(struct data_lanes *lanes, struct data_store *store);

/* Where a cell was put: where in its lane. */
struct data_spot {
    struct data_lane *lane; /* NULL: nowhere */
    uint64_t offset;
};

/*
 * Puts a cell, whole units, into the lane of a drive. Errors: NO_SPACE; IO (the lane is lost, or
 * the drive takes no writes).
 */
struct status data_lanes_put(struct data_lanes *lanes, uint32_t drive, bool promised,
                             struct slice cell, struct data_spot *ret_spot);

/* Writes what is gathered, and makes it durable. What failed shows in data_spot_is_well. */
void data_lanes_finish(struct data_lanes *lanes);

/* Whether the lane was not lost, up to now. */
bool data_spot_is_well(const struct data_spot *spot);

/* The drive of a spot; the units it has, as a piece. Owns: the caller, piece_fini. */
uint32_t data_spot_drive(const struct data_spot *spot);
void data_spot_piece(const struct data_spot *spot, size_t len, struct piece *ret_piece);

/* Whether the lane of a drive was lost: nothing more can be put there. */
bool data_lanes_lost(const struct data_lanes *lanes, uint32_t drive);

/* Gives back the units that nothing was put into, and those of lanes that were lost. */
void data_lanes_trim(struct data_lanes *lanes);

/* How many promised units were taken on a drive. */
int64_t data_lanes_taken(const struct data_lanes *lanes, uint32_t drive);

/* Ends the lanes; `give`: their units are free again, and promised again where they were. */
void data_lanes_fini(struct data_lanes *lanes, bool give);

#endif
