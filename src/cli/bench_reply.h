/*
 * bench_reply.h - an HTTP response as a load generator reads it: how it went, and where it ends
 *
 *     begin ── take* ── (closed) ── begin …
 *
 * Takes bytes as they come, keeps none but a line that is cut in two, and looks only at what it
 * needs: the status, the framing, whether the connection stays, and the code of an S3 error. Bodies
 * are counted and dropped.
 *
 * Threads: one at a time.
 */
#ifndef CLI_BENCH_REPLY_H
#define CLI_BENCH_REPLY_H

#include "base/slice.h"

enum {
    BENCH_REPLY_LINE_MAX = 192,       /* kept of a line; what is longer is none that matters */
    BENCH_REPLY_HEAD_MAX = 64 * 1024, /* of all lines of a head */
    BENCH_REPLY_ERROR_MAX = 512,      /* looked at of an error's body */
    BENCH_REPLY_CODE_MAX = 48         /* of an error's code, with its NUL */
};

enum bench_reply_state {
    BENCH_REPLY_STATUS_LINE,
    BENCH_REPLY_HEADERS,
    BENCH_REPLY_BODY, /* of a known length */
    BENCH_REPLY_UNTIL_CLOSE,
    BENCH_REPLY_CHUNK_SIZE,
    BENCH_REPLY_CHUNK,
    BENCH_REPLY_CHUNK_END,
    BENCH_REPLY_TRAILERS,
    BENCH_REPLY_DONE,
    BENCH_REPLY_BAD /* it is no HTTP/1 response */
};

struct bench_reply {
    enum bench_reply_state state;
    int status;
    bool is_head; /* it answers a HEAD: it has no body, whatever it says */
    bool keeps;   /* the connection may be used again */
    bool chunked;
    bool has_length;
    uint64_t left; /* of the body, or of the chunk */
    uint64_t body_bytes;
    size_t head_len;
    size_t line_len;
    char line[BENCH_REPLY_LINE_MAX];
    size_t error_len;
    char error[BENCH_REPLY_ERROR_MAX];
};

/* Makes it ready for the response to a request, one with the method HEAD or another. */
void bench_reply_begin(struct bench_reply *reply, bool is_head);

/* Takes bytes in until the response is DONE or BAD; how many were taken. */
size_t bench_reply_take(struct bench_reply *reply, struct slice bytes);

/* The peer has closed the connection: the response is DONE, or BAD. */
void bench_reply_closed(struct bench_reply *reply);

/*
 * Writes the text of <Code> in the body of an error, or nothing where there is none, and a NUL to
 * `out` (BENCH_REPLY_CODE_MAX bytes).
 */
void bench_reply_error_code(const struct bench_reply *reply, char *out);

#endif
