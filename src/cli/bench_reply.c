#include "cli/bench_reply.h"

#include <stddef.h>

#include "http/head.h"
#include "http/text.h"

void bench_reply_begin(struct bench_reply *reply, bool is_head) {
    /* The bytes of line and error need no clearing. */
    memset(reply, 0, offsetof(struct bench_reply, line));
    reply->error_len = 0;
    reply->is_head = is_head;
}

static void bad(struct bench_reply *reply) {
    reply->state = BENCH_REPLY_BAD;
}

/* RFC 9112 section 4: "HTTP/1.1 200 OK"; the reason may be absent. */
static void take_status_line(struct bench_reply *reply, struct slice line) {
    uint64_t status;
    bool whole = line.len >= 12 && slice_starts_with(line, SLICE("HTTP/1.")) &&
                 line.ptr[8] == ' ' && (line.len == 12 || line.ptr[12] == ' ') &&
                 slice_parse_u64(slice_take(slice_skip(line, 9), 3), &status) && status >= 100;
    if (!whole) {
        bad(reply);
        return;
    }
    reply->status = (int)status;
    reply->keeps = line.ptr[7] == '1';
    reply->state = BENCH_REPLY_HEADERS;
}

static void body_begin(struct bench_reply *reply) {
    bool none = reply->is_head || reply->status == 204 || reply->status == 304;
    if (reply->status < 200) {
        /* RFC 9110 section 15.2: interim; the response itself is still to come. */
        size_t head_len = reply->head_len;
        bench_reply_begin(reply, reply->is_head);
        reply->head_len = head_len;
    } else if (none || (reply->has_length && !reply->chunked && reply->left == 0)) {
        reply->state = BENCH_REPLY_DONE;
    } else if (reply->chunked) {
        reply->state = BENCH_REPLY_CHUNK_SIZE;
    } else if (reply->has_length) {
        reply->state = BENCH_REPLY_BODY;
    } else {
        reply->state = BENCH_REPLY_UNTIL_CLOSE;
        reply->keeps = false;
    }
}

static void take_connection(struct bench_reply *reply, struct slice value) {
    struct slice element;
    while (http_list_next(&value, &element)) {
        if (slice_eq_nocase(element, SLICE("close"))) reply->keeps = false;
        if (slice_eq_nocase(element, SLICE("keep-alive"))) reply->keeps = true;
    }
}

static void take_header_line(struct bench_reply *reply, struct slice line) {
    struct http_header header;
    if (line.len == 0) {
        body_begin(reply);
        return;
    }
    /* Only names that begin with C or T matter. */
    char first = (char)(line.ptr[0] | 0x20);
    if ((first != 'c' && first != 't') || !http_header_parse(line, &header)) return;
    if (slice_eq_nocase(header.name, SLICE("content-length"))) {
        if (reply->has_length || !slice_parse_u64(header.value, &reply->left)) bad(reply);
        reply->has_length = true;
    } else if (slice_eq_nocase(header.name, SLICE("transfer-encoding"))) {
        reply->chunked = slice_eq_nocase(header.value, SLICE("chunked"));
        if (!reply->chunked) bad(reply);
    } else if (slice_eq_nocase(header.name, SLICE("connection"))) {
        take_connection(reply, header.value);
    }
}

static void take_chunk_size(struct bench_reply *reply, struct slice line) {
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line.len && digits < 15; digits++) {
        char c = line.ptr[digits];
        char lower = (char)(c | 0x20);
        bool is_letter = lower >= 'a' && lower <= 'f';
        if (!is_letter && (c < '0' || c > '9')) break;
        size = size << 4 | (uint64_t)(is_letter ? lower - 'a' + 10 : c - '0');
    }
    bool ends = digits == line.len || strchr("; \t", line.ptr[digits]) != NULL;
    if (digits == 0 || !ends) {
        bad(reply);
        return;
    }
    reply->left = size;
    reply->state = size == 0 ? BENCH_REPLY_TRAILERS : BENCH_REPLY_CHUNK;
}

