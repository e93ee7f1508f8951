/*
 * checksum.h - the checksums of S3: running, combined, and by name
 *
 *     init ── update* ── final
 *
 * One kind per row of checksum.def: its name in S3 ("CRC64NVME"), the suffix of its header
 * ("crc64nvme" in x-amz-checksum-crc64nvme), the length of its value, and whether the value of a
 * whole can be computed from the values of its parts.
 *
 * Values are bytes in the order that S3 sends them (big-endian for CRCs and XXHASH), before base64.
 *
 * Threads: one at a time for a struct checksum; the rest are pure functions.
 */
#ifndef CRYPTO_CHECKSUM_H
#define CRYPTO_CHECKSUM_H

#include "base/slice.h"

enum checksum_kind {
#define CHECKSUM(NAME, name, suffix, len, combines) CHECKSUM_##NAME,
#include "crypto/checksum.def"
#undef CHECKSUM
    CHECKSUM_KIND_COUNT
};

enum { CHECKSUM_LEN_MAX = 64, CHECKSUM_STATE_MAX = 640 };

/* A checksum in the making; nothing of it is on the heap. */
struct checksum {
    enum checksum_kind kind;
    _Alignas(64) unsigned char state[CHECKSUM_STATE_MAX];
};

/* A finished one. */
struct checksum_value {
    enum checksum_kind kind;
    size_t len;
    unsigned char bytes[CHECKSUM_LEN_MAX];
};

/* Starts a checksum of no bytes. */
void checksum_init(struct checksum *checksum, enum checksum_kind kind);

/* Takes `bytes` in. */
void checksum_update(struct checksum *checksum, struct slice bytes);

/* The checksum of all that was taken in; the state may be updated and finished again. */
void checksum_final(const struct checksum *checksum, struct checksum_value *ret_value);

/* The checksum of `bytes`. */
void checksum_of(enum checksum_kind kind, struct slice bytes, struct checksum_value *ret_value);

/* Whether checksum_combine can be asked: true for the CRCs. */
bool checksum_combines(enum checksum_kind kind);

/*
 * Makes `*whole` the checksum of its bytes followed by the `next_len` bytes whose checksum `next`
 * is, without those bytes. Both are of one kind, one that combines.
 */
void checksum_combine(struct checksum_value *whole, const struct checksum_value *next,
                      uint64_t next_len);

/* Its name in S3, as in "CRC32C" or "XXHASH128". */
const char *checksum_name(enum checksum_kind kind);

/* The lower-case suffix of its header, as in "crc32c". */
const char *checksum_suffix(enum checksum_kind kind);

/* The length of its value in bytes. */
size_t checksum_len(enum checksum_kind kind);

/* Finds a kind by its name in S3 or by the suffix of its header, without case; false: there is
 * none. */
bool checksum_kind_find(struct slice name, enum checksum_kind *ret_kind);

/* Parses base64 into the value of a kind; false where it is not exactly that. */
bool checksum_value_parse(enum checksum_kind kind, struct slice base64,
                          struct checksum_value *ret_value);

/* Whether both are the same value of the same kind. */
bool checksum_value_eq(const struct checksum_value *a, const struct checksum_value *b);

#endif
