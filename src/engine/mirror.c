#include "engine/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/mirror_inside.h"

enum { IO_DEADLINE_MS = 15000, READ_ERRORS_MAX = 8, SPREAD_BYTES = 1024 * 1024 };

static const char *const state_texts[] = {
    [MIRROR_SERVING] = "serving", [MIRROR_ABSENT] = "absent",   [MIRROR_FOREIGN] = "foreign",
    [MIRROR_WAITING] = "waiting", [MIRROR_FILLING] = "filling", [MIRROR_FAILED] = "failed",
    [MIRROR_HUNG] = "hung",
};

const char *mirror_state_text(enum mirror_state state) {
    CHECK((size_t)state < ARRAY_LEN(state_texts));
    return state_texts[state];
}

/* ---- calls in progress ---- */

static bool spans_overlap(const struct mirror_span *a, const struct mirror_span *b) {
    return a->file == b->file && a->from < b->to && b->from < a->to;
}

void mirror_span_begin(struct mirror *mirror, struct mirror_span *span) {
    pthread_mutex_lock(&mirror->lock);
    while (mirror->barrier || spans_overlap(span, &mirror->window)) {
        pthread_cond_wait(&mirror->changed, &mirror->lock);
    }
    span->next = mirror->spans;
    mirror->spans = span;
    span->targets = span->filling = 0;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        const struct mirror_side *side = &mirror->sides[i];
        if (side->state == MIRROR_SERVING) span->targets |= 1u << i;
        /* M6: what is written behind the copier goes to the new copy, too. */
        bool behind = side->state == MIRROR_FILLING && span->from < side->copied[span->file];
        if (behind && span->from < span->to) span->filling |= 1u << i;
    }
    pthread_mutex_unlock(&mirror->lock);
}

void mirror_span_end(struct mirror *mirror, struct mirror_span *span) {
    pthread_mutex_lock(&mirror->lock);
    struct mirror_span **at = &mirror->spans;
    while (*at != span) at = &(*at)->next;
    *at = span->next;
    if (mirror->barrier || mirror->window.to > 0) pthread_cond_broadcast(&mirror->changed);
    pthread_mutex_unlock(&mirror->lock);
}

void mirror_barrier_begin(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->lock);
    while (mirror->barrier) pthread_cond_wait(&mirror->changed, &mirror->lock);
    mirror->barrier = true;
    while (mirror->spans) pthread_cond_wait(&mirror->changed, &mirror->lock);
    pthread_mutex_unlock(&mirror->lock);
}

void mirror_barrier_end(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->lock);
    mirror->barrier = false;
    pthread_cond_broadcast(&mirror->changed);
    pthread_mutex_unlock(&mirror->lock);
}

/* The calls of an operation on a file, one for each copy in `to`. */
static void calls_on_file(struct mirror *mirror, struct mirror_calls *calls, unsigned to,
                          unsigned file, struct status (*run)(struct mirror_call *call)) {
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!(to & 1u << i)) continue;
        struct mirror_call *call = mirror_call_add(mirror, calls, i, run);
        call->fd = mirror->sides[i].fds[file];
        call->dir_fd = mirror->sides[i].dir_fd;
        call->sync_lock = &mirror->sides[i].sync_locks[file];
    }
}

/*
 * How an operation on all copies ended. Copies on which it failed are dropped before anybody is
 * told (M2); for want of space nobody is dropped.
 */
static struct status outcome(struct mirror *mirror, struct mirror_span *span,
                             struct mirror_calls *calls, bool may_be_full) {
    unsigned good = 0;
    bool full = false;
    struct status failure = status_of(STATUS_IO);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!(calls->asked & 1u << i)) continue;
        struct status s = calls->calls[i] ? calls->calls[i]->status : status_of(STATUS_TIMEOUT);
        bool is_full = may_be_full && status_is(s, STATUS_NO_SPACE);
        full = full || (is_full && (span->targets & 1u << i));
        if (is_ok(s)) good |= 1u << i;
        if (!is_ok(s)) failure = s;
        if (!is_ok(s) && !is_full) mirror_side_fail(&mirror->sides[i], s);
    }
    mirror_calls_end(calls);
    mirror_span_end(mirror, span);
    struct status dropped = mirror_drop_failing(mirror);
    if (full) return status_of(STATUS_NO_SPACE);
    if (is_ok(dropped) && (good & span->targets)) return status_ok();
    return status_is(failure, STATUS_TIMEOUT) ? status_of(STATUS_IO) : failure;
}

