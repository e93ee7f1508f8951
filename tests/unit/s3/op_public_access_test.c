/* Public access blocks: of a bucket, of a project with all its buckets, and of new buckets. */
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

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

#define ACCOUNT "/v20180820/configuration/publicAccessBlock"
#define ID(project) "x-amz-account-id: " project "\r\n"
#define BLOCK(name) \
    "<PublicAccessBlockConfiguration><" name ">true</" name "></PublicAccessBlockConfiguration>"
#define PUBLIC_POLICY                                                                        \
    "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\"," \
    "\"Resource\":"                                                                          \
    "\"arn:aws:s3:::bkt/*\"}]}"

static void put_account(const char *block) {
    s3_test_expect(&test, "PUT " ACCOUNT, ID("project-a"), slice_str(block), 200, NULL);
}

static void expect_as(enum s3_test_who who, const char *what, int status, const char *code) {
    test.who = who;
    s3_test_expect(&test, what, NULL, SLICE(""), status, code);
    test.who = S3_TEST_ALICE;
}

static void test_account_block_is_kept_and_forgotten(void **state) {
    (void)state;
    s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 404,
                   "NoSuchPublicAccessBlockConfiguration");
    /* As S3 Control's errors are: in a wrapper. */
    assert_int_equal(s3_test_count(&test, "<ErrorResponse "), 1);
    assert_int_equal(s3_test_count(&test, "</Error><RequestId>"), 1);
    put_account(BLOCK("IgnorePublicAcls"));
    s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "awss3control.amazonaws.com"), 1);
    assert_int_equal(s3_test_count(&test, "<IgnorePublicAcls>true<"), 1);
    assert_int_equal(s3_test_count(&test, ">false<"), 3);
    s3_test_expect(&test, "DELETE " ACCOUNT, ID("project-a"), SLICE(""), 204, NULL);
    s3_test_expect(&test, "DELETE " ACCOUNT, ID("project-a"), SLICE(""), 204, NULL);
    s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 404,
                   "NoSuchPublicAccessBlockConfiguration");
}

/* The clients put the account in the host's name, where others have a bucket. */
static void test_account_in_the_host_name(void **state) {
    (void)state;
    test.bucket_from_host = "project-a.s3-control";
    put_account(BLOCK("IgnorePublicAcls"));
    test.bucket_from_host = NULL;
    s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 200, NULL);
}

static void test_an_account_is_its_own_affair(void **state) {
    (void)state;
    put_account(BLOCK("IgnorePublicAcls"));
    static const enum s3_test_who others[] = {S3_TEST_BOB, S3_TEST_NOBODY};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        test.who = others[i];
        s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 403, "AccessDenied");
        s3_test_expect(&test, "DELETE " ACCOUNT, ID("project-a"), SLICE(""), 403, "AccessDenied");
        s3_test_expect(&test, "PUT " ACCOUNT, ID("project-a"), SLICE(BLOCK("BlockPublicAcls")), 403,
                       "AccessDenied");
    }
    test.who = S3_TEST_NOBODY;
    s3_test_expect(&test, "GET " ACCOUNT, "x-amz-account-id:\r\n", SLICE(""), 403, "AccessDenied");
    test.who = S3_TEST_ADMIN;
    s3_test_expect(&test, "GET " ACCOUNT, ID("project-a"), SLICE(""), 200, NULL);
}

static void test_what_is_no_operation_of_s3_control(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /v20180820/jobs", ID("project-a"), SLICE(""), 501, "NotImplemented");
    s3_test_expect(&test, "POST " ACCOUNT, ID("project-a"), SLICE(""), 405, "MethodNotAllowed");
    assert_true(slice_eq(s3_test_header(&test, "Allow"), SLICE("GET, PUT, DELETE")));
    s3_test_expect(&test, "PUT " ACCOUNT, ID("project-a"), SLICE("<Other/>"), 400, "MalformedXML");
    /* Without the header it is a key of a bucket as any other. */
    s3_test_expect(&test, "PUT /v20180820", NULL, SLICE(""), 200, NULL);
    s3_test_expect(&test, "PUT " ACCOUNT, NULL, SLICE("bytes"), 200, NULL);
    s3_test_expect(&test, "GET " ACCOUNT, NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(test.body, SLICE("bytes")));
}

