#include "object/upload.h"

#include <endian.h>

#include "base/check.h"
#include "object/inner.h"
#include "object/roll.h"

/* The upload of a record, which lies in the arena. */
static struct status give(struct slice record, struct slice key, struct key_id id,
                          struct arena *arena, struct upload *ret_upload) {
    struct upload upload;
    TRY(record_decode_upload(record, arena, &upload));
    upload.id = key_id_to_text(id, arena);
    upload.key = arena_dup(arena, key);
    TRY(arena_ok(arena));
    *ret_upload = upload;
    return status_ok();
}

/* ---- starting and finding ------------------------------------------------------------------- */

struct creation {
    struct store_change change;
    const struct upload *wanted;
    struct arena *arena; /* of the answer */
    struct key_id id;
    struct slice record;
};

static uint64_t id_time(struct key_id id) {
    uint64_t big;
    memcpy(&big, id.bytes, sizeof big);
    return be64toh(big);
}

/* The time of the newest upload of the key; 0 where there is none. */
static struct status newest_time(const struct store_change *change, uint64_t *ret_time) {
    struct key all = key_uploads_of(change->key);
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(change->store->config.kv, change->bucket->incarnation, key_slice(&all),
                       &cursor));
    struct key_id last;
    struct key end = all;
    memset(last.bytes, 0xff, sizeof last.bytes);
    memcpy(end.bytes + end.len, last.bytes, sizeof last.bytes);
    end.len += sizeof last.bytes;
    bool found;
    struct status s = kv_cursor_seek_back(cursor, key_slice(&end), &found);
    *ret_time = 0;
    if (is_ok(s) && found) {
        s = key_id_parse(kv_cursor_key(cursor), all.len, &last);
        if (is_ok(s)) *ret_time = id_time(last);
    }
    kv_cursor_close(&cursor);
    return s;
}

/*
 * An id is a time and a random half. Its time is later than that of all uploads of the key that are
 * there, also when the clock was set back, so that ids sort as uploads were made.
 */
static struct status choose_id(struct creation *creation, int64_t now_ns) {
    uint64_t newest;
    TRY(newest_time(&creation->change, &newest));
    uint64_t time = (uint64_t)now_ns;
    if (time <= newest && newest < UINT64_MAX) time = newest + 1;
    uint64_t big = htobe64(time);
    memcpy(creation->id.bytes, &big, sizeof big);
    random_fill(creation->change.store->config.random, creation->id.bytes + sizeof big,
                sizeof creation->id.bytes - sizeof big);
    return status_ok();
}

static struct status build_creation(struct store_change *change, struct kv_batch *batch,
                                    struct arena *scratch) {
    struct creation *creation = CONTAINER_OF(change, struct creation, change);
    (void)scratch;
    struct upload upload = *creation->wanted;
    upload.created_ns = store_now_ns(change->store);
    TRY(choose_id(creation, upload.created_ns));
    TRY(record_encode_upload(&upload, creation->arena, &creation->record));
    struct key key = key_upload(change->key, creation->id);
    kv_batch_guard_absent(batch, key_slice(&key));
    kv_batch_put(batch, key_slice(&key), creation->record);
    return status_ok();
}

struct status upload_create(struct object_store *store, const struct bucket *bucket,
                            const struct upload *wanted, struct arena *arena,
                            struct upload *ret_upload) {
    const struct upload_checksum *checksum = &wanted->checksum;
    if (checksum->present && checksum->type == OBJECT_CHECKSUM_FULL &&
        !checksum_combines(checksum->kind)) {
        return status_of(STATUS_INVALID);
    }
    struct creation creation = {
        .change = {.store = store, .build = build_creation, .bucket = bucket, .key = wanted->key},
        .wanted = wanted,
        .arena = arena};
    TRY(store_change(&creation.change));
    return give(creation.record, wanted->key, creation.id, arena, ret_upload);
}

struct status upload_find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct slice id, struct arena *arena, struct upload *ret_upload) {
    struct key_id parsed;
    if (!key_id_from_text(id, &parsed)) return status_of(STATUS_NOT_FOUND);
    struct key kv_key = key_upload(key, parsed);
    struct slice record;
    TRY(store_get(store, bucket, &kv_key, arena, &record));
    return give(record, key, parsed, arena, ret_upload);
}

/* ---- listing -------------------------------------------------------------------------------- */

enum { ENTRIES_FIRST = 64 }; /* room for; if there are more, for a whole page */

struct page {
    struct upload_list_page *page;
    size_t cap;
    size_t max;
    struct arena *arena;
};

