/* Drives are recognised: new, ours, foreign, swapped, missing, read-only, damaged, in use. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/volume.h"
#include "support/sim_fs.h"

static struct sim_fs *sim;
static struct random_seeded chance;
static unsigned disk;
static const struct drive_id store_a = {{0xa}};
static const struct drive_id store_b = {{0xb}};

static int setup(void **state) {
    (void)state;
    sim = sim_fs_new(1);
    random_seeded_init(&chance, 1);
    disk = sim_fs_drive(sim, "a", 8 << 20);
    sim_fs_drive(sim, "b", 8 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sim_fs_free(&sim);
    return 0;
}

static enum drive_state open_as(struct drive *drive, const char *path, struct drive_id store,
                                const struct drive_id *expected) {
    struct drive_config config = {.path = path, .store = store, .expected = expected};
    drive_open(drive, sim_fs_fs(sim), &chance.random, &config);
    struct note note = {0};
    drive_line(drive, &note);
    assert_int_equal(note.text[0] != '\0', drive_state(drive) != DRIVE_SERVING);
    if (note.text[0]) print_message("%s\n", note.text);
    return drive_state(drive);
}

static struct drive_id make(const char *path) {
    struct drive drive;
    assert_int_equal(open_as(&drive, path, store_a, NULL), DRIVE_SERVING);
    assert_true(drive.is_new);
    struct drive_id id = drive.id;
    drive_close(&drive);
    return id;
}

static void test_a_new_drive_is_known_again(void **state) {
    (void)state;
    struct drive_id id = make("/a/disk");
    sim_fs_restart(sim);
    struct drive drive;
    assert_int_equal(open_as(&drive, "/a/disk", store_a, &id), DRIVE_SERVING);
    assert_false(drive.is_new);
    assert_memory_equal(drive.id.bytes, id.bytes, sizeof id.bytes);
    struct drive second;
    assert_int_equal(open_as(&second, "/a/disk", store_a, &id), DRIVE_FOREIGN); /* in use */
    drive_close(&second);
    drive_close(&drive);
}

static void test_what_is_not_the_drive(void **state) {
    (void)state;
    struct drive_id a = make("/a/disk");
    struct drive_id b = make("/b/disk");
    struct drive drive;
    assert_int_equal(open_as(&drive, "/a/disk", store_b, NULL), DRIVE_FOREIGN);
    drive_close(&drive);
    assert_int_equal(open_as(&drive, "/a/disk", store_a, &b), DRIVE_SWAPPED);
    drive_close(&drive);
    assert_int_equal(open_as(&drive, "/a/elsewhere", store_a, &a), DRIVE_MISSING);
    drive_close(&drive);
    assert_int_equal(open_as(&drive, "/a", store_a, &a), DRIVE_FOREIGN); /* there is 'disk' */
    drive_close(&drive);
    assert_true(sim_fs_rot(sim, "/b/disk/drive", 30, 2));
    assert_int_equal(open_as(&drive, "/b/disk", store_a, &b), DRIVE_DAMAGED);
    drive_close(&drive);
}

static void test_an_empty_mount_point_is_no_drive(void **state) {
    (void)state;
    struct drive_id a = make("/a/disk");
    int fd;
    struct fs *fs = sim_fs_fs(sim);
    assert_true(is_ok(fs_dir_make(fs, AT_FDCWD, "/b/empty")));
    assert_true(is_ok(fs_dir_open(fs, AT_FDCWD, "/b/empty", &fd)));
    struct drive drive;
    assert_int_equal(open_as(&drive, "/b/empty", store_a, &a), DRIVE_MISSING);
    drive_close(&drive);
    int file;
    assert_true(is_ok(fs_open_write(fs, fd, "holiday.jpg", FS_CREATE, &file)));
    assert_int_equal(open_as(&drive, "/b/empty", store_a, NULL), DRIVE_FOREIGN);
    drive_close(&drive);
}

static void test_faults_of_the_file_system(void **state) {
    (void)state;
    struct drive_id a = make("/a/disk");
    struct drive drive;
    sim_fs_fault(sim, disk, SIM_FAULT_READ_ONLY);
    assert_int_equal(open_as(&drive, "/a/disk", store_a, &a), DRIVE_READ_ONLY);
    assert_false(drive_takes_writes(&drive));
    assert_true(drive_takes_reads(&drive));
    drive_close(&drive);
    sim_fs_fault(sim, disk, SIM_FAULT_GONE);
    assert_int_equal(open_as(&drive, "/a/disk", store_a, &a), DRIVE_DAMAGED);
    assert_false(drive_takes_reads(&drive));
    drive_close(&drive);
}

/* ---- volumes ---- */

static const struct volume_limits limits = {
    .volume_bytes = 2 << 20, .grow_bytes = 256 << 10, .reserve_bytes = 1 << 20};

static void expect_unit(struct volumes *volumes, struct extent extent, uint32_t unit, char c) {
    char bytes[EXTENT_UNIT];
    assert_true(
        is_ok(volumes_read(volumes, extent, (uint64_t)unit * EXTENT_UNIT, bytes, sizeof bytes)));
    for (size_t i = 0; i < sizeof bytes; i++) assert_int_equal(bytes[i], c);
}

