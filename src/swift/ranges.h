/*
 * ranges.h - the bytes of an object that a GET asks for: all, one range, or several as multipart
 *
 * Threads: the worker that serves the request.
 * Spec: RFC 9110 sections 14 and 15.3.7.
 */
#ifndef SWIFT_RANGES_H
#define SWIFT_RANGES_H

#include "http/range.h"
#include "swift/call.h"

enum { SWIFT_BOUNDARY_LEN = 32 };

/* What is sent. */
struct swift_ranges {
    struct http_ranges ranges;
    uint64_t size;     /* of the object */
    bool is_multipart; /* several: each with a head of its own */
    struct slice type; /* of the object */
    char boundary[SWIFT_BOUNDARY_LEN + 1];
};

/*
 * Chooses what of `size` bytes the request asks for, and sets status, Content-Range and
 * Content-Type for it. With `all` it is everything, whatever Range says. Order: Content-Type is
 * set. Errors: REFUSED (416).
 */
struct status swift_ranges_choose(struct swift_call *call, uint64_t size, bool all,
                                  struct swift_ranges *ret_ranges);

/* How long the body is. */
uint64_t swift_ranges_length(const struct swift_ranges *ranges);

/* Sends the body. Errors: as object_reader_send. */
struct status swift_ranges_send(const struct swift_ranges *ranges, struct object_reader *reader,
                                struct sink *sink);

#endif
