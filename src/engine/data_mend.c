#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/data_store.h"

enum {
    MEND_STACK_BYTES = 1024 * 1024,
    CURSOR_LEN = KV_PARTITION_LEN + BLOB_ID_LEN,
    CURSOR_EVERY_BLOBS = 64,
};

static const char cursor_key[] = {BLOB_KEY_PREFIX, 'c'};

/* ---- rate ---- */

/* Sleeps so long that `bytes` a pass has read are not more than its rate. */
static void pace(struct data_store *store, struct data_pass *pass, uint64_t bytes) {
    atomic_fetch_add(&pass->bytes_done, bytes);
    uint64_t rate = store->config.mend_rate_bytes;
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
    const struct data_place *place = data_place(store, piece->drive);
    return place && drive_takes_writes(&place->drive) && !atomic_load(&place->draining);
}

/* Writes a table of a group that is full behind it. */
static struct status table_make(struct mend *mend, unsigned index, uint64_t group,
                                const uint32_t *sums) {
    char *table = aligned_alloc(EXTENT_UNIT, LAYOUT_TABLE_SPACE);
    CHECK(table);
    unsigned slot = mend->blob->layout.data == 1 ? 0 : index;
    struct layout_table_of whose = {mend->blob->partition, mend->blob->id, slot, group};
    layout_table_print(sums, &whose, table);
    struct status s = piece_write(&mend->made[index], layout_table_offset(group),
                                  slice_of(table, LAYOUT_TABLE_SPACE));
    free(table);
    return s;
}

/* Copies or rebuilds every block of a piece into its new place. */
static struct status blocks_make(struct mend *mend, unsigned index, unsigned char *block) {
    const struct layout *layout = &mend->blob->layout;
    uint32_t *sums = mend->sums[layout->data == 1 ? 0 : index];
    for (uint64_t stripe = 0; stripe < layout_stripes(layout); stripe++) {
        if (atomic_load(&mend->store->closing)) return status_of(STATUS_CLOSED);
        size_t cell = layout_cell(layout, stripe);
        TRY(data_block_get(&mend->blocks, stripe, index, block));
        pace(mend->store, mend->pass, cell);
        size_t at = (size_t)(stripe % LAYOUT_GROUP_BLOCKS);
        if (at == 0 && stripe > 0)
            TRY(table_make(mend, index, stripe / LAYOUT_GROUP_BLOCKS - 1, sums));
        sums[at] = checksum_crc32c(0, block, cell);
        TRY(piece_write(&mend->made[index], layout_block_offset(stripe), slice_of(block, cell)));
    }
    return piece_sync(&mend->made[index]);
}

static struct status piece_make(struct mend *mend, unsigned index, uint32_t number) {
    struct piece *piece = &mend->made[index];
    piece_init(piece, number, data_volumes_to_write(mend->store, number));
    mend->is_made[index] = true;
    unsigned char *block = aligned_alloc(EXTENT_UNIT, LAYOUT_BLOCK);
    CHECK(block);
    struct status s = piece_reserve(piece, layout_piece_units(&mend->blob->layout));
    if (is_ok(s)) s = blocks_make(mend, index, block);
    free(block);
    if (is_ok(s)) return s;
    piece_trim(piece, 0);
    piece_fini(piece);
    mend->is_made[index] = false;
    return s;
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
        if (data_drives_choose(mend->store, policy, taken, count, 1, &number) == 0) break;
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
            data_pieces_release(mend->store, blob->partition, blob->id, &blob->pieces[i], 1);
        } else if (status_is(committed, STATUS_CONFLICT) || status_is(committed, STATUS_BUSY) ||
                   status_is(committed, STATUS_NO_SPACE)) {
            piece_trim(&mend->made[i], 0);
        } /* else nobody knows which of them the record names: the next start does */
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
    return policy ? policy : &store->policies[0];
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

struct repair_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    bool only_short;
    struct status status;
};

