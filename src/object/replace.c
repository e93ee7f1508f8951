/*
 * The one place where what a key has changes: an object is put upon it, a delete marker is, or a
 * version is removed and the one below it comes up. Each adds its lines to a batch.
 */
#include <endian.h>

#include "base/check.h"
#include "object/version.h"

/* ---- counting and releasing ----------------------------------------------------------------- */

static void count(struct kv_batch *batch, enum key_counter which, int64_t delta) {
    if (delta == 0) return;
    struct key key = key_counter(which);
    kv_batch_add(batch, key_slice(&key), delta, 0, INT64_MAX);
}

/*
 * The same under a quota (O18). What makes less of it may always be done. The guard is for the
 * race: who loses it is here again, and is told by what he reads then.
 */
static struct status count_within(struct store_change *change, struct kv_batch *batch,
                                  enum key_counter which, int64_t delta, bool is_limited,
                                  uint64_t quota) {
    struct arena arena;
    struct slice value;
    int64_t now = 0;
    struct key key = key_counter(which);
    if (delta <= 0 || !is_limited) {
        count(batch, which, delta);
        return status_ok();
    }
    arena_init(&arena, 256, STORE_ARENA_MAX);
    struct status s = store_get(change->store, change->bucket, &key, &arena, &value);
    if (is_ok(s)) s = kv_counter_parse(value, &now);
    arena_fini(&arena);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    if ((uint64_t)now + (uint64_t)delta > quota) return status_of(STATUS_QUOTA);
    kv_batch_add(batch, key_slice(&key), delta, 0, (int64_t)quota);
    return status_ok();
}

/* What a change does to the two tables (O4). */
struct tally {
    int64_t objects;
    int64_t bytes;
    int64_t versions;
    int64_t version_bytes;
};

int64_t object_own_bytes(const struct object_info *info) {
    return info->link.kind == OBJECT_LINK_SEGMENTS ? 0 : (int64_t)info->size;
}

static void tally_object(struct tally *tally, const struct object_info *info, int sign) {
    tally->objects += sign;
    tally->bytes += sign * object_own_bytes(info);
}

static void tally_version(struct tally *tally, const struct object_info *info, int sign) {
    tally->versions += sign;
    tally->version_bytes += sign * object_own_bytes(info);
}

static struct status tally_end(struct store_change *change, const struct tally *tally,
                               const struct bucket_quota *quota, struct kv_batch *batch) {
    TRY(count_within(change, batch, KEY_COUNT_OBJECTS, tally->objects, quota->limits_objects,
                     quota->objects));
    TRY(count_within(change, batch, KEY_COUNT_BYTES, tally->bytes, quota->limits_bytes,
                     quota->bytes));
    count(batch, KEY_COUNT_VERSIONS, tally->versions);
    count(batch, KEY_COUNT_VERSION_BYTES, tally->version_bytes);
    return status_ok();
}

void object_release(struct store_change *change, const struct object_content *content,
                    struct kv_batch *batch) {
    if (content->kind == OBJECT_CONTENT_NONE) return;
    if (content->kind == OBJECT_CONTENT_BLOB) {
        blob_unbind(change->store->config.blob, content->id, batch);
    } else {
        manifest_unbind(manifest_id(content), batch);
    }
    change->makes_garbage = true;
}

bool object_has_expired(struct object_store *store, const struct object_info *info) {
    int64_t at_s = info->meta.delete_at_s;
    if (at_s == 0) return false;
    int64_t now_ns = store_now_ns(store);
    return at_s <= now_ns / 1000000000 && !object_lock_holds(&info->meta.lock, now_ns, false);
}

void object_expiry_note(struct slice key, const struct object_info *info, struct kv_batch *batch) {
    static const char mark[] = {1 << 3, RECORD_VERSION}; /* a Mark, which says nothing else */
    if (info->meta.delete_at_s == 0) return;
    struct key expiry = key_expiry(info->meta.delete_at_s, version_id_of(info), key);
    kv_batch_put(batch, key_slice(&expiry), slice_of(mark, sizeof mark));
}

void object_expiry_forget(struct slice key, const struct object_info *info,
                          struct kv_batch *batch) {
    if (info->meta.delete_at_s == 0) return;
    struct key expiry = key_expiry(info->meta.delete_at_s, version_id_of(info), key);
    kv_batch_delete(batch, key_slice(&expiry));
}

