#include "crypto/hmac.h"

#include "crypto/ct.h"

enum { BLOCK_LEN_MAX = 128 };

static size_t block_len(enum digest_kind kind) {
    return kind == DIGEST_SHA512 ? 128 : 64;
}

/* Starts a digest with the key, each byte of its block combined with `pad`. */
static void pad_init(struct digest *digest, enum digest_kind kind, const unsigned char *key,
                     unsigned char pad) {
    unsigned char block[BLOCK_LEN_MAX];
    size_t len = block_len(kind);
    for (size_t i = 0; i < len; i++) block[i] = key[i] ^ pad;
    digest_init(digest, kind);
    digest_update(digest, slice_of(block, len));
    ct_wipe(block, sizeof block);
}

/* RFC 2104 section 2. */
void hmac_of(enum digest_kind kind, struct slice key, struct slice text, void *out) {
    unsigned char padded[BLOCK_LEN_MAX] = {0};
    unsigned char inner[DIGEST_LEN_MAX];
    struct digest digest;
    if (key.len > block_len(kind)) {
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
    hmac_of(DIGEST_SHA256, key, text, out);
}

void hmac_sha1(struct slice key, struct slice text, void *out) {
    hmac_of(DIGEST_SHA1, key, text, out);
}
