#include <endian.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "object/inner.h"

enum { RECEIPT_SECONDS = 24 * 60 * 60 };

struct completing {
    struct store_change change;
    struct key_id id;
    const struct upload_completion *asked;
    uint8_t parts_digest[RECORD_DIGEST_LEN];
    struct arena *arena; /* of the answer */
    struct upload_complaint *complaint;
    struct slice record;            /* of the object */
    struct object_replacement kept; /* holds it */
};

/* What the parts come to. */
struct tally {
    const struct completing *completing;
    const struct upload *upload;
    struct record_manifest manifest;
    uint64_t size;
    struct digest md5;                  /* of the MD5s of the parts */
    struct checksum composite;          /* of the checksums of the parts */
    struct checksum_value full;         /* of the bytes of the parts */
    struct record_manifest_part *small; /* the first one below the minimum */
    char etag[OBJECT_ETAG_MAX];
};

static struct status complain(const struct completing *completing, enum upload_defect defect,
                              uint32_t number, uint64_t size, struct slice etag) {
    *completing->complaint =
        (struct upload_complaint){.defect = defect,
                                  .part_number = number,
                                  .part_size = size,
                                  .part_etag = arena_dup(completing->arena, etag)};
    return status_of(STATUS_INVALID);
}

/* ---- the list ------------------------------------------------------------------------------- */

static struct status check_list(const struct completing *completing) {
    const struct upload_completion *asked = completing->asked;
    if (asked->part_count == 0) {
        return complain(completing, UPLOAD_DEFECT_EMPTY, 0, 0, SLICE(""));
    }
    for (size_t i = 1; i < asked->part_count; i++) {
        const struct upload_listed_part *part = &asked->parts[i];
        if (part->number > asked->parts[i - 1].number) continue;
        return complain(completing, UPLOAD_DEFECT_ORDER, part->number, 0, part->etag);
    }
    return status_ok();
}

static void digest_number(struct digest *digest, uint64_t number) {
    uint64_t big = htobe64(number);
    digest_update(digest, slice_of(&big, sizeof big));
}

static void digest_slice(struct digest *digest, struct slice s) {
    digest_number(digest, s.len);
    digest_update(digest, s);
}

/* What tells one list from another; every field has its length in front. */
static void digest_list(const struct upload_completion *asked, uint8_t *out) {
    struct digest digest;
    digest_init(&digest, DIGEST_SHA256);
    for (size_t i = 0; i < asked->part_count; i++) {
        const struct upload_listed_part *part = &asked->parts[i];
        const struct checksum_value *value = &part->checksum;
        digest_number(&digest, part->number);
        digest_slice(&digest, part->etag);
        digest_slice(&digest, slice_str(part->has_checksum ? checksum_name(value->kind) : ""));
        digest_slice(&digest, slice_of(value->bytes, part->has_checksum ? value->len : 0));
    }
    digest_final(&digest, out);
}

/* ---- the parts ------------------------------------------------------------------------------ */

static void tally_begin(struct tally *tally) {
    const struct upload_checksum *wanted = &tally->upload->checksum;
    digest_init(&tally->md5, DIGEST_MD5);
    if (!wanted->present) return;
    checksum_init(&tally->composite, wanted->kind);
    checksum_of(wanted->kind, SLICE(""), &tally->full);
}

/* An ETag that is no MD5 is taken in as it is. */
static void tally_etag(struct tally *tally, struct slice etag) {
    uint8_t md5[DIGEST_MD5_LEN];
    bool is_md5 = etag.len == 2 * sizeof md5 && hex_decode(etag, md5, sizeof md5);
    digest_update(&tally->md5, is_md5 ? slice_of(md5, sizeof md5) : etag);
}

