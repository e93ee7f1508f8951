/*
 * roll.h - walking objects, versions or uploads in order of names, rolled up at a delimiter
 *
 *     keys   a  d/1  d/2  d/x/1  e        names   a  d/  e
 *
 * The name of an entry is its key or, where the delimiter occurs in the key behind the prefix, the
 * common prefix: the key up to the end of the first delimiter. A walk meets a common prefix once
 * and then seeks behind it, so it costs what it meets, not what lies underneath.
 *
 * Names are met in bytewise order. A walk that begins *behind* the name `d/1` does not meet `d/`,
 * which is below it: so a common prefix is never met twice over two pages, and a marker inside a
 * common prefix skips the rest of it, as in S3.
 *
 *     open ── next* ── close
 *
 * Only this room includes it. Threads: one at a time. Blocks: as kv.
 */
#ifndef OBJECT_ROLL_H
#define OBJECT_ROLL_H

#include "object/key.h"

/* How a table writes its keys; they sort as the keys of objects do. */
struct roll_table {
    struct key (*at)(struct slice object_key);     /* at or before all entries of the key */
    struct key (*behind)(struct slice object_key); /* behind all entries of the key */
    struct key (*beginning)(struct slice prefix);  /* what all with that prefix begin with */
    struct status (*parse)(struct slice kv_key, struct arena *scratch, struct slice *ret_key);
};

extern const struct roll_table roll_objects;
extern const struct roll_table roll_heads;
extern const struct roll_table roll_uploads;
extern const struct roll_table roll_versions;

/* What is walked. The slices outlive the walk. */
struct roll_range {
    const struct roll_table *table;
    struct slice prefix;    /* of the keys */
    struct slice delimiter; /* empty: nothing is rolled up */
    struct slice until;     /* keys from this on are not met; empty: all */
    struct key start;       /* the kv key at which the walk begins: see roll_start */
    bool nothing;           /* no name can be there */
};

struct roll {
    struct roll_range range;
    struct kv_cursor *cursor;
    struct arena scratch;
    struct slice name; /* of what the walk stands on; valid until it is moved */
    bool is_prefix;    /* it is a common prefix */
    bool begun;
    bool ended;
};

/*
 * Sets where the walk begins: at the first name that is at or behind the key `from` and behind the
 * name `after`. Order: all else of the range is set.
 */
void roll_start(struct roll_range *range, struct slice from, struct slice after);

/*
 * Opens a walk, standing nowhere.
 * Owns: the caller, until roll_close. The range is copied, not what its slices point to.
 * Errors: NO_MEMORY; IO.
 */
struct status roll_open(struct roll *roll, struct kv *kv, struct kv_partition partition,
                        const struct roll_range *range);

/* Moves to the next name; `*ret_found` is false past the last one. Errors: CORRUPT; IO. */
struct status roll_next(struct roll *roll, bool *ret_found);

/* Moves to the first name at or behind the kv key `start`, which may lie before. Errors: as next.
 */
struct status roll_seek(struct roll *roll, const struct key *start, bool *ret_found);

/* Key and value of the kv entry the walk stands on: the first one under a common prefix. */
struct slice roll_kv_key(const struct roll *roll);
struct slice roll_kv_value(const struct roll *roll);

/* Ends the walk. */
void roll_close(struct roll *roll);

/* The common prefix that `key` rolls up to in that range; empty where it does not. */
struct slice roll_common(const struct roll_range *range, struct slice key);

#endif
