/*
 * The plug is pulled at every write and sync of random histories over the metadata store: commits,
 * checkpoints, opens. What is there afterwards is a prefix of the history that has everything that
 * was acknowledged, whole; and a protocol without one of its syncs is found out.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/meta.h"
#include "os/random.h"
#include "support/batch_history.h"
#include "support/sim_fs.h"

enum {
    STEPS = 60,
    KEYS = 50,
    SEEDS = 4,        /* for every point of the history */
    LONG_SEEDS = 120, /* for several crashes at random points */
    CRASHES = 4,
    SEGMENT = 64 * 1024,
    SEGMENTS = 5,
    LAYER = 24 * 1024,
};

/* A store on a simulated drive, and what it was asked to do. */
struct history {
    struct sim_fs *sim;
    struct clock_manual clock;
    int dir_fd;
    struct meta *meta;
    struct batch_history batches;
    bool threads; /* checkpoints in the background */
};

static struct meta_config config_of(struct history *h) {
    return (struct meta_config){
        .fs = sim_fs_fs(h->sim),
        .clock = &h->clock.clock,
        .dir_fd = h->dir_fd,
        .store_id = {1, 2, 3},
        .cache_bytes = 64 * 1024,
        .layer_bytes = LAYER,
        .segment_bytes = SEGMENT,
        .segments_min = SEGMENTS,
        .segments_max = SEGMENTS,
        .inline_work = !h->threads,
    };
}

static struct status store_open(struct history *h, struct note *note) {
    TRY(fs_dir_open(sim_fs_fs(h->sim), AT_FDCWD, "/d", &h->dir_fd));
    struct meta_config config = config_of(h);
    return meta_open(&config, note, &h->meta);
}

static void history_begin(struct history *h, uint64_t seed, bool threads) {
    *h = (struct history){
        .batches = {.seed = seed, .keys = KEYS}, .sim = sim_fs_new(seed), .threads = threads};
    clock_manual_init(&h->clock, 1000);
    sim_fs_drive(h->sim, "d", 1 << 26);
    CHECK(is_ok(fs_dir_open(sim_fs_fs(h->sim), AT_FDCWD, "/d", &h->dir_fd)));
    struct meta_config config = config_of(h);
    struct note note = {0};
    struct random_seeded random;
    random_seeded_init(&random, seed);
    CHECK(is_ok(meta_create(&config, &random.random, &note)));
    struct status s = store_open(h, &note);
    if (!is_ok(s)) batch_history_complain(&h->batches, "a new store does not open", note.text);
}

static void history_end(struct history *h) {
    meta_close(&h->meta);
    sim_fs_free(&h->sim);
}

/* Closes what is left, draws what the drive has kept, opens and compares. */
static bool history_recover(struct history *h) {
    meta_close(&h->meta);
    sim_fs_restart(h->sim);
    struct note note = {0};
    struct status s = store_open(h, &note);
    if (!is_ok(s) && !sim_fs_is_cut(h->sim))
        return batch_history_complain(&h->batches, "no open", note.text);
    if (!is_ok(s)) return history_recover(h); /* cut again, in the open itself */
    if (!batch_history_compare(&h->batches, meta_kv(h->meta))) return false;
    s = meta_check(h->meta, &note);
    return is_ok(s) || batch_history_complain(&h->batches, "the check finds", note.text);
}

/* One history that is cut at operation `k`, goes on, and is cut once more; true if `k` was reached.
 */
static bool cut_run(uint64_t seed, uint64_t k, const char *skipped, struct history *h) {
    history_begin(h, seed, false);
    sim_fs_skip_syncs(h->sim, skipped);
    sim_fs_cut_after(h->sim, k);
    bool good = !h->batches.fault && batch_history_go(&h->batches, meta_kv(h->meta), h->sim, STEPS);
    bool was_cut = sim_fs_is_cut(h->sim);
    good =
        good && history_recover(h) && batch_history_go(&h->batches, meta_kv(h->meta), h->sim, 10);
    sim_fs_cut(h->sim);
    if (good) history_recover(h);
    history_end(h);
    return was_cut;
}

static void test_cut_at_every_operation(void **state) {
    (void)state;
    struct history h;
    uint64_t points = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (uint64_t k = 1; cut_run(seed, k, NULL, &h); k++, points++) {
            if (h.batches.fault)
                fail_msg("cut at %llu: %s", (unsigned long long)k, h.batches.fault);
        }
        if (h.batches.fault) fail_msg("not cut: %s", h.batches.fault);
    }
    print_message("%llu crash points\n", (unsigned long long)points);
    assert_true(points > SEEDS * 100);
}

/* Several crashes in one history, some of them while the store is being opened again. */
static bool crashes_run(uint64_t seed, bool threads, const char *skipped, struct history *h) {
    struct random_seeded r;
    random_seeded_init(&r, ~seed);
    history_begin(h, seed, threads);
    sim_fs_skip_syncs(h->sim, skipped);
    bool good = !h->batches.fault;
    for (int i = 0; good && i < CRASHES; i++) {
        sim_fs_cut_after(h->sim, 1 + random_seeded_below(&r, 150));
        good = batch_history_go(&h->batches, meta_kv(h->meta), h->sim, STEPS);
        sim_fs_cut(h->sim);
        if (random_seeded_below(&r, 3) == 0) {
            meta_close(&h->meta);
            sim_fs_restart(h->sim);
            sim_fs_cut_after(h->sim, 1 + random_seeded_below(&r, 4));
            struct note note = {0};
            struct status opened = store_open(h, &note);
            if (is_ok(opened))
                good = good && batch_history_compare(&h->batches, meta_kv(h->meta)) &&
                       batch_history_go(&h->batches, meta_kv(h->meta), h->sim, 3);
            if (!is_ok(opened) && !sim_fs_is_cut(h->sim))
                good = batch_history_complain(&h->batches, "no open", note.text);
            sim_fs_cut(h->sim);
        }
        good = good && history_recover(h);
    }
    history_end(h);
    return good;
}

/* HINK_TEST_RUNS histories from HINK_TEST_SEED on, in a soak. */
static uint64_t number_of(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_many_crashes(void **state) {
    (void)state;
    struct history h;
    uint64_t first = number_of("HINK_TEST_SEED", 1);
    uint64_t runs = number_of("HINK_TEST_RUNS", LONG_SEEDS);
    for (uint64_t seed = first; seed < first + runs; seed++) {
        if (!crashes_run(seed, false, NULL, &h)) fail_msg("%s", h.batches.fault);
    }
}

/* The same with checkpoints in the background: no run is like another, but all must hold. */
static void test_crashes_beside_background_checkpoints(void **state) {
    (void)state;
    struct history h;
    for (uint64_t seed = 1; seed <= LONG_SEEDS; seed++) {
        if (!crashes_run(seed, true, NULL, &h)) fail_msg("%s", h.batches.fault);
    }
}

/* Without a sync that the protocol needs, something is lost, and the test sees it. */
static void test_missing_syncs_are_found(void **state) {
    (void)state;
    static const char *const skipped[] = {"log", "index"};
    for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
        struct history h;
        int found = 0;
        for (uint64_t seed = 1; seed <= LONG_SEEDS && found == 0; seed++) {
            found += !crashes_run(seed, false, skipped[i], &h);
        }
        print_message("without syncs of %s: %s\n", skipped[i],
                      h.batches.fault ? h.batches.fault : "nothing");
        assert_int_equal(found, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_operation),
        cmocka_unit_test(test_many_crashes),
        cmocka_unit_test(test_crashes_beside_background_checkpoints),
        cmocka_unit_test(test_missing_syncs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
