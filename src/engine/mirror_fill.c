/* Filling a copy again while the others serve, and looking after those that are gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/mirror_inside.h"

enum { FILLER_STACK_BYTES = 128 * 1024, LOOK_EVERY_S = 1 };

static const int64_t rest_ns = 60 * NS_PER_S;

/* Ends the filling of a copy for now. */
static void fill_end(struct mirror *mirror, struct mirror_side *side, struct status s) {
    pthread_mutex_lock(&mirror->lock);
    bool hangs = atomic_load(&side->hangs);
    for (unsigned i = 0; i < MIRROR_FILES; i++) side->copied[i] = 0;
    if (status_is(s, STATUS_NO_SPACE)) {
        mirror_side_set(side, MIRROR_WAITING, "there is no room to fill it");
        side->rests_until_ns = clock_mono_ns(mirror->config.clock) + rest_ns;
    } else {
        side->seen_absent = false;
        mirror_side_set(side, hangs ? MIRROR_HUNG : MIRROR_FAILED, "it could not be filled: %s",
                        status_text(s.code));
    }
    pthread_mutex_unlock(&mirror->lock);
}

/* A call on one copy beside all others. */
static struct status call_one(struct mirror *mirror, unsigned i, unsigned file,
                              struct status (*run)(struct mirror_call *call), uint64_t offset,
                              struct mirror_bytes *bytes, size_t len, int *ret_fd) {
    struct mirror_side *side = &mirror->sides[i];
    struct mirror_calls calls = {0};
    struct mirror_call *call = mirror_call_add(mirror, &calls, i, run);
    call->fd = side->fds[file];
    call->dir_fd = side->dir_fd;
    call->sync_lock = &side->sync_locks[file];
    call->offset = offset;
    call->len = len;
    call->bytes = bytes;
    if (bytes) atomic_fetch_add(&bytes->holders, 1);
    if (ret_fd) {
        snprintf(call->name, sizeof call->name, "%s", mirror->files[file].name);
        call->flags = mirror->files[file].flags | FS_CREATE;
    }
    mirror_calls_run(mirror, &calls);
    call = calls.calls[i];
    struct status s = call ? call->status : status_of(STATUS_TIMEOUT);
    if (is_ok(s) && ret_fd) {
        *ret_fd = call->ret_fd;
        call->ret_fd = -1;
    }
    mirror_calls_end(&calls);
    return s;
}

/* Opens the files of a copy that is about to be filled. */
static struct status files_open(struct mirror *mirror, unsigned i) {
    for (unsigned file = 0; file < MIRROR_FILES; file++) {
        if (!mirror->files[file].name[0]) continue;
        int fd = -1;
        TRY(call_one(mirror, i, file, mirror_run_open, 0, NULL, 0, &fd));
        mirror->sides[i].fds[file] = fd;
    }
    return call_one(mirror, i, 0, mirror_run_dir_sync, 0, NULL, 0, NULL);
}

/*
 * Closes what is left of a copy's former life; false if that can't be, as a call on it has not
 * ended: it may have failed in one thread before another gave up waiting.
 */
static bool former_close(struct mirror *mirror, struct mirror_side *side) {
    mirror_barrier_begin(mirror);
    bool hangs = atomic_load(&side->hangs);
    if (!hangs) mirror_side_close(mirror, side);
    mirror_barrier_end(mirror);
    pthread_mutex_lock(&mirror->lock);
    if (hangs) mirror_side_set(side, MIRROR_HUNG, "a call on it has not ended");
    pthread_mutex_unlock(&mirror->lock);
    return !hangs;
}

static void fill_begin(struct mirror *mirror, unsigned i) {
    struct mirror_side *side = &mirror->sides[i];
    if (!former_close(mirror, side)) return;
    struct mirror_found found[MIRROR_COPIES_MAX];
    mirror_attach(mirror, 1u << i, MIRROR_ATTACH_MAKE | MIRROR_ATTACH_OURS, found);
    mirror_side_take(side, &found[i]);
    struct status s = found[i].status;
    if (status_is(s, STATUS_TIMEOUT)) return;
    if (!is_ok(s) || found[i].is_foreign) {
        const char *why = found[i].is_foreign ? found[i].why.text : status_text(s.code);
        pthread_mutex_lock(&mirror->lock);
        mirror_side_set(side, found[i].is_foreign ? MIRROR_FOREIGN : MIRROR_ABSENT, "%s", why);
        pthread_mutex_unlock(&mirror->lock);
        return;
    }
    atomic_store(&side->failing, false);
    /* M5: whatever it was, from here on it is no copy; and the one it becomes is another. */
    random_fill(mirror->config.random, side->id.bytes, MIRROR_ID_LEN);
    s = mirror_mark_filling(mirror, i);
    if (is_ok(s)) s = files_open(mirror, i);
    if (!is_ok(s)) {
        fill_end(mirror, side, s);
        return;
    }
    pthread_mutex_lock(&mirror->lock);
    for (unsigned file = 0; file < MIRROR_FILES; file++) side->copied[file] = 0;
    side->read_errors = 0;
    mirror_side_set(side, MIRROR_FILLING, "it is being filled");
    pthread_mutex_unlock(&mirror->lock);
}

