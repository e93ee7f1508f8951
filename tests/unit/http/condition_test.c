#include "http/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/date.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

enum {
    PROCEED = HTTP_CONDITION_PROCEED,
    SAME_304 = HTTP_CONDITION_NOT_MODIFIED,
    FAILED = HTTP_CONDITION_FAILED
};

struct condition_case {
    const char *match;
    const char *none_match;
    const char *modified;
    const char *unmodified;
    int verdict;
};

/* Of an object with the entity tag "abc", written 0.9 s after SAME. */
static const struct condition_case cases[] = {
    {NULL, NULL, NULL, NULL, PROCEED},
    {"\"abc\"", NULL, NULL, NULL, PROCEED},
    {"abc", NULL, NULL, NULL, PROCEED},
    {"*", NULL, NULL, NULL, PROCEED},
    {"\"x\", \"abc\"", NULL, NULL, NULL, PROCEED},
    {"\"x\"", NULL, NULL, NULL, FAILED},
    {"W/\"abc\"", NULL, NULL, NULL, FAILED},
    {"", NULL, NULL, NULL, FAILED},
    {NULL, "\"abc\"", NULL, NULL, SAME_304},
    {NULL, "W/\"abc\"", NULL, NULL, SAME_304},
    {NULL, "abc", NULL, NULL, SAME_304},
    {NULL, "*", NULL, NULL, SAME_304},
    {NULL, "\"x\"", NULL, NULL, PROCEED},
    {NULL, "", NULL, NULL, PROCEED},
    {NULL, NULL, BEFORE, NULL, PROCEED},
    {NULL, NULL, SAME, NULL, SAME_304},
    {NULL, NULL, AFTER, NULL, SAME_304},
    {NULL, NULL, "yesterday", NULL, PROCEED},
    {NULL, NULL, NULL, BEFORE, FAILED},
    {NULL, NULL, NULL, SAME, PROCEED},
    {NULL, NULL, NULL, AFTER, PROCEED},
    {NULL, NULL, NULL, "tomorrow", PROCEED},
    /* If-Match true and If-Unmodified-Since false: 200. */
    {"\"abc\"", NULL, NULL, BEFORE, PROCEED},
    {"\"x\"", NULL, NULL, AFTER, FAILED},
    /* If-None-Match false and If-Modified-Since true: 304. */
    {NULL, "\"abc\"", BEFORE, NULL, SAME_304},
    {NULL, "\"x\"", AFTER, NULL, PROCEED},
    /* If-Match first, whatever If-None-Match says. */
    {"\"x\"", "\"abc\"", NULL, NULL, FAILED},
    {"\"abc\"", "\"abc\"", NULL, NULL, SAME_304},
    {NULL, "\"abc\"", NULL, BEFORE, FAILED},
};

static int64_t modified_ns(void) {
    int64_t time_ns = 0;
    assert_true(date_parse_http(SLICE(SAME), &time_ns));
    return time_ns + 9 * NS_PER_S / 10;
}

static struct http_conditions conditions_of(const struct condition_case *c) {
    return (struct http_conditions){slice_str(c->match), slice_str(c->none_match),
                                    slice_str(c->modified), slice_str(c->unmodified)};
}

static void test_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_conditions conditions = conditions_of(&cases[i]);
        int verdict = (int)http_conditions_check(&conditions, SLICE("abc"), modified_ns());
        if (verdict != cases[i].verdict) fail_msg("case %zu: %d", i, verdict);
    }
}

static void test_copy_source_is_never_not_modified(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_conditions conditions = conditions_of(&cases[i]);
        int verdict = (int)http_copy_conditions_check(&conditions, SLICE("abc"), modified_ns());
        int expected = cases[i].verdict == PROCEED ? PROCEED : FAILED;
        if (verdict != expected) fail_msg("case %zu: %d", i, verdict);
    }
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *list;
        bool strong;
        bool weak;
    } lists[] = {
        {"\"a,b\"", false, false},    {"\"a,b\",abc", true, true}, {",, ,\"abc\"", true, true},
        {"x abc", false, false},      {"\"abc", false, false},     {"W/\"abc\" , x", false, true},
        {"w/\"abc\"", false, false},  {" * ", true, true},         {"*, x", false, false},
        {"\"abc\"\"x\"", true, true}, {"\"ABC\"", false, false},   {"\"\"", false, false},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct slice list = slice_str(lists[i].list);
        if (http_etag_list_has(list, SLICE("abc"), false) != lists[i].strong ||
            http_etag_list_has(list, SLICE("abc"), true) != lists[i].weak) {
            fail_msg("%s", lists[i].list);
        }
    }
    assert_true(http_etag_list_has(SLICE("\"a,b\""), SLICE("a,b"), false));
}

static void test_unquote(void **state) {
    (void)state;
    assert_true(slice_eq(http_etag_unquote(SLICE("\"abc\"")), SLICE("abc")));
    assert_true(slice_eq(http_etag_unquote(SLICE("abc")), SLICE("abc")));
    assert_true(slice_eq(http_etag_unquote(SLICE("\"")), SLICE("\"")));
    assert_true(slice_eq(http_etag_unquote(SLICE("\"\"")), SLICE("")));
    assert_true(slice_eq(http_etag_unquote(SLICE("\"abc")), SLICE("\"abc")));
}

static void test_from_a_head(void **state) {
    (void)state;
    struct http_head head;
    size_t len;
    struct slice bytes = SLICE(
        "GET / HTTP/1.1\r\nHost: a\r\nIf-Match: 1\r\nif-none-match: 2\r\n"
        "If-Modified-Since: 3\r\nIf-Unmodified-Since: 4\r\nx-amz-copy-source-if-match: 5\r\n\r\n");
    assert_int_equal(http_head_parse(bytes, &head, &len, NULL), HTTP_HEAD_COMPLETE);
    struct http_conditions conditions;
    http_conditions_of(&head, &conditions);
    assert_true(slice_eq(conditions.if_match, SLICE("1")));
    assert_true(slice_eq(conditions.if_none_match, SLICE("2")));
    assert_true(slice_eq(conditions.if_modified_since, SLICE("3")));
    assert_true(slice_eq(conditions.if_unmodified_since, SLICE("4")));
    http_copy_conditions_of(&head, &conditions);
    assert_true(slice_eq(conditions.if_match, SLICE("5")));
    assert_null(conditions.if_none_match.ptr);
    assert_null(conditions.if_modified_since.ptr);
    assert_null(conditions.if_unmodified_since.ptr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_copy_source_is_never_not_modified),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_unquote),
        cmocka_unit_test(test_from_a_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
