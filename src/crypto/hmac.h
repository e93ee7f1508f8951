/*
 * hmac.h - keyed digests: HMAC with SHA-1 and with SHA-256
 *
 * Threads: pure functions.
 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "crypto/digest.h"

/*
 * Writes the HMAC of `text` under `key` to `out`, digest_len(kind) bytes. SHA-1 only for what a
 * protocol fixes so. Spec: RFC 2104.
 */
void hmac_of(enum digest_kind kind, struct slice key, struct slice text, void *out);

/* Writes the HMAC of `text` under `key`, DIGEST_SHA256_LEN bytes, to `out`. Spec: RFC 2104. */
void hmac_sha256(struct slice key, struct slice text, void *out);

/* The same with SHA-1, DIGEST_SHA1_LEN bytes; only for what the protocol fixes so (SigV2). */
void hmac_sha1(struct slice key, struct slice text, void *out);

#endif
