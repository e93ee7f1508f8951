/*
 * ct.h - what is done with secrets: compared in constant time, and wiped
 *
 * Threads: pure functions.
 */
#ifndef CRYPTO_CT_H
#define CRYPTO_CT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether both hold the same `len` bytes; how long it takes depends on `len` only. */
bool ct_equal(const void *a, const void *b, size_t len);

/* Overwrites `len` bytes with zeros, also where the compiler sees that nobody reads them again. */
void ct_wipe(void *bytes, size_t len);

#endif
