#include "object/config.h"

#include "base/check.h"
#include "object/inner.h"

static const struct {
    char byte;
    bool several;
} kinds[] = {
#define BUCKET_CONFIG(NAME, byte, several) {byte, several},
#include "object/config.def"
#undef BUCKET_CONFIG
};

_Static_assert(BUCKET_CONFIG_COUNT <= 64, "the kinds have a bit each in the epoch record");

static uint64_t bit_of(enum bucket_config kind) {
    return UINT64_C(1) << kind;
}

bool bucket_has_config(const struct bucket *bucket, enum bucket_config kind) {
    return (bucket->configs & bit_of(kind)) != 0;
}

static struct key key_of(enum bucket_config kind, struct slice id) {
    CHECK(kinds[kind].several == (id.len > 0) && id.len <= BUCKET_CONFIG_ID_MAX);
    return key_config(kinds[kind].byte, id);
}

struct status bucket_config_get(struct object_store *store, const struct bucket *bucket,
                                enum bucket_config kind, struct slice id, struct arena *arena,
                                struct slice *ret_document) {
    if (!bucket_has_config(bucket, kind)) return status_of(STATUS_NOT_FOUND);
    struct key key = key_of(kind, id);
    struct slice raw;
    TRY(store_get(store, bucket, &key, arena, &raw));
    return record_decode_config(raw, ret_document);
}

/* ---- changing ------------------------------------------------------------------------------- */

struct config_change {
    struct store_change change;
    enum bucket_config kind;
    struct slice id;
    bool removes;
    struct slice document;
};

/* How many documents of a kind with several there are, the one of `id` not counted. */
static struct status count_others(struct config_change *c, struct arena *scratch,
                                  size_t *ret_count) {
    struct bucket_config_entry *entries =
        arena_calloc(scratch, BUCKET_CONFIG_IDS_MAX, sizeof *entries);
    TRY(arena_ok(scratch));
    size_t count;
    bool more;
    TRY(bucket_config_list(c->change.store, c->change.bucket, c->kind, SLICE(""), scratch, entries,
                           BUCKET_CONFIG_IDS_MAX, &count, &more));
    *ret_count = count;
    for (size_t i = 0; i < count; i++) *ret_count -= slice_eq(entries[i].id, c->id);
    return status_ok();
}

/* The epoch record as it will be: one generation on, with or without the kind's bit. */
static struct status put_epoch(struct config_change *c, struct kv_batch *batch,
                               struct arena *scratch) {
    const struct bucket *bucket = c->change.bucket;
    struct record_epoch epoch;
    struct slice raw;
    TRY(record_decode_epoch(bucket->epoch, bucket->incarnation, &epoch));
    epoch.generation++;
    if (!c->removes) epoch.bucket.configs |= bit_of(c->kind);
    if (c->removes && !kinds[c->kind].several) epoch.bucket.configs &= ~bit_of(c->kind);
    TRY(record_encode_epoch(&epoch, scratch, &raw));
    struct key key = key_epoch();
    kv_batch_put(batch, key_slice(&key), raw);
    return status_ok();
}

