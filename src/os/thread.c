#include "os/thread.h"

#include <errno.h>
#include <signal.h>

#include "base/check.h"

#ifndef __has_feature
#define __has_feature(name) 0 /* gcc has macros instead */
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { STACK_FACTOR = 4 };
#else
enum { STACK_FACTOR = 1 };
#endif

static int start_with_attributes(const struct thread_config *config, pthread_attr_t *attributes,
                                 pthread_t *ret_id) {
    size_t stack = config->stack_size_bytes * STACK_FACTOR;
    if (stack > 0) CHECK(pthread_attr_setstacksize(attributes, stack) == 0);
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int error = pthread_create(ret_id, attributes, config->run, config->argument);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return error;
}

struct status thread_start(const struct thread_config *config, struct note *note,
                           struct thread *ret_thread) {
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    pthread_t id;
    int error = start_with_attributes(config, &attributes, &id);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        return note_status(note, error == ENOMEM ? STATUS_NO_MEMORY : STATUS_BUSY,
                           "thread %s can't be started (error %d)", config->name, error);
    }
    (void)pthread_setname_np(id, config->name);
    ret_thread->id = id;
    return status_ok();
}

void thread_join(struct thread *thread) {
    CHECK(pthread_join(thread->id, NULL) == 0);
}
