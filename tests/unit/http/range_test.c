#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

struct range_case {
    const char *header;
    uint64_t size;
    enum http_range_verdict verdict;
    uint64_t first;
    uint64_t len;
};

static const struct range_case cases[] = {
    {"", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0-4", 10, HTTP_RANGE_PART, 0, 5},
    {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
    {"bytes=9-9", 10, HTTP_RANGE_PART, 9, 1},
    {"bytes=0-9", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=4-", 10, HTTP_RANGE_PART, 4, 6},
    {"bytes=4-100", 10, HTTP_RANGE_PART, 4, 6},
    {"bytes=-3", 10, HTTP_RANGE_PART, 7, 3},
    {"bytes=-10", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=-11", 10, HTTP_RANGE_PART, 0, 10},
    {"Bytes=0-4", 10, HTTP_RANGE_PART, 0, 5},
    {"bytes= 0-4 ", 10, HTTP_RANGE_PART, 0, 5},
    {"bytes=0-18446744073709551615", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=0-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=0-", UINT64_MAX, HTTP_RANGE_PART, 0, UINT64_MAX},
    {"bytes=-18446744073709551615", UINT64_MAX, HTTP_RANGE_PART, 0, UINT64_MAX},
    {"bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=10-12", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=99999999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=40-50", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-5", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=5-4", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,3-4", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=5", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0-b", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0x1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=1 - 2", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=+1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=--2", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes =0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"items=0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
};

static void test_resolve(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_range range = {0, 0};
        enum http_range_verdict verdict =
            http_range_resolve(slice_str(cases[i].header), cases[i].size, &range);
        if (verdict != cases[i].verdict || range.first != cases[i].first ||
            range.len != cases[i].len) {
            fail_msg("%s of %llu: %d", cases[i].header, (unsigned long long)cases[i].size, verdict);
        }
    }
}

static void test_content_range(void **state) {
    (void)state;
    char storage[128];
    struct buf buf;
    buf_init_fixed(&buf, storage, sizeof storage);
    http_content_range(&buf, (struct http_range){2, 3}, 10);
    assert_true(slice_eq(buf_slice(&buf), SLICE("bytes 2-4/10")));
    buf_clear(&buf);
    http_content_range_unsatisfied(&buf, 10);
    assert_true(slice_eq(buf_slice(&buf), SLICE("bytes */10")));
}

static void test_copy_range(void **state) {
    (void)state;
    struct http_range range = {0, 0};
    assert_true(is_ok(http_copy_range_parse(SLICE("bytes=2-4"), &range)));
    assert_int_equal(range.first, 2);
    assert_int_equal(range.len, 3);
    static const char *const refused[] = {
        "",         "0-2",           "bytes=0",   "bytes=hello-world", "bytes=0-b", "bytes=0-",
        "bytes=-2", "bytes=0-2,3-5", "bytes=3-2", "Bytes=0-2",         "bytes= 0-2"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct status status = http_copy_range_parse(slice_str(refused[i]), &range);
        if (status.code != STATUS_INVALID) fail_msg("%s", refused[i]);
    }
    assert_int_equal(http_copy_range_parse(SLICE("bytes=0-18446744073709551615"), &range).code,
                     STATUS_INVALID);
}

static void test_inside(void **state) {
    (void)state;
    assert_true(http_range_is_inside((struct http_range){0, 10}, 10));
    assert_true(http_range_is_inside((struct http_range){9, 1}, 10));
    assert_false(http_range_is_inside((struct http_range){9, 2}, 10));
    assert_false(http_range_is_inside((struct http_range){10, 1}, 10));
    assert_false(http_range_is_inside((struct http_range){0, 1}, 0));
    assert_false(http_range_is_inside((struct http_range){5, UINT64_MAX}, 10));
}

struct ranges_case {
    const char *header;
    uint64_t size;
    enum http_range_verdict verdict;
    size_t count;
    struct http_range last;
};

static const struct ranges_case ranges_cases[] = {
    {"bytes=0-4", 10, HTTP_RANGE_PART, 1, {0, 5}},
    {"bytes=0-1,4-5", 10, HTTP_RANGE_PART, 2, {4, 2}},
    {"bytes=0-1, 4-5 ,-1", 10, HTTP_RANGE_PART, 3, {9, 1}},
    {"bytes=0-1,,-1", 10, HTTP_RANGE_PART, 2, {9, 1}},
    {"bytes=20-30,0-1,40-50", 10, HTTP_RANGE_PART, 1, {0, 2}},
    {"bytes=20-30,40-50", 10, HTTP_RANGE_UNSATISFIABLE, 0, {0, 0}},
    {"bytes=0-0", 0, HTTP_RANGE_UNSATISFIABLE, 0, {0, 0}},
    {"bytes=0-1,nonsense", 10, HTTP_RANGE_WHOLE, 0, {0, 0}},
    {"bytes=0-1,", 10, HTTP_RANGE_WHOLE, 0, {0, 0}},
    {"bytes=", 10, HTTP_RANGE_WHOLE, 0, {0, 0}},
    {"items=0-1,2-3", 10, HTTP_RANGE_WHOLE, 0, {0, 0}},
    {"bytes=0-5,3-8,4-6", 10, HTTP_RANGE_PART, 3, {4, 3}},
    {"bytes=0-5,3-8,4-6,5-7", 10, HTTP_RANGE_UNSATISFIABLE, 0, {0, 0}},
    {"bytes=9-9,8-8,7-7,6-6,5-5,4-4,3-3,2-2,1-1", 10, HTTP_RANGE_PART, 9, {1, 1}},
    {"bytes=9-9,8-8,7-7,6-6,5-5,4-4,3-3,2-2,1-1,0-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, {0, 0}},
};

static void test_several(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ranges_cases / sizeof *ranges_cases; i++) {
        const struct ranges_case *c = &ranges_cases[i];
        struct http_ranges ranges;
        enum http_range_verdict got = http_ranges_resolve(slice_str(c->header), c->size, &ranges);
        if (got != c->verdict) fail_msg("%s: verdict %d", c->header, got);
        if (got != HTTP_RANGE_PART) continue;
        if (ranges.count != c->count) fail_msg("%s: %zu ranges", c->header, ranges.count);
        const struct http_range *last = &ranges.items[ranges.count - 1];
        assert_int_equal(last->first, c->last.first);
        assert_int_equal(last->len, c->last.len);
    }
}

static void test_as_many_ranges_as_there_may_be(void **state) {
    (void)state;
    char storage[1024];
    struct buf header;
    struct http_ranges ranges;
    buf_init_fixed(&header, storage, sizeof storage);
    buf_append_str(&header, "bytes=0-0");
    for (int i = 1; i < HTTP_RANGES_MAX; i++) buf_printf(&header, ",%d-%d", 2 * i, 2 * i);
    assert_int_equal(http_ranges_resolve(buf_slice(&header), 1000, &ranges), HTTP_RANGE_PART);
    assert_int_equal(ranges.count, HTTP_RANGES_MAX);
    buf_append_str(&header, ",900-901");
    assert_int_equal(http_ranges_resolve(buf_slice(&header), 1000, &ranges),
                     HTTP_RANGE_UNSATISFIABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve),    cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_copy_range), cmocka_unit_test(test_inside),
        cmocka_unit_test(test_several),    cmocka_unit_test(test_as_many_ranges_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
