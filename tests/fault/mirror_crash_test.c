/*
 * Three copies of the metadata on simulated drives: the plug is pulled at every write and sync, and
 * one drive at a time fails, loses a sync, rots, is emptied, is filled again. Everything that was
 * acknowledged is there afterwards, and the store always opens.
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
#include "engine/mirror.h"
#include "os/random.h"
#include "support/batch_history.h"
#include "support/sim_fs.h"

enum {
    COPIES = 3,
    KEYS = 40,
    SEEDS = 2,        /* for every point of a short history */
    LONG_SEEDS = 100, /* for random histories */
    PHASES = 12,
    SEGMENT = 64 * 1024,
    SEGMENTS = 4,
    LAYER = 16 * 1024,
    FILL_STEPS_MAX = 200,
};

static const char *const names[COPIES] = {"a", "b", "c"};

struct history {
    struct sim_fs *sim;
    struct clock_manual clock;
    struct random_seeded random;
    unsigned copies;
    unsigned drives[COPIES];
    struct mirror *mirror;
    struct meta *meta;
    struct batch_history batches;
    unsigned victim;
    bool rotten;
    bool struck;    /* and not seen to be well again */
    unsigned drops; /* that were seen */
    unsigned joins;
    unsigned mends;
};

static void paths_make(char paths[COPIES][8]) {
    for (unsigned i = 0; i < COPIES; i++) snprintf(paths[i], 8, "/%s", names[i]);
}

static struct status mirror_begin(struct history *h, bool is_new, struct note *note) {
    char paths[COPIES][8];
    struct mirror_place places[COPIES];
    paths_make(paths);
    for (unsigned i = 0; i < COPIES; i++) {
        places[i] = (struct mirror_place){i == 0 ? "data" : names[i], paths[i]};
    }
    struct mirror_config config = {.fs = sim_fs_fs(h->sim),
                                   .clock = &h->clock.clock,
                                   .random = &h->random.random,
                                   .store_id = {{1, 2, 3}},
                                   .places = places,
                                   .place_count = h->copies,
                                   .is_new = is_new,
                                   .inline_io = true};
    return mirror_open(&config, note, &h->mirror);
}

static struct meta_config config_of(struct history *h) {
    return (struct meta_config){
        .fs = mirror_fs(h->mirror),
        .clock = &h->clock.clock,
        .dir_fd = mirror_dir_fd(h->mirror),
        .mirror = mirror_or_null(h->mirror),
        .store_id = {1, 2, 3},
        .cache_bytes = 64 * 1024,
        .layer_bytes = LAYER,
        .segment_bytes = SEGMENT,
        .segments_min = SEGMENTS,
        .segments_max = SEGMENTS,
        .inline_work = true,
    };
}

static void store_close(struct history *h) {
    for (unsigned i = 0; h->mirror && i < h->copies; i++) {
        struct mirror_copy copy;
        mirror_copy_read(h->mirror, i, &copy);
        h->mends += (unsigned)copy.mended;
    }
    meta_close(&h->meta);
    mirror_close(&h->mirror);
}

static struct status store_open(struct history *h, struct note *note) {
    TRY(mirror_begin(h, false, note));
    struct meta_config config = config_of(h);
    struct status s = meta_open(&config, note, &h->meta);
    if (!is_ok(s)) store_close(h);
    return s;
}

/* What the data half writes on a drive: it is of this store's. */
static void drive_sign(struct history *h, unsigned i) {
    char path[8];
    int fd;
    struct fs *fs = sim_fs_fs(h->sim);
    snprintf(path, sizeof path, "/%s", names[i]);
    CHECK(is_ok(fs_dir_open(fs, AT_FDCWD, path, &fd)));
    CHECK(is_ok(fs_write_small(
        fs, fd, "drive",
        SLICE("hink drive\nformat 1\nstore 01020300000000000000000000000000\ndrive 0\n"))));
    fs_close(fs, &fd);
}

static void history_begin(struct history *h, uint64_t seed, unsigned copies) {
    *h = (struct history){
        .batches = {.seed = seed, .keys = KEYS}, .sim = sim_fs_new(seed), .copies = copies};
    clock_manual_init(&h->clock, 1000);
    random_seeded_init(&h->random, seed);
    for (unsigned i = 0; i < COPIES; i++) {
        h->drives[i] = sim_fs_drive(h->sim, names[i], 1 << 26);
        if (i > 0) drive_sign(h, i);
    }
    struct note note = {0};
    CHECK(is_ok(mirror_begin(h, true, &note)));
    struct meta_config config = config_of(h);
    CHECK(is_ok(meta_create(&config, &h->random.random, &note)));
    CHECK(is_ok(mirror_sign(h->mirror, &note)));
    mirror_close(&h->mirror);
    struct status s = store_open(h, &note);
    if (!is_ok(s)) batch_history_complain(&h->batches, "a new store does not open", note.text);
}

static void history_end(struct history *h) {
    store_close(h);
    sim_fs_free(&h->sim);
}

