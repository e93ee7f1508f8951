/*
 * Applying changes: the tree is walked once, from left to right, along the sorted changes.
 *
 * Each level has a builder that gathers the items of pages to be written. Leaves that have changes
 * pour their entries, merged with the changes, into the builder of level 0; a full builder becomes
 * pages, whose references are items for the level above. Where a changed page is followed by one
 * without changes, that one stays as it is, unless what was gathered is too little for a page of
 * its own: then its items are poured in, too.
 */
#include <stdlib.h>

#include "base/check.h"
#include "engine/index_inside.h"

enum {
    BUILDER_ARENA_BLOCK = 64 * 1024,
    FULL_PERCENT = 90,  /* how full a page is made where there is more behind it */
    SPARSE_PERCENT = 30 /* what is less full is joined with its neighbour */
};

/* Items for pages of one level. */
struct builder {
    struct arena bytes; /* of items that came from pages, and of `low` */
    struct page_item *items;
    size_t count;
    size_t cap;
    size_t item_bytes; /* of all items, with whole keys */
    struct slice low;
    bool hot; /* some of it was in the cache, where readers want it */
};

struct apply {
    struct index *index;
    const struct index_change *changes;
    size_t count;
    uint64_t generation;
    struct builder builders[PAGE_LEVELS_MAX];
    struct index_writer pages;
    struct index_writer values;
    struct index_stats stats;
};

/* The part of the changes, and of the names, that a page is to take. */
struct apply_part {
    size_t from;
    size_t to;
    struct page_range range;
};

static struct slice keep(struct builder *builder, struct slice bytes) {
    struct slice copy = arena_dup(&builder->bytes, bytes);
    CHECK(copy.len == bytes.len);
    return copy;
}

static void builder_begin(struct builder *builder, struct slice low) {
    if (builder->count > 0) return;
    arena_reset(&builder->bytes);
    builder->low = keep(builder, low);
    builder->hot = false;
}

static void builder_add(struct builder *builder, const struct page_item *item,
                        enum page_kind kind) {
    if (builder->count == builder->cap) {
        builder->cap = builder->cap ? 2 * builder->cap : 256;
        builder->items = reallocarray(builder->items, builder->cap, sizeof *builder->items);
        CHECK(builder->items);
    }
    builder->items[builder->count++] = *item;
    builder->item_bytes += item->key.len + page_item_bytes(item, kind);
}

static enum page_kind kind_of(unsigned level) {
    return level == 0 ? PAGE_LEAF : PAGE_BRANCH;
}

static size_t common_len(struct slice a, struct slice b) {
    size_t max = a.len < b.len ? a.len : b.len;
    size_t n = 0;
    while (n < max && a.ptr[n] == b.ptr[n]) n++;
    return n;
}

/* About how many bytes the gathered items need in pages. */
static size_t builder_need(const struct builder *builder) {
    if (builder->count == 0) return 0;
    size_t common = common_len(builder->low, builder->items[builder->count - 1].key);
    return builder->item_bytes - builder->count * common;
}

static bool fits_whole(const struct builder *builder, struct page_range range) {
    range.low = builder->low;
    size_t need = builder->item_bytes - builder->count * page_prefix_len(&range);
    return need <= page_room(&range);
}

/* How many items from the first on fit into one page of at most `target` bytes; at least one. */
static size_t cut_find(const struct builder *builder, unsigned level, size_t target) {
    size_t whole = 0;
    size_t n = 0;
    while (n + 1 < builder->count) {
        const struct page_item *item = &builder->items[n];
        const struct page_item *next = &builder->items[n + 1];
        whole += item->key.len + page_item_bytes(item, kind_of(level));
        size_t common = common_len(builder->low, next->key);
        size_t need = whole - (n + 1) * common;
        struct page_range range = {.low = builder->low, .high = next->key, .has_high = true};
        if (n > 0 && (need > target || need > page_room(&range))) break;
        n++;
    }
    return n;
}

