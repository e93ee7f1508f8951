#include "unit/s3/object_door.h"

#include "os/clock.h"

#define TEN "0123456789"
#define TEN_ETAG "\"781e5e245d69b566979b86e28d23f2c7\""

static int ten_setup(void **state) {
    door_setup(state);
    expect("PUT /bkt/k", "Cache-Control: max-age=1\r\nx-amz-meta-a: b\r\n", SLICE(TEN), 200, NULL);
    return 0;
}

#define TEN_TEST(function) cmocka_unit_test_setup_teardown(function, ten_setup, door_teardown)

static void test_absent(void **state) {
    (void)state;
    expect("GET /bkt/absent", NULL, NO_BODY, 404, "NoSuchKey");
    expect_element("Key", "absent");
    expect("HEAD /bkt/absent", NULL, NO_BODY, 404, NULL);
    assert_int_equal(test.body.len, 0);
    expect("GET /other/k", NULL, NO_BODY, 404, "NoSuchBucket");
    test.who = S3_TEST_BOB;
    expect("GET /bkt/absent", NULL, NO_BODY, 403, "AccessDenied");
    expect("GET /bkt/k", NULL, NO_BODY, 403, "AccessDenied");
}

static void test_head_says_what_get_says(void **state) {
    (void)state;
    static const char *const names[] = {"ETag",          "Last-Modified", "Content-Type",
                                        "Cache-Control", "Accept-Ranges", "x-amz-meta-a"};
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
    assert_int_equal(test.body.len, 0);
    assert_int_equal(test.call.answer.length, 10);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char of_head[128];
        expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
        snprintf(of_head, sizeof of_head, "%.*s", SLICE_FMT(s3_test_header(&test, names[i])));
        expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
        expect_header(names[i], of_head);
    }
    assert_true(slice_eq(test.body, SLICE(TEN)));
    expect_header("ETag", TEN_ETAG);
}