static bool visit_repair(struct data_visitor *visitor, struct kv_partition partition,
                         struct blob_id id, struct slice value) {
    struct repair_visitor *self = CONTAINER_OF(visitor, struct repair_visitor, visitor);
    struct data_store *store = self->store;
    Engine__BlobRecord *record = data_record_parse(value);
    if (record && record->striped) {
        struct data_blob blob;
        pin_take(&store->pins, partition, id);
        data_blob_init(&blob, store, partition, id, record);
        if (data_blob_is_short(store, &blob)) {
            self->status = blob_mend(store, &store->repair, &blob, value);
        } else if (self->only_short) {
            self->status = mark_drop(store, &blob, value);
        }
        data_blob_fini(&blob);
        data_unpin(store, partition, id);
        atomic_fetch_add(&store->repair.blobs_done, 1);
    }
    data_record_free(record);
    return is_ok(self->status) && !atomic_load(&store->closing);
}

struct status data_repair(struct data_store *store, bool everything) {
    struct repair_visitor visitor = {{visit_repair}, store, !everything, status_ok()};
    pass_begin(store, &store->repair);
    struct status s = data_walk(store, (struct data_position){0}, !everything, &visitor.visitor);
    pass_end(store, &store->repair);
    return is_ok(s) ? visitor.status : s;
}

/* ---- scrub ---- */

struct scrub_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    unsigned since_cursor;
    struct status status;
};

static struct status cursor_write(struct data_store *store, struct kv_partition partition,
                                  struct blob_id id) {
    char value[CURSOR_LEN];
    memcpy(value, partition.id, KV_PARTITION_LEN);
    memcpy(value + KV_PARTITION_LEN, id.bytes, BLOB_ID_LEN);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, slice_of(cursor_key, sizeof cursor_key), slice_of(value, sizeof value));
    struct status s = kv_commit(store->store.kv, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct status cursor_drop(struct data_store *store) {
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, slice_of(cursor_key, sizeof cursor_key));
    struct status s = kv_commit(store->store.kv, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct status cursor_read(struct data_store *store, struct data_position *ret_position) {
    struct arena arena;
    arena_init(&arena, 256, 4096);
    struct slice value;
    struct status s = kv_get(store->store.kv, kv_partition_system,
                             slice_of(cursor_key, sizeof cursor_key), &arena, &value);
    *ret_position = (struct data_position){0};
    if (is_ok(s) && value.len == CURSOR_LEN) {
        memcpy(ret_position->partition.id, value.ptr, KV_PARTITION_LEN);
        memcpy(ret_position->id.bytes, value.ptr + KV_PARTITION_LEN, BLOB_ID_LEN);
    }
    arena_fini(&arena);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* Looks at every block of every piece; one that is wrong is read as a client would: repaired. */
static bool blob_is_well(struct data_store *store, struct data_blob *blob) {
    struct data_blocks blocks;
    data_blocks_init(&blocks, store, blob);
    unsigned char *block = aligned_alloc(EXTENT_UNIT, LAYOUT_BLOCK);
    CHECK(block);
    bool well = true;
    for (uint64_t stripe = 0; stripe < layout_stripes(&blob->layout); stripe++) {
        for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
            if (!blob->pieces[i].volumes || atomic_load(&store->closing)) continue;
            pace(store, &store->scrub, layout_cell(&blob->layout, stripe));
            if (is_ok(data_block_check(&blocks, stripe, i))) continue;
            if (is_ok(data_block_get(&blocks, stripe, i, block))) {
                atomic_fetch_add(&store->scrub.repaired, 1);
            } else {
                well = false;
            }
        }
    }
    free(block);
    data_blocks_fini(&blocks);
    return well;
}

static bool visit_scrub(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct scrub_visitor *self = CONTAINER_OF(visitor, struct scrub_visitor, visitor);
    struct data_store *store = self->store;
    Engine__BlobRecord *record = data_record_parse(value);
    bool well = record;
    if (record && record->striped) {
        struct data_blob blob;
        pin_take(&store->pins, partition, id);
        data_blob_init(&blob, store, partition, id, record);
        well = blob_is_well(store, &blob);
        data_blob_fini(&blob);
        data_unpin(store, partition, id);
    }
    data_record_free(record);
    if (!well) atomic_fetch_add(&store->scrub.failed, 1);
    atomic_fetch_add(&store->scrub.blobs_done, 1);
    if (++self->since_cursor % CURSOR_EVERY_BLOBS == 0) {
        self->status = cursor_write(store, partition, id);
    }
    return is_ok(self->status) && !atomic_load(&store->closing);
}

struct status data_scrub(struct data_store *store) {
    struct scrub_visitor visitor = {{visit_scrub}, store, 0, status_ok()};
    struct data_position from;
    TRY(cursor_read(store, &from));
    pass_begin(store, &store->scrub);
    struct status s = data_walk(store, from, false, &visitor.visitor);
    if (is_ok(s)) s = visitor.status;
    if (is_ok(s) && !atomic_load(&store->closing)) s = cursor_drop(store);
    pass_end(store, &store->scrub);
    return s;
}

/* ---- the thread ---- */

/* A number that changes when a drive goes out of service or is to be drained. */
static uint64_t drives_seen(struct data_store *store) {
    uint64_t seen = 0;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!place || place->removed) continue;
        bool well = drive_takes_writes(&place->drive) && !atomic_load(&place->draining);
        seen = seen * 31 + (well ? 1 : 2);
    }
    return seen;
}

