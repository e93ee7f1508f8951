#include "engine/meta.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/meta_inside.h"

enum {
    CACHE_BYTES = 64 * 1024 * 1024,
    LAYER_BYTES = 64 * 1024 * 1024,
    READ_THREADS = 6,
    DROP_ENTRIES_MAX = 10000,
    DROP_BYTES_MAX = 8 * 1024 * 1024,
};

static const int64_t patience_ns = 5 * NS_PER_S;

bool meta_name_make(struct meta_name *name, struct kv_partition partition, struct slice key) {
    struct slice fit = slice_take(key, KV_KEY_MAX);
    memcpy(name->bytes, partition.id, KV_PARTITION_LEN);
    if (fit.len > 0) memcpy(name->bytes + KV_PARTITION_LEN, fit.ptr, fit.len);
    name->len = KV_PARTITION_LEN + fit.len;
    return fit.len == key.len;
}

struct meta_layer *meta_layer_new(void) {
    struct meta_layer *layer = calloc(1, sizeof *layer);
    CHECK(layer);
    layer->layer = layer_new();
    return layer;
}

struct meta_view *meta_view_take(struct meta *meta) {
    pthread_mutex_lock(&meta->view_lock);
    struct meta_view *view = atomic_load_explicit(&meta->view, memory_order_relaxed);
    view->pins++;
    pthread_mutex_unlock(&meta->view_lock);
    return view;
}

/* Frees a view that nobody has any more, and the layers that were only in it. */
static void view_free(struct meta *meta, struct meta_view *view) {
    struct meta_layer *gone[META_LAYERS];
    unsigned gone_count = 0;
    pthread_mutex_lock(&meta->view_lock);
    for (unsigned i = 0; i < view->layer_count; i++) {
        if (--view->layers[i]->views == 0) gone[gone_count++] = view->layers[i];
    }
    pthread_mutex_unlock(&meta->view_lock);
    for (unsigned i = 0; i < gone_count; i++) {
        layer_free(&gone[i]->layer);
        free(gone[i]);
    }
    index_root_release(meta->index, &view->root);
    free(view);
}

void meta_view_release(struct meta *meta, struct meta_view **view) {
    pthread_mutex_lock(&meta->view_lock);
    bool last = --(*view)->pins == 0;
    pthread_mutex_unlock(&meta->view_lock);
    if (last) view_free(meta, *view);
    *view = NULL;
}

void meta_view_push(struct meta *meta, struct meta_layer *const *layers, unsigned layer_count) {
    struct meta_view *view = calloc(1, sizeof *view);
    CHECK(view && layer_count <= META_LAYERS);
    view->layer_count = layer_count;
    view->root = index_root_take(meta->index);
    view->pins = 1; /* that of being the current one */
    pthread_mutex_lock(&meta->view_lock);
    for (unsigned i = 0; i < layer_count; i++) {
        view->layers[i] = layers[i];
        layers[i]->views++;
    }
    struct meta_view *before = atomic_exchange(&meta->view, view);
    pthread_mutex_unlock(&meta->view_lock);
    if (before) meta_view_release(meta, &before);
}

bool meta_layers_get(const struct meta_view *view, uint64_t sequence, struct slice name,
                     struct slice *ret_value) {
    for (unsigned i = 0; i < view->layer_count; i++) {
        if (layer_get(view->layers[i]->layer, sequence, name, ret_value)) return true;
    }
    return false;
}

struct status meta_look_up(struct meta *meta, const struct meta_view *view, uint64_t sequence,
                           struct slice name, struct meta_value *ret_value) {
    *ret_value = (struct meta_value){0};
    if (meta_layers_get(view, sequence, name, &ret_value->bytes)) return status_ok();
    struct status s = index_get(meta->index, view->root, name, &ret_value->stored);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    if (is_ok(s)) ret_value->bytes = ret_value->stored.bytes;
    return s;
}

void meta_look_up_end(struct meta *meta, struct meta_value *value) {
    if (value->stored.bytes.len > 0) index_value_end(meta->index, &value->stored);
    *value = (struct meta_value){0};
}

static struct meta *meta_of(struct kv *kv) {
    return CONTAINER_OF(kv, struct meta, kv);
}

