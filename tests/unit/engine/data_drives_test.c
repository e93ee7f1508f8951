/* What an operator does with drives while the store runs: add, drain, replace, remove; and in what
 * order, and with what patience, the store repairs itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/data_store.h"
#include "support/data_world.h"

static struct data_world world;
static struct note note;

static const struct data_world_config copies = {.seed = 21,
                                                .drives = 4,
                                                .drive_bytes = 16 << 20,
                                                .policy = {.data_pieces = 1, .parity_pieces = 2}};
static const struct data_world_config lone = {
    .seed = 22, .drives = 2, .drive_bytes = 16 << 20, .policy = {.data_pieces = 1}};

static void begin(const struct data_world_config *config) {
    data_world_new(&world, config);
    note = (struct note){0};
    assert_string_equal(world.trouble, "");
}

static void end(void) {
    if (world.trouble[0]) fail_msg("%s", world.trouble);
    data_world_free(&world);
}

static void put(size_t slot, size_t size) {
    for (int i = 0; i < 50 && world.slots[slot].state != SLOT_THERE; i++) {
        struct status s = data_world_put(&world, &world.slots[slot], size);
        if (!is_ok(s) && !status_is(s, STATUS_IO)) fail_msg("put: %s", status_text(s.code));
    }
    assert_int_equal(world.slots[slot].state, SLOT_THERE);
}

static void expect_all_readable(void) {
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        if (world.slots[i].state == SLOT_THERE) data_world_check_slot(&world, &world.slots[i]);
    }
    if (world.trouble[0]) fail_msg("%s", world.trouble);
}

static struct data_drive drive_of(uint32_t number) {
    struct data_drive drive;
    assert_true(data_drive_next(world.store, number, &drive));
    assert_int_equal(drive.number, number);
    return drive;
}

static const char *word_of(uint32_t number) {
    static struct data_drive drive;
    drive = drive_of(number);
    return data_drive_word(&drive);
}

static bool is_there(uint32_t number) {
    struct data_drive drive;
    return data_drive_next(world.store, number, &drive) && drive.number == number;
}

static struct data_stats stats(void) {
    struct data_stats read;
    data_stats_read(world.store, &read);
    return read;
}

static void restart_and_check(void) {
    data_world_restart(&world);
    data_world_check(&world);
    if (world.trouble[0]) fail_msg("%s", world.trouble);
}

static void test_an_added_drive_serves_and_is_remembered(void **state) {
    (void)state;
    begin(&copies);
    const char *path = data_world_mount(&world);
    uint32_t number = 0;
    struct status s = data_drive_add(world.store, path, DRIVE_SSD, &note, &number);
    if (!is_ok(s)) fail_msg("%s", note.text);
    assert_int_equal(number, 5);
    assert_string_equal(word_of(5), "in service");
    s = data_drive_add(world.store, path, DRIVE_SSD, &note, &number);
    assert_true(status_is(s, STATUS_EXISTS));
    s = data_drive_add(world.store, "relative", DRIVE_SSD, &note, &number);
    assert_true(status_is(s, STATUS_INVALID));
    for (size_t i = 0; i < 8; i++) put(i, 200000);
    assert_true(drive_of(5).pieces > 0);
    assert_int_equal(stats().pieces, 24);
    restart_and_check(); /* the configuration names four */
    assert_true(drive_of(5).pieces > 0);
    assert_string_equal(word_of(5), "in service");
    uint32_t found = 0;
    assert_true(data_drive_find(world.store, slice_str(path), &found) && found == 5);
    assert_true(data_drive_find(world.store, SLICE("3"), &found) && found == 3);
    assert_false(data_drive_find(world.store, SLICE("77"), &found));
    assert_false(data_drive_find(world.store, SLICE("/elsewhere"), &found));
    end();
}

/* A policy that had to do with less is whole for what is written after the drive has come. */
static void test_a_reduced_policy_grows(void **state) {
    (void)state;
    struct data_world_config config = lone;
    config.policy.parity_pieces = 2;
    config.policy.allow_reduced = true;
    begin(&config);
    assert_true(data_policy_note(world.store, 0, &note));
    put(0, 100000);
    assert_int_equal(stats().pieces, 2);
    uint32_t number;
    const char *path = data_world_mount(&world);
    assert_true(is_ok(data_drive_add(world.store, path, DRIVE_SSD, &note, &number)));
    assert_false(data_policy_note(world.store, 0, &note));
    put(1, 100000);
    assert_int_equal(stats().pieces, 5);
    assert_true(is_ok(data_drive_remove(world.store, 1, false, &note)));
    assert_true(data_policy_note(world.store, 0, &note));
    expect_all_readable();
    end();
}

