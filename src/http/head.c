#include "http/head.h"

#include "http/text.h"
#include "http/url.h"

struct parser {
    struct slice bytes; /* at most HTTP_HEAD_MAX */
    size_t at;
    struct note *note;
};

static enum http_head_verdict refuse(struct note *note, enum http_head_verdict verdict,
                                     const char *what) {
    note_set(note, "%s", what);
    return verdict;
}

static enum http_head_verdict bad(struct note *note, const char *what) {
    return refuse(note, HTTP_HEAD_BAD, what);
}

/* The length of the empty lines that `bytes` begins with. */
static size_t empty_lines_len(struct slice bytes) {
    size_t len = 0;
    while (bytes.len - len >= 2 && bytes.ptr[len] == '\r' && bytes.ptr[len + 1] == '\n') len += 2;
    return len;
}

/* What can be said of a line whose end is not here yet. */
static enum http_head_verdict judge_unfinished(struct slice line, struct note *note) {
    size_t cr = slice_find_char(line, '\r');
    if (cr + 1 < line.len) return bad(note, "a carriage return stands alone");
    if (slice_find_char(line, '\0') < line.len) return bad(note, "a NUL byte is in the head");
    return HTTP_HEAD_PARTIAL;
}

/*
 * Takes the next line, without its CRLF; COMPLETE when there is one. RFC 9112 section 2.2 lets a
 * recipient take a bare LF for a line's end. We don't: whoever stands before us may not.
 */
static enum http_head_verdict next_line(struct parser *p, struct slice *ret_line) {
    struct slice rest = slice_skip(p->bytes, p->at);
    size_t lf = slice_find_char(rest, '\n');
    if (lf == rest.len) return judge_unfinished(rest, p->note);
    if (lf == 0 || rest.ptr[lf - 1] != '\r') return bad(p->note, "a line ends without CRLF");
    *ret_line = slice_take(rest, lf - 1);
    p->at += lf + 1;
    return HTTP_HEAD_COMPLETE;
}

static enum http_method method_of(struct slice text) {
    static const struct {
        struct slice text;
        enum http_method method;
    } methods[] = {
        {{"GET", 3}, HTTP_GET},   {{"HEAD", 4}, HTTP_HEAD},     {{"PUT", 3}, HTTP_PUT},
        {{"POST", 4}, HTTP_POST}, {{"DELETE", 6}, HTTP_DELETE}, {{"OPTIONS", 7}, HTTP_OPTIONS},
        {{"COPY", 4}, HTTP_COPY},
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (slice_eq(methods[i].text, text)) return methods[i].method;
    }
    return HTTP_OTHER;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static enum http_head_verdict parse_version(struct slice text, struct http_head *head,
                                            struct note *note) {
    if (text.len != 8 || !slice_starts_with(text, SLICE("HTTP/")) || !is_digit(text.ptr[5]) ||
        text.ptr[6] != '.' || !is_digit(text.ptr[7])) {
        return bad(note, "the request line does not end in an HTTP version");
    }
    if (text.ptr[5] != '1') {
        return refuse(note, HTTP_HEAD_BAD_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    /* RFC 9110 section 2.5: a higher minor version is taken for the highest one known. */
    head->minor_version = text.ptr[7] == '0' ? 0 : 1;
    return HTTP_HEAD_COMPLETE;
}

static bool is_target(struct slice target) {
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c == 0x7f) return false;
    }
    return target.len > 0;
}

static void split_path(struct slice text, struct http_head *head) {
    slice_cut(text, '?', &head->path, &head->query);
}

/* RFC 9112 section 3.2.2. */
static bool parse_absolute_form(struct slice rest, struct http_head *head) {
    size_t slash = slice_find_char(rest, '/');
    size_t mark = slice_find_char(rest, '?');
    size_t end = slash < mark ? slash : mark;
    head->authority = slice_take(rest, end);
    split_path(slice_skip(rest, end), head);
    struct slice host;
    struct slice port;
    if (!http_authority_split(head->authority, &host, &port) || host.len == 0) return false;
    if (head->path.len > 0) return true;
    /* RFC 9112 section 3.2.4: OPTIONS of an empty path is OPTIONS of the server. */
    bool asterisk = head->method == HTTP_OPTIONS && mark == rest.len;
    head->path = asterisk ? SLICE("*") : SLICE("/");
    return true;
}

static bool parse_target(struct slice target, struct http_head *head) {
    head->target = target;
    if (target.ptr[0] == '/') {
        split_path(target, head);
        return true;
    }
    if (head->method == HTTP_OPTIONS && slice_eq(target, SLICE("*"))) {
        head->path = target;
        return true;
    }
    static const struct slice schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (slice_starts_with_nocase(target, schemes[i])) {
            return parse_absolute_form(slice_skip(target, schemes[i].len), head);
        }
    }
    return false;
}

