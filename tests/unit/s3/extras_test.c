/* What a write sets beside the bytes needs permissions of its own, and policies see what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "support/s3_call.h"

static struct s3_test test;

#define LOCKED "x-amz-bucket-object-lock-enabled: true\r\n"
#define WRITER "x-amz-object-ownership: ObjectWriter\r\n"
#define UNTIL "x-amz-object-lock-retain-until-date: 2026-12-04T12:00:00Z\r\n"
#define RETAINED "x-amz-object-lock-mode: GOVERNANCE\r\n" UNTIL
#define TAGS(pairs) \
    "<Tagging><TagSet><Tag><Key>k</Key><Value>" pairs "</Value></Tag></TagSet></Tagging>"

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", LOCKED WRITER, SLICE(""), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/key", NULL, SLICE("bytes"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/tagged", "x-amz-tagging: k=v\r\n", SLICE("bytes"), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

/* Bob may do `actions` ("s3:A\",\"s3:B") under a condition; NULL: without. */
static void let_bob(const char *actions, const char *condition) {
    char policy[1024];
    snprintf(policy, sizeof policy,
             "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"%s\"],"
             "\"Resource\":\"arn:aws:s3:::bkt/*\"%s%s%s}]}",
             actions, condition != NULL ? ",\"Condition\":{" : "",
             condition != NULL ? condition : "", condition != NULL ? "}" : "");
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "PUT /bkt?policy", NULL, slice_str(policy), 204, NULL);
    test.who = S3_TEST_BOB;
}

static void expect(const char *what, const char *headers, bool allowed) {
    bool has_body = slice_starts_with(slice_str(what), SLICE("PUT ")) &&
                    (headers == NULL || strstr(headers, "copy-source") == NULL);
    int status = s3_test_send(&test, what, headers, has_body ? SLICE("bytes") : SLICE(""));
    if ((status < 300) != allowed) {
        fail_msg("%s %s: %d %.*s", what, headers, status, SLICE_FMT(test.body));
    }
    if (!allowed) assert_int_equal(status, 403);
}

static void test_each_extra_needs_its_permission(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        const char *action;
    } rows[] = {
        {"x-amz-tagging: k=v\r\n", "s3:PutObjectTagging"},
        {RETAINED, "s3:PutObjectRetention"},
        {"x-amz-object-lock-legal-hold: ON\r\n", "s3:PutObjectLegalHold"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char both[100];
        snprintf(both, sizeof both, "s3:PutObject\",\"%s", rows[i].action);
        let_bob("s3:PutObject", NULL);
        expect("PUT /bkt/new", NULL, true);
        expect("PUT /bkt/new", rows[i].headers, false);
        expect("POST /bkt/new?uploads", rows[i].headers, false);
        let_bob(both, NULL);
        expect("PUT /bkt/new", rows[i].headers, true);
        expect("POST /bkt/new?uploads", rows[i].headers, true);
    }
}

/* Who will own the object may say who reads it, if no policy denies that. */
static void test_a_list_is_its_owners(void **state) {
    (void)state;
    let_bob("s3:PutObject", NULL);
    expect("PUT /bkt/new", "x-amz-acl: public-read\r\n", true);
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "PUT /bkt?policy", NULL,
                   SLICE("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
                         "\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::bkt/*\"},{\"Effect\":"
                         "\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:PutObjectAcl\","
                         "\"Resource\":\"arn:aws:s3:::bkt/*\"}]}"),
                   204, NULL);
    test.who = S3_TEST_BOB;
    expect("PUT /bkt/new", "x-amz-acl: public-read\r\n", false);
    expect("PUT /bkt/new", "x-amz-grant-read: id=\"project-a\"\r\n", false);
    expect("PUT /bkt/new", NULL, true);
    let_bob("s3:PutObject", NULL);
    test.who = S3_TEST_NOBODY;
    expect("PUT /bkt/new", "x-amz-acl: public-read\r\n", true);
    expect("PUT /bkt/new", NULL, true);
}