void change_log_append(struct store_change *change, const struct object_replacement *replacement,
                       struct kv_batch *batch) {
    (void)change;
    (void)replacement;
    (void)batch;
}

/* ---- without versioning --------------------------------------------------------------------- */

static struct status replace_plain(struct store_change *change,
                                   const struct object_replacement *replacement,
                                   const struct version_history *history, struct kv_batch *batch) {
    const struct object_info *next = replacement->next;
    struct key key = key_object(replacement->key);
    struct tally tally = {0};
    if (history->found) { /* O3 */
        kv_batch_guard_equals(batch, key_slice(&key), history->current.record);
        object_release(change, &history->current.content, batch);
        object_expiry_forget(replacement->key, &history->current, batch);
        tally_object(&tally, &history->current, -1);
    } else {
        kv_batch_guard_absent(batch, key_slice(&key));
    }
    if (next) {
        kv_batch_put(batch, key_slice(&key), next->record);
        object_expiry_note(replacement->key, next, batch);
        tally_object(&tally, next, 1);
    } else {
        kv_batch_delete(batch, key_slice(&key));
    }
    return tally_end(change, &tally, &change->bucket->quota, batch);
}

/* ---- with versioning ------------------------------------------------------------------------ */

/* One change of a key with versions, in the making. */
struct stacking {
    struct store_change *change;
    struct kv_batch *batch;
    struct arena *scratch;
    const struct version_history *history;
    struct record_head head; /* as it will be */
    struct tally tally;
};

/* An id that is greater than that of every version of the key (O13). */
static struct object_version_id next_id(const struct stacking *s) {
    struct object_version_id id;
    uint64_t newest = 0;
    int64_t now_ns = store_now_ns(s->change->store);
    uint64_t stamp = now_ns > 0 ? (uint64_t)now_ns : 0;
    if (s->history->has_any) memcpy(&newest, s->history->head.newest.bytes, sizeof newest);
    newest = be64toh(newest);
    if (stamp < newest) stamp = newest;
    uint64_t big = htobe64(stamp + 1);
    memcpy(id.bytes, &big, sizeof big);
    random_fill(s->change->store->config.random, id.bytes + sizeof big,
                sizeof id.bytes - sizeof big);
    return id;
}

/* The current object becomes a noncurrent version. */
static void current_goes_down(struct stacking *s) {
    const struct object_info *current = &s->history->current;
    struct key from = key_object(s->history->key);
    struct key to = key_version(s->history->key, version_id_of(current));
    kv_batch_guard_absent(s->batch, key_slice(&to));
    kv_batch_put(s->batch, key_slice(&to), current->record);
    kv_batch_delete(s->batch, key_slice(&from));
    tally_object(&s->tally, current, -1);
    tally_version(&s->tally, current, 1);
}

/* A version goes for good. */
static void place_goes(struct stacking *s, const struct version_place *place) {
    if (!place->is_current) {
        kv_batch_guard_equals(s->batch, key_slice(&place->key), place->info.record);
        tally_version(&s->tally, &place->info, -1);
    } else {
        tally_object(&s->tally, &place->info, -1);
    }
    kv_batch_delete(s->batch, key_slice(&place->key));
    object_expiry_forget(s->history->key, &place->info, s->batch);
    object_release(s->change, &place->info.content, s->batch);
}

/* With suspended versioning the new null version takes the place of the one there was. */
static struct status null_goes(struct stacking *s, bool *ret_current_went) {
    static const struct object_version null_version = {.kind = OBJECT_VERSION_NULL};
    struct version_place place;
    *ret_current_went = false;
    if (!s->history->has_any || !s->history->head.has_null) return status_ok();
    struct status found = version_locate(s->change->store, s->change->bucket, s->history,
                                         &null_version, s->scratch, &place);
    /* It moved between the reads; or the head lies. */
    if (status_is(found, STATUS_NOT_FOUND)) return status_of(STATUS_CONFLICT);
    TRY(found);
    if (object_lock_holds(&place.info.meta.lock, store_now_ns(s->change->store), false)) {
        return status_of(STATUS_DENIED);
    }
    place_goes(s, &place);
    *ret_current_went = place.is_current;
    return status_ok();
}