/* RFC 9112 section 3: exactly one space between the parts, none at the ends. */
static enum http_head_verdict parse_request_line(struct slice line, struct http_head *head,
                                                 struct note *note) {
    struct slice rest;
    struct slice target;
    struct slice version;
    if (!slice_cut(line, ' ', &head->method_text, &rest) ||
        !slice_cut(rest, ' ', &target, &version)) {
        return bad(note, "the request line is not method, target and version");
    }
    if (!http_is_token(head->method_text)) return bad(note, "the method is not a token");
    head->method = method_of(head->method_text);
    enum http_head_verdict verdict = parse_version(version, head, note);
    if (verdict != HTTP_HEAD_COMPLETE) return verdict;
    if (target.len > HTTP_TARGET_MAX) {
        return refuse(note, HTTP_HEAD_TOO_LARGE, "the request target is too long");
    }
    if (!is_target(target) || !parse_target(target, head)) {
        return bad(note, "the request target is malformed");
    }
    return HTTP_HEAD_COMPLETE;
}

bool http_header_parse(struct slice line, struct http_header *ret_header) {
    struct slice name;
    struct slice value;
    if (!slice_cut(line, ':', &name, &value)) return false;
    if (!http_is_token(name) || !http_is_field_value(value)) return false;
    *ret_header = (struct http_header){name, slice_trim(value)};
    return true;
}

static enum http_head_verdict add_header(struct slice line, struct http_head *head,
                                         struct note *note) {
    /* RFC 9112 section 5.2: obs-fold is refused, not unfolded. */
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') return bad(note, "a header line is folded");
    if (head->header_count == HTTP_HEADERS_MAX) {
        return refuse(note, HTTP_HEAD_TOO_LARGE, "there are too many headers");
    }
    if (!http_header_parse(line, &head->headers[head->header_count])) {
        return bad(note, "a header line is malformed");
    }
    head->header_count++;
    return HTTP_HEAD_COMPLETE;
}

/* RFC 9112 section 3.2: one Host in HTTP/1.1; an absolute-form target stands above it. */
static enum http_head_verdict read_host(struct http_head *head, struct note *note) {
    size_t count = http_head_count(head, SLICE("host"));
    if (count > 1) return bad(note, "there are several Host headers");
    if (count == 0 && head->minor_version > 0) return bad(note, "there is no Host header");
    if (count == 0) return HTTP_HEAD_COMPLETE;
    struct slice value = http_head_find(head, SLICE("host"));
    struct slice host;
    struct slice port;
    if (!http_authority_split(value, &host, &port)) return bad(note, "the Host is malformed");
    if (head->authority.len == 0) head->authority = value;
    return HTTP_HEAD_COMPLETE;
}

static enum http_head_verdict read_transfer_encoding(struct http_head *head, struct note *note) {
    if (head->minor_version == 0) return bad(note, "HTTP/1.0 has no Transfer-Encoding");
    if (http_head_count(head, SLICE("transfer-encoding")) > 1) {
        return bad(note, "there are several Transfer-Encoding headers");
    }
    struct slice value = http_head_find(head, SLICE("transfer-encoding"));
    if (!slice_eq_nocase(value, SLICE("chunked"))) {
        return refuse(note, HTTP_HEAD_UNSUPPORTED, "no Transfer-Encoding but chunked is known");
    }
    head->body = HTTP_BODY_CHUNKED;
    return HTTP_HEAD_COMPLETE;
}

static enum http_head_verdict read_content_length(struct http_head *head, struct note *note) {
    if (http_head_count(head, SLICE("content-length")) > 1) {
        return bad(note, "there are several Content-Length headers");
    }
    struct slice value = http_head_find(head, SLICE("content-length"));
    uint64_t length;
    if (!slice_parse_u64(value, &length) || length > INT64_MAX) {
        return bad(note, "the Content-Length is not a length");
    }
    head->body = HTTP_BODY_LENGTH;
    head->content_length = length;
    return HTTP_HEAD_COMPLETE;
}

/* RFC 9112 section 6.3. Both together are refused: two readers may take different ones. */
static enum http_head_verdict read_framing(struct http_head *head, struct note *note) {
    bool encoded = http_head_count(head, SLICE("transfer-encoding")) > 0;
    bool measured = http_head_count(head, SLICE("content-length")) > 0;
    if (encoded && measured) {
        return bad(note, "both Content-Length and Transfer-Encoding are given");
    }
    if (encoded) return read_transfer_encoding(head, note);
    if (measured) return read_content_length(head, note);
    return HTTP_HEAD_COMPLETE;
}

/*
 * RFC 9110 section 10.1.1: HTTP/1.0 has no expectations. One that nobody knows may be refused with
 * 417 or passed over; S3 passes it over.
 */
static enum http_head_verdict read_expect(struct http_head *head, struct note *note) {
    (void)note;
    for (size_t i = 0; i < head->header_count && head->minor_version > 0; i++) {
        if (!slice_eq_nocase(head->headers[i].name, SLICE("expect"))) continue;
        struct slice list = head->headers[i].value;
        struct slice element;
        while (http_list_next(&list, &element)) {
            if (slice_eq_nocase(element, SLICE("100-continue"))) head->expect_continue = true;
        }
    }
    return HTTP_HEAD_COMPLETE;
}