/* Writes a page of the first `n` items, up to `range.high`, and gives it to the level above. */
static struct status page_emit(struct apply *a, unsigned level, size_t n, struct page_range range) {
    CHECK(level + 1 < PAGE_LEVELS_MAX);
    struct builder *builder = &a->builders[level];
    range.low = builder->low;
    struct page_identity identity = {.index_id = a->index->id,
                                     .generation = a->generation,
                                     .kind = kind_of(level),
                                     .level = level};
    char *page;
    uint32_t number;
    TRY(index_writer_next(&a->pages, &page, &number));
    page_build(page, &identity, &range, builder->items, n);
    struct page_ref ref = page_seal(page, number);
    if (builder->hot || level > 0) {
        struct cache_frame *frame = cache_take(a->index->cache, number);
        memcpy(frame->bytes, page, PAGE_BYTES);
        frame->sum = ref.sum;
        cache_replace(a->index->cache, frame);
    }
    struct builder *above = &a->builders[level + 1];
    builder_begin(above, builder->low);
    struct page_item item = {.key = keep(above, builder->low), .child = ref};
    builder_add(above, &item, PAGE_BRANCH);
    a->stats.leaves += level == 0;
    for (size_t i = 0; i < n; i++) {
        const struct page_item *gone = &builder->items[i];
        builder->item_bytes -= gone->key.len + page_item_bytes(gone, kind_of(level));
    }
    builder->count -= n;
    memmove(builder->items, builder->items + n, builder->count * sizeof *builder->items);
    builder->low = range.high;
    return status_ok();
}

/* Writes pages as long as there is more than fits into two. */
static struct status builder_spill(struct apply *a, unsigned level) {
    struct builder *builder = &a->builders[level];
    while (builder->count > 1 && builder_need(builder) > 2 * (size_t)PAGE_BYTES) {
        size_t n = cut_find(builder, level, (size_t)PAGE_BYTES * FULL_PERCENT / 100);
        struct slice before = builder->items[n - 1].key;
        struct slice after = builder->items[n].key;
        struct slice high = level == 0 ? page_separator(before, after) : after;
        struct page_range range = {.high = keep(builder, high), .has_high = true};
        TRY(page_emit(a, level, n, range));
    }
    return status_ok();
}

/* Writes all that was gathered; the last page reaches up to the end of `range`. */
static struct status builder_flush(struct apply *a, unsigned level, struct page_range range) {
    struct builder *builder = &a->builders[level];
    TRY(builder_spill(a, level));
    while (builder->count > 0 && !fits_whole(builder, range)) {
        size_t n = cut_find(builder, level, builder_need(builder) / 2);
        struct slice before = builder->items[n - 1].key;
        struct slice after = builder->items[n].key;
        struct slice high = level == 0 ? page_separator(before, after) : after;
        struct page_range part = {.high = keep(builder, high), .has_high = true};
        TRY(page_emit(a, level, n, part));
    }
    return builder->count > 0 ? page_emit(a, level, builder->count, range) : status_ok();
}

static void page_free(struct apply *a, struct page_ref ref) {
    space_map_free(&a->index->map, (uint64_t)ref.number * PAGE_GRAINS, PAGE_GRAINS);
}

static void value_free(struct apply *a, struct slice reference) {
    struct page_value value = page_value_parse(reference.ptr);
    space_map_free(&a->index->map, value.grain, index_grains(value.len));
}

/* Adds the item that a change becomes. */
static struct status change_add(struct apply *a, const struct index_change *change) {
    struct builder *builder = &a->builders[0];
    struct page_item item = {.key = change->name, .value = change->value};
    if (item.value.len > PAGE_VALUE_INLINE_MAX ||
        item.key.len + item.value.len > PAGE_ENTRY_INLINE_MAX) {
        struct page_value where;
        TRY(index_writer_value(&a->values, change->value, &where));
        char reference[PAGE_VALUE_REF_LEN];
        page_value_encode(&where, reference);
        item.value = keep(builder, slice_of(reference, sizeof reference));
        item.is_large = true;
    }
    builder_add(builder, &item, PAGE_LEAF);
    a->stats.entries++;
    return builder_spill(a, 0);
}

