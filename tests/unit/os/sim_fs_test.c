/* The simulated file system: what must survive, what may be lost, what each fault does. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "support/sim_fs.h"

enum { BLOCK = 4096, TRIES = 200 };

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

/* A file system with one drive, opened. */
struct world {
    struct sim_fs *sim;
    struct fs *fs;
    unsigned drive;
    int dir;
};

static struct world world_new(uint64_t seed) {
    struct world w = {.sim = sim_fs_new(seed)};
    w.fs = sim_fs_fs(w.sim);
    w.drive = sim_fs_drive(w.sim, "d", 1 << 20);
    expect_code(fs_dir_open(w.fs, AT_FDCWD, "/d", &w.dir), STATUS_OK);
    return w;
}

static void world_restart(struct world *w) {
    sim_fs_restart(w->sim);
    expect_code(fs_dir_open(w->fs, AT_FDCWD, "/d", &w->dir), STATUS_OK);
}

static void world_free(struct world *w) {
    sim_fs_free(&w->sim);
}

static int file_open(struct world *w, const char *name) {
    int fd;
    expect_code(fs_open_write(w->fs, w->dir, name, FS_CREATE, &fd), STATUS_OK);
    return fd;
}

/* A durable file of `blocks` blocks of the letter `c`, open. */
static int file_make(struct world *w, const char *name, size_t blocks, char c) {
    int fd = file_open(w, name);
    char *bytes = malloc(blocks * BLOCK);
    memset(bytes, c, blocks * BLOCK);
    expect_code(fs_write(w->fs, fd, 0, slice_of(bytes, blocks * BLOCK)), STATUS_OK);
    free(bytes);
    expect_code(fs_sync_data(w->fs, fd), STATUS_OK);
    expect_code(fs_dir_sync(w->fs, w->dir), STATUS_OK);
    return fd;
}

static void block_write(struct world *w, int fd, size_t index, char c) {
    char bytes[BLOCK];
    memset(bytes, c, sizeof bytes);
    expect_code(fs_write(w->fs, fd, index * BLOCK, slice_of(bytes, sizeof bytes)), STATUS_OK);
}

/* What a block consists of: one letter, or '/' where it is torn at sectors between letters. */
static char block_read(struct world *w, const char *name, size_t index) {
    int fd;
    char bytes[BLOCK];
    expect_code(fs_open_read(w->fs, w->dir, name, &fd), STATUS_OK);
    expect_code(fs_read(w->fs, fd, index * BLOCK, bytes, sizeof bytes), STATUS_OK);
    fs_close(w->fs, &fd);
    bool torn = false;
    for (size_t i = 1; i < BLOCK; i++) {
        if (bytes[i] == bytes[i - 1]) continue;
        assert_int_equal(i % 512, 0);
        torn = true;
    }
    return torn ? '/' : bytes[0];
}

static void test_what_was_synced_survives(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct world w = world_new(seed);
        int fd = file_make(&w, "f", 3, 'a');
        block_write(&w, fd, 1, 'b');
        expect_code(fs_sync_data(w.fs, fd), STATUS_OK);
        world_restart(&w);
        assert_int_equal(block_read(&w, "f", 0), 'a');
        assert_int_equal(block_read(&w, "f", 1), 'b');
        assert_int_equal(block_read(&w, "f", 2), 'a');
        world_free(&w);
    }
}

static void test_unsynced_blocks_are_lost_in_any_subset(void **state) {
    (void)state;
    unsigned subsets[8] = {0};
    unsigned torn = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct world w = world_new(seed);
        int fd = file_make(&w, "f", 3, 'a');
        for (size_t i = 0; i < 3; i++) block_write(&w, fd, i, 'b');
        world_restart(&w);
        unsigned subset = 0;
        for (size_t i = 0; i < 3; i++) {
            char c = block_read(&w, "f", i);
            if (c == '/') torn++;
            if (c == 'b') subset |= 1U << i;
        }
        subsets[subset]++;
        world_free(&w);
    }
    for (unsigned i = 0; i < 8; i++) assert_true(subsets[i] > 0);
    assert_true(torn > 0);
}

static void test_unsynced_writes_survive_in_any_order(void **state) {
    (void)state;
    unsigned seen[4] = {0};
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct world w = world_new(seed);
        int fd = file_make(&w, "f", 2, 'a');
        block_write(&w, fd, 0, 'b');
        block_write(&w, fd, 1, 'c'); /* later, and may be there without the first */
        block_write(&w, fd, 0, 'd');
        world_restart(&w);
        char first = block_read(&w, "f", 0);
        char second = block_read(&w, "f", 1);
        if (first == 'a' && second == 'c') seen[0]++;
        if (first == 'd' && second == 'a') seen[1]++;
        if (first == 'b' && second == 'c') seen[2]++;
        if (first == 'd' && second == 'c') seen[3]++;
        world_free(&w);
    }
    for (unsigned i = 0; i < 4; i++) assert_true(seen[i] > 0);
}

