#include "s3/name.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h needs the headers above before it */
#include <cmocka.h>

#include "base/check.h"

#define A60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_good_names(void **state) {
    (void)state;
    static const char *const names[] = {
        "abc",     "123",       "a-b",        "a.b.c",    "my--bucket", A60 "aaa", "1.2.3",
        "1.2.3.x", "1.2.3.4.5", "1234.1.1.1", "a.1.1.1",  "xn-a",       "s3alias", "x-s3",
        "a--s3",   "table-s3",  "mrap",       "0bucket0", "192168512",  "a1-b",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *complaint = s3_bucket_name_complaint(slice_str(names[i]));
        if (complaint != NULL) fail_msg("%s: %s", names[i], complaint);
    }
}

static void test_bad_names(void **state) {
    (void)state;
    static const char *const names[] = {
        "",
        "a",
        "aa",
        A60 "aaaa",
        "Abc",
        "abC",
        "a_b",
        "_ab",
        "-ab",
        "ab-",
        ".ab",
        "ab.",
        "a..b",
        "a.-b",
        "a-.b",
        "a b",
        "a/b",
        "a%b",
        ("\xc3\xa4"
         "bb"),
        "a\nb",
        "192.168.5.4",
        "0.0.0.0",
        "999.1.1.1",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-x",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *complaint = s3_bucket_name_complaint(slice_str(names[i]));
        if (complaint == NULL) fail_msg("%s is taken for good", names[i]);
    }
    assert_non_null(s3_bucket_name_complaint(slice_of("ab\0c", 4)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names),
        cmocka_unit_test(test_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
