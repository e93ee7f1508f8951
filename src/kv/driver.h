/*
 * driver.h - what a kv driver provides, and how it reads a batch
 *
 * Only drivers and kv.c include this. Every function has the contract of its namesake in kv.h;
 * kv.c has already checked the bounds of keys, values and batches.
 */
#ifndef KV_DRIVER_H
#define KV_DRIVER_H

#include "kv/kv.h"

struct kv_ops {
    struct status (*get)(struct kv *kv, struct kv_partition partition, struct slice key,
                         struct arena *arena, struct slice *ret_value);
    struct status (*cursor_open)(struct kv *kv, struct kv_partition partition, struct slice prefix,
                                 struct kv_cursor **ret_cursor);
    struct status (*commit)(struct kv *kv, struct kv_partition partition,
                            const struct kv_batch *batch, size_t *ret_failed_guard);
    struct status (*drop)(struct kv *kv, struct kv_partition partition, size_t entries_max,
                          bool *ret_done);
    void (*stats_read)(struct kv *kv, struct kv_stats *ret_stats);
    /*
     * Finds the first partition at or after `from`, in the order of their bytes, that has an
     * entry. For other drivers of this process at the start of the store (engine/data.h), which
     * must find what they have in all partitions; not a part of the waist.
     */
    struct status (*partition_find)(struct kv *kv, struct kv_partition from, bool *ret_found,
                                    struct kv_partition *ret_partition);
    void (*close)(struct kv **kv);
};

/* A driver's store embeds this as its first member. */
struct kv {
    const struct kv_ops *ops;
};

struct kv_cursor_ops {
    struct status (*seek)(struct kv_cursor *cursor, struct slice key, bool *ret_found);
    struct status (*seek_back)(struct kv_cursor *cursor, struct slice key, bool *ret_found);
    struct status (*next)(struct kv_cursor *cursor, bool *ret_found);
    struct status (*prev)(struct kv_cursor *cursor, bool *ret_found);
    struct slice (*key)(const struct kv_cursor *cursor);
    struct slice (*value)(const struct kv_cursor *cursor);
    void (*close)(struct kv_cursor **cursor);
};

struct kv_cursor {
    const struct kv_cursor_ops *ops;
};

enum kv_entry_kind {
    KV_ENTRY_PUT,
    KV_ENTRY_DELETE,
    KV_ENTRY_ADD,
    KV_ENTRY_GUARD_ABSENT,
    KV_ENTRY_GUARD_PRESENT,
    KV_ENTRY_GUARD_EQUALS
};

/* One line of a batch, in order of addition. */
struct kv_entry {
    enum kv_entry_kind kind;
    struct slice key;
    struct slice value; /* PUT, GUARD_EQUALS */
    int64_t delta;      /* ADD */
    int64_t min;
    int64_t max;
};

/* The lines of a batch; `index` is below their count. The slices point into the batch. */
size_t kv_batch_entry_count(const struct kv_batch *batch);
struct kv_entry kv_batch_entry(const struct kv_batch *batch, size_t index);

/* Whether entries of this kind are counted by kv_batch_guard_count. */
bool kv_entry_is_guard(enum kv_entry_kind kind);

enum { KV_COUNTER_LEN = 8 };

/* Writes the KV_COUNTER_LEN bytes of a counter's value. */
void kv_counter_encode(int64_t count, char *out);

/* The counter after the addition `entry`; false if it would leave the entry's bounds. */
bool kv_counter_add(int64_t count, const struct kv_entry *entry, int64_t *ret_count);

#endif
