/* Policies as others meet them: what is allowed, what is denied, what the public is kept from. */
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
    s3_test_expect(&test, "PUT /bkt", NULL, SLICE(""), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/open/key", NULL, SLICE("bytes"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/shut/key", NULL, SLICE("bytes"), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

#define STATEMENT(effect, action, resource, more)                         \
    "{\"Effect\":\"" effect "\",\"Principal\":\"*\",\"Action\":\"" action \
    "\","                                                                 \
    "\"Resource\":\"arn:aws:s3:::bkt" resource "\"" more "}"
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define BLOCK(name)                                         \
    "<PublicAccessBlockConfiguration><" name ">true</" name \
    ">"                                                     \
    "</PublicAccessBlockConfiguration>"

static void put_policy(const char *text) {
    enum s3_test_who who = test.who;
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "PUT /bkt?policy", NULL, slice_str(text), 204, NULL);
    test.who = who;
}

/* What the last parameter says is either "" for success or the error's code. */
static void expect(enum s3_test_who who, const char *what, const char *headers, const char *code) {
    static const struct {
        const char *code;
        int status;
    } codes[] = {{"AccessDenied", 403}, {"NoSuchKey", 404}};
    test.who = who;
    bool is_put = slice_starts_with(slice_str(what), SLICE("PUT /bkt"));
    int status = s3_test_send(&test, what, headers, is_put ? SLICE("new") : SLICE(""));
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (strcmp(codes[i].code, code) != 0) continue;
        assert_int_equal(status, codes[i].status);
        if (test.body.len > 0) {
            assert_true(slice_eq(s3_test_element(&test, "Code"), slice_str(code)));
        }
        return;
    }
    if (status >= 300) fail_msg("%s: %d", what, status);
}

static void test_allows_what_it_says(void **state) {
    (void)state;
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", NULL, "AccessDenied");
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/open/*", "")));
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", NULL, "");
    expect(S3_TEST_BOB, "HEAD /bkt/open/key", NULL, "");
    expect(S3_TEST_BOB, "GET /bkt/shut/key", NULL, "AccessDenied");
    expect(S3_TEST_BOB, "GET /bkt", NULL, "AccessDenied");
    expect(S3_TEST_BOB, "PUT /bkt/open/key", NULL, "AccessDenied");
    expect(S3_TEST_BOB, "DELETE /bkt/open/key", NULL, "AccessDenied");
}

/* A key that is not there is told to those only who may list. */
static void test_absent_keys(void **state) {
    (void)state;
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "")));
    expect(S3_TEST_BOB, "GET /bkt/absent", NULL, "AccessDenied");
    expect(S3_TEST_ALICE, "GET /bkt/absent", NULL, "NoSuchKey");
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "") "," STATEMENT(
        "Allow", "s3:ListBucket", "", "")));
    expect(S3_TEST_BOB, "GET /bkt/absent", NULL, "NoSuchKey");
}

static void test_a_denial_is_final(void **state) {
    (void)state;
    put_policy(POLICY(STATEMENT("Deny", "s3:DeleteObject", "/shut/*", "")));
    expect(S3_TEST_ALICE, "DELETE /bkt/shut/key", NULL, "AccessDenied");
    expect(S3_TEST_ALICE, "DELETE /bkt/open/key", NULL, "");
    put_policy(POLICY(STATEMENT("Deny", "s3:*", "", "") "," STATEMENT("Deny", "s3:*", "/*", "")));
    expect(S3_TEST_ALICE, "GET /bkt/shut/key", NULL, "AccessDenied");
    expect(S3_TEST_ADMIN, "GET /bkt/shut/key", NULL, "AccessDenied");
    /* But the owner can take the policy away. */
    expect(S3_TEST_BOB, "DELETE /bkt?policy", NULL, "AccessDenied");
    expect(S3_TEST_ALICE, "GET /bkt?policy", NULL, "");
    expect(S3_TEST_ALICE, "DELETE /bkt?policy", NULL, "");
    expect(S3_TEST_ALICE, "GET /bkt/shut/key", NULL, "");
}

static void test_conditions_of_the_request(void **state) {
    (void)state;
    put_policy(POLICY(STATEMENT("Allow", "s3:ListBucket", "",
                                ",\"Condition\":{\"StringEquals\":{\"s3:prefix\":\"open/\"}}")));
    expect(S3_TEST_BOB, "GET /bkt?prefix=open/", NULL, "");
    expect(S3_TEST_BOB, "GET /bkt?prefix=shut/", NULL, "AccessDenied");
    expect(S3_TEST_BOB, "GET /bkt", NULL, "AccessDenied");
    put_policy(POLICY(
        STATEMENT("Allow", "s3:GetObject", "/*",
                  ",\"Condition\":{\"StringLike\":{\"aws:Referer\":\"https://my.site/*\"}}")));
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", "Referer: https://my.site/page\r\n", "");
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", "Referer: https://other/\r\n", "AccessDenied");
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*",
                                ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}")));
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", NULL, "AccessDenied");
    put_policy(POLICY(STATEMENT("Allow", "s3:PutObject", "/*",
                                ",\"Condition\":{\"StringEquals\":{\"s3:x-amz-storage-class\":"
                                "\"STANDARD\"}}")));
    expect(S3_TEST_BOB, "PUT /bkt/k", "x-amz-storage-class: STANDARD\r\n", "");
    expect(S3_TEST_BOB, "PUT /bkt/k", NULL, "AccessDenied");
}