/* Adds an entry of a page as it is. */
static void entry_add(struct apply *a, unsigned level, const char *page, unsigned at) {
    struct builder *builder = &a->builders[level];
    char key[INDEX_NAME_MAX];
    size_t len = page_key_copy(page, at, key);
    struct page_item item = {.key = keep(builder, slice_of(key, len))};
    if (level == 0) {
        item.value = keep(builder, page_value_at(page, at, &item.is_large));
    } else {
        item.child = page_child(page, at);
    }
    builder_add(builder, &item, kind_of(level));
}

static int entry_cmp(const char *page, unsigned at, struct slice name) {
    struct slice prefix = page_prefix(page);
    int order = slice_cmp(prefix, slice_take(name, prefix.len));
    return order != 0 ? order : slice_cmp(page_suffix(page, at), slice_skip(name, prefix.len));
}

/* An entry that a change replaces or deletes. */
static void entry_drop(struct apply *a, const char *leaf, unsigned at, struct slice name) {
    bool is_large;
    struct slice value = page_value_at(leaf, at, &is_large);
    struct index_watcher *watcher = a->index->watcher;
    if (watcher && !is_large) watcher->dropped(watcher, name, value);
    if (is_large) value_free(a, value);
    a->stats.entries--;
}

/* Pours the entries of a leaf and the changes that belong to it, merged, into the builder. */
static struct status leaf_merge(struct apply *a, const char *leaf, const struct apply_part *part) {
    unsigned count = leaf ? page_count(leaf) : 0;
    unsigned at = 0;
    for (size_t i = part->from; i < part->to; i++) {
        const struct index_change *change = &a->changes[i];
        int order = -1;
        while (at < count && (order = entry_cmp(leaf, at, change->name)) < 0) {
            entry_add(a, 0, leaf, at++);
        }
        if (at < count && order == 0) entry_drop(a, leaf, at++, change->name);
        if (change->value.len > 0) TRY(change_add(a, change));
    }
    for (; at < count; at++) entry_add(a, 0, leaf, at);
    return builder_spill(a, 0);
}

/* The end of the changes from `from` on that lie below `high`. */
static size_t part_end(const struct apply *a, size_t from, size_t to, struct slice high) {
    size_t low = from;
    while (low < to) {
        size_t middle = low + (to - low) / 2;
        if (slice_cmp(a->changes[middle].name, high) < 0) {
            low = middle + 1;
        } else {
            to = middle;
        }
    }
    return low;
}

/* Pours all items of a page without changes into the builder of its level. */
static struct status page_absorb(struct apply *a, unsigned level, const char *branch, unsigned at) {
    struct cache_frame *frame;
    TRY(index_child_load(a->index, branch, at, false, &frame));
    for (unsigned i = 0; i < page_count(frame->bytes); i++) entry_add(a, level, frame->bytes, i);
    a->stats.leaves -= level == 0;
    cache_unpin(a->index->cache, frame);
    page_free(a, page_child(branch, at));
    return builder_spill(a, level);
}

/* A child without changes: it stays, or joins what was gathered before it. */
static struct status child_keep(struct apply *a, unsigned level, const char *branch, unsigned at,
                                struct slice low) {
    struct builder *below = &a->builders[level - 1];
    if (below->count > 0) {
        if (builder_need(below) < (size_t)PAGE_BYTES * SPARSE_PERCENT / 100) {
            return page_absorb(a, level - 1, branch, at);
        }
        struct page_range range = {.high = low, .has_high = true};
        TRY(builder_flush(a, level - 1, range));
    }
    struct builder *builder = &a->builders[level];
    builder_begin(builder, low);
    struct page_item item = {.key = keep(builder, low), .child = page_child(branch, at)};
    builder_add(builder, &item, PAGE_BRANCH);
    return builder_spill(a, level);
}

static struct status page_apply(struct apply *a, const char *page, struct page_ref ref,
                                const struct apply_part *part);

