/* Small bodies on their way: from the log to volumes, off drives that fail, and free again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/data_move.h"
#include "support/data_world.h"

enum { BODY = 9000, UNITS = 3, TINY = 1500 };

static struct data_world world;

static const struct data_world_config one = {.seed = 21,
                                             .drives = 1,
                                             .drive_bytes = 16 << 20,
                                             .policy = {.data_pieces = 1},
                                             .over_meta = true};
static const struct data_world_config copies = {.seed = 22,
                                                .drives = 4,
                                                .drive_bytes = 16 << 20,
                                                .policy = {.data_pieces = 1, .parity_pieces = 2},
                                                .over_meta = true,
                                                .log_copies = 3};
static const struct data_world_config coded = {.seed = 23,
                                               .drives = 7,
                                               .drive_bytes = 16 << 20,
                                               .policy = {.data_pieces = 4, .parity_pieces = 2},
                                               .over_meta = true,
                                               .log_copies = 3};

static void begin(const struct data_world_config *config) {
    data_world_new(&world, config);
    assert_string_equal(world.trouble, "");
}

static void end(void) {
    data_world_check(&world);
    if (world.trouble[0]) fail_msg("%s", world.trouble);
    data_world_free(&world);
}

static struct data_slot *put(size_t number, size_t size) {
    struct data_slot *slot = &world.slots[number];
    for (int i = 0; i < 20 && slot->state != SLOT_THERE; i++) {
        assert_true(is_ok(data_world_put(&world, slot, size)));
    }
    assert_int_equal(slot->state, SLOT_THERE);
    return slot;
}

static void checkpoint(void) {
    assert_true(is_ok(meta_checkpoint(world.meta)));
}

/* Units in use and reserved on a drive, but for the headers of volumes. */
static uint64_t units_of(uint32_t number, uint64_t *ret_reserved) {
    struct data_drive drive;
    assert_true(data_drive_next(world.store, number, &drive) && drive.number == number);
    *ret_reserved = drive.space.reserved / EXTENT_UNIT;
    return drive.space.in_use / EXTENT_UNIT - data_place(world.store, number)->volumes.count;
}

static uint64_t units(uint64_t *ret_reserved) {
    uint64_t all = 0;
    *ret_reserved = 0;
    for (uint32_t n = 1; n <= world.config.drives; n++) {
        uint64_t reserved;
        all += units_of(n, &reserved);
        *ret_reserved += reserved;
    }
    return all;
}

static void expect_units(uint64_t in_use, uint64_t reserved) {
    uint64_t found;
    assert_int_equal(units(&found), in_use);
    assert_int_equal(found, reserved);
}

static void test_a_body_is_promised_room_then_moved_then_freed(void **state) {
    (void)state;
    begin(&one);
    struct data_slot *slot = put(0, BODY);
    expect_units(0, UNITS);
    checkpoint();
    expect_units(UNITS, 0);
    assert_int_equal(data_move_used(world.store, SLICE("standard")), UNITS * EXTENT_UNIT);
    data_world_check_slot(&world, slot);
    while (slot->state != SLOT_EMPTY) assert_true(is_ok(data_world_delete(&world, slot)));
    bool done;
    assert_true(is_ok(blob_collect(data_blob(world.store), data_world_partition, 100, &done)));
    expect_units(UNITS, 0);
    checkpoint();
    expect_units(0, 0);
    assert_int_equal(data_move_used(world.store, SLICE("standard")), 0);
    end();
}

static void test_a_tiny_body_stays(void **state) {
    (void)state;
    begin(&one);
    put(0, TINY);
    checkpoint();
    expect_units(0, 0);
    end();
}

static void test_what_was_deleted_before_never_reaches_a_volume(void **state) {
    (void)state;
    begin(&one);
    struct data_slot *slot = put(0, BODY);
    assert_true(is_ok(data_world_delete(&world, slot)));
    bool done;
    assert_true(is_ok(blob_collect(data_blob(world.store), data_world_partition, 100, &done)));
    checkpoint();
    expect_units(0, 0);
    end();
}

static void test_promises_and_the_map_outlive_a_restart(void **state) {
    (void)state;
    begin(&copies);
    put(0, BODY);
    checkpoint();
    put(1, BODY);
    expect_units(3 * UNITS, 3 * UNITS);
    data_world_restart(&world);
    expect_units(3 * UNITS, 3 * UNITS);
    checkpoint();
    expect_units(6 * UNITS, 0);
    data_world_restart(&world);
    expect_units(6 * UNITS, 0);
    end();
}

static void test_a_code_keeps_copies_where_its_cells_take_more(void **state) {
    (void)state;
    begin(&coded);
    put(0, 4000);
    checkpoint();
    expect_units(3, 0);
    put(1, 60000); /* 6 cells of 4 units, and not 3 copies of 15 */
    checkpoint();
    expect_units(3 + 24, 0);
    end();
}

static void test_too_few_copies_of_the_log_write_at_once(void **state) {
    (void)state;
    struct data_world_config config = copies;
    config.log_copies = 1;
    begin(&config);
    put(0, BODY);
    put(1, TINY);
    expect_units(3 * UNITS + 3, 0);
    checkpoint();
    expect_units(3 * UNITS + 3, 0);
    end();
}

