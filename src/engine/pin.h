/*
 * pin.h - who is reading which blob, and what waits for them
 *
 *     pin_take ── (record read, blocks read) ── pin_drop
 *
 * The extents of a blob that was unbound, or that was moved, are free only when nobody reads *that
 * blob* any more: one slow download must not stop all freeing. A reader pins the blob before it
 * reads its record. So whoever replaces or removes the record, and then asks here, either finds the
 * pin, or the reader finds the new record.
 *
 * Threads: any.
 */
#ifndef ENGINE_PIN_H
#define ENGINE_PIN_H

#include <pthread.h>

#include "blob/blob.h"
#include "engine/extent.h"

enum { PIN_BUCKETS = 1024 };

/* An extent of a drive that waits to be free. */
struct pin_waiting {
    struct pin_waiting *next;
    uint32_t drive;
    struct extent extent;
};

struct pin_entry;

struct pins {
    pthread_mutex_t lock; /* guards the table */
    struct pin_entry *buckets[PIN_BUCKETS];
    size_t count;
};

/* An empty table. */
void pins_init(struct pins *pins);
void pins_fini(struct pins *pins);

/* Counts one more reader of the blob. */
void pin_take(struct pins *pins, struct kv_partition partition, struct blob_id id);

/* Counts one less; with the last one it gives what waited. Owns: the list is the caller's. */
struct pin_waiting *pin_drop(struct pins *pins, struct kv_partition partition, struct blob_id id);

/* Leaves extents to the last reader of the blob; false if there is none: the caller frees them. */
bool pin_defer(struct pins *pins, struct kv_partition partition, struct blob_id id,
               struct pin_waiting *list);

#endif
