#include "crypto/aead.h"

#include <limits.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/ct.h"

static void context_free(EVP_CIPHER_CTX **context) {
    EVP_CIPHER_CTX_free(*context);
}

static EVP_CIPHER_CTX *context_new(const uint8_t *key, const uint8_t *nonce, bool seal) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CHECK(context != NULL);
    /* 12 bytes are this mode's nonce length unless another is asked for. */
    CHECK(EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1);
    return context;
}

/* Runs `bytes` through; without `out` they are bound to but not written. */
static void pass(EVP_CIPHER_CTX *context, struct slice bytes, uint8_t *out) {
    int written;
    CHECK(bytes.len <= INT_MAX);
    if (bytes.len == 0) return;
    CHECK(EVP_CipherUpdate(context, out, &written, (const uint8_t *)bytes.ptr, (int)bytes.len) ==
          1);
    CHECK(written == (int)bytes.len);
}

void aead_seal(const uint8_t *key, const uint8_t *nonce, struct slice binding, struct slice plain,
               void *out) {
    EVP_CIPHER_CTX *context __attribute__((cleanup(context_free))) = context_new(key, nonce, true);
    uint8_t *tag = (uint8_t *)out + plain.len;
    int written;
    pass(context, binding, NULL);
    pass(context, plain, out);
    CHECK(EVP_CipherFinal_ex(context, tag, &written) == 1 && written == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, tag) == 1);
}

struct status aead_open(const uint8_t *key, const uint8_t *nonce, struct slice binding,
                        struct slice sealed, void *out) {
    if (sealed.len < AEAD_TAG_LEN) return status_of(STATUS_INVALID);
    EVP_CIPHER_CTX *context __attribute__((cleanup(context_free))) = context_new(key, nonce, false);
    size_t len = sealed.len - AEAD_TAG_LEN;
    uint8_t tag[AEAD_TAG_LEN];
    uint8_t rest[AEAD_TAG_LEN];
    int written;
    memcpy(tag, sealed.ptr + len, sizeof tag);
    pass(context, binding, NULL);
    pass(context, slice_take(sealed, len), out);
    CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) == 1);
    if (EVP_CipherFinal_ex(context, rest, &written) == 1) return status_ok();
    ct_wipe(out, len);
    return status_of(STATUS_INVALID);
}
