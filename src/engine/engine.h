/*
 * engine.h - the embedded store: kv and blob in one data directory of this machine
 *
 *     open ── engine_kv, engine_blob ── … ── close
 *
 * Records are kept by the metadata store (meta.h): a redo log in front of an index of our own.
 * Blobs lie in the volumes of drives (data.h), in as many pieces as their policy says; those of up
 * to ENGINE_INLINE_MAX bytes are first in the log, with their record, where that has copies enough
 * (data_move.h). Records are kept in the data
 * directory and on those drives that are to have metadata (mirror.h), three copies at most: a
 * policy that promises more is refused at the open unless it is allowed by name, and then
 * engine_redundancy_note says so. Files, keys, records and the commit protocol are described in
 * docs/format.md; why it is made like this, in docs/decisions/0003 to 0005.
 *
 * One process at a time: the data directory is locked as long as the engine is open.
 *
 * Threads: any number, but for open and close.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/findings.h"
#include "base/note.h"
#include "blob/blob.h"
#include "kv/kv.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/random.h"

enum {
    ENGINE_INLINE_MAX = 64 * 1024, /* blobs up to this size lie in their record at first */
    ENGINE_POLICIES_MAX = 64,
    ENGINE_DRIVES_MAX = 64,
    ENGINE_METADATA_COPIES_MAX = 3
};

/* How the data of a bucket is to be kept. Copies, or an erasure code of data and parity pieces. */
struct engine_policy {
    const char *name;
    unsigned copies; /* 0 with an erasure code */
    unsigned data_pieces;
    unsigned parity_pieces;
    unsigned min_pieces; /* copies or pieces that acknowledge a write; 0: the default */
    bool on_hdd;         /* its drives are hard disks, not SSDs */
    bool same_device;    /* directories on one device count as drives of their own */
    bool allow_reduced_redundancy;
};

/* A directory for large data. */
struct engine_drive {
    const char *name; /* for people */
    const char *path; /* made if it is absent; its parent is not */
    bool is_hdd;
    bool has_metadata; /* a copy of the records lies on it, too */
};

/* Owns: nothing; what it points to need not outlive the open. A size of 0 is the default; of rates
 * and intervals it is not. */
struct engine_config {
    const char *data_dir; /* made if it is absent; its parent is not */
    const struct engine_policy *policies;
    size_t policy_count;
    const struct engine_drive *drives; /* none: large data lies in the data directory */
    size_t drive_count;
    size_t cache_bytes;         /* of records read */
    size_t write_buffer_bytes;  /* of records not yet in the index, at which a checkpoint begins */
    uint64_t repair_rate_bytes; /* a second, that repair reads; 0: as fast as can be */
    uint64_t scrub_rate_bytes;
    unsigned scrub_interval_s; /* between scrubs; 0: never by itself */
    bool verify_always;        /* large data is checked at every read, not only at the first one */
    bool no_mending;           /* no thread that repairs and scrubs: for looking at a store */
    struct fs *fs;             /* NULL: the system's */
    const char *accept_metadata_from; /* the drive whose copy counts, or "data"; NULL: none */
};

struct data_store;
struct mirror;
struct engine;

/*
 * Opens the store in config->data_dir, and makes it where there is none. `clock` and `random` must
 * outlive the engine.
 * Errors, each with one line for people in `note`: BUSY (in use by another process); INVALID (not a
 * data directory of ours, or a policy whose redundancy is not there and not allowed to be less);
 * UNSUPPORTED (written by a newer version); CORRUPT; NO_SPACE; DENIED; IO.
 * Blocks: reads the log, at most a few seconds.
 */
struct status engine_open(const struct engine_config *config, struct clock *clock,
                          struct random *random, struct note *note, struct engine **ret_engine);

/* The two halves of the store. Owns: the engine; they end with it, kv_close and blob_store_close
 * are not for them. */
struct kv *engine_kv(struct engine *engine);
struct blob_store *engine_blob(struct engine *engine);

/*
 * Whether policy `index` of the configuration promises more copies than are kept; if so, one line
 * that says it, for the start-up log and the metrics.
 */
bool engine_redundancy_note(const struct engine *engine, size_t index, struct note *note);

/* The data half, for its drives and figures. Owns: the engine. */
struct data_store *engine_data(struct engine *engine);

/* The copies of the metadata (mirror.h), for what is known of them. Owns: the engine. */
struct mirror *engine_mirror(struct engine *engine);

/* The figures of the metadata half (meta.h). */
struct meta_stats;
void engine_meta_stats_read(struct engine *engine, struct meta_stats *ret_stats);

/* Finds the first partition at or after `*partition` that has an entry. Errors: kv's. */
struct status engine_partition_find(struct engine *engine, struct kv_partition *partition,
                                    bool *ret_found);

/* Reads the whole index, and looks which copies of the metadata serve. Errors: none but IO. */
struct status engine_check_metadata(struct engine *engine, struct findings *findings);

/* OK while commits are taken; else the reason: IO (a write failed; restart), NO_SPACE. */
struct status engine_health(struct engine *engine, struct note *note);

/* Syncs, ends both stores, unlocks the directory; NULL is allowed. No call is in progress. */
void engine_close(struct engine **engine);

#endif
