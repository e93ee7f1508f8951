#include "http/framing.h"

#include "base/check.h"

static const struct source_ops body_source_ops;

static void body_source_clear(struct http_body_source *body, struct source *raw,
                              struct note *note) {
    /* The bytes of the trailers need no clearing. */
    memset(body, 0, offsetof(struct http_body_source, trailer_bytes));
    body->trailer_count = 0;
    body->source.ops = &body_source_ops;
    body->raw = raw;
    body->note = note;
}

void http_body_source_init_length(struct http_body_source *body, uint64_t content_length,
                                  struct source *raw) {
    body_source_clear(body, raw, NULL);
    body->left = content_length;
    body->state = content_length > 0 ? HTTP_BODY_DATA : HTTP_BODY_DRAINED;
}

void http_body_source_init_chunked(struct http_body_source *body, struct source *raw,
                                   struct note *note) {
    body_source_clear(body, raw, note);
    body->chunked = true;
    body->state = HTTP_BODY_CHUNK_SIZE;
}

void http_body_source_init(struct http_body_source *body, const struct http_head *head,
                           struct source *raw, struct note *note) {
    if (head->body == HTTP_BODY_CHUNKED) {
        http_body_source_init_chunked(body, raw, note);
        return;
    }
    uint64_t length = head->body == HTTP_BODY_LENGTH ? head->content_length : 0;
    http_body_source_init_length(body, length, raw);
    body->note = note;
}

static struct status broken(struct http_body_source *body, const char *what) {
    return note_status(body->note, STATUS_INVALID, "%s", what);
}

/*
 * How many bytes of this body are still to come at the very least: so many can be asked for at once
 * without touching the next request. A whole end is "\r\n" "0\r\n" "\r\n".
 */
static size_t framing_bytes_left(const struct http_body_source *body) {
    bool at_line_begin = body->trailer_len == body->trailer_line;
    switch (body->state) {
        case HTTP_BODY_CHUNK_END_CR:
            return 7;
        case HTTP_BODY_CHUNK_END_LF:
            return 6;
        case HTTP_BODY_CHUNK_SIZE:
            return body->size_digits == 0 ? 5 : 4;
        case HTTP_BODY_CHUNK_EXTENSION:
            return 4;
        case HTTP_BODY_CHUNK_SIZE_LF:
            return 3;
        case HTTP_BODY_TRAILER:
            return at_line_begin ? 2 : 4;
        case HTTP_BODY_TRAILER_LF:
            return at_line_begin ? 1 : 3;
        default:
            return 1;
    }
}

/* Pulls from the connection; what it has not given after its end, it never will. */
static struct status pull_raw(struct http_body_source *body, void *buffer, size_t cap,
                              size_t *ret_len) {
    if (body->raw_ended) return note_status(body->note, STATUS_CLOSED, "the body ended too early");
    return source_pull(body->raw, buffer, cap, ret_len, &body->raw_ended);
}

static struct status next_framing_byte(struct http_body_source *body, char *ret_byte) {
    while (body->ahead_at == body->ahead_len) {
        size_t len = 0;
        TRY(pull_raw(body, body->ahead, framing_bytes_left(body), &len));
        body->ahead_at = 0;
        body->ahead_len = (unsigned)len;
    }
    *ret_byte = body->ahead[body->ahead_at++];
    return status_ok();
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static struct status on_chunk_size(struct http_body_source *body, char c) {
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (body->size_digits == HTTP_CHUNK_SIZE_DIGITS_MAX) {
            return broken(body, "a chunk size has too many digits");
        }
        body->size_digits++;
        body->left = body->left * 16 + (unsigned)digit;
        return status_ok();
    }
    if (body->size_digits == 0) return broken(body, "a chunk size is missing");
    if (c != '\r' && c != ';') return broken(body, "a chunk size is malformed");
    body->extension_bytes = 0;
    body->state = c == '\r' ? HTTP_BODY_CHUNK_SIZE_LF : HTTP_BODY_CHUNK_EXTENSION;
    return status_ok();
}

/* Extensions mean nothing to us; a line feed in one means different things to different readers. */
static struct status on_chunk_extension(struct http_body_source *body, char c) {
    if (c == '\r') {
        body->state = HTTP_BODY_CHUNK_SIZE_LF;
        return status_ok();
    }
    if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f) {
        return broken(body, "a chunk extension has a control character");
    }
    body->extension_bytes++;
    body->extensions_bytes++;
    if (body->extension_bytes > HTTP_CHUNK_EXTENSION_MAX ||
        body->extensions_bytes > HTTP_CHUNK_EXTENSIONS_MAX) {
        return note_status(body->note, STATUS_TOO_LARGE, "the chunk extensions are too long");
    }
    return status_ok();
}

static struct status on_chunk_size_lf(struct http_body_source *body, char c) {
    if (c != '\n') return broken(body, "a chunk size does not end in CRLF");
    body->state = body->left > 0 ? HTTP_BODY_DATA : HTTP_BODY_TRAILER;
    return status_ok();
}

static struct status on_chunk_end(struct http_body_source *body, char c) {
    bool at_cr = body->state == HTTP_BODY_CHUNK_END_CR;
    if (c != (at_cr ? '\r' : '\n')) return broken(body, "a chunk is longer than its size says");
    body->state = at_cr ? HTTP_BODY_CHUNK_END_LF : HTTP_BODY_CHUNK_SIZE;
    body->size_digits = 0;
    return status_ok();
}

