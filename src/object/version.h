/*
 * version.h - the versions of a key: where each lies, which is the newest
 *
 *     'o' key                the newest version, if it is an object
 *     'v' KEY ~id            all others, newest first: noncurrent versions and delete markers
 *     'h' key                the head: ids of the newest and of the null version
 *
 * A key whose bucket never had versioning has no head, and neither has one that was not written
 * since: its object is its newest and its null version, with the id that follows from its time.
 * Whatever moves a version between the tables replaces the head too, so a head that is the same
 * before and after says that nothing moved meanwhile (docs/format.md, O13 to O15).
 *
 * Only this room includes it. Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_VERSION_H
#define OBJECT_VERSION_H

#include "object/inner.h"

/* What a key has, but for its noncurrent versions. */
struct version_history {
    struct slice key;
    bool has_head;
    struct slice head_raw;
    struct record_head head; /* without a head: as it would be */
    bool has_any;            /* there is a version; else `head` is nothing */
    bool found;              /* `current` is there */
    struct object_info current;
};

/* The id of a version, also where its record has none. */
struct object_version_id version_id_of(const struct object_info *info);

/*
 * Reads what a key has. Without `with_head` no head is looked for: where the bucket has no
 * versioning as of the epoch that the batch guards on, there is none.
 * Owns: it lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status version_history_read(struct object_store *store, const struct bucket *bucket,
                                   struct slice key, bool with_head, struct arena *arena,
                                   struct version_history *ret_history);

/* Reads the head alone into `history`. Errors: CORRUPT; IO; NO_MEMORY. */
struct status version_head_read(struct object_store *store, const struct bucket *bucket,
                                struct slice key, struct arena *arena,
                                struct version_history *history);

/* Adds the guards that head and current object are still what was read. */
void version_history_guard(const struct version_history *history, struct kv_batch *batch);

/* The id that is meant; false: the key has no such version, as far as the head tells. */
bool version_resolve(const struct version_history *history, const struct object_version *version,
                     struct object_version_id *ret_id);

/* Whether the head of a key is still what was read. Errors: CORRUPT; IO; NO_MEMORY. */
struct status version_head_is_same(struct object_store *store, const struct bucket *bucket,
                                   const struct version_history *history, struct arena *arena,
                                   bool *ret_same);

/* A version and the kv key under which it lies. */
struct version_place {
    struct key key;
    struct object_info info;
    bool is_current; /* in the table of objects */
};

/*
 * Finds the version that is meant in what was read.
 * Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status version_locate(struct object_store *store, const struct bucket *bucket,
                             const struct version_history *history,
                             const struct object_version *version, struct arena *arena,
                             struct version_place *ret_place);

/*
 * Finds the newest of the versions of a key in the table of versions, but for the one with the id
 * `but`. Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status version_next(struct object_store *store, const struct bucket *bucket,
                           struct slice key, struct object_version_id but, struct arena *arena,
                           struct version_place *ret_place);

#endif
