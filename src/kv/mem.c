#include "kv/mem.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "kv/driver.h"

/* One entry; allocated with its bytes behind it: partition and key (which order it), value. */
struct mem_entry {
    size_t name_len;
    size_t value_len;
    char bytes[];
};

struct mem_kv {
    struct kv kv;
    pthread_mutex_t lock; /* guards everything below */
    struct mem_entry **entries;
    size_t count;
    size_t cap;
    struct kv_stats stats;
};

/* What an entry was before the batch touched it, so that a failing batch can be taken back. */
struct mem_undo {
    struct slice name;
    struct mem_entry *before; /* NULL: it was absent */
};

struct mem_cursor {
    struct kv_cursor cursor;
    struct mem_kv *store;
    struct slice prefix;    /* with the partition in front; owned */
    struct mem_entry *here; /* a copy of the entry it stands on; NULL: nowhere */
};

static struct mem_kv *mem_of(struct kv *kv) {
    return CONTAINER_OF(kv, struct mem_kv, kv);
}

static struct slice entry_name(const struct mem_entry *entry) {
    return slice_of(entry->bytes, entry->name_len);
}

static struct slice entry_value(const struct mem_entry *entry) {
    return slice_of(entry->bytes + entry->name_len, entry->value_len);
}

static struct mem_entry *entry_new(struct slice name, struct slice value) {
    struct mem_entry *entry = malloc(sizeof *entry + name.len + value.len);
    CHECK(entry);
    entry->name_len = name.len;
    entry->value_len = value.len;
    memcpy(entry->bytes, name.ptr, name.len);
    memcpy(entry->bytes + name.len, value.ptr, value.len);
    return entry;
}

/* The name under which a key is sorted: its partition, then itself. Owns: the caller, by free. */
static struct slice name_new(struct kv_partition partition, struct slice key) {
    char *name = malloc(sizeof partition.id + key.len);
    CHECK(name);
    memcpy(name, partition.id, sizeof partition.id);
    if (key.len > 0) memcpy(name + sizeof partition.id, key.ptr, key.len);
    return slice_of(name, sizeof partition.id + key.len);
}

static void name_free(struct slice name) {
    free((void *)(uintptr_t)name.ptr);
}

