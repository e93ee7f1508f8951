#include "engine/blob_reader.h"

#include <stdlib.h>

#include "base/check.h"
#include "engine/blob_file.h"
#include "engine/checksum.h"
#include "engine/record.pb-c.h"

enum { RECORD_BLOCK = 4 * 1024, RECORD_MAX = 2 * ENGINE_INLINE_MAX };

struct file_reader {
    struct blob_reader reader;
    struct engine *engine;
    struct kv_partition partition;
    struct blob_id id;
    Engine__BlobRecord *record; /* small blobs are in it */
    int fd;                     /* -1 for them */
    char *table;                /* of group `table_group`, if table_blocks > 0 */
    uint64_t table_group;
    size_t table_blocks;
    char *block; /* the last one that was read in part, number `block_index`, if there is one */
    uint64_t block_index;
    bool has_block;
};

static struct file_reader *reader_of(struct blob_reader *reader) {
    return CONTAINER_OF(reader, struct file_reader, reader);
}

static struct status damaged(struct file_reader *self) {
    atomic_fetch_add(&self->engine->corrupt_blocks, 1);
    return status_of(STATUS_CORRUPT);
}

/* A file that is shorter than its record says is damaged. */
static struct status read_file(struct file_reader *self, uint64_t offset, void *buffer,
                               size_t len) {
    struct status s = fs_read(self->engine->fs, self->fd, offset, buffer, len);
    return status_is(s, STATUS_RANGE) ? damaged(self) : s;
}

static struct status table_load(struct file_reader *self, uint64_t group) {
    if (self->table_blocks > 0 && self->table_group == group) return status_ok();
    self->table_blocks = 0;
    size_t blocks = blob_file_group_blocks(self->reader.size, group);
    size_t len = blob_file_table_len(blocks);
    char *table = realloc(self->table, len);
    CHECK(table);
    self->table = table;
    TRY(read_file(self, blob_file_table_offset(self->reader.size, group), table, len));
    struct blob_file_table_of whose = {self->partition, self->id, group};
    if (!blob_file_table_check(table, blocks, &whose)) return damaged(self);
    self->table_group = group;
    self->table_blocks = blocks;
    return status_ok();
}

static size_t block_len(const struct file_reader *self, uint64_t index) {
    uint64_t rest = self->reader.size - index * BLOB_FILE_BLOCK;
    return rest < BLOB_FILE_BLOCK ? (size_t)rest : BLOB_FILE_BLOCK;
}

/* Reads `len` bytes, which are whole blocks of one group, from block `index` on, and checks them.
 */
static struct status blocks_read(struct file_reader *self, uint64_t index, char *buffer,
                                 size_t len) {
    TRY(table_load(self, index / BLOB_FILE_GROUP_BLOCKS));
    TRY(read_file(self, blob_file_offset(index * BLOB_FILE_BLOCK), buffer, len));
    for (size_t at = 0; at < len; at += BLOB_FILE_BLOCK, index++) {
        uint32_t sum = checksum_crc32c(0, buffer + at, block_len(self, index));
        if (sum != blob_file_table_get(self->table, index % BLOB_FILE_GROUP_BLOCKS)) {
            return damaged(self);
        }
    }
    return status_ok();
}

/* How many of the `len` bytes from `offset`, a block's beginning, are whole blocks of its group. */
static size_t whole_blocks(const struct file_reader *self, uint64_t offset, size_t len) {
    uint64_t room = BLOB_FILE_GROUP_BYTES - offset % BLOB_FILE_GROUP_BYTES;
    if (len > room) len = (size_t)room;
    bool to_the_end = offset + len == self->reader.size;
    return to_the_end ? len : len - len % BLOB_FILE_BLOCK;
}

