#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* support/s3_call.h has what cmocka.h needs before it */
#include "support/s3_call.h"
/* cmocka.h last */
#include <cmocka.h>

#include "base/check.h"
#include "object/list.h"
#include "object/upload.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define FACTS                                                                                  \
    "<LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;etag&quot;</ETag>"       \
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>" \
    "<Size>3</Size>"
#define OWNER "<Owner><ID>project-a</ID><DisplayName>Project a</DisplayName></Owner>"
#define CLASS "<StorageClass>STANDARD</StorageClass>"

static struct s3_test t;

static int set_up(void **state) {
    (void)state;
    s3_test_open(&t);
    s3_test_expect(&t, "PUT /bucket", NULL, SLICE(""), 200, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    s3_test_close(&t);
    return 0;
}

static void store(const char *const *keys, size_t count) {
    for (size_t i = 0; i < count; i++) {
        s3_test_store(&t, "bucket", slice_str(keys[i]), SLICE("abc"));
    }
}

static void expect_body(const char *what, const char *body) {
    s3_test_expect(&t, what, NULL, SLICE(""), 200, NULL);
    if (!slice_eq(t.body, slice_str(body))) fail_msg("%s:\n%.*s", what, SLICE_FMT(t.body));
}

/* The texts of all elements of that name, each followed by a blank. */
static const char *texts_of(const char *name) {
    static char list[64 * 1024];
    char open[64];
    size_t at = 0;
    snprintf(open, sizeof open, "<%s>", name);
    list[0] = '\0';
    while ((at = slice_find(t.body, slice_str(open), at)) < t.body.len) {
        at += strlen(open);
        size_t len = slice_find_char(slice_skip(t.body, at), '<');
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%.*s ", (int)len, t.body.ptr + at);
    }
    return list;
}

static void expect_keys(const char *what, const char *keys, const char *prefixes) {
    s3_test_expect(&t, what, NULL, SLICE(""), 200, NULL);
    if (strcmp(texts_of("Key"), keys) != 0) fail_msg("%s: keys %s", what, texts_of("Key"));
    size_t at = slice_find(t.body, SLICE("<CommonPrefixes>"), 0);
    struct slice whole = t.body;
    t.body = slice_skip(t.body, at);
    if (strcmp(texts_of("Prefix"), prefixes) != 0) {
        fail_msg("%s: prefixes %s", what, texts_of("Prefix"));
    }
    t.body = whole;
}

static void expect_element(const char *name, const char *text) {
    struct slice got = s3_test_element(&t, name);
    if (text == NULL ? got.ptr != NULL : !slice_eq(got, slice_str(text))) {
        fail_msg("%s: %.*s", name, SLICE_FMT(got));
    }
}

/* ---- ListObjects -------------------------------------------------------------------------- */

static void test_v1_document(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b"};
    store(keys, 2);
    expect_body("GET /bucket", DECLARATION "<ListBucketResult" NS
                                           "><Name>bucket</Name><Prefix></Prefix><Marker></Marker>"
                                           "<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
                                           "<Contents><Key>a</Key>" FACTS OWNER CLASS
                                           "</Contents>"
                                           "<Contents><Key>b</Key>" FACTS OWNER CLASS
                                           "</Contents></ListBucketResult>");
    assert_true(slice_eq(s3_test_header(&t, "content-type"), SLICE("application/xml")));
}

static void test_v1_document_with_everything(void **state) {
    (void)state;
    static const char *const keys[] = {"p/a/1", "p/b", "p/c/1", "p/d"};
    store(keys, 4);
    expect_body("GET /bucket?prefix=p/&delimiter=/&max-keys=2&marker=p/&encoding-type=url",
                DECLARATION
                "<ListBucketResult" NS
                "><Name>bucket</Name><Prefix>p/</Prefix><Marker>p/</Marker>"
                "<NextMarker>p/b</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>"
                "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                "<Contents><Key>p/b</Key>" FACTS OWNER CLASS
                "</Contents>"
                "<CommonPrefixes><Prefix>p/a/</Prefix></CommonPrefixes></ListBucketResult>");
}

static void test_v1_pages(void **state) {
    (void)state;
    static const char *const keys[] = {"asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud",
                                       "cquux/bla"};
    store(keys, 5);
    expect_keys("GET /bucket?delimiter=/&max-keys=1", "asdf ", "");
    expect_element("NextMarker", "asdf");
    expect_keys("GET /bucket?delimiter=/&max-keys=1&marker=asdf", "", "boo/ ");
    expect_element("IsTruncated", "true");
    expect_element("NextMarker", "boo/");
    expect_keys("GET /bucket?delimiter=/&max-keys=1&marker=boo/", "", "cquux/ ");
    expect_element("IsTruncated", "false");
    expect_element("NextMarker", NULL);
    expect_keys("GET /bucket?delimiter=/&max-keys=2&prefix=boo/", "boo/bar ", "boo/baz/ ");
    expect_element("IsTruncated", "false");
    /* Without a delimiter the client takes the last key. */
    expect_keys("GET /bucket?max-keys=2", "asdf boo/bar ", "");
    expect_element("IsTruncated", "true");
    expect_element("NextMarker", NULL);
    expect_keys("GET /bucket?max-keys=2&marker=boo/bar", "boo/baz/xyzzy cquux/bla ", "");
    expect_keys("GET /bucket?marker=zzz", "", "");
    expect_keys("GET /bucket?marker=blah", "boo/bar boo/baz/xyzzy cquux/bla cquux/thud ", "");
    expect_keys("GET /bucket?delimiter=&prefix=c", "cquux/bla cquux/thud ", "");
    expect_element("Delimiter", NULL);
}

static void test_max_keys(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b"};
    store(keys, 2);
    expect_keys("GET /bucket?max-keys=0", "", "");
    expect_element("MaxKeys", "0");
    expect_element("IsTruncated", "false");
    expect_keys("GET /bucket?max-keys=2147483647", "a b ", "");
    expect_element("MaxKeys", "1000");
    static const struct {
        const char *what;
        const char *name;
        const char *message;
    } bad[] = {
        {"GET /bucket?max-keys=blah", "max-keys",
         "Provided max-keys not an integer or within integer range"},
        {"GET /bucket?max-keys=2147483648", "max-keys",
         "Provided max-keys not an integer or within integer range"},
        {"GET /bucket?list-type=2&max-keys=99999999999999999999", "max-keys",
         "Provided max-keys not an integer or within integer range"},
        {"GET /bucket?list-type=2&max-keys=-1", "maxKeys",
         "Argument maxKeys must be an integer between 0 and 2147483647"},
        {"GET /bucket?uploads&max-uploads=-1", "maxUploads",
         "Argument maxUploads must be an integer between 0 and 2147483647"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        s3_test_expect(&t, bad[i].what, NULL, SLICE(""), 400, "InvalidArgument");
        expect_element("ArgumentName", bad[i].name);
        expect_element("Message", bad[i].message);
    }
}

static void test_encoding(void **state) {
    (void)state;
    static const char *const keys[] = {"asdf+b", "foo+1/bar", "foo/bar/xyzzy", "quux ab/thud"};
    store(keys, 4);
    expect_keys("GET /bucket?delimiter=/&encoding-type=url", "asdf%2Bb ",
                "foo%2B1/ foo/ quux%20ab/ ");
    expect_element("Delimiter", "/");
    expect_keys("GET /bucket?list-type=2&encoding-type=url&prefix=foo%2B1&start-after=a%2B",
                "foo%2B1/bar ", "");
    expect_element("Prefix", "foo%2B1");
    expect_element("StartAfter", "a%2B");
    s3_test_expect(&t, "GET /bucket?encoding-type=base64", NULL, SLICE(""), 400, "InvalidArgument");
    expect_element("ArgumentValue", "base64");
}

static void test_odd_keys_stay_well_formed(void **state) {
    (void)state;
    static const char *const keys[] = {"\x01", "\n", " ", "\"", "&", "<", "]]>", "\xc3\xa4"};
    store(keys, 8);
    s3_test_expect(&t, "GET /bucket", NULL, SLICE(""), 200, NULL);
    assert_string_equal(texts_of("Key"), "\xef\xbf\xbd &#10;   &quot; &amp; &lt; ]]&gt; \xc3\xa4 ");
    expect_keys("GET /bucket?encoding-type=url", "%01 %0A %20 %22 %26 %3C %5D%5D%3E %C3%A4 ", "");
    expect_keys("GET /bucket?encoding-type=url&prefix=%0A", "%0A ", "");
    expect_element("Prefix", "&#10;");
    expect_keys("GET /bucket?list-type=2&encoding-type=url&prefix=%0A", "%0A ", "");
    expect_element("Prefix", "%0A");
}

/* ---- ListObjectsV2 ------------------------------------------------------------------------ */

static void test_v2_document(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b/1", "b/2", "c"};
    store(keys, 4);
    expect_body("GET /bucket?list-type=2&delimiter=/&start-after=A&fetch-owner=true", DECLARATION
                "<ListBucketResult" NS
                "><Name>bucket</Name><Prefix></Prefix>"
                "<StartAfter>A</StartAfter><KeyCount>3</KeyCount>"
                "<MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated>"
                "<Contents><Key>a</Key>" FACTS OWNER CLASS
                "</Contents>"
                "<Contents><Key>c</Key>" FACTS OWNER CLASS
                "</Contents>"
                "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>");
    expect_body("GET /bucket?list-type=2&prefix=c", DECLARATION
                "<ListBucketResult" NS
                "><Name>bucket</Name><Prefix>c</Prefix>"
                "<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
                "<Contents><Key>c</Key>" FACTS CLASS "</Contents></ListBucketResult>");
}

/* Follows the tokens from `what` on and gathers keys and prefixes in order of the pages. */
static void walk_pages(const char *what, size_t expected_pages, char *list, size_t cap) {
    char next[512];
    size_t pages = 0;
    list[0] = '\0';
    snprintf(next, sizeof next, "%s", what);
    for (;;) {
        s3_test_expect(&t, next, NULL, SLICE(""), 200, NULL);
        pages++;
        size_t used = strlen(list);
        snprintf(list + used, cap - used, "%s", texts_of("Key"));
        used = strlen(list);
        snprintf(list + used, cap - used, "%s", texts_of("Prefix") + 1);
        struct slice token = s3_test_element(&t, "NextContinuationToken");
        if (token.ptr == NULL) break;
        expect_element("IsTruncated", "true");
        snprintf(next, sizeof next, "%s&continuation-token=%.*s", what, SLICE_FMT(token));
    }
    expect_element("IsTruncated", "false");
    assert_int_equal(pages, expected_pages);
}

static void test_v2_tokens_visit_everything_once(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b/1", "b/2", "b0", "c/1", "d", "e/x/y", "f"};
    char list[512];
    store(keys, 8);
    walk_pages("GET /bucket?list-type=2&delimiter=/&max-keys=1", 7, list, sizeof list);
    assert_string_equal(list, "a b/ b0 c/ d e/ f ");
    walk_pages("GET /bucket?list-type=2&max-keys=3", 3, list, sizeof list);
    assert_string_equal(list, "a b/1 b/2 b0 c/1 d e/x/y f ");
    /* Where a token is given, start-after does not count. */
    walk_pages("GET /bucket?list-type=2&max-keys=2&start-after=b/2", 3, list, sizeof list);
    assert_string_equal(list, "b0 c/1 d e/x/y f ");
}

static void test_v2_tokens_are_opaque_and_checked(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b"};
    store(keys, 2);
    s3_test_expect(&t, "GET /bucket?list-type=2&continuation-token=", NULL, SLICE(""), 200, NULL);
    expect_element("ContinuationToken", "");
    static const char *const bad[] = {
        "GET /bucket?list-type=2&continuation-token=a",
        "GET /bucket?list-type=2&continuation-token=02",
        "GET /bucket?list-type=2&continuation-token=0161",
        "GET /bucket?list-type=2&continuation-token=02zz",
        "GET /bucket?list-type=2&continuation-token=02ff",
        "GET /bucket?list-type=2&continuation-token=0261626",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        s3_test_expect(&t, bad[i], NULL, SLICE(""), 400, "InvalidArgument");
        expect_element("Message", "The continuation token provided is incorrect");
    }
    s3_test_expect(&t, "GET /bucket?list-type=3", NULL, SLICE(""), 400, "InvalidArgument");
}

static void test_optional_attributes(void **state) {
    (void)state;
    s3_test_expect(&t, "GET /bucket?list-type=2",
                   "x-amz-optional-object-attributes: RestoreStatus\r\n", SLICE(""), 200, NULL);
    s3_test_expect(&t, "GET /bucket?list-type=2", "x-amz-optional-object-attributes: Colour\r\n",
                   SLICE(""), 400, "InvalidArgument");
}

static void test_unordered_is_ordered(void **state) {
    (void)state;
    static const char *const keys[] = {"b", "a"};
    store(keys, 2);
    expect_keys("GET /bucket?allow-unordered=true", "a b ", "");
    s3_test_expect(&t, "GET /bucket?allow-unordered=true&delimiter=/", NULL, SLICE(""), 400,
                   "InvalidArgument");
}

static void test_thousands(void **state) {
    (void)state;
    char key[16];
    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof key, "key-%05d", i);
        s3_test_store(&t, "bucket", slice_str(key), SLICE("x"));
    }
    static char list[64 * 1024];
    walk_pages("GET /bucket?list-type=2", 3, list, sizeof list);
    assert_int_equal(strlen(list), 2500 * strlen("key-00000 "));
    assert_int_equal(s3_test_get(&t, "GET /bucket?max-keys=5000"), 200);
    assert_int_equal(s3_test_count(&t, "<Contents>"), 1000);
    expect_element("IsTruncated", "true");
}

