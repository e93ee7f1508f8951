#include "engine/parity.h"

#include <isa-l/erasure_code.h>
#include <string.h>

#include "base/check.h"

void parity_init(struct parity *parity, unsigned data, unsigned parity_pieces) {
    CHECK(data > 0 && data + parity_pieces <= LAYOUT_PIECES_MAX);
    *parity = (struct parity){.data = data, .parity = parity_pieces};
    if (data == 1 || parity_pieces == 0) return;
    gf_gen_cauchy1_matrix(parity->matrix, (int)(data + parity_pieces), (int)data);
    ec_init_tables((int)data, (int)parity_pieces, parity->matrix + data * data, parity->tables);
}

/* ISA-L takes pointers to what it only reads as if it wrote it. */
static void encode(size_t len, unsigned data, unsigned rows, const unsigned char *tables,
                   unsigned char *const in[], unsigned char *const out[]) {
    unsigned char *from[LAYOUT_PIECES_MAX];
    unsigned char *to[LAYOUT_PIECES_MAX];
    unsigned char copy[32 * LAYOUT_PIECES_MAX * LAYOUT_PIECES_MAX];
    memcpy(copy, tables, (size_t)32 * data * rows);
    for (unsigned i = 0; i < data; i++) from[i] = in[i];
    for (unsigned i = 0; i < rows; i++) to[i] = out[i];
    ec_encode_data((int)len, (int)data, (int)rows, copy, from, to);
}

void parity_encode(const struct parity *parity, size_t len, unsigned char *const data[],
                   unsigned char *const out[]) {
    if (parity->data == 1) {
        for (unsigned i = 0; i < parity->parity; i++) memcpy(out[i], data[0], len);
    } else if (parity->parity > 0) {
        encode(len, parity->data, parity->parity, parity->tables, data, out);
    }
}

void parity_rebuild(const struct parity *parity, size_t len, const unsigned pieces[],
                    unsigned char *const cells[], unsigned wanted, unsigned char *out) {
    unsigned k = parity->data;
    if (k == 1) {
        memcpy(out, cells[0], len);
        return;
    }
    /* The rows of the pieces that are there turn the data into them; their inverse turns them back
     * into the data, and the row of the wanted one, times that, turns them into it. */
    unsigned char rows[LAYOUT_PIECES_MAX * LAYOUT_PIECES_MAX];
    unsigned char inverse[LAYOUT_PIECES_MAX * LAYOUT_PIECES_MAX];
    for (unsigned i = 0; i < k; i++) {
        CHECK(pieces[i] != wanted);
        memcpy(rows + (size_t)i * k, parity->matrix + (size_t)pieces[i] * k, k);
    }
    CHECK(gf_invert_matrix(rows, inverse, (int)k) == 0);
    unsigned char row[LAYOUT_PIECES_MAX] = {0};
    for (unsigned i = 0; i < k; i++) {
        for (unsigned j = 0; j < k; j++) {
            row[i] ^= gf_mul(parity->matrix[(size_t)wanted * k + j], inverse[(size_t)j * k + i]);
        }
    }
    unsigned char tables[32 * LAYOUT_PIECES_MAX];
    ec_init_tables((int)k, 1, row, tables);
    encode(len, k, 1, tables, cells, &out);
}