/* Copies a part of one block, which is kept for the next read. */
static struct status part_read(struct file_reader *self, uint64_t offset, char *buffer, size_t len,
                               size_t *ret_len) {
    uint64_t index = offset / BLOB_FILE_BLOCK;
    if (!self->block) self->block = malloc(BLOB_FILE_BLOCK);
    CHECK(self->block);
    if (!self->has_block || self->block_index != index) {
        self->has_block = false;
        TRY(blocks_read(self, index, self->block, block_len(self, index)));
        self->has_block = true;
        self->block_index = index;
    }
    size_t from = (size_t)(offset % BLOB_FILE_BLOCK);
    size_t there = block_len(self, index) - from;
    *ret_len = there < len ? there : len;
    memcpy(buffer, self->block + from, *ret_len);
    return status_ok();
}

static struct status file_reader_read(struct blob_reader *reader, uint64_t offset, void *buffer,
                                      size_t len) {
    struct file_reader *self = reader_of(reader);
    if (self->fd < 0) {
        memcpy(buffer, self->record->inline_bytes->data.data + offset, len);
        return status_ok();
    }
    char *at = buffer;
    while (len > 0) {
        size_t n = offset % BLOB_FILE_BLOCK == 0 ? whole_blocks(self, offset, len) : 0;
        if (n > 0) {
            TRY(blocks_read(self, offset / BLOB_FILE_BLOCK, at, n));
        } else {
            TRY(part_read(self, offset, at, len, &n));
        }
        at += n;
        offset += n;
        len -= n;
    }
    return status_ok();
}

static void file_reader_close(struct blob_reader **reader) {
    struct file_reader *self = reader_of(*reader);
    fs_close(self->engine->fs, &self->fd);
    if (self->record) engine__blob_record__free_unpacked(self->record, NULL);
    free(self->table);
    free(self->block);
    free(self);
    *reader = NULL;
}

static const struct blob_reader_ops file_reader_ops = {
    .read = file_reader_read,
    .close = file_reader_close,
};

/* Whether the record is one that this version knows, and says what it must. */
static bool record_is_valid(const Engine__BlobRecord *record) {
    if (!record || record->version != 1 || record->size > BLOB_SIZE_MAX) return false;
    if (record->inline_bytes) {
        return !record->file && record->inline_bytes->data.len == record->size;
    }
    return record->file && record->size > 0 && record->file->block_bytes == BLOB_FILE_BLOCK &&
           record->file->group_blocks == BLOB_FILE_GROUP_BLOCKS;
}

static struct status record_load(struct file_reader *self) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, self->id);
    struct arena arena;
    arena_init(&arena, RECORD_BLOCK, RECORD_MAX);
    struct slice value;
    struct status s =
        kv_get(meta_kv(self->engine->meta), self->partition, blob_key_slice(&key), &arena, &value);
    if (is_ok(s)) {
        self->record = engine__blob_record__unpack(NULL, value.len, (const uint8_t *)value.ptr);
    }
    arena_fini(&arena);
    TRY(s);
    if (!record_is_valid(self->record)) return damaged(self);
    self->reader.size = self->record->size;
    const Engine__BlobInline *bytes = self->record->inline_bytes;
    if (bytes && checksum_crc32c(0, bytes->data.data, bytes->data.len) != bytes->crc32c) {
        return damaged(self);
    }
    return status_ok();
}

static struct status file_open(struct file_reader *self) {
    if (self->record->inline_bytes) return status_ok();
    struct blob_file_name name = blob_file_name_make(self->partition, self->id);
    struct engine *engine = self->engine;
    struct status s =
        fs_open_read(engine->fs, blob_file_dir(engine, self->id), name.text, &self->fd);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    /* Collected since the record was read, or lost. */
    engine__blob_record__free_unpacked(self->record, NULL);
    self->record = NULL;
    TRY(record_load(self));
    return damaged(self);
}

struct status file_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader) {
    struct file_reader *self = calloc(1, sizeof *self);
    CHECK(self);
    *self = (struct file_reader){.reader = {.ops = &file_reader_ops},
                                 .engine = engine_of_blob(store),
                                 .partition = partition,
                                 .id = id,
                                 .fd = -1};
    struct status s = record_load(self);
    if (is_ok(s)) s = file_open(self);
    struct blob_reader *reader = &self->reader;
    if (is_ok(s)) {
        *ret_reader = reader;
    } else {
        file_reader_close(&reader);
    }
    return s;
}
