#include "engine/moved_map.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "blob/blob.h"

enum { WORD_BITS = 64, CHUNK_WORDS = MOVED_CHUNK_UNITS / WORD_BITS, SLOTS_FIRST = 16 };

struct moved_chunk {
    uint32_t volume; /* 0: the slot is empty */
    uint32_t number;
    bool changed;
    uint64_t *words;
};

struct moved_change {
    uint32_t drive;
    struct extent extent;
    bool used;
};

void moved_map_init(struct moved_map *map) {
    *map = (struct moved_map){0};
}

void moved_map_fini(struct moved_map *map) {
    for (size_t drive = 0; drive <= DRIVE_NUMBER_MAX; drive++) {
        for (size_t i = 0; i < map->slots[drive]; i++) free(map->chunks[drive][i].words);
        free(map->chunks[drive]);
    }
    free(map->changes);
    *map = (struct moved_map){0};
}

static struct moved_chunk *slot_find(struct moved_chunk *chunks, size_t slots, uint32_t volume,
                                     uint32_t number) {
    size_t at = ((size_t)volume * 40503 + number) & (slots - 1);
    while (chunks[at].volume != 0 && (chunks[at].volume != volume || chunks[at].number != number)) {
        at = (at + 1) & (slots - 1);
    }
    return &chunks[at];
}

static void table_grow(struct moved_map *map, uint32_t drive) {
    size_t slots = map->slots[drive] ? 2 * map->slots[drive] : SLOTS_FIRST;
    struct moved_chunk *chunks = calloc(slots, sizeof *chunks);
    CHECK(chunks);
    for (size_t i = 0; i < map->slots[drive]; i++) {
        const struct moved_chunk *old = &map->chunks[drive][i];
        if (old->volume != 0) *slot_find(chunks, slots, old->volume, old->number) = *old;
    }
    free(map->chunks[drive]);
    map->chunks[drive] = chunks;
    map->slots[drive] = slots;
}

/* The chunk; made where there is none. */
static struct moved_chunk *chunk_get(struct moved_map *map, uint32_t drive, uint32_t volume,
                                     uint32_t number) {
    if (2 * (map->counts[drive] + 1) > map->slots[drive]) table_grow(map, drive);
    struct moved_chunk *chunk = slot_find(map->chunks[drive], map->slots[drive], volume, number);
    if (chunk->volume == 0) {
        *chunk = (struct moved_chunk){.volume = volume, .number = number};
        chunk->words = calloc(CHUNK_WORDS, sizeof *chunk->words);
        CHECK(chunk->words);
        map->counts[drive]++;
        map->count++;
    }
    return chunk;
}

static uint32_t big_u32(const char *at) {
    uint32_t big;
    memcpy(&big, at, sizeof big);
    return be32toh(big);
}

bool moved_map_load(struct moved_map *map, struct slice key, struct slice value) {
    if (key.len != MOVED_KEY_LEN || value.len != MOVED_CHUNK_BYTES || key.ptr[2] == 0) return false;
    uint32_t volume = big_u32(key.ptr + 3);
    uint32_t number = big_u32(key.ptr + 7);
    if (volume == 0 || number > UINT32_MAX / MOVED_CHUNK_UNITS) return false;
    struct moved_chunk *chunk = chunk_get(map, (uint8_t)key.ptr[2], volume, number);
    for (size_t i = 0; i < CHUNK_WORDS; i++) {
        uint64_t little;
        memcpy(&little, value.ptr + 8 * i, sizeof little);
        chunk->words[i] = le64toh(little);
    }
    return true;
}

/* Whether all bits of the range are `set`; then turns them over. */
static bool range_flip(struct moved_map *map, uint32_t drive, struct extent extent, bool set,
                       bool only_look) {
    for (uint32_t unit = extent.start; unit < extent.start + extent.count; unit++) {
        struct moved_chunk *chunk = chunk_get(map, drive, extent.volume, unit / MOVED_CHUNK_UNITS);
        uint32_t at = unit % MOVED_CHUNK_UNITS;
        uint64_t bit = UINT64_C(1) << (at % WORD_BITS);
        uint64_t *word = &chunk->words[at / WORD_BITS];
        if (((*word & bit) != 0) != set) return false;
        if (only_look) continue;
        *word ^= bit;
        chunk->changed = true;
    }
    return true;
}