/* A line of a head or of the chunked framing, without its end. */
static void take_line(struct bench_reply *reply, struct slice line) {
    switch (reply->state) {
        case BENCH_REPLY_STATUS_LINE:
            take_status_line(reply, line);
            return;
        case BENCH_REPLY_HEADERS:
            take_header_line(reply, line);
            return;
        case BENCH_REPLY_CHUNK_SIZE:
            take_chunk_size(reply, line);
            return;
        case BENCH_REPLY_CHUNK_END:
            reply->state = line.len == 0 ? BENCH_REPLY_CHUNK_SIZE : BENCH_REPLY_BAD;
            return;
        case BENCH_REPLY_TRAILERS:
            if (line.len == 0) reply->state = BENCH_REPLY_DONE;
            return;
        default:
            bad(reply);
    }
}

/* Keeps the beginning of a line whose end has not come yet. */
static void keep_line(struct bench_reply *reply, struct slice bytes) {
    bytes = slice_take(bytes, sizeof reply->line - reply->line_len);
    memcpy(reply->line + reply->line_len, bytes.ptr, bytes.len);
    reply->line_len += bytes.len;
}

static size_t take_line_bytes(struct bench_reply *reply, struct slice bytes) {
    size_t end = slice_find_char(bytes, '\n');
    size_t used = end < bytes.len ? end + 1 : bytes.len;
    /* However it comes in, of a long line no more than this counts. */
    struct slice line = slice_take(slice_take(bytes, end), BENCH_REPLY_LINE_MAX);
    reply->head_len += used;
    /* Chunked framing is bounded by its body; everything else counts as head. */
    if (reply->state == BENCH_REPLY_CHUNK_SIZE || reply->state == BENCH_REPLY_CHUNK_END) {
        reply->head_len = 0;
    }
    if (reply->head_len > BENCH_REPLY_HEAD_MAX) {
        bad(reply);
        return used;
    }
    if (end == bytes.len || reply->line_len > 0) {
        keep_line(reply, line);
        line = slice_of(reply->line, reply->line_len);
        if (end == bytes.len) return used;
    }
    reply->line_len = 0;
    if (slice_ends_with(line, SLICE("\r"))) line.len--;
    take_line(reply, line);
    return used;
}

static size_t take_body_bytes(struct bench_reply *reply, struct slice bytes) {
    bool endless = reply->state == BENCH_REPLY_UNTIL_CLOSE;
    size_t used = endless || reply->left > bytes.len ? bytes.len : (size_t)reply->left;
    if (reply->status >= 300 && reply->error_len < sizeof reply->error) {
        struct slice kept =
            slice_take(slice_take(bytes, used), sizeof reply->error - reply->error_len);
        memcpy(reply->error + reply->error_len, kept.ptr, kept.len);
        reply->error_len += kept.len;
    }
    reply->body_bytes += used;
    if (endless) return used;
    reply->left -= used;
    if (reply->left > 0) return used;
    reply->state = reply->state == BENCH_REPLY_CHUNK ? BENCH_REPLY_CHUNK_END : BENCH_REPLY_DONE;
    return used;
}

size_t bench_reply_take(struct bench_reply *reply, struct slice bytes) {
    size_t used = 0;
    while (used < bytes.len && reply->state < BENCH_REPLY_DONE) {
        struct slice rest = slice_skip(bytes, used);
        bool in_body = reply->state == BENCH_REPLY_BODY || reply->state == BENCH_REPLY_CHUNK ||
                       reply->state == BENCH_REPLY_UNTIL_CLOSE;
        used += in_body ? take_body_bytes(reply, rest) : take_line_bytes(reply, rest);
    }
    return used;
}

void bench_reply_closed(struct bench_reply *reply) {
    if (reply->state == BENCH_REPLY_UNTIL_CLOSE) {
        reply->state = BENCH_REPLY_DONE;
    } else if (reply->state != BENCH_REPLY_DONE) {
        bad(reply);
    }
    reply->keeps = false;
}

void bench_reply_error_code(const struct bench_reply *reply, char *out) {
    struct slice body = slice_of(reply->error, reply->error_len);
    size_t at = slice_find(body, SLICE("<Code>"), 0);
    size_t len = 0;
    for (at += 6; at < body.len && len + 1 < BENCH_REPLY_CODE_MAX; at++) {
        char c = body.ptr[at];
        bool is_word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
        if (!is_word) break;
        out[len++] = c;
    }
    out[len] = 0;
}
