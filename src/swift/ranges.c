#include "swift/ranges.h"

#include <stdio.h>

#include "base/check.h"
#include "crypto/digest.h"

enum { PART_HEAD_MAX = 20 * 1024 };

static void say_content_range(struct swift_call *call, const struct http_range *range,
                              uint64_t size) {
    struct buf text;
    char storage[96];
    buf_init_fixed(&text, storage, sizeof storage);
    if (range != NULL) {
        http_content_range(&text, *range, size);
    } else {
        http_content_range_unsatisfied(&text, size);
    }
    http_response_set(&call->response, SLICE("Content-Range"), buf_slice(&text));
}

/* Nobody who wrote the object could know it: it is of the request's own id. */
static void make_boundary(struct swift_call *call, struct swift_ranges *ranges) {
    unsigned char digest[DIGEST_SHA256_LEN];
    digest_sha256(call->trans_id, digest);
    for (size_t i = 0; i < SWIFT_BOUNDARY_LEN / 2; i++) {
        snprintf(ranges->boundary + 2 * i, 3, "%02x", digest[i]);
    }
}

static struct status take_parts(struct swift_call *call, struct swift_ranges *ranges) {
    struct slice type = http_response_find(&call->response, SLICE("Content-Type"));
    ranges->type = arena_dup(call->arena, type);
    ranges->is_multipart = ranges->ranges.count > 1;
    call->response.status = 206;
    if (!ranges->is_multipart) {
        say_content_range(call, &ranges->ranges.items[0], ranges->size);
        return arena_ok(call->arena);
    }
    make_boundary(call, ranges);
    http_response_setf(&call->response, "Content-Type", "multipart/byteranges;boundary=%s",
                       ranges->boundary);
    return arena_ok(call->arena);
}

struct status swift_ranges_choose(struct swift_call *call, uint64_t size, bool all,
                                  struct swift_ranges *ret_ranges) {
    struct slice header = swift_header(call, "range");
    ret_ranges->size = size;
    ret_ranges->is_multipart = false;
    enum http_range_verdict verdict = HTTP_RANGE_WHOLE;
    /* Spec: RFC 9110 section 14.2: Range is for GET only. */
    if (!all && call->head->method == HTTP_GET) {
        verdict = http_ranges_resolve(header, size, &ret_ranges->ranges);
    }
    if (verdict == HTTP_RANGE_PART) return take_parts(call, ret_ranges);
    ret_ranges->ranges.count = 1;
    ret_ranges->ranges.items[0] = (struct http_range){0, size};
    if (verdict == HTTP_RANGE_WHOLE) return status_ok();
    say_content_range(call, NULL, size);
    return swift_refuse_with_headers(call, 416);
}

/* What stands before the bytes of part `i`. */
static void part_head(const struct swift_ranges *ranges, size_t i, struct buf *out) {
    buf_printf(out, "%s--%s\r\nContent-Type: %.*s\r\nContent-Range: ", i > 0 ? "\r\n" : "",
               ranges->boundary, SLICE_FMT(ranges->type));
    http_content_range(out, ranges->ranges.items[i], ranges->size);
    buf_append_str(out, "\r\n\r\n");
    CHECK(is_ok(buf_ok(out)));
}

static void last_line(const struct swift_ranges *ranges, struct buf *out) {
    buf_printf(out, "\r\n--%s--", ranges->boundary);
}

uint64_t swift_ranges_length(const struct swift_ranges *ranges) {
    char storage[PART_HEAD_MAX];
    struct buf text;
    uint64_t length = 0;
    for (size_t i = 0; i < ranges->ranges.count; i++) {
        length += ranges->ranges.items[i].len;
        if (!ranges->is_multipart) continue;
        buf_init_fixed(&text, storage, sizeof storage);
        part_head(ranges, i, &text);
        length += text.len;
    }
    if (!ranges->is_multipart) return length;
    buf_init_fixed(&text, storage, sizeof storage);
    last_line(ranges, &text);
    return length + text.len;
}

struct status swift_ranges_send(const struct swift_ranges *ranges, struct object_reader *reader,
                                struct sink *sink) {
    char storage[PART_HEAD_MAX];
    struct buf text;
    for (size_t i = 0; i < ranges->ranges.count; i++) {
        const struct http_range *range = &ranges->ranges.items[i];
        if (ranges->is_multipart) {
            buf_init_fixed(&text, storage, sizeof storage);
            part_head(ranges, i, &text);
            TRY(sink_write(sink, buf_slice(&text)));
        }
        TRY(object_reader_send(reader, range->first, range->len, sink));
    }
    if (!ranges->is_multipart) return status_ok();
    buf_init_fixed(&text, storage, sizeof storage);
    last_line(ranges, &text);
    return sink_write(sink, buf_slice(&text));
}
