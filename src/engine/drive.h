/*
 * drive.h - a data directory on a drive: whose it is, which it is, and what is wrong with it
 *
 *     DIR/drive       identity: store, drive, medium
 *     DIR/drive.lock  locked while a process has it
 *     DIR/volumes/    volume.h
 *
 * A drive is recognised by what is written on it, never by its path: directories may be mounted
 * elsewhere. One that is not what was expected is not used, and one line says why.
 *
 *     open ── DRIVE_SERVING ── (an error) ── DRIVE_FAILED ── close
 *        │                  └── (no answer) ─ DRIVE_HUNG
 *        └─── DRIVE_MISSING | FOREIGN | SWAPPED | READ_ONLY | DAMAGED
 *
 * A failed write or sync is final for the drive until the process ends: a retry might report
 * success over lost pages. Reads go on.
 *
 * Threads: drive_open and drive_close one at a time; the rest any.
 */
#ifndef ENGINE_DRIVE_H
#define ENGINE_DRIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/note.h"
#include "os/fs.h"
#include "os/random.h"

enum { DRIVE_FORMAT = 1, DRIVE_ID_LEN = 16, DRIVE_PATH_MAX = 1024, DRIVE_NUMBER_MAX = 255 };

enum drive_media { DRIVE_SSD, DRIVE_HDD };

enum drive_state {
    DRIVE_SERVING,
    DRIVE_MISSING,   /* there is no directory, or an empty one where a drive was */
    DRIVE_FOREIGN,   /* it belongs to another store, or to somebody else altogether */
    DRIVE_SWAPPED,   /* it belongs to this store, but is not the one that was expected */
    DRIVE_READ_ONLY, /* its file system takes no writes; it is read from */
    DRIVE_DAMAGED,   /* its identity can't be read */
    DRIVE_FAILED,    /* a write or a sync failed since the start */
    DRIVE_HUNG,      /* it did not answer in time; it is not asked any more */
};

struct drive_id {
    uint8_t bytes[DRIVE_ID_LEN];
};

struct drive {
    struct fs *fs;
    char path[DRIVE_PATH_MAX];
    int dir_fd;
    int lock_fd;
    struct drive_id store;
    struct drive_id id;
    enum drive_media media;
    uint64_t device;         /* what it has in common with other directories of the same device */
    atomic_int state;        /* enum drive_state */
    atomic_uint read_errors; /* one after the other */
    atomic_ullong errors;    /* of all kinds */
    pthread_mutex_t lock;    /* guards the line */
    struct note line;        /* why it is not serving */
    bool is_new;             /* it was given its identity just now */
};

/* What a drive is to be. */
struct drive_config {
    const char *path;
    enum drive_media media;
    struct drive_id store;
    const struct drive_id *expected; /* NULL: any of the store, or a new one */
    bool is_data_dir;                /* of the store: what else lies there is known to be ours */
};

/*
 * Opens the directory, makes it and gives it an identity if it is new and nothing was expected.
 * What is wrong with it is in its state, and in its line; the call itself can't fail.
 */
void drive_open(struct drive *drive, struct fs *fs, struct random *random,
                const struct drive_config *config);

/* Fills in a drive that is known, but was not found. */
void drive_absent(struct drive *drive, struct fs *fs, const char *path, enum drive_media media);

/* Takes an open drive into another struct; `from` is closed then. Nobody else uses either. */
void drive_move(struct drive *to, struct drive *from);

/* Puts a drive out of use before it served: `reason` becomes its line. */
void drive_refuse(struct drive *drive, enum drive_state state, const char *reason);

/* Closes it; a drive that is not serving too. */
void drive_close(struct drive *drive);

/* Its state now. */
enum drive_state drive_state(const struct drive *drive);

/* Writes the line of a drive that is not serving to `note`. */
void drive_line(struct drive *drive, struct note *note);

/* Whether it may be written to; whether it may be read from. */
bool drive_takes_writes(const struct drive *drive);
bool drive_takes_reads(const struct drive *drive);

/* Notes how a read ended: after some errors in a row the drive is out of service. */
void drive_read_ended(struct drive *drive, struct status s);

/* Notes that something that was read from it is wrong. */
void drive_charge(struct drive *drive);

/* Takes a drive out of service that did not answer in time. */
void drive_hang(struct drive *drive);

/* Takes a serving drive out of service: `what` failed on it. */
void drive_fail(struct drive *drive, const char *what, struct status why);

/* The word for a state: "serving", "missing", … */
const char *drive_state_text(enum drive_state state);

/* "ssd" or "hdd", and back; false on any other word. */
const char *drive_media_text(enum drive_media media);
bool drive_media_parse(struct slice word, enum drive_media *ret_media);

#endif
