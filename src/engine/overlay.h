/*
 * overlay.h - what a group of batches would change, while it is being judged
 *
 * The leader of a group judges batch after batch against what is durable *and* what the batches
 * before it in the group will change. The overlay holds these changes by name (partition and key),
 * newest first. A batch that fails is taken back to its mark.
 *
 *     init ── [mark ── set* ── (rollback)]* ── overlay_change* ── clear ── … ── fini
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_OVERLAY_H
#define ENGINE_OVERLAY_H

#include "kv/driver.h"

/* One change; `next` is the older one in the same bucket of the hash table, plus 1. */
struct overlay_change {
    struct kv_partition partition;
    struct slice key;
    struct slice value; /* empty: deleted */
    uint32_t hash;
    uint32_t next;
    bool is_counter; /* the value is `counter`, as `changes` may move */
    char counter[KV_COUNTER_LEN];
};

struct overlay {
    struct overlay_change *changes;
    size_t count;
    size_t cap;
    uint32_t *heads; /* index of the newest change in each bucket, plus 1 */
    size_t head_count;
};

/* An empty overlay. */
void overlay_init(struct overlay *overlay);
void overlay_fini(struct overlay *overlay);

/* Forgets everything; keeps the memory unless it was a lot. */
void overlay_clear(struct overlay *overlay);

/* The newest change of a key, NULL if there is none. Owns: the overlay, until the next set. */
const struct overlay_change *overlay_find(const struct overlay *overlay,
                                          struct kv_partition partition, struct slice key);

/* The value of a change; empty if it is a deletion. */
struct slice overlay_value(const struct overlay_change *change);

/*
 * Notes a change; an empty value is a deletion. Owns: the key and the value stay the caller's and
 * must outlive the overlay's use; a counter is copied.
 */
void overlay_set(struct overlay *overlay, struct kv_partition partition, struct slice key,
                 struct slice value);
void overlay_set_counter(struct overlay *overlay, struct kv_partition partition, struct slice key,
                         int64_t count);

/* How far it has got, and back to there. */
static inline size_t overlay_mark(const struct overlay *overlay) {
    return overlay->count;
}
void overlay_rollback(struct overlay *overlay, size_t mark);

#endif