/* ---- the file system ---- */

static struct mirror *mirror_of(struct fs *fs) {
    return CONTAINER_OF(fs, struct mirror, fs);
}

static unsigned file_of(int fd) {
    CHECK(fd >= MIRROR_FILE_FD && fd < MIRROR_FILE_FD + MIRROR_FILES);
    return (unsigned)(fd - MIRROR_FILE_FD);
}

/* A free place in the table of files, for `name`. */
static unsigned file_take(struct mirror *mirror, const char *name, unsigned flags) {
    unsigned file = 0;
    pthread_mutex_lock(&mirror->lock);
    while (file < MIRROR_FILES && mirror->files[file].name[0]) file++;
    CHECK(file < MIRROR_FILES && strlen(name) <= MIRROR_FILE_NAME_MAX);
    snprintf(mirror->files[file].name, sizeof mirror->files[file].name, "%s", name);
    mirror->files[file].flags = flags;
    pthread_mutex_unlock(&mirror->lock);
    return file;
}

static void file_close(struct mirror *mirror, unsigned file) {
    for (unsigned i = 0; i < mirror->side_count; i++) {
        /* A call that does not end may still use it: its number must not become another file's. */
        if (atomic_load(&mirror->sides[i].hangs)) continue;
        fs_close(mirror->config.fs, &mirror->sides[i].fds[file]);
    }
    pthread_mutex_lock(&mirror->lock);
    mirror->files[file].name[0] = 0;
    pthread_mutex_unlock(&mirror->lock);
}

/* A file that only some copies have is a copy that is broken; where none has it, there is none. */
static struct status fs_open_all(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                                 int *ret_fd) {
    struct mirror *mirror = mirror_of(fs);
    CHECK(dir_fd == MIRROR_DIR_FD);
    unsigned file = file_take(mirror, name, flags);
    struct mirror_span span = {0};
    struct mirror_calls calls = {0};
    mirror_span_begin(mirror, &span);
    calls_on_file(mirror, &calls, span.targets, file, mirror_run_open);
    unsigned found = 0;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!calls.calls[i]) continue;
        snprintf(calls.calls[i]->name, sizeof calls.calls[i]->name, "%s", name);
        calls.calls[i]->flags = flags;
    }
    mirror_calls_run(mirror, &calls);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!calls.calls[i] || !is_ok(calls.calls[i]->status)) continue;
        mirror->sides[i].fds[file] = calls.calls[i]->ret_fd;
        calls.calls[i]->ret_fd = -1;
        found |= 1u << i;
    }
    struct status s = status_of(STATUS_NOT_FOUND);
    if (found == 0 && !calls.late) {
        for (unsigned i = 0; i < mirror->side_count; i++) {
            if (calls.calls[i]) s = calls.calls[i]->status;
        }
        mirror_calls_end(&calls);
        mirror_span_end(mirror, &span);
    } else {
        s = outcome(mirror, &span, &calls, false);
    }
    if (is_ok(s)) {
        *ret_fd = MIRROR_FILE_FD + (int)file;
    } else {
        file_close(mirror, file);
    }
    return s;
}

static void fs_close_all(struct fs *fs, int fd) {
    if (fd != MIRROR_DIR_FD) file_close(mirror_of(fs), file_of(fd));
}

/* Runs one operation on all copies. */
static struct status run_on_all(struct mirror *mirror, int fd, struct mirror_span *span,
                                struct status (*run)(struct mirror_call *call),
                                const struct mirror_call *what, bool may_be_full) {
    struct mirror_calls calls = {0};
    mirror_span_begin(mirror, span);
    unsigned file = fd == MIRROR_DIR_FD ? 0 : file_of(fd);
    calls_on_file(mirror, &calls, span->targets | span->filling, file, run);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!calls.calls[i]) continue;
        calls.calls[i]->offset = what->offset;
        calls.calls[i]->len = what->len;
        calls.calls[i]->bytes = what->bytes;
        /* One that is being filled is synced when it is full. */
        if (span->targets & 1u << i) calls.calls[i]->flags = what->flags;
        if (what->bytes) atomic_fetch_add(&what->bytes->holders, 1);
    }
    mirror_calls_run(mirror, &calls);
    return outcome(mirror, span, &calls, may_be_full);
}

