/* The metadata store beside its contract: readers beside checkpoints, full and failing drives. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/index.h"
#include "engine/meta.h"
#include "support/sim_fs.h"
#include "support/store.h"

enum { PAIRS = 40, ROUNDS = 150, WRITERS = 4, READERS = 3, VALUE = 700 };

static const struct kv_partition partition = {{5}};

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

/* ---- readers beside checkpoints ---- */

struct race {
    struct kv *kv;
    struct meta *meta;
    int number;
    atomic_bool *stop;
};

static struct slice pair_key(char *out, char which, unsigned pair) {
    int len = snprintf(out, 16, "%c%03u", which, pair);
    return slice_of(out, (size_t)len);
}

/* Each writer has pairs of its own and counts both keys of a pair up in one batch. */
static void *write_pairs(void *argument) {
    struct race *race = argument;
    struct kv_batch *batch = kv_batch_new();
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        unsigned pair = (unsigned)(round * 7 % PAIRS) * WRITERS + (unsigned)race->number;
        char value[VALUE] = {0};
        memcpy(value, &round, sizeof round);
        char key[16];
        kv_batch_clear(batch);
        kv_batch_put(batch, pair_key(key, 'a', pair), slice_of(value, sizeof value));
        kv_batch_put(batch, pair_key(key, 'b', pair), slice_of(value, sizeof value));
        CHECK(is_ok(kv_commit(race->kv, partition, batch, NULL)));
    }
    kv_batch_free(&batch);
    return NULL;
}

static uint64_t read_round(struct kv *kv, struct slice key) {
    struct arena arena;
    arena_init(&arena, 1024, 4096);
    struct slice value;
    uint64_t round = 0;
    struct status s = kv_get(kv, partition, key, &arena, &value);
    CHECK(is_ok(s) || status_is(s, STATUS_NOT_FOUND));
    if (is_ok(s)) memcpy(&round, value.ptr, sizeof round);
    arena_fini(&arena);
    return round;
}

/* What was read of a is never newer than what is read of b afterwards; scans are in order. */
static void *read_pairs(void *argument) {
    struct race *race = argument;
    for (unsigned i = 0; !atomic_load(race->stop); i++) {
        char a[16];
        char b[16];
        unsigned pair = i % (PAIRS * WRITERS);
        uint64_t before = read_round(race->kv, pair_key(a, 'a', pair));
        CHECK(read_round(race->kv, pair_key(b, 'b', pair)) >= before);
        if (i % 50 != 0) continue;
        struct kv_cursor *cursor;
        bool found;
        char last[16] = "";
        CHECK(is_ok(kv_cursor_open(race->kv, partition, SLICE("a"), &cursor)));
        CHECK(is_ok(kv_cursor_seek(cursor, SLICE(""), &found)));
        while (found) {
            struct slice key = kv_cursor_key(cursor);
            CHECK(slice_cmp(slice_str(last), key) < 0 && key.len < sizeof last);
            memcpy(last, key.ptr, key.len);
            last[key.len] = '\0';
            CHECK(is_ok(kv_cursor_next(cursor, &found)));
        }
        kv_cursor_close(&cursor);
    }
    return NULL;
}

static void *checkpoint_often(void *argument) {
    struct race *race = argument;
    while (!atomic_load(race->stop)) CHECK(is_ok(meta_checkpoint(race->meta)));
    return NULL;
}

