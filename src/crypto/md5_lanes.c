#include "crypto/md5_lanes.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

const uint32_t md5_initial[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

/* ---- one lane ---- */

static inline uint32_t rotate_left(uint32_t x, unsigned by) {
    return (x << by) | (x >> (32 - by));
}

/* The two halves of F and of G have no bit in common, so they may be added one by one: that takes
 * an operation out of the chain. */
#define F(b, c, d) (((c ^ d) & b) ^ d)
#define G(b, c, d) ((d & b) + (~d & c))
#define H(b, c, d) (b ^ c ^ d)
#define I(b, c, d) (c ^ (b | ~d))
#define STEP(f, a, b, c, d, word, by, constant) \
    a += w[word] + constant;                    \
    a += f(b, c, d);                            \
    a = rotate_left(a, by) + b;

void md5_blocks(uint32_t state[4], const void *in, size_t blocks) {
    const unsigned char *at = in;
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    for (; blocks > 0; blocks--, at += MD5_BLOCK_LEN) {
        uint32_t w[16];
        memcpy(w, at, sizeof w);
#if __BYTE_ORDER == __BIG_ENDIAN
        for (size_t i = 0; i < 16; i++) w[i] = le32toh(w[i]);
#endif
        const uint32_t before[4] = {a, b, c, d};
#include "crypto/md5_steps.def"
        a += before[0];
        b += before[1];
        c += before[2];
        d += before[3];
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
}

#undef F
#undef G
#undef H
#undef I
#undef STEP

static void run_plain(struct md5_lanes *lanes, const unsigned char *const in[MD5_LANES_MAX],
                      size_t blocks) {
    uint32_t state[4];
    for (size_t i = 0; i < 4; i++) state[i] = lanes->words[i][0];
    md5_blocks(state, in[0], blocks);
    for (size_t i = 0; i < 4; i++) lanes->words[i][0] = state[i];
}

#if defined(__x86_64__)

/* ---- eight lanes ---- */

/* Turns eight rows of eight words into columns: w[i] gets word i of each lane. */
__attribute__((target("avx2"))) static inline void transpose_8(const unsigned char *const in[],
                                                               size_t offset, __m256i w[8]) {
    __m256i r[8];
    __m256i t[8];
    for (size_t i = 0; i < 8; i++) {
        r[i] = _mm256_loadu_si256((const void *)(in[i] + offset));
    }
    for (size_t i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) {
        w[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
        w[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
}

#define F(b, c, d) _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(c, d), b), d)
#define G(b, c, d) _mm256_add_epi32(_mm256_and_si256(d, b), _mm256_andnot_si256(d, c))
#define H(b, c, d) _mm256_xor_si256(_mm256_xor_si256(c, d), b)
#define I(b, c, d) _mm256_xor_si256(c, _mm256_or_si256(b, _mm256_xor_si256(d, ones)))
#define STEP(f, a, b, c, d, word, by, constant)                                             \
    a = _mm256_add_epi32(a, _mm256_add_epi32(w[word], _mm256_set1_epi32((int)(constant)))); \
    a = _mm256_add_epi32(a, f(b, c, d));                                                    \
    a = _mm256_or_si256(_mm256_slli_epi32(a, by), _mm256_srli_epi32(a, 32 - by));           \
    a = _mm256_add_epi32(a, b);

__attribute__((target("avx2"))) static void run_avx2(struct md5_lanes *lanes,
                                                     const unsigned char *const in[MD5_LANES_MAX],
                                                     size_t blocks) {
    const __m256i ones = _mm256_set1_epi32(-1);
    __m256i a = _mm256_load_si256((const void *)lanes->words[0]);
    __m256i b = _mm256_load_si256((const void *)lanes->words[1]);
    __m256i c = _mm256_load_si256((const void *)lanes->words[2]);
    __m256i d = _mm256_load_si256((const void *)lanes->words[3]);
    for (size_t at = 0; at < blocks * MD5_BLOCK_LEN; at += MD5_BLOCK_LEN) {
        __m256i w[16];
        transpose_8(in, at, w);
        transpose_8(in, at + MD5_BLOCK_LEN / 2, w + 8);
        const __m256i before[4] = {a, b, c, d};
#include "crypto/md5_steps.def"
        a = _mm256_add_epi32(a, before[0]);
        b = _mm256_add_epi32(b, before[1]);
        c = _mm256_add_epi32(c, before[2]);
        d = _mm256_add_epi32(d, before[3]);
    }
    _mm256_store_si256((void *)lanes->words[0], a);
    _mm256_store_si256((void *)lanes->words[1], b);
    _mm256_store_si256((void *)lanes->words[2], c);
    _mm256_store_si256((void *)lanes->words[3], d);
}

#undef F
#undef G
#undef H
#undef I
#undef STEP

/* ---- sixteen lanes ---- */

/* Turns sixteen rows of sixteen words into columns. */
__attribute__((target("avx512f"))) static inline void transpose_16(const unsigned char *const in[],
                                                                   size_t offset, __m512i w[16]) {
    __m512i r[16];
    __m512i t[16];
    for (size_t i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(in[i] + offset);
    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) { /* quarters of four rows each, to quarters of eight */
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (size_t i = 0; i < 4; i++) {
        w[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        w[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        w[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        w[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* Any function of three bits is one instruction; its truth table is the constant. */
#define F(b, c, d) _mm512_ternarylogic_epi32(b, c, d, 0xca)
#define G(b, c, d) _mm512_ternarylogic_epi32(d, b, c, 0xca)
#define H(b, c, d) _mm512_ternarylogic_epi32(b, c, d, 0x96)
#define I(b, c, d) _mm512_ternarylogic_epi32(b, c, d, 0x39)
#define STEP(f, a, b, c, d, word, by, constant)                                             \
    a = _mm512_add_epi32(a, _mm512_add_epi32(w[word], _mm512_set1_epi32((int)(constant)))); \
    a = _mm512_add_epi32(a, f(b, c, d));                                                    \
    a = _mm512_add_epi32(_mm512_rol_epi32(a, by), b);

__attribute__((target("avx512f"))) static void run_avx512(
    struct md5_lanes *lanes, const unsigned char *const in[MD5_LANES_MAX], size_t blocks) {
    __m512i a = _mm512_load_si512(lanes->words[0]);
    __m512i b = _mm512_load_si512(lanes->words[1]);
    __m512i c = _mm512_load_si512(lanes->words[2]);
    __m512i d = _mm512_load_si512(lanes->words[3]);
    for (size_t at = 0; at < blocks * MD5_BLOCK_LEN; at += MD5_BLOCK_LEN) {
        __m512i w[16];
        transpose_16(in, at, w);
        const __m512i before[4] = {a, b, c, d};
#include "crypto/md5_steps.def"
        a = _mm512_add_epi32(a, before[0]);
        b = _mm512_add_epi32(b, before[1]);
        c = _mm512_add_epi32(c, before[2]);
        d = _mm512_add_epi32(d, before[3]);
    }
    _mm512_store_si512(lanes->words[0], a);
    _mm512_store_si512(lanes->words[1], b);
    _mm512_store_si512(lanes->words[2], c);
    _mm512_store_si512(lanes->words[3], d);
}

#undef F
#undef G
#undef H
#undef I
#undef STEP

static const struct md5_kernel kernel_avx2 = {"avx2", 8, NULL, run_avx2};
static const struct md5_kernel kernel_avx512 = {"avx512", 16, &kernel_avx2, run_avx512};

#endif

static const struct md5_kernel kernel_plain = {"plain", 1, NULL, run_plain};

const struct md5_kernel *md5_kernel_at(size_t index) {
    const struct md5_kernel *found[3];
    size_t count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) found[count++] = &kernel_avx512;
    if (__builtin_cpu_supports("avx2")) found[count++] = &kernel_avx2;
#endif
    found[count++] = &kernel_plain;
    return index < count ? found[index] : NULL;
}

const struct md5_kernel *md5_kernel_best(void) {
    return md5_kernel_at(0);
}
