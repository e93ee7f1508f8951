#include <time.h>

#include "base/check.h"
#include "object/inner.h"

enum {
    RETRIES_AT_ONCE = 8,
    RETRY_WAIT_MAX_NS = 5 * 1000 * 1000,
    EPOCH_GUARD = 0 /* the first of every batch */
};

struct status store_get(struct object_store *store, const struct bucket *bucket,
                        const struct key *key, struct arena *arena, struct slice *ret_value) {
    return kv_get(store->config.kv, bucket->incarnation, key_slice(key), arena, ret_value);
}

struct status store_read_epoch(struct object_store *store, struct kv_partition incarnation,
                               struct arena *arena, struct record_epoch *ret_epoch) {
    struct key key = key_epoch();
    struct slice raw;
    TRY(kv_get(store->config.kv, incarnation, key_slice(&key), arena, &raw));
    return record_decode_epoch(raw, incarnation, ret_epoch);
}

struct key_id store_new_id(struct object_store *store) {
    struct key_id id;
    random_fill(store->config.random, id.bytes, sizeof id.bytes);
    return id;
}

/* FNV-1a: it has to spread, not to withstand anybody; the worst is that two keys share a lane. */
static pthread_mutex_t *lane_of(const struct store_change *change) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < change->key.len; i++) {
        hash = (hash ^ (unsigned char)change->key.ptr[i]) * 16777619u;
    }
    return &change->store->lanes[hash % STORE_LANES];
}

static void wait_a_little(struct object_store *store) {
    uint32_t chance;
    random_fill(store->config.random, &chance, sizeof chance);
    struct timespec t = {.tv_nsec = chance % RETRY_WAIT_MAX_NS};
    nanosleep(&t, NULL);
}

/* Builds and commits once (O2). */
static struct status attempt(struct store_change *change, struct kv_batch *batch,
                             struct arena *scratch, size_t *ret_failed_guard) {
    struct key epoch = key_epoch();
    change->nothing = false;
    change->makes_garbage = false;
    arena_reset(scratch);
    kv_batch_clear(batch);
    kv_batch_guard_equals(batch, key_slice(&epoch), change->bucket->epoch);
    *ret_failed_guard = SIZE_MAX;
    TRY(change->build(change, batch, scratch));
    if (change->nothing) return status_ok();
    struct status s =
        kv_commit(change->store->config.kv, change->bucket->incarnation, batch, ret_failed_guard);
    change->unknown = status_is(s, STATUS_IO) || status_is(s, STATUS_CORRUPT);
    return s;
}

/* Reads the bucket again after its epoch record has changed. */
static struct status refresh(struct store_change *change, struct arena *arena,
                             struct bucket *fresh) {
    struct kv_partition incarnation = change->bucket->incarnation;
    struct record_epoch epoch;
    arena_reset(arena);
    TRY(store_read_epoch(change->store, incarnation, arena, &epoch));
    if (epoch.state != RECORD_EPOCH_LIVE) return status_of(STATUS_NOT_FOUND);
    *fresh = epoch.bucket;
    change->bucket = fresh;
    return status_ok();
}

static struct status change_until_done(struct store_change *change, struct kv_batch *batch,
                                       struct arena *scratch, struct arena *epochs) {
    struct bucket fresh;
    pthread_mutex_t *lane = NULL;
    size_t failed_guard;
    struct status s = attempt(change, batch, scratch, &failed_guard);
    for (int retries = 0; status_is(s, STATUS_CONFLICT) && retries < STORE_RETRIES_MAX; retries++) {
        atomic_fetch_add(&change->store->commit_retries, 1);
        if (!lane) pthread_mutex_lock(lane = lane_of(change));
        if (retries >= RETRIES_AT_ONCE) wait_a_little(change->store);
        s = failed_guard == EPOCH_GUARD ? refresh(change, epochs, &fresh) : status_ok();
        if (is_ok(s)) s = attempt(change, batch, scratch, &failed_guard);
    }
    if (lane) pthread_mutex_unlock(lane);
    return status_is(s, STATUS_CONFLICT) ? status_of(STATUS_BUSY) : s;
}

struct status store_change(struct store_change *change) {
    const struct bucket *bucket = change->bucket;
    struct kv_batch *batch = kv_batch_new();
    struct arena scratch;
    struct arena epochs;
    arena_init(&scratch, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    arena_init(&epochs, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    change->unknown = false;
    struct status s = change_until_done(change, batch, &scratch, &epochs);
    if (is_ok(s) && change->makes_garbage) {
        tidy_wants(change->store->tidy, bucket->incarnation);
    }
    change->bucket = bucket;
    arena_fini(&epochs);
    arena_fini(&scratch);
    kv_batch_free(&batch);
    return s;
}

/* ---- uploads that have ended ----------------------------------------------------------------- */

struct status upload_mark_ended(struct store_change *change, struct key_id upload,
                                struct kv_batch *batch, struct arena *scratch) {
    struct key key = key_of_id(KEY_ENDED, upload);
    struct slice raw;
    TRY(record_encode_mark(store_now_ns(change->store), scratch, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    change->makes_garbage = true;
    return status_ok();
}
