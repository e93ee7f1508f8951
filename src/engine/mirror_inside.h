/*
 * mirror_inside.h - the insides of the mirror, as its files share them
 *
 * Threads: see struct mirror.
 */
#ifndef ENGINE_MIRROR_INSIDE_H
#define ENGINE_MIRROR_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/mirror.h"
#include "engine/timely.h"
#include "os/thread.h"

enum {
    MIRROR_FILES = 2,  /* that may be open: the log, the index */
    MIRROR_DIR_FD = 1, /* file descriptors of ours: the directory, then the files */
    MIRROR_FILE_FD = 2,
    MIRROR_FILE_NAME_MAX = 15,
    MIRROR_COPY_BYTES = 1024 * 1024, /* copied at once while filling */
};

/* How a place is attached to. */
enum mirror_attach_flags {
    MIRROR_ATTACH_MAKE = 1, /* directories that are missing */
    MIRROR_ATTACH_OURS = 2, /* only on a drive of this store's: it is to be filled */
    MIRROR_ATTACH_PEEK = 4, /* without the lock, which we have already */
};

/* A place and the copy in it. */
struct mirror_side {
    char name[MIRROR_NAME_MAX + 1];
    char path[MIRROR_PATH_MAX];
    bool is_home;
    struct mirror_id id; /* of the copy; of this life of it */
    /* Under mirror.lock, as is the rest but where it says. */
    enum mirror_state state;
    struct note line;
    bool seen_absent;       /* since it failed */
    int64_t rests_until_ns; /* there was no room: not tried again before */
    int dir_fd;             /* of PATH/meta; -1: not open */
    int lock_fd;
    int fds[MIRROR_FILES];
    uint64_t serial; /* of its newest record; under change_lock */
    uint64_t device;
    bool has_device;      /* it is known */
    unsigned read_errors; /* one after the other */
    uint64_t mended;
    uint64_t copied[MIRROR_FILES]; /* while it is filled: everything before was copied */
    uint64_t fill_bytes;
    atomic_bool failing;                      /* a call failed; to be dropped */
    atomic_bool hangs;                        /* a call did not end */
    atomic_int failed_with;                   /* enum status_code of the first call that failed */
    pthread_mutex_t sync_locks[MIRROR_FILES]; /* one sync of a file at a time: its error is all's */
};

/* A call in progress on a range of a file, or none of it. On its caller's stack. */
struct mirror_span {
    unsigned file;
    uint64_t from;
    uint64_t to;
    struct mirror_span *next;
    unsigned targets; /* bits: copies in service when it began */
    unsigned filling; /* bits: copies being filled that it concerns */
};

struct mirror_file {
    char name[MIRROR_FILE_NAME_MAX + 1]; /* empty: not open */
    unsigned flags;
};

struct mirror {
    struct fs fs;
    struct mirror_config config;
    struct mirror_side sides[MIRROR_COPIES_MAX];
    unsigned side_count;
    struct timely *timely;       /* NULL: calls one by one, by whoever needs them */
    bool is_signed;              /* the set is on the drives */
    pthread_mutex_t change_lock; /* one change of the set at a time; guards what follows */
    uint64_t last_epoch;         /* that was tried */
    pthread_mutex_t lock;        /* guards what follows, and the sides */
    pthread_cond_t changed;
    uint64_t epoch; /* that is established */
    struct mirror_file files[MIRROR_FILES];
    struct mirror_span *spans; /* in progress */
    struct mirror_span window; /* being copied; empty: nothing */
    bool barrier;              /* no call may begin */
    bool closing;
    struct thread filler;
    bool has_filler;
};

/* Bytes that outlive whoever gave up on a call that uses them. */
struct mirror_bytes {
    atomic_uint holders;
    char *ptr; /* aligned to FS_DIRECT_ALIGN */
};

/* What an attach finds. */
struct mirror_found {
    int dir_fd;
    int lock_fd;
    uint64_t device;
    struct mirror_record record;
    bool has_record;
    bool record_is_bad; /* there is a file, and nothing whole in it */
    bool has_index;
    bool is_foreign;
    bool is_absent;
    struct status status;
    struct note why;
};

