/* The scrub: reads every block of every piece, in slices that the repair may come between. */
#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/bytes.h"
#include "engine/data_store.h"

enum {
    POSITION_LEN = KV_PARTITION_LEN + BLOB_ID_LEN,
    CURSOR_LEN = POSITION_LEN + 4 * 8 + 1,
    LAST_LEN = 5 * 8,
    CURSOR_EVERY_BLOBS = 64,
};

static const char cursor_key[] = {BLOB_KEY_PREFIX, 'c'};
static const char last_key[] = {BLOB_KEY_PREFIX, 'e'};

/* ---- what is kept of it ---- */

/* The blob behind the one that was looked at; behind the last id of all is that one again. */
static struct blob_id id_after(struct blob_id id) {
    struct blob_id next = id;
    for (size_t i = BLOB_ID_LEN; i > 0; i--) {
        if (++next.bytes[i - 1] != 0) return next;
    }
    return id;
}

static void cursor_put(struct data_store *store, const struct data_position *at, bool stopped,
                       struct kv_batch *batch) {
    const struct data_pass *pass = &store->scrub;
    char value[CURSOR_LEN];
    memcpy(value, at->partition.id, KV_PARTITION_LEN);
    memcpy(value + KV_PARTITION_LEN, at->id.bytes, BLOB_ID_LEN);
    bytes_put_u64(value + POSITION_LEN, (uint64_t)atomic_load(&pass->started_ns));
    bytes_put_u64(value + POSITION_LEN + 8, atomic_load(&pass->blobs_done));
    bytes_put_u64(value + POSITION_LEN + 16, atomic_load(&pass->bytes_done));
    bytes_put_u64(value + POSITION_LEN + 24, atomic_load(&pass->failed));
    value[CURSOR_LEN - 1] = stopped;
    kv_batch_put(batch, slice_of(cursor_key, sizeof cursor_key), slice_of(value, sizeof value));
}

