/*
 * response.h - the head of an answer: a status and headers, collected and then said at once
 *
 *     init ── status, set*, add* ── encode
 *
 * No header can be injected: a name that is no token or a value with a control character (CR, LF
 * and NUL among them) is never taken up, and makes encode fail. Whoever passes on what a client
 * chose asks http_is_field_value (text.h) first, and answers 400. Names and values are copied.
 *
 * Threads: one at a time.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "http/head.h"

/* More headers than a request may bring: what was stored with them can be said again. */
enum { HTTP_RESPONSE_HEADERS_MAX = 320, HTTP_RESPONSE_HEAD_MAX = 32 * 1024 };

struct http_response {
    int status;         /* the caller's to set; 200 to begin with */
    const char *reason; /* words of the status line; NULL: http_reason's */
    struct arena *arena;
    bool refused;  /* a header was malformed */
    bool too_many; /* or did not fit */
    size_t header_count;
    struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
};

/* An answer without headers and with status 200. Owns: names and values will lie in `arena`. */
void http_response_init(struct http_response *response, struct arena *arena);

/* Each replaces the headers of that name (any case) by one, or appends it. */
void http_response_set(struct http_response *response, struct slice name, struct slice value);
void http_response_set_str(struct http_response *response, const char *name, const char *value);
void http_response_set_u64(struct http_response *response, const char *name, uint64_t value);
void http_response_setf(struct http_response *response, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets a header to a time in IMF-fixdate: Date, Last-Modified. Units: ns since 1970. */
void http_response_set_date(struct http_response *response, const char *name, int64_t time_ns);

/* Appends a header, whether or not there is one of that name. */
void http_response_add(struct http_response *response, struct slice name, struct slice value);

/* Removes the headers of that name. */
void http_response_remove(struct http_response *response, struct slice name);

/* Forgets all headers and what was refused: an error takes the place of an answer. */
void http_response_clear(struct http_response *response);

/* The first value of that name (any case); an empty slice with a NULL ptr where there is none. */
struct slice http_response_find(const struct http_response *response, struct slice name);

/*
 * Appends status line, headers and the blank line to `out`.
 * Errors: INVALID (a header was refused); TOO_LARGE; NO_MEMORY.
 * Spec: RFC 9112 sections 4, 5.
 */
struct status http_response_encode(const struct http_response *response, struct buf *out);

/* "Not Found" for 404; "Unknown" for a status that has no words. Spec: RFC 9110 section 15. */
const char *http_reason(int status);

/* Whether an answer with that status to that method never has a body. Spec: RFC 9112 section 6.3.
 */
bool http_status_has_no_body(int status, enum http_method method);

#endif
