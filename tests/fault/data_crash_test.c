/* The data half under random histories, with the plug pulled anywhere, drives failing, bits
 * rotting; and the proof that this notices a sync that was left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "support/data_world.h"

enum { CUTS_IN_A_HISTORY = 12, STEPS_MAX = 60 };

static const struct data_world_config shapes[] = {
    {.drives = 1, .drive_bytes = 16 << 20, .policy = {.data_pieces = 1}},
    {.drives = 3, .drive_bytes = 16 << 20, .policy = {.data_pieces = 1, .parity_pieces = 1}},
    {.drives = 4, .drive_bytes = 16 << 20, .policy = {.data_pieces = 1, .parity_pieces = 2}},
    {.drives = 5, .drive_bytes = 16 << 20, .policy = {.data_pieces = 2, .parity_pieces = 2}},
    {.drives = 2, .drive_bytes = 3 << 20, .policy = {.data_pieces = 1, .parity_pieces = 1}},
};

/* Runs one history; gives how often the plug was pulled inside an operation. */
static unsigned history_run(struct data_world *world, unsigned cuts) {
    unsigned pulled = 0;
    for (unsigned cut = 0; cut < cuts && !world->trouble[0]; cut++) {
        sim_fs_cut_after(world->sim, 1 + random_seeded_below(&world->choices, 60));
        for (unsigned i = 0; i < STEPS_MAX && !sim_fs_is_cut(world->sim); i++) {
            data_world_step(world);
        }
        pulled += sim_fs_is_cut(world->sim);
        data_world_restart(world);
        data_world_check(world);
    }
    return pulled;
}

static uint64_t number_of(const char *variable, uint64_t standard) {
    const char *given = getenv(variable);
    return given ? strtoull(given, NULL, 10) : standard;
}

/* Runs the history of `config` to its end, which must be a good one; gives how often the plug was
 * pulled. */
static unsigned history_pass(const struct data_world_config *config) {
    struct data_world world;
    data_world_new(&world, config);
    unsigned pulled = history_run(&world, CUTS_IN_A_HISTORY);
    if (world.trouble[0]) {
        fail_msg("HINK_TEST_SEED=%llu: %s", (unsigned long long)config->seed, world.trouble);
    }
    data_world_free(&world);
    return pulled;
}

static struct data_world_config shape_of(uint64_t seed) {
    struct data_world_config config = shapes[seed % ARRAY_LEN(shapes)];
    config.seed = seed;
    return config;
}

/*
 * Runs `count` histories, or as many as `variable` says, from HINK_TEST_SEED on, each of the shape
 * that `choose` (may be NULL) makes of its seed's. The plug is to be pulled in one of `one_in` cuts
 * at least; 0: nobody counts.
 */
static void histories_run(const char *variable, uint64_t count,
                          void (*choose)(struct data_world_config *config), unsigned one_in) {
    uint64_t first = number_of("HINK_TEST_SEED", 1);
    uint64_t pulled = 0;
    count = number_of(variable, count);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct data_world_config config = shape_of(seed);
        if (choose != NULL) choose(&config);
        pulled += history_pass(&config);
    }
    print_message("%llu crash points\n", (unsigned long long)pulled);
    if (one_in > 0) assert_true(pulled > count * CUTS_IN_A_HISTORY / one_in);
}

static void test_random_histories(void **state) {
    (void)state;
    histories_run("HINK_TEST_RUNS", 60, NULL, 2);
}

/* Drives come and go in the middle of puts; by the seed there is a log, and policies are reduced.
 */
static void changes_choose(struct data_world_config *config) {
    config->changes_in_puts = true;
    config->over_meta = config->seed % 2 == 1;
    config->policy.allow_reduced = config->seed % 3 == 0;
}

/* The same with drives that are added, drained and removed while something is written to them. */
static void test_random_histories_with_changes_in_puts(void **state) {
    (void)state;
    histories_run("HINK_TEST_RUNS", 60, changes_choose, 0);
}

static void checkpoints_choose(struct data_world_config *config) {
    config->over_meta = true;
    config->log_copies = (unsigned)(config->seed / ARRAY_LEN(shapes) % 4); /* 0: one */
}

/* The same over the engine's own log and index, without threads: checkpoints move small bodies. */
static void test_random_histories_with_checkpoints(void **state) {
    (void)state;
    histories_run("HINK_TEST_RUNS", 60, checkpoints_choose, 2);
}

static void engine_choose(struct data_world_config *config) {
    config->whole_engine = true;
    config->drive_bytes += 48 << 20; /* it keeps a reserve */
}

/* The same over the engine's own log and index, with its threads. */
static void test_random_histories_of_the_whole_engine(void **state) {
    (void)state;
    histories_run("HINK_TEST_ENGINE_RUNS", 6, engine_choose, 4);
}

/* Histories that once went wrong, and why. */
struct regression {
    uint64_t seed;
    void (*choose)(struct data_world_config *config); /* NULL: the shape as it is */
};

static const struct regression regressions[] = {
    /* A drive was removed, and one with the only other copies after it, before the repair: what can
     * still be read of the first, as long as the process runs, was taken for a copy. */
    {101664, NULL},
    /* A drive was removed on which a blob lay that was acknowledged only then. */
    {225, changes_choose},
    /* The only drive left failed: its policy was reduced to one copy, and the model forgot that. */
    {100009, engine_choose},
};

static void test_histories_that_went_wrong_once(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(regressions); i++) {
        struct data_world_config config = shape_of(regressions[i].seed);
        if (regressions[i].choose != NULL) regressions[i].choose(&config);
        history_pass(&config);
    }
}

/* With a sync left out, histories must go wrong. */
static void test_skipped_syncs_are_noticed(void **state) {
    (void)state;
    static const char *const skips[] = {
        "00000",    /* of volumes: blobs, tables, headers */
        "volumes/", /* the names of volumes */
        "x/",       /* the names in a drive's directory */
        ".temp-",   /* a drive's identity */
    };
    for (size_t i = 0; i < ARRAY_LEN(skips); i++) {
        unsigned noticed = 0;
        for (uint64_t seed = 1; seed < 200 && noticed == 0; seed++) {
            struct data_world_config config = shape_of(seed);
            config.skip_syncs = skips[i];
            struct data_world world;
            data_world_new(&world, &config);
            history_run(&world, 4);
            noticed += world.trouble[0] != '\0';
            data_world_free(&world);
        }
        if (noticed == 0) fail_msg("nothing noticed that syncs of %s are left out", skips[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_random_histories_with_changes_in_puts),
        cmocka_unit_test(test_random_histories_with_checkpoints),
        cmocka_unit_test(test_random_histories_of_the_whole_engine),
        cmocka_unit_test(test_histories_that_went_wrong_once),
        cmocka_unit_test(test_skipped_syncs_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