static void write_unit(struct volumes *volumes, struct extent extent, uint32_t unit, char c) {
    static _Alignas(EXTENT_UNIT) char bytes[EXTENT_UNIT];
    memset(bytes, c, sizeof bytes);
    assert_true(is_ok(volumes_write(volumes, extent, unit, slice_of(bytes, sizeof bytes))));
}

static void test_volumes_grow_and_are_found_again(void **state) {
    (void)state;
    struct drive_id id = make("/a/disk");
    struct drive drive;
    struct volumes volumes;
    struct note note = {0};
    open_as(&drive, "/a/disk", store_a, &id);
    assert_true(is_ok(volumes_open(&volumes, &drive, &limits, &note)));
    struct extent extents[40];
    size_t count = 0;
    while (is_ok(volumes_find(&volumes, 60, &extents[count]))) {
        write_unit(&volumes, extents[count], 0, (char)('a' + count));
        assert_true(is_ok(volumes_sync(&volumes, extents[count].volume)));
        count++;
        assert_in_range(count, 1, 39);
    }
    assert_true(volumes.count >= 3); /* 8 MiB less the reserve, in volumes of 2 MiB */
    struct volumes_space space;
    volumes_space_read(&volumes, &space);
    assert_true(space.usable < 512 << 10);
    volumes_close(&volumes);
    drive_close(&drive);
    sim_fs_restart(sim);
    open_as(&drive, "/a/disk", store_a, &id);
    assert_true(is_ok(volumes_open(&volumes, &drive, &limits, &note)));
    for (size_t i = 0; i < count; i++) {
        assert_true(volumes_take(&volumes, extents[i]));
        assert_false(volumes_take(&volumes, extents[i])); /* twice */
        expect_unit(&volumes, extents[i], 0, (char)('a' + i));
    }
    /* The disk fills up from elsewhere: what is free is given back. */
    for (size_t i = 0; i < count; i += 2) volumes_give(&volumes, extents[i]);
    assert_int_equal(volumes_trim(&volumes), 0); /* no range of 1 MiB is free */
    for (size_t i = 1; i < count; i += 2) volumes_give(&volumes, extents[i]);
    volumes_space_read(&volumes, &space);
    assert_int_equal(volumes_trim(&volumes), 0); /* the reserve is still there */
    sim_fs_capacity(sim, disk, 7 << 20);
    assert_true(volumes_trim(&volumes) > 3 << 20);
    uint64_t usable = space.usable;
    volumes_space_read(&volumes, &space);
    assert_true(space.usable > usable);
    volumes_close(&volumes);
    drive_close(&drive);
}

static void test_a_stray_volume_is_refused(void **state) {
    (void)state;
    struct drive_id id = make("/a/disk");
    struct drive drive;
    struct volumes volumes;
    struct note note = {0};
    struct extent extent;
    open_as(&drive, "/a/disk", store_a, &id);
    assert_true(is_ok(volumes_open(&volumes, &drive, &limits, &note)));
    assert_true(is_ok(volumes_find(&volumes, 1, &extent)));
    write_unit(&volumes, extent, 0, 'x');
    assert_true(is_ok(volumes_sync(&volumes, extent.volume)));
    volumes_close(&volumes);
    assert_true(sim_fs_rot(sim, "/a/disk/volumes/000001", 33, 0)); /* the id of another drive */
    assert_true(status_is(volumes_open(&volumes, &drive, &limits, &note), STATUS_CORRUPT));
    print_message("%s\n", note.text);
    volumes_close(&volumes);
    drive_close(&drive);
}

static void test_a_failed_sync_ends_the_drive(void **state) {
    (void)state;
    struct drive_id id = make("/a/disk");
    struct drive drive;
    struct volumes volumes;
    struct note note = {0};
    struct extent extent;
    open_as(&drive, "/a/disk", store_a, &id);
    assert_true(is_ok(volumes_open(&volumes, &drive, &limits, &note)));
    assert_true(is_ok(volumes_find(&volumes, 1, &extent)));
    write_unit(&volumes, extent, 0, 'x');
    sim_fs_fault(sim, disk, SIM_FAULT_SYNC_FAILS_ONCE);
    assert_false(is_ok(volumes_sync(&volumes, extent.volume)));
    assert_int_equal(drive_state(&drive), DRIVE_FAILED);
    assert_false(is_ok(volumes_sync(&volumes, extent.volume))); /* it is not asked again */
    assert_false(is_ok(volumes_find(&volumes, 1, &extent)));
    expect_unit(&volumes, extent, 0, 'x');
    volumes_close(&volumes);
    drive_close(&drive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_a_new_drive_is_known_again),       TEST(test_what_is_not_the_drive),
        TEST(test_an_empty_mount_point_is_no_drive), TEST(test_faults_of_the_file_system),
        TEST(test_volumes_grow_and_are_found_again), TEST(test_a_stray_volume_is_refused),
        TEST(test_a_failed_sync_ends_the_drive),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
