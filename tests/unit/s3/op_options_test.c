/* CORS as a browser sees it: preflights, and the headers on answers and on errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "support/s3_call.h"

static struct s3_test test;

#define RULES                                                                   \
    "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.app</AllowedOrigin>" \
    "<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"      \
    "<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"   \
    "<MaxAgeSeconds>9</MaxAgeSeconds></CORSRule></CORSConfiguration>"
#define ORIGIN "Origin: https://my.app\r\n"
#define WANTS(method) "Access-Control-Request-Method: " method "\r\n"

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", NULL, SLICE(""), 200, NULL);
    s3_test_expect(&test, "PUT /bkt?cors", NULL, SLICE("" RULES), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/key", NULL, SLICE("bytes"), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

static void assert_header(const char *name, const char *value) {
    struct slice found = s3_test_header(&test, name);
    if (value == NULL) {
        assert_null(found.ptr);
    } else if (!slice_eq(found, slice_str(value))) {
        fail_msg("%s: %.*s instead of %s", name, SLICE_FMT(found), value);
    }
}

static void test_preflight(void **state) {
    (void)state;
    test.who = S3_TEST_NOBODY;
    s3_test_expect(&test, "OPTIONS /bkt/key",
                   ORIGIN WANTS("PUT") "Access-Control-Request-Headers: X-Amz-Date\r\n", SLICE(""),
                   200, NULL);
    assert_header("Access-Control-Allow-Origin", "https://my.app");
    assert_header("Access-Control-Allow-Methods", "GET, PUT");
    assert_header("Access-Control-Allow-Headers", "X-Amz-Date");
    assert_header("Access-Control-Max-Age", "9");
    assert_int_equal(test.body.len, 0);
    s3_test_expect(&test, "OPTIONS /bkt", ORIGIN WANTS("GET"), SLICE(""), 200, NULL);
}

static void test_preflights_refused(void **state) {
    (void)state;
    test.who = S3_TEST_NOBODY;
    static const struct {
        const char *what;
        const char *headers;
        int status;
        const char *code;
    } cases[] = {
        {"OPTIONS /bkt/key", WANTS("GET"), 400, "BadRequest"},
        {"OPTIONS /bkt/key", ORIGIN, 400, "BadRequest"},
        {"OPTIONS /bkt/key", ORIGIN WANTS("DELETE"), 403, "AccessForbidden"},
        {"OPTIONS /bkt/key", "Origin: https://other\r\n" WANTS("GET"), 403, "AccessForbidden"},
        {"OPTIONS /bkt/key", ORIGIN WANTS("GET") "Access-Control-Request-Headers: x-other\r\n", 403,
         "AccessForbidden"},
        {"OPTIONS /nobucket/key", ORIGIN WANTS("GET"), 404, "NoSuchBucket"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        s3_test_expect(&test, cases[i].what, cases[i].headers, SLICE(""), cases[i].status,
                       cases[i].code);
        assert_header("Access-Control-Allow-Origin", NULL);
    }
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "DELETE /bkt?cors", NULL, SLICE(""), 204, NULL);
    s3_test_expect(&test, "OPTIONS /bkt/key", ORIGIN WANTS("GET"), SLICE(""), 403,
                   "AccessForbidden");
}

static void test_on_answers(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt/key", ORIGIN, SLICE(""), 200, NULL);
    assert_header("Access-Control-Allow-Origin", "https://my.app");
    assert_header("Access-Control-Expose-Headers", "ETag");
    assert_header("Access-Control-Allow-Headers", NULL);
    s3_test_expect(&test, "GET /bkt/key", NULL, SLICE(""), 200, NULL);
    assert_header("Access-Control-Allow-Origin", NULL);
    s3_test_expect(&test, "GET /bkt/key", "Origin: https://other\r\n", SLICE(""), 200, NULL);
    assert_header("Access-Control-Allow-Origin", NULL);
    s3_test_expect(&test, "DELETE /bkt/key", ORIGIN, SLICE(""), 204, NULL);
    assert_header("Access-Control-Allow-Origin", NULL);
    s3_test_expect(&test, "DELETE /bkt/key", ORIGIN WANTS("PUT"), SLICE(""), 204, NULL);
    assert_header("Access-Control-Allow-Origin", "https://my.app");
}

static void test_on_errors(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt/absent", ORIGIN, SLICE(""), 404, "NoSuchKey");
    assert_header("Access-Control-Allow-Origin", "https://my.app");
    test.who = S3_TEST_NOBODY;
    s3_test_expect(&test, "GET /bkt/key", ORIGIN, SLICE(""), 403, "AccessDenied");
    assert_header("Access-Control-Allow-Origin", "https://my.app");
    s3_test_expect(&test, "GET /nobucket/key", ORIGIN, SLICE(""), 404, "NoSuchBucket");
    assert_header("Access-Control-Allow-Origin", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_preflight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preflights_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_errors, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
