#include "blob/blob.h"

#include <stdlib.h>

#include "base/check.h"
#include "blob/driver.h"

enum {
    RECORD_BYTES_MAX = KV_VALUE_MAX,
    COLLECT_ARENA_BLOCK = 16 * 1024,
    COLLECT_ARENA_MAX = 2 * RECORD_BYTES_MAX,
    COLLECT_GROUP_MAX = 256, /* blobs whose end one batch is */
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

/* Candidates that are collected by one batch. */
struct collect_group {
    struct blob_store *store;
    struct kv_partition partition;
    struct arena arena; /* of the records */
    struct kv_batch *batch;
    struct blob_id ids[COLLECT_GROUP_MAX];
    struct slice records[COLLECT_GROUP_MAX]; /* empty where there is none any more */
    size_t count;
};

/* Adds the lines that remove the keys of a blob which must have no reference left. */
static void collect_lines(const struct collect_group *group, size_t index) {
    struct kv_batch *batch = group->batch;
    struct blob_id id = group->ids[index];
    struct slice value = group->records[index];
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, id);
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    struct blob_key placed = blob_key_make(BLOB_KEY_PLACED, id);
    struct blob_key lacking = blob_key_make(BLOB_KEY_SHORT, id);
    kv_batch_add(batch, blob_key_slice(&extra), 0, -1, -1);
    /* A driver may replace the record meanwhile, when it moves the bytes. */
    if (value.len > 0) kv_batch_guard_equals(batch, blob_key_slice(&record), value);
    kv_batch_delete(batch, blob_key_slice(&record));
    kv_batch_delete(batch, blob_key_slice(&placed));
    kv_batch_delete(batch, blob_key_slice(&lacking));
    kv_batch_delete(batch, blob_key_slice(&extra));
    kv_batch_delete(batch, blob_key_slice(&garbage));
}

/* Removes the blobs [first, first + count) of the group, or none: CONFLICT, one has a reference. */
static struct status collect_dead(struct collect_group *group, size_t first, size_t count) {
    kv_batch_clear(group->batch);
    for (size_t i = first; i < first + count; i++) collect_lines(group, i);
    TRY(kv_commit(group->store->kv, group->partition, group->batch, NULL));
    for (size_t i = first; i < first + count; i++) {
        if (group->records[i].len == 0) continue;
        group->store->ops->free_bytes(group->store, group->partition, group->ids[i],
                                      group->records[i]);
    }
    return status_ok();
}

/* Takes a blob that still has references off the list of candidates. */
static struct status collect_alive(struct collect_group *group, size_t index) {
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, group->ids[index]);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, group->ids[index]);
    kv_batch_clear(group->batch);
    kv_batch_add(group->batch, blob_key_slice(&extra), 0, 0, INT64_MAX);
    kv_batch_delete(group->batch, blob_key_slice(&garbage));
    struct status s = kv_commit(group->store->kv, group->partition, group->batch, NULL);
    /* Its last reference went meanwhile: it stays a candidate, for the next call. */
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

/* Collects the group at once, since a batch costs a sync; where one blob is alive, one by one. */
static struct status collect_group(struct collect_group *group) {
    if (group->count == 0) return status_ok();
    struct status s = collect_dead(group, 0, group->count);
    if (!status_is(s, STATUS_CONFLICT)) return s;
    for (size_t i = 0; i < group->count; i++) {
        s = collect_dead(group, i, 1);
        if (status_is(s, STATUS_CONFLICT)) s = collect_alive(group, i);
        TRY(s);
    }
    return status_ok();
}

static void group_clear(struct collect_group *group) {
    arena_reset(&group->arena);
    group->count = 0;
}

/* Takes a candidate into the group; its record is read now. */
static struct status group_add(struct collect_group *group, struct slice key) {
    struct slice value = {0};
    struct blob_id id;
    if (key.len != BLOB_KEY_LEN) return status_of(STATUS_CORRUPT);
    memcpy(id.bytes, key.ptr + 2, sizeof id.bytes);
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, id);
    struct status s =
        kv_get(group->store->kv, group->partition, blob_key_slice(&record), &group->arena, &value);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    group->ids[group->count] = id;
    group->records[group->count++] = value;
    return status_ok();
}

static bool group_is_full(const struct collect_group *group) {
    return group->count == COLLECT_GROUP_MAX ||
           group->arena.used_bytes + RECORD_BYTES_MAX > COLLECT_ARENA_MAX;
}

static struct status collect_some(struct collect_group *group, size_t blobs_max,
                                  struct kv_cursor *cursor, bool *ret_done) {
    const char prefix[] = {BLOB_KEY_PREFIX, BLOB_KEY_GARBAGE};
    bool found;
    TRY(kv_cursor_seek(cursor, slice_of(prefix, sizeof prefix), &found));
    for (size_t taken = 0; found && taken < blobs_max; taken++) {
        TRY(group_add(group, kv_cursor_key(cursor)));
        if (group_is_full(group)) {
            TRY(collect_group(group));
            group_clear(group);
        }
        TRY(kv_cursor_next(cursor, &found));
    }
    TRY(collect_group(group));
    *ret_done = !found;
    return status_ok();
}

static struct status collect_through(struct collect_group *group, size_t blobs_max,
                                     bool *ret_done) {
    const char prefix[] = {BLOB_KEY_PREFIX, BLOB_KEY_GARBAGE};
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(group->store->kv, group->partition, slice_of(prefix, sizeof prefix),
                       &cursor));
    struct status s = collect_some(group, blobs_max, cursor, ret_done);
    kv_cursor_close(&cursor);
    return s;
}

struct status blob_collect(struct blob_store *store, struct kv_partition partition,
                           size_t blobs_max, bool *ret_done) {
    CHECK(blobs_max > 0);
    struct collect_group *group = calloc(1, sizeof *group);
    if (!group) return status_of(STATUS_NO_MEMORY);
    group->store = store;
    group->partition = partition;
    group->batch = kv_batch_new();
    arena_init(&group->arena, COLLECT_ARENA_BLOCK, COLLECT_ARENA_MAX);
    struct status s = collect_through(group, blobs_max, ret_done);
    arena_fini(&group->arena);
    kv_batch_free(&group->batch);
    free(group);
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
