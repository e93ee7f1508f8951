#include "base/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void test_note(void **state) {
    (void)state;
    struct note note = {0};
    note_set(&note, "%s:%d", "file", 7);
    assert_string_equal(note.text, "file:7");
    assert_true(status_is(note_status(&note, STATUS_IO, "it failed"), STATUS_IO));
    assert_string_equal(note.text, "it failed");
}

static void test_long_text_is_cut(void **state) {
    (void)state;
    struct note note = {0};
    char text[2 * NOTE_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    note_set(&note, "%s", text);
    assert_int_equal(strlen(note.text), NOTE_TEXT_MAX - 1);
}

static void test_null_is_allowed(void **state) {
    (void)state;
    note_set(NULL, "nobody reads it");
    assert_true(status_is(note_status(NULL, STATUS_INVALID, "%d", 1), STATUS_INVALID));
}

static void test_statuses(void **state) {
    (void)state;
    for (int code = 0; code < STATUS_CODE_COUNT; code++) {
        assert_true(status_text((enum status_code)code)[0] != 0);
    }
    assert_true(is_ok(status_ok()));
    assert_false(is_ok(status_of(STATUS_IO)));
    assert_true(status_is(status_from_errno(ENOSPC), STATUS_NO_SPACE));
    assert_true(status_is(status_from_errno(EDQUOT), STATUS_NO_SPACE));
    assert_true(status_is(status_from_errno(ENOENT), STATUS_NOT_FOUND));
    assert_true(status_is(status_from_errno(EEXIST), STATUS_EXISTS));
    assert_true(status_is(status_from_errno(EIO), STATUS_IO));
    assert_true(status_is(status_from_errno(ENOTTY), STATUS_IO));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
