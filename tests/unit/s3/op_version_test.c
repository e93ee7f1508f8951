/* Versions through the door: state, headers, markers, copies, lists; tags; locks. */
#include "object_door.h"

#define ENABLE SLICE("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
#define SUSPEND \
    SLICE("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")

/* A request on "/bkt/k" with a version. */
static const char *of_version(const char *method, const char *version) {
    static char storage[8][256];
    static unsigned next;
    char *out = storage[next++ % 8];
    snprintf(out, sizeof storage[0], "%s /bkt/k?versionId=%s", method, version);
    return out;
}

static void keep_version(char *out) {
    struct slice id = s3_test_header(&test, "x-amz-version-id");
    assert_int_equal(id.len, OBJECT_VERSION_TEXT_LEN);
    memcpy(out, id.ptr, id.len);
    out[id.len] = '\0';
}

static void put(const char *bytes, char *ret_version) {
    expect("PUT /bkt/k", NULL, slice_str(bytes), 200, NULL);
    keep_version(ret_version);
}

static void enable(void) {
    expect("PUT /bkt?versioning", NULL, ENABLE, 200, NULL);
}

static void test_state(void **state) {
    (void)state;
    expect("GET /bkt?versioning", NULL, NO_BODY, 200, NULL);
    expect_element("Status", NULL);
    expect("PUT /bkt/k", NULL, SLICE("x"), 200, NULL);
    expect_header("x-amz-version-id", NULL);
    enable();
    expect("GET /bkt?versioning", NULL, NO_BODY, 200, NULL);
    expect_element("Status", "Enabled");
    expect("PUT /bkt?versioning", NULL, SUSPEND, 200, NULL);
    expect("GET /bkt?versioning", NULL, NO_BODY, 200, NULL);
    expect_element("Status", "Suspended");
    expect("PUT /bkt?versioning", NULL, SLICE("<VersioningConfiguration/>"), 400,
           "IllegalVersioningConfigurationException");
    expect("PUT /bkt?versioning", NULL, SLICE("<Versioning/>"), 400, "MalformedXML");
}

static void test_each_version_is_there(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char second[OBJECT_VERSION_TEXT_LEN + 1];
    enable();
    put("one", first);
    put("two!", second);
    assert_string_not_equal(first, second);
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-version-id", second);
    expect(of_version("GET", first), NULL, NO_BODY, 200, NULL);
    assert_true(slice_eq(test.body, SLICE("one")));
    expect_header("x-amz-version-id", first);
    expect(of_version("HEAD", second), NULL, NO_BODY, 200, NULL);
    assert_int_equal(test.call.answer.length, 4);
    expect(of_version("GET", "null"), NULL, NO_BODY, 404, "NoSuchVersion");
    expect(of_version("GET", "zz"), NULL, NO_BODY, 400, "InvalidArgument");
    first[31] = first[31] == '0' ? '1' : '0';
    expect(of_version("GET", first), NULL, NO_BODY, 404, "NoSuchVersion");
}

static void test_markers(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char marker[OBJECT_VERSION_TEXT_LEN + 1];
    enable();
    put("one", first);
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    expect_header("x-amz-delete-marker", "true");
    keep_version(marker);
    expect("GET /bkt/k", NULL, NO_BODY, 404, "NoSuchKey");
    expect_header("x-amz-delete-marker", "true");
    expect_header("x-amz-version-id", marker);
    expect(of_version("GET", marker), NULL, NO_BODY, 405, "MethodNotAllowed");
    expect_header("x-amz-delete-marker", "true");
    expect_header("Allow", "DELETE");
    assert_non_null(s3_test_header(&test, "Last-Modified").ptr);
    expect(of_version("GET", first), NULL, NO_BODY, 200, NULL);
    expect("GET /bkt/none", NULL, NO_BODY, 404, "NoSuchKey");
    expect_header("x-amz-delete-marker", NULL);
    expect("DELETE /bkt", NULL, NO_BODY, 409, "BucketNotEmpty");
    expect(of_version("DELETE", marker), NULL, NO_BODY, 204, NULL);
    expect_header("x-amz-delete-marker", "true");
    expect_header("x-amz-version-id", marker);
    expect_object("/bkt/k", SLICE("one"));
    expect(of_version("DELETE", first), NULL, NO_BODY, 204, NULL);
    expect_header("x-amz-delete-marker", NULL);
    expect(of_version("DELETE", first), NULL, NO_BODY, 204, NULL);
    expect("DELETE /bkt", NULL, NO_BODY, 204, NULL);
}

