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
#include "kv/mem.h"
#include "os/random.h"
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

static const struct kv_partition partition = {{9}};

/* A store on a simulated drive, and what it was asked to do. */
struct history {
    struct sim_fs *sim;
    struct clock_manual clock;
    uint64_t seed;
    int dir_fd;
    struct meta *meta;
    uint64_t asked; /* the last batch that was given to it */
    uint64_t acked; /* the last one that it said OK to */
    bool threads;   /* checkpoints in the background */
    const char *fault;
    char text[512];
};

static bool complain(struct history *h, const char *what, const char *more) {
    snprintf(h->text, sizeof h->text, "seed %llu, batch %llu: %s%s%s", (unsigned long long)h->seed,
             (unsigned long long)h->asked, what, more[0] ? ": " : "", more);
    h->fault = h->text;
    return false;
}

static struct slice random_value(struct random_seeded *r, char *out) {
    size_t len = 1 + random_seeded_below(r, 200);
    if (random_seeded_below(r, 6) == 0) len = 1500 + random_seeded_below(r, 6000);
    memset(out, (int)('a' + random_seeded_below(r, 26)), len);
    return slice_of(out, len);
}

/* Batch number `number` of a history: a few puts and deletes, a counter, and the number itself. */
static void batch_make(uint64_t seed, uint64_t number, struct kv_batch *batch) {
    struct random_seeded r;
    random_seeded_init(&r, seed * 100003 + number);
    kv_batch_clear(batch);
    size_t count = 1 + random_seeded_below(&r, 6);
    if (random_seeded_below(&r, 25) == 0) count = 40;
    for (size_t i = 0; i < count; i++) {
        char key[32];
        char value[8192];
        snprintf(key, sizeof key, "key-%llu", (unsigned long long)random_seeded_below(&r, KEYS));
        if (random_seeded_below(&r, 4) == 0) {
            kv_batch_delete(batch, slice_str(key));
        } else {
            kv_batch_put(batch, slice_str(key), random_value(&r, value));
        }
    }
    kv_batch_add(batch, SLICE("sum"), (int64_t)random_seeded_below(&r, 9) - 4, INT64_MIN,
                 INT64_MAX);
    kv_batch_put(batch, SLICE("number"), slice_of(&number, sizeof number));
}

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
    *h = (struct history){.seed = seed, .sim = sim_fs_new(seed), .threads = threads};
    clock_manual_init(&h->clock, 1000);
    sim_fs_drive(h->sim, "d", 1 << 26);
    CHECK(is_ok(fs_dir_open(sim_fs_fs(h->sim), AT_FDCWD, "/d", &h->dir_fd)));
    struct meta_config config = config_of(h);
    struct note note = {0};
    struct random_seeded random;
    random_seeded_init(&random, seed);
    CHECK(is_ok(meta_create(&config, &random.random, &note)));
    struct status s = store_open(h, &note);
    if (!is_ok(s)) complain(h, "a new store does not open", note.text);
}

static void history_end(struct history *h) {
    meta_close(&h->meta);
    sim_fs_free(&h->sim);
}

/* Commits the next batches until the plug is pulled, or `count` are done. */
static bool history_go(struct history *h, size_t count) {
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < count && !sim_fs_is_cut(h->sim); i++) {
        batch_make(h->seed, ++h->asked, batch);
        struct status s = kv_commit(meta_kv(h->meta), partition, batch, NULL);
        if (is_ok(s)) h->acked = h->asked;
        if (!is_ok(s) && !sim_fs_is_cut(h->sim)) {
            complain(h, "a commit failed without a cut", status_text(s.code));
        }
        if (!is_ok(s)) break;
    }
    kv_batch_free(&batch);
    return !h->fault;
}

static bool same_contents(struct history *h, struct kv *a, struct kv *b) {
    struct kv_cursor *ca;
    struct kv_cursor *cb;
    CHECK(is_ok(kv_cursor_open(a, partition, SLICE(""), &ca)));
    CHECK(is_ok(kv_cursor_open(b, partition, SLICE(""), &cb)));
    bool fa = false;
    bool fb = false;
    struct status s = kv_cursor_seek(ca, SLICE(""), &fa);
    CHECK(is_ok(kv_cursor_seek(cb, SLICE(""), &fb)));
    bool same = is_ok(s) && fa == fb;
    while (same && fa) {
        same = slice_eq(kv_cursor_key(ca), kv_cursor_key(cb)) &&
               slice_eq(kv_cursor_value(ca), kv_cursor_value(cb));
        if (same) s = kv_cursor_next(ca, &fa);
        if (same) CHECK(is_ok(kv_cursor_next(cb, &fb)));
        same = same && is_ok(s) && fa == fb;
    }
    kv_cursor_close(&ca);
    kv_cursor_close(&cb);
    return same || complain(h, "the contents differ from the history", status_text(s.code));
}

