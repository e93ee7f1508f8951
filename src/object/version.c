#include "object/version.h"

#include <endian.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"

enum { FIND_TRIES_MAX = 1000 };

struct object_version_id version_id_of(const struct object_info *info) {
    if (!version_id_is_none(info->version)) return info->version;
    struct object_version_id id = {{0}};
    uint64_t big = htobe64(info->modified_ns > 0 ? (uint64_t)info->modified_ns : 1);
    memcpy(id.bytes, &big, sizeof big);
    return id;
}

/* ---- what a key has ------------------------------------------------------------------------- */

static struct status read_current(struct object_store *store, const struct bucket *bucket,
                                  struct arena *arena, struct version_history *history) {
    struct key key = key_object(history->key);
    struct slice raw;
    struct status s = store_get(store, bucket, &key, arena, &raw);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(record_decode_object(raw, arena, &history->current));
    if (history->current.delete_marker) return status_of(STATUS_CORRUPT);
    history->current.key = history->key;
    history->found = true;
    return status_ok();
}

struct status version_head_read(struct object_store *store, const struct bucket *bucket,
                                struct slice key, struct arena *arena,
                                struct version_history *history) {
    struct key kv_key = key_head(key);
    struct status s = store_get(store, bucket, &kv_key, arena, &history->head_raw);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    history->has_head = true;
    return record_decode_head(history->head_raw, &history->head);
}

struct status version_history_read(struct object_store *store, const struct bucket *bucket,
                                   struct slice key, bool with_head, struct arena *arena,
                                   struct version_history *ret_history) {
    struct version_history history = {.key = key};
    if (with_head) TRY(version_head_read(store, bucket, history.key, arena, &history));
    TRY(read_current(store, bucket, arena, &history));
    history.has_any = history.has_head || history.found;
    if (!history.has_head && history.found) {
        struct object_version_id id = version_id_of(&history.current);
        history.head = (struct record_head){id, true, id};
    }
    *ret_history = history;
    return status_ok();
}

void version_history_guard(const struct version_history *history, struct kv_batch *batch) {
    struct key head = key_head(history->key);
    struct key object = key_object(history->key);
    if (history->has_head) {
        kv_batch_guard_equals(batch, key_slice(&head), history->head_raw);
    } else {
        kv_batch_guard_absent(batch, key_slice(&head));
    }
    if (history->found) {
        kv_batch_guard_equals(batch, key_slice(&object), history->current.record);
    } else {
        kv_batch_guard_absent(batch, key_slice(&object));
    }
}

/* ---- one version ---------------------------------------------------------------------------- */

bool version_resolve(const struct version_history *history, const struct object_version *version,
                     struct object_version_id *ret_id) {
    const struct record_head *head = &history->head;
    if (!history->has_any) return false;
    switch (version->kind) {
        case OBJECT_VERSION_CURRENT:
            *ret_id = head->newest;
            return history->found;
        case OBJECT_VERSION_NULL:
            *ret_id = head->null_version;
            return head->has_null;
        case OBJECT_VERSION_ID:
            *ret_id = version->id;
            /* The null version is found by its name only, as in S3. */
            return !head->has_null || !version_id_eq(version->id, head->null_version);
    }
    return false;
}

static struct status decode_version(struct slice raw, struct slice key, struct object_version_id id,
                                    struct arena *arena, struct object_info *ret_info) {
    struct object_info info;
    TRY(record_decode_object(raw, arena, &info));
    if (!version_id_eq(version_id_of(&info), id)) return status_of(STATUS_CORRUPT);
    info.key = key;
    *ret_info = info;
    return status_ok();
}

struct status version_locate(struct object_store *store, const struct bucket *bucket,
                             const struct version_history *history,
                             const struct object_version *version, struct arena *arena,
                             struct version_place *ret_place) {
    struct object_version_id id;
    struct slice raw;
    if (!version_resolve(history, version, &id)) return status_of(STATUS_NOT_FOUND);
    if (history->found && version_id_eq(id, version_id_of(&history->current))) {
        *ret_place = (struct version_place){key_object(history->key), history->current, true};
        return status_ok();
    }
    if (!history->has_head) return status_of(STATUS_NOT_FOUND);
    struct version_place place = {.key = key_version(history->key, id)};
    TRY(store_get(store, bucket, &place.key, arena, &raw));
    TRY(decode_version(raw, history->key, id, arena, &place.info));
    *ret_place = place;
    return status_ok();
}

