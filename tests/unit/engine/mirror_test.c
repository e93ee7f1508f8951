/* The mirror: who counts at the open, what is dropped, filled, mended; and a drive that hangs. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/mirror.h"
#include "os/random.h"
#include "support/sim_fs.h"

enum {
    COPIES = 3,
    BLOCK = FS_DIRECT_ALIGN,
    DEADLINE_MS = 300,
    WAIT_MS = 5000,
    GROWN_FROM = 1000, /* blocks that a writer appends */
    GROWN_MAX = 12000,
};

static const char *const names[COPIES] = {"data", "one", "two"};
static const char *const paths[COPIES] = {"/data", "/one", "/two"};

struct fixture {
    struct sim_fs *sim;
    struct fs *fs;
    unsigned drives[COPIES];
    struct random_seeded random;
    struct mirror *mirror;
    int fd;
    char *block;
    struct note note;
};

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->sim = sim_fs_new(7);
    f->fs = sim_fs_fs(f->sim);
    random_seeded_init(&f->random, 7);
    f->block = aligned_alloc(BLOCK, BLOCK);
    for (unsigned i = 0; i < COPIES; i++) {
        int fd;
        f->drives[i] = sim_fs_drive(f->sim, names[i], 1 << 26);
        expect_code(fs_dir_open(f->fs, AT_FDCWD, paths[i], &fd), STATUS_OK);
        struct slice text = SLICE("hink drive\nstore 05000000000000000000000000000000\n");
        if (i > 0) expect_code(fs_write_small(f->fs, fd, "drive", text), STATUS_OK);
        fs_close(f->fs, &fd);
    }
    *state = f;
    return 0;
}

static void mirror_shut(struct fixture *f) {
    if (!f->mirror) return;
    mirror_stop(f->mirror);
    fs_close(mirror_fs(f->mirror), &f->fd);
    mirror_close(&f->mirror);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    mirror_shut(f);
    sim_fs_free(&f->sim);
    free(f->block);
    free(f);
    return 0;
}

struct ask {
    unsigned copies;
    bool is_new;
    bool threads;
    const char *accept;
    unsigned deadline_ms;
};

static struct status mirror_ask(struct fixture *f, struct ask ask) {
    struct mirror_place places[COPIES];
    for (unsigned i = 0; i < COPIES; i++) places[i] = (struct mirror_place){names[i], paths[i]};
    struct mirror_config config = {.fs = f->fs,
                                   .clock = clock_system(),
                                   .random = &f->random.random,
                                   .store_id = {{5}},
                                   .places = places,
                                   .place_count = ask.copies,
                                   .is_new = ask.is_new,
                                   .accept_from = ask.accept,
                                   .io_deadline_ms = ask.deadline_ms,
                                   .inline_io = !ask.threads};
    f->note.text[0] = 0;
    f->fd = -1;
    TRY(mirror_open(&config, &f->note, &f->mirror));
    struct status s = fs_open_write(mirror_fs(f->mirror), mirror_dir_fd(f->mirror), "index",
                                    FS_DIRECT | (ask.is_new ? FS_CREATE : 0u), &f->fd);
    if (is_ok(s)) s = mirror_sign(f->mirror, &f->note);
    if (is_ok(s) && ask.threads) s = mirror_start(f->mirror, &f->note);
    return s;
}

/* A new one on all places; with a deadline, with threads. */
static void mirror_made(struct fixture *f, unsigned deadline_ms) {
    struct ask ask = {
        .copies = COPIES, .is_new = true, .threads = deadline_ms > 0, .deadline_ms = deadline_ms};
    expect_code(mirror_ask(f, ask), STATUS_OK);
    assert_int_equal(mirror_serving(f->mirror, false), COPIES);
}

static struct status block_put(struct fixture *f, unsigned at, char byte) {
    struct fs *fs = mirror_fs(f->mirror);
    memset(f->block, byte, BLOCK);
    TRY(fs_write(fs, f->fd, (uint64_t)at * BLOCK, slice_of(f->block, BLOCK)));
    return fs_sync_data(fs, f->fd);
}