/* Whether any call in progress touches the window. Called under the lock. */
static bool window_is_busy(const struct mirror *mirror) {
    const struct mirror_span *window = &mirror->window;
    for (const struct mirror_span *s = mirror->spans; s; s = s->next) {
        if (s->file == window->file && s->from < window->to && window->from < s->to) return true;
    }
    return false;
}

/* M6: while a piece is copied, nobody writes to it; what is behind it is written to both. */
static struct status piece_copy(struct mirror *mirror, unsigned i, unsigned file, uint64_t from,
                                uint64_t to) {
    pthread_mutex_lock(&mirror->lock);
    mirror->window = (struct mirror_span){.file = file, .from = from, .to = to};
    while (window_is_busy(mirror)) pthread_cond_wait(&mirror->changed, &mirror->lock);
    pthread_mutex_unlock(&mirror->lock);
    size_t len = (size_t)(to - from);
    struct mirror_bytes *bytes = mirror_bytes_new(len);
    struct status s = mirror_read_any(mirror, file, from, bytes->ptr, len);
    if (is_ok(s)) s = call_one(mirror, i, file, mirror_run_write, from, bytes, len, NULL);
    mirror_bytes_drop(&bytes);
    pthread_mutex_lock(&mirror->lock);
    mirror->window = (struct mirror_span){0};
    if (is_ok(s)) mirror->sides[i].copied[file] = to;
    pthread_cond_broadcast(&mirror->changed);
    pthread_mutex_unlock(&mirror->lock);
    return s;
}

/* Copies the next piece; says whether there was one. */
static struct status copy_next(struct mirror *mirror, unsigned i, bool *ret_more) {
    struct mirror_side *side = &mirror->sides[i];
    uint64_t whole = 0;
    *ret_more = false;
    for (unsigned file = 0; file < MIRROR_FILES; file++) {
        if (!mirror->files[file].name[0]) continue;
        uint64_t size;
        TRY(mirror_file_size(mirror, file, &size));
        whole += size;
        uint64_t from = side->copied[file];
        if (*ret_more || from >= size) continue;
        *ret_more = true;
        uint64_t to = from + MIRROR_COPY_BYTES < size ? from + MIRROR_COPY_BYTES : size;
        TRY(call_one(mirror, i, file, mirror_run_preallocate, size, NULL, 0, NULL));
        TRY(piece_copy(mirror, i, file, from, to));
    }
    pthread_mutex_lock(&mirror->lock);
    side->fill_bytes = whole;
    pthread_mutex_unlock(&mirror->lock);
    return status_ok();
}

static struct status files_sync(struct mirror *mirror, unsigned i) {
    for (unsigned file = 0; file < MIRROR_FILES; file++) {
        if (!mirror->files[file].name[0]) continue;
        TRY(call_one(mirror, i, file, mirror_run_sync, 0, NULL, 0, NULL));
    }
    return status_ok();
}

/* Takes a full copy into the set, while no call is in progress. */
static struct status join(struct mirror *mirror, unsigned i) {
    struct mirror_side *side = &mirror->sides[i];
    TRY(files_sync(mirror, i)); /* most of it, so that what follows is short */
    mirror_barrier_begin(mirror);
    bool more = false;
    struct status s = atomic_load(&side->failing) ? status_of(STATUS_IO) : status_ok();
    for (unsigned file = 0; is_ok(s) && file < MIRROR_FILES; file++) {
        uint64_t size = 0;
        if (mirror->files[file].name[0]) s = mirror_file_size(mirror, file, &size);
        more = more || size > side->copied[file];
    }
    /* M5: durable before it is in a set. */
    if (is_ok(s) && !more) s = files_sync(mirror, i);
    if (is_ok(s) && !more) {
        pthread_mutex_lock(&mirror->change_lock);
        s = mirror_establish(mirror, mirror_in_service(mirror) | 1u << i, (int)i);
        pthread_mutex_unlock(&mirror->change_lock);
    }
    mirror_barrier_end(mirror);
    return s;
}

bool mirror_fill(struct mirror *mirror) {
    unsigned i = 0;
    pthread_mutex_lock(&mirror->lock);
    while (i < mirror->side_count && mirror->sides[i].state != MIRROR_FILLING) i++;
    pthread_mutex_unlock(&mirror->lock);
    if (i == mirror->side_count) return false;
    struct mirror_side *side = &mirror->sides[i];
    bool more = true;
    struct status s = atomic_load(&side->failing) ? status_of(STATUS_IO) : status_ok();
    if (is_ok(s)) s = copy_next(mirror, i, &more);
    if (is_ok(s) && !more) s = join(mirror, i);
    if (is_ok(s)) return true;
    fill_end(mirror, side, s);
    return false;
}

