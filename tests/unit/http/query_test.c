#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "http/head.h"

static struct arena arena;
static struct http_query query;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1024, 64 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void assert_param(size_t i, const char *name, const char *value, bool has_value) {
    assert_true(slice_eq(query.params[i].name, slice_str(name)));
    assert_true(slice_eq(query.params[i].value, slice_str(value)));
    assert_int_equal(query.params[i].has_value, has_value);
}

static void test_splits_and_decodes(void **state) {
    (void)state;
    struct slice raw = SLICE("uploads&&prefix=a%2Fb+c&x==y=&k%C3%A9=%e2%82%ac&empty=&=v");
    assert_true(is_ok(http_query_parse(&arena, raw, &query)));
    assert_int_equal(query.count, 6);
    assert_param(0, "uploads", "", false);
    assert_param(1, "prefix", "a/b c", true);
    assert_param(2, "x", "=y=", true);
    assert_param(3, "k\xc3\xa9", "\xe2\x82\xac", true);
    assert_param(4, "empty", "", true);
    assert_param(5, "", "v", true);
    assert_true(slice_eq(query.params[1].raw_value, SLICE("a%2Fb+c")));
    assert_true(slice_eq(query.params[3].raw_name, SLICE("k%C3%A9")));
}

static void test_finds_by_exact_case(void **state) {
    (void)state;
    assert_true(is_ok(http_query_parse(&arena, SLICE("a=1&A=2&a=3"), &query)));
    assert_true(slice_eq(http_query_find(&query, SLICE("a"))->value, SLICE("1")));
    assert_true(slice_eq(http_query_find(&query, SLICE("A"))->value, SLICE("2")));
    assert_null(http_query_find(&query, SLICE("b")));
}

static void test_empty(void **state) {
    (void)state;
    assert_true(is_ok(http_query_parse(&arena, SLICE(""), &query)));
    assert_int_equal(query.count, 0);
    assert_true(is_ok(http_query_parse(&arena, SLICE("&&&"), &query)));
    assert_int_equal(query.count, 0);
}

static void test_broken_escapes(void **state) {
    (void)state;
    static const char *const broken[] = {"a=%", "a=%4", "a=%zz", "%=1", "a=b&c=%f"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct status status = http_query_parse(&arena, slice_str(broken[i]), &query);
        assert_int_equal(status.code, STATUS_INVALID);
    }
}

static void test_too_many(void **state) {
    (void)state;
    char raw[4 * HTTP_QUERY_PARAMS_MAX];
    memset(raw, 'a', sizeof raw);
    for (size_t i = 1; i < sizeof raw; i += 2) raw[i] = '&';
    struct slice all = slice_of(raw, 2 * HTTP_QUERY_PARAMS_MAX);
    assert_true(is_ok(http_query_parse(&arena, all, &query)));
    assert_int_equal(query.count, HTTP_QUERY_PARAMS_MAX);
    all = slice_of(raw, 2 * HTTP_QUERY_PARAMS_MAX + 1);
    assert_int_equal(http_query_parse(&arena, all, &query).code, STATUS_TOO_LARGE);
}

static void test_small_arena(void **state) {
    (void)state;
    struct arena small;
    arena_init(&small, 16, 16);
    struct slice raw = SLICE("a=%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41%41");
    assert_int_equal(http_query_parse(&small, raw, &query).code, STATUS_NO_MEMORY);
    arena_fini(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits_and_decodes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_finds_by_exact_case, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test(test_small_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
