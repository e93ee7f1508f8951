/*
 * date.h - points in time as text: HTTP dates, ISO 8601 as S3 writes it, SigV4's compact form
 *
 * A time is nanoseconds since 1970-01-01T00:00:00Z in an int64_t, which reaches from September
 * 1677 to April 2262. Every such time can be written.
 *
 * Threads: pure functions; nothing depends on the process's time zone or locale.
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

#include "base/slice.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

enum {
    DATE_HTTP_LEN = 29,    /* Sun, 06 Nov 1994 08:49:37 GMT */
    DATE_ISO_MS_LEN = 24,  /* 2009-10-12T17:50:30.000Z */
    DATE_COMPACT_LEN = 16, /* 20091012T175030Z */
    DATE_TEXT_CAP = 32     /* room for any of them and a NUL */
};

/* Each writes the text and a NUL to `out` (DATE_TEXT_CAP bytes). Spec: RFC 9110 section 5.6.7. */
void date_format_http(int64_t time_ns, char *out);
void date_format_iso_ms(int64_t time_ns, char *out);
void date_format_compact(int64_t time_ns, char *out);

/*
 * Each parses exactly its form, and is false on anything else, on a date that does not exist, that
 * is before 1970, or that a time cannot hold. The name of the day is not compared with the date.
 * date_parse_http takes IMF-fixdate, RFC 850 and asctime, as RFC 9110 section 5.6.7 demands of a
 * recipient, and RFC 1123 with a numeric zone, as older S3 clients send it.
 * date_parse_iso takes an optional fraction, and Z or a numeric offset.
 */
bool date_parse_http(struct slice text, int64_t *ret_time_ns);
bool date_parse_iso(struct slice text, int64_t *ret_time_ns);
bool date_parse_compact(struct slice text, int64_t *ret_time_ns);

#endif