static void test_readers_beside_checkpoints(void **state) {
    (void)state;
    struct test_store store;
    test_store_open(&store, TEST_DRIVER_META_SMALL);
    atomic_bool stop = false;
    struct race races[WRITERS];
    pthread_t writers[WRITERS];
    pthread_t others[READERS + 1];
    for (int i = 0; i < WRITERS; i++) {
        races[i] = (struct race){store.kv, store.meta, i, &stop};
        assert_int_equal(pthread_create(&writers[i], NULL, write_pairs, &races[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&others[i], NULL, read_pairs, &races[0]), 0);
    }
    assert_int_equal(pthread_create(&others[READERS], NULL, checkpoint_often, &races[0]), 0);
    for (int i = 0; i < WRITERS; i++) pthread_join(writers[i], NULL);
    atomic_store(&stop, true);
    for (int i = 0; i <= READERS; i++) pthread_join(others[i], NULL);
    struct meta_stats stats;
    meta_stats_read(store.meta, &stats);
    assert_true(stats.checkpoints > 0);
    assert_int_equal(stats.refused, 0);
    test_store_close(&store); /* which checks all that is stored */
}

/* ---- drives that are full, or fail ---- */

struct fixture {
    struct sim_fs *sim;
    unsigned drive;
    struct clock_manual clock;
    struct meta_config config;
    struct meta *meta;
    struct note note;
};

enum { SEGMENT = 64 * 1024, SEGMENTS = 6, LAYER = 64 * 1024, ROOM = 1 << 26 };

static void store_open(struct fixture *f) {
    expect_code(fs_dir_open(f->config.fs, AT_FDCWD, "/d", &f->config.dir_fd), STATUS_OK);
    expect_code(meta_open(&f->config, &f->note, &f->meta), STATUS_OK);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->sim = sim_fs_new(3);
    f->drive = sim_fs_drive(f->sim, "d", ROOM);
    clock_manual_init(&f->clock, NS_PER_S);
    f->config = (struct meta_config){
        .fs = sim_fs_fs(f->sim),
        .clock = &f->clock.clock,
        .cache_bytes = 1 << 20,
        .layer_bytes = LAYER,
        .segment_bytes = SEGMENT,
        .segments_min = SEGMENTS,
        .segments_max = SEGMENTS,
        .inline_work = true,
    };
    expect_code(fs_dir_open(f->config.fs, AT_FDCWD, "/d", &f->config.dir_fd), STATUS_OK);
    struct random_seeded random;
    random_seeded_init(&random, 1);
    expect_code(meta_create(&f->config, &random.random, &f->note), STATUS_OK);
    store_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    meta_close(&f->meta);
    sim_fs_free(&f->sim);
    free(f);
    return 0;
}

static struct status put_number(struct fixture *f, unsigned number, size_t len) {
    char *value = calloc(1, len);
    memcpy(value, &number, sizeof number);
    char key[16];
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, pair_key(key, 'n', number), slice_of(value, len));
    struct status s = kv_commit(meta_kv(f->meta), partition, batch, NULL);
    kv_batch_free(&batch);
    free(value);
    return s;
}

