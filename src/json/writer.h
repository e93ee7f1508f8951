/*
 * writer.h - JSON documents, correct whatever the data
 *
 *     init ── begin_object ── key, value … ── end_object
 *
 * Into a buf, on one line, commas by themselves. Bytes that are not UTF-8 become U+FFFD. A wrong
 * sequence of calls is a bug of ours, and a CHECK; what does not fit is told by the buf.
 *
 * Threads: one at a time.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include "base/buf.h"
#include "base/slice.h"

enum { JSON_WRITER_DEPTH_MAX = 32 };

struct json_writer {
    struct buf *buf;
    size_t depth;
    bool after_key;
    bool spaced; /* set after init: a blank behind each comma and colon, as Python writes it */
    bool not_first[JSON_WRITER_DEPTH_MAX + 1];
    bool is_object[JSON_WRITER_DEPTH_MAX + 1];
};

/* Writes to `buf`, which the caller owns. */
void json_writer_init(struct json_writer *writer, struct buf *buf);

/* Each begins or ends a value with values in it. */
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);

/* Writes the name of the next value, inside an object. */
void json_key(struct json_writer *writer, const char *name);
void json_key_slice(struct json_writer *writer, struct slice name);

/* Each writes a value: the document, an element, or what belongs to the key before it. */
void json_write_string(struct json_writer *writer, struct slice text);
void json_write_str(struct json_writer *writer, const char *text); /* null for NULL */
void json_write_u64(struct json_writer *writer, uint64_t value);
void json_write_i64(struct json_writer *writer, int64_t value);
void json_write_double(struct json_writer *writer, double value); /* null where not finite */
void json_write_bool(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);

/* Each writes a key and its value. */
void json_member_string(struct json_writer *writer, const char *name, struct slice text);
void json_member_str(struct json_writer *writer, const char *name, const char *text);
void json_member_u64(struct json_writer *writer, const char *name, uint64_t value);
void json_member_bool(struct json_writer *writer, const char *name, bool value);

/* Appends `text` as a JSON string with its quotes, without a writer. */
void json_escape(struct buf *buf, struct slice text);

#endif
