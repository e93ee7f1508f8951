#include <stdlib.h>

#include "base/check.h"
#include "engine/store.h"

struct db_cursor {
    struct kv_cursor cursor;
    struct db_name prefix; /* with the partition in front */
    struct db_name end;    /* behind all that begin with it, if has_end */
    bool has_end;
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *iterator;
};

struct engine *engine_of_kv(struct kv *kv) {
    return CONTAINER_OF(kv, struct engine, kv);
}

static struct status store_get(struct kv *kv, struct kv_partition partition, struct slice key,
                               struct arena *arena, struct slice *ret_value) {
    struct db_name name;
    db_name_make(&name, partition, key);
    rocksdb_pinnableslice_t *pinned;
    TRY(db_get(&engine_of_kv(kv)->db, slice_of(name.bytes, name.len), &pinned));
    struct slice value;
    value.ptr = rocksdb_pinnableslice_value(pinned, &value.len);
    struct slice copy = arena_dup(arena, value);
    rocksdb_pinnableslice_destroy(pinned);
    if (copy.len == 0) return status_of(STATUS_NO_MEMORY);
    *ret_value = copy;
    return status_ok();
}

static struct db_cursor *cursor_of(struct kv_cursor *cursor) {
    return CONTAINER_OF(cursor, struct db_cursor, cursor);
}

static const struct db_cursor *cursor_of_const(const struct kv_cursor *cursor) {
    return (const struct db_cursor *)cursor; /* its first member */
}

/* Says whether the iterator stands, and if not, whether that is the end or an error. */
static struct status standing(struct db_cursor *self, bool *ret_found) {
    if (rocksdb_iter_valid(self->iterator)) {
        *ret_found = true;
        return status_ok();
    }
    char *error = NULL;
    rocksdb_iter_get_error(self->iterator, &error);
    TRY(db_status(error, NULL));
    *ret_found = false;
    return status_ok();
}

/* The name that a seek for `key` means, never before the prefix. */
static void seek_name(const struct db_cursor *self, struct slice key, struct db_name *name) {
    struct kv_partition partition;
    memcpy(partition.id, self->prefix.bytes, sizeof partition.id);
    db_name_make(name, partition, key);
}

static int name_cmp(const struct db_name *a, const struct db_name *b) {
    return slice_cmp(slice_of(a->bytes, a->len), slice_of(b->bytes, b->len));
}

static struct status cursor_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct db_cursor *self = cursor_of(cursor);
    struct db_name name;
    seek_name(self, key, &name);
    if (name_cmp(&name, &self->prefix) < 0) name = self->prefix;
    rocksdb_iter_seek(self->iterator, name.bytes, name.len);
    TRY(standing(self, ret_found));
    if (key.len <= KV_KEY_MAX || !*ret_found) return status_ok();
    /* No key is as long as that: the one that equals its beginning sorts before it. */
    size_t len;
    const char *at = rocksdb_iter_key(self->iterator, &len);
    if (!slice_eq(slice_of(at, len), slice_of(name.bytes, name.len))) return status_ok();
    rocksdb_iter_next(self->iterator);
    return standing(self, ret_found);
}

static struct status cursor_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct db_cursor *self = cursor_of(cursor);
    struct db_name name;
    seek_name(self, key, &name);
    if (self->has_end && name_cmp(&name, &self->end) >= 0) {
        rocksdb_iter_seek_to_last(self->iterator); /* of the bounds */
    } else {
        rocksdb_iter_seek_for_prev(self->iterator, name.bytes, name.len);
    }
    return standing(self, ret_found);
}

static struct status cursor_next(struct kv_cursor *cursor, bool *ret_found) {
    struct db_cursor *self = cursor_of(cursor);
    if (rocksdb_iter_valid(self->iterator)) rocksdb_iter_next(self->iterator);
    return standing(self, ret_found);
}

static struct status cursor_prev(struct kv_cursor *cursor, bool *ret_found) {
    struct db_cursor *self = cursor_of(cursor);
    if (rocksdb_iter_valid(self->iterator)) rocksdb_iter_prev(self->iterator);
    return standing(self, ret_found);
}