static struct status write_all(struct mirror *mirror, int fd, uint64_t offset, struct slice bytes,
                               bool durable) {
    struct mirror_call what = {.offset = offset, .len = bytes.len, .flags = durable};
    struct mirror_span span = {.file = file_of(fd), .from = offset, .to = offset + bytes.len};
    /* What a hung drive still reads from must be its own. */
    what.bytes = mirror_bytes_new(bytes.len);
    memcpy(what.bytes->ptr, bytes.ptr, bytes.len);
    struct status s = run_on_all(mirror, fd, &span, mirror_run_write, &what, false);
    mirror_bytes_drop(&what.bytes);
    return s;
}

static struct status fs_write_all(struct fs *fs, int fd, uint64_t offset, struct slice bytes) {
    return write_all(mirror_of(fs), fd, offset, bytes, false);
}

struct status mirror_write_durable(struct mirror *mirror, int fd, uint64_t offset,
                                   struct slice bytes) {
    return write_all(mirror, fd, offset, bytes, true);
}

static struct status fs_sync_all(struct fs *fs, int fd) {
    struct mirror_call what = {0};
    struct mirror_span span = {0};
    return run_on_all(mirror_of(fs), fd, &span, mirror_run_sync, &what, false);
}

static struct status fs_preallocate_all(struct fs *fs, int fd, uint64_t len) {
    struct mirror_call what = {.offset = len};
    struct mirror_span span = {0};
    return run_on_all(mirror_of(fs), fd, &span, mirror_run_preallocate, &what, true);
}

static struct status fs_dir_sync_all(struct fs *fs, int dir_fd) {
    CHECK(dir_fd == MIRROR_DIR_FD);
    struct mirror_call what = {0};
    struct mirror_span span = {0};
    return run_on_all(mirror_of(fs), dir_fd, &span, mirror_run_dir_sync, &what, false);
}

struct status mirror_file_size(struct mirror *mirror, unsigned file, uint64_t *ret_bytes) {
    struct mirror_calls calls = {0};
    uint64_t least = UINT64_MAX;
    struct status s = status_of(STATUS_IO);
    calls_on_file(mirror, &calls, mirror_in_service(mirror), file, mirror_run_size);
    mirror_calls_run(mirror, &calls);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        const struct mirror_call *call = calls.calls[i];
        if (!call || !is_ok(call->status)) continue;
        s = status_ok();
        if (call->ret_number < least) least = call->ret_number;
    }
    mirror_calls_end(&calls);
    if (is_ok(s)) *ret_bytes = least;
    return s;
}

static struct status fs_size_all(struct fs *fs, int fd, uint64_t *ret_bytes) {
    return mirror_file_size(mirror_of(fs), file_of(fd), ret_bytes);
}

/* The copy with the least space says how much there is. */
static struct status fs_space_all(struct fs *fs, int dir_fd, struct fs_space *ret_space) {
    struct mirror *mirror = mirror_of(fs);
    CHECK(dir_fd == MIRROR_DIR_FD);
    struct mirror_calls calls = {0};
    bool found = false;
    calls_on_file(mirror, &calls, mirror_in_service(mirror), 0, mirror_run_space);
    mirror_calls_run(mirror, &calls);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        const struct mirror_call *call = calls.calls[i];
        if (!call || !is_ok(call->status)) continue;
        if (found && call->ret_space.free_bytes >= ret_space->free_bytes) continue;
        *ret_space = call->ret_space;
        found = true;
    }
    mirror_calls_end(&calls);
    return status_of(found ? STATUS_OK : STATUS_IO);
}

/* ---- reading ---- */

/* Reads from copy `i`. Where the answer is not OK or RANGE, the copy is charged. */
static struct status read_one(struct mirror *mirror, unsigned i, unsigned file, uint64_t offset,
                              void *buffer, size_t len) {
    struct mirror_side *side = &mirror->sides[i];
    struct mirror_calls calls = {0};
    calls_on_file(mirror, &calls, 1u << i, file, mirror_run_read);
    struct mirror_call *call = calls.calls[i];
    call->offset = offset;
    call->len = len;
    call->bytes = mirror_bytes_new(len);
    mirror_calls_run(mirror, &calls);
    call = calls.calls[i];
    struct status s = call ? call->status : status_of(STATUS_TIMEOUT);
    if (is_ok(s)) memcpy(buffer, call->bytes->ptr, len);
    mirror_calls_end(&calls);
    pthread_mutex_lock(&mirror->lock);
    if (is_ok(s) || status_is(s, STATUS_RANGE)) {
        side->read_errors = 0;
    } else if (++side->read_errors >= READ_ERRORS_MAX || status_is(s, STATUS_TIMEOUT)) {
        mirror_side_fail(side, s);
    }
    pthread_mutex_unlock(&mirror->lock);
    return s;
}

