/* Copies and parity on drives that fail: degraded writes and reads, repair, drain, scrub, space. */
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

static const struct data_world_config copies = {.seed = 11,
                                                .drives = 4,
                                                .drive_bytes = 16 << 20,
                                                .policy = {.data_pieces = 1, .parity_pieces = 2}};
static const struct data_world_config coded = {.seed = 12,
                                               .drives = 7,
                                               .drive_bytes = 16 << 20,
                                               .policy = {.data_pieces = 4, .parity_pieces = 2}};

static void begin(const struct data_world_config *config) {
    data_world_new(&world, config);
    assert_string_equal(world.trouble, "");
}

static void end(void) {
    if (world.trouble[0]) fail_msg("%s", world.trouble);
    data_world_free(&world);
}

/* A blob that is there for certain: a put may be given up by chance, and fails when it meets more
 * drives that have just failed than it can do without. */
static void put(struct data_slot *slot, size_t size) {
    for (int i = 0; i < 20 && slot->state != SLOT_THERE; i++) {
        struct status s = data_world_put(&world, slot, size);
        if (!is_ok(s) && !status_is(s, STATUS_IO)) fail_msg("put: %s", status_text(s.code));
    }
    assert_int_equal(slot->state, SLOT_THERE);
}

static void expect_all_readable(void) {
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        if (world.slots[i].state == SLOT_THERE) data_world_check_slot(&world, &world.slots[i]);
    }
    if (world.trouble[0]) fail_msg("%s", world.trouble);
}

static struct data_stats stats(void) {
    struct data_stats read;
    data_stats_read(world.store, &read);
    return read;
}

static uint64_t in_use(uint32_t number) {
    struct data_drive drive;
    assert_true(data_drive_next(world.store, number, &drive) && drive.number == number);
    return drive.space.in_use;
}

static void test_pieces_lie_on_different_drives(void **state) {
    (void)state;
    begin(&copies);
    for (size_t i = 0; i < 6; i++) put(&world.slots[i], 200000);
    unsigned used = 0;
    for (uint32_t n = 1; n <= 4; n++) used += in_use(n) > 2 * EXTENT_UNIT;
    assert_int_equal(used, 4); /* they take turns */
    for (unsigned lost = 0; lost < 4; lost++) {
        sim_fs_fault(world.sim, world.drives[lost], SIM_FAULT_READS_FAIL);
        sim_fs_fault(world.sim, world.drives[(lost + 1) % 4], SIM_FAULT_READS_FAIL);
        expect_all_readable();
        sim_fs_fault(world.sim, world.drives[lost], SIM_FAULT_NONE);
        sim_fs_fault(world.sim, world.drives[(lost + 1) % 4], SIM_FAULT_NONE);
    }
    end();
}

static void test_writes_go_on_until_too_few_drives_are_left(void **state) {
    (void)state;
    begin(&copies);
    struct note note = {0};
    assert_true(is_ok(data_health(world.store, &note)));
    put(&world.slots[0], 300000);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_WRITES_FAIL);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_SYNCS_FAIL);
    for (size_t i = 1; i < 6; i++) put(&world.slots[i], 300000);
    assert_true(stats().blobs_short > 0);
    assert_true(status_is(data_health(world.store, &note), STATUS_IO));
    print_message("%s\n", note.text);
    sim_fs_fault(world.sim, world.drives[2], SIM_FAULT_GONE);
    struct status s = status_ok();
    for (int i = 0; i < 20 && is_ok(s) && world.slots[7].state == SLOT_EMPTY; i++) {
        s = data_world_put(&world, &world.slots[7], 300000);
    }
    assert_true(status_is(s, STATUS_IO) || status_is(s, STATUS_BUSY));
    while (!status_is(s, STATUS_BUSY)) s = data_world_put(&world, &world.slots[7], 300000);
    assert_true(status_is(data_health(world.store, &note), STATUS_BUSY));
    print_message("%s\n", note.text);
    expect_all_readable(); /* all of them have a piece on the drive that is left */
    end();
}

static void test_repair_makes_lost_pieces_again(void **state) {
    (void)state;
    const struct data_world_config *shapes[] = {&copies, &coded};
    for (size_t i = 0; i < 2; i++) {
        begin(shapes[i]);
        for (size_t b = 0; b < 5; b++) put(&world.slots[b], 100000 + 90001 * b);
        sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_WRITES_FAIL);
        for (size_t b = 5; b < 8; b++) put(&world.slots[b], 100000 + 90001 * b);
        assert_true(is_ok(data_repair(world.store, true)));
        assert_true(stats().repair.repaired > 0);
        assert_int_equal(stats().repair.failed, 0);
        assert_int_equal(stats().repair.blobs_done, 8);
        assert_true(stats().repair.bytes_done > 0);
        /* The failed drive is not needed any more, and two others may be lost. */
        sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_GONE);
        sim_fs_fault(world.sim, world.drives[2], SIM_FAULT_READS_FAIL);
        sim_fs_fault(world.sim, world.drives[3], SIM_FAULT_READS_FAIL);
        expect_all_readable();
        data_world_restart(&world);
        data_world_check(&world);
        end();
    }
}

