#include "object/list.h"

#include "base/check.h"
#include "object/inner.h"
#include "object/roll.h"

enum { ENTRIES_FIRST = 64 }; /* room for; if there are more, for a whole page */

/* A page in the making. */
struct page {
    struct list_page *page;
    size_t cap;
    size_t max;
    bool with_headers;
    struct arena *arena;
    struct object_store *store;
};

/* Room for one more entry, zeroed; NULL when the arena is full. */
static struct list_entry *entry_new(struct page *page) {
    if (page->page->count == page->cap) {
        size_t cap = page->cap == 0 && page->max > ENTRIES_FIRST ? ENTRIES_FIRST : page->max;
        struct list_entry *entries = arena_alloc(page->arena, cap * sizeof *entries);
        if (!entries) return NULL;
        if (page->page->count > 0) {
            memcpy(entries, page->page->entries, page->page->count * sizeof *entries);
        }
        page->page->entries = entries;
        page->cap = cap;
    }
    struct list_entry *entry = &page->page->entries[page->page->count++];
    memset(entry, 0, sizeof *entry);
    return entry;
}

static struct status add(struct page *page, const struct roll *roll) {
    struct list_entry *entry = entry_new(page);
    if (!entry) return status_of(STATUS_NO_MEMORY);
    entry->is_prefix = roll->is_prefix;
    entry->name = arena_dup(page->arena, roll->name);
    if (entry->is_prefix) return arena_ok(page->arena);
    struct slice record = arena_dup(page->arena, roll_kv_value(roll));
    TRY(arena_ok(page->arena));
    TRY(record_decode_object(record, page->with_headers ? page->arena : NULL, &entry->info));
    entry->info.key = entry->name;
    if (object_has_expired(page->store, &entry->info)) page->page->count--;
    return status_ok();
}

static struct status fill(struct page *page, struct roll *roll) {
    bool found;
    TRY(roll_next(roll, &found));
    while (found && page->page->count < page->max) {
        TRY(add(page, roll));
        TRY(roll_next(roll, &found));
    }
    page->page->truncated = found;
    if (found) page->page->next = page->page->entries[page->page->count - 1].name;
    return status_ok();
}

/* ---- backwards ------------------------------------------------------------------------------ */

/* A walk from the last name to the first. */
struct walk_back {
    struct roll_range range; /* without a start; `until` is a lower bound */
    struct kv_cursor *cursor;
};

/* Moves to the last key before `bound`. */
static struct status seek_before(struct walk_back *walk, struct slice bound, bool *ret_found) {
    struct key key = key_object(slice_take(bound, OBJECT_KEY_MAX));
    bool is_whole = bound.len <= OBJECT_KEY_MAX;
    TRY(kv_cursor_seek_back(walk->cursor, key_slice(&key), ret_found));
    bool is_there = *ret_found && slice_eq(kv_cursor_key(walk->cursor), key_slice(&key));
    return is_there && is_whole ? kv_cursor_prev(walk->cursor, ret_found) : status_ok();
}

/* Moves to the last key of all. */
static struct status seek_last(struct walk_back *walk, bool *ret_found) {
    struct key key = key_object(slice_take(walk->range.prefix, OBJECT_KEY_MAX));
    CHECK(key.len < sizeof key.bytes);
    /* Keys are UTF-8, in which that byte does not occur. */
    key.bytes[key.len++] = (char)0xff;
    return kv_cursor_seek_back(walk->cursor, key_slice(&key), ret_found);
}

static struct status fill_back(struct page *page, struct walk_back *walk, struct slice before) {
    const struct roll_range *range = &walk->range;
    struct roll at = {.cursor = walk->cursor};
    bool found;
    TRY(before.len > 0 ? seek_before(walk, before, &found) : seek_last(walk, &found));
    while (found) {
        struct slice key = key_object_parse(kv_cursor_key(walk->cursor));
        if (range->until.len > 0 && slice_cmp(key, range->until) <= 0) return status_ok();
        if (page->page->count == page->max) break;
        struct slice common = roll_common(range, key);
        at.is_prefix = common.len > 0;
        at.name = at.is_prefix ? common : key;
        TRY(add(page, &at));
        if (at.is_prefix) {
            /* The name is the page's by now: the cursor's is gone with its first step. */
            struct slice name = page->page->entries[page->page->count - 1].name;
            TRY(seek_before(walk, name, &found));
        } else {
            TRY(kv_cursor_prev(walk->cursor, &found));
        }
    }
    page->page->truncated = found;
    if (found) page->page->next = page->page->entries[page->page->count - 1].name;
    return status_ok();
}

static struct status list_back(struct page *page, const struct bucket *bucket,
                               const struct list_query *query) {
    struct walk_back walk = {.range = {.table = &roll_objects,
                                       .prefix = query->prefix,
                                       .delimiter = query->delimiter,
                                       .until = query->until}};
    if (query->prefix.len > OBJECT_KEY_MAX) return status_ok();
    struct key beginning = roll_objects.beginning(query->prefix);
    TRY(kv_cursor_open(page->store->config.kv, bucket->incarnation, key_slice(&beginning),
                       &walk.cursor));
    struct status s = fill_back(page, &walk, query->after);
    kv_cursor_close(&walk.cursor);
    return s;
}

struct status list_objects(struct object_store *store, const struct bucket *bucket,
                           const struct list_query *query, struct arena *arena,
                           struct list_page *ret_page) {
    struct list_page result = {0};
    struct page page = {
        .page = &result, .arena = arena, .with_headers = query->with_headers, .store = store};
    page.max = query->max < LIST_PAGE_MAX ? query->max : LIST_PAGE_MAX;
    /* A page of nothing says that nothing is left, or who turns pages would do so for ever. */
    if (page.max > 0 && query->reverse) {
        TRY(list_back(&page, bucket, query));
    } else if (page.max > 0) {
        struct roll_range range = {.table = &roll_objects,
                                   .prefix = query->prefix,
                                   .delimiter = query->delimiter,
                                   .until = query->until};
        roll_start(&range, query->from, query->after);
        struct roll roll;
        TRY(roll_open(&roll, store->config.kv, bucket->incarnation, &range));
        struct status s = fill(&page, &roll);
        roll_close(&roll);
        TRY(s);
    }
    *ret_page = result;
    return status_ok();
}
