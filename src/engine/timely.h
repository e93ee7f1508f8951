/*
 * timely.h - calls on several drives at once, none of which is waited for longer than a deadline
 *
 *     task: init ── timely_submit ── timely_wait ── (done) ── the caller's again
 *                                    └── (late) ── the pool's, until it ends; then it is dropped
 *
 * A call on a drive that does not answer can't be taken back: its thread is stuck in the kernel,
 * and what it reads or writes must stay where it is. So a task owns everything it touches. Whoever
 * gave up on it forgets it; its `drop` is called when it ends after all, which may be never.
 *
 * Threads are started as tasks come that find none idle, and stay.
 *
 * Threads: any number submit; a task belongs to one until it is late.
 */
#ifndef ENGINE_TIMELY_H
#define ENGINE_TIMELY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/thread.h"

enum { TIMELY_THREADS_MAX = 512 };

struct timely_task {
    struct timely_task *next;
    void (*run)(struct timely_task *task);
    void (*drop)(struct timely_task *task); /* of a late task: frees it and what it owns */
    bool done;                              /* under the pool's lock, as is the next */
    bool late;
};

struct timely {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t work;
    pthread_cond_t ended;
    struct timely_task *first;
    struct timely_task **last;
    size_t queued;
    size_t idle;
    size_t thread_count;
    size_t late; /* tasks that nobody waits for any more */
    bool closing;
    struct thread threads[TIMELY_THREADS_MAX];
};

/* A pool without threads. Owns: the caller. */
struct timely *timely_new(void);

/*
 * Ends its threads; NULL is allowed. While a task is late the pool can't end: then the answer is
 * false, and it is left as it is, with its threads, until the process ends.
 */
bool timely_free(struct timely **pool);

/* Hands a task over; it is run by the caller where no thread can be had. */
void timely_submit(struct timely *pool, struct timely_task *task);

/*
 * Waits until the tasks have ended, at most `deadline_ns` from now (0: without end). Late ones are
 * the pool's from here on: their pointers become NULL. The answer is how many are.
 */
size_t timely_wait(struct timely *pool, struct timely_task **tasks, size_t count,
                   int64_t deadline_ns);

#endif
