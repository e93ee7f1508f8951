#include "crypto/crc.h"

const struct crc_polynomial crc_polynomial_crc32 = {UINT64_C(0xedb88320), 32};
const struct crc_polynomial crc_polynomial_crc32c = {UINT64_C(0x82f63b78), 32};
const struct crc_polynomial crc_polynomial_crc64nvme = {UINT64_C(0x9a6c9329ac4bc9b5), 64};

/* The product of two remainders. */
static uint64_t multiply(const struct crc_polynomial *polynomial, uint64_t a, uint64_t b) {
    uint64_t product = 0;
    for (uint64_t bit = UINT64_C(1) << (polynomial->bits - 1); bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b & 1 ? (b >> 1) ^ polynomial->reflected : b >> 1;
    }
    return product;
}

uint64_t crc_power(const struct crc_polynomial *polynomial, uint64_t n) {
    uint64_t power = UINT64_C(1) << (polynomial->bits - 1);  /* x^0 */
    uint64_t square = UINT64_C(1) << (polynomial->bits - 2); /* x^1 */
    for (; n > 0; n >>= 1) {
        if (n & 1) power = multiply(polynomial, power, square);
        square = multiply(polynomial, square, square);
    }
    return power;
}

/* x^(8n): eight times a length need not fit in 64 bits. */
static uint64_t power_of_bytes(const struct crc_polynomial *polynomial, uint64_t n) {
    uint64_t power = crc_power(polynomial, n);
    for (int i = 0; i < 3; i++) power = multiply(polynomial, power, power);
    return power;
}

uint64_t crc_combine(const struct crc_polynomial *polynomial, uint64_t first, uint64_t next,
                     uint64_t next_len) {
    return multiply(polynomial, power_of_bytes(polynomial, next_len), first) ^ next;
}
