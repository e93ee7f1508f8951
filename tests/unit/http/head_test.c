#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/arena.h"

#define assert_slice(actual, expected)                                       \
    do {                                                                     \
        struct slice actual_ = (actual);                                     \
        assert_int_equal(actual_.len, sizeof(expected) - 1);                 \
        assert_memory_equal(actual_.ptr, "" expected, sizeof(expected) - 1); \
    } while (0)

static struct http_head head;
static size_t head_len;
static struct note note;

static enum http_head_verdict parse(struct slice bytes) {
    return http_head_parse(bytes, &head, &head_len, &note);
}

static void test_plain_get(void **state) {
    (void)state;
    struct slice bytes = SLICE(
        "GET /b/k%20x?uploads&a=b HTTP/1.1\r\nHost: s3.example:9000\r\n"
        "X-Amz-Meta-\xc3\xa9: no\r\n");
    assert_int_equal(parse(bytes), HTTP_HEAD_BAD);
    bytes = SLICE(
        "GET /b/k%20x?uploads&a=b HTTP/1.1\r\nHost:  s3.example:9000\t \r\n"
        "X-Amz-Meta-City: Malm\xc3\xb6 \xff\r\nEmpty:\r\n\r\nNEXT");
    assert_int_equal(parse(bytes), HTTP_HEAD_COMPLETE);
    assert_int_equal(head_len, bytes.len - 4);
    assert_int_equal(head.method, HTTP_GET);
    assert_slice(head.method_text, "GET");
    assert_slice(head.target, "/b/k%20x?uploads&a=b");
    assert_slice(head.path, "/b/k%20x");
    assert_slice(head.query, "uploads&a=b");
    assert_slice(head.authority, "s3.example:9000");
    assert_int_equal(head.minor_version, 1);
    assert_int_equal(head.body, HTTP_BODY_NONE);
    assert_true(head.keep_alive);
    assert_false(head.expect_continue);
    assert_int_equal(head.header_count, 3);
    assert_slice(http_head_find(&head, SLICE("x-amz-meta-city")), "Malm\xc3\xb6 \xff");
    assert_slice(http_head_find(&head, SLICE("EMPTY")), "");
    assert_non_null(http_head_find(&head, SLICE("empty")).ptr);
    assert_null(http_head_find(&head, SLICE("absent")).ptr);
}

static void test_empty_lines_before_the_request_are_skipped(void **state) {
    (void)state;
    struct slice bytes = SLICE("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(parse(bytes), HTTP_HEAD_COMPLETE);
    assert_int_equal(head_len, bytes.len);
    assert_int_equal(parse(SLICE("\r\n\r\n")), HTTP_HEAD_PARTIAL);
    assert_int_equal(parse(SLICE("\r\n\r")), HTTP_HEAD_PARTIAL);
    assert_int_equal(parse(SLICE("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")), HTTP_HEAD_BAD);
}

static void test_every_prefix_is_partial(void **state) {
    (void)state;
    struct slice bytes = SLICE("\r\nPUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n");
    size_t scanned = 0;
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(parse(slice_take(bytes, len)), HTTP_HEAD_PARTIAL);
        assert_false(http_head_may_be_complete(slice_take(bytes, len), scanned, &scanned));
        assert_true(scanned <= len);
    }
    assert_int_equal(parse(bytes), HTTP_HEAD_COMPLETE);
    assert_true(http_head_may_be_complete(bytes, scanned, &scanned));
    assert_int_equal(head.body, HTTP_BODY_LENGTH);
    assert_int_equal(head.content_length, 12);
}

struct head_case {
    const char *why;
    struct slice bytes;
    enum http_head_verdict verdict;
};

#define CASE(why, text, verdict) \
    { why, {text, sizeof(text) - 1}, verdict }
#define IN_HEAD(text) "PUT /b/k HTTP/1.1\r\nHost: a\r\n" text "\r\n"

