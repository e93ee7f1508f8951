#include "engine/blob_writer.h"

#include <endian.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/blob_file.h"
#include "engine/checksum.h"
#include "engine/record.pb-c.h"

enum {
    BUFFER_BYTES = 4 * BLOB_FILE_BLOCK,
    BUFFER_FIRST = 4 * 1024,
    WRITE_BYTES_MAX = 1024 * 1024,
};

/* Writing back starts after each such piece; larger blobs don't stay in the page cache. */
static const uint64_t write_back_bytes = UINT64_C(4) << 20;
static const uint64_t cached_bytes_max = UINT64_C(64) << 20;

static struct file_writer *writer_of(struct blob_writer *writer) {
    return CONTAINER_OF(writer, struct file_writer, writer);
}

static void buffer_grow(struct file_writer *self, size_t need) {
    if (need <= self->buffer_cap) return;
    size_t cap = self->buffer_cap ? self->buffer_cap : BUFFER_FIRST;
    while (cap < need) cap *= 2;
    char *moved = realloc(self->buffer, cap);
    CHECK(moved);
    self->buffer = moved;
    self->buffer_cap = cap;
}

static void buffer_add(struct file_writer *self, struct slice bytes) {
    buffer_grow(self, self->buffer_len + bytes.len);
    if (bytes.len > 0) memcpy(self->buffer + self->buffer_len, bytes.ptr, bytes.len);
    self->buffer_len += bytes.len;
}

static void list_add(struct file_writer *self) {
    struct engine *engine = self->engine;
    pthread_mutex_lock(&engine->writers_lock);
    self->next = engine->writers;
    self->link = &engine->writers;
    if (self->next) self->next->link = &self->next;
    engine->writers = self;
    pthread_mutex_unlock(&engine->writers_lock);
}

static void list_remove(struct file_writer *self) {
    if (!self->has_name) return; /* `link` may be changed by a neighbour at any time */
    pthread_mutex_lock(&self->engine->writers_lock);
    *self->link = self->next;
    if (self->next) self->next->link = self->link;
    pthread_mutex_unlock(&self->engine->writers_lock);
    self->link = NULL;
}

bool blob_file_in_writing(struct engine *engine, struct kv_partition partition, struct blob_id id) {
    pthread_mutex_lock(&engine->writers_lock);
    const struct file_writer *w = engine->writers;
    while (w && (memcmp(w->writer.id.bytes, id.bytes, sizeof id.bytes) != 0 ||
                 !kv_partition_eq(w->partition, partition))) {
        w = w->next;
    }
    pthread_mutex_unlock(&engine->writers_lock);
    return w;
}

/* Ends the group that was just filled, or is the last: its table goes behind it. */
static struct status table_flush(struct file_writer *self) {
    uint64_t group = (self->flushed - 1) / BLOB_FILE_GROUP_BYTES;
    struct blob_file_table_of whose = {self->partition, self->writer.id, group};
    blob_file_table_seal(self->table, self->table_blocks, &whose);
    struct slice table = slice_of(self->table, blob_file_table_len(self->table_blocks));
    TRY(fs_write(self->engine->fs, self->temp.fd, blob_file_table_offset(self->flushed, group),
                 table));
    self->table_blocks = 0;
    return status_ok();
}

/* Keeps the kernel writing steadily, so that the sync at the end is short. */
static struct status write_back(struct file_writer *self, uint64_t before) {
    uint64_t piece = self->flushed / write_back_bytes;
    if (piece == before / write_back_bytes) return status_ok();
    struct fs *fs = self->engine->fs;
    uint64_t start = blob_file_offset((piece - 1) * write_back_bytes);
    TRY(fs_write_back(fs, self->temp.fd, start, write_back_bytes, false));
    if (self->flushed < cached_bytes_max) return status_ok();
    uint64_t old = blob_file_offset((piece - 4) * write_back_bytes);
    return fs_write_back(fs, self->temp.fd, old, write_back_bytes, true);
}

