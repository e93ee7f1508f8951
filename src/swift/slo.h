/*
 * slo.h - the list of segments that a client sends for a static large object, as text and as values
 *
 *     JSON ─▶ swift_slo_parse ─▶ entries ─ (the objects are looked at) ─ swift_slo_range ─▶
 * segments
 *
 * Everything that can be said without looking at an object is said here, in Swift's words, a line
 * for each entry that is wrong.
 *
 * Threads: pure functions.
 * Spec: Swift, middleware/slo.py, parse_and_validate_input; the overview of large objects.
 */
#ifndef SWIFT_SLO_H
#define SWIFT_SLO_H

#include "base/arena.h"
#include "base/buf.h"
#include "json/reader.h"

enum {
    SWIFT_SLO_SEGMENTS_MAX = 1000,        /* that are objects */
    SWIFT_SLO_ENTRIES_MAX = 1000,         /* with those that are data */
    SWIFT_SLO_BYTES_MAX = JSON_BYTES_MAX, /* of the list */
    SWIFT_SLO_ERRORS_MAX = 256 * 1024     /* bytes of what is wrong */
};

/* A range as it is written: "first-last", "first-" or "-last". */
struct swift_slo_range {
    bool present;
    bool has_first;
    bool has_last;
    uint64_t first;
    uint64_t last;
};

struct swift_slo_entry {
    struct slice data; /* bytes; then all else is empty */
    struct slice path; /* as given */
    struct slice container;
    struct slice object;
    struct slice etag; /* a NULL ptr: any */
    bool has_size;
    uint64_t size;
    struct swift_slo_range range;
};

struct swift_slo {
    struct swift_slo_entry *entries;
    size_t count;
    size_t object_count;
};

/* What is wrong with a list as a whole. */
enum swift_slo_verdict {
    SWIFT_SLO_GOOD,
    SWIFT_SLO_NO_JSON,
    SWIFT_SLO_NO_LIST,
    SWIFT_SLO_TOO_MANY,
    SWIFT_SLO_ENTRIES_WRONG /* `errors` says which */
};

/*
 * Parses a list for the object `container`/`object`.
 * Owns: it lies in `arena`; `errors` is the caller's, with lines in it on ENTRIES_WRONG.
 * Errors: NO_MEMORY.
 */
struct status swift_slo_parse(struct arena *arena, struct slice text, struct slice container,
                              struct slice object, struct buf *errors, struct swift_slo *ret_slo,
                              enum swift_slo_verdict *ret_verdict);

/* The bytes of a range in an object of `size` bytes; false: there are none. */
bool swift_slo_resolve(const struct swift_slo_range *range, uint64_t size, uint64_t *ret_first,
                       uint64_t *ret_len);

#endif
