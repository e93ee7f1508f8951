/*
 * mirror.h - a directory of files on up to three drives, each with the same contents
 *
 *     open ── files are made, or read and levelled ── sign ── start ── … ── close
 *
 *                       ┌─ DATA/meta/   log, index, members
 *     mirror_fs ── log ─┼─ DRIVE/meta/  log, index, members
 *                index  └─ DRIVE/meta/  log, index, members
 *
 * The files are used through a struct fs. A write or a sync is given to all copies at once, and
 * waits for all; one that fails, or does not answer in time, is dropped: before the call returns,
 * the others have durably noted the next epoch, without it (M2). So what was acknowledged lies on
 * every copy of the newest epoch, and a copy of an older one is never read (M3): it is filled
 * again, in the background, from the others, and then taken in by another epoch.
 *
 *     SERVING ── (an error, no answer) ── FAILED | HUNG
 *        ▲                                   │ taken away, and put back
 *        └── FILLING ── WAITING ◀── ABSENT ◀─┘
 *
 * A read asks one copy, and another where that fails. What is checked only above is asked for
 * again by mirror_recover, which puts the good bytes in the place of the bad ones.
 *
 * With one place there is no mirror: mirror_fs is the fs of the configuration itself. Why it is
 * made like this: docs/decisions/0006.
 *
 * Threads: any number, but for open, sign, start and close. docs/threads.md has the locks.
 */
#ifndef ENGINE_MIRROR_H
#define ENGINE_MIRROR_H

#include "base/note.h"
#include "engine/mirror_record.h"
#include "os/clock.h"
#include "os/fs.h"
#include "os/random.h"

enum { MIRROR_NAME_MAX = 63, MIRROR_PATH_MAX = 1024 };

enum mirror_state {
    MIRROR_SERVING,
    MIRROR_ABSENT,  /* its directory is not there, or not what it was */
    MIRROR_FOREIGN, /* it belongs to somebody else */
    MIRROR_WAITING, /* it will be filled */
    MIRROR_FILLING,
    MIRROR_FAILED, /* a call failed since the start; final until it was taken away */
    MIRROR_HUNG,   /* it did not answer; final until the restart */
};

/* Where a copy lies: PATH/meta. */
struct mirror_place {
    const char *name; /* for people: of the drive, in the configuration */
    const char *path;
};

/* Owns: nothing; `fs`, `clock` and `random` must outlive the mirror. */
struct mirror_config {
    struct fs *fs;
    struct clock *clock;
    struct random *random;
    struct mirror_id store_id;
    const struct mirror_place *places; /* the first one is in the data directory */
    size_t place_count;
    bool is_new;              /* the store is being made: all places begin empty */
    const char *accept_from;  /* the name of a place whose copy counts whatever others say; NULL */
    unsigned io_deadline_ms;  /* 0: the default */
    uint64_t fill_rate_bytes; /* a second; 0: as fast as can be */
    bool inline_io;           /* no threads: calls one by one, and mirror_fill by hand */
};

struct mirror;

/*
 * Looks at the places and decides which copies count; of a new store, makes the directories.
 * Errors, each with one line in `note`: INVALID (too few of the last set are there, or they
 * contradict each other, and none is accepted; there is no such place); CORRUPT; DENIED; IO.
 */
struct status mirror_open(const struct mirror_config *config, struct note *note,
                          struct mirror **ret_mirror);

/* The directory `meta` of all copies. Owns: the mirror. */
struct fs *mirror_fs(struct mirror *mirror);
int mirror_dir_fd(const struct mirror *mirror);

/* The mirror, or NULL where there is one place only: for what is read with a check. */
struct mirror *mirror_or_null(struct mirror *mirror);

/* After the files of a new store were made: writes the first records. Else nothing. */
struct status mirror_sign(struct mirror *mirror, struct note *note);

/* Starts the thread that fills copies. */
struct status mirror_start(struct mirror *mirror, struct note *note);

/* Ends the thread; to be done before the files are closed. */
void mirror_stop(struct mirror *mirror);

/* Ends; NULL is allowed. All files were closed. */
void mirror_close(struct mirror **mirror);

/*
 * Writes like fs_write, and makes the file durable like fs_sync_data, in one call on each copy:
 * half the waits for threads. `fd` is a file of mirror_fs. Errors: as these two.
 */
struct status mirror_write_durable(struct mirror *mirror, int fd, uint64_t offset,
                                   struct slice bytes);

/* Looks whether bytes are what they should be. */
struct mirror_check {
    bool (*is_good)(struct mirror_check *check, const char *bytes);
};

/*
 * Reads `len` bytes at `offset` from each copy until they check, and writes those of them from
 * `skip` on, `used` in number, over what other copies have instead. All but `skip` and `used` are
 * multiples of FS_DIRECT_ALIGN. Errors: CORRUPT (no copy has them); IO.
 */
struct status mirror_recover(struct mirror *mirror, int fd, uint64_t offset, char *buffer,
                             size_t len, size_t skip, size_t used, struct mirror_check *check);

/*
 * Reads the same range of every copy, side by side: `ret_valid[i]` says whether copy i is in
 * service and has it; what is past the end of its file is zeros. `buffers` are aligned.
 */
void mirror_read_all(struct mirror *mirror, int fd, uint64_t offset,
                     char *const buffers[MIRROR_COPIES_MAX], size_t len,
                     bool ret_valid[MIRROR_COPIES_MAX]);

/*
 * Writes the range to those copies that were read by mirror_read_all and differ: before the first
 * read, when nobody else writes. Says whether any did. Not durable before the next sync, which says
 * whether it worked.
 */
bool mirror_level(struct mirror *mirror, int fd, uint64_t offset,
                  char *const buffers[MIRROR_COPIES_MAX], const bool valid[MIRROR_COPIES_MAX],
                  const char *bytes, size_t len);

/* The epoch of the set in service; 0: there is one place only. */
uint64_t mirror_epoch(struct mirror *mirror);

/* What is known of a copy. */
struct mirror_copy {
    char name[MIRROR_NAME_MAX + 1];
    char path[MIRROR_PATH_MAX];
    enum mirror_state state;
    struct note line;      /* what is wrong, or being done; empty while it serves */
    uint64_t filled_bytes; /* while it is filled */
    uint64_t fill_bytes;
    uint64_t mended; /* places that were read wrong and put right, since the start */
};

/* How many places there are; what is known of one. */
size_t mirror_count(const struct mirror *mirror);
void mirror_copy_read(struct mirror *mirror, size_t index, struct mirror_copy *ret_copy);

/* How many copies are in service, those of one device counted once unless `same_device`. */
unsigned mirror_serving(struct mirror *mirror, bool same_device);

/* The same of all places, whatever their state: what there would be if all were well. */
unsigned mirror_planned(struct mirror *mirror, bool same_device);

/* "serving", "absent", … */
const char *mirror_state_text(enum mirror_state state);

/*
 * For tests without threads: looks for copies to fill, and copies the next piece; false when there
 * is nothing to do (now). The thread does the same.
 */
bool mirror_fill(struct mirror *mirror);
void mirror_look(struct mirror *mirror);

#endif