/* A call on one copy, with everything it touches. */
struct mirror_call {
    struct timely_task task;
    struct status (*run)(struct mirror_call *call);
    struct fs *fs;
    unsigned side;
    int dir_fd;
    int fd;
    pthread_mutex_t *sync_lock;
    char name[MIRROR_FILE_NAME_MAX + 1];
    unsigned flags;
    uint64_t offset;
    size_t len;
    struct mirror_bytes *bytes;
    struct mirror_record record;
    char *path; /* the call's own */
    bool is_home;
    struct mirror_id store;
    /* what came of it */
    struct status status;
    int ret_fd;
    uint64_t ret_number;
    struct fs_space ret_space;
    struct mirror_found found;
};

/* The result of calls on several copies, by copy; NULL: none was made, or it did not end. */
struct mirror_calls {
    struct mirror_call *calls[MIRROR_COPIES_MAX];
    unsigned asked; /* bits */
    unsigned late;
};

/* A buffer with one holder, and the end of one. */
struct mirror_bytes *mirror_bytes_new(size_t len);
void mirror_bytes_drop(struct mirror_bytes **bytes);

/* A call to be filled in, on copy `side`; added to `calls`. */
struct mirror_call *mirror_call_add(struct mirror *mirror, struct mirror_calls *calls,
                                    unsigned side, struct status (*run)(struct mirror_call *call));

/* Makes all of them, side by side, none longer than the deadline; late copies are marked. */
void mirror_calls_run(struct mirror *mirror, struct mirror_calls *calls);
void mirror_calls_end(struct mirror_calls *calls);

/* What calls can do. */
struct status mirror_run_attach(struct mirror_call *call); /* path: opens a place, reads it */
struct status mirror_run_record(struct mirror_call *call); /* dir_fd, record: durable */
struct status mirror_run_open(struct mirror_call *call);   /* dir_fd, name, flags */
struct status mirror_run_write(struct mirror_call *call);
struct status mirror_run_read(struct mirror_call *call);
struct status mirror_run_sync(struct mirror_call *call);
struct status mirror_run_preallocate(struct mirror_call *call);
struct status mirror_run_size(struct mirror_call *call);
struct status mirror_run_dir_sync(struct mirror_call *call);
struct status mirror_run_space(struct mirror_call *call);

/* Calls begin and end with these: what is being copied, or changed, is waited for. */
void mirror_span_begin(struct mirror *mirror, struct mirror_span *span);
void mirror_span_end(struct mirror *mirror, struct mirror_span *span);

/* Waits until no call is in progress, and lets none begin; lets them begin again. */
void mirror_barrier_begin(struct mirror *mirror);
void mirror_barrier_end(struct mirror *mirror);

/* Bits of the copies in service. */
unsigned mirror_in_service(struct mirror *mirror);

/*
 * Drops the copies that are marked as failing: the others have the next epoch, durably, on return.
 * Errors: IO (none is left).
 */
struct status mirror_drop_failing(struct mirror *mirror);

/*
 * Makes `set` (bits) the set in service, by the next epoch on all of it, copy `joiner` (or -1)
 * first; those that fail meanwhile are left out. Called under change_lock. Errors: IO.
 */
struct status mirror_establish(struct mirror *mirror, unsigned set, int joiner);

/* Decides at the open which of the copies found count. */
struct status mirror_decide(struct mirror *mirror, struct mirror_found *found, struct note *note);

/* Takes what an attach found into a side; closes what a side has open. */
void mirror_side_take(struct mirror_side *side, struct mirror_found *found);
void mirror_side_close(struct mirror *mirror, struct mirror_side *side);
void mirror_found_close(struct fs *fs, struct mirror_found *found);

/* Sets the state of a copy, and its line. Called under the lock. */
void mirror_side_set(struct mirror_side *side, enum mirror_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Attaches to the places in `which` (bits); what is found nowhere has a line. */
void mirror_attach(struct mirror *mirror, unsigned which, unsigned flags,
                   struct mirror_found found[MIRROR_COPIES_MAX]);

/* Notes that a call on a copy failed: it is dropped by whoever looks next. */
void mirror_side_fail(struct mirror_side *side, struct status s);

/* Reads a range from any copy in service. */
struct status mirror_read_any(struct mirror *mirror, unsigned file, uint64_t offset, void *buffer,
                              size_t len);

/* Writes the record that says that a copy is being filled. Errors: IO. */
struct status mirror_mark_filling(struct mirror *mirror, unsigned side);

/* The bytes of a file: what the shortest copy in service has. */
struct status mirror_file_size(struct mirror *mirror, unsigned file, uint64_t *ret_bytes);

#endif