/* The index of the first entry at or after `name`. */
static size_t lower_bound(const struct mem_kv *store, struct slice name) {
    size_t low = 0;
    size_t high = store->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(entry_name(store->entries[middle]), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct mem_entry *find(const struct mem_kv *store, struct slice name) {
    size_t at = lower_bound(store, name);
    if (at == store->count || !slice_eq(entry_name(store->entries[at]), name)) return NULL;
    return store->entries[at];
}

static void insert_at(struct mem_kv *store, size_t at, struct mem_entry *entry) {
    if (store->count == store->cap) {
        store->cap = store->cap ? 2 * store->cap : 64;
        store->entries = reallocarray(store->entries, store->cap, sizeof *store->entries);
        CHECK(store->entries);
    }
    memmove(store->entries + at + 1, store->entries + at,
            (store->count - at) * sizeof *store->entries);
    store->entries[at] = entry;
    store->count++;
}

static void remove_range(struct mem_kv *store, size_t from, size_t to) {
    memmove(store->entries + from, store->entries + to,
            (store->count - to) * sizeof *store->entries);
    store->count -= to - from;
}

/* Puts `entry` (NULL: nothing) in the place of `name`; gives back what was there. */
static struct mem_entry *exchange(struct mem_kv *store, struct slice name,
                                  struct mem_entry *entry) {
    size_t at = lower_bound(store, name);
    bool there = at < store->count && slice_eq(entry_name(store->entries[at]), name);
    struct mem_entry *before = there ? store->entries[at] : NULL;
    if (there && entry) {
        store->entries[at] = entry;
    } else if (there) {
        remove_range(store, at, at + 1);
    } else if (entry) {
        insert_at(store, at, entry);
    }
    return before;
}

static struct status mem_get(struct kv *kv, struct kv_partition partition, struct slice key,
                             struct arena *arena, struct slice *ret_value) {
    struct mem_kv *store = mem_of(kv);
    struct slice name = name_new(partition, key);
    pthread_mutex_lock(&store->lock);
    const struct mem_entry *entry = find(store, name);
    struct slice value = entry ? arena_dup(arena, entry_value(entry)) : slice_of(NULL, 0);
    bool found = entry != NULL;
    pthread_mutex_unlock(&store->lock);
    name_free(name);
    if (!found) return status_of(STATUS_NOT_FOUND);
    if (value.len == 0) return status_of(STATUS_NO_MEMORY);
    *ret_value = value;
    return status_ok();
}

/* Whether a guard on presence or equality holds before the batch; true for every other line. */
static bool guard_holds(const struct mem_kv *store, const struct kv_entry *line,
                        struct slice name) {
    const struct mem_entry *there = find(store, name);
    switch (line->kind) {
        case KV_ENTRY_GUARD_ABSENT:
            return !there;
        case KV_ENTRY_GUARD_PRESENT:
            return there;
        case KV_ENTRY_GUARD_EQUALS:
            return there && slice_eq(entry_value(there), line->value);
        case KV_ENTRY_PUT:
        case KV_ENTRY_DELETE:
        case KV_ENTRY_ADD:
            return true;
    }
    return false;
}

/* What the counter at `name` becomes: an entry, or NULL for 0. CONFLICT if it leaves its bounds. */
static struct status counted(const struct mem_kv *store, const struct kv_entry *line,
                             struct slice name, struct mem_entry **ret_after) {
    const struct mem_entry *there = find(store, name);
    int64_t count = 0;
    if (there) TRY(kv_counter_parse(entry_value(there), &count));
    if (!kv_counter_add(count, line, &count)) return status_of(STATUS_CONFLICT);
    char bytes[KV_COUNTER_LEN];
    kv_counter_encode(count, bytes);
    *ret_after = count == 0 ? NULL : entry_new(name, slice_of(bytes, sizeof bytes));
    return status_ok();
}

/* Applies one change and writes down what was there before. */
static struct status change(struct mem_kv *store, const struct kv_entry *line, struct slice name,
                            struct mem_undo *undo, size_t *undo_count) {
    struct mem_entry *after = NULL;
    if (line->kind == KV_ENTRY_ADD) TRY(counted(store, line, name, &after));
    if (line->kind == KV_ENTRY_PUT) after = entry_new(name, line->value);
    undo[(*undo_count)++] = (struct mem_undo){name, exchange(store, name, after)};
    return status_ok();
}

static void take_back(struct mem_kv *store, const struct mem_undo *undo, size_t count) {
    while (count-- > 0) free(exchange(store, undo[count].name, undo[count].before));
}

static bool is_change(enum kv_entry_kind kind) {
    return kind == KV_ENTRY_PUT || kind == KV_ENTRY_DELETE || kind == KV_ENTRY_ADD;
}

/* Judges and applies a batch whose names are `names`; takes everything back if a guard fails. */
static struct status apply(struct mem_kv *store, const struct kv_batch *batch,
                           const struct slice *names, struct mem_undo *undo,
                           size_t *ret_failed_guard) {
    size_t line_count = kv_batch_entry_count(batch);
    size_t guard = 0;
    for (size_t i = 0; i < line_count; i++) {
        struct kv_entry line = kv_batch_entry(batch, i);
        *ret_failed_guard = guard;
        if (!guard_holds(store, &line, names[i])) return status_of(STATUS_CONFLICT);
        guard += kv_entry_is_guard(line.kind);
    }
    size_t undo_count = 0;
    guard = 0;
    for (size_t i = 0; i < line_count; i++) {
        struct kv_entry line = kv_batch_entry(batch, i);
        *ret_failed_guard = guard;
        guard += kv_entry_is_guard(line.kind);
        if (!is_change(line.kind)) continue;
        struct status s = change(store, &line, names[i], undo, &undo_count);
        if (is_ok(s)) continue;
        take_back(store, undo, undo_count);
        return s;
    }
    while (undo_count-- > 0) free(undo[undo_count].before);
    return status_ok();
}

static struct status mem_commit(struct kv *kv, struct kv_partition partition,
                                const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct mem_kv *store = mem_of(kv);
    size_t line_count = kv_batch_entry_count(batch);
    struct slice *names = calloc(line_count, sizeof *names);
    struct mem_undo *undo = calloc(line_count, sizeof *undo);
    CHECK(names && undo);
    for (size_t i = 0; i < line_count; i++) {
        names[i] = name_new(partition, kv_batch_entry(batch, i).key);
    }
    pthread_mutex_lock(&store->lock);
    struct status s = apply(store, batch, names, undo, ret_failed_guard);
    store->stats.commits += is_ok(s);
    store->stats.commit_groups += is_ok(s);
    store->stats.conflicts += status_is(s, STATUS_CONFLICT);
    pthread_mutex_unlock(&store->lock);
    for (size_t i = 0; i < line_count; i++) name_free(names[i]);
    free(names);
    free(undo);
    return s;
}

static struct status mem_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                              bool *ret_done) {
    struct mem_kv *store = mem_of(kv);
    struct slice prefix = name_new(partition, slice_of(NULL, 0));
    pthread_mutex_lock(&store->lock);
    size_t from = lower_bound(store, prefix);
    size_t to = from;
    while (to < store->count && to - from < entries_max &&
           slice_starts_with(entry_name(store->entries[to]), prefix)) {
        free(store->entries[to++]);
    }
    remove_range(store, from, to);
    *ret_done =
        from == store->count || !slice_starts_with(entry_name(store->entries[from]), prefix);
    pthread_mutex_unlock(&store->lock);
    name_free(prefix);
    return status_ok();
}

static void mem_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    struct mem_kv *store = mem_of(kv);
    pthread_mutex_lock(&store->lock);
    *ret_stats = store->stats;
    ret_stats->entries = store->count;
    pthread_mutex_unlock(&store->lock);
}