static void tally_checksum(struct tally *tally, const struct record_part *part) {
    const struct upload_checksum *wanted = &tally->upload->checksum;
    if (!wanted->present) return;
    const struct checksum_value *value = &part->checksum.value;
    if (wanted->type == OBJECT_CHECKSUM_COMPOSITE) {
        checksum_update(&tally->composite, slice_of(value->bytes, value->len));
    } else {
        checksum_combine(&tally->full, value, part->size);
    }
}

/* Whether the part is the one that is listed. */
static bool is_listed(const struct tally *tally, const struct upload_listed_part *listed,
                      const struct record_part *part) {
    const struct upload_checksum *wanted = &tally->upload->checksum;
    const struct object_checksum *has = &part->checksum;
    if (!slice_eq(listed->etag, part->etag)) return false;
    if (wanted->present && (!has->present || has->value.kind != wanted->kind)) return false;
    if (!listed->has_checksum) return true;
    return has->present && checksum_value_eq(&has->value, &listed->checksum);
}

/*
 * Takes the part the cursor stands on: guarded byte for byte (O7), its reference to its blob
 * becomes the manifest's (O8).
 */
static struct status tally_part(struct tally *tally, const struct upload_listed_part *listed,
                                const struct kv_cursor *cursor, struct kv_batch *batch) {
    const struct completing *completing = tally->completing;
    struct record_part part;
    struct slice raw = kv_cursor_value(cursor);
    TRY(record_decode_part(raw, &part));
    if (!is_listed(tally, listed, &part)) {
        return complain(completing, UPLOAD_DEFECT_PART, listed->number, part.size, part.etag);
    }
    kv_batch_guard_equals(batch, kv_cursor_key(cursor), raw);
    kv_batch_delete(batch, kv_cursor_key(cursor));
    tally_etag(tally, part.etag);
    tally_checksum(tally, &part);
    tally->size += part.size;
    struct record_manifest_part *into = &tally->manifest.parts[tally->manifest.count++];
    *into = (struct record_manifest_part){
        .number = listed->number, .size = part.size, .blob = part.blob, .checksum = part.checksum};
    into->has_md5 =
        part.etag.len == 2 * sizeof into->md5 && hex_decode(part.etag, into->md5, sizeof into->md5);
    bool last = tally->manifest.count == completing->asked->part_count;
    if (last || part.size >= completing->asked->min_part_size || tally->small) return status_ok();
    tally->small = into;
    return status_ok();
}

/* Walks the parts and the list side by side. */
static struct status tally_walk(struct tally *tally, struct kv_cursor *cursor,
                                struct kv_batch *batch) {
    const struct completing *completing = tally->completing;
    const struct upload_completion *asked = completing->asked;
    struct key_id id;
    uint32_t number = 0;
    bool found = false;
    struct key first = key_of_id(KEY_PART, completing->id);
    TRY(kv_cursor_seek(cursor, key_slice(&first), &found));
    if (found) TRY(key_part_parse(kv_cursor_key(cursor), &id, &number));
    for (size_t i = 0; i < asked->part_count; i++) {
        const struct upload_listed_part *listed = &asked->parts[i];
        while (found && number < listed->number) {
            TRY(kv_cursor_next(cursor, &found));
            if (found) TRY(key_part_parse(kv_cursor_key(cursor), &id, &number));
        }
        if (!found || number != listed->number) {
            return complain(completing, UPLOAD_DEFECT_PART, listed->number, 0, listed->etag);
        }
        TRY(tally_part(tally, listed, cursor, batch));
    }
    if (!tally->small) return status_ok();
    size_t at = (size_t)(tally->small - tally->manifest.parts);
    return complain(completing, UPLOAD_DEFECT_SMALL, tally->small->number, tally->small->size,
                    asked->parts[at].etag);
}

