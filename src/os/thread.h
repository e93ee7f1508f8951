/*
 * thread.h - threads of the process: named, with a small stack, and deaf to signals
 *
 *     thread_start ── runs ── thread_join
 *
 * A thread started here has every signal blocked: the process's signals are for whoever asked for
 * them (signalfd or the main thread), and a SIGPIPE of sendfile goes nowhere.
 *
 * Threads: any.
 */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>

#include "base/note.h"
#include "base/status.h"

enum { THREAD_NAME_MAX = 15 };

struct thread {
    pthread_t id;
};

/* What a thread is to be. */
struct thread_config {
    const char *name;        /* at most THREAD_NAME_MAX bytes, as seen in top and gdb */
    size_t stack_size_bytes; /* 0: the system's default; sanitizer builds take four times as much */
    void *(*run)(void *argument);
    void *argument;
};

/*
 * Starts a thread that runs `config->run(config->argument)`.
 * Owns: the caller, until thread_join.
 * Errors: NO_MEMORY, BUSY where the system has no more threads.
 */
struct status thread_start(const struct thread_config *config, struct note *note,
                           struct thread *ret_thread);

/*
 * Waits until the thread has returned.
 * Blocks: so long as it runs.
 */
void thread_join(struct thread *thread);

#endif
