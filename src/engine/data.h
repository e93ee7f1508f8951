/*
 * data.h - the data half of the engine: blobs in volumes, in pieces on drives
 *
 *     open ── data_blob ── … ── close
 *
 * A driver of blob.h. Blobs lie in the volumes of drives (volume.h), as copies or as pieces of an
 * erasure code (layout.h). Those up to DATA_INLINE_MAX bytes are in their record first, and moved
 * by the checkpoint (data_move.h); larger ones are written as they come, past the page cache. What
 * is allocated is only in memory until the record that names it is committed: a crash before leaves
 * the space free, and nothing to look for.
 *
 * Keys beside those of blob/driver.h, and in the system partition:
 *
 *     'b' 'p' ID       this record may name extents although its id does not say so (below)
 *     'b' 's' ID       the blob is short of pieces: to be repaired
 *     'b' 'd' NUMBER   a drive of the store (system partition)
 *     'b' 'c'          how far the scrubber is (system partition)
 *     'b' 'e'          what came of the last scrub (system partition)
 *     'b' 'm' 'n' 'u'  units and figures of moved bodies (system partition; moved_map.h)
 *
 * The space in use is found at the start from the records. So that only those that can name extents
 * are read, the first bit of the id of a blob is set unless its size was known, and small, from the
 * beginning; one that then was larger all the same has the mark 'p'. Of moved bodies the index has
 * a map.
 *
 * One thread mends: it makes lost pieces again from the others, and reads everything on a schedule.
 *
 * Threads: any number, but for open and close.
 */
#ifndef ENGINE_DATA_H
#define ENGINE_DATA_H

#include "base/findings.h"
#include "base/note.h"
#include "blob/blob.h"
#include "engine/drive.h"
#include "engine/volume.h"
#include "os/clock.h"
#include "os/random.h"

struct meta;

/* How the blobs of a policy are kept. */
struct data_policy {
    const char *name;
    unsigned data_pieces;   /* 1: copies */
    unsigned parity_pieces; /* losses survived: copies less 1 */
    unsigned min_pieces;    /* that must be durable to acknowledge; 0: the default */
    enum drive_media media;
    bool same_device;   /* directories on one device count as drives of their own */
    bool allow_reduced; /* with too few drives, keep what they can */
};

struct data_drive_config {
    const char *path;
    enum drive_media media; /* of a new drive; one that is known keeps its own */
    bool is_data_dir;       /* of the store, where other things of ours lie */
};

/* Owns: nothing; `kv`, `fs`, `clock` and `random` must outlive the store. */
struct data_config {
    struct kv *kv;
    struct meta *meta; /* whose that is, with has_mover; NULL: small bodies stay in records */
    struct fs *fs;
    struct clock *clock;
    struct random *random;
    struct drive_id store_id;
    const struct data_drive_config *drives;
    size_t drive_count;
    const struct data_policy *policies;
    size_t policy_count;
    struct volume_limits limits;
    unsigned log_copies; /* that small bodies are taken to have there; 0: what the log says */
    uint64_t repair_rate_bytes; /* a second, read by the repair; 0: as fast as can be */
    uint64_t scrub_rate_bytes;  /* the same of the scrub */
    unsigned io_deadline_ms;    /* for a drive to answer, where there are others; 0: the default */
    bool inline_io;             /* all calls on drives by the caller, one by one, for simulation */
    unsigned mend_interval_s;   /* between looks at what is short; 0: no thread, for tests */
    bool verify_always;         /* no bytes are sent but by a read that checks them */
    unsigned scrub_interval_s;  /* between beginnings of scrubs; 0: never by itself */
};

struct data_store;

/*
 * Opens the drives and finds the space in use.
 * Errors, each with one line in `note`: INVALID (a policy that the drives can't keep, and that may
 * not be reduced; two of one name); CORRUPT; IO.
 * Blocks: reads every record that can name extents.
 */
struct status data_open(const struct data_config *config, struct note *note,
                        struct data_store **ret_store);

/* The driver. Owns: the store; it ends with it, blob_store_close is not for it. */
struct blob_store *data_blob(struct data_store *store);

/* Ends the store; no writer and no reader is left. NULL is allowed. */
void data_close(struct data_store **store);

/* What is known of one drive. */
struct data_drive {
    uint32_t number;
    struct drive_id id;
    enum drive_state state;
    enum drive_media media;
    bool draining;
    bool refilling;     /* it takes over what another has, or had */
    uint32_t successor; /* the drive that takes over what this one has; 0: any */
    char path[DRIVE_PATH_MAX];
    struct note line; /* what is wrong, if anything */
    struct volumes_space space;
    uint64_t pieces;       /* of blobs, that lie there or are to */
    uint64_t pieces_short; /* of these, that are to be made elsewhere */
    uint64_t errors;       /* of its calls, and blocks that were wrong, since the start */
};

/* The drives of the store, missing ones too: the first at or after `number`; false past the last.
 */
bool data_drive_next(struct data_store *store, uint32_t number, struct data_drive *ret_drive);

/* What a drive is doing, in a word or two: "in service", "full", "draining", "missing", … */
const char *data_drive_word(const struct data_drive *drive);

