/* Temporary URLs: their query, the signature of each form, addresses. */
#include "swift/tempurl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"
#include "crypto/hmac.h"
#include "support/expect.h"

#define NOW INT64_C(1700000000)

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static bool read_query(const char *text, struct swift_tempurl *ret_tempurl) {
    struct http_query *query = ARENA_NEW(&arena, struct http_query);
    assert_non_null(query);
    expect_ok(http_query_parse(&arena, slice_str(text), query));
    return swift_tempurl_claims(query) && swift_tempurl_read(query, NOW, ret_tempurl);
}

/* The query of a URL that is signed with `key`. */
static const char *signed_query(enum digest_kind kind, const char *key, const char *text,
                                const char *more) {
    unsigned char mac[DIGEST_LEN_MAX];
    char digits[2 * DIGEST_LEN_MAX];
    struct buf buf;
    hmac_of(kind, slice_str(key), slice_str(text), mac);
    buf_init_fixed(&buf, digits, sizeof digits);
    hex_encode(&buf, slice_of(mac, digest_len(kind)));
    return arena_printf(&arena, "temp_url_sig=%.*s&temp_url_expires=1700000001%s%c",
                        SLICE_FMT(buf_slice(&buf)), more, 0)
        .ptr;
}

static bool verify(const char *query, enum http_method method, const char *object) {
    static const struct slice keys[] = {SLICE(""), SLICE("one"), SLICE("two")};
    const struct swift_tempurl_request request = {
        .method = method, .before = SLICE("/v1/AUTH_a/c/"), .object = slice_str(object)};
    struct swift_tempurl tempurl;
    size_t key = 0;
    if (!read_query(query, &tempurl)) return false;
    bool good = swift_tempurl_verify(&tempurl, &request, keys, 3, &arena, &key);
    if (good) assert_int_equal(key, 2);
    return good;
}

static void test_takes_each_digest(void **state) {
    (void)state;
    static const enum digest_kind kinds[] = {DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512};
    for (size_t i = 0; i < 3; i++) {
        const char *query = signed_query(kinds[i], "two", "GET\n1700000001\n/v1/AUTH_a/c/o", "");
        assert_true(verify(query, HTTP_GET, "o"));
        assert_true(verify(query, HTTP_HEAD, "o"));
        assert_false(verify(query, HTTP_PUT, "o"));
        assert_false(verify(query, HTTP_GET, "p"));
        const char *other = signed_query(kinds[i], "three", "GET\n1700000001\n/v1/AUTH_a/c/o", "");
        assert_false(verify(other, HTTP_GET, "o"));
    }
    /* A key that is not set signs nothing. */
    assert_false(verify(signed_query(DIGEST_SHA256, "", "GET\n1700000001\n/v1/AUTH_a/c/o", ""),
                        HTTP_GET, "o"));
}

static void test_takes_prefixes_and_ranges(void **state) {
    (void)state;
    const char *query = signed_query(DIGEST_SHA1, "two", "PUT\n1700000001\nprefix:/v1/AUTH_a/c/d/",
                                     "&temp_url_prefix=d/");
    assert_true(verify(query, HTTP_PUT, "d/x"));
    assert_false(verify(query, HTTP_PUT, "e/x"));
    query = signed_query(DIGEST_SHA1, "two", "ip=10.0.0.0/8\nGET\n1700000001\n/v1/AUTH_a/c/o",
                         "&temp_url_ip_range=10.0.0.0/8");
    assert_true(verify(query, HTTP_GET, "o"));
}

static void test_refuses_what_is_late_or_broken(void **state) {
    (void)state;
    struct swift_tempurl tempurl;
    const char *digits = "0123456789012345678901234567890123456789";
    char text[256];
    static const struct {
        const char *expires;
        bool good;
    } rows[] = {{"1700000000", true},
                {"1699999999", false},
                {"", false},
                {"nonsense", false},
                {"2100-01-01T00:00:00Z", true},
                {"2100-01-01", false},
                {"2001-01-01T00:00:00Z", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "temp_url_sig=%s&temp_url_expires=%s", digits, rows[i].expires);
        assert_int_equal(read_query(text, &tempurl), rows[i].good);
    }
    assert_false(read_query("temp_url_sig=abcd&temp_url_expires=1700000001", &tempurl));
    assert_false(read_query("temp_url_expires=1700000001", &tempurl));
    assert_false(read_query("temp_url_sig=0123456789012345678901234567890123456789", &tempurl));
}

static void test_reads_signatures_in_base64(void **state) {
    (void)state;
    enum digest_kind kind;
    unsigned char bytes[DIGEST_LEN_MAX];
    size_t len;
    assert_true(
        swift_signature_parse(SLICE("sha1:-_-_-_-_-_-_-_-_-_-_-_-_-_8="), &kind, bytes, &len));
    assert_int_equal(len, DIGEST_SHA1_LEN);
    assert_int_equal(bytes[0], 0xfb);
    assert_true(
        swift_signature_parse(SLICE("sha1:+/+/+/+/+/+/+/+/+/+/+/+/+/8"), &kind, bytes, &len));
    assert_false(swift_signature_parse(SLICE("md5:abcd"), &kind, bytes, &len));
    assert_false(swift_signature_parse(SLICE("sha256:abcd"), &kind, bytes, &len));
}

static void test_compares_addresses(void **state) {
    (void)state;
    static const struct {
        const char *range;
        const char *address;
        bool fits;
    } rows[] = {{"127.0.0.1", "127.0.0.1", true},       {"127.0.0.0/8", "127.9.9.9", true},
                {"10.0.0.0/8", "127.0.0.1", false},     {"nonsense", "127.0.0.1", false},
                {"127.0.0.1/8", "127.0.0.1", false},    {"0.0.0.0/0", "1.2.3.4", true},
                {"2001:db8::/32", "2001:db8::1", true}, {"::/0", "1.2.3.4", false},
                {"1.2.3.0/33", "1.2.3.4", false},       {"", "1.2.3.4", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            swift_tempurl_ip_fits(slice_str(rows[i].range), slice_str(rows[i].address)),
            rows[i].fits);
    }
}

static void test_names_files(void **state) {
    (void)state;
    expect_slice(swift_disposition(&arena, "attachment", SLICE("a b\"c")),
                 SLICE("attachment; filename=\"a b%22c\"; filename*=UTF-8''a%20b%22c"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_takes_each_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_prefixes_and_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_is_late_or_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_signatures_in_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compares_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
