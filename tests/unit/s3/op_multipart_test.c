#include "unit/s3/object_door.h"

#include "crypto/digest.h"

#define MIB (1024 * 1024)
#define BIG (5 * MIB)

static char big[BIG]; /* a part of the smallest size that may be followed by another */
static char upload[64];

static int setup(void **state) {
    memset(big, 'A', sizeof big);
    return door_setup(state);
}

#define PARTS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, door_teardown)

static struct slice big_part(void) {
    return slice_of(big, sizeof big);
}

static void create(const char *headers) {
    expect("POST /bkt/k?uploads", headers, NO_BODY, 200, NULL);
    struct slice id = s3_test_element(&test, "UploadId");
    assert_in_range(id.len, 1, sizeof upload - 1);
    snprintf(upload, sizeof upload, "%.*s", SLICE_FMT(id));
}

/* "PUT /bkt/k?partNumber=1&uploadId=…"; valid for a few calls. */
static const char *request(const char *method, const char *params) {
    static char storage[4][256];
    static unsigned next;
    char *out = storage[next++ % 4];
    snprintf(out, 256, "%s /bkt/k?%suploadId=%s", method, params, upload);
    return out;
}

/* Uploads a part; its ETag without quotation marks. Valid for a few calls. */
static const char *put_part(unsigned number, const char *headers, struct slice body) {
    static char storage[8][40];
    static unsigned next;
    char *out = storage[next++ % 8];
    char params[32];
    snprintf(params, sizeof params, "partNumber=%u&", number);
    expect(request("PUT", params), headers, body, 200, NULL);
    struct slice etag = s3_test_header(&test, "ETag");
    assert_int_equal(etag.len, 34);
    snprintf(out, 40, "%.32s", etag.ptr + 1);
    return out;
}

static struct buf list;

static void list_begin(void) {
    buf_init(&list, 4 * MIB);
    buf_append_str(&list, "<CompleteMultipartUpload>");
}

static void list_part(unsigned number, const char *etag, const char *more) {
    buf_printf(&list, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag>%s</Part>", number, etag,
               more);
}

static void complete(const char *headers, int status, const char *code) {
    buf_append_str(&list, "</CompleteMultipartUpload>");
    expect(request("POST", ""), headers, buf_slice(&list), status, code);
    buf_fini(&list);
}

static void test_create_says_what_was_made(void **state) {
    (void)state;
    create(NULL);
    expect_element("Bucket", "bkt");
    expect_element("Key", "k");
    expect_header("x-amz-checksum-algorithm", NULL);
    expect_absent("/bkt/k");
    create("x-amz-checksum-algorithm: crc32\r\n");
    expect_header("x-amz-checksum-algorithm", "CRC32");
    expect_header("x-amz-checksum-type", "COMPOSITE");
    create("x-amz-checksum-algorithm: CRC32C\r\nx-amz-checksum-type: full_object\r\n");
    expect_header("x-amz-checksum-type", "FULL_OBJECT");
    create("x-amz-checksum-algorithm: CRC64NVME\r\n");
    expect_header("x-amz-checksum-type", "FULL_OBJECT");
    create("x-amz-checksum-algorithm: XXHASH3\r\n");
    expect_header("x-amz-checksum-type", "COMPOSITE");
}

static void test_create_refuses(void **state) {
    (void)state;
    static const char *const headers[] = {
        "x-amz-checksum-algorithm: CRC33\r\n",
        "x-amz-checksum-algorithm: CRC32\r\nx-amz-checksum-type: HALF\r\n",
        "x-amz-checksum-algorithm: CRC64NVME\r\nx-amz-checksum-type: COMPOSITE\r\n",
        "x-amz-checksum-algorithm: SHA256\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
        "x-amz-checksum-algorithm: MD5\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
        "x-amz-checksum-type: COMPOSITE\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        expect("POST /bkt/k?uploads", headers[i], NO_BODY, 400, "InvalidRequest");
    }
    expect("POST /bkt/k?uploads", "x-amz-tagging: a=b&a=c\r\n", NO_BODY, 400, "InvalidTag");
    expect("POST /absent/k?uploads", NULL, NO_BODY, 404, "NoSuchBucket");
    test.who = S3_TEST_BOB;
    expect("POST /bkt/k?uploads", NULL, NO_BODY, 403, "AccessDenied");
}