/* A full page of the longest names, each character of which is escaped. */
static void test_the_longest_page_fits(void **state) {
    (void)state;
    char key[OBJECT_KEY_MAX + 1];
    for (int i = 0; i < LIST_PAGE_MAX; i++) {
        memset(key, '"', sizeof key);
        snprintf(key, sizeof key, "%04d", i);
        key[4] = '"';
        s3_test_store(&t, "bucket", slice_of(key, OBJECT_KEY_MAX), SLICE("x"));
    }
    assert_int_equal(s3_test_get(&t, "GET /bucket"), 200);
    assert_int_equal(s3_test_count(&t, "<Contents>"), LIST_PAGE_MAX);
    assert_true(t.body.len > (size_t)LIST_PAGE_MAX * (OBJECT_KEY_MAX - 4) * strlen("&quot;"));
    expect_element("IsTruncated", "false");
}

/* ---- ListObjectVersions ------------------------------------------------------------------- */

static void test_versions(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b/1", "c"};
    store(keys, 3);
    expect_body(
        "GET /bucket?versions&max-keys=1", DECLARATION
        "<ListVersionsResult" NS
        "><Name>bucket</Name><Prefix></Prefix>"
        "<KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>"
        "<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>"
        "<MaxKeys>1</MaxKeys><IsTruncated>true</IsTruncated>"
        "<Version><Key>a</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>" FACTS OWNER
            CLASS "</Version></ListVersionsResult>");
    expect_keys("GET /bucket?versions&key-marker=a&version-id-marker=null&delimiter=/", "c ",
                "b/ ");
    s3_test_expect(&t, "GET /bucket?versions&version-id-marker=null", NULL, SLICE(""), 400,
                   "InvalidArgument");
    s3_test_expect(&t, "GET /bucket?versions&key-marker=a&version-id-marker=1", NULL, SLICE(""),
                   400, "InvalidArgument");
}