static void test_a_drive_that_comes_back_is_taken_again(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    uint64_t used = drive_of(2).space.in_use;
    data_world_close(&world);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_GONE);
    data_world_open(&world);
    assert_true(drive_of(2).state != DRIVE_SERVING);
    assert_true(drive_of(2).pieces_short > 0);
    assert_true(stats().pieces_short > 0);
    put(6, 150000);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_NONE);
    uint32_t number = 0;
    struct status s = data_drive_add(world.store, "/d1/x", DRIVE_SSD, &note, &number);
    if (!is_ok(s)) fail_msg("%s", note.text);
    assert_int_equal(number, 2);
    assert_string_equal(word_of(2), "in service");
    assert_int_equal(drive_of(2).space.in_use, used);
    assert_int_equal(stats().pieces_short, 0);
    data_world_check(&world);
    for (size_t i = 0; i < 7; i++) {
        assert_true(is_ok(data_world_delete(&world, &world.slots[i])));
    }
    data_world_check(&world);
    end();
}

/* One that failed under us may still have our writes in its queue (D3). */
static void test_a_failed_drive_is_not_taken_before_the_restart(void **state) {
    (void)state;
    begin(&copies);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_SYNCS_FAIL);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    assert_int_equal(drive_of(2).state, DRIVE_FAILED);
    assert_true(drive_of(2).errors > 0);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_NONE);
    uint32_t number = 0;
    struct status s = data_drive_add(world.store, "/d1/x", DRIVE_SSD, &note, &number);
    assert_true(status_is(s, STATUS_REFUSED));
    print_message("%s\n", note.text);
    restart_and_check();
    assert_int_equal(drive_of(2).state, DRIVE_SERVING);
    end();
}

static void test_a_removal_that_loses_something_is_refused(void **state) {
    (void)state;
    begin(&lone);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    struct data_census census;
    assert_true(is_ok(data_drive_census(world.store, 2, &census)));
    assert_true(census.pieces > 0);
    assert_int_equal(census.only_here, census.pieces);
    struct status s = data_drive_remove(world.store, 2, false, &note);
    assert_true(status_is(s, STATUS_CONFLICT));
    print_message("%s\n", note.text);
    assert_string_equal(word_of(2), "in service");
    assert_true(is_ok(data_drive_drain(world.store, 2, true)));
    assert_string_equal(word_of(2), "draining");
    assert_true(is_ok(data_repair(world.store, true)));
    assert_string_equal(word_of(2), "drained");
    assert_true(is_ok(data_drive_remove(world.store, 2, false, &note)));
    assert_false(is_there(2));
    restart_and_check(); /* its directory is still in the configuration */
    assert_true(status_is(data_drive_remove(world.store, 2, false, &note), STATUS_NOT_FOUND));
    s = data_drive_remove(world.store, 1, true, &note);
    assert_true(status_is(s, STATUS_INVALID)); /* the policy needs one */
    print_message("%s\n", note.text);
    end();
}

static void test_what_is_given_up_is_an_error_and_the_rest_is_there(void **state) {
    (void)state;
    begin(&lone);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    assert_true(is_ok(data_drive_remove(world.store, 2, true, &note)));
    data_world_restart(&world);
    size_t lost = 0;
    for (size_t i = 0; i < 6; i++) {
        struct blob_reader *reader;
        char byte;
        assert_true(is_ok(blob_reader_open(data_blob(world.store), data_world_partition,
                                           world.slots[i].id, &reader)));
        lost += !is_ok(blob_reader_read(reader, 0, &byte, 1));
        blob_reader_close(&reader);
    }
    assert_true(lost > 0 && lost < 6);
    data_world_free(&world);
}

