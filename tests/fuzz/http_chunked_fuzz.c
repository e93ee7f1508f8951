/*
 * Any bytes as a chunked body: the outcome does not depend on the pieces it comes in, and no byte
 * behind its end is touched. The first two bytes are the sizes of the pieces.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1 << 20 };

struct outcome {
    enum status_code code;
    size_t rest_len; /* of the connection's bytes behind the body */
    struct buf content;
};

static struct status read_body(struct http_body_source *body, size_t cap, struct buf *content) {
    char piece[512];
    bool end = false;
    while (!end) {
        size_t len = 0;
        TRY(source_pull(&body->source, piece, cap, &len, &end));
        CHECK(len <= cap);
        buf_append(content, slice_of(piece, len));
    }
    CHECK(http_body_is_drained(body));
    CHECK(body->trailer_count <= HTTP_TRAILERS_MAX);
    return status_ok();
}

static struct outcome decode(struct slice bytes, size_t step, size_t cap) {
    struct outcome outcome;
    struct slice_source raw;
    struct http_body_source body;
    buf_init(&outcome.content, CONTENT_MAX);
    slice_source_init(&raw, bytes, step);
    http_body_source_init_chunked(&body, &raw.source, NULL);
    struct status status = read_body(&body, cap, &outcome.content);
    CHECK(is_ok(status) == http_body_is_drained(&body));
    outcome.code = status.code;
    outcome.rest_len = raw.rest.len;
    return outcome;
}

struct buf_sink {
    struct sink sink;
    struct buf *buf;
};

static struct status buf_sink_write(struct sink *sink, struct slice bytes) {
    buf_append(CONTAINER_OF(sink, struct buf_sink, sink)->buf, bytes);
    return status_ok();
}

static void check_round_trip(struct slice content, size_t piece) {
    static const struct sink_ops ops = {.write = buf_sink_write};
    struct buf framed;
    struct buf_sink out = {.sink = {&ops}, .buf = &framed};
    struct http_body_sink sink;
    buf_init(&framed, 16 * CONTENT_MAX);
    http_body_sink_init_chunked(&sink, &out.sink);
    for (struct slice rest = content; rest.len > 0;) {
        CHECK(is_ok(sink_write(&sink.sink, slice_take(rest, piece))));
        rest = slice_skip(rest, slice_take(rest, piece).len);
    }
    CHECK(is_ok(http_body_sink_end(&sink)));
    struct outcome back = decode(buf_slice(&framed), 0, 512);
    CHECK(back.code == STATUS_OK && slice_eq(buf_slice(&back.content), content));
    CHECK(back.rest_len == 0);
    buf_fini(&back.content);
    buf_fini(&framed);
}

static void check_exact_end(struct slice bytes, size_t used) {
    struct outcome exact = decode(slice_take(bytes, used), 1, 512);
    struct outcome cut = decode(slice_take(bytes, used - 1), 0, 512);
    CHECK(exact.code == STATUS_OK && exact.rest_len == 0);
    CHECK(cut.code == STATUS_CLOSED);
    buf_fini(&exact.content);
    buf_fini(&cut.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct slice bytes = slice_of(data + 2, size - 2);
    struct outcome whole = decode(bytes, 0, 512);
    struct outcome pieces = decode(bytes, data[0], 1 + data[1]);
    CHECK(whole.code == pieces.code);
    CHECK(slice_eq(buf_slice(&whole.content), buf_slice(&pieces.content)));
    if (whole.code == STATUS_OK) {
        CHECK(whole.rest_len == pieces.rest_len);
        check_exact_end(bytes, bytes.len - whole.rest_len);
        check_round_trip(buf_slice(&whole.content), 1 + data[1]);
    }
    buf_fini(&whole.content);
    buf_fini(&pieces.content);
    return 0;
}