/* A marker that says that there is no object. */
static struct object_info marker_of(struct store_change *change,
                                    const struct object_replacement *replacement) {
    return (struct object_info){
        .key = replacement->key,
        .modified_ns = store_now_ns(change->store),
        .meta = {.owner_id = replacement->marker_owner_id,
                 .owner_name = replacement->marker_owner_name},
        .delete_marker = true,
    };
}

/* The protection by the bucket's default, which counts where nothing was said (O12). */
static void lock_by_default(const struct bucket *bucket, int64_t now_ns, struct object_lock *lock) {
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    const struct bucket_lock *rule = &bucket->lock;
    if (!rule->enabled || rule->mode == OBJECT_LOCK_NONE || lock->mode != OBJECT_LOCK_NONE) return;
    uint64_t days = rule->days > 0 ? rule->days : rule->years * 365;
    int64_t room = (INT64_MAX - now_ns) / day_ns;
    lock->mode = rule->mode;
    lock->until_ns = days < (uint64_t)room ? now_ns + (int64_t)days * day_ns : INT64_MAX;
}

/* Puts the new version where it belongs; its record is kept beyond the batch. */
static struct status put_newest(struct stacking *s, struct object_replacement *replacement,
                                struct object_info *info) {
    struct slice raw;
    info->version = s->head.newest;
    info->null_version = s->change->bucket->versioning == BUCKET_VERSIONING_SUSPENDED;
    TRY(record_encode_object(info, s->scratch, &raw));
    if (info->delete_marker) {
        struct key key = key_version(s->history->key, info->version);
        kv_batch_put(s->batch, key_slice(&key), raw);
        tally_version(&s->tally, info, 1);
        replacement->marker = *info;
        return status_ok();
    }
    struct key key = key_object(s->history->key);
    kv_batch_put(s->batch, key_slice(&key), raw);
    object_expiry_note(s->history->key, info, s->batch);
    tally_object(&s->tally, info, 1);
    return object_replacement_keep(replacement, raw);
}

static struct status put_head(struct stacking *s) {
    struct key key = key_head(s->history->key);
    struct slice raw;
    TRY(record_encode_head(&s->head, s->scratch, &raw));
    kv_batch_put(s->batch, key_slice(&key), raw);
    return status_ok();
}

static struct status replace_versioned(struct store_change *change,
                                       struct object_replacement *replacement,
                                       const struct version_history *history,
                                       struct kv_batch *batch, struct arena *scratch) {
    struct stacking s = {change, batch, scratch, history, history->head, {0}};
    struct object_info marker = marker_of(change, replacement);
    struct object_info *next = replacement->next ? replacement->next : &marker;
    bool suspended = change->bucket->versioning == BUCKET_VERSIONING_SUSPENDED;
    bool current_went = false;
    version_history_guard(history, batch);
    if (suspended) TRY(null_goes(&s, &current_went));
    if (history->found && !current_went) current_goes_down(&s);
    s.head.newest = next_id(&s);
    if (suspended) {
        s.head.has_null = true;
        s.head.null_version = s.head.newest;
    }
    if (replacement->next) {
        next->meta.lock = replacement->lock_asked;
        lock_by_default(change->bucket, store_now_ns(change->store), &next->meta.lock);
    }
    TRY(put_newest(&s, replacement, next));
    TRY(put_head(&s));
    return tally_end(change, &s.tally, &change->bucket->quota, batch);
}

struct status object_replacement_keep(struct object_replacement *replacement, struct slice raw) {
    if (raw.len > replacement->room) {
        replacement->storage = arena_alloc(replacement->arena, raw.len);
        if (!replacement->storage) return status_of(STATUS_NO_MEMORY);
        replacement->room = raw.len;
    }
    memcpy(replacement->storage, raw.ptr, raw.len);
    replacement->next->record = slice_of(replacement->storage, raw.len);
    return status_ok();
}

struct status object_replace(struct store_change *change, struct object_replacement *replacement,
                             struct kv_batch *batch, struct arena *scratch) {
    struct version_history history;
    const struct object_condition *condition = replacement->condition;
    bool has_versions = change->bucket->versioning != BUCKET_VERSIONING_OFF;
    TRY(version_history_read(change->store, change->bucket, replacement->key, has_versions, scratch,
                             &history));
    bool there = history.found && !object_has_expired(change->store, &history.current);
    replacement->found = there;
    if (condition) TRY(condition->judge(condition, there ? &history.current : NULL));
    if (!has_versions) {
        change->nothing = !history.found && !replacement->next;
        if (change->nothing) return status_ok();
        TRY(replace_plain(change, replacement, &history, batch));
    } else {
        if (!replacement->asked) {
            replacement->asked = true;
            if (replacement->next) replacement->lock_asked = replacement->next->meta.lock;
        }
        TRY(replace_versioned(change, replacement, &history, batch, scratch));
    }
    change_log_append(change, replacement, batch);
    return status_ok();
}