static struct slice cursor_key(const struct kv_cursor *cursor) {
    const struct db_cursor *self = cursor_of_const(cursor);
    CHECK(rocksdb_iter_valid(self->iterator));
    struct slice name;
    name.ptr = rocksdb_iter_key(self->iterator, &name.len);
    return slice_skip(name, KV_PARTITION_LEN);
}

static struct slice cursor_value(const struct kv_cursor *cursor) {
    const struct db_cursor *self = cursor_of_const(cursor);
    CHECK(rocksdb_iter_valid(self->iterator));
    struct slice value;
    value.ptr = rocksdb_iter_value(self->iterator, &value.len);
    return value;
}

static void cursor_close(struct kv_cursor **cursor) {
    struct db_cursor *self = cursor_of(*cursor);
    rocksdb_iter_destroy(self->iterator);
    rocksdb_readoptions_destroy(self->options);
    free(self);
    *cursor = NULL;
}

static const struct kv_cursor_ops cursor_ops = {
    .seek = cursor_seek,
    .seek_back = cursor_seek_back,
    .next = cursor_next,
    .prev = cursor_prev,
    .key = cursor_key,
    .value = cursor_value,
    .close = cursor_close,
};

static struct status store_cursor_open(struct kv *kv, struct kv_partition partition,
                                       struct slice prefix, struct kv_cursor **ret_cursor) {
    struct db_cursor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->cursor.ops = &cursor_ops;
    db_name_make(&self->prefix, partition, prefix);
    self->end = self->prefix;
    self->has_end = db_name_after_prefix(&self->end);
    self->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->options, 1);
    rocksdb_readoptions_set_iterate_lower_bound(self->options, self->prefix.bytes,
                                                self->prefix.len);
    if (self->has_end) {
        rocksdb_readoptions_set_iterate_upper_bound(self->options, self->end.bytes, self->end.len);
    }
    self->iterator = rocksdb_create_iterator(engine_of_kv(kv)->db.rocks, self->options);
    *ret_cursor = &self->cursor;
    return status_ok();
}

static struct status store_commit(struct kv *kv, struct kv_partition partition,
                                  const struct kv_batch *batch, size_t *ret_failed_guard) {
    return commit_run(&engine_of_kv(kv)->commits, partition, batch, ret_failed_guard);
}

/* One range deletion removes everything, so a single step is always enough. */
static struct status store_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                                bool *ret_done) {
    (void)entries_max;
    TRY(commit_drop(&engine_of_kv(kv)->commits, partition));
    *ret_done = true;
    return status_ok();
}

static void store_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    struct engine *engine = engine_of_kv(kv);
    const struct db *db = &engine->db;
    *ret_stats = (struct kv_stats){
        .entries = db_property(db, "rocksdb.estimate-num-keys"),
        .bytes_on_disk = db_property(db, "rocksdb.total-sst-files-size") +
                         db_property(db, "rocksdb.total-blob-file-size") +
                         db_property(db, "rocksdb.cur-size-all-mem-tables"),
        .commits = atomic_load(&engine->commits.commits),
        .commit_groups = atomic_load(&engine->commits.groups),
        .conflicts = atomic_load(&engine->commits.conflicts),
    };
}

/* The engine's own names are shorter than a partition's, and passed over. */
static struct status store_partition_find(struct kv *kv, struct kv_partition from, bool *ret_found,
                                          struct kv_partition *ret_partition) {
    const struct db *db = &engine_of_kv(kv)->db;
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(db->rocks, db->read_options);
    rocksdb_iter_seek(iterator, (const char *)from.id, sizeof from.id);
    size_t len = 0;
    const char *name = NULL;
    *ret_found = false;
    for (; rocksdb_iter_valid(iterator) && !*ret_found; rocksdb_iter_next(iterator)) {
        name = rocksdb_iter_key(iterator, &len);
        *ret_found = len > KV_PARTITION_LEN;
        if (*ret_found) memcpy(ret_partition->id, name, sizeof ret_partition->id);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    return db_status(error, NULL);
}

/* Both halves end by engine_close. */
static void store_close(struct kv **kv) {
    (void)kv;
    CHECK(!"kv_close is not for the kv of an engine");
}

const struct kv_ops engine_kv_ops = {
    .get = store_get,
    .cursor_open = store_cursor_open,
    .commit = store_commit,
    .drop = store_drop,
    .stats_read = store_stats_read,
    .partition_find = store_partition_find,
    .close = store_close,
};
