/*
 * sim_fs.h - a file system in memory that keeps no more than POSIX and the drive promise
 *
 *     new ── drive* ── [ run ── (power cut) ── restart ]* ── free
 *
 * What was not synced may be lost: each block of 4096 bytes has, after a restart, the bytes that it
 * had at its last sync or after any write since, and may be torn between two of these at a sector
 * of 512 bytes; a file's size is that of its last sync or a later one; a name that was made,
 * replaced or removed since the last sync of its directory is as it was then, or as it was at any
 * time since. Which, is drawn from the seed: one seed and one order of calls give one outcome.
 *
 * The plug is pulled at an operation that is chosen beforehand: that one is half done and fails
 * with IO, and so does every later call, until the restart. Operations are those that change
 * something: writes, syncs, names. All file descriptors end with the restart.
 *
 * Directories below the root are drives, each with its space and its faults. A sync that fails
 * drops what was to be written, as Linux does: a second one says OK and makes nothing durable.
 *
 * FS_DIRECT is taken at its word: a misaligned call is a bug of the caller's.
 *
 * Threads: any number on the fs; the rest of this page from any thread too.
 */
#ifndef SUPPORT_SIM_FS_H
#define SUPPORT_SIM_FS_H

#include "os/fs.h"

enum { SIM_DRIVES_MAX = 16 };

struct sim_fs;

/* A new, empty file system: one root directory, which is drive 0. */
struct sim_fs *sim_fs_new(uint64_t seed);
void sim_fs_free(struct sim_fs **sim);

/* The interface to hand to what is tested. */
struct fs *sim_fs_fs(struct sim_fs *sim);

/* Makes the drive mounted at "/NAME", durably, with room for `capacity_bytes`; gives its number. */
unsigned sim_fs_drive(struct sim_fs *sim, const char *name, uint64_t capacity_bytes);

/* Changes the room of a drive; what is there stays there. */
void sim_fs_capacity(struct sim_fs *sim, unsigned drive, uint64_t capacity_bytes);

/* How many operations there were. */
uint64_t sim_fs_operations(struct sim_fs *sim);

/* Pulls the plug at the `count`-th operation from now, 1 being the next; 0 at none. */
void sim_fs_cut_after(struct sim_fs *sim, uint64_t count);

/*
 * Counts an operation of something else that hangs on the same plug (sim_kv.h): OK; IO if the power
 * is or was cut, and then `*ret_done` says whether it was done all the same.
 */
struct status sim_fs_operation(struct sim_fs *sim, bool *ret_done);

/* Pulls the plug now. */
void sim_fs_cut(struct sim_fs *sim);
bool sim_fs_is_cut(struct sim_fs *sim);

/* Draws what is left after the power cut (or without one: after a reset), and goes on. */
void sim_fs_restart(struct sim_fs *sim);

enum sim_fault {
    SIM_FAULT_NONE,
    SIM_FAULT_READS_FAIL,      /* EIO */
    SIM_FAULT_WRITES_FAIL,     /* EIO */
    SIM_FAULT_SYNC_FAILS_ONCE, /* the next one */
    SIM_FAULT_SYNCS_FAIL,
    SIM_FAULT_READ_ONLY, /* the file system was remounted */
    SIM_FAULT_GONE,      /* every call fails with EIO */
    SIM_FAULT_HANGS,     /* every call waits until the fault is another, or the power is cut */
};

/* Sets the fault of a drive. It survives a restart. */
void sim_fs_fault(struct sim_fs *sim, unsigned drive, enum sim_fault fault);

/* Calls of sync_data on the drive so far, and of dir_sync. */
uint64_t sim_fs_syncs(struct sim_fs *sim, unsigned drive);

/* Flips a bit of the file at `path`, in memory and on the drive; false if it has no such byte. */
bool sim_fs_rot(struct sim_fs *sim, const char *path, uint64_t offset, unsigned bit);

/*
 * For tests of tests: syncs of files (or, with a slash behind it, of directories) whose last name
 * begins with `prefix` say OK and do nothing. NULL: all are honest again. Owns: the caller.
 */
void sim_fs_skip_syncs(struct sim_fs *sim, const char *prefix);

/* Syncs of files whose last name begins with `prefix` wait, until it is NULL or the plug is pulled.
 */
void sim_fs_hold_syncs(struct sim_fs *sim, const char *prefix);

#endif