/* With copies elsewhere nothing is lost, and they are made again. */
static void test_a_removal_is_repaired(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    assert_true(is_ok(data_drive_remove(world.store, 3, false, &note)));
    assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(stats().repair.failed, 0);
    restart_and_check();
    assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(stats().repair.repaired, 0);
    expect_all_readable();
    struct status s = data_drive_remove(world.store, 1, false, &note);
    assert_true(status_is(s, STATUS_INVALID)); /* three copies need three drives */
    end();
}

/* What is on a removed drive can be read until the next start, and is no copy that stays. */
static void test_removals_one_after_the_other_lose_nothing(void **state) {
    (void)state;
    struct data_world_config config = copies;
    config.policy.parity_pieces = 1;
    begin(&config);
    for (size_t i = 0; i < WORLD_SLOTS; i++) put(i, 150000);
    assert_true(is_ok(data_drive_remove(world.store, 1, false, &note)));
    uint32_t sharing = 0;
    for (uint32_t n = 2; n <= 4; n++) {
        struct data_census census;
        assert_true(is_ok(data_drive_census(world.store, n, &census)));
        if (census.only_here > 0) sharing = n;
    }
    assert_true(sharing > 0); /* drive 1 had pieces, whose copies are somewhere */
    struct status s = data_drive_remove(world.store, sharing, false, &note);
    assert_true(status_is(s, STATUS_CONFLICT));
    assert_true(is_ok(data_repair(world.store, true)));
    assert_true(is_ok(data_drive_remove(world.store, sharing, false, &note)));
    restart_and_check();
    assert_int_equal(stats().blobs_lacking, 0);
    end();
}

enum { UPLOAD_BYTES = 150000 };

static struct blob_writer *upload_begin(char *bytes) {
    struct blob_writer *writer;
    for (size_t i = 0; i < UPLOAD_BYTES; i++) bytes[i] = (char)(i * 7);
    assert_true(is_ok(blob_writer_begin(data_blob(world.store), data_world_partition,
                                        SLICE("standard"), UPLOAD_BYTES, &writer)));
    assert_true(is_ok(blob_writer_write(writer, slice_of(bytes, UPLOAD_BYTES))));
    return writer;
}

/* The drive that something is written to: every other may go. */
static uint32_t upload_drive(void) {
    uint32_t number = 1;
    while (!status_is(data_drive_remove(world.store, number, false, &note), STATUS_BUSY)) number++;
    print_message("%s\n", note.text);
    assert_string_equal(word_of(number), "in service");
    return number;
}

static void test_a_drive_stays_while_something_is_written_to_it(void **state) {
    (void)state;
    static char bytes[UPLOAD_BYTES];
    static char found[UPLOAD_BYTES];
    struct data_world_config config = lone;
    config.drives = 3;
    begin(&config);
    struct blob_writer *writer = upload_begin(bytes);
    struct blob_id id = blob_writer_id(writer);
    uint32_t number = upload_drive();
    assert_true(is_ok(blob_writer_seal(writer)));
    struct kv_batch *batch = kv_batch_new();
    blob_writer_bind(writer, batch);
    assert_true(is_ok(kv_commit(world.kv, data_world_partition, batch, NULL)));
    kv_batch_free(&batch);
    blob_writer_commit(&writer);
    assert_false(is_ok(data_drive_remove(world.store, number, false, &note)));
    data_world_restart(&world);
    struct blob_reader *reader;
    assert_true(is_ok(blob_reader_open(data_blob(world.store), data_world_partition, id, &reader)));
    assert_true(is_ok(blob_reader_read(reader, 0, found, UPLOAD_BYTES)));
    assert_memory_equal(found, bytes, UPLOAD_BYTES);
    blob_reader_close(&reader);
    end();
}

/* What is given up with the drive is not acknowledged afterwards. */
static void test_an_upload_to_a_drive_that_was_given_up_fails(void **state) {
    (void)state;
    static char bytes[UPLOAD_BYTES];
    struct data_world_config config = lone;
    config.drives = 6;
    begin(&config);
    struct blob_writer *writer = upload_begin(bytes);
    uint32_t number = upload_drive();
    if (number == 6) { /* the policy needs another */
        uint32_t added;
        const char *path = data_world_mount(&world);
        assert_true(is_ok(data_drive_add(world.store, path, DRIVE_SSD, &note, &added)));
    }
    assert_true(is_ok(data_drive_remove(world.store, number, true, &note)));
    assert_true(status_is(blob_writer_seal(writer), STATUS_IO));
    blob_writer_abort(&writer);
    end();
}

