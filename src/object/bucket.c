#include "object/bucket.h"

#include "base/check.h"
#include "object/inner.h"

enum { RESOLVE_TRIES_MAX = 32, DELETE_TRIES_MAX = 32 };

struct status bucket_dup(const struct bucket *bucket, struct arena *arena,
                         struct bucket *ret_bucket) {
    struct bucket copy = *bucket;
    struct slice *const slices[] = {&copy.name,     &copy.region,     &copy.project_id,
                                    &copy.owner_id, &copy.owner_name, &copy.policy,
                                    &copy.epoch};
    for (size_t i = 0; i < ARRAY_LEN(slices); i++) *slices[i] = arena_dup(arena, *slices[i]);
    TRY(arena_ok(arena));
    *ret_bucket = copy;
    return status_ok();
}

static struct status get_name(struct object_store *store, struct slice name_key,
                              struct arena *arena, struct slice *ret_raw) {
    return kv_get(store->config.kv, kv_partition_system, name_key, arena, ret_raw);
}

/*
 * Follows a name to its bucket. A name that leads to a deleted bucket is absent, and is taken away
 * (O5); then another may have come in its place, so it is looked up again. A name that leads to
 * nothing at all is being taken away by somebody else, or, if it stays, damage.
 */
static struct status resolve(struct object_store *store, struct slice name_key, struct arena *arena,
                             struct bucket *ret_bucket) {
    struct slice raw_before = {0};
    for (int i = 0; i < RESOLVE_TRIES_MAX; i++) {
        struct slice raw;
        struct kv_partition incarnation;
        struct record_epoch epoch;
        TRY(get_name(store, name_key, arena, &raw));
        TRY(record_decode_name(raw, &incarnation));
        struct status s = store_read_epoch(store, incarnation, arena, &epoch);
        if (is_ok(s) && epoch.state == RECORD_EPOCH_LIVE) {
            *ret_bucket = epoch.bucket;
            return status_ok();
        }
        if (is_ok(s)) {
            TRY(bucket_finish_deletion(store, &epoch.bucket));
        } else if (!status_is(s, STATUS_NOT_FOUND)) {
            return s;
        } else if (slice_eq(raw, raw_before)) {
            return status_of(STATUS_CORRUPT);
        }
        raw_before = is_ok(s) ? slice_of(NULL, 0) : raw;
    }
    return status_of(STATUS_BUSY);
}

/* Whether the strings are short enough to be looked for at all. */
static bool may_exist(struct slice region, struct slice project_id, struct slice name) {
    return name.len > 0 && name.len <= BUCKET_NAME_MAX && region.len > 0 &&
           region.len <= RECORD_ID_MAX && project_id.len <= RECORD_ID_MAX;
}

static struct status find_account_name(struct object_store *store, struct slice region,
                                       struct slice project_id, struct slice name,
                                       struct arena *arena, struct bucket *ret_bucket) {
    struct key key = key_account_name(region, project_id, name);
    return resolve(store, key_slice(&key), arena, ret_bucket);
}

static struct status find_s3_name(struct object_store *store, struct slice region,
                                  struct slice name, struct arena *arena,
                                  struct bucket *ret_bucket) {
    struct key key = key_s3_name(region, name);
    return resolve(store, key_slice(&key), arena, ret_bucket);
}

struct status bucket_find(struct object_store *store, struct slice region, struct slice project_id,
                          struct slice name, struct arena *arena, struct note *note,
                          struct bucket *ret_bucket) {
    struct status s = status_of(STATUS_NOT_FOUND);
    if (may_exist(region, project_id, name)) {
        if (project_id.len > 0) {
            s = find_account_name(store, region, project_id, name, arena, ret_bucket);
        }
        if (status_is(s, STATUS_NOT_FOUND)) {
            s = find_s3_name(store, region, name, arena, ret_bucket);
        }
    }
    if (is_ok(s)) return s;
    return note_status(note, s.code, "bucket %.*s: %s",
                       SLICE_FMT(slice_take(name, BUCKET_NAME_MAX)), status_text(s.code));
}