/* The number of the last batch that is there; 0 if none is. */
static bool last_number(struct history *h, uint64_t *ret_number) {
    struct arena arena;
    arena_init(&arena, 256, 4096);
    struct slice value;
    struct status s = kv_get(meta_kv(h->meta), partition, SLICE("number"), &arena, &value);
    *ret_number = 0;
    if (is_ok(s)) memcpy(ret_number, value.ptr, sizeof *ret_number);
    arena_fini(&arena);
    if (is_ok(s) || status_is(s, STATUS_NOT_FOUND)) return true;
    return complain(h, "the number can't be read", status_text(s.code));
}

/* Compares the store with batches 1 to `number` in the reference; the history goes on from there.
 */
static bool history_compare(struct history *h) {
    uint64_t number;
    if (!last_number(h, &number)) return false;
    if (number < h->acked) return complain(h, "an acknowledged batch is lost", "");
    if (number > h->asked) return complain(h, "a batch from nowhere", "");
    struct kv *twin = kv_mem_open();
    struct kv_batch *batch = kv_batch_new();
    for (uint64_t i = 1; i <= number; i++) {
        batch_make(h->seed, i, batch);
        CHECK(is_ok(kv_commit(twin, partition, batch, NULL)));
    }
    bool same = same_contents(h, meta_kv(h->meta), twin);
    kv_batch_free(&batch);
    kv_close(&twin);
    h->asked = h->acked = number;
    return same;
}

/* Closes what is left, draws what the drive has kept, opens and compares. */
static bool history_recover(struct history *h) {
    meta_close(&h->meta);
    sim_fs_restart(h->sim);
    struct note note = {0};
    struct status s = store_open(h, &note);
    if (!is_ok(s) && !sim_fs_is_cut(h->sim)) return complain(h, "no open", note.text);
    if (!is_ok(s)) return history_recover(h); /* cut again, in the open itself */
    if (!history_compare(h)) return false;
    s = meta_check(h->meta, &note);
    return is_ok(s) || complain(h, "the check finds", note.text);
}

/* One history that is cut at operation `k`, goes on, and is cut once more; true if `k` was reached.
 */
static bool cut_run(uint64_t seed, uint64_t k, const char *skipped, struct history *h) {
    history_begin(h, seed, false);
    sim_fs_skip_syncs(h->sim, skipped);
    sim_fs_cut_after(h->sim, k);
    bool good = !h->fault && history_go(h, STEPS);
    bool was_cut = sim_fs_is_cut(h->sim);
    good = good && history_recover(h) && history_go(h, 10);
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
            if (h.fault) fail_msg("cut at %llu: %s", (unsigned long long)k, h.fault);
        }
        if (h.fault) fail_msg("not cut: %s", h.fault);
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
    bool good = !h->fault;
    for (int i = 0; good && i < CRASHES; i++) {
        sim_fs_cut_after(h->sim, 1 + random_seeded_below(&r, 150));
        good = history_go(h, STEPS);
        sim_fs_cut(h->sim);
        if (random_seeded_below(&r, 3) == 0) {
            meta_close(&h->meta);
            sim_fs_restart(h->sim);
            sim_fs_cut_after(h->sim, 1 + random_seeded_below(&r, 4));
            struct note note = {0};
            struct status opened = store_open(h, &note);
            if (is_ok(opened)) good = good && history_compare(h) && history_go(h, 3);
            if (!is_ok(opened) && !sim_fs_is_cut(h->sim)) good = complain(h, "no open", note.text);
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
        if (!crashes_run(seed, false, NULL, &h)) fail_msg("%s", h.fault);
    }
}

/* The same with checkpoints in the background: no run is like another, but all must hold. */
static void test_crashes_beside_background_checkpoints(void **state) {
    (void)state;
    struct history h;
    for (uint64_t seed = 1; seed <= LONG_SEEDS; seed++) {
        if (!crashes_run(seed, true, NULL, &h)) fail_msg("%s", h.fault);
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
        print_message("without syncs of %s: %s\n", skipped[i], h.fault ? h.fault : "nothing");
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
