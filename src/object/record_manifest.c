#include "base/check.h"
#include "object/record_inner.h"

enum {
    MANIFEST_FIELD_PARTS = 2,
    GARBAGE_FIELD_RELEASED = 2,
    RECEIPT_FIELD_EXPIRES = 2,
    RECEIPT_FIELD_KEY = 3,
    RECEIPT_FIELD_DIGEST = 4,
    RECEIPT_FIELD_OBJECT = 5,
    MARK_FIELD_SINCE = 2,
    SMALL_RECORD_MAX = 64,
    RECEIPT_RECORD_MAX = 128 * 1024
};

enum {
    MANIFEST_PART_FIELD_NUMBER = 1,
    MANIFEST_PART_FIELD_SIZE = 2,
    MANIFEST_PART_FIELD_BLOB = 3,
    MANIFEST_PART_FIELD_CHECKSUM = 4,
    MANIFEST_PART_FIELD_MD5 = 5,
    MANIFEST_PART_FIELD_SEGMENT = 6,
    MANIFEST_PART_FIELD_DATA = 7
};

enum {
    SEGMENT_FIELD_CONTAINER = 1,
    SEGMENT_FIELD_OBJECT = 2,
    SEGMENT_FIELD_ETAG = 3,
    SEGMENT_FIELD_OBJECT_SIZE = 4,
    SEGMENT_FIELD_FIRST = 5,
    SEGMENT_FIELD_CONTENT_TYPE = 6,
    SEGMENT_FIELD_MODIFIED = 7,
    SEGMENT_FIELD_LARGE = 8
};

static const struct wire_shape manifest_shape = {
    .numbers = WIRE(RECORD_FIELD_VERSION),
    .bytes = WIRE(MANIFEST_FIELD_PARTS),
    .repeated = WIRE(MANIFEST_FIELD_PARTS),
};

static const struct wire_shape manifest_part_shape = {
    .numbers = WIRE(MANIFEST_PART_FIELD_NUMBER) | WIRE(MANIFEST_PART_FIELD_SIZE),
    .bytes = WIRE(MANIFEST_PART_FIELD_BLOB) | WIRE(MANIFEST_PART_FIELD_CHECKSUM) |
             WIRE(MANIFEST_PART_FIELD_MD5) | WIRE(MANIFEST_PART_FIELD_SEGMENT) |
             WIRE(MANIFEST_PART_FIELD_DATA),
};

static const struct wire_shape segment_shape = {
    .numbers = WIRE(SEGMENT_FIELD_OBJECT_SIZE) | WIRE(SEGMENT_FIELD_FIRST) |
               WIRE(SEGMENT_FIELD_MODIFIED) | WIRE(SEGMENT_FIELD_LARGE),
    .bytes = WIRE(SEGMENT_FIELD_CONTAINER) | WIRE(SEGMENT_FIELD_OBJECT) | WIRE(SEGMENT_FIELD_ETAG) |
             WIRE(SEGMENT_FIELD_CONTENT_TYPE),
};

static void put_segment(struct buf *buf, const struct record_segment *segment) {
    wire_put_bytes(buf, SEGMENT_FIELD_CONTAINER, segment->container);
    wire_put_bytes(buf, SEGMENT_FIELD_OBJECT, segment->object);
    wire_put_bytes(buf, SEGMENT_FIELD_ETAG, segment->etag);
    wire_put_number(buf, SEGMENT_FIELD_OBJECT_SIZE, segment->object_size);
    wire_put_number(buf, SEGMENT_FIELD_FIRST, segment->first);
    wire_put_bytes(buf, SEGMENT_FIELD_CONTENT_TYPE, segment->content_type);
    wire_put_number(buf, SEGMENT_FIELD_MODIFIED, (uint64_t)segment->modified_ns);
    wire_put_number(buf, SEGMENT_FIELD_LARGE, segment->large);
}

static void put_manifest_part(struct buf *buf, struct buf *inner, struct buf *segment,
                              const struct record_manifest_part *part) {
    buf_clear(inner);
    wire_put_number(inner, MANIFEST_PART_FIELD_NUMBER, part->number);
    wire_put_number(inner, MANIFEST_PART_FIELD_SIZE, part->size);
    if (record_part_is_blob(part)) {
        wire_put_bytes(inner, MANIFEST_PART_FIELD_BLOB, slice_of(part->blob.bytes, BLOB_ID_LEN));
    }
    record_put_checksum(inner, MANIFEST_PART_FIELD_CHECKSUM, &part->checksum, true);
    if (part->has_md5) {
        wire_put_bytes(inner, MANIFEST_PART_FIELD_MD5, slice_of(part->md5, OBJECT_MD5_LEN));
    }
    if (part->segment) {
        buf_clear(segment);
        put_segment(segment, part->segment);
        wire_put_bytes(inner, MANIFEST_PART_FIELD_SEGMENT, buf_slice(segment));
    }
    wire_put_bytes(inner, MANIFEST_PART_FIELD_DATA, part->data);
    wire_put_bytes(buf, MANIFEST_FIELD_PARTS, buf_slice(inner));
}

