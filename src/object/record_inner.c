#include "object/record_inner.h"

#include "base/check.h"

enum { CHECKSUM_FIELD_KIND = 1, CHECKSUM_FIELD_COMPOSITE = 2, CHECKSUM_FIELD_VALUE = 3 };

/* The numbers on disk are those of records.proto, whatever order checksum.def has. */
static const unsigned kind_numbers[CHECKSUM_KIND_COUNT] = {
    [CHECKSUM_CRC32] = 1,      [CHECKSUM_CRC32C] = 2,   [CHECKSUM_CRC64NVME] = 3,
    [CHECKSUM_SHA1] = 4,       [CHECKSUM_SHA256] = 5,   [CHECKSUM_SHA512] = 6,
    [CHECKSUM_MD5] = 7,        [CHECKSUM_XXHASH64] = 8, [CHECKSUM_XXHASH3] = 9,
    [CHECKSUM_XXHASH128] = 10,
};

static const size_t kind_lens[CHECKSUM_KIND_COUNT] = {
#define CHECKSUM(NAME, name, suffix, len, combines) [CHECKSUM_##NAME] = len,
#include "crypto/checksum.def"
#undef CHECKSUM
};

void record_begin(struct buf *buf, size_t limit) {
    buf_init(buf, limit);
    wire_put_number(buf, RECORD_FIELD_VERSION, RECORD_VERSION);
}

struct status record_finish(struct buf *buf, struct arena *arena, struct slice *ret_raw) {
    struct status s = buf_ok(buf);
    struct slice raw = is_ok(s) ? arena_dup(arena, buf_slice(buf)) : slice_of(NULL, 0);
    buf_fini(buf);
    TRY(s);
    if (raw.len == 0) return status_of(STATUS_NO_MEMORY);
    *ret_raw = raw;
    return status_ok();
}

bool record_open(struct wire *wire, const struct wire_shape *shape, struct slice raw) {
    struct wire_field field = {0};
    wire_begin(wire, shape, raw);
    bool ours = wire_next(wire, &field) && field.number == RECORD_FIELD_VERSION &&
                field.value == RECORD_VERSION;
    record_expect(wire, ours);
    return ours;
}

uint64_t record_number(struct wire *wire, const struct wire_field *field, uint64_t max) {
    record_expect(wire, field->value <= max);
    return field->value <= max ? field->value : max;
}

struct slice record_bytes(struct wire *wire, const struct wire_field *field, size_t max) {
    record_expect(wire, field->bytes.len <= max);
    return slice_take(field->bytes, max);
}

void record_exactly(struct wire *wire, const struct wire_field *field, void *out, size_t len) {
    record_expect(wire, field->bytes.len == len);
    if (field->bytes.len == len) memcpy(out, field->bytes.ptr, len);
}

void record_put_checksum(struct buf *buf, uint32_t number, const struct object_checksum *checksum,
                         bool with_value) {
    if (!checksum->present) return;
    const struct checksum_value *value = &checksum->value;
    CHECK((unsigned)value->kind < CHECKSUM_KIND_COUNT);
    CHECK(!with_value || value->len == kind_lens[value->kind]);
    bool composite = checksum->type == OBJECT_CHECKSUM_COMPOSITE;
    struct slice bytes = slice_of(value->bytes, with_value ? value->len : 0);
    wire_put_head(buf, number,
                  wire_number_len(CHECKSUM_FIELD_KIND, kind_numbers[value->kind]) +
                      wire_number_len(CHECKSUM_FIELD_COMPOSITE, composite) +
                      wire_bytes_len(CHECKSUM_FIELD_VALUE, bytes.len));
    wire_put_number(buf, CHECKSUM_FIELD_KIND, kind_numbers[value->kind]);
    wire_put_number(buf, CHECKSUM_FIELD_COMPOSITE, composite);
    wire_put_bytes(buf, CHECKSUM_FIELD_VALUE, bytes);
}

/* The kind with the number `number` on disk; false: there is none. */
static bool kind_of_number(uint64_t number, enum checksum_kind *ret_kind) {
    for (unsigned kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (kind_numbers[kind] != number) continue;
        *ret_kind = (enum checksum_kind)kind;
        return true;
    }
    return false;
}

void record_get_checksum(struct wire *wire, const struct wire_field *field, bool with_value,
                         struct object_checksum *ret_checksum) {
    static const struct wire_shape shape = {
        .numbers = WIRE(CHECKSUM_FIELD_KIND) | WIRE(CHECKSUM_FIELD_COMPOSITE),
        .bytes = WIRE(CHECKSUM_FIELD_VALUE)};
    struct object_checksum checksum = {0};
    struct wire inner;
    struct wire_field at;
    struct slice value = {0};
    for (wire_begin(&inner, &shape, field->bytes); wire_next(&inner, &at);) {
        if (at.number == CHECKSUM_FIELD_KIND) {
            checksum.present = kind_of_number(at.value, &checksum.value.kind);
        } else if (at.number == CHECKSUM_FIELD_COMPOSITE) {
            record_expect(&inner, at.value == 1);
            checksum.type = OBJECT_CHECKSUM_COMPOSITE;
        } else {
            value = at.bytes;
        }
    }
    size_t len = with_value && checksum.present ? kind_lens[checksum.value.kind] : 0;
    bool sound = is_ok(wire_end(&inner)) && checksum.present && value.len == len;
    record_expect(wire, sound);
    if (!sound) return;
    checksum.value.len = len;
    if (len > 0) memcpy(checksum.value.bytes, value.ptr, len);
    *ret_checksum = checksum;
}
