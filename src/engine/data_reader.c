#include <stdlib.h>

#include "base/check.h"
#include "engine/data_store.h"

enum { RECORD_ARENA_BLOCK = 4096, COPY_BLOCKS_AT_ONCE = 16, SEGMENT_BYTES_MAX = 4 << 20 };

struct data_reader {
    struct blob_reader reader;
    struct data_store *store;
    struct kv_partition partition;
    struct blob_id id;
    Engine__BlobRecord *record;
    struct data_blob blob; /* unless the bytes are in the record */
    struct data_blocks blocks;
    unsigned char *block; /* the last one that was read in part: its stripe and piece */
    uint64_t block_stripe;
    unsigned block_piece;
    bool has_block;
};

static struct data_reader *reader_of(struct blob_reader *reader) {
    return CONTAINER_OF(reader, struct data_reader, reader);
}

/* Copies a part of one cell, which is kept for the next read. */
static struct status part_read(struct data_reader *self, uint64_t stripe, unsigned piece,
                               size_t from, char *out, size_t len) {
    if (!self->block) self->block = aligned_alloc(EXTENT_UNIT, LAYOUT_BLOCK);
    CHECK(self->block);
    if (!self->has_block || self->block_stripe != stripe || self->block_piece != piece) {
        self->has_block = false;
        TRY(data_block_get(&self->blocks, stripe, piece, self->block));
        self->has_block = true;
        self->block_stripe = stripe;
        self->block_piece = piece;
    }
    memcpy(out, self->block + from, len);
    return status_ok();
}

/* How many bytes from the beginning of `stripe` are whole blocks to be read at once; 0: none. */
static size_t whole_copies(const struct data_reader *self, uint64_t stripe, size_t len) {
    if (self->blob.layout.data > 1) return 0;
    uint64_t room = LAYOUT_GROUP_BLOCKS - stripe % LAYOUT_GROUP_BLOCKS;
    size_t blocks = len / LAYOUT_BLOCK;
    if (blocks > COPY_BLOCKS_AT_ONCE) blocks = COPY_BLOCKS_AT_ONCE;
    return (blocks < room ? blocks : (size_t)room) * LAYOUT_BLOCK;
}

/* Reads what one step can, from `offset` on. */
static struct status step_read(struct data_reader *self, uint64_t offset, char *out, size_t len,
                               size_t *ret_len) {
    const struct layout *layout = &self->blob.layout;
    uint64_t stripe = offset / ((uint64_t)layout->data * LAYOUT_BLOCK);
    size_t within = (size_t)(offset - layout_stripe_offset(layout, stripe));
    size_t cell = layout_cell(layout, stripe);
    unsigned piece = (unsigned)(within / cell);
    size_t from = within % cell;
    if (layout->data == 1) piece = data_copy_choose(&self->blocks);
    size_t whole = from == 0 ? whole_copies(self, stripe, len) : 0;
    if (whole > 0) {
        *ret_len = whole;
        return data_copy_get(&self->blocks, stripe, whole, out);
    }
    *ret_len = len < cell - from ? len : cell - from;
    if (from == 0 && *ret_len == cell) return data_block_get(&self->blocks, stripe, piece, out);
    return part_read(self, stripe, piece, from, out, *ret_len);
}

static struct status data_read(struct blob_reader *reader, uint64_t offset, void *buffer,
                               size_t len) {
    struct data_reader *self = reader_of(reader);
    if (self->record->inline_bytes) {
        memcpy(buffer, self->record->inline_bytes->data.data + offset, len);
        return status_ok();
    }
    char *at = buffer;
    while (len > 0) {
        size_t n;
        TRY(step_read(self, offset, at, len, &n));
        at += n;
        offset += n;
        len -= n;
    }
    return status_ok();
}

/* How many of `len` bytes, `from` within their cell, follow one another in the piece. */
static uint64_t straight(const struct data_reader *self, uint64_t stripe, size_t from,
                         uint64_t len) {
    const struct layout *layout = &self->blob.layout;
    uint64_t there = layout_cell(layout, stripe) - from;
    if (layout->data == 1) { /* up to the table behind the group */
        uint64_t blocks = LAYOUT_GROUP_BLOCKS - stripe % LAYOUT_GROUP_BLOCKS;
        there = blocks * LAYOUT_BLOCK - from;
    }
    if (there > SEGMENT_BYTES_MAX) there = SEGMENT_BYTES_MAX;
    return there < len ? there : len;
}

static struct status data_segment(struct blob_reader *reader, uint64_t offset, uint64_t len,
                                  struct blob_segment *ret_segment) {
    struct data_reader *self = reader_of(reader);
    bool may_send = self->record->striped && !self->store->config.verify_always;
    if (!may_send) return status_of(STATUS_UNSUPPORTED);
    const struct layout *layout = &self->blob.layout;
    uint64_t stripe = offset / ((uint64_t)layout->data * LAYOUT_BLOCK);
    size_t within = (size_t)(offset - layout_stripe_offset(layout, stripe));
    size_t cell = layout_cell(layout, stripe);
    unsigned piece = (unsigned)(within / cell);
    size_t from = within % cell;
    if (layout->data == 1) piece = data_copy_choose(&self->blocks);
    struct blob_segment segment;
    segment.len =
        piece_sendable(&self->blob.pieces[piece], layout_block_offset(stripe) + from,
                       straight(self, stripe, from, len), &segment.fd, &segment.file_offset);
    if (segment.len == 0) return status_of(STATUS_UNSUPPORTED);
    *ret_segment = segment;
    return status_ok();
}

static void data_reader_close(struct blob_reader **reader) {
    struct data_reader *self = reader_of(*reader);
    if (self->record && self->record->striped) {
        data_blocks_fini(&self->blocks);
        data_blob_fini(&self->blob);
    }
    data_record_free(self->record);
    data_unpin(self->store, self->partition, self->id);
    free(self->block);
    free(self);
    *reader = NULL;
}

static const struct blob_reader_ops data_reader_ops = {
    .read = data_read,
    .segment = data_segment,
    .close = data_reader_close,
};

static struct status record_load(struct data_reader *self) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, self->id);
    struct arena arena;
    arena_init(&arena, RECORD_ARENA_BLOCK, 2 * (size_t)KV_VALUE_MAX);
    struct slice value;
    struct status s =
        kv_get(self->store->store.kv, self->partition, blob_key_slice(&key), &arena, &value);
    if (is_ok(s)) {
        self->record = data_record_parse(value);
        if (!self->record) {
            atomic_fetch_add(&self->store->corrupt_blocks, 1);
            s = status_of(STATUS_CORRUPT);
        }
    }
    arena_fini(&arena);
    return s;
}

struct status data_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader) {
    struct data_reader *self = calloc(1, sizeof *self);
    CHECK(self);
    self->reader.ops = &data_reader_ops;
    self->store = data_of(store);
    self->partition = partition;
    self->id = id;
    struct blob_reader *reader = &self->reader;
    pin_take(&self->store->pins, partition, id); /* before the record is read: pin.h */
    struct status s = record_load(self);
    if (!is_ok(s)) {
        data_reader_close(&reader);
        return s;
    }
    reader->size = self->record->size;
    if (self->record->striped) {
        data_blob_init(&self->blob, self->store, partition, id, self->record);
        data_blocks_init(&self->blocks, self->store, &self->blob);
    }
    *ret_reader = reader;
    return status_ok();
}
