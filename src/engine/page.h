/*
 * page.h - a page of the index: sorted entries, read in place, never changed once built
 *
 *     ┌ header 48 ┬ low ┬ high ┬ slots of 8 bytes ┬ entries ──────────┬ zeros ┐
 *     │           │ key range  │ head, offset, len │ suffix, value    │       │
 *     └───────────┴────────────┴───────────────────┴──────────────────┴───────┘
 *
 * A page says where it belongs: the index's id, its own number, the generation that wrote it and
 * the range [low, high) of keys it covers; its checksum is also in the page that points to it. So a
 * stale, misplaced or rotten page is an error, never an absent key (I1). What all keys of the range
 * begin with is stored once, as the common beginning of low and high.
 *
 * Kinds: leaves hold values, or references to large ones (page_value); branches hold references to
 * pages; maps hold what is free (space_map.h).
 *
 * Threads: pure functions.
 */
#ifndef ENGINE_PAGE_H
#define ENGINE_PAGE_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/bytes.h"

enum {
    PAGE_BYTES = 8192,
    PAGE_HEADER_LEN = 48,
    PAGE_SLOT_LEN = 8,
    PAGE_REF_LEN = 8,
    PAGE_VALUE_REF_LEN = 16,
    PAGE_VALUE_INLINE_MAX = 2048, /* a larger value lies in a run of its own */
    PAGE_ENTRY_INLINE_MAX = 2500, /* key and value; with more the value lies in a run, too */
    PAGE_LEVELS_MAX = 16,
    PAGE_NAME_MAX = 16 + 1300,
};

enum page_kind { PAGE_LEAF = 1, PAGE_BRANCH, PAGE_MAP, PAGE_MAP_DIR };

/* What points to a page: its number, 0 for none, and its checksum. */
struct page_ref {
    uint32_t number;
    uint32_t sum;
};

/* Where a large value lies: from grain `grain` of the file, PAGE_GRAIN_BYTES each. */
struct page_value {
    uint64_t grain;
    uint32_t len;
    uint32_t sum;
};

enum { PAGE_GRAIN_BYTES = 1024, PAGE_GRAINS = PAGE_BYTES / PAGE_GRAIN_BYTES };

/* Whose a page is. */
struct page_identity {
    uint64_t index_id;
    uint64_t generation;
    enum page_kind kind;
    unsigned level; /* 0: a leaf */
};

/* One entry for a page to be built. */
struct page_item {
    struct slice key;      /* whole */
    struct slice value;    /* of a leaf; a PAGE_VALUE_REF_LEN reference if is_large */
    struct page_ref child; /* of a branch */
    bool is_large;
};

/* A range of keys, without its upper end; an unbounded one has has_high false. */
struct page_range {
    struct slice low;
    struct slice high;
    bool has_high;
};

/* How many entries it has. */
static inline unsigned page_count(const char *page) {
    return bytes_get_u16(page + 6);
}

/* Its kind. */
static inline enum page_kind page_kind_of(const char *page) {
    return (enum page_kind)(uint8_t)page[4];
}

/* Its level. */
static inline unsigned page_level(const char *page) {
    return (uint8_t)page[5];
}

/* Its checksum. */
static inline uint32_t page_sum(const char *page) {
    return bytes_get_u32(page);
}

/* The range of keys that the page covers. Owns: the slices lie in the page. */
struct page_range page_range_of(const char *page);

/* What all keys of the page begin with. */
struct slice page_prefix(const char *page);

/* Entry `index`: the rest of its key; its value or reference; the page it points to. */
struct slice page_suffix(const char *page, unsigned index);
struct slice page_value_at(const char *page, unsigned index, bool *ret_is_large);
struct page_ref page_child(const char *page, unsigned index);

/* Copies the whole key of an entry to `out`, which has room for it; gives its length. */
size_t page_key_copy(const char *page, unsigned index, char *out);

/* The first entry at or after `key`, page_count if there is none. */
unsigned page_lower_bound(const char *page, struct slice key, bool *ret_exact);

/* The child that covers `key`: the last one that begins at or before it, else the first. */
unsigned page_child_for(const char *page, struct slice key);

/* How many bytes an item takes in a page besides its key. */
size_t page_item_bytes(const struct page_item *item, enum page_kind kind);

/* How many bytes there are for items, with their whole keys, less the common beginning of each. */
size_t page_room(const struct page_range *range);

/* How long the common beginning of the range's keys is. */
size_t page_prefix_len(const struct page_range *range);

/* Builds a page of items that fit; all but its number and sum, which page_seal writes. */
void page_build(char *page, const struct page_identity *identity, const struct page_range *range,
                const struct page_item *items, size_t count);

/* Writes the header of a page without entries (a map); its contents lie behind the header. */
void page_build_map(char *page, const struct page_identity *identity, uint64_t first);

/* Writes number and checksum; gives the reference. */
struct page_ref page_seal(char *page, uint32_t number);

/* Whether the page is the one that `ref` means, whole and in its place. Errors: CORRUPT. */
struct status page_check(const char *page, uint64_t index_id, struct page_ref ref);

/* Whether its entries lie within it and are sorted; done once, when it was read. */
struct status page_check_entries(const char *page);

/* The shortest key that is greater than `before` and not greater than `after`. */
struct slice page_separator(struct slice before, struct slice after);

/* References as bytes. */
void page_value_encode(const struct page_value *value, char *out);
struct page_value page_value_parse(const char *bytes);

/* The checksum of a large value that lies at `grain`. */
uint32_t page_value_sum(uint64_t index_id, uint64_t grain, struct slice bytes);

#endif
