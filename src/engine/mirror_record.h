/*
 * mirror_record.h - what a copy of the metadata says of itself: the file `members`
 *
 *     │ slot 0 │ slot 1 │     each 4096 bytes; record `serial` lies in slot serial % 2
 *
 * A record is written into the slot that the newest one is not in, so a torn one leaves the one
 * before. docs/format.md has every byte, and the invariants M1 to M8.
 *
 * Threads: pure.
 */
#ifndef ENGINE_MIRROR_RECORD_H
#define ENGINE_MIRROR_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MIRROR_COPIES_MAX = 3,
    MIRROR_ID_LEN = 16,
    MIRROR_RECORD_BYTES = 4096,
    MIRROR_RECORD_SLOTS = 2,
};

struct mirror_id {
    uint8_t bytes[MIRROR_ID_LEN];
};

struct mirror_record {
    struct mirror_id store;
    struct mirror_id own; /* of this copy */
    uint64_t serial;      /* of the record, on this copy */
    uint64_t epoch;       /* of the set; 0: this copy is being filled, and is none yet */
    int64_t written_ns;   /* wall clock */
    unsigned count;       /* copies in service in this epoch */
    struct mirror_id members[MIRROR_COPIES_MAX];
};

/* Writes MIRROR_RECORD_BYTES bytes. */
void mirror_record_encode(const struct mirror_record *record, char *out);

/* Reads them; false if they are no whole record that this version reads. */
bool mirror_record_parse(const char *bytes, struct mirror_record *ret_record);

/* Whether the record's set has the copy `id`; whether it is a copy in service itself. */
bool mirror_record_has(const struct mirror_record *record, const struct mirror_id *id);
bool mirror_record_serves(const struct mirror_record *record);

/* Whether two ids are the same. */
bool mirror_id_eq(const struct mirror_id *a, const struct mirror_id *b);

#endif
