/*
 * mover.h - what takes small bodies out of a frozen layer, before a checkpoint puts it in the index
 *
 *     attach (admitted*) ── [ begin ── spent* ── move ── (the index is changed) ── end ]* ── detach
 *
 * A small body comes into the store inside its record, in the log. The metadata store knows nothing
 * of bodies; so before it applies a frozen layer to the index, it shows the changes to the mover,
 * which writes the bodies elsewhere, durable, and puts shorter values in their place. While
 * the index is changed, the mover sees each entry that goes, and adds changes of its own to the
 * same root (index.h, index_watcher). So what it keeps in the index is exact at every root, and
 * what a moved body has is given back by the very root that the body has gone from.
 *
 * Threads: one at a time, but for riding, which any thread may call.
 */
#ifndef ENGINE_MOVER_H
#define ENGINE_MOVER_H

#include "engine/index.h"

struct mover;

struct mover_ops {
    /* How many bytes of a value will not get into the index; 0: it is no body. Pure. */
    size_t (*riding)(struct slice key, struct slice value);
    /* The log has this value, from before the start. */
    void (*admitted)(struct mover *mover, struct slice key, struct slice value);
    void (*begin)(struct mover *mover);
    /* The frozen layer has, or had, this value: what was promised to it ends with this
     * checkpoint. */
    void (*spent)(struct mover *mover, struct slice key, struct slice value);
    /* Takes bodies out of the changes; their new values are the mover's, until the end. What can't
     * be moved stays. */
    void (*move)(struct mover *mover, struct index_change *changes, size_t count);
    /* Entries and bytes that it may add to an apply, beside the changes. */
    void (*room)(struct mover *mover, uint64_t *ret_changes, uint64_t *ret_bytes);
    /* OK: the new root is durable, and readers get it. NO_SPACE, CORRUPT: nothing was changed.
     * Else nobody knows which root counts until the next start. */
    void (*end)(struct mover *mover, struct status s);
};

/* A mover embeds this. */
struct mover {
    struct index_watcher watcher;
    const struct mover_ops *ops;
};

#endif