struct status mirror_read_any(struct mirror *mirror, unsigned file, uint64_t offset, void *buffer,
                              size_t len) {
    unsigned set = mirror_in_service(mirror);
    struct status s = status_of(STATUS_IO);
    unsigned first = (unsigned)(offset / SPREAD_BYTES % mirror->side_count);
    bool failed = false;
    for (unsigned n = 0; n < mirror->side_count; n++) {
        unsigned i = (first + n) % mirror->side_count;
        if (!(set & 1u << i)) continue;
        s = read_one(mirror, i, file, offset, buffer, len);
        if (is_ok(s)) break;
        failed = failed || !status_is(s, STATUS_RANGE);
    }
    /* The bytes are right all the same; who writes next finds out if this is the end. */
    if (failed) IGNORE_STATUS(mirror_drop_failing(mirror));
    if (is_ok(s) || status_is(s, STATUS_RANGE)) return s;
    return status_of(STATUS_IO);
}

static struct status fs_read_one(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len) {
    struct mirror *mirror = mirror_of(fs);
    struct mirror_span span = {0};
    mirror_span_begin(mirror, &span);
    struct status s = mirror_read_any(mirror, file_of(fd), offset, buffer, len);
    mirror_span_end(mirror, &span);
    return s;
}

static bool fs_is_cached_nowhere(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    (void)fs;
    (void)fd;
    (void)offset;
    (void)len;
    return false;
}

/* What the log and the index need; nothing else is asked. */
static const struct fs_ops mirror_ops = {
    .dir_sync = fs_dir_sync_all,
    .open_write = fs_open_all,
    .close = fs_close_all,
    .size = fs_size_all,
    .write = fs_write_all,
    .read = fs_read_one,
    .sync_data = fs_sync_all,
    .preallocate = fs_preallocate_all,
    .is_cached = fs_is_cached_nowhere,
    .space = fs_space_all,
};

/* Writes `bytes` to one copy, and to nobody else. */
static struct status write_one(struct mirror *mirror, unsigned i, unsigned file, uint64_t offset,
                               const char *bytes, size_t len) {
    struct mirror_span span = {.file = file, .from = offset, .to = offset + len};
    struct mirror_calls calls = {0};
    mirror_span_begin(mirror, &span);
    span.targets &= 1u << i;
    calls_on_file(mirror, &calls, span.targets, file, mirror_run_write);
    struct mirror_call *call = calls.calls[i];
    if (!call) {
        mirror_span_end(mirror, &span);
        return status_ok(); /* it has been dropped meanwhile */
    }
    call->offset = offset;
    call->len = len;
    call->bytes = mirror_bytes_new(len);
    memcpy(call->bytes->ptr, bytes, len);
    mirror_calls_run(mirror, &calls);
    return outcome(mirror, &span, &calls, false);
}

/* Puts the good bytes in the place of what copy `i` has. `theirs` is for reading that. */
static void side_mend(struct mirror *mirror, unsigned i, unsigned file, uint64_t offset,
                      const char *good, size_t len, size_t skip, size_t used, char *theirs) {
    struct mirror_span span = {0};
    mirror_span_begin(mirror, &span);
    struct status s = read_one(mirror, i, file, offset, theirs, len);
    mirror_span_end(mirror, &span);
    if (is_ok(s) && memcmp(theirs + skip, good + skip, used) == 0) return;
    /* M8: around them may be what only this copy has whole. */
    if (!is_ok(s)) memcpy(theirs, good, len);
    memcpy(theirs + skip, good + skip, used);
    /* A copy that takes no writes is dropped, and that is all there is to do. */
    IGNORE_STATUS(write_one(mirror, i, file, offset, theirs, len));
    pthread_mutex_lock(&mirror->lock);
    mirror->sides[i].mended++;
    pthread_mutex_unlock(&mirror->lock);
}

