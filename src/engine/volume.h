/*
 * volume.h - the large files on a drive in which blobs lie, and the space inside them
 *
 *     DIR/volumes/000001 ┌────────┬──────────────────────────────────────┬ ─ ─ ─
 *                        │ header │ units of 4 KiB, in extents of blobs  │ grows
 *                        └────────┴──────────────────────────────────────┴ ─ ─ ─
 *
 * Volumes are written past the page cache only, and read through it. Space is found, and given
 * back, in memory: no operation of the file system is needed, nor is anything durable until a
 * blob's record names the extents (B5, B6). A volume grows by whole steps, as long as the file
 * system keeps its reserve; large free ranges are given back to it when it is short.
 *
 * Threads: any, after volumes_open.
 */
#ifndef ENGINE_VOLUME_H
#define ENGINE_VOLUME_H

#include <pthread.h>

#include "engine/drive.h"
#include "engine/extent.h"

enum { VOLUMES_MAX = 1024 };

/* How the volumes of a drive grow. Units: bytes; 0 is the default. */
struct volume_limits {
    uint64_t volume_bytes;  /* of one file */
    uint64_t grow_bytes;    /* at a time */
    uint64_t reserve_bytes; /* that the file system keeps free */
};

struct volume;

struct volumes {
    struct drive *drive;
    struct volume_limits limits;
    int dir_fd;
    pthread_mutex_t lock;      /* guards the space of all; never held in a call on the drive */
    pthread_mutex_t grow_lock; /* one grows at a time; before `lock` */
    atomic_ullong fs_free;     /* bytes, when last looked at */
    int64_t reserved;          /* units that were promised and are not taken yet; under `lock` */
    uint64_t given;            /* units given back so far, and when no long run was left */
    uint64_t given_at_last_run;
    atomic_uint count;
    struct volume *list[VOLUMES_MAX]; /* volume n is list[n - 1]; below `count` they stay */
};

/*
 * Opens the volumes of a serving drive. A volume whose header is not right fails the drive, which
 * then is DRIVE_DAMAGED in all but name: it is not read from.
 * Errors: CORRUPT; IO; NO_SPACE; each with its line in `note`.
 */
struct status volumes_open(struct volumes *volumes, struct drive *drive,
                           const struct volume_limits *limits, struct note *note);
void volumes_close(struct volumes *volumes);

/* Marks what a record names; false if it is not there, or is somebody else's already. */
bool volumes_take(struct volumes *volumes, struct extent extent);

/*
 * Finds room for up to `units`, as contiguous as can be had; the extent may be shorter.
 * Errors: NO_SPACE; IO.
 */
struct status volumes_find(struct volumes *volumes, uint32_t units, struct extent *ret_extent);

/* Gives a range back. */
void volumes_give(struct volumes *volumes, struct extent extent);

/*
 * Promises units that somebody will take later, by volumes_find_run; the volumes grow until they
 * have them. Nobody else gets them. Errors: NO_SPACE; IO.
 */
struct status volumes_reserve(struct volumes *volumes, uint64_t units);

/* The same as far as it can be done without a call on the drive; false: it can't. */
bool volumes_try_reserve(struct volumes *volumes, uint64_t units);

/* Changes what is promised without asking whether it is there: after a restart, or at its end. */
void volumes_reserved_add(struct volumes *volumes, int64_t units);

/*
 * Finds a run of up to `units`, for many small bodies one behind the other: rather a long run,
 * but before the volumes grow much beyond what is in use, short ones are used up. `promised`: the
 * units are no longer reserved. Errors: NO_SPACE; IO.
 */
struct status volumes_find_run(struct volumes *volumes, uint32_t units, bool promised,
                               struct extent *ret_extent);

/* The same as far as it can be done without a call on the drive; false: it can't. */
bool volumes_try_run(struct volumes *volumes, uint32_t units, bool promised,
                     struct extent *ret_extent);

/*
 * Writes whole units at `unit` of the extent; `bytes` is aligned to EXTENT_UNIT. An error fails the
 * drive, but for NO_SPACE.
 */
struct status volumes_write(struct volumes *volumes, struct extent extent, uint32_t unit,
                            struct slice bytes);

/* Reads `len` bytes at byte `offset` of the extent, through the page cache. */
struct status volumes_read(struct volumes *volumes, struct extent extent, uint64_t offset,
                           void *buffer, size_t len);

/* The same past the page cache: all multiples of EXTENT_UNIT. */
struct status volumes_read_direct(struct volumes *volumes, struct extent extent, uint64_t offset,
                                  void *buffer, size_t len);

/* Whether the range lies in the page cache now; false where reads are not taken. */
bool volumes_are_cached(struct volumes *volumes, struct extent extent, uint64_t offset,
                        uint64_t len);

/*
 * Notes that units of the extent, read through the page cache, were found right: they need no more
 * checking as long as they stay there, and are not written.
 */
void volumes_verified(struct volumes *volumes, struct extent extent, uint32_t unit, uint32_t count);

/*
 * How many of `count` units from `unit` on need no checking, and are cached; 0 where reads are not
 * taken. `*ret_fd` is the file to send them from, `*ret_offset` where `unit` lies in it.
 */
uint32_t volumes_sendable(struct volumes *volumes, struct extent extent, uint32_t unit,
                          uint32_t count, int *ret_fd, uint64_t *ret_offset);

/*
 * Makes what was written to the volume before the call durable; callers that come while another
 * sync is under way share the next one. An error fails the drive.
 */
struct status volumes_sync(struct volumes *volumes, uint32_t volume);

/* Gives free ranges back to a file system that has less than its reserve; the bytes given. */
uint64_t volumes_trim(struct volumes *volumes);

/* How many bytes more blobs may take, in the volumes and by growing, as far as is known without
 * asking the drive. */
uint64_t volumes_room(struct volumes *volumes);

/* How many units a volume has. */
uint32_t volumes_units(struct volumes *volumes, uint32_t volume);

/* How many of its units are in use but not in `named`, a map of the same units. */
uint64_t volumes_leaked(struct volumes *volumes, uint32_t volume, const struct extent_map *named);

/* Units: bytes. */
struct volumes_space {
    uint64_t in_use;   /* by blobs */
    uint64_t reserved; /* for small bodies that are in the log */
    uint64_t usable;   /* still, in the volumes and by growing */
    uint64_t total;    /* of the file system */
};

/* Reads the figures; zeros for a drive that is not there. */
void volumes_space_read(struct volumes *volumes, struct volumes_space *ret_space);

#endif
