/*
 * layout.h - how the bytes of a blob are dealt out to its pieces
 *
 *     stripe 0          stripe 1                    the last stripe
 *     ┌────────┬──────┐ ┌────────┬──────┐     ┌────┬────┐
 *     │ cell 0 │ cell 1 │ cell 0 │ cell 1   …  │ c0 │ c1 │   bytes of the blob, in order
 *     └────────┴──────┘ └────────┴──────┘     └────┴────┘
 *     piece 0: the cells 0, as blocks of 64 KiB; piece 1: the cells 1; parity pieces likewise
 *
 * The cells of the last stripe are only as long as they must be, a multiple of 4 KiB, and padded
 * with zeros. With one data piece the parity pieces are copies. Every block has a CRC32C; the sums
 * of 4096 blocks, a group, make a table, which lies behind its group in the piece, but for the last
 * group's, which is in the record:
 *
 *     piece: │ 4096 blocks │ table │ 4096 blocks │ table │ … blocks │
 *
 * Threads: pure functions.
 */
#ifndef ENGINE_LAYOUT_H
#define ENGINE_LAYOUT_H

#include "base/slice.h"
#include "blob/blob.h"
#include "engine/extent.h"

enum {
    LAYOUT_BLOCK = 64 * 1024,
    LAYOUT_GROUP_BLOCKS = 4096,
    LAYOUT_TABLE_LEN = 4 * (LAYOUT_GROUP_BLOCKS + 1),
    LAYOUT_TABLE_SPACE = (LAYOUT_TABLE_LEN + EXTENT_UNIT - 1) / EXTENT_UNIT * EXTENT_UNIT,
    LAYOUT_PIECES_MAX = 32
};

/* How many pieces, and of how many bytes. */
struct layout {
    uint64_t size; /* of the blob; not 0 */
    unsigned data;
    unsigned parity;
};

/* All pieces, data and parity. */
static inline unsigned layout_pieces(const struct layout *layout) {
    return layout->data + layout->parity;
}

/* How many stripes there are: the blocks of each piece. */
uint64_t layout_stripes(const struct layout *layout);

/* The length of the cells of a stripe, a multiple of EXTENT_UNIT. */
size_t layout_cell(const struct layout *layout, uint64_t stripe);

/* Where in the blob a stripe begins. */
static inline uint64_t layout_stripe_offset(const struct layout *layout, uint64_t stripe) {
    return stripe * layout->data * LAYOUT_BLOCK;
}

/* Where in a piece its block begins, and the table of a group. */
uint64_t layout_block_offset(uint64_t block);
uint64_t layout_table_offset(uint64_t group);

/* How many units a piece takes. */
uint64_t layout_piece_units(const struct layout *layout);

/* How many blocks the last group has: 1 to LAYOUT_GROUP_BLOCKS. */
size_t layout_last_blocks(const struct layout *layout);
uint64_t layout_last_group(const struct layout *layout);

/* Whose table, so that a stray one is not taken for the right one. */
struct layout_table_of {
    struct kv_partition partition;
    struct blob_id id;
    unsigned piece; /* 0 for all copies */
    uint64_t group;
};

/* Puts the sums of a full group into the form of the piece, LAYOUT_TABLE_SPACE bytes; and back:
 * false if that is not the table. */
void layout_table_print(const uint32_t sums[LAYOUT_GROUP_BLOCKS],
                        const struct layout_table_of *whose, char out[LAYOUT_TABLE_SPACE]);
bool layout_table_parse(const char *table, const struct layout_table_of *whose,
                        uint32_t ret_sums[LAYOUT_GROUP_BLOCKS]);

#endif
