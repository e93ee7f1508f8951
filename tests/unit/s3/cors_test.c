#include "s3/cors.h"

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

#define RULES(rules) "<CORSConfiguration>" rules "</CORSConfiguration>"
#define ORIGIN(text) "<AllowedOrigin>" text "</AllowedOrigin>"
#define METHOD(text) "<AllowedMethod>" text "</AllowedMethod>"
#define HEADER(text) "<AllowedHeader>" text "</AllowedHeader>"
#define EXPOSE(text) "<ExposeHeader>" text "</ExposeHeader>"
#define RULE(content) "<CORSRule>" content "</CORSRule>"

static struct cors parse(const char *text) {
    struct cors cors = {0};
    bool malformed;
    struct status s = cors_parse(&arena, slice_str(text), &note, &malformed, &cors);
    if (!is_ok(s)) fail_msg("%s", note.text);
    return cors;
}

static bool allowed(const struct cors *cors, const char *origin, const char *method,
                    const char *headers) {
    struct cors_question question = {slice_str(origin), slice_str(method), slice_str(headers)};
    return cors_match(cors, &question) != NULL;
}

static void test_matching(void **state) {
    (void)state;
    struct cors cors = parse(RULES(
        RULE(ORIGIN("https://*.example.com") ORIGIN("http://localhost") METHOD("GET") METHOD("PUT")
                 HEADER("x-amz-*") HEADER("Content-Type")) RULE(ORIGIN("*") METHOD("HEAD"))));
    assert_int_equal(cors.rule_count, 2);
    assert_true(allowed(&cors, "https://a.example.com", "GET", ""));
    assert_true(allowed(&cors, "https://a.b.example.com", "PUT", "X-Amz-Date, content-type"));
    assert_true(allowed(&cors, "http://localhost", "GET", ""));
    assert_false(allowed(&cors, "http://localhost:1", "GET", ""));
    assert_false(allowed(&cors, "https://example.com", "GET", ""));
    assert_false(allowed(&cors, "https://a.example.com.evil.org", "GET", ""));
    assert_false(allowed(&cors, "https://a.example.com", "DELETE", ""));
    assert_false(allowed(&cors, "https://a.example.com", "get", ""));
    assert_false(allowed(&cors, "https://a.example.com", "GET", "X-Other"));
    assert_true(allowed(&cors, "https://anybody", "HEAD", ""));
    assert_false(allowed(&cors, "https://anybody", "HEAD", "X-Amz-Date"));
}

static struct slice header_of(struct http_response *response, const char *name) {
    return http_response_find(response, slice_str(name));
}

static void test_answers(void **state) {
    (void)state;
    struct cors cors = parse(RULES(RULE(ORIGIN("https://*") METHOD("GET") METHOD("PUT") HEADER(
        "*") EXPOSE("ETag") EXPOSE("x-amz-id-2") "<MaxAgeSeconds>60</MaxAgeSeconds>")
                                       RULE(ORIGIN("*") METHOD("HEAD"))));
    struct cors_question question = {SLICE("https://a"), SLICE("PUT"), SLICE("X-B, x-c")};
    struct http_response response;
    http_response_init(&response, &arena);
    cors_answer(cors_match(&cors, &question), &question, true, &arena, &response);
    assert_true(slice_eq(header_of(&response, "Access-Control-Allow-Origin"), SLICE("https://a")));
    assert_true(slice_eq(header_of(&response, "Access-Control-Allow-Credentials"), SLICE("true")));
    assert_true(slice_eq(header_of(&response, "Access-Control-Allow-Methods"), SLICE("GET, PUT")));
    assert_true(slice_eq(header_of(&response, "Access-Control-Allow-Headers"), SLICE("X-B, x-c")));
    assert_true(
        slice_eq(header_of(&response, "Access-Control-Expose-Headers"), SLICE("ETag, x-amz-id-2")));
    assert_true(slice_eq(header_of(&response, "Access-Control-Max-Age"), SLICE("60")));
    assert_true(slice_starts_with(header_of(&response, "Vary"), SLICE("Origin")));
    question = (struct cors_question){SLICE("http://b"), SLICE("HEAD"), SLICE("")};
    http_response_init(&response, &arena);
    cors_answer(cors_match(&cors, &question), &question, false, &arena, &response);
    assert_true(slice_eq(header_of(&response, "Access-Control-Allow-Origin"), SLICE("*")));
    assert_null(header_of(&response, "Access-Control-Allow-Credentials").ptr);
    assert_null(header_of(&response, "Access-Control-Max-Age").ptr);
}

static void test_refuses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool malformed;
    } cases[] = {
        {"", true},
        {"<CORSConfiguration", true},
        {"<Other>" RULE(ORIGIN("*") METHOD("GET")) "</Other>", true},
        {RULES(""), true},
        {RULES(RULE(METHOD("GET"))), true},
        {RULES(RULE(ORIGIN("*"))), true},
        {RULES(RULE(ORIGIN("") METHOD("GET"))), true},
        /* What no answer could say. */
        {RULES(RULE(ORIGIN("*") METHOD("GET") EXPOSE("x-a\nx-b"))), false},
        {RULES(RULE(ORIGIN("*") METHOD("GET") EXPOSE("x a"))), false},
        {RULES(RULE(ORIGIN("*") METHOD("GET") "<MaxAgeSeconds>soon</MaxAgeSeconds>")), true},
        {RULES(RULE(ORIGIN("*") METHOD("PATCH"))), false},
        {RULES(RULE(ORIGIN("http://*.*") METHOD("GET"))), false},
        {RULES(RULE(ORIGIN("*") METHOD("GET") HEADER("*-*"))), false},
        {RULES(RULE(ORIGIN("*") METHOD("GET") EXPOSE("x-*"))), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cors cors;
        bool malformed = false;
        struct status s = cors_parse(&arena, slice_str(cases[i].text), &note, &malformed, &cors);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", cases[i].text);
        assert_int_equal(malformed, cases[i].malformed);
        assert_true(note.text[0] != '\0');
    }
}

static void test_exposed_headers_fit_into_a_head(void **state) {
    (void)state;
    static char text[8192];
    struct cors cors;
    bool malformed;
    for (int len = 40; len <= 41; len++) {
        struct buf out;
        buf_init_fixed(&out, text, sizeof text);
        buf_append_str(&out, "<CORSConfiguration><CORSRule>" ORIGIN("*") METHOD("GET"));
        for (int i = 0; i < 100; i++) buf_printf(&out, EXPOSE("%0*d"), len, i);
        buf_append_str(&out, "</CORSRule></CORSConfiguration>");
        assert_true(is_ok(buf_ok(&out)));
        struct status s = cors_parse(&arena, buf_slice(&out), &note, &malformed, &cors);
        assert_true(len == 40 ? is_ok(s) : status_is(s, STATUS_INVALID));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_matching, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exposed_headers_fit_into_a_head, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