static void test_tags_that_come_with_a_copy(void **state) {
    (void)state;
    static const char plain[] = "x-amz-copy-source: bkt/key\r\n";
    static const char tagged[] = "x-amz-copy-source: bkt/tagged\r\n";
    static const char without[] =
        "x-amz-copy-source: bkt/tagged\r\nx-amz-tagging-directive: REPLACE\r\n";
    let_bob("s3:PutObject\",\"s3:GetObject", NULL);
    expect("PUT /bkt/copy", plain, true);
    expect("PUT /bkt/copy", tagged, false);
    expect("PUT /bkt/copy", without, true);
    let_bob("s3:PutObject\",\"s3:GetObject\",\"s3:PutObjectTagging", NULL);
    expect("PUT /bkt/copy", tagged, false);
    let_bob("s3:PutObject\",\"s3:GetObject\",\"s3:PutObjectTagging\",\"s3:GetObjectTagging", NULL);
    expect("PUT /bkt/copy", tagged, true);
}

static void test_tags_of_a_document(void **state) {
    (void)state;
    let_bob("s3:PutObjectTagging", "\"StringEquals\":{\"s3:RequestObjectTag/k\":\"v\"}");
    s3_test_expect(&test, "PUT /bkt/key?tagging", NULL, SLICE(TAGS("v")), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/key?tagging", NULL, SLICE(TAGS("w")), 403, "AccessDenied");
    /* What is not asked in the document is asked before it is read. */
    let_bob("s3:GetObject", NULL);
    s3_test_expect(&test, "PUT /bkt/key?tagging", NULL, SLICE("<wrong"), 403, "AccessDenied");
    let_bob("s3:PutObjectTagging",
            "\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"k\",\"l\"]}");
    s3_test_expect(&test, "PUT /bkt/key?tagging", NULL, SLICE(TAGS("w")), 200, NULL);
    let_bob("s3:PutObjectTagging",
            "\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"l\"]}");
    s3_test_expect(&test, "PUT /bkt/key?tagging", NULL, SLICE(TAGS("w")), 403, "AccessDenied");
}

static void test_tags_of_headers(void **state) {
    (void)state;
    let_bob("s3:PutObject\",\"s3:PutObjectTagging",
            "\"StringEquals\":{\"s3:RequestObjectTag/k\":\"v\"},"
            "\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":\"l\"}");
    expect("PUT /bkt/new", "x-amz-tagging: k=v&l=1\r\n", true);
    expect("PUT /bkt/new", "x-amz-tagging: k=v\r\n", false);
    expect("PUT /bkt/new", "x-amz-tagging: k=w&l=1\r\n", false);
    expect("PUT /bkt/new", NULL, false);
}

#define RETENTION(mode, date) \
    "<Retention><Mode>" mode "</Mode><RetainUntilDate>" date "</RetainUntilDate></Retention>"

/* Ten days are the most that Bob may retain. */
static void test_retention_within_bounds(void **state) {
    (void)state;
    let_bob(
        "s3:PutObject\",\"s3:PutObjectRetention",
        "\"NumericLessThanEqualsIfExists\":{\"s3:object-lock-remaining-retention-days\":\"10\"},"
        "\"StringEqualsIfExists\":{\"s3:object-lock-mode\":\"GOVERNANCE\"}");
    expect("PUT /bkt/new", RETAINED, true);
    expect("PUT /bkt/new", "x-amz-object-lock-mode: COMPLIANCE\r\n" UNTIL, false);
    expect("PUT /bkt/new",
           "x-amz-object-lock-mode: GOVERNANCE\r\n"
           "x-amz-object-lock-retain-until-date: 2026-12-04T12:00:01Z\r\n",
           false);
    s3_test_expect(&test, "PUT /bkt/key?retention", NULL,
                   SLICE(RETENTION("GOVERNANCE", "2026-12-05T12:00:00Z")), 403, "AccessDenied");
    s3_test_expect(&test, "PUT /bkt/key?retention", NULL,
                   SLICE(RETENTION("COMPLIANCE", "2026-12-01T12:00:00Z")), 403, "AccessDenied");
    s3_test_expect(&test, "PUT /bkt/key?retention", NULL,
                   SLICE(RETENTION("GOVERNANCE", "2026-12-04T12:00:00Z")), 200, NULL);
}

static void test_legal_hold_by_what_it_says(void **state) {
    (void)state;
    let_bob("s3:PutObjectLegalHold", "\"StringEquals\":{\"s3:object-lock-legal-hold\":\"ON\"}");
    s3_test_expect(&test, "PUT /bkt/key?legal-hold", NULL,
                   SLICE("<LegalHold><Status>ON</Status></LegalHold>"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/key?legal-hold", NULL,
                   SLICE("<LegalHold><Status>OFF</Status></LegalHold>"), 403, "AccessDenied");
}

/* Each key of a multi-delete is judged by its own version. */
static void test_versions_of_a_multi_delete(void **state) {
    (void)state;
    char document[512];
    char condition[200];
    unsigned char md5[DIGEST_MD5_LEN];
    char headers[64];
    struct buf buf;
    s3_test_expect(&test, "PUT /bkt/two", NULL, SLICE("1"), 200, NULL);
    struct slice version = s3_test_header(&test, "x-amz-version-id");
    char id[64];
    snprintf(id, sizeof id, "%.*s", SLICE_FMT(version));
    snprintf(condition, sizeof condition, "\"StringEquals\":{\"s3:VersionId\":\"%s\"}", id);
    let_bob("s3:DeleteObject\",\"s3:DeleteObjectVersion", condition);
    snprintf(document, sizeof document,
             "<Delete><Object><Key>two</Key><VersionId>%s</VersionId></Object>"
             "<Object><Key>two</Key></Object></Delete>",
             id);
    digest_md5(slice_str(document), md5);
    buf_init_fixed(&buf, headers, sizeof headers - 1);
    buf_append_str(&buf, "Content-MD5: ");
    base64_encode(&buf, slice_of(md5, sizeof md5));
    buf_append_str(&buf, "\r\n");
    headers[buf.len] = 0;
    s3_test_expect(&test, "POST /bkt?delete", headers, slice_str(document), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 1);
    assert_int_equal(s3_test_count(&test, "<Code>AccessDenied</Code>"), 1);
}

/* What asks whether a write makes an object leaves parts alone. */
static void test_operations_that_create_objects(void **state) {
    (void)state;
    let_bob("s3:PutObject", "\"Bool\":{\"s3:ObjectCreationOperation\":\"false\"}");
    expect("POST /bkt/new?uploads", NULL, true);
    expect("PUT /bkt/new", NULL, false);
}

/* Only a request that is signed has an age; the region is the endpoint's. */
static void test_region_and_signature(void **state) {
    (void)state;
    let_bob("s3:GetObject",
            "\"StringEquals\":{\"aws:RequestedRegion\":\"europe-se-1\"},"
            "\"Null\":{\"s3:signatureAge\":\"true\"}");
    expect("GET /bkt/key", NULL, true);
    let_bob("s3:GetObject", "\"StringEquals\":{\"aws:RequestedRegion\":\"europe-se-2\"}");
    expect("GET /bkt/key", NULL, false);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_each_extra_needs_its_permission),
        TEST(test_a_list_is_its_owners),
        TEST(test_tags_that_come_with_a_copy),
        TEST(test_tags_of_a_document),
        TEST(test_tags_of_headers),
        TEST(test_retention_within_bounds),
        TEST(test_legal_hold_by_what_it_says),
        TEST(test_versions_of_a_multi_delete),
        TEST(test_operations_that_create_objects),
        TEST(test_region_and_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
