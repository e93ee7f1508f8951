#include "engine/timely.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"

enum { STACK_BYTES = 128 * 1024, GRACE_NS = 200000000 };

struct timely *timely_new(void) {
    struct timely *pool = calloc(1, sizeof *pool);
    CHECK(pool);
    pool->last = &pool->first;
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    CHECK(pthread_cond_init(&pool->work, NULL) == 0);
    CHECK(pthread_cond_init(&pool->ended, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    return pool;
}

static struct timespec from_now(int64_t ns) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ns / 1000000000);
    at.tv_nsec += (long)(ns % 1000000000);
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool timely_free(struct timely **pool) {
    struct timely *self = *pool;
    *pool = NULL;
    if (!self) return true;
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    struct timespec until = from_now(GRACE_NS);
    while (self->late > 0) {
        if (pthread_cond_timedwait(&self->ended, &self->lock, &until) == ETIMEDOUT) break;
    }
    bool stuck = self->late > 0;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->lock);
    if (stuck) return false;
    for (size_t i = 0; i < self->thread_count; i++) thread_join(&self->threads[i]);
    CHECK(!self->first);
    pthread_cond_destroy(&self->work);
    pthread_cond_destroy(&self->ended);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return true;
}

static struct timely_task *task_take(struct timely *pool) {
    while (!pool->first && !pool->closing) {
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
    }
    struct timely_task *task = pool->first;
    if (!task) return NULL;
    pool->first = task->next;
    if (!pool->first) pool->last = &pool->first;
    pool->queued--;
    return task;
}

static void *thread_run(void *argument) {
    struct timely *pool = argument;
    pthread_mutex_lock(&pool->lock);
    struct timely_task *task;
    while ((task = task_take(pool))) {
        pthread_mutex_unlock(&pool->lock);
        task->run(task);
        pthread_mutex_lock(&pool->lock);
        task->done = true;
        if (task->late) {
            pool->late--;
            pthread_cond_broadcast(&pool->ended);
            pthread_mutex_unlock(&pool->lock);
            task->drop(task);
            pthread_mutex_lock(&pool->lock);
        } else {
            pthread_cond_broadcast(&pool->ended);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Starts a thread if the queue has more tasks than threads that wait for one. */
static bool thread_add(struct timely *pool) {
    if (pool->idle > pool->queued) return true;
    if (pool->thread_count == TIMELY_THREADS_MAX) return false;
    struct thread_config config = {
        .name = "hink-drive", .stack_size_bytes = STACK_BYTES, .run = thread_run, .argument = pool};
    if (!is_ok(thread_start(&config, NULL, &pool->threads[pool->thread_count]))) return false;
    pool->thread_count++;
    return true;
}

void timely_submit(struct timely *pool, struct timely_task *task) {
    task->next = NULL;
    task->done = task->late = false;
    pthread_mutex_lock(&pool->lock);
    bool taken = thread_add(pool);
    if (taken) {
        *pool->last = task;
        pool->last = &task->next;
        pool->queued++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (taken) return;
    task->run(task);
    task->done = true;
}

static bool all_done(struct timely_task *const *tasks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] && !tasks[i]->done) return false;
    }
    return true;
}

size_t timely_wait(struct timely *pool, struct timely_task **tasks, size_t count,
                   int64_t deadline_ns) {
    struct timespec until = from_now(deadline_ns);
    size_t late = 0;
    pthread_mutex_lock(&pool->lock);
    while (!all_done(tasks, count)) {
        int error = deadline_ns > 0 ? pthread_cond_timedwait(&pool->ended, &pool->lock, &until)
                                    : pthread_cond_wait(&pool->ended, &pool->lock);
        if (error == ETIMEDOUT) break;
    }
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i] || tasks[i]->done) continue;
        tasks[i]->late = true;
        tasks[i] = NULL;
        late++;
    }
    pool->late += late;
    pthread_mutex_unlock(&pool->lock);
    return late;
}
