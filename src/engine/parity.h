/*
 * parity.h - the erasure code: parity from data, and any lost cell from as many others as data
 *
 * A systematic Reed-Solomon code over GF(2^8) with a Cauchy matrix (ISA-L). With one data piece
 * every parity is a copy.
 *
 * Threads: any, on a struct parity that was made.
 */
#ifndef ENGINE_PARITY_H
#define ENGINE_PARITY_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/layout.h"

struct parity {
    unsigned data;
    unsigned parity;
    unsigned char matrix[LAYOUT_PIECES_MAX * LAYOUT_PIECES_MAX];
    unsigned char tables[32 * LAYOUT_PIECES_MAX * LAYOUT_PIECES_MAX];
};

/* Makes the code of `data` and `parity` pieces; together at most LAYOUT_PIECES_MAX. */
void parity_init(struct parity *parity, unsigned data, unsigned parity_pieces);

/* Computes all parity cells from all data cells of `len` bytes. */
void parity_encode(const struct parity *parity, size_t len, unsigned char *const data[],
                   unsigned char *const out[]);

/*
 * Computes the cell of piece `wanted` from `parity->data` cells: cells[i] is that of piece
 * pieces[i], all different and none of them `wanted`.
 */
void parity_rebuild(const struct parity *parity, size_t len, const unsigned pieces[],
                    unsigned char *const cells[], unsigned wanted, unsigned char *out);

#endif
