/*
 * linear.h - does some order of these calls, each at an instant between its begin and its end,
 * explain what they answered?
 *
 *     thread 1   |--- put 1 ---|         |--- get: 2 ---|
 *     thread 2          |------ put 2 ------|
 *
 * The search is that of Wing and Gong (1993), with Lowe's memory of states that lead nowhere: it
 * takes, again and again, one of the calls that began before any open one ended, if a model of what
 * is called could have answered so. Calls on different objects are checked apart, as
 * linearizability is local.
 *
 * Threads: pure functions.
 */
#ifndef SUPPORT_LINEAR_H
#define SUPPORT_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINEAR_CALLS_MAX = 64, LINEAR_STATE_MAX = 24 };

/* When a call began and ended, in ticks of one counter; embedded in what else is known of it. */
struct linear_call {
    uint64_t began;
    uint64_t ended;
};

/* What is called, one at a time. */
struct linear_model {
    size_t state_size; /* at most LINEAR_STATE_MAX; equal states are equal bytes */
    /* Takes `call` in `state`; false if it cannot have answered as it did. */
    bool (*step)(const struct linear_call *call, void *state);
};

/* Whether there is such an order of at most LINEAR_CALLS_MAX calls, beginning in `initial`. */
bool linear_check(const struct linear_model *model, const struct linear_call *const *calls,
                  size_t count, const void *initial);

#endif