/* Writes whole blocks of one group; the last block of the blob may be short. */
static struct status flush_in_group(struct file_writer *self, struct slice bytes) {
    for (size_t at = 0; at < bytes.len; at += BLOB_FILE_BLOCK) {
        struct slice block = slice_take(slice_skip(bytes, at), BLOB_FILE_BLOCK);
        blob_file_table_set(self->table, self->table_blocks++,
                            checksum_crc32c(0, block.ptr, block.len));
    }
    uint64_t before = self->flushed;
    TRY(fs_write(self->engine->fs, self->temp.fd, blob_file_offset(before), bytes));
    self->flushed += bytes.len;
    if (self->table_blocks == BLOB_FILE_GROUP_BLOCKS) TRY(table_flush(self));
    return write_back(self, before);
}

static struct status flush(struct file_writer *self, struct slice bytes) {
    TRY(space_admit(&self->engine->space, bytes.len, false));
    while (bytes.len > 0) {
        uint64_t room = BLOB_FILE_GROUP_BYTES - self->flushed % BLOB_FILE_GROUP_BYTES;
        struct slice piece = slice_take(bytes, room < bytes.len ? (size_t)room : bytes.len);
        TRY(flush_in_group(self, piece));
        bytes = slice_skip(bytes, piece.len);
    }
    return status_ok();
}

static struct status file_begin(struct file_writer *self) {
    TRY(fs_temp_create(self->engine->fs, blob_file_dir(self->engine, self->writer.id),
                       &self->temp));
    self->has_file = true;
    self->table = malloc(BLOB_FILE_TABLE_MAX);
    CHECK(self->table);
    buffer_grow(self, BUFFER_BYTES);
    return status_ok();
}

/* Takes bytes into the file by way of the buffer, past it where they are many at once. */
static struct status file_write(struct file_writer *self, struct slice bytes) {
    while (bytes.len > 0) {
        if (self->buffer_len == 0 && bytes.len >= BUFFER_BYTES) {
            size_t len = bytes.len < WRITE_BYTES_MAX ? bytes.len : WRITE_BYTES_MAX;
            struct slice whole = slice_take(bytes, len - len % BLOB_FILE_BLOCK);
            TRY(flush(self, whole));
            bytes = slice_skip(bytes, whole.len);
            continue;
        }
        struct slice piece = slice_take(bytes, BUFFER_BYTES - self->buffer_len);
        buffer_add(self, piece);
        bytes = slice_skip(bytes, piece.len);
        if (self->buffer_len < BUFFER_BYTES) break;
        TRY(flush(self, slice_of(self->buffer, self->buffer_len)));
        self->buffer_len = 0;
    }
    return status_ok();
}

static struct status file_writer_write(struct blob_writer *writer, struct slice bytes) {
    struct file_writer *self = writer_of(writer);
    if (!self->has_file && self->buffer_len + bytes.len <= ENGINE_INLINE_MAX) {
        buffer_add(self, bytes);
        return status_ok();
    }
    if (!self->has_file) TRY(file_begin(self));
    return file_write(self, bytes);
}

/* The file, its name included, is durable before the record that will name it (F6). */
static struct status file_writer_seal(struct blob_writer *writer) {
    struct file_writer *self = writer_of(writer);
    self->inline_sum = checksum_crc32c(0, self->buffer, self->buffer_len);
    if (!self->has_file) return status_ok();
    TRY(flush(self, slice_of(self->buffer, self->buffer_len)));
    self->buffer_len = 0;
    if (self->table_blocks > 0) TRY(table_flush(self));
    struct fs *fs = self->engine->fs;
    TRY(fs_sync_data(fs, self->temp.fd));
    list_add(self); /* before the name: the sweeper must not take it for an orphan */
    struct blob_file_name name = blob_file_name_make(self->partition, self->writer.id);
    self->has_name = true;
    return fs_temp_publish(fs, &self->temp, name.text);
}