static void test_names_are_lost_until_their_directory_is_synced(void **state) {
    (void)state;
    unsigned lost = 0;
    unsigned back = 0;
    unsigned old_size = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct world w = world_new(seed);
        int kept = file_make(&w, "kept", 1, 'k');
        file_make(&w, "removed", 1, 'r');
        int made = file_open(&w, "made");
        expect_code(fs_sync_data(w.fs, made), STATUS_OK);
        expect_code(fs_remove(w.fs, w.dir, "removed"), STATUS_OK);
        block_write(&w, kept, 1, 'k');
        world_restart(&w);
        int fd;
        lost += !is_ok(fs_open_read(w.fs, w.dir, "made", &fd));
        back += is_ok(fs_open_read(w.fs, w.dir, "removed", &fd));
        expect_code(fs_open_read(w.fs, w.dir, "kept", &fd), STATUS_OK);
        uint64_t size;
        expect_code(fs_size(w.fs, fd, &size), STATUS_OK);
        assert_true(size == BLOCK || size == 2 * BLOCK);
        old_size += size == BLOCK;
        world_free(&w);
    }
    assert_true(lost > 0 && lost < TRIES);
    assert_true(back > 0 && back < TRIES);
    assert_true(old_size > 0 && old_size < TRIES);
}

static void test_the_plug_is_pulled_at_an_operation(void **state) {
    (void)state;
    struct world w = world_new(1);
    int fd = file_make(&w, "f", 2, 'a');
    uint64_t before = sim_fs_operations(w.sim);
    sim_fs_cut_after(w.sim, 2);
    block_write(&w, fd, 0, 'b');
    expect_code(fs_sync_data(w.fs, fd), STATUS_IO);
    assert_true(sim_fs_is_cut(w.sim));
    assert_int_equal(sim_fs_operations(w.sim), before + 2);
    char byte;
    expect_code(fs_read(w.fs, fd, 0, &byte, 1), STATUS_IO);
    fs_close(w.fs, &fd);
    world_restart(&w);
    assert_false(sim_fs_is_cut(w.sim));
    assert_int_equal(block_read(&w, "f", 1), 'a');
    world_free(&w);
}

static void test_one_seed_is_one_outcome(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        char seen[2][8];
        for (size_t run = 0; run < 2; run++) {
            struct world w = world_new(seed);
            int fd = file_make(&w, "f", 8, 'a');
            for (size_t i = 0; i < 8; i++) block_write(&w, fd, i, 'b');
            world_restart(&w);
            for (size_t i = 0; i < 8; i++) seen[run][i] = block_read(&w, "f", i);
            world_free(&w);
        }
        assert_memory_equal(seen[0], seen[1], 8);
    }
}

/* A second sync after a failed one says OK over lost pages. */
static void test_a_failed_sync_loses_what_it_was_for(void **state) {
    (void)state;
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct world w = world_new(seed);
        int fd = file_make(&w, "f", 1, 'a');
        block_write(&w, fd, 0, 'b');
        sim_fs_fault(w.sim, w.drive, SIM_FAULT_SYNC_FAILS_ONCE);
        expect_code(fs_sync_data(w.fs, fd), STATUS_IO);
        assert_int_equal(block_read(&w, "f", 0), 'b');
        expect_code(fs_sync_data(w.fs, fd), STATUS_OK);
        world_restart(&w);
        lost += block_read(&w, "f", 0) != 'b';
        world_free(&w);
    }
    assert_true(lost > 0 && lost < TRIES);
}

static void test_faults_of_a_drive(void **state) {
    (void)state;
    struct world w = world_new(3);
    int fd = file_make(&w, "f", 1, 'a');
    char byte;
    sim_fs_fault(w.sim, w.drive, SIM_FAULT_READS_FAIL);
    expect_code(fs_read(w.fs, fd, 0, &byte, 1), STATUS_IO);
    sim_fs_fault(w.sim, w.drive, SIM_FAULT_WRITES_FAIL);
    expect_code(fs_read(w.fs, fd, 0, &byte, 1), STATUS_OK);
    expect_code(fs_write(w.fs, fd, 0, SLICE("x")), STATUS_IO);
    sim_fs_fault(w.sim, w.drive, SIM_FAULT_READ_ONLY);
    expect_code(fs_write(w.fs, fd, 0, SLICE("x")), STATUS_DENIED);
    int other;
    expect_code(fs_open_write(w.fs, w.dir, "f", 0, &other), STATUS_DENIED);
    expect_code(fs_open_read(w.fs, w.dir, "f", &other), STATUS_OK);
    sim_fs_fault(w.sim, w.drive, SIM_FAULT_GONE);
    expect_code(fs_read(w.fs, fd, 0, &byte, 1), STATUS_IO);
    expect_code(fs_dir_open(w.fs, AT_FDCWD, "/d", &other), STATUS_IO);
    sim_fs_fault(w.sim, w.drive, SIM_FAULT_NONE);
    expect_code(fs_read(w.fs, fd, 0, &byte, 1), STATUS_OK);
    assert_true(sim_fs_rot(w.sim, "/d/f", 100, 3));
    assert_false(sim_fs_rot(w.sim, "/d/f", BLOCK, 3));
    expect_code(fs_read(w.fs, fd, 100, &byte, 1), STATUS_OK);
    assert_int_equal(byte, 'a' ^ 8);
    world_free(&w);
}

