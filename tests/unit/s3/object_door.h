/*
 * object_door.h - a world with one bucket, and what the tests of operations on objects ask of it
 */
#ifndef UNIT_S3_OBJECT_DOOR_H
#define UNIT_S3_OBJECT_DOOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/checksum.h"
#include "support/s3_call.h"

#define NO_BODY SLICE("")

static struct s3_test test;

/* A world with the bucket "bkt" of Alice's. */
static inline int door_setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", NULL, NO_BODY, 200, NULL);
    return 0;
}

static inline int door_teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

#define DOOR_TEST(function) cmocka_unit_test_setup_teardown(function, door_setup, door_teardown)

/* Sends, and wants that status and, unless it is NULL, that code. */
static inline void expect(const char *what, const char *headers, struct slice body, int status,
                          const char *code) {
    s3_test_expect(&test, what, headers, body, status, code);
}

/* Wants a header of that value; NULL: wants none. */
static inline void expect_header(const char *name, const char *value) {
    struct slice got = s3_test_header(&test, name);
    bool same = value == NULL ? got.ptr == NULL : slice_eq(got, slice_str(value));
    if (same && (value == NULL || got.ptr != NULL)) return;
    fail_msg("%s: «%.*s» instead of «%s»", name, SLICE_FMT(got), value != NULL ? value : "nothing");
}

/* Wants an element of that text; NULL: wants none. */
static inline void expect_element(const char *name, const char *text) {
    struct slice got = s3_test_element(&test, name);
    bool same = text == NULL ? got.ptr == NULL : slice_eq(got, slice_str(text));
    if (same && (text == NULL || got.ptr != NULL)) return;
    fail_msg("<%s>: «%.*s» instead of «%s»\n%.*s", name, SLICE_FMT(got),
             text != NULL ? text : "nothing", SLICE_FMT(test.body));
}

/* Wants the object to be there, with those bytes. */
static inline void expect_object(const char *path, struct slice bytes) {
    char what[2048];
    snprintf(what, sizeof what, "GET %s", path);
    expect(what, NULL, NO_BODY, 200, NULL);
    assert_int_equal(test.body.len, bytes.len);
    assert_true(slice_eq(test.body, bytes));
}

/* Wants it not to be there. */
static inline void expect_absent(const char *path) {
    char what[2048];
    snprintf(what, sizeof what, "GET %s", path);
    expect(what, NULL, NO_BODY, 404, "NoSuchKey");
}

/* The base64 of a checksum; valid for a few calls. */
static inline const char *checksum_base64(enum checksum_kind kind, struct slice bytes) {
    static char storage[8][128];
    static unsigned next;
    char *out = storage[next++ % 8];
    struct checksum_value value;
    struct buf text;
    checksum_of(kind, bytes, &value);
    buf_init_fixed(&text, out, 127);
    base64_encode(&text, slice_of(value.bytes, value.len));
    out[text.len] = '\0';
    return out;
}

#endif
