/*
 * meta.h - the metadata half of the engine: kv over a redo log, layers in memory, and the index
 *
 *                     ┌────────── view ──────────┐
 *     commit ── log ──┤ active layer             │
 *                     │ frozen layer ─ checkpoint ── index
 *                     │ root of the index        │
 *                     └──────────────────────────┘
 *
 * A commit is durable when its group is in the log, and visible when the group is published: noted
 * in the active layer, under its sequence number. When the active layer, or the log, has grown
 * enough, the layer is frozen, applied to the index in the background, and the log's segments
 * before it are recycled. A reader takes a view: the layers and the root that belong together.
 *
 * Memory is bounded by two layers, the cache and what is in flight: writers are slowed, then
 * refused with BUSY, before a layer or the ring leave their bounds. docs/format.md has the commit
 * protocol with its invariants C1 to C7.
 *
 * Threads: any number, but for open and close; a background thread does the checkpoints, and the
 * log has one that makes it longer.
 */
#ifndef ENGINE_META_H
#define ENGINE_META_H

#include "base/note.h"
#include "engine/mover.h"
#include "engine/space.h"
#include "kv/kv.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/random.h"

enum { META_STORE_ID_LEN = 16 };

/* Sizes of 0 are the defaults. */
struct meta_config {
    struct fs *fs;
    struct clock *clock;
    int dir_fd;            /* of the directory for `log` and `index`; the caller's */
    struct mirror *mirror; /* whose fs and directory they are; NULL: there is one copy */
    uint8_t store_id[META_STORE_ID_LEN];
    struct space *space;  /* asked before anything is written; NULL: nobody */
    size_t cache_bytes;   /* of the index */
    size_t layer_bytes;   /* at which a layer is frozen */
    size_t segment_bytes; /* of the log */
    unsigned segments_min;
    unsigned segments_max;
    int64_t patience_ns; /* how long a writer waits before it is refused */
    bool has_mover;      /* no checkpoint is done before one is attached */
    bool inline_work;    /* no threads: checkpoints are done by whoever needs them (simulation) */
};

struct meta;

/* Makes the two files, durable with their names, over whatever a crash left of them. */
struct status meta_create(const struct meta_config *config, struct random *random,
                          struct note *note);

/*
 * Opens the store and reads the log. Errors, with a line in `note`: CORRUPT; INVALID (of another
 * store); UNSUPPORTED; NOT_FOUND (there are no such files); IO.
 */
struct status meta_open(const struct meta_config *config, struct note *note,
                        struct meta **ret_meta);

/* The interface. Owns: the meta; kv_close is not for it. */
struct kv *meta_kv(struct meta *meta);

/*
 * Attaches what moves small bodies (mover.h), and shows it those that the log has; from here on
 * checkpoints are done. Detaching ends all checkpoints. Owns: the mover stays the caller's.
 * Threads: attach before, detach after all others but readers and committers.
 */
void meta_mover_attach(struct meta *meta, struct mover *mover);
void meta_mover_detach(struct meta *meta);

/* On how many drives what is committed now is when the commit returns; directories on one device
 * count once unless `same_device`. */
unsigned meta_copies(const struct meta *meta, bool same_device);

/* Asks for a checkpoint soon. */
void meta_checkpoint_want(struct meta *meta);

/* OK while commits are taken; else the first failure in `note`. */
struct status meta_health(struct meta *meta, struct note *note);

/* Applies all that is published to the index, and waits for it. Errors: NO_SPACE; CORRUPT; IO. */
struct status meta_checkpoint(struct meta *meta);

/* Reads everything that is stored. Errors: CORRUPT, with what is wrong in `note`; IO. */
struct status meta_check(struct meta *meta, struct note *note);

/* More figures than kv_stats_read has. */
struct meta_stats {
    uint64_t checkpoints;
    uint64_t checkpoint_ns; /* of the last one */
    uint64_t slowed;        /* groups that had to wait */
    uint64_t refused;       /* commits that were refused with BUSY */
    uint64_t layers_bytes;
    uint64_t log_used_bytes;
    uint64_t log_file_bytes;
    uint64_t index_file_bytes;
    uint64_t index_live_bytes;
    uint64_t cache_bytes;
};
void meta_stats_read(struct meta *meta, struct meta_stats *ret_stats);

/* Ends; what is in the log is read again at the next open. NULL is allowed. */
void meta_close(struct meta **meta);

#endif