static void test_a_drive_fills_up_and_is_emptied(void **state) {
    (void)state;
    struct world w = world_new(4);
    sim_fs_capacity(w.sim, w.drive, 4 * BLOCK);
    int fd = file_make(&w, "f", 3, 'a');
    expect_code(fs_preallocate(w.fs, fd, 5 * BLOCK), STATUS_NO_SPACE);
    struct fs_space space;
    expect_code(fs_space_read(w.fs, w.dir, &space), STATUS_OK);
    assert_int_equal(space.total_bytes, 4 * BLOCK);
    assert_int_equal(space.free_bytes, 0);
    block_write(&w, fd, 0, 'b'); /* in place */
    expect_code(fs_discard(w.fs, fd, BLOCK, BLOCK), STATUS_OK);
    expect_code(fs_space_read(w.fs, w.dir, &space), STATUS_OK);
    assert_int_equal(space.free_bytes, BLOCK);
    assert_int_equal(block_read(&w, "f", 1), '\0');
    expect_code(fs_remove(w.fs, w.dir, "f"), STATUS_OK);
    expect_code(fs_space_read(w.fs, w.dir, &space), STATUS_OK);
    assert_int_equal(space.free_bytes, BLOCK); /* it is open */
    fs_close(w.fs, &fd);
    expect_code(fs_space_read(w.fs, w.dir, &space), STATUS_OK);
    assert_int_equal(space.free_bytes, 4 * BLOCK);
    world_free(&w);
}

static void *read_a_byte(void *argument) {
    struct world *w = argument;
    char byte;
    int fd;
    struct status s = fs_open_read(w->fs, w->dir, "f", &fd);
    if (is_ok(s)) s = fs_read(w->fs, fd, 0, &byte, 1);
    return is_ok(s) ? w : NULL;
}

static void test_a_hanging_drive_answers_later_or_never(void **state) {
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct world w = world_new(5);
        file_make(&w, "f", 1, 'a');
        sim_fs_fault(w.sim, w.drive, SIM_FAULT_HANGS);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_a_byte, &w), 0);
        if (cut) {
            sim_fs_cut(w.sim);
        } else {
            sim_fs_fault(w.sim, w.drive, SIM_FAULT_NONE);
        }
        void *answered;
        pthread_join(thread, &answered);
        assert_ptr_equal(answered, cut ? NULL : &w);
        world_free(&w);
    }
}

static void test_locks_end_with_the_power(void **state) {
    (void)state;
    struct world w = world_new(6);
    int fd;
    int second;
    pid_t holder = 7;
    expect_code(fs_lock(w.fs, w.dir, "lock", &fd, &holder), STATUS_OK);
    expect_code(fs_lock(w.fs, w.dir, "lock", &second, &holder), STATUS_BUSY);
    assert_int_equal(holder, 0);
    fs_close(w.fs, &fd);
    expect_code(fs_lock(w.fs, w.dir, "lock", &fd, &holder), STATUS_OK);
    world_restart(&w);
    expect_code(fs_lock(w.fs, w.dir, "lock", &fd, &holder), STATUS_OK);
    world_free(&w);
}

static void test_a_lying_sync_makes_nothing_durable(void **state) {
    (void)state;
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world w = world_new(seed);
        int fd = file_make(&w, "vol", 1, 'a');
        sim_fs_skip_syncs(w.sim, "vo");
        block_write(&w, fd, 0, 'b');
        expect_code(fs_sync_data(w.fs, fd), STATUS_OK);
        world_restart(&w);
        lost += block_read(&w, "vol", 0) != 'b';
        world_free(&w);
    }
    assert_true(lost > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_synced_survives),
        cmocka_unit_test(test_unsynced_blocks_are_lost_in_any_subset),
        cmocka_unit_test(test_unsynced_writes_survive_in_any_order),
        cmocka_unit_test(test_names_are_lost_until_their_directory_is_synced),
        cmocka_unit_test(test_the_plug_is_pulled_at_an_operation),
        cmocka_unit_test(test_one_seed_is_one_outcome),
        cmocka_unit_test(test_a_failed_sync_loses_what_it_was_for),
        cmocka_unit_test(test_faults_of_a_drive),
        cmocka_unit_test(test_a_drive_fills_up_and_is_emptied),
        cmocka_unit_test(test_a_hanging_drive_answers_later_or_never),
        cmocka_unit_test(test_locks_end_with_the_power),
        cmocka_unit_test(test_a_lying_sync_makes_nothing_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
