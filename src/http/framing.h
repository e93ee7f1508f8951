/*
 * framing.h - where a body begins and ends on a connection: RFC 9112's two framings, both ways
 *
 *     request:   connection ◀─pull─ http_body_source ◀─pull─ aws-chunked, digests, …
 *     response:  operation ─write─▶ http_body_sink ─write─▶ connection
 *
 * A body source never asks the connection for a byte behind its body, so that what follows is the
 * next request's. It is strict: chunk sizes and lines end in CRLF, sizes have few digits,
 * extensions and trailers are bounded.
 *
 *     source:  init ── pull* ── (drain) ── is_drained? keep the connection : close it
 *     sink:    init ── write* ── end ── is_whole? keep the connection : abort it
 *
 * Threads: one at a time. Blocks: as the connection does.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "base/note.h"
#include "base/stream.h"
#include "http/head.h"

enum {
    HTTP_CHUNK_SIZE_DIGITS_MAX = 15,
    HTTP_CHUNK_EXTENSION_MAX = 1024,   /* of one chunk */
    HTTP_CHUNK_EXTENSIONS_MAX = 65536, /* of one body */
    HTTP_TRAILERS_MAX = 32,
    HTTP_TRAILER_BYTES_MAX = 4096, /* all trailer lines together */
    HTTP_CHUNKED_AHEAD_MAX = 8
};

enum http_body_state {
    HTTP_BODY_DATA,       /* inside content, or at the beginning of one with a length */
    HTTP_BODY_CHUNK_SIZE, /* at or in the digits of a chunk's size */
    HTTP_BODY_CHUNK_EXTENSION,
    HTTP_BODY_CHUNK_SIZE_LF,
    HTTP_BODY_CHUNK_END_CR,
    HTTP_BODY_CHUNK_END_LF,
    HTTP_BODY_TRAILER, /* at or in a trailer line, or at the blank line that ends them */
    HTTP_BODY_TRAILER_LF,
    HTTP_BODY_DRAINED, /* the next byte of the connection is the next request's */
    HTTP_BODY_BROKEN   /* nobody knows where the next request begins */
};

struct http_body_source {
    struct source source; /* pull from this */
    struct source *raw;
    struct note *note;
    enum http_body_state state;
    bool chunked;
    bool raw_ended;
    uint64_t left; /* of the content, or of the chunk */
    unsigned size_digits;
    size_t extension_bytes;
    size_t extensions_bytes;
    unsigned ahead_at;
    unsigned ahead_len;
    char ahead[HTTP_CHUNKED_AHEAD_MAX]; /* framing bytes that are known to belong to the body */
    size_t trailer_line;                /* where the line in progress begins */
    size_t trailer_len;
    char trailer_bytes[HTTP_TRAILER_BYTES_MAX];
    size_t trailer_count;
    struct http_header trailers[HTTP_TRAILERS_MAX];
};

/*
 * Makes a source of the content that `head` announces, whose first byte is the next of `raw`. No
 * body at all is a source that ends at once.
 * Owns: nothing; `raw` and `note` (NULL allowed) must outlive it. Don't copy or move it.
 * Errors of the pull: those of `raw`; CLOSED (ended too early); INVALID (broken framing); TOO_LARGE
 * (extensions or trailers past their limits).
 * Spec: RFC 9112 sections 6.3, 7.1.
 */
void http_body_source_init(struct http_body_source *body, const struct http_head *head,
                           struct source *raw, struct note *note);

/* The same for a length that was learnt otherwise, as from a response. */
void http_body_source_init_length(struct http_body_source *body, uint64_t content_length,
                                  struct source *raw);

/* The same for the chunked framing. */
void http_body_source_init_chunked(struct http_body_source *body, struct source *raw,
                                   struct note *note);

/* Whether the whole body has been read, so that the connection may be kept. */
bool http_body_is_drained(const struct http_body_source *body);

/*
 * Reads and drops what is left, at most `max_bytes` of content.
 * Errors: TOO_LARGE (more than that is left, nothing was read if the length is known); those of the
 * pull. After an error the connection must be closed.
 */
struct status http_body_drain(struct http_body_source *body, uint64_t max_bytes);

/*
 * The value of the trailer `name` (any case); an empty slice with a NULL ptr where there is none.
 * Owns: `body`.
 * Order: after the end only.
 * Spec: RFC 9110 section 6.5.
 */
struct slice http_body_trailer(const struct http_body_source *body, struct slice name);

struct http_body_sink {
    struct sink sink; /* write to this */
    struct sink *raw;
    bool chunked;
    bool ended;
    bool failed;
    uint64_t left;    /* of an announced length */
    uint64_t written; /* content so far */
};

/*
 * Makes a sink of exactly `content_length` bytes. To write more is a bug of ours, and a CHECK.
 * Owns: nothing; `raw` must outlive it.
 * Errors of the write: those of `raw`.
 */
void http_body_sink_init_length(struct http_body_sink *body, uint64_t content_length,
                                struct sink *raw);

/* Makes a sink that writes every piece as a chunk. Spec: RFC 9112 section 7.1. */
void http_body_sink_init_chunked(struct http_body_sink *body, struct sink *raw);

/*
 * Says that all has been written: the last chunk, or nothing. With less than the announced length
 * it is INVALID, and the connection must be aborted.
 * Errors: INVALID; those of `raw`.
 */
struct status http_body_sink_end(struct http_body_sink *body);

/* Whether the client can tell that it has everything; otherwise the connection is to be aborted. */
bool http_body_sink_is_whole(const struct http_body_sink *body);

#endif
