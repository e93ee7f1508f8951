/*
 * Two walks side by side, over the current objects and over the heads: a key that has a version is
 * in one of them. Of a key the current object comes first, then what the table of versions has of
 * it, newest first.
 *
 * Others change the bucket meanwhile, and every version that stays has to be met. One without a
 * head is the current object of its key, and gets a head with whatever moves it; so a key is looked
 * for among the objects first, then among the heads, which stay as long as it has a version.
 */
#include "base/check.h"
#include "object/list.h"
#include "object/roll.h"
#include "object/version.h"

enum { ENTRIES_FIRST = 64, GROUP_TRIES_MAX = 100, SCRATCH_BLOCK = 4096, SCRATCH_MAX = 256 * 1024 };

struct page {
    struct object_store *store;
    const struct bucket *bucket;
    const struct version_list_query *query;
    struct version_list_page *page;
    size_t cap;
    size_t max;
    struct arena *arena;
    struct arena scratch;
    struct roll objects;
    struct roll heads;
    struct roll versions; /* of one key at a time */
    bool has_object;      /* `objects` stands on a name */
    bool has_head;        /* `heads` stands on one */
    bool has_version;     /* `versions` stands on one */
    bool is_plain;        /* without versioning, and without a head: there are objects only */
};

/* ---- entries -------------------------------------------------------------------------------- */

/* Room for one more entry, zeroed; NULL when the arena is full. */
static struct version_list_entry *entry_new(struct page *page) {
    struct version_list_page *result = page->page;
    if (result->count == page->cap) {
        size_t cap = page->cap == 0 && page->max > ENTRIES_FIRST ? ENTRIES_FIRST : page->max;
        struct version_list_entry *entries = arena_calloc(page->arena, cap, sizeof *entries);
        if (!entries) return NULL;
        if (page->cap > 0) memcpy(entries, result->entries, page->cap * sizeof *entries);
        result->entries = entries;
        page->cap = cap;
    }
    struct version_list_entry *entry = &result->entries[result->count++];
    *entry = (struct version_list_entry){0}; /* it may have been used and taken back */
    return entry;
}

static bool is_full(const struct page *page) {
    return page->page->count == page->max;
}

static struct status add(struct page *page, const struct roll *roll, bool is_latest) {
    struct version_list_entry *entry = entry_new(page);
    if (!entry) return status_of(STATUS_NO_MEMORY);
    entry->is_prefix = roll->is_prefix;
    entry->name = arena_dup(page->arena, roll->name);
    if (entry->is_prefix) return arena_ok(page->arena);
    struct slice record = arena_dup(page->arena, roll_kv_value(roll));
    TRY(arena_ok(page->arena));
    TRY(record_decode_object(record, page->query->with_headers ? page->arena : NULL, &entry->info));
    entry->info.key = entry->name;
    entry->is_latest = is_latest;
    return status_ok();
}

/* The page is full and there is more. */
static struct status end_truncated(struct page *page) {
    struct version_list_page *result = page->page;
    const struct version_list_entry *last = &result->entries[result->count - 1];
    result->truncated = true;
    result->next_key = last->name;
    result->next_id = SLICE("");
    if (last->is_prefix) return status_ok();
    struct object_info place = last->info;
    if (page->bucket->versioning == BUCKET_VERSIONING_OFF) {
        result->next_id = object_version_text(&place, page->arena);
        return arena_ok(page->arena);
    }
    place.version = version_id_of(&last->info);
    place.null_version = false;
    result->next_id = object_version_text(&place, page->arena);
    return arena_ok(page->arena);
}

/* ---- walking -------------------------------------------------------------------------------- */

static struct status next_object(struct page *page) {
    return roll_next(&page->objects, &page->has_object);
}

static struct status next_version(struct page *page) {
    return roll_next(&page->versions, &page->has_version);
}

/* The id of what a walk stands on. */
static struct status id_at(const struct roll *roll, struct object_version_id *ret_id) {
    struct object_info info;
    TRY(record_decode_object(roll_kv_value(roll), NULL, &info));
    *ret_id = version_id_of(&info);
    return status_ok();
}

/* Whether a walk stands on that key, or on that common prefix. */
static bool is_at(bool has, const struct roll *roll, struct slice name) {
    return has && slice_eq(roll->name, name);
}

/* What is to be shown of a key. */
struct group {
    struct slice key;
    struct object_version_id bound; /* only older ones; none: all */
    bool with_object;
    bool with_versions;
    struct object_version_id first; /* what was seen first; none: nothing */
};