/* What one copy has, read beside the mirror. */
static char byte_on(struct fixture *f, unsigned copy, unsigned at) {
    char path[32];
    int dir_fd;
    int fd;
    snprintf(path, sizeof path, "%s/meta", paths[copy]);
    expect_code(fs_dir_open(f->fs, AT_FDCWD, path, &dir_fd), STATUS_OK);
    expect_code(fs_open_read(f->fs, dir_fd, "index", &fd), STATUS_OK);
    char byte = 0;
    IGNORE_STATUS(fs_read(f->fs, fd, (uint64_t)at * BLOCK, &byte, 1)); /* 0: nothing there */
    fs_close(f->fs, &fd);
    fs_close(f->fs, &dir_fd);
    return byte;
}

static void copy_wipe(struct fixture *f, unsigned copy) {
    char path[32];
    int fd;
    snprintf(path, sizeof path, "%s/meta", paths[copy]);
    expect_code(fs_dir_open(f->fs, AT_FDCWD, path, &fd), STATUS_OK);
    expect_code(fs_remove(f->fs, fd, "index"), STATUS_OK);
    expect_code(fs_remove(f->fs, fd, "members"), STATUS_OK);
    expect_code(fs_dir_sync(f->fs, fd), STATUS_OK);
    fs_close(f->fs, &fd);
}

static enum mirror_state state_of(struct fixture *f, unsigned copy) {
    struct mirror_copy read;
    mirror_copy_read(f->mirror, copy, &read);
    return read.state;
}

static void fill_all(struct fixture *f) {
    mirror_look(f->mirror);
    while (mirror_fill(f->mirror)) continue;
}

static void test_what_is_written_is_on_all(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    expect_code(block_put(f, 3, 'x'), STATUS_OK);
    for (unsigned i = 0; i < COPIES; i++) assert_int_equal(byte_on(f, i, 3), 'x');
    assert_int_equal(mirror_epoch(f->mirror), 1);
}

static void test_a_copy_that_fails_is_left_out_and_filled_again(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    expect_code(block_put(f, 0, 'a'), STATUS_OK);
    sim_fs_fault(f->sim, f->drives[1], SIM_FAULT_SYNC_FAILS_ONCE);
    expect_code(block_put(f, 1, 'b'), STATUS_OK);
    assert_int_equal(state_of(f, 1), MIRROR_FAILED);
    assert_int_equal(mirror_epoch(f->mirror), 2);
    expect_code(block_put(f, 1, 'c'), STATUS_OK);
    assert_int_equal(byte_on(f, 1, 1), 'b');
    /* It works again, and it is not asked: a failed sync is final. */
    fill_all(f);
    assert_int_equal(state_of(f, 1), MIRROR_FAILED);
    mirror_shut(f);
    expect_code(mirror_ask(f, (struct ask){.copies = COPIES}), STATUS_OK);
    assert_int_equal(state_of(f, 1), MIRROR_WAITING);
    fill_all(f);
    assert_int_equal(mirror_serving(f->mirror, false), COPIES);
    assert_int_equal(byte_on(f, 1, 1), 'c');
    assert_int_equal(mirror_epoch(f->mirror), 3);
}

static void test_writes_beside_a_fill_reach_the_new_copy(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    for (unsigned i = 0; i < 600; i++) expect_code(block_put(f, i, 'a'), STATUS_OK);
    copy_wipe(f, 2);
    mirror_look(f->mirror);
    assert_int_equal(state_of(f, 2), MIRROR_FILLING);
    assert_true(mirror_fill(f->mirror)); /* 256 blocks are copied */
    expect_code(block_put(f, 10, 'b'), STATUS_OK);
    expect_code(block_put(f, 500, 'c'), STATUS_OK);
    expect_code(block_put(f, 700, 'd'), STATUS_OK);
    assert_int_equal(byte_on(f, 2, 10), 'b');
    assert_int_equal(byte_on(f, 2, 500), 0);
    while (mirror_fill(f->mirror)) continue;
    assert_int_equal(state_of(f, 2), MIRROR_SERVING);
    assert_int_equal(byte_on(f, 2, 10), 'b');
    assert_int_equal(byte_on(f, 2, 500), 'c');
    assert_int_equal(byte_on(f, 2, 700), 'd');
}

