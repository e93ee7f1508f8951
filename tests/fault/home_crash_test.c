/* The plug is pulled at every operation of what uses os/fs.h: small files, the data directory. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/home.h"
#include "support/sim_fs.h"

enum { SEEDS = 30 };

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static int drive_open(struct sim_fs *sim) {
    int dir;
    expect_code(fs_dir_open(sim_fs_fs(sim), AT_FDCWD, "/d", &dir), STATUS_OK);
    return dir;
}

/* One run of fs_write_small over an older file, cut at operation `k`; true if it was cut. */
static bool small_file_run(uint64_t seed, uint64_t k, bool *ret_saw_old) {
    struct sim_fs *sim = sim_fs_new(seed);
    struct fs *fs = sim_fs_fs(sim);
    sim_fs_drive(sim, "d", 1 << 20);
    int dir = drive_open(sim);
    expect_code(fs_write_small(fs, dir, "f", SLICE("the old text")), STATUS_OK);
    sim_fs_cut_after(sim, k);
    struct status s = fs_write_small(fs, dir, "f", SLICE("new"));
    bool cut = sim_fs_is_cut(sim);
    assert_int_equal(is_ok(s), !cut);
    sim_fs_restart(sim);
    dir = drive_open(sim);
    char text[64];
    size_t len;
    expect_code(fs_read_small(fs, dir, "f", text, sizeof text, &len), STATUS_OK);
    bool is_new = slice_eq(slice_of(text, len), SLICE("new"));
    assert_true(is_new || slice_eq(slice_of(text, len), SLICE("the old text")));
    if (is_ok(s)) assert_true(is_new);
    if (!is_new) *ret_saw_old = true;
    sim_fs_free(&sim);
    return cut;
}

static void test_a_small_file_is_old_or_new(void **state) {
    (void)state;
    bool saw_old = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t k = 1;
        while (small_file_run(seed, k, &saw_old)) k++;
        assert_true(k > 3);
    }
    assert_true(saw_old);
}

static struct status home_make(struct fs *fs, struct home *home, struct note *note) {
    struct random_seeded random;
    random_seeded_init(&random, 1);
    TRY(home_open(home, fs, &random.random, "/d/store", note));
    if (!home->is_new) return status_ok();
    struct status s = home_sign(home, note);
    if (!is_ok(s)) home_close(home);
    return s;
}

/* A store is being made; cut; made again; cut; then it opens with what was acknowledged. */
static bool home_run(uint64_t seed, uint64_t k) {
    struct sim_fs *sim = sim_fs_new(seed);
    struct fs *fs = sim_fs_fs(sim);
    sim_fs_drive(sim, "d", 1 << 24);
    struct home home;
    struct note note = {0};
    sim_fs_cut_after(sim, k);
    struct status s = home_make(fs, &home, &note);
    bool cut = sim_fs_is_cut(sim);
    assert_int_equal(is_ok(s), !cut);
    bool signed_before = is_ok(s);
    sim_fs_restart(sim);
    s = home_open(&home, fs, random_system(), "/d/store", &note);
    if (!is_ok(s))
        fail_msg("seed %llu, operation %llu: %s", (unsigned long long)seed, (unsigned long long)k,
                 note.text);
    if (signed_before) assert_false(home.is_new);
    if (home.is_new) expect_code(home_sign(&home, &note), STATUS_OK);
    home_close(&home);
    sim_fs_restart(sim);
    expect_code(home_open(&home, fs, random_system(), "/d/store", &note), STATUS_OK);
    assert_false(home.is_new);
    home_close(&home);
    sim_fs_free(&sim);
    return cut;
}

static void test_a_store_is_made_or_can_be_made_again(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t k = 1;
        while (home_run(seed, k)) k++;
        assert_true(k > 5);
    }
}

/* The test of the test: without the directory's sync an acknowledged file is lost. */
static void test_a_skipped_sync_is_noticed(void **state) {
    (void)state;
    static const char *const skips[] = {"d/", ".temp-"};
    for (size_t i = 0; i < 2; i++) {
        unsigned lost = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct sim_fs *sim = sim_fs_new(seed);
            struct fs *fs = sim_fs_fs(sim);
            sim_fs_drive(sim, "d", 1 << 20);
            int dir = drive_open(sim);
            sim_fs_skip_syncs(sim, skips[i]);
            expect_code(fs_write_small(fs, dir, "f", SLICE("new")), STATUS_OK);
            sim_fs_restart(sim);
            dir = drive_open(sim);
            char text[64];
            size_t len;
            struct status s = fs_read_small(fs, dir, "f", text, sizeof text, &len);
            lost += !is_ok(s) || !slice_eq(slice_of(text, len), SLICE("new"));
            sim_fs_free(&sim);
        }
        assert_true(lost > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_file_is_old_or_new),
        cmocka_unit_test(test_a_store_is_made_or_can_be_made_again),
        cmocka_unit_test(test_a_skipped_sync_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