static void test_a_marked_blob_is_repaired_by_its_mark(void **state) {
    (void)state;
    begin(&copies);
    for (size_t b = 0; b < 4; b++) put(&world.slots[b], 100000);
    sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_SYNCS_FAIL);
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_SYNCS_FAIL);
    put(&world.slots[4], 100000);
    put(&world.slots[5], 100000);
    assert_true(is_ok(data_repair(world.store, false)));
    assert_true(stats().repair.failed > 0); /* there is no drive to put them on */
    data_world_restart(&world);
    assert_true(is_ok(data_repair(world.store, false)));
    assert_true(stats().repair.repaired > 0);
    assert_true(stats().repair.blobs_done >= 1 && stats().repair.blobs_done <= 2);
    assert_true(is_ok(data_repair(world.store, false)));
    assert_int_equal(stats().repair.blobs_done, 0); /* no mark is left */
    data_world_check(&world);
    end();
}

static void test_a_drained_drive_is_emptied(void **state) {
    (void)state;
    begin(&copies);
    for (size_t b = 0; b < 6; b++) put(&world.slots[b], 150000);
    assert_true(in_use(2) > 2 * EXTENT_UNIT);
    assert_true(is_ok(data_drive_drain(world.store, 2, true)));
    assert_true(status_is(data_drive_drain(world.store, 99, true), STATUS_NOT_FOUND));
    data_world_restart(&world); /* it is remembered */
    assert_true(is_ok(data_repair(world.store, true)));
    assert_int_equal(stats().repair.failed, 0);
    assert_int_equal(in_use(2), EXTENT_UNIT); /* the header */
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_GONE);
    expect_all_readable();
    data_world_check(&world);
    end();
}

/* Flips a bit in every block of one drive's volumes. */
static unsigned rot_everything(unsigned drive) {
    unsigned count = 0;
    for (unsigned volume = 1; volume < 9; volume++) {
        char path[64];
        snprintf(path, sizeof path, "/d%u/x/volumes/%06u", drive, volume);
        for (uint64_t at = 4096; at < 2 << 20; at += 16384) {
            count += sim_fs_rot(world.sim, path, at + 77, 3);
        }
    }
    return count;
}

static void test_rot_is_repaired_while_the_reader_waits(void **state) {
    (void)state;
    const struct data_world_config *shapes[] = {&copies, &coded};
    for (size_t i = 0; i < 2; i++) {
        begin(shapes[i]);
        for (size_t b = 0; b < 6; b++) put(&world.slots[b], 200000);
        assert_true(rot_everything(0) > 0);
        assert_true(rot_everything(1) > 0);
        expect_all_readable();
        assert_true(stats().blocks_repaired > 0);
        struct blob_stats blobs;
        blob_stats_read(data_blob(world.store), &blobs);
        assert_true(blobs.corrupt_blocks >= stats().blocks_repaired);
        /* What nobody read is found by the scrubber; then nothing is wrong any more. */
        assert_true(is_ok(data_scrub(world.store)));
        assert_int_equal(stats().scrub.failed, 0);
        assert_int_equal(stats().scrub.blobs_done, 6);
        uint64_t repaired = stats().scrub.repaired;
        assert_true(is_ok(data_scrub(world.store)));
        assert_int_equal(stats().scrub.repaired, repaired);
        end();
    }
}

static void test_what_cannot_be_repaired_is_an_error(void **state) {
    (void)state;
    begin(&copies);
    put(&world.slots[0], 200000);
    for (unsigned d = 0; d < 4; d++) rot_everything(d);
    struct blob_reader *reader;
    char bytes[1000];
    assert_true(is_ok(blob_reader_open(data_blob(world.store), data_world_partition,
                                       world.slots[0].id, &reader)));
    assert_true(status_is(blob_reader_read(reader, 0, bytes, sizeof bytes), STATUS_CORRUPT));
    blob_reader_close(&reader);
    assert_true(is_ok(data_scrub(world.store)));
    assert_int_equal(stats().scrub.failed, 1);
    end();
}

static void test_a_full_store_can_be_emptied(void **state) {
    (void)state;
    static const struct data_world_config small = {
        .seed = 13,
        .drives = 2,
        .drive_bytes = 2 << 20,
        .policy = {.data_pieces = 1, .parity_pieces = 1}};
    begin(&small);
    struct status s = status_ok();
    size_t count = 0;
    while (is_ok(s) && count < WORLD_SLOTS) {
        if (world.slots[count].state == SLOT_THERE) count++;
        if (count < WORLD_SLOTS) s = data_world_put(&world, &world.slots[count], 300000);
    }
    assert_true(status_is(s, STATUS_NO_SPACE));
    assert_true(count >= 3);
    expect_all_readable();
    data_world_check(&world);
    for (size_t i = 0; i < count; i++) {
        assert_true(is_ok(data_world_delete(&world, &world.slots[i])));
    }
    data_world_check(&world);
    put(&world.slots[0], 900000);
    data_world_check(&world);
    end();
}

