/*
 * support.h - bytes for the tests of crypto: given in hexadecimal, or made up
 */
#ifndef TESTS_UNIT_CRYPTO_SUPPORT_H
#define TESTS_UNIT_CRYPTO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/codec.h"

/* The bytes of hexadecimal text; `storage` has room for them. */
static inline struct slice unhex(const char *text, void *storage) {
    size_t len = strlen(text) / 2;
    assert_true(hex_decode(slice_str(text), storage, len));
    return slice_of(storage, len);
}

/* `bytes` are those that `text` spells. */
static inline void assert_hex(const void *bytes, size_t len, const char *text) {
    char storage[256];
    struct buf out;
    buf_init_fixed(&out, storage, sizeof storage);
    hex_encode(&out, slice_of(bytes, len));
    buf_append(&out, slice_of("", 1));
    assert_string_equal(storage, text);
}

/* Bytes that look random and are the same in every run. */
static inline void fill(void *bytes, size_t len, uint64_t seed) {
    unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at[i] = (unsigned char)(seed >> 56);
    }
}

#endif