/* Finds a drive by its number, its path or its id; false if there is none. */
bool data_drive_find(struct data_store *store, struct slice word, uint32_t *ret_number);

/* Marks a drive to be emptied by the mending thread, or not; durable. Errors: NOT_FOUND; kv's. */
struct status data_drive_drain(struct data_store *store, uint32_t number, bool drain);

/*
 * Brings a directory into service, a new drive or one of this store that was not there at the
 * start. The store remembers it: it need not be in the configuration.
 * Errors, noted: INVALID; EXISTS (it serves already); REFUSED (the drive says why); TOO_LARGE
 * (too many drives); kv's.
 * Blocks: on the drive; reads all records where the drive was known.
 */
struct status data_drive_add(struct data_store *store, const char *path, enum drive_media media,
                             struct note *note, uint32_t *ret_number);

/*
 * The same, and the new drive takes over what drive `number` has, or had: it is made again there,
 * in the background, and the old one is removed when nothing names it any more.
 * Errors: as data_drive_add; NOT_FOUND.
 */
struct status data_drive_replace(struct data_store *store, uint32_t number, const char *path,
                                 struct note *note, uint32_t *ret_number);

/*
 * Forgets a drive for good. What has other pieces is made again from them.
 * Errors, noted: NOT_FOUND; CONFLICT (something can be read only with it, unless `lose_data`);
 * BUSY (something is still being written to it, unless `lose_data`); INVALID (a policy could not
 * be kept); kv's.
 * Blocks: reads all records; waits for what is being written, as long as for a drive.
 */
struct status data_drive_remove(struct data_store *store, uint32_t number, bool lose_data,
                                struct note *note);

/* What the records say of one drive. */
struct data_census {
    uint64_t pieces;
    uint64_t only_here; /* blobs that can't be read without it, nor without those removed before */
    uint64_t only_here_bytes;
};

/* Counts what lies on a drive. Errors: kv's. Blocks: reads all records. */
struct status data_drive_census(struct data_store *store, uint32_t number,
                                struct data_census *ret_census);

/* How much a policy has, and may still have. Units: bytes. */
struct data_policy_space {
    char name[BLOB_POLICY_NAME_MAX + 1];
    uint64_t small; /* of extents that moved small bodies take, in all pieces */
    uint64_t free;  /* that objects may still take, less their redundancy; drives are shared */
};

/* Reads the figures of policy `index`; false past the last. */
bool data_policy_space_read(struct data_store *store, size_t index,
                            struct data_policy_space *ret_space);

/* Whether policy `index` is kept with fewer pieces than it asks for; then a line that says so. */
bool data_policy_note(struct data_store *store, size_t index, struct note *note);

/* How far a pass over the blobs is. */
struct data_progress {
    bool running;
    uint64_t blobs_done;
    uint64_t bytes_done; /* read */
    uint64_t repaired;   /* pieces made again, or blocks written again */
    uint64_t failed;     /* blobs that can't be repaired now */
    int64_t started_ns;  /* wall clock; 0: never */
    int64_t ended_ns;    /* of the last one that ended */
};

/* Figures beside those of blob.h. */
struct data_stats {
    uint64_t blobs_short;     /* written short of pieces, or found so, since the start */
    uint64_t blocks_repaired; /* from other pieces, while a reader waited */
    uint64_t overlaps;        /* extents that two records name: damage */
    uint64_t pieces;          /* of all blobs */
    uint64_t pieces_short;    /* of these, on drives that don't serve or are to be emptied */
    uint64_t blobs_lacking;   /* that could not be made whole, when all were looked at last */
    struct data_progress repair;
    struct data_progress scrub;
    bool scrub_paused; /* it was begun, and stopped by the operator */
};

/* Reads the figures. */
void data_stats_read(struct data_store *store, struct data_stats *ret_stats);

/*
 * Makes lost pieces again: of the blobs that are marked, or of all (`everything`, after a drive
 * was lost or is to be drained); first of those that can lose the fewest pieces more. Resumable:
 * what is not done is found again. Errors: kv's.
 */
struct status data_repair(struct data_store *store, bool everything);

/*
 * Reads every block of every piece and repairs what is wrong; goes on where the last one was, after
 * a restart too. BUSY: it was interrupted, by data_scrub_stop or because there is something to
 * repair first.
 */
struct status data_scrub(struct data_store *store);

/* Lets the mending thread begin a scrub now, or go on with the one that was stopped; stops the one
 * that runs, after the present blob, until it is started again, over a restart too. */
void data_scrub_start(struct data_store *store);
void data_scrub_stop(struct data_store *store);

/*
 * Looks at everything, and puts right what can be: records, space that two records name or none,
 * marks, missing pieces, and, with `blocks`, the checksums of all blocks. Offline: no thread mends,
 * nobody else uses the store.
 * Errors: kv's.
 */
struct status data_check(struct data_store *store, bool blocks, struct findings *findings);

/* OK; BUSY: no policy can be written; IO: some policy can't, or a drive does not serve. */
struct status data_health(struct data_store *store, struct note *note);

#endif
