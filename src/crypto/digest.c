/*
 * OpenSSL's EVP layer keeps its state on its heap and looks algorithms up; the functions below it
 * are the same code on a state that the caller has. They are deprecated since 3.0, not removed.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/digest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "base/check.h"

_Static_assert(sizeof(MD5_CTX) <= DIGEST_STATE_MAX, "an MD5 state fits");
_Static_assert(sizeof(SHA_CTX) <= DIGEST_STATE_MAX, "a SHA-1 state fits");
_Static_assert(sizeof(SHA256_CTX) <= DIGEST_STATE_MAX, "a SHA-256 state fits");
_Static_assert(sizeof(SHA512_CTX) <= DIGEST_STATE_MAX, "a SHA-512 state fits");

/* The functions of one kind; `state` is the library's own struct. */
struct digest_ops {
    size_t len;
    int (*init)(void *state);
    int (*update)(void *state, const void *bytes, size_t len);
    int (*final)(void *state, unsigned char *out);
};

#define DIGEST_FUNCTIONS(NAME, CONTEXT)                                    \
    static int NAME##_init(void *state) {                                  \
        return NAME##_Init((CONTEXT *)state);                              \
    }                                                                      \
    static int NAME##_update(void *state, const void *bytes, size_t len) { \
        return NAME##_Update((CONTEXT *)state, bytes, len);                \
    }                                                                      \
    static int NAME##_final(void *state, unsigned char *out) {             \
        return NAME##_Final(out, (CONTEXT *)state);                        \
    }

DIGEST_FUNCTIONS(MD5, MD5_CTX)
DIGEST_FUNCTIONS(SHA1, SHA_CTX)
DIGEST_FUNCTIONS(SHA256, SHA256_CTX)
DIGEST_FUNCTIONS(SHA512, SHA512_CTX)

static const struct digest_ops kinds[] = {
    [DIGEST_MD5] = {DIGEST_MD5_LEN, MD5_init, MD5_update, MD5_final},
    [DIGEST_SHA1] = {DIGEST_SHA1_LEN, SHA1_init, SHA1_update, SHA1_final},
    [DIGEST_SHA256] = {DIGEST_SHA256_LEN, SHA256_init, SHA256_update, SHA256_final},
    [DIGEST_SHA512] = {DIGEST_SHA512_LEN, SHA512_init, SHA512_update, SHA512_final},
};

static const struct digest_ops *ops_of(enum digest_kind kind) {
    CHECK((size_t)kind < ARRAY_LEN(kinds));
    return &kinds[kind];
}

void digest_init(struct digest *digest, enum digest_kind kind) {
    digest->kind = kind;
    CHECK(ops_of(kind)->init(digest->state) == 1);
}

void digest_update(struct digest *digest, struct slice bytes) {
    if (bytes.len > 0) ops_of(digest->kind)->update(digest->state, bytes.ptr, bytes.len);
}

void digest_final(const struct digest *digest, void *out) {
    struct digest copy = *digest;
    CHECK(ops_of(digest->kind)->final(copy.state, out) == 1);
}

void digest_of(enum digest_kind kind, struct slice bytes, void *out) {
    struct digest digest;
    digest_init(&digest, kind);
    digest_update(&digest, bytes);
    digest_final(&digest, out);
}

void digest_sha256(struct slice bytes, void *out) {
    digest_of(DIGEST_SHA256, bytes, out);
}

void digest_md5(struct slice bytes, void *out) {
    digest_of(DIGEST_MD5, bytes, out);
}

size_t digest_len(enum digest_kind kind) {
    return ops_of(kind)->len;
}