/* Stands both walks on what is to be shown of the key, and sees what that is. */
static struct status group_seek(struct page *page, struct group *group) {
    struct key object = page->objects.range.table->at(group->key);
    struct key version = key_versions_of(group->key);
    struct object_version_id id;
    TRY(roll_seek(&page->objects, &object, &page->has_object));
    if (!version_id_is_none(group->bound)) {
        version = key_version(group->key, group->bound);
        version.bytes[version.len++] = 0; /* behind it */
    }
    TRY(roll_seek(&page->versions, &version, &page->has_version));
    group->with_object = is_at(page->has_object, &page->objects, group->key);
    if (group->with_object) {
        TRY(id_at(&page->objects, &id));
        group->with_object =
            version_id_is_none(group->bound) || version_id_cmp(id, group->bound) < 0;
        if (!group->with_object) TRY(next_object(page));
    }
    group->with_versions = is_at(page->has_version, &page->versions, group->key);
    return status_ok();
}

/* Shows what the key has, until the page is full; `*ret_rest` says that there is more of it. */
static struct status group_show(struct page *page, struct group *group, bool *ret_rest) {
    bool is_latest = version_id_is_none(group->bound);
    struct object_version_id shown = {{0}};
    *ret_rest = true;
    group->first = shown;
    if (group->with_object) {
        TRY(id_at(&page->objects, &group->first));
        if (is_full(page)) return status_ok();
        shown = group->first;
        TRY(add(page, &page->objects, true));
        is_latest = false;
        TRY(next_object(page));
    }
    while (is_at(page->has_version, &page->versions, group->key)) {
        struct object_version_id id;
        TRY(id_at(&page->versions, &id));
        if (version_id_is_none(group->first)) group->first = id;
        /* It was shown as the current object, and has gone down since. */
        if (version_id_is_none(shown) || version_id_cmp(id, shown) < 0) {
            if (is_full(page)) return status_ok();
            TRY(add(page, &page->versions, is_latest));
            is_latest = false;
            shown = id;
        }
        TRY(next_version(page));
    }
    *ret_rest = false;
    return status_ok();
}

/* The same where the walk over the objects has come to the key, or behind it, by itself. */
static struct status group_here(struct page *page, struct group *group) {
    group->with_object = is_at(page->has_object, &page->objects, group->key);
    group->with_versions = false;
    if (page->is_plain) return status_ok();
    struct key version = key_versions_of(group->key);
    TRY(roll_seek(&page->versions, &version, &page->has_version));
    group->with_versions = is_at(page->has_version, &page->versions, group->key);
    return status_ok();
}

/* The newest version of the key, as its head says; zeros where it has no head. */
static struct status newest_of(struct page *page, const struct group *group,
                               struct object_version_id *ret_newest) {
    struct version_history history = {0};
    arena_reset(&page->scratch);
    TRY(version_head_read(page->store, page->bucket, group->key, &page->scratch, &history));
    *ret_newest = history.head.newest;
    return status_ok();
}

/*
 * Shows the key once. `*ret_whole`: nothing moved while it was read. Versions move between the
 * tables only when the newest changes, and one that is below it all the while lies where it lay. So
 * the newest must be what was seen first, or, below a bound, the same before and after.
 */
static struct status try_key(struct page *page, struct group *group, bool is_here, bool *ret_rest,
                             bool *ret_whole) {
    bool bounded = !version_id_is_none(group->bound);
    struct object_version_id before = {{0}};
    struct object_version_id after = {{0}};
    if (bounded) TRY(newest_of(page, group, &before));
    TRY(is_here ? group_here(page, group) : group_seek(page, group));
    bool has_versions = group->with_versions;
    TRY(group_show(page, group, ret_rest));
    *ret_whole = true;
    if (page->is_plain) return status_ok();
    TRY(newest_of(page, group, &after));
    if (!bounded) before = group->first;
    *ret_whole = version_id_eq(before, after);
    /* What never had versioning has no head. */
    if (!bounded && version_id_is_none(after)) *ret_whole = !has_versions;
    return status_ok();
}

static struct status show_key(struct page *page, struct group *group, bool is_here,
                              bool *ret_rest) {
    size_t count = page->page->count;
    bool whole = false;
    for (int i = 0; i < GROUP_TRIES_MAX && !whole; i++) {
        page->page->count = count;
        TRY(try_key(page, group, is_here && i == 0, ret_rest, &whole));
    }
    return status_ok();
}

/* Moves the heads behind a name, once the objects are. */
static struct status heads_pass(struct page *page, struct slice name) {
    if (is_at(page->has_head, &page->heads, name)) {
        return roll_next(&page->heads, &page->has_head);
    }
    /* What is there now need not have been there when they stood on the name they stand on. */
    if (page->is_plain) return status_ok();
    roll_start(&page->heads.range, SLICE(""), name);
    struct key start = page->heads.range.start;
    return roll_seek(&page->heads, &start, &page->has_head);
}

static struct status show_prefix(struct page *page, struct slice name) {
    bool object = is_at(page->has_object, &page->objects, name);
    TRY(add(page, object ? &page->objects : &page->heads, false));
    if (object) TRY(next_object(page));
    return heads_pass(page, name);
}

/* The walk that stands on the lesser name; NULL at the end. */
static const struct roll *lesser(const struct page *page) {
    if (!page->has_object && !page->has_head) return NULL;
    if (!page->has_head) return &page->objects;
    if (!page->has_object) return &page->heads;
    bool object = slice_cmp(page->objects.name, page->heads.name) <= 0;
    return object ? &page->objects : &page->heads;
}