/* ---- listing -------------------------------------------------------------------------------- */

struct listing {
    struct object_store *store;
    struct arena *arena;
    struct bucket *buckets;
    size_t cap;
    size_t count;
    bool more;
};

/* Takes the bucket that the cursor stands on, if it is one; past the cap only that it is there. */
static struct status list_one(struct listing *list, struct kv_cursor *cursor) {
    struct slice key = arena_dup(list->arena, kv_cursor_key(cursor));
    TRY(arena_ok(list->arena));
    struct bucket bucket;
    struct status s = resolve(list->store, key, list->arena, &bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    if (list->count < list->cap) {
        list->buckets[list->count++] = bucket;
    } else {
        list->more = true;
    }
    return status_ok();
}

static struct status list_all(struct listing *list, struct kv_cursor *cursor, struct slice from,
                              struct slice after) {
    bool found;
    TRY(kv_cursor_seek(cursor, from, &found));
    if (found && slice_eq(kv_cursor_key(cursor), after)) TRY(kv_cursor_next(cursor, &found));
    while (found && !list->more) {
        TRY(list_one(list, cursor));
        TRY(kv_cursor_next(cursor, &found));
    }
    return status_ok();
}

struct status bucket_list(struct object_store *store, struct slice region, struct slice project_id,
                          struct slice prefix, struct slice after, struct arena *arena,
                          struct bucket *buckets, size_t cap, size_t *ret_count, bool *ret_more) {
    struct listing list = {.store = store, .arena = arena, .buckets = buckets, .cap = cap};
    *ret_count = 0;
    *ret_more = false;
    if (!may_exist(region, project_id, SLICE("any")) || project_id.len == 0 ||
        prefix.len > BUCKET_NAME_MAX) {
        return status_ok();
    }
    struct key under = key_account_name(region, project_id, prefix);
    struct key behind = key_account_name(region, project_id, slice_take(after, BUCKET_NAME_MAX));
    bool later = slice_cmp(key_slice(&behind), key_slice(&under)) > 0;
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->config.kv, kv_partition_system, key_slice(&under), &cursor));
    struct status s = list_all(&list, cursor, later ? key_slice(&behind) : key_slice(&under),
                               after.len > 0 ? key_slice(&behind) : slice_of(NULL, 0));
    kv_cursor_close(&cursor);
    TRY(s);
    *ret_count = list.count;
    *ret_more = list.more;
    return status_ok();
}

static struct status list_all_back(struct listing *list, struct kv_cursor *cursor,
                                   struct slice from, bool excluded) {
    bool found;
    TRY(kv_cursor_seek_back(cursor, from, &found));
    bool is_there = found && slice_eq(kv_cursor_key(cursor), from);
    if (is_there && excluded) TRY(kv_cursor_prev(cursor, &found));
    while (found && !list->more) {
        TRY(list_one(list, cursor));
        TRY(kv_cursor_prev(cursor, &found));
    }
    return status_ok();
}

struct status bucket_list_back(struct object_store *store, struct slice region,
                               struct slice project_id, struct slice prefix, struct slice before,
                               struct arena *arena, struct bucket *buckets, size_t cap,
                               size_t *ret_count, bool *ret_more) {
    struct listing list = {.store = store, .arena = arena, .buckets = buckets, .cap = cap};
    *ret_count = 0;
    *ret_more = false;
    if (!may_exist(region, project_id, SLICE("any")) || project_id.len == 0 ||
        prefix.len > BUCKET_NAME_MAX) {
        return status_ok();
    }
    struct key under = key_account_name(region, project_id, prefix);
    struct key from = under;
    if (before.len > 0) {
        from = key_account_name(region, project_id, slice_take(before, BUCKET_NAME_MAX));
    } else {
        /* Names are UTF-8, in which that byte does not occur. */
        CHECK(from.len < sizeof from.bytes);
        from.bytes[from.len++] = (char)0xff;
    }
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->config.kv, kv_partition_system, key_slice(&under), &cursor));
    struct status s = list_all_back(&list, cursor, key_slice(&from),
                                    before.len > 0 && before.len <= BUCKET_NAME_MAX);
    kv_cursor_close(&cursor);
    TRY(s);
    *ret_count = list.count;
    *ret_more = list.more;
    return status_ok();
}