static void test_space_waits_for_readers_of_that_blob_only(void **state) {
    (void)state;
    begin(&copies);
    put(&world.slots[0], 300000);
    put(&world.slots[1], 300000);
    struct blob_reader *reader;
    assert_true(is_ok(blob_reader_open(data_blob(world.store), data_world_partition,
                                       world.slots[0].id, &reader)));
    uint64_t before = 0;
    uint64_t between = 0;
    uint64_t after = 0;
    for (uint32_t n = 1; n <= 4; n++) before += in_use(n);
    for (size_t i = 0; i < 2; i++) {
        assert_true(is_ok(data_world_delete(&world, &world.slots[i])));
        bool done = false;
        while (!done) {
            assert_true(
                is_ok(blob_collect(data_blob(world.store), data_world_partition, 9, &done)));
        }
    }
    for (uint32_t n = 1; n <= 4; n++) between += in_use(n);
    uint64_t units = (300000 + EXTENT_UNIT - 1) / EXTENT_UNIT;
    assert_int_equal(before - between, 3 * units * EXTENT_UNIT);
    struct data_slot gone = world.slots[0];
    char *bytes = malloc(300000);
    assert_true(is_ok(blob_reader_read(reader, 0, bytes, 300000)));
    for (size_t i = 0; i < 300000; i += 997) {
        assert_int_equal(bytes[i], (char)((i * 31 + i / 251 + gone.seed * 17) ^ (i >> 16)));
    }
    free(bytes);
    blob_reader_close(&reader);
    for (uint32_t n = 1; n <= 4; n++) after += in_use(n);
    assert_int_equal(between - after, 3 * units * EXTENT_UNIT);
    end();
}

/* A drive that does not answer is given up; nobody waits for it twice. */
static void test_a_hanging_drive_stops_nobody(void **state) {
    (void)state;
    const struct data_world_config *shapes[] = {&copies, &coded};
    for (size_t i = 0; i < 2; i++) {
        struct data_world_config config = *shapes[i];
        config.with_threads = true;
        begin(&config);
        for (size_t b = 0; b < 4; b++) put(&world.slots[b], 200000 + 90000 * b);
        sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_HANGS);
        sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_HANGS);
        if (i == 0) {
            expect_all_readable();
            sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_NONE);
        }
        for (size_t b = 4; b < 8; b++) put(&world.slots[b], 2000000);
        expect_all_readable();
        struct data_drive drive;
        assert_true(data_drive_next(world.store, 1, &drive));
        assert_int_equal(drive.state, DRIVE_HUNG);
        print_message("%s\n", drive.line.text);
        sim_fs_fault(world.sim, world.drives[0], SIM_FAULT_NONE);
        sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_NONE);
        data_world_restart(&world);
        data_world_check(&world);
        end();
    }
}

static void test_policies_that_cannot_be_kept(void **state) {
    (void)state;
    begin(&copies);
    data_world_close(&world);
    struct data_drive_config drives[2] = {{.path = "/d0/x"}, {.path = "/d0/y"}};
    struct data_policy policy = {.name = "p", .data_pieces = 1, .parity_pieces = 1};
    struct data_config config = {
        .kv = world.kv,
        .fs = sim_fs_fs(world.sim),
        .clock = &world.clock.clock,
        .random = &world.random.random,
        .store_id = {{7}},
        .drives = drives,
        .drive_count = 2,
        .policies = &policy,
        .policy_count = 1,
    };
    struct note note = {0};
    /* The other three of the store are gone, but are still its drives. */
    for (unsigned i = 1; i < 4; i++) sim_fs_fault(world.sim, world.drives[i], SIM_FAULT_GONE);
    assert_true(is_ok(data_open(&config, &note, &world.store)));
    assert_true(status_is(data_health(world.store, &note), STATUS_BUSY));
    print_message("%s\n", note.text);
    data_close(&world.store);
    policy.same_device = true;
    assert_true(is_ok(data_open(&config, &note, &world.store)));
    assert_true(status_is(data_health(world.store, &note), STATUS_IO));
    print_message("%s\n", note.text);
    data_close(&world.store);
    policy.media = DRIVE_HDD;
    assert_true(status_is(data_open(&config, &note, &world.store), STATUS_INVALID));
    print_message("%s\n", note.text);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_lie_on_different_drives),
        cmocka_unit_test(test_writes_go_on_until_too_few_drives_are_left),
        cmocka_unit_test(test_repair_makes_lost_pieces_again),
        cmocka_unit_test(test_a_marked_blob_is_repaired_by_its_mark),
        cmocka_unit_test(test_a_drained_drive_is_emptied),
        cmocka_unit_test(test_rot_is_repaired_while_the_reader_waits),
        cmocka_unit_test(test_what_cannot_be_repaired_is_an_error),
        cmocka_unit_test(test_a_full_store_can_be_emptied),
        cmocka_unit_test(test_space_waits_for_readers_of_that_blob_only),
        cmocka_unit_test(test_a_hanging_drive_stops_nobody),
        cmocka_unit_test(test_policies_that_cannot_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