static void test_a_replacement_takes_over(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 8; i++) put(i, 150000);
    uint64_t pieces = drive_of(2).pieces;
    assert_true(pieces > 0);
    data_world_close(&world);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_GONE);
    data_world_open(&world);
    uint32_t number = 0;
    const char *path = data_world_mount(&world);
    struct status s = data_drive_replace(world.store, 2, path, &note, &number);
    if (!is_ok(s)) fail_msg("%s", note.text);
    assert_int_equal(number, 5);
    assert_string_equal(word_of(2), "replaced");
    assert_string_equal(word_of(5), "refilling");
    assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(drive_of(5).pieces, pieces);
    assert_int_equal(drive_of(2).pieces, 0);
    data_drives_tidy(world.store);
    assert_false(is_there(2));
    assert_string_equal(word_of(5), "in service");
    expect_all_readable();
    restart_and_check();
    assert_false(is_there(2));
    end();
}

/* The new drive is mounted where the dead one was. */
static void test_a_replacement_at_the_same_path(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 8; i++) put(i, 150000);
    data_world_close(&world);
    struct fs *fs = sim_fs_fs(world.sim);
    int dir_fd;
    int volumes_fd;
    assert_true(is_ok(fs_dir_open(fs, AT_FDCWD, "/d1/x", &dir_fd)));
    assert_true(is_ok(fs_dir_open(fs, dir_fd, "volumes", &volumes_fd)));
    assert_true(is_ok(fs_remove(fs, dir_fd, "drive")));
    assert_true(is_ok(fs_remove(fs, volumes_fd, "000001")));
    IGNORE_STATUS(fs_remove(fs, volumes_fd, "000002")); /* if it is there */
    fs_close(fs, &volumes_fd);
    fs_close(fs, &dir_fd);
    data_world_open(&world);
    assert_string_equal(word_of(2), "missing");
    uint32_t number = 0;
    struct status s = data_drive_add(world.store, "/d1/x", DRIVE_SSD, &note, &number);
    assert_true(status_is(s, STATUS_REFUSED)); /* is its drive mounted? */
    print_message("%s\n", note.text);
    note = (struct note){0};
    s = data_drive_replace(world.store, 2, "/d1/x", &note, &number);
    if (!is_ok(s)) fail_msg("%s", note.text);
    assert_int_equal(number, 5);
    data_world_restart(&world); /* both are at the same path */
    assert_string_equal(word_of(2), "replaced");
    assert_string_equal(word_of(5), "refilling");
    assert_true(is_ok(data_repair(world.store, true)));
    data_drives_tidy(world.store);
    assert_false(is_there(2));
    expect_all_readable();
    restart_and_check();
    assert_string_equal(word_of(5), "in service");
    end();
}

static void drain(uint32_t number, bool on) {
    assert_true(is_ok(data_drive_drain(world.store, number, on)));
}

/* What can lose nothing more is made whole before what can, and gets what room there is. */
static void test_the_most_endangered_comes_first(void **state) {
    (void)state;
    struct data_world_config config = copies;
    config.drives = 5;
    begin(&config);
    drain(1, true);
    drain(5, true);
    for (size_t i = 0; i < 4; i++) put(i, 600000); /* on 2, 3 and 4; the older ones */
    drain(1, false);
    drain(4, true);
    for (size_t i = 4; i < 6; i++) put(i, 600000); /* on 1, 2 and 3 */
    drain(4, false);
    drain(5, false);
    data_world_close(&world);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_GONE);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_GONE);
    sim_fs_capacity(world.sim, world.drives[4], 1450 * 1024); /* for two of them */
    data_world_open(&world);
    assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(drive_of(5).pieces, 2);
    sim_fs_fault(world.sim, world.drives[2], SIM_FAULT_GONE);
    sim_fs_fault(world.sim, world.drives[3], SIM_FAULT_GONE);
    data_world_check_slot(&world, &world.slots[4]);
    data_world_check_slot(&world, &world.slots[5]);
    end();
}

