/* Files written in place: opened, sized, preallocated, written past the cache, closed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/fs.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static int dir_fd = -1;

static int setup(void **state) {
    (void)state;
    temp_dir_make(&dir);
    return is_ok(fs_dir_open(fs_system(), AT_FDCWD, dir.path, &dir_fd)) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    fs_close(fs_system(), &dir_fd);
    assert_int_equal(dir_fd, -1);
    temp_dir_remove(&dir);
    return 0;
}

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static void test_open_write_creates_only_when_asked(void **state) {
    (void)state;
    struct fs *fs = fs_system();
    int fd = -1;
    expect_code(fs_open_write(fs, dir_fd, "log", 0, &fd), STATUS_NOT_FOUND);
    assert_int_equal(fd, -1);
    expect_code(fs_open_write(fs, dir_fd, "log", FS_CREATE, &fd), STATUS_OK);
    uint64_t size = 99;
    expect_code(fs_size(fs, fd, &size), STATUS_OK);
    assert_int_equal(size, 0);
    expect_code(fs_write(fs, fd, 0, SLICE("kept")), STATUS_OK);
    fs_close(fs, &fd);
    expect_code(fs_open_write(fs, dir_fd, "log", FS_CREATE, &fd), STATUS_OK);
    char bytes[4];
    expect_code(fs_read(fs, fd, 0, bytes, sizeof bytes), STATUS_OK);
    assert_memory_equal(bytes, "kept", sizeof bytes);
    expect_code(fs_read(fs, fd, 1, bytes, sizeof bytes), STATUS_RANGE);
    fs_close(fs, &fd);
    fs_close(fs, &fd);
}

static void test_preallocated_space_reads_as_zeros(void **state) {
    (void)state;
    struct fs *fs = fs_system();
    int fd = -1;
    expect_code(fs_open_write(fs, dir_fd, "f", FS_CREATE | FS_DIRECT, &fd), STATUS_OK);
    expect_code(fs_preallocate(fs, fd, 4 * FS_DIRECT_ALIGN), STATUS_OK);
    uint64_t size = 0;
    expect_code(fs_size(fs, fd, &size), STATUS_OK);
    assert_int_equal(size, 4 * FS_DIRECT_ALIGN);
    char *block = aligned_alloc(FS_DIRECT_ALIGN, FS_DIRECT_ALIGN);
    memset(block, 'x', FS_DIRECT_ALIGN);
    expect_code(fs_write(fs, fd, FS_DIRECT_ALIGN, slice_of(block, FS_DIRECT_ALIGN)), STATUS_OK);
    expect_code(fs_sync_data(fs, fd), STATUS_OK);
    expect_code(fs_read(fs, fd, 0, block, FS_DIRECT_ALIGN), STATUS_OK);
    for (size_t i = 0; i < FS_DIRECT_ALIGN; i++) assert_int_equal(block[i], 0);
    expect_code(fs_read(fs, fd, FS_DIRECT_ALIGN, block, FS_DIRECT_ALIGN), STATUS_OK);
    for (size_t i = 0; i < FS_DIRECT_ALIGN; i++) assert_int_equal(block[i], 'x');
    /* Less than there is changes nothing. */
    expect_code(fs_preallocate(fs, fd, FS_DIRECT_ALIGN), STATUS_OK);
    expect_code(fs_size(fs, fd, &size), STATUS_OK);
    assert_int_equal(size, 4 * FS_DIRECT_ALIGN);
    free(block);
    fs_close(fs, &fd);
}

static void test_what_was_read_is_cached(void **state) {
    (void)state;
    enum { SIZE = 300 * 1000 };
    struct fs *fs = fs_system();
    static char bytes[SIZE];
    int fd = open(dir.path, O_TMPFILE | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, SIZE), SIZE);
    assert_int_equal(fsync(fd), 0);
    assert_true(fs_is_cached(fs, fd, 0, SIZE));
    assert_true(fs_is_cached(fs, fd, 5000, 1));
    assert_true(fs_is_cached(fs, fd, 4095, 2));
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_false(fs_is_cached(fs, fd, 0, SIZE));
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    assert_int_equal(pread(fd, bytes, 1, 8192), 1);
    assert_true(fs_is_cached(fs, fd, 8192, 4096));
    assert_false(fs_is_cached(fs, fd, 8192, 40960));
    assert_false(fs_is_cached(fs, fd, 0, 8193));
    fs_close(fs, &fd);
}

static void test_lock_is_one_at_a_time(void **state) {
    (void)state;
    struct fs *fs = fs_system();
    int first = -1;
    int second = -1;
    pid_t holder = 0;
    expect_code(fs_lock(fs, dir_fd, "lock", &first, &holder), STATUS_OK);
    expect_code(fs_lock(fs, dir_fd, "lock", &second, &holder), STATUS_BUSY);
    assert_true(holder > 0);
    fs_close(fs, &first);
    expect_code(fs_lock(fs, dir_fd, "lock", &second, &holder), STATUS_OK);
    fs_close(fs, &second);
}

struct counting_visitor {
    struct fs_visitor visitor;
    int seen;
};

static bool count_names(struct fs_visitor *visitor, const char *name) {
    assert_string_equal(name, "small");
    ((struct counting_visitor *)visitor)->seen++;
    return true;
}

static void test_small_file_is_replaced_whole(void **state) {
    (void)state;
    struct fs *fs = fs_system();
    char bytes[8];
    size_t len = 0;
    expect_code(fs_read_small(fs, dir_fd, "small", bytes, sizeof bytes, &len), STATUS_NOT_FOUND);
    expect_code(fs_write_small(fs, dir_fd, "small", SLICE("first one")), STATUS_OK);
    expect_code(fs_read_small(fs, dir_fd, "small", bytes, sizeof bytes, &len), STATUS_TOO_LARGE);
    expect_code(fs_write_small(fs, dir_fd, "small", SLICE("second")), STATUS_OK);
    expect_code(fs_read_small(fs, dir_fd, "small", bytes, sizeof bytes, &len), STATUS_OK);
    assert_true(slice_eq(slice_of(bytes, len), SLICE("second")));
    struct counting_visitor visitor = {.visitor = {count_names}};
    expect_code(fs_dir_walk(fs, dir_fd, &visitor.visitor), STATUS_OK);
    assert_int_equal(visitor.seen, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_write_creates_only_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preallocated_space_reads_as_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_read_is_cached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock_is_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_file_is_replaced_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
