#include "object/inner.h"

void manifest_bind(struct key_id id, struct slice raw, struct kv_batch *batch) {
    struct key record = key_of_id(KEY_MANIFEST, id);
    kv_batch_put(batch, key_slice(&record), raw);
}

void manifest_share(struct key_id id, struct kv_batch *batch) {
    struct key record = key_of_id(KEY_MANIFEST, id);
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    kv_batch_guard_present(batch, key_slice(&record));
    kv_batch_add(batch, key_slice(&extra), +1, 1, INT64_MAX);
}

void manifest_unbind(struct key_id id, struct kv_batch *batch) {
    static const char none_released[] = {1 << 3, RECORD_VERSION}; /* a ManifestGarbage */
    struct key extra = key_of_id(KEY_MANIFEST_EXTRA, id);
    struct key garbage = key_of_id(KEY_MANIFEST_GARBAGE, id);
    kv_batch_add(batch, key_slice(&extra), -1, -1, INT64_MAX);
    kv_batch_put(batch, key_slice(&garbage), slice_of(none_released, sizeof none_released));
}

struct status manifest_extra(struct object_store *store, struct kv_partition partition,
                             struct key_id id, struct arena *arena, int64_t *ret_extra) {
    struct key key = key_of_id(KEY_MANIFEST_EXTRA, id);
    struct slice value;
    struct status s = kv_get(store->config.kv, partition, key_slice(&key), arena, &value);
    *ret_extra = 0;
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    return kv_counter_parse(value, ret_extra);
}

struct status manifest_read(struct object_store *store, struct kv_partition partition,
                            struct key_id id, struct arena *arena,
                            struct record_manifest *ret_manifest) {
    int64_t extra;
    TRY(manifest_extra(store, partition, id, arena, &extra));
    if (extra < 0) return status_of(STATUS_NOT_FOUND);
    struct key key = key_of_id(KEY_MANIFEST, id);
    struct slice raw;
    TRY(kv_get(store->config.kv, partition, key_slice(&key), arena, &raw));
    return record_decode_manifest(raw, arena, ret_manifest);
}