static void test_one_range(void **state) {
    (void)state;
    static const struct {
        const char *range;
        const char *bytes;
        const char *content_range;
    } cases[] = {
        {"bytes=4-7", "4567", "bytes 4-7/10"}, {"bytes=4-", "456789", "bytes 4-9/10"},
        {"bytes=-3", "789", "bytes 7-9/10"},   {"bytes=0-99", TEN, "bytes 0-9/10"},
        {"bytes=-99", TEN, "bytes 0-9/10"},    {"bytes=9-9", "9", "bytes 9-9/10"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[64];
        snprintf(header, sizeof header, "Range: %s\r\n", cases[i].range);
        expect("GET /bkt/k", header, NO_BODY, 206, NULL);
        assert_true(slice_eq(test.body, slice_str(cases[i].bytes)));
        expect_header("Content-Range", cases[i].content_range);
        expect("HEAD /bkt/k", header, NO_BODY, 206, NULL);
        expect_header("Content-Range", cases[i].content_range);
        assert_int_equal(test.call.answer.length, strlen(cases[i].bytes));
    }
}

static void test_ranges_that_are_ignored(void **state) {
    (void)state;
    static const char *const headers[] = {"Range: bytes=0-1,4-5\r\n", "Range: bytes=7-4\r\n",
                                          "Range: bytes=x-4\r\n", "Range: items=0-1\r\n",
                                          "Range: bytes\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        expect("GET /bkt/k", headers[i], NO_BODY, 200, NULL);
        assert_true(slice_eq(test.body, SLICE(TEN)));
        expect_header("Content-Range", NULL);
    }
}

static void test_ranges_that_cannot_be(void **state) {
    (void)state;
    expect("GET /bkt/k", "Range: bytes=10-\r\n", NO_BODY, 416, "InvalidRange");
    expect_element("RangeRequested", "bytes=10-");
    expect_element("ActualObjectSize", "10");
    expect_header("Content-Range", "bytes */10");
    expect("GET /bkt/k", "Range: bytes=-0\r\n", NO_BODY, 416, "InvalidRange");
    expect("PUT /bkt/empty", "Content-Length: 0\r\n", NO_BODY, 200, NULL);
    expect("GET /bkt/empty", "Range: bytes=0-5\r\n", NO_BODY, 416, "InvalidRange");
    expect("HEAD /bkt/k", "Range: bytes=10-\r\n", NO_BODY, 416, NULL);
}

static void test_if_range(void **state) {
    (void)state;
    static const char *const holds[] = {"If-Range: " TEN_ETAG "\r\n",
                                        "If-Range: Tue, 24 Nov 2026 12:00:00 GMT\r\n"};
    static const char *const fails[] = {"If-Range: \"x\"\r\n", "If-Range: W/" TEN_ETAG "\r\n",
                                        "If-Range: Tue, 24 Nov 2026 11:59:59 GMT\r\n"};
    char headers[256];
    for (size_t i = 0; i < ARRAY_LEN(holds); i++) {
        snprintf(headers, sizeof headers, "Range: bytes=0-1\r\n%s", holds[i]);
        expect("GET /bkt/k", headers, NO_BODY, 206, NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(fails); i++) {
        snprintf(headers, sizeof headers, "Range: bytes=0-1\r\n%s", fails[i]);
        expect("GET /bkt/k", headers, NO_BODY, 200, NULL);
    }
}

static void test_conditions(void **state) {
    (void)state;
#define BEFORE "Tue, 24 Nov 2026 11:59:59 GMT\r\n"
#define AT "Tue, 24 Nov 2026 12:00:00 GMT\r\n"
    static const struct {
        const char *headers;
        int status;
        const char *condition;
    } cases[] = {
        {"If-Match: " TEN_ETAG "\r\n", 200, NULL},
        {"If-Match: *\r\n", 200, NULL},
        {"If-Match: \"x\"\r\n", 412, "If-Match"},
        {"If-None-Match: \"x\"\r\n", 200, NULL},
        {"If-None-Match: " TEN_ETAG "\r\n", 304, NULL},
        {"If-None-Match: *\r\n", 304, NULL},
        {"If-Modified-Since: " BEFORE, 200, NULL},
        {"If-Modified-Since: " AT, 304, NULL},
        {"If-Unmodified-Since: " AT, 200, NULL},
        {"If-Unmodified-Since: " BEFORE, 412, "If-Unmodified-Since"},
        /* An entity tag decides where both are given. */
        {"If-Match: " TEN_ETAG "\r\nIf-Unmodified-Since: " BEFORE, 200, NULL},
        {"If-None-Match: " TEN_ETAG "\r\nIf-Modified-Since: " BEFORE, 304, NULL},
        {"If-None-Match: \"x\"\r\nIf-Modified-Since: " AT, 200, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect("GET /bkt/k", cases[i].headers, NO_BODY, cases[i].status,
               cases[i].status == 412 ? "PreconditionFailed" : NULL);
        if (cases[i].status == 412) expect_element("Condition", cases[i].condition);
        if (cases[i].status == 304) {
            assert_int_equal(test.body.len, 0);
            expect_header("ETag", TEN_ETAG);
            expect_header("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT");
        }
        expect("HEAD /bkt/k", cases[i].headers, NO_BODY, cases[i].status, NULL);
    }
    /* Conditions come before ranges. */
    expect("GET /bkt/k", "Range: bytes=99-\r\nIf-Match: \"x\"\r\n", NO_BODY, 412,
           "PreconditionFailed");
}

static void test_overrides(void **state) {
    (void)state;
    static const char what[] =
        "GET /bkt/k?response-content-type=foo/bar&response-content-language=esperanto"
        "&response-expires=123&response-cache-control=no-cache&response-content-disposition=bla"
        "&response-content-encoding=aaa";
    expect(what, NULL, NO_BODY, 200, NULL);
    expect_header("Content-Type", "foo/bar");
    expect_header("Content-Language", "esperanto");
    expect_header("Expires", "123");
    expect_header("Cache-Control", "no-cache");
    expect_header("Content-Disposition", "bla");
    expect_header("Content-Encoding", "aaa");
    expect("GET /bkt/k?response-content-type=a%0D%0Ab", NULL, NO_BODY, 400, "InvalidArgument");
    test.who = S3_TEST_NOBODY;
    expect(what, NULL, NO_BODY, 400, "InvalidRequest");
}

static void test_parts_of_what_was_put_whole(void **state) {
    (void)state;
    expect("GET /bkt/k?partNumber=1", NULL, NO_BODY, 206, NULL);
    assert_true(slice_eq(test.body, SLICE(TEN)));
    expect_header("Content-Range", "bytes 0-9/10");
    expect_header("x-amz-mp-parts-count", NULL);
    expect("GET /bkt/k?partNumber=2", NULL, NO_BODY, 400, "InvalidPart");
    static const char *const wrong[] = {"GET /bkt/k?partNumber=0", "GET /bkt/k?partNumber=-3",
                                        "GET /bkt/k?partNumber=10001",
                                        "GET /bkt/k?partNumber=", "GET /bkt/k?partNumber=x"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        expect(wrong[i], NULL, NO_BODY, 400, "InvalidArgument");
        expect_element("ArgumentName", "partNumber");
    }
    expect("GET /bkt/k?partNumber=1", "Range: bytes=0-1\r\n", NO_BODY, 400, "InvalidRequest");
    expect("PUT /bkt/empty", "Content-Length: 0\r\n", NO_BODY, 200, NULL);
    expect("GET /bkt/empty?partNumber=1", NULL, NO_BODY, 200, NULL);
    expect_header("Content-Range", NULL);
}

static void test_checksum_mode(void **state) {
    (void)state;
    const char *value = checksum_base64(CHECKSUM_CRC64NVME, SLICE(TEN));
    const char *mode = "x-amz-checksum-mode: ENABLED\r\n";
    expect("GET /bkt/k", mode, NO_BODY, 200, NULL);
    expect_header("x-amz-checksum-crc64nvme", value);
    expect_header("x-amz-checksum-type", "FULL_OBJECT");
    expect("GET /bkt/k?partNumber=1", mode, NO_BODY, 206, NULL);
    expect_header("x-amz-checksum-crc64nvme", value);
    expect("GET /bkt/k", "Range: bytes=0-4\r\nx-amz-checksum-mode: ENABLED\r\n", NO_BODY, 206,
           NULL);
    expect_header("x-amz-checksum-crc64nvme", NULL);
    expect("GET /bkt/k", "x-amz-checksum-mode: DISABLED\r\n", NO_BODY, 200, NULL);
    expect_header("x-amz-checksum-crc64nvme", NULL);
}

static void test_versions(void **state) {
    (void)state;
    expect("GET /bkt/k?versionId=null", NULL, NO_BODY, 200, NULL);
    expect("GET /bkt/k?versionId=abc", NULL, NO_BODY, 400, "InvalidArgument");
    expect_element("ArgumentValue", "abc");
    expect("GET /bkt/k?versionId=", NULL, NO_BODY, 400, "InvalidArgument");
    expect("GET /bkt/k", "x-amz-server-side-encryption-customer-algorithm: AES256\r\n", NO_BODY,
           501, "NotImplemented");
}

static void test_odd_keys(void **state) {
    (void)state;
    static const char *const keys[] = {"/bkt/%20", "/bkt/a%2Fb", "/bkt/a//b",   "/bkt/../x",
                                       "/bkt/.",   "/bkt/a+b",   "/bkt/%C3%B6", "/bkt/%3F",
                                       "/bkt/%25", "/bkt/a%0Ab", "/bkt/%01",    "/bkt/%EF%BF%BF",
                                       "/bkt/dir/"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char what[64];
        snprintf(what, sizeof what, "PUT %s", keys[i]);
        expect(what, NULL, slice_str(keys[i]), 200, NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) expect_object(keys[i], slice_str(keys[i]));
}

static void test_an_overwrite_does_not_disturb_the_metadata(void **state) {
    (void)state;
    test.clock.now_ns += 5 * INT64_C(1000000000);
    expect("PUT /bkt/k", NULL, SLICE("new"), 200, NULL);
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-a", NULL);
    expect_header("Cache-Control", NULL);
    expect_header("Last-Modified", "Tue, 24 Nov 2026 12:00:05 GMT");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEN_TEST(test_absent),
        TEN_TEST(test_head_says_what_get_says),
        TEN_TEST(test_one_range),
        TEN_TEST(test_ranges_that_are_ignored),
        TEN_TEST(test_ranges_that_cannot_be),
        TEN_TEST(test_if_range),
        TEN_TEST(test_conditions),
        TEN_TEST(test_overrides),
        TEN_TEST(test_parts_of_what_was_put_whole),
        TEN_TEST(test_checksum_mode),
        TEN_TEST(test_versions),
        TEN_TEST(test_odd_keys),
        TEN_TEST(test_an_overwrite_does_not_disturb_the_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
