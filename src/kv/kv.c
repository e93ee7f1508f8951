#include "kv/kv.h"

#include <endian.h>

#include "base/check.h"
#include "kv/driver.h"

const struct kv_partition kv_partition_system;

struct status kv_get(struct kv *kv, struct kv_partition partition, struct slice key,
                     struct arena *arena, struct slice *ret_value) {
    if (key.len == 0 || key.len > KV_KEY_MAX) return status_of(STATUS_NOT_FOUND);
    return kv->ops->get(kv, partition, key, arena, ret_value);
}

struct status kv_cursor_open(struct kv *kv, struct kv_partition partition, struct slice prefix,
                             struct kv_cursor **ret_cursor) {
    if (prefix.len > KV_KEY_MAX) return status_of(STATUS_TOO_LARGE);
    return kv->ops->cursor_open(kv, partition, prefix, ret_cursor);
}

struct status kv_cursor_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    return cursor->ops->seek(cursor, key, ret_found);
}

struct status kv_cursor_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    return cursor->ops->seek_back(cursor, key, ret_found);
}

struct status kv_cursor_next(struct kv_cursor *cursor, bool *ret_found) {
    return cursor->ops->next(cursor, ret_found);
}

struct status kv_cursor_prev(struct kv_cursor *cursor, bool *ret_found) {
    return cursor->ops->prev(cursor, ret_found);
}

struct slice kv_cursor_key(const struct kv_cursor *cursor) {
    return cursor->ops->key(cursor);
}

struct slice kv_cursor_value(const struct kv_cursor *cursor) {
    return cursor->ops->value(cursor);
}

void kv_cursor_close(struct kv_cursor **cursor) {
    if (*cursor) (*cursor)->ops->close(cursor);
    *cursor = NULL;
}

struct status kv_commit(struct kv *kv, struct kv_partition partition, const struct kv_batch *batch,
                        size_t *ret_failed_guard) {
    TRY(kv_batch_ok(batch));
    if (kv_batch_entry_count(batch) == 0) return status_ok();
    size_t failed_guard = 0;
    struct status s = kv->ops->commit(kv, partition, batch, &failed_guard);
    if (status_is(s, STATUS_CONFLICT) && ret_failed_guard) *ret_failed_guard = failed_guard;
    return s;
}

struct status kv_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                      bool *ret_done) {
    CHECK(entries_max > 0);
    return kv->ops->drop(kv, partition, entries_max, ret_done);
}

void kv_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    kv->ops->stats_read(kv, ret_stats);
}

void kv_close(struct kv **kv) {
    if (*kv) (*kv)->ops->close(kv);
    *kv = NULL;
}

struct status kv_counter_parse(struct slice value, int64_t *ret_count) {
    uint64_t little;
    if (value.len != sizeof little) return status_of(STATUS_CORRUPT);
    memcpy(&little, value.ptr, sizeof little);
    *ret_count = (int64_t)le64toh(little);
    return status_ok();
}

void kv_counter_encode(int64_t count, char *out) {
    uint64_t little = htole64((uint64_t)count);
    memcpy(out, &little, sizeof little);
}