struct status version_next(struct object_store *store, const struct bucket *bucket,
                           struct slice key, struct object_version_id but, struct arena *arena,
                           struct version_place *ret_place) {
    struct key all = key_versions_of(key);
    struct key not_this = key_version(key, but);
    struct kv_cursor *cursor;
    struct slice raw = {0};
    struct version_place place = {0};
    bool found;
    TRY(kv_cursor_open(store->config.kv, bucket->incarnation, key_slice(&all), &cursor));
    struct status s = kv_cursor_seek(cursor, key_slice(&all), &found);
    if (is_ok(s) && found && slice_eq(kv_cursor_key(cursor), key_slice(&not_this))) {
        s = kv_cursor_next(cursor, &found);
    }
    if (is_ok(s) && found) {
        struct slice kv_key = kv_cursor_key(cursor);
        CHECK(kv_key.len <= sizeof place.key.bytes);
        memcpy(place.key.bytes, kv_key.ptr, kv_key.len);
        place.key.len = kv_key.len;
        raw = arena_dup(arena, kv_cursor_value(cursor));
        s = arena_ok(arena);
    }
    kv_cursor_close(&cursor);
    TRY(s);
    if (!found) return status_of(STATUS_NOT_FOUND);
    struct slice object_key;
    struct object_version_id id;
    TRY(key_version_parse(key_slice(&place.key), arena, &object_key, &id));
    TRY(decode_version(raw, key, id, arena, &place.info));
    *ret_place = place;
    return status_ok();
}

/* ---- finding -------------------------------------------------------------------------------- */

struct status version_head_is_same(struct object_store *store, const struct bucket *bucket,
                                   const struct version_history *history, struct arena *arena,
                                   bool *ret_same) {
    struct version_history now = {.key = history->key};
    TRY(version_head_read(store, bucket, now.key, arena, &now));
    *ret_same = now.has_head == history->has_head &&
                (!now.has_head || slice_eq(now.head_raw, history->head_raw));
    return status_ok();
}

/*
 * A version that is not where the head says may have moved meanwhile: then the head has changed,
 * and it is looked for again. The bucket may have got versioning since it was found, so a head is
 * looked for in any case.
 */
static struct status find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          const struct object_version *version, struct arena *arena,
                          struct object_info *ret_info) {
    for (int i = 0; i < FIND_TRIES_MAX; i++) {
        struct version_history history;
        struct version_place place;
        bool same;
        TRY(version_history_read(store, bucket, key, true, arena, &history));
        struct status s = version_locate(store, bucket, &history, version, arena, &place);
        if (is_ok(s)) *ret_info = place.info;
        if (is_ok(s) && object_has_expired(store, &place.info)) return status_of(STATUS_NOT_FOUND);
        if (!status_is(s, STATUS_NOT_FOUND)) return s;
        TRY(version_head_is_same(store, bucket, &history, arena, &same));
        if (same) return status_of(STATUS_NOT_FOUND);
    }
    return status_of(STATUS_BUSY);
}

struct status object_find_version(struct object_store *store, const struct bucket *bucket,
                                  struct slice key, const struct object_version *version,
                                  struct arena *arena, struct object_info *ret_info) {
    if (version->kind == OBJECT_VERSION_CURRENT) {
        return object_find(store, bucket, key, arena, ret_info);
    }
    if (key.len == 0 || key.len > OBJECT_KEY_MAX) return status_of(STATUS_NOT_FOUND);
    struct slice copy = arena_dup(arena, key);
    TRY(arena_ok(arena));
    return find(store, bucket, copy, version, arena, ret_info);
}

struct status object_find_marker(struct object_store *store, const struct bucket *bucket,
                                 struct slice key, struct arena *arena,
                                 struct object_info *ret_info) {
    if (bucket->versioning == BUCKET_VERSIONING_OFF || key.len == 0 || key.len > OBJECT_KEY_MAX) {
        return status_of(STATUS_NOT_FOUND);
    }
    struct version_history history = {.key = arena_dup(arena, key)};
    TRY(arena_ok(arena));
    TRY(version_head_read(store, bucket, history.key, arena, &history));
    if (!history.has_head) return status_of(STATUS_NOT_FOUND);
    struct key kv_key = key_version(history.key, history.head.newest);
    struct object_info info;
    struct slice raw;
    TRY(store_get(store, bucket, &kv_key, arena, &raw));
    TRY(decode_version(raw, history.key, history.head.newest, arena, &info));
    if (!info.delete_marker) return status_of(STATUS_NOT_FOUND);
    *ret_info = info;
    return status_ok();
}

/* ---- texts ---------------------------------------------------------------------------------- */

bool object_version_parse(struct slice text, struct object_version *ret_version) {
    struct object_version version = {.kind = OBJECT_VERSION_NULL};
    if (!slice_eq(text, SLICE("null"))) {
        version.kind = OBJECT_VERSION_ID;
        if (text.len != OBJECT_VERSION_TEXT_LEN ||
            !hex_decode(text, version.id.bytes, sizeof version.id.bytes)) {
            return false;
        }
    }
    *ret_version = version;
    return true;
}

static struct slice text_of(struct object_version_id id, bool is_null, struct arena *arena) {
    if (is_null) return SLICE("null");
    char text[OBJECT_VERSION_TEXT_LEN];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(id.bytes, sizeof id.bytes));
    return arena_dup(arena, buf_slice(&buf));
}

struct slice object_version_text(const struct object_info *info, struct arena *arena) {
    return text_of(info->version, info->null_version, arena);
}

struct slice object_deleted_text(const struct object_deleted *deleted, struct arena *arena) {
    return text_of(deleted->version, deleted->null_version, arena);
}