/* ---- removing a version --------------------------------------------------------------------- */

bool object_lock_holds(const struct object_lock *lock, int64_t now_ns, bool bypasses_governance) {
    if (lock->legal_hold) return true;
    if (lock->mode == OBJECT_LOCK_NONE || lock->until_ns <= now_ns) return false;
    return lock->mode == OBJECT_LOCK_COMPLIANCE || !bypasses_governance;
}

/* The version below the one that goes becomes the newest, and the current object if it is one. */
static struct status next_comes_up(struct stacking *s) {
    struct version_place next;
    struct key head = key_head(s->history->key);
    struct status found = version_next(s->change->store, s->change->bucket, s->history->key,
                                       s->history->head.newest, s->scratch, &next);
    if (status_is(found, STATUS_NOT_FOUND)) {
        kv_batch_delete(s->batch, key_slice(&head));
        return status_ok();
    }
    TRY(found);
    kv_batch_guard_equals(s->batch, key_slice(&next.key), next.info.record);
    s->head.newest = version_id_of(&next.info);
    if (!next.info.delete_marker) {
        struct key to = key_object(s->history->key);
        kv_batch_delete(s->batch, key_slice(&next.key));
        kv_batch_put(s->batch, key_slice(&to), next.info.record);
        tally_version(&s->tally, &next.info, -1);
        tally_object(&s->tally, &next.info, 1);
    }
    return put_head(s);
}

static struct status remove_place(struct stacking *s, const struct version_place *place) {
    struct object_version_id id = version_id_of(&place->info);
    bool is_newest = version_id_eq(id, s->history->head.newest);
    bool is_null = s->head.has_null && version_id_eq(id, s->head.null_version);
    version_history_guard(s->history, s->batch);
    place_goes(s, place);
    if (is_null) s->head.has_null = false;
    if (is_newest && s->history->has_head) TRY(next_comes_up(s));
    if (!is_newest && is_null) TRY(put_head(s));
    /* What comes up from below was there already. */
    static const struct bucket_quota no_quota = {0};
    return tally_end(s->change, &s->tally, &no_quota, s->batch);
}

static void tell_removed(const struct version_place *place, struct object_deleted *deleted) {
    *deleted = (struct object_deleted){.found = true,
                                       .is_marker = place->info.delete_marker,
                                       .has_version = true,
                                       .null_version = place->info.null_version,
                                       .version = place->info.version};
}

struct status object_remove(struct store_change *change, const struct object_deletion *deletion,
                            struct kv_batch *batch, struct arena *scratch,
                            struct object_deleted *deleted) {
    struct version_history history;
    struct version_place place;
    const struct object_condition *condition = deletion->condition;
    *deleted = (struct object_deleted){0};
    TRY(version_history_read(change->store, change->bucket, deletion->key, true, scratch,
                             &history));
    struct status s = version_locate(change->store, change->bucket, &history, &deletion->version,
                                     scratch, &place);
    bool found = is_ok(s);
    if (!found && !status_is(s, STATUS_NOT_FOUND)) return s;
    bool is_object =
        found && !place.info.delete_marker && !object_has_expired(change->store, &place.info);
    if (condition) TRY(condition->judge(condition, is_object ? &place.info : NULL));
    change->nothing = !found;
    if (!found) {
        /* It may have moved between the reads: the head tells. */
        bool same;
        TRY(version_head_is_same(change->store, change->bucket, &history, scratch, &same));
        return same ? status_ok() : status_of(STATUS_CONFLICT);
    }
    if (object_lock_holds(&place.info.meta.lock, store_now_ns(change->store),
                          deletion->bypasses_governance)) {
        return status_of(STATUS_DENIED);
    }
    struct stacking stacking = {change, batch, scratch, &history, history.head, {0}};
    TRY(remove_place(&stacking, &place));
    tell_removed(&place, deleted);
    return status_ok();
}