static void test_less_than_most_is_refused_unless_accepted(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    expect_code(block_put(f, 0, 'a'), STATUS_OK);
    sim_fs_fault(f->sim, f->drives[2], SIM_FAULT_SYNCS_FAIL);
    expect_code(block_put(f, 0, 'b'), STATUS_OK); /* epoch 2: data, one */
    mirror_shut(f);
    sim_fs_fault(f->sim, f->drives[2], SIM_FAULT_NONE);
    sim_fs_fault(f->sim, f->drives[1], SIM_FAULT_GONE);
    struct ask ask = {.copies = COPIES};
    expect_code(mirror_ask(f, ask), STATUS_INVALID);
    assert_non_null(strstr(f->note.text, "1 of the 2 copies"));
    assert_non_null(strstr(f->note.text, "--accept-metadata-from data"));
    ask.accept = "nobody";
    expect_code(mirror_ask(f, ask), STATUS_INVALID);
    ask.accept = "data";
    expect_code(mirror_ask(f, ask), STATUS_OK);
    assert_true(mirror_epoch(f->mirror) > 65536);
    expect_code(block_put(f, 0, 'c'), STATUS_OK);
    mirror_shut(f);
    /* The one that was away does not outrank the accepted one. */
    sim_fs_fault(f->sim, f->drives[1], SIM_FAULT_NONE);
    expect_code(mirror_ask(f, (struct ask){.copies = COPIES}), STATUS_OK);
    fill_all(f);
    fill_all(f);
    for (unsigned i = 0; i < COPIES; i++) assert_int_equal(byte_on(f, i, 0), 'c');
    assert_int_equal(mirror_serving(f->mirror, false), COPIES);
}

static void test_copies_that_went_on_apart_are_refused(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    mirror_shut(f);
    for (unsigned i = 0; i < 2; i++) {
        sim_fs_fault(f->sim, f->drives[1 - i], SIM_FAULT_GONE);
        sim_fs_fault(f->sim, f->drives[2], SIM_FAULT_GONE);
        struct ask ask = {.copies = COPIES, .accept = names[i]};
        expect_code(mirror_ask(f, ask), STATUS_OK);
        mirror_shut(f);
        sim_fs_fault(f->sim, f->drives[1 - i], SIM_FAULT_NONE);
    }
    sim_fs_fault(f->sim, f->drives[2], SIM_FAULT_NONE);
    expect_code(mirror_ask(f, (struct ask){.copies = COPIES}), STATUS_INVALID);
    assert_non_null(strstr(f->note.text, "contradict"));
}

static void test_a_lone_copy_gets_company(void **state) {
    struct fixture *f = *state;
    expect_code(mirror_ask(f, (struct ask){.copies = 1, .is_new = true}), STATUS_OK);
    assert_ptr_equal(mirror_fs(f->mirror), f->fs); /* nothing is in between */
    expect_code(block_put(f, 5, 'x'), STATUS_OK);
    mirror_shut(f);
    expect_code(mirror_ask(f, (struct ask){.copies = COPIES}), STATUS_OK);
    assert_int_equal(mirror_serving(f->mirror, false), 1);
    fill_all(f);
    fill_all(f);
    assert_int_equal(mirror_serving(f->mirror, false), COPIES);
    assert_int_equal(byte_on(f, 2, 5), 'x');
    mirror_shut(f);
    /* And back: the others may know more, so it must be said. */
    expect_code(mirror_ask(f, (struct ask){.copies = 1}), STATUS_INVALID);
    expect_code(mirror_ask(f, (struct ask){.copies = 1, .accept = "data"}), STATUS_OK);
    mirror_shut(f);
    expect_code(mirror_ask(f, (struct ask){.copies = 1}), STATUS_OK);
}

