/* Reading the index: pages, values, look-ups, cursors. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/index_inside.h"
#include "engine/mirror.h"

/* What a page must be, for the mirror. */
struct page_wanted {
    struct mirror_check check;
    struct index *index;
    struct page_ref ref;
};

static bool page_is_good(struct mirror_check *check, const char *bytes) {
    struct page_wanted *self = CONTAINER_OF(check, struct page_wanted, check);
    return is_ok(page_check(bytes, self->index->id, self->ref));
}

struct status index_page_fetch(struct index *index, struct page_ref ref, char *bytes) {
    uint64_t at = (uint64_t)ref.number * PAGE_BYTES;
    struct status s = fs_read(index->config.fs, index->fd, at, bytes, PAGE_BYTES);
    if (status_is(s, STATUS_RANGE)) s = status_of(STATUS_CORRUPT); /* past the file's end */
    if (is_ok(s)) s = page_check(bytes, index->id, ref);
    if (is_ok(s) || !index->config.mirror) return s;
    struct page_wanted wanted = {{page_is_good}, index, ref};
    return mirror_recover(index->config.mirror, index->fd, at, bytes, PAGE_BYTES, 0, PAGE_BYTES,
                          &wanted.check);
}

static struct status page_read(struct index *index, struct page_ref ref, char *bytes) {
    TRY(index_page_fetch(index, ref, bytes));
    return page_check_entries(bytes);
}

/* Reads a page into a frame that is not listed yet. */
static struct status frame_read(struct index *index, struct page_ref ref,
                                struct cache_frame **ret_frame) {
    struct cache_frame *frame = cache_take(index->cache, ref.number);
    struct status s = page_read(index, ref, frame->bytes);
    if (!is_ok(s)) {
        cache_unpin(index->cache, frame);
        return s;
    }
    frame->sum = ref.sum;
    *ret_frame = frame;
    return status_ok();
}

static struct cache_frame *frame_cached(struct index *index, struct page_ref ref) {
    struct cache_frame *frame = cache_find(index->cache, ref.number);
    /* A page is only written under a number that no root in use has: what is cached is ours. */
    CHECK(!frame || frame->sum == ref.sum);
    return frame;
}

struct status index_page_load(struct index *index, struct page_ref ref, bool listed,
                              struct cache_frame **ret_frame) {
    struct cache_frame *frame = frame_cached(index, ref);
    if (!frame) {
        TRY(frame_read(index, ref, &frame));
        if (listed) frame = cache_insert(index->cache, frame);
    }
    *ret_frame = frame;
    return status_ok();
}

bool index_child_belongs(const char *branch, unsigned at, const char *child) {
    char key[INDEX_NAME_MAX];
    struct page_range range = page_range_of(child);
    if (page_level(child) + 1 != page_level(branch)) return false;
    size_t len = page_key_copy(branch, at, key);
    if (slice_cmp(range.low, slice_of(key, len)) < 0) return false;
    struct slice high = page_range_of(branch).high;
    bool has_high = page_range_of(branch).has_high;
    if (at + 1 < page_count(branch)) {
        high = slice_of(key, page_key_copy(branch, at + 1, key));
        has_high = true;
    }
    if (!has_high) return true;
    return range.has_high && slice_cmp(range.high, high) <= 0;
}

struct status index_child_load(struct index *index, const char *branch, unsigned at, bool listed,
                               struct cache_frame **ret_frame) {
    struct page_ref ref = page_child(branch, at);
    struct cache_frame *frame = frame_cached(index, ref);
    if (!frame) {
        TRY(frame_read(index, ref, &frame));
        if (!index_child_belongs(branch, at, frame->bytes)) {
            cache_unpin(index->cache, frame);
            return status_of(STATUS_CORRUPT);
        }
        if (listed) frame = cache_insert(index->cache, frame);
    }
    *ret_frame = frame;
    return status_ok();
}

