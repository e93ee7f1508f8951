#include "unit/s3/object_door.h"

#include "s3/copy_source.h"
#include "s3/early.h"

#define HELLO_ETAG "\"5d41402abc4b2a76b9719d911017c592\""

static int setup(void **state) {
    door_setup(state);
    expect("PUT /dst", NULL, NO_BODY, 200, NULL);
    expect("PUT /bkt/k",
           "Content-Type: text/plain\r\nx-amz-meta-a: b\r\n"
           "x-amz-website-redirect-location: /x\r\nx-amz-storage-class: STANDARD_IA\r\n",
           SLICE("hello"), 200, NULL);
    return 0;
}

#define COPY_TEST(function) cmocka_unit_test_setup_teardown(function, setup, door_teardown)

static const char *from(const char *source, const char *more) {
    static char headers[1024];
    snprintf(headers, sizeof headers, "x-amz-copy-source: %s\r\n%s", source, more);
    return headers;
}

static void test_copy_within_and_across(void **state) {
    (void)state;
    static const char *const targets[] = {"/bkt/copy", "/dst/copy"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        char what[64];
        snprintf(what, sizeof what, "PUT %s", targets[i]);
        expect(what, from("bkt/k", ""), NO_BODY, 200, NULL);
        expect_element("ETag", "&quot;5d41402abc4b2a76b9719d911017c592&quot;");
        expect_element("LastModified", "2026-11-24T12:00:00.000Z");
        expect_element("ChecksumCRC64NVME", checksum_base64(CHECKSUM_CRC64NVME, SLICE("hello")));
        expect_element("ChecksumType", "FULL_OBJECT");
        assert_true(slice_starts_with(test.body, SLICE("<?xml")));
        expect_object(targets[i], SLICE("hello"));
        expect_header("ETag", HELLO_ETAG);
        expect_header("Content-Type", "text/plain");
        expect_header("x-amz-meta-a", "b");
        /* These are never copied. */
        expect_header("x-amz-website-redirect-location", NULL);
        expect_header("x-amz-storage-class", NULL);
    }
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    bool done = false;
    while (!done) assert_true(is_ok(object_store_tidy(test.objects, &done)));
    expect_object("/bkt/copy", SLICE("hello"));
    expect_object("/dst/copy", SLICE("hello"));
}

static void test_an_empty_source(void **state) {
    (void)state;
    expect("PUT /bkt/empty", "Content-Length: 0\r\n", NO_BODY, 200, NULL);
    expect("PUT /bkt/c1", from("bkt/empty", ""), NO_BODY, 200, NULL);
    expect("PUT /dst/c2", from("bkt/empty", "x-amz-checksum-algorithm: SHA1\r\n"), NO_BODY, 200,
           NULL);
    expect_element("ChecksumSHA1", checksum_base64(CHECKSUM_SHA1, NO_BODY));
    expect_object("/bkt/c1", NO_BODY);
    expect_object("/dst/c2", NO_BODY);
}

static void test_forms_of_the_source(void **state) {
    (void)state;
    static const char *const names[] = {" ", "_", "__", "?versionId", "a/b", "%25", "\xC3\xB6"};
    static const char *const paths[] = {"%20",   "_",         "__",    "%3FversionId",
                                        "a%2Fb", "%25%32%35", "%C3%B6"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char what[64];
        char source[64];
        snprintf(what, sizeof what, "PUT /bkt/%s", paths[i]);
        expect(what, NULL, slice_str(names[i]), 200, NULL);
        snprintf(source, sizeof source, "bkt/%s", paths[i]);
        expect("PUT /dst/c1", from(source, ""), NO_BODY, 200, NULL);
        expect_object("/dst/c1", slice_str(names[i]));
        snprintf(source, sizeof source, "/bkt/%s?versionId=null", paths[i]);
        expect("PUT /dst/c2", from(source, ""), NO_BODY, 200, NULL);
        expect_object("/dst/c2", slice_str(names[i]));
    }
}