static enum mirror_state state_of(struct history *h, unsigned i) {
    struct mirror_copy copy;
    mirror_copy_read(h->mirror, i, &copy);
    return copy.state;
}

static bool all_serve(struct history *h) {
    return mirror_serving(h->mirror, true) == h->copies;
}

/* Commits the next batches, and sees whether a copy was dropped meanwhile. */
static bool history_go(struct history *h, size_t count) {
    unsigned before = mirror_serving(h->mirror, true);
    bool good = batch_history_go(&h->batches, meta_kv(h->meta), h->sim, count);
    if (mirror_serving(h->mirror, true) < before) h->drops++;
    return good;
}

/* Draws what the drives have kept, opens and compares. */
static bool history_recover(struct history *h) {
    store_close(h);
    sim_fs_restart(h->sim);
    struct note note = {0};
    struct status s = store_open(h, &note);
    if (!is_ok(s) && !sim_fs_is_cut(h->sim))
        return batch_history_complain(&h->batches, "no open", note.text);
    if (!is_ok(s)) return history_recover(h); /* cut again, in the open itself */
    if (!batch_history_compare(&h->batches, meta_kv(h->meta)))
        return sim_fs_is_cut(h->sim) ? (h->batches.fault = NULL, false) : false;
    s = meta_check(h->meta, &note);
    return is_ok(s) || batch_history_complain(&h->batches, "the check finds", note.text);
}

/* Lets copies be filled, all the way. */
static bool history_fill(struct history *h) {
    unsigned before = mirror_serving(h->mirror, true);
    for (int i = 0; i < FILL_STEPS_MAX && !sim_fs_is_cut(h->sim) && !all_serve(h); i++) {
        mirror_look(h->mirror);
        while (mirror_fill(h->mirror)) {
            if (random_seeded_below(&h->random, 4) == 0 && !history_go(h, 1)) return false;
        }
    }
    if (mirror_serving(h->mirror, true) > before) h->joins++;
    if (!sim_fs_is_cut(h->sim)) mirror_look(h->mirror);
    if (all_serve(h) && !sim_fs_is_cut(h->sim)) h->struck = false;
    return true;
}

/* Takes everything off a drive, as if it had been replaced by an empty one. */
static void drive_wipe(struct history *h, unsigned i) {
    static const char *const files[] = {"members", "log", "index"};
    char path[16];
    int fd;
    struct fs *fs = sim_fs_fs(h->sim);
    snprintf(path, sizeof path, "/%s/meta", names[i]);
    if (!is_ok(fs_dir_open(fs, AT_FDCWD, path, &fd))) return;
    for (size_t f = 0; f < ARRAY_LEN(files); f++) IGNORE_STATUS(fs_remove(fs, fd, files[f]));
    IGNORE_STATUS(fs_dir_sync(fs, fd)); /* the plug may have been pulled */
    fs_close(fs, &fd);
}

static void drive_rot(struct history *h, unsigned i) {
    static const char *const files[] = {"log", "index", "members"};
    char path[32];
    for (int n = 0; n < 60; n++) {
        snprintf(path, sizeof path, "/%s/meta/%s", names[i], files[n == 0 ? 2 : n % 2]);
        uint64_t at = random_seeded_below(&h->random, 300 * 1024);
        sim_fs_rot(h->sim, path, at, (unsigned)random_seeded_below(&h->random, 8));
    }
    h->rotten = true;
}

static void victim_strike(struct history *h) {
    static const enum sim_fault faults[] = {SIM_FAULT_WRITES_FAIL, SIM_FAULT_SYNC_FAILS_ONCE,
                                            SIM_FAULT_SYNCS_FAIL,  SIM_FAULT_READS_FAIL,
                                            SIM_FAULT_GONE,        SIM_FAULT_READ_ONLY};
    /* One at a time: a second one may be lost only when the first is known to be back. */
    if (!h->rotten && !h->struck) h->victim = (unsigned)random_seeded_below(&h->random, COPIES);
    h->struck = true;
    switch (random_seeded_below(&h->random, 4)) {
        case 0:
            drive_rot(h, h->victim);
            break;
        case 1:
            drive_wipe(h, h->victim);
            break;
        default:
            sim_fs_fault(h->sim, h->drives[h->victim],
                         faults[random_seeded_below(&h->random, ARRAY_LEN(faults))]);
    }
}

/* The victim is well again; what failed in this process is only taken back when it was emptied. */
static void victim_heal(struct history *h) {
    sim_fs_fault(h->sim, h->drives[h->victim], SIM_FAULT_NONE);
    if (state_of(h, h->victim) == MIRROR_FAILED) drive_wipe(h, h->victim);
}

