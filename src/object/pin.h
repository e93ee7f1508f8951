/*
 * pin.h - manifests that readers of this process have open
 *
 * A reader of a manifest opens its blobs one after the other, so nothing but the manifest holds
 * them while it reads. It pins the manifest, then sees that it still has a reference; the
 * housekeeping sees that it has none, then that it is not pinned. Whichever looks second sees the
 * other.
 *
 * Threads: any.
 */
#ifndef OBJECT_PIN_H
#define OBJECT_PIN_H

#include "object/key.h"

struct pin_table;

/* An empty table. */
struct pin_table *pin_table_new(void);

/* Frees it; nothing is pinned any more. NULL is allowed. */
void pin_table_free(struct pin_table **table);

/* Pins a manifest once more. */
void pin_add(struct pin_table *table, struct kv_partition partition, struct key_id id);

/* Takes one pin away. */
void pin_remove(struct pin_table *table, struct kv_partition partition, struct key_id id);

/* Whether it is pinned. */
bool pin_is(struct pin_table *table, struct kv_partition partition, struct key_id id);

#endif