/* Room for one more entry, zeroed; NULL when the arena is full. */
static struct upload_list_entry *entry_new(struct page *page) {
    struct upload_list_page *result = page->page;
    if (result->count == page->cap) {
        size_t cap = page->cap == 0 && page->max > ENTRIES_FIRST ? ENTRIES_FIRST : page->max;
        struct upload_list_entry *entries = arena_calloc(page->arena, cap, sizeof *entries);
        if (!entries) return NULL;
        if (page->cap > 0) memcpy(entries, result->entries, page->cap * sizeof *entries);
        result->entries = entries;
        page->cap = cap;
    }
    return &result->entries[result->count++];
}

static struct status add(struct page *page, const struct roll *roll) {
    struct upload_list_entry *entry = entry_new(page);
    if (!entry) return status_of(STATUS_NO_MEMORY);
    entry->is_prefix = roll->is_prefix;
    entry->name = arena_dup(page->arena, roll->name);
    if (entry->is_prefix) return arena_ok(page->arena);
    struct slice record = arena_dup(page->arena, roll_kv_value(roll));
    TRY(arena_ok(page->arena));
    TRY(record_decode_upload(record, NULL, &entry->upload));
    struct key_id id;
    struct slice kv_key = roll_kv_key(roll);
    TRY(key_id_parse(kv_key, kv_key.len - KEY_ID_LEN, &id));
    entry->upload.key = entry->name;
    entry->upload.id = key_id_to_text(id, page->arena);
    return arena_ok(page->arena);
}

static struct status fill(struct page *page, struct roll *roll) {
    struct upload_list_page *result = page->page;
    bool found;
    TRY(roll_next(roll, &found));
    while (found && result->count < page->max) {
        TRY(add(page, roll));
        TRY(roll_next(roll, &found));
    }
    result->truncated = found;
    if (!found) return status_ok();
    const struct upload_list_entry *last = &result->entries[result->count - 1];
    result->next_key = last->name;
    result->next_id = last->upload.id;
    return status_ok();
}

/* Sets where the page begins. */
static struct status start(struct roll_range *range, const struct upload_list_query *query) {
    struct key_id id;
    if (query->key_marker.len == 0 || query->id_marker.len == 0) {
        roll_start(range, SLICE(""), query->key_marker);
        return status_ok();
    }
    if (!key_id_from_text(query->id_marker, &id)) return status_of(STATUS_INVALID);
    if (query->key_marker.len > OBJECT_KEY_MAX || roll_common(range, query->key_marker).len > 0) {
        roll_start(range, SLICE(""), query->key_marker);
        return status_ok();
    }
    roll_start(range, SLICE(""), SLICE(""));
    struct key behind = key_upload(query->key_marker, id);
    behind.bytes[behind.len++] = 0;
    if (slice_cmp(key_slice(&behind), key_slice(&range->start)) > 0) range->start = behind;
    return status_ok();
}

struct status upload_list(struct object_store *store, const struct bucket *bucket,
                          const struct upload_list_query *query, struct arena *arena,
                          struct upload_list_page *ret_page) {
    struct roll_range range = {
        .table = &roll_uploads, .prefix = query->prefix, .delimiter = query->delimiter};
    TRY(start(&range, query));
    struct upload_list_page result = {0};
    struct page page = {.page = &result, .arena = arena};
    page.max = query->max < UPLOAD_LIST_MAX ? query->max : UPLOAD_LIST_MAX;
    if (page.max > 0) {
        struct roll roll;
        TRY(roll_open(&roll, store->config.kv, bucket->incarnation, &range));
        struct status s = fill(&page, &roll);
        roll_close(&roll);
        TRY(s);
    }
    *ret_page = result;
    return status_ok();
}

/* ---- ending --------------------------------------------------------------------------------- */

struct ending {
    struct store_change change;
    struct key_id id;
};

static struct status build_abort(struct store_change *change, struct kv_batch *batch,
                                 struct arena *scratch) {
    struct key_id id = CONTAINER_OF(change, struct ending, change)->id;
    struct key key = key_upload(change->key, id);
    struct slice record;
    TRY(store_get(change->store, change->bucket, &key, scratch, &record));
    kv_batch_guard_present(batch, key_slice(&key));
    kv_batch_delete(batch, key_slice(&key));
    return upload_mark_ended(change, id, batch, scratch);
}

struct status upload_abort(struct object_store *store, const struct bucket *bucket,
                           struct slice key, struct slice id) {
    struct ending ending = {
        .change = {.store = store, .build = build_abort, .bucket = bucket, .key = key}};
    if (!key_id_from_text(id, &ending.id)) return status_of(STATUS_NOT_FOUND);
    return store_change(&ending.change);
}
