#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

static struct buf buf;

static void assert_holds(struct slice expected) {
    assert_int_equal(buf.len, expected.len);
    assert_true(slice_eq(buf_slice(&buf), expected));
}

static void test_append(void **state) {
    (void)state;
    buf_init(&buf, 1000);
    buf_append(&buf, slice_of("a\0b", 3));
    buf_append(&buf, slice_of(NULL, 0));
    buf_append_str(&buf, "-");
    buf_append_str(&buf, NULL);
    buf_append_char(&buf, ':');
    buf_append_u64(&buf, 0);
    buf_append_u64(&buf, UINT64_MAX);
    buf_printf(&buf, "%s%d", "x", -1);
    assert_holds(slice_of("a\0b-:018446744073709551615x-1", 29));
    assert_true(is_ok(buf_ok(&buf)));
    buf_fini(&buf);
}

static void test_grows_to_its_limit(void **state) {
    (void)state;
    buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) buf_append_char(&buf, (char)i);
    assert_true(is_ok(buf_ok(&buf)));
    for (int i = 0; i < 1000; i++) assert_int_equal(buf.ptr[i], (char)i);
    buf_append_char(&buf, 'x');
    assert_true(status_is(buf_ok(&buf), STATUS_TOO_LARGE));
    assert_int_equal(buf.len, 1000);
    buf_fini(&buf);
}

static void test_a_piece_is_whole_or_absent(void **state) {
    (void)state;
    char storage[8];
    buf_init_fixed(&buf, storage, sizeof storage);
    buf_append(&buf, SLICE("12345"));
    buf_append(&buf, SLICE("6789"));
    assert_holds(SLICE("12345"));
    /* The overflow sticks, though this would fit. */
    buf_append(&buf, SLICE("6"));
    assert_holds(SLICE("12345"));
    assert_null(buf_reserve(&buf, 1));
    buf_clear(&buf);
    assert_true(is_ok(buf_ok(&buf)));
    buf_append(&buf, SLICE("12345678"));
    assert_holds(SLICE("12345678"));
    assert_ptr_equal(buf.ptr, storage);
    buf_fini(&buf);
}

static void test_reserve_and_advance(void **state) {
    (void)state;
    buf_init(&buf, 100);
    memcpy(buf_reserve(&buf, 50), "hello", 5);
    assert_int_equal(buf.len, 0);
    buf_advance(&buf, 5);
    assert_holds(SLICE("hello"));
    assert_null(buf_reserve(&buf, SIZE_MAX));
    buf_fini(&buf);
}

static void test_consume(void **state) {
    (void)state;
    buf_init(&buf, 100);
    buf_append_str(&buf, "headrest");
    buf_consume(&buf, 4);
    assert_holds(SLICE("rest"));
    buf_consume(&buf, 0);
    buf_consume(&buf, 4);
    assert_holds(SLICE(""));
    buf_fini(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_grows_to_its_limit),
        cmocka_unit_test(test_a_piece_is_whole_or_absent),
        cmocka_unit_test(test_reserve_and_advance),
        cmocka_unit_test(test_consume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
