#include "support/loose_kv.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/random.h"

enum { YIELDS_MAX = 8 };

static struct loose_kv *loose_of(struct kv *kv) {
    return CONTAINER_OF(kv, struct loose_kv, kv);
}

struct loose_cursor {
    struct kv_cursor cursor;
    struct kv_cursor *inner;
    struct loose_kv *loose;
};

/* Whether this call is the one that fails. */
static bool is_due(struct loose_kv *loose) {
    return atomic_fetch_sub(&loose->calls_left, 1) == 1;
}

static struct loose_cursor *cursor_of(struct kv_cursor *cursor) {
    return CONTAINER_OF(cursor, struct loose_cursor, cursor);
}

static struct status loose_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    if (is_due(cursor_of(cursor)->loose)) return status_of(STATUS_IO);
    return kv_cursor_seek(cursor_of(cursor)->inner, key, ret_found);
}

static struct status loose_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    if (is_due(cursor_of(cursor)->loose)) return status_of(STATUS_IO);
    return kv_cursor_seek_back(cursor_of(cursor)->inner, key, ret_found);
}

static struct status loose_next(struct kv_cursor *cursor, bool *ret_found) {
    if (is_due(cursor_of(cursor)->loose)) return status_of(STATUS_IO);
    return kv_cursor_next(cursor_of(cursor)->inner, ret_found);
}

static struct status loose_prev(struct kv_cursor *cursor, bool *ret_found) {
    if (is_due(cursor_of(cursor)->loose)) return status_of(STATUS_IO);
    return kv_cursor_prev(cursor_of(cursor)->inner, ret_found);
}

static struct slice loose_key(const struct kv_cursor *cursor) {
    return kv_cursor_key(((const struct loose_cursor *)cursor)->inner);
}

static struct slice loose_value(const struct kv_cursor *cursor) {
    return kv_cursor_value(((const struct loose_cursor *)cursor)->inner);
}

static void loose_cursor_close(struct kv_cursor **cursor) {
    struct loose_cursor *self = cursor_of(*cursor);
    kv_cursor_close(&self->inner);
    free(self);
    *cursor = NULL;
}

static const struct kv_cursor_ops loose_cursor_ops = {.seek = loose_seek,
                                                      .seek_back = loose_seek_back,
                                                      .next = loose_next,
                                                      .prev = loose_prev,
                                                      .key = loose_key,
                                                      .value = loose_value,
                                                      .close = loose_cursor_close};

static struct status loose_cursor_open(struct kv *kv, struct kv_partition partition,
                                       struct slice prefix, struct kv_cursor **ret_cursor) {
    struct loose_kv *loose = loose_of(kv);
    if (is_due(loose)) return status_of(STATUS_IO);
    struct loose_cursor *cursor = calloc(1, sizeof *cursor);
    CHECK(cursor);
    *cursor = (struct loose_cursor){{&loose_cursor_ops}, NULL, loose};
    CHECK(is_ok(kv_cursor_open(loose->inner, partition, prefix, &cursor->inner)));
    *ret_cursor = &cursor->cursor;
    return status_ok();
}

static struct status loose_get(struct kv *kv, struct kv_partition partition, struct slice key,
                               struct arena *arena, struct slice *ret_value) {
    if (is_due(loose_of(kv))) return status_of(STATUS_IO);
    return kv_get(loose_of(kv)->inner, partition, key, arena, ret_value);
}

/* The changes of a batch, without a guard. */
static struct kv_batch *changes_of(const struct kv_batch *batch) {
    struct kv_batch *changes = kv_batch_new();
    for (size_t i = 0; i < kv_batch_entry_count(batch); i++) {
        struct kv_entry line = kv_batch_entry(batch, i);
        if (line.kind == KV_ENTRY_PUT) kv_batch_put(changes, line.key, line.value);
        if (line.kind == KV_ENTRY_DELETE) kv_batch_delete(changes, line.key);
        if (line.kind == KV_ENTRY_ADD) {
            kv_batch_add(changes, line.key, line.delta, INT64_MIN, INT64_MAX);
        }
    }
    return changes;
}

static struct status loose_commit(struct kv *kv, struct kv_partition partition,
                                  const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct loose_kv *loose = loose_of(kv);
    if (is_due(loose)) return status_of(STATUS_BUSY);
    uint8_t yields;
    random_fill(random_system(), &yields, sizeof yields);
    for (int i = yields % (YIELDS_MAX + 1); i > 0; i--) sched_yield();
    if (!loose->ignore_guards) return kv_commit(loose->inner, partition, batch, ret_failed_guard);
    struct kv_batch *changes = changes_of(batch);
    struct status s = kv_commit(loose->inner, partition, changes, ret_failed_guard);
    kv_batch_free(&changes);
    return s;
}

static struct status loose_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                                bool *ret_done) {
    return kv_drop(loose_of(kv)->inner, partition, entries_max, ret_done);
}

static const struct kv_ops loose_ops = {
    .get = loose_get, .cursor_open = loose_cursor_open, .commit = loose_commit, .drop = loose_drop};

void loose_kv_init(struct loose_kv *loose, struct kv *inner, bool ignore_guards) {
    *loose = (struct loose_kv){{&loose_ops}, inner, ignore_guards, 0};
}