/* A page that large values lie in. */
static struct status value_page_load(struct index *index, uint32_t number,
                                     struct cache_frame **ret_frame) {
    struct cache_frame *frame = cache_find(index->cache, number);
    if (!frame) {
        frame = cache_take(index->cache, number);
        struct status s = fs_read(index->config.fs, index->fd, (uint64_t)number * PAGE_BYTES,
                                  frame->bytes, PAGE_BYTES);
        if (!is_ok(s)) {
            cache_unpin(index->cache, frame);
            return status_is(s, STATUS_RANGE) ? status_of(STATUS_CORRUPT) : s;
        }
        frame = cache_insert(index->cache, frame);
    }
    *ret_frame = frame;
    return status_ok();
}

/* Copies a value of moderate size out of cached pages. */
static struct status value_gather(struct index *index, const struct page_value *value, char *out) {
    uint64_t at = value->grain * PAGE_GRAIN_BYTES;
    for (size_t done = 0; done < value->len;) {
        size_t offset = at % PAGE_BYTES;
        size_t len = PAGE_BYTES - offset;
        if (len > value->len - done) len = value->len - done;
        struct cache_frame *frame;
        TRY(value_page_load(index, (uint32_t)(at / PAGE_BYTES), &frame));
        memcpy(out + done, frame->bytes + offset, len);
        cache_unpin(index->cache, frame);
        done += len;
        at += len;
    }
    return status_ok();
}

/* Reads a large value past the cache; the bytes begin at `*ret_skip` of the buffer. */
static struct status value_read(struct index *index, const struct page_value *value,
                                char **ret_heap, size_t *ret_skip) {
    uint64_t at = value->grain * PAGE_GRAIN_BYTES;
    uint64_t from = at & ~(uint64_t)(FS_DIRECT_ALIGN - 1);
    size_t len = bytes_round_up(at + value->len, FS_DIRECT_ALIGN) - from;
    char *heap = aligned_alloc(FS_DIRECT_ALIGN, len);
    if (!heap) return status_of(STATUS_NO_MEMORY);
    struct status s = fs_read(index->config.fs, index->fd, from, heap, len);
    if (!is_ok(s)) {
        free(heap);
        return status_is(s, STATUS_RANGE) ? status_of(STATUS_CORRUPT) : s;
    }
    *ret_heap = heap;
    *ret_skip = at - from;
    return status_ok();
}

/* What a large value must be, for the mirror. */
struct value_wanted {
    struct mirror_check check;
    uint64_t index_id;
    const struct page_value *value;
    size_t skip;
};

static bool value_is_good(struct mirror_check *check, const char *bytes) {
    struct value_wanted *self = CONTAINER_OF(check, struct value_wanted, check);
    struct slice value = slice_of(bytes + self->skip, self->value->len);
    return page_value_sum(self->index_id, self->value->grain, value) == self->value->sum;
}

/* Reads a value that did not check from another copy, as value_read does. */
static struct status value_recover(struct index *index, const struct page_value *value,
                                   char **ret_heap, size_t *ret_skip) {
    uint64_t at = value->grain * PAGE_GRAIN_BYTES;
    uint64_t from = at & ~(uint64_t)(FS_DIRECT_ALIGN - 1);
    size_t len = bytes_round_up(at + value->len, FS_DIRECT_ALIGN) - from;
    struct value_wanted wanted = {{value_is_good}, index->id, value, (size_t)(at - from)};
    char *heap = aligned_alloc(FS_DIRECT_ALIGN, len);
    if (!heap) return status_of(STATUS_NO_MEMORY);
    /* What the cache has of it is the bad copy. */
    for (uint64_t page = at / PAGE_BYTES; page <= (at + value->len - 1) / PAGE_BYTES; page++) {
        cache_drop(index->cache, (uint32_t)page);
    }
    struct status s = mirror_recover(index->config.mirror, index->fd, from, heap, len, wanted.skip,
                                     value->len, &wanted.check);
    if (is_ok(s)) {
        *ret_heap = heap;
        *ret_skip = wanted.skip;
    } else {
        free(heap);
    }
    return s;
}

