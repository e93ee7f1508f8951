/*
 * error.h - S3's errors: code, status, message; a table
 *
 * Rows are in errors.def. What a status of a lower room means to a client of S3 is settled once, in
 * reply.c.
 *
 * Threads: pure functions.
 */
#ifndef S3_ERROR_H
#define S3_ERROR_H

#include "base/slice.h"

enum s3_error {
    S3_ERROR_NONE = 0,
#define S3_ERROR(NAME, code, http, message) S3_ERROR_##NAME,
#include "s3/errors.def"
#undef S3_ERROR
    S3_ERROR_COUNT
};

enum { S3_ERROR_DETAILS_MAX = 8, S3_ERROR_HEADERS_MAX = 4 };

/* An element of an error document, or a header of its answer. */
struct s3_error_item {
    const char *name;
    struct slice value;
};

/* What an error says beside Code, Resource, RequestId and HostId. */
struct s3_error_detail {
    struct slice message; /* empty: the error's own */
    size_t count;
    struct s3_error_item items[S3_ERROR_DETAILS_MAX];
    size_t header_count;
    struct s3_error_item headers[S3_ERROR_HEADERS_MAX];
};

/* The code of an error ("NoSuchKey"), its HTTP status, and S3's sentence for it. */
const char *s3_error_code(enum s3_error error);
int s3_error_http(enum s3_error error);
const char *s3_error_message(enum s3_error error);

#endif
