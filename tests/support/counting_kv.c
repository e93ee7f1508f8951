#include "support/counting_kv.h"

#include <stdlib.h>

#include "base/check.h"

struct counting_cursor {
    struct kv_cursor cursor;
    struct kv_cursor *inner;
    struct counting_kv *owner;
};

static struct counting_cursor *counting_of(struct kv_cursor *cursor) {
    return CONTAINER_OF(cursor, struct counting_cursor, cursor);
}

static struct status counting_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    counting_of(cursor)->owner->seeks++;
    return kv_cursor_seek(counting_of(cursor)->inner, key, ret_found);
}

static struct status counting_next(struct kv_cursor *cursor, bool *ret_found) {
    counting_of(cursor)->owner->steps++;
    return kv_cursor_next(counting_of(cursor)->inner, ret_found);
}

static struct status counting_seek_back(struct kv_cursor *cursor, struct slice key,
                                        bool *ret_found) {
    counting_of(cursor)->owner->seeks++;
    return kv_cursor_seek_back(counting_of(cursor)->inner, key, ret_found);
}

static struct status counting_prev(struct kv_cursor *cursor, bool *ret_found) {
    counting_of(cursor)->owner->steps++;
    return kv_cursor_prev(counting_of(cursor)->inner, ret_found);
}

static struct slice counting_key(const struct kv_cursor *cursor) {
    return kv_cursor_key(((const struct counting_cursor *)cursor)->inner);
}

static struct slice counting_value(const struct kv_cursor *cursor) {
    return kv_cursor_value(((const struct counting_cursor *)cursor)->inner);
}

static void counting_cursor_close(struct kv_cursor **cursor) {
    struct counting_cursor *self = counting_of(*cursor);
    kv_cursor_close(&self->inner);
    free(self);
    *cursor = NULL;
}

static const struct kv_cursor_ops counting_cursor_ops = {
    .seek = counting_seek,
    .seek_back = counting_seek_back,
    .next = counting_next,
    .prev = counting_prev,
    .key = counting_key,
    .value = counting_value,
    .close = counting_cursor_close,
};

static struct status counting_cursor_open(struct kv *kv, struct kv_partition partition,
                                          struct slice prefix, struct kv_cursor **ret_cursor) {
    struct counting_kv *self = CONTAINER_OF(kv, struct counting_kv, kv);
    struct counting_cursor *cursor = calloc(1, sizeof *cursor);
    CHECK(cursor);
    *cursor = (struct counting_cursor){.cursor = {&counting_cursor_ops}, .owner = self};
    *ret_cursor = &cursor->cursor;
    return kv_cursor_open(self->inner, partition, prefix, &cursor->inner);
}

/* To look one key up costs what seeking does. */
static struct status counting_get(struct kv *kv, struct kv_partition partition, struct slice key,
                                  struct arena *arena, struct slice *ret_value) {
    struct counting_kv *self = CONTAINER_OF(kv, struct counting_kv, kv);
    self->seeks++;
    return kv_get(self->inner, partition, key, arena, ret_value);
}

static const struct kv_ops counting_ops = {.get = counting_get,
                                           .cursor_open = counting_cursor_open};

void counting_kv_init(struct counting_kv *counting, struct kv *inner) {
    *counting = (struct counting_kv){.kv = {&counting_ops}, .inner = inner};
}
