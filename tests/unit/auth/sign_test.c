/* The client's side: the published examples come out, and the verifier takes what it makes. */
#include "auth/sign.h"

#include "signed_sample.h"

static struct sigv4_signer signer;

static void published_signer(void) {
    assert_true(is_ok(sigv4_signer_init(&signer, SLICE("AKIAIOSFODNN7EXAMPLE"),
                                        SLICE("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                                        SLICE("us-east-1"))));
}

static int64_t published_now(void) {
    int64_t now_ns = 0;
    assert_true(date_parse_compact(SLICE("20130524T000000Z"), &now_ns));
    return now_ns;
}

static void assert_contains(struct slice text, const char *piece) {
    if (slice_find(text, slice_str(piece), 0) == text.len) {
        fail_msg("no «%s» in «%.*s»", piece, SLICE_FMT(text));
    }
}

static void test_the_published_get(void **state) {
    (void)state;
    const struct http_header headers[] = {{SLICE("Range"), SLICE("bytes=0-9")}};
    const struct sigv4_unsigned request = {
        .method = SLICE("GET"),
        .host = SLICE("examplebucket.s3.amazonaws.com"),
        .path = SLICE("/test.txt"),
        .headers = headers,
        .header_count = 1,
        .payload_hash = SIGV4_EMPTY_SHA256,
    };
    char lines[1024];
    struct buf out;
    published_signer();
    buf_init_fixed(&out, lines, sizeof lines);
    assert_true(is_ok(sigv4_sign(&signer, &request, published_now(), &out)));
    assert_contains(buf_slice(&out), "x-amz-date: 20130524T000000Z\r\n");
    assert_contains(buf_slice(&out), "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,");
    assert_contains(buf_slice(&out),
                    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
                    "\r\n");
    sigv4_signer_fini(&signer);
}

static void test_the_published_presigned_url(void **state) {
    (void)state;
    const struct sigv4_unsigned request = {
        .method = SLICE("GET"),
        .host = SLICE("examplebucket.s3.amazonaws.com"),
        .path = SLICE("/test.txt"),
    };
    char query[1024];
    struct buf out;
    published_signer();
    buf_init_fixed(&out, query, sizeof query);
    assert_true(is_ok(sigv4_presign(&signer, &request, published_now(), 86400, &out)));
    assert_contains(buf_slice(&out), "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&");
    assert_contains(buf_slice(&out),
                    "X-Amz-Signature="
                    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    sigv4_signer_fini(&signer);
}

static void test_what_is_signed_is_accepted(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *query;
    } targets[] = {
        {"/", ""},
        {"/bucket", "list-type=2&prefix=a%20b&delimiter=%2F"},
        {"/bucket/%C3%A5%20b%2Bc//d", "versionId=null"},
        {"/bucket/key", "uploads"},
        {"/bucket/key", "b=2&a=1&a=0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct sample sample;
        struct recipe recipe = {.path = targets[i].path, .query = targets[i].query};
        sample_sign(&recipe, &sample);
        assert_accepted(&sample);
        sample_presign(&recipe, &sample);
        assert_accepted(&sample);
    }
}

static void test_headers_are_sorted_and_lower_case(void **state) {
    (void)state;
    struct sample sample;
    struct recipe recipe = {
        .method = "PUT",
        .headers = {{SLICE("X-Amz-Meta-B"), SLICE("two  blanks")},
                    {SLICE("Content-Type"), SLICE("text/plain")},
                    {SLICE("x-amz-acl"), SLICE("private")}},
        .header_count = 3,
    };
    sample_sign(&recipe, &sample);
    assert_contains(slice_of(sample.head, sample.head_len),
                    "SignedHeaders=content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date;"
                    "x-amz-meta-b,");
    assert_accepted(&sample);
    sample_presign(&recipe, &sample);
    assert_accepted(&sample);
}

static void test_the_key_follows_the_day(void **state) {
    (void)state;
    const struct sigv4_unsigned request = {
        .method = SLICE("GET"),
        .host = SLICE("h"),
        .path = SLICE("/"),
        .payload_hash = SIGV4_UNSIGNED_PAYLOAD,
    };
    char first[1024];
    char again[1024];
    char other[1024];
    struct buf out;
    published_signer();
    buf_init_fixed(&out, first, sizeof first);
    assert_true(is_ok(sigv4_sign(&signer, &request, published_now(), &out)));
    size_t len = out.len;
    buf_init_fixed(&out, other, sizeof other);
    assert_true(is_ok(sigv4_sign(&signer, &request, published_now() + 86400 * NS_PER_S, &out)));
    buf_init_fixed(&out, again, sizeof again);
    assert_true(is_ok(sigv4_sign(&signer, &request, published_now(), &out)));
    assert_memory_equal(first, again, len);
    assert_memory_not_equal(first, other, len);
    sigv4_signer_fini(&signer);
}

static void test_what_does_not_fit_is_refused(void **state) {
    (void)state;
    char line[64];
    struct buf out;
    struct sigv4_unsigned request = {
        .method = SLICE("GET"), .host = SLICE("h"), .path = SLICE("/"), .header_count = 30};
    published_signer();
    buf_init_fixed(&out, line, sizeof line);
    assert_true(status_is(sigv4_sign(&signer, &request, published_now(), &out), STATUS_TOO_LARGE));
    request.header_count = 0;
    assert_true(status_is(sigv4_sign(&signer, &request, published_now(), &out), STATUS_TOO_LARGE));
    assert_true(
        status_is(sigv4_signer_init(&signer, SLICE(""), SLICE("s"), SLICE("r")), STATUS_INVALID));
    sigv4_signer_fini(&signer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_get),
        cmocka_unit_test(test_the_published_presigned_url),
        cmocka_unit_test(test_what_is_signed_is_accepted),
        cmocka_unit_test(test_headers_are_sorted_and_lower_case),
        cmocka_unit_test(test_the_key_follows_the_day),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