static struct status large_load(struct index *index, const struct page_value *value,
                                struct index_value *ret_value) {
    if (value->len == 0 || value->len > INDEX_VALUE_MAX) return status_of(STATUS_CORRUPT);
    char *heap = NULL;
    size_t skip = 0;
    struct status s;
    if (value->len <= INDEX_VALUE_CACHED_MAX) {
        heap = malloc(value->len);
        CHECK(heap);
        s = value_gather(index, value, heap);
    } else {
        s = value_read(index, value, &heap, &skip);
    }
    struct slice bytes = slice_of(heap + skip, value->len);
    if (is_ok(s) && page_value_sum(index->id, value->grain, bytes) != value->sum) {
        s = status_of(STATUS_CORRUPT);
    }
    if (!is_ok(s) && index->config.mirror) {
        free(heap);
        heap = NULL;
        s = value_recover(index, value, &heap, &skip);
        bytes = slice_of(heap + skip, value->len);
    }
    if (is_ok(s)) {
        *ret_value = (struct index_value){.bytes = bytes, .heap = heap};
    } else {
        free(heap);
    }
    return s;
}

struct status index_value_load(struct index *index, struct cache_frame *leaf, unsigned at,
                               struct index_value *ret_value) {
    bool is_large;
    struct slice bytes = page_value_at(leaf->bytes, at, &is_large);
    if (is_large) {
        struct page_value value = page_value_parse(bytes.ptr);
        return large_load(index, &value, ret_value);
    }
    atomic_fetch_add(&leaf->pins, 1);
    *ret_value = (struct index_value){.bytes = bytes, .frame = leaf};
    return status_ok();
}

void index_value_end(struct index *index, struct index_value *value) {
    if (value->frame) cache_unpin(index->cache, value->frame);
    free(value->heap);
    *value = (struct index_value){0};
}

/* The leaf that would have the name, pinned; NULL in an empty tree. */
static struct status leaf_find(struct index *index, const struct index_root *root,
                               struct slice name, struct cache_frame **ret_leaf) {
    *ret_leaf = NULL;
    if (root->page.number == 0) return status_ok();
    struct cache_frame *frame;
    TRY(index_page_load(index, root->page, true, &frame));
    while (page_level(frame->bytes) > 0) {
        struct cache_frame *child;
        unsigned at = page_child_for(frame->bytes, name);
        struct status s = index_child_load(index, frame->bytes, at, true, &child);
        cache_unpin(index->cache, frame);
        TRY(s);
        frame = child;
    }
    *ret_leaf = frame;
    return status_ok();
}

struct status index_get(struct index *index, const struct index_root *root, struct slice name,
                        struct index_value *ret_value) {
    struct cache_frame *leaf;
    TRY(leaf_find(index, root, name, &leaf));
    if (!leaf) return status_of(STATUS_NOT_FOUND);
    bool exact;
    unsigned at = page_lower_bound(leaf->bytes, name, &exact);
    struct status s = status_of(STATUS_NOT_FOUND);
    if (exact) s = index_value_load(index, leaf, at, ret_value);
    cache_unpin(index->cache, leaf);
    return s;
}

void index_cursor_init(struct index_cursor *cursor, struct index *index,
                       const struct index_root *root) {
    memset(cursor, 0, offsetof(struct index_cursor, name));
    cursor->large = (struct index_value){0};
    cursor->index = index;
    cursor->root = root;
}

static void level_leave(struct index_cursor *cursor, unsigned level) {
    if (cursor->frames[level]) cache_unpin(cursor->index->cache, cursor->frames[level]);
    cursor->frames[level] = NULL;
}

static void cursor_leave(struct index_cursor *cursor) {
    for (unsigned level = 0; level < PAGE_LEVELS_MAX; level++) level_leave(cursor, level);
    cursor->valid = false;
}

void index_cursor_fini(struct index_cursor *cursor) {
    cursor_leave(cursor);
    index_value_end(cursor->index, &cursor->large);
}

/* Reads the child that the branch at `level` stands on. */
static struct status level_descend(struct index_cursor *cursor, unsigned level) {
    struct cache_frame *child;
    TRY(index_child_load(cursor->index, cursor->frames[level]->bytes, cursor->at[level], true,
                         &child));
    level_leave(cursor, level - 1);
    cursor->frames[level - 1] = child;
    return status_ok();
}