static struct status build(struct store_change *change, struct kv_batch *batch,
                           struct arena *scratch) {
    struct config_change *c = CONTAINER_OF(change, struct config_change, change);
    struct key key = key_of(c->kind, c->id);
    if (c->removes) {
        kv_batch_delete(batch, key_slice(&key));
        return put_epoch(c, batch, scratch);
    }
    if (kinds[c->kind].several) {
        size_t others;
        TRY(count_others(c, scratch, &others));
        if (others >= BUCKET_CONFIG_IDS_MAX) return status_of(STATUS_TOO_LARGE);
    }
    struct slice raw;
    TRY(record_encode_config(c->document, scratch, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    return put_epoch(c, batch, scratch);
}

struct status bucket_config_begin(struct bucket *bucket, const struct bucket_document *document,
                                  struct arena *arena, struct kv_batch *batch) {
    enum bucket_config kind = (enum bucket_config)document->kind;
    struct key key = key_of(kind, SLICE(""));
    struct slice raw;
    if (document->text.len > BUCKET_CONFIG_DOCUMENT_MAX) return status_of(STATUS_TOO_LARGE);
    TRY(record_encode_config(document->text, arena, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    bucket->configs |= bit_of(kind);
    return status_ok();
}

struct status bucket_config_put(struct object_store *store, const struct bucket *bucket,
                                enum bucket_config kind, struct slice id, struct slice document) {
    if (document.len > BUCKET_CONFIG_DOCUMENT_MAX) return status_of(STATUS_TOO_LARGE);
    struct config_change c = {
        .change = {.store = store, .build = build, .bucket = bucket, .key = SLICE("")},
        .kind = kind,
        .id = id,
        .document = document};
    return store_change(&c.change);
}

struct status bucket_config_delete(struct object_store *store, const struct bucket *bucket,
                                   enum bucket_config kind, struct slice id) {
    struct config_change c = {
        .change = {.store = store, .build = build, .bucket = bucket, .key = SLICE("")},
        .kind = kind,
        .id = id,
        .removes = true};
    return store_change(&c.change);
}

/* ---- several at once ------------------------------------------------------------------------ */

struct edit_change {
    struct store_change change;
    const struct bucket_edit *edit;
};

static struct status edit_document(const struct bucket_edited *edited, struct bucket *bucket,
                                   struct kv_batch *batch, struct arena *scratch) {
    struct key key = key_of(edited->kind, SLICE(""));
    struct slice raw;
    if (edited->document.ptr == NULL) {
        if (!bucket_has_config(bucket, edited->kind)) return status_ok();
        kv_batch_delete(batch, key_slice(&key));
        bucket->configs &= ~bit_of(edited->kind);
        return status_ok();
    }
    if (edited->document.len > BUCKET_CONFIG_DOCUMENT_MAX) return status_of(STATUS_TOO_LARGE);
    TRY(record_encode_config(edited->document, scratch, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    bucket->configs |= bit_of(edited->kind);
    return status_ok();
}

static struct status edit_build(struct store_change *change, struct kv_batch *batch,
                                struct arena *scratch) {
    const struct edit_change *c = CONTAINER_OF(change, struct edit_change, change);
    const struct bucket *bucket = change->bucket;
    struct bucket_edits edits = {0};
    struct record_epoch epoch;
    struct slice raw;
    struct key key = key_epoch();
    TRY(c->edit->make(c->edit, change->store, bucket, scratch, &edits));
    CHECK(edits.count <= BUCKET_EDITED_MAX);
    TRY(record_decode_epoch(bucket->epoch, bucket->incarnation, &epoch));
    for (size_t i = 0; i < edits.count; i++) {
        TRY(edit_document(&edits.documents[i], &epoch.bucket, batch, scratch));
    }
    if (edits.sets_quota) epoch.bucket.quota = edits.quota;
    epoch.generation++;
    TRY(record_encode_epoch(&epoch, scratch, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    return status_ok();
}

struct status bucket_edit(struct object_store *store, const struct bucket *bucket,
                          const struct bucket_edit *edit) {
    struct edit_change c = {
        .change = {.store = store, .build = edit_build, .bucket = bucket, .key = SLICE("")},
        .edit = edit};
    return store_change(&c.change);
}

/* ---- versioning and lock -------------------------------------------------------------------- */

struct mode_change {
    struct store_change change;
    bool sets_lock; /* else versioning */
    enum bucket_versioning versioning;
    struct bucket_lock lock;
};

static struct status mode_edit(const struct mode_change *c, struct bucket *bucket) {
    if (c->sets_lock) {
        if (bucket->versioning != BUCKET_VERSIONING_ENABLED) return status_of(STATUS_REFUSED);
        bucket->lock = c->lock;
        bucket->lock.enabled = true;
        return status_ok();
    }
    bool suspends = c->versioning != BUCKET_VERSIONING_ENABLED;
    if (suspends && bucket->lock.enabled) return status_of(STATUS_REFUSED);
    bucket->versioning = c->versioning;
    return status_ok();
}

static struct status mode_build(struct store_change *change, struct kv_batch *batch,
                                struct arena *scratch) {
    const struct mode_change *c = CONTAINER_OF(change, struct mode_change, change);
    const struct bucket *bucket = change->bucket;
    struct key key = key_epoch();
    struct record_epoch epoch;
    struct slice raw;
    TRY(record_decode_epoch(bucket->epoch, bucket->incarnation, &epoch));
    TRY(mode_edit(c, &epoch.bucket));
    epoch.generation++;
    TRY(record_encode_epoch(&epoch, scratch, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    return status_ok();
}

/* CONFLICT from a build would mean to try again, so a refusal has another code inside. */
static struct status mode_change(struct mode_change *c) {
    c->change.build = mode_build;
    struct status s = store_change(&c->change);
    return status_is(s, STATUS_REFUSED) ? status_of(STATUS_CONFLICT) : s;
}

struct status bucket_versioning_set(struct object_store *store, const struct bucket *bucket,
                                    enum bucket_versioning versioning) {
    CHECK(versioning != BUCKET_VERSIONING_OFF);
    struct mode_change c = {.change = {.store = store, .bucket = bucket, .key = SLICE("")},
                            .versioning = versioning};
    return mode_change(&c);
}

struct status bucket_lock_set(struct object_store *store, const struct bucket *bucket,
                              const struct bucket_lock *lock) {
    CHECK((lock->mode != OBJECT_LOCK_NONE) == ((lock->days > 0) + (lock->years > 0) == 1));
    struct mode_change c = {.change = {.store = store, .bucket = bucket, .key = SLICE("")},
                            .sets_lock = true,
                            .lock = *lock};
    return mode_change(&c);
}

/* ---- listing -------------------------------------------------------------------------------- */

static struct status take_entry(struct kv_cursor *cursor, const struct key *all,
                                struct arena *arena, struct bucket_config_entry *ret_entry) {
    struct slice document;
    ret_entry->id = arena_dup(arena, slice_skip(kv_cursor_key(cursor), all->len));
    struct slice raw = arena_dup(arena, kv_cursor_value(cursor));
    TRY(arena_ok(arena));
    TRY(record_decode_config(raw, &document));
    ret_entry->document = document;
    return status_ok();
}

struct status bucket_config_list(struct object_store *store, const struct bucket *bucket,
                                 enum bucket_config kind, struct slice after, struct arena *arena,
                                 struct bucket_config_entry *entries, size_t cap, size_t *ret_count,
                                 bool *ret_more) {
    CHECK(kinds[kind].several);
    *ret_count = 0;
    *ret_more = false;
    if (!bucket_has_config(bucket, kind)) return status_ok();
    struct key all = key_config(kinds[kind].byte, SLICE(""));
    struct key from = key_config(kinds[kind].byte, slice_take(after, BUCKET_CONFIG_ID_MAX));
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->config.kv, bucket->incarnation, key_slice(&all), &cursor));
    bool found;
    size_t count = 0;
    struct status s = kv_cursor_seek(cursor, key_slice(&from), &found);
    if (is_ok(s) && found && slice_eq(kv_cursor_key(cursor), key_slice(&from))) {
        s = kv_cursor_next(cursor, &found);
    }
    while (is_ok(s) && found && count < cap) {
        s = take_entry(cursor, &all, arena, &entries[count]);
        if (is_ok(s)) s = kv_cursor_next(cursor, &found);
        count++;
    }
    kv_cursor_close(&cursor);
    TRY(s);
    *ret_count = count;
    *ret_more = found;
    return status_ok();
}
