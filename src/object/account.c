#include "object/account.h"

#include "base/check.h"
#include "object/inner.h"

enum { CHANGE_TRIES_MAX = 100 };

static struct status check(const struct account *account) {
    size_t bytes = 0;
    if (account->meta.count > ACCOUNT_META_MAX || account->acl.len > ACCOUNT_ACL_MAX) {
        return status_of(STATUS_TOO_LARGE);
    }
    for (size_t i = 0; i < account->meta.count; i++) {
        const struct object_pair *pair = &account->meta.items[i];
        if (pair->name.len == 0) return status_of(STATUS_INVALID);
        bytes += pair->name.len + pair->value.len;
    }
    return bytes > ACCOUNT_META_BYTES_MAX ? status_of(STATUS_TOO_LARGE) : status_ok();
}

/* The record, and its exact bytes for the guard; a NULL ptr where there is none. */
static struct status read_record(struct object_store *store, struct slice project_id,
                                 struct arena *arena, struct slice *ret_raw,
                                 struct record_account *ret_record) {
    struct key key = key_account(project_id);
    struct status s =
        kv_get(store->config.kv, kv_partition_system, key_slice(&key), arena, ret_raw);
    if (status_is(s, STATUS_NOT_FOUND)) {
        *ret_raw = slice_of(NULL, 0);
        *ret_record = (struct record_account){0};
        return status_ok();
    }
    TRY(s);
    return record_decode_account(*ret_raw, arena, ret_record);
}

struct status account_read(struct object_store *store, struct slice project_id, struct arena *arena,
                           struct account *ret_account) {
    struct record_account record;
    struct slice raw;
    *ret_account = (struct account){0};
    if (project_id.len == 0 || project_id.len > RECORD_ID_MAX) return status_ok();
    TRY(read_record(store, project_id, arena, &raw, &record));
    *ret_account = (struct account){record.created_ns, record.meta, record.acl};
    return status_ok();
}

/* Reads, edits and commits once; CONFLICT: somebody was faster. */
static struct status attempt(struct object_store *store, struct slice project_id,
                             const struct account_edit *edit, struct arena *arena,
                             struct kv_batch *batch) {
    struct record_account record;
    struct slice raw, next;
    struct key key = key_account(project_id);
    TRY(read_record(store, project_id, arena, &raw, &record));
    struct account account = {record.created_ns, record.meta, record.acl};
    TRY(edit->edit(edit, arena, &account));
    TRY(check(&account));
    record.generation++;
    record.created_ns = account.created_ns != 0 ? account.created_ns : store_now_ns(store);
    record.meta = account.meta;
    record.acl = account.acl;
    TRY(record_encode_account(&record, arena, &next));
    kv_batch_clear(batch);
    if (raw.ptr == NULL) {
        kv_batch_guard_absent(batch, key_slice(&key));
    } else {
        kv_batch_guard_equals(batch, key_slice(&key), raw);
    }
    kv_batch_put(batch, key_slice(&key), next);
    return kv_commit(store->config.kv, kv_partition_system, batch, NULL);
}

struct status account_change(struct object_store *store, struct slice project_id,
                             const struct account_edit *edit) {
    struct arena arena;
    if (project_id.len == 0 || project_id.len > RECORD_ID_MAX) return status_of(STATUS_INVALID);
    struct kv_batch *batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    arena_init(&arena, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    for (int i = 0; i < CHANGE_TRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        arena_reset(&arena);
        s = attempt(store, project_id, edit, &arena, batch);
    }
    arena_fini(&arena);
    kv_batch_free(&batch);
    return status_is(s, STATUS_CONFLICT) ? status_of(STATUS_BUSY) : s;
}