struct status record_encode_manifest(const struct record_manifest *manifest, struct arena *arena,
                                     struct slice *ret_raw) {
    CHECK(manifest->count > 0 && manifest->count <= UPLOAD_PART_NUMBER_MAX);
    struct buf buf;
    struct buf inner;
    struct buf segment;
    record_begin(&buf, KV_VALUE_MAX);
    buf_init(&inner, KV_VALUE_MAX);
    buf_init(&segment, KV_VALUE_MAX);
    for (size_t i = 0; i < manifest->count; i++) {
        put_manifest_part(&buf, &inner, &segment, &manifest->parts[i]);
    }
    struct status fits = is_ok(buf_ok(&segment)) ? buf_ok(&inner) : buf_ok(&segment);
    buf_fini(&inner);
    buf_fini(&segment);
    struct status s = record_finish(&buf, arena, ret_raw);
    return is_ok(fits) ? s : fits;
}

static void get_segment(struct wire *wire, const struct wire_field *outer, struct arena *arena,
                        struct record_manifest_part *part) {
    struct record_segment *segment = ARENA_NEW(arena, struct record_segment);
    struct wire inner;
    struct wire_field field;
    record_expect(wire, segment != NULL);
    if (!segment) return;
    for (wire_begin(&inner, &segment_shape, outer->bytes); wire_next(&inner, &field);) {
        switch (field.number) {
            case SEGMENT_FIELD_CONTAINER:
                segment->container = record_bytes(&inner, &field, BUCKET_NAME_MAX);
                break;
            case SEGMENT_FIELD_OBJECT:
                segment->object = record_bytes(&inner, &field, OBJECT_KEY_MAX);
                break;
            case SEGMENT_FIELD_ETAG:
                segment->etag = record_bytes(&inner, &field, RECORD_ETAG_MAX);
                break;
            case SEGMENT_FIELD_OBJECT_SIZE:
                segment->object_size = record_number(&inner, &field, INT64_MAX);
                break;
            case SEGMENT_FIELD_FIRST:
                segment->first = record_number(&inner, &field, INT64_MAX);
                break;
            case SEGMENT_FIELD_CONTENT_TYPE:
                segment->content_type = record_bytes(&inner, &field, OBJECT_META_BYTES_MAX);
                break;
            case SEGMENT_FIELD_MODIFIED:
                segment->modified_ns = (int64_t)record_number(&inner, &field, INT64_MAX);
                break;
            case SEGMENT_FIELD_LARGE:
                segment->large = record_number(&inner, &field, 1) == 1;
                break;
        }
    }
    record_expect(wire, is_ok(wire_end(&inner)) && segment->container.len > 0 &&
                            segment->object.len > 0 && segment->etag.len > 0);
    part->segment = segment;
}

/* Where the bytes of a part are must be said once, and go with its size. */
static bool part_sound(const struct record_manifest_part *part, bool has_blob) {
    const struct record_segment *segment = part->segment;
    bool has_data = part->data.len > 0;
    if (part->number == 0 || has_blob + (segment != NULL) + has_data != (part->size > 0)) {
        return false;
    }
    if (has_data) return part->data.len == part->size;
    if (!segment) return part->size <= UPLOAD_PART_SIZE_MAX;
    return segment->first <= segment->object_size &&
           part->size <= segment->object_size - segment->first;
}

static void get_manifest_part(struct wire *wire, const struct wire_field *outer,
                              struct arena *arena, struct record_manifest_part *ret_part) {
    struct record_manifest_part part = {0};
    bool has_blob = false;
    struct wire inner;
    struct wire_field field;
    for (wire_begin(&inner, &manifest_part_shape, outer->bytes); wire_next(&inner, &field);) {
        switch (field.number) {
            case MANIFEST_PART_FIELD_NUMBER:
                part.number = (uint32_t)record_number(&inner, &field, UPLOAD_PART_NUMBER_MAX);
                break;
            case MANIFEST_PART_FIELD_SIZE:
                part.size = record_number(&inner, &field, INT64_MAX);
                break;
            case MANIFEST_PART_FIELD_BLOB:
                has_blob = true;
                record_exactly(&inner, &field, part.blob.bytes, BLOB_ID_LEN);
                break;
            case MANIFEST_PART_FIELD_CHECKSUM:
                record_get_checksum(&inner, &field, true, &part.checksum);
                break;
            case MANIFEST_PART_FIELD_MD5:
                part.has_md5 = true;
                record_exactly(&inner, &field, part.md5, sizeof part.md5);
                break;
            case MANIFEST_PART_FIELD_SEGMENT:
                get_segment(&inner, &field, arena, &part);
                break;
            case MANIFEST_PART_FIELD_DATA:
                part.data = field.bytes;
                break;
        }
    }
    record_expect(wire, is_ok(wire_end(&inner)) && part_sound(&part, has_blob));
    *ret_part = part;
}

