#include "crypto/hmac.h"

#include "base/check.h"
#include "support.h"

#define LONG_KEY_131                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaa"

/* RFC 4231 sections 4.2, 4.3, 4.7. */
static void test_sha256_published(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {LONG_KEY_131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[256];
        unsigned char mac[DIGEST_SHA256_LEN];
        hmac_sha256(unhex(rows[i][0], key), slice_str(rows[i][1]), mac);
        assert_hex(mac, sizeof mac, rows[i][2]);
    }
}

/* RFC 2202 section 3. */
static void test_sha1_published(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"4a656665", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[256];
        unsigned char mac[DIGEST_SHA1_LEN];
        hmac_sha1(unhex(rows[i][0], key), slice_str(rows[i][1]), mac);
        assert_hex(mac, sizeof mac, rows[i][2]);
    }
}

/* RFC 4231 sections 4.3, 4.7: the block of SHA-512 is longer than those of the others. */
static void test_sha512_published(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"4a656665", "what do ya want for nothing?",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f"
         "8"
         "f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {LONG_KEY_131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215"
         "d"
         "6a1e5295e64f73f63f0aec8b915a985d786598"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[256];
        unsigned char mac[DIGEST_SHA512_LEN];
        hmac_of(DIGEST_SHA512, unhex(rows[i][0], key), slice_str(rows[i][1]), mac);
        assert_hex(mac, sizeof mac, rows[i][2]);
    }
}

static void test_empty(void **state) {
    (void)state;
    unsigned char mac[DIGEST_SHA256_LEN];
    hmac_sha256(SLICE(""), slice_of(NULL, 0), mac);
    assert_hex(mac, sizeof mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* A key of just one block is used as it is, one byte more is digested first. */
static void test_key_of_one_block(void **state) {
    (void)state;
    char key[65];
    unsigned char digested[DIGEST_SHA256_LEN], one[DIGEST_SHA256_LEN], other[DIGEST_SHA256_LEN];
    fill(key, sizeof key, 3);
    digest_sha256(slice_of(key, 64), digested);
    hmac_sha256(slice_of(key, 64), SLICE("text"), one);
    hmac_sha256(slice_of(digested, sizeof digested), SLICE("text"), other);
    assert_memory_not_equal(one, other, sizeof one);
    digest_sha256(slice_of(key, 65), digested);
    hmac_sha256(slice_of(key, 65), SLICE("text"), one);
    hmac_sha256(slice_of(digested, sizeof digested), SLICE("text"), other);
    assert_memory_equal(one, other, sizeof one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_published), cmocka_unit_test(test_sha512_published),
        cmocka_unit_test(test_sha1_published),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_key_of_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
