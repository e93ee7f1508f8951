#include "engine/fan.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/thread.h"

enum { THREADS_MAX = 16, STACK_BYTES = 64 * 1024 };

struct fan {
    unsigned thread_count;
    struct thread threads[THREADS_MAX];
    unsigned started;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    void (*work)(void *argument, size_t i);
    void *argument;
    size_t count;
    size_t next;
    size_t done;
    bool closing;
};

struct fan *fan_new(unsigned threads) {
    struct fan *fan = calloc(1, sizeof *fan);
    CHECK(fan && threads <= THREADS_MAX);
    fan->thread_count = threads;
    CHECK(pthread_mutex_init(&fan->lock, NULL) == 0);
    CHECK(pthread_cond_init(&fan->changed, NULL) == 0);
    return fan;
}

/* Does pieces until none is left. Called under the lock, which is let go meanwhile. */
static void pieces_do(struct fan *fan) {
    while (fan->next < fan->count) {
        size_t i = fan->next++;
        pthread_mutex_unlock(&fan->lock);
        fan->work(fan->argument, i);
        pthread_mutex_lock(&fan->lock);
        if (++fan->done == fan->count) pthread_cond_broadcast(&fan->changed);
    }
}

static void *fan_thread(void *argument) {
    struct fan *fan = argument;
    pthread_mutex_lock(&fan->lock);
    while (!fan->closing) {
        pieces_do(fan);
        pthread_cond_wait(&fan->changed, &fan->lock);
    }
    pthread_mutex_unlock(&fan->lock);
    return NULL;
}

/* Fewer threads than wanted only make it slower. */
static void threads_start(struct fan *fan) {
    while (fan->started < fan->thread_count) {
        struct thread_config config = {.name = "hink-read",
                                       .stack_size_bytes = STACK_BYTES,
                                       .run = fan_thread,
                                       .argument = fan};
        if (!is_ok(thread_start(&config, NULL, &fan->threads[fan->started]))) return;
        fan->started++;
    }
}

void fan_run(struct fan *fan, size_t count, void (*work)(void *argument, size_t i),
             void *argument) {
    if (count > 1) threads_start(fan);
    pthread_mutex_lock(&fan->lock);
    fan->work = work;
    fan->argument = argument;
    fan->count = count;
    fan->next = fan->done = 0;
    if (count > 1) pthread_cond_broadcast(&fan->changed);
    pieces_do(fan);
    while (fan->done < fan->count) pthread_cond_wait(&fan->changed, &fan->lock);
    fan->count = fan->next = fan->done = 0;
    pthread_mutex_unlock(&fan->lock);
}

void fan_free(struct fan **fan) {
    struct fan *self = *fan;
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    for (unsigned i = 0; i < self->started; i++) thread_join(&self->threads[i]);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *fan = NULL;
}
