/*
 * fs.h - the file system as intentions, each with its promise about power loss
 *
 *     temp_create ── write* ── sync_data ── temp_publish ── [remove]
 *                        └──────────────────── temp_discard
 *
 * What a file holds survives power loss after fs_sync_data returned OK; that a name exists, or is
 * gone, survives after the directory was synced, which fs_temp_publish, fs_dir_make and fs_replace
 * do themselves and fs_remove does not (a name that comes back is found and removed again). Before
 * that anything may happen: unsynced writes may be lost in any subset, and so may names.
 *
 * A failed sync is final: the kernel may have dropped the pages, a second sync would say OK.
 *
 * Files that are written in place (logs, indexes, volumes) are opened by fs_open_write, with
 * FS_DIRECT past the page cache: addresses, offsets and lengths are then multiples of
 * FS_DIRECT_ALIGN. A write that was not synced may be lost in any subset of its blocks of 4096
 * bytes, and tear at a sector of 512. A file's size grows with writes and preallocation, and is
 * durable with fs_sync_data.
 *
 * All names are single path components relative to a directory's file descriptor; every file
 * descriptor is O_CLOEXEC from birth. The functions go through a small struct, so that a test can
 * let the ninth of them fail, or the disk be full. A file descriptor is a number that only the fs
 * it came from need understand: a simulated one hands out its own, so all are closed by fs_close.
 *
 * Blocks: every call may wait for a drive. Threads: any number.
 */
#ifndef OS_FS_H
#define OS_FS_H

#include <sys/types.h>

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum { FS_NAME_MAX = 255, FS_DIRECT_ALIGN = 4096 };

/* How fs_open_write opens. */
enum fs_open_flags {
    FS_CREATE = 1, /* makes the file if it is missing; its name is durable after fs_dir_sync */
    FS_DIRECT = 2, /* past the page cache; where that is not to be had, through it */
};

struct fs;

/* A file without a name (O_TMPFILE), or with a temporary one where that is not to be had. */
struct fs_temp {
    int fd;
    int dir_fd;    /* where it was made; the caller's */
    char name[32]; /* empty: it has none */
};

struct fs_space {
    uint64_t free_bytes; /* for us, not for root */
    uint64_t total_bytes;
};

/* Sees the names in a directory, but for . and ..; false ends the walk. */
struct fs_visitor {
    bool (*visit)(struct fs_visitor *visitor, const char *name);
};

struct fs_ops {
    struct status (*dir_open)(struct fs *fs, int at_fd, const char *name, int *ret_fd);
    struct status (*dir_make)(struct fs *fs, int at_fd, const char *name);
    struct status (*dir_sync)(struct fs *fs, int dir_fd);
    struct status (*dir_walk)(struct fs *fs, int dir_fd, struct fs_visitor *visitor);
    struct status (*open_read)(struct fs *fs, int dir_fd, const char *name, int *ret_fd);
    struct status (*open_write)(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                                int *ret_fd);
    void (*close)(struct fs *fs, int fd);
    struct status (*size)(struct fs *fs, int fd, uint64_t *ret_bytes);
    struct status (*lock)(struct fs *fs, int dir_fd, const char *name, int *ret_fd,
                          pid_t *ret_holder);
    /* `named`: with a name from the beginning, as `replace` needs it. */
    struct status (*temp_create)(struct fs *fs, int dir_fd, bool named, struct fs_temp *ret_temp);
    struct status (*write)(struct fs *fs, int fd, uint64_t offset, struct slice bytes);
    struct status (*read)(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len);
    struct status (*sync_data)(struct fs *fs, int fd);
    struct status (*write_back)(struct fs *fs, int fd, uint64_t offset, uint64_t len, bool wait);
    struct status (*link)(struct fs *fs, struct fs_temp *temp, const char *name);
    struct status (*replace)(struct fs *fs, struct fs_temp *temp, const char *name);
    struct status (*remove)(struct fs *fs, int dir_fd, const char *name);
    struct status (*preallocate)(struct fs *fs, int fd, uint64_t len);
    struct status (*discard)(struct fs *fs, int fd, uint64_t offset, uint64_t len);
    struct status (*device)(struct fs *fs, int dir_fd, uint64_t *ret_device);
    bool (*is_cached)(struct fs *fs, int fd, uint64_t offset, uint64_t len);
    struct status (*space)(struct fs *fs, int dir_fd, struct fs_space *ret_space);
};

struct fs {
    const struct fs_ops *ops;
};

/* The system's file system. */
struct fs *fs_system(void);

/*
 * Opens the directory `name` in the directory `at_fd`, or the path `name` where `at_fd` is
 * AT_FDCWD. Owns: the caller; fs_close. Errors: NOT_FOUND; DENIED; IO.
 */
struct status fs_dir_open(struct fs *fs, int at_fd, const char *name, int *ret_fd);

/* Makes a directory, mode 0700, its name durable. Errors: EXISTS; NOT_FOUND; NO_SPACE; IO. */
struct status fs_dir_make(struct fs *fs, int at_fd, const char *name);