static struct status child_apply(struct apply *a, const char *branch, unsigned at,
                                 const struct apply_part *part) {
    struct index *index = a->index;
    struct page_ref ref = page_child(branch, at);
    unsigned level = page_level(branch) - 1;
    builder_begin(&a->builders[level], part->range.low);
    struct cache_frame *frame = level == 0 ? index_ahead_take(index->ahead, ref) : NULL;
    if (frame && !index_child_belongs(branch, at, frame->bytes)) {
        cache_unpin(index->cache, frame);
        return status_of(STATUS_CORRUPT);
    }
    if (!frame) {
        if (cache_has(index->cache, ref.number)) a->builders[level].hot = true;
        TRY(index_child_load(index, branch, at, level > 0, &frame));
    }
    struct status s = page_apply(a, frame->bytes, ref, part);
    cache_unpin(index->cache, frame);
    return s;
}

/* Reads the leaves below a branch that have changes, all at once. */
static void leaves_read(struct apply *a, const char *branch, const struct apply_part *part) {
    unsigned count = page_count(branch);
    size_t from = part->from;
    for (unsigned at = 0; at < count && from < part->to; at++) {
        size_t to = part->to;
        if (at + 1 < count) {
            char key[INDEX_NAME_MAX];
            size_t len = page_key_copy(branch, at + 1, key);
            to = part_end(a, from, part->to, slice_of(key, len));
        }
        if (from < to) index_ahead_want(a->index->ahead, page_child(branch, at));
        from = to;
    }
    index_ahead_read(a->index->ahead);
}

static struct status branch_children_apply(struct apply *a, const char *branch,
                                           const struct apply_part *part) {
    unsigned level = page_level(branch);
    unsigned count = page_count(branch);
    struct apply_part piece = {.from = part->from, .range.low = part->range.low};
    char keys[2][INDEX_NAME_MAX];
    for (unsigned at = 0; at < count; at++) {
        piece.to = part->to;
        piece.range.high = part->range.high;
        piece.range.has_high = part->range.has_high;
        if (at + 1 < count) {
            char *key = keys[at % 2];
            piece.range.high = slice_of(key, page_key_copy(branch, at + 1, key));
            piece.range.has_high = true;
            piece.to = part_end(a, piece.from, part->to, piece.range.high);
        }
        struct status s = piece.from < piece.to ? child_apply(a, branch, at, &piece)
                                                : child_keep(a, level, branch, at, piece.range.low);
        TRY(s);
        piece.from = piece.to;
        piece.range.low = piece.range.high;
    }
    return builder_flush(a, level - 1, part->range);
}

static struct status branch_apply(struct apply *a, const char *branch,
                                  const struct apply_part *part) {
    if (page_level(branch) == 1) leaves_read(a, branch, part);
    struct status s = branch_children_apply(a, branch, part);
    if (page_level(branch) == 1) index_ahead_forget(a->index->ahead);
    return s;
}

/* Pours a page, with its changes, into the builder of its level. */
static struct status page_apply(struct apply *a, const char *page, struct page_ref ref,
                                const struct apply_part *part) {
    page_free(a, ref);
    if (page_level(page) > 0) return branch_apply(a, page, part);
    a->stats.leaves--;
    return leaf_merge(a, page, part);
}

/* Puts levels on top until one page is left; takes off those that have one child only. */
static struct status root_settle(struct apply *a, unsigned level, struct index_root *root) {
    struct page_range whole = {.has_high = false};
    TRY(builder_flush(a, level, whole));
    for (level++; a->builders[level].count > 1; level++) TRY(builder_flush(a, level, whole));
    root->page = (struct page_ref){0};
    root->level = 0;
    if (a->builders[level].count == 0) return status_ok();
    root->page = a->builders[level].items[0].child;
    root->level = level - 1;
    TRY(index_writer_flush(&a->pages));
    while (root->level > 0) {
        struct cache_frame *frame;
        TRY(index_page_load(a->index, root->page, true, &frame));
        bool single = page_count(frame->bytes) == 1;
        struct page_ref child = page_child(frame->bytes, 0);
        cache_unpin(a->index->cache, frame);
        if (!single) break;
        page_free(a, root->page);
        root->page = child;
        root->level--;
    }
    return status_ok();
}