static void test_a_directory_without_a_drive_is_not_filled(void **state) {
    struct fixture *f = *state;
    int fd;
    mirror_made(f, 0);
    expect_code(fs_dir_open(f->fs, AT_FDCWD, paths[2], &fd), STATUS_OK);
    expect_code(fs_remove(f->fs, fd, "drive"), STATUS_OK);
    fs_close(f->fs, &fd);
    copy_wipe(f, 2);
    fill_all(f);
    assert_int_equal(state_of(f, 2), MIRROR_FOREIGN);
    assert_int_equal(mirror_serving(f->mirror, false), 2);
}

static void test_a_small_drive_waits_for_room(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    for (unsigned i = 0; i < 600; i++) expect_code(block_put(f, i, 'a'), STATUS_OK);
    copy_wipe(f, 1);
    sim_fs_capacity(f->sim, f->drives[1], 1 << 20);
    fill_all(f);
    assert_int_equal(state_of(f, 1), MIRROR_WAITING);
    assert_int_equal(mirror_serving(f->mirror, false), 2);
    expect_code(block_put(f, 0, 'b'), STATUS_OK);
    sim_fs_capacity(f->sim, f->drives[1], 1 << 26);
    fill_all(f);
    assert_int_equal(state_of(f, 1), MIRROR_WAITING); /* not at once */
}

struct letter {
    struct mirror_check check;
    char byte;
};

static bool letter_is_good(struct mirror_check *check, const char *bytes) {
    return bytes[100] == CONTAINER_OF(check, struct letter, check)->byte;
}

static void test_only_what_was_checked_is_mended(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    expect_code(block_put(f, 0, 'a'), STATUS_OK);
    assert_true(sim_fs_rot(f->sim, "/data/meta/index", 100, 1));
    assert_true(sim_fs_rot(f->sim, "/one/meta/index", 0, 1)); /* beside what is checked */
    struct letter a = {{letter_is_good}, 'a'};
    expect_code(mirror_recover(f->mirror, f->fd, 0, f->block, BLOCK, 64, 128, &a.check), STATUS_OK);
    assert_int_equal(f->block[100], 'a');
    assert_int_equal(byte_on(f, 0, 0), 'a'); /* not the rot of the other copy */
    struct mirror_copy copy;
    mirror_copy_read(f->mirror, 0, &copy);
    assert_int_equal(copy.mended, 1);
    struct letter b = {{letter_is_good}, 'b'};
    expect_code(mirror_recover(f->mirror, f->fd, 0, f->block, BLOCK, 64, 128, &b.check),
                STATUS_CORRUPT);
}

static void test_reads_go_on_from_another_copy(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    expect_code(block_put(f, 0, 'a'), STATUS_OK);
    sim_fs_fault(f->sim, f->drives[0], SIM_FAULT_READS_FAIL);
    for (int i = 0; i < 20; i++) {
        memset(f->block, 0, BLOCK);
        expect_code(fs_read(mirror_fs(f->mirror), f->fd, 0, f->block, BLOCK), STATUS_OK);
        assert_int_equal(f->block[0], 'a');
    }
    assert_int_equal(state_of(f, 0), MIRROR_FAILED); /* after some in a row */
}

static int64_t now_ms(void) {
    return clock_mono_ns(clock_system()) / 1000000;
}

static void test_a_drive_that_hangs_is_left_behind(void **state) {
    struct fixture *f = *state;
    mirror_made(f, DEADLINE_MS);
    expect_code(block_put(f, 0, 'a'), STATUS_OK);
    sim_fs_fault(f->sim, f->drives[1], SIM_FAULT_HANGS);
    int64_t began_ms = now_ms();
    expect_code(block_put(f, 0, 'b'), STATUS_OK);
    assert_true(now_ms() - began_ms >= DEADLINE_MS);
    assert_int_equal(state_of(f, 1), MIRROR_HUNG);
    assert_true(mirror_epoch(f->mirror) >= 2);
    began_ms = now_ms();
    for (int i = 0; i < 50; i++) expect_code(block_put(f, 0, 'c'), STATUS_OK);
    assert_true(now_ms() - began_ms < WAIT_MS);
    assert_int_equal(byte_on(f, 0, 0), 'c');
    /* What comes out of it late changes nothing any more. */
    sim_fs_fault(f->sim, f->drives[1], SIM_FAULT_NONE);
    expect_code(block_put(f, 0, 'd'), STATUS_OK);
    assert_int_equal(mirror_serving(f->mirror, false), 2);
}

