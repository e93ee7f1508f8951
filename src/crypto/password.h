/*
 * password.h - what is kept instead of a password: scrypt of it, salted
 *
 * A derivation takes memory (16 MiB) and a good part of a tenth of a second on purpose, so that
 * whoever has the hashes can try few passwords. The caller bounds how many run at once.
 *
 * Threads: pure functions.
 * Spec: RFC 7914.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum {
    PASSWORD_SALT_LEN = 16,
    PASSWORD_HASH_LEN = 32,
    PASSWORD_MEMORY_MAX_BYTES = 64 * 1024 * 1024,
    PASSWORD_PASSES_MAX = 16
};

/* What a derivation costs: 128 * r * 2^log_n bytes of memory, p times over. */
struct password_cost {
    uint32_t log_n;
    uint32_t r;
    uint32_t p;
};

/* What new passwords cost. */
extern const struct password_cost password_cost_default;

/* Whether a stored cost is one that we are willing to pay. */
bool password_cost_is_sane(struct password_cost cost);

/*
 * Derives PASSWORD_HASH_LEN bytes from `password` and PASSWORD_SALT_LEN bytes of salt. To be
 * compared by ct_equal.
 * Errors: INVALID (the cost is not sane); NO_MEMORY.
 * Blocks: computes for as long as the cost says.
 */
struct status password_derive(struct slice password, const uint8_t *salt, struct password_cost cost,
                              uint8_t *out);

#endif
