/* Explanations, as far as they go by a bucket's own documents; and who is told of decisions. */
#include "s3/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "s3/grants.h"
#include "support/s3_call.h"

static struct s3_test test;
static struct arena arena;
static struct note note;

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    arena_init(&arena, 4096, 1024 * 1024);
    note = (struct note){0};
    s3_test_expect(&test, "PUT /bkt", "x-amz-object-ownership: ObjectWriter\r\n", SLICE(""), 200,
                   NULL);
    s3_test_expect(&test, "PUT /bkt/key", "x-amz-acl: public-read\r\nx-amz-tagging: a=b\r\n",
                   SLICE("bytes"), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    s3_test_close(&test);
    return 0;
}

static struct s3_explain question(const char *action, const char *key) {
    return (struct s3_explain){.service = &test.service,
                               .region = &test.service.regions[0],
                               .principal = {.anonymous = true},
                               .action = slice_str(action),
                               .bucket = SLICE("bkt"),
                               .key = slice_str(key),
                               .now_ns = S3_TEST_NOW_NS};
}

static struct access_decision decided(const struct s3_explain *asked) {
    struct s3_explanation explanation = {0};
    struct status s = s3_explain(asked, &arena, &note, &explanation);
    if (!is_ok(s)) fail_msg("%s", note.text);
    return explanation.decision;
}

static void put_policy(const char *effect, const char *condition) {
    struct slice text = arena_printf(
        &arena,
        "{\"Statement\":[{\"Sid\":\"Other\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"nobody\"}"
        ","
        "\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::bkt\"},"
        "{\"Sid\":\"This\",\"Effect\":\"%s\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":"
        "\"arn:aws:s3:::bkt/*\",\"Condition\":{%s}}]}",
        effect, condition);
    s3_test_expect(&test, "PUT /bkt?policy", NULL, text, 204, NULL);
}

static void test_a_grant_of_a_list(void **state) {
    (void)state;
    struct s3_explain asked = question("s3:GetObject", "key");
    struct access_decision decision = decided(&asked);
    assert_true(decision.allowed);
    assert_int_equal(decision.reason, ACCESS_ACL_ALLOWS);
    assert_int_equal(decision.grant, 1); /* behind the owner's */
    s3_test_expect(&test, "PUT /bkt?publicAccessBlock", NULL,
                   SLICE("<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls>"
                         "</PublicAccessBlockConfiguration>"),
                   200, NULL);
    decision = decided(&asked);
    assert_false(decision.allowed);
    assert_int_equal(decision.reason, ACCESS_PUBLIC_LIST_BLOCKED);
    assert_int_equal(decision.grant, 1);
}

static void test_a_statement_of_the_policy(void **state) {
    (void)state;
    put_policy("Deny", "\"StringEquals\":{\"s3:ExistingObjectTag/a\":\"b\",\"aws:x\":\"1\"}");
    struct s3_explain asked = question("s3:GetObject", "key");
    assert_int_equal(decided(&asked).reason, ACCESS_ACL_ALLOWS);
    const struct object_pair facts[] = {{SLICE("AWS:X"), SLICE("1")}};
    asked.facts = (struct object_pairs){facts, 1};
    struct access_decision decision = decided(&asked);
    assert_int_equal(decision.reason, ACCESS_POLICY_DENIES);
    assert_int_equal(decision.statement, 1);
    assert_true(slice_eq(decision.sid, SLICE("This")));
}

static void test_a_policy_that_is_not_put(void **state) {
    (void)state;
    struct s3_explain asked = question("s3:DeleteObject", "key");
    assert_int_equal(decided(&asked).reason, ACCESS_NOTHING_ALLOWS);
    asked.policy = SLICE(
        "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
        "\"s3:DeleteObject\",\"Resource\":\"arn:aws:s3:::bkt/*\"}]}");
    assert_int_equal(decided(&asked).reason, ACCESS_POLICY_ALLOWS);
    struct s3_explanation explanation;
    asked.policy = SLICE("{}");
    assert_true(status_is(s3_explain(&asked, &arena, &note, &explanation), STATUS_INVALID));
    assert_true(note.text[0] != 0);
}

static void test_versions_have_actions_of_their_own(void **state) {
    (void)state;
    put_policy("Allow", "\"StringEquals\":{\"s3:VersionId\":\"null\"}");
    struct s3_explain asked = question("s3:GetObjectTagging", "key");
    assert_false(decided(&asked).allowed);
    asked.version = SLICE("null");
    assert_true(decided(&asked).allowed);
}

static void test_what_is_not_there(void **state) {
    (void)state;
    struct s3_explanation explanation;
    struct s3_explain asked = question("s3:GetObject", "key");
    asked.bucket = SLICE("none");
    assert_true(status_is(s3_explain(&asked, &arena, &note, &explanation), STATUS_NOT_FOUND));
    asked = question("GetObject", "key");
    assert_true(status_is(s3_explain(&asked, &arena, &note, &explanation), STATUS_INVALID));
    asked = question("s3:GetObject", "key");
    asked.version = SLICE("no version");
    assert_true(status_is(s3_explain(&asked, &arena, &note, &explanation), STATUS_INVALID));
}

static struct {
    size_t count;
    struct access_decision last;
    char action[64];
} heard;

static void hear(const struct s3_call *call, const struct s3_question *asked,
                 const struct access_decision *decision) {
    assert_true(call->request_id.len > 0);
    heard.count++;
    heard.last = *decision;
    snprintf(heard.action, sizeof heard.action, "%s", asked->action);
}

static void test_decisions_of_requests_are_told(void **state) {
    (void)state;
    heard.count = 0;
    test.service.decided = hear;
    test.who = S3_TEST_NOBODY;
    s3_test_expect(&test, "GET /bkt/key?acl", NULL, SLICE(""), 403, "AccessDenied");
    assert_int_equal(heard.count, 1);
    assert_string_equal(heard.action, "s3:GetObjectAcl");
    assert_false(heard.last.allowed);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_grant_of_a_list),        TEST(test_a_statement_of_the_policy),
        TEST(test_a_policy_that_is_not_put), TEST(test_versions_have_actions_of_their_own),
        TEST(test_what_is_not_there),        TEST(test_decisions_of_requests_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