static struct status cursor_write(struct data_store *store, const struct data_position *at,
                                  bool stopped) {
    struct kv_batch *batch = kv_batch_new();
    cursor_put(store, at, stopped, batch);
    struct status s = kv_commit(store->store.kv, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* At the end the cursor goes, and what came of the scrub stays. */
static struct status last_write(struct data_store *store) {
    const struct data_pass *pass = &store->scrub;
    char value[LAST_LEN];
    bytes_put_u64(value, (uint64_t)atomic_load(&pass->started_ns));
    bytes_put_u64(value + 8, (uint64_t)atomic_load(&pass->ended_ns));
    bytes_put_u64(value + 16, atomic_load(&pass->blobs_done));
    bytes_put_u64(value + 24, atomic_load(&pass->bytes_done));
    bytes_put_u64(value + 32, atomic_load(&pass->failed));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, slice_of(cursor_key, sizeof cursor_key));
    kv_batch_put(batch, slice_of(last_key, sizeof last_key), slice_of(value, sizeof value));
    struct status s = kv_commit(store->store.kv, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* Reads a key of the system partition into `value`, of at most `cap` bytes. */
static struct status value_read(struct data_store *store, struct slice key, char *value, size_t cap,
                                size_t *ret_len) {
    struct arena arena;
    struct slice found = {0};
    arena_init(&arena, 256, 4096);
    struct status s = kv_get(store->store.kv, kv_partition_system, key, &arena, &found);
    found = slice_take(found, cap);
    if (is_ok(s)) memcpy(value, found.ptr, found.len);
    *ret_len = is_ok(s) ? found.len : 0;
    arena_fini(&arena);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* The cursor of before had the position only. */
static void cursor_parse(struct data_store *store, const char *value, size_t len,
                         struct data_position *ret_position) {
    struct data_pass *pass = &store->scrub;
    *ret_position = (struct data_position){0};
    if (len != POSITION_LEN && len != CURSOR_LEN) return;
    memcpy(ret_position->partition.id, value, KV_PARTITION_LEN);
    memcpy(ret_position->id.bytes, value + KV_PARTITION_LEN, BLOB_ID_LEN);
    if (len != CURSOR_LEN) return;
    atomic_store(&pass->started_ns, (int64_t)bytes_get_u64(value + POSITION_LEN));
    atomic_store(&pass->blobs_done, bytes_get_u64(value + POSITION_LEN + 8));
    atomic_store(&pass->bytes_done, bytes_get_u64(value + POSITION_LEN + 16));
    atomic_store(&pass->failed, bytes_get_u64(value + POSITION_LEN + 24));
    atomic_store(&store->scrub_stopped, value[CURSOR_LEN - 1] != 0);
}

struct status data_scrub_load(struct data_store *store) {
    char value[CURSOR_LEN];
    size_t len;
    struct slice last = slice_of(last_key, sizeof last_key);
    struct data_pass *pass = &store->scrub;
    TRY(value_read(store, last, value, sizeof value, &len));
    if (len == LAST_LEN) {
        atomic_store(&pass->started_ns, (int64_t)bytes_get_u64(value));
        atomic_store(&pass->ended_ns, (int64_t)bytes_get_u64(value + 8));
        atomic_store(&pass->blobs_done, bytes_get_u64(value + 16));
        atomic_store(&pass->bytes_done, bytes_get_u64(value + 24));
        atomic_store(&pass->failed, bytes_get_u64(value + 32));
    }
    TRY(value_read(store, slice_of(cursor_key, sizeof cursor_key), value, sizeof value, &len));
    store->scrub_begun = len > 0;
    cursor_parse(store, value, len, &store->scrub_at);
    atomic_store(&pass->running, store->scrub_begun && !atomic_load(&store->scrub_stopped));
    return status_ok();
}

bool data_scrub_is_begun(struct data_store *store) {
    return store->scrub_begun && !atomic_load(&store->scrub_stopped);
}

bool data_scrub_is_due(struct data_store *store) {
    int64_t interval = (int64_t)store->config.scrub_interval_s * NS_PER_S;
    int64_t now = clock_wall_ns(store->clock);
    if (interval == 0 || store->scrub_begun) return false;
    if (atomic_load(&store->scrub.ended_ns) == 0) { /* a new store: from now on */
        atomic_store(&store->scrub.ended_ns, now);
        IGNORE_STATUS(last_write(store)); /* or from the next start on */
    }
    return now - atomic_load(&store->scrub.ended_ns) >= interval;
}

/* ---- looking ---- */

struct scrub_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    unsigned since_cursor;
    int64_t until_ns; /* of the slice; 0: without end */
    bool interrupted;
    struct status status;
};

/* Looks at the tables between the blocks of every piece; the last sums are in the record. */
static bool tables_are_well(struct data_store *store, struct data_blocks *blocks) {
    const struct data_blob *blob = blocks->blob;
    bool well = true;
    for (uint64_t group = 0; group < layout_last_group(&blob->layout); group++) {
        for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
            if (!blob->pieces[i].volumes || atomic_load(&store->closing)) continue;
            if (is_ok(data_table_check(blocks, i, group))) continue;
            if (is_ok(data_table_mend(blocks, i, group))) {
                atomic_fetch_add(&store->scrub.repaired, 1);
            } else {
                well = false;
            }
        }
    }
    return well;
}

/* Looks at every block of every piece; one that is wrong is read as a client would: repaired. */
static bool blob_is_well(struct data_store *store, struct data_blob *blob) {
    struct data_blocks blocks;
    data_blocks_init(&blocks, store, blob);
    unsigned char *block = aligned_alloc(EXTENT_UNIT, LAYOUT_BLOCK);
    CHECK(block);
    bool well = tables_are_well(store, &blocks);
    for (uint64_t stripe = 0; stripe < layout_stripes(&blob->layout); stripe++) {
        for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
            if (!blob->pieces[i].volumes || atomic_load(&store->closing)) continue;
            data_pace(store, &store->scrub, layout_cell(&blob->layout, stripe));
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

static bool is_over(const struct scrub_visitor *self) {
    const struct data_store *store = self->store;
    if (atomic_load(&store->closing) || atomic_load(&store->scrub_stopped)) return true;
    if (self->until_ns == 0) return false;
    return atomic_load(&store->repair_wanted) || clock_mono_ns(store->clock) >= self->until_ns;
}

static bool visit_scrub(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct scrub_visitor *self = CONTAINER_OF(visitor, struct scrub_visitor, visitor);
    struct data_store *store = self->store;
    Engine__BlobRecord *record = data_record_parse(value);
    bool well = record;
    pin_take(&store->pins, partition, id);
    /* One that went before it was pinned has extents that may be others' by now. */
    if (record && record->striped && data_record_stands(store, partition, id, value)) {
        struct data_blob blob;
        data_blob_init(&blob, store, partition, id, record);
        well = blob_is_well(store, &blob);
        data_blob_fini(&blob);
    }
    data_unpin(store, partition, id);
    data_record_free(record);
    if (atomic_load(&store->closing)) { /* perhaps in the middle of it: it comes again */
        self->interrupted = true;
        return false;
    }
    if (!well) atomic_fetch_add(&store->scrub.failed, 1);
    atomic_fetch_add(&store->scrub.blobs_done, 1);
    store->scrub_at = (struct data_position){partition, id_after(id)};
    if (++self->since_cursor % CURSOR_EVERY_BLOBS == 0) {
        self->status = cursor_write(store, &store->scrub_at, false);
    }
    self->interrupted = is_over(self);
    return is_ok(self->status) && !self->interrupted;
}

static void scrub_begin(struct data_store *store) {
    struct data_pass *pass = &store->scrub;
    if (!store->scrub_begun) {
        store->scrub_at = (struct data_position){0};
        atomic_store(&pass->blobs_done, 0);
        atomic_store(&pass->bytes_done, 0);
        atomic_store(&pass->failed, 0);
        atomic_store(&pass->started_ns, clock_wall_ns(store->clock));
    }
    store->scrub_begun = true;
    atomic_store(&pass->running, true);
}

static struct status scrub_end(struct data_store *store) {
    atomic_store(&store->scrub.running, false);
    atomic_store(&store->scrub.ended_ns, clock_wall_ns(store->clock));
    TRY(last_write(store));
    store->scrub_begun = false;
    return status_ok();
}

/* Leaves a scrub so that it goes on from here, in this process or in the next. */
static struct status scrub_leave(struct data_store *store) {
    bool stopped = atomic_load(&store->scrub_stopped);
    atomic_store(&store->scrub.running, !stopped);
    TRY(cursor_write(store, &store->scrub_at, stopped));
    return status_of(STATUS_BUSY);
}

static struct status scrub_slice(struct data_store *store) {
    struct scrub_visitor visitor = {.visitor = {visit_scrub}, .store = store};
    if (store->mending) {
        visitor.until_ns =
            clock_mono_ns(store->clock) + (int64_t)store->config.mend_interval_s * NS_PER_S;
    }
    scrub_begin(store);
    TRY(data_walk(store, store->scrub_at, DATA_WALK_ALL, &visitor.visitor));
    TRY(visitor.status);
    return visitor.interrupted ? scrub_leave(store) : scrub_end(store);
}

struct status data_scrub(struct data_store *store) {
    pthread_mutex_lock(&store->mend_lock);
    struct status s = scrub_slice(store);
    pthread_mutex_unlock(&store->mend_lock);
    return s;
}

void data_scrub_start(struct data_store *store) {
    atomic_store(&store->scrub_stopped, false);
    pthread_mutex_lock(&store->wake_lock);
    store->scrub_wanted = true;
    pthread_cond_broadcast(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
}

void data_scrub_stop(struct data_store *store) {
    if (atomic_load(&store->scrub.running)) atomic_store(&store->scrub_stopped, true);
}
