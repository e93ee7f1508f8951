#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

static void test_parses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool https;
        const char *authority;
        const char *host;
        uint16_t port;
        const char *path;
        const char *query;
    } cases[] = {
        {"http://a", false, "a", "a", 80, "/", ""},
        {"HTTPS://a.example/", true, "a.example", "a.example", 443, "/", ""},
        {"http://a:9000/b/c?d=e?f", false, "a:9000", "a", 9000, "/b/c", "d=e?f"},
        {"http://a?x", false, "a", "a", 80, "/", "x"},
        {"https://[::1]:8443/x", true, "[::1]:8443", "::1", 8443, "/x", ""},
        {"http://a:/", false, "a:", "a", 80, "/", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_url url;
        assert_true(is_ok(http_url_parse(slice_str(cases[i].text), NULL, &url)));
        assert_int_equal(url.https, cases[i].https);
        assert_int_equal(url.port, cases[i].port);
        assert_true(slice_eq(url.authority, slice_str(cases[i].authority)));
        assert_true(slice_eq(url.host, slice_str(cases[i].host)));
        assert_true(slice_eq(url.path, slice_str(cases[i].path)));
        assert_true(slice_eq(url.query, slice_str(cases[i].query)));
    }
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const refused[] = {
        "",
        "a",
        "ftp://a",
        "http:/a",
        "http://",
        "http:///x",
        "http://u@a",
        "http://a:x",
        "http://a:99999",
        "http://a:0",
        "http://[::1",
        "http://[]/",
        "http://a b",
        "http://a/b c",
        "http://a/#f",
        "http://a/\n",
        "http://[::1]x/",
        "http://a:1:2",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct http_url url;
        struct note note = {""};
        struct status status = http_url_parse(slice_str(refused[i]), &note, &url);
        if (status.code != STATUS_INVALID || note.text[0] == '\0') fail_msg("%s", refused[i]);
    }
}

static void test_authority(void **state) {
    (void)state;
    struct slice host;
    struct slice port;
    assert_true(http_authority_split(SLICE("bucket.s3.example:9000"), &host, &port));
    assert_true(slice_eq(host, SLICE("bucket.s3.example")));
    assert_true(slice_eq(port, SLICE("9000")));
    assert_true(http_authority_split(SLICE("a_b~c"), &host, &port));
    assert_int_equal(port.len, 0);
    assert_true(http_authority_split(SLICE(""), &host, &port));
    assert_int_equal(host.len, 0);
    assert_true(http_authority_split(SLICE("[fe80::1%25eth0]"), &host, &port));
    assert_true(slice_eq(host, SLICE("fe80::1%25eth0")));
    assert_false(http_authority_split(SLICE("a:65536"), &host, &port));
    assert_false(http_authority_split(SLICE("a:000080"), &host, &port));
    assert_false(http_authority_split(SLICE("::1"), &host, &port));
    assert_false(http_authority_split(SLICE("a\0b"), &host, &port));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
