#include "unit/s3/object_door.h"

#include "crypto/digest.h"
#include "s3/ops.h"

/* "x-amz-checksum-crc32c: …" for `bytes`. */
static const char *checksum_line(enum checksum_kind kind, struct slice bytes) {
    static char line[256];
    snprintf(line, sizeof line, "x-amz-checksum-%s: %s\r\n", checksum_suffix(kind),
             checksum_base64(kind, bytes));
    return line;
}

static void test_put_and_get(void **state) {
    (void)state;
    for (size_t step = 0; step < 4; step++) {
        test.body_step = step;
        expect("PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
        expect_header("ETag", "\"5d41402abc4b2a76b9719d911017c592\"");
        expect_header("x-amz-checksum-type", "FULL_OBJECT");
        assert_non_null(s3_test_header(&test, "x-amz-checksum-crc64nvme").ptr);
        assert_int_equal(test.body.len, 0);
        expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
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
    expect("PUT /bkt/k", "Content-Length: 0\r\n", NO_BODY, 200, NULL);
    expect_header("ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    assert_int_equal(test.body.len, 0);
}

static void test_length(void **state) {
    (void)state;
    expect("PUT /bkt/k", NULL, NO_BODY, 411, "MissingContentLength");
    expect("PUT /bkt/k", "Content-Length: 5368709121\r\n", NO_BODY, 400, "EntityTooLarge");
    assert_true(slice_eq(s3_test_element(&test, "MaxSizeAllowed"), SLICE("5368709120")));
    expect("PUT /bkt/k", "Content-Length: 99999999999999999\r\n", NO_BODY, 400, "EntityTooLarge");
    expect_absent("/bkt/k");
}

static void test_a_body_that_is_cut_off_never_was(void **state) {
    (void)state;
    test.body_is_cut = true;
    expect("PUT /bkt/k", NULL, SLICE("hello"), 400, "IncompleteBody");
    test.body_is_cut = false;
    expect_absent("/bkt/k");
}

static void test_content_md5(void **state) {
    (void)state;
    const struct slice body = SLICE("hello");
    expect("PUT /bkt/k", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n", body, 200, NULL);
    static const char *const malformed[] = {
        "Content-MD5: \r\n", "Content-MD5: YWJyYWNhZGFicmE=\r\n", "Content-MD5: bad\r\n",
        "Content-MD5: XUFAKrxLKna5cZ2REBfFkg\r\n"};
    for (size_t i = 0; i < 4; i++) {
        expect("PUT /bkt/other", malformed[i], body, 400, "InvalidDigest");
    }
    expect("PUT /bkt/other", "Content-MD5: rL0Y20xC+Fzt72VPzMSk2A==\r\n", body, 400, "BadDigest");
    assert_true(slice_eq(s3_test_element(&test, "CalculatedDigest"),
                         SLICE("5d41402abc4b2a76b9719d911017c592")));
    expect_absent("/bkt/other");
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
        expect("PUT /bkt/k", headers, body, 200, NULL);
        assert_non_null(s3_test_header(&test, name).ptr);
        expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
        expect_header(name, NULL);
        expect("HEAD /bkt/k", "x-amz-checksum-mode: ENABLED\r\n", NO_BODY, 200, NULL);
        assert_non_null(s3_test_header(&test, name).ptr);
        expect_header("x-amz-checksum-type", "FULL_OBJECT");
        expect("PUT /bkt/other", checksum_line(kind, SLICE("else")), body, 400, "BadDigest");
        expect_absent("/bkt/other");
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
        expect("PUT /bkt/k", cases[i].headers, body, 400, cases[i].code);
    }
    expect_absent("/bkt/k");
    expect("PUT /bkt/k",
           "X-AMZ-Checksum-CRC32: NhCmhg==\r\nx-amz-sdk-checksum-algorithm: crc32\r\n", body, 200,
           NULL);
}

/* The test's connection brings chunks then, and what follows the last of them. */
static void test_a_trailer_of_http(void **state) {
    (void)state;
    static const char headers[] = "Transfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n";
    static const struct {
        const char *trailer;
        int status;
        const char *code;
    } cases[] = {
        {"x-amz-checksum-crc32: NhCmhg==\r\n", 200, NULL},
        {"x-amz-checksum-crc32: AAAAAA==\r\n", 400, "BadDigest"},
        {"x-amz-checksum-crc32: bad\r\n", 400, "InvalidRequest"},
        {"", 400, "MalformedTrailerError"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[128];
        snprintf(body, sizeof body, "5\r\nhello\r\n0\r\n%s\r\n", cases[i].trailer);
        expect("PUT /bkt/k", headers, slice_str(body), cases[i].status, cases[i].code);
    }
    expect_object("/bkt/k", SLICE("hello"));
}

static void aws_prepare(struct s3_test *t) {
    struct auth_result *auth = &t->call.auth;
    auth->payload = AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER;
    auth->decoded_length = 5;
    auth->trailers.count = 1;
    auth->trailers.names[0] = SLICE("x-amz-checksum-crc32");
}

/* What AWS's clients send by default. */
static void test_a_trailer_of_aws(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        const char *trailer;
        int status;
        const char *code;
    } cases[] = {
        {"x-amz-sdk-checksum-algorithm: CRC32\r\n", "x-amz-checksum-crc32:NhCmhg==\r\n", 200, NULL},
        {"", "x-amz-checksum-crc32:NhCmhg==\r\n", 200, NULL},
        {"", "x-amz-checksum-crc32:AAAAAA==\r\n", 400, "BadDigest"},
        {"", "x-amz-checksum-crc32:x\r\n", 400, "InvalidRequest"},
        {"", "", 400, "MalformedTrailerError"},
        {"x-amz-sdk-checksum-algorithm: SHA1\r\n", "x-amz-checksum-crc32:NhCmhg==\r\n", 400,
         "InvalidRequest"},
        {"x-amz-checksum-crc32: NhCmhg==\r\n", "x-amz-checksum-crc32:NhCmhg==\r\n", 400,
         "InvalidRequest"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[128];
        char headers[256];
        snprintf(body, sizeof body, "5\r\nhello\r\n0\r\n%s\r\n", cases[i].trailer);
        snprintf(headers, sizeof headers, "%sContent-Encoding: aws-chunked\r\n", cases[i].headers);
        test.prepare = aws_prepare;
        expect("PUT /bkt/k", headers, slice_str(body), cases[i].status, cases[i].code);
        if (cases[i].status == 200) expect_header("x-amz-checksum-crc32", "NhCmhg==");
    }
    expect("PUT /bkt/k2", NULL, SLICE("6\r\nhello!\r\n0\r\n\r\n"), 400, "IncompleteBody");
    test.prepare = NULL;
    expect_object("/bkt/k", SLICE("hello"));
    expect_header("Content-Encoding", NULL);
    expect_absent("/bkt/k2");
}

static void sha256_prepare(struct s3_test *t) {
    t->call.auth.payload = AUTH_PAYLOAD_SHA256;
    digest_sha256(SLICE("hello"), t->call.auth.payload_sha256);
}

static void test_the_signed_digest(void **state) {
    (void)state;
    test.prepare = sha256_prepare;
    expect("PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
    expect("PUT /bkt/other", NULL, SLICE("hallo"), 400, "XAmzContentSHA256Mismatch");
    test.prepare = NULL;
    expect_absent("/bkt/other");
}

static void test_system_headers_come_back(void **state) {
    (void)state;
    static const char headers[] =
        "Content-Type: text/plain; charset=x\r\nCache-Control: no-cache\r\n"
        "Content-Disposition: attachment; filename=\"a\"\r\nContent-Encoding: aws-chunked, gzip\r\n"
        "Content-Language: sv\r\nExpires: whenever\r\n"
        "x-amz-website-redirect-location: /other\r\nx-amz-storage-class: STANDARD_IA\r\n";
    expect("PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("Content-Type", "text/plain; charset=x");
    expect_header("Cache-Control", "no-cache");
    expect_header("Content-Disposition", "attachment; filename=\"a\"");
    expect_header("Content-Encoding", "gzip");
    expect_header("Content-Language", "sv");
    expect_header("Expires", "whenever");
    expect_header("x-amz-website-redirect-location", "/other");
    expect_header("x-amz-storage-class", "STANDARD_IA");
    expect("PUT /bkt/k", "Content-Encoding: aws-chunked\r\nContent-Type: \r\n", SLICE("x"), 200,
           NULL);
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
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
    expect("PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-one", "1");
    expect_header("x-amz-meta-two", "a,b");
    expect_header("x-amz-meta-empty", "");
    expect_header("x-amz-meta-utf", "=?UTF-8?B?Z3LDtm4=?=");
    expect_header("x-amz-meta-latin", "gr\xF6n");
    expect_header("x-amz-meta-word", "=?UTF-8?Q?gr=C3=B6n?=");
    expect("PUT /bkt/k", NULL, SLICE("x"), 200, NULL);
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-one", NULL);
}

static void test_too_much_metadata(void **state) {
    (void)state;
    char headers[4096];
    snprintf(headers, sizeof headers, "x-amz-meta-a: %02047d\r\n", 0);
    expect("PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    snprintf(headers, sizeof headers, "x-amz-meta-a: %02048d\r\n", 0);
    expect("PUT /bkt/k2", headers, SLICE("x"), 400, "MetadataTooLarge");
    assert_true(slice_eq(s3_test_element(&test, "Size"), SLICE("2049")));
    expect_absent("/bkt/k2");
}

/* What can be put can be got: an answer has room for as many headers as a request. */
static void test_much_metadata_of_little_size(void **state) {
    (void)state;
    char headers[8192];
    struct buf text;
    buf_init_fixed(&text, headers, sizeof headers);
    for (int i = 0; i < 240; i++) buf_printf(&text, "x-amz-meta-%d: \xC3\xB6\r\n", i);
    buf_append_char(&text, '\0');
    assert_true(is_ok(buf_ok(&text)));
    expect("PUT /bkt/k", headers, SLICE("x"), 200, NULL);
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-0", "=?UTF-8?B?w7Y=?=");
    expect_header("x-amz-meta-239", "=?UTF-8?B?w7Y=?=");
}

static void test_what_is_not_there_is_said_by_name(void **state) {
    (void)state;
    static const char *const headers[] = {
        "x-amz-server-side-encryption: AES256\r\n",
        "x-amz-server-side-encryption-customer-algorithm: AES256\r\n",
        "x-amz-write-offset-bytes: 0\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        expect("PUT /bkt/k", headers[i], SLICE("x"), 501, "NotImplemented");
        struct slice named = s3_test_element(&test, "Header");
        assert_true(slice_starts_with(slice_str(headers[i]), named) && named.len > 8);
    }
    expect("PUT /bkt/k", "x-amz-grant-read: id=x\r\n", SLICE("x"), 400,
           "AccessControlListNotSupported");
    expect("PUT /bkt/k", "x-amz-acl: public-read\r\n", SLICE("x"), 400,
           "AccessControlListNotSupported");
    expect("PUT /bkt/k", "x-amz-acl: public-ready\r\n", SLICE("x"), 400, "InvalidArgument");
    expect("PUT /bkt/k", "x-amz-storage-class: NONSENSE\r\n", SLICE("x"), 400,
           "InvalidStorageClass");
    expect("PUT /bkt/k", "x-amz-website-redirect-location: ftp://x\r\n", SLICE("x"), 400,
           "InvalidArgument");
    expect_absent("/bkt/k");
    expect("PUT /bkt/k", "x-amz-acl: bucket-owner-full-control\r\n", SLICE("x"), 200, NULL);
}

static void test_if_none_match(void **state) {
    (void)state;
    expect("PUT /bkt/k", "If-None-Match: *\r\n", SLICE("1"), 200, NULL);
    expect("PUT /bkt/k", "If-None-Match: *\r\n", SLICE("2"), 412, "PreconditionFailed");
    assert_true(slice_eq(s3_test_element(&test, "Condition"), SLICE("If-None-Match")));
    expect("PUT /bkt/k", "If-None-Match: \"c4ca4238a0b923820dcc509a6f75849b\"\r\n", SLICE("2"), 412,
           "PreconditionFailed");
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    assert_true(slice_eq(test.body, SLICE("1")));
    expect("PUT /bkt/k", "If-None-Match: badetag\r\n", SLICE("2"), 200, NULL);
}

static void test_if_match(void **state) {
    (void)state;
    expect("PUT /bkt/k", "If-Match: *\r\n", SLICE("1"), 404, "NoSuchKey");
    expect("PUT /bkt/k", "If-Match: \"x\"\r\n", SLICE("1"), 404, "NoSuchKey");
    expect("PUT /bkt/k", NULL, SLICE("1"), 200, NULL);
    expect("PUT /bkt/k", "If-Match: \"x\"\r\n", SLICE("2"), 412, "PreconditionFailed");
    assert_true(slice_eq(s3_test_element(&test, "Condition"), SLICE("If-Match")));
    expect("PUT /bkt/k", "If-Match: \"c4ca4238a0b923820dcc509a6f75849b\"\r\n", SLICE("2"), 200,
           NULL);
    expect("PUT /bkt/k", "If-Match: *\r\n", SLICE("3"), 200, NULL);
}

static struct source *untouched;

static struct status unwanted_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                   bool *ret_end) {
    (void)buffer;
    (void)cap;
    (void)ret_len;
    (void)ret_end;
    untouched = source;
    return status_of(STATUS_CLOSED);
}

static const struct source_ops unwanted_ops = {unwanted_pull};

/* Who waits for 100-continue is refused before the body; nobody asks for a byte of it. */
static void test_a_condition_is_foreseen(void **state) {
    (void)state;
    struct source unwanted = {&unwanted_ops};
    expect("PUT /bkt/k", NULL, SLICE("1"), 200, NULL);
    expect("PUT /bkt/k", "Expect: 100-continue\r\nIf-None-Match: *\r\n", SLICE("2"), 412,
           "PreconditionFailed");
    untouched = NULL;
    test.call.body = &unwanted;
    test.call.error = S3_ERROR_NONE;
    assert_true(status_is(op_put_object(&test.call), STATUS_REFUSED));
    assert_int_equal(test.call.error, S3_ERROR_PRECONDITION_FAILED);
    assert_null(untouched);
    expect("PUT /bkt/k", "Expect: 100-continue\r\nIf-Match: *\r\n", SLICE("3"), 200, NULL);
    expect_object("/bkt/k", SLICE("3"));
}

static void test_whom_it_belongs_to(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    expect("PUT /bkt/k", NULL, SLICE("x"), 403, "AccessDenied");
    test.who = S3_TEST_NOBODY;
    expect("PUT /bkt/k", NULL, SLICE("x"), 403, "AccessDenied");
    test.who = S3_TEST_CAROL;
    expect("PUT /bkt/k", NULL, SLICE("x"), 200, NULL);
    expect("PUT /absent/k", NULL, SLICE("x"), 404, "NoSuchBucket");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DOOR_TEST(test_put_and_get),
        DOOR_TEST(test_an_empty_object),
        DOOR_TEST(test_length),
        DOOR_TEST(test_a_body_that_is_cut_off_never_was),
        DOOR_TEST(test_content_md5),
        DOOR_TEST(test_each_checksum_in_the_head),
        DOOR_TEST(test_checksums_that_contradict),
        DOOR_TEST(test_a_trailer_of_http),
        DOOR_TEST(test_a_trailer_of_aws),
        DOOR_TEST(test_the_signed_digest),
        DOOR_TEST(test_system_headers_come_back),
        DOOR_TEST(test_user_metadata),
        DOOR_TEST(test_too_much_metadata),
        DOOR_TEST(test_much_metadata_of_little_size),
        DOOR_TEST(test_what_is_not_there_is_said_by_name),
        DOOR_TEST(test_if_none_match),
        DOOR_TEST(test_if_match),
        DOOR_TEST(test_a_condition_is_foreseen),
        DOOR_TEST(test_whom_it_belongs_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