/* A random history: commits, a drive that fails and comes back, power cuts anywhere. */
static bool random_run(uint64_t seed, const char *skipped, struct history *h) {
    history_begin(h, seed, COPIES);
    sim_fs_skip_syncs(h->sim, skipped);
    bool good = !h->batches.fault;
    for (int phase = 0; good && phase < PHASES; phase++) {
        uint64_t cut =
            random_seeded_below(&h->random, 3) == 0 ? 0 : 1 + random_seeded_below(&h->random, 400);
        sim_fs_cut_after(h->sim, cut);
        good = history_go(h, random_seeded_below(&h->random, 15));
        if (good && random_seeded_below(&h->random, 2) == 0) victim_strike(h);
        good = good && history_go(h, random_seeded_below(&h->random, 25));
        if (good && random_seeded_below(&h->random, 2) == 0) {
            mirror_look(h->mirror);
            victim_heal(h);
            good = history_fill(h);
        }
        good = good && history_go(h, random_seeded_below(&h->random, 10));
        if (random_seeded_below(&h->random, 2) == 0) sim_fs_cut(h->sim);
        if (!sim_fs_is_cut(h->sim)) {
            good = good && batch_history_compare(&h->batches, meta_kv(h->meta));
            continue;
        }
        h->batches.fault = good ? h->batches.fault : NULL;
        if (random_seeded_below(&h->random, 2) == 0) {
            sim_fs_fault(h->sim, h->drives[h->victim], SIM_FAULT_NONE);
        }
        sim_fs_restart(h->sim);
        if (random_seeded_below(&h->random, 2) == 0) {
            sim_fs_cut_after(h->sim, 1 + random_seeded_below(&h->random, 60));
        }
        good = history_recover(h);
        if (!good && sim_fs_is_cut(h->sim)) h->batches.fault = NULL;
        if (!good && !h->batches.fault) good = history_recover(h);
    }
    history_end(h);
    return good;
}

/* HINK_TEST_RUNS histories from HINK_TEST_SEED on, in a soak. */
static uint64_t number_of(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_random_histories(void **state) {
    (void)state;
    struct history h;
    unsigned drops = 0;
    unsigned joins = 0;
    unsigned mends = 0;
    uint64_t first = number_of("HINK_TEST_SEED", 1);
    uint64_t runs = number_of("HINK_TEST_RUNS", LONG_SEEDS);
    for (uint64_t seed = first; seed < first + runs; seed++) {
        if (!random_run(seed, NULL, &h)) fail_msg("%s", h.batches.fault);
        drops += h.drops;
        joins += h.joins;
        mends += h.mends;
    }
    print_message("%u drops, %u joins, %u places mended\n", drops, joins, mends);
    assert_true(drops > runs / 4 && joins > runs / 4 && mends > 0);
}

/* One of `copies` drives fails at batch 10, is emptied and filled again; the plug is pulled at
 * operation `k`. */
static bool cut_run(uint64_t seed, unsigned copies, uint64_t k, struct history *h) {
    history_begin(h, seed, copies);
    h->victim = (unsigned)(seed % copies);
    sim_fs_cut_after(h->sim, k);
    bool good = !h->batches.fault && history_go(h, 10);
    sim_fs_fault(h->sim, h->drives[h->victim], SIM_FAULT_SYNCS_FAIL);
    good = good && history_go(h, 10);
    bool cut_early = sim_fs_is_cut(h->sim);
    if (!cut_early) assert_int_equal(mirror_serving(h->mirror, true), copies - 1);
    victim_heal(h);
    mirror_look(h->mirror);
    good = good && history_fill(h) && history_go(h, 10);
    bool was_cut = sim_fs_is_cut(h->sim);
    if (!was_cut) assert_true(all_serve(h));
    if (was_cut) h->batches.fault = NULL;
    good = history_recover(h) && history_go(h, 10);
    /* The one that failed, and each other one in turn, may be gone for good after that. */
    good = good && history_fill(h) && history_go(h, 3);
    if (good && all_serve(h) && copies == COPIES) {
        sim_fs_fault(h->sim, h->drives[(h->victim + 1 + k % 2) % COPIES], SIM_FAULT_GONE);
    }
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
        unsigned copies = seed % 2 ? COPIES : 2; /* of two, each is needed at the start */
        for (uint64_t k = 1; cut_run(seed, copies, k, &h); k++, points++) {
            if (h.batches.fault)
                fail_msg("cut at %llu: %s", (unsigned long long)k, h.batches.fault);
        }
        if (h.batches.fault) fail_msg("not cut: %s", h.batches.fault);
    }
    print_message("%llu crash points\n", (unsigned long long)points);
    assert_true(points > SEEDS * 100);
}

/* Without a sync that the protocol needs, something is lost, and the test sees it. */
static void test_missing_syncs_are_found(void **state) {
    (void)state;
    static const char *const skipped[] = {"log", "index", "members"};
    for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
        struct history h;
        int found = 0;
        for (uint64_t seed = 1; seed <= 10 * LONG_SEEDS && found == 0; seed++) {
            found += !random_run(seed, skipped[i], &h);
        }
        print_message("without syncs of %s: %s\n", skipped[i],
                      h.batches.fault ? h.batches.fault : "nothing");
        assert_int_equal(found, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_operation),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_missing_syncs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
