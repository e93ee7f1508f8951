#include "s3/error.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h needs the headers above before it */
#include <cmocka.h>

static void test_known_errors(void **state) {
    (void)state;
    assert_string_equal(s3_error_code(S3_ERROR_NO_SUCH_KEY), "NoSuchKey");
    assert_int_equal(s3_error_http(S3_ERROR_NO_SUCH_KEY), 404);
    assert_string_equal(s3_error_message(S3_ERROR_NO_SUCH_KEY),
                        "The specified key does not exist.");
    assert_int_equal(s3_error_http(S3_ERROR_NONE), 200);
    assert_int_equal(s3_error_http(S3_ERROR_SLOW_DOWN), 503);
    assert_int_equal(s3_error_http(S3_ERROR_KEY_TOO_LONG), 400);
}

static bool is_word(const char *code) {
    if (code[0] < 'A' || code[0] > 'Z') return false;
    for (; *code != '\0'; code++) {
        bool letter = (*code >= 'A' && *code <= 'Z') || (*code >= 'a' && *code <= 'z');
        bool digit = *code >= '0' && *code <= '9';
        if (!letter && !digit && *code != '.') return false;
    }
    return true;
}

static void test_every_row_is_sane(void **state) {
    (void)state;
    for (int i = S3_ERROR_NONE + 1; i < S3_ERROR_COUNT; i++) {
        const char *code = s3_error_code((enum s3_error)i);
        int http = s3_error_http((enum s3_error)i);
        if (!is_word(code)) fail_msg("%s is no code", code);
        if (http < 300 || http > 599) fail_msg("%s: %d", code, http);
        if (s3_error_message((enum s3_error)i)[0] == '\0') fail_msg("%s has no words", code);
        for (int k = i + 1; k < S3_ERROR_COUNT; k++) {
            if (strcmp(code, s3_error_code((enum s3_error)k)) == 0) fail_msg("%s twice", code);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_errors),
        cmocka_unit_test(test_every_row_is_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
