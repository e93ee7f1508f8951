/*
 * checksum.h - the CRC32C of the store's files and records
 *
 * Threads: pure functions.
 */
#ifndef ENGINE_CHECKSUM_H
#define ENGINE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The CRC32C of `len` bytes, going on from `before` (0 for a beginning). Spec: RFC 3720 B.4. */
uint32_t checksum_crc32c(uint32_t before, const void *bytes, size_t len);

#endif