static struct status fill(struct page *page) {
    const struct roll *at;
    char name[OBJECT_KEY_MAX];
    while ((at = lesser(page)) != NULL) {
        if (is_full(page)) return end_truncated(page);
        CHECK(at->name.len <= sizeof name);
        memcpy(name, at->name.ptr, at->name.len);
        struct slice copy = slice_of(name, at->name.len);
        if (at->is_prefix) {
            TRY(show_prefix(page, copy));
            continue;
        }
        struct group group = {.key = copy};
        bool rest;
        TRY(show_key(page, &group, true, &rest));
        if (rest) return end_truncated(page);
        TRY(heads_pass(page, copy));
    }
    return status_ok();
}

/* ---- where it begins ------------------------------------------------------------------------ */

/*
 * What the id marker stands for; false: of the marker's key nothing is left. A null version that
 * has gone says nothing, so everything of its key is shown again.
 */
static struct status find_bound(struct page *page, struct object_version_id *ret_bound,
                                bool *ret_any) {
    const struct version_list_query *query = page->query;
    struct object_version_id bound = query->id_marker.id;
    *ret_any = true;
    if (query->id_marker.kind == OBJECT_VERSION_NULL) {
        struct object_info info;
        arena_reset(&page->scratch);
        struct status s = object_find_version(page->store, page->bucket, query->key_marker,
                                              &query->id_marker, &page->scratch, &info);
        bool found = is_ok(s);
        if (!found && !status_is(s, STATUS_NOT_FOUND)) return s;
        *ret_any = found || page->bucket->versioning != BUCKET_VERSIONING_OFF;
        bound = found ? version_id_of(&info) : (struct object_version_id){{0}};
    }
    *ret_bound = bound;
    return status_ok();
}

/* Shows the rest of the marker's key first; `*ret_full` ends the page there. */
static struct status begin(struct page *page, bool *ret_full) {
    const struct version_list_query *query = page->query;
    struct group group = {.key = query->key_marker};
    bool any = query->has_id_marker && query->key_marker.len > 0 &&
               query->key_marker.len <= OBJECT_KEY_MAX &&
               slice_starts_with(query->key_marker, query->prefix) &&
               roll_common(&page->objects.range, query->key_marker).len == 0;
    *ret_full = false;
    if (any) TRY(find_bound(page, &group.bound, &any));
    if (any) TRY(show_key(page, &group, false, ret_full));
    if (*ret_full) return end_truncated(page);
    roll_start(&page->objects.range, SLICE(""), query->key_marker);
    roll_start(&page->heads.range, SLICE(""), query->key_marker);
    struct key object = page->objects.range.start;
    struct key head = page->heads.range.start;
    TRY(roll_seek(&page->objects, &object, &page->has_object));
    return roll_seek(&page->heads, &head, &page->has_head);
}

static struct status list(struct page *page) {
    bool full;
    struct key head = page->heads.range.start;
    TRY(roll_seek(&page->heads, &head, &page->has_head));
    page->is_plain = page->bucket->versioning == BUCKET_VERSIONING_OFF && !page->has_head;
    TRY(begin(page, &full));
    return full ? status_ok() : fill(page);
}

static struct roll_range range_of(const struct version_list_query *query,
                                  const struct roll_table *table) {
    struct roll_range range = {
        .table = table, .prefix = query->prefix, .delimiter = query->delimiter};
    roll_start(&range, SLICE(""), SLICE(""));
    return range;
}

static struct status open_and_list(struct page *page) {
    struct kv *kv = page->store->config.kv;
    struct kv_partition partition = page->bucket->incarnation;
    struct roll_range objects = range_of(page->query, &roll_objects);
    struct roll_range heads = range_of(page->query, &roll_heads);
    struct roll_range versions = range_of(page->query, &roll_versions);
    TRY(roll_open(&page->objects, kv, partition, &objects));
    struct status s = roll_open(&page->heads, kv, partition, &heads);
    if (is_ok(s)) s = roll_open(&page->versions, kv, partition, &versions);
    if (is_ok(s)) s = list(page);
    roll_close(&page->versions);
    roll_close(&page->heads);
    roll_close(&page->objects);
    return s;
}

struct status list_versions(struct object_store *store, const struct bucket *bucket,
                            const struct version_list_query *query, struct arena *arena,
                            struct version_list_page *ret_page) {
    struct version_list_page result = {0};
    struct page page = {
        .store = store, .bucket = bucket, .query = query, .page = &result, .arena = arena};
    page.max = query->max < LIST_PAGE_MAX ? query->max : LIST_PAGE_MAX;
    if (page.max > 0) {
        arena_init(&page.scratch, SCRATCH_BLOCK, SCRATCH_MAX);
        struct status s = open_and_list(&page);
        arena_fini(&page.scratch);
        TRY(s);
    }
    *ret_page = result;
    return status_ok();
}