static const struct head_case smuggling[] = {
    CASE("CL.TE", IN_HEAD("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE.CL", IN_HEAD("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"), HTTP_HEAD_BAD),
    CASE("CL.CL differing", IN_HEAD("Content-Length: 6\r\nContent-Length: 5\r\n"), HTTP_HEAD_BAD),
    CASE("CL.CL equal", IN_HEAD("Content-Length: 6\r\nContent-Length: 6\r\n"), HTTP_HEAD_BAD),
    CASE("CL list", IN_HEAD("Content-Length: 6, 6\r\n"), HTTP_HEAD_BAD),
    CASE("CL with a sign", IN_HEAD("Content-Length: +6\r\n"), HTTP_HEAD_BAD),
    CASE("CL negative", IN_HEAD("Content-Length: -1\r\n"), HTTP_HEAD_BAD),
    CASE("CL hexadecimal", IN_HEAD("Content-Length: 0x6\r\n"), HTTP_HEAD_BAD),
    CASE("CL with a blank inside", IN_HEAD("Content-Length: 6 0\r\n"), HTTP_HEAD_BAD),
    CASE("CL empty", IN_HEAD("Content-Length:\r\n"), HTTP_HEAD_BAD),
    CASE("CL of 2^64", IN_HEAD("Content-Length: 18446744073709551616\r\n"), HTTP_HEAD_BAD),
    CASE("CL of 2^63", IN_HEAD("Content-Length: 9223372036854775808\r\n"), HTTP_HEAD_BAD),
    CASE("CL with an underscore", IN_HEAD("Content_Length: 6\r\n"), HTTP_HEAD_COMPLETE),
    CASE("TE.TE", IN_HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), HTTP_HEAD_BAD),
    CASE("TE twice chunked", IN_HEAD("Transfer-Encoding: chunked, chunked\r\n"),
         HTTP_HEAD_UNSUPPORTED),
    CASE("TE behind identity", IN_HEAD("Transfer-Encoding: identity, chunked\r\n"),
         HTTP_HEAD_UNSUPPORTED),
    CASE("TE identity", IN_HEAD("Transfer-Encoding: identity\r\n"), HTTP_HEAD_UNSUPPORTED),
    CASE("TE gzip", IN_HEAD("Transfer-Encoding: gzip, chunked\r\n"), HTTP_HEAD_UNSUPPORTED),
    CASE("TE xchunked", IN_HEAD("Transfer-Encoding: xchunked\r\n"), HTTP_HEAD_UNSUPPORTED),
    CASE("TE quoted", IN_HEAD("Transfer-Encoding: \"chunked\"\r\n"), HTTP_HEAD_UNSUPPORTED),
    CASE("TE empty", IN_HEAD("Transfer-Encoding:\r\n"), HTTP_HEAD_UNSUPPORTED),
    CASE("TE with a vertical tab", IN_HEAD("Transfer-Encoding: \vchunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE with a blank before the colon", IN_HEAD("Transfer-Encoding : chunked\r\n"),
         HTTP_HEAD_BAD),
    CASE("TE folded", IN_HEAD("Transfer-Encoding:\r\n chunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE behind a fold", IN_HEAD("X: y\r\n Transfer-Encoding: chunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE behind a bare CR", IN_HEAD("X: y\rTransfer-Encoding: chunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE behind a bare LF", IN_HEAD("X: y\nTransfer-Encoding: chunked\r\n"), HTTP_HEAD_BAD),
    CASE("TE in HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_BAD),
    CASE("first header folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("fold by a tab", IN_HEAD("X: y\r\n\tz\r\n"), HTTP_HEAD_BAD),
    CASE("NUL in a value", IN_HEAD("X: a\0b\r\n"), HTTP_HEAD_BAD),
    CASE("NUL in a name", IN_HEAD("X\0Y: a\r\n"), HTTP_HEAD_BAD),
    CASE("CR at the end of a value", IN_HEAD("X: a\r\r\n"), HTTP_HEAD_BAD),
    CASE("DEL in a value", IN_HEAD("X: a\x7f\r\n"), HTTP_HEAD_BAD),
    CASE("no colon", IN_HEAD("X\r\n"), HTTP_HEAD_BAD),
    CASE("no name", IN_HEAD(": x\r\n"), HTTP_HEAD_BAD),
    CASE("tab before the colon", IN_HEAD("X\t: x\r\n"), HTTP_HEAD_BAD),
    CASE("name in brackets", IN_HEAD("[X]: x\r\n"), HTTP_HEAD_BAD),
    CASE("head ended by bare LFs", "GET / HTTP/1.1\nHost: a\n\n", HTTP_HEAD_BAD),
    CASE("blank line of CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", HTTP_HEAD_BAD),
};

static const struct head_case request_lines[] = {
    CASE("two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("blank at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("tab for a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("blank in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no version", "GET /\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("version of letters", "GET / HTTP/x.y\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", HTTP_HEAD_BAD_VERSION),
    CASE("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_HEAD_BAD_VERSION),
    CASE("HTTP/1.2 is 1.1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HTTP_HEAD_COMPLETE),
    CASE("method with a colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("control character in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("raw UTF-8 in the target", "GET /\xc3\xa5 HTTP/1.1\r\nHost: a\r\n\r\n",
         HTTP_HEAD_COMPLETE),
    CASE("asterisk of GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("asterisk and more", "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("other scheme", "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("user in the target", "GET http://u@a/b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no host in the target", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no Host", "GET / HTTP/1.1\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no Host, absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", HTTP_HEAD_BAD),
    CASE("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", HTTP_HEAD_COMPLETE),
    CASE("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", HTTP_HEAD_BAD),
    CASE("Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_HEAD_BAD),
    CASE("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTP_HEAD_BAD),
    CASE("Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP_HEAD_BAD),
    CASE("Host with a wrong port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", HTTP_HEAD_BAD),
    CASE("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_HEAD_COMPLETE),
    CASE("IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:9000\r\n\r\n", HTTP_HEAD_COMPLETE),
    CASE("a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", HTTP_HEAD_BAD),
    CASE("bare CR, unfinished", "GET / HT\rTP", HTTP_HEAD_BAD),
    CASE("NUL, unfinished", "GET / HT\0TP", HTTP_HEAD_BAD),
};

static void check_cases(const struct head_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        note.text[0] = '\0';
        enum http_head_verdict verdict = parse(cases[i].bytes);
        if (verdict != cases[i].verdict) {
            fail_msg("%s: %d, not %d (%s)", cases[i].why, verdict, cases[i].verdict, note.text);
        }
        if (verdict != HTTP_HEAD_COMPLETE && note.text[0] == '\0') {
            fail_msg("%s: refused without a word", cases[i].why);
        }
    }
}

static void test_smuggling(void **state) {
    (void)state;
    check_cases(smuggling, sizeof smuggling / sizeof *smuggling);
}

static void test_request_lines(void **state) {
    (void)state;
    check_cases(request_lines, sizeof request_lines / sizeof *request_lines);
}

static void test_absolute_form(void **state) {
    (void)state;
    assert_int_equal(
        parse(SLICE("GET HTTP://b.example:80/k?x=http://y/ HTTP/1.1\r\nHost: other\r\n\r\n")),
        HTTP_HEAD_COMPLETE);
    assert_slice(head.authority, "b.example:80");
    assert_slice(head.path, "/k");
    assert_slice(head.query, "x=http://y/");
    assert_int_equal(parse(SLICE("GET https://b HTTP/1.1\r\nHost: other\r\n\r\n")),
                     HTTP_HEAD_COMPLETE);
    assert_slice(head.authority, "b");
    assert_slice(head.path, "/");
    assert_int_equal(parse(SLICE("GET http://b?q HTTP/1.1\r\nHost: other\r\n\r\n")),
                     HTTP_HEAD_COMPLETE);
    assert_slice(head.path, "/");
    assert_slice(head.query, "q");
}

static void test_options(void **state) {
    (void)state;
    assert_int_equal(parse(SLICE("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), HTTP_HEAD_COMPLETE);
    assert_int_equal(head.method, HTTP_OPTIONS);
    assert_slice(head.path, "*");
    assert_int_equal(parse(SLICE("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n")),
                     HTTP_HEAD_COMPLETE);
    assert_slice(head.path, "*");
    assert_int_equal(parse(SLICE("OPTIONS /k HTTP/1.1\r\nHost: a\r\n\r\n")), HTTP_HEAD_COMPLETE);
    assert_slice(head.path, "/k");
}

static void test_methods(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},     {"PUT", HTTP_PUT},
                   {"POST", HTTP_POST},       {"DELETE", HTTP_DELETE}, {"COPY", HTTP_COPY},
                   {"OPTIONS", HTTP_OPTIONS}, {"get", HTTP_OTHER},     {"PATCH", HTTP_OTHER},
                   {"GETT", HTTP_OTHER},      {"M-SEARCH", HTTP_OTHER}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char text[64];
        int len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", methods[i].text);
        assert_int_equal(parse(slice_of(text, (size_t)len)), HTTP_HEAD_COMPLETE);
        assert_int_equal(head.method, methods[i].method);
    }
}

static void test_connection(void **state) {
    (void)state;
    static const struct {
        int minor;
        const char *value;
        bool keep_alive;
    } cases[] = {{1, "", true},
                 {1, "close", false},
                 {1, "Close", false},
                 {1, "upgrade, CLOSE", false},
                 {1, "closed", true},
                 {1, "keep-alive, close", false},
                 {0, "", false},
                 {0, "Keep-Alive", true},
                 {0, "keep-alive, close", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        int len =
            snprintf(text, sizeof text, "GET / HTTP/1.%d\r\nHost: a\r\nConnection: %s\r\n\r\n",
                     cases[i].minor, cases[i].value);
        assert_int_equal(parse(slice_of(text, (size_t)len)), HTTP_HEAD_COMPLETE);
        assert_int_equal(head.keep_alive, cases[i].keep_alive);
    }
}

static void test_expect(void **state) {
    (void)state;
    assert_int_equal(parse(SLICE(IN_HEAD("Expect: 100-Continue\r\n"))), HTTP_HEAD_COMPLETE);
    assert_true(head.expect_continue);
    assert_int_equal(parse(SLICE(IN_HEAD("Expect: magic, 100-continue\r\n"))), HTTP_HEAD_COMPLETE);
    assert_true(head.expect_continue);
    assert_int_equal(parse(SLICE(IN_HEAD("Expect: magic\r\n"))), HTTP_HEAD_COMPLETE);
    assert_false(head.expect_continue);
    assert_int_equal(parse(SLICE("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")),
                     HTTP_HEAD_COMPLETE);
    assert_false(head.expect_continue);
}

static void test_chunked(void **state) {
    (void)state;
    assert_int_equal(parse(SLICE(IN_HEAD("Transfer-Encoding: Chunked\r\n"))), HTTP_HEAD_COMPLETE);
    assert_int_equal(head.body, HTTP_BODY_CHUNKED);
    assert_int_equal(parse(SLICE(IN_HEAD("Content-Length: 0\r\n"))), HTTP_HEAD_COMPLETE);
    assert_int_equal(head.body, HTTP_BODY_LENGTH);
    assert_int_equal(head.content_length, 0);
}

/* A head of `headers` header lines and a value of `pad` bytes. */
static struct slice big_head(char *out, size_t cap, size_t headers, size_t pad) {
    int len = snprintf(out, cap, "GET / HTTP/1.1\r\nHost: a\r\nPad: ");
    memset(out + len, 'p', pad);
    size_t at = (size_t)len + pad;
    at += (size_t)snprintf(out + at, cap - at, "\r\n");
    for (size_t i = 2; i < headers; i++) at += (size_t)snprintf(out + at, cap - at, "A:\r\n");
    at += (size_t)snprintf(out + at, cap - at, "\r\n");
    return slice_of(out, at);
}

static void test_limits(void **state) {
    (void)state;
    static char bytes[4 * HTTP_HEAD_MAX];
    struct slice empty = big_head(bytes, sizeof bytes, 2, 0);
    size_t room = HTTP_HEAD_MAX - empty.len;
    assert_int_equal(parse(big_head(bytes, sizeof bytes, 2, room)), HTTP_HEAD_COMPLETE);
    assert_int_equal(head_len, HTTP_HEAD_MAX);
    assert_int_equal(parse(big_head(bytes, sizeof bytes, 2, room + 1)), HTTP_HEAD_TOO_LARGE);
    assert_int_equal(parse(big_head(bytes, sizeof bytes, HTTP_HEADERS_MAX, 0)), HTTP_HEAD_COMPLETE);
    assert_int_equal(head.header_count, HTTP_HEADERS_MAX);
    assert_int_equal(parse(big_head(bytes, sizeof bytes, HTTP_HEADERS_MAX + 1, 0)),
                     HTTP_HEAD_TOO_LARGE);
    memset(bytes, 'a', sizeof bytes);
    assert_int_equal(parse(slice_of(bytes, HTTP_HEAD_MAX - 1)), HTTP_HEAD_PARTIAL);
    assert_int_equal(parse(slice_of(bytes, HTTP_HEAD_MAX)), HTTP_HEAD_TOO_LARGE);
}

static void test_long_target(void **state) {
    (void)state;
    static char bytes[HTTP_HEAD_MAX];
    for (size_t extra = 0; extra < 2; extra++) {
        size_t at = (size_t)snprintf(bytes, sizeof bytes, "GET /");
        memset(bytes + at, 'a', HTTP_TARGET_MAX - 1 + extra);
        at += HTTP_TARGET_MAX - 1 + extra;
        at += (size_t)snprintf(bytes + at, sizeof bytes - at, " HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(parse(slice_of(bytes, at)),
                         extra ? HTTP_HEAD_TOO_LARGE : HTTP_HEAD_COMPLETE);
    }
}

static void test_may_be_complete(void **state) {
    (void)state;
    static const struct {
        struct slice bytes;
        bool may_be;
    } cases[] = {
        {{"", 0}, false},
        {{"\r\n\r\n", 4}, false},
        {{"GET / HTTP/1.1\r\n", 16}, false},
        {{"GET / HTTP/1.1\r\n\r", 17}, false},
        {{"GET / HTTP/1.1\r\n\r\n", 18}, true},
        {{"GET / HTTP/1.1\r\n\rX", 18}, true},
        {{"GET / HTTP/1.1\n", 15}, true},
        {{"\x16\x03\x01", 3}, true},
        {{"\n", 1}, true},
        {{"\rx", 2}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t scanned;
        assert_int_equal(http_head_may_be_complete(cases[i].bytes, 0, &scanned), cases[i].may_be);
        /* What is said to be complete must not leave the parser waiting. */
        if (cases[i].may_be) assert_int_not_equal(parse(cases[i].bytes), HTTP_HEAD_PARTIAL);
    }
}

static void test_tokens(void **state) {
    (void)state;
    assert_int_equal(parse(SLICE(IN_HEAD("TE: a , b\r\nte: ,, C;q=1,d,\r\n"))), HTTP_HEAD_COMPLETE);
    assert_int_equal(http_head_count(&head, SLICE("te")), 2);
    assert_true(http_head_has_token(&head, SLICE("te"), SLICE("A")));
    assert_true(http_head_has_token(&head, SLICE("te"), SLICE("b")));
    assert_true(http_head_has_token(&head, SLICE("te"), SLICE("D")));
    assert_false(http_head_has_token(&head, SLICE("te"), SLICE("c")));
    assert_false(http_head_has_token(&head, SLICE("te"), SLICE("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_get),
        cmocka_unit_test(test_empty_lines_before_the_request_are_skipped),
        cmocka_unit_test(test_every_prefix_is_partial),
        cmocka_unit_test(test_smuggling),
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_absolute_form),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_target),
        cmocka_unit_test(test_may_be_complete),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
