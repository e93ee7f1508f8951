#include <stdlib.h>

#include "base/check.h"
#include "engine/checksum.h"
#include "engine/data_store.h"

void data_blocks_init(struct data_blocks *blocks, struct data_store *store,
                      const struct data_blob *blob) {
    *blocks = (struct data_blocks){.store = store, .blob = blob};
    parity_init(&blocks->parity, blob->layout.data, blob->layout.parity);
    unsigned pieces = layout_pieces(&blob->layout);
    blocks->preferred = blob->layout.data == 1 ? blob->id.bytes[BLOB_ID_LEN - 1] % pieces : 0;
}

void data_blocks_fini(struct data_blocks *blocks) {
    for (unsigned i = 0; i < LAYOUT_PIECES_MAX; i++) free(blocks->sums[i]);
    free(blocks->scratch);
}

static unsigned char *scratch_block(struct data_blocks *blocks, unsigned index) {
    size_t cells = blocks->blob->layout.data + 1;
    if (!blocks->scratch) {
        blocks->scratch = aligned_alloc(EXTENT_UNIT, cells * LAYOUT_BLOCK + LAYOUT_TABLE_SPACE);
        CHECK(blocks->scratch);
    }
    CHECK(index <= cells); /* the one behind the last is the table's */
    return blocks->scratch + (size_t)index * LAYOUT_BLOCK;
}

/* The drive is charged with it. */
static void damage_found(struct data_blocks *blocks, unsigned piece) {
    const struct piece *from = &blocks->blob->pieces[piece];
    atomic_fetch_add(&blocks->store->corrupt_blocks, 1);
    if (from->volumes) drive_charge(from->volumes->drive);
}

/* What is cached needs nobody to wait for the drive. */
static struct status timely_read(struct data_blocks *blocks, const struct piece *piece,
                                 uint64_t offset, void *out, size_t len, bool direct) {
    if (!direct && piece_is_cached(piece, offset, len)) {
        return piece_read(piece, offset, out, len, direct);
    }
    return data_piece_read(blocks->store, piece, offset, out, len, direct);
}

/* ---- sums ---- */

/* Reads the table of a group from one piece into the slot of the sums. */
static struct status table_read(struct data_blocks *blocks, unsigned from, unsigned slot,
                                uint64_t group) {
    const struct data_blob *blob = blocks->blob;
    unsigned char *table = scratch_block(blocks, blob->layout.data + 1);
    struct layout_table_of whose = {blob->partition, blob->id, slot, group};
    TRY(timely_read(blocks, &blob->pieces[from], layout_table_offset(group), table,
                    LAYOUT_TABLE_SPACE, false));
    if (layout_table_parse((const char *)table, &whose, blocks->sums[slot])) return status_ok();
    TRY(timely_read(blocks, &blob->pieces[from], layout_table_offset(group), table,
                    LAYOUT_TABLE_SPACE, true));
    if (layout_table_parse((const char *)table, &whose, blocks->sums[slot])) return status_ok();
    damage_found(blocks, from);
    return status_of(STATUS_CORRUPT);
}

/* Sees to it that the sums of a group that is not the last are there. Copies have one table. */
static struct status table_load(struct data_blocks *blocks, unsigned piece, uint64_t group) {
    bool copies = blocks->blob->layout.data == 1;
    unsigned slot = copies ? 0 : piece;
    if (blocks->sums[slot] && blocks->groups[slot] == group) return status_ok();
    if (!blocks->sums[slot]) {
        blocks->sums[slot] = malloc(sizeof(uint32_t) * LAYOUT_GROUP_BLOCKS);
        CHECK(blocks->sums[slot]);
    }
    blocks->groups[slot] = UINT64_MAX;
    struct status s = table_read(blocks, piece, slot, group);
    for (unsigned i = 0; copies && !is_ok(s) && i < layout_pieces(&blocks->blob->layout); i++) {
        if (i != piece) s = table_read(blocks, i, slot, group);
    }
    if (is_ok(s)) blocks->groups[slot] = group;
    return s;
}

static struct status sum_get(struct data_blocks *blocks, unsigned piece, uint64_t stripe,
                             uint32_t *ret_sum) {
    uint64_t group = stripe / LAYOUT_GROUP_BLOCKS;
    size_t index = (size_t)(stripe % LAYOUT_GROUP_BLOCKS);
    if (group == layout_last_group(&blocks->blob->layout)) {
        *ret_sum = data_last_sum(blocks->blob, piece, index);
        return status_ok();
    }
    TRY(table_load(blocks, piece, group));
    *ret_sum = blocks->sums[blocks->blob->layout.data == 1 ? 0 : piece][index];
    return status_ok();
}