/* RFC 9110 section 6.5.1: fields that steer how a message is read don't come behind it. */
static bool is_forbidden_in_trailer(struct slice name) {
    static const struct slice names[] = {
        {"transfer-encoding", 17},
        {"content-length", 14},
        {"host", 4},
        {"connection", 10},
        {"te", 2},
        {"trailer", 7},
        {"upgrade", 7},
        {"expect", 6},
        {"authorization", 13},
        {"content-encoding", 16},
        {"content-type", 12},
        {"content-range", 13},
        {"range", 5},
        {"max-forwards", 12},
        {"cookie", 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(names[i], name)) return true;
    }
    return false;
}

static struct status end_trailer_line(struct http_body_source *body) {
    struct slice line =
        slice_of(body->trailer_bytes + body->trailer_line, body->trailer_len - body->trailer_line);
    if (line.len == 0) {
        body->state = HTTP_BODY_DRAINED;
        return status_ok();
    }
    if (body->trailer_count == HTTP_TRAILERS_MAX) {
        return note_status(body->note, STATUS_TOO_LARGE, "there are too many trailers");
    }
    struct http_header *trailer = &body->trailers[body->trailer_count];
    if (!http_header_parse(line, trailer)) return broken(body, "a trailer is malformed");
    if (is_forbidden_in_trailer(trailer->name)) {
        return broken(body, "a trailer has a name that belongs into the head");
    }
    body->trailer_count++;
    body->trailer_line = body->trailer_len;
    body->state = HTTP_BODY_TRAILER;
    return status_ok();
}

static struct status on_trailer(struct http_body_source *body, char c) {
    if (c == '\r') {
        body->state = HTTP_BODY_TRAILER_LF;
        return status_ok();
    }
    if (c == '\n') return broken(body, "a trailer does not end in CRLF");
    if (body->trailer_len == HTTP_TRAILER_BYTES_MAX) {
        return note_status(body->note, STATUS_TOO_LARGE, "the trailers are too long");
    }
    body->trailer_bytes[body->trailer_len++] = c;
    return status_ok();
}

static struct status on_framing_byte(struct http_body_source *body, char c) {
    switch (body->state) {
        case HTTP_BODY_CHUNK_SIZE:
            return on_chunk_size(body, c);
        case HTTP_BODY_CHUNK_EXTENSION:
            return on_chunk_extension(body, c);
        case HTTP_BODY_CHUNK_SIZE_LF:
            return on_chunk_size_lf(body, c);
        case HTTP_BODY_CHUNK_END_CR:
        case HTTP_BODY_CHUNK_END_LF:
            return on_chunk_end(body, c);
        case HTTP_BODY_TRAILER:
            return on_trailer(body, c);
        case HTTP_BODY_TRAILER_LF:
            if (c != '\n') return broken(body, "a trailer does not end in CRLF");
            return end_trailer_line(body);
        case HTTP_BODY_DATA:
        case HTTP_BODY_DRAINED:
        case HTTP_BODY_BROKEN:
            break;
    }
    CHECK(!"a framing byte where there is none");
    return status_of(STATUS_INVALID);
}

/* Content: what was read ahead first, then straight from the connection. */
static struct status pull_content(struct http_body_source *body, void *buffer, size_t cap,
                                  size_t *ret_len) {
    if (cap > body->left) cap = (size_t)body->left;
    size_t len = body->ahead_len - body->ahead_at;
    if (len > 0) {
        if (len > cap) len = cap;
        memcpy(buffer, body->ahead + body->ahead_at, len);
        body->ahead_at += (unsigned)len;
    } else {
        TRY(pull_raw(body, buffer, cap, &len));
        CHECK(len <= cap);
    }
    body->left -= len;
    if (body->left == 0) body->state = body->chunked ? HTTP_BODY_CHUNK_END_CR : HTTP_BODY_DRAINED;
    *ret_len = len;
    return status_ok();
}

static struct status pull_body(struct http_body_source *body, void *buffer, size_t cap,
                               size_t *ret_len) {
    if (body->state == HTTP_BODY_BROKEN) return status_of(STATUS_CLOSED);
    while (body->state != HTTP_BODY_DATA && body->state != HTTP_BODY_DRAINED) {
        char c;
        TRY(next_framing_byte(body, &c));
        TRY(on_framing_byte(body, c));
    }
    if (body->state == HTTP_BODY_DATA) return pull_content(body, buffer, cap, ret_len);
    *ret_len = 0;
    return status_ok();
}

static struct status body_source_pull(struct source *source, void *buffer, size_t cap,
                                      size_t *ret_len, bool *ret_end) {
    struct http_body_source *body = CONTAINER_OF(source, struct http_body_source, source);
    struct status status = pull_body(body, buffer, cap, ret_len);
    if (!is_ok(status)) {
        body->state = HTTP_BODY_BROKEN;
        return status;
    }
    bool drained = body->state == HTTP_BODY_DRAINED;
    CHECK(!drained || body->ahead_at == body->ahead_len);
    *ret_end = drained;
    return status;
}

static const struct source_ops body_source_ops = {.pull = body_source_pull};

bool http_body_is_drained(const struct http_body_source *body) {
    return body->state == HTTP_BODY_DRAINED;
}

struct status http_body_drain(struct http_body_source *body, uint64_t max_bytes) {
    if (!body->chunked && body->left > max_bytes) return status_of(STATUS_TOO_LARGE);
    char dropped[8192];
    uint64_t total = 0;
    while (!http_body_is_drained(body)) {
        size_t len;
        bool end;
        TRY(source_pull(&body->source, dropped, sizeof dropped, &len, &end));
        total += len;
        if (total > max_bytes) return status_of(STATUS_TOO_LARGE);
    }
    return status_ok();
}

struct slice http_body_trailer(const struct http_body_source *body, struct slice name) {
    for (size_t i = 0; i < body->trailer_count && body->state == HTTP_BODY_DRAINED; i++) {
        if (slice_eq_nocase(body->trailers[i].name, name)) return body->trailers[i].value;
    }
    return (struct slice){0};
}