static struct status tally_parts(struct tally *tally, struct kv_batch *batch,
                                 struct arena *scratch) {
    const struct completing *completing = tally->completing;
    size_t count = completing->asked->part_count;
    if (count > UPLOAD_PART_NUMBER_MAX) count = UPLOAD_PART_NUMBER_MAX; /* others are not there */
    tally->manifest.parts = arena_alloc(scratch, count * sizeof *tally->manifest.parts);
    if (!tally->manifest.parts) return status_of(STATUS_NO_MEMORY);
    tally_begin(tally);
    struct key all = key_of_id(KEY_PART, completing->id);
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(completing->change.store->config.kv, completing->change.bucket->incarnation,
                       key_slice(&all), &cursor));
    struct status s = tally_walk(tally, cursor, batch);
    kv_cursor_close(&cursor);
    return s;
}

/* ---- the object ----------------------------------------------------------------------------- */

static struct object_checksum tally_checksum_end(const struct tally *tally) {
    const struct upload_checksum *wanted = &tally->upload->checksum;
    struct object_checksum checksum = {.present = wanted->present, .type = wanted->type};
    if (!wanted->present) return checksum;
    if (wanted->type == OBJECT_CHECKSUM_COMPOSITE) {
        checksum_final(&tally->composite, &checksum.value);
    } else {
        checksum.value = tally->full;
    }
    return checksum;
}

static struct slice tally_etag_end(struct tally *tally) {
    uint8_t md5[DIGEST_MD5_LEN];
    struct buf buf;
    digest_final(&tally->md5, md5);
    buf_init_fixed(&buf, tally->etag, sizeof tally->etag);
    hex_encode(&buf, slice_of(md5, sizeof md5));
    buf_append_char(&buf, '-');
    buf_append_u64(&buf, tally->manifest.count);
    CHECK(is_ok(buf_ok(&buf)));
    return buf_slice(&buf);
}

/* Compares the object with what was announced. */
static struct status check_announced(const struct completing *completing,
                                     const struct object_info *info) {
    const struct upload_completion *asked = completing->asked;
    if (asked->has_size && asked->size != info->size) {
        return complain(completing, UPLOAD_DEFECT_SIZE, 0, info->size, SLICE(""));
    }
    const struct object_checksum *expected = &asked->expected;
    const struct object_checksum *has = &info->checksum;
    if (!expected->present) return status_ok();
    if (has->present && has->type == expected->type &&
        checksum_value_eq(&has->value, &expected->value)) {
        return status_ok();
    }
    return complain(completing, UPLOAD_DEFECT_CHECKSUM, 0, 0, SLICE(""));
}

/* Puts the object in the place of what the key has. */
static struct status put_object(struct completing *completing, struct tally *tally,
                                struct kv_batch *batch, struct arena *scratch) {
    struct store_change *change = &completing->change;
    struct key_id manifest = store_new_id(change->store);
    struct object_info info = {.key = change->key,
                               .size = tally->size,
                               .etag = tally_etag_end(tally),
                               .modified_ns = store_now_ns(change->store),
                               .part_count = (uint32_t)tally->manifest.count,
                               .checksum = tally_checksum_end(tally),
                               .meta = tally->upload->meta,
                               .content = {.kind = OBJECT_CONTENT_MANIFEST}};
    memcpy(info.content.id.bytes, manifest.bytes, sizeof manifest.bytes);
    TRY(check_announced(completing, &info));
    struct slice raw;
    TRY(record_encode_manifest(&tally->manifest, scratch, &raw));
    manifest_bind(manifest, raw, batch);
    TRY(record_encode_object(&info, scratch, &info.record));
    completing->kept.next = &info;
    struct object_replacement replacement = {.key = change->key,
                                             .next = &info,
                                             .condition = completing->asked->condition,
                                             .arena = scratch};
    TRY(object_replace(change, &replacement, batch, scratch));
    TRY(object_replacement_keep(&completing->kept, info.record));
    completing->kept.next = NULL; /* `info` ends here */
    completing->record = info.record;
    return status_ok();
}

/* ---- the batch ------------------------------------------------------------------------------ */