static void test_a_scrub_goes_on_where_it_was(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 6; i++) put(i, 150000);
    data_scrub_stop(world.store); /* none runs: nothing */
    assert_true(is_ok(data_scrub(world.store)));
    assert_int_equal(stats().scrub.blobs_done, 6);
    assert_false(stats().scrub_paused);
    data_world_restart(&world);
    assert_int_equal(stats().scrub.blobs_done, 6); /* what came of the last one is remembered */
    assert_true(stats().scrub.ended_ns > 0);
    assert_false(data_scrub_is_begun(world.store));
    /* One that is stopped stays so over a restart, and goes on when it is told to. */
    atomic_store(&world.store->scrub_stopped, true);
    assert_true(status_is(data_scrub(world.store), STATUS_BUSY));
    assert_true(stats().scrub_paused);
    assert_int_equal(stats().scrub.blobs_done, 1);
    data_world_restart(&world);
    assert_true(stats().scrub_paused);
    assert_false(data_scrub_is_begun(world.store));
    assert_int_equal(stats().scrub.blobs_done, 1);
    data_scrub_start(world.store);
    assert_true(data_scrub_is_begun(world.store));
    assert_true(is_ok(data_scrub(world.store)));
    assert_int_equal(stats().scrub.blobs_done, 6);
    assert_false(stats().scrub_paused);
    end();
}

/* Where there is one piece only, the answer is an error, in time, and then BUSY at once. */
static void test_a_lone_drive_that_hangs_is_given_up(void **state) {
    (void)state;
    struct data_world_config config = lone;
    config.drives = 1;
    config.with_threads = true;
    begin(&config);
    put(0, 200000);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_HANGS);
    struct status s = status_ok();
    while (is_ok(s) && world.slots[1].state == SLOT_EMPTY) {
        s = data_world_put(&world, &world.slots[1], 3000000);
    }
    assert_true(status_is(s, STATUS_IO));
    assert_int_equal(drive_of(1).state, DRIVE_HUNG);
    s = data_world_put(&world, &world.slots[2], 3000000);
    assert_true(status_is(s, STATUS_BUSY));
    struct blob_reader *reader;
    char bytes[1000];
    assert_true(is_ok(blob_reader_open(data_blob(world.store), data_world_partition,
                                       world.slots[0].id, &reader)));
    assert_true(status_is(blob_reader_read(reader, 0, bytes, sizeof bytes), STATUS_IO));
    blob_reader_close(&reader);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_NONE);
    data_world_restart(&world);
    data_world_check(&world);
    end();
}

/* The repair gives a target up that hangs, and takes another one. */
static void test_a_repair_survives_a_drive_that_hangs(void **state) {
    (void)state;
    struct data_world_config config = copies;
    config.drives = 6;
    config.with_threads = true;
    begin(&config);
    for (size_t i = 0; i < 8; i++) put(i, 150000);
    assert_true(is_ok(data_drive_drain(world.store, 1, true)));
    sim_fs_fault(world.sim, world.drives[3], SIM_FAULT_HANGS);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_HANGS);
    for (int i = 0; i < 4; i++) assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(stats().repair.failed, 0);
    expect_all_readable();
    sim_fs_fault(world.sim, world.drives[3], SIM_FAULT_NONE);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_NONE);
    data_world_restart(&world);
    data_world_check(&world);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_added_drive_serves_and_is_remembered),
        cmocka_unit_test(test_a_reduced_policy_grows),
        cmocka_unit_test(test_a_drive_that_comes_back_is_taken_again),
        cmocka_unit_test(test_a_failed_drive_is_not_taken_before_the_restart),
        cmocka_unit_test(test_a_removal_that_loses_something_is_refused),
        cmocka_unit_test(test_what_is_given_up_is_an_error_and_the_rest_is_there),
        cmocka_unit_test(test_a_removal_is_repaired),
        cmocka_unit_test(test_removals_one_after_the_other_lose_nothing),
        cmocka_unit_test(test_a_drive_stays_while_something_is_written_to_it),
        cmocka_unit_test(test_an_upload_to_a_drive_that_was_given_up_fails),
        cmocka_unit_test(test_a_replacement_takes_over),
        cmocka_unit_test(test_a_replacement_at_the_same_path),
        cmocka_unit_test(test_the_most_endangered_comes_first),
        cmocka_unit_test(test_a_scrub_goes_on_where_it_was),
        cmocka_unit_test(test_a_lone_drive_that_hangs_is_given_up),
        cmocka_unit_test(test_a_repair_survives_a_drive_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
