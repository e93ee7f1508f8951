/* Calls on the copies: side by side, and none waited for longer than the deadline. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/mirror_inside.h"

static const char meta_name[] = "meta";
static const char lock_name[] = "lock";
static const char store_name[] = "store";
static const char index_name[] = "index";
static const char record_name[] = "members";

struct mirror_bytes *mirror_bytes_new(size_t len) {
    struct mirror_bytes *bytes = malloc(sizeof *bytes);
    CHECK(bytes);
    atomic_init(&bytes->holders, 1);
    bytes->ptr = aligned_alloc(FS_DIRECT_ALIGN, len);
    CHECK(bytes->ptr);
    return bytes;
}

void mirror_bytes_drop(struct mirror_bytes **bytes) {
    struct mirror_bytes *self = *bytes;
    *bytes = NULL;
    if (!self || atomic_fetch_sub(&self->holders, 1) > 1) return;
    free(self->ptr);
    free(self);
}

static void task_run(struct timely_task *task) {
    struct mirror_call *call = CONTAINER_OF(task, struct mirror_call, task);
    call->status = call->run(call);
}

static void call_free(struct mirror_call *call) {
    mirror_bytes_drop(&call->bytes);
    free(call->path);
    free(call);
}

/* A call that ended after all: what it opened is closed. */
static void task_drop(struct timely_task *task) {
    struct mirror_call *call = CONTAINER_OF(task, struct mirror_call, task);
    fs_close(call->fs, &call->ret_fd);
    mirror_found_close(call->fs, &call->found);
    call_free(call);
}

struct mirror_call *mirror_call_add(struct mirror *mirror, struct mirror_calls *calls,
                                    unsigned side, struct status (*run)(struct mirror_call *call)) {
    struct mirror_call *call = calloc(1, sizeof *call);
    CHECK(call && !calls->calls[side]);
    call->task.run = task_run;
    call->task.drop = task_drop;
    call->run = run;
    call->fs = mirror->config.fs;
    call->side = side;
    call->dir_fd = call->fd = call->ret_fd = -1;
    call->found.dir_fd = call->found.lock_fd = -1;
    calls->calls[side] = call;
    calls->asked |= 1u << side;
    return call;
}

void mirror_calls_run(struct mirror *mirror, struct mirror_calls *calls) {
    if (!mirror->timely) {
        for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
            if (calls->calls[i]) task_run(&calls->calls[i]->task);
        }
        return;
    }
    struct timely_task *tasks[MIRROR_COPIES_MAX] = {0};
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        if (!calls->calls[i]) continue;
        tasks[i] = &calls->calls[i]->task;
        timely_submit(mirror->timely, tasks[i]);
    }
    int64_t deadline_ns = (int64_t)mirror->config.io_deadline_ms * NS_PER_MS;
    timely_wait(mirror->timely, tasks, MIRROR_COPIES_MAX, deadline_ns);
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        if (!calls->calls[i] || tasks[i]) continue;
        calls->calls[i] = NULL; /* the pool's */
        calls->late |= 1u << i;
        atomic_store(&mirror->sides[i].hangs, true);
        atomic_store(&mirror->sides[i].failing, true);
    }
}

void mirror_calls_end(struct mirror_calls *calls) {
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        if (calls->calls[i]) call_free(calls->calls[i]);
    }
    *calls = (struct mirror_calls){0};
}

/* ---- files ---- */

struct status mirror_run_open(struct mirror_call *call) {
    return fs_open_write(call->fs, call->dir_fd, call->name, call->flags, &call->ret_fd);
}

/* With `flags`, durable. */
struct status mirror_run_write(struct mirror_call *call) {
    TRY(fs_write(call->fs, call->fd, call->offset, slice_of(call->bytes->ptr, call->len)));
    return call->flags ? mirror_run_sync(call) : status_ok();
}

/* Past the end of the file everything is zeros: copies may differ in length after a crash. */
static struct status read_to_end(struct mirror_call *call) {
    uint64_t size;
    TRY(fs_size(call->fs, call->fd, &size));
    size -= size % FS_DIRECT_ALIGN;
    memset(call->bytes->ptr, 0, call->len);
    if (size <= call->offset) return status_ok();
    size_t there = size - call->offset < call->len ? (size_t)(size - call->offset) : call->len;
    return fs_read(call->fs, call->fd, call->offset, call->bytes->ptr, there);
}

struct status mirror_run_read(struct mirror_call *call) {
    if (call->flags) return read_to_end(call);
    return fs_read(call->fs, call->fd, call->offset, call->bytes->ptr, call->len);
}

/* One at a time: a sync beside another that fails may be told that all is well. */
struct status mirror_run_sync(struct mirror_call *call) {
    pthread_mutex_lock(call->sync_lock);
    struct status s = fs_sync_data(call->fs, call->fd);
    pthread_mutex_unlock(call->sync_lock);
    return s;
}

struct status mirror_run_preallocate(struct mirror_call *call) {
    return fs_preallocate(call->fs, call->fd, call->offset);
}

struct status mirror_run_size(struct mirror_call *call) {
    return fs_size(call->fs, call->fd, &call->ret_number);
}

struct status mirror_run_dir_sync(struct mirror_call *call) {
    return fs_dir_sync(call->fs, call->dir_fd);
}

struct status mirror_run_space(struct mirror_call *call) {
    return fs_space_read(call->fs, call->dir_fd, &call->ret_space);
}

/* ---- the record ---- */

