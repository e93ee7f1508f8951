#include <stdlib.h>

#include "base/check.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/data_store.h"

enum { EXTENT_WORDS = 3 };

static size_t sums_len(const struct layout *layout) {
    return 4 * layout_last_blocks(layout);
}

/* Whether the extents are well-formed and as many units as the layout asks for. */
static bool piece_is_valid(const Engine__BlobPiece *piece, const struct layout *layout) {
    if (layout->data > 1 && piece->drive != 0 && piece->sums.len != sums_len(layout)) return false;
    if (piece->drive == 0) return piece->n_extents == 0;
    if (piece->drive > DRIVE_NUMBER_MAX || piece->n_extents % EXTENT_WORDS != 0) return false;
    uint64_t units = 0;
    for (size_t i = 0; i < piece->n_extents; i += EXTENT_WORDS) {
        const uint64_t *words = piece->extents + i;
        if (words[0] == 0 || words[0] > VOLUMES_MAX || words[1] == 0 || words[2] == 0) return false;
        if (words[1] > UINT32_MAX || words[2] > UINT32_MAX - words[1]) return false;
        units += words[2];
    }
    return units == layout_piece_units(layout);
}

static struct layout layout_of(const Engine__BlobRecord *record) {
    return (struct layout){
        .size = record->size,
        .data = record->striped->data_pieces,
        .parity = record->striped->parity_pieces,
    };
}

static bool striped_is_valid(const Engine__BlobRecord *record) {
    const Engine__BlobStriped *striped = record->striped;
    if (record->size == 0 || striped->block_bytes != LAYOUT_BLOCK ||
        striped->group_blocks != LAYOUT_GROUP_BLOCKS) {
        return false;
    }
    if (striped->data_pieces == 0 || striped->data_pieces > LAYOUT_PIECES_MAX ||
        striped->parity_pieces > LAYOUT_PIECES_MAX - striped->data_pieces) {
        return false;
    }
    struct layout layout = layout_of(record);
    if (striped->n_pieces != layout_pieces(&layout)) return false;
    if (layout.data == 1 && striped->sums.len != sums_len(&layout)) return false;
    for (size_t i = 0; i < striped->n_pieces; i++) {
        if (!piece_is_valid(striped->pieces[i], &layout)) return false;
    }
    return true;
}

static bool record_is_valid(const Engine__BlobRecord *record) {
    if (record->version != (record->moved ? 2 : 1) || record->size > BLOB_SIZE_MAX) return false;
    const Engine__BlobInline *bytes = record->inline_bytes;
    if (record->moved && record->size > DATA_INLINE_MAX) return false;
    if (!bytes) return record->striped && striped_is_valid(record);
    return !record->striped && !record->moved && bytes->data.len == record->size &&
           checksum_crc32c(0, bytes->data.data, bytes->data.len) == bytes->crc32c;
}

Engine__BlobRecord *data_record_parse(struct slice value) {
    Engine__BlobRecord *record =
        engine__blob_record__unpack(NULL, value.len, (const uint8_t *)value.ptr);
    if (record && record_is_valid(record)) return record;
    data_record_free(record);
    return NULL;
}

void data_record_free(Engine__BlobRecord *record) {
    if (record) engine__blob_record__free_unpacked(record, NULL);
}

void data_blob_init(struct data_blob *blob, struct data_store *store, struct kv_partition partition,
                    struct blob_id id, const Engine__BlobRecord *record) {
    *blob = (struct data_blob){
        .partition = partition,
        .id = id,
        .layout = layout_of(record),
        .record = record,
    };
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        const Engine__BlobPiece *from = record->striped->pieces[i];
        piece_init(&blob->pieces[i], from->drive, data_volumes_to_read(store, from->drive));
        for (size_t at = 0; at < from->n_extents; at += EXTENT_WORDS) {
            const uint64_t *words = from->extents + at;
            struct extent extent = {(uint32_t)words[0], (uint32_t)words[1], (uint32_t)words[2]};
            piece_add(&blob->pieces[i], extent);
        }
    }
}

