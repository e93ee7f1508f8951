#include "unit/s3/object_door.h"

#include "crypto/digest.h"

static int setup(void **state) {
    door_setup(state);
    expect("PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
    return 0;
}

#define DELETE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, door_teardown)

/* Sends a list with its digest, as clients must. */
static void delete_list(const char *document, int status, const char *code) {
    char headers[128];
    unsigned char md5[DIGEST_MD5_LEN];
    char text[64];
    struct buf buf;
    digest_md5(slice_str(document), md5);
    buf_init_fixed(&buf, text, sizeof text - 1);
    base64_encode(&buf, slice_of(md5, sizeof md5));
    text[buf.len] = '\0';
    snprintf(headers, sizeof headers, "Content-MD5: %s\r\n", text);
    expect("POST /bkt?delete", headers, slice_str(document), status, code);
}

static void test_delete(void **state) {
    (void)state;
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    assert_int_equal(test.body.len, 0);
    expect_absent("/bkt/k");
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    expect("DELETE /other/k", NULL, NO_BODY, 404, "NoSuchBucket");
}

static void test_delete_needs_permission(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    expect("DELETE /bkt/k", NULL, NO_BODY, 403, "AccessDenied");
    test.who = S3_TEST_ALICE;
    expect_object("/bkt/k", SLICE("hello"));
}

static void test_versions(void **state) {
    (void)state;
    expect("DELETE /bkt/k?versionId=abc", NULL, NO_BODY, 400, "InvalidArgument");
    expect_object("/bkt/k", SLICE("hello"));
    expect("DELETE /bkt/k?versionId=null", NULL, NO_BODY, 204, NULL);
    expect_absent("/bkt/k");
}

static void test_conditions(void **state) {
    (void)state;
    static const char *const failing[] = {
        "If-Match: \"x\"\r\n", "x-amz-if-match-size: 6\r\n",
        "x-amz-if-match-last-modified-time: Tue, 24 Nov 2026 11:59:59 GMT\r\n"};
    static const char *const holding[] = {
        "If-Match: \"5d41402abc4b2a76b9719d911017c592\"\r\n", "If-Match: *\r\n",
        "x-amz-if-match-size: 5\r\n",
        "x-amz-if-match-last-modified-time: Tue, 24 Nov 2026 12:00:00 GMT\r\n",
        "x-amz-if-match-last-modified-time: 2026-11-24T12:00:00Z\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(failing); i++) {
        expect("DELETE /bkt/k", failing[i], NO_BODY, 412, "PreconditionFailed");
        /* What is not there is deleted already. */
        expect("DELETE /bkt/absent", failing[i], NO_BODY, 204, NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(holding); i++) {
        expect_object("/bkt/k", SLICE("hello"));
        expect("DELETE /bkt/k", holding[i], NO_BODY, 204, NULL);
        expect_absent("/bkt/k");
        expect("PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
    }
    expect("DELETE /bkt/k", "x-amz-if-match-size: x\r\n", NO_BODY, 400, "InvalidArgument");
    expect("DELETE /bkt/k", "x-amz-if-match-last-modified-time: x\r\n", NO_BODY, 400,
           "InvalidArgument");
}

static void test_many(void **state) {
    (void)state;
    expect("PUT /bkt/%26%3C", NULL, SLICE("x"), 200, NULL);
    expect("PUT /bkt/a%2Bb%20c", NULL, SLICE("x"), 200, NULL);
    delete_list(
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Object><Key>k</Key></Object><Object><Key>&amp;&lt;</Key></Object>"
        "<Object><Key>a+b c</Key></Object><Object><Key>absent</Key></Object></Delete>",
        200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 4);
    assert_int_equal(s3_test_count(&test, "<Key>&amp;&lt;</Key>"), 1);
    assert_int_equal(s3_test_count(&test, "<Error>"), 0);
    expect_header("Content-Type", "application/xml");
    expect_absent("/bkt/k");
    expect_absent("/bkt/%26%3C");
    expect_absent("/bkt/a+b%20c");
}

/* A policy of nearly the greatest length, which says nothing of who asks. */
static void put_long_policy(void) {
    static char policy[20 * 1024];
    struct buf text;
    buf_init_fixed(&text, policy, sizeof policy);
    buf_append_str(&text, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (int i = 0; i < 100; i++) {
        buf_printf(&text,
                   "%s{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::%032d:root\"},"
                   "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::bkt/%d/*\"}",
                   i > 0 ? "," : "", i, i);
    }
    buf_append_str(&text, "]}");
    assert_true(is_ok(buf_ok(&text)));
    expect("PUT /bkt?policy", NULL, buf_slice(&text), 204, NULL);
}

/* Deletes `count` keys of the greatest length, and k. */
static void delete_long_list(int count, int status, const char *code) {
    char filler[1000];
    struct buf document;
    memset(filler, 'f', sizeof filler);
    buf_init(&document, 2 * 1024 * 1024);
    buf_append_str(&document, "<Delete>");
    for (int i = 0; i < count; i++) {
        buf_printf(&document, "<Object><Key>%04d", i);
        buf_append(&document, slice_of(filler, sizeof filler));
        buf_append_str(&document, "</Key></Object>");
    }
    buf_append_str(&document, "<Object><Key>k</Key></Object></Delete>");
    buf_append_char(&document, '\0');
    assert_true(is_ok(buf_ok(&document)));
    delete_list(document.ptr, status, code);
    buf_fini(&document);
}

/* A thousand questions to a long policy need no thousand copies of it. */
static void test_as_many_as_there_may_be(void **state) {
    (void)state;
    put_long_policy();
    delete_long_list(1000, 400, "MalformedXML");
    expect_object("/bkt/k", SLICE("hello"));
    delete_long_list(999, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 1000);
    expect_absent("/bkt/k");
}

/* Nobody is told so before the list is read, unless a policy may let them. */
static void test_many_by_nobody(void **state) {
    (void)state;
    test.who = S3_TEST_NOBODY;
    delete_list("<Delete><Object><Key>k</Key></Object>", 403, "AccessDenied");
    test.who = S3_TEST_ALICE;
    expect("PUT /bkt?policy", NULL,
           SLICE("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
                 "\"s3:DeleteObject\",\"Resource\":\"arn:aws:s3:::bkt/k\"}]}"),
           204, NULL);
    expect("PUT /bkt/keep", NULL, SLICE("hello"), 200, NULL);
    test.who = S3_TEST_NOBODY;
    delete_list("<Delete><Object><Key>k</Key></Object><Object><Key>keep</Key></Object></Delete>",
                200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 1);
    expect_element("Code", "AccessDenied");
    test.who = S3_TEST_ALICE;
    expect_absent("/bkt/k");
    expect_object("/bkt/keep", SLICE("hello"));
}

static void test_many_quietly(void **state) {
    (void)state;
    delete_list(
        "<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object>"
        "<Object><Key>j</Key><VersionId>v</VersionId></Object></Delete>",
        200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 0);
    assert_int_equal(s3_test_count(&test, "<Error>"), 1);
    expect_element("Key", "j");
    expect_element("Code", "NoSuchVersion");
    expect_absent("/bkt/k");
}

static void test_each_key_has_its_own_verdict(void **state) {
    (void)state;
    char document[4096];
    char key[1100];
    memset(key, 'x', 1025);
    key[1025] = '\0';
    expect("PUT /bkt/keep", NULL, SLICE("hello"), 200, NULL);
    snprintf(document, sizeof document,
             "<Delete><Object><Key>%s</Key></Object>"
             "<Object><Key>keep</Key><ETag>\"bad\"</ETag></Object>"
             "<Object><Key>keep</Key><Size>9999</Size></Object>"
             "<Object><Key>keep</Key><LastModifiedTime>2015-01-01T00:00:00Z</LastModifiedTime>"
             "</Object><Object><Key>absent</Key><ETag>bad</ETag></Object>"
             "<Object><Key>k</Key><ETag>5d41402abc4b2a76b9719d911017c592</ETag><Size>5</Size>"
             "<LastModifiedTime>2026-11-24T12:00:00Z</LastModifiedTime></Object></Delete>",
             key);
    delete_list(document, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Code>KeyTooLongError</Code>"), 1);
    assert_int_equal(s3_test_count(&test, "<Code>PreconditionFailed</Code>"), 3);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 2);
    expect_absent("/bkt/k");
    expect_object("/bkt/keep", SLICE("hello"));
}

static void test_many_malformed(void **state) {
    (void)state;
    static const char *const documents[] = {
        "",
        "x",
        "<Delete>",
        "<Delete></Delete>",
        "<Delete><Quiet>true</Quiet></Delete>",
        "<Delete><Object></Object></Delete>",
        "<Delete><Object><Key></Key></Object></Delete>",
        "<Erase><Object><Key>k</Key></Object></Erase>",
        "<!DOCTYPE x><Delete><Object><Key>k</Key></Object></Delete>",
    };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        delete_list(documents[i], 400, "MalformedXML");
    expect_object("/bkt/k", SLICE("hello"));
}

static void list_of(struct buf *buf, unsigned count) {
    buf_append_str(buf, "<Delete>");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(buf, "<Object><Key>key-%u</Key></Object>", i);
    }
    buf_append_str(buf, "</Delete>");
    buf_append_char(buf, '\0');
}

static void test_how_many(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    list_of(&buf, 1000);
    delete_list(buf.ptr, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 1000);
    buf_clear(&buf);
    list_of(&buf, 1001);
    delete_list(buf.ptr, 400, "MalformedXML");
    buf_fini(&buf);
}

static void test_the_list_must_come_whole(void **state) {
    (void)state;
    const struct slice document = SLICE("<Delete><Object><Key>k</Key></Object></Delete>");
    char headers[128];
    expect("POST /bkt?delete", NULL, document, 400, "InvalidRequest");
    expect("POST /bkt?delete", "Content-MD5: x\r\n", document, 400, "InvalidDigest");
    expect("POST /bkt?delete", "Content-MD5: rL0Y20xC+Fzt72VPzMSk2A==\r\n", document, 400,
           "BadDigest");
    snprintf(headers, sizeof headers, "x-amz-checksum-crc32: %s\r\n",
             checksum_base64(CHECKSUM_CRC32, SLICE("else")));
    expect("POST /bkt?delete", headers, document, 400, "BadDigest");
    expect_object("/bkt/k", SLICE("hello"));
    snprintf(headers, sizeof headers, "x-amz-checksum-crc32: %s\r\n",
             checksum_base64(CHECKSUM_CRC32, document));
    test.body_is_cut = true;
    expect("POST /bkt?delete", headers, document, 400, "IncompleteBody");
    test.body_is_cut = false;
    expect_object("/bkt/k", SLICE("hello"));
    test.body_step = 1;
    expect("POST /bkt?delete", headers, document, 200, NULL);
    expect_absent("/bkt/k");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DELETE_TEST(test_delete),
        DELETE_TEST(test_delete_needs_permission),
        DELETE_TEST(test_versions),
        DELETE_TEST(test_conditions),
        DELETE_TEST(test_many),
        DELETE_TEST(test_as_many_as_there_may_be),
        DELETE_TEST(test_many_by_nobody),
        DELETE_TEST(test_many_quietly),
        DELETE_TEST(test_each_key_has_its_own_verdict),
        DELETE_TEST(test_many_malformed),
        DELETE_TEST(test_how_many),
        DELETE_TEST(test_the_list_must_come_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
