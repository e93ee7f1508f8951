#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/checksum.h"
#include "engine/data_move.h"
#include "engine/data_store.h"

enum { MEND_STACK_BYTES = 1024 * 1024, LOOKS_BETWEEN_TRIES = 60 };

/* ---- a pass ---- */

void data_pace(struct data_store *store, struct data_pass *pass, uint64_t bytes) {
    atomic_fetch_add(&pass->bytes_done, bytes);
    bool scrubs = pass == &store->scrub;
    uint64_t rate = scrubs ? store->config.scrub_rate_bytes : store->config.repair_rate_bytes;
    if (rate == 0 || atomic_load(&store->closing)) return;
    uint64_t ns = bytes * 1000000000 / rate;
    struct timespec pause = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    nanosleep(&pause, NULL);
}

static void pass_begin(struct data_store *store, struct data_pass *pass) {
    pthread_mutex_lock(&store->mend_lock);
    atomic_store(&pass->blobs_done, 0);
    atomic_store(&pass->bytes_done, 0);
    atomic_store(&pass->failed, 0);
    atomic_store(&pass->started_ns, clock_wall_ns(store->clock));
    atomic_store(&pass->running, true);
}

static void pass_end(struct data_store *store, struct data_pass *pass) {
    atomic_store(&pass->running, false);
    atomic_store(&pass->ended_ns, clock_wall_ns(store->clock));
    pthread_mutex_unlock(&store->mend_lock);
}

/* ---- making a piece again ---- */

/* One blob that is being made whole. */
struct mend {
    struct data_store *store;
    struct data_pass *pass;
    struct data_blob *blob;
    struct data_blocks blocks;
    struct piece made[LAYOUT_PIECES_MAX]; /* new pieces, in the place of lost ones */
    bool is_made[LAYOUT_PIECES_MAX];
    uint32_t *sums[LAYOUT_PIECES_MAX]; /* of the last group, all pieces; one for copies */
};

static bool piece_is_well(struct data_store *store, const struct piece *piece) {
    return data_drive_is_well(store, piece->drive);
}

/* Writes to a new piece, within the deadline. */
static struct status made_write(struct mend *mend, unsigned index, uint64_t offset,
                                struct data_buffer *buffer, size_t len) {
    struct data_call call = {
        .piece = &mend->made[index],
        .units = layout_piece_units(&mend->blob->layout),
        .offset = offset,
        .bytes = buffer->bytes,
        .len = len,
    };
    data_calls_run(mend->store, &call, 1, buffer);
    return call.status;
}

static struct status made_sync(struct mend *mend, unsigned index) {
    struct data_call call = {.piece = &mend->made[index], .sync = true};
    data_calls_run(mend->store, &call, 1, NULL);
    return call.status;
}

/* Writes a table of a group that is full behind it. */
static struct status table_make(struct mend *mend, unsigned index, uint64_t group,
                                const uint32_t *sums) {
    struct data_buffer *table = data_buffer_new(LAYOUT_TABLE_SPACE);
    unsigned slot = mend->blob->layout.data == 1 ? 0 : index;
    struct layout_table_of whose = {mend->blob->partition, mend->blob->id, slot, group};
    layout_table_print(sums, &whose, (char *)table->bytes);
    struct status s =
        made_write(mend, index, layout_table_offset(group), table, LAYOUT_TABLE_SPACE);
    data_buffer_drop(&table);
    return s;
}

