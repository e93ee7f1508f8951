#include "engine/space_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/page.h"

static void runs_add(struct space_runs *runs, uint64_t grain, uint32_t count) {
    struct space_run *last = runs->count > 0 ? &runs->runs[runs->count - 1] : NULL;
    if (last && last->grain + last->count == grain && last->count < UINT32_MAX - count) {
        last->count += count;
        return;
    }
    if (runs->count == runs->cap) {
        runs->cap = runs->cap ? 2 * runs->cap : 64;
        runs->runs = reallocarray(runs->runs, runs->cap, sizeof *runs->runs);
        CHECK(runs->runs);
    }
    runs->runs[runs->count++] = (struct space_run){grain, count};
}

static void runs_fini(struct space_runs *runs) {
    free(runs->runs);
    *runs = (struct space_runs){0};
}

void space_map_init(struct space_map *map) {
    *map = (struct space_map){0};
}

void space_map_fini(struct space_map *map) {
    while (map->first) {
        struct space_pending *next = map->first->next;
        runs_fini(&map->first->runs);
        free(map->first);
        map->first = next;
    }
    runs_fini(&map->taken);
    runs_fini(&map->freed);
    free(map->live);
    free(map->held);
    free(map->changed);
    *map = (struct space_map){0};
}

static size_t chunk_count(uint32_t pages) {
    return ((size_t)pages + SPACE_CHUNK_PAGES - 1) / SPACE_CHUNK_PAGES;
}

void space_map_grow(struct space_map *map, uint32_t pages) {
    if (pages <= map->pages) return;
    if (pages > map->cap) {
        uint32_t cap = pages + pages / 2;
        map->live = reallocarray(map->live, cap, 1);
        map->held = reallocarray(map->held, cap, 1);
        map->changed = reallocarray(map->changed, chunk_count(cap), sizeof *map->changed);
        CHECK(map->live && map->held && map->changed);
        memset(map->live + map->cap, 0, cap - map->cap);
        memset(map->held + map->cap, 0, cap - map->cap);
        map->cap = cap;
    }
    for (size_t i = chunk_count(map->pages); i < chunk_count(pages); i++) map->changed[i] = true;
    map->free_pages += pages - map->pages;
    map->pages = pages;
}

static bool is_free(const struct space_map *map, uint32_t page) {
    return map->live[page] == 0 && map->held[page] == 0;
}

void space_map_load(struct space_map *map, uint32_t page, const char *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        map->live[page + i] = (uint8_t)bytes[i];
        map->free_pages -= bytes[i] != 0;
        map->live_pages += bytes[i] != 0;
        map->live_grains += (unsigned)__builtin_popcount((uint8_t)bytes[i]);
    }
    map->changed[page / SPACE_CHUNK_PAGES] = false;
}

/* The bits that the run has in the page where it now stands; moves it on behind them. */
static uint8_t run_bits(uint64_t *grain, uint32_t *count, uint32_t *ret_page) {
    unsigned first = (unsigned)(*grain % PAGE_GRAINS);
    unsigned n = PAGE_GRAINS - first < *count ? PAGE_GRAINS - first : *count;
    *ret_page = (uint32_t)(*grain / PAGE_GRAINS);
    *grain += n;
    *count -= n;
    return (uint8_t)(((1u << n) - 1) << first);
}

/* Sets and clears bits of a run in both maps, and keeps count. */
static void run_change(struct space_map *map, uint64_t grain, uint32_t count, bool live,
                       bool held) {
    while (count > 0) {
        uint32_t page;
        uint8_t bits = run_bits(&grain, &count, &page);
        CHECK(page < map->pages);
        bool was_free = is_free(map, page);
        uint8_t before = map->live[page];
        map->live[page] = live ? before | bits : before & (uint8_t)~bits;
        map->held[page] = held ? map->held[page] | bits : map->held[page] & (uint8_t)~bits;
        map->live_grains += (unsigned)__builtin_popcount(map->live[page]);
        map->live_grains -= (unsigned)__builtin_popcount(before);
        map->live_pages += map->live[page] != 0;
        map->live_pages -= before != 0;
        if (map->live[page] != before) map->changed[page / SPACE_CHUNK_PAGES] = true;
        map->free_pages += is_free(map, page);
        map->free_pages -= was_free;
    }
}

static void run_take(struct space_map *map, uint32_t page, uint32_t count) {
    run_change(map, (uint64_t)page * PAGE_GRAINS, count * PAGE_GRAINS, true, false);
    runs_add(&map->taken, (uint64_t)page * PAGE_GRAINS, count * PAGE_GRAINS);
    map->hint = page + count;
}

/* Looks for a run of free pages that begins in [from, to). */
static bool run_find(const struct space_map *map, uint32_t from, uint32_t to, uint32_t least,
                     uint32_t *ret_page) {
    uint32_t run = 0;
    for (uint32_t page = from; page < map->pages && page < to + run; page++) {
        run = is_free(map, page) ? run + 1 : 0;
        if (run < least) continue;
        *ret_page = page + 1 - run;
        return true;
    }
    return false;
}

bool space_map_take(struct space_map *map, uint32_t least, uint32_t most, uint32_t *ret_page,
                    uint32_t *ret_count) {
    if (map->free_pages < least) return false;
    uint32_t hint = map->hint < map->pages ? map->hint : 0;
    uint32_t page;
    bool found =
        run_find(map, hint, map->pages, least, &page) || run_find(map, 0, hint, least, &page);
    if (!found) return false;
    uint32_t count = least;
    while (count < most && page + count < map->pages && is_free(map, page + count)) count++;
    run_take(map, page, count);
    *ret_page = page;
    *ret_count = count;
    return true;
}

void space_map_trim(struct space_map *map, uint64_t grain, uint32_t count) {
    if (count > 0) run_change(map, grain, count, false, false);
}

void space_map_free(struct space_map *map, uint64_t grain, uint32_t count) {
    run_change(map, grain, count, false, true);
    runs_add(&map->freed, grain, count);
}

void space_map_settle(struct space_map *map, uint64_t generation) {
    map->taken.count = 0;
    if (map->freed.count == 0) return;
    struct space_pending *pending = calloc(1, sizeof *pending);
    CHECK(pending);
    *pending = (struct space_pending){.generation = generation, .runs = map->freed};
    map->freed = (struct space_runs){0};
    if (map->last) {
        map->last->next = pending;
    } else {
        map->first = pending;
    }
    map->last = pending;
}

void space_map_undo(struct space_map *map) {
    /* What was taken is free, even if it was freed again; the rest of what was freed is live. */
    for (size_t i = 0; i < map->freed.count; i++) {
        run_change(map, map->freed.runs[i].grain, map->freed.runs[i].count, true, false);
    }
    for (size_t i = 0; i < map->taken.count; i++) {
        run_change(map, map->taken.runs[i].grain, map->taken.runs[i].count, false, false);
    }
    map->freed.count = 0;
    map->taken.count = 0;
}

void space_map_release(struct space_map *map, uint64_t generation) {
    while (map->first && map->first->generation <= generation) {
        struct space_pending *pending = map->first;
        for (size_t i = 0; i < pending->runs.count; i++) {
            const struct space_run *run = &pending->runs.runs[i];
            uint64_t grain = run->grain;
            uint32_t count = run->count;
            while (count > 0) {
                uint32_t page;
                uint8_t bits = run_bits(&grain, &count, &page);
                map->held[page] &= (uint8_t)~bits;
                map->free_pages += is_free(map, page);
            }
        }
        map->first = pending->next;
        if (!map->first) map->last = NULL;
        runs_fini(&pending->runs);
        free(pending);
    }
}
