/*
 * blob_file.h - how the bytes of a large blob lie in its file, and the checksums beside them
 *
 *     ┌ group 0 ────────────────────────────────┬ group 1 ──────────────────────┐
 *     │ block │ block │ … 8192 blocks … │ table │ block │ … │ last block │ table │
 *     └─────────────────────────────────────────┴───────────────────────────────┘
 *
 * A block has 64 KiB, the last one of a blob what is left. Behind each group lies its table: the
 * CRC32C of each block, and one over the partition, the blob's id, the group's number and the
 * table, so that neither a stray file nor a misplaced table is taken for the right one. A table in
 * the middle is padded with zeros to whole 4096 bytes. Memory for a table is bounded, whatever the
 * size of the blob.
 *
 * Threads: pure functions.
 */
#ifndef ENGINE_BLOB_FILE_H
#define ENGINE_BLOB_FILE_H

#include "blob/blob.h"

enum {
    BLOB_FILE_BLOCK = 64 * 1024,
    BLOB_FILE_GROUP_BLOCKS = 8192,
    BLOB_FILE_TABLE_MAX = 4 * (BLOB_FILE_GROUP_BLOCKS + 1)
};

#define BLOB_FILE_GROUP_BYTES ((uint64_t)BLOB_FILE_BLOCK * BLOB_FILE_GROUP_BLOCKS)

/* Where byte `offset` of a blob lies in its file. */
uint64_t blob_file_offset(uint64_t offset);

/* How many blocks group `group` of a blob of `size` bytes has. */
size_t blob_file_group_blocks(uint64_t size, uint64_t group);

/* Where that group's table begins, and how long it is without padding. */
uint64_t blob_file_table_offset(uint64_t size, uint64_t group);
static inline size_t blob_file_table_len(size_t blocks) {
    return 4 * (blocks + 1);
}

/* Whose table, and the which-th. */
struct blob_file_table_of {
    struct kv_partition partition;
    struct blob_id id;
    uint64_t group;
};

/* Writes the sum of block `index` into a table, or reads it. */
void blob_file_table_set(char *table, size_t index, uint32_t sum);
uint32_t blob_file_table_get(const char *table, size_t index);

/* Puts the sum of the table of `blocks` blocks behind it; or says whether it is the right one. */
void blob_file_table_seal(char *table, size_t blocks, const struct blob_file_table_of *whose);
bool blob_file_table_check(const char *table, size_t blocks,
                           const struct blob_file_table_of *whose);

#endif
