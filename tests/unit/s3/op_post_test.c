/* Uploads by forms: signed in both versions, held to their policy, answered as they ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "auth/sigv4.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/hmac.h"
#include "support/s3_call.h"

static struct s3_test test;
static struct buf body;

#define TYPE "Content-Type: multipart/form-data; boundary=xYz\r\n"
#define CREDENTIAL "AKalice/20261124/eu/s3/aws4_request"

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", NULL, SLICE(""), 200, NULL);
    test.who = S3_TEST_NOBODY;
    buf_init(&body, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_fini(&body);
    s3_test_close(&test);
    return 0;
}

static void add_field(const char *name, struct slice value) {
    buf_printf(&body, "--xYz\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n", name,
               SLICE_FMT(value));
}

static void add_str(const char *name, const char *value) {
    add_field(name, slice_str(value));
}

static void add_file(const char *content) {
    buf_printf(&body,
               "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"dir/my.txt\"\r\n"
               "Content-Type: text/x-file\r\n\r\n%s\r\n--xYz--\r\n",
               content);
}

#define UNTIL_2027(conditions) \
    "{\"expiration\":\"2027-01-01T00:00:00Z\",\"conditions\":[" conditions "]}"
#define ANY_KEY "[\"starts-with\",\"$key\",\"\"]"
#define V4_FIELDS                                                                              \
    ",{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"},[\"starts-with\",\"$x-amz-credential\",\"\"]" \
    ",[\"starts-with\",\"$x-amz-date\",\"\"]"

static struct slice encoded(const char *policy) {
    static char text[4096];
    struct buf out;
    buf_init_fixed(&out, text, sizeof text);
    base64_encode(&out, slice_str(policy));
    assert_true(is_ok(buf_ok(&out)));
    return buf_slice(&out);
}

/* Adds the policy and its signature of version 4 by `secret`. */
static void sign_v4(const char *policy, const char *secret) {
    struct sigv4_scope scope = {SLICE("AKalice"), SLICE("20261124"), SLICE("eu")};
    unsigned char key[SIGV4_DIGEST_LEN];
    char hex[SIGV4_HEX_LEN];
    struct slice text = encoded(policy);
    sigv4_signing_key(slice_str(secret), &scope, key);
    sigv4_signature(key, text, hex);
    add_field("policy", text);
    add_str("x-amz-algorithm", "AWS4-HMAC-SHA256");
    add_str("x-amz-credential", CREDENTIAL);
    add_str("x-amz-date", "20261124T000000Z");
    add_field("x-amz-signature", slice_of(hex, sizeof hex));
}

static void sign_v2(const char *policy) {
    unsigned char mac[20];
    char text[64];
    struct buf out;
    struct slice document = encoded(policy);
    hmac_sha1(slice_str(S3_TEST_SECRET), document, mac);
    buf_init_fixed(&out, text, sizeof text);
    base64_encode(&out, slice_of(mac, sizeof mac));
    add_field("policy", document);
    add_str("AWSAccessKeyId", "AKalice");
    add_field("signature", buf_slice(&out));
}

static void post(int status, const char *code) {
    s3_test_expect(&test, "POST /bkt", TYPE, buf_slice(&body), status, code);
    buf_clear(&body);
}

static void assert_object(const char *key, const char *content) {
    char what[100];
    snprintf(what, sizeof what, "GET /bkt/%s", key);
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, what, NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(test.body, slice_str(content)));
    test.who = S3_TEST_NOBODY;
}

static void assert_no_object(const char *key) {
    char what[100];
    snprintf(what, sizeof what, "GET /bkt/%s", key);
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, what, NULL, SLICE(""), 404, "NoSuchKey");
    test.who = S3_TEST_NOBODY;
}

