#include "object/wire.h"

#include "base/check.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, VARINT_LEN_MAX = 10, NUMBER_MAX = 31 };

void wire_begin(struct wire *wire, const struct wire_shape *shape, struct slice raw) {
    *wire = (struct wire){.shape = shape, .rest = raw};
}

/* The general case of take_varint. */
static bool take_long_varint(struct slice *rest, uint64_t *ret_value) {
    uint64_t value = 0;
    size_t max = rest->len < VARINT_LEN_MAX ? rest->len : VARINT_LEN_MAX;
    for (size_t i = 0; i < max; i++) {
        unsigned char byte = (unsigned char)rest->ptr[i];
        if (i == VARINT_LEN_MAX - 1 && byte > 1) return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        if (byte == 0 && i > 0) return false;
        *rest = slice_skip(*rest, i + 1);
        *ret_value = value;
        return true;
    }
    return false;
}

/* Reads the shortest form of a varint off the front; false on anything else. Most are one byte. */
static inline bool take_varint(struct slice *rest, uint64_t *ret_value) {
    if (rest->len == 0 || (unsigned char)rest->ptr[0] >= 0x80) {
        return take_long_varint(rest, ret_value);
    }
    *ret_value = (unsigned char)rest->ptr[0];
    rest->ptr++;
    rest->len--;
    return true;
}

/* Whether a field `number` may come now. */
static bool in_order(const struct wire *wire, uint64_t number) {
    if (number == 0 || number > NUMBER_MAX) return false;
    if (number == wire->last) return wire->shape->repeated & WIRE(number);
    return number > wire->last;
}

static bool take_field(struct wire *wire, struct wire_field *field) {
    uint64_t tag;
    if (!take_varint(&wire->rest, &tag) || !in_order(wire, tag >> 3)) return false;
    field->number = (uint32_t)(tag >> 3);
    wire->last = field->number;
    uint64_t value;
    if (!take_varint(&wire->rest, &value) || value == 0) return false;
    if ((tag & 7) == WIRE_VARINT) {
        field->value = value;
        return wire->shape->numbers & WIRE(field->number);
    }
    if ((tag & 7) != WIRE_BYTES || value > wire->rest.len) return false;
    field->bytes = slice_take(wire->rest, value);
    wire->rest = slice_skip(wire->rest, value);
    return wire->shape->bytes & WIRE(field->number);
}

bool wire_next(struct wire *wire, struct wire_field *ret_field) {
    if (wire->damaged || wire->rest.len == 0) return false;
    *ret_field = (struct wire_field){0};
    wire->damaged = !take_field(wire, ret_field);
    return !wire->damaged;
}

struct status wire_end(const struct wire *wire) {
    return wire->damaged || wire->rest.len > 0 ? status_of(STATUS_CORRUPT) : status_ok();
}

static size_t varint_encode(uint64_t value, char *out) {
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) out[len++] = (char)(value | 0x80);
    out[len++] = (char)value;
    return len;
}

static void put_varint(struct buf *buf, uint64_t value) {
    char bytes[VARINT_LEN_MAX];
    buf_append(buf, slice_of(bytes, varint_encode(value, bytes)));
}

static size_t varint_len(uint64_t value) {
    char bytes[VARINT_LEN_MAX];
    return varint_encode(value, bytes);
}

static uint64_t tag_of(uint32_t number, unsigned type) {
    CHECK(number > 0 && number <= NUMBER_MAX);
    return (uint64_t)number << 3 | type;
}

void wire_put_number(struct buf *buf, uint32_t number, uint64_t value) {
    if (value == 0) return;
    put_varint(buf, tag_of(number, WIRE_VARINT));
    put_varint(buf, value);
}

void wire_put_head(struct buf *buf, uint32_t number, size_t len) {
    CHECK(len > 0);
    put_varint(buf, tag_of(number, WIRE_BYTES));
    put_varint(buf, len);
}

void wire_put_bytes(struct buf *buf, uint32_t number, struct slice bytes) {
    if (bytes.len == 0) return;
    wire_put_head(buf, number, bytes.len);
    buf_append(buf, bytes);
}

size_t wire_number_len(uint32_t number, uint64_t value) {
    return value == 0 ? 0 : varint_len(tag_of(number, WIRE_VARINT)) + varint_len(value);
}

size_t wire_bytes_len(uint32_t number, size_t len) {
    return len == 0 ? 0 : varint_len(tag_of(number, WIRE_BYTES)) + varint_len(len) + len;
}