struct status mirror_recover(struct mirror *mirror, int fd, uint64_t offset, char *buffer,
                             size_t len, size_t skip, size_t used, struct mirror_check *check) {
    unsigned file = file_of(fd);
    struct status s = status_of(STATUS_CORRUPT);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_span span = {0};
        mirror_span_begin(mirror, &span);
        bool reads = span.targets & 1u << i;
        if (reads) s = read_one(mirror, i, file, offset, buffer, len);
        mirror_span_end(mirror, &span);
        if (!reads || !is_ok(s)) continue;
        s = status_of(check->is_good(check, buffer) ? STATUS_OK : STATUS_CORRUPT);
        if (is_ok(s)) break;
    }
    if (!is_ok(s)) return status_is(s, STATUS_IO) ? s : status_of(STATUS_CORRUPT);
    char *theirs = aligned_alloc(FS_DIRECT_ALIGN, len);
    CHECK(theirs);
    unsigned set = mirror_in_service(mirror);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (set & 1u << i) side_mend(mirror, i, file, offset, buffer, len, skip, used, theirs);
    }
    free(theirs);
    return s;
}

void mirror_read_all(struct mirror *mirror, int fd, uint64_t offset,
                     char *const buffers[MIRROR_COPIES_MAX], size_t len,
                     bool ret_valid[MIRROR_COPIES_MAX]) {
    struct mirror_calls calls = {0};
    calls_on_file(mirror, &calls, mirror_in_service(mirror), file_of(fd), mirror_run_read);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_call *call = calls.calls[i];
        if (!call) continue;
        call->flags = 1; /* past the end: zeros */
        call->offset = offset;
        call->len = len;
        call->bytes = mirror_bytes_new(len);
    }
    mirror_calls_run(mirror, &calls);
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        const struct mirror_call *call = calls.calls[i];
        ret_valid[i] = call && is_ok(call->status);
        if (ret_valid[i]) memcpy(buffers[i], call->bytes->ptr, len);
    }
    mirror_calls_end(&calls);
}

bool mirror_level(struct mirror *mirror, int fd, uint64_t offset,
                  char *const buffers[MIRROR_COPIES_MAX], const bool valid[MIRROR_COPIES_MAX],
                  const char *bytes, size_t len) {
    bool differed = false;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (valid[i] && memcmp(buffers[i], bytes, len) == 0) continue;
        if (!(mirror_in_service(mirror) & 1u << i)) continue;
        differed = true;
        /* A copy that can't be written to has been dropped. */
        IGNORE_STATUS(write_one(mirror, i, file_of(fd), offset, bytes, len));
    }
    return differed;
}

/* ---- open and close ---- */

void mirror_found_close(struct fs *fs, struct mirror_found *found) {
    fs_close(fs, &found->dir_fd);
    fs_close(fs, &found->lock_fd);
}

void mirror_side_take(struct mirror_side *side, struct mirror_found *found) {
    side->dir_fd = found->dir_fd;
    side->lock_fd = found->lock_fd;
    found->dir_fd = found->lock_fd = -1;
    side->device = found->device;
    side->has_device = is_ok(found->status) && !found->is_foreign;
    if (!found->has_record) return;
    side->serial = found->record.serial;
    side->id = found->record.own;
}

void mirror_side_close(struct mirror *mirror, struct mirror_side *side) {
    struct fs *fs = mirror->config.fs;
    for (unsigned i = 0; i < MIRROR_FILES; i++) fs_close(fs, &side->fds[i]);
    fs_close(fs, &side->dir_fd);
    fs_close(fs, &side->lock_fd);
}

/* A place that did not answer is not asked again: each time would cost a thread. */
static void side_hangs(struct mirror *mirror, struct mirror_side *side) {
    pthread_mutex_lock(&mirror->lock);
    if (side->state != MIRROR_SERVING) mirror_side_set(side, MIRROR_HUNG, "it does not answer");
    pthread_mutex_unlock(&mirror->lock);
}