static void test_account_block_counts_in_all_its_buckets(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt", "x-amz-object-ownership: ObjectWriter\r\n", SLICE(""), 200,
                   NULL);
    s3_test_expect(&test, "PUT /bkt/a", "x-amz-acl: public-read\r\n", SLICE("a"), 200, NULL);
    expect_as(S3_TEST_NOBODY, "GET /bkt/a", 200, NULL);
    put_account(BLOCK("IgnorePublicAcls"));
    expect_as(S3_TEST_NOBODY, "GET /bkt/a", 403, "AccessDenied");
    put_account(BLOCK("BlockPublicAcls"));
    expect_as(S3_TEST_NOBODY, "GET /bkt/a", 200, NULL);
    s3_test_expect(&test, "PUT /bkt/b", "x-amz-acl: public-read\r\n", SLICE("a"), 403,
                   "AccessDenied");
    s3_test_expect(&test, "PUT /new",
                   "x-amz-object-ownership: ObjectWriter\r\nx-amz-acl: public-read\r\n", SLICE(""),
                   403, "AccessDenied");
    put_account(BLOCK("BlockPublicPolicy"));
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE(PUBLIC_POLICY), 403, "AccessDenied");
    s3_test_expect(&test, "DELETE " ACCOUNT, ID("project-a"), SLICE(""), 204, NULL);
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE(PUBLIC_POLICY), 204, NULL);
    s3_test_expect(&test, "PUT /bkt/b", NULL, SLICE("b"), 200, NULL);
    expect_as(S3_TEST_NOBODY, "GET /bkt/b", 200, NULL);
    put_account(BLOCK("RestrictPublicBuckets"));
    expect_as(S3_TEST_NOBODY, "GET /bkt/b", 403, "AccessDenied");
    expect_as(S3_TEST_CAROL, "GET /bkt/b", 200, NULL);
}

/* The stricter of the two counts, switch by switch. */
static void test_account_and_bucket_together(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt", "x-amz-object-ownership: ObjectWriter\r\n", SLICE(""), 200,
                   NULL);
    s3_test_expect(&test, "PUT /bkt/a", "x-amz-acl: public-read\r\n", SLICE("a"), 200, NULL);
    put_account(BLOCK("BlockPublicPolicy"));
    s3_test_expect(&test, "PUT /bkt?publicAccessBlock", NULL, SLICE(BLOCK("IgnorePublicAcls")), 200,
                   NULL);
    expect_as(S3_TEST_NOBODY, "GET /bkt/a", 403, "AccessDenied");
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE(PUBLIC_POLICY), 403, "AccessDenied");
    s3_test_expect(&test, "GET /bkt?publicAccessBlock", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, ">true<"), 1); /* the bucket's own */
}

static void test_new_buckets_of_a_zone_that_blocks(void **state) {
    (void)state;
    test.service.block_public_access = true;
    s3_test_expect(&test, "PUT /bkt", "x-amz-object-ownership: ObjectWriter\r\n", SLICE(""), 200,
                   NULL);
    s3_test_expect(&test, "GET /bkt?publicAccessBlock", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, ">true<"), 4);
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE(PUBLIC_POLICY), 403, "AccessDenied");
    s3_test_expect(&test, "PUT /new",
                   "x-amz-object-ownership: ObjectWriter\r\nx-amz-acl: public-read\r\n", SLICE(""),
                   400, "InvalidBucketAclWithBlockPublicAccessError");
    s3_test_expect(&test, "DELETE /bkt?publicAccessBlock", NULL, SLICE(""), 204, NULL);
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE(PUBLIC_POLICY), 204, NULL);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_account_block_is_kept_and_forgotten),
        TEST(test_account_in_the_host_name),
        TEST(test_an_account_is_its_own_affair),
        TEST(test_what_is_no_operation_of_s3_control),
        TEST(test_account_block_counts_in_all_its_buckets),
        TEST(test_account_and_bucket_together),
        TEST(test_new_buckets_of_a_zone_that_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
