#include "http/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/date.h"

static struct arena arena;
static struct buf out;
static struct http_response response;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1024, 256 * 1024);
    buf_init(&out, HTTP_RESPONSE_HEAD_MAX);
    http_response_init(&response, &arena);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_fini(&out);
    arena_fini(&arena);
    return 0;
}

static void test_encodes(void **state) {
    (void)state;
    response.status = 206;
    http_response_set(&response, SLICE("Content-Type"), SLICE("text/plain"));
    http_response_set_u64(&response, "Content-Length", UINT64_MAX);
    http_response_setf(&response, "ETag", "\"%s\"", "abc");
    http_response_set_date(&response, "Last-Modified", 784111777 * NS_PER_S);
    http_response_add(&response, SLICE("x-amz-meta-city"), SLICE("Malm\xc3\xb6"));
    assert_true(is_ok(http_response_encode(&response, &out)));
    assert_true(slice_eq(buf_slice(&out),
                         SLICE("HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 18446744073709551615\r\nETag: \"abc\"\r\n"
                               "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                               "x-amz-meta-city: Malm\xc3\xb6\r\n\r\n")));
}

static void test_set_replaces_and_add_appends(void **state) {
    (void)state;
    http_response_add(&response, SLICE("Vary"), SLICE("a"));
    http_response_add(&response, SLICE("vary"), SLICE("b"));
    assert_int_equal(response.header_count, 2);
    http_response_set_str(&response, "VARY", "c");
    assert_int_equal(response.header_count, 1);
    assert_true(slice_eq(http_response_find(&response, SLICE("Vary")), SLICE("c")));
    http_response_remove(&response, SLICE("vary"));
    assert_int_equal(response.header_count, 0);
    assert_null(http_response_find(&response, SLICE("Vary")).ptr);
}

static void test_values_are_copied(void **state) {
    (void)state;
    char value[] = "one";
    http_response_set(&response, SLICE("X"), slice_str(value));
    value[0] = '\n';
    assert_true(slice_eq(http_response_find(&response, SLICE("x")), SLICE("one")));
}

static void test_headers_cannot_be_injected(void **state) {
    (void)state;
    static const struct {
        struct slice name;
        struct slice value;
    } evil[] = {
        {{"X", 1}, {"a\r\nSet-Cookie: b", 16}},
        {{"X", 1}, {"a\nb", 3}},
        {{"X", 1}, {"a\rb", 3}},
        {{"X", 1}, {"a\0b", 3}},
        {{"X", 1}, {"a\x7f", 2}},
        {{"X", 1}, {"\x1b[m", 3}},
        {{"X:", 2}, {"a", 1}},
        {{"X\r\n", 3}, {"a", 1}},
        {{"", 0}, {"a", 1}},
        {{"X Y", 3}, {"a", 1}},
        {{"X\xc3\xa9", 3}, {"a", 1}},
    };
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        http_response_clear(&response);
        buf_clear(&out);
        http_response_set(&response, evil[i].name, evil[i].value);
        http_response_set_str(&response, "Good", "one");
        assert_int_equal(response.header_count, 1);
        assert_int_equal(http_response_encode(&response, &out).code, STATUS_INVALID);
        assert_int_equal(out.len, 0);
    }
    http_response_clear(&response);
    assert_true(is_ok(http_response_encode(&response, &out)));
}

static void test_too_many_headers(void **state) {
    (void)state;
    for (int i = 0; i < HTTP_RESPONSE_HEADERS_MAX; i++) {
        http_response_add(&response, SLICE("A"), SLICE("b"));
    }
    assert_true(is_ok(http_response_encode(&response, &out)));
    http_response_add(&response, SLICE("A"), SLICE("b"));
    buf_clear(&out);
    assert_int_equal(http_response_encode(&response, &out).code, STATUS_TOO_LARGE);
}

static void test_too_large(void **state) {
    (void)state;
    static char long_value[HTTP_RESPONSE_HEAD_MAX];
    memset(long_value, 'a', sizeof long_value);
    http_response_add(&response, SLICE("A"), slice_of(long_value, sizeof long_value));
    assert_int_equal(http_response_encode(&response, &out).code, STATUS_TOO_LARGE);
    buf_clear(&out);
    http_response_clear(&response);
    http_response_setf(&response, "A", "%.2000s", long_value);
    assert_int_equal(http_response_encode(&response, &out).code, STATUS_TOO_LARGE);
}

static void test_reasons(void **state) {
    (void)state;
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(503), "Service Unavailable");
    assert_string_equal(http_reason(299), "Unknown");
}

static void test_bodies(void **state) {
    (void)state;
    assert_true(http_status_has_no_body(200, HTTP_HEAD));
    assert_true(http_status_has_no_body(304, HTTP_GET));
    assert_true(http_status_has_no_body(204, HTTP_DELETE));
    assert_true(http_status_has_no_body(100, HTTP_PUT));
    assert_false(http_status_has_no_body(200, HTTP_GET));
    assert_false(http_status_has_no_body(404, HTTP_GET));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_encodes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_replaces_and_add_appends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_are_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_cannot_be_injected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
