/*
 * extent.h - which parts of a volume are in use: a bit for each unit of 4 KiB, in memory
 *
 *     init ── extent_take (what records name) ── find, take, give … ── fini
 *
 * The map decides nothing about durability: it says what is in use now. A range is found as
 * contiguous as can be had: the first run that is long enough from where the last one ended, else
 * the longest.
 *
 * Threads: one at a time; whoever has the map locks it.
 */
#ifndef ENGINE_EXTENT_H
#define ENGINE_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXTENT_UNIT = 4096 };

/* A range of units of one volume. */
struct extent {
    uint32_t volume;
    uint32_t start; /* unit */
    uint32_t count;
};

struct extent_map {
    uint64_t *words;
    uint32_t units; /* how many there are */
    uint32_t in_use;
    uint32_t next; /* where the next search begins */
};

/* A map of `units` free units; it can grow. */
void extent_map_init(struct extent_map *map, uint32_t units);
void extent_map_fini(struct extent_map *map);

/* Adds free units at the end. */
void extent_map_grow(struct extent_map *map, uint32_t units);

/* Whether all units of the range are there and free. */
bool extent_map_is_free(const struct extent_map *map, uint32_t start, uint32_t count);

/*
 * Marks a range as in use; false, and nothing is changed, if it is not all there or not all free.
 */
bool extent_map_take(struct extent_map *map, uint32_t start, uint32_t count);

/* Marks a range as free; all of it is in use. */
void extent_map_give(struct extent_map *map, uint32_t start, uint32_t count);

/*
 * Finds and marks a range of `wanted` units, or, as long as can be had, of at least `least`:
 * `*ret_start`, and its length as the answer; 0 if there is none.
 */
uint32_t extent_map_find(struct extent_map *map, uint32_t wanted, uint32_t least,
                         uint32_t *ret_start);

/* The first free run at or after `from` of at least `least` units; its length, or 0. */
uint32_t extent_map_free_run(const struct extent_map *map, uint32_t from, uint32_t least,
                             uint32_t *ret_start);

#endif
