#include "swift/store.h"

#include "swift/account.h"
#include "swift/body.h"
#include "swift/legacy.h"
#include "swift/object_meta.h"

/*
 * Refuses what would go beyond a quota before the body is read; the container's is guarded when the
 * object is written, too. Spec: Swift, middleware/container_quotas.py, account_quotas.py.
 */
struct status swift_quota_check(struct swift_call *call, const struct bucket *bucket,
                                struct slice object, uint64_t size) {
    struct object_store *store = call->service->objects;
    const struct bucket_quota *quota = &bucket->quota;
    struct bucket_usage usage;
    struct object_info info = {0};
    uint64_t bytes = size == UINT64_MAX ? 0 : size;
    struct status found = object_find(store, bucket, object, call->arena, &info);
    if (!is_ok(found) && !status_is(found, STATUS_NOT_FOUND)) return found;
    bool is_new = !is_ok(found);
    if (quota->limits_bytes || quota->limits_objects) {
        TRY(bucket_usage_read(store, bucket, &usage));
        uint64_t used = usage.bytes - (usage.bytes < info.size ? usage.bytes : info.size);
        bool too_much = quota->limits_bytes && bytes > 0 && used + bytes > quota->bytes;
        bool too_many = quota->limits_objects && is_new && usage.objects + 1 > quota->objects;
        if (too_much || too_many) return swift_refuse(call, 413, "Upload exceeds quota.");
    }
    return swift_account_room(call, bucket->project_id, bytes, info.size);
}

/* Nothing of it is visible before the body was verified to its end. Consumes the writer. */
static struct status pull(struct swift_call *call, const struct swift_storing *storing,
                          struct swift_body *body, struct object_writer **writer,
                          struct object_info *ret_info) {
    char storage[SWIFT_ETAG_LEN];
    struct status s = object_writer_pull(*writer, &body->source);
    if (!is_ok(s)) {
        object_writer_abort(writer);
        return s;
    }
    struct object_seal seal = {.etag = swift_body_etag(body, storage),
                               .checksum = swift_body_checksum(body),
                               .condition = storing->condition};
    s = object_writer_commit(writer, &seal, call->arena, ret_info);
    if (status_is(s, STATUS_QUOTA)) return swift_refuse(call, 413, "Upload exceeds quota.");
    return s;
}

struct status swift_store(struct swift_call *call, const struct swift_storing *storing,
                          struct object_info *ret_info) {
    const struct object_put put = {.key = storing->object,
                                   .meta = storing->meta,
                                   .link = storing->link,
                                   .size_hint = storing->size};
    struct object_writer *writer = NULL;
    struct swift_body body;
    TRY(swift_quota_check(call, storing->bucket, storing->object, storing->size));
    TRY(swift_legacy_keep(call, storing->bucket, storing->object));
    swift_body_init(&body, call, storing->source, storing->announced);
    TRY(object_writer_begin(call->service->objects, storing->bucket, &put, call->note, &writer));
    return pull(call, storing, &body, &writer, ret_info);
}
