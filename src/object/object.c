#include "object/object.h"

#include <stdlib.h>

#include "base/check.h"
#include "object/body.h"
#include "object/version.h"

enum {
    WRITER_ARENA_BLOCK = 4 * 1024,
    WRITER_ARENA_MAX = 256 * 1024 /* bucket, key and metadata at their largest, and the record */
};

struct status object_find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info) {
    if (key.len == 0 || key.len > OBJECT_KEY_MAX) return status_of(STATUS_NOT_FOUND);
    struct key kv_key = key_object(key);
    struct object_info info;
    struct slice raw;
    TRY(store_get(store, bucket, &kv_key, arena, &raw));
    TRY(record_decode_object(raw, arena, &info));
    if (object_has_expired(store, &info)) return status_of(STATUS_NOT_FOUND);
    info.key = arena_dup(arena, key);
    TRY(arena_ok(arena));
    *ret_info = info;
    return status_ok();
}

/*
 * Settles the record of an object that is about to be written: encodes it, and reads it back so
 * that everything lies in `arena`.
 */
static struct status seal_info(const struct object_info *draft, struct arena *arena,
                               struct object_info *ret_info) {
    struct slice raw;
    TRY(record_encode_object(draft, arena, &raw));
    TRY(record_decode_object(raw, arena, ret_info));
    ret_info->key = arena_dup(arena, draft->key);
    return arena_ok(arena);
}

/* ---- writing -------------------------------------------------------------------------------- */

struct object_writer {
    struct object_store *store;
    struct arena arena; /* of what was given at begin */
    struct bucket bucket;
    struct slice key;
    struct object_meta meta;
    struct object_link link;
    struct body body;
};

static struct status pairs_dup(struct object_pairs *pairs, struct arena *arena) {
    if (pairs->count == 0) return status_ok();
    struct object_pair *items = arena_calloc(arena, pairs->count, sizeof *items);
    if (!items) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < pairs->count; i++) {
        items[i].name = arena_dup(arena, pairs->items[i].name);
        items[i].value = arena_dup(arena, pairs->items[i].value);
    }
    pairs->items = items;
    return arena_ok(arena);
}

struct status object_meta_dup(const struct object_meta *meta, struct arena *arena,
                              struct object_meta *ret_meta) {
    TRY(record_meta_ok(meta));
    struct object_meta copy = *meta;
    TRY(pairs_dup(&copy.headers, arena));
    TRY(pairs_dup(&copy.user, arena));
    copy.storage_class = arena_dup(arena, copy.storage_class);
    copy.owner_id = arena_dup(arena, copy.owner_id);
    copy.owner_name = arena_dup(arena, copy.owner_name);
    copy.acl = arena_dup(arena, copy.acl);
    TRY(pairs_dup(&copy.tags, arena));
    TRY(arena_ok(arena));
    *ret_meta = copy;
    return status_ok();
}

static struct status writer_begin(struct object_writer *writer, const struct bucket *bucket,
                                  const struct object_put *put) {
    if (put->key.len == 0 || put->key.len > OBJECT_KEY_MAX) return status_of(STATUS_INVALID);
    TRY(bucket_dup(bucket, &writer->arena, &writer->bucket));
    TRY(object_meta_dup(&put->meta, &writer->arena, &writer->meta));
    writer->link = put->link;
    writer->link.account = arena_dup(&writer->arena, put->link.account);
    writer->link.container = arena_dup(&writer->arena, put->link.container);
    writer->link.object = arena_dup(&writer->arena, put->link.object);
    writer->link.etag = arena_dup(&writer->arena, put->link.etag);
    writer->key = arena_dup(&writer->arena, put->key);
    TRY(arena_ok(&writer->arena));
    return body_begin(&writer->body, writer->store, &writer->bucket, put->size_hint, BLOB_SIZE_MAX);
}

static void writer_free(struct object_writer **writer) {
    arena_fini(&(*writer)->arena);
    free(*writer);
    *writer = NULL;
}