/* How many parts there are; damage is found later. */
static size_t manifest_count(struct slice raw) {
    struct wire wire;
    struct wire_field field;
    size_t count = 0;
    for (record_open(&wire, &manifest_shape, raw); wire_next(&wire, &field);) count++;
    return count;
}

struct status record_decode_manifest(struct slice raw, struct arena *arena,
                                     struct record_manifest *ret_manifest) {
    size_t count = manifest_count(raw);
    if (count == 0 || count > UPLOAD_PART_NUMBER_MAX) return status_of(STATUS_CORRUPT);
    struct record_manifest_part *parts = arena_calloc(arena, count, sizeof *parts);
    if (!parts) return status_of(STATUS_NO_MEMORY);
    struct wire wire;
    struct wire_field field;
    uint32_t last = 0;
    record_open(&wire, &manifest_shape, raw);
    for (size_t i = 0; wire_next(&wire, &field); i++) {
        get_manifest_part(&wire, &field, arena, &parts[i]);
        record_expect(&wire, parts[i].number > last);
        last = parts[i].number;
    }
    TRY(arena_ok(arena));
    TRY(wire_end(&wire));
    *ret_manifest = (struct record_manifest){parts, count};
    return status_ok();
}

/* ---- records of one or two fields ----------------------------------------------------------- */

struct status record_encode_manifest_garbage(uint32_t released, struct arena *arena,
                                             struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, SMALL_RECORD_MAX);
    wire_put_number(&buf, GARBAGE_FIELD_RELEASED, released);
    return record_finish(&buf, arena, ret_raw);
}

/* A record of a version and one number, at most `max`, 0 where it is not there. */
static struct status decode_number(struct slice raw, uint64_t max, uint64_t *ret_value) {
    static const struct wire_shape shape = {.numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(2)};
    struct wire wire;
    struct wire_field field;
    uint64_t value = 0;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) value = record_number(&wire, &field, max);
    TRY(wire_end(&wire));
    *ret_value = value;
    return status_ok();
}

struct status record_decode_manifest_garbage(struct slice raw, uint32_t *ret_released) {
    uint64_t released;
    TRY(decode_number(raw, UPLOAD_PART_NUMBER_MAX, &released));
    *ret_released = (uint32_t)released;
    return status_ok();
}

struct status record_encode_mark(int64_t since_ns, struct arena *arena, struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, SMALL_RECORD_MAX);
    wire_put_number(&buf, MARK_FIELD_SINCE, (uint64_t)since_ns);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_mark(struct slice raw, int64_t *ret_since_ns) {
    uint64_t since_ns;
    TRY(decode_number(raw, INT64_MAX, &since_ns));
    *ret_since_ns = (int64_t)since_ns;
    return status_ok();
}

/* ---- receipts ------------------------------------------------------------------------------- */

struct status record_encode_receipt(const struct record_receipt *receipt, struct arena *arena,
                                    struct slice *ret_raw) {
    CHECK(receipt->key.len > 0 && receipt->object.len > 0);
    struct buf buf;
    record_begin(&buf, RECEIPT_RECORD_MAX);
    wire_put_number(&buf, RECEIPT_FIELD_EXPIRES, (uint64_t)receipt->expires_ns);
    wire_put_bytes(&buf, RECEIPT_FIELD_KEY, receipt->key);
    wire_put_bytes(&buf, RECEIPT_FIELD_DIGEST, slice_of(receipt->parts_digest, RECORD_DIGEST_LEN));
    wire_put_bytes(&buf, RECEIPT_FIELD_OBJECT, receipt->object);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_receipt(struct slice raw, struct record_receipt *ret_receipt) {
    static const struct wire_shape shape = {
        .numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(RECEIPT_FIELD_EXPIRES),
        .bytes = WIRE(RECEIPT_FIELD_KEY) | WIRE(RECEIPT_FIELD_DIGEST) | WIRE(RECEIPT_FIELD_OBJECT)};
    struct record_receipt receipt = {0};
    bool has_digest = false;
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        if (field.number == RECEIPT_FIELD_EXPIRES) {
            receipt.expires_ns = (int64_t)record_number(&wire, &field, INT64_MAX);
        } else if (field.number == RECEIPT_FIELD_KEY) {
            receipt.key = record_bytes(&wire, &field, OBJECT_KEY_MAX);
        } else if (field.number == RECEIPT_FIELD_DIGEST) {
            has_digest = true;
            record_exactly(&wire, &field, receipt.parts_digest, RECORD_DIGEST_LEN);
        } else if (field.number == RECEIPT_FIELD_OBJECT) {
            receipt.object = field.bytes;
        }
    }
    TRY(wire_end(&wire));
    if (receipt.key.len == 0 || !has_digest || receipt.object.len == 0) {
        return status_of(STATUS_CORRUPT);
    }
    *ret_receipt = receipt;
    return status_ok();
}
