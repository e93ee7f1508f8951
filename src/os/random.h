/*
 * random.h - unpredictable bytes, from outside, so that a test can repeat itself
 *
 * Threads: any.
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random;

struct random_ops {
    void (*fill)(struct random *random, void *out, size_t len);
};

struct random {
    const struct random_ops *ops;
};

/* Fills `out` with `len` bytes. The system's source is fit for keys; a failure of it is a bug. */
static inline void random_fill(struct random *random, void *out, size_t len) {
    random->ops->fill(random, out, len);
}

/* The kernel's generator (getrandom). */
struct random *random_system(void);

/* A repeatable generator for tests; never for keys. Threads: one at a time. */
struct random_seeded {
    struct random random;
    uint64_t state;
};

/* Starts the sequence of `seed`. */
void random_seeded_init(struct random_seeded *random, uint64_t seed);

/* The next value of a seeded generator in [0, bound); bound > 0. */
uint64_t random_seeded_below(struct random_seeded *random, uint64_t bound);

#endif
