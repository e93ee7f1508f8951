/*
 * space_map.h - which grains of the index's file are in use, and which may be again
 *
 *     free ── take ── live ── free ── held ── release ── free
 *                 └── trim (never used) ──────────────────┘
 *
 * A page is 8 grains; it can be taken only when all of them are free. What a checkpoint frees is
 * *held*: the root before it still needs it, on the drive until the new root is durable, and in
 * memory as long as a reader has an older one (I3). All that happens between two calls of
 * space_map_settle is one transaction: it is settled, with its generation, or undone.
 *
 * The map is kept in pages of its own, SPACE_CHUNK_PAGES bytes each, one byte a page of the file;
 * which of them changed, is known here, and index_map.c writes them.
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_SPACE_MAP_H
#define ENGINE_SPACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPACE_CHUNK_PAGES = 8128 };

/* Some grains one behind the other. */
struct space_run {
    uint64_t grain;
    uint32_t count;
};

struct space_runs {
    struct space_run *runs;
    size_t count;
    size_t cap;
};

/* What one transaction freed, in the order of generations. */
struct space_pending {
    uint64_t generation;
    struct space_runs runs;
    struct space_pending *next;
};

struct space_map {
    uint8_t *live; /* a bit a grain, a byte a page */
    uint8_t *held;
    bool *changed; /* by chunk */
    uint32_t pages;
    uint32_t cap;
    uint32_t hint;
    uint32_t free_pages;
    uint32_t live_pages; /* with any grain live */
    uint64_t live_grains;
    struct space_runs taken; /* of this transaction */
    struct space_runs freed;
    struct space_pending *first;
    struct space_pending *last;
};

/* An empty map of no pages. */
void space_map_init(struct space_map *map);
void space_map_fini(struct space_map *map);

/* Makes it a map of `pages` pages; the new ones are free. */
void space_map_grow(struct space_map *map, uint32_t pages);

/* Marks what a page of the stored map says. */
void space_map_load(struct space_map *map, uint32_t page, const char *bytes, uint32_t count);

/*
 * Takes free pages one behind the other, as many as can be had up to `most`, at least `least`.
 * False if there is no such run.
 */
bool space_map_take(struct space_map *map, uint32_t least, uint32_t most, uint32_t *ret_page,
                    uint32_t *ret_count);

/* Gives back grains that were taken in this transaction, and not used. */
void space_map_trim(struct space_map *map, uint64_t grain, uint32_t count);

/* Frees grains that are live; they are held until the generation is released. */
void space_map_free(struct space_map *map, uint64_t grain, uint32_t count);

/* Ends the transaction: what it freed is held for `generation`. Or undoes it. */
void space_map_settle(struct space_map *map, uint64_t generation);
void space_map_undo(struct space_map *map);

/* Lets go what generations up to `generation` freed. */
void space_map_release(struct space_map *map, uint64_t generation);

#endif