/* ---- looking ---- */

/* Whether the place of a copy in service still leads to it: files that were removed take writes. */
static void service_look(struct mirror *mirror, unsigned set) {
    struct mirror_found found[MIRROR_COPIES_MAX];
    mirror_attach(mirror, set, MIRROR_ATTACH_PEEK, found);
    bool gone = false;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!(set & 1u << i)) continue;
        bool there = is_ok(found[i].status) && found[i].has_record &&
                     mirror_id_eq(&found[i].record.own, &mirror->sides[i].id);
        mirror_found_close(mirror->config.fs, &found[i]);
        if (there) continue;
        mirror_side_fail(&mirror->sides[i], status_of(STATUS_NOT_FOUND));
        gone = true;
    }
    /* If none would be left, who writes next hears of it. */
    if (gone) IGNORE_STATUS(mirror_drop_failing(mirror));
}

/* A copy that failed is tried again only after it was seen to be gone: then it is another one. */
static bool has_been_away(struct mirror *mirror, unsigned i) {
    struct mirror_side *side = &mirror->sides[i];
    struct mirror_found found[MIRROR_COPIES_MAX];
    mirror_attach(mirror, 1u << i, MIRROR_ATTACH_PEEK, found);
    bool away = found[i].is_absent ||
                (is_ok(found[i].status) && !found[i].has_record && !found[i].has_index);
    mirror_found_close(mirror->config.fs, &found[i]);
    pthread_mutex_lock(&mirror->lock);
    side->seen_absent = side->seen_absent || away;
    bool seen = side->seen_absent;
    pthread_mutex_unlock(&mirror->lock);
    return seen;
}

void mirror_look(struct mirror *mirror) {
    unsigned set = mirror_in_service(mirror);
    if (set & (set - 1)) service_look(mirror, set);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        pthread_mutex_lock(&mirror->lock);
        enum mirror_state state = mirror->sides[i].state;
        bool rests = mirror->sides[i].rests_until_ns > clock_mono_ns(mirror->config.clock);
        pthread_mutex_unlock(&mirror->lock);
        if (state == MIRROR_FILLING) return; /* one at a time */
        if (state == MIRROR_WAITING && rests) continue;
        if (state == MIRROR_SERVING || state == MIRROR_HUNG) continue;
        if (state == MIRROR_FAILED && !has_been_away(mirror, i)) continue;
        fill_begin(mirror, i);
    }
}

/* ---- the thread ---- */

static void filler_wait(struct mirror *mirror, int64_t ns) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at_ns = until.tv_nsec + ns;
    until.tv_sec += at_ns / NS_PER_S;
    until.tv_nsec = at_ns % NS_PER_S;
    pthread_mutex_lock(&mirror->lock);
    bool timed_out = false;
    while (!mirror->closing && !timed_out) {
        timed_out = pthread_cond_timedwait(&mirror->changed, &mirror->lock, &until) != 0;
    }
    pthread_mutex_unlock(&mirror->lock);
}

static bool is_closing(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->lock);
    bool closing = mirror->closing;
    pthread_mutex_unlock(&mirror->lock);
    return closing;
}

static void *filler_run(void *argument) {
    struct mirror *mirror = argument;
    uint64_t rate = mirror->config.fill_rate_bytes;
    int64_t piece_ns = rate ? (int64_t)((double)MIRROR_COPY_BYTES / (double)rate * NS_PER_S) : 0;
    mirror_look(mirror);
    int64_t looked_ns = clock_mono_ns(clock_system());
    while (!is_closing(mirror)) {
        bool filled = mirror_fill(mirror);
        filler_wait(mirror, filled ? piece_ns : LOOK_EVERY_S * NS_PER_S);
        int64_t now_ns = clock_mono_ns(clock_system());
        if (now_ns - looked_ns < LOOK_EVERY_S * NS_PER_S) continue;
        looked_ns = now_ns;
        mirror_look(mirror);
    }
    return NULL;
}

struct status mirror_start(struct mirror *mirror, struct note *note) {
    if (mirror->side_count == 1 || mirror->config.inline_io) return status_ok();
    struct thread_config config = {.name = "hink-mirror",
                                   .stack_size_bytes = FILLER_STACK_BYTES,
                                   .run = filler_run,
                                   .argument = mirror};
    TRY(thread_start(&config, note, &mirror->filler));
    mirror->has_filler = true;
    return status_ok();
}

void mirror_stop(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->lock);
    mirror->closing = true;
    pthread_cond_broadcast(&mirror->changed);
    pthread_mutex_unlock(&mirror->lock);
    if (mirror->has_filler) thread_join(&mirror->filler);
    mirror->has_filler = false;
}
