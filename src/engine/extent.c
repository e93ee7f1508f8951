#include "engine/extent.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { WORD_BITS = 64 };

static size_t words_of(uint32_t units) {
    return ((size_t)units + WORD_BITS - 1) / WORD_BITS;
}

static bool bit_is_set(const struct extent_map *map, uint32_t unit) {
    return map->words[unit / WORD_BITS] >> (unit % WORD_BITS) & 1;
}

void extent_map_init(struct extent_map *map, uint32_t units) {
    *map = (struct extent_map){0};
    extent_map_grow(map, units);
}

void extent_map_fini(struct extent_map *map) {
    free(map->words);
    *map = (struct extent_map){0};
}

void extent_map_grow(struct extent_map *map, uint32_t units) {
    CHECK(units <= UINT32_MAX - map->units);
    size_t had = words_of(map->units);
    size_t need = words_of(map->units + units);
    if (need > had) {
        map->words = realloc(map->words, need * sizeof *map->words);
        CHECK(map->words);
        memset(map->words + had, 0, (need - had) * sizeof *map->words);
    }
    map->units += units;
}

/* The first unit at or after `from` that is in use (`used`) or free; map->units if none is. */
static uint32_t find_bit(const struct extent_map *map, uint32_t from, bool used) {
    while (from < map->units) {
        uint64_t word = map->words[from / WORD_BITS];
        if (!used) word = ~word;
        word >>= from % WORD_BITS;
        if (word != 0) {
            uint32_t at = from + (uint32_t)__builtin_ctzll(word);
            return at < map->units ? at : map->units;
        }
        from = (from / WORD_BITS + 1) * WORD_BITS;
    }
    return map->units;
}

bool extent_map_is_free(const struct extent_map *map, uint32_t start, uint32_t count) {
    if (start > map->units || count > map->units - start) return false;
    return find_bit(map, start, true) >= start + count;
}

static void set_range(struct extent_map *map, uint32_t start, uint32_t count, bool used) {
    while (count > 0) {
        uint32_t from = start % WORD_BITS;
        uint32_t n = count < WORD_BITS - from ? count : WORD_BITS - from;
        uint64_t mask = (n == WORD_BITS ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << from;
        uint64_t *word = &map->words[start / WORD_BITS];
        *word = used ? *word | mask : *word & ~mask;
        start += n;
        count -= n;
    }
}

bool extent_map_take(struct extent_map *map, uint32_t start, uint32_t count) {
    if (!extent_map_is_free(map, start, count)) return false;
    set_range(map, start, count, true);
    map->in_use += count;
    return true;
}

void extent_map_give(struct extent_map *map, uint32_t start, uint32_t count) {
    CHECK(start <= map->units && count <= map->units - start);
    CHECK(count == 0 || (bit_is_set(map, start) && find_bit(map, start, false) >= start + count));
    set_range(map, start, count, false);
    map->in_use -= count;
}

uint32_t extent_map_free_run(const struct extent_map *map, uint32_t from, uint32_t least,
                             uint32_t *ret_start) {
    while (from < map->units) {
        uint32_t start = find_bit(map, from, false);
        if (start >= map->units) return 0;
        uint32_t end = find_bit(map, start, true);
        if (end - start >= least) {
            *ret_start = start;
            return end - start;
        }
        from = end;
    }
    return 0;
}

/* The longest free run of all. */
static uint32_t longest_run(const struct extent_map *map, uint32_t *ret_start) {
    uint32_t longest = 0;
    uint32_t start = 0;
    uint32_t run;
    for (uint32_t from = 0; (run = extent_map_free_run(map, from, longest + 1, &start)) > 0;
         from = start + run) {
        longest = run;
        *ret_start = start;
    }
    return longest;
}

uint32_t extent_map_find(struct extent_map *map, uint32_t wanted, uint32_t least,
                         uint32_t *ret_start) {
    CHECK(least > 0 && least <= wanted);
    if (map->units - map->in_use < least) return 0;
    uint32_t start = 0;
    uint32_t run = extent_map_free_run(map, map->next, wanted, &start);
    if (run == 0) run = extent_map_free_run(map, 0, wanted, &start);
    if (run == 0 && least < wanted) run = longest_run(map, &start);
    if (run < least) return 0;
    if (run > wanted) run = wanted;
    CHECK(extent_map_take(map, start, run));
    map->next = start + run;
    *ret_start = start;
    return run;
}