static void record_fill(const struct file_writer *self, Engine__BlobRecord *record,
                        Engine__BlobInline *inline_bytes, Engine__BlobFile *file) {
    record->version = 1;
    record->size = self->writer.size;
    if (self->has_file) {
        file->block_bytes = BLOB_FILE_BLOCK;
        file->group_blocks = BLOB_FILE_GROUP_BLOCKS;
        record->file = file;
        return;
    }
    inline_bytes->data.data = (uint8_t *)self->buffer;
    inline_bytes->data.len = self->buffer_len;
    inline_bytes->crc32c = self->inline_sum;
    record->inline_bytes = inline_bytes;
}

static void file_writer_bind(const struct blob_writer *writer, struct kv_batch *batch) {
    const struct file_writer *self = (const struct file_writer *)writer; /* its first member */
    Engine__BlobRecord record = ENGINE__BLOB_RECORD__INIT;
    Engine__BlobInline inline_bytes = ENGINE__BLOB_INLINE__INIT;
    Engine__BlobFile file = ENGINE__BLOB_FILE__INIT;
    record_fill(self, &record, &inline_bytes, &file);
    size_t len = engine__blob_record__get_packed_size(&record);
    uint8_t *bytes = malloc(len);
    CHECK(bytes);
    engine__blob_record__pack(&record, bytes);
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, writer->id);
    kv_batch_put(batch, blob_key_slice(&key), slice_of(bytes, len));
    free(bytes);
}

static void file_writer_end(struct blob_writer **writer) {
    struct file_writer *self = writer_of(*writer);
    list_remove(self);
    if (self->has_file) fs_temp_discard(self->engine->fs, &self->temp);
    free(self->table);
    free(self->buffer);
    free(self);
    *writer = NULL;
}

static void file_writer_abort(struct blob_writer **writer) {
    struct file_writer *self = writer_of(*writer);
    struct blob_file_name name = blob_file_name_make(self->partition, self->writer.id);
    if (self->has_name) {
        /* What can't be removed now is removed by the sweep of the next start. */
        IGNORE_STATUS(
            fs_remove(self->engine->fs, blob_file_dir(self->engine, self->writer.id), name.text));
    }
    file_writer_end(writer);
}

static const struct blob_writer_ops file_writer_ops = {
    .write = file_writer_write,
    .seal = file_writer_seal,
    .bind = file_writer_bind,
    .commit = file_writer_end,
    .abort = file_writer_abort,
    .forget = file_writer_end,
};

/*
 * Milliseconds, then chance: the records of a partition are written in about the order of their
 * keys, which the index likes.
 */
static struct blob_id id_make(struct engine *engine) {
    struct blob_id id;
    random_fill(engine->random, id.bytes, sizeof id.bytes);
    uint64_t ms = (uint64_t)(clock_wall_ns(engine->clock) / NS_PER_MS);
    uint64_t big = htobe64(ms << 16);
    memcpy(id.bytes, &big, 6);
    return id;
}

static bool policy_known(const struct engine *engine, struct slice policy) {
    for (size_t i = 0; i < engine->policy_count; i++) {
        if (slice_eq(slice_str(engine->policies[i].name), policy)) return true;
    }
    return false;
}

struct status file_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer) {
    struct engine *engine = engine_of_blob(store);
    if (!policy_known(engine, policy)) return status_of(STATUS_NOT_FOUND);
    TRY(space_admit(&engine->space, 0, false));
    struct file_writer *self = calloc(1, sizeof *self);
    CHECK(self);
    self->writer = (struct blob_writer){.ops = &file_writer_ops, .id = id_make(engine)};
    self->engine = engine;
    self->partition = partition;
    if (size_hint <= ENGINE_INLINE_MAX) buffer_grow(self, (size_t)size_hint);
    *ret_writer = &self->writer;
    return status_ok();
}
