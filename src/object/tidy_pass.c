#include "base/check.h"
#include "object/tidy_steps.h"

enum {
    STEPS_MAX = 10 * 1000, /* of one kind a call: more is for the next one */
    COLLECT_STEP = 256
};

struct step {
    struct status (*run)(struct tidy_work *work, bool *ret_done);
};

/* Repeats a step until nothing is left for it. */
static struct status step_until_done(struct tidy_work *work, struct step step, bool *ret_done) {
    *ret_done = false;
    for (int i = 0; i < STEPS_MAX && !*ret_done; i++) {
        if (tidy_is_stopping(work->store->tidy)) return status_ok();
        tidy_work_reset(work);
        TRY(step.run(work, ret_done));
    }
    return status_ok();
}

static struct status collect(struct tidy_work *work, bool *ret_done) {
    return blob_collect(work->store->config.blob, work->partition, COLLECT_STEP, ret_done);
}

static struct status drop(struct tidy_work *work, bool *ret_done) {
    return kv_drop(work->store->config.kv, work->partition, TIDY_DROP_STEP, ret_done);
}

/* Does `count` kinds of steps, each to its end before the next; stops where one is not done. */
static struct status run_steps(struct object_store *store, struct kv_partition partition,
                               const struct step *steps, size_t count, bool *ret_done) {
    struct tidy_work work;
    tidy_work_init(&work, store, partition);
    struct status s = status_ok();
    bool done = true;
    for (size_t i = 0; i < count && is_ok(s) && done; i++) {
        s = step_until_done(&work, steps[i], &done);
    }
    *ret_done = done && !work.pinned;
    tidy_work_fini(&work);
    return s;
}

struct status tidy_partition(struct object_store *store, struct kv_partition partition,
                             bool *ret_done) {
    static const struct step steps[] = {
        {tidy_expired}, {tidy_receipts}, {tidy_ended}, {tidy_manifests}, {collect}};
    return run_steps(store, partition, steps, ARRAY_LEN(steps), ret_done);
}

/* ---- partitions that are to be dropped ------------------------------------------------------ */

/* Ends everything in the partition, then the partition (O6). */
static struct status drop_partition(struct object_store *store, struct kv_partition partition,
                                    bool *ret_done) {
    static const struct step end[] = {{tidy_uploads}};
    static const struct step remove[] = {{drop}};
    TRY(run_steps(store, partition, end, ARRAY_LEN(end), ret_done));
    if (*ret_done) TRY(tidy_partition(store, partition, ret_done));
    if (*ret_done) TRY(run_steps(store, partition, remove, ARRAY_LEN(remove), ret_done));
    return status_ok();
}

/* Whether a partition waits to be dropped; one whose making takes too long is declared so. */
static struct status is_to_be_dropped(struct tidy_work *work, struct slice key, struct slice *value,
                                      bool *ret_is) {
    struct record_pending pending;
    TRY(record_decode_pending(*value, &pending));
    *ret_is = pending.state == RECORD_PENDING_DROPPING;
    int64_t age_ns = store_now_ns(work->store) - pending.since_ns;
    if (*ret_is || age_ns / 1000000 < TIDY_MAKING_MAX_MS) return status_ok();
    pending.state = RECORD_PENDING_DROPPING;
    struct slice before = *value;
    TRY(record_encode_pending(&pending, &work->arena, value));
    kv_batch_clear(work->batch);
    kv_batch_guard_equals(work->batch, key, before);
    kv_batch_put(work->batch, key, *value);
    struct status s = kv_commit(work->store->config.kv, work->partition, work->batch, NULL);
    *ret_is = is_ok(s);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s; /* it has just got its names */
}

static struct status tidy_pending_one(struct tidy_work *work, struct slice key, struct slice value,
                                      bool *ret_done) {
    struct kv_partition partition;
    bool to_be_dropped;
    if (key.len != 2 + sizeof partition.id) return status_of(STATUS_CORRUPT);
    memcpy(partition.id, key.ptr + 2, sizeof partition.id);
    TRY(is_to_be_dropped(work, key, &value, &to_be_dropped));
    *ret_done = true;
    if (!to_be_dropped) return status_ok();
    TRY(drop_partition(work->store, partition, ret_done));
    if (!*ret_done) return status_ok();
    kv_batch_clear(work->batch);
    kv_batch_guard_equals(work->batch, key, value);
    kv_batch_delete(work->batch, key);
    atomic_fetch_add(&work->store->tidied_buckets, 1);
    return tidy_work_commit(work);
}

/* What a pass does with one entry of a table of the directory. */
struct visit {
    enum key_directory table;
    struct status (*run)(struct tidy_work *work, struct slice key, struct slice value,
                         bool *ret_done);
};

/* Visits every entry; one that cannot be done does not keep the others from it. */
static struct status visit_all(struct object_store *store, struct visit visit, bool *ret_done) {
    struct tidy_work work;
    struct key prefix = key_of_directory(visit.table);
    struct key from = prefix;
    struct status first_error = status_ok();
    bool all_done = true;
    tidy_work_init(&work, store, kv_partition_system);
    for (bool found = true; found && !tidy_is_stopping(store->tidy);) {
        struct slice key;
        struct slice value;
        bool done = false;
        tidy_work_reset(&work);
        struct status s =
            tidy_first(&work, key_slice(&prefix), key_slice(&from), &found, &key, &value);
        if (!is_ok(s)) first_error = s;
        if (!is_ok(s) || !found) break;
        CHECK(key.len < sizeof from.bytes);
        memcpy(from.bytes, key.ptr, key.len);
        from.bytes[key.len] = 0; /* the next one is behind this */
        from.len = key.len + 1;
        s = visit.run(&work, key, value, &done);
        if (!is_ok(s)) atomic_fetch_add(&store->tidy_errors, 1);
        if (is_ok(first_error)) first_error = s;
        all_done &= done;
    }
    tidy_work_fini(&work);
    *ret_done = all_done && !tidy_is_stopping(store->tidy);
    return first_error;
}

struct status tidy_pending(struct object_store *store, bool *ret_done) {
    return visit_all(store, (struct visit){KEY_PENDING, tidy_pending_one}, ret_done);
}

/* A bucket: its partition gets a look; one that is deleted loses its names (O5). */
static struct status tidy_named(struct tidy_work *work, struct slice key, struct slice value,
                                bool *ret_done) {
    (void)key;
    struct kv_partition incarnation;
    struct record_epoch epoch;
    TRY(record_decode_name(value, &incarnation));
    struct status s = store_read_epoch(work->store, incarnation, &work->arena, &epoch);
    *ret_done = true;
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok(); /* it has gone since; or see bucket.c */
    TRY(s);
    if (epoch.state == RECORD_EPOCH_GONE) return bucket_finish_deletion(work->store, &epoch.bucket);
    return tidy_partition(work->store, incarnation, ret_done);
}

struct status object_store_tidy(struct object_store *store, bool *ret_done) {
    bool named_done;
    bool pending_done;
    struct status named =
        visit_all(store, (struct visit){KEY_ACCOUNT_NAME, tidy_named}, &named_done);
    struct status pending =
        visit_all(store, (struct visit){KEY_PENDING, tidy_pending_one}, &pending_done);
    *ret_done = named_done && pending_done;
    return is_ok(named) ? pending : named;
}