static void test_version_4(void **state) {
    (void)state;
    add_str("key", "up/${filename}");
    add_str("Content-Type", "text/plain");
    add_str("x-amz-meta-color", "red");
    sign_v4(UNTIL_2027(ANY_KEY ",{\"content-type\":\"text/plain\"},{\"bucket\":\"bkt\"},"
                               "{\"x-amz-meta-color\":\"red\"}" V4_FIELDS),
            S3_TEST_SECRET);
    add_file("bytes of the file");
    post(204, NULL);
    assert_true(
        slice_eq(s3_test_header(&test, "Location"), SLICE("http://localhost/bkt/up/my.txt")));
    assert_object("up/my.txt", "bytes of the file");
    assert_true(slice_eq(s3_test_header(&test, "Content-Type"), SLICE("text/plain")));
    assert_true(slice_eq(s3_test_header(&test, "x-amz-meta-color"), SLICE("red")));
}

static void test_version_2(void **state) {
    (void)state;
    add_str("key", "k");
    sign_v2(UNTIL_2027(ANY_KEY));
    add_file("two");
    post(204, NULL);
    assert_object("k", "two");
}

static void test_wrong_proofs(void **state) {
    (void)state;
    add_str("key", "k");
    sign_v4(UNTIL_2027(ANY_KEY V4_FIELDS), "another secret");
    add_file("x");
    post(403, "SignatureDoesNotMatch");
    add_str("key", "k");
    add_file("x");
    post(403, "AccessDenied");
    add_str("key", "k");
    add_field("policy", encoded(UNTIL_2027(ANY_KEY)));
    add_file("x");
    post(400, NULL);
    add_str("key", "k");
    add_str("AWSAccessKeyId", "AKunknown");
    add_field("policy", encoded(UNTIL_2027(ANY_KEY)));
    add_str("signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    add_file("x");
    post(403, "InvalidAccessKeyId");
    assert_no_object("k");
}

/* Who signs the request and the form says two things about who asks. */
static void test_two_proofs(void **state) {
    (void)state;
    test.who = S3_TEST_ALICE;
    add_str("key", "k");
    sign_v2(UNTIL_2027(ANY_KEY));
    add_file("x");
    post(400, "InvalidArgument");
    add_str("key", "k");
    add_file("x");
    post(400, "InvalidArgument");
    assert_no_object("k");
}

/* A field that is there twice does not pass by what is said of the first. */
static void test_fields_there_twice(void **state) {
    (void)state;
    add_str("key", "k");
    add_str("x-amz-meta-color", "red");
    add_str("x-amz-meta-color", "blue");
    sign_v2(UNTIL_2027(ANY_KEY ",{\"x-amz-meta-color\":\"red\"}"));
    add_file("x");
    post(403, "AccessDenied");
    assert_no_object("k");
}

/* What the policy says about the key is held against the key that comes of it. */
static void test_policy_of_the_file_name(void **state) {
    (void)state;
    add_str("key", "${filename}");
    sign_v2(UNTIL_2027("[\"starts-with\",\"$key\",\"my\"]"));
    add_file("x");
    post(204, NULL);
    assert_object("my.txt", "x");
    add_str("key", "${filename}");
    sign_v2(UNTIL_2027("[\"starts-with\",\"$key\",\"$\"]"));
    add_file("x");
    post(403, "AccessDenied");
}

/* A policy and an access key, but no signature. */
static void test_half_a_proof(void **state) {
    (void)state;
    add_str("key", "k");
    add_str("AWSAccessKeyId", "AKalice");
    add_field("policy", encoded(UNTIL_2027(ANY_KEY)));
    add_file("x");
    post(400, "InvalidArgument");
    add_str("key", "k");
    add_str("x-amz-credential", CREDENTIAL);
    add_field("policy", encoded(UNTIL_2027(ANY_KEY)));
    add_file("x");
    post(400, "InvalidArgument");
}

static void test_policies(void **state) {
    (void)state;
    static const struct {
        const char *policy;
        int status;
        const char *code;
    } cases[] = {
        {"{\"expiration\":\"2020-01-01T00:00:00Z\",\"conditions\":[" ANY_KEY "]}", 403,
         "AccessDenied"},
        {UNTIL_2027("{\"key\":\"other\"}"), 403, "AccessDenied"},
        {UNTIL_2027("{\"bucket\":\"bkt\"}"), 403, "AccessDenied"},
        {"not json", 400, "InvalidPolicyDocument"},
        {UNTIL_2027(ANY_KEY ",[\"content-length-range\",5,10]"), 400, "EntityTooSmall"},
        {UNTIL_2027(ANY_KEY ",[\"content-length-range\",0,3]"), 400, "EntityTooLarge"},
        {UNTIL_2027(ANY_KEY ",[\"content-length-range\",4,4]"), 204, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        add_str("key", "k");
        sign_v2(cases[i].policy);
        add_file("four");
        post(cases[i].status, cases[i].code);
        if (cases[i].code) assert_no_object("k");
    }
    assert_object("k", "four");
}

static void test_answers(void **state) {
    (void)state;
    add_str("key", "a b");
    add_str("success_action_status", "201");
    sign_v2(UNTIL_2027(ANY_KEY ",{\"success_action_status\":\"201\"}"));
    add_file("x");
    post(201, NULL);
    assert_true(slice_eq(s3_test_element(&test, "Location"), SLICE("http://localhost/bkt/a%20b")));
    assert_true(slice_eq(s3_test_element(&test, "Key"), SLICE("a b")));
    add_str("key", "a b");
    add_str("success_action_redirect", "https://my.site/done?x=1");
    sign_v2(UNTIL_2027(ANY_KEY ",[\"starts-with\",\"$success_action_redirect\",\"https://my.\"]"));
    add_file("x");
    post(303, NULL);
    assert_true(slice_eq(s3_test_header(&test, "Location"),
                         SLICE("https://my.site/done?x=1&bucket=bkt&key=a%20b&etag="
                               "%229dd4e461268c8034f5c8564e155c67a6%22")));
    add_str("key", "k");
    add_str("success_action_redirect", "javascript:alert(1)");
    add_str("success_action_status", "200");
    sign_v2(UNTIL_2027(ANY_KEY ",[\"starts-with\",\"$success_action_redirect\",\"\"],"
                               "[\"starts-with\",\"$success_action_status\",\"\"]"));
    add_file("x");
    post(200, NULL);
}

/* Who may write without a name may do it by a form, without policy and signature. */
static void test_anonymous(void **state) {
    (void)state;
    test.who = S3_TEST_ALICE;
    s3_test_expect(&test, "PUT /bkt?policy", NULL,
                   SLICE("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
                         "\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::bkt/in/*\"}]}"),
                   204, NULL);
    test.who = S3_TEST_NOBODY;
    add_str("key", "in/k");
    add_file("anonymous");
    post(204, NULL);
    assert_object("in/k", "anonymous");
    add_str("key", "out/k");
    add_file("anonymous");
    post(403, "AccessDenied");
}

static void test_malformed(void **state) {
    (void)state;
    s3_test_expect(&test, "POST /bkt", "Content-Type: text/plain\r\n", SLICE("x"), 412,
                   "RequestIsNotMultiPartContent");
    s3_test_expect(&test, "POST /bkt", TYPE, SLICE("x"), 400, "MalformedPOSTRequest");
    add_file("no key");
    post(400, "UserKeyMustBeSpecified");
    add_str("key", "k");
    sign_v2(UNTIL_2027(ANY_KEY ",{\"x-amz-server-side-encryption\":\"AES256\"}"));
    add_str("x-amz-server-side-encryption", "AES256");
    add_file("x");
    post(501, "NotImplemented");
    s3_test_expect(&test, "POST /nobucket", TYPE, SLICE("x"), 404, "NoSuchBucket");
    /* The end of the input before the end of the file is no end. */
    add_str("key", "k");
    sign_v2(UNTIL_2027(ANY_KEY));
    add_file("x");
    body.len -= 10;
    post(400, "IncompleteBody");
    assert_no_object("k");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_version_4, setup, teardown),
        cmocka_unit_test_setup_teardown(test_version_2, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_proofs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_proofs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fields_there_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policy_of_the_file_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_a_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_anonymous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