/* The drive that has promised room fails before, or while, the body is moved. */
static void test_a_drive_that_fails_is_replaced_by_another(void **state) {
    (void)state;
    static const enum sim_fault faults[] = {SIM_FAULT_WRITES_FAIL, SIM_FAULT_SYNCS_FAIL,
                                            SIM_FAULT_GONE};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        begin(&copies);
        for (size_t n = 0; n < 6; n++) put(n, BODY);
        sim_fs_fault(world.sim, world.drives[1], faults[i]);
        checkpoint();
        uint64_t reserved;
        for (uint32_t n = 1; n <= 4; n++) {
            if (n != 2) assert_int_equal(units_of(n, &reserved), 6 * UNITS);
        }
        struct data_stats stats;
        data_stats_read(world.store, &stats);
        assert_int_equal(stats.blobs_short, 0);
        for (size_t n = 0; n < 6; n++) data_world_check_slot(&world, &world.slots[n]);
        data_world_restart(&world);
        end();
    }
}

/* With fewer drives than the policy acknowledges the bodies wait in the index. */
static void test_without_drives_bodies_stay_and_are_moved_later(void **state) {
    (void)state;
    begin(&copies);
    for (size_t n = 0; n < 4; n++) put(n, BODY);
    for (int n = 0; n < 3; n++) sim_fs_fault(world.sim, world.drives[n], SIM_FAULT_WRITES_FAIL);
    checkpoint();
    for (size_t n = 0; n < 4; n++) data_world_check_slot(&world, &world.slots[n]);
    data_world_restart(&world); /* the drives are well again */
    expect_units(0, 0);
    assert_true(is_ok(data_repair(world.store, false)));
    checkpoint();
    expect_units(4 * 3 * UNITS, 0);
    end();
}

static void test_repair_moves_bodies_off_a_lost_drive(void **state) {
    (void)state;
    begin(&copies);
    for (size_t n = 0; n < 6; n++) put(n, BODY);
    checkpoint();
    sim_fs_fault(world.sim, world.drives[1], SIM_FAULT_WRITES_FAIL);
    put(6, 200000); /* which finds that out */
    assert_true(is_ok(data_repair(world.store, true)));
    checkpoint();
    /* Two more may be lost. */
    for (int n = 1; n < 4; n++) sim_fs_fault(world.sim, world.drives[n], SIM_FAULT_READS_FAIL);
    for (size_t n = 0; n < 6; n++) data_world_check_slot(&world, &world.slots[n]);
    assert_string_equal(world.trouble, "");
    data_world_restart(&world);
    end();
}

static void test_a_full_drive_that_was_emptied_takes_the_first_put(void **state) {
    (void)state;
    struct data_world_config config = one;
    config.drive_bytes = 1 << 20;
    begin(&config);
    struct status s = status_ok();
    for (size_t n = 0; n < WORLD_SLOTS && is_ok(s); n++) {
        if (n == 5) checkpoint();
        s = data_world_put(&world, &world.slots[n], 64 * 1024 - n);
    }
    while (is_ok(s)) { /* some were given up by chance */
        for (size_t n = 0; n < WORLD_SLOTS && is_ok(s); n++) {
            if (world.slots[n].state == SLOT_EMPTY) {
                s = data_world_put(&world, &world.slots[n], 64 * 1024 - n);
            }
        }
        size_t there = 0;
        for (size_t n = 0; n < WORLD_SLOTS; n++) there += world.slots[n].state == SLOT_THERE;
        if (there == WORLD_SLOTS) break;
    }
    checkpoint();
    uint64_t reserved;
    uint64_t full = units(&reserved);
    assert_true(full > 0);
    /* Nothing is left for another body. */
    struct data_promise promise;
    const struct data_kept_policy *policy = data_policy_find(world.store, SLICE("standard"));
    size_t promised = 0;
    struct data_promise promises[64];
    while (promised < 64 && is_ok(data_promise_make(world.store, policy, 64 * 1024, &promise))) {
        promises[promised++] = promise;
    }
    assert_true(promised < 64);
    for (size_t n = 0; n < WORLD_SLOTS; n++) {
        struct data_slot *slot = &world.slots[n];
        if (slot->state == SLOT_THERE) assert_true(is_ok(data_world_delete(&world, slot)));
    }
    /* No checkpoint, no collection by anybody: the put sees to it. */
    struct blob_writer *writer;
    char bytes[BODY] = {0};
    assert_true(is_ok(blob_writer_begin(data_blob(world.store), data_world_partition,
                                        SLICE("standard"), BODY, &writer)));
    assert_true(is_ok(blob_writer_write(writer, slice_of(bytes, BODY))));
    assert_true(is_ok(blob_writer_seal(writer)));
    blob_writer_abort(&writer);
    while (promised > 0) data_promise_drop(world.store, &promises[--promised]);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_is_promised_room_then_moved_then_freed),
        cmocka_unit_test(test_a_tiny_body_stays),
        cmocka_unit_test(test_what_was_deleted_before_never_reaches_a_volume),
        cmocka_unit_test(test_promises_and_the_map_outlive_a_restart),
        cmocka_unit_test(test_a_code_keeps_copies_where_its_cells_take_more),
        cmocka_unit_test(test_too_few_copies_of_the_log_write_at_once),
        cmocka_unit_test(test_a_drive_that_fails_is_replaced_by_another),
        cmocka_unit_test(test_without_drives_bodies_stay_and_are_moved_later),
        cmocka_unit_test(test_repair_moves_bodies_off_a_lost_drive),
        cmocka_unit_test(test_a_full_drive_that_was_emptied_takes_the_first_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