/* Copies or rebuilds every block of a piece into its new place. */
static struct status blocks_make(struct mend *mend, unsigned index, struct data_buffer *block) {
    const struct layout *layout = &mend->blob->layout;
    uint32_t *sums = mend->sums[layout->data == 1 ? 0 : index];
    for (uint64_t stripe = 0; stripe < layout_stripes(layout); stripe++) {
        if (atomic_load(&mend->store->closing)) return status_of(STATUS_CLOSED);
        size_t cell = layout_cell(layout, stripe);
        TRY(data_block_get(&mend->blocks, stripe, index, block->bytes));
        data_pace(mend->store, mend->pass, cell);
        size_t at = (size_t)(stripe % LAYOUT_GROUP_BLOCKS);
        if (at == 0 && stripe > 0) {
            TRY(table_make(mend, index, stripe / LAYOUT_GROUP_BLOCKS - 1, sums));
        }
        sums[at] = checksum_crc32c(0, block->bytes, cell);
        TRY(made_write(mend, index, layout_block_offset(stripe), block, cell));
    }
    return made_sync(mend, index);
}

static struct status piece_make(struct mend *mend, unsigned index, uint32_t number) {
    struct piece *piece = &mend->made[index];
    if (!data_drive_join(mend->store, number)) return status_of(STATUS_IO);
    piece_init(piece, number, data_volumes_to_write(mend->store, number));
    mend->is_made[index] = true;
    struct data_buffer *block = data_buffer_new(LAYOUT_BLOCK);
    struct status s = piece->volumes ? blocks_make(mend, index, block) : status_of(STATUS_IO);
    data_buffer_drop(&block);
    if (is_ok(s)) return s;
    piece_trim(piece, 0);
    piece_fini(piece);
    mend->is_made[index] = false;
    data_drive_leave(mend->store, number);
    return s;
}

/* Where a lost piece is to lie: with the drive that takes over from its own, else anywhere. */
static bool drive_for(struct mend *mend, const struct data_kept_policy *policy, unsigned index,
                      const uint32_t *taken, uint32_t *ret_number) {
    unsigned count = layout_pieces(&mend->blob->layout);
    const struct data_place *place = data_place(mend->store, mend->blob->pieces[index].drive);
    uint32_t successor = place ? atomic_load(&place->successor) : 0;
    if (successor && data_drive_may_take(mend->store, policy, successor, taken, count)) {
        *ret_number = successor;
        return true;
    }
    return data_drives_choose(mend->store, policy, taken, count, 1, ret_number) > 0;
}

/* Makes what can be made; the answer is how many pieces were. */
static unsigned pieces_make(struct mend *mend, const struct data_kept_policy *policy) {
    unsigned count = layout_pieces(&mend->blob->layout);
    uint32_t taken[LAYOUT_PIECES_MAX] = {0};
    for (unsigned i = 0; i < count; i++) {
        const struct piece *piece = &mend->blob->pieces[i];
        if (piece_is_well(mend->store, piece)) taken[i] = piece->drive;
    }
    unsigned made = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t number;
        if (piece_is_well(mend->store, &mend->blob->pieces[i])) continue;
        if (!drive_for(mend, policy, i, taken, &number)) break;
        if (!is_ok(piece_make(mend, i, number))) continue;
        taken[i] = number;
        made++;
    }
    return made;
}

/* ---- the new record ---- */

static void sums_load(struct mend *mend) {
    const struct layout *layout = &mend->blob->layout;
    unsigned tables = layout->data == 1 ? 1 : layout_pieces(layout);
    for (unsigned i = 0; i < tables; i++) {
        mend->sums[i] = calloc(LAYOUT_GROUP_BLOCKS, sizeof(uint32_t));
        CHECK(mend->sums[i]);
        if (layout->data > 1 && mend->blob->pieces[i].drive == 0) continue;
        for (size_t b = 0; b < layout_last_blocks(layout); b++) {
            mend->sums[i][b] = data_last_sum(mend->blob, i, b);
        }
    }
}

