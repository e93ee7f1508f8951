#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/codec.h"
#include "crypto/checksum.h"
#include "crypto/digest.h"
#include "support/s3_call.h"

static struct s3_test test;

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", NULL, SLICE(""), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

static void expect_header(const char *name, const char *value) {
    struct slice got = s3_test_header(&test, name);
    if (value == NULL) {
        if (got.ptr != NULL) fail_msg("%s: %.*s", name, SLICE_FMT(got));
        return;
    }
    if (!slice_eq(got, slice_str(value))) {
        fail_msg("%s: «%.*s» instead of «%s»", name, SLICE_FMT(got), value);
    }
}

static void expect_absent(const char *what) {
    s3_test_expect(&test, what, NULL, SLICE(""), 404, "NoSuchKey");
}

/* "x-amz-checksum-crc32c: …\r\n" for `bytes`. */
static const char *checksum_line(enum checksum_kind kind, struct slice bytes) {
    static char line[256];
    struct checksum_value value;
    struct buf text;
    checksum_of(kind, bytes, &value);
    buf_init_fixed(&text, line, sizeof line - 1);
    buf_printf(&text, "x-amz-checksum-%s: ", checksum_suffix(kind));
    base64_encode(&text, slice_of(value.bytes, value.len));
    buf_append_str(&text, "\r\n");
    line[text.len] = '\0';
    return line;
}

static void test_put_and_get(void **state) {
    (void)state;
    for (size_t step = 0; step < 4; step++) {
        test.body_step = step;
        s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
        expect_header("ETag", "\"5d41402abc4b2a76b9719d911017c592\"");
        expect_header("x-amz-checksum-type", "FULL_OBJECT");
        assert_non_null(s3_test_header(&test, "x-amz-checksum-crc64nvme").ptr);
        assert_int_equal(test.body.len, 0);
        s3_test_expect(&test, "GET /bkt/k", NULL, SLICE(""), 200, NULL);
        assert_true(slice_eq(test.body, SLICE("hello")));
        expect_header("ETag", "\"5d41402abc4b2a76b9719d911017c592\"");
        expect_header("Content-Type", "binary/octet-stream");
        expect_header("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT");
        expect_header("Accept-Ranges", "bytes");
        expect_header("x-amz-storage-class", NULL);
        expect_header("x-amz-checksum-crc64nvme", NULL);
    }
}

static void test_an_empty_object(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt/k", "Content-Length: 0\r\n", SLICE(""), 200, NULL);
    expect_header("ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    s3_test_expect(&test, "GET /bkt/k", NULL, SLICE(""), 200, NULL);
    assert_int_equal(test.body.len, 0);
}

static void test_length(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE(""), 411, "MissingContentLength");
    s3_test_expect(&test, "PUT /bkt/k", "Content-Length: 5368709121\r\n", SLICE(""), 400,
                   "EntityTooLarge");
    assert_true(slice_eq(s3_test_element(&test, "MaxSizeAllowed"), SLICE("5368709120")));
    s3_test_expect(&test, "PUT /bkt/k", "Content-Length: 99999999999999999\r\n", SLICE(""), 400,
                   "EntityTooLarge");
    expect_absent("GET /bkt/k");
}

static void test_a_body_that_is_cut_off_never_was(void **state) {
    (void)state;
    test.body_is_cut = true;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("hello"), 400, "IncompleteBody");
    test.body_is_cut = false;
    expect_absent("GET /bkt/k");
}

