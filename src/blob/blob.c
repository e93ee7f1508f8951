#include "blob/blob.h"

#include "base/check.h"
#include "blob/driver.h"

enum {
    RECORD_BYTES_MAX = KV_VALUE_MAX,
    COLLECT_ARENA_BLOCK = 16 * 1024,
};

struct blob_key blob_key_make(enum blob_key_kind kind, struct blob_id id) {
    struct blob_key key = {{BLOB_KEY_PREFIX, (char)kind}};
    memcpy(key.bytes + 2, id.bytes, sizeof id.bytes);
    return key;
}

struct status blob_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer) {
    if (policy.len > BLOB_POLICY_NAME_MAX) return status_of(STATUS_NOT_FOUND);
    return store->ops->writer_begin(store, partition, policy, size_hint, ret_writer);
}

struct status blob_writer_write(struct blob_writer *writer, struct slice bytes) {
    CHECK(writer->state == BLOB_WRITER_OPEN);
    struct status s = writer->size + bytes.len > BLOB_SIZE_MAX ? status_of(STATUS_TOO_LARGE)
                                                               : writer->ops->write(writer, bytes);
    writer->size += bytes.len;
    if (!is_ok(s)) writer->state = BLOB_WRITER_FAILED;
    return s;
}

struct status blob_writer_seal(struct blob_writer *writer) {
    CHECK(writer->state == BLOB_WRITER_OPEN);
    struct status s = writer->ops->seal(writer);
    writer->state = is_ok(s) ? BLOB_WRITER_SEALED : BLOB_WRITER_FAILED;
    return s;
}

struct blob_id blob_writer_id(const struct blob_writer *writer) {
    return writer->id;
}

uint64_t blob_writer_size(const struct blob_writer *writer) {
    return writer->size;
}

void blob_writer_bind(const struct blob_writer *writer, struct kv_batch *batch) {
    CHECK(writer->state == BLOB_WRITER_SEALED);
    writer->ops->bind(writer, batch);
}

void blob_writer_commit(struct blob_writer **writer) {
    CHECK((*writer)->state == BLOB_WRITER_SEALED);
    (*writer)->ops->commit(writer);
    *writer = NULL;
}

void blob_writer_abort(struct blob_writer **writer) {
    if (*writer) (*writer)->ops->abort(writer);
    *writer = NULL;
}

void blob_writer_forget(struct blob_writer **writer) {
    if (*writer) (*writer)->ops->forget(writer);
    *writer = NULL;
}

void blob_share(struct blob_store *store, struct blob_id id, struct kv_batch *batch) {
    (void)store;
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, id);
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    kv_batch_guard_present(batch, blob_key_slice(&record));
    kv_batch_add(batch, blob_key_slice(&extra), +1, 1, INT64_MAX);
}

void blob_unbind(struct blob_store *store, struct blob_id id, struct kv_batch *batch) {
    (void)store;
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    kv_batch_add(batch, blob_key_slice(&extra), -1, -1, INT64_MAX);
    kv_batch_put(batch, blob_key_slice(&garbage), SLICE("\0"));
}

/* Removes the keys of a blob that has no reference left, then its bytes. CONFLICT: it has one. */
static struct status collect_dead(struct blob_store *store, struct kv_partition partition,
                                  struct blob_id id, struct arena *arena, struct kv_batch *batch) {
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, id);
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    struct blob_key placed = blob_key_make(BLOB_KEY_PLACED, id);
    struct blob_key lacking = blob_key_make(BLOB_KEY_SHORT, id);
    struct slice value = {0};
    struct status s = kv_get(store->kv, partition, blob_key_slice(&record), arena, &value);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    kv_batch_clear(batch);
    kv_batch_add(batch, blob_key_slice(&extra), 0, -1, -1);
    /* A driver may replace the record meanwhile, when it moves the bytes. */
    if (value.len > 0) kv_batch_guard_equals(batch, blob_key_slice(&record), value);
    kv_batch_delete(batch, blob_key_slice(&record));
    kv_batch_delete(batch, blob_key_slice(&placed));
    kv_batch_delete(batch, blob_key_slice(&lacking));
    kv_batch_delete(batch, blob_key_slice(&extra));
    kv_batch_delete(batch, blob_key_slice(&garbage));
    TRY(kv_commit(store->kv, partition, batch, NULL));
    if (value.len > 0) store->ops->free_bytes(store, partition, id, value);
    return status_ok();
}

