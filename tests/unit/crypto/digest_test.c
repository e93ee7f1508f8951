#include "crypto/digest.h"

#include "base/check.h"
#include "support.h"

/* RFC 1321 section A.5, FIPS 180-4's examples. */
static const struct {
    enum digest_kind kind;
    const char *text;
    const char *expected;
} published[] = {
    {DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
    {DIGEST_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {DIGEST_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void test_published(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(published); i++) {
        unsigned char sum[DIGEST_LEN_MAX];
        digest_of(published[i].kind, slice_str(published[i].text), sum);
        assert_hex(sum, digest_len(published[i].kind), published[i].expected);
    }
}

static void test_named(void **state) {
    (void)state;
    unsigned char sum[DIGEST_LEN_MAX];
    digest_sha256(SLICE("abc"), sum);
    assert_hex(sum, DIGEST_SHA256_LEN,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_md5(SLICE("abc"), sum);
    assert_hex(sum, DIGEST_MD5_LEN, "900150983cd24fb0d6963f7d28e17f72");
}

static void test_lengths(void **state) {
    (void)state;
    assert_int_equal(digest_len(DIGEST_MD5), 16);
    assert_int_equal(digest_len(DIGEST_SHA1), 20);
    assert_int_equal(digest_len(DIGEST_SHA256), 32);
    assert_int_equal(digest_len(DIGEST_SHA512), 64);
}

/* However the bytes are cut, and however often somebody looks in between. */
static void test_pieces(void **state) {
    (void)state;
    unsigned char bytes[1000], whole[DIGEST_LEN_MAX], pieces[DIGEST_LEN_MAX];
    fill(bytes, sizeof bytes, 1);
    for (int kind = DIGEST_MD5; kind <= DIGEST_SHA512; kind++) {
        for (size_t step = 1; step < 200; step += 13) {
            struct digest digest;
            digest_of((enum digest_kind)kind, slice_of(bytes, sizeof bytes), whole);
            digest_init(&digest, (enum digest_kind)kind);
            for (size_t at = 0; at < sizeof bytes; at += step) {
                size_t len = sizeof bytes - at < step ? sizeof bytes - at : step;
                digest_update(&digest, slice_of(bytes + at, len));
                digest_update(&digest, slice_of(NULL, 0));
                digest_final(&digest, pieces);
            }
            assert_memory_equal(whole, pieces, digest_len((enum digest_kind)kind));
        }
    }
}

static void test_copy_forks(void **state) {
    (void)state;
    unsigned char sum[DIGEST_LEN_MAX];
    struct digest digest, fork;
    digest_init(&digest, DIGEST_SHA256);
    digest_update(&digest, SLICE("a"));
    fork = digest;
    digest_update(&fork, SLICE("x"));
    digest_update(&digest, SLICE("bc"));
    digest_final(&digest, sum);
    assert_hex(sum, DIGEST_SHA256_LEN,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),  cmocka_unit_test(test_named),
        cmocka_unit_test(test_lengths),    cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_copy_forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