/* Reads a counter; absent is 0. */
static struct status read_counter(struct object_store *store, struct kv_partition partition,
                                  const struct key *key, uint64_t *ret_count) {
    struct arena arena;
    struct slice value;
    int64_t count = 0;
    arena_init(&arena, 256, STORE_ARENA_MAX);
    struct status s = kv_get(store->config.kv, partition, key_slice(key), &arena, &value);
    if (is_ok(s)) {
        s = kv_counter_parse(value, &count);
        if (count < 0) s = status_of(STATUS_CORRUPT);
    } else if (status_is(s, STATUS_NOT_FOUND)) {
        s = status_ok();
    }
    arena_fini(&arena);
    TRY(s);
    *ret_count = (uint64_t)count;
    return status_ok();
}

struct status bucket_project_has_any(struct object_store *store, struct slice project_id,
                                     bool *ret_has) {
    *ret_has = false;
    if (project_id.len == 0 || project_id.len > RECORD_ID_MAX) return status_ok();
    struct key key = key_bucket_count(project_id);
    uint64_t count;
    TRY(read_counter(store, kv_partition_system, &key, &count));
    *ret_has = count > 0;
    return status_ok();
}

struct status bucket_usage_read(struct object_store *store, const struct bucket *bucket,
                                struct bucket_usage *ret_usage) {
    struct key objects = key_counter(KEY_COUNT_OBJECTS);
    struct key bytes = key_counter(KEY_COUNT_BYTES);
    struct bucket_usage usage;
    TRY(read_counter(store, bucket->incarnation, &objects, &usage.objects));
    TRY(read_counter(store, bucket->incarnation, &bytes, &usage.bytes));
    struct key versions = key_counter(KEY_COUNT_VERSIONS);
    struct key version_bytes = key_counter(KEY_COUNT_VERSION_BYTES);
    TRY(read_counter(store, bucket->incarnation, &versions, &usage.versions));
    TRY(read_counter(store, bucket->incarnation, &version_bytes, &usage.version_bytes));
    *ret_usage = usage;
    return status_ok();
}

/* ---- making --------------------------------------------------------------------------------- */

struct creation {
    struct object_store *store;
    const struct bucket_wanted *wanted;
    struct arena *arena;
    struct note *note;
    struct bucket bucket;
    struct slice pending; /* the record that says it is being made */
};

static struct status check_wanted(const struct bucket_wanted *wanted, struct note *note) {
    if (may_exist(wanted->region, wanted->project_id, wanted->name) && wanted->project_id.len > 0 &&
        wanted->owner_id.len <= RECORD_ID_MAX && wanted->owner_name.len <= RECORD_NAME_MAX &&
        wanted->policy.len > 0 && wanted->policy.len <= BLOB_POLICY_NAME_MAX) {
        return status_ok();
    }
    return note_status(note, STATUS_INVALID, "a name of the bucket is empty or too long");
}

static struct status too_many(struct creation *creation) {
    return note_status(creation->note, STATUS_TOO_LARGE, "the project has %llu buckets already",
                       (unsigned long long)creation->wanted->buckets_max);
}

/*
 * Settles which names the bucket will have. EXISTS: `creation->bucket` has one of them.
 * TOO_LARGE: there is no room for another; the batch that publishes it will judge that exactly.
 */
