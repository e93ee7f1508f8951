/* Checking the index: every page and value is read, and compared with the map of what is in use. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/index_inside.h"

struct checking {
    struct index *index;
    struct note *note;
    uint8_t *seen; /* a bit a grain, as in the map */
    uint64_t entries;
    uint64_t leaves;
    size_t last_len; /* of the name before */
    char last[INDEX_NAME_MAX];
};

static struct status damaged(struct checking *c, const char *what, uint64_t grain) {
    return note_status(c->note, STATUS_CORRUPT, "index: %s at page %llu", what,
                       (unsigned long long)(grain / PAGE_GRAINS));
}

/* Marks grains as used; none may be used twice. */
static struct status grains_see(struct checking *c, uint64_t grain, uint32_t count) {
    for (; count > 0; grain++, count--) {
        if (grain / PAGE_GRAINS >= c->index->map.pages) {
            return damaged(c, "a reference past the end", grain);
        }
        uint8_t bit = (uint8_t)(1u << grain % PAGE_GRAINS);
        uint8_t *byte = &c->seen[grain / PAGE_GRAINS];
        if (*byte & bit) return damaged(c, "space used twice", grain);
        *byte |= bit;
    }
    return status_ok();
}

static struct status page_see(struct checking *c, uint32_t number) {
    return grains_see(c, (uint64_t)number * PAGE_GRAINS, PAGE_GRAINS);
}

static struct status entry_check(struct checking *c, struct cache_frame *leaf, unsigned at) {
    char name[INDEX_NAME_MAX];
    size_t len = page_key_copy(leaf->bytes, at, name);
    if (c->entries > 0 && slice_cmp(slice_of(c->last, c->last_len), slice_of(name, len)) >= 0) {
        return damaged(c, "names out of order", (uint64_t)leaf->number * PAGE_GRAINS);
    }
    memcpy(c->last, name, len);
    c->last_len = len;
    c->entries++;
    bool is_large;
    struct slice bytes = page_value_at(leaf->bytes, at, &is_large);
    if (!is_large) return status_ok();
    struct page_value where = page_value_parse(bytes.ptr);
    TRY(grains_see(c, where.grain, index_grains(where.len)));
    struct index_value value;
    struct status s = index_value_load(c->index, leaf, at, &value);
    if (!is_ok(s)) return damaged(c, "a value that does not check", where.grain);
    index_value_end(c->index, &value);
    return status_ok();
}

static struct status page_check_below(struct checking *c, struct cache_frame *frame) {
    TRY(page_see(c, frame->number));
    c->leaves += page_level(frame->bytes) == 0;
    for (unsigned at = 0; at < page_count(frame->bytes); at++) {
        if (page_level(frame->bytes) == 0) {
            TRY(entry_check(c, frame, at));
            continue;
        }
        struct cache_frame *child;
        struct status s = index_child_load(c->index, frame->bytes, at, false, &child);
        if (!is_ok(s)) {
            uint64_t number = page_child(frame->bytes, at).number;
            return damaged(c, "a page that does not check", number * PAGE_GRAINS);
        }
        s = page_check_below(c, child);
        cache_unpin(c->index->cache, child);
        TRY(s);
    }
    return status_ok();
}

static struct status map_see(struct checking *c) {
    struct index *index = c->index;
    for (uint32_t page = 0; page < INDEX_SUPER_PAGES; page++) TRY(page_see(c, page));
    size_t chunks = ((size_t)index->map.pages + SPACE_CHUNK_PAGES - 1) / SPACE_CHUNK_PAGES;
    for (size_t i = 0; i < chunks; i++) TRY(page_see(c, index->chunks[i].number));
    for (size_t i = 0; i * INDEX_DIR_REFS < chunks; i++) {
        TRY(page_see(c, index->dirs[i].number));
    }
    return status_ok();
}

static struct status check_steps(struct checking *c) {
    struct index *index = c->index;
    TRY(map_see(c));
    struct page_ref root = index->current->page;
    if (root.number != 0) {
        struct cache_frame *frame;
        struct status s = index_page_load(index, root, false, &frame);
        if (!is_ok(s)) {
            return damaged(c, "a root that does not check", (uint64_t)root.number * PAGE_GRAINS);
        }
        s = page_check_below(c, frame);
        cache_unpin(index->cache, frame);
        TRY(s);
    }
    for (uint32_t page = 0; page < index->map.pages; page++) {
        if (c->seen[page] == index->map.live[page]) continue;
        return damaged(c, "space that is marked wrongly", (uint64_t)page * PAGE_GRAINS);
    }
    if (c->entries != index->stats.entries || c->leaves != index->stats.leaves) {
        return damaged(c, "a wrong count of entries", 0);
    }
    return status_ok();
}

struct status index_check(struct index *index, struct note *note) {
    struct checking *c = calloc(1, sizeof *c);
    CHECK(c);
    c->index = index;
    c->note = note;
    c->seen = calloc(index->map.pages, 1);
    CHECK(c->seen);
    struct status s = check_steps(c);
    free(c->seen);
    free(c);
    return s;
}
