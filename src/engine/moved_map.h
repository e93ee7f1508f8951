/*
 * moved_map.h - which units of all volumes belong to moved bodies, as the index has it
 *
 * Small bodies are moved from the log to volumes by the checkpoint (mover.h), and only a checkpoint
 * changes which units they have. So the index keeps, beside their records, a map of these units
 * that is always right, and a start need not read millions of records to know it (docs/format.md,
 * V3). This is that map in memory: a bit a unit, in chunks, each an entry of the index.
 *
 *     init ── load* ── [ change* ── chunk_next* (what is to be written) ── settle | undo ]* ── fini
 *
 * Drives and volumes need not be there: the map is about what the index says.
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_MOVED_MAP_H
#define ENGINE_MOVED_MAP_H

#include "base/slice.h"
#include "engine/drive.h"
#include "engine/extent.h"

enum {
    MOVED_CHUNK_UNITS = 8192,
    MOVED_CHUNK_BYTES = MOVED_CHUNK_UNITS / 8,
    MOVED_KEY_LEN = 2 + 1 + 4 + 4 /* prefix, kind, drive, volume, number of the chunk */
};

#define MOVED_KEY_KIND 'm'

struct moved_chunk;
struct moved_change;

struct moved_map {
    struct moved_chunk *chunks[DRIVE_NUMBER_MAX + 1]; /* by drive, a hash table each */
    size_t slots[DRIVE_NUMBER_MAX + 1];
    size_t counts[DRIVE_NUMBER_MAX + 1];
    size_t count;                 /* of all */
    struct moved_change *changes; /* since the last settle */
    size_t change_count;
    size_t change_cap;
};

/* An empty map. */
void moved_map_init(struct moved_map *map);
void moved_map_fini(struct moved_map *map);

/* Takes over what an entry of the index says; false: it is damaged. */
bool moved_map_load(struct moved_map *map, struct slice key, struct slice value);

/*
 * Notes that units are used, or not any more. False, and nothing is changed, if some of them were
 * used already, or not used: damage.
 */
bool moved_map_change(struct moved_map *map, uint32_t drive, struct extent extent, bool used);

/* A chunk as an entry of the index; an empty value: there is none any more. */
struct moved_entry {
    char key[MOVED_KEY_LEN];
    size_t len;
    char value[MOVED_CHUNK_BYTES];
};

/* Walks through the changed chunks, or all: `*at` is 0 at the beginning; false behind the last. */
bool moved_map_next(const struct moved_map *map, bool changed, size_t *at,
                    struct moved_entry *ret_entry);

/* Ends what was changed: it is durable; or takes it back. */
void moved_map_settle(struct moved_map *map);
void moved_map_undo(struct moved_map *map);

/* Shows each run of used units of a chunk. */
bool moved_entry_run(const struct moved_entry *entry, uint32_t *from, uint32_t *ret_drive,
                     struct extent *ret_extent);

#endif