/* ---- ListMultipartUploads ----------------------------------------------------------------- */

/* Begins an upload past the operation that does; its id is NUL-terminated in `ret_id`. */
static void begin_upload(const char *key, bool checksum, char *ret_id) {
    struct arena arena;
    struct bucket bucket;
    struct upload made;
    struct upload wanted = {
        .key = slice_str(key),
        .meta = {.owner_id = SLICE("project-a"), .owner_name = SLICE("Project a")},
        .checksum = {.present = checksum,
                     .kind = CHECKSUM_SHA256,
                     .type = OBJECT_CHECKSUM_COMPOSITE},
        .initiator_id = SLICE("user-alice"),
        .initiator_name = SLICE("Alice"),
    };
    arena_init(&arena, 4096, 1 << 20);
    assert_true(is_ok(bucket_find(t.objects, SLICE("europe-se-1"), SLICE("project-a"),
                                  SLICE("bucket"), &arena, &t.note, &bucket)));
    assert_true(is_ok(upload_create(t.objects, &bucket, &wanted, &arena, &made)));
    assert_int_equal(made.id.len, UPLOAD_ID_LEN);
    memcpy(ret_id, made.id.ptr, UPLOAD_ID_LEN);
    ret_id[UPLOAD_ID_LEN] = '\0';
    arena_fini(&arena);
}

