/* CRCs against a reference that takes one bit at a time, by every way this processor has. */
#include "crypto/crc.h"

#include <stdlib.h>

#include "base/check.h"
#include "support.h"

enum { LEN_MAX = 5000 };

static unsigned char bytes[LEN_MAX + 64];

/* The definition, bit by bit, without the inversions. */
static uint64_t by_bits(const struct crc_polynomial *polynomial, uint64_t crc,
                        const unsigned char *at, size_t len) {
    for (; len > 0; len--) {
        crc ^= *at++;
        for (int i = 0; i < 8; i++) crc = crc & 1 ? (crc >> 1) ^ polynomial->reflected : crc >> 1;
    }
    return crc;
}

static uint64_t reference(const struct crc_polynomial *polynomial, const unsigned char *at,
                          size_t len) {
    uint64_t ones = UINT64_MAX >> (64 - polynomial->bits);
    return by_bits(polynomial, ones, at, len) ^ ones;
}

static void test_published(void **state) {
    (void)state;
    const unsigned char *digits = (const unsigned char *)"123456789";
    assert_true(crc64nvme(0, digits, 9) == UINT64_C(0xae8b14860a799888));
    assert_true(reference(&crc_polynomial_crc64nvme, digits, 9) == UINT64_C(0xae8b14860a799888));
    assert_true(reference(&crc_polynomial_crc32, digits, 9) == 0xcbf43926);
    assert_true(reference(&crc_polynomial_crc32c, digits, 9) == 0xe3069283);
    assert_true(crc64nvme(0, NULL, 0) == 0);
}

/* NVM Command Set 1.0, figure with the guard's test cases: 4 KiB of zeros and of ones. */
static void test_published_blocks(void **state) {
    (void)state;
    memset(bytes, 0, 4096);
    assert_true(crc64nvme(0, bytes, 4096) == UINT64_C(0x6482d367eb22b64e));
    memset(bytes, 0xff, 4096);
    assert_true(crc64nvme(0, bytes, 4096) == UINT64_C(0xc0ddba7302eca3ac));
}

static void test_every_way(void **state) {
    (void)state;
    size_t there = 0;
    fill(bytes, sizeof bytes, 1);
    for (size_t i = 0; i < CRC64NVME_WAY_COUNT; i++) {
        const struct crc64nvme_way *way = &crc64nvme_ways[i];
        if (!way->is_there()) continue;
        there++;
        for (size_t len = 0; len < LEN_MAX; len += len < 1200 ? 1 : 97) {
            uint64_t crc = UINT64_C(0x0123456789abcdef) * len;
            const unsigned char *at = bytes + len % 64;
            uint64_t expected = by_bits(&crc_polynomial_crc64nvme, crc, at, len);
            if (way->update(crc, at, len) != expected) fail_msg("%s, %zu bytes", way->name, len);
        }
    }
    assert_true(there >= 1 && crc64nvme_ways[CRC64NVME_WAY_COUNT - 1].is_there());
}

static void test_goes_on(void **state) {
    (void)state;
    fill(bytes, sizeof bytes, 2);
    uint64_t whole = reference(&crc_polynomial_crc64nvme, bytes, LEN_MAX);
    for (size_t cut = 0; cut <= LEN_MAX; cut += 61) {
        uint64_t crc = crc64nvme(0, bytes, cut);
        assert_true(crc64nvme(crc, bytes + cut, LEN_MAX - cut) == whole);
    }
}

static void test_combine(void **state) {
    (void)state;
    static const struct crc_polynomial *const all[] = {
        &crc_polynomial_crc32, &crc_polynomial_crc32c, &crc_polynomial_crc64nvme};
    fill(bytes, sizeof bytes, 3);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        uint64_t whole = reference(all[i], bytes, LEN_MAX);
        for (size_t cut = 0; cut <= LEN_MAX; cut += 125) {
            uint64_t first = reference(all[i], bytes, cut);
            uint64_t next = reference(all[i], bytes + cut, LEN_MAX - cut);
            assert_true(crc_combine(all[i], first, next, LEN_MAX - cut) == whole);
        }
    }
}

/* Lengths that nobody can compute over: n zeros in k steps of n/k, and past 2^61 bytes. */
static void test_combine_far(void **state) {
    (void)state;
    const struct crc_polynomial *p = &crc_polynomial_crc64nvme;
    uint64_t first = UINT64_C(0xae8b14860a799888);
    uint64_t half = crc_combine(p, first, 0, UINT64_C(1) << 45);
    assert_true(crc_combine(p, half, 0, UINT64_C(1) << 45) ==
                crc_combine(p, first, 0, UINT64_C(1) << 46));
    half = crc_combine(p, first, 0, UINT64_C(1) << 62);
    assert_true(crc_combine(p, half, 0, UINT64_C(1) << 62) ==
                crc_combine(p, first, 0, UINT64_C(1) << 63));
    assert_true(half != first);
}

static void test_power(void **state) {
    (void)state;
    const struct crc_polynomial *p = &crc_polynomial_crc32;
    assert_true(crc_power(p, 0) == UINT64_C(1) << 31);
    assert_true(crc_power(p, 1) == UINT64_C(1) << 30);
    assert_true(crc_power(p, 31) == 1);
    assert_true(crc_power(p, 32) == p->reflected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_published_blocks),
        cmocka_unit_test(test_every_way), cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_combine),   cmocka_unit_test(test_combine_far),
        cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
