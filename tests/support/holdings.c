#include "support/holdings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "blob/driver.h"
#include "object/record.h"

enum { NAMED_MAX = 64 * 1024 };

/* Something that has references: a blob or a manifest. */
struct named {
    struct blob_id id;
    bool present;   /* its record is there */
    bool candidate; /* it may be garbage */
    uint32_t released;
    int64_t extra; /* references but one */
    int64_t names; /* that were met */
};

/* In the order of their ids, as the walk meets them. */
struct ledger {
    struct named items[NAMED_MAX];
    size_t count;
};

struct books {
    struct kv_cursor *cursor;
    struct arena arena;
    struct ledger blobs;
    struct ledger manifests;
    struct holdings holdings;
    int64_t counted_objects;
    int64_t counted_bytes;
    bool gone; /* the bucket was deleted */
};

static int compare(const void *id, const void *item) {
    return memcmp(id, ((const struct named *)item)->id.bytes, BLOB_ID_LEN);
}

static struct named *find(struct ledger *ledger, const uint8_t *id) {
    return bsearch(id, ledger->items, ledger->count, sizeof ledger->items[0], compare);
}

/* The item of an id, made where there is none. */
static struct named *item_of(struct ledger *ledger, const uint8_t *id) {
    struct named *item = find(ledger, id);
    if (item) return item;
    CHECK(ledger->count < NAMED_MAX);
    size_t at = ledger->count++;
    while (at > 0 && compare(id, &ledger->items[at - 1]) < 0) {
        ledger->items[at] = ledger->items[at - 1];
        at--;
    }
    ledger->items[at] = (struct named){0};
    memcpy(ledger->items[at].id.bytes, id, BLOB_ID_LEN);
    return &ledger->items[at];
}

static void name(struct ledger *ledger, const char *what, const uint8_t *id) {
    struct named *item = find(ledger, id);
    if (!item || !item->present) fail_msg("%s is named but not there", what);
    item->names++;
}

static int64_t number(struct slice value) {
    int64_t count;
    CHECK(is_ok(kv_counter_parse(value, &count)));
    return count;
}

static const uint8_t *id_at(struct slice key, size_t at) {
    if (key.len != at + BLOB_ID_LEN) fail_msg("a key of a wrong length");
    return (const uint8_t *)key.ptr + at;
}

/* First pass: what is there, and the references it has. */
static void note_blob(struct books *books, struct slice key, struct slice value) {
    struct named *item = item_of(&books->blobs, id_at(key, 2));
    if (key.ptr[1] == BLOB_KEY_RECORD) item->present = true;
    if (key.ptr[1] == BLOB_KEY_GARBAGE) item->candidate = true;
    if (key.ptr[1] == BLOB_KEY_EXTRA) item->extra = number(value);
}

static void note_entry(struct books *books, struct slice key, struct slice value) {
    struct record_epoch epoch;
    switch (key.ptr[0]) {
        case BLOB_KEY_PREFIX:
            note_blob(books, key, value);
            break;
        case KEY_MANIFEST:
            item_of(&books->manifests, id_at(key, 1))->present = true;
            break;
        case KEY_MANIFEST_EXTRA:
            item_of(&books->manifests, id_at(key, 1))->extra = number(value);
            break;
        case KEY_MANIFEST_GARBAGE: {
            struct named *item = item_of(&books->manifests, id_at(key, 1));
            item->candidate = true;
            CHECK(is_ok(record_decode_manifest_garbage(value, &item->released)));
            break;
        }
        case KEY_COUNTER:
            if (key.ptr[1] == KEY_COUNT_OBJECTS) books->counted_objects = number(value);
            if (key.ptr[1] == KEY_COUNT_BYTES) books->counted_bytes = number(value);
            break;
        case KEY_EPOCH:
            CHECK(is_ok(record_decode_epoch(value, (struct kv_partition){{0}}, &epoch)));
            books->gone = epoch.state == RECORD_EPOCH_GONE;
            break;
        case KEY_UPLOAD:
            books->holdings.uploads++;
            break;
        case KEY_RECEIPT:
            books->holdings.receipts++;
            break;
        case KEY_ENDED:
            books->holdings.waiting++;
            break;
        case KEY_OBJECT:
        case KEY_PART:
        case KEY_RECEIPT_END:
            break;
        default:
            fail_msg("a key of an unknown table, 0x%02x", (unsigned char)key.ptr[0]);
    }
}

/* Second pass: the names. */
static void name_content(struct books *books, const struct object_content *content) {
    if (content->kind == OBJECT_CONTENT_BLOB) name(&books->blobs, "a blob", content->id.bytes);
    if (content->kind == OBJECT_CONTENT_MANIFEST) {
        name(&books->manifests, "a manifest", content->id.bytes);
    }
}