/* ---- one block ---- */

/* Reads a block from its piece and checks it; what the page cache has wrong may be right on the
 * drive. `out` need not be aligned. */
static struct status block_read(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                                void *out) {
    const struct piece *from = &blocks->blob->pieces[piece];
    if (!from->volumes) return status_of(STATUS_IO);
    size_t len = layout_cell(&blocks->blob->layout, stripe);
    uint64_t offset = layout_block_offset(stripe);
    uint32_t sum;
    TRY(sum_get(blocks, piece, stripe, &sum));
    TRY(timely_read(blocks, from, offset, out, len, false));
    if (checksum_crc32c(0, out, len) == sum) {
        piece_verified(from, offset, len);
        return status_ok();
    }
    unsigned char *aligned = scratch_block(blocks, blocks->blob->layout.data);
    TRY(timely_read(blocks, from, offset, aligned, len, true));
    if (checksum_crc32c(0, aligned, len) != sum) {
        damage_found(blocks, piece);
        return status_of(STATUS_CORRUPT);
    }
    if (out != aligned) memcpy(out, aligned, len);
    return status_ok();
}

/* CORRUPT tells more than IO, and is kept. */
static void keep_worse(struct status *kept, struct status s) {
    if (!is_ok(s) && !status_is(*kept, STATUS_CORRUPT)) *kept = s;
}

struct status data_block_rebuild(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                                 void *out) {
    unsigned data = blocks->blob->layout.data;
    unsigned found = 0;
    unsigned pieces[LAYOUT_PIECES_MAX];
    unsigned char *cells[LAYOUT_PIECES_MAX];
    struct status worst = status_of(STATUS_IO);
    for (unsigned i = 0; i < layout_pieces(&blocks->blob->layout) && found < data; i++) {
        if (i == piece) continue;
        cells[found] = scratch_block(blocks, found);
        struct status s = block_read(blocks, stripe, i, cells[found]);
        keep_worse(&worst, s);
        if (is_ok(s)) pieces[found++] = i;
    }
    if (found < data) return worst;
    size_t len = layout_cell(&blocks->blob->layout, stripe);
    parity_rebuild(&blocks->parity, len, pieces, cells, piece, out);
    return status_ok();
}

/* Writes a block again that was found wrong; if that fails, the scrubber meets it again. */
static void block_mend(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                       const void *bytes) {
    struct piece to = blocks->blob->pieces[piece];
    to.volumes = data_volumes_to_write(blocks->store, to.drive);
    if (!to.volumes) return;
    size_t len = layout_cell(&blocks->blob->layout, stripe);
    unsigned char *aligned = scratch_block(blocks, blocks->blob->layout.data);
    memcpy(aligned, bytes, len);
    struct status s =
        data_piece_write(blocks->store, &to, layout_block_offset(stripe), slice_of(aligned, len));
    if (is_ok(s)) atomic_fetch_add(&blocks->store->blocks_repaired, 1);
}

struct status data_block_get(struct data_blocks *blocks, uint64_t stripe, unsigned piece,
                             void *out) {
    struct status first = block_read(blocks, stripe, piece, out);
    if (is_ok(first)) return first;
    struct status s = data_block_rebuild(blocks, stripe, piece, out);
    if (!is_ok(s)) {
        keep_worse(&first, s);
        return first;
    }
    if (status_is(first, STATUS_CORRUPT)) block_mend(blocks, stripe, piece, out);
    return status_ok();
}

struct status data_block_check(struct data_blocks *blocks, uint64_t stripe, unsigned piece) {
    const struct piece *from = &blocks->blob->pieces[piece];
    if (!from->volumes) return status_of(STATUS_IO);
    size_t len = layout_cell(&blocks->blob->layout, stripe);
    uint32_t sum;
    TRY(sum_get(blocks, piece, stripe, &sum));
    unsigned char *aligned = scratch_block(blocks, blocks->blob->layout.data);
    TRY(timely_read(blocks, from, layout_block_offset(stripe), aligned, len, true));
    if (checksum_crc32c(0, aligned, len) == sum) return status_ok();
    damage_found(blocks, piece);
    return status_of(STATUS_CORRUPT);
}

/* ---- tables ---- */