static void test_whole_way(void **state) {
    (void)state;
    create("Content-Type: text/x\r\nx-amz-meta-a: b\r\nx-amz-storage-class: STANDARD_IA\r\n");
    char first[40];
    char second[40];
    snprintf(first, sizeof first, "%s", put_part(1, NULL, big_part()));
    snprintf(second, sizeof second, "%s", put_part(3, NULL, SLICE("tail")));
    expect_absent("/bkt/k");
    for (int i = 0; i < 2; i++) { /* the second time it has been done already */
        list_begin();
        list_part(1, first, "");
        list_part(3, second, "");
        complete(NULL, 200, NULL);
        expect_element("Location", "http://localhost/bkt/k");
        expect_element("Bucket", "bkt");
        expect_element("Key", "k");
        expect_element("ChecksumType", "FULL_OBJECT");
        assert_non_null(s3_test_element(&test, "ChecksumCRC64NVME").ptr);
        assert_true(slice_ends_with(s3_test_element(&test, "ETag"), SLICE("-2&quot;")));
    }
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    assert_int_equal(test.body.len, BIG + 4);
    assert_memory_equal(test.body.ptr + BIG - 1, "Atail", 5);
    expect_header("Content-Type", "text/x");
    expect_header("x-amz-meta-a", "b");
    expect_header("x-amz-storage-class", "STANDARD_IA");
    expect_header("x-amz-mp-parts-count", NULL);
    expect("HEAD /bkt/k?partNumber=2", NULL, NO_BODY, 206, NULL);
    expect_header("x-amz-mp-parts-count", "2");
    expect_header("Content-Range", "bytes 5242880-5242883/5242884");
    expect("GET /bkt/k?partNumber=2", NULL, NO_BODY, 206, NULL);
    assert_true(slice_eq(test.body, SLICE("tail")));
    expect("GET /bkt/k?partNumber=3", NULL, NO_BODY, 400, "InvalidPart");
    expect("GET /bkt/k", "Range: bytes=5242878-5242881\r\n", NO_BODY, 206, NULL);
    assert_true(slice_eq(test.body, SLICE("AAta")));
}

/* The ETag is the MD5 of the parts' MD5s; published in the S3 test suite of Ceph. */
static void test_known_values(void **state) {
    (void)state;
    static const char *const sums[] = {"275VF5loJr1YYawit0XSHREhkFXYkkPKGuoK0x9VKxI=",
                                       "mrHwOfjTL5Zwfj74F05HOQGLdUb7E5szdCbxgUSq6NM=",
                                       "Vw7oB/nKQ5xWb3hNgbyfkvDiivl+U+/Dft48nfJfDow="};
    static const char composite[] = "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3";
    char headers[128];
    create("x-amz-checksum-algorithm: SHA256\r\n");
    list_begin();
    for (unsigned i = 0; i < 3; i++) {
        char more[128];
        memset(big, 'A' + (int)i, sizeof big);
        snprintf(headers, sizeof headers, "x-amz-checksum-sha256: %s\r\n", sums[i]);
        snprintf(more, sizeof more, "<ChecksumSHA256>%s</ChecksumSHA256>", sums[i]);
        list_part(i + 1, put_part(i + 1, headers, big_part()), more);
        expect_header("x-amz-checksum-sha256", sums[i]);
    }
    snprintf(headers, sizeof headers, "x-amz-checksum-sha256: %s\r\n", composite);
    complete(headers, 200, NULL);
    expect_element("ETag", "&quot;b2add96cc9702bbf4efb0ccdfc6b7747-3&quot;");
    expect_element("ChecksumSHA256", composite);
    expect_element("ChecksumType", "COMPOSITE");
    expect("HEAD /bkt/k", "x-amz-checksum-mode: ENABLED\r\n", NO_BODY, 200, NULL);
    expect_header("x-amz-checksum-sha256", composite);
    expect_header("x-amz-checksum-type", "COMPOSITE");
    expect("GET /bkt/k?partNumber=2", "x-amz-checksum-mode: ENABLED\r\n", NO_BODY, 206, NULL);
    expect_header("x-amz-checksum-sha256", sums[1]);
    expect_header("x-amz-checksum-type", "COMPOSITE");
}

