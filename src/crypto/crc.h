/*
 * crc.h - what all CRCs of S3 share, and the one that no library here computes: CRC-64/NVME
 *
 * A CRC is the remainder of a polynomial over GF(2). All of them here are reflected: the first bit
 * of a message, the least significant of its first byte, is the highest power, and the most
 * significant bit of a value is the power 0.
 *
 * Threads: pure functions.
 */
#ifndef CRYPTO_CRC_H
#define CRYPTO_CRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A polynomial without its highest power, reflected; `bits` is that power. */
struct crc_polynomial {
    uint64_t reflected;
    unsigned bits;
};

extern const struct crc_polynomial crc_polynomial_crc32;     /* ISO 3309, as in zlib */
extern const struct crc_polynomial crc_polynomial_crc32c;    /* RFC 3720 */
extern const struct crc_polynomial crc_polynomial_crc64nvme; /* NVM Express */

/*
 * The CRC of a message followed by one of `next_len` bytes, from their two CRCs. It holds for CRCs
 * that begin with all ones and are inverted at the end, which those of S3 do and are.
 */
uint64_t crc_combine(const struct crc_polynomial *polynomial, uint64_t first, uint64_t next,
                     uint64_t next_len);

/* The power `n` of x, modulo the polynomial. */
uint64_t crc_power(const struct crc_polynomial *polynomial, uint64_t n);

/*
 * The CRC-64/NVME of `len` bytes, going on from `before` (0 for a beginning), by the fastest way
 * that this processor has.
 * Spec: NVM Express NVM Command Set 1.0 section 5.2.1.3.4.
 */
uint64_t crc64nvme(uint64_t before, const void *bytes, size_t len);

/* One way to compute it. */
struct crc64nvme_way {
    const char *name;
    /* Whether this processor can. */
    bool (*is_there)(void);
    /* As crc64nvme, but without the inversions. */
    uint64_t (*update)(uint64_t crc, const unsigned char *bytes, size_t len);
};

enum { CRC64NVME_WAY_COUNT = 3 };

/* All of them, the fastest first and one that every processor has last; for tests. */
extern const struct crc64nvme_way crc64nvme_ways[CRC64NVME_WAY_COUNT];

#endif
