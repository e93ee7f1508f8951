#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "auth/auth.h"
#include "base/check.h"

static struct arena arena;
static struct http_head head;
static struct http_query query;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    head.header_count = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void add(const char *name, const char *value) {
    head.headers[head.header_count++] = (struct http_header){slice_str(name), slice_str(value)};
}

/* How many headers the query brings; SIZE_MAX: it is refused. */
static size_t take(enum auth_kind kind, const char *text) {
    struct auth_result result = {.kind = kind};
    size_t count;
    assert_true(is_ok(http_query_parse(&arena, slice_str(text), &query)));
    return is_ok(auth_query_headers(&result, &query, &head, &count)) ? count : SIZE_MAX;
}

static void expect(const char *name, const char *value) {
    assert_int_equal(http_head_count(&head, slice_str(name)), value != NULL);
    if (value != NULL) {
        assert_true(slice_eq(http_head_find(&head, slice_str(name)), slice_str(value)));
    }
}

static void test_of_version_4(void **state) {
    (void)state;
    size_t count = take(AUTH_SIGV4_QUERY,
                        "X-Amz-Algorithm=a&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=e&"
                        "X-Amz-SignedHeaders=h&X-Amz-Signature=s&X-Amz-Content-Sha256=u&"
                        "x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject&Content-Type=t&"
                        "x-amz-acl=private&X-Amz-Meta-A=%20one%20two%20&x-amz-meta-empty");
    assert_int_equal(count, 3);
    assert_int_equal(head.header_count, 3);
    expect("x-amz-acl", "private");
    expect("x-amz-meta-a", "one two");
    expect("x-amz-meta-empty", "");
    assert_non_null(http_head_find(&head, SLICE("x-amz-meta-empty")).ptr);
}

static void test_of_version_2(void **state) {
    (void)state;
    size_t count = take(AUTH_SIGV2_QUERY,
                        "AWSAccessKeyId=a&Expires=1&Signature=s&Content-MD5=m&content-type=t&"
                        "x-amz-acl=private&cache-control=no");
    assert_int_equal(count, 3);
    expect("content-md5", "m");
    expect("content-type", "t");
    expect("x-amz-acl", "private");
}

static void test_what_is_in_the_head_stays(void **state) {
    (void)state;
    add("X-Amz-Acl", "private");
    assert_int_equal(take(AUTH_SIGV4_QUERY, "x-amz-acl=public-read&x-amz-meta-a=1&x-amz-meta-a=2"),
                     1);
    expect("x-amz-acl", "private");
    expect("x-amz-meta-a", "1");
}

/* Only what a signature covers counts. */
static void test_of_nobody_and_signed_heads(void **state) {
    (void)state;
    assert_int_equal(take(AUTH_ANONYMOUS, "x-amz-copy-source=b/k"), 0);
    assert_int_equal(take(AUTH_SIGV4_HEADER, "x-amz-copy-source=b/k"), 0);
    assert_int_equal(take(AUTH_SIGV2_HEADER, "content-type=t"), 0);
    assert_int_equal(head.header_count, 0);
}

static void test_refused(void **state) {
    (void)state;
    assert_int_equal(take(AUTH_SIGV4_QUERY, "x-amz-meta-a=b%0d%0ac"), SIZE_MAX);
    assert_int_equal(take(AUTH_SIGV4_QUERY, "x-amz-meta-a=b%00c"), SIZE_MAX);
    assert_int_equal(take(AUTH_SIGV4_QUERY, "x-amz-meta-a%3A=b"), SIZE_MAX);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++) head.headers[i] = (struct http_header){0};
    head.header_count = HTTP_HEADERS_MAX;
    assert_int_equal(take(AUTH_SIGV4_QUERY, "x-amz-meta-a=b"), SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_of_version_4, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_version_2, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_in_the_head_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_nobody_and_signed_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
