#include "http/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"

static struct http_body_source body;
static struct slice_source raw;
static struct note note;
static char content[64 * 1024];

/* Reads `body` to its end in pulls of `cap`; what came lies in `content`. */
static struct status read_all(size_t cap, size_t *ret_len) {
    size_t total = 0;
    bool end = false;
    while (!end) {
        size_t len;
        TRY(source_pull(&body.source, content + total, cap, &len, &end));
        assert_true(len <= cap);
        total += len;
    }
    *ret_len = total;
    return status_ok();
}

static struct status read_chunked(struct slice bytes, size_t step, size_t cap, size_t *ret_len) {
    slice_source_init(&raw, bytes, step);
    http_body_source_init_chunked(&body, &raw.source, &note);
    return read_all(cap, ret_len);
}

static void test_length(void **state) {
    (void)state;
    for (size_t step = 0; step < 4; step++) {
        size_t len = 0;
        slice_source_init(&raw, SLICE("hello, GET / next"), step);
        http_body_source_init_length(&body, 7, &raw.source);
        assert_false(http_body_is_drained(&body));
        assert_true(is_ok(read_all(3, &len)));
        assert_int_equal(len, 7);
        assert_memory_equal(content, "hello, ", 7);
        assert_true(http_body_is_drained(&body));
        assert_true(slice_eq(raw.rest, SLICE("GET / next")));
    }
}

static void test_no_body_is_drained_from_the_start(void **state) {
    (void)state;
    struct http_head head = {.body = HTTP_BODY_NONE};
    size_t len = 1;
    slice_source_init(&raw, SLICE("GET"), 0);
    http_body_source_init(&body, &head, &raw.source, &note);
    assert_true(http_body_is_drained(&body));
    assert_true(is_ok(read_all(10, &len)));
    assert_int_equal(len, 0);
    assert_int_equal(raw.rest.len, 3);
    head = (struct http_head){.body = HTTP_BODY_LENGTH, .content_length = 0};
    http_body_source_init(&body, &head, &raw.source, &note);
    assert_true(http_body_is_drained(&body));
}

static void test_length_cut_off(void **state) {
    (void)state;
    size_t len;
    slice_source_init(&raw, SLICE("hell"), 0);
    http_body_source_init_length(&body, 5, &raw.source);
    assert_int_equal(read_all(10, &len).code, STATUS_CLOSED);
    assert_false(http_body_is_drained(&body));
}

static void test_chunked_never_reads_past_its_end(void **state) {
    (void)state;
    struct slice bytes =
        SLICE("5\r\nhello\r\n001;a=b;c=\"d\"\r\n,\r\nA\r\n0123456789\r\n0\r\n\r\nGET /");
    for (size_t step = 0; step < 10; step++) {
        for (size_t cap = 1; cap < 20; cap++) {
            size_t len = 0;
            assert_true(is_ok(read_chunked(bytes, step, cap, &len)));
            assert_int_equal(len, 16);
            assert_memory_equal(content, "hello,0123456789", 16);
            assert_true(http_body_is_drained(&body));
            assert_true(slice_eq(raw.rest, SLICE("GET /")));
        }
    }
}

static void test_chunked_empty(void **state) {
    (void)state;
    size_t len = 1;
    assert_true(is_ok(read_chunked(SLICE("0\r\n\r\n"), 0, 9, &len)));
    assert_int_equal(len, 0);
    assert_true(is_ok(read_chunked(SLICE("0000;x\r\n\r\nG"), 0, 9, &len)));
    assert_true(slice_eq(raw.rest, SLICE("G")));
}

static void test_trailers(void **state) {
    (void)state;
    for (size_t step = 0; step < 9; step++) {
        size_t len = 0;
        struct slice bytes =
            SLICE("1\r\nx\r\n0\r\nx-amz-checksum-crc32:  AAAAAA== \r\nEmpty:\r\n\r\nPUT");
        assert_true(is_ok(read_chunked(bytes, step, 7, &len)));
        assert_int_equal(body.trailer_count, 2);
        assert_true(
            slice_eq(http_body_trailer(&body, SLICE("X-Amz-Checksum-CRC32")), SLICE("AAAAAA==")));
        assert_non_null(http_body_trailer(&body, SLICE("empty")).ptr);
        assert_null(http_body_trailer(&body, SLICE("absent")).ptr);
        assert_true(slice_eq(raw.rest, SLICE("PUT")));
    }
}

static void test_every_prefix_of_chunked_is_cut_off(void **state) {
    (void)state;
    struct slice bytes = SLICE("5;e\r\nhello\r\n0\r\na: b\r\n\r\n");
    size_t len;
    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct status status = read_chunked(slice_take(bytes, cut), 1, 8, &len);
        assert_int_equal(status.code, STATUS_CLOSED);
        assert_false(http_body_is_drained(&body));
    }
    assert_true(is_ok(read_chunked(bytes, 1, 8, &len)));
}