static bool any_drive_is_lost(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!place || place->removed) continue;
        if (!drive_takes_writes(&place->drive) || atomic_load(&place->draining)) return true;
    }
    return false;
}

/* Waits for the next look; false at the end. `*ret_scrub` says that one was asked for. */
static bool look_wait(struct data_store *store, bool *ret_scrub) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += store->config.mend_interval_s;
    pthread_mutex_lock(&store->wake_lock);
    while (!atomic_load(&store->closing) && !store->scrub_wanted && !store->look_wanted) {
        if (pthread_cond_timedwait(&store->wake, &store->wake_lock, &until) != 0) break;
    }
    *ret_scrub = store->scrub_wanted;
    store->scrub_wanted = store->look_wanted = false;
    pthread_mutex_unlock(&store->wake_lock);
    return !atomic_load(&store->closing);
}

static bool scrub_is_due(struct data_store *store, int64_t since_ns) {
    int64_t interval = (int64_t)store->config.scrub_interval_s * NS_PER_S;
    return interval > 0 && clock_mono_ns(store->clock) - since_ns >= interval;
}

static void trim_all(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct volumes *volumes = data_volumes_to_write(store, n);
        if (volumes) volumes_trim(volumes);
    }
}

static void *mend_run(void *argument) {
    struct data_store *store = argument;
    uint64_t seen = any_drive_is_lost(store) ? 0 : drives_seen(store);
    int64_t scrubbed_ns = clock_mono_ns(store->clock);
    bool scrub_asked;
    while (look_wait(store, &scrub_asked)) {
        uint64_t now = drives_seen(store);
        /* What can't be done now is done, or reported, by the next look. */
        if (is_ok(data_repair(store, now != seen))) seen = now;
        trim_all(store);
        if (!scrub_asked && !scrub_is_due(store, scrubbed_ns)) continue;
        scrubbed_ns = clock_mono_ns(store->clock);
        IGNORE_STATUS(data_scrub(store));
    }
    return NULL;
}

struct status data_mend_start(struct data_store *store, struct note *note) {
    struct thread_config config = {
        .name = "mend",
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
    pthread_cond_broadcast(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
}

void data_scrub_start(struct data_store *store) {
    pthread_mutex_lock(&store->wake_lock);
    store->scrub_wanted = true;
    pthread_cond_broadcast(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
}
