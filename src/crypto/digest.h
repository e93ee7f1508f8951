/*
 * digest.h - cryptographic digests: MD5, SHA-1, SHA-256, SHA-512
 *
 *     init ── update* ── final
 *
 * A struct digest is a plain value: it owns nothing, may be copied to fork it, and may be dropped
 * at any time.
 *
 * Threads: one at a time for a struct digest; the rest are pure functions.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/slice.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };

enum {
    DIGEST_MD5_LEN = 16,
    DIGEST_SHA1_LEN = 20,
    DIGEST_SHA256_LEN = 32,
    DIGEST_SHA512_LEN = 64,
    DIGEST_LEN_MAX = 64,
    DIGEST_STATE_MAX = 224
};

/* A digest in the making. */
struct digest {
    enum digest_kind kind;
    _Alignas(16) unsigned char state[DIGEST_STATE_MAX];
};

/* Starts a digest of no bytes. */
void digest_init(struct digest *digest, enum digest_kind kind);

/* Takes `bytes` in. */
void digest_update(struct digest *digest, struct slice bytes);

/*
 * Writes the digest of all that was taken in, digest_len bytes, to `out`. The struct is not
 * touched: it may be updated and finished again.
 */
void digest_final(const struct digest *digest, void *out);

/* Writes the digest of `bytes` to `out`. */
void digest_of(enum digest_kind kind, struct slice bytes, void *out);

/* Writes the digest of `bytes`, DIGEST_SHA256_LEN bytes, to `out`. */
void digest_sha256(struct slice bytes, void *out);

/* Writes the digest of `bytes`, DIGEST_MD5_LEN bytes, to `out`. */
void digest_md5(struct slice bytes, void *out);

/* The length of a digest in bytes. */
size_t digest_len(enum digest_kind kind);

#endif
