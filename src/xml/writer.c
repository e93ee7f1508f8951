#include "xml/writer.h"

#include "base/check.h"
#include "base/date.h"

static const struct slice replacement = {"\xef\xbf\xbd", 3};

/* What a byte becomes; NULL for itself. Control characters are not in XML 1.0 at all. */
static const char *escape_of(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&apos;";
        case '\t':
            return "&#9;";
        case '\n':
            return "&#10;";
        case '\r':
            return "&#13;";
        default:
            return (unsigned char)c < ' ' ? replacement.ptr : NULL;
    }
}

/* The bytes that need a look: what escape_of has something for, and all outside ASCII. */
static const bool is_special[256] = {
    [0x00 ... 0x1f] = true, ['&'] = true,  ['<'] = true,           ['>'] = true,
    ['"'] = true,           ['\''] = true, [0x80 ... 0xff] = true,
};

static bool is_continuation(struct slice s, size_t i) {
    return i < s.len && ((unsigned char)s.ptr[i] & 0xc0) == 0x80;
}

/*
 * The length of the well-formed UTF-8 sequence that `s` begins with, whose first byte is 0x80 or
 * above, if XML has that character; else 0. Spec: RFC 3629 section 4; XML 1.0 section 2.2.
 */
static size_t sequence_len(struct slice s) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0xc2 || p[0] > 0xf4 || !is_continuation(s, 1)) return 0;
    if (p[0] < 0xe0) return 2;
    if (!is_continuation(s, 2)) return 0;
    if (p[0] < 0xf0) {
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
        bool no_character = p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;
        return overlong || surrogate || no_character ? 0 : 3;
    }
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool too_high = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || too_high || !is_continuation(s, 3) ? 0 : 4;
}

/* The length of the longest piece of `s` that needs no escaping. */
static size_t plain_len(struct slice s) {
    size_t len = 0;
    while (len < s.len) {
        unsigned char c = (unsigned char)s.ptr[len];
        if (!is_special[c]) {
            len++;
            continue;
        }
        size_t step = c < 0x80 ? 0 : sequence_len(slice_skip(s, len));
        if (step == 0) break;
        len += step;
    }
    return len;
}

void xml_escape(struct buf *buf, struct slice text) {
    while (text.len > 0) {
        size_t plain = plain_len(text);
        buf_append(buf, slice_take(text, plain));
        text = slice_skip(text, plain);
        if (text.len == 0) return;
        const char *escape = escape_of(text.ptr[0]);
        buf_append_str(buf, escape ? escape : replacement.ptr);
        text = slice_skip(text, 1);
    }
}

void xml_writer_init(struct xml_writer *writer, struct buf *buf) {
    *writer = (struct xml_writer){.buf = buf};
}

void xml_writer_init_sink(struct xml_writer *writer, struct buf *buf, size_t flush_bytes,
                          struct sink *sink) {
    CHECK(flush_bytes > 0 && flush_bytes < buf->limit);
    *writer = (struct xml_writer){.buf = buf, .flush_bytes = flush_bytes, .sink = sink};
}

static void flush(struct xml_writer *writer) {
    if (writer->failed == STATUS_OK && !is_ok(buf_ok(writer->buf))) {
        writer->failed = STATUS_TOO_LARGE;
    }
    if (writer->failed == STATUS_OK && writer->buf->len > 0) {
        writer->failed = sink_write(writer->sink, buf_slice(writer->buf)).code;
    }
    buf_clear(writer->buf);
}

static void maybe_flush(struct xml_writer *writer) {
    if (writer->sink && (writer->buf->len >= writer->flush_bytes || writer->buf->overflowed)) {
        flush(writer);
    }
}

void xml_declaration(struct xml_writer *writer) {
    buf_append_str(writer->buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

/* A name between a few bytes before it and a byte, or none, behind it: in one piece, as a page of a
 * listing has thousands. */
static void put_around(struct buf *buf, const char *before, size_t before_len, const char *name,
                       const char *behind) {
    size_t len = strlen(name);
    char *at = buf_reserve(buf, before_len + len + 1);
    if (at == NULL) return;
    memcpy(at, before, before_len);
    memcpy(at + before_len, name, len);
    at[before_len + len] = behind[0];
    buf_advance(buf, before_len + len + (behind[0] != '\0'));
}

static void push(struct xml_writer *writer, const char *name, const char *behind) {
    CHECK(writer->depth < XML_WRITER_DEPTH_MAX);
    writer->open[writer->depth++] = name;
    put_around(writer->buf, "<", 1, name, behind);
}

void xml_open(struct xml_writer *writer, const char *name) {
    push(writer, name, ">");
}

void xml_open_ns(struct xml_writer *writer, const char *name, const char *ns) {
    push(writer, name, "");
    buf_append_str(writer->buf, " xmlns=\"");
    xml_escape(writer->buf, slice_str(ns));
    buf_append_str(writer->buf, "\">");
}

void xml_open_with(struct xml_writer *writer, const char *name, const char *attributes) {
    push(writer, name, " ");
    buf_append_str(writer->buf, attributes);
    buf_append_char(writer->buf, '>');
}

void xml_close(struct xml_writer *writer, const char *name) {
    CHECK(writer->depth > 0);
    writer->depth--;
    const char *open = writer->open[writer->depth];
    CHECK(open == name || strcmp(open, name) == 0);
    put_around(writer->buf, "</", 2, name, ">");
    maybe_flush(writer);
}

void xml_write_text(struct xml_writer *writer, struct slice text) {
    CHECK(writer->depth > 0);
    xml_escape(writer->buf, text);
    maybe_flush(writer);
}

void xml_element(struct xml_writer *writer, const char *name, struct slice text) {
    xml_open(writer, name);
    xml_escape(writer->buf, text);
    xml_close(writer, name);
}

void xml_element_str(struct xml_writer *writer, const char *name, const char *text) {
    xml_element(writer, name, slice_str(text));
}

void xml_element_u64(struct xml_writer *writer, const char *name, uint64_t value) {
    xml_open(writer, name);
    buf_append_u64(writer->buf, value);
    xml_close(writer, name);
}

void xml_element_bool(struct xml_writer *writer, const char *name, bool value) {
    xml_element_str(writer, name, value ? "true" : "false");
}

void xml_element_etag(struct xml_writer *writer, const char *name, struct slice text) {
    xml_open(writer, name);
    buf_append_str(writer->buf, "&quot;");
    xml_escape(writer->buf, text);
    buf_append_str(writer->buf, "&quot;");
    xml_close(writer, name);
}

void xml_element_time(struct xml_writer *writer, const char *name, int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    date_format_iso_ms(time_ns, text);
    xml_element_str(writer, name, text);
}

struct status xml_end(struct xml_writer *writer) {
    CHECK(writer->depth == 0);
    if (writer->sink) flush(writer);
    if (writer->failed != STATUS_OK) return status_of(writer->failed);
    return buf_ok(writer->buf);
}
