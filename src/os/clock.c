#include "os/clock.h"

#include <time.h>

#include "base/check.h"
#include "base/date.h"

static int64_t clock_read(clockid_t id) {
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ns(struct clock *clock) {
    (void)clock;
    return clock_read(CLOCK_REALTIME);
}

static int64_t system_mono_ns(struct clock *clock) {
    (void)clock;
    return clock_read(CLOCK_MONOTONIC);
}

static const struct clock_ops system_ops = {system_wall_ns, system_mono_ns};

struct clock *clock_system(void) {
    static struct clock system_clock = {&system_ops};
    return &system_clock;
}

static int64_t manual_ns(struct clock *clock) {
    return __atomic_load_n(&CONTAINER_OF(clock, struct clock_manual, clock)->now_ns,
                           __ATOMIC_ACQUIRE);
}

static const struct clock_ops manual_ops = {manual_ns, manual_ns};

void clock_manual_init(struct clock_manual *clock, int64_t now_ns) {
    *clock = (struct clock_manual){.clock = {&manual_ops}, .now_ns = now_ns};
}