void mirror_attach(struct mirror *mirror, unsigned which, unsigned flags,
                   struct mirror_found found[MIRROR_COPIES_MAX]) {
    struct mirror_calls calls = {0};
    for (unsigned i = 0; i < mirror->side_count; i++) {
        found[i] = (struct mirror_found){.dir_fd = -1, .lock_fd = -1};
        if (!(which & 1u << i)) continue;
        struct mirror_call *call = mirror_call_add(mirror, &calls, i, mirror_run_attach);
        call->path = strdup(mirror->sides[i].path);
        CHECK(call->path);
        call->is_home = mirror->sides[i].is_home;
        call->flags = flags;
        call->store = mirror->config.store_id;
    }
    mirror_calls_run(mirror, &calls);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_call *call = calls.calls[i];
        if (!(which & 1u << i)) continue;
        if (call) {
            found[i] = call->found;
            call->found.dir_fd = call->found.lock_fd = -1;
        }
        found[i].status = call ? call->status : status_of(STATUS_TIMEOUT);
        found[i].is_absent = status_is(found[i].status, STATUS_NOT_FOUND);
        if (!call) side_hangs(mirror, &mirror->sides[i]);
    }
    mirror_calls_end(&calls);
}

static void found_settle(struct mirror_side *side, const struct mirror_found *found) {
    if (status_is(found->status, STATUS_TIMEOUT)) {
        mirror_side_set(side, MIRROR_HUNG, "it does not answer");
    } else if (found->is_absent) {
        mirror_side_set(side, MIRROR_ABSENT, "there is no such directory");
    } else if (!is_ok(found->status)) {
        mirror_side_set(side, MIRROR_ABSENT, "%s", status_text(found->status.code));
    } else if (found->is_foreign) {
        mirror_side_set(side, MIRROR_FOREIGN, "%s", found->why.text);
    } else if (!found->has_record) {
        mirror_side_set(side, MIRROR_WAITING, "there is no copy yet");
    }
}

/* All places of a new store begin together. */
static struct status places_make(struct mirror *mirror, const struct mirror_found *found,
                                 struct note *note) {
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_side *side = &mirror->sides[i];
        if (!is_ok(found[i].status) || found[i].is_foreign) {
            struct status s = found[i].is_foreign ? status_of(STATUS_INVALID) : found[i].status;
            return note_status(note, s.code, "%s", side->line.text);
        }
        random_fill(mirror->config.random, side->id.bytes, MIRROR_ID_LEN);
        mirror_side_set(side, MIRROR_SERVING, NULL);
    }
    return status_ok();
}

static struct status open_steps(struct mirror *mirror, struct note *note) {
    struct mirror_found found[MIRROR_COPIES_MAX];
    unsigned all = (1u << mirror->side_count) - 1;
    mirror_attach(mirror, all, mirror->config.is_new ? MIRROR_ATTACH_MAKE : 0, found);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        mirror_side_take(&mirror->sides[i], &found[i]);
        found_settle(&mirror->sides[i], &found[i]);
    }
    if (mirror->config.is_new) return places_make(mirror, found, note);
    bool is_alone = mirror->side_count == 1 && !found[0].has_record && !found[0].record_is_bad;
    if (is_alone && !is_ok(found[0].status)) {
        return note_status(note, found[0].status.code, "%s", mirror->sides[0].line.text);
    }
    if (is_alone && mirror->sides[0].dir_fd < 0) {
        return note_status(note, STATUS_NOT_FOUND, "its folder 'meta' is not there");
    }
    if (is_alone) return status_ok(); /* as ever: who opens the files finds what is wrong */
    return mirror_decide(mirror, found, note);
}

static void side_init(struct mirror_side *side, const struct mirror_place *place, bool is_home) {
    snprintf(side->name, sizeof side->name, "%s", place->name);
    snprintf(side->path, sizeof side->path, "%s", place->path);
    side->is_home = is_home;
    side->dir_fd = side->lock_fd = -1;
    for (unsigned i = 0; i < MIRROR_FILES; i++) {
        side->fds[i] = -1;
        CHECK(pthread_mutex_init(&side->sync_locks[i], NULL) == 0);
    }
}

static struct mirror *mirror_new(const struct mirror_config *config) {
    CHECK(config->place_count >= 1 && config->place_count <= MIRROR_COPIES_MAX);
    struct mirror *mirror = calloc(1, sizeof *mirror);
    CHECK(mirror);
    mirror->fs.ops = &mirror_ops;
    mirror->config = *config;
    if (mirror->config.io_deadline_ms == 0) mirror->config.io_deadline_ms = IO_DEADLINE_MS;
    mirror->side_count = (unsigned)config->place_count;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        side_init(&mirror->sides[i], &config->places[i], i == 0);
    }
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&mirror->changed, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    CHECK(pthread_mutex_init(&mirror->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&mirror->change_lock, NULL) == 0);
    if (!config->inline_io && mirror->side_count > 1) mirror->timely = timely_new();
    return mirror;
}

