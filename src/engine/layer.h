/*
 * layer.h - what is durable in the log and not yet in the index: ordered names in memory
 *
 * A layer is filled group by group by one thread, while any number of others read it without a
 * lock. Each change is marked with its group's sequence number, and a reader says up to which group
 * it looks; so a group is seen whole or not at all (K1), and not before it is published. Nothing is
 * ever taken out: a layer is frozen, applied to the index, and freed as a whole.
 *
 * Inside: a skip list of names, each with its values, newest first; and a hash table of the same
 * names, as most look-ups are for one name, and most of these find nothing.
 *
 * Threads: set one at a time; the others any. free when nobody reads any more.
 */
#ifndef ENGINE_LAYER_H
#define ENGINE_LAYER_H

#include <stdint.h>

#include "base/slice.h"

struct layer;
struct layer_node;

/* A new, empty layer; takes little memory until something is put in. */
struct layer *layer_new(void);
void layer_free(struct layer **layer);

/* Notes a change of group `sequence`; an empty value is a deletion. Everything is copied. */
void layer_set(struct layer *layer, uint64_t sequence, struct slice name, struct slice value);

/* The value that `name` has up to group `sequence`; false if the layer knows of none. */
bool layer_get(const struct layer *layer, uint64_t sequence, struct slice name,
               struct slice *ret_value);

/* The first name at or after, or after, `name`; the last one at or before, or before it. NULL:
 * none. */
struct layer_node *layer_seek(const struct layer *layer, struct slice name, bool beyond);
struct layer_node *layer_seek_back(const struct layer *layer, struct slice name, bool beyond);

/* The next name, NULL behind the last. */
struct layer_node *layer_next(const struct layer_node *node);

/* The first name of all. */
struct layer_node *layer_first(const struct layer *layer);

/* A node's name; its value up to group `sequence`, false if it has none so early. */
struct slice layer_node_name(const struct layer_node *node);
bool layer_node_value(const struct layer_node *node, uint64_t sequence, struct slice *ret_value);

/* Shows every value that the node has had, the newest first. */
void layer_node_values(const struct layer_node *node,
                       void (*show)(void *context, struct slice value), void *context);

/* Names, and bytes of memory taken. */
size_t layer_count(const struct layer *layer);
size_t layer_bytes(const struct layer *layer);

#endif