/* Commits the record with the new pieces, if it is still the one that was read. */
static struct status record_replace(struct mend *mend, struct slice before) {
    const struct data_blob *blob = mend->blob;
    unsigned count = layout_pieces(&blob->layout);
    struct piece pieces[LAYOUT_PIECES_MAX];
    bool whole = true;
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = mend->is_made[i] ? mend->made[i] : blob->pieces[i];
        if (!piece_is_well(mend->store, &pieces[i])) whole = false;
    }
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, blob->id);
    struct blob_key lacking = blob_key_make(BLOB_KEY_SHORT, blob->id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_equals(batch, blob_key_slice(&record), before);
    data_record_put(batch, blob->id, slice_str(blob->record->striped->policy), &blob->layout,
                    pieces, mend->sums);
    if (whole) {
        kv_batch_delete(batch, blob_key_slice(&lacking));
    } else {
        kv_batch_put(batch, blob_key_slice(&lacking), SLICE("\0"));
    }
    struct status s = kv_commit(mend->store->store.kv, blob->partition, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* After the commit the old pieces are free; without it the new ones are. */
static void pieces_settle(struct mend *mend, struct status committed) {
    struct data_blob *blob = mend->blob;
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        if (!mend->is_made[i]) continue;
        if (is_ok(committed)) {
            atomic_fetch_add(&mend->pass->repaired, 1);
            data_piece_count(mend->store, mend->made[i].drive, +1);
            data_pieces_release(mend->store, blob->partition, blob->id, &blob->pieces[i], 1);
        } else if (status_is(committed, STATUS_CONFLICT) || status_is(committed, STATUS_BUSY) ||
                   status_is(committed, STATUS_NO_SPACE)) {
            piece_trim(&mend->made[i], 0);
        } /* else nobody knows which of them the record names: the next start does */
        data_drive_leave(mend->store, mend->made[i].drive);
        piece_fini(&mend->made[i]);
    }
}

/* A blob that lacks nothing any more, as its drive came back, loses its mark. */
static struct status mark_drop(struct data_store *store, const struct data_blob *blob,
                               struct slice before) {
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, blob->id);
    struct blob_key lacking = blob_key_make(BLOB_KEY_SHORT, blob->id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_equals(batch, blob_key_slice(&record), before);
    kv_batch_delete(batch, blob_key_slice(&lacking));
    struct status s = kv_commit(store->store.kv, blob->partition, batch, NULL);
    kv_batch_free(&batch);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

/* What a policy that is no longer configured is repaired by: the pieces as they are. */
static const struct data_kept_policy *policy_of(struct data_store *store,
                                                const struct data_blob *blob) {
    const struct data_kept_policy *policy =
        data_policy_find(store, slice_str(blob->record->striped->policy));
    return policy ? policy : store->policies[0];
}

static struct status blob_mend(struct data_store *store, struct data_pass *pass,
                               struct data_blob *blob, struct slice value) {
    struct mend mend = {.store = store, .pass = pass, .blob = blob};
    data_blocks_init(&mend.blocks, store, blob);
    sums_load(&mend);
    struct status s = status_ok();
    if (pieces_make(&mend, policy_of(store, blob)) > 0) {
        s = record_replace(&mend, value);
        pieces_settle(&mend, s);
    }
    unsigned lost = 0;
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        lost += !mend.is_made[i] && !piece_is_well(store, &blob->pieces[i]);
        free(mend.sums[i]);
    }
    if (lost > 0) atomic_fetch_add(&pass->failed, 1);
    data_blocks_fini(&mend.blocks);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

/* ---- repair ---- */

/* A number that changes when a drive goes out of service, comes, or is to be drained. */
static uint64_t drives_seen(struct data_store *store) {
    uint64_t seen = 0;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!place || atomic_load(&place->removed)) continue;
        seen = seen * 31 + n * 2 + data_drive_is_well(store, n);
    }
    return seen;
}

/* Sees the blobs that can lose exactly `level` pieces more, and notes the next higher level. */
struct repair_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    bool only_short;
    unsigned level;
    unsigned next;
    uint64_t drives; /* that were seen at the beginning */
    struct status status;
};

