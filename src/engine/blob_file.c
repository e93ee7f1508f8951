#include "engine/blob_file.h"

#include <endian.h>

#include "engine/checksum.h"

enum { TABLE_ALIGN = 4096 };

/* What a whole group takes in the file, its padded table included. */
static const uint64_t group_stride =
    BLOB_FILE_GROUP_BYTES + (BLOB_FILE_TABLE_MAX + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;

uint64_t blob_file_offset(uint64_t offset) {
    return offset / BLOB_FILE_GROUP_BYTES * group_stride + offset % BLOB_FILE_GROUP_BYTES;
}

/* How many bytes of the blob lie in group `group`. */
static uint64_t group_bytes(uint64_t size, uint64_t group) {
    uint64_t rest = size - group * BLOB_FILE_GROUP_BYTES;
    return rest < BLOB_FILE_GROUP_BYTES ? rest : BLOB_FILE_GROUP_BYTES;
}

size_t blob_file_group_blocks(uint64_t size, uint64_t group) {
    return (size_t)((group_bytes(size, group) + BLOB_FILE_BLOCK - 1) / BLOB_FILE_BLOCK);
}

uint64_t blob_file_table_offset(uint64_t size, uint64_t group) {
    return group * group_stride + group_bytes(size, group);
}

void blob_file_table_set(char *table, size_t index, uint32_t sum) {
    uint32_t little = htole32(sum);
    memcpy(table + 4 * index, &little, sizeof little);
}

uint32_t blob_file_table_get(const char *table, size_t index) {
    uint32_t little;
    memcpy(&little, table + 4 * index, sizeof little);
    return le32toh(little);
}

static uint32_t table_sum(const char *table, size_t blocks,
                          const struct blob_file_table_of *whose) {
    uint64_t group = htole64(whose->group);
    uint32_t sum = checksum_crc32c(0, whose->partition.id, sizeof whose->partition.id);
    sum = checksum_crc32c(sum, whose->id.bytes, sizeof whose->id.bytes);
    sum = checksum_crc32c(sum, &group, sizeof group);
    return checksum_crc32c(sum, table, 4 * blocks);
}

void blob_file_table_seal(char *table, size_t blocks, const struct blob_file_table_of *whose) {
    blob_file_table_set(table, blocks, table_sum(table, blocks, whose));
}

bool blob_file_table_check(const char *table, size_t blocks,
                           const struct blob_file_table_of *whose) {
    return blob_file_table_get(table, blocks) == table_sum(table, blocks, whose);
}
