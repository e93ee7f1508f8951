/*
 * aead.h - sealing: AES-256-GCM, which hides bytes and shows whether anybody changed them
 *
 * A sealed text is the ciphertext followed by a tag of AEAD_TAG_LEN bytes. A nonce is used for one
 * text under one key, ever: callers draw it at random, and then a key serves for some 2^32 texts.
 *
 * Threads: pure functions.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum { AEAD_KEY_LEN = 32, AEAD_NONCE_LEN = 12, AEAD_TAG_LEN = 16 };

/*
 * Seals `plain` with `key` (AEAD_KEY_LEN bytes) and `nonce` (AEAD_NONCE_LEN bytes), bound to
 * `binding`, which is not hidden and must be given again to open it. Writes plain.len +
 * AEAD_TAG_LEN bytes to `out`.
 * Spec: NIST SP 800-38D.
 */
void aead_seal(const uint8_t *key, const uint8_t *nonce, struct slice binding, struct slice plain,
               void *out);

/*
 * Opens `sealed` and writes its sealed.len - AEAD_TAG_LEN bytes to `out`.
 * Errors: INVALID where it is not what was sealed with this key, nonce and binding; `out` then
 * holds zeros.
 */
struct status aead_open(const uint8_t *key, const uint8_t *nonce, struct slice binding,
                        struct slice sealed, void *out);

#endif
