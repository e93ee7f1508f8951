/*
 * cache.h - pages of the index in memory: a bounded number of them, each read once
 *
 *     find ─┬─ found ────────────────────────┬── … use … ── unpin
 *           └─ (read into a buffer) ─ insert ┘
 *
 * A page that is pinned stays. Others give way when room is needed, those that were not found
 * lately first (CLOCK). Memory is taken as it is needed, up to the limit; pins may exceed it.
 *
 * Threads: any.
 */
#ifndef ENGINE_CACHE_H
#define ENGINE_CACHE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/page.h"

struct cache;

/* A page in memory. */
struct cache_frame {
    char *bytes; /* PAGE_BYTES of them */
    uint32_t number;
    uint32_t sum; /* of the reference it was checked against; 0: it is part of large values */
    atomic_uint pins;
    atomic_bool wanted;       /* found since the hand came by */
    bool listed;              /* in the hash; else it goes with its last pin */
    struct cache_frame *next; /* in the hash, or of the free ones */
};

/* A new cache of at most `limit_bytes`. */
struct cache *cache_new(size_t limit_bytes);
void cache_free(struct cache **cache);

/* The page, pinned; NULL if it is not there. */
struct cache_frame *cache_find(struct cache *cache, uint32_t number);

/* An unlisted frame for page `number`, pinned, to be filled and then inserted, or just unpinned. */
struct cache_frame *cache_take(struct cache *cache, uint32_t number);

/*
 * Lists a filled frame. Where another thread was faster, the frame is dropped and the other one,
 * pinned, is given back.
 */
struct cache_frame *cache_insert(struct cache *cache, struct cache_frame *frame);

/* Lists a filled frame in the place of whatever is listed under its number, and unpins it. */
void cache_replace(struct cache *cache, struct cache_frame *frame);

/* Ends one pin. */
void cache_unpin(struct cache *cache, struct cache_frame *frame);

/* Forgets a page: its number is about to be used for another. */
void cache_drop(struct cache *cache, uint32_t number);

/* Whether the page is there, without finding it. */
bool cache_has(struct cache *cache, uint32_t number);

/* Bytes taken. */
size_t cache_bytes(struct cache *cache);

#endif
