/* Responses as a load generator reads them, in pieces of any size. */
#include "cli/bench_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"

static struct bench_reply reply;

/* Reads `text` in pieces; how many bytes were taken. */
static size_t read_pieces(struct slice text, size_t step, bool is_head) {
    size_t at = 0;
    bench_reply_begin(&reply, is_head);
    while (at < text.len && reply.state < BENCH_REPLY_DONE) {
        struct slice piece = slice_take(slice_skip(text, at), step);
        size_t used = bench_reply_take(&reply, piece);
        assert_true(used <= piece.len && used > 0);
        if (reply.state < BENCH_REPLY_DONE) assert_int_equal(used, piece.len);
        at += used;
    }
    return at;
}

struct expected {
    const char *text;
    bool is_head;
    int status;
    bool keeps;
    uint64_t body_bytes;
    const char *rest;
};

static const struct expected good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloNEXT", false, 200, true, 5, "NEXT"},
    {"HTTP/1.1 200 OK\ncontent-length:5\n\nhello", false, 200, true, 5, ""},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, 200, true, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nHTTP", true, 200, true, 0, "HTTP"},
    {"HTTP/1.1 204 No Content\r\n\r\nX", false, 204, true, 0, "X"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, 304, true, 0, ""},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", false, 200, false, 1,
     ""},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 200, false, 1, ""},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", false, 200, true, 1,
     ""},
    {"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx", false, 200, false, 1,
     ""},
    {"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "2\r\n\r\nab",
     false, 200, true, 2, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n"
     "a: b\r\n\r\nHTTP",
     false, 200, true, 13, "HTTP"},
    {"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", false,
     500, false, 0, ""},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct slice text = slice_str(good[i].text);
        for (size_t step = 1; step <= text.len; step++) {
            size_t used = read_pieces(text, step, good[i].is_head);
            assert_int_equal(reply.state, BENCH_REPLY_DONE);
            assert_int_equal(reply.status, good[i].status);
            assert_int_equal(reply.keeps, good[i].keeps);
            assert_int_equal(reply.body_bytes, good[i].body_bytes);
            assert_true(slice_eq(slice_skip(text, used), slice_str(good[i].rest)));
        }
    }
}

static void test_bad(void **state) {
    (void)state;
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1111111111111111\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step < 50; step++) {
            read_pieces(slice_str(bad[i]), step, false);
            assert_int_equal(reply.state, BENCH_REPLY_BAD);
        }
    }
}

static void test_closing(void **state) {
    (void)state;
    read_pieces(SLICE("HTTP/1.1 200 OK\r\n\r\nuntil the end"), 4, false);
    assert_int_equal(reply.state, BENCH_REPLY_UNTIL_CLOSE);
    bench_reply_closed(&reply);
    assert_int_equal(reply.state, BENCH_REPLY_DONE);
    assert_int_equal(reply.body_bytes, 13);
    assert_false(reply.keeps);
    static const char *const cut[] = {"", "HTT", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        read_pieces(slice_str(cut[i]), 7, false);
        bench_reply_closed(&reply);
        assert_int_equal(reply.state, BENCH_REPLY_BAD);
    }
}

/* A line that is longer than what is kept matters to nobody; a head without an end is none. */
static void test_bounds(void **state) {
    (void)state;
    static char text[2 * BENCH_REPLY_HEAD_MAX];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\ncookie: %02000d\r\nContent-Length: 1\r\n\r\nx", 0);
    for (size_t step = 1; step < 3000; step += 499) {
        read_pieces(slice_of(text, (size_t)len), step, false);
        assert_int_equal(reply.state, BENCH_REPLY_DONE);
        assert_int_equal(reply.body_bytes, 1);
    }
    memset(text, 'x', sizeof text);
    memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
    read_pieces(slice_of(text, sizeof text), 1000, false);
    assert_int_equal(reply.state, BENCH_REPLY_BAD);
}

static void test_error_codes(void **state) {
    (void)state;
    static const char *const codes[][2] = {
        {"<Error><Code>SlowDown</Code></Error>", "SlowDown"},
        {"<Error><Code>a.B-c_9</Code>", "a.B-c_9"},
        {"<Error><Code>Cut", "Cut"},
        {"<Error><Code></Code>", ""},
        {"<html>", ""},
        {"<Code>Too\033[31m</Code>", "Too"},
        {"<Code>0123456789012345678901234567890123456789012345678901234567890</Code>",
         "01234567890123456789012345678901234567890123456"},
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        char text[512];
        char code[BENCH_REPLY_CODE_MAX];
        int len = snprintf(text, sizeof text, "HTTP/1.1 503 X\r\nContent-Length: %zu\r\n\r\n%s",
                           strlen(codes[i][0]), codes[i][0]);
        read_pieces(slice_of(text, (size_t)len), 1 + i, false);
        assert_int_equal(reply.state, BENCH_REPLY_DONE);
        bench_reply_error_code(&reply, code);
        assert_string_equal(code, codes[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_closing),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_error_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