void data_blob_fini(struct data_blob *blob) {
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) piece_fini(&blob->pieces[i]);
}

uint32_t data_last_sum(const struct data_blob *blob, unsigned piece, size_t index) {
    const Engine__BlobStriped *striped = blob->record->striped;
    const ProtobufCBinaryData *sums =
        blob->layout.data == 1 ? &striped->sums : &striped->pieces[piece]->sums;
    CHECK(4 * (index + 1) <= sums->len);
    return bytes_get_u32((const char *)sums->data + 4 * index);
}

bool data_blob_is_short(struct data_store *store, const struct data_blob *blob) {
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        if (!data_drive_is_well(store, blob->pieces[i].drive)) return true;
    }
    return false;
}

/* ---- writing ---- */

static ProtobufCBinaryData sums_print(const uint32_t *sums, size_t blocks) {
    ProtobufCBinaryData data = {.len = 4 * blocks, .data = malloc(4 * blocks)};
    CHECK(data.data);
    for (size_t i = 0; i < blocks; i++) bytes_put_u32((char *)data.data + 4 * i, sums[i]);
    return data;
}

static void piece_print(const struct piece *from, Engine__BlobPiece *piece) {
    piece->drive = from->drive;
    piece->n_extents = EXTENT_WORDS * from->count;
    piece->extents = calloc(piece->n_extents + 1, sizeof *piece->extents);
    CHECK(piece->extents);
    for (size_t i = 0; i < from->count; i++) {
        const struct extent *extent = &from->spans[i].extent;
        piece->extents[EXTENT_WORDS * i] = extent->volume;
        piece->extents[EXTENT_WORDS * i + 1] = extent->start;
        piece->extents[EXTENT_WORDS * i + 2] = extent->count;
    }
}

static struct slice record_pack(const Engine__BlobRecord *record) {
    size_t len = engine__blob_record__get_packed_size(record);
    uint8_t *bytes = malloc(len);
    CHECK(bytes);
    engine__blob_record__pack(record, bytes);
    return slice_of(bytes, len);
}

static struct slice striped_print(struct slice policy, const struct layout *layout,
                                  const struct piece *pieces, uint32_t *const sums[],
                                  bool is_moved) {
    Engine__BlobRecord record = ENGINE__BLOB_RECORD__INIT;
    Engine__BlobStriped striped = ENGINE__BLOB_STRIPED__INIT;
    Engine__BlobPiece printed[LAYOUT_PIECES_MAX];
    Engine__BlobPiece *list[LAYOUT_PIECES_MAX];
    char name[BLOB_POLICY_NAME_MAX + 1] = {0};
    CHECK(policy.len < sizeof name);
    memcpy(name, policy.ptr, policy.len);
    unsigned count = layout_pieces(layout);
    size_t blocks = layout_last_blocks(layout);
    for (unsigned i = 0; i < count; i++) {
        printed[i] = (Engine__BlobPiece)ENGINE__BLOB_PIECE__INIT;
        piece_print(&pieces[i], &printed[i]);
        if (layout->data > 1 && pieces[i].drive != 0) {
            printed[i].sums = sums_print(sums[i], blocks);
        }
        list[i] = &printed[i];
    }
    if (layout->data == 1) striped.sums = sums_print(sums[0], blocks);
    striped.policy = name;
    striped.block_bytes = LAYOUT_BLOCK;
    striped.group_blocks = LAYOUT_GROUP_BLOCKS;
    striped.data_pieces = layout->data;
    striped.parity_pieces = layout->parity;
    striped.n_pieces = count;
    striped.pieces = list;
    record.version = is_moved ? 2 : 1;
    record.size = layout->size;
    record.striped = &striped;
    record.moved = is_moved;
    struct slice packed = record_pack(&record);
    free(striped.sums.data);
    for (unsigned i = 0; i < count; i++) {
        free(printed[i].extents);
        free(printed[i].sums.data);
    }
    return packed;
}

