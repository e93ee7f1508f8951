/*
 * md5_lanes.h - the compression function of MD5 over many independent messages at once
 *
 * MD5 is a chain of dependent steps: one message can't go faster than about half a GB/s. Several
 * messages can, side by side in the lanes of a vector register:
 *
 *     lane     0    1    2   …   15
 *     word 0   a0   b0   c0  …   p0     one instruction does a step of every lane
 *
 * Which kernel there is depends on the processor: AVX-512 (16 lanes), AVX2 (8), plain C (1). Users
 * want md5_stream.h.
 *
 * Threads: pure functions.
 */
#ifndef CRYPTO_MD5_LANES_H
#define CRYPTO_MD5_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MD5_BLOCK_LEN = 64, MD5_LANES_MAX = 16 };

/* The chaining values of up to MD5_LANES_MAX messages, word by word. */
struct md5_lanes {
    _Alignas(64) uint32_t words[4][MD5_LANES_MAX];
};

struct md5_kernel {
    const char *name;
    unsigned lanes;
    const struct md5_kernel *narrow; /* faster while only its lanes are in use; or NULL */
    /*
     * Takes `blocks` blocks into each lane, lane i from in[i]. All lanes of the kernel are
     * computed: one that is not wanted is given bytes that are there, and its result ignored.
     */
    void (*run)(struct md5_lanes *lanes, const unsigned char *const in[MD5_LANES_MAX],
                size_t blocks);
};

/* The chaining value of no bytes. */
extern const uint32_t md5_initial[4];

/* Takes `blocks` blocks of one message into its chaining value. */
void md5_blocks(uint32_t state[4], const void *in, size_t blocks);

/* The widest kernel of this processor; one of one lane where there is nothing wider. */
const struct md5_kernel *md5_kernel_best(void);

/* The kernels that this processor can run, widest first; NULL past the last. */
const struct md5_kernel *md5_kernel_at(size_t index);

#endif
