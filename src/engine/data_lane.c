#include "engine/data_lane.h"

#include <stdlib.h>

#include "base/check.h"

enum { LANE_BYTES = 1024 * 1024, LANE_RUN_UNITS = LANE_BYTES / EXTENT_UNIT };

struct data_lane {
    uint32_t drive;
    bool promised;
    bool lost;
    struct piece piece; /* all its units */
    struct data_buffer *buffer;
    size_t filled;    /* bytes in the buffer */
    uint64_t written; /* bytes of the piece before them */
    int64_t taken;    /* units */
};

void data_lanes_init(struct data_lanes *lanes, struct data_store *store) {
    *lanes = (struct data_lanes){.store = store};
}

/* The lane of a drive; NULL if it takes no writes. */
static struct data_lane *lane_get(struct data_lanes *lanes, uint32_t drive, bool promised) {
    struct data_lane **lane = promised ? &lanes->promised[drive] : &lanes->others[drive];
    bool well = data_drive_is_well(lanes->store, drive);
    struct volumes *volumes = well ? data_volumes_to_write(lanes->store, drive) : NULL;
    if (*lane || !volumes || !data_drive_join(lanes->store, drive)) return *lane;
    *lane = calloc(1, sizeof **lane);
    CHECK(*lane);
    (*lane)->drive = drive;
    (*lane)->promised = promised;
    (*lane)->buffer = data_buffer_new(LANE_BYTES);
    piece_init(&(*lane)->piece, drive, volumes);
    return *lane;
}

/* Sees to it that the lane has units for `bytes` bytes in all. */
static struct status lane_reserve(struct data_store *store, struct data_lane *lane,
                                  uint64_t bytes) {
    while (lane->piece.units * EXTENT_UNIT < bytes) {
        struct extent extent;
        TRY(data_find_run(store, lane->piece.volumes, LANE_RUN_UNITS, lane->promised, &extent));
        piece_add(&lane->piece, extent);
        lane->taken += extent.count;
    }
    return status_ok();
}

/* Puts the calls that one kind of lanes wants done behind those that are there. */
static size_t calls_add(struct data_lane *const list[], bool sync, size_t *at,
                        struct data_call *calls, struct data_lane **whose, size_t count) {
    for (; *at <= DRIVE_NUMBER_MAX && count < LAYOUT_PIECES_MAX; ++*at) {
        struct data_lane *lane = list[*at];
        if (!lane || lane->lost || (!sync && lane->filled == 0)) continue;
        whose[count] = lane;
        calls[count++] = (struct data_call){
            .piece = &lane->piece,
            .sync = sync,
            .units = lane->piece.units,
            .offset = lane->written,
            .bytes = lane->buffer->bytes,
            .len = sync ? 0 : lane->filled,
            .buffer = lane->buffer,
        };
    }
    return count;
}

/* What was written is behind the lane; a buffer that a call was given up with stays with that. */
static void lane_settle(struct data_lane *lane, const struct data_call *call) {
    if (!is_ok(call->status)) lane->lost = true;
    if (call->sync) return;
    lane->written += lane->filled;
    lane->filled = 0;
    if (atomic_load(&lane->buffer->holders) == 1) return;
    data_buffer_drop(&lane->buffer);
    lane->buffer = data_buffer_new(LANE_BYTES);
}

/* Writes, or syncs, all lanes of a kind. */
static void lanes_call(struct data_lanes *lanes, struct data_lane *const list[], bool sync) {
    for (size_t at = 0; at <= DRIVE_NUMBER_MAX;) {
        struct data_call calls[LAYOUT_PIECES_MAX];
        struct data_lane *whose[LAYOUT_PIECES_MAX];
        size_t count = calls_add(list, sync, &at, calls, whose, 0);
        if (count > 0) data_calls_run(lanes->store, calls, count, NULL);
        for (size_t i = 0; i < count; i++) lane_settle(whose[i], &calls[i]);
    }
}

static void lanes_write(struct data_lanes *lanes) {
    lanes_call(lanes, lanes->promised, false);
    lanes_call(lanes, lanes->others, false);
}

struct status data_lanes_put(struct data_lanes *lanes, uint32_t drive, bool promised,
                             struct slice cell, struct data_spot *ret_spot) {
    CHECK(cell.len % EXTENT_UNIT == 0 && cell.len <= LANE_BYTES);
    struct data_lane *lane = lane_get(lanes, drive, promised);
    if (!lane || lane->lost) return status_of(STATUS_IO);
    if (lane->filled + cell.len > LANE_BYTES) lanes_write(lanes);
    if (lane->lost) return status_of(STATUS_IO);
    TRY(lane_reserve(lanes->store, lane, lane->written + lane->filled + cell.len));
    memcpy(lane->buffer->bytes + lane->filled, cell.ptr, cell.len);
    *ret_spot = (struct data_spot){lane, lane->written + lane->filled};
    lane->filled += cell.len;
    return status_ok();
}

void data_lanes_finish(struct data_lanes *lanes) {
    lanes_write(lanes);
    lanes_call(lanes, lanes->promised, true);
    lanes_call(lanes, lanes->others, true);
}

bool data_spot_is_well(const struct data_spot *spot) {
    return spot->lane && !spot->lane->lost;
}

uint32_t data_spot_drive(const struct data_spot *spot) {
    return spot->lane->drive;
}

void data_spot_piece(const struct data_spot *spot, size_t len, struct piece *ret_piece) {
    CHECK(piece_part(&spot->lane->piece, spot->offset, len, ret_piece) == 0);
}

bool data_lanes_lost(const struct data_lanes *lanes, uint32_t drive) {
    const struct data_lane *promised = lanes->promised[drive];
    const struct data_lane *other = lanes->others[drive];
    return (promised && promised->lost) || (other && other->lost);
}

/* Gives units back. A call that hangs has taken its lane's along: they stay until the next start.
 */
static void lane_give(struct data_lane *lane, uint64_t keep) {
    uint64_t more = lane->piece.units - (lane->piece.units < keep ? lane->piece.units : keep);
    if (more == 0) return;
    piece_trim(&lane->piece, keep);
    lane->taken -= (int64_t)more;
    if (lane->promised) volumes_reserved_add(lane->piece.volumes, (int64_t)more);
}

void data_lanes_trim(struct data_lanes *lanes) {
    for (size_t i = 0; i <= DRIVE_NUMBER_MAX; i++) {
        struct data_lane *both[] = {lanes->promised[i], lanes->others[i]};
        for (size_t k = 0; k < ARRAY_LEN(both); k++) {
            if (both[k]) lane_give(both[k], both[k]->lost ? 0 : both[k]->written / EXTENT_UNIT);
        }
    }
}

int64_t data_lanes_taken(const struct data_lanes *lanes, uint32_t drive) {
    return lanes->promised[drive] ? lanes->promised[drive]->taken : 0;
}

void data_lanes_fini(struct data_lanes *lanes, bool give) {
    for (size_t i = 0; i <= DRIVE_NUMBER_MAX; i++) {
        struct data_lane *both[] = {lanes->promised[i], lanes->others[i]};
        for (size_t k = 0; k < ARRAY_LEN(both); k++) {
            if (!both[k]) continue;
            if (give) lane_give(both[k], 0);
            data_drive_leave(lanes->store, both[k]->drive);
            piece_fini(&both[k]->piece);
            data_buffer_drop(&both[k]->buffer);
            free(both[k]);
        }
    }
    data_lanes_init(lanes, lanes->store);
}