static struct status tree_apply(struct apply *a, struct index_root *root) {
    struct apply_part all = {.from = 0, .to = a->count};
    builder_begin(&a->builders[root->level], slice_of(NULL, 0));
    if (root->page.number == 0) {
        TRY(leaf_merge(a, NULL, &all));
        return root_settle(a, 0, root);
    }
    struct cache_frame *frame;
    TRY(index_page_load(a->index, root->page, true, &frame));
    unsigned level = root->level;
    struct status s = page_apply(a, frame->bytes, root->page, &all);
    cache_unpin(a->index->cache, frame);
    TRY(s);
    return root_settle(a, level, root);
}

/* Applies what the watcher adds, to the tree as the changes have left it. */
static struct status more_apply(struct apply *a, struct index_root *root) {
    struct index_watcher *watcher = a->index->watcher;
    a->count = watcher ? watcher->more(watcher, &a->changes) : 0;
    if (a->count == 0) return status_ok();
    for (unsigned level = 0; level < PAGE_LEVELS_MAX; level++) {
        a->builders[level].count = a->builders[level].item_bytes = 0;
    }
    TRY(index_writer_flush(&a->values));
    TRY(index_writer_flush(&a->pages)); /* they are read again now */
    return tree_apply(a, root);
}

/* Writes everything but the superblock, durable. */
static struct status pages_apply(struct apply *a, struct index_root *root) {
    if (a->count > 0) TRY(tree_apply(a, root));
    TRY(more_apply(a, root));
    TRY(index_writer_flush(&a->values));
    TRY(index_writer_flush(&a->pages));
    TRY(index_map_write(a->index, &a->pages, a->generation));
    return fs_sync_data(a->index->config.fs, a->index->fd);
}

static void apply_init(struct apply *a) {
    for (unsigned level = 0; level < PAGE_LEVELS_MAX; level++) {
        arena_init(&a->builders[level].bytes, BUILDER_ARENA_BLOCK, SIZE_MAX);
    }
    index_writer_init(&a->pages, a->index);
    index_writer_init(&a->values, a->index);
}

static void apply_fini(struct apply *a) {
    for (unsigned level = 0; level < PAGE_LEVELS_MAX; level++) {
        arena_fini(&a->builders[level].bytes);
        free(a->builders[level].items);
    }
    index_writer_fini(&a->pages);
    index_writer_fini(&a->values);
}

/* An I/O error is final: it is not known what the drive has (I4). */
static void apply_failed(struct index *index, struct status s, struct note *note) {
    if (status_is(s, STATUS_IO)) atomic_store(&index->failed, true);
    space_map_undo(&index->map);
    note_set(note, "a checkpoint of the index failed: %s", status_text(s.code));
}

void index_watch(struct index *index, struct index_watcher *watcher) {
    index->watcher = watcher;
}

struct status index_apply(struct index *index, const struct index_change *changes, size_t count,
                          struct log_position position, struct note *note) {
    if (atomic_load(&index->failed)) {
        return note_status(note, STATUS_IO, "an earlier checkpoint of the index failed");
    }
    pthread_mutex_lock(&index->lock);
    struct index_root root = *index->current;
    pthread_mutex_unlock(&index->lock);
    struct apply *a = calloc(1, sizeof *a);
    CHECK(a);
    a->index = index;
    a->changes = changes;
    a->count = count;
    a->generation = ++root.generation;
    a->stats = index->stats;
    root.position = position;
    /* I3: what the last apply freed may be used again, as soon as no reader has an older root. */
    space_map_release(&index->map, index_oldest_generation(index));
    apply_init(a);
    struct status s = pages_apply(a, &root);
    if (is_ok(s)) s = index_super_write(index, &root, &a->stats);
    if (is_ok(s)) {
        space_map_settle(&index->map, root.generation);
        a->stats.live_bytes = index->map.live_grains * PAGE_GRAIN_BYTES;
        a->stats.file_bytes = (uint64_t)index->map.pages * PAGE_BYTES;
        index_root_push(index, &root, &a->stats);
        index_room_note(index);
    } else {
        apply_failed(index, s, note);
    }
    apply_fini(a);
    free(a);
    return s;
}