static void expect_numbers(struct fixture *f, unsigned count, size_t len) {
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        struct slice value;
        expect_code(kv_get(meta_kv(f->meta), partition, pair_key(key, 'n', i), &arena, &value),
                    STATUS_OK);
        assert_int_equal(value.len, len);
        assert_memory_equal(value.ptr, &i, sizeof i);
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void test_a_full_drive_refuses_and_recovers(void **state) {
    struct fixture *f = *state;
    enum { LEN = 5000 };
    unsigned there = 0;
    for (; there < 10; there++) expect_code(put_number(f, there, LEN), STATUS_OK);
    /* The index can't grow any more; the log has what it has. */
    sim_fs_capacity(f->sim, f->drive, 1);
    /* A first refusal begins a checkpoint, which may give room. */
    struct status s = status_ok();
    for (int refused = 0; refused < 2 && there < 1000;) {
        s = put_number(f, there, LEN);
        there += is_ok(s);
        refused = is_ok(s) ? 0 : refused + 1;
    }
    expect_code(s, STATUS_NO_SPACE);
    expect_numbers(f, there, LEN);
    expect_code(meta_health(f->meta, &f->note), STATUS_OK);
    expect_code(put_number(f, there, LEN), STATUS_NO_SPACE);
    /* What was acknowledged finds its way into the index all the same. */
    expect_code(meta_checkpoint(f->meta), STATUS_OK);
    sim_fs_capacity(f->sim, f->drive, ROOM);
    for (unsigned i = 0; i < 30; i++) expect_code(put_number(f, there++, LEN), STATUS_OK);
    expect_numbers(f, there, LEN);
    sim_fs_cut(f->sim);
    meta_close(&f->meta);
    sim_fs_restart(f->sim);
    store_open(f);
    expect_numbers(f, there, LEN);
    expect_code(meta_check(f->meta, &f->note), STATUS_OK);
}

static struct status delete_number(struct fixture *f, unsigned number) {
    char key[16];
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, pair_key(key, 'n', number));
    struct status s = kv_commit(meta_kv(f->meta), partition, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static void test_a_full_drive_can_be_emptied(void **state) {
    struct fixture *f = *state;
    enum { LEN = 3000 };
    sim_fs_capacity(f->sim, f->drive, 12 << 20);
    for (int turn = 0; turn < 3; turn++) {
        unsigned there = 0;
        struct status s = status_ok();
        while (is_ok(s) && there < 2000) {
            s = put_number(f, there, LEN);
            there += is_ok(s);
        }
        expect_code(s, STATUS_NO_SPACE);
        assert_true(there > 20);
        expect_numbers(f, there, LEN);
        for (unsigned i = 0; i < there; i++) {
            s = delete_number(f, i);
            expect_code(s, STATUS_OK);
        }
        /* Without anybody asking for a checkpoint in between. */
        expect_code(put_number(f, there, LEN), STATUS_OK);
        expect_code(delete_number(f, there), STATUS_OK);
    }
    expect_code(meta_check(f->meta, &f->note), STATUS_OK);
}

/*
 * A checkpoint that takes long: writers go on as long as there is room in the ring, and are then
 * refused; what it has not finished is still in the log when the plug is pulled (C6, L4).
 */
static void test_a_long_checkpoint_keeps_the_log(void **state) {
    struct fixture *f = *state;
    enum { LEN = 5000 };
    meta_close(&f->meta);
    f->config.inline_work = false;
    f->config.clock = clock_system();
    f->config.patience_ns = 50 * NS_PER_MS;
    store_open(f);
    sim_fs_hold_syncs(f->sim, "index");
    unsigned there = 0;
    struct status s = status_ok();
    while (is_ok(s) && there < 1000) {
        s = put_number(f, there, LEN);
        there += is_ok(s);
    }
    expect_code(s, STATUS_BUSY);
    assert_true(there * LEN > LAYER);
    expect_numbers(f, there, LEN);
    sim_fs_cut(f->sim);
    meta_close(&f->meta);
    sim_fs_hold_syncs(f->sim, NULL);
    sim_fs_restart(f->sim);
    store_open(f);
    expect_numbers(f, there, LEN);
    expect_code(meta_checkpoint(f->meta), STATUS_OK);
    expect_code(meta_check(f->meta, &f->note), STATUS_OK);
    expect_code(put_number(f, there, LEN), STATUS_OK);
}

static void test_a_failed_sync_is_final(void **state) {
    struct fixture *f = *state;
    unsigned there = 0;
    for (; there < 5; there++) expect_code(put_number(f, there, 100), STATUS_OK);
    sim_fs_fault(f->sim, f->drive, SIM_FAULT_SYNC_FAILS_ONCE);
    expect_code(put_number(f, there, 100), STATUS_IO);
    expect_code(put_number(f, there, 100), STATUS_IO); /* although the drive is well again */
    expect_code(meta_health(f->meta, &f->note), STATUS_IO);
    assert_non_null(strstr(f->note.text, "log"));
    expect_numbers(f, there, 100);
    char key[16];
    struct arena arena;
    arena_init(&arena, 64, 1024);
    struct slice value;
    expect_code(kv_get(meta_kv(f->meta), partition, pair_key(key, 'n', there), &arena, &value),
                STATUS_NOT_FOUND);
    arena_fini(&arena);
    meta_close(&f->meta);
    store_open(f);
    expect_numbers(f, there, 100);
    expect_code(put_number(f, 7, 100), STATUS_OK);
}

static void test_a_failed_checkpoint_stops_commits(void **state) {
    struct fixture *f = *state;
    unsigned there = 0;
    for (; there < 5; there++) expect_code(put_number(f, there, 100), STATUS_OK);
    sim_fs_fault(f->sim, f->drive, SIM_FAULT_WRITES_FAIL);
    expect_code(meta_checkpoint(f->meta), STATUS_IO);
    sim_fs_fault(f->sim, f->drive, SIM_FAULT_NONE);
    expect_code(put_number(f, there, 100), STATUS_IO);
    expect_code(meta_health(f->meta, &f->note), STATUS_IO);
    assert_non_null(strstr(f->note.text, "index"));
    expect_numbers(f, there, 100);
    meta_close(&f->meta);
    store_open(f);
    expect_numbers(f, there, 100);
    expect_code(put_number(f, there, 100), STATUS_OK);
    expect_code(meta_checkpoint(f->meta), STATUS_OK);
    expect_code(meta_check(f->meta, &f->note), STATUS_OK);
}

static void test_a_failed_apply_is_final(void **state) {
    struct fixture *f = *state;
    meta_close(&f->meta);
    struct index_config config = {
        .fs = f->config.fs, .dir_fd = f->config.dir_fd, .cache_bytes = 1 << 20};
    struct index *index;
    expect_code(index_open(&config, &f->note, &index), STATUS_OK);
    struct index_change change = {SLICE("name"), SLICE("value")};
    struct log_position position = {.sequence = 1};
    sim_fs_fault(f->sim, f->drive, SIM_FAULT_SYNC_FAILS_ONCE);
    expect_code(index_apply(index, &change, 1, position, &f->note), STATUS_IO);
    /* The drive says that it is well again, and has lost what was written. */
    expect_code(index_apply(index, &change, 1, position, &f->note), STATUS_IO);
    index_close(&index);
    expect_code(index_open(&config, &f->note, &index), STATUS_OK);
    expect_code(index_check(index, &f->note), STATUS_OK);
    expect_code(index_apply(index, &change, 1, position, &f->note), STATUS_OK);
    expect_code(index_check(index, &f->note), STATUS_OK);
    index_close(&index);
}

static void test_rot_in_the_log_is_refused(void **state) {
    struct fixture *f = *state;
    for (unsigned i = 0; i < 8; i++) expect_code(put_number(f, i, 100), STATUS_OK);
    meta_close(&f->meta);
    assert_true(sim_fs_rot(f->sim, "/d/log", 3 * 4096 + 100, 2));
    expect_code(meta_open(&f->config, &f->note, &f->meta), STATUS_CORRUPT);
    assert_non_null(strstr(f->note.text, "group 4 of the log"));
    assert_true(sim_fs_rot(f->sim, "/d/log", 3 * 4096 + 100, 2));
    store_open(f);
    expect_numbers(f, 8, 100);
}

static void test_rot_in_the_index_is_no_absence(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 60 };
    for (unsigned i = 0; i < COUNT; i++) expect_code(put_number(f, i, 300), STATUS_OK);
    expect_code(meta_checkpoint(f->meta), STATUS_OK);
    meta_close(&f->meta);
    unsigned damaged = 0;
    for (uint64_t offset = 16384; offset < 100 * 1024; offset += 1999) {
        if (!sim_fs_rot(f->sim, "/d/index", offset, 3)) break;
        f->note.text[0] = '\0';
        struct status s = meta_open(&f->config, &f->note, &f->meta);
        damaged += !is_ok(s);
        for (unsigned i = 0; is_ok(s) && i < COUNT; i++) {
            char key[16];
            struct arena arena;
            arena_init(&arena, 1024, 4096);
            struct slice value;
            struct status got =
                kv_get(meta_kv(f->meta), partition, pair_key(key, 'n', i), &arena, &value);
            assert_true(is_ok(got) || status_is(got, STATUS_CORRUPT));
            damaged += !is_ok(got);
            arena_fini(&arena);
        }
        meta_close(&f->meta);
        assert_true(sim_fs_rot(f->sim, "/d/index", offset, 3));
    }
    assert_true(damaged > 0);
    store_open(f);
    expect_numbers(f, COUNT, 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_beside_checkpoints),
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_a_full_drive_refuses_and_recovers),
        TEST(test_a_full_drive_can_be_emptied),
        TEST(test_a_long_checkpoint_keeps_the_log),
        TEST(test_a_failed_sync_is_final),
        TEST(test_a_failed_checkpoint_stops_commits),
        TEST(test_a_failed_apply_is_final),
        TEST(test_rot_in_the_log_is_refused),
        TEST(test_rot_in_the_index_is_no_absence),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