static struct status meta_get(struct kv *kv, struct kv_partition partition, struct slice key,
                              struct arena *arena, struct slice *ret_value) {
    struct meta *meta = meta_of(kv);
    struct meta_name name;
    if (!meta_name_make(&name, partition, key)) return status_of(STATUS_NOT_FOUND);
    struct meta_view *view = meta_view_take(meta);
    uint64_t sequence = atomic_load_explicit(&meta->published, memory_order_acquire);
    struct meta_value value;
    struct status s = meta_look_up(meta, view, sequence, meta_name_slice(&name), &value);
    struct slice copy = slice_of(NULL, 0);
    if (is_ok(s) && value.bytes.len == 0) {
        s = status_of(STATUS_NOT_FOUND);
    } else if (is_ok(s)) {
        copy = arena_dup(arena, value.bytes);
        if (copy.len == 0) s = status_of(STATUS_NO_MEMORY);
    }
    meta_look_up_end(meta, &value);
    meta_view_release(meta, &view);
    if (is_ok(s)) *ret_value = copy;
    return s;
}

/* Gathers deletions of what the partition has, up to `entries_max`; says whether that is all. */
static struct status drop_gather(struct kv_cursor *cursor, size_t entries_max,
                                 struct kv_batch *batch, bool *ret_done) {
    bool found;
    size_t bytes = 0;
    TRY(kv_cursor_seek(cursor, slice_of(NULL, 0), &found));
    while (found && kv_batch_entry_count(batch) < entries_max && bytes < DROP_BYTES_MAX) {
        struct slice key = kv_cursor_key(cursor);
        bytes += key.len;
        kv_batch_delete(batch, key);
        TRY(kv_cursor_next(cursor, &found));
    }
    *ret_done = !found;
    return status_ok();
}

static struct status meta_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                               bool *ret_done) {
    if (entries_max > DROP_ENTRIES_MAX) entries_max = DROP_ENTRIES_MAX;
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(kv, partition, slice_of(NULL, 0), &cursor));
    struct kv_batch *batch = kv_batch_new();
    bool done = false;
    struct status s = drop_gather(cursor, entries_max, batch, &done);
    kv_cursor_close(&cursor);
    if (is_ok(s) && kv_batch_entry_count(batch) > 0) s = kv_commit(kv, partition, batch, NULL);
    kv_batch_free(&batch);
    if (is_ok(s)) *ret_done = done;
    return s;
}

static void meta_kv_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    struct meta *meta = meta_of(kv);
    struct index_stats stats;
    index_stats_read(meta->index, &stats);
    *ret_stats = (struct kv_stats){
        .entries = stats.entries,
        .bytes_on_disk = stats.file_bytes + log_file_bytes(meta->log),
        .commits = atomic_load(&meta->commits),
        .commit_groups = atomic_load(&meta->groups),
        .conflicts = atomic_load(&meta->conflicts),
    };
    struct meta_view *view = meta_view_take(meta);
    for (unsigned i = 0; i < view->layer_count; i++) {
        ret_stats->entries += layer_count(view->layers[i]->layer);
    }
    meta_view_release(meta, &view);
}

void meta_stats_read(struct meta *meta, struct meta_stats *ret_stats) {
    struct index_stats stats;
    index_stats_read(meta->index, &stats);
    *ret_stats = (struct meta_stats){
        .checkpoints = atomic_load(&meta->checkpoints),
        .checkpoint_ns = atomic_load(&meta->checkpoint_ns),
        .slowed = atomic_load(&meta->slowed),
        .refused = atomic_load(&meta->refused),
        .log_used_bytes = log_used_bytes(meta->log),
        .log_file_bytes = log_file_bytes(meta->log),
        .index_file_bytes = stats.file_bytes,
        .index_live_bytes = stats.live_bytes,
        .cache_bytes = stats.cache_bytes,
    };
    struct meta_view *view = meta_view_take(meta);
    for (unsigned i = 0; i < view->layer_count; i++) {
        ret_stats->layers_bytes += layer_bytes(view->layers[i]->layer);
    }
    meta_view_release(meta, &view);
}

static void meta_kv_close(struct kv **kv) {
    (void)kv;
    CHECK(!"kv_close is not for the kv of an engine");
}

static const struct kv_ops meta_ops = {
    .get = meta_get,
    .cursor_open = meta_cursor_open,
    .commit = meta_commit,
    .drop = meta_drop,
    .stats_read = meta_kv_stats_read,
    .partition_find = meta_partition_find,
    .close = meta_kv_close,
};

struct kv *meta_kv(struct meta *meta) {
    return &meta->kv;
}

static struct index_config index_config_of(const struct meta_config *config) {
    struct index_config index_config = {
        .fs = config->fs,
        .dir_fd = config->dir_fd,
        .mirror = config->mirror,
        .cache_bytes = config->cache_bytes ? config->cache_bytes : CACHE_BYTES,
        .read_threads = config->inline_work ? 0 : READ_THREADS,
    };
    memcpy(index_config.store_id, config->store_id, sizeof index_config.store_id);
    return index_config;
}

