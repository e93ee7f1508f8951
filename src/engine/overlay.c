#include "engine/overlay.h"

#include <stdlib.h>

#include "base/check.h"

enum { HEADS_MIN = 256, CHANGES_MIN = 256, CHANGES_KEPT_MAX = 16 * 1024 };

/* FNV-1a over eight bytes at a time would be faster; keys are short. */
static uint32_t hash_bytes(uint64_t hash, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ (hash >> 32));
}

static uint32_t hash_name(struct kv_partition partition, struct slice key) {
    uint64_t seed;
    memcpy(&seed, partition.id + sizeof partition.id - sizeof seed, sizeof seed);
    return hash_bytes(seed ^ UINT64_C(0xcbf29ce484222325), key.ptr, key.len);
}

static void heads_make(struct overlay *overlay, size_t count) {
    free(overlay->heads);
    overlay->heads = calloc(count, sizeof *overlay->heads);
    CHECK(overlay->heads);
    overlay->head_count = count;
    for (size_t i = 0; i < overlay->count; i++) {
        struct overlay_change *change = &overlay->changes[i];
        uint32_t *head = &overlay->heads[change->hash & (count - 1)];
        change->next = *head;
        *head = (uint32_t)i + 1;
    }
}

void overlay_init(struct overlay *overlay) {
    *overlay = (struct overlay){0};
    heads_make(overlay, HEADS_MIN);
}

void overlay_fini(struct overlay *overlay) {
    free(overlay->changes);
    free(overlay->heads);
    *overlay = (struct overlay){0};
}

void overlay_clear(struct overlay *overlay) {
    if (overlay->cap > CHANGES_KEPT_MAX) {
        overlay_fini(overlay);
        overlay_init(overlay);
        return;
    }
    overlay_rollback(overlay, 0);
}

struct slice overlay_value(const struct overlay_change *change) {
    return change->is_counter ? slice_of(change->counter, sizeof change->counter) : change->value;
}

const struct overlay_change *overlay_find(const struct overlay *overlay,
                                          struct kv_partition partition, struct slice key) {
    uint32_t hash = hash_name(partition, key);
    uint32_t at = overlay->heads[hash & (overlay->head_count - 1)];
    while (at != 0) {
        const struct overlay_change *change = &overlay->changes[at - 1];
        if (change->hash == hash && slice_eq(change->key, key) &&
            kv_partition_eq(change->partition, partition)) {
            return change;
        }
        at = change->next;
    }
    return NULL;
}

static struct overlay_change *append(struct overlay *overlay, struct kv_partition partition,
                                     struct slice key) {
    if (overlay->count == overlay->cap) {
        overlay->cap = overlay->cap ? 2 * overlay->cap : CHANGES_MIN;
        overlay->changes = reallocarray(overlay->changes, overlay->cap, sizeof *overlay->changes);
        CHECK(overlay->changes);
    }
    if (overlay->count >= overlay->head_count) heads_make(overlay, 2 * overlay->head_count);
    struct overlay_change *change = &overlay->changes[overlay->count++];
    uint32_t hash = hash_name(partition, key);
    uint32_t *head = &overlay->heads[hash & (overlay->head_count - 1)];
    *change =
        (struct overlay_change){.partition = partition, .key = key, .hash = hash, .next = *head};
    *head = (uint32_t)overlay->count;
    return change;
}

void overlay_set(struct overlay *overlay, struct kv_partition partition, struct slice key,
                 struct slice value) {
    append(overlay, partition, key)->value = value;
}

void overlay_set_counter(struct overlay *overlay, struct kv_partition partition, struct slice key,
                         int64_t count) {
    struct overlay_change *change = append(overlay, partition, key);
    change->is_counter = count != 0;
    if (count != 0) kv_counter_encode(count, change->counter);
}

void overlay_rollback(struct overlay *overlay, size_t mark) {
    while (overlay->count > mark) {
        const struct overlay_change *change = &overlay->changes[--overlay->count];
        overlay->heads[change->hash & (overlay->head_count - 1)] = change->next;
    }
}
