#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static void test_equality_and_order(void **state) {
    (void)state;
    static const char *const ascending[] = {"", "A", "AB", "B", "a", "ab", "b", "\x80", "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
        for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
            struct slice a = slice_str(ascending[i]);
            struct slice b = slice_str(ascending[k]);
            int order = slice_cmp(a, b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
            assert_int_equal(slice_eq(a, b), i == k);
        }
    }
    assert_true(slice_eq(slice_of(NULL, 0), SLICE("")));
    assert_int_equal(slice_cmp(slice_of(NULL, 0), SLICE("")), 0);
    assert_true(slice_eq(slice_str(NULL), SLICE("")));
    assert_false(slice_eq(slice_of("a\0b", 3), slice_of("a\0c", 3)));
}

static void test_nocase(void **state) {
    (void)state;
    assert_true(slice_eq_nocase(SLICE("Content-MD5"), SLICE("content-md5")));
    assert_false(slice_eq_nocase(SLICE("a["), SLICE("A{")));
    assert_false(slice_eq_nocase(SLICE("\xc5"), SLICE("\xe5")));
    assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
    assert_true(slice_starts_with_nocase(SLICE("X-AMZ-date"), SLICE("x-amz-")));
    assert_false(slice_starts_with_nocase(SLICE("x-am"), SLICE("x-amz-")));
}

static void test_ends(void **state) {
    (void)state;
    struct slice s = SLICE("hello");
    assert_true(slice_starts_with(s, SLICE("he")) && slice_starts_with(s, SLICE("")));
    assert_false(slice_starts_with(s, SLICE("He")) || slice_starts_with(s, SLICE("hello!")));
    assert_true(slice_ends_with(s, SLICE("lo")) && slice_ends_with(s, SLICE("")));
    assert_false(slice_ends_with(s, SLICE("l")) || slice_ends_with(s, SLICE("!hello")));
    assert_true(slice_eq(slice_skip(s, 2), SLICE("llo")));
    assert_int_equal(slice_skip(s, 5).len, 0);
    assert_true(slice_eq(slice_take(s, 2), SLICE("he")));
    assert_true(slice_eq(slice_take(s, 9), s));
    assert_true(slice_eq(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE(" \t ")).len, 0);
}

static void test_find(void **state) {
    (void)state;
    struct slice s = SLICE("abcabc");
    assert_int_equal(slice_find_char(s, 'c'), 2);
    assert_int_equal(slice_find_char(s, 'x'), 6);
    assert_int_equal(slice_find_char(slice_of(NULL, 0), 'x'), 0);
    assert_int_equal(slice_find(s, SLICE("bc"), 0), 1);
    assert_int_equal(slice_find(s, SLICE("bc"), 2), 4);
    assert_int_equal(slice_find(s, SLICE("bc"), 5), 6);
    assert_int_equal(slice_find(s, SLICE(""), 3), 3);
    assert_int_equal(slice_find(s, SLICE("a"), 7), 6);
}

static void test_cut(void **state) {
    (void)state;
    struct slice head, rest;
    assert_true(slice_cut(SLICE("a=b=c"), '=', &head, &rest));
    assert_true(slice_eq(head, SLICE("a")) && slice_eq(rest, SLICE("b=c")));
    assert_true(slice_cut(SLICE("=a"), '=', &head, &rest));
    assert_true(head.len == 0 && slice_eq(rest, SLICE("a")));
    assert_true(slice_cut(SLICE("a="), '=', &head, &rest));
    assert_true(slice_eq(head, SLICE("a")) && rest.len == 0);
    assert_false(slice_cut(SLICE("a"), '=', &head, &rest));
    assert_true(slice_eq(head, SLICE("a")) && rest.len == 0);
}

static void test_numbers(void **state) {
    (void)state;
    static const char *const bad[] = {"",  "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616",
                                      "1a"};
    uint64_t value = 7;
    assert_true(slice_parse_u64(SLICE("18446744073709551615"), &value) && value == UINT64_MAX);
    assert_true(slice_parse_u64(SLICE("000"), &value) && value == 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(slice_parse_u64(slice_str(bad[i]), &value));
        assert_int_equal(value, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality_and_order),
        cmocka_unit_test(test_nocase),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