static void test_suspended(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    enable();
    put("one", first);
    expect("PUT /bkt?versioning", NULL, SUSPEND, 200, NULL);
    expect("PUT /bkt/k", NULL, SLICE("n"), 200, NULL);
    expect_header("x-amz-version-id", NULL);
    expect(of_version("GET", "null"), NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-version-id", "null");
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    expect_header("x-amz-version-id", "null");
    expect_header("x-amz-delete-marker", "true");
    expect(of_version("GET", "null"), NULL, NO_BODY, 405, "MethodNotAllowed");
    expect(of_version("DELETE", "null"), NULL, NO_BODY, 204, NULL);
    expect_object("/bkt/k", SLICE("one"));
}

static void test_many_at_once(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char body[1024];
    enable();
    put("one", first);
    snprintf(body, sizeof body,
             "<Delete><Object><Key>k</Key></Object>"
             "<Object><Key>k</Key><VersionId>%s</VersionId></Object>"
             "<Object><Key>k</Key><VersionId>x</VersionId></Object></Delete>",
             first);
    char headers[128];
    snprintf(headers, sizeof headers, "x-amz-checksum-crc32: %s\r\n",
             checksum_base64(CHECKSUM_CRC32, slice_str(body)));
    expect("POST /bkt?delete", headers, slice_str(body), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Deleted>"), 2);
    assert_int_equal(s3_test_count(&test, "<DeleteMarker>true</DeleteMarker>"), 1);
    assert_int_equal(s3_test_count(&test, "<DeleteMarkerVersionId>"), 1);
    expect_element("Code", "NoSuchVersion");
    expect("GET /bkt?versions", NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<DeleteMarker>"), 1);
    assert_int_equal(s3_test_count(&test, "<Version>"), 0);
}

static void test_copies_of_versions(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char second[OBJECT_VERSION_TEXT_LEN + 1];
    char headers[256];
    enable();
    put("one", first);
    put("two", second);
    snprintf(headers, sizeof headers, "x-amz-copy-source: /bkt/k?versionId=%s\r\n", first);
    expect("PUT /bkt/k", headers, NO_BODY, 200, NULL);
    expect_header("x-amz-copy-source-version-id", first);
    char third[OBJECT_VERSION_TEXT_LEN + 1];
    keep_version(third);
    assert_string_not_equal(third, first);
    expect_object("/bkt/k", SLICE("one"));
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    char marker[OBJECT_VERSION_TEXT_LEN + 1];
    keep_version(marker);
    snprintf(headers, sizeof headers, "x-amz-copy-source: /bkt/k?versionId=%s\r\n", marker);
    expect("PUT /bkt/c", headers, NO_BODY, 400, "InvalidRequest");
    expect("PUT /bkt/c", "x-amz-copy-source: /bkt/k\r\n", NO_BODY, 404, "NoSuchKey");
}

static void test_list(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char second[OBJECT_VERSION_TEXT_LEN + 1];
    expect("PUT /bkt/a/1", NULL, SLICE("x"), 200, NULL);
    expect("PUT /bkt/k", NULL, SLICE("old"), 200, NULL);
    enable();
    put("one", first);
    put("two", second);
    expect("DELETE /bkt/z", NULL, NO_BODY, 204, NULL);
    expect("GET /bkt?versions&delimiter=/", NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Version>"), 3);
    assert_int_equal(s3_test_count(&test, "<DeleteMarker>"), 1);
    assert_int_equal(s3_test_count(&test, "<IsLatest>true</IsLatest>"), 2);
    assert_int_equal(s3_test_count(&test, "<CommonPrefixes>"), 1);
    assert_int_equal(s3_test_count(&test, "<VersionId>null</VersionId>"), 1);
    expect("GET /bkt?versions&max-keys=2", NULL, NO_BODY, 200, NULL);
    expect_element("IsTruncated", "true");
    expect_element("NextKeyMarker", "k");
    expect_element("NextVersionIdMarker", second);
    char what[256];
    snprintf(what, sizeof what, "GET /bkt?versions&key-marker=k&version-id-marker=%s", second);
    expect(what, NULL, NO_BODY, 200, NULL);
    expect_element("VersionId", first);
    assert_int_equal(s3_test_count(&test, "<Version>"), 2);
    expect("GET /bkt?versions&version-id-marker=null", NULL, NO_BODY, 400, "InvalidArgument");
    expect("GET /bkt?versions&key-marker=k&version-id-marker=x", NULL, NO_BODY, 400,
           "InvalidArgument");
}

/* ---- tags ----------------------------------------------------------------------------------- */

#define TAGS                                                                        \
    SLICE(                                                                          \
        "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key>" \
        "<Value/></Tag></TagSet></Tagging>")

static void test_tags(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    char second[OBJECT_VERSION_TEXT_LEN + 1];
    expect("PUT /bkt/k?tagging", NULL, TAGS, 404, "NoSuchKey");
    enable();
    expect("PUT /bkt/k", "x-amz-tagging: x=1&y=2&z=3\r\n", SLICE("one"), 200, NULL);
    keep_version(first);
    put("two", second);
    expect("PUT /bkt/k?tagging", NULL, TAGS, 200, NULL);
    expect_header("x-amz-version-id", second);
    expect("GET /bkt/k?tagging", NULL, NO_BODY, 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Tag>"), 2);
    expect_element("Key", "a");
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", "2");
    expect(of_version("GET", first), NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", "3");
    expect("PUT /bkt/c", "x-amz-copy-source: /bkt/k\r\n", NO_BODY, 200, NULL);
    expect("HEAD /bkt/c", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", "2");
    expect("PUT /bkt/c",
           "x-amz-copy-source: /bkt/k\r\nx-amz-tagging-directive: REPLACE\r\n"
           "x-amz-tagging: only=1\r\n",
           NO_BODY, 200, NULL);
    expect("HEAD /bkt/c", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", "1");
    expect("DELETE /bkt/k?tagging", NULL, NO_BODY, 204, NULL);
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", NULL);
    expect("PUT /bkt/k", "x-amz-tagging: a=1&a=2\r\n", SLICE("x"), 400, "InvalidTag");
    expect("PUT /bkt/k?tagging", NULL, SLICE("<Tagging/>"), 400, "MalformedXML");
}

static void test_tags_in_policies(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    expect("PUT /bkt?policy", NULL,
           SLICE("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:"
                 "GetObject\","
                 "\"s3:GetObjectVersion\"],\"Resource\":\"arn:aws:s3:::bkt/*\",\"Condition\":"
                 "{\"StringEquals\":{\"s3:ExistingObjectTag/who\":\"all\"}}},{\"Effect\":\"Allow\","
                 "\"Principal\":\"*\",\"Action\":[\"s3:PutObject\",\"s3:PutObjectTagging\"],"
                 "\"Resource\":\"arn:aws:s3:::bkt/*\","
                 "\"Condition\":{\"StringEquals\":{\"s3:RequestObjectTag/who\":\"bob\"}}}]}"),
           204, NULL);
    enable();
    expect("PUT /bkt/k", "x-amz-tagging: who=all\r\n", SLICE("x"), 200, NULL);
    keep_version(first);
    test.who = S3_TEST_BOB;
    expect("GET /bkt/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-tagging-count", NULL);
    test.who = S3_TEST_ALICE;
    expect("PUT /bkt/k", "x-amz-tagging: who=me\r\n", SLICE("x"), 200, NULL);
    test.who = S3_TEST_BOB;
    expect("GET /bkt/k", NULL, NO_BODY, 403, "AccessDenied");
    expect(of_version("GET", first), NULL, NO_BODY, 200, NULL);
    expect("PUT /bkt/k", "x-amz-tagging: who=all\r\n", SLICE("x"), 403, "AccessDenied");
    expect("PUT /bkt/k", NULL, SLICE("x"), 403, "AccessDenied");
    expect("PUT /bkt/k", "x-amz-tagging: who=bob\r\n", SLICE("x"), 200, NULL);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static void test_attributes(void **state) {
    (void)state;
    char first[OBJECT_VERSION_TEXT_LEN + 1];
    enable();
    put("one", first);
    expect("GET /bkt/k?attributes", NULL, NO_BODY, 400, "InvalidRequest");
    expect("GET /bkt/k?attributes", "x-amz-object-attributes: Colour\r\n", NO_BODY, 400,
           "InvalidArgument");
    expect("GET /bkt/k?attributes",
           "x-amz-object-attributes: ETag, ObjectSize\r\nx-amz-object-attributes: Checksum\r\n",
           NO_BODY, 200, NULL);
    expect_header("x-amz-version-id", first);
    expect_element("ETag", "f97c5d29941bfb1b2fdab0874906ab82");
    expect_element("ObjectSize", "3");
    expect_element("ChecksumType", "FULL_OBJECT");
    expect_element("StorageClass", NULL);
    expect_element("ObjectParts", NULL);
    expect("DELETE /bkt/k", NULL, NO_BODY, 204, NULL);
    expect("GET /bkt/k?attributes", "x-amz-object-attributes: ETag\r\n", NO_BODY, 404, "NoSuchKey");
    char what[256];
    snprintf(what, sizeof what, "GET /bkt/k?attributes&versionId=%s", first);
    expect(what, "x-amz-object-attributes: StorageClass\r\n", NO_BODY, 200, NULL);
    expect_element("StorageClass", "STANDARD");
}

/* ---- locks ---------------------------------------------------------------------------------- */

#define LOCK(mode)                                                                \
    SLICE(                                                                        \
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>" \
        "<Rule><DefaultRetention><Mode>" mode                                     \
        "</Mode><Days>1</Days>"                                                   \
        "</DefaultRetention></Rule></ObjectLockConfiguration>")
#define RETENTION(mode, until)                                      \
    SLICE("<Retention><Mode>" mode "</Mode><RetainUntilDate>" until \
          "</RetainUntilDate></Retention>")

static void test_lock_of_a_bucket(void **state) {
    (void)state;
    expect("GET /bkt?object-lock", NULL, NO_BODY, 404, "ObjectLockConfigurationNotFoundError");
    expect("PUT /bkt?object-lock", NULL, LOCK("GOVERNANCE"), 409, "InvalidBucketState");
    expect("PUT /bkt/k", "x-amz-object-lock-legal-hold: ON\r\n", SLICE("x"), 400, "InvalidRequest");
    expect("PUT /lck", "x-amz-bucket-object-lock-enabled: true\r\n", NO_BODY, 200, NULL);
    expect("GET /lck?versioning", NULL, NO_BODY, 200, NULL);
    expect_element("Status", "Enabled");
    expect("GET /lck?object-lock", NULL, NO_BODY, 200, NULL);
    expect_element("ObjectLockEnabled", "Enabled");
    expect_element("Mode", NULL);
    expect("PUT /lck?versioning", NULL, SUSPEND, 409, "InvalidBucketState");
    expect("PUT /lck?object-lock", NULL, LOCK("GOVERNANCE"), 200, NULL);
    expect("GET /lck?object-lock", NULL, NO_BODY, 200, NULL);
    expect_element("Days", "1");
    expect("PUT /lck/k", NULL, SLICE("x"), 200, NULL);
    expect("HEAD /lck/k", NULL, NO_BODY, 200, NULL);
    expect_header("x-amz-object-lock-mode", "GOVERNANCE");
    expect_header("x-amz-object-lock-retain-until-date", "2026-11-25T12:00:00.000Z");
}

static void test_a_locked_version_stays(void **state) {
    (void)state;
    char version[OBJECT_VERSION_TEXT_LEN + 1];
    char what[128];
    expect("PUT /lck", "x-amz-bucket-object-lock-enabled: true\r\n", NO_BODY, 200, NULL);
    expect("PUT /lck/k",
           "x-amz-object-lock-mode: GOVERNANCE\r\n"
           "x-amz-object-lock-retain-until-date: 2026-11-25T00:00:00Z\r\n"
           "x-amz-object-lock-legal-hold: ON\r\n",
           SLICE("x"), 200, NULL);
    keep_version(version);
    snprintf(what, sizeof what, "DELETE /lck/k?versionId=%s", version);
    expect(what, "x-amz-bypass-governance-retention: true\r\n", NO_BODY, 403, "AccessDenied");
    expect("GET /lck/k?legal-hold", NULL, NO_BODY, 200, NULL);
    expect_element("Status", "ON");
    expect("PUT /lck/k?legal-hold", NULL, SLICE("<LegalHold><Status>OFF</Status></LegalHold>"), 200,
           NULL);
    expect(what, NULL, NO_BODY, 403, "AccessDenied");
    expect("GET /lck/k?retention", NULL, NO_BODY, 200, NULL);
    expect_element("Mode", "GOVERNANCE");
    expect("PUT /lck/k?retention", NULL, RETENTION("GOVERNANCE", "2026-11-24T20:00:00Z"), 403,
           "AccessDenied");
    expect("PUT /lck/k?retention", NULL, RETENTION("GOVERNANCE", "2026-11-26T00:00:00Z"), 200,
           NULL);
    expect("PUT /lck/k?retention", NULL, RETENTION("GOVERNANCE", "2020-11-26T00:00:00Z"), 400,
           "InvalidArgument");
    expect("PUT /lck/k?retention", NULL, RETENTION("COMPLIANCE", "2026-11-27T00:00:00Z"), 403,
           "AccessDenied");
    expect("PUT /lck/k?retention", "x-amz-bypass-governance-retention: true\r\n",
           RETENTION("COMPLIANCE", "2026-11-25T00:00:00Z"), 200, NULL);
    expect("PUT /lck/k?retention", "x-amz-bypass-governance-retention: true\r\n",
           RETENTION("GOVERNANCE", "2026-11-26T00:00:00Z"), 403, "AccessDenied");
    expect(what, "x-amz-bypass-governance-retention: true\r\n", NO_BODY, 403, "AccessDenied");
    test.clock.now_ns += INT64_C(86400) * 1000000000;
    expect(what, NULL, NO_BODY, 204, NULL);
}

static void test_headers_of_a_lock(void **state) {
    static const struct {
        const char *headers;
        const char *code;
    } cases[] = {
        {"x-amz-object-lock-mode: GOVERNANCE\r\n", "InvalidArgument"},
        {"x-amz-object-lock-retain-until-date: 2027-01-01T00:00:00Z\r\n", "InvalidArgument"},
        {"x-amz-object-lock-mode: X\r\nx-amz-object-lock-retain-until-date: "
         "2027-01-01T00:00:00Z\r\n",
         "InvalidArgument"},
        {"x-amz-object-lock-mode: COMPLIANCE\r\nx-amz-object-lock-retain-until-date: "
         "2020-01-01T00:00:00Z\r\n",
         "InvalidArgument"},
        {"x-amz-object-lock-legal-hold: on\r\n", "InvalidArgument"},
    };
    (void)state;
    expect("PUT /lck", "x-amz-bucket-object-lock-enabled: true\r\n", NO_BODY, 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect("PUT /lck/k", cases[i].headers, SLICE("x"), 400, cases[i].code);
    }
    expect("PUT /lck/k", NULL, SLICE("x"), 200, NULL);
    expect("GET /lck/k?retention", NULL, NO_BODY, 404, "NoSuchObjectLockConfiguration");
    expect("GET /bkt/k?retention", NULL, NO_BODY, 400, "InvalidRequest");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DOOR_TEST(test_state),
        DOOR_TEST(test_each_version_is_there),
        DOOR_TEST(test_markers),
        DOOR_TEST(test_suspended),
        DOOR_TEST(test_many_at_once),
        DOOR_TEST(test_copies_of_versions),
        DOOR_TEST(test_list),
        DOOR_TEST(test_tags),
        DOOR_TEST(test_tags_in_policies),
        DOOR_TEST(test_attributes),
        DOOR_TEST(test_lock_of_a_bucket),
        DOOR_TEST(test_a_locked_version_stays),
        DOOR_TEST(test_headers_of_a_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
