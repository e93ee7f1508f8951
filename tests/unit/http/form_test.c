#include "http/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"

static struct arena arena;
static struct note note;
static struct http_form form;
static struct slice_source inner;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    note.text[0] = '\0';
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct status begin(struct slice body, size_t step) {
    slice_source_init(&inner, body, step);
    return http_form_begin(&form, SLICE("xYz"), &inner.source, &arena, &note);
}

#define FIELD(name, value) \
    "--xYz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_HEAD                                                                              \
    "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\n" \
    "Content-Type: text/plain\r\n\r\n"

/* Every step size: wherever the input is cut, the outcome is the same. */
static void test_fields_and_file(void **state) {
    (void)state;
    struct slice body = SLICE("" FIELD("key", "user/${filename}") FIELD("empty", "") FIELD(
        "tricky", "\r\n--xY\r\n-") FILE_HEAD "con\r\n--xYtent\r\n-\r\n--xYz--\r\n");
    for (size_t step = 1; step <= body.len; step++) {
        assert_true(is_ok(begin(body, step)));
        assert_int_equal(form.field_count, 3);
        assert_true(slice_eq(http_form_find(&form, SLICE("KEY")), SLICE("user/${filename}")));
        assert_true(slice_eq(http_form_find(&form, SLICE("empty")), SLICE("")));
        assert_non_null(http_form_find(&form, SLICE("empty")).ptr);
        assert_true(slice_eq(http_form_find(&form, SLICE("tricky")), SLICE("\r\n--xY\r\n-")));
        assert_null(http_form_find(&form, SLICE("absent")).ptr);
        assert_true(slice_eq(form.file_name, SLICE("a \"b\".txt")));
        assert_true(slice_eq(form.file_type, SLICE("text/plain")));
        char content[64];
        size_t len;
        bool end;
        assert_true(is_ok(source_fill(&form.source, content, sizeof content, &len, &end)));
        assert_true(end);
        assert_true(slice_eq(slice_of(content, len), SLICE("con\r\n--xYtent\r\n-")));
        arena_reset(&arena);
    }
}

static void test_an_empty_file(void **state) {
    (void)state;
    assert_true(is_ok(begin(SLICE("" FILE_HEAD "\r\n--xYz--"), 0)));
    char content[8];
    size_t len;
    bool end;
    assert_true(is_ok(source_fill(&form.source, content, sizeof content, &len, &end)));
    assert_true(end);
    assert_int_equal(len, 0);
}

static void test_a_large_file_streams(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, 1024 * 1024);
    buf_append(&body, SLICE("" FILE_HEAD));
    for (unsigned i = 0; i < 100000; i++) buf_append_u64(&body, i);
    size_t size = body.len - sizeof(FILE_HEAD) + 1;
    buf_append(&body, SLICE("\r\n--xYz\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx"
                            "\r\n--xYz--\r\n"));
    assert_true(is_ok(begin(buf_slice(&body), 1000)));
    char *content = malloc(body.len);
    size_t len;
    bool end;
    assert_true(is_ok(source_fill(&form.source, content, body.len, &len, &end)));
    assert_true(end);
    assert_int_equal(len, size);
    assert_memory_equal(content, body.ptr + sizeof(FILE_HEAD) - 1, size);
    free(content);
    buf_fini(&body);
}

static void test_a_file_that_stops_is_no_end(void **state) {
    (void)state;
    assert_true(is_ok(begin(SLICE("" FILE_HEAD "bytes\r\n--xY"), 0)));
    char content[64];
    size_t len;
    bool end;
    struct status s = source_fill(&form.source, content, sizeof content, &len, &end);
    assert_true(status_is(s, STATUS_CLOSED));
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "--xYz",
        "--other\r\n",
        FIELD("key", "v"),
        FIELD("key", "v") "--xYz--\r\n",
        "--xYz\r\n\r\nvalue\r\n--xYz--\r\n",
        "--xYz\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv\r\n--xYz--\r\n",
        "--xYz\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\nv\r\n--xYz--\r\n",
        "--xYz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nv\r\n--xYz--\r\n",
        FIELD("a", "1") "--xYzjunk\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct status s = begin(slice_str(wrong[i]), 0);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", wrong[i]);
        assert_true(note.text[0] != '\0');
        arena_reset(&arena);
    }
}

static void test_fields_are_bounded(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, 1024 * 1024);
    buf_append(&body, SLICE("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"));
    for (unsigned i = 0; i < 6000; i++) buf_append(&body, SLICE("abcd"));
    buf_append(&body, SLICE("\r\n" FILE_HEAD "x\r\n--xYz--\r\n"));
    assert_true(status_is(begin(buf_slice(&body), 0), STATUS_TOO_LARGE));
    buf_clear(&body);
    for (unsigned i = 0; i <= HTTP_FORM_FIELDS_MAX; i++)
        buf_append(&body, SLICE("" FIELD("a", "")));
    buf_append(&body, SLICE("" FILE_HEAD "x\r\n--xYz--\r\n"));
    assert_true(status_is(begin(buf_slice(&body), 0), STATUS_TOO_LARGE));
    buf_fini(&body);
}