struct status object_writer_begin(struct object_store *store, const struct bucket *bucket,
                                  const struct object_put *put, struct note *note,
                                  struct object_writer **ret_writer) {
    struct object_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return note_status(note, STATUS_NO_MEMORY, "no memory for an object");
    writer->store = store;
    arena_init(&writer->arena, WRITER_ARENA_BLOCK, WRITER_ARENA_MAX);
    struct status s = writer_begin(writer, bucket, put);
    if (is_ok(s)) {
        *ret_writer = writer;
        return s;
    }
    writer_free(&writer);
    return note_status(note, s.code, "cannot begin an object: %s", status_text(s.code));
}

struct status object_writer_write(struct object_writer *writer, struct slice bytes) {
    return body_write(&writer->body, bytes);
}

struct status object_writer_pull(struct object_writer *writer, struct source *source) {
    return body_pull(&writer->body, source);
}

uint64_t object_writer_size(const struct object_writer *writer) {
    return writer->body.size;
}

void object_writer_abort(struct object_writer **writer) {
    if (!*writer) return;
    body_end(&(*writer)->body, status_of(STATUS_REFUSED), false);
    writer_free(writer);
}

/* The change that puts an object. */
struct put_change {
    struct store_change change;
    struct object_writer *writer;
    struct object_replacement replacement;
};

static struct status put_build(struct store_change *change, struct kv_batch *batch,
                               struct arena *scratch) {
    struct put_change *put = CONTAINER_OF(change, struct put_change, change);
    body_bind(&put->writer->body, batch);
    return object_replace(change, &put->replacement, batch, scratch);
}

/* The object as it will be found. */
static struct status put_info(struct object_writer *writer, const struct object_seal *seal,
                              struct arena *arena, struct object_info *ret_info) {
    struct object_info draft = {
        .key = writer->key,
        .size = writer->body.size,
        .etag = seal->etag,
        .modified_ns = store_now_ns(writer->store),
        .checksum = seal->checksum,
        .meta = writer->meta,
        .link = writer->link,
    };
    if (draft.size > 0) {
        draft.content = (struct object_content){OBJECT_CONTENT_BLOB, body_blob(&writer->body)};
    }
    return seal_info(&draft, arena, ret_info);
}

static struct status put_commit(struct object_writer *writer, const struct object_seal *seal,
                                struct arena *arena, struct object_info *ret_info,
                                bool *ret_unknown) {
    TRY(body_seal(&writer->body));
    struct object_info info;
    TRY(put_info(writer, seal, arena ? arena : &writer->arena, &info));
    struct put_change put = {
        .change = {.store = writer->store,
                   .build = put_build,
                   .bucket = &writer->bucket,
                   .key = writer->key},
        .writer = writer,
        .replacement = {.key = writer->key,
                        .next = &info,
                        .condition = seal->condition,
                        .arena = arena ? arena : &writer->arena},
    };
    struct status s = store_change(&put.change);
    *ret_unknown = put.change.unknown;
    if (is_ok(s) && ret_info) *ret_info = info;
    return s;
}

struct status object_writer_commit(struct object_writer **writer, const struct object_seal *seal,
                                   struct arena *arena, struct object_info *ret_info) {
    bool unknown = false;
    struct status s = put_commit(*writer, seal, arena, ret_info, &unknown);
    body_end(&(*writer)->body, s, unknown);
    writer_free(writer);
    return s;
}

/* ---- deleting ------------------------------------------------------------------------------- */

struct delete_change {
    struct store_change change;
    const struct object_deletion *deletion;
    struct object_replacement replacement;
    struct object_deleted deleted;
};