static void test_full_object_checksums(void **state) {
    (void)state;
    static const enum checksum_kind kinds[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char headers[256];
        char element[64];
        char *whole = test_malloc(BIG + 4);
        memcpy(whole, big, BIG);
        memcpy(whole + BIG, "tail", 4);
        const char *value = checksum_base64(kinds[i], slice_of(whole, BIG + 4));
        test_free(whole);
        snprintf(headers, sizeof headers,
                 "x-amz-checksum-algorithm: %s\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
                 checksum_name(kinds[i]));
        create(headers);
        list_begin();
        list_part(1, put_part(1, NULL, big_part()), "");
        list_part(2, put_part(2, NULL, SLICE("tail")), "");
        snprintf(headers, sizeof headers,
                 "x-amz-checksum-%s: %s\r\nx-amz-checksum-type: FULL_OBJECT\r\n"
                 "x-amz-mp-object-size: %d\r\n",
                 checksum_suffix(kinds[i]), value, BIG + 4);
        complete(headers, 200, NULL);
        snprintf(element, sizeof element, "Checksum%s", checksum_name(kinds[i]));
        expect_element(element, value);
    }
}

static void test_parts_of_the_wrong_checksum(void **state) {
    (void)state;
    char headers[128];
    snprintf(headers, sizeof headers, "x-amz-checksum-crc32: %s\r\n",
             checksum_base64(CHECKSUM_CRC32, SLICE("x")));
    create("x-amz-checksum-algorithm: SHA256\r\n");
    expect(request("PUT", "partNumber=1&"), headers, SLICE("x"), 400, "InvalidRequest");
    expect(request("PUT", "partNumber=1&"), NULL, SLICE("x"), 400, "InvalidRequest");
    /* An upload that was created without one takes any. */
    create(NULL);
    const char *etag = put_part(1, headers, SLICE("x"));
    expect_header("x-amz-checksum-crc32", checksum_base64(CHECKSUM_CRC32, SLICE("x")));
    expect(request("PUT", "partNumber=1&"), headers, SLICE("y"), 400, "BadDigest");
    char more[128];
    snprintf(more, sizeof more, "<ChecksumCRC32>%s</ChecksumCRC32>",
             checksum_base64(CHECKSUM_CRC32, SLICE("x")));
    for (int i = 0; i < 2; i++) {
        list_begin();
        list_part(1, etag, more);
        complete(headers, 200, NULL);
        expect_element("ChecksumCRC64NVME", checksum_base64(CHECKSUM_CRC64NVME, SLICE("x")));
    }
    expect_object("/bkt/k", SLICE("x"));
}

static void test_part_refusals(void **state) {
    (void)state;
    create(NULL);
    static const char *const numbers[] = {"partNumber=0&", "partNumber=10001&", "partNumber=-1&",
                                          "partNumber=x&", "partNumber=&",      ""};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        expect(request("PUT", numbers[i]), NULL, SLICE("x"), 400, "InvalidArgument");
    }
    expect(request("PUT", "partNumber=1&"), "Content-MD5: rL0Y20xC+Fzt72VPzMSk2A==\r\n", SLICE("x"),
           400, "BadDigest");
    expect(request("PUT", "partNumber=1&"), "Content-Length: 5368709121\r\n", NO_BODY, 400,
           "EntityTooLarge");
    expect(request("PUT", "partNumber=1&"), NULL, NO_BODY, 411, "MissingContentLength");
    test.body_is_cut = true;
    expect(request("PUT", "partNumber=1&"), NULL, SLICE("xyz"), 400, "IncompleteBody");
    test.body_is_cut = false;
    expect(request("GET", ""), NULL, NO_BODY, 200, NULL);
    expect_element("Part", NULL);
    expect("PUT /bkt/other?partNumber=1&uploadId=abc", NULL, SLICE("x"), 404, "NoSuchUpload");
    expect_element("UploadId", "abc");
}