static void mem_close(struct kv **kv) {
    struct mem_kv *store = mem_of(*kv);
    for (size_t i = 0; i < store->count; i++) free(store->entries[i]);
    free(store->entries);
    pthread_mutex_destroy(&store->lock);
    free(store);
    *kv = NULL;
}

static struct mem_cursor *cursor_of(struct kv_cursor *cursor) {
    return CONTAINER_OF(cursor, struct mem_cursor, cursor);
}

static const struct mem_cursor *cursor_of_const(const struct kv_cursor *cursor) {
    return (const struct mem_cursor *)cursor; /* its first member */
}

/* Lets the cursor stand on entry `at` if that exists and has the prefix, else nowhere. */
static bool stand_at(struct mem_cursor *self, size_t at) {
    const struct mem_kv *store = self->store;
    struct mem_entry *here = NULL;
    if (at < store->count && slice_starts_with(entry_name(store->entries[at]), self->prefix)) {
        here = entry_new(entry_name(store->entries[at]), entry_value(store->entries[at]));
    }
    free(self->here);
    self->here = here;
    return here;
}

/* The index of the first entry behind all that begin with the prefix. */
static size_t prefix_end(const struct mem_cursor *self) {
    size_t at = lower_bound(self->store, self->prefix);
    while (at < self->store->count &&
           slice_starts_with(entry_name(self->store->entries[at]), self->prefix)) {
        at++;
    }
    return at;
}

static struct slice cursor_name(const struct mem_cursor *self, struct slice key) {
    struct kv_partition partition;
    memcpy(partition.id, self->prefix.ptr, sizeof partition.id);
    return name_new(partition, key);
}

static struct status mem_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct mem_cursor *self = cursor_of(cursor);
    struct slice name = cursor_name(self, key);
    pthread_mutex_lock(&self->store->lock);
    bool before = slice_cmp(name, self->prefix) < 0;
    *ret_found = stand_at(self, lower_bound(self->store, before ? self->prefix : name));
    pthread_mutex_unlock(&self->store->lock);
    name_free(name);
    return status_ok();
}