static void test_uploads_document(void **state) {
    (void)state;
    char id[UPLOAD_ID_LEN + 1];
    char want[2048];
    begin_upload("a b", true, id);
    snprintf(
        want, sizeof want,
        DECLARATION
        "<ListMultipartUploadsResult" NS
        "><Bucket>bucket</Bucket><KeyMarker></KeyMarker>"
        "<UploadIdMarker></UploadIdMarker><Prefix></Prefix><EncodingType>url</EncodingType>"
        "<MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>"
        "<Upload><Key>a%%20b</Key><UploadId>%s</UploadId>"
        "<Initiator><ID>user-alice</ID><DisplayName>Alice</DisplayName></Initiator>" OWNER CLASS
        "<Initiated>2026-11-24T12:00:00.000Z</Initiated>"
        "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType>"
        "</Upload></ListMultipartUploadsResult>",
        id);
    expect_body("GET /bucket?uploads&encoding-type=url", want);
}

static void test_uploads_pages(void **state) {
    (void)state;
    char ids[4][UPLOAD_ID_LEN + 1];
    char what[256];
    begin_upload("a", false, ids[0]);
    t.clock.now_ns += 1000000000;
    begin_upload("a", false, ids[1]);
    begin_upload("d/1", false, ids[2]);
    begin_upload("z", false, ids[3]);
    expect_keys("GET /bucket?uploads&max-uploads=1", "a ", "");
    expect_element("UploadId", ids[0]);
    expect_element("NextKeyMarker", "a");
    expect_element("NextUploadIdMarker", ids[0]);
    expect_element("IsTruncated", "true");
    snprintf(what, sizeof what,
             "GET /bucket?uploads&max-uploads=1&key-marker=a&upload-id-marker=%s", ids[0]);
    expect_keys(what, "a ", "");
    expect_element("UploadId", ids[1]);
    expect_element("KeyMarker", "a");
    expect_element("UploadIdMarker", ids[0]);
    expect_keys("GET /bucket?uploads&key-marker=a&delimiter=/", "z ", "d/ ");
    expect_element("IsTruncated", "false");
    expect_element("NextKeyMarker", NULL);
    expect_keys("GET /bucket?uploads&prefix=d", "d/1 ", "");
    expect_keys("GET /bucket?uploads&max-uploads=0", "", "");
    expect_element("IsTruncated", "false");
    snprintf(what, sizeof what, "GET /bucket?uploads&upload-id-marker=%s", ids[3]);
    expect_keys(what, "a a d/1 z ", "");
    expect_element("UploadIdMarker", "");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_v1_document),
        CASE(test_v1_document_with_everything),
        CASE(test_v1_pages),
        CASE(test_max_keys),
        CASE(test_encoding),
        CASE(test_odd_keys_stay_well_formed),
        CASE(test_v2_document),
        CASE(test_v2_tokens_visit_everything_once),
        CASE(test_v2_tokens_are_opaque_and_checked),
        CASE(test_optional_attributes),
        CASE(test_unordered_is_ordered),
        CASE(test_thousands),
        CASE(test_the_longest_page_fits),
        CASE(test_versions),
        CASE(test_uploads_document),
        CASE(test_uploads_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
