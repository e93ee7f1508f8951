#include <stdio.h>

#include "base/check.h"
#include "http/framing.h"

static struct http_body_sink *body_of(struct sink *sink) {
    return CONTAINER_OF(sink, struct http_body_sink, sink);
}

static struct status remember(struct http_body_sink *body, struct status status) {
    if (!is_ok(status)) body->failed = true;
    return status;
}

/* Announces `len` bytes of content: the size line of a chunk. */
static struct status begin_piece(struct http_body_sink *body, uint64_t len) {
    CHECK(!body->ended);
    body->written += len;
    if (!body->chunked) {
        CHECK(len <= body->left);
        body->left -= len;
        return status_ok();
    }
    char line[24];
    int line_len = snprintf(line, sizeof line, "%llx\r\n", (unsigned long long)len);
    return sink_write(body->raw, slice_of(line, (size_t)line_len));
}

static struct status end_piece(struct http_body_sink *body) {
    return body->chunked ? sink_write(body->raw, SLICE("\r\n")) : status_ok();
}

static struct status write_piece(struct http_body_sink *body, struct slice bytes) {
    TRY(begin_piece(body, bytes.len));
    TRY(sink_write(body->raw, bytes));
    return end_piece(body);
}

static struct status send_piece(struct http_body_sink *body, int fd, uint64_t offset,
                                uint64_t len) {
    TRY(begin_piece(body, len));
    TRY(body->raw->ops->send_file(body->raw, fd, offset, len));
    return end_piece(body);
}

/* A piece of no bytes says nothing; as a chunk it would be the last one. */
static struct status body_sink_write(struct sink *sink, struct slice bytes) {
    if (bytes.len == 0) return status_ok();
    return remember(body_of(sink), write_piece(body_of(sink), bytes));
}

static struct status body_sink_send_file(struct sink *sink, int fd, uint64_t offset, uint64_t len) {
    if (len == 0) return status_ok();
    return remember(body_of(sink), send_piece(body_of(sink), fd, offset, len));
}

static const struct sink_ops write_only_ops = {.write = body_sink_write};
static const struct sink_ops send_file_ops = {.write = body_sink_write,
                                              .send_file = body_sink_send_file};

static void body_sink_init(struct http_body_sink *body, bool chunked, uint64_t left,
                           struct sink *raw) {
    *body = (struct http_body_sink){
        .sink = {sink_can_send_file(raw) ? &send_file_ops : &write_only_ops},
        .raw = raw,
        .chunked = chunked,
        .left = left,
    };
}

void http_body_sink_init_length(struct http_body_sink *body, uint64_t content_length,
                                struct sink *raw) {
    body_sink_init(body, false, content_length, raw);
}

void http_body_sink_init_chunked(struct http_body_sink *body, struct sink *raw) {
    body_sink_init(body, true, 0, raw);
}

struct status http_body_sink_end(struct http_body_sink *body) {
    CHECK(!body->ended);
    if (body->left > 0) return remember(body, status_of(STATUS_INVALID));
    if (body->chunked) TRY(remember(body, sink_write(body->raw, SLICE("0\r\n\r\n"))));
    body->ended = true;
    return status_ok();
}

bool http_body_sink_is_whole(const struct http_body_sink *body) {
    return body->ended && !body->failed;
}
