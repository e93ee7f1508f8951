/*
 * s3_call.h - requests to the S3 door without a socket: all its steps over stores in memory
 *
 *     open ── [as] send* ── close
 *
 * The world has one zone with two regions: "europe-se-1", whose policies are "standard" (the
 * default), "hp.intensive" and "gp.archive", and "europe-se-1-rep" with "standard" and
 * "hp.intensive". In it live Alice and Bob in projects of their own, Carol in Alice's, an
 * administrator, and nobody. Time stands still unless a test moves it.
 *
 * What an answer consists of is valid until the next send.
 */
#ifndef SUPPORT_S3_CALL_H
#define SUPPORT_S3_CALL_H

#include "auth/aws_chunked.h"
#include "base/buf.h"
#include "http/framing.h"
#include "object/object.h"
#include "object/store.h"
#include "s3/s3.h"
#include "support/store.h"

enum s3_test_who { S3_TEST_ALICE, S3_TEST_BOB, S3_TEST_CAROL, S3_TEST_ADMIN, S3_TEST_NOBODY };

/* The secret of everybody's access key: "AKalice", "AKbob", … */
#define S3_TEST_SECRET "secret-of-all"

/* The time at which a world begins: 2026-11-24T12:00:00Z. */
#define S3_TEST_NOW_NS (INT64_C(1795521600) * 1000000000)

/* A world, what to send, and what came back. */
struct s3_test {
    /* a test may change these between two sends */
    enum s3_test_who who;         /* Alice to begin with */
    size_t region;                /* index of the endpoint's region; 0 to begin with */
    const char *bucket_from_host; /* NULL: path style */
    bool is_website;              /* with bucket_from_host: it is a name for web sites */
    size_t body_step;             /* at most so many bytes a pull of the body; 0: no bound */
    bool body_is_cut;             /* the connection ends in the middle of the body */
    struct clock_manual clock;
    /* Called with everything ready for the route, to change what it likes; NULL: nothing. */
    void (*prepare)(struct s3_test *test);

    /* the answer to the last send */
    int status;            /* of HTTP */
    struct slice head;     /* as it goes out */
    struct slice body;     /* document, or what was pushed; after an early head all that was said */
    struct status outcome; /* of the step that failed, or OK */
    bool internal;         /* s3_reply_error said so */
    struct s3_call call;

    /* the world */
    struct test_store store;
    struct object_store *objects;
    struct random_seeded random;
    struct s3_service service;
    struct arena arena;
    struct note note;
    struct http_head request_head;
    struct http_query query;
    struct slice_source connection;
    struct http_body_source framing;
    struct aws_chunked aws_chunked;
    struct sink sink;
    struct buf request;
    struct buf head_bytes;
    struct buf body_bytes;
};

/* A new world with an empty store. */
void s3_test_open(struct s3_test *test);

/* Ends it. */
void s3_test_close(struct s3_test *test);

/*
 * Sends a request: "PUT /bucket/key?partNumber=1", header lines ("A: b\r\nC: d\r\n", NULL for none;
 * Host and Content-Length come by themselves), and a body. Returns the HTTP status of the answer.
 */
int s3_test_send(struct s3_test *test, const char *what, const char *headers, struct slice body);

/* The same without headers and body. */
int s3_test_get(struct s3_test *test, const char *what);

/* A header of the answer (any case); an empty slice with a NULL ptr where there is none. */
struct slice s3_test_header(const struct s3_test *test, const char *name);

/* The text of the first element <name> of the answer's body, as it stands; NULL ptr: there is none.
 */
struct slice s3_test_element(const struct s3_test *test, const char *name);

/* How often the answer's body has `text`. */
size_t s3_test_count(const struct s3_test *test, const char *text);

/* Fails the test unless the request is answered so; `code` NULL: no error document is expected. */
void s3_test_expect(struct s3_test *test, const char *what, const char *headers, struct slice body,
                    int status, const char *code);

/*
 * Writes an object into a bucket of Alice's project and the current region, past the operations
 * that put one; its ETag is "etag" and its owner Alice's project.
 */
void s3_test_store(struct s3_test *test, const char *bucket, struct slice key, struct slice bytes);

#endif
