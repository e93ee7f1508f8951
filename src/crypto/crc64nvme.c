/*
 * CRC-64/NVME. The fast ways fold: a carry-less product with a constant carries 128 bits of the
 * message over a distance to where further bits of it are, so that it shrinks, remainder unchanged,
 * to 16 bytes; the table does those and what is left over.
 */
#include <pthread.h>
#include <string.h>

#include "crypto/crc.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Distances to fold over: from one block of the loop to the next, and inside one. */
enum { FOLD_128, FOLD_256, FOLD_384, FOLD_512, FOLD_2048, FOLD_COUNT };

static const uint64_t fold_bits[FOLD_COUNT] = {128, 256, 384, 512, 2048};

/* Made once; then only read. */
static uint64_t table[8][256]; /* [k][b]: the remainder of byte b followed by k zero bytes */
static uint64_t folds[FOLD_COUNT][2];

static void tables_make(void) {
    const struct crc_polynomial *polynomial = &crc_polynomial_crc64nvme;
    for (uint64_t b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int i = 0; i < 8; i++) crc = crc & 1 ? (crc >> 1) ^ polynomial->reflected : crc >> 1;
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (int b = 0; b < 256; b++) {
            uint64_t before = table[k - 1][b];
            table[k][b] = (before >> 8) ^ table[0][before & 0xff];
        }
    }
    /*
     * The first half of 128 bits is 64 powers higher than the second. A carry-less product of two
     * reflected values is one power short of the product, hence the -1.
     */
    for (int i = 0; i < FOLD_COUNT; i++) {
        folds[i][0] = crc_power(polynomial, fold_bits[i] + 64 - 1);
        folds[i][1] = crc_power(polynomial, fold_bits[i] - 1);
    }
}

static void tables_need(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, tables_make);
}

static bool always(void) {
    return true;
}

static uint64_t little_endian_64(const unsigned char *bytes) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | bytes[i];
    return word;
}

static uint64_t by_table(uint64_t crc, const unsigned char *bytes, size_t len) {
    tables_need();
    for (; len >= 8; len -= 8, bytes += 8) {
        crc ^= little_endian_64(bytes);
        crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^
              table[4][crc >> 24 & 0xff] ^ table[3][crc >> 32 & 0xff] ^ table[2][crc >> 40 & 0xff] ^
              table[1][crc >> 48 & 0xff] ^ table[0][crc >> 56];
    }
    for (; len > 0; len--) crc = (crc >> 8) ^ table[0][(crc ^ *bytes++) & 0xff];
    return crc;
}

#if defined(__x86_64__)

#define TARGET_PCLMUL __attribute__((target("pclmul,sse4.1")))
#define TARGET_VPCLMUL __attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.1")))

/* Carries 128 bits over a distance. */
TARGET_PCLMUL static inline __m128i fold(__m128i bits, __m128i constants) {
    return _mm_xor_si128(_mm_clmulepi64_si128(bits, constants, 0x00),
                         _mm_clmulepi64_si128(bits, constants, 0x11));
}

TARGET_PCLMUL static inline __m128i fold_constants(int distance) {
    return _mm_set_epi64x((long long)folds[distance][1], (long long)folds[distance][0]);
}

