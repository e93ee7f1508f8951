#include "object/tidy.h"

#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "object/inner.h"
#include "object/tidy_steps.h"
#include "os/thread.h"

enum {
    WANTED_MAX = 1024,   /* more: every bucket gets a look */
    GATHER_MS = 200,     /* what comes within that time is done in one go */
    RETRY_MS = 5 * 1000, /* after an error, and for what is still pinned */
    FULL_PASS_MS = 60 * 60 * 1000
};

struct tidy {
    struct object_store *store;
    bool started;
    struct thread thread;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t news;
    struct kv_partition wanted[WANTED_MAX];
    size_t wanted_count;
    bool wants_all;
    bool wants_pending;
    bool stopping;
};

/* What a round of the thread has to do. */
struct round {
    struct kv_partition wanted[WANTED_MAX];
    size_t wanted_count;
    bool all;
    bool pending;
};

struct tidy *tidy_new(struct object_store *store) {
    struct tidy *tidy = calloc(1, sizeof *tidy);
    CHECK(tidy);
    tidy->store = store;
    tidy->wants_all = true;
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&tidy->news, &monotonic) == 0);
    CHECK(pthread_mutex_init(&tidy->lock, NULL) == 0);
    pthread_condattr_destroy(&monotonic);
    return tidy;
}

static void want(struct tidy *tidy, struct kv_partition partition) {
    for (size_t i = 0; i < tidy->wanted_count; i++) {
        if (kv_partition_eq(tidy->wanted[i], partition)) return;
    }
    if (tidy->wanted_count == WANTED_MAX) {
        tidy->wants_all = true;
        return;
    }
    tidy->wanted[tidy->wanted_count++] = partition;
}

void tidy_wants(struct tidy *tidy, struct kv_partition partition) {
    pthread_mutex_lock(&tidy->lock);
    want(tidy, partition);
    pthread_cond_signal(&tidy->news);
    pthread_mutex_unlock(&tidy->lock);
}

void tidy_wants_drop(struct tidy *tidy) {
    pthread_mutex_lock(&tidy->lock);
    tidy->wants_pending = true;
    pthread_cond_signal(&tidy->news);
    pthread_mutex_unlock(&tidy->lock);
}

bool tidy_is_stopping(struct tidy *tidy) {
    pthread_mutex_lock(&tidy->lock);
    bool stopping = tidy->stopping;
    pthread_mutex_unlock(&tidy->lock);
    return stopping;
}

/* Waits for news, or for `wait_ms`; with `until_stop` for the end only. Order: under the lock. */
static void wait_for(struct tidy *tidy, int64_t wait_ms, bool until_stop) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + ns / 1000000000);
    until.tv_nsec = ns % 1000000000;
    int waited = 0;
    while (waited == 0 && !tidy->stopping) {
        bool news = tidy->wants_all || tidy->wants_pending || tidy->wanted_count > 0;
        if (news && !until_stop) return;
        waited = pthread_cond_timedwait(&tidy->news, &tidy->lock, &until);
    }
}

/* Takes over what is wanted, and forgets it. */
static void round_begin(struct tidy *tidy, struct round *round) {
    pthread_mutex_lock(&tidy->lock);
    wait_for(tidy, FULL_PASS_MS, false);
    bool nothing = !tidy->wants_all && !tidy->wants_pending && tidy->wanted_count == 0;
    wait_for(tidy, GATHER_MS, true);
    memcpy(round->wanted, tidy->wanted, tidy->wanted_count * sizeof tidy->wanted[0]);
    round->wanted_count = tidy->wanted_count;
    round->all = tidy->wants_all || nothing;
    round->pending = tidy->wants_pending;
    tidy->wanted_count = 0;
    tidy->wants_all = false;
    tidy->wants_pending = false;
    pthread_mutex_unlock(&tidy->lock);
}

/* Notes again what could not be done, and waits before it is tried. */
static void round_again(struct tidy *tidy, const struct round *left) {
    pthread_mutex_lock(&tidy->lock);
    wait_for(tidy, RETRY_MS, true);
    for (size_t i = 0; i < left->wanted_count; i++) want(tidy, left->wanted[i]);
    tidy->wants_all |= left->all;
    tidy->wants_pending |= left->pending;
    pthread_mutex_unlock(&tidy->lock);
}

/* Does a round; what is left of it stays in `*round`. An error is met again by the next round. */
static void round_run(struct tidy *tidy, struct round *round) {
    size_t left = 0;
    bool done = false;
    for (size_t i = 0; i < round->wanted_count; i++) {
        struct status s = tidy_partition(tidy->store, round->wanted[i], &done);
        if (!is_ok(s)) atomic_fetch_add(&tidy->store->tidy_errors, 1);
        if (!is_ok(s) || !done) round->wanted[left++] = round->wanted[i];
    }
    round->wanted_count = left;
    if (round->all) {
        struct status s = object_store_tidy(tidy->store, &done);
        round->all = !is_ok(s) || !done;
    } else if (round->pending) {
        struct status s = tidy_pending(tidy->store, &done);
        round->pending = !is_ok(s) || !done;
    }
}

static void *tidy_run(void *argument) {
    struct tidy *tidy = argument;
    struct round *round = calloc(1, sizeof *round);
    CHECK(round);
    while (!tidy_is_stopping(tidy)) {
        round_begin(tidy, round);
        if (!tidy_is_stopping(tidy)) round_run(tidy, round);
        if (round->wanted_count > 0 || round->all || round->pending) round_again(tidy, round);
    }
    free(round);
    return NULL;
}

struct status tidy_start(struct tidy *tidy, struct note *note) {
    const struct thread_config config = {
        .name = "hink-tidy", .run = tidy_run, .argument = tidy, .stack_size_bytes = 256 * 1024};
    TRY(thread_start(&config, note, &tidy->thread));
    tidy->started = true;
    return status_ok();
}

void tidy_free(struct tidy **tidy) {
    if (!*tidy) return;
    pthread_mutex_lock(&(*tidy)->lock);
    (*tidy)->stopping = true;
    pthread_cond_signal(&(*tidy)->news);
    pthread_mutex_unlock(&(*tidy)->lock);
    if ((*tidy)->started) thread_join(&(*tidy)->thread);
    pthread_cond_destroy(&(*tidy)->news);
    pthread_mutex_destroy(&(*tidy)->lock);
    free(*tidy);
    *tidy = NULL;
}
