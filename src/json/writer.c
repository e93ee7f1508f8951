#include "json/writer.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/codec.h"

void json_writer_init(struct json_writer *writer, struct buf *buf) {
    *writer = (struct json_writer){.buf = buf};
}

static void separate(struct json_writer *writer, char c) {
    buf_append_char(writer->buf, c);
    if (writer->spaced) buf_append_char(writer->buf, ' ');
}

/* What stands before any value: a comma where it is not the first of its array. */
static void before_value(struct json_writer *writer) {
    bool in_object = writer->is_object[writer->depth];
    CHECK(in_object == writer->after_key);
    if (!in_object) {
        CHECK(writer->depth > 0 || !writer->not_first[0]);
        if (writer->not_first[writer->depth]) separate(writer, ',');
        writer->not_first[writer->depth] = true;
    }
    writer->after_key = false;
}

static void begin(struct json_writer *writer, bool is_object) {
    before_value(writer);
    CHECK(writer->depth < JSON_WRITER_DEPTH_MAX);
    writer->depth++;
    writer->not_first[writer->depth] = false;
    writer->is_object[writer->depth] = is_object;
    buf_append_char(writer->buf, is_object ? '{' : '[');
}

static void end(struct json_writer *writer, bool is_object) {
    CHECK(writer->depth > 0 && writer->is_object[writer->depth] == is_object);
    CHECK(!writer->after_key);
    writer->depth--;
    buf_append_char(writer->buf, is_object ? '}' : ']');
}

void json_begin_object(struct json_writer *writer) {
    begin(writer, true);
}

void json_end_object(struct json_writer *writer) {
    end(writer, true);
}

void json_begin_array(struct json_writer *writer) {
    begin(writer, false);
}

void json_end_array(struct json_writer *writer) {
    end(writer, false);
}

void json_key_slice(struct json_writer *writer, struct slice name) {
    CHECK(writer->is_object[writer->depth] && !writer->after_key);
    if (writer->not_first[writer->depth]) separate(writer, ',');
    writer->not_first[writer->depth] = true;
    writer->after_key = true;
    json_escape(writer->buf, name);
    separate(writer, ':');
}

void json_key(struct json_writer *writer, const char *name) {
    json_key_slice(writer, slice_str(name));
}

/* The length of the well-formed UTF-8 character that `s` begins with; 0 where there is none. */
static size_t character_len(struct slice s) {
    unsigned char first = (unsigned char)s.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return len <= s.len && utf8_is_valid(slice_take(s, len)) ? len : 0;
}

static void escape_ascii(struct buf *buf, char c) {
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    const char *hit = named;
    while (*hit != '\0' && *hit != c) hit += 2;
    if (*hit != '\0') {
        buf_append_char(buf, '\\');
        buf_append_char(buf, hit[1]);
    } else if ((unsigned char)c < ' ' || c == 0x7f) {
        buf_printf(buf, "\\u%04x", (unsigned)c);
    } else {
        buf_append_char(buf, c);
    }
}

void json_escape(struct buf *buf, struct slice text) {
    buf_append_char(buf, '"');
    while (text.len > 0) {
        size_t len = character_len(text);
        if (len == 1) escape_ascii(buf, text.ptr[0]);
        if (len > 1) buf_append(buf, slice_take(text, len));
        if (len == 0) buf_append_str(buf, "\xef\xbf\xbd");
        text = slice_skip(text, len > 0 ? len : 1);
    }
    buf_append_char(buf, '"');
}

void json_write_string(struct json_writer *writer, struct slice text) {
    before_value(writer);
    json_escape(writer->buf, text);
}

void json_write_str(struct json_writer *writer, const char *text) {
    if (text == NULL) {
        json_write_null(writer);
    } else {
        json_write_string(writer, slice_str(text));
    }
}

void json_write_u64(struct json_writer *writer, uint64_t value) {
    before_value(writer);
    buf_append_u64(writer->buf, value);
}

void json_write_i64(struct json_writer *writer, int64_t value) {
    before_value(writer);
    buf_printf(writer->buf, "%lld", (long long)value);
}

/* The shortest of the usual precisions that gives the same number back. */
void json_write_double(struct json_writer *writer, double value) {
    if (!isfinite(value)) {
        json_write_null(writer);
        return;
    }
    before_value(writer);
    char text[40];
    int len = 0;
    for (int digits = 6; digits <= 17; digits++) {
        double back = NAN;
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        if (sscanf(text, "%lf", &back) == 1 && back == value) break;
    }
    buf_append(writer->buf, slice_of(text, (size_t)len));
}

void json_write_bool(struct json_writer *writer, bool value) {
    before_value(writer);
    buf_append_str(writer->buf, value ? "true" : "false");
}

void json_write_null(struct json_writer *writer) {
    before_value(writer);
    buf_append_str(writer->buf, "null");
}

void json_member_string(struct json_writer *writer, const char *name, struct slice text) {
    json_key(writer, name);
    json_write_string(writer, text);
}

void json_member_str(struct json_writer *writer, const char *name, const char *text) {
    json_key(writer, name);
    json_write_str(writer, text);
}

void json_member_u64(struct json_writer *writer, const char *name, uint64_t value) {
    json_key(writer, name);
    json_write_u64(writer, value);
}

void json_member_bool(struct json_writer *writer, const char *name, bool value) {
    json_key(writer, name);
    json_write_bool(writer, value);
}