static struct status delete_build(struct store_change *change, struct kv_batch *batch,
                                  struct arena *scratch) {
    struct delete_change *delete = CONTAINER_OF(change, struct delete_change, change);
    struct object_deleted *deleted = &delete->deleted;
    if (delete->deletion->version.kind != OBJECT_VERSION_CURRENT) {
        return object_remove(change, delete->deletion, batch, scratch, deleted);
    }
    TRY(object_replace(change, &delete->replacement, batch, scratch));
    const struct object_info *marker = &delete->replacement.marker;
    bool has_marker = change->bucket->versioning != BUCKET_VERSIONING_OFF;
    *deleted = (struct object_deleted){.found = delete->replacement.found,
                                       .is_marker = has_marker,
                                       .has_version = has_marker,
                                       .null_version = marker->null_version,
                                       .version = marker->version};
    return status_ok();
}

struct status object_delete_version(struct object_store *store, const struct bucket *bucket,
                                    const struct object_deletion *deletion,
                                    struct object_deleted *ret_deleted) {
    bool possible = deletion->key.len > 0 && deletion->key.len <= OBJECT_KEY_MAX;
    const struct object_condition *condition = deletion->condition;
    struct delete_change delete = {
        .change = {.store = store, .build = delete_build, .bucket = bucket, .key = deletion->key},
        .deletion = deletion,
        .replacement = {.key = deletion->key,
                        .condition = condition,
                        .marker_owner_id = deletion->owner_id,
                        .marker_owner_name = deletion->owner_name},
    };
    if (possible) {
        TRY(store_change(&delete.change));
    } else if (condition) {
        TRY(condition->judge(condition, NULL));
    }
    *ret_deleted = delete.deleted;
    return status_ok();
}

struct status object_delete(struct object_store *store, const struct bucket *bucket,
                            struct slice key, const struct object_condition *condition,
                            bool *ret_found) {
    const struct object_deletion deletion = {.key = key, .condition = condition};
    struct object_deleted deleted;
    TRY(object_delete_version(store, bucket, &deletion, &deleted));
    if (ret_found) *ret_found = deleted.found;
    return status_ok();
}

/* ---- amending ------------------------------------------------------------------------------- */

struct amend_change {
    struct store_change change;
    const struct object_amendment *amendment;
    struct arena *arena; /* of the answer */
    struct object_info info;
    struct object_replacement kept; /* its record */
};

static struct status amend_build(struct store_change *change, struct kv_batch *batch,
                                 struct arena *scratch) {
    struct amend_change *amend = CONTAINER_OF(change, struct amend_change, change);
    const struct object_amendment *amendment = amend->amendment;
    struct version_history history;
    struct version_place place;
    struct slice raw;
    TRY(version_history_read(change->store, change->bucket, amendment->key, true, scratch,
                             &history));
    struct status s = version_locate(change->store, change->bucket, &history, &amendment->version,
                                     scratch, &place);
    if (status_is(s, STATUS_NOT_FOUND)) {
        bool same;
        TRY(version_head_is_same(change->store, change->bucket, &history, scratch, &same));
        return same ? s : status_of(STATUS_CONFLICT);
    }
    TRY(s);
    if (place.info.delete_marker) return status_of(STATUS_UNSUPPORTED);
    struct object_info next = place.info;
    if (object_has_expired(change->store, &place.info)) return status_of(STATUS_NOT_FOUND);
    TRY(amendment->edit(amendment, &place.info, &next.meta));
    bool fixed = next.link.kind == OBJECT_LINK_SEGMENTS || next.link.kind == OBJECT_LINK_SYMLINK;
    if (amendment->link && !fixed) next.link = *amendment->link;
    /* The id of what was written before its bucket had versioning is its time. */
    static const struct object_version_id no_id = {{0}};
    bool has_id = memcmp(&next.version, &no_id, sizeof no_id) != 0;
    bool may_touch = has_id || change->bucket->versioning == BUCKET_VERSIONING_OFF;
    if (amendment->touches && may_touch) next.modified_ns = store_now_ns(change->store);
    TRY(record_encode_object(&next, scratch, &raw));
    object_expiry_forget(amendment->key, &place.info, batch);
    object_expiry_note(amendment->key, &next, batch);
    kv_batch_guard_equals(batch, key_slice(&place.key), place.info.record); /* O3 */
    kv_batch_put(batch, key_slice(&place.key), raw);
    amend->kept.next = &amend->info;
    return object_replacement_keep(&amend->kept, raw);
}