static void test_broken_framing(void **state) {
    (void)state;
    static const struct {
        const char *why;
        const char *bytes;
    } cases[] = {
        {"no size", "\r\nhello\r\n0\r\n\r\n"},
        {"size with a sign", "+5\r\nhello\r\n0\r\n\r\n"},
        {"size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"},
        {"blank before the size", " 5\r\nhello\r\n0\r\n\r\n"},
        {"blank behind the size", "5 \r\nhello\r\n0\r\n\r\n"},
        {"size ended by a bare LF", "5\nhello\r\n0\r\n\r\n"},
        {"size ended by a bare CR", "5\rhello\r\n0\r\n\r\n"},
        {"size past 60 bits", "1000000000000000\r\nhello"},
        {"size that wraps around", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
        {"bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
        {"bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"},
        {"control character in an extension", "5;a\x01\r\nhello\r\n0\r\n\r\n"},
        {"data longer than its size", "4\r\nhello\r\n0\r\n\r\n"},
        {"data ended by a bare LF", "5\r\nhello\n0\r\n\r\n"},
        {"data not ended", "5\r\nhello0\r\n\r\n"},
        {"trailer without a colon", "0\r\nabc\r\n\r\n"},
        {"trailer folded", "0\r\na: b\r\n c\r\n\r\n"},
        {"trailer with a blank before its colon", "0\r\na : b\r\n\r\n"},
        {"trailer ended by a bare LF", "0\r\na: b\n\r\n"},
        {"trailer ended by a bare CR", "0\r\na: b\rc\r\n\r\n"},
        {"end by a bare LF", "0\r\n\n"},
        {"Transfer-Encoding for a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"Content-Length for a trailer", "0\r\ncontent-length: 5\r\n\r\n"},
        {"Host for a trailer", "0\r\nHost: a\r\n\r\n"},
        {"Authorization for a trailer", "0\r\nAuthorization: a\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len;
        note.text[0] = '\0';
        struct status status = read_chunked(slice_str(cases[i].bytes), 0, 100, &len);
        if (status.code != STATUS_INVALID) fail_msg("%s: %d", cases[i].why, status.code);
        if (note.text[0] == '\0') fail_msg("%s: refused without a word", cases[i].why);
        assert_false(http_body_is_drained(&body));
        assert_false(is_ok(http_body_drain(&body, 1000)));
    }
}

static void test_chunked_limits(void **state) {
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    size_t len;
    buf_append_str(&bytes, "0;");
    for (int i = 0; i < HTTP_CHUNK_EXTENSION_MAX + 1; i++) buf_append_char(&bytes, 'x');
    buf_append_str(&bytes, "\r\n\r\n");
    assert_int_equal(read_chunked(buf_slice(&bytes), 0, 9, &len).code, STATUS_TOO_LARGE);
    buf_clear(&bytes);
    buf_append_str(&bytes, "0\r\na:");
    for (int i = 0; i < HTTP_TRAILER_BYTES_MAX; i++) buf_append_char(&bytes, 'x');
    buf_append_str(&bytes, "\r\n\r\n");
    assert_int_equal(read_chunked(buf_slice(&bytes), 0, 9, &len).code, STATUS_TOO_LARGE);
    buf_clear(&bytes);
    buf_append_str(&bytes, "0\r\n");
    for (int i = 0; i < HTTP_TRAILERS_MAX + 1; i++) buf_append_str(&bytes, "a:\r\n");
    buf_append_str(&bytes, "\r\n");
    assert_int_equal(read_chunked(buf_slice(&bytes), 0, 9, &len).code, STATUS_TOO_LARGE);
    buf_clear(&bytes);
    for (int i = 0; i < 200; i++) {
        buf_append_str(&bytes, "1;");
        for (int k = 0; k < 1000; k++) buf_append_char(&bytes, 'x');
        buf_append_str(&bytes, "\r\ny\r\n");
    }
    assert_int_equal(read_chunked(buf_slice(&bytes), 0, 9, &len).code, STATUS_TOO_LARGE);
    buf_fini(&bytes);
}

static void test_drain(void **state) {
    (void)state;
    static char zeros[20000];
    slice_source_init(&raw, slice_of(zeros, sizeof zeros), 0);
    http_body_source_init_length(&body, 10000, &raw.source);
    assert_int_equal(http_body_drain(&body, 9999).code, STATUS_TOO_LARGE);
    assert_int_equal(raw.rest.len, sizeof zeros);
    assert_true(is_ok(http_body_drain(&body, 10000)));
    assert_true(http_body_is_drained(&body));
    assert_int_equal(raw.rest.len, 10000);
    assert_true(is_ok(http_body_drain(&body, 0)));
    slice_source_init(&raw, SLICE("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\nx"), 0);
    http_body_source_init_chunked(&body, &raw.source, &note);
    assert_int_equal(http_body_drain(&body, 9).code, STATUS_TOO_LARGE);
    slice_source_init(&raw, SLICE("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\nx"), 0);
    http_body_source_init_chunked(&body, &raw.source, &note);
    assert_true(is_ok(http_body_drain(&body, 10)));
    assert_int_equal(raw.rest.len, 1);
}

struct test_sink {
    struct sink sink;
    struct buf buf;
    size_t fail_at; /* fails once so many bytes were written */
};

static struct status test_sink_write(struct sink *sink, struct slice bytes) {
    struct test_sink *self = CONTAINER_OF(sink, struct test_sink, sink);
    if (self->fail_at > 0 && self->buf.len + bytes.len > self->fail_at) {
        return status_of(STATUS_CLOSED);
    }
    buf_append(&self->buf, bytes);
    return status_ok();
}

static struct status test_sink_send_file(struct sink *sink, int fd, uint64_t offset, uint64_t len) {
    struct test_sink *self = CONTAINER_OF(sink, struct test_sink, sink);
    buf_printf(&self->buf, "<%d %llu %llu>", fd, (unsigned long long)offset,
               (unsigned long long)len);
    return status_ok();
}

static const struct sink_ops write_ops = {.write = test_sink_write};
static const struct sink_ops file_ops = {.write = test_sink_write,
                                         .send_file = test_sink_send_file};

static void test_length_sink(void **state) {
    (void)state;
    struct test_sink out = {.sink = {&file_ops}};
    struct http_body_sink sink;
    buf_init(&out.buf, 1000);
    http_body_sink_init_length(&sink, 12, &out.sink);
    assert_true(is_ok(sink_write(&sink.sink, SLICE("hello"))));
    assert_true(is_ok(sink_write(&sink.sink, SLICE(""))));
    assert_false(http_body_sink_is_whole(&sink));
    assert_true(sink_can_send_file(&sink.sink));
    assert_true(is_ok(sink.sink.ops->send_file(&sink.sink, 3, 9, 7)));
    assert_true(is_ok(http_body_sink_end(&sink)));
    assert_true(http_body_sink_is_whole(&sink));
    assert_int_equal(sink.written, 12);
    assert_true(slice_eq(buf_slice(&out.buf), SLICE("hello<3 9 7>")));
    buf_fini(&out.buf);
}

static void test_length_sink_too_short(void **state) {
    (void)state;
    struct test_sink out = {.sink = {&write_ops}};
    struct http_body_sink sink;
    buf_init(&out.buf, 1000);
    http_body_sink_init_length(&sink, 6, &out.sink);
    assert_false(sink_can_send_file(&sink.sink));
    assert_true(is_ok(sink_write(&sink.sink, SLICE("hello"))));
    assert_int_equal(http_body_sink_end(&sink).code, STATUS_INVALID);
    assert_false(http_body_sink_is_whole(&sink));
    buf_fini(&out.buf);
}

static void test_chunked_sink_is_read_back(void **state) {
    (void)state;
    struct test_sink out = {.sink = {&write_ops}};
    struct http_body_sink sink;
    size_t len = 0;
    buf_init(&out.buf, 1000);
    http_body_sink_init_chunked(&sink, &out.sink);
    assert_true(is_ok(sink_write(&sink.sink, SLICE("hello, chunked"))));
    assert_true(is_ok(sink_write(&sink.sink, SLICE(""))));
    assert_true(is_ok(sink_write(&sink.sink, SLICE(" world, it is me"))));
    assert_true(is_ok(http_body_sink_end(&sink)));
    assert_true(slice_eq(buf_slice(&out.buf), SLICE("e\r\nhello, chunked\r\n10\r\n world, it is me"
                                                    "\r\n0\r\n\r\n")));
    assert_true(is_ok(read_chunked(buf_slice(&out.buf), 3, 5, &len)));
    assert_int_equal(len, 30);
    buf_fini(&out.buf);
}

static void test_failed_sink_is_not_whole(void **state) {
    (void)state;
    struct test_sink out = {.sink = {&write_ops}, .fail_at = 10};
    struct http_body_sink sink;
    buf_init(&out.buf, 1000);
    http_body_sink_init_length(&sink, 12, &out.sink);
    assert_true(is_ok(sink_write(&sink.sink, SLICE("hello"))));
    assert_int_equal(sink_write(&sink.sink, SLICE(", world")).code, STATUS_CLOSED);
    assert_false(http_body_sink_is_whole(&sink));
    buf_fini(&out.buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_no_body_is_drained_from_the_start),
        cmocka_unit_test(test_length_cut_off),
        cmocka_unit_test(test_chunked_never_reads_past_its_end),
        cmocka_unit_test(test_chunked_empty),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_every_prefix_of_chunked_is_cut_off),
        cmocka_unit_test(test_broken_framing),
        cmocka_unit_test(test_chunked_limits),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_length_sink),
        cmocka_unit_test(test_length_sink_too_short),
        cmocka_unit_test(test_chunked_sink_is_read_back),
        cmocka_unit_test(test_failed_sink_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