/* Takes a blob that still has references off the list of candidates. */
static struct status collect_alive(struct blob_store *store, struct kv_partition partition,
                                   struct blob_id id, struct kv_batch *batch) {
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    kv_batch_clear(batch);
    kv_batch_add(batch, blob_key_slice(&extra), 0, 0, INT64_MAX);
    kv_batch_delete(batch, blob_key_slice(&garbage));
    struct status s = kv_commit(store->kv, partition, batch, NULL);
    /* Its last reference went meanwhile: it stays a candidate, for the next call. */
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

static struct status collect_one(struct blob_store *store, struct kv_partition partition,
                                 struct blob_id id) {
    struct arena arena;
    arena_init(&arena, COLLECT_ARENA_BLOCK, 2 * RECORD_BYTES_MAX);
    struct kv_batch *batch = kv_batch_new();
    struct status s = collect_dead(store, partition, id, &arena, batch);
    if (status_is(s, STATUS_CONFLICT)) s = collect_alive(store, partition, id, batch);
    kv_batch_free(&batch);
    arena_fini(&arena);
    return s;
}

static struct status collect_some(struct blob_store *store, struct kv_partition partition,
                                  size_t blobs_max, struct kv_cursor *cursor, bool *ret_done) {
    const char prefix[] = {BLOB_KEY_PREFIX, BLOB_KEY_GARBAGE};
    bool found;
    TRY(kv_cursor_seek(cursor, slice_of(prefix, sizeof prefix), &found));
    for (size_t i = 0; found && i < blobs_max; i++) {
        struct slice key = kv_cursor_key(cursor);
        if (key.len != BLOB_KEY_LEN) return status_of(STATUS_CORRUPT);
        struct blob_id id;
        memcpy(id.bytes, key.ptr + 2, sizeof id.bytes);
        TRY(collect_one(store, partition, id));
        TRY(kv_cursor_next(cursor, &found));
    }
    *ret_done = !found;
    return status_ok();
}

struct status blob_collect(struct blob_store *store, struct kv_partition partition,
                           size_t blobs_max, bool *ret_done) {
    CHECK(blobs_max > 0);
    const char prefix[] = {BLOB_KEY_PREFIX, BLOB_KEY_GARBAGE};
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->kv, partition, slice_of(prefix, sizeof prefix), &cursor));
    struct status s = collect_some(store, partition, blobs_max, cursor, ret_done);
    kv_cursor_close(&cursor);
    return s;
}

struct status blob_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader) {
    return store->ops->reader_open(store, partition, id, ret_reader);
}

uint64_t blob_reader_size(const struct blob_reader *reader) {
    return reader->size;
}

struct status blob_reader_read(struct blob_reader *reader, uint64_t offset, void *buffer,
                               size_t len) {
    if (offset > reader->size || len > reader->size - offset) return status_of(STATUS_RANGE);
    if (len == 0) return status_ok();
    return reader->ops->read(reader, offset, buffer, len);
}

struct status blob_reader_segment(struct blob_reader *reader, uint64_t offset, uint64_t len,
                                  struct blob_segment *ret_segment) {
    if (offset > reader->size || len > reader->size - offset) return status_of(STATUS_RANGE);
    if (!reader->ops->segment) return status_of(STATUS_UNSUPPORTED);
    return reader->ops->segment(reader, offset, len, ret_segment);
}

void blob_reader_close(struct blob_reader **reader) {
    if (*reader) (*reader)->ops->close(reader);
    *reader = NULL;
}

void blob_stats_read(struct blob_store *store, struct blob_stats *ret_stats) {
    store->ops->stats_read(store, ret_stats);
}

void blob_store_close(struct blob_store **store) {
    if (*store) (*store)->ops->close(store);
    *store = NULL;
}