void data_record_put(struct kv_batch *batch, struct blob_id id, struct slice policy,
                     const struct layout *layout, const struct piece *pieces,
                     uint32_t *const sums[]) {
    struct slice packed = striped_print(policy, layout, pieces, sums, false);
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    kv_batch_put(batch, blob_key_slice(&key), packed);
    free((void *)(uintptr_t)packed.ptr);
}

struct slice data_moved_print(struct slice policy, const struct layout *layout,
                              const struct piece *pieces, uint32_t *const sums[]) {
    return striped_print(policy, layout, pieces, sums, true);
}

/* ---- small bodies ---- */

struct slice data_body_print(const struct data_body *body) {
    Engine__BlobRecord record = ENGINE__BLOB_RECORD__INIT;
    Engine__BlobInline bytes = ENGINE__BLOB_INLINE__INIT;
    char policy[BLOB_POLICY_NAME_MAX + 1] = {0};
    CHECK(body->policy.len < sizeof policy);
    if (body->policy.len > 0) memcpy(policy, body->policy.ptr, body->policy.len);
    bytes.data.data = (uint8_t *)(uintptr_t)body->bytes.ptr;
    bytes.data.len = body->bytes.len;
    bytes.crc32c = body->sum;
    bytes.policy = policy;
    bytes.data_pieces = body->data;
    bytes.drives.data = (uint8_t *)(uintptr_t)body->drives.ptr;
    bytes.drives.len = body->drives.len;
    record.version = 1;
    record.size = body->bytes.len;
    record.inline_bytes = &bytes;
    return record_pack(&record);
}

/* Takes the tag of a field with that number and a varint off the front. */
static bool varint_take(struct slice *from, unsigned tag, uint64_t *ret_value) {
    if (from->len == 0 || (uint8_t)from->ptr[0] != tag) return false;
    uint64_t value = 0;
    for (size_t i = 1; i < from->len && i <= 10; i++) {
        value |= (uint64_t)(from->ptr[i] & 0x7f) << (7 * (i - 1));
        if (from->ptr[i] & 0x80) continue;
        *from = slice_skip(*from, i + 1);
        *ret_value = value;
        return true;
    }
    return false;
}

static bool bytes_take(struct slice *from, unsigned tag, struct slice *ret_bytes) {
    uint64_t len;
    if (!varint_take(from, tag, &len) || len > from->len) return false;
    *ret_bytes = slice_take(*from, (size_t)len);
    *from = slice_skip(*from, (size_t)len);
    return true;
}

/*
 * By hand, as every committed record passes by here, and most need no more than a look: the bytes
 * are not copied, and their sum is left to whoever uses them.
 */
bool data_body_parse(struct slice value, struct data_body *ret_body) {
    struct data_body body = {.data = 1};
    uint64_t version = 0;
    uint64_t number = 0;
    struct slice inside;
    if (!varint_take(&value, 0x08, &version) || version != 1) return false;
    varint_take(&value, 0x10, &number);
    if (!bytes_take(&value, 0x1a, &inside) || value.len > 0) return false;
    bytes_take(&inside, 0x0a, &body.bytes);
    if (body.bytes.len != number) return false;
    if (inside.len >= 5 && inside.ptr[0] == 0x15) {
        body.sum = bytes_get_u32(inside.ptr + 1);
        inside = slice_skip(inside, 5);
    }
    bytes_take(&inside, 0x1a, &body.policy);
    if (varint_take(&inside, 0x20, &number)) body.data = (unsigned)number;
    bytes_take(&inside, 0x2a, &body.drives);
    if (inside.len > 0 || body.policy.len > BLOB_POLICY_NAME_MAX) return false;
    bool fits = body.data > 0 && body.data <= body.drives.len &&
                body.drives.len <= LAYOUT_PIECES_MAX && body.bytes.len > 0 &&
                body.bytes.len <= DATA_INLINE_MAX;
    if (body.policy.len > 0 && !fits) return false;
    *ret_body = body;
    return true;
}
