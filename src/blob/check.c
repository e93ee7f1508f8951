#include "blob/check.h"

#include "base/check.h"
#include "base/codec.h"
#include "blob/driver.h"

enum { ARENA_BLOCK = 1024, ARENA_MAX = 64 * 1024, ID_TEXT_CAP = 2 * BLOB_ID_LEN + 1 };

static void id_text(const uint8_t *id, char out[ID_TEXT_CAP]) {
    struct buf text;
    buf_init_fixed(&text, out, ID_TEXT_CAP);
    hex_encode(&text, slice_of(id, BLOB_ID_LEN));
    out[ID_TEXT_CAP - 1] = 0;
}

/* What the partition says of one blob, beside its record. */
struct standing {
    int64_t extra;
    bool is_candidate;
};

static struct status standing_read(struct kv *kv, struct kv_partition partition, struct blob_id id,
                                   struct standing *ret_standing) {
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    struct standing standing = {0};
    struct slice value;
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    struct status s = kv_get(kv, partition, blob_key_slice(&extra), &arena, &value);
    if (is_ok(s)) s = kv_counter_parse(value, &standing.extra);
    if (is_ok(s) || status_is(s, STATUS_NOT_FOUND)) {
        s = kv_get(kv, partition, blob_key_slice(&garbage), &arena, &value);
        standing.is_candidate = is_ok(s);
    }
    arena_fini(&arena);
    *ret_standing = standing;
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* Sets the counter to `references`, and makes the blob a candidate where that is none. */
static struct status standing_mend(struct kv *kv, struct kv_partition partition, struct blob_id id,
                                   const struct standing *standing, uint32_t references) {
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, id);
    struct blob_key garbage = blob_key_make(BLOB_KEY_GARBAGE, id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_add(batch, blob_key_slice(&extra), (int64_t)references - 1 - standing->extra,
                 INT64_MIN, INT64_MAX);
    if (references == 0) kv_batch_put(batch, blob_key_slice(&garbage), SLICE("\0"));
    struct status s = kv_commit(kv, partition, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct status blob_look(struct kv *kv, struct kv_partition partition, struct blob_id id,
                               struct tally *seen, struct findings *findings) {
    struct standing standing;
    uint32_t references = tally_take(seen, id.bytes);
    char text[ID_TEXT_CAP];
    TRY(standing_read(kv, partition, id, &standing));
    bool counted = standing.extra + 1 == (int64_t)references;
    if (counted && (references > 0 || standing.is_candidate)) return status_ok();
    if (findings->repair) TRY(standing_mend(kv, partition, id, &standing, references));
    id_text(id.bytes, text);
    if (references == 0) {
        findings_say(findings, FINDING_LEAK, findings->repair,
                     "nothing refers to blob %s, and it is not marked as garbage", text);
    } else {
        findings_say(findings, FINDING_REFERENCE, findings->repair,
                     "blob %s has %u references, its counter says %lld", text, references,
                     (long long)standing.extra + 1);
    }
    return status_ok();
}

struct status blob_check(struct kv *kv, struct kv_partition partition, struct tally *seen,
                         struct findings *findings) {
    const char prefix[] = {BLOB_KEY_PREFIX, BLOB_KEY_RECORD};
    struct kv_cursor *cursor;
    bool found;
    TRY(kv_cursor_open(kv, partition, slice_of(prefix, sizeof prefix), &cursor));
    struct status s = kv_cursor_seek(cursor, slice_of(prefix, sizeof prefix), &found);
    while (is_ok(s) && found) {
        struct slice key = kv_cursor_key(cursor);
        struct blob_id id;
        if (key.len == BLOB_KEY_LEN) {
            memcpy(id.bytes, key.ptr + 2, sizeof id.bytes);
            s = blob_look(kv, partition, id, seen, findings);
        }
        if (is_ok(s)) s = kv_cursor_next(cursor, &found);
    }
    kv_cursor_close(&cursor);
    TRY(s);
    size_t at = 0;
    for (const struct tally_entry *entry; (entry = tally_next(seen, &at));) {
        char text[ID_TEXT_CAP];
        id_text(entry->id, text);
        findings_say(findings, FINDING_LOST, false,
                     "blob %s is referred to %u times, and there is no such blob", text,
                     entry->count);
    }
    return status_ok();
}