static struct status choose_names(struct creation *creation) {
    struct object_store *store = creation->store;
    const struct bucket_wanted *wanted = creation->wanted;
    struct status s = find_account_name(store, wanted->region, wanted->project_id, wanted->name,
                                        creation->arena, &creation->bucket);
    if (is_ok(s)) return status_of(STATUS_EXISTS);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    bool claims = wanted->claim_s3_name;
    if (claims) {
        s = find_s3_name(store, wanted->region, wanted->name, creation->arena, &creation->bucket);
        if (is_ok(s) && !wanted->s3_name_optional) return status_of(STATUS_EXISTS);
        if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
        claims = !is_ok(s);
    }
    struct key key = key_bucket_count(wanted->project_id);
    uint64_t count;
    TRY(read_counter(store, kv_partition_system, &key, &count));
    if (count >= wanted->buckets_max) return too_many(creation);
    creation->bucket = (struct bucket){
        .name = wanted->name,
        .region = wanted->region,
        .project_id = wanted->project_id,
        .owner_id = wanted->owner_id,
        .owner_name = wanted->owner_name,
        .policy = wanted->policy,
        .has_s3_name = claims,
        .created_ns = store_now_ns(store),
        .versioning = wanted->object_lock ? BUCKET_VERSIONING_ENABLED : BUCKET_VERSIONING_OFF,
        .lock = {.enabled = wanted->object_lock},
        .quota = wanted->quota,
    };
    return status_ok();
}

/* Step 1: the intent, by which the housekeeping finds what a crash leaves. */
static struct status put_intent(struct creation *creation, struct kv_batch *batch) {
    struct bucket *bucket = &creation->bucket;
    const struct record_pending pending = {RECORD_PENDING_MAKING, bucket->created_ns};
    random_fill(creation->store->config.random, bucket->incarnation.id,
                sizeof bucket->incarnation.id);
    struct key key = key_pending(bucket->incarnation);
    TRY(record_encode_pending(&pending, creation->arena, &creation->pending));
    kv_batch_clear(batch);
    kv_batch_guard_absent(batch, key_slice(&key));
    kv_batch_put(batch, key_slice(&key), creation->pending);
    return kv_commit(creation->store->config.kv, kv_partition_system, batch, NULL);
}