static void test_content_md5(void **state) {
    (void)state;
    const struct slice body = SLICE("hello");
    s3_test_expect(&test, "PUT /bkt/k", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n", body, 200, NULL);
    static const char *const malformed[] = {
        "Content-MD5: \r\n", "Content-MD5: YWJyYWNhZGFicmE=\r\n", "Content-MD5: bad\r\n",
        "Content-MD5: XUFAKrxLKna5cZ2REBfFkg\r\n"};
    for (size_t i = 0; i < 4; i++) {
        s3_test_expect(&test, "PUT /bkt/other", malformed[i], body, 400, "InvalidDigest");
    }
    s3_test_expect(&test, "PUT /bkt/other", "Content-MD5: rL0Y20xC+Fzt72VPzMSk2A==\r\n", body, 400,
                   "BadDigest");
    assert_true(slice_eq(s3_test_element(&test, "CalculatedDigest"),
                         SLICE("5d41402abc4b2a76b9719d911017c592")));
    expect_absent("GET /bkt/other");
}

static void test_each_checksum_in_the_head(void **state) {
    (void)state;
    const struct slice body = SLICE("hello, checksums");
    for (enum checksum_kind kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        char headers[512];
        char name[64];
        snprintf(name, sizeof name, "x-amz-checksum-%s", checksum_suffix(kind));
        snprintf(headers, sizeof headers, "%sx-amz-sdk-checksum-algorithm: %s\r\n",
                 checksum_line(kind, body), checksum_name(kind));
        s3_test_expect(&test, "PUT /bkt/k", headers, body, 200, NULL);
        assert_non_null(s3_test_header(&test, name).ptr);
        s3_test_expect(&test, "HEAD /bkt/k", NULL, SLICE(""), 200, NULL);
        expect_header(name, NULL);
        s3_test_expect(&test, "HEAD /bkt/k", "x-amz-checksum-mode: ENABLED\r\n", SLICE(""), 200,
                       NULL);
        assert_non_null(s3_test_header(&test, name).ptr);
        expect_header("x-amz-checksum-type", "FULL_OBJECT");
        s3_test_expect(&test, "PUT /bkt/other", checksum_line(kind, SLICE("else")), body, 400,
                       "BadDigest");
        expect_absent("GET /bkt/other");
    }
}

static void test_checksums_that_contradict(void **state) {
    (void)state;
    const struct slice body = SLICE("hello");
    static const struct {
        const char *headers;
        const char *code;
    } cases[] = {
        {"x-amz-checksum-crc32: NhCmhg==\r\nx-amz-checksum-sha1: qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n",
         "InvalidRequest"},
        {"x-amz-checksum-crc32: NhCmhg==\r\nx-amz-checksum-crc32: NhCmhg==\r\n", "InvalidRequest"},
        {"x-amz-checksum-crc33: NhCmhg==\r\n", "InvalidRequest"},
        {"x-amz-checksum-crc32: NhCmhg==\r\nx-amz-sdk-checksum-algorithm: SHA1\r\n",
         "InvalidRequest"},
        {"x-amz-checksum-crc32: NhCmhg==\r\nx-amz-sdk-checksum-algorithm: MD6\r\n",
         "InvalidRequest"},
        {"x-amz-sdk-checksum-algorithm: CRC32\r\n", "InvalidRequest"},
        {"x-amz-checksum-crc32: bad\r\n", "BadDigest"},
        {"x-amz-checksum-crc32: \r\n", "BadDigest"},
        {"x-amz-checksum-sha256: NhCmhg==\r\n", "BadDigest"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s3_test_expect(&test, "PUT /bkt/k", cases[i].headers, body, 400, cases[i].code);
    }
    expect_absent("GET /bkt/k");
    s3_test_expect(&test, "PUT /bkt/k",
                   "X-AMZ-Checksum-CRC32: NhCmhg==\r\nx-amz-sdk-checksum-algorithm: crc32\r\n",
                   body, 200, NULL);
}

static void chunked_prepare(struct s3_test *t) {
    (void)t;
}

static void test_chunked_without_a_length(void **state) {
    (void)state;
    test.prepare = chunked_prepare;
    s3_test_expect(&test, "PUT /bkt/k",
                   "Transfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n", SLICE(""),
                   400, "IncompleteBody");
}

static void sha256_prepare(struct s3_test *t) {
    t->call.auth.payload = AUTH_PAYLOAD_SHA256;
    digest_sha256(SLICE("hello"), t->call.auth.payload_sha256);
}

static void test_the_signed_digest(void **state) {
    (void)state;
    test.prepare = sha256_prepare;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/other", NULL, SLICE("hallo"), 400, "XAmzContentSHA256Mismatch");
    test.prepare = NULL;
    expect_absent("GET /bkt/other");
}

static void test_system_headers_come_back(void **state) {
    (void)state;
    static const char headers[] =
        "Content-Type: text/plain; charset=x\r\nCache-Control: no-cache\r\n"
        "Content-Disposition: attachment; filename=\"a\"\r\nContent-Encoding: aws-chunked, gzip\r\n"
        "Content-Language: sv\r\nExpires: whenever\r\n"
        "x-amz-website-redirect-location: /other\r\nx-amz-storage-class: STANDARD_IA\r\n";
    s3_test_expect(&test, "PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    s3_test_expect(&test, "HEAD /bkt/k", NULL, SLICE(""), 200, NULL);
    expect_header("Content-Type", "text/plain; charset=x");
    expect_header("Cache-Control", "no-cache");
    expect_header("Content-Disposition", "attachment; filename=\"a\"");
    expect_header("Content-Encoding", "gzip");
    expect_header("Content-Language", "sv");
    expect_header("Expires", "whenever");
    expect_header("x-amz-website-redirect-location", "/other");
    expect_header("x-amz-storage-class", "STANDARD_IA");
    s3_test_expect(&test, "PUT /bkt/k", "Content-Encoding: aws-chunked\r\nContent-Type: \r\n",
                   SLICE("x"), 200, NULL);
    s3_test_expect(&test, "HEAD /bkt/k", NULL, SLICE(""), 200, NULL);
    expect_header("Content-Encoding", NULL);
    expect_header("Content-Type", "binary/octet-stream");
    expect_header("x-amz-storage-class", NULL);
}

static void test_user_metadata(void **state) {
    (void)state;
    static const char headers[] =
        "x-amz-meta-One: 1\r\nX-AMZ-META-TWO: a\r\nx-amz-meta-two: b\r\nx-amz-meta-empty: \r\n"
        "x-amz-meta-utf: gr\xC3\xB6n\r\nx-amz-meta-latin: gr\xF6n\r\n"
        "x-amz-meta-word: =?UTF-8?Q?gr=C3=B6n?=\r\nx-amz-meta-: nameless\r\n";
    s3_test_expect(&test, "PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    s3_test_expect(&test, "HEAD /bkt/k", NULL, SLICE(""), 200, NULL);
    expect_header("x-amz-meta-one", "1");
    expect_header("x-amz-meta-two", "a,b");
    expect_header("x-amz-meta-empty", "");
    expect_header("x-amz-meta-utf", "=?UTF-8?B?Z3LDtm4=?=");
    expect_header("x-amz-meta-latin", "gr\xF6n");
    expect_header("x-amz-meta-word", "=?UTF-8?Q?gr=C3=B6n?=");
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("x"), 200, NULL);
    s3_test_expect(&test, "HEAD /bkt/k", NULL, SLICE(""), 200, NULL);
    expect_header("x-amz-meta-one", NULL);
}

static void test_too_much_metadata(void **state) {
    (void)state;
    char headers[4096];
    snprintf(headers, sizeof headers, "x-amz-meta-a: %02047d\r\n", 0);
    s3_test_expect(&test, "PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    snprintf(headers, sizeof headers, "x-amz-meta-a: %02048d\r\n", 0);
    s3_test_expect(&test, "PUT /bkt/k2", headers, SLICE("x"), 400, "MetadataTooLarge");
    assert_true(slice_eq(s3_test_element(&test, "Size"), SLICE("2049")));
    expect_absent("GET /bkt/k2");
}

static void test_what_is_not_there_is_said_by_name(void **state) {
    (void)state;
    static const char *const headers[] = {
        "x-amz-server-side-encryption: AES256\r\n",
        "x-amz-server-side-encryption-customer-algorithm: AES256\r\n",
        "x-amz-tagging: a=b\r\n",
        "x-amz-object-lock-mode: GOVERNANCE\r\n",
        "x-amz-grant-read: id=x\r\n",
        "x-amz-acl: public-read\r\n",
        "x-amz-write-offset-bytes: 0\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        s3_test_expect(&test, "PUT /bkt/k", headers[i], SLICE("x"), 501, "NotImplemented");
        struct slice named = s3_test_element(&test, "Header");
        assert_true(slice_starts_with(slice_str(headers[i]), named) && named.len > 8);
    }
    s3_test_expect(&test, "PUT /bkt/k", "x-amz-acl: public-ready\r\n", SLICE("x"), 400,
                   "InvalidArgument");
    s3_test_expect(&test, "PUT /bkt/k", "x-amz-storage-class: NONSENSE\r\n", SLICE("x"), 400,
                   "InvalidStorageClass");
    s3_test_expect(&test, "PUT /bkt/k", "x-amz-website-redirect-location: ftp://x\r\n", SLICE("x"),
                   400, "InvalidArgument");
    expect_absent("GET /bkt/k");
    s3_test_expect(&test, "PUT /bkt/k", "x-amz-acl: bucket-owner-full-control\r\n", SLICE("x"), 200,
                   NULL);
}

static void test_if_none_match(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt/k", "If-None-Match: *\r\n", SLICE("1"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/k", "If-None-Match: *\r\n", SLICE("2"), 412,
                   "PreconditionFailed");
    assert_true(slice_eq(s3_test_element(&test, "Condition"), SLICE("If-None-Match")));
    s3_test_expect(&test, "PUT /bkt/k", "If-None-Match: \"c4ca4238a0b923820dcc509a6f75849b\"\r\n",
                   SLICE("2"), 412, "PreconditionFailed");
    s3_test_expect(&test, "GET /bkt/k", NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(test.body, SLICE("1")));
    s3_test_expect(&test, "PUT /bkt/k", "If-None-Match: badetag\r\n", SLICE("2"), 200, NULL);
}

static void test_if_match(void **state) {
    (void)state;
    s3_test_expect(&test, "PUT /bkt/k", "If-Match: *\r\n", SLICE("1"), 404, "NoSuchKey");
    s3_test_expect(&test, "PUT /bkt/k", "If-Match: \"x\"\r\n", SLICE("1"), 404, "NoSuchKey");
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("1"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/k", "If-Match: \"x\"\r\n", SLICE("2"), 412, "PreconditionFailed");
    assert_true(slice_eq(s3_test_element(&test, "Condition"), SLICE("If-Match")));
    s3_test_expect(&test, "PUT /bkt/k", "If-Match: \"c4ca4238a0b923820dcc509a6f75849b\"\r\n",
                   SLICE("2"), 200, NULL);
    s3_test_expect(&test, "PUT /bkt/k", "If-Match: *\r\n", SLICE("3"), 200, NULL);
}

static void test_whom_it_belongs_to(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("x"), 403, "AccessDenied");
    test.who = S3_TEST_NOBODY;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("x"), 403, "AccessDenied");
    test.who = S3_TEST_CAROL;
    s3_test_expect(&test, "PUT /bkt/k", NULL, SLICE("x"), 200, NULL);
    s3_test_expect(&test, "PUT /absent/k", NULL, SLICE("x"), 404, "NoSuchBucket");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_body_that_is_cut_off_never_was, setup, teardown),
        cmocka_unit_test_setup_teardown(test_content_md5, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_checksum_in_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checksums_that_contradict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_without_a_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_signed_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_system_headers_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_user_metadata, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_much_metadata, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_is_said_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_if_none_match, setup, teardown),
        cmocka_unit_test_setup_teardown(test_if_match, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whom_it_belongs_to, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