struct status mirror_open(const struct mirror_config *config, struct note *note,
                          struct mirror **ret_mirror) {
    struct mirror *mirror = mirror_new(config);
    struct status s = open_steps(mirror, note);
    mirror->config.places = NULL; /* the caller's, as is the name */
    mirror->config.accept_from = NULL;
    if (is_ok(s)) {
        *ret_mirror = mirror;
    } else {
        mirror_close(&mirror);
    }
    return s;
}

struct status mirror_sign(struct mirror *mirror, struct note *note) {
    if (mirror->is_signed || mirror->side_count == 1) return status_ok();
    mirror->is_signed = true;
    pthread_mutex_lock(&mirror->change_lock);
    struct status s = mirror_establish(mirror, (1u << mirror->side_count) - 1, -1);
    pthread_mutex_unlock(&mirror->change_lock);
    if (!is_ok(s)) note_set(note, "can't write which copies of the metadata are in service");
    return s;
}

struct fs *mirror_fs(struct mirror *mirror) {
    return mirror->side_count > 1 ? &mirror->fs : mirror->config.fs;
}

int mirror_dir_fd(const struct mirror *mirror) {
    return mirror->side_count > 1 ? MIRROR_DIR_FD : mirror->sides[0].dir_fd;
}

struct mirror *mirror_or_null(struct mirror *mirror) {
    return mirror->side_count > 1 ? mirror : NULL;
}

uint64_t mirror_epoch(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->lock);
    uint64_t epoch = mirror->epoch;
    pthread_mutex_unlock(&mirror->lock);
    return epoch;
}

size_t mirror_count(const struct mirror *mirror) {
    return mirror->side_count;
}

void mirror_copy_read(struct mirror *mirror, size_t index, struct mirror_copy *ret_copy) {
    CHECK(index < mirror->side_count);
    struct mirror_side *side = &mirror->sides[index];
    pthread_mutex_lock(&mirror->lock);
    *ret_copy = (struct mirror_copy){.state = side->state,
                                     .line = side->line,
                                     .fill_bytes = side->fill_bytes,
                                     .mended = side->mended};
    for (unsigned i = 0; i < MIRROR_FILES; i++) ret_copy->filled_bytes += side->copied[i];
    pthread_mutex_unlock(&mirror->lock);
    snprintf(ret_copy->name, sizeof ret_copy->name, "%s", side->name);
    snprintf(ret_copy->path, sizeof ret_copy->path, "%s", side->path);
}

/* How many copies of a set there are, those of one device counted once unless `same_device`. */
static unsigned copies_count(const struct mirror *mirror, unsigned set, bool same_device) {
    unsigned count = 0;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        const struct mirror_side *side = &mirror->sides[i];
        bool counts = set & 1u << i;
        for (unsigned j = 0; j < i && side->has_device && !same_device; j++) {
            const struct mirror_side *other = &mirror->sides[j];
            bool one = other->has_device && other->device == side->device;
            if ((set & 1u << j) && one) counts = false;
        }
        count += counts;
    }
    return count;
}

unsigned mirror_serving(struct mirror *mirror, bool same_device) {
    unsigned set = mirror->side_count == 1 ? 1 : mirror_in_service(mirror);
    return copies_count(mirror, set, same_device);
}

unsigned mirror_planned(struct mirror *mirror, bool same_device) {
    return copies_count(mirror, (1u << mirror->side_count) - 1, same_device);
}

void mirror_close(struct mirror **mirror) {
    struct mirror *self = *mirror;
    *mirror = NULL;
    if (!self) return;
    mirror_stop(self);
    /* A thread that is stuck in a call uses the rest; the locks of the copies end with us. */
    if (!timely_free(&self->timely)) return;
    for (unsigned i = 0; i < self->side_count; i++) {
        mirror_side_close(self, &self->sides[i]);
        for (unsigned j = 0; j < MIRROR_FILES; j++) {
            pthread_mutex_destroy(&self->sides[i].sync_locks[j]);
        }
    }
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    pthread_mutex_destroy(&self->change_lock);
    free(self);
}
