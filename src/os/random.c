#include "os/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static void system_fill(struct random *random, void *out, size_t len) {
    (void)random;
    char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        CHECK(n > 0 || errno == EINTR);
        if (n <= 0) continue;
        at += n;
        len -= (size_t)n;
    }
}

static const struct random_ops system_ops = {system_fill};

struct random *random_system(void) {
    static struct random system_random = {&system_ops};
    return &system_random;
}

/* splitmix64, Steele, Lea and Flood 2014. */
static uint64_t seeded_next(struct random_seeded *random) {
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void seeded_fill(struct random *random, void *out, size_t len) {
    struct random_seeded *self = CONTAINER_OF(random, struct random_seeded, random);
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t word = seeded_next(self);
        size_t n = len - at < sizeof word ? len - at : sizeof word;
        memcpy((char *)out + at, &word, n);
    }
}

static const struct random_ops seeded_ops = {seeded_fill};

void random_seeded_init(struct random_seeded *random, uint64_t seed) {
    *random = (struct random_seeded){.random = {&seeded_ops}, .state = seed};
}

uint64_t random_seeded_below(struct random_seeded *random, uint64_t bound) {
    CHECK(bound > 0);
    return seeded_next(random) % bound;
}
