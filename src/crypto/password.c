#include "crypto/password.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/check.h"

/* One of the settings that OWASP's password storage cheat sheet takes for equal in strength. */
const struct password_cost password_cost_default = {.log_n = 14, .r = 8, .p = 5};

static void kdf_free(EVP_KDF **kdf) {
    EVP_KDF_free(*kdf);
}

static void context_free(EVP_KDF_CTX **context) {
    EVP_KDF_CTX_free(*context);
}

bool password_cost_is_sane(struct password_cost cost) {
    if (cost.log_n < 1 || cost.log_n > 24 || cost.r < 1 || cost.r > 64) return false;
    if (cost.p < 1 || cost.p > PASSWORD_PASSES_MAX) return false;
    return ((uint64_t)128 * cost.r << cost.log_n) <= PASSWORD_MEMORY_MAX_BYTES;
}

struct status password_derive(struct slice password, const uint8_t *salt, struct password_cost cost,
                              uint8_t *out) {
    if (!password_cost_is_sane(cost)) return status_of(STATUS_INVALID);
    EVP_KDF *kdf __attribute__((cleanup(kdf_free))) = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    CHECK(kdf != NULL);
    EVP_KDF_CTX *context __attribute__((cleanup(context_free))) = EVP_KDF_CTX_new(kdf);
    CHECK(context != NULL);
    uint64_t n = (uint64_t)1 << cost.log_n;
    uint64_t memory_max = 2 * (uint64_t)PASSWORD_MEMORY_MAX_BYTES;
    /* The library only reads what its parameters point to. */
    void *secret = (void *)(uintptr_t)(password.len > 0 ? password.ptr : "");
    void *salted = (void *)(uintptr_t)salt;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret, password.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salted, PASSWORD_SALT_LEN),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &cost.r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &cost.p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_KDF_derive(context, out, PASSWORD_HASH_LEN, params) == 1) return status_ok();
    return status_of(STATUS_NO_MEMORY);
}
