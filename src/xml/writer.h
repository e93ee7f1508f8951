/*
 * writer.h - XML documents, well-formed whatever the data
 *
 *     init ── declaration ── open, element*, close ── end
 *
 * To a buf, or through a buf of bounded size to a sink. Names are ours and are not escaped; every
 * text is: & < > " ' as entities, tab, CR and LF as character references. What XML 1.0 cannot carry
 * at all (other control characters, U+FFFE and U+FFFF, bytes that are not UTF-8) becomes U+FFFD: a
 * listing with such keys stays readable, and a client that wants the keys exactly asks for
 * encoding-type=url.
 *
 * What fails is remembered, and told by xml_end.
 *
 * Threads: one at a time. Blocks: as the sink.
 */
#ifndef XML_WRITER_H
#define XML_WRITER_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/stream.h"

enum { XML_WRITER_DEPTH_MAX = 16 };

#define XML_NS_S3 "http://s3.amazonaws.com/doc/2006-03-01/"
#define XML_NS_S3_CONTROL "http://awss3control.amazonaws.com/doc/2018-08-20/"

struct xml_writer {
    struct buf *buf;
    struct sink *sink; /* NULL: everything stays in buf */
    size_t flush_bytes;
    size_t depth;
    enum status_code failed;
    const char *open[XML_WRITER_DEPTH_MAX];
};

/* Writes to `buf`, which the caller owns. */
void xml_writer_init(struct xml_writer *writer, struct buf *buf);

/* Writes to `sink`, in pieces of about `flush_bytes`, gathered in `buf` (limit: more than that). */
void xml_writer_init_sink(struct xml_writer *writer, struct buf *buf, size_t flush_bytes,
                          struct sink *sink);

/* Writes the XML declaration and a line end. */
void xml_declaration(struct xml_writer *writer);

/* Opens an element; `name` must live until it is closed. */
void xml_open(struct xml_writer *writer, const char *name);

/* Opens an element with xmlns="…". */
void xml_open_ns(struct xml_writer *writer, const char *name, const char *ns);

/* Opens an element with attributes that are written as they stand: `a="b" c="d"`. */
void xml_open_with(struct xml_writer *writer, const char *name, const char *attributes);

/* Closes the innermost element, which has that name. */
void xml_close(struct xml_writer *writer, const char *name);

/* Each writes a whole element. */
void xml_element(struct xml_writer *writer, const char *name, struct slice text);
void xml_element_str(struct xml_writer *writer, const char *name, const char *text);
void xml_element_u64(struct xml_writer *writer, const char *name, uint64_t value);
void xml_element_bool(struct xml_writer *writer, const char *name, bool value);

/* Writes an element with `text` in quotation marks, as S3 writes entity tags. */
void xml_element_etag(struct xml_writer *writer, const char *name, struct slice text);

/* Writes an ISO 8601 time with milliseconds. Units: ns since 1970. */
void xml_element_time(struct xml_writer *writer, const char *name, int64_t time_ns);

/* Writes the text of the innermost element. */
void xml_write_text(struct xml_writer *writer, struct slice text);

/*
 * Ends the document: everything is closed; a sink gets what is left.
 * Errors: TOO_LARGE (the buf overflowed); those of the sink.
 */
struct status xml_end(struct xml_writer *writer);

/* Appends `text` escaped, without a writer. */
void xml_escape(struct buf *buf, struct slice text);

#endif