/* RFC 9112 section 9.3. */
static enum http_head_verdict read_connection(struct http_head *head, struct note *note) {
    (void)note;
    bool close = http_head_has_token(head, SLICE("connection"), SLICE("close"));
    bool keep = http_head_has_token(head, SLICE("connection"), SLICE("keep-alive"));
    head->keep_alive = !close && (head->minor_version > 0 || keep);
    return HTTP_HEAD_COMPLETE;
}

static enum http_head_verdict read_headers(struct http_head *head, struct note *note) {
    static enum http_head_verdict (*const readers[])(struct http_head *, struct note *) = {
        read_host, read_framing, read_expect, read_connection};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        enum http_head_verdict verdict = readers[i](head, note);
        if (verdict != HTTP_HEAD_COMPLETE) return verdict;
    }
    return HTTP_HEAD_COMPLETE;
}

static void clear(struct http_head *head) {
    /* The table of headers is large and is written before it is read. */
    memset(head, 0, offsetof(struct http_head, headers));
}

static enum http_head_verdict parse_lines(struct parser *p, struct http_head *head) {
    struct slice line;
    p->at = empty_lines_len(p->bytes);
    if (p->at < p->bytes.len && p->bytes.ptr[p->at] != '\r' &&
        !http_is_token_char(p->bytes.ptr[p->at])) {
        return bad(p->note, "this is not an HTTP request");
    }
    enum http_head_verdict verdict = next_line(p, &line);
    if (verdict == HTTP_HEAD_COMPLETE) verdict = parse_request_line(line, head, p->note);
    while (verdict == HTTP_HEAD_COMPLETE) {
        verdict = next_line(p, &line);
        if (verdict != HTTP_HEAD_COMPLETE) break;
        if (line.len == 0) return read_headers(head, p->note);
        verdict = add_header(line, head, p->note);
    }
    return verdict;
}

enum http_head_verdict http_head_parse(struct slice bytes, struct http_head *ret_head,
                                       size_t *ret_head_len, struct note *note) {
    struct parser p = {.bytes = slice_take(bytes, HTTP_HEAD_MAX), .note = note};
    struct http_head head;
    clear(&head);
    enum http_head_verdict verdict = parse_lines(&p, &head);
    if (verdict == HTTP_HEAD_PARTIAL && bytes.len >= HTTP_HEAD_MAX) {
        return refuse(note, HTTP_HEAD_TOO_LARGE, "the request's head is too large");
    }
    if (verdict != HTTP_HEAD_COMPLETE) return verdict;
    memcpy(ret_head, &head,
           offsetof(struct http_head, headers) + head.header_count * sizeof head.headers[0]);
    *ret_head_len = p.at;
    return HTTP_HEAD_COMPLETE;
}

/*
 * Whether the line feed at `lf` ends the head or breaks it; what can't be told yet is neither.
 */
static bool line_feed_decides(struct slice bytes, size_t lf, bool *ret_unclear) {
    if (lf == 0 || bytes.ptr[lf - 1] != '\r') return true;
    struct slice next = slice_skip(bytes, lf + 1);
    *ret_unclear = next.len == 0 || (next.len == 1 && next.ptr[0] == '\r');
    if (*ret_unclear) return false;
    return next.ptr[0] == '\n' || next.ptr[0] == '\r';
}

bool http_head_may_be_complete(struct slice bytes, size_t scanned, size_t *ret_scanned) {
    size_t at = empty_lines_len(bytes);
    *ret_scanned = at;
    if (bytes.len >= HTTP_HEAD_MAX) return true;
    if (at == bytes.len || (at + 1 == bytes.len && bytes.ptr[at] == '\r')) return false;
    /* Not a request from its first byte on, as a TLS greeting: no end is to be waited for. */
    if (!http_is_token_char(bytes.ptr[at])) return true;
    if (at < scanned) at = scanned;
    while (at < bytes.len) {
        size_t lf = at + slice_find_char(slice_skip(bytes, at), '\n');
        *ret_scanned = lf;
        if (lf == bytes.len) return false;
        bool unclear = false;
        if (line_feed_decides(bytes, lf, &unclear)) return true;
        if (unclear) return false;
        at = lf + 1;
    }
    return false;
}

struct slice http_head_find(const struct http_head *head, struct slice name) {
    for (size_t i = 0; i < head->header_count; i++) {
        if (slice_eq_nocase(head->headers[i].name, name)) return head->headers[i].value;
    }
    return (struct slice){0};
}

size_t http_head_count(const struct http_head *head, struct slice name) {
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (slice_eq_nocase(head->headers[i].name, name)) count++;
    }
    return count;
}

bool http_head_has_token(const struct http_head *head, struct slice name, struct slice token) {
    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_eq_nocase(head->headers[i].name, name)) continue;
        struct slice list = head->headers[i].value;
        struct slice element;
        while (http_list_next(&list, &element)) {
            if (slice_eq_nocase(element, token)) return true;
        }
    }
    return false;
}