bool moved_map_change(struct moved_map *map, uint32_t drive, struct extent extent, bool used) {
    CHECK(drive > 0 && drive <= DRIVE_NUMBER_MAX);
    if (!range_flip(map, drive, extent, !used, true)) return false;
    range_flip(map, drive, extent, !used, false);
    if (map->change_count == map->change_cap) {
        map->change_cap = map->change_cap ? 2 * map->change_cap : 64;
        map->changes = reallocarray(map->changes, map->change_cap, sizeof *map->changes);
        CHECK(map->changes);
    }
    map->changes[map->change_count++] = (struct moved_change){drive, extent, used};
    return true;
}

static void entry_print(uint32_t drive, const struct moved_chunk *chunk,
                        struct moved_entry *entry) {
    uint32_t volume = htobe32(chunk->volume);
    uint32_t number = htobe32(chunk->number);
    entry->key[0] = BLOB_KEY_PREFIX;
    entry->key[1] = MOVED_KEY_KIND;
    entry->key[2] = (char)drive;
    memcpy(entry->key + 3, &volume, sizeof volume);
    memcpy(entry->key + 7, &number, sizeof number);
    bool any = false;
    for (size_t i = 0; i < CHUNK_WORDS; i++) {
        uint64_t little = htole64(chunk->words[i]);
        any |= little != 0;
        memcpy(entry->value + 8 * i, &little, sizeof little);
    }
    entry->len = any ? MOVED_CHUNK_BYTES : 0;
}

bool moved_map_next(const struct moved_map *map, bool changed, size_t *at,
                    struct moved_entry *ret_entry) {
    size_t before = 0;
    for (uint32_t drive = 1; drive <= DRIVE_NUMBER_MAX; drive++) {
        size_t slots = map->slots[drive];
        for (size_t i = *at > before ? *at - before : 0; i < slots; i++) {
            const struct moved_chunk *chunk = &map->chunks[drive][i];
            if (chunk->volume == 0 || (changed && !chunk->changed)) continue;
            entry_print(drive, chunk, ret_entry);
            *at = before + i + 1;
            return true;
        }
        before += slots;
    }
    return false;
}

void moved_map_settle(struct moved_map *map) {
    for (size_t drive = 0; drive <= DRIVE_NUMBER_MAX; drive++) {
        for (size_t i = 0; i < map->slots[drive]; i++) map->chunks[drive][i].changed = false;
    }
    map->change_count = 0;
}

void moved_map_undo(struct moved_map *map) {
    while (map->change_count > 0) {
        const struct moved_change *change = &map->changes[--map->change_count];
        range_flip(map, change->drive, change->extent, change->used, false);
    }
    moved_map_settle(map);
}

bool moved_entry_run(const struct moved_entry *entry, uint32_t *from, uint32_t *ret_drive,
                     struct extent *ret_extent) {
    const uint8_t *bits = (const uint8_t *)entry->value;
    uint32_t unit = *from;
    while (unit < MOVED_CHUNK_UNITS && !(bits[unit / 8] >> unit % 8 & 1)) unit++;
    if (entry->len == 0 || unit == MOVED_CHUNK_UNITS) return false;
    uint32_t start = unit;
    while (unit < MOVED_CHUNK_UNITS && (bits[unit / 8] >> unit % 8 & 1)) unit++;
    *from = unit;
    *ret_drive = (uint8_t)entry->key[2];
    *ret_extent = (struct extent){
        big_u32(entry->key + 3), big_u32(entry->key + 7) * MOVED_CHUNK_UNITS + start, unit - start};
    return true;
}
