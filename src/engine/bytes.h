/*
 * bytes.h - integers in files: little-endian, unaligned
 *
 * Threads: pure functions.
 */
#ifndef ENGINE_BYTES_H
#define ENGINE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Writes 16 bits at `at`. */
static inline void bytes_put_u16(char *at, uint16_t value) {
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}

/* Writes 32 bits at `at`. */
static inline void bytes_put_u32(char *at, uint32_t value) {
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

/* Writes 64 bits at `at`. */
static inline void bytes_put_u64(char *at, uint64_t value) {
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

/* Reads 16 bits at `at`. */
static inline uint16_t bytes_get_u16(const char *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return le16toh(value);
}

/* Reads 32 bits at `at`. */
static inline uint32_t bytes_get_u32(const char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

/* Reads 64 bits at `at`. */
static inline uint64_t bytes_get_u64(const char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* `value` rounded up to a multiple of `unit`, a power of two. */
static inline uint64_t bytes_round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

#endif