static void test_list_parts(void **state) {
    (void)state;
    create("x-amz-checksum-algorithm: CRC32\r\nx-amz-checksum-type: FULL_OBJECT\r\n");
    for (unsigned i = 1; i <= 5; i++) put_part(i * 2, NULL, SLICE("part"));
    expect(request("GET", ""), NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Part>"), 5);
    expect_element("Bucket", "bkt");
    expect_element("Key", "k");
    expect_element("UploadId", upload);
    expect_element("StorageClass", "STANDARD");
    expect_element("MaxParts", "1000");
    expect_element("IsTruncated", "false");
    expect_element("ChecksumAlgorithm", "CRC32");
    expect_element("ChecksumType", "FULL_OBJECT");
    expect_element("Size", "4");
    expect_element("LastModified", "2026-11-24T12:00:00.000Z");
    expect_element("ChecksumCRC32", checksum_base64(CHECKSUM_CRC32, SLICE("part")));
    assert_int_equal(s3_test_count(&test, "<ID>user-alice</ID>"), 1);
    assert_int_equal(s3_test_count(&test, "<ID>project-a</ID>"), 1);
    expect(request("GET", "max-parts=2&part-number-marker=2&"), NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Part>"), 2);
    expect_element("PartNumber", "4");
    expect_element("NextPartNumberMarker", "6");
    expect_element("PartNumberMarker", "2");
    expect_element("MaxParts", "2");
    expect_element("IsTruncated", "true");
    expect(request("GET", "part-number-marker=6&"), NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Part>"), 2);
    expect_element("IsTruncated", "false");
    expect(request("GET", "max-parts=x&"), NULL, NO_BODY, 400, "InvalidArgument");
    expect(request("GET", "part-number-marker=-1&"), NULL, NO_BODY, 400, "InvalidArgument");
    expect(request("GET", "encoding-type=x&"), NULL, NO_BODY, 400, "InvalidArgument");
    expect("GET /bkt/k?uploadId=abc", NULL, NO_BODY, 404, "NoSuchUpload");
}

static void test_resent_part_replaces(void **state) {
    (void)state;
    create(NULL);
    char old[40];
    snprintf(old, sizeof old, "%s", put_part(1, NULL, SLICE("old")));
    const char *etag = put_part(1, NULL, SLICE("new"));
    list_begin();
    list_part(1, old, "");
    complete(NULL, 400, "InvalidPart");
    expect_element("PartNumber", "1");
    expect_element("ETag", old);
    list_begin();
    list_part(1, old, "");
    list_part(1, etag, "");
    complete(NULL, 200, NULL);
    expect_object("/bkt/k", SLICE("new"));
}

static void test_complete_refusals(void **state) {
    (void)state;
    create(NULL);
    char first[40];
    char second[40];
    snprintf(first, sizeof first, "%s", put_part(1, NULL, SLICE("one")));
    snprintf(second, sizeof second, "%s", put_part(2, NULL, SLICE("two")));
    list_begin();
    list_part(1, first, "");
    list_part(2, second, "");
    complete(NULL, 400, "EntityTooSmall");
    expect_element("ProposedSize", "3");
    expect_element("MinSizeAllowed", "5242880");
    list_begin();
    list_part(2, second, "");
    list_part(1, first, "");
    complete(NULL, 400, "InvalidPartOrder");
    list_begin();
    list_part(1, first, "");
    list_part(2, second, "");
    list_part(1, first, "");
    complete(NULL, 400, "InvalidPartOrder");
    list_begin();
    list_part(9999, first, "");
    complete(NULL, 400, "InvalidPart");
    list_begin();
    list_part(1, "ffffffffffffffffffffffffffffffff", "");
    complete(NULL, 400, "InvalidPart");
    list_begin();
    list_part(10001, first, "");
    complete(NULL, 400, "InvalidArgument");
    list_begin();
    complete(NULL, 400, "MalformedXML");
    list_begin();
    list_part(1, first, "");
    complete("x-amz-mp-object-size: 4\r\n", 400, "InvalidRequest");
    list_begin();
    list_part(1, first, "");
    complete("x-amz-mp-object-size: -4\r\n", 400, "InvalidRequest");
    expect_absent("/bkt/k");
    list_begin();
    list_part(2, second, "");
    complete("x-amz-mp-object-size: 3\r\n", 200, NULL);
    expect_object("/bkt/k", SLICE("two"));
}

static void test_malformed_lists(void **state) {
    (void)state;
    static const struct {
        const char *document;
        const char *code;
    } cases[] = {
        {"", "MalformedXML"},
        {"x", "MalformedXML"},
        {"<CompleteMultipartUpload/>", "MalformedXML"},
        {"<Other><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></Other>", "MalformedXML"},
        {"<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>",
         "MalformedXML"},
        {"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
         "</CompleteMultipartUpload>",
         "MalformedXML"},
        {"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>x</ETag></Part>"
         "</CompleteMultipartUpload>",
         "MalformedXML"},
        {"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag>"
         "<ChecksumCRC32>x</ChecksumCRC32></Part></CompleteMultipartUpload>",
         "InvalidArgument"},
        {"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag>"
         "<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></Part>"
         "</CompleteMultipartUpload>",
         "InvalidArgument"},
    };
    create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect(request("POST", ""), NULL, slice_str(cases[i].document), 400, cases[i].code);
    }
    expect("POST /bkt/k?uploadId=abc", NULL,
           SLICE("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
                 "</CompleteMultipartUpload>"),
           404, "NoSuchUpload");
}

static void test_complete_checksum_refusals(void **state) {
    (void)state;
    char good[128];
    char other[128];
    char headers[128];
    snprintf(headers, sizeof headers, "x-amz-checksum-sha256: %s\r\n",
             checksum_base64(CHECKSUM_SHA256, SLICE("x")));
    snprintf(good, sizeof good, "<ChecksumSHA256>%s</ChecksumSHA256>",
             checksum_base64(CHECKSUM_SHA256, SLICE("x")));
    snprintf(other, sizeof other, "<ChecksumSHA256>%s</ChecksumSHA256>",
             checksum_base64(CHECKSUM_SHA256, SLICE("y")));
    create("x-amz-checksum-algorithm: SHA256\r\n");
    const char *etag = put_part(1, headers, SLICE("x"));
    const struct {
        const char *more;
        const char *headers;
        const char *code;
    } cases[] = {
        {"", NULL, "InvalidRequest"},
        {other, NULL, "InvalidPart"},
        {"<ChecksumCRC32>AAAAAA==</ChecksumCRC32>", NULL, "BadDigest"},
        {good, "x-amz-checksum-sha256: bad\r\n", "BadDigest"},
        {good, headers, "BadDigest"}, /* of the part, not of the digests of the parts */
        {good, "x-amz-checksum-crc32: AAAAAA==\r\n", "InvalidRequest"},
        {good, "x-amz-checksum-type: FULL_OBJECT\r\n", "InvalidRequest"},
        {good, "x-amz-checksum-type: HALF\r\n", "InvalidRequest"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        list_begin();
        list_part(1, etag, cases[i].more);
        complete(cases[i].headers, 400, cases[i].code);
    }
    list_begin();
    list_part(1, etag, good);
    complete("x-amz-checksum-type: COMPOSITE\r\n", 200, NULL);
}

static void test_conditional_complete(void **state) {
    (void)state;
    create(NULL);
    const char *etag = put_part(1, NULL, SLICE("x"));
    list_begin();
    list_part(1, etag, "");
    complete("If-Match: *\r\n", 404, "NoSuchKey");
    expect("PUT /bkt/k", NULL, SLICE("there"), 200, NULL);
    list_begin();
    list_part(1, etag, "");
    complete("If-None-Match: *\r\n", 412, "PreconditionFailed");
    list_begin();
    list_part(1, etag, "");
    complete("If-Match: \"x\"\r\n", 412, "PreconditionFailed");
    expect_object("/bkt/k", SLICE("there"));
    list_begin();
    list_part(1, etag, "");
    complete("If-Match: *\r\n", 200, NULL);
    expect_object("/bkt/k", SLICE("x"));
}

static void test_abort(void **state) {
    (void)state;
    create(NULL);
    const char *etag = put_part(1, NULL, SLICE("x"));
    expect(request("DELETE", ""),
           "x-amz-if-match-initiated-time: Tue, 24 Nov 2026 11:59:59 GMT\r\n", NO_BODY, 412,
           "PreconditionFailed");
    expect(request("DELETE", ""),
           "x-amz-if-match-initiated-time: Tue, 24 Nov 2026 12:00:00 GMT\r\n", NO_BODY, 204, NULL);
    expect(request("DELETE", ""), NULL, NO_BODY, 404, "NoSuchUpload");
    list_begin();
    list_part(1, etag, "");
    complete(NULL, 404, "NoSuchUpload");
    expect(request("PUT", "partNumber=1&"), NULL, SLICE("x"), 404, "NoSuchUpload");
    expect("DELETE /bkt/k?uploadId=56788", NULL, NO_BODY, 404, "NoSuchUpload");
}

static void test_a_completed_upload_is_gone(void **state) {
    (void)state;
    create(NULL);
    const char *etag = put_part(1, NULL, SLICE("x"));
    list_begin();
    list_part(1, etag, "");
    complete(NULL, 200, NULL);
    expect(request("DELETE", ""), NULL, NO_BODY, 404, "NoSuchUpload");
    expect(request("GET", ""), NULL, NO_BODY, 404, "NoSuchUpload");
    expect(request("PUT", "partNumber=1&"), NULL, SLICE("x"), 404, "NoSuchUpload");
    list_begin();
    list_part(1, "ffffffffffffffffffffffffffffffff", "");
    complete(NULL, 404, "NoSuchUpload");
    expect_object("/bkt/k", SLICE("x"));
}

static void test_part_copy(void **state) {
    (void)state;
    expect("PUT /bkt/src", NULL, SLICE("0123456789"), 200, NULL);
    expect("PUT /other", NULL, NO_BODY, 200, NULL);
    expect("PUT /other/src", NULL, big_part(), 200, NULL);
    create("x-amz-checksum-algorithm: CRC32\r\n");
    char first[40];
    char more[2][64];
    expect(request("PUT", "partNumber=1&"), "x-amz-copy-source: other/src\r\n", NO_BODY, 200, NULL);
    snprintf(first, sizeof first, "%.32s", s3_test_element(&test, "ETag").ptr + strlen("&quot;"));
    snprintf(more[0], sizeof more[0], "<ChecksumCRC32>%.*s</ChecksumCRC32>",
             SLICE_FMT(s3_test_element(&test, "ChecksumCRC32")));
    expect(request("PUT", "partNumber=2&"),
           "x-amz-copy-source: /bkt/src\r\nx-amz-copy-source-range: bytes=2-4\r\n", NO_BODY, 200,
           NULL);
    expect_element("LastModified", "2026-11-24T12:00:00.000Z");
    expect_element("ChecksumCRC32", checksum_base64(CHECKSUM_CRC32, SLICE("234")));
    expect_element("ETag", "&quot;289dff07669d7a23de0ef88d2f7129e7&quot;");
    snprintf(more[1], sizeof more[1], "<ChecksumCRC32>%s</ChecksumCRC32>",
             checksum_base64(CHECKSUM_CRC32, SLICE("234")));
    list_begin();
    list_part(1, first, more[0]);
    list_part(2, "289dff07669d7a23de0ef88d2f7129e7", more[1]);
    complete(NULL, 200, NULL);
    expect("GET /bkt/k", "Range: bytes=5242879-\r\n", NO_BODY, 206, NULL);
    assert_true(slice_eq(test.body, SLICE("A234")));
}

static void test_part_copy_refusals(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        int status;
        const char *code;
    } cases[] = {
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=0-21\r\n", 416,
         "InvalidRange"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=5-5\r\n", 416,
         "InvalidRange"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: 0-2\r\n", 400, "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=0\r\n", 400,
         "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=hello-world\r\n", 400,
         "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=0-bar\r\n", 400,
         "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=hello-\r\n", 400,
         "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-range: bytes=0-2,3-5\r\n", 400,
         "InvalidArgument"},
        {"x-amz-copy-source: bkt/absent\r\n", 404, "NoSuchKey"},
        {"x-amz-copy-source: absent/src\r\n", 404, "NoSuchBucket"},
        {"x-amz-copy-source: bkt\r\n", 400, "InvalidArgument"},
        {"x-amz-copy-source: bkt/src\r\nx-amz-copy-source-if-match: x\r\n", 412,
         "PreconditionFailed"},
    };
    expect("PUT /bkt/src", NULL, SLICE("01234"), 200, NULL);
    create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect(request("PUT", "partNumber=1&"), cases[i].headers, NO_BODY, cases[i].status,
               cases[i].code);
    }
    expect(request("PUT", "partNumber=0&"), "x-amz-copy-source: bkt/src\r\n", NO_BODY, 400,
           "InvalidArgument");
    expect("PUT /bkt/k?partNumber=1&uploadId=abc", "x-amz-copy-source: bkt/src\r\n", NO_BODY, 404,
           "NoSuchUpload");
}