static struct layout_table_of table_of(const struct data_blocks *blocks, unsigned piece,
                                       uint64_t group) {
    const struct data_blob *blob = blocks->blob;
    unsigned slot = blob->layout.data == 1 ? 0 : piece;
    return (struct layout_table_of){blob->partition, blob->id, slot, group};
}

struct status data_table_check(struct data_blocks *blocks, unsigned piece, uint64_t group) {
    struct layout_table_of whose = table_of(blocks, piece, group);
    unsigned char *table = scratch_block(blocks, blocks->blob->layout.data + 1);
    TRY(timely_read(blocks, &blocks->blob->pieces[piece], layout_table_offset(group), table,
                    LAYOUT_TABLE_SPACE, true));
    uint32_t *unused = malloc(sizeof(uint32_t) * LAYOUT_GROUP_BLOCKS);
    CHECK(unused);
    bool right = layout_table_parse((const char *)table, &whose, unused);
    free(unused);
    if (right) return status_ok();
    damage_found(blocks, piece);
    return status_of(STATUS_CORRUPT);
}

/* The sums that the table of a piece is to have: a copy's are in the others' tables, those of a
 * share are taken anew from what the other shares make of its blocks. */
static struct status table_find(struct data_blocks *blocks, unsigned piece, uint64_t group,
                                unsigned char *block, uint32_t *sums) {
    const struct layout *layout = &blocks->blob->layout;
    if (layout->data == 1) {
        TRY(table_load(blocks, piece, group));
        memcpy(sums, blocks->sums[0], sizeof(uint32_t) * LAYOUT_GROUP_BLOCKS);
        return status_ok();
    }
    for (size_t i = 0; i < LAYOUT_GROUP_BLOCKS; i++) {
        uint64_t stripe = group * LAYOUT_GROUP_BLOCKS + i;
        TRY(data_block_rebuild(blocks, stripe, piece, block));
        sums[i] = checksum_crc32c(0, block, layout_cell(layout, stripe));
    }
    return status_ok();
}

struct status data_table_mend(struct data_blocks *blocks, unsigned piece, uint64_t group) {
    struct piece to = blocks->blob->pieces[piece];
    struct layout_table_of whose = table_of(blocks, piece, group);
    uint32_t *sums = malloc(sizeof(uint32_t) * LAYOUT_GROUP_BLOCKS);
    struct data_buffer *buffer = data_buffer_new(LAYOUT_BLOCK);
    CHECK(sums);
    to.volumes = data_volumes_to_write(blocks->store, to.drive);
    struct status s =
        to.volumes ? table_find(blocks, piece, group, buffer->bytes, sums) : status_of(STATUS_IO);
    if (is_ok(s)) {
        layout_table_print(sums, &whose, (char *)buffer->bytes);
        s = data_piece_write(blocks->store, &to, layout_table_offset(group),
                             slice_of(buffer->bytes, LAYOUT_TABLE_SPACE));
    }
    if (is_ok(s)) atomic_fetch_add(&blocks->store->blocks_repaired, 1);
    data_buffer_drop(&buffer);
    free(sums);
    return s;
}

/* ---- copies ---- */

unsigned data_copy_choose(const struct data_blocks *blocks) {
    unsigned pieces = layout_pieces(&blocks->blob->layout);
    for (unsigned i = 0; i < pieces; i++) {
        unsigned piece = (blocks->preferred + i) % pieces;
        const struct piece *from = &blocks->blob->pieces[piece];
        if (from->volumes && drive_takes_writes(from->volumes->drive)) return piece;
    }
    return blocks->preferred;
}

struct status data_copy_get(struct data_blocks *blocks, uint64_t stripe, size_t len, void *out) {
    CHECK(blocks->blob->layout.data == 1);
    unsigned piece = data_copy_choose(blocks);
    char *at = out;
    struct status s = timely_read(blocks, &blocks->blob->pieces[piece], layout_block_offset(stripe),
                                  out, len, false);
    for (; len > 0; stripe++) {
        size_t cell = layout_cell(&blocks->blob->layout, stripe);
        CHECK(cell <= len);
        uint32_t sum = 0;
        bool right = is_ok(s) && is_ok(sum_get(blocks, piece, stripe, &sum)) &&
                     checksum_crc32c(0, at, cell) == sum;
        if (right) {
            piece_verified(&blocks->blob->pieces[piece], layout_block_offset(stripe), cell);
        } else {
            TRY(data_block_get(blocks, stripe, piece, at));
        }
        at += cell;
        len -= cell;
    }
    return status_ok();
}
