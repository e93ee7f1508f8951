/*
 * clock.h - what time it is, from outside, so that a test can hold it still
 *
 * Threads: any; an implementation serialises itself.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

struct clock;

struct clock_ops {
    int64_t (*wall_ns)(struct clock *clock);
    int64_t (*mono_ns)(struct clock *clock);
};

struct clock {
    const struct clock_ops *ops;
};

/* Nanoseconds since 1970-01-01T00:00:00Z; may jump when the machine's clock is set. */
static inline int64_t clock_wall_ns(struct clock *clock) {
    return clock->ops->wall_ns(clock);
}

/* Nanoseconds since some fixed point; never runs backwards. For durations and deadlines. */
static inline int64_t clock_mono_ns(struct clock *clock) {
    return clock->ops->mono_ns(clock);
}

/* The machine's clock. */
struct clock *clock_system(void);

/* A clock that stands until it is set, for tests; both times are `now_ns`. */
struct clock_manual {
    struct clock clock;
    int64_t now_ns;
};

/* Makes a clock that stands at `now_ns`. */
void clock_manual_init(struct clock_manual *clock, int64_t now_ns);

#endif
