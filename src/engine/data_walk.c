#include "base/check.h"
#include "engine/data_store.h"
#include "kv/driver.h"

enum { RECORD_ARENA_BLOCK = 16 * 1024, ID_MAY_BE_STRIPED = 0x80 };

struct walk {
    struct data_store *store;
    struct data_visitor *visitor;
    struct data_position at; /* where to go on in the first partition */
    enum data_walk which;
    bool ended;
};

/* Shows a record that a mark points to, if it is there and its id does not say so itself. */
static struct status mark_follow(struct walk *walk, struct kv_partition partition,
                                 struct blob_id id) {
    if (walk->which == DATA_WALK_PLACED && (id.bytes[0] & ID_MAY_BE_STRIPED)) return status_ok();
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    struct arena arena;
    arena_init(&arena, RECORD_ARENA_BLOCK, 2 * (size_t)KV_VALUE_MAX);
    struct slice value;
    struct status s =
        kv_get(walk->store->store.kv, partition, blob_key_slice(&key), &arena, &value);
    if (is_ok(s)) walk->ended = !walk->visitor->visit(walk->visitor, partition, id, value);
    arena_fini(&arena);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* Shows the blobs that have a key of `kind`, from id `from` on. */
static struct status kind_walk(struct walk *walk, struct kv_partition partition,
                               enum blob_key_kind kind, struct blob_id from) {
    struct blob_key first = blob_key_make(kind, from);
    struct kv_cursor *cursor;
    bool found;
    TRY(kv_cursor_open(walk->store->store.kv, partition, slice_of(first.bytes, 2), &cursor));
    struct status s = kv_cursor_seek(cursor, blob_key_slice(&first), &found);
    while (is_ok(s) && found && !walk->ended) {
        struct slice key = kv_cursor_key(cursor);
        struct blob_id id;
        if (key.len != BLOB_KEY_LEN) {
            s = status_of(STATUS_CORRUPT);
            break;
        }
        memcpy(id.bytes, key.ptr + 2, sizeof id.bytes);
        if (kind == BLOB_KEY_RECORD) {
            walk->ended =
                !walk->visitor->visit(walk->visitor, partition, id, kv_cursor_value(cursor));
        } else {
            s = mark_follow(walk, partition, id);
        }
        if (is_ok(s) && !walk->ended) s = kv_cursor_next(cursor, &found);
    }
    kv_cursor_close(&cursor);
    return s;
}

/* Of the placed ones first those with a mark, whose ids come before those of the others. */
static struct status partition_walk(struct walk *walk, struct kv_partition partition) {
    struct blob_id from = {{0}};
    if (kv_partition_eq(partition, walk->at.partition)) from = walk->at.id;
    if (walk->which == DATA_WALK_SHORT) return kind_walk(walk, partition, BLOB_KEY_SHORT, from);
    if (walk->which == DATA_WALK_ALL) return kind_walk(walk, partition, BLOB_KEY_RECORD, from);
    if (!(from.bytes[0] & ID_MAY_BE_STRIPED)) {
        TRY(kind_walk(walk, partition, BLOB_KEY_PLACED, from));
        from = (struct blob_id){{ID_MAY_BE_STRIPED}};
    }
    return walk->ended ? status_ok() : kind_walk(walk, partition, BLOB_KEY_RECORD, from);
}

bool data_partition_next(struct kv_partition *partition) {
    for (size_t i = KV_PARTITION_LEN; i > 0; i--) {
        if (++partition->id[i - 1] != 0) return true;
    }
    return false;
}

struct status data_walk(struct data_store *store, struct data_position from, enum data_walk which,
                        struct data_visitor *visitor) {
    struct walk walk = {store, visitor, from, which, false};
    struct kv *kv = store->store.kv;
    struct kv_partition partition = from.partition;
    for (bool more = true; more && !walk.ended; more = data_partition_next(&partition)) {
        bool found;
        TRY(kv->ops->partition_find(kv, partition, &found, &partition));
        if (!found) break;
        TRY(partition_walk(&walk, partition));
    }
    return status_ok();
}

bool data_record_stands(struct data_store *store, struct kv_partition partition, struct blob_id id,
                        struct slice value) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    struct arena arena;
    arena_init(&arena, RECORD_ARENA_BLOCK, 2 * (size_t)KV_VALUE_MAX);
    struct slice now;
    bool stands = is_ok(kv_get(store->store.kv, partition, blob_key_slice(&key), &arena, &now)) &&
                  slice_eq(now, value);
    arena_fini(&arena);
    return stands;
}
