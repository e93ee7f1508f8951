#include "engine/layout.h"

#include "engine/bytes.h"
#include "engine/checksum.h"

static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

uint64_t layout_stripes(const struct layout *layout) {
    uint64_t stripe = (uint64_t)layout->data * LAYOUT_BLOCK;
    return (layout->size + stripe - 1) / stripe;
}

size_t layout_cell(const struct layout *layout, uint64_t stripe) {
    uint64_t rest = layout->size - layout_stripe_offset(layout, stripe);
    if (rest >= (uint64_t)layout->data * LAYOUT_BLOCK) return LAYOUT_BLOCK;
    return (size_t)round_up((rest + layout->data - 1) / layout->data, EXTENT_UNIT);
}

uint64_t layout_block_offset(uint64_t block) {
    return block * LAYOUT_BLOCK + block / LAYOUT_GROUP_BLOCKS * LAYOUT_TABLE_SPACE;
}

uint64_t layout_table_offset(uint64_t group) {
    return (group + 1) * LAYOUT_GROUP_BLOCKS * LAYOUT_BLOCK + group * LAYOUT_TABLE_SPACE;
}

uint64_t layout_piece_units(const struct layout *layout) {
    uint64_t last = layout_stripes(layout) - 1;
    return (layout_block_offset(last) + layout_cell(layout, last)) / EXTENT_UNIT;
}

uint64_t layout_last_group(const struct layout *layout) {
    return (layout_stripes(layout) - 1) / LAYOUT_GROUP_BLOCKS;
}

size_t layout_last_blocks(const struct layout *layout) {
    return (size_t)((layout_stripes(layout) - 1) % LAYOUT_GROUP_BLOCKS) + 1;
}

static uint32_t table_sum(const char *table, const struct layout_table_of *whose) {
    char tail[12];
    bytes_put_u32(tail, whose->piece);
    bytes_put_u64(tail + 4, whose->group);
    uint32_t sum = checksum_crc32c(0, whose->partition.id, sizeof whose->partition.id);
    sum = checksum_crc32c(sum, whose->id.bytes, sizeof whose->id.bytes);
    sum = checksum_crc32c(sum, tail, sizeof tail);
    return checksum_crc32c(sum, table, (size_t)4 * LAYOUT_GROUP_BLOCKS);
}

void layout_table_print(const uint32_t sums[LAYOUT_GROUP_BLOCKS],
                        const struct layout_table_of *whose, char out[LAYOUT_TABLE_SPACE]) {
    memset(out, 0, LAYOUT_TABLE_SPACE);
    for (size_t i = 0; i < LAYOUT_GROUP_BLOCKS; i++) bytes_put_u32(out + 4 * i, sums[i]);
    bytes_put_u32(out + (size_t)4 * LAYOUT_GROUP_BLOCKS, table_sum(out, whose));
}

bool layout_table_parse(const char *table, const struct layout_table_of *whose,
                        uint32_t ret_sums[LAYOUT_GROUP_BLOCKS]) {
    if (bytes_get_u32(table + (size_t)4 * LAYOUT_GROUP_BLOCKS) != table_sum(table, whose)) {
        return false;
    }
    for (size_t i = 0; i < LAYOUT_GROUP_BLOCKS; i++) ret_sums[i] = bytes_get_u32(table + 4 * i);
    return true;
}
