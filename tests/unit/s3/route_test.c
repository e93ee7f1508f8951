#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* support/s3_call.h has what cmocka.h needs before it */
#include "support/s3_call.h"
/* cmocka.h last */
#include <cmocka.h>

#include "base/check.h"

static struct http_head head;
static struct http_query query;
static struct arena arena;
static struct note note;
static struct s3_call call;
static bool host_is_website;
static char bytes[HTTP_HEAD_MAX];

/* Routes "GET /b/k?q", with header lines, on the virtual host of `host_bucket` (NULL: none). */
static struct status route(const char *what, const char *headers, const char *host_bucket) {
    size_t len;
    arena_reset(&arena);
    snprintf(bytes, sizeof bytes, "%s HTTP/1.1\r\nHost: h\r\n%s\r\n", what, headers);
    assert_int_equal(http_head_parse(slice_str(bytes), &head, &len, &note), HTTP_HEAD_COMPLETE);
    assert_true(is_ok(http_query_parse(&arena, head.query, &query)));
    call = (struct s3_call){.head = &head,
                            .query = &query,
                            .arena = &arena,
                            .note = &note,
                            .bucket_from_host = slice_str(host_bucket),
                            .is_website = host_is_website};
    return s3_route(&call);
}

static const char *op_of(const char *what, const char *headers) {
    return is_ok(route(what, headers, NULL)) ? call.op->name : s3_error_code(call.error);
}

static void expect_op(const char *what, const char *name) {
    const char *got = op_of(what, "");
    if (strcmp(got, name) != 0) fail_msg("%s: %s instead of %s", what, got, name);
}

