/*
 * range.h - a part of an object, as clients ask for it
 *
 * Threads: pure functions.
 */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* Bytes [first, first + len); len is at least 1. */
struct http_range {
    uint64_t first;
    uint64_t len;
};

enum http_range_verdict {
    HTTP_RANGE_WHOLE,        /* no Range, or one that is to be ignored: 200 and everything */
    HTTP_RANGE_PART,         /* 206 */
    HTTP_RANGE_UNSATISFIABLE /* 416 */
};

/*
 * What a Range header asks of an object of `size` bytes: "bytes=a-b", "bytes=a-" or "bytes=-n".
 * Several ranges, other units and what can't be parsed are ignored, as S3 does; an empty header is
 * none. `*ret_range` is written for PART only. Nothing of an empty object can be satisfied.
 * Spec: RFC 9110 sections 14.1.2, 14.2.
 */
enum http_range_verdict http_range_resolve(struct slice header, uint64_t size,
                                           struct http_range *ret_range);

enum { HTTP_RANGES_MAX = 50, HTTP_RANGES_OVERLAPS_MAX = 2, HTTP_RANGES_DESCENTS_MAX = 8 };

struct http_ranges {
    size_t count; /* at least 1 of a PART */
    struct http_range items[HTTP_RANGES_MAX];
};

/*
 * The same for a door that answers several ranges, in the order they are asked for; those that
 * can't be satisfied are left out. One that is malformed has all of them ignored; too many, more
 * than a few that overlap or go back, are UNSATISFIABLE: nobody needs them.
 * Spec: RFC 9110 sections 14.2, 15.3.7.2, 17.15.
 */
enum http_range_verdict http_ranges_resolve(struct slice header, uint64_t size,
                                            struct http_ranges *ret_ranges);

/* Appends "bytes 0-4/10". Spec: RFC 9110 section 14.4. */
void http_content_range(struct buf *buf, struct http_range range, uint64_t size);

/* Appends "bytes ", an asterisk and "/10": the Content-Range of a 416. */
void http_content_range_unsatisfied(struct buf *buf, uint64_t size);

/*
 * Parses x-amz-copy-source-range: exactly "bytes=first-last".
 * Errors: INVALID.
 * Spec: S3 UploadPartCopy.
 */
struct status http_copy_range_parse(struct slice header, struct http_range *ret_range);

/* Whether the range lies inside an object of `size` bytes. */
bool http_range_is_inside(struct http_range range, uint64_t size);

#endif
