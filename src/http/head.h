/*
 * head.h - an HTTP/1.1 request head: bytes → values, strictly and within bounds
 *
 * The parser copies nothing: every slice of a head points into the bytes it was parsed from. It
 * accepts exactly what RFC 9112 lets a server accept, and refuses whatever two parties could read
 * differently (obs-fold, blanks before the colon, bare CR, NUL, repeated or conflicting
 * Content-Length and Transfer-Encoding): request smuggling starts there.
 *
 * Threads: pure functions.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024, /* request line, headers and the blank line */
    HTTP_HEADERS_MAX = 256,
    HTTP_TARGET_MAX = 8 * 1024,
    HTTP_QUERY_PARAMS_MAX = 64
};

enum http_method {
    HTTP_OTHER, /* a well-formed token that is none of these */
    HTTP_GET,
    HTTP_HEAD,
    HTTP_PUT,
    HTTP_POST,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_COPY
};

struct http_header {
    struct slice name;  /* as sent; compare without case */
    struct slice value; /* without blanks at either end */
};

enum http_body {
    HTTP_BODY_NONE,   /* neither Content-Length nor Transfer-Encoding */
    HTTP_BODY_LENGTH, /* Content-Length, 0 included */
    HTTP_BODY_CHUNKED
};

struct http_head {
    enum http_method method;
    struct slice method_text;
    struct slice target;    /* as sent */
    struct slice authority; /* of an absolute-form target, else of Host; with its port */
    struct slice path;      /* of the target, raw, begins with '/' (or is "*" for OPTIONS *) */
    struct slice query;     /* of the target, raw, without '?' */
    int minor_version;      /* HTTP/1.0 or HTTP/1.1 */
    enum http_body body;
    uint64_t content_length; /* for HTTP_BODY_LENGTH */
    bool expect_continue;
    bool keep_alive; /* what version and Connection ask for */
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

enum http_head_verdict {
    HTTP_HEAD_PARTIAL,     /* well-formed so far, more bytes needed */
    HTTP_HEAD_COMPLETE,    /* parsed; *ret_head_len bytes belong to the head */
    HTTP_HEAD_BAD,         /* 400; the connection must be closed after the answer */
    HTTP_HEAD_TOO_LARGE,   /* 400 RequestHeaderSectionTooLarge or 414; close after the answer */
    HTTP_HEAD_BAD_VERSION, /* 505 */
    HTTP_HEAD_UNSUPPORTED  /* 501: a Transfer-Encoding other than chunked; close */
};

/*
 * Parses the head at the start of `bytes`. Written `ret_head` and `ret_head_len` only for COMPLETE;
 * what is wrong goes to `note` otherwise. Empty lines before the request line are skipped
 * (RFC 9112 section 2.2) and counted into the length, within HTTP_HEAD_MAX.
 * Owns: the slices of `ret_head` point into `bytes`.
 * Spec: RFC 9112 sections 2.2, 3, 5, 6; RFC 9110 sections 5.5, 5.6.2, 10.1.1.
 */
enum http_head_verdict http_head_parse(struct slice bytes, struct http_head *ret_head,
                                       size_t *ret_head_len, struct note *note);

/*
 * Whether a complete head may be in `bytes`, cheaply, for the poller: the end of the head was seen
 * at or after `scanned` bytes, or the limit was passed. `*ret_scanned` is where to go on later.
 */
bool http_head_may_be_complete(struct slice bytes, size_t scanned, size_t *ret_scanned);

/*
 * Parses one header line without its CRLF; false where it is malformed: also where it is folded,
 * has a blank before the colon, or a control character. Owns: the slices of `ret_header` point into
 * `line`. Spec: RFC 9112 section 5.
 */
bool http_header_parse(struct slice line, struct http_header *ret_header);

/* The first header of that name (any case); an empty slice with a NULL ptr where there is none. */
struct slice http_head_find(const struct http_head *head, struct slice name);

/* How many headers have that name. */
size_t http_head_count(const struct http_head *head, struct slice name);

/*
 * Whether `token` (any case) is an element of the comma-separated lists of the headers of that
 * name. Spec: RFC 9110 section 5.6.1.
 */
bool http_head_has_token(const struct http_head *head, struct slice name, struct slice token);

/* One parameter of a query string, decoded (%XX, '+' as a space). */
struct http_param {
    struct slice name;
    struct slice value;     /* empty when there was no '=' */
    struct slice raw_name;  /* as sent */
    struct slice raw_value; /* as sent */
    bool has_value;         /* there was an '=' */
};

struct http_query {
    size_t count;
    struct http_param params[HTTP_QUERY_PARAMS_MAX];
};

/*
 * Splits and decodes a raw query string; empty pieces ("a&&b") are dropped.
 * Owns: decoded text lies in `arena` or in the query itself.
 * Errors: INVALID (broken escape); TOO_LARGE (more than HTTP_QUERY_PARAMS_MAX); NO_MEMORY.
 */
struct status http_query_parse(struct arena *arena, struct slice raw, struct http_query *ret_query);

/* The first parameter of that name (exact case), or NULL. */
const struct http_param *http_query_find(const struct http_query *query, struct slice name);

#endif