/* Makes the names of a directory durable. Errors: IO. */
struct status fs_dir_sync(struct fs *fs, int dir_fd);

/* Opens a file for reading. Owns: the caller; fs_close. Errors: NOT_FOUND; DENIED; IO. */
struct status fs_open_read(struct fs *fs, int dir_fd, const char *name, int *ret_fd);

/*
 * Opens a file for reading and writing in place; `flags` are of enum fs_open_flags. A new file is
 * empty, mode 0600. Owns: the caller; fs_close. Errors: NOT_FOUND; DENIED; NO_SPACE; IO.
 */
struct status fs_open_write(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                            int *ret_fd);

/* Closes what fs opened, a directory or a lock too, and sets `*fd` to -1; nothing for -1. Makes
 * nothing durable. */
void fs_close(struct fs *fs, int *fd);

/* The size of an open file. Errors: IO. */
struct status fs_size(struct fs *fs, int fd, uint64_t *ret_bytes);

/*
 * Makes an empty file in `dir_fd` for writing and reading, mode 0600. Owns: the caller, until
 * publish or discard. Errors: NO_SPACE; DENIED; IO.
 */
struct status fs_temp_create(struct fs *fs, int dir_fd, struct fs_temp *ret_temp);

/* Whether `name` is one that fs_temp_create may have left behind in a crash. */
bool fs_temp_is_name(const char *name);

/* Writes all of `bytes` at `offset`. Errors: NO_SPACE; TOO_LARGE; IO. */
struct status fs_write(struct fs *fs, int fd, uint64_t offset, struct slice bytes);

/* Reads exactly `len` bytes at `offset`. Errors: RANGE (the file is shorter); IO. */
struct status fs_read(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len);

/* Makes the bytes of the file durable, its size included. Errors: NO_SPACE; IO; final. */
struct status fs_sync_data(struct fs *fs, int fd);

/*
 * Gives the file the new name `name` in its directory, durable on return; closes it. On an error it
 * is discarded, but the name may or may not be there. Errors: EXISTS; NO_SPACE; IO.
 */
struct status fs_temp_publish(struct fs *fs, struct fs_temp *temp, const char *name);

/* The same, in the place of a file that may have the name already; at one instant. */
struct status fs_temp_replace(struct fs *fs, struct fs_temp *temp, const char *name);

/* Closes and removes a file that was not published. */
void fs_temp_discard(struct fs *fs, struct fs_temp *temp);

/* Removes a name; not durable by itself. Errors: NOT_FOUND; IO. */
struct status fs_remove(struct fs *fs, int dir_fd, const char *name);

/*
 * Gives the file `len` bytes of the drive, counted from its beginning, so that later writes there
 * can't run out of space; its size becomes at least that. What was not written reads as zeros.
 * Errors: NO_SPACE; IO.
 */
struct status fs_preallocate(struct fs *fs, int fd, uint64_t len);

/*
 * Gives the drive back what the file has in this range, which reads as zeros from then on; its size
 * stays. Later writes there may run out of space. Errors: UNSUPPORTED; IO.
 */
struct status fs_discard(struct fs *fs, int fd, uint64_t offset, uint64_t len);

/* Whether all of the range was in the page cache just now, or on its way into it; false where
 * nobody knows. */
bool fs_is_cached(struct fs *fs, int fd, uint64_t offset, uint64_t len);

/* A number that directories on one device have in common, and no others. Errors: IO. */
struct status fs_device(struct fs *fs, int dir_fd, uint64_t *ret_device);

/* How much space the file system of a directory has. */
struct status fs_space_read(struct fs *fs, int dir_fd, struct fs_space *ret_space);

/* Shows every name of a directory to `visitor`. Errors: IO; NO_MEMORY. */
struct status fs_dir_walk(struct fs *fs, int dir_fd, struct fs_visitor *visitor);

/*
 * Locks a directory for this process by the file `name` in it, which is made if needed and holds
 * the process's number as text. The lock ends with the file descriptor, a crash included.
 * Owns: `*ret_fd` the caller, by fs_close.
 * Errors: BUSY, with `*ret_holder` the number of the process that has it, 0 if that is not known.
 */
struct status fs_lock(struct fs *fs, int dir_fd, const char *name, int *ret_fd, pid_t *ret_holder);

/* Reads a whole small file of at most `cap` bytes. Errors: NOT_FOUND; TOO_LARGE; IO. */
struct status fs_read_small(struct fs *fs, int dir_fd, const char *name, void *buffer, size_t cap,
                            size_t *ret_len);

/* Writes a whole small file in the place of what was there, durable and at one instant. */
struct status fs_write_small(struct fs *fs, int dir_fd, const char *name, struct slice bytes);

/*
 * Lets the kernel begin to write a range of the file (`wait` false), or waits until that is done
 * and then forgets the pages (`wait` true), so that long uploads don't fill the memory with what
 * nobody reads. Makes nothing durable. An error is as final as that of a sync: it may have been the
 * only report of it. Errors: NO_SPACE; IO.
 */
struct status fs_write_back(struct fs *fs, int fd, uint64_t offset, uint64_t len, bool wait);

#endif