/* Goes down from `level` to the leaves, by the first or the last child each time. */
static struct status descend_end(struct index_cursor *cursor, unsigned level, bool last) {
    for (; level > 0; level--) {
        TRY(level_descend(cursor, level));
        unsigned count = page_count(cursor->frames[level - 1]->bytes);
        if (count == 0) return status_of(STATUS_CORRUPT);
        cursor->at[level - 1] = last ? count - 1 : 0;
    }
    return status_ok();
}

static void name_take(struct index_cursor *cursor) {
    cursor->valid = true;
    cursor->name_len = page_key_copy(cursor->frames[0]->bytes, cursor->at[0], cursor->name);
}

/* Goes to the leaf behind, or before, the one it is in; nowhere if there is none. */
static struct status leaf_turn(struct index_cursor *cursor, bool back) {
    for (unsigned level = 1; level <= cursor->root->level; level++) {
        unsigned count = page_count(cursor->frames[level]->bytes);
        if (back ? cursor->at[level] == 0 : cursor->at[level] + 1 >= count) continue;
        cursor->at[level] += back ? -1u : 1u;
        TRY(descend_end(cursor, level, back));
        name_take(cursor);
        return status_ok();
    }
    cursor_leave(cursor);
    return status_ok();
}

/* Goes down to the leaf that would have the name; false in an empty tree. */
static struct status path_find(struct index_cursor *cursor, struct slice name, bool *ret_found) {
    cursor_leave(cursor);
    *ret_found = false;
    if (cursor->root->page.number == 0) return status_ok();
    unsigned level = cursor->root->level;
    TRY(index_page_load(cursor->index, cursor->root->page, true, &cursor->frames[level]));
    for (; level > 0; level--) {
        cursor->at[level] = page_child_for(cursor->frames[level]->bytes, name);
        TRY(level_descend(cursor, level));
    }
    *ret_found = true;
    return status_ok();
}

struct status index_cursor_seek(struct index_cursor *cursor, struct slice name) {
    bool found;
    TRY(path_find(cursor, name, &found));
    if (!found) return status_ok();
    bool exact;
    const char *leaf = cursor->frames[0]->bytes;
    cursor->at[0] = page_lower_bound(leaf, name, &exact);
    if (cursor->at[0] == page_count(leaf)) return leaf_turn(cursor, false);
    name_take(cursor);
    return status_ok();
}

struct status index_cursor_seek_back(struct index_cursor *cursor, struct slice name) {
    bool found;
    TRY(path_find(cursor, name, &found));
    if (!found) return status_ok();
    bool exact;
    cursor->at[0] = page_lower_bound(cursor->frames[0]->bytes, name, &exact);
    if (!exact && cursor->at[0] == 0) return leaf_turn(cursor, true);
    if (!exact) cursor->at[0]--;
    name_take(cursor);
    return status_ok();
}

struct status index_cursor_next(struct index_cursor *cursor) {
    if (!cursor->valid) return status_ok();
    if (cursor->at[0] + 1 >= page_count(cursor->frames[0]->bytes)) return leaf_turn(cursor, false);
    cursor->at[0]++;
    name_take(cursor);
    return status_ok();
}

struct status index_cursor_prev(struct index_cursor *cursor) {
    if (!cursor->valid) return status_ok();
    if (cursor->at[0] == 0) return leaf_turn(cursor, true);
    cursor->at[0]--;
    name_take(cursor);
    return status_ok();
}

struct slice index_cursor_name(const struct index_cursor *cursor) {
    CHECK(cursor->valid);
    return slice_of(cursor->name, cursor->name_len);
}

struct status index_cursor_value(struct index_cursor *cursor, struct slice *ret_value) {
    CHECK(cursor->valid);
    bool is_large;
    struct slice bytes = page_value_at(cursor->frames[0]->bytes, cursor->at[0], &is_large);
    if (is_large) {
        index_value_end(cursor->index, &cursor->large);
        TRY(index_value_load(cursor->index, cursor->frames[0], cursor->at[0], &cursor->large));
        bytes = cursor->large.bytes;
    }
    *ret_value = bytes;
    return status_ok();
}
