/* The key file: made once, private, and never guessed at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "identity/builtin.h"

struct fixture {
    char dir[64];
    char path[80];
    struct note note;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = "/tmp/hink-key-XXXXXX"};
    if (mkdtemp(f.dir) == NULL) return -1;
    snprintf(f.path, sizeof f.path, "%s/secret.key", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    if (unlink(f->path) != 0 && access(f->path, F_OK) == 0) return -1;
    return rmdir(f->dir);
}

static void write_file(const char *path, const char *bytes, size_t len, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_made_once_and_read_again(void **state) {
    struct fixture *f = *state;
    struct key_file first;
    struct key_file second;
    struct stat st;
    assert_true(status_is(key_file_load(f->path, false, random_system(), &f->note, &first),
                          STATUS_NOT_FOUND));
    assert_true(is_ok(key_file_load(f->path, true, random_system(), &f->note, &first)));
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, BUILTIN_KEY_FILE_LEN);
    assert_true(is_ok(key_file_load(f->path, true, random_system(), &f->note, &second)));
    assert_memory_equal(first.bytes, second.bytes, sizeof first.bytes);
    static const struct key_file zero;
    assert_memory_not_equal(first.bytes, zero.bytes, sizeof zero.bytes);
    key_file_wipe(&first);
    assert_memory_equal(first.bytes, zero.bytes, sizeof zero.bytes);
}

static void test_refuses_what_others_may_read(void **state) {
    struct fixture *f = *state;
    struct key_file key;
    write_file(f->path, "0123456789abcdef0123456789abcdef", 32, 0640);
    assert_true(
        status_is(key_file_load(f->path, true, random_system(), &f->note, &key), STATUS_DENIED));
    assert_non_null(strstr(f->note.text, "others may read it (mode 640); it must be 0600"));
    assert_null(strstr(f->note.text, "0123456789abcdef"));
}

static void test_refuses_another_length(void **state) {
    struct fixture *f = *state;
    struct key_file key;
    write_file(f->path, "0123456789abcdef0123456789abcdef\n", 33, 0600);
    assert_true(
        status_is(key_file_load(f->path, true, random_system(), &f->note, &key), STATUS_CORRUPT));
    write_file(f->path, "", 0, 0600);
    assert_true(
        status_is(key_file_load(f->path, true, random_system(), &f->note, &key), STATUS_CORRUPT));
}

static void test_says_where_it_failed(void **state) {
    (void)state;
    struct key_file key;
    struct note note = {0};
    assert_false(is_ok(key_file_load("/nonexistent/k", true, random_system(), &note, &key)));
    assert_non_null(strstr(note.text, "key file /nonexistent/k: "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_once_and_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_others_may_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_another_length, setup, teardown),
        cmocka_unit_test(test_says_where_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