static struct log_config log_config_of(const struct meta_config *config, uint64_t ring_id) {
    return (struct log_config){
        .fs = config->fs,
        .dir_fd = config->dir_fd,
        .mirror = config->mirror,
        .ring_id = ring_id,
        .segment_bytes = config->segment_bytes ? config->segment_bytes : LOG_SEGMENT_BYTES,
        .segments_min = config->segments_min ? config->segments_min : LOG_SEGMENTS_MIN,
        .segments_max = config->segments_max ? config->segments_max : LOG_SEGMENTS_MAX,
    };
}

struct status meta_create(const struct meta_config *config, struct random *random,
                          struct note *note) {
    uint64_t ids[2];
    random_fill(random, ids, sizeof ids);
    struct index_config index_config = index_config_of(config);
    struct log_config log_config = log_config_of(config, ids[1]);
    TRY(index_create(&index_config, ids[0], ids[1], note));
    return log_create(&log_config, note); /* which syncs the directory */
}

struct meta_replayer {
    struct log_replayer replayer;
    struct meta *meta;
    struct layer *layer;
};

static struct status replay(struct log_replayer *replayer, uint64_t sequence,
                            struct slice payload) {
    struct meta_replayer *self = CONTAINER_OF(replayer, struct meta_replayer, replayer);
    TRY(meta_changes_replay(payload, sequence, self->layer));
    atomic_store(&self->meta->published, sequence);
    return status_ok();
}

static struct status open_steps(struct meta *meta, struct note *note) {
    struct index_config index_config = index_config_of(&meta->config);
    TRY(index_open(&index_config, note, &meta->index));
    struct log_config log_config = log_config_of(&meta->config, index_ring_id(meta->index));
    meta->active = meta_layer_new();
    meta_view_push(meta, &meta->active, 1);
    struct log_position from = atomic_load(&meta->view)->root->position;
    atomic_store(&meta->published, from.sequence - 1);
    struct meta_replayer replayer = {{replay}, meta, meta->active->layer};
    struct status s = log_open(&log_config, from, &replayer.replayer, note, &meta->log);
    if (!is_ok(s) && !note->text[0]) {
        note_set(note, "the log can't be read: %s", status_text(s.code));
    }
    TRY(s);
    return meta->config.inline_work ? status_ok() : meta_worker_start(meta, note);
}

struct status meta_open(const struct meta_config *config, struct note *note,
                        struct meta **ret_meta) {
    struct meta *meta = calloc(1, sizeof *meta);
    CHECK(meta);
    meta->kv.ops = &meta_ops;
    meta->config = *config;
    if (meta->config.layer_bytes == 0) meta->config.layer_bytes = LAYER_BYTES;
    if (meta->config.patience_ns == 0) meta->config.patience_ns = patience_ns;
    CHECK(pthread_mutex_init(&meta->view_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&meta->work_lock, NULL) == 0);
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&meta->work_changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    meta_queue_init(&meta->queue);
    struct note reason = {0};
    struct status s = open_steps(meta, &reason);
    if (is_ok(s)) {
        *ret_meta = meta;
    } else {
        note_set(note, "%s", reason.text);
        meta_close(&meta);
    }
    return s;
}

void meta_fail(struct meta *meta, const struct note *note) {
    pthread_mutex_lock(&meta->work_lock);
    if (!atomic_exchange(&meta->failed, true)) meta->failure = *note;
    pthread_cond_broadcast(&meta->work_changed);
    pthread_mutex_unlock(&meta->work_lock);
}

struct status meta_health(struct meta *meta, struct note *note) {
    if (!atomic_load(&meta->failed)) return status_ok();
    pthread_mutex_lock(&meta->work_lock);
    struct status s = note_status(note, STATUS_IO, "%s", meta->failure.text);
    pthread_mutex_unlock(&meta->work_lock);
    return s;
}

struct status meta_check(struct meta *meta, struct note *note) {
    struct status s = index_check(meta->index, note);
    if (!is_ok(s) && !note->text[0]) note_set(note, "the index can't be read");
    return s;
}

void meta_close(struct meta **meta) {
    struct meta *self = *meta;
    if (!self) return;
    meta_worker_stop(self);
    struct meta_view *view = atomic_exchange(&self->view, NULL);
    if (view) meta_view_release(self, &view);
    log_close(&self->log);
    index_close(&self->index);
    meta_queue_fini(&self->queue);
    pthread_cond_destroy(&self->work_changed);
    pthread_mutex_destroy(&self->work_lock);
    pthread_mutex_destroy(&self->view_lock);
    free(self);
    *meta = NULL;
}
