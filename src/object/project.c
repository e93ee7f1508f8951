#include "object/project.h"

#include "object/inner.h"
#include "object/key.h"
#include "object/record.h"

static bool is_id(struct slice project_id) {
    return project_id.len > 0 && project_id.len <= RECORD_ID_MAX;
}

struct status project_config_get(struct object_store *store, struct slice project_id,
                                 enum project_config kind, struct arena *arena,
                                 struct slice *ret_document) {
    struct slice raw;
    if (!is_id(project_id)) return status_of(STATUS_NOT_FOUND);
    struct key key = key_project_config((char)kind, project_id);
    TRY(kv_get(store->config.kv, kv_partition_system, key_slice(&key), arena, &raw));
    return record_decode_config(raw, ret_document);
}

static struct status commit(struct object_store *store, struct kv_batch **batch) {
    struct status s = kv_commit(store->config.kv, kv_partition_system, *batch, NULL);
    kv_batch_free(batch);
    return s;
}

struct status project_config_put(struct object_store *store, struct slice project_id,
                                 enum project_config kind, struct slice document) {
    struct arena arena;
    struct slice raw = {0};
    if (!is_id(project_id)) return status_of(STATUS_INVALID);
    if (document.len > PROJECT_CONFIG_DOCUMENT_MAX) return status_of(STATUS_TOO_LARGE);
    struct key key = key_project_config((char)kind, project_id);
    struct kv_batch *batch = kv_batch_new();
    arena_init(&arena, 1024, STORE_ARENA_MAX);
    struct status s = record_encode_config(document, &arena, &raw);
    if (is_ok(s)) kv_batch_put(batch, key_slice(&key), raw);
    arena_fini(&arena);
    if (is_ok(s)) return commit(store, &batch);
    kv_batch_free(&batch);
    return s;
}

struct status project_config_delete(struct object_store *store, struct slice project_id,
                                    enum project_config kind) {
    if (!is_id(project_id)) return status_of(STATUS_INVALID);
    struct key key = key_project_config((char)kind, project_id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, key_slice(&key));
    return commit(store, &batch);
}