struct status mirror_run_record(struct mirror_call *call) {
    int fd;
    TRY(fs_open_write(call->fs, call->dir_fd, record_name, FS_CREATE | FS_DIRECT, &fd));
    char *bytes = aligned_alloc(FS_DIRECT_ALIGN, MIRROR_RECORD_BYTES);
    CHECK(bytes);
    mirror_record_encode(&call->record, bytes);
    uint64_t slot = call->record.serial % MIRROR_RECORD_SLOTS;
    struct status s =
        fs_write(call->fs, fd, slot * MIRROR_RECORD_BYTES, slice_of(bytes, MIRROR_RECORD_BYTES));
    if (is_ok(s)) s = fs_sync_data(call->fs, fd);
    free(bytes);
    fs_close(call->fs, &fd);
    /* The name, the first time: records are too few to save the others this. */
    return is_ok(s) ? fs_dir_sync(call->fs, call->dir_fd) : s;
}

/* The newest whole record of a file. */
static void record_load(struct mirror_call *call, int fd, struct mirror_found *found) {
    char *bytes = aligned_alloc(FS_DIRECT_ALIGN, MIRROR_RECORD_BYTES);
    CHECK(bytes);
    for (uint64_t slot = 0; slot < MIRROR_RECORD_SLOTS; slot++) {
        struct mirror_record record;
        struct status s =
            fs_read(call->fs, fd, slot * MIRROR_RECORD_BYTES, bytes, MIRROR_RECORD_BYTES);
        if (!is_ok(s) || !mirror_record_parse(bytes, &record)) continue;
        if (found->has_record && record.serial < found->record.serial) continue;
        found->record = record;
        found->has_record = true;
    }
    found->record_is_bad = !found->has_record;
    free(bytes);
}

static struct status record_read(struct mirror_call *call, struct mirror_found *found) {
    int fd;
    struct status s = fs_open_read(call->fs, found->dir_fd, record_name, &fd);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    record_load(call, fd, found);
    fs_close(call->fs, &fd);
    return status_ok();
}

/* ---- attaching ---- */

static bool has_file(struct fs *fs, int dir_fd, const char *name) {
    int fd;
    if (!is_ok(fs_open_read(fs, dir_fd, name, &fd))) return false;
    fs_close(fs, &fd);
    return true;
}

/* Opens a directory, and makes it where it is missing and may be. */
static struct status dir_enter(struct fs *fs, int at_fd, const char *name, bool make, int *ret_fd) {
    struct status s = fs_dir_open(fs, at_fd, name, ret_fd);
    if (!status_is(s, STATUS_NOT_FOUND) || !make) return s;
    TRY(fs_dir_make(fs, at_fd, name));
    return fs_dir_open(fs, at_fd, name, ret_fd);
}

/* The copy in PATH/meta. A foreign one is left alone. */
static struct status meta_enter(struct mirror_call *call, int base_fd, struct mirror_found *found) {
    struct fs *fs = call->fs;
    if (!call->is_home && has_file(fs, base_fd, store_name)) {
        found->is_foreign = true;
        note_set(&found->why, "it is the data directory of a store");
        return status_ok();
    }
    bool make = call->flags & MIRROR_ATTACH_MAKE;
    struct status s = dir_enter(fs, base_fd, meta_name, make, &found->dir_fd);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok(); /* nothing is there yet */
    TRY(s);
    pid_t holder;
    bool locks = !call->is_home && !(call->flags & MIRROR_ATTACH_PEEK);
    if (locks) s = fs_lock(fs, found->dir_fd, lock_name, &found->lock_fd, &holder);
    if (status_is(s, STATUS_BUSY)) {
        found->is_foreign = true;
        note_set(&found->why, "it is in use by another process");
        return status_ok();
    }
    TRY(s);
    found->has_index = has_file(fs, found->dir_fd, index_name);
    TRY(record_read(call, found));
    if (found->has_record && !mirror_id_eq(&found->record.store, &call->store)) {
        found->is_foreign = true;
        note_set(&found->why, "it has the records of another store");
    }
    return status_ok();
}

/* Whether a drive that is to be filled is one of this store's: its identity says so. */
static bool drive_is_ours(struct mirror_call *call, int base_fd) {
    char text[512];
    char line[64];
    size_t len;
    struct status s = fs_read_small(call->fs, base_fd, "drive", text, sizeof text - 1, &len);
    if (!is_ok(s)) return false;
    text[len] = 0;
    size_t at = (size_t)snprintf(line, sizeof line, "\nstore ");
    for (size_t i = 0; i < MIRROR_ID_LEN; i++) {
        at += (size_t)snprintf(line + at, sizeof line - at, "%02x", call->store.bytes[i]);
    }
    snprintf(line + at, sizeof line - at, "\n");
    return strstr(text, line) != NULL;
}

struct status mirror_run_attach(struct mirror_call *call) {
    struct mirror_found *found = &call->found;
    int base_fd;
    bool ours = call->flags & MIRROR_ATTACH_OURS;
    bool make = (call->flags & MIRROR_ATTACH_MAKE) && !ours;
    TRY(dir_enter(call->fs, AT_FDCWD, call->path, make, &base_fd));
    struct status s = status_ok();
    if (ours && !call->is_home && !drive_is_ours(call, base_fd)) {
        found->is_foreign = true;
        note_set(&found->why, "there is no drive of this store in it");
    } else {
        s = meta_enter(call, base_fd, found);
        if (is_ok(s)) s = call->fs->ops->device(call->fs, base_fd, &found->device);
    }
    fs_close(call->fs, &base_fd);
    return s;
}