#define NAMED(name, type, bytes)                                                          \
    "--xYz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" name "\"\r\n" type \
    "\r\n" bytes "\r\n"

static struct status begin_many(struct slice body, size_t step) {
    slice_source_init(&inner, body, step);
    return http_form_open(&form, SLICE("xYz"), &inner.source, &arena, &note);
}

static void assert_next(const char *name, const char *content) {
    char bytes[64];
    size_t len;
    bool end;
    bool found;
    assert_true(is_ok(http_form_next(&form, &arena, &found)));
    assert_true(found);
    assert_true(slice_eq(form.file_name, slice_str(name)));
    assert_true(is_ok(source_fill(&form.source, bytes, sizeof bytes, &len, &end)));
    assert_true(end);
    assert_true(slice_eq(slice_of(bytes, len), slice_str(content)));
}

/* A file is what has a file's name; what stands between files and behind them does not count. */
static void test_many_files(void **state) {
    (void)state;
    struct slice body = SLICE("" FIELD("file", "none") NAMED("", "", "")
                                  NAMED("a", "Content-Encoding: gzip\r\n", "one") FIELD("late", "x")
                                      NAMED("b", "Content-Type: text/css\r\n", "")
                                          NAMED("c", "", "three\r\n--xY") "--xYz--\r\nepilogue");
    for (size_t step = 1; step <= body.len; step++) {
        bool found;
        assert_true(is_ok(begin_many(body, step)));
        assert_next("a", "one");
        assert_true(slice_eq(form.file_encoding, SLICE("gzip")));
        assert_true(slice_eq(http_form_find(&form, SLICE("file")), SLICE("none")));
        assert_next("b", "");
        assert_true(slice_eq(form.file_type, SLICE("text/css")));
        assert_int_equal(form.file_encoding.len, 0);
        assert_null(http_form_find(&form, SLICE("late")).ptr);
        assert_next("c", "three\r\n--xY");
        for (int i = 0; i < 2; i++) {
            assert_true(is_ok(http_form_next(&form, &arena, &found)));
            assert_false(found);
        }
        arena_reset(&arena);
    }
}

static void test_many_may_be_none(void **state) {
    (void)state;
    bool found = true;
    assert_true(is_ok(begin_many(SLICE("" FIELD("a", "1") "--xYz--"), 0)));
    assert_true(is_ok(http_form_next(&form, &arena, &found)));
    assert_false(found);
    assert_true(slice_eq(http_form_find(&form, SLICE("a")), SLICE("1")));
}

static void test_many_that_stop(void **state) {
    (void)state;
    bool found;
    assert_true(is_ok(begin_many(SLICE("" NAMED("a", "", "one") "--xYz"), 0)));
    assert_next("a", "one");
    assert_true(status_is(http_form_next(&form, &arena, &found), STATUS_INVALID));
    assert_true(is_ok(begin_many(SLICE("" NAMED("a", "", "one") "--xYz\r\n"), 0)));
    assert_next("a", "one");
    assert_true(status_is(http_form_next(&form, &arena, &found), STATUS_INVALID));
}

static void test_boundary(void **state) {
    (void)state;
    struct slice boundary;
    assert_true(http_form_boundary(SLICE("multipart/form-data; boundary=abc"), &boundary));
    assert_true(slice_eq(boundary, SLICE("abc")));
    assert_true(
        http_form_boundary(SLICE("Multipart/Form-Data; charset=x; Boundary=\"a b=c\""), &boundary));
    assert_true(slice_eq(boundary, SLICE("a b=c")));
    assert_false(http_form_boundary(SLICE("multipart/form-data"), &boundary));
    assert_false(http_form_boundary(SLICE("multipart/form-data; boundary="), &boundary));
    assert_false(http_form_boundary(SLICE("multipart/form-data; boundary=\"a \""), &boundary));
    assert_false(http_form_boundary(SLICE("multipart/mixed; boundary=abc"), &boundary));
    assert_false(http_form_boundary(SLICE("multipart/form-data; boundary=\"a\\\"b\""), &boundary));
    char text[128];
    snprintf(text, sizeof text, "multipart/form-data; boundary=%071d", 0);
    assert_false(http_form_boundary(slice_str(text), &boundary));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields_and_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_file_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_stops_is_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fields_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_may_be_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_that_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_boundary, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