/* Step 2: the epoch record, in the partition, and the documents that the bucket begins with. */
static struct status put_epoch(struct creation *creation, struct kv_batch *batch) {
    const struct bucket_wanted *wanted = creation->wanted;
    struct record_epoch epoch = {1, RECORD_EPOCH_LIVE, creation->bucket};
    struct key key = key_epoch();
    struct slice raw;
    kv_batch_clear(batch);
    kv_batch_guard_absent(batch, key_slice(&key));
    for (size_t i = 0; i < wanted->document_count; i++) {
        TRY(bucket_config_begin(&epoch.bucket, &wanted->documents[i], creation->arena, batch));
    }
    TRY(record_encode_epoch(&epoch, creation->arena, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    TRY(kv_commit(creation->store->config.kv, epoch.bucket.incarnation, batch, NULL));
    TRY(record_decode_epoch(raw, epoch.bucket.incarnation, &epoch));
    creation->bucket = epoch.bucket; /* as it will be found */
    return status_ok();
}

/* Step 3: the names, the count, and the end of the intent (O5). CONFLICT: a name is taken. */
static struct status publish(struct creation *creation, struct kv_batch *batch) {
    enum { GUARD_INTENT, GUARD_COUNT };
    const struct bucket *bucket = &creation->bucket;
    struct key pending = key_pending(bucket->incarnation);
    struct key count = key_bucket_count(bucket->project_id);
    struct key account = key_account_name(bucket->region, bucket->project_id, bucket->name);
    struct key s3 = key_s3_name(bucket->region, bucket->name);
    uint64_t max = creation->wanted->buckets_max;
    struct slice name;
    TRY(record_encode_name(bucket->incarnation, creation->arena, &name));
    kv_batch_clear(batch);
    kv_batch_guard_equals(batch, key_slice(&pending), creation->pending);
    kv_batch_add(batch, key_slice(&count), 1, 0, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    kv_batch_guard_absent(batch, key_slice(&account));
    kv_batch_put(batch, key_slice(&account), name);
    if (bucket->has_s3_name) {
        kv_batch_guard_absent(batch, key_slice(&s3));
        kv_batch_put(batch, key_slice(&s3), name);
    }
    kv_batch_delete(batch, key_slice(&pending));
    size_t failed = SIZE_MAX;
    struct status s = kv_commit(creation->store->config.kv, kv_partition_system, batch, &failed);
    if (!status_is(s, STATUS_CONFLICT)) return s;
    if (failed == GUARD_COUNT) return too_many(creation);
    if (failed != GUARD_INTENT) return s;
    return note_status(creation->note, STATUS_BUSY, "making the bucket took too long");
}

/*
 * Has the partition of a bucket dropped that will never have a name. Where that fails the intent is
 * still there, and the housekeeping finds it.
 */
static void abandon(struct creation *creation, struct kv_batch *batch) {
    struct key key = key_pending(creation->bucket.incarnation);
    const struct record_pending pending = {RECORD_PENDING_DROPPING, creation->bucket.created_ns};
    struct slice raw;
    if (!is_ok(record_encode_pending(&pending, creation->arena, &raw))) return;
    kv_batch_clear(batch);
    kv_batch_put(batch, key_slice(&key), raw);
    IGNORE_STATUS(kv_commit(creation->store->config.kv, kv_partition_system, batch, NULL));
    tidy_wants_drop(creation->store->tidy);
}

/* Whether the status leaves no doubt that nothing was changed. */
static bool is_refusal(struct status s) {
    return !status_is(s, STATUS_IO) && !status_is(s, STATUS_CORRUPT);
}

static struct status create_once(struct creation *creation, struct kv_batch *batch) {
    TRY(choose_names(creation));
    TRY(put_intent(creation, batch));
    struct status s = put_epoch(creation, batch);
    if (is_ok(s)) s = publish(creation, batch);
    if (!is_ok(s) && is_refusal(s)) abandon(creation, batch);
    return s;
}

struct status bucket_create(struct object_store *store, const struct bucket_wanted *wanted,
                            struct arena *arena, struct note *note, struct bucket *ret_bucket) {
    TRY(check_wanted(wanted, note));
    struct creation creation = {.store = store, .wanted = wanted, .arena = arena, .note = note};
    struct kv_batch *batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    for (int i = 0; i < RESOLVE_TRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        s = create_once(&creation, batch);
    }
    kv_batch_free(&batch);
    if (is_ok(s) || status_is(s, STATUS_EXISTS)) *ret_bucket = creation.bucket;
    if (status_is(s, STATUS_EXISTS)) {
        return note_status(note, s.code, "bucket %.*s exists already", SLICE_FMT(wanted->name));
    }
    return status_is(s, STATUS_CONFLICT) ? status_of(STATUS_BUSY) : s;
}

/* ---- deleting ------------------------------------------------------------------------------- */

struct status bucket_finish_deletion(struct object_store *store, const struct bucket *bucket) {
    struct key pending_key = key_pending(bucket->incarnation);
    struct key count = key_bucket_count(bucket->project_id);
    struct key account = key_account_name(bucket->region, bucket->project_id, bucket->name);
    struct key s3 = key_s3_name(bucket->region, bucket->name);
    const struct record_pending pending = {RECORD_PENDING_DROPPING, store_now_ns(store)};
    struct arena arena;
    struct slice name = {0};
    struct slice raw = {0};
    arena_init(&arena, 256, STORE_ARENA_MAX);
    struct kv_batch *batch = kv_batch_new();
    struct status s = record_encode_name(bucket->incarnation, &arena, &name);
    if (is_ok(s)) s = record_encode_pending(&pending, &arena, &raw);
    if (is_ok(s)) {
        kv_batch_guard_equals(batch, key_slice(&account), name);
        kv_batch_delete(batch, key_slice(&account));
        if (bucket->has_s3_name) {
            kv_batch_guard_equals(batch, key_slice(&s3), name);
            kv_batch_delete(batch, key_slice(&s3));
        }
        kv_batch_add(batch, key_slice(&count), -1, 0, INT64_MAX);
        kv_batch_put(batch, key_slice(&pending_key), raw);
        s = kv_commit(store->config.kv, kv_partition_system, batch, NULL);
    }
    kv_batch_free(&batch);
    arena_fini(&arena);
    if (is_ok(s)) tidy_wants_drop(store->tidy);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s; /* somebody else has done it */
}

/* Step 1: the epoch record says that it is gone, if it has no object and no version (O5). */
static struct status retire_epoch(struct object_store *store, const struct record_epoch *epoch,
                                  struct arena *arena, struct note *note) {
    enum { GUARD_EPOCH };
    struct record_epoch gone = *epoch;
    gone.generation++;
    gone.state = RECORD_EPOCH_GONE;
    struct slice raw;
    TRY(record_encode_epoch(&gone, arena, &raw));
    struct key key = key_epoch();
    struct key objects = key_counter(KEY_COUNT_OBJECTS);
    struct key versions = key_counter(KEY_COUNT_VERSIONS);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_equals(batch, key_slice(&key), epoch->bucket.epoch);
    kv_batch_add(batch, key_slice(&objects), 0, 0, 0);
    kv_batch_add(batch, key_slice(&versions), 0, 0, 0);
    kv_batch_put(batch, key_slice(&key), raw);
    size_t failed = SIZE_MAX;
    struct status s = kv_commit(store->config.kv, epoch->bucket.incarnation, batch, &failed);
    kv_batch_free(&batch);
    if (!status_is(s, STATUS_CONFLICT)) return s;
    if (failed == GUARD_EPOCH) return status_of(STATUS_PRECONDITION); /* it has changed */
    return note_status(note, STATUS_CONFLICT, "bucket %.*s is not empty",
                       SLICE_FMT(epoch->bucket.name));
}

static struct status delete_until_done(struct object_store *store, const struct bucket *bucket,
                                       struct arena *arena, struct note *note) {
    struct status s = status_of(STATUS_PRECONDITION);
    for (int i = 0; i < DELETE_TRIES_MAX && status_is(s, STATUS_PRECONDITION); i++) {
        struct record_epoch epoch;
        TRY(store_read_epoch(store, bucket->incarnation, arena, &epoch));
        if (epoch.state == RECORD_EPOCH_GONE) return status_of(STATUS_NOT_FOUND);
        s = retire_epoch(store, &epoch, arena, note);
    }
    TRY(status_is(s, STATUS_PRECONDITION) ? status_of(STATUS_BUSY) : s);
    /* It is gone for good. If its names stay, whoever follows one of them takes them away. */
    IGNORE_STATUS(bucket_finish_deletion(store, bucket));
    return status_ok();
}

struct status bucket_delete(struct object_store *store, const struct bucket *bucket,
                            struct note *note) {
    struct arena arena;
    arena_init(&arena, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    struct status s = delete_until_done(store, bucket, &arena, note);
    /* What has expired, and nobody sees any more, shall not keep it. */
    uint64_t removed = 0;
    bool may_be_empty = status_is(s, STATUS_CONFLICT) &&
                        is_ok(tidy_expire(store, bucket->incarnation, &removed)) && removed > 0;
    if (may_be_empty) s = delete_until_done(store, bucket, &arena, note);
    arena_fini(&arena);
    return s;
}
