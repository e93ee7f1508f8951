#include "swift/listing.h"

#include <stdio.h>

#include "base/check.h"
#include "base/date.h"
#include "support/expect.h"

static struct arena arena;
static struct note note;
static struct http_head head;
static struct http_query query;
static struct swift_call call;

static const struct swift_op of_container = {.subject = SWIFT_CONTAINER};
static const struct swift_op of_account = {.subject = SWIFT_ACCOUNT};

static void ask(const char *target, const char *headers) {
    size_t len;
    arena_reset(&arena);
    struct slice text =
        arena_printf(&arena, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, headers);
    assert_int_equal(http_head_parse(text, &head, &len, &note), HTTP_HEAD_COMPLETE);
    expect_ok(http_query_parse(&arena, head.query, &query));
    call = (struct swift_call){
        .arena = &arena, .note = &note, .head = &head, .query = &query, .op = &of_container};
    http_response_init(&call.response, &arena);
}

static void test_times_have_five_digits_and_round_up(void **state) {
    (void)state;
    char text[SWIFT_TIME_CAP];
    int64_t time_ns = INT64_C(1700000000) * NS_PER_S + 123456789;
    swift_time_timestamp(time_ns, text);
    assert_string_equal(text, "1700000000.12345");
    swift_time_iso(time_ns, text);
    assert_string_equal(text, "2023-11-14T22:13:20.123450");
    assert_int_equal(swift_time_http(time_ns), INT64_C(1700000001) * NS_PER_S);
    assert_int_equal(swift_time_http(INT64_C(7) * NS_PER_S + 9999), INT64_C(7) * NS_PER_S);
    swift_time_timestamp(0, text);
    assert_string_equal(text, "0000000000.00000");
}

static void test_the_form_is_negotiated(void **state) {
    (void)state;
    static const struct {
        const char *query;
        const char *accept;
        enum swift_format format;
        int refused;
    } cases[] = {
        {"", "", SWIFT_TEXT, 0},
        {"?format=json", "Accept: text/plain\r\n", SWIFT_JSON, 0},
        {"?format=XML", "", SWIFT_XML, 0},
        {"?format=nonsense", "", SWIFT_TEXT, 0},
        {"", "Accept: application/json\r\n", SWIFT_JSON, 0},
        {"", "Accept: text/xml\r\n", SWIFT_TEXT_XML, 0},
        {"", "Accept: text/*\r\n", SWIFT_TEXT, 0},
        {"", "Accept: */*\r\n", SWIFT_TEXT, 0},
        {"", "Accept: text/plain;q=0.5, application/json;q=0.9\r\n", SWIFT_JSON, 0},
        {"", "Accept: application/json;q=0\r\n", SWIFT_TEXT, 406},
        {"", "Accept: image/png\r\n", SWIFT_TEXT, 406},
        {"", "Accept: nonsense\r\n", SWIFT_TEXT, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum swift_format format;
        char target[64];
        snprintf(target, sizeof target, "/v1/AUTH_p/c%s", cases[i].query);
        ask(target, cases[i].accept);
        struct status s = swift_format_of(&call, &format);
        if (is_ok(s) != (cases[i].refused == 0)) fail_msg("%s%s", target, cases[i].accept);
        if (cases[i].refused != 0) {
            assert_int_equal(call.error.status, cases[i].refused);
        } else {
            assert_int_equal(format, cases[i].format);
        }
    }
}

static void test_parameters_are_read(void **state) {
    (void)state;
    struct swift_listing listing;
    ask("/v1/AUTH_p/c?prefix=a%2F&delimiter=/&marker=m&end_marker=n&limit=7&reverse=yes", "");
    expect_ok(swift_listing_parse(&call, &listing));
    expect_slice(listing.prefix, SLICE("a/"));
    expect_slice(listing.marker, SLICE("m"));
    expect_slice(listing.end_marker, SLICE("n"));
    assert_int_equal(listing.limit, 7);
    assert_true(listing.reverse);
    ask("/v1/AUTH_p/c?path=a/b/&delimiter=x", "");
    expect_ok(swift_listing_parse(&call, &listing));
    expect_slice(listing.prefix, SLICE("a/b/"));
    expect_slice(listing.delimiter, SLICE("/"));
    ask("/v1/AUTH_p/c?limit=nonsense", "");
    expect_ok(swift_listing_parse(&call, &listing));
    assert_int_equal(listing.limit, SWIFT_LISTING_MAX);
}

static void test_parameters_are_refused(void **state) {
    (void)state;
    struct swift_listing listing;
    ask("/v1/AUTH_p/c?limit=10001", "");
    expect_status(STATUS_REFUSED, swift_listing_parse(&call, &listing));
    assert_int_equal(call.error.status, 412);
    expect_slice(call.error.body, SLICE("Maximum limit is 10000"));
    ask("/v1/AUTH_p/c?marker=%FF", "");
    expect_status(STATUS_REFUSED, swift_listing_parse(&call, &listing));
    assert_int_equal(call.error.status, 400);
    assert_string_equal(call.error.type, "text/plain");
    ask("/v1/AUTH_p?marker=%FF", "");
    call.op = &of_account;
    expect_status(STATUS_REFUSED, swift_listing_parse(&call, &listing));
    assert_int_equal(call.error.status, 400);
    assert_null(call.error.type);
}

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_have_five_digits_and_round_up),
        cmocka_unit_test(test_the_form_is_negotiated),
        cmocka_unit_test(test_parameters_are_read),
        cmocka_unit_test(test_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