/* Copies ask for their source, multi-deletes for each key. */
static void test_other_subjects(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    s3_test_expect(&test, "PUT /bobs", NULL, SLICE(""), 200, NULL);
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/open/*", "") "," STATEMENT(
        "Allow", "s3:DeleteObject", "/open/*", "")));
    expect(S3_TEST_BOB, "PUT /bobs/copy", "x-amz-copy-source: bkt/open/key\r\n", "");
    expect(S3_TEST_BOB, "PUT /bobs/copy", "x-amz-copy-source: bkt/shut/key\r\n", "AccessDenied");
    s3_test_expect(&test, "POST /bkt?delete", "Content-MD5: fdbPYMgvvDkivwknyXq64A==\r\n",
                   SLICE("<Delete><Object><Key>open/key</Key></Object>"
                         "<Object><Key>shut/key</Key></Object></Delete>"),
                   200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 1);
    assert_int_equal(s3_test_count(&test, "<Code>AccessDenied</Code>"), 1);
}

#define OWNED_BY(project) \
    ",\"Condition\":{\"StringEquals\":{\"s3:ResourceAccount\":\"" project "\"}}"

/* A condition on the bucket's owner is about the bucket whose policy it stands in. */
static void test_whose_resource(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    s3_test_expect(&test, "PUT /bobs", NULL, SLICE(""), 200, NULL);
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/open/*", OWNED_BY("project-b"))));
    expect(S3_TEST_BOB, "PUT /bobs/copy", "x-amz-copy-source: bkt/open/key\r\n", "AccessDenied");
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/open/*", OWNED_BY("project-a"))));
    expect(S3_TEST_BOB, "PUT /bobs/copy", "x-amz-copy-source: bkt/open/key\r\n", "");
}

static void test_public_access_block(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt?publicAccessBlock", NULL, SLICE(""), 404,
                   "NoSuchPublicAccessBlockConfiguration");
    s3_test_expect(&test, "PUT /bkt?publicAccessBlock", NULL,
                   SLICE("" BLOCK("RestrictPublicBuckets")), 200, NULL);
    s3_test_expect(&test, "GET /bkt?publicAccessBlock", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "true"), 1);
    assert_int_equal(s3_test_count(&test, "false"), 3);
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "")));
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", NULL, "AccessDenied");
    expect(S3_TEST_CAROL, "GET /bkt/open/key", NULL, "");
    expect(S3_TEST_ALICE, "DELETE /bkt?publicAccessBlock", NULL, "");
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", NULL, "");
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "PUT /bkt?publicAccessBlock", NULL, SLICE("" BLOCK("BlockPublicPolicy")),
                   200, NULL);
    s3_test_expect(&test, "PUT /bkt?policy", NULL,
                   SLICE("" POLICY(STATEMENT("Allow", "s3:GetObject", "/*", ""))), 403,
                   "AccessDenied");
    s3_test_expect(&test, "PUT /bkt?publicAccessBlock", NULL, SLICE("<Block/>"), 400,
                   "MalformedXML");
}

static void test_status_and_refusals(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt?policy", NULL, SLICE(""), 404, "NoSuchBucketPolicy");
    s3_test_expect(&test, "GET /bkt?policyStatus", NULL, SLICE(""), 404, "NoSuchBucketPolicy");
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "")));
    s3_test_expect(&test, "GET /bkt?policyStatus", NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(s3_test_element(&test, "IsPublic"), SLICE("true")));
    s3_test_expect(&test, "GET /bkt?policy", NULL, SLICE(""), 200, NULL);
    assert_true(
        slice_eq(test.body, SLICE("" POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "")))));
    put_policy(POLICY(STATEMENT("Deny", "s3:GetObject", "/*", "")));
    s3_test_expect(&test, "GET /bkt?policyStatus", NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(s3_test_element(&test, "IsPublic"), SLICE("false")));
    s3_test_expect(&test, "PUT /bkt?policy", NULL, SLICE("{}"), 400, "MalformedPolicy");
    s3_test_expect(&test, "PUT /bkt?policy", NULL,
                   SLICE("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
                         "\"s3:*\",\"Resource\":\"arn:aws:s3:::other/*\"}]}"),
                   400, "MalformedPolicy");
}

static void test_requesters_pay(void **state) {
    (void)state;
    put_policy(POLICY(STATEMENT("Allow", "s3:GetObject", "/*", "")));
    s3_test_expect(&test, "PUT /bkt?requestPayment", NULL,
                   SLICE("<RequestPaymentConfiguration><Payer>Requester</Payer>"
                         "</RequestPaymentConfiguration>"),
                   200, NULL);
    expect(S3_TEST_ALICE, "GET /bkt/open/key", NULL, "");
    expect(S3_TEST_BOB, "GET /bkt/open/key", NULL, "AccessDenied");
    expect(S3_TEST_BOB, "GET /bkt/open/key", "x-amz-request-payer: requester\r\n", "");
    expect(S3_TEST_NOBODY, "GET /bkt/open/key", "x-amz-request-payer: requester\r\n",
           "AccessDenied");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_allows_what_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_denial_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conditions_of_the_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_subjects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_resource, setup, teardown),
        cmocka_unit_test_setup_teardown(test_public_access_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_and_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requesters_pay, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