struct status object_amend(struct object_store *store, const struct bucket *bucket,
                           const struct object_amendment *amendment, struct arena *arena,
                           struct object_info *ret_info) {
    if (amendment->key.len == 0 || amendment->key.len > OBJECT_KEY_MAX) {
        return status_of(STATUS_NOT_FOUND);
    }
    struct amend_change amend = {
        .change = {.store = store, .build = amend_build, .bucket = bucket, .key = amendment->key},
        .amendment = amendment,
        .arena = arena,
        .kept = {.arena = arena},
    };
    struct object_info info;
    TRY(store_change(&amend.change));
    TRY(record_decode_object(amend.info.record, arena, &info));
    info.key = arena_dup(arena, amendment->key);
    TRY(arena_ok(arena));
    *ret_info = info;
    return status_ok();
}

/* ---- copying -------------------------------------------------------------------------------- */

bool object_can_share(const struct object_copy *copy) {
    /* What a prefix stands for are bytes of others, and no size that is in its record. */
    if (copy->source->link.kind == OBJECT_LINK_PREFIX) return false;
    return copy->source->content.kind == OBJECT_CONTENT_NONE ||
           kv_partition_eq(copy->source_bucket->incarnation, copy->bucket->incarnation);
}

struct share_change {
    struct store_change change;
    const struct object_copy *copy;
    struct object_replacement replacement;
};

/* Adds the guard that the source is still what it was, and the reference of the copy to its bytes.
 */
static struct status refer_to_source(struct share_change *share, struct kv_batch *batch,
                                     struct arena *scratch) {
    const struct object_copy *copy = share->copy;
    const struct object_content *content = &copy->source->content;
    struct key key = key_object(copy->source->key);
    struct slice raw;
    if (content->kind == OBJECT_CONTENT_NONE) return status_ok();
    struct status s = store_get(share->change.store, copy->source_bucket, &key, scratch, &raw);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    if (!is_ok(s) || !slice_eq(raw, copy->source->record)) {
        /* It is not the current one, or not any more. */
        key = key_version(copy->source->key, version_id_of(copy->source));
        TRY(store_get(share->change.store, copy->source_bucket, &key, scratch, &raw));
    }
    if (!slice_eq(raw, copy->source->record)) return status_of(STATUS_NOT_FOUND);
    kv_batch_guard_equals(batch, key_slice(&key), raw);
    if (content->kind == OBJECT_CONTENT_BLOB) {
        blob_share(share->change.store->config.blob, content->id, batch);
    } else {
        manifest_share(manifest_id(content), batch);
    }
    return status_ok();
}

static struct status share_build(struct store_change *change, struct kv_batch *batch,
                                 struct arena *scratch) {
    struct share_change *share = CONTAINER_OF(change, struct share_change, change);
    TRY(refer_to_source(share, batch, scratch));
    return object_replace(change, &share->replacement, batch, scratch);
}

struct status object_share(struct object_store *store, const struct object_copy *copy,
                           struct arena *arena, struct object_info *ret_info) {
    CHECK(object_can_share(copy));
    if (copy->key.len == 0 || copy->key.len > OBJECT_KEY_MAX) return status_of(STATUS_INVALID);
    struct object_info draft = *copy->source;
    struct object_info info;
    draft.key = copy->key;
    draft.version = (struct object_version_id){{0}};
    draft.meta = *copy->meta;
    draft.modified_ns = store_now_ns(store);
    TRY(seal_info(&draft, arena, &info));
    struct share_change share = {
        .change = {.store = store, .build = share_build, .bucket = copy->bucket, .key = copy->key},
        .copy = copy,
        .replacement = {.key = copy->key,
                        .next = &info,
                        .condition = copy->condition,
                        .arena = arena},
    };
    TRY(store_change(&share.change));
    *ret_info = info;
    return status_ok();
}