static void test_all_gone_is_an_error(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 0);
    for (unsigned i = 0; i < COPIES; i++) sim_fs_fault(f->sim, f->drives[i], SIM_FAULT_GONE);
    expect_code(block_put(f, 0, 'a'), STATUS_IO);
    expect_code(block_put(f, 0, 'a'), STATUS_IO);
}

/* Threads write while a copy is taken away and filled, over and over. */
struct writer {
    struct fixture *f;
    unsigned first;
    atomic_bool *stop;
    pthread_t thread;
    char last;
};

static void *writer_run(void *argument) {
    struct writer *w = argument;
    char *block = aligned_alloc(BLOCK, BLOCK);
    struct fs *fs = mirror_fs(w->f->mirror);
    for (unsigned n = 0; !atomic_load(w->stop); n++) {
        w->last = (char)('a' + n % 26);
        memset(block, w->last, BLOCK);
        for (unsigned i = 0; i < 300; i++) {
            uint64_t at = ((uint64_t)w->first + 3 * i) * BLOCK;
            CHECK(is_ok(fs_write(fs, w->f->fd, at, slice_of(block, BLOCK))));
        }
        CHECK(is_ok(fs_sync_data(fs, w->f->fd)));
    }
    free(block);
    return NULL;
}

/* Makes the file longer all the time: also at the moment at which a copy joins. */
static void *grower_run(void *argument) {
    struct writer *w = argument;
    char *block = aligned_alloc(BLOCK, BLOCK);
    struct fs *fs = mirror_fs(w->f->mirror);
    memset(block, 'z', BLOCK);
    while (!atomic_load(w->stop) && w->first < GROWN_MAX) {
        uint64_t at = (uint64_t)w->first++ * BLOCK;
        CHECK(is_ok(fs_write(fs, w->f->fd, at, slice_of(block, BLOCK))));
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    CHECK(is_ok(fs_sync_data(fs, w->f->fd)));
    free(block);
    return NULL;
}

static void test_writers_beside_fills(void **state) {
    struct fixture *f = *state;
    mirror_made(f, 4 * WAIT_MS);
    atomic_bool stop = false;
    struct writer writers[3];
    for (unsigned i = 0; i < 3; i++) {
        writers[i] = (struct writer){.f = f, .first = i, .stop = &stop};
        pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]);
    }
    struct writer grower = {.f = f, .first = GROWN_FROM, .stop = &stop};
    pthread_create(&grower.thread, NULL, grower_run, &grower);
    for (int round = 0; round < 2; round++) {
        uint64_t epoch = mirror_epoch(f->mirror);
        copy_wipe(f, 1);
        int64_t until_ms = now_ms() + 4 * WAIT_MS;
        while (mirror_epoch(f->mirror) < epoch + 2 && now_ms() < until_ms) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        assert_true(mirror_epoch(f->mirror) >= epoch + 2);
        assert_int_equal(state_of(f, 1), MIRROR_SERVING);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++) pthread_join(writers[i].thread, NULL);
    pthread_join(grower.thread, NULL);
    assert_true(grower.first > GROWN_FROM + 10);
    for (unsigned at = 0; at < 900; at++) {
        for (unsigned i = 0; i < COPIES; i++) {
            assert_int_equal(byte_on(f, i, at), writers[at % 3].last);
        }
    }
    for (unsigned at = GROWN_FROM; at < grower.first; at++) {
        for (unsigned i = 0; i < COPIES; i++) assert_int_equal(byte_on(f, i, at), 'z');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_on_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_that_fails_is_left_out_and_filled_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_writes_beside_a_fill_reach_the_new_copy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_less_than_most_is_refused_unless_accepted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_copies_that_went_on_apart_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_lone_copy_gets_company, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_without_a_drive_is_not_filled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_small_drive_waits_for_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_what_was_checked_is_mended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_go_on_from_another_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_drive_that_hangs_is_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_gone_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writers_beside_fills, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
