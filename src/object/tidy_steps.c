#include "object/tidy_steps.h"

void tidy_work_init(struct tidy_work *work, struct object_store *store,
                    struct kv_partition partition) {
    *work = (struct tidy_work){.store = store, .partition = partition, .batch = kv_batch_new()};
    arena_init(&work->arena, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
}

void tidy_work_fini(struct tidy_work *work) {
    arena_fini(&work->arena);
    kv_batch_free(&work->batch);
}

void tidy_work_reset(struct tidy_work *work) {
    arena_reset(&work->arena);
    kv_batch_clear(work->batch);
}

struct status tidy_work_commit(struct tidy_work *work) {
    struct status s = kv_commit(work->store->config.kv, work->partition, work->batch, NULL);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

struct status tidy_first(struct tidy_work *work, struct slice prefix, struct slice from,
                         bool *ret_found, struct slice *ret_key, struct slice *ret_value) {
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(work->store->config.kv, work->partition, prefix, &cursor));
    struct status s = kv_cursor_seek(cursor, from, ret_found);
    if (is_ok(s) && *ret_found) {
        *ret_key = arena_dup(&work->arena, kv_cursor_key(cursor));
        *ret_value = arena_dup(&work->arena, kv_cursor_value(cursor));
        s = arena_ok(&work->arena);
    }
    kv_cursor_close(&cursor);
    return s;
}

/* What is done with one entry of a table: lines for the batch; `*ret_more` false ends the step. */
struct entry_step {
    struct status (*run)(struct tidy_work *work, struct slice key, struct slice value,
                         bool *ret_more);
};

/* Goes through the entries under `prefix`, and commits once; done if all were gone through. */
static struct status sweep(struct tidy_work *work, struct slice prefix, struct entry_step step,
                           bool *ret_done) {
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(work->store->config.kv, work->partition, prefix, &cursor));
    bool found = false;
    bool more = true;
    struct status s = kv_cursor_seek(cursor, prefix, &found);
    for (size_t i = 0; is_ok(s) && found && more && i < TIDY_STEP_MAX; i++) {
        s = step.run(work, kv_cursor_key(cursor), kv_cursor_value(cursor), &more);
        if (is_ok(s) && more) s = kv_cursor_next(cursor, &found);
    }
    kv_cursor_close(&cursor);
    TRY(s);
    *ret_done = !found || !more;
    return tidy_work_commit(work);
}

static struct status end_receipt(struct tidy_work *work, struct slice key, struct slice value,
                                 bool *ret_more) {
    (void)value;
    int64_t expires_ns;
    struct key_id id;
    TRY(key_receipt_end_parse(key, &expires_ns, &id));
    *ret_more = expires_ns <= store_now_ns(work->store);
    if (!*ret_more) return status_ok();
    struct key receipt = key_of_id(KEY_RECEIPT, id);
    kv_batch_delete(work->batch, key);
    kv_batch_delete(work->batch, key_slice(&receipt));
    return status_ok();
}

struct status tidy_receipts(struct tidy_work *work, bool *ret_done) {
    struct key table = key_of_table(KEY_RECEIPT_END);
    return sweep(work, key_slice(&table), (struct entry_step){end_receipt}, ret_done);
}

static struct status free_part(struct tidy_work *work, struct slice key, struct slice value,
                               bool *ret_more) {
    (void)ret_more;
    struct record_part part;
    TRY(record_decode_part(value, &part));
    kv_batch_guard_equals(work->batch, key, value);
    kv_batch_delete(work->batch, key);
    if (part.size > 0) blob_unbind(work->store->config.blob, part.blob, work->batch);
    return status_ok();
}

/* Frees a bounded number of parts of one upload, then, when none is left, removes the note (O7). */
struct status tidy_ended(struct tidy_work *work, bool *ret_done) {
    struct key table = key_of_table(KEY_ENDED);
    struct slice key;
    struct slice value;
    struct key_id id;
    bool found;
    TRY(tidy_first(work, key_slice(&table), key_slice(&table), &found, &key, &value));
    *ret_done = !found;
    if (!found) return status_ok();
    TRY(key_id_parse(key, 1, &id));
    struct key parts = key_of_id(KEY_PART, id);
    bool all;
    TRY(sweep(work, key_slice(&parts), (struct entry_step){free_part}, &all));
    if (!all) return status_ok();
    struct slice rest_key;
    struct slice rest_value;
    TRY(tidy_first(work, key_slice(&parts), key_slice(&parts), &found, &rest_key, &rest_value));
    if (found) return status_ok();
    kv_batch_clear(work->batch);
    kv_batch_delete(work->batch, key);
    return tidy_work_commit(work);
}