TARGET_PCLMUL static inline __m128i load(const unsigned char *bytes) {
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

/* The remainder of four neighbours, and of what comes behind them. */
TARGET_PCLMUL static uint64_t finish(__m128i x0, __m128i x1, __m128i x2, __m128i x3,
                                     const unsigned char *bytes, size_t len) {
    unsigned char last[16];
    x3 = _mm_xor_si128(x3, fold(x0, fold_constants(FOLD_384)));
    x3 = _mm_xor_si128(x3, fold(x1, fold_constants(FOLD_256)));
    x3 = _mm_xor_si128(x3, fold(x2, fold_constants(FOLD_128)));
    for (; len >= 16; len -= 16, bytes += 16) {
        x3 = _mm_xor_si128(load(bytes), fold(x3, fold_constants(FOLD_128)));
    }
    _mm_storeu_si128((__m128i *)(void *)last, x3);
    return by_table(by_table(0, last, sizeof last), bytes, len);
}

TARGET_PCLMUL static uint64_t by_pclmul(uint64_t crc, const unsigned char *bytes, size_t len) {
    if (len < 128) return by_table(crc, bytes, len);
    tables_need();
    __m128i constants = fold_constants(FOLD_512);
    __m128i x0 = _mm_xor_si128(load(bytes), _mm_set_epi64x(0, (long long)crc));
    __m128i x1 = load(bytes + 16);
    __m128i x2 = load(bytes + 32);
    __m128i x3 = load(bytes + 48);
    for (bytes += 64, len -= 64; len >= 64; bytes += 64, len -= 64) {
        x0 = _mm_xor_si128(load(bytes), fold(x0, constants));
        x1 = _mm_xor_si128(load(bytes + 16), fold(x1, constants));
        x2 = _mm_xor_si128(load(bytes + 32), fold(x2, constants));
        x3 = _mm_xor_si128(load(bytes + 48), fold(x3, constants));
    }
    return finish(x0, x1, x2, x3, bytes, len);
}

static bool has_pclmul(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

/* Carries four times 128 bits over a distance, onto what is there. */
TARGET_VPCLMUL static inline __m512i fold4(__m512i bits, __m512i constants, __m512i onto) {
    __m512i low = _mm512_clmulepi64_epi128(bits, constants, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(bits, constants, 0x11);
    return _mm512_ternarylogic_epi64(low, high, onto, 0x96); /* the sum of all three */
}

TARGET_VPCLMUL static uint64_t by_vpclmul(uint64_t crc, const unsigned char *bytes, size_t len) {
    if (len < 512) return by_pclmul(crc, bytes, len);
    tables_need();
    __m512i far = _mm512_broadcast_i32x4(fold_constants(FOLD_2048));
    __m512i near = _mm512_broadcast_i32x4(fold_constants(FOLD_512));
    __m512i start = _mm512_zextsi128_si512(_mm_set_epi64x(0, (long long)crc));
    __m512i y0 = _mm512_xor_si512(_mm512_loadu_si512(bytes), start);
    __m512i y1 = _mm512_loadu_si512(bytes + 64);
    __m512i y2 = _mm512_loadu_si512(bytes + 128);
    __m512i y3 = _mm512_loadu_si512(bytes + 192);
    for (bytes += 256, len -= 256; len >= 256; bytes += 256, len -= 256) {
        y0 = fold4(y0, far, _mm512_loadu_si512(bytes));
        y1 = fold4(y1, far, _mm512_loadu_si512(bytes + 64));
        y2 = fold4(y2, far, _mm512_loadu_si512(bytes + 128));
        y3 = fold4(y3, far, _mm512_loadu_si512(bytes + 192));
    }
    y3 = fold4(fold4(fold4(y0, near, y1), near, y2), near, y3);
    return finish(_mm512_extracti32x4_epi32(y3, 0), _mm512_extracti32x4_epi32(y3, 1),
                  _mm512_extracti32x4_epi32(y3, 2), _mm512_extracti32x4_epi32(y3, 3), bytes, len);
}

static bool has_vpclmul(void) {
    return has_pclmul() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
}

#else

static bool never(void) {
    return false;
}

#define has_vpclmul never
#define has_pclmul never
#define by_vpclmul by_table
#define by_pclmul by_table

#endif

const struct crc64nvme_way crc64nvme_ways[CRC64NVME_WAY_COUNT] = {
    {"vpclmulqdq", has_vpclmul, by_vpclmul},
    {"pclmulqdq", has_pclmul, by_pclmul},
    {"table", always, by_table},
};

static const struct crc64nvme_way *chosen;

static void choose(void) {
    chosen = crc64nvme_ways;
    while (!chosen->is_there()) chosen++;
}

uint64_t crc64nvme(uint64_t before, const void *bytes, size_t len) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return ~chosen->update(~before, bytes, len);
}