static void test_sources_that_are_none(void **state) {
    (void)state;
    static const struct {
        const char *source;
        int status;
        const char *code;
    } cases[] = {
        {"bkt", 400, "InvalidArgument"},
        {"bkt/", 400, "InvalidArgument"},
        {"/", 400, "InvalidArgument"},
        {"/bkt", 400, "InvalidArgument"},
        {"//k", 400, "InvalidArgument"},
        {"bkt/%ZZ", 400, "InvalidArgument"},
        {"bkt/%1", 400, "InvalidArgument"},
        {"%", 400, "InvalidArgument"},
        {"bkt/%FF", 400, "InvalidArgument"},
        {"", 400, "InvalidArgument"},
        {"bkt/absent", 404, "NoSuchKey"},
        {"absent/k", 404, "NoSuchBucket"},
        {"bkt/k?versionId=abc", 400, "InvalidArgument"},
        {"bkt/k?versionId=00000000000000000000000000000001", 404, "NoSuchVersion"},
        {"bkt/k?versionId=", 400, "InvalidArgument"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect("PUT /dst/c", from(cases[i].source, ""), NO_BODY, cases[i].status, cases[i].code);
    }
    expect("PUT /dst/c", from("bkt/absent", ""), NO_BODY, 404, "NoSuchKey");
    expect_element("Key", "absent");
    expect("PUT /absent/c", from("bkt/k", ""), NO_BODY, 404, "NoSuchBucket");
    expect_absent("/dst/c");
}

static void test_the_source_must_be_readable(void **state) {
    (void)state;
    test.who = S3_TEST_BOB;
    expect("PUT /bobs", NULL, NO_BODY, 200, NULL);
    expect("PUT /bobs/c", from("bkt/k", ""), NO_BODY, 403, "AccessDenied");
    expect("PUT /bobs/c", from("bkt/absent", ""), NO_BODY, 403, "AccessDenied");
    expect("PUT /bkt/c", from("bkt/k", ""), NO_BODY, 403, "AccessDenied");
    test.who = S3_TEST_ALICE;
    expect("PUT /dst/c", from("bkt/k", "x-amz-source-expected-bucket-owner: project-b\r\n"),
           NO_BODY, 403, "AccessDenied");
    expect("PUT /dst/c", from("bkt/k", "x-amz-source-expected-bucket-owner: project-a\r\n"),
           NO_BODY, 200, NULL);
}

static void test_metadata_directive(void **state) {
    (void)state;
    expect("PUT /bkt/c", from("bkt/k", "x-amz-metadata-directive: COPY\r\nx-amz-meta-c: d\r\n"),
           NO_BODY, 200, NULL);
    expect("HEAD /bkt/c", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-a", "b");
    expect_header("x-amz-meta-c", NULL);
    expect("PUT /bkt/c",
           from("bkt/k",
                "x-amz-metadata-directive: REPLACE\r\nx-amz-meta-c: d\r\n"
                "x-amz-storage-class: GLACIER_IR\r\n"
                "x-amz-website-redirect-location: /y\r\n"),
           NO_BODY, 200, NULL);
    expect("HEAD /bkt/c", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-meta-a", NULL);
    expect_header("x-amz-meta-c", "d");
    expect_header("Content-Type", "binary/octet-stream");
    expect_header("x-amz-storage-class", "GLACIER_IR");
    expect_header("x-amz-website-redirect-location", "/y");
    expect("PUT /bkt/c", from("bkt/k", "x-amz-metadata-directive: MERGE\r\n"), NO_BODY, 400,
           "InvalidArgument");
    expect("PUT /bkt/c", from("bkt/k", "x-amz-storage-class: NONE\r\n"), NO_BODY, 400,
           "InvalidStorageClass");
    expect("PUT /bkt/c", from("bkt/k", "x-amz-tagging-directive: SOME\r\n"), NO_BODY, 400,
           "InvalidArgument");
}

static void test_onto_itself(void **state) {
    (void)state;
    expect("PUT /bkt/k", NULL, SLICE("hello"), 200, NULL);
    expect("PUT /bkt/k", from("bkt/k", ""), NO_BODY, 400, "InvalidRequest");
    expect("PUT /bkt/k", from("/bkt/k", "x-amz-metadata-directive: COPY\r\n"), NO_BODY, 400,
           "InvalidRequest");
    expect("PUT /bkt/k", from("bkt/k", "x-amz-metadata-directive: REPLACE\r\nx-amz-meta-c: d\r\n"),
           NO_BODY, 200, NULL);
    expect_object("/bkt/k", SLICE("hello"));
    expect_header("x-amz-meta-c", "d");
    expect("PUT /bkt/k", from("bkt/k", "x-amz-storage-class: STANDARD_IA\r\n"), NO_BODY, 200, NULL);
    expect("PUT /bkt/k", from("bkt/k", "x-amz-storage-class: STANDARD_IA\r\n"), NO_BODY, 400,
           "InvalidRequest");
    expect_object("/bkt/k", SLICE("hello"));
}

static void test_conditions_of_the_source(void **state) {
    (void)state;
#define BEFORE "Tue, 24 Nov 2026 11:59:59 GMT\r\n"
#define AT "Tue, 24 Nov 2026 12:00:00 GMT\r\n"
#define IF "x-amz-copy-source-if-"
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {IF "match: " HELLO_ETAG "\r\n", 200},
        {IF "match: ABCORZ\r\n", 412},
        {IF "none-match: " HELLO_ETAG "\r\n", 412},
        {IF "none-match: ABCORZ\r\n", 200},
        {IF "modified-since: " AT, 412},
        {IF "modified-since: " BEFORE, 200},
        {IF "unmodified-since: " BEFORE, 412},
        {IF "unmodified-since: " AT, 200},
        {IF "match: " HELLO_ETAG "\r\n" IF "unmodified-since: " BEFORE, 200},
        {IF "none-match: " HELLO_ETAG "\r\n" IF "modified-since: " BEFORE, 412},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect("PUT /dst/c", from("bkt/k", cases[i].headers), NO_BODY, cases[i].status,
               cases[i].status == 412 ? "PreconditionFailed" : NULL);
    }
}

static void test_conditions_of_the_target(void **state) {
    (void)state;
    static const char *const targets[] = {"PUT /bkt/c", "PUT /dst/c"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        expect(targets[i], from("bkt/k", "If-Match: *\r\n"), NO_BODY, 404, "NoSuchKey");
        expect(targets[i], from("bkt/k", "If-None-Match: *\r\n"), NO_BODY, 200, NULL);
        expect(targets[i], from("bkt/k", "If-None-Match: *\r\n"), NO_BODY, 412,
               "PreconditionFailed");
        expect(targets[i], from("bkt/k", "If-Match: \"x\"\r\n"), NO_BODY, 412,
               "PreconditionFailed");
        expect(targets[i], from("bkt/k", "If-Match: " HELLO_ETAG "\r\n"), NO_BODY, 200, NULL);
    }
}

static void test_another_checksum(void **state) {
    (void)state;
    for (enum checksum_kind kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        char more[64];
        char element[64];
        snprintf(more, sizeof more, "x-amz-checksum-algorithm: %s\r\n", checksum_name(kind));
        snprintf(element, sizeof element, "Checksum%s", checksum_name(kind));
        expect("PUT /bkt/c", from("bkt/k", more), NO_BODY, 200, NULL);
        expect_element(element, checksum_base64(kind, SLICE("hello")));
        /* A copy without a word about it keeps what the source has. */
        expect("PUT /dst/c", from("bkt/c", ""), NO_BODY, 200, NULL);
        expect_element(element, checksum_base64(kind, SLICE("hello")));
        expect_object("/dst/c", SLICE("hello"));
    }
    expect("PUT /bkt/c", from("bkt/k", "x-amz-checksum-algorithm: MD6\r\n"), NO_BODY, 400,
           "InvalidRequest");
}

/* What takes long is begun to be answered; the document at the end is well-formed with it. */
static void test_an_early_answer(void **state) {
    (void)state;
    struct arena arena;
    struct s3_call call = {.transport = test.call.transport, .session = &test};
    arena_init(&arena, 4096, 1 << 20);
    http_response_init(&call.response, &arena);
    buf_clear(&test.head_bytes);
    buf_clear(&test.body_bytes);
    assert_true(is_ok(s3_early_pulse(&call)));
    assert_true(is_ok(s3_early_pulse(&call)));
    assert_true(is_ok(s3_early_pulse(&call)));
    assert_true(call.early);
    assert_true(slice_eq(buf_slice(&test.body_bytes),
                         SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n  ")));
    expect_header("Content-Type", NULL);
    assert_true(slice_find(buf_slice(&test.head_bytes), SLICE("application/xml"), 0) <
                test.head_bytes.len);
    struct buf buf;
    struct xml_writer xml;
    buf_init(&buf, 1024);
    xml_writer_init(&xml, &buf);
    s3_early_declaration(&call, &xml);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
    arena_fini(&arena);
}

static void pulse(struct s3_test *t) {
    assert_true(is_ok(s3_early_pulse(&t->call)));
    assert_true(is_ok(s3_early_pulse(&t->call)));
}

/* After an early head the document is all that is left to say, good or bad. */
static void test_what_follows_an_early_head(void **state) {
    (void)state;
    static const char begin[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n <";
    const char *other = from("bkt/k", "x-amz-checksum-algorithm: SHA1\r\n");
    test.prepare = pulse;
    s3_test_send(&test, "PUT /dst/c", other, NO_BODY);
    assert_true(is_ok(test.outcome));
    assert_true(slice_starts_with(test.body, slice_str(begin)));
    assert_int_equal(s3_test_count(&test, "<?xml"), 1);
    assert_int_equal(s3_test_count(&test, "<CopyObjectResult"), 1);
    s3_test_send(&test, "PUT /dst/c", from("bkt/k", "If-None-Match: *\r\n"), NO_BODY);
    assert_true(slice_starts_with(test.body, slice_str(begin)));
    assert_int_equal(s3_test_count(&test, "<?xml"), 1);
    expect_element("Code", "PreconditionFailed");
    test.prepare = NULL;
    expect_object("/dst/c", SLICE("hello"));
}

/* The bytes of a copy's source say now and then that it goes on. */
static void test_bytes_pulse(void **state) {
    (void)state;
    struct s3_copy_source source = {0};
    struct s3_copy_bytes bytes;
    const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    char buffer[8];
    size_t len;
    bool end;
    expect("HEAD /bkt/k", NULL, NO_BODY, 200, NULL);
    test.call.early = false;
    source.bucket = test.call.bucket;
    assert_true(
        is_ok(s3_large_open(&test.call, &source.bucket, SLICE("k"), &current, &source.large)));
    s3_copy_bytes_init(&bytes, &test.call, &source, 1, 4);
    assert_true(is_ok(source_pull(&bytes.source, buffer, 2, &len, &end)));
    assert_true(len == 2 && !end && memcmp(buffer, "el", 2) == 0 && !test.call.early);
    bytes.since_pulse = S3_EARLY_PULSE_BYTES - 1;
    assert_true(is_ok(source_pull(&bytes.source, buffer, 8, &len, &end)));
    assert_true(len == 2 && end && memcmp(buffer, "lo", 2) == 0 && test.call.early);
    assert_int_equal(bytes.since_pulse, 0);
    s3_copy_source_close(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        COPY_TEST(test_copy_within_and_across),
        COPY_TEST(test_an_empty_source),
        COPY_TEST(test_forms_of_the_source),
        COPY_TEST(test_sources_that_are_none),
        COPY_TEST(test_the_source_must_be_readable),
        COPY_TEST(test_metadata_directive),
        COPY_TEST(test_onto_itself),
        COPY_TEST(test_conditions_of_the_source),
        COPY_TEST(test_conditions_of_the_target),
        COPY_TEST(test_another_checksum),
        COPY_TEST(test_an_early_answer),
        COPY_TEST(test_what_follows_an_early_head),
        COPY_TEST(test_bytes_pulse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
