#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

#define RFC_NS (784111777 * NS_PER_S) /* the example of RFC 9110: 1994-11-06 08:49:37 */

static char text[DATE_TEXT_CAP];

static void test_format(void **state) {
    (void)state;
    date_format_http(RFC_NS, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    date_format_iso_ms(RFC_NS + 78 * NS_PER_MS + 999999, text);
    assert_string_equal(text, "1994-11-06T08:49:37.078Z");
    date_format_compact(RFC_NS + 999 * NS_PER_MS, text);
    assert_string_equal(text, "19941106T084937Z");
    assert_int_equal(strlen(text), DATE_COMPACT_LEN);
    date_format_http(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_int_equal(strlen(text), DATE_HTTP_LEN);
    date_format_iso_ms(951782400 * NS_PER_S, text);
    assert_string_equal(text, "2000-02-29T00:00:00.000Z");
    assert_int_equal(strlen(text), DATE_ISO_MS_LEN);
}

static void test_format_ends_of_time(void **state) {
    (void)state;
    date_format_iso_ms(INT64_MAX, text);
    assert_string_equal(text, "2262-04-11T23:47:16.854Z");
    date_format_iso_ms(INT64_MIN, text);
    assert_string_equal(text, "1677-09-21T00:12:43.145Z");
    date_format_http(-1, text);
    assert_string_equal(text, "Wed, 31 Dec 1969 23:59:59 GMT");
}

/* Against the C library, once in about every 25 days from 1678 to 2261. */
static void test_agrees_with_libc(void **state) {
    (void)state;
    for (int64_t s = INT64_C(-9214560000); s < INT64_C(9214646400); s += 2160007) {
        struct tm tm;
        char expected[64];
        time_t time_s = (time_t)s;
        int64_t back;
        assert_non_null(gmtime_r(&time_s, &tm));
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        date_format_http(s * NS_PER_S, text);
        assert_string_equal(text, expected);
        assert_int_equal(date_parse_http(slice_str(text), &back), s >= 0);
        if (s < 0) continue;
        assert_true(date_parse_http(slice_str(text), &back));
        assert_int_equal(back, s * NS_PER_S);
        date_format_compact(s * NS_PER_S, text);
        assert_true(date_parse_compact(slice_str(text), &back));
        assert_int_equal(back, s * NS_PER_S);
        date_format_iso_ms(s * NS_PER_S + 7 * NS_PER_MS, text);
        assert_true(date_parse_iso(slice_str(text), &back));
        assert_int_equal(back, s * NS_PER_S + 7 * NS_PER_MS);
    }
}

static void assert_http(const char *date, int64_t expected_ns) {
    int64_t time_ns = -1;
    assert_true(date_parse_http(slice_str(date), &time_ns));
    assert_int_equal(time_ns, expected_ns);
}

static void test_parse_http(void **state) {
    (void)state;
    assert_http("Sun, 06 Nov 1994 08:49:37 GMT", RFC_NS);
    assert_http("Sunday, 06-Nov-94 08:49:37 GMT", RFC_NS);
    assert_http("Sun Nov  6 08:49:37 1994", RFC_NS);
    assert_http("Sun, 06 Nov 1994 08:49:37 +0000", RFC_NS);
    assert_http("Sun, 06 Nov 1994 10:19:37 +0130", RFC_NS);
    assert_http("Sun, 06 Nov 1994 03:49:37 -0500", RFC_NS);
    assert_http("Wed Nov 16 08:49:37 1994", RFC_NS + 10 * 86400 * NS_PER_S);
    assert_http("Tuesday, 01-Jan-30 00:00:00 GMT", 1893456000 * NS_PER_S);
    assert_http("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799 * NS_PER_S);
}

static void test_parse_http_refuses(void **state) {
    (void)state;
    static const char *const broken[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 2001 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +000",
        "Sun, 06 Nov 1994 08:49:37 +0060",
        "Sun, 06 Nov 9999 08:49:37 GMT",
        "Sun, 06 Nov 1600 08:49:37 GMT",
        "Tue, 07 Jul 1950 21:53:04 GMT",
        "Thu, 01 Jan 1970 00:59:59 +0100",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 06 08:49:37 94",
        "Sun Nov  16 08:49:37 1994",
        "Sun Nov 6 08:49:37 1994",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        int64_t time_ns = 42;
        assert_false(date_parse_http(slice_str(broken[i]), &time_ns));
        assert_int_equal(time_ns, 42);
    }
}

static void assert_iso(const char *date, int64_t expected_ns) {
    int64_t time_ns = -1;
    assert_true(date_parse_iso(slice_str(date), &time_ns));
    assert_int_equal(time_ns, expected_ns);
}

static void test_parse_iso(void **state) {
    (void)state;
    assert_iso("1994-11-06T08:49:37Z", RFC_NS);
    assert_iso("1994-11-06T08:49:37.5Z", RFC_NS + 500 * NS_PER_MS);
    assert_iso("1994-11-06T08:49:37.000000001Z", RFC_NS + 1);
    assert_iso("1994-11-06T08:49:37.0000000019Z", RFC_NS + 1);
    assert_iso("1994-11-06T09:49:37+01:00", RFC_NS);
    assert_iso("1994-11-05T22:49:37.25-10:00", RFC_NS + 250 * NS_PER_MS);
    assert_iso("2000-02-29T00:00:00Z", 951782400 * NS_PER_S);
}

static void test_parse_iso_refuses(void **state) {
    (void)state;
    static const char *const broken[] = {
        "",
        "1994-11-06",
        "1994-11-06T08:49:37",
        "1994-11-06 08:49:37Z",
        "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37z",
        "1994-11-06T08:49Z",
        "1994-13-06T08:49:37Z",
        "1994-00-06T08:49:37Z",
        "1900-02-29T08:49:37Z",
        "1994-11-06T08:49:37+0100",
        "1994-11-06T08:49:37ZZ",
        "94-11-06T08:49:37Z",
        "9999-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        int64_t time_ns;
        assert_false(date_parse_iso(slice_str(broken[i]), &time_ns));
    }
}

static void test_parse_compact(void **state) {
    (void)state;
    static const char *const broken[] = {"",
                                         "19941106T084937",
                                         "19941106T084937z",
                                         "19941106 084937Z",
                                         "19941131T084937Z",
                                         "1994-11-06T08:49:37Z",
                                         "19941106T0849377Z",
                                         "19941106T084937Z0"};
    int64_t time_ns = -1;
    assert_true(date_parse_compact(SLICE("19941106T084937Z"), &time_ns));
    assert_int_equal(time_ns, RFC_NS);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_false(date_parse_compact(slice_str(broken[i]), &time_ns));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_ends_of_time),
        cmocka_unit_test(test_agrees_with_libc),
        cmocka_unit_test(test_parse_http),
        cmocka_unit_test(test_parse_http_refuses),
        cmocka_unit_test(test_parse_iso),
        cmocka_unit_test(test_parse_iso_refuses),
        cmocka_unit_test(test_parse_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