static void expect_names(const char *what, const char *host_bucket, struct slice bucket,
                         struct slice key) {
    struct status status = route(what, "", host_bucket);
    if (!is_ok(status)) fail_msg("%s: %s", what, s3_error_code(call.error));
    if (!slice_eq(call.bucket_name, bucket) || !slice_eq(call.key, key)) {
        fail_msg("%s: bucket «%.*s», key «%.*s»", what, SLICE_FMT(call.bucket_name),
                 SLICE_FMT(call.key));
    }
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* ---- names -------------------------------------------------------------------------------- */

static void test_path_style(void **state) {
    (void)state;
    expect_names("GET /", NULL, SLICE(""), SLICE(""));
    expect_names("GET /b", NULL, SLICE("b"), SLICE(""));
    expect_names("GET /b/", NULL, SLICE("b"), SLICE(""));
    expect_names("GET /b/k", NULL, SLICE("b"), SLICE("k"));
    expect_names("GET /b/k/", NULL, SLICE("b"), SLICE("k/"));
    expect_names("GET /b//", NULL, SLICE("b"), SLICE("/"));
    expect_names("GET /b//k//l/", NULL, SLICE("b"), SLICE("/k//l/"));
    expect_names("GET http://other.example/b/k?x=/y", NULL, SLICE("b"), SLICE("k"));
}

static void test_virtual_host_style(void **state) {
    (void)state;
    expect_names("GET /", "b", SLICE("b"), SLICE(""));
    expect_names("GET /k", "b", SLICE("b"), SLICE("k"));
    expect_names("GET //k", "b", SLICE("b"), SLICE("/k"));
    expect_names("GET /b/k/", "b.c", SLICE("b.c"), SLICE("b/k/"));
}

static void test_odd_characters(void **state) {
    (void)state;
    expect_names("GET /b/a+b%2Bc%20d", NULL, SLICE("b"), SLICE("a+b+c d"));
    expect_names("GET /b/%C3%A4/%E2%82%AC", NULL, SLICE("b"), SLICE("\xc3\xa4/\xe2\x82\xac"));
    expect_names("GET /b/a%2Fb%2f%2F", NULL, SLICE("b"), SLICE("a/b//"));
    expect_names("GET /b%2Fk", NULL, SLICE("b"), SLICE("k"));
    expect_names("GET /b/%25%3F%23%26%3D", NULL, SLICE("b"), SLICE("%?#&="));
    expect_names("GET /b/%0A%09%7F%01", NULL, SLICE("b"), SLICE("\n\t\x7f\x01"));
    expect_names("GET /b/%00k", NULL, SLICE("b"), slice_of("\0k", 2));
    expect_names("GET /b/.", NULL, SLICE("b"), SLICE("."));
    expect_names("GET /b/../c/./%2E%2E", NULL, SLICE("b"), SLICE("../c/./.."));
    expect_names("GET /b/a;b=c,d:e@f!$*'()~", NULL, SLICE("b"), SLICE("a;b=c,d:e@f!$*'()~"));
}

static void expect_refusal(const char *what, enum s3_error error) {
    struct status status = route(what, "", NULL);
    assert_int_equal(status.code, STATUS_REFUSED);
    if (call.error != error) {
        fail_msg("%s: %s instead of %s", what, s3_error_code(call.error), s3_error_code(error));
    }
}

static void test_broken_uris(void **state) {
    (void)state;
    static const char *const broken[] = {
        "GET /b/%",   "GET /b/%4",         "GET /b/%zz",       "GET /b/%ff",
        "GET /b/%C3", "GET /b/%C0%AF",     "GET /b/%ED%A0%80", "GET /b/%F5%80%80%80",
        "GET /%ff",   "GET /b?prefix=%ff", "GET /b?%C3=1",     "GET /b?x=%ED%BF%BF",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) expect_refusal(broken[i], S3_ERROR_INVALID_URI);
    expect_refusal("GET //k", S3_ERROR_INVALID_BUCKET_NAME);
    expect_refusal("GET //", S3_ERROR_INVALID_BUCKET_NAME);
}

static void test_lengths(void **state) {
    (void)state;
    char what[OBJECT_KEY_MAX * 3 + 100] = "GET /b/";
    size_t begin = strlen(what);
    memset(what + begin, 'k', OBJECT_KEY_MAX);
    assert_true(is_ok(route(what, "", NULL)));
    assert_int_equal(call.key.len, OBJECT_KEY_MAX);
    what[begin + OBJECT_KEY_MAX] = 'k';
    expect_refusal(what, S3_ERROR_KEY_TOO_LONG);
    assert_string_equal(call.detail.items[0].name, "Size");
    assert_true(slice_eq(call.detail.items[0].value, SLICE("1025")));
    assert_true(slice_eq(call.detail.items[1].value, SLICE("1024")));
    /* Bytes count, neither characters nor escapes. */
    for (size_t i = 0; i < OBJECT_KEY_MAX / 2; i++) memcpy(what + begin + i * 6, "%C3%A4", 6);
    what[begin + OBJECT_KEY_MAX * 3] = '\0';
    assert_true(is_ok(route(what, "", NULL)));
    memcpy(what + begin + OBJECT_KEY_MAX * 3, "x", 2);
    expect_refusal(what, S3_ERROR_KEY_TOO_LONG);
    char bucket[BUCKET_NAME_MAX + 10] = "GET /";
    memset(bucket + 5, 'b', BUCKET_NAME_MAX + 1);
    expect_refusal(bucket, S3_ERROR_INVALID_BUCKET_NAME);
    bucket[5 + BUCKET_NAME_MAX] = '\0';
    assert_true(is_ok(route(bucket, "", NULL)));
}

/* ---- operations --------------------------------------------------------------------------- */

/* Every row is reached by the request that its own columns describe. */
static void test_every_row_is_reached(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/b", "/b", "/b/k", "/b", "/b/k"};
    static const char *const methods[] = {
        [HTTP_GET] = "GET",   [HTTP_HEAD] = "HEAD",     [HTTP_PUT] = "PUT",
        [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    };
    for (size_t i = 0; i < s3_op_count(); i++) {
        const struct s3_op *op = s3_op_at(i);
        /* by host name, below; by another path */
        if (op->subject == S3_WEBSITE || op->subject == S3_ACCOUNT) continue;
        char what[200];
        char headers[200] = "";
        snprintf(what, sizeof what, "%s %s?x-id=%s", methods[op->method], paths[op->subject],
                 op->name);
        struct slice rest = slice_str(op->selector);
        while (rest.len > 0) {
            struct slice one;
            slice_cut(rest, '&', &one, &rest);
            bool is_header = one.ptr[0] == '@';
            char *to = is_header ? headers : what;
            size_t at = strlen(to);
            snprintf(to + at, 200 - at, is_header ? "%.*s: x\r\n" : "&%.*s",
                     SLICE_FMT(is_header ? slice_skip(one, 1) : one));
        }
        const char *got = op_of(what, headers);
        if (strcmp(got, op->name) != 0) fail_msg("%s: %s", what, got);
        assert_int_equal(s3_op_index(call.op), i);
    }
    assert_int_equal(s3_op_index(NULL), s3_op_count());
}

/* Each row is in one chain, once, and chains keep the order of the table. */
static void test_chains(void **state) {
    (void)state;
    size_t rows = 0;
    for (int method = HTTP_OTHER; method <= HTTP_COPY; method++) {
        for (int subject = S3_SERVICE; subject <= S3_ACCOUNT; subject++) {
            const struct s3_op *before = NULL;
            const struct s3_op *op =
                s3_op_first((enum http_method)method, (enum s3_subject)subject);
            for (; op != NULL; op = s3_op_next(op), rows++) {
                assert_int_equal(op->method, method);
                assert_true(before == NULL || s3_op_index(before) < s3_op_index(op));
                before = op;
            }
        }
    }
    assert_int_equal(rows, s3_op_count());
}

/* At a host name for web sites the path alone counts. */
static void test_pages(void **state) {
    (void)state;
    host_is_website = true;
    assert_true(is_ok(route("GET /page?uploads", "", "site")));
    assert_string_equal(call.op->name, "GetPage");
    assert_true(is_ok(route("HEAD /", "", "site")));
    assert_string_equal(call.op->name, "HeadPage");
    struct status s = route("PUT /page", "", "site");
    host_is_website = false;
    assert_true(status_is(s, STATUS_REFUSED));
    assert_int_equal(call.error, S3_ERROR_METHOD_NOT_ALLOWED);
}

static void test_accounts(void **state) {
    (void)state;
    static const char path[] = "/v20180820/configuration/publicAccessBlock";
    static const struct {
        const char *method;
        const char *name;
    } rows[] = {{"GET", "GetAccountPublicAccessBlock"},
                {"PUT", "PutAccountPublicAccessBlock"},
                {"DELETE", "DeleteAccountPublicAccessBlock"},
                {"HEAD", "MethodNotAllowed"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char what[100];
        snprintf(what, sizeof what, "%s %s", rows[i].method, path);
        assert_string_equal(op_of(what, "x-amz-account-id: a\r\n"), rows[i].name);
        assert_true(call.is_control && call.bucket_name.len == 0 && call.key.len == 0);
    }
    expect_op("GET /v20180820/configuration/publicAccessBlock", "GetObject");
    assert_string_equal(
        op_of("GET /v20180820/configuration/publicAccessBlockX", "x-amz-account-id: a\r\n"),
        "NotImplemented");
}

static void test_headers_and_parameters_choose(void **state) {
    (void)state;
    expect_op("GET /b?list-type=2&prefix=a", "ListObjectsV2");
    expect_op("GET /b?list-type=1", "ListObjects");
    expect_op("GET /b?acl=", "GetBucketAcl");
    expect_op("GET /b?acl=x", "GetBucketAcl");
    expect_op("GET /b/k?versionId=null&acl", "GetObjectAcl");
    expect_op("PUT /b/k?partNumber=1&uploadId=x", "UploadPart");
    expect_op("GET /b/k?partNumber=1", "GetObject");
    expect_op("GET /b/k?uploadId=x&part-number-marker=3", "ListParts");
    expect_op("DELETE /b/k?uploadId=x", "AbortMultipartUpload");
    expect_op("POST /b/k?uploadId=x", "CompleteMultipartUpload");
    expect_op("POST /b", "PostObject");
    expect_op("OPTIONS /b/k", "OptionsObject");
    const char *copy = "x-amz-Copy-Source: /b/k\r\n";
    assert_string_equal(op_of("PUT /b/k", copy), "CopyObject");
    assert_string_equal(op_of("PUT /b/k?uploadId=x&partNumber=1", copy), "UploadPartCopy");
    assert_string_equal(op_of("GET /b/k", copy), "GetObject");
    assert_string_equal(op_of("PUT /b/k?uploads", copy), "MethodNotAllowed");
    assert_string_equal(op_of("PUT /b/k?tagging", copy), "PutObjectTagging");
    assert_string_equal(op_of("GET /b?list-type=2&delete", ""), "MethodNotAllowed");
}

static void test_unknown_parameters_are_ignored(void **state) {
    (void)state;
    expect_op("GET /b/k?x-id=GetObject&frob=nicate", "GetObject");
    expect_op("PUT /b?x-id=CreateBucket", "CreateBucket");
    expect_op("GET /?x-id=ListBuckets", "ListBuckets");
    expect_op("GET /b/k?ACL", "GetObject");
    /* a subresource of another kind of thing */
    expect_op("GET /b/k?lifecycle", "GetObject");
}

static void test_method_not_allowed(void **state) {
    (void)state;
    static const struct {
        const char *what;
        const char *allow;
    } cases[] = {
        {"PUT /", "GET"},
        {"COPY /b/k", "GET, HEAD, PUT, DELETE, OPTIONS"},
        {"POST /b/k", "GET, HEAD, PUT, DELETE, OPTIONS"},
        {"PATCH /b/k", "GET, HEAD, PUT, DELETE, OPTIONS"},
        {"PUT /b?delete", "POST"},
        {"PUT /b/k?uploads", "POST"},
        {"PUT /b/k?attributes", "GET"},
        {"DELETE /b?versioning", "GET, PUT"},
        {"DELETE /b?location", "GET"},
        {"DELETE /b/k?acl", "GET, PUT"},
        {"HEAD /b?policy", "GET, PUT, DELETE"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_refusal(cases[i].what, S3_ERROR_METHOD_NOT_ALLOWED);
        assert_int_equal(call.detail.header_count, 1);
        struct slice allow = call.detail.headers[0].value;
        if (!slice_eq(allow, slice_str(cases[i].allow))) {
            fail_msg("%s: Allow: %.*s", cases[i].what, SLICE_FMT(allow));
        }
    }
}

static void test_options_of_the_server(void **state) {
    (void)state;
    expect_refusal("OPTIONS *", S3_ERROR_METHOD_NOT_ALLOWED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_style),
        cmocka_unit_test(test_virtual_host_style),
        cmocka_unit_test(test_odd_characters),
        cmocka_unit_test(test_broken_uris),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_row_is_reached),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_headers_and_parameters_choose),
        cmocka_unit_test(test_unknown_parameters_are_ignored),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_method_not_allowed),
        cmocka_unit_test(test_options_of_the_server),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