/* A candidate that still has references is none any more. */
static struct status keep_manifest(struct tidy_work *work, struct slice key, struct key_id id) {
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    kv_batch_add(work->batch, key_slice(&extra), 0, 0, INT64_MAX);
    kv_batch_delete(work->batch, key);
    return tidy_work_commit(work);
}

/* Adds the removal of a manifest's three keys. */
static void remove_manifest(struct tidy_work *work, struct slice key, struct key_id id) {
    struct key record = key_of_id(KEY_MANIFEST, id);
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    kv_batch_delete(work->batch, key);
    kv_batch_delete(work->batch, key_slice(&record));
    kv_batch_delete(work->batch, key_slice(&extra));
}

/* Releases the next blobs of a manifest without references; with the last ones it goes itself. */
static struct status release_blobs(struct tidy_work *work, struct slice key, struct slice value,
                                   struct key_id id) {
    struct key record = key_of_id(KEY_MANIFEST, id);
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    struct record_manifest manifest;
    struct slice raw;
    uint32_t released;
    TRY(record_decode_manifest_garbage(value, &released));
    TRY(kv_get(work->store->config.kv, work->partition, key_slice(&record), &work->arena, &raw));
    TRY(record_decode_manifest(raw, &work->arena, &manifest));
    kv_batch_guard_equals(work->batch, key, value);
    kv_batch_add(work->batch, key_slice(&extra), 0, -1, -1);
    size_t end =
        released + TIDY_STEP_MAX < manifest.count ? released + TIDY_STEP_MAX : manifest.count;
    for (size_t i = released; i < end; i++) {
        const struct record_manifest_part *part = &manifest.parts[i];
        if (!record_part_is_blob(part)) continue;
        blob_unbind(work->store->config.blob, part->blob, work->batch);
    }
    if (end == manifest.count) {
        remove_manifest(work, key, id);
    } else {
        struct slice next;
        TRY(record_encode_manifest_garbage((uint32_t)end, &work->arena, &next));
        kv_batch_put(work->batch, key, next);
    }
    return tidy_work_commit(work);
}

/* One step for the candidate `key` (O8), unless it is pinned. */
static struct status tidy_manifest(struct tidy_work *work, struct slice key, struct slice value,
                                   bool *ret_pinned) {
    struct key_id id;
    int64_t extra;
    TRY(key_id_parse(key, 1, &id));
    TRY(manifest_extra(work->store, work->partition, id, &work->arena, &extra));
    *ret_pinned = extra < 0 && pin_is(work->store->pins, work->partition, id);
    if (*ret_pinned) return status_ok();
    if (extra >= 0) return keep_manifest(work, key, id);
    struct status s = release_blobs(work, key, value, id);
    /* Somebody else has just removed it. */
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* Passes over those that are pinned, and does one step for the first that is not. */
struct status tidy_manifests(struct tidy_work *work, bool *ret_done) {
    struct key table = key_of_table(KEY_MANIFEST_GARBAGE);
    struct slice from = key_slice(&table);
    bool found = true;
    bool pinned = true;
    while (pinned) {
        struct slice key;
        struct slice value;
        TRY(tidy_first(work, key_slice(&table), from, &found, &key, &value));
        if (!found) break;
        TRY(tidy_manifest(work, key, value, &pinned));
        work->pinned |= pinned;
        const struct slice behind[] = {key, SLICE("\0")};
        from = arena_join(&work->arena, behind, 2);
        TRY(arena_ok(&work->arena));
    }
    *ret_done = !found;
    return status_ok();
}

static struct status end_upload(struct tidy_work *work, struct slice key, struct slice value,
                                bool *ret_more) {
    (void)value;
    (void)ret_more;
    struct slice object_key;
    struct key_id id;
    struct slice mark;
    TRY(key_upload_parse(key, &work->arena, &object_key, &id));
    struct key ended = key_of_id(KEY_ENDED, id);
    TRY(record_encode_mark(store_now_ns(work->store), &work->arena, &mark));
    kv_batch_delete(work->batch, key);
    kv_batch_put(work->batch, key_slice(&ended), mark);
    return status_ok();
}

struct status tidy_uploads(struct tidy_work *work, bool *ret_done) {
    struct key table = key_of_table(KEY_UPLOAD);
    return sweep(work, key_slice(&table), (struct entry_step){end_upload}, ret_done);
}