static void test_a_copy_of_what_came_in_parts(void **state) {
    (void)state;
    create(NULL);
    const char *first = put_part(1, NULL, big_part());
    const char *second = put_part(2, NULL, SLICE("tail"));
    list_begin();
    list_part(1, first, "");
    list_part(2, second, "");
    complete(NULL, 200, NULL);
    expect("PUT /other", NULL, NO_BODY, 200, NULL);
    static const char *const targets[] = {"/bkt/copy", "/other/copy"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        char what[64];
        snprintf(what, sizeof what, "PUT %s", targets[i]);
        expect(what, "x-amz-copy-source: bkt/k\r\n", NO_BODY, 200, NULL);
        snprintf(what, sizeof what, "GET %s", targets[i]);
        expect(what, "Range: bytes=-5\r\n", NO_BODY, 206, NULL);
        assert_true(slice_eq(test.body, SLICE("Atail")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PARTS_TEST(test_create_says_what_was_made),
        PARTS_TEST(test_create_refuses),
        PARTS_TEST(test_whole_way),
        PARTS_TEST(test_known_values),
        PARTS_TEST(test_full_object_checksums),
        PARTS_TEST(test_parts_of_the_wrong_checksum),
        PARTS_TEST(test_part_refusals),
        PARTS_TEST(test_list_parts),
        PARTS_TEST(test_resent_part_replaces),
        PARTS_TEST(test_complete_refusals),
        PARTS_TEST(test_malformed_lists),
        PARTS_TEST(test_complete_checksum_refusals),
        PARTS_TEST(test_conditional_complete),
        PARTS_TEST(test_abort),
        PARTS_TEST(test_a_completed_upload_is_gone),
        PARTS_TEST(test_part_copy),
        PARTS_TEST(test_part_copy_refusals),
        PARTS_TEST(test_a_copy_of_what_came_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