static struct status mem_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct mem_cursor *self = cursor_of(cursor);
    struct slice name = cursor_name(self, key);
    pthread_mutex_lock(&self->store->lock);
    size_t behind = lower_bound(self->store, name);
    if (find(self->store, name)) behind++;
    size_t end = prefix_end(self);
    if (behind > end) behind = end;
    *ret_found = stand_at(self, behind - 1); /* at behind 0 the index is past every entry */
    pthread_mutex_unlock(&self->store->lock);
    name_free(name);
    return status_ok();
}

static struct status mem_next(struct kv_cursor *cursor, bool *ret_found) {
    struct mem_cursor *self = cursor_of(cursor);
    *ret_found = false;
    if (!self->here) return status_ok();
    pthread_mutex_lock(&self->store->lock);
    struct slice name = entry_name(self->here);
    size_t at = lower_bound(self->store, name);
    if (find(self->store, name)) at++;
    *ret_found = stand_at(self, at);
    pthread_mutex_unlock(&self->store->lock);
    return status_ok();
}

static struct status mem_prev(struct kv_cursor *cursor, bool *ret_found) {
    struct mem_cursor *self = cursor_of(cursor);
    *ret_found = false;
    if (!self->here) return status_ok();
    pthread_mutex_lock(&self->store->lock);
    *ret_found = stand_at(self, lower_bound(self->store, entry_name(self->here)) - 1);
    pthread_mutex_unlock(&self->store->lock);
    return status_ok();
}

static struct slice mem_key(const struct kv_cursor *cursor) {
    const struct mem_cursor *self = cursor_of_const(cursor);
    CHECK(self->here);
    return slice_skip(entry_name(self->here), KV_PARTITION_LEN);
}

static struct slice mem_value(const struct kv_cursor *cursor) {
    const struct mem_cursor *self = cursor_of_const(cursor);
    CHECK(self->here);
    return entry_value(self->here);
}

static void mem_cursor_close(struct kv_cursor **cursor) {
    struct mem_cursor *self = cursor_of(*cursor);
    free(self->here);
    name_free(self->prefix);
    free(self);
    *cursor = NULL;
}

static const struct kv_cursor_ops mem_cursor_ops = {
    .seek = mem_seek,
    .seek_back = mem_seek_back,
    .next = mem_next,
    .prev = mem_prev,
    .key = mem_key,
    .value = mem_value,
    .close = mem_cursor_close,
};

static struct status mem_cursor_open(struct kv *kv, struct kv_partition partition,
                                     struct slice prefix, struct kv_cursor **ret_cursor) {
    struct mem_cursor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->cursor.ops = &mem_cursor_ops;
    self->store = mem_of(kv);
    self->prefix = name_new(partition, prefix);
    *ret_cursor = &self->cursor;
    return status_ok();
}

static struct status mem_partition_find(struct kv *kv, struct kv_partition from, bool *ret_found,
                                        struct kv_partition *ret_partition) {
    struct mem_kv *store = mem_of(kv);
    pthread_mutex_lock(&store->lock);
    size_t at = lower_bound(store, slice_of(from.id, sizeof from.id));
    *ret_found = at < store->count;
    if (*ret_found) memcpy(ret_partition->id, store->entries[at]->bytes, sizeof from.id);
    pthread_mutex_unlock(&store->lock);
    return status_ok();
}

static const struct kv_ops mem_ops = {
    .get = mem_get,
    .cursor_open = mem_cursor_open,
    .commit = mem_commit,
    .drop = mem_drop,
    .stats_read = mem_stats_read,
    .partition_find = mem_partition_find,
    .close = mem_close,
};

struct kv *kv_mem_open(void) {
    struct mem_kv *store = calloc(1, sizeof *store);
    CHECK(store);
    store->kv.ops = &mem_ops;
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    return &store->kv;
}
