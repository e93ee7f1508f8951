#include "crypto/aead.h"

#include "base/check.h"
#include "support.h"

#define ZEROS_12 "000000000000000000000000"
#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define KEY_16 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"

/* Test cases 13, 14 and 16 of the paper that proposed GCM (McGrew, Viega). */
static const struct {
    const char *key, *nonce, *binding, *plain, *sealed;
} published[] = {
    {ZEROS_32, ZEROS_12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZEROS_32, ZEROS_12, "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY_16, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void test_published(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(published); i++) {
        char key_bytes[32], nonce_bytes[12], binding_bytes[32], plain_bytes[64], sealed_bytes[80];
        unsigned char out[80];
        const uint8_t *key = (const uint8_t *)unhex(published[i].key, key_bytes).ptr;
        const uint8_t *nonce = (const uint8_t *)unhex(published[i].nonce, nonce_bytes).ptr;
        struct slice binding = unhex(published[i].binding, binding_bytes);
        struct slice plain = unhex(published[i].plain, plain_bytes);
        struct slice sealed = unhex(published[i].sealed, sealed_bytes);
        aead_seal(key, nonce, binding, plain, out);
        assert_memory_equal(out, sealed.ptr, sealed.len);
        assert_true(is_ok(aead_open(key, nonce, binding, sealed, out)));
        assert_memory_equal(out, plain.ptr, plain.len);
    }
}

/* Any bit that is not as it was, anywhere, and nothing of the text comes out. */
static void test_every_bit_counts(void **state) {
    (void)state;
    struct {
        unsigned char key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN], binding[9],
            sealed[21 + AEAD_TAG_LEN];
    } all;
    static const unsigned char zeros[21];
    unsigned char plain[21], out[21];
    fill(&all, sizeof all, 7);
    fill(plain, sizeof plain, 8);
    struct slice binding = slice_of(all.binding, sizeof all.binding);
    struct slice sealed = slice_of(all.sealed, sizeof all.sealed);
    aead_seal(all.key, all.nonce, binding, slice_of(plain, sizeof plain), all.sealed);
    for (size_t bit = 0; bit < 8 * sizeof all; bit++) {
        ((unsigned char *)&all)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(status_is(aead_open(all.key, all.nonce, binding, sealed, out), STATUS_INVALID));
        assert_memory_equal(out, zeros, sizeof out);
        ((unsigned char *)&all)[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(is_ok(aead_open(all.key, all.nonce, binding, sealed, out)));
    assert_memory_equal(out, plain, sizeof plain);
}

static void test_cut(void **state) {
    (void)state;
    unsigned char key[AEAD_KEY_LEN] = {1}, nonce[AEAD_NONCE_LEN] = {2}, sealed[20], out[20];
    aead_seal(key, nonce, SLICE("b"), SLICE("text"), sealed);
    for (size_t len = 0; len < sizeof sealed; len++) {
        struct slice cut = slice_of(sealed, len);
        assert_true(status_is(aead_open(key, nonce, SLICE("b"), cut, out), STATUS_INVALID));
    }
    assert_true(is_ok(aead_open(key, nonce, SLICE("b"), slice_of(sealed, sizeof sealed), out)));
    assert_memory_equal(out, "text", 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
