/*
 * wire.h - the protobuf wire format as records.proto uses it: canonical, and read without copying
 *
 *     for (wire_begin(&wire, &shape, raw); wire_next(&wire, &field);) switch (field.number) …
 *     TRY(wire_end(&wire));
 *
 * A listing decodes a thousand records, so nothing is allocated here. The reader takes only what
 * the writer writes: fields in ascending order, each once unless it is repeated, of the type that
 * the shape says, no default spelled out, shortest varints, nothing unknown.
 *
 * Spec: https://protobuf.dev/programming-guides/encoding/ Threads: pure functions.
 */
#ifndef OBJECT_WIRE_H
#define OBJECT_WIRE_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* Which fields a message has: sets of their numbers, which are below 32. */
struct wire_shape {
    uint32_t numbers; /* varints */
    uint32_t bytes;   /* bytes, strings and messages */
    uint32_t repeated;
};

/* The set with one number in it. */
#define WIRE(number) (UINT32_C(1) << (number))

struct wire_field {
    uint32_t number;
    uint64_t value;     /* of a varint */
    struct slice bytes; /* of the others */
};

struct wire {
    const struct wire_shape *shape;
    struct slice rest;
    uint32_t last; /* the number of the field before */
    bool damaged;
};

/* Starts to read `raw`. */
void wire_begin(struct wire *wire, const struct wire_shape *shape, struct slice raw);

/* The next field; false at the end or at damage. */
bool wire_next(struct wire *wire, struct wire_field *ret_field);

/* OK if everything was read, else CORRUPT. */
struct status wire_end(const struct wire *wire);

/* Appends a field, unless it has the default value. */
void wire_put_number(struct buf *buf, uint32_t number, uint64_t value);
void wire_put_bytes(struct buf *buf, uint32_t number, struct slice bytes);

/* Appends the head of a field of `len` bytes, which the caller appends then. */
void wire_put_head(struct buf *buf, uint32_t number, size_t len);

/* How many bytes wire_put_number and wire_put_bytes append. */
size_t wire_number_len(uint32_t number, uint64_t value);
size_t wire_bytes_len(uint32_t number, size_t len);

#endif
