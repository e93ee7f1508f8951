#include "crypto/ct.h"

#include <openssl/crypto.h>
#include <string.h>

bool ct_equal(const void *a, const void *b, size_t len) {
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void ct_wipe(void *bytes, size_t len) {
    if (len > 0) explicit_bzero(bytes, len);
}
