#include <stdlib.h>

#include "base/check.h"
#include "object/body.h"
#include "object/inner.h"

struct upload_part_writer {
    struct store_change change;
    struct arena arena; /* of what was copied at the start */
    struct bucket bucket;
    struct key_id upload;
    struct upload_checksum checksum; /* that the upload wants */
    uint32_t number;
    struct record_part part;
    struct body body;
};

static struct status keep(struct upload_part_writer *writer, const struct bucket *bucket,
                          const struct upload *upload) {
    TRY(bucket_dup(bucket, &writer->arena, &writer->bucket));
    writer->change.bucket = &writer->bucket;
    writer->change.key = arena_dup(&writer->arena, upload->key);
    writer->checksum = upload->checksum;
    return arena_ok(&writer->arena);
}

static void writer_free(struct upload_part_writer **writer) {
    arena_fini(&(*writer)->arena);
    free(*writer);
    *writer = NULL;
}

struct status upload_part_begin(struct object_store *store, const struct bucket *bucket,
                                const struct upload *upload, uint32_t number, uint64_t size_hint,
                                struct note *note, struct upload_part_writer **ret_writer) {
    CHECK(number > 0 && number <= UPLOAD_PART_NUMBER_MAX);
    struct upload_part_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return note_status(note, STATUS_NO_MEMORY, "no memory for a part");
    writer->change.store = store;
    writer->number = number;
    CHECK(key_id_from_text(upload->id, &writer->upload));
    arena_init(&writer->arena, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    struct status s = keep(writer, bucket, upload);
    if (is_ok(s)) {
        s = body_begin(&writer->body, store, &writer->bucket, size_hint, UPLOAD_PART_SIZE_MAX);
    }
    if (!is_ok(s)) {
        note_set(note, "a part cannot be begun: %s", status_text(s.code));
        writer_free(&writer);
        return s;
    }
    *ret_writer = writer;
    return status_ok();
}

struct status upload_part_write(struct upload_part_writer *writer, struct slice bytes) {
    return body_write(&writer->body, bytes);
}

struct status upload_part_pull(struct upload_part_writer *writer, struct source *source) {
    return body_pull(&writer->body, source);
}

uint64_t upload_part_size(const struct upload_part_writer *writer) {
    return writer->body.size;
}

/* Adds the lines that end the part which the number had, and guards on its being as it is. */
static struct status replace_part(struct store_change *change, const struct key *key,
                                  struct kv_batch *batch, struct arena *scratch) {
    struct slice raw;
    struct status s = store_get(change->store, change->bucket, key, scratch, &raw);
    if (status_is(s, STATUS_NOT_FOUND)) {
        kv_batch_guard_absent(batch, key_slice(key));
        return status_ok();
    }
    TRY(s);
    struct record_part old;
    TRY(record_decode_part(raw, &old));
    kv_batch_guard_equals(batch, key_slice(key), raw);
    struct object_content content = {.kind = OBJECT_CONTENT_BLOB, .id = old.blob};
    if (old.size > 0) object_release(change, &content, batch);
    return status_ok();
}

/*
 * The part is put where the upload is present. Its record never changes and its id is never used
 * again, so presence is all there is to guard on; completing and aborting remove it (O7).
 */
static struct status build_part(struct store_change *change, struct kv_batch *batch,
                                struct arena *scratch) {
    struct upload_part_writer *writer = CONTAINER_OF(change, struct upload_part_writer, change);
    struct key upload = key_upload(change->key, writer->upload);
    struct slice raw;
    TRY(store_get(change->store, change->bucket, &upload, scratch, &raw));
    kv_batch_guard_present(batch, key_slice(&upload));
    struct key key = key_part(writer->upload, writer->number);
    TRY(replace_part(change, &key, batch, scratch));
    writer->part.modified_ns = store_now_ns(change->store);
    TRY(record_encode_part(&writer->part, scratch, &raw));
    body_bind(&writer->body, batch);
    kv_batch_put(batch, key_slice(&key), raw);
    return status_ok();
}

/* Whether a part may have that checksum. */
static bool checksum_fits(const struct upload_checksum *wanted,
                          const struct object_checksum *checksum) {
    if (!wanted->present) return true;
    return checksum->present && checksum->value.kind == wanted->kind;
}

static struct status commit(struct upload_part_writer *writer, struct slice etag,
                            const struct object_checksum *checksum) {
    if (!checksum_fits(&writer->checksum, checksum)) return status_of(STATUS_INVALID);
    TRY(body_seal(&writer->body));
    writer->part =
        (struct record_part){.size = writer->body.size, .etag = etag, .checksum = *checksum};
    writer->part.checksum.type = OBJECT_CHECKSUM_FULL; /* over the bytes of the part */
    if (writer->body.size > 0) writer->part.blob = body_blob(&writer->body);
    writer->change.build = build_part;
    return store_change(&writer->change);
}

struct status upload_part_commit(struct upload_part_writer **writer, struct slice etag,
                                 const struct object_checksum *checksum,
                                 struct upload_part *ret_part) {
    struct upload_part_writer *self = *writer;
    struct status s = commit(self, etag, checksum);
    if (is_ok(s) && ret_part) {
        *ret_part = (struct upload_part){.number = self->number,
                                         .size = self->part.size,
                                         .etag = etag,
                                         .modified_ns = self->part.modified_ns,
                                         .checksum = self->part.checksum};
    }
    body_end(&self->body, s, self->change.unknown);
    writer_free(writer);
    return s;
}

void upload_part_abort(struct upload_part_writer **writer) {
    if (!*writer) return;
    body_end(&(*writer)->body, status_of(STATUS_CLOSED), false);
    writer_free(writer);
}

/* ---- listing -------------------------------------------------------------------------------- */

static struct status part_give(const struct kv_cursor *cursor, struct arena *arena,
                               struct upload_part *ret_part) {
    struct key_id upload;
    struct record_part part;
    TRY(key_part_parse(kv_cursor_key(cursor), &upload, &ret_part->number));
    TRY(record_decode_part(kv_cursor_value(cursor), &part));
    ret_part->size = part.size;
    ret_part->etag = arena_dup(arena, part.etag);
    ret_part->modified_ns = part.modified_ns;
    ret_part->checksum = part.checksum;
    return arena_ok(arena);
}

static struct status part_scan(struct kv_cursor *cursor, const struct key *start,
                               struct arena *arena, struct upload_part *parts, size_t cap,
                               size_t *ret_count, bool *ret_more) {
    bool found;
    size_t count = 0;
    TRY(kv_cursor_seek(cursor, key_slice(start), &found));
    while (found && count < cap) {
        TRY(part_give(cursor, arena, &parts[count++]));
        TRY(kv_cursor_next(cursor, &found));
    }
    *ret_count = count;
    *ret_more = found;
    return status_ok();
}

struct status upload_part_list(struct object_store *store, const struct bucket *bucket,
                               const struct upload *upload, uint32_t after, struct arena *arena,
                               struct upload_part *parts, size_t cap, size_t *ret_count,
                               bool *ret_more) {
    struct key_id id;
    CHECK(key_id_from_text(upload->id, &id));
    *ret_count = 0;
    *ret_more = false;
    if (after >= UPLOAD_PART_NUMBER_MAX || cap == 0) return status_ok();
    struct key all = key_of_id(KEY_PART, id);
    struct key start = key_part(id, after + 1);
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->config.kv, bucket->incarnation, key_slice(&all), &cursor));
    struct status s = part_scan(cursor, &start, arena, parts, cap, ret_count, ret_more);
    kv_cursor_close(&cursor);
    return s;
}
