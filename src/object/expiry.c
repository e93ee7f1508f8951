/*
 * The end of versions that expire: nobody finds them from their time on, and the housekeeping takes
 * them away. The marks under 'x' are in the order of time.
 */
#include "base/check.h"
#include "base/date.h"
#include "object/tidy_steps.h"
#include "object/version.h"

/* Judges that the version is still the one whose time has come. */
struct expiry_condition {
    struct object_condition condition;
    int64_t delete_at_s;
};

/* An expired version is shown to no condition; so whoever is shown to us is none. */
static struct status expiry_judge(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current == NULL ? status_ok() : status_of(STATUS_PRECONDITION);
}

/* The mark goes where nothing belongs to it any more: its object has gone, or another time. */
static struct status forget(struct tidy_work *work, struct slice mark) {
    kv_batch_clear(work->batch);
    kv_batch_delete(work->batch, mark);
    return tidy_work_commit(work);
}

/* Whether the version is there and expires at the mark's time, in the bucket as it is now. */
static struct status find_expired(struct tidy_work *work, const struct bucket *bucket,
                                  const struct object_deletion *deletion, int64_t delete_at_s,
                                  bool *ret_is) {
    struct version_history history;
    struct version_place place;
    *ret_is = false;
    TRY(version_history_read(work->store, bucket, deletion->key, true, &work->arena, &history));
    struct status s =
        version_locate(work->store, bucket, &history, &deletion->version, &work->arena, &place);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    *ret_is = place.info.meta.delete_at_s == delete_at_s;
    return status_ok();
}

/* The version that a mark is about: by its id, which is that of the null version or its own. */
static struct status meant(struct tidy_work *work, const struct bucket *bucket, struct slice key,
                           struct object_version_id id, struct object_version *ret_version) {
    struct version_history history;
    TRY(version_history_read(work->store, bucket, key, true, &work->arena, &history));
    bool is_null =
        history.has_any && history.head.has_null && version_id_eq(history.head.null_version, id);
    *ret_version = (struct object_version){
        .kind = is_null ? OBJECT_VERSION_NULL : OBJECT_VERSION_ID, .id = id};
    return status_ok();
}

static struct status expire(struct tidy_work *work, const struct bucket *bucket,
                            struct slice mark) {
    struct expiry_condition condition = {.condition = {expiry_judge}};
    struct object_deletion deletion = {.condition = &condition.condition};
    struct object_version_id id;
    struct object_deleted deleted;
    bool is;
    TRY(key_expiry_parse(mark, &condition.delete_at_s, &id, &deletion.key));
    TRY(meant(work, bucket, deletion.key, id, &deletion.version));
    TRY(find_expired(work, bucket, &deletion, condition.delete_at_s, &is));
    if (!is) return forget(work, mark);
    struct status s = object_delete_version(work->store, bucket, &deletion, &deleted);
    if (is_ok(s)) work->removed++;
    /* Locked meanwhile, or given more time: the mark goes with the version, whenever that is. */
    bool stays = status_is(s, STATUS_DENIED) || status_is(s, STATUS_PRECONDITION);
    return stays || status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* The first mark at or behind `from` whose time has come; it is copied there. */
static struct status next_due(struct tidy_work *work, struct key *from, bool *ret_found) {
    struct key table = key_of_table(KEY_EXPIRY);
    struct object_version_id id;
    struct slice mark;
    struct slice value;
    struct slice key;
    int64_t at_s;
    TRY(tidy_first(work, key_slice(&table), key_slice(from), ret_found, &mark, &value));
    if (!*ret_found) return status_ok();
    TRY(key_expiry_parse(mark, &at_s, &id, &key));
    *ret_found = at_s <= store_now_ns(work->store) / NS_PER_S;
    CHECK(mark.len < sizeof from->bytes);
    memcpy(from->bytes, mark.ptr, mark.len);
    from->len = mark.len;
    return status_ok();
}

/* One batch for each version; one that is locked is passed by, and met again by every round. */
struct status tidy_expired(struct tidy_work *work, bool *ret_done) {
    struct key from = key_of_table(KEY_EXPIRY);
    bool found = true;
    *ret_done = true;
    while (!tidy_is_stopping(work->store->tidy)) {
        struct record_epoch epoch;
        tidy_work_reset(work);
        TRY(next_due(work, &from, &found));
        if (!found) return status_ok();
        struct status s = store_read_epoch(work->store, work->partition, &work->arena, &epoch);
        if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
        TRY(s);
        if (epoch.state != RECORD_EPOCH_LIVE) return status_ok();
        TRY(expire(work, &epoch.bucket, key_slice(&from)));
        from.bytes[from.len++] = 0; /* the next one is behind this */
    }
    return status_ok();
}

struct status tidy_expire(struct object_store *store, struct kv_partition partition,
                          uint64_t *ret_removed) {
    struct tidy_work work;
    bool done;
    tidy_work_init(&work, store, partition);
    struct status s = tidy_expired(&work, &done);
    *ret_removed = work.removed;
    tidy_work_fini(&work);
    return s;
}
