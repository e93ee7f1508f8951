#include "crypto/hmac.h"

#include "crypto/ct.h"

enum { BLOCK_LEN = 64 }; /* of SHA-1 and SHA-256 alike */

/* Starts a digest with the key, each byte of its block combined with `pad`. */
static void pad_init(struct digest *digest, enum digest_kind kind, const unsigned char *key,
                     unsigned char pad) {
    unsigned char block[BLOCK_LEN];
    for (size_t i = 0; i < BLOCK_LEN; i++) block[i] = key[i] ^ pad;
    digest_init(digest, kind);
    digest_update(digest, slice_of(block, sizeof block));
    ct_wipe(block, sizeof block);
}

/* RFC 2104 section 2. */
static void hmac(enum digest_kind kind, struct slice key, struct slice text, void *out) {
    unsigned char padded[BLOCK_LEN] = {0};
    unsigned char inner[DIGEST_LEN_MAX];
    struct digest digest;
    if (key.len > BLOCK_LEN) {
        digest_of(kind, key, padded);
    } else if (key.len > 0) {
        memcpy(padded, key.ptr, key.len);
    }
    pad_init(&digest, kind, padded, 0x36);
    digest_update(&digest, text);
    digest_final(&digest, inner);
    pad_init(&digest, kind, padded, 0x5c);
    digest_update(&digest, slice_of(inner, digest_len(kind)));
    digest_final(&digest, out);
    ct_wipe(padded, sizeof padded);
    ct_wipe(inner, sizeof inner);
    ct_wipe(&digest, sizeof digest);
}

void hmac_sha256(struct slice key, struct slice text, void *out) {
    hmac(DIGEST_SHA256, key, text, out);
}

void hmac_sha1(struct slice key, struct slice text, void *out) {
    hmac(DIGEST_SHA1, key, text, out);
}