/* How many pieces more a blob can lose; 0 too if it has lost too many. */
static unsigned margin_of(struct data_store *store, const struct data_blob *blob) {
    unsigned kept = 0;
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        kept += data_drive_keeps(store, blob->pieces[i].drive);
    }
    return kept > blob->layout.data ? kept - blob->layout.data : 0;
}

/* A small body goes into the log again, and the next checkpoint moves it to drives that serve. */
static struct status body_mend(struct data_store *store, const struct data_blob *blob,
                               struct slice value) {
    bool done;
    data_pace(store, &store->repair, blob->record->size);
    TRY(data_move_again(store, blob->partition, blob->id, value, &done));
    atomic_fetch_add(done ? &store->repair.repaired : &store->repair.failed, 1);
    return status_ok();
}

static void blob_repair(struct repair_visitor *self, struct data_blob *blob, struct slice value) {
    struct data_store *store = self->store;
    bool is_short = data_blob_is_short(store, blob);
    unsigned margin = is_short ? margin_of(store, blob) : 0;
    if (margin > self->level && margin < self->next) self->next = margin;
    if (margin != self->level) return;
    if (is_short && blob->record->moved) {
        self->status = body_mend(store, blob, value);
    } else if (is_short) {
        self->status = blob_mend(store, &store->repair, blob, value);
    } else if (self->only_short) {
        self->status = mark_drop(store, blob, value);
    }
    atomic_fetch_add(&store->repair.blobs_done, 1);
}

static bool visit_repair(struct data_visitor *visitor, struct kv_partition partition,
                         struct blob_id id, struct slice value) {
    struct repair_visitor *self = CONTAINER_OF(visitor, struct repair_visitor, visitor);
    struct data_store *store = self->store;
    Engine__BlobRecord *record = data_record_parse(value);
    struct data_blob blob = {.partition = partition, .id = id, .record = record};
    pin_take(&store->pins, partition, id);
    if (!record || !data_record_stands(store, partition, id, value)) {
        /* It went, or was replaced, before it was pinned: its extents may be others' by now. */
    } else if (record->striped) {
        data_blob_init(&blob, store, partition, id, record);
        blob_repair(self, &blob, value);
        data_blob_fini(&blob);
    } else if (self->only_short && self->level == 0) { /* it had to stay in the index */
        self->status = body_mend(store, &blob, value);
        atomic_fetch_add(&store->repair.blobs_done, 1);
    }
    data_unpin(store, partition, id);
    data_record_free(record);
    return is_ok(self->status) && !atomic_load(&store->closing) &&
           drives_seen(store) == self->drives;
}

/* Goes over the blobs once a level, from the most endangered on; again from there whenever the
 * drives have changed meanwhile. */
static struct status repair_levels(struct data_store *store, bool only_short) {
    unsigned level = 0;
    while (!atomic_load(&store->closing)) {
        struct repair_visitor visitor = {
            {visit_repair}, store, only_short, level, UINT_MAX, drives_seen(store), status_ok()};
        enum data_walk which = only_short ? DATA_WALK_SHORT : DATA_WALK_ALL;
        TRY(data_walk(store, (struct data_position){0}, which, &visitor.visitor));
        TRY(visitor.status);
        bool changed = drives_seen(store) != visitor.drives;
        if (!changed && visitor.next == UINT_MAX) break;
        level = changed ? 0 : visitor.next;
    }
    return status_ok();
}

struct status data_repair(struct data_store *store, bool everything) {
    pass_begin(store, &store->repair);
    struct status s = repair_levels(store, !everything);
    if (everything && is_ok(s)) store->lacking = atomic_load(&store->repair.failed);
    data_move_flush(store); /* small bodies are where they are to be only then */
    pass_end(store, &store->repair);
    return s;
}

/* ---- the thread ---- */

static bool any_drive_is_lost(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!place || atomic_load(&place->removed)) continue;
        if (!data_drive_is_well(store, n)) return true;
    }
    return false;
}