static void name_object(struct books *books, struct slice value) {
    struct object_info info;
    CHECK(is_ok(record_decode_object(value, NULL, &info)));
    books->holdings.objects++;
    books->holdings.bytes += info.size;
    name_content(books, &info.content);
}

static void name_part(struct books *books, struct slice value) {
    struct record_part part;
    CHECK(is_ok(record_decode_part(value, &part)));
    books->holdings.parts++;
    if (part.size > 0) name(&books->blobs, "a part's blob", part.blob.bytes);
}

/* The names in a manifest: of the parts that were not released yet. */
static void name_manifest(struct books *books, struct slice key, struct slice value) {
    struct record_manifest manifest;
    arena_reset(&books->arena);
    CHECK(is_ok(record_decode_manifest(value, &books->arena, &manifest)));
    const struct named *item = find(&books->manifests, id_at(key, 1));
    for (size_t i = item->released; i < manifest.count; i++) {
        if (manifest.parts[i].size == 0) continue;
        name(&books->blobs, "a manifest's blob", manifest.parts[i].blob.bytes);
    }
}

static void name_entry(struct books *books, struct slice key, struct slice value) {
    if (key.ptr[0] == KEY_OBJECT) name_object(books, value);
    if (key.ptr[0] == KEY_PART) name_part(books, value);
    if (key.ptr[0] == KEY_MANIFEST) name_manifest(books, key, value);
}

static void walk(struct books *books,
                 void (*entry)(struct books *books, struct slice key, struct slice value)) {
    bool found;
    CHECK(is_ok(kv_cursor_seek(books->cursor, SLICE("\0"), &found)));
    while (found) {
        entry(books, kv_cursor_key(books->cursor), kv_cursor_value(books->cursor));
        CHECK(is_ok(kv_cursor_next(books->cursor, &found)));
    }
}

/* Every part belongs to an upload, in progress or ended. */
static void check_parts(struct kv *kv, struct kv_partition partition, struct books *books) {
    bool found;
    CHECK(is_ok(kv_cursor_seek(books->cursor, SLICE("p"), &found)));
    while (found && kv_cursor_key(books->cursor).ptr[0] == KEY_PART) {
        struct key_id id;
        uint32_t part_number;
        CHECK(is_ok(key_part_parse(kv_cursor_key(books->cursor), &id, &part_number)));
        struct key ended = key_of_id(KEY_ENDED, id);
        struct slice value;
        arena_reset(&books->arena);
        bool owned = is_ok(kv_get(kv, partition, key_slice(&ended), &books->arena, &value));
        struct kv_cursor *uploads;
        CHECK(is_ok(kv_cursor_open(kv, partition, SLICE("u"), &uploads)));
        bool more;
        CHECK(is_ok(kv_cursor_seek(uploads, SLICE("u"), &more)));
        while (more && !owned) {
            owned = slice_ends_with(kv_cursor_key(uploads), slice_of(id.bytes, sizeof id.bytes));
            CHECK(is_ok(kv_cursor_next(uploads, &more)));
        }
        kv_cursor_close(&uploads);
        if (!owned) fail_msg("part %u belongs to no upload", part_number);
        CHECK(is_ok(kv_cursor_next(books->cursor, &found)));
    }
}

static void check_ledger(const struct ledger *ledger, const char *what, struct holdings *holdings,
                         uint64_t *count) {
    for (size_t i = 0; i < ledger->count; i++) {
        const struct named *item = &ledger->items[i];
        if (!item->present) fail_msg("%s has references or is garbage, but is not there", what);
        if (item->names != 1 + item->extra) {
            fail_msg("%s is named %d times and has %d references", what, (int)item->names,
                     (int)(1 + item->extra));
        }
        if (item->extra < 0 && !item->candidate) fail_msg("%s is never freed", what);
        holdings->waiting += item->candidate;
        *count += 1;
    }
}

void holdings_read(struct kv *kv, struct kv_partition partition, struct holdings *ret_holdings) {
    struct books *books = calloc(1, sizeof *books);
    CHECK(books);
    arena_init(&books->arena, 64 * 1024, 64 * 1024 * 1024);
    CHECK(is_ok(kv_cursor_open(kv, partition, SLICE(""), &books->cursor)));
    walk(books, note_entry);
    walk(books, name_entry);
    check_ledger(&books->blobs, "a blob", &books->holdings, &books->holdings.blobs);
    check_ledger(&books->manifests, "a manifest", &books->holdings, &books->holdings.manifests);
    if (!books->gone) check_parts(kv, partition, books);
    assert_int_equal(books->counted_objects, books->holdings.objects);
    assert_int_equal(books->counted_bytes, books->holdings.bytes);
    kv_cursor_close(&books->cursor);
    arena_fini(&books->arena);
    *ret_holdings = books->holdings;
    free(books);
}
