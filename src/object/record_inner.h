/*
 * record_inner.h - what the encoders and decoders of record.h share
 *
 * Only record*.c includes it.
 *
 * Threads: pure functions.
 */
#ifndef OBJECT_RECORD_INNER_H
#define OBJECT_RECORD_INNER_H

#include "object/record.h"
#include "object/wire.h"

enum { RECORD_FIELD_VERSION = 1 }; /* of every record */

/* Starts a record of at most `limit` bytes with its version. */
void record_begin(struct buf *buf, size_t limit);

/* Ends it: its bytes in the arena. Consumes the buf. */
struct status record_finish(struct buf *buf, struct arena *arena, struct slice *ret_raw);

/* Reads the first field, which is the version; false, with damage noted, if that is not ours. */
bool record_open(struct wire *wire, const struct wire_shape *shape, struct slice raw);

/* Notes damage unless `promise` holds. */
static inline void record_expect(struct wire *wire, bool promise) {
    if (!promise) wire->damaged = true;
}

/* The value of a varint field that must lie within [1, max]; else damage is noted. */
uint64_t record_number(struct wire *wire, const struct wire_field *field, uint64_t max);

/* The bytes of a field of at most `max` bytes. */
struct slice record_bytes(struct wire *wire, const struct wire_field *field, size_t max);

/* Copies the bytes of a field that must have exactly `len`. */
void record_exactly(struct wire *wire, const struct wire_field *field, void *out, size_t len);

/* Names and values, a message each; a NULL arena leaves them out. */
void record_put_pairs(struct buf *buf, uint32_t number, const struct object_pairs *pairs);
void record_get_pairs(struct wire *wire, const struct wire_field *field, size_t count_max,
                      struct arena *arena, struct object_pairs *pairs);

/* A checksum as a message; an upload's has no value. */
void record_put_checksum(struct buf *buf, uint32_t number, const struct object_checksum *checksum,
                         bool with_value);
void record_get_checksum(struct wire *wire, const struct wire_field *field, bool with_value,
                         struct object_checksum *ret_checksum);

#endif