/* Waits for the next look, or not at all while there is a scrub to go on with; false at the end.
 * `*ret_scrub` says that one was asked for. */
static bool look_wait(struct data_store *store, bool scrubbing, bool *ret_scrub) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += store->config.mend_interval_s;
    pthread_mutex_lock(&store->wake_lock);
    while (!scrubbing && !atomic_load(&store->closing) && !store->scrub_wanted &&
           !store->look_wanted) {
        if (pthread_cond_timedwait(&store->wake, &store->wake_lock, &until) != 0) break;
    }
    *ret_scrub = store->scrub_wanted;
    store->scrub_wanted = store->look_wanted = false;
    atomic_store(&store->repair_wanted, false);
    pthread_mutex_unlock(&store->wake_lock);
    return !atomic_load(&store->closing);
}

struct trim_task {
    struct timely_task task;
    struct volumes *volumes;
};

static void trim_run(struct timely_task *task) {
    volumes_trim(CONTAINER_OF(task, struct trim_task, task)->volumes);
}

static void trim_drop(struct timely_task *task) {
    free(CONTAINER_OF(task, struct trim_task, task));
}

/* Trims within the deadline: a drive that hangs must not stop the mending of the others. */
static void trim_one(struct data_store *store, struct volumes *volumes) {
    if (!store->timely) {
        volumes_trim(volumes);
        return;
    }
    struct trim_task *self = calloc(1, sizeof *self);
    CHECK(self);
    *self = (struct trim_task){{.run = trim_run, .drop = trim_drop}, volumes};
    struct timely_task *task = &self->task;
    timely_submit(store->timely, task);
    if (timely_wait(store->timely, &task, 1, data_io_deadline_ns(store)) > 0) {
        drive_hang(volumes->drive);
    } else {
        free(self);
    }
}

static void trim_all(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct volumes *volumes = data_volumes_to_write(store, n);
        if (volumes) trim_one(store, volumes);
    }
}

/* A scrub gives way to the repair every now and then, and goes on after it. */
static void *mend_run(void *argument) {
    struct data_store *store = argument;
    uint64_t seen = any_drive_is_lost(store) ? 0 : drives_seen(store);
    bool scrubbing = data_scrub_is_begun(store);
    bool scrub_asked;
    unsigned looks = 0; /* since all blobs were looked at */
    while (look_wait(store, scrubbing, &scrub_asked)) {
        uint64_t now = drives_seen(store);
        /* What can't be done now is tried again, as there may be room now. */
        bool again = atomic_load(&store->lacking) > 0 && ++looks >= LOOKS_BETWEEN_TRIES;
        bool everything = now != seen || again;
        if (is_ok(data_repair(store, everything)) && everything) {
            seen = now;
            looks = 0;
        }
        data_drives_tidy(store);
        trim_all(store);
        if (scrub_asked || scrubbing || data_scrub_is_due(store)) {
            scrubbing = status_is(data_scrub(store), STATUS_BUSY) && data_scrub_is_begun(store);
        }
    }
    return NULL;
}

struct status data_mend_start(struct data_store *store, struct note *note) {
    struct thread_config config = {
        .name = "hink-mend",
        .stack_size_bytes = MEND_STACK_BYTES,
        .run = mend_run,
        .argument = store,
    };
    TRY(thread_start(&config, note, &store->mender));
    store->mending = true;
    return status_ok();
}

void data_mend_stop(struct data_store *store) {
    atomic_store(&store->closing, true);
    pthread_mutex_lock(&store->wake_lock);
    pthread_cond_broadcast(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
    if (store->mending) thread_join(&store->mender);
    store->mending = false;
}

void data_mend_wake(struct data_store *store) {
    pthread_mutex_lock(&store->wake_lock);
    store->look_wanted = true;
    atomic_store(&store->repair_wanted, true);
    pthread_cond_broadcast(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
}
