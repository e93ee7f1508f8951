/* Opening the engine: a new store is small, an old one is told apart, its files must be one
 * store's.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/engine.h"
#include "engine/mirror.h"
#include "support/temp_dir.h"

static struct temp_dir dir;

static int setup(void **state) {
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static struct status open_at(const char *path, struct note *note, struct engine **ret_engine) {
    static const struct engine_policy policies[] = {{.name = "standard", .copies = 1}};
    struct engine_config config = {
        .data_dir = path, .policies = policies, .policy_count = ARRAY_LEN(policies)};
    return engine_open(&config, clock_system(), random_system(), note, ret_engine);
}

static uint64_t disk_bytes(const char *path) {
    char file[2 * TEMP_DIR_MAX];
    static const char *const names[] = {"meta/log", "meta/index"};
    uint64_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        assert_int_equal(stat(file, &st), 0);
        bytes += (uint64_t)st.st_blocks * 512;
    }
    return bytes;
}

static void test_an_empty_store_is_small(void **state) {
    (void)state;
    struct engine *engine;
    struct note note = {0};
    assert_true(is_ok(open_at(dir.path, &note, &engine)));
    assert_true(disk_bytes(dir.path) < 32u << 20);
    engine_close(&engine);
    assert_true(is_ok(open_at(dir.path, &note, &engine)));
    engine_close(&engine);
    assert_true(disk_bytes(dir.path) < 32u << 20);
}

static void put_file(const char *name, const char *text) {
    int fd;
    struct fs *fs = fs_system();
    assert_true(is_ok(fs_dir_open(fs, AT_FDCWD, dir.path, &fd)));
    assert_true(is_ok(fs_write_small(fs, fd, name, slice_str(text))));
    fs_close(fs, &fd);
}

static void test_the_first_driver_is_told_apart(void **state) {
    (void)state;
    put_file("store",
             "hink store\nformat 1\nid 00112233445566778899aabbccddeeff\ncrc32c 00000000\n");
    struct engine *engine = NULL;
    struct note note = {0};
    struct status s = open_at(dir.path, &note, &engine);
    assert_int_equal(s.code, STATUS_UNSUPPORTED);
    assert_non_null(strstr(note.text, "RocksDB"));
    assert_non_null(strstr(note.text, dir.path));
    assert_null(strchr(note.text, '\n'));
}

static void test_files_of_another_store_are_refused(void **state) {
    (void)state;
    char a[TEMP_DIR_MAX + 8];
    char b[TEMP_DIR_MAX + 8];
    char from[TEMP_DIR_MAX + 32];
    char to[TEMP_DIR_MAX + 32];
    snprintf(a, sizeof a, "%s/a", dir.path);
    snprintf(b, sizeof b, "%s/b", dir.path);
    struct engine *engine;
    struct note note = {0};
    assert_true(is_ok(open_at(a, &note, &engine)));
    engine_close(&engine);
    assert_true(is_ok(open_at(b, &note, &engine)));
    engine_close(&engine);
    snprintf(from, sizeof from, "%s/meta/index", a);
    snprintf(to, sizeof to, "%s/meta/index", b);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(open_at(b, &note, &engine).code, STATUS_INVALID);
    assert_non_null(strstr(note.text, "another store"));
    assert_int_equal(open_at(a, &note, &engine).code, STATUS_NOT_FOUND);
    assert_non_null(strstr(note.text, "index"));
}

/* A store with `copies` copies of everything, and metadata on `extra` drives. */
static struct status open_copies(unsigned copies, unsigned extra, struct note *note,
                                 struct engine **ret_engine) {
    char paths[3][TEMP_DIR_MAX + 8];
    struct engine_drive drives[3];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/d%u", dir.path, i);
        drives[i] =
            (struct engine_drive){.name = "drive", .path = paths[i], .has_metadata = i < extra};
    }
    char data[TEMP_DIR_MAX + 8];
    snprintf(data, sizeof data, "%s/data", dir.path);
    struct engine_policy policy = {.name = "safe", .copies = copies, .same_device = true};
    struct engine_config config = {.data_dir = data,
                                   .policies = &policy,
                                   .policy_count = 1,
                                   .drives = drives,
                                   .drive_count = 3};
    return engine_open(&config, clock_system(), random_system(), note, ret_engine);
}

static void test_a_policy_promises_what_the_records_keep(void **state) {
    (void)state;
    struct engine *engine = NULL;
    struct note note = {0};
    assert_int_equal(open_copies(3, 1, &note, &engine).code, STATUS_INVALID);
    assert_non_null(strstr(note.text, "kept on 2"));
    assert_true(is_ok(open_copies(3, 2, &note, &engine)));
    assert_false(engine_redundancy_note(engine, 0, &note));
    assert_int_equal(mirror_serving(engine_mirror(engine), true), 3);
    assert_int_equal(mirror_serving(engine_mirror(engine), false), 1); /* one device */
    engine_close(&engine);
    /* Fewer are configured than there were: the others may know more. */
    assert_int_equal(open_copies(1, 0, &note, &engine).code, STATUS_INVALID);
    assert_non_null(strstr(note.text, "--accept-metadata-from data"));
    assert_true(is_ok(open_copies(2, 1, &note, &engine))); /* two of the three */
    engine_close(&engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_empty_store_is_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_driver_is_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_of_another_store_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_policy_promises_what_the_records_keep, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