static struct status put_receipt(const struct completing *completing, struct kv_batch *batch,
                                 struct arena *scratch) {
    struct record_receipt receipt = {.key = completing->change.key, .object = completing->record};
    int64_t now_ns = store_now_ns(completing->change.store);
    receipt.expires_ns = now_ns + RECEIPT_SECONDS * INT64_C(1000000000);
    memcpy(receipt.parts_digest, completing->parts_digest, sizeof receipt.parts_digest);
    struct slice raw;
    struct slice mark;
    TRY(record_encode_receipt(&receipt, scratch, &raw));
    TRY(record_encode_mark(now_ns, scratch, &mark));
    struct key key = key_of_id(KEY_RECEIPT, completing->id);
    struct key end = key_receipt_end(receipt.expires_ns, completing->id);
    kv_batch_put(batch, key_slice(&key), raw); /* O10 */
    kv_batch_put(batch, key_slice(&end), mark);
    return status_ok();
}

static struct status build_batch(struct completing *completing, const struct upload *upload,
                                 struct kv_batch *batch, struct arena *scratch) {
    struct tally tally = {.completing = completing, .upload = upload};
    TRY(check_list(completing));
    TRY(tally_parts(&tally, batch, scratch));
    TRY(put_object(completing, &tally, batch, scratch));
    TRY(put_receipt(completing, batch, scratch));
    return upload_mark_ended(&completing->change, completing->id, batch, scratch);
}

static struct status build_completion(struct store_change *change, struct kv_batch *batch,
                                      struct arena *scratch) {
    struct completing *completing = CONTAINER_OF(change, struct completing, change);
    struct key key = key_upload(change->key, completing->id);
    struct slice raw;
    struct upload upload;
    TRY(store_get(change->store, change->bucket, &key, scratch, &raw));
    TRY(record_decode_upload(raw, scratch, &upload));
    kv_batch_guard_present(batch, key_slice(&key)); /* O7 */
    kv_batch_delete(batch, key_slice(&key));
    struct status s = build_batch(completing, &upload, batch, scratch);
    if (is_ok(s)) return s;
    /*
     * Parts go only when their upload has gone. While it is there, what was refused was refused for
     * what it is; otherwise somebody has ended it meanwhile, and that is the answer.
     */
    TRY(store_get(change->store, change->bucket, &key, scratch, &raw));
    return s;
}

/* Whether the same list was completed before: then its object. NOT_FOUND otherwise. */
static struct status find_receipt(struct completing *completing) {
    const struct store_change *change = &completing->change;
    struct key key = key_of_id(KEY_RECEIPT, completing->id);
    struct slice raw;
    struct record_receipt receipt;
    TRY(store_get(change->store, change->bucket, &key, completing->arena, &raw));
    TRY(record_decode_receipt(raw, &receipt));
    if (!slice_eq(receipt.key, change->key) ||
        memcmp(receipt.parts_digest, completing->parts_digest, sizeof receipt.parts_digest) != 0) {
        return status_of(STATUS_NOT_FOUND);
    }
    completing->record = receipt.object;
    return status_ok();
}

struct status upload_complete(struct object_store *store, const struct bucket *bucket,
                              struct slice key, struct slice id,
                              const struct upload_completion *completion, struct arena *arena,
                              struct upload_complaint *ret_complaint,
                              struct object_info *ret_info) {
    struct completing completing = {
        .change = {.store = store, .build = build_completion, .bucket = bucket, .key = key},
        .asked = completion,
        .arena = arena,
        .complaint = ret_complaint,
        .kept = {.arena = arena}};
    if (!key_id_from_text(id, &completing.id)) return status_of(STATUS_NOT_FOUND);
    digest_list(completion, completing.parts_digest);
    struct status s = store_change(&completing.change);
    if (status_is(s, STATUS_NOT_FOUND)) s = find_receipt(&completing);
    TRY(s);
    struct object_info info;
    TRY(record_decode_object(completing.record, arena, &info));
    info.key = arena_dup(arena, key);
    TRY(arena_ok(arena));
    *ret_info = info;
    return status_ok();
}
