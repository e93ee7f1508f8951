/* Moving a frozen layer into the index, in the background. */
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/meta_inside.h"
#include "engine/mirror.h"

enum { WORKER_STACK_BYTES = 512 * 1024, OVER_PERCENT = 150 };

static const int64_t retry_ns = 200 * NS_PER_MS;

bool meta_layer_is_full(struct meta *meta) {
    return layer_bytes(meta->active->layer) >= meta->config.layer_bytes;
}

bool meta_layer_is_over(struct meta *meta) {
    return layer_bytes(meta->active->layer) >= meta->config.layer_bytes / 100 * OVER_PERCENT;
}

/* ---- the mover ---- */

size_t meta_riding(struct meta *meta, struct slice key, struct slice value) {
    const struct mover *mover = atomic_load_explicit(&meta->mover, memory_order_acquire);
    return mover ? mover->ops->riding(key, value) : 0;
}

void meta_room_of_mover(struct meta *meta, uint64_t *changes, uint64_t *bytes) {
    struct mover *mover = atomic_load_explicit(&meta->mover, memory_order_acquire);
    uint64_t more_changes = 0;
    uint64_t more_bytes = 0;
    if (mover) mover->ops->room(mover, &more_changes, &more_bytes);
    *changes += more_changes;
    *bytes += more_bytes;
}

unsigned meta_copies(const struct meta *meta, bool same_device) {
    return meta->config.mirror ? mirror_serving(meta->config.mirror, same_device) : 1;
}

struct shown {
    struct meta *meta;
    struct mover *mover;
    struct slice key;
    struct meta_layer *layer;
};

static void show_admitted(void *context, struct slice value) {
    const struct shown *shown = context;
    atomic_fetch_add(&shown->layer->riding, shown->mover->ops->riding(shown->key, value));
    shown->mover->ops->admitted(shown->mover, shown->key, value);
}

static void show_spent(void *context, struct slice value) {
    const struct shown *shown = context;
    shown->mover->ops->spent(shown->mover, shown->key, value);
}

static void layer_show(struct shown *shown, void (*show)(void *context, struct slice value)) {
    const struct layer *layer = shown->layer->layer;
    for (const struct layer_node *node = layer_first(layer); node; node = layer_next(node)) {
        shown->key = slice_skip(layer_node_name(node), KV_PARTITION_LEN);
        layer_node_values(node, show, shown);
    }
}

void meta_mover_attach(struct meta *meta, struct mover *mover) {
    CHECK(meta->config.has_mover && !meta->mover);
    struct shown shown = {.meta = meta, .mover = mover, .layer = meta->active};
    layer_show(&shown, show_admitted);
    index_watch(meta->index, &mover->watcher);
    pthread_mutex_lock(&meta->work_lock);
    atomic_store(&meta->mover, mover);
    pthread_cond_broadcast(&meta->work_changed);
    pthread_mutex_unlock(&meta->work_lock);
}

void meta_mover_detach(struct meta *meta) {
    meta_worker_stop(meta);
    pthread_mutex_lock(&meta->work_lock);
    atomic_store(&meta->mover, NULL);
    pthread_mutex_unlock(&meta->work_lock);
    index_watch(meta->index, NULL);
}

void meta_checkpoint_want(struct meta *meta) {
    pthread_mutex_lock(&meta->work_lock);
    meta->wanted = true;
    pthread_mutex_unlock(&meta->work_lock);
}

/*
 * Whether what the frozen layer puts under a name was deleted since. It need not be moved, or get
 * into the index at all: the deletion is durable in the log, behind the position of the index, and
 * whoever sees the new root sees a layer with the deletion in front of it.
 */
static bool is_deleted_since(struct meta *meta, struct slice name) {
    struct slice newer;
    struct meta_view *view = meta_view_take(meta);
    uint64_t sequence = atomic_load_explicit(&meta->published, memory_order_acquire);
    bool deleted = layer_get(view->layers[0]->layer, sequence, name, &newer) && newer.len == 0;
    meta_view_release(meta, &view);
    return deleted;
}

/* Lets the mover take bodies out of the changes. */
static void bodies_move(struct meta *meta, struct meta_layer *frozen, struct index_change *changes,
                        size_t count) {
    struct mover *mover = meta->mover;
    struct shown shown = {.meta = meta, .mover = mover, .layer = frozen};
    mover->ops->begin(mover);
    layer_show(&shown, show_spent);
    for (size_t i = 0; i < count; i++) {
        struct slice key = slice_skip(changes[i].name, KV_PARTITION_LEN);
        if (mover->ops->riding(key, changes[i].value) == 0) continue;
        if (is_deleted_since(meta, changes[i].name)) changes[i].value = slice_of(NULL, 0);
    }
    mover->ops->move(mover, changes, count);
}

/* ---- the checkpoint ---- */

/* The layer's names with their last values, in order. */
static struct index_change *changes_gather(const struct layer *layer, size_t *ret_count) {
    size_t count = layer_count(layer);
    struct index_change *changes = malloc((count + 1) * sizeof *changes);
    CHECK(changes);
    size_t n = 0;
    for (const struct layer_node *node = layer_first(layer); node; node = layer_next(node)) {
        struct slice value;
        if (!layer_node_value(node, UINT64_MAX, &value)) continue;
        CHECK(n < count);
        changes[n++] = (struct index_change){layer_node_name(node), value};
    }
    *ret_count = n;
    return changes;
}

/* Whether the changes find room, but for `riding` bytes of them. */
static struct status changes_room(struct meta *meta, const struct index_change *changes,
                                  size_t count, uint64_t riding) {
    uint64_t all = count;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += changes[i].name.len + changes[i].value.len;
    bytes = bytes > riding ? bytes - riding : 0;
    meta_room_of_mover(meta, &all, &bytes);
    return index_room(meta->index, all, bytes, 0, true);
}

/* Applies the frozen layer. An error but NO_SPACE is final. */
static struct status frozen_apply(struct meta *meta, struct meta_layer *frozen,
                                  struct log_position position) {
    size_t count;
    struct index_change *changes = changes_gather(frozen->layer, &count);
    struct note note = {0};
    bool moved = false;
    struct status s = changes_room(meta, changes, count, atomic_load(&frozen->riding));
    if (is_ok(s) && meta->mover) {
        bodies_move(meta, frozen, changes, count);
        moved = true;
        s = changes_room(meta, changes, count, 0); /* some may have had to stay */
    }
    if (is_ok(s)) s = index_apply(meta->index, changes, count, position, &note);
    free(changes);
    if (!is_ok(s) && moved) meta->mover->ops->end(meta->mover, s);
    if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) {
        if (!note.text[0]) note_set(&note, "the index can't grow: %s", status_text(s.code));
        meta_fail(meta, &note);
    }
    return s;
}

/*
 * The order is what a checkpoint is about: the changes are in the index, durable; then readers get
 * the new root in the place of the layer; then the log may forget them (C6).
 */
static struct status checkpoint_run(struct meta *meta) {
    int64_t begin_ns = clock_mono_ns(meta->config.clock);
    pthread_mutex_lock(&meta->work_lock);
    struct meta_layer *frozen = meta->frozen;
    struct log_position position = meta->frozen_to;
    pthread_mutex_unlock(&meta->work_lock);
    struct status s = frozen_apply(meta, frozen, position);
    if (is_ok(s)) {
        pthread_mutex_lock(&meta->work_lock);
        meta->frozen = NULL;
        struct meta_view *view = meta_view_take(meta);
        meta_view_push(meta, view->layers, 1);
        meta_view_release(meta, &view);
        pthread_mutex_unlock(&meta->work_lock);
        if (meta->mover) meta->mover->ops->end(meta->mover, s);
        log_release(meta->log, position);
        atomic_fetch_add(&meta->checkpoints, 1);
        int64_t end_ns = clock_mono_ns(meta->config.clock);
        atomic_store(&meta->checkpoint_ns, (unsigned long long)(end_ns - begin_ns));
    }
    pthread_mutex_lock(&meta->work_lock);
    meta->last_status = s;
    pthread_cond_broadcast(&meta->work_changed);
    pthread_mutex_unlock(&meta->work_lock);
    return s;
}

/* Puts a new active layer in front of the one that is there. Called under the work lock. */
static void freeze_locked(struct meta *meta) {
    struct meta_view *view = meta_view_take(meta);
    CHECK(view->layer_count == 1);
    meta->frozen = view->layers[0];
    meta->frozen_to = log_tail(meta->log);
    meta->wanted = false;
    meta->active = meta_layer_new();
    struct meta_layer *layers[META_LAYERS] = {meta->active, meta->frozen};
    meta_view_push(meta, layers, META_LAYERS);
    meta_view_release(meta, &view);
    pthread_cond_broadcast(&meta->work_changed);
}

/* Whether a checkpoint would do good. Called under the work lock. */
static bool is_time(struct meta *meta) {
    if (meta->wanted || meta_layer_is_full(meta)) return true;
    return log_used_bytes(meta->log) >= log_limit_bytes(meta->log) / 2;
}

void meta_freeze(struct meta *meta, bool now) {
    if (atomic_load(&meta->failed)) return; /* the layer may have what never became durable */
    pthread_mutex_lock(&meta->work_lock);
    bool ready = !meta->config.has_mover || meta->mover;
    bool begin =
        ready && !meta->frozen && layer_count(meta->active->layer) > 0 && (now || is_time(meta));
    if (begin) freeze_locked(meta);
    bool inline_run = meta->config.inline_work && meta->frozen;
    pthread_mutex_unlock(&meta->work_lock);
    /* What fails is kept for the next time, and noted where it is final. */
    if (inline_run) IGNORE_STATUS(checkpoint_run(meta));
}

static struct timespec timespec_of(int64_t ns) {
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

void meta_work_wait(struct meta *meta, int64_t until_ns) {
    struct timespec until = timespec_of(until_ns);
    pthread_mutex_lock(&meta->work_lock);
    if (meta->frozen) pthread_cond_timedwait(&meta->work_changed, &meta->work_lock, &until);
    pthread_mutex_unlock(&meta->work_lock);
}

static void *worker_run(void *argument) {
    struct meta *meta = argument;
    pthread_mutex_lock(&meta->work_lock);
    while (!meta->closing) {
        if (!meta->frozen || atomic_load(&meta->failed)) {
            pthread_cond_wait(&meta->work_changed, &meta->work_lock);
            continue;
        }
        pthread_mutex_unlock(&meta->work_lock);
        struct status s = checkpoint_run(meta);
        pthread_mutex_lock(&meta->work_lock);
        if (is_ok(s) || meta->closing) continue;
        /* The drive is full: until it is not, the log and the layers hold what they hold. */
        struct timespec until = timespec_of(clock_mono_ns(clock_system()) + retry_ns);
        pthread_cond_timedwait(&meta->work_changed, &meta->work_lock, &until);
    }
    pthread_mutex_unlock(&meta->work_lock);
    return NULL;
}

struct status meta_worker_start(struct meta *meta, struct note *note) {
    struct thread_config config = {
        .name = "hink-check",
        .stack_size_bytes = WORKER_STACK_BYTES,
        .run = worker_run,
        .argument = meta,
    };
    TRY(thread_start(&config, note, &meta->worker));
    meta->has_worker = true;
    return status_ok();
}

void meta_worker_stop(struct meta *meta) {
    pthread_mutex_lock(&meta->work_lock);
    meta->closing = true;
    pthread_cond_broadcast(&meta->work_changed);
    pthread_mutex_unlock(&meta->work_lock);
    if (meta->has_worker) thread_join(&meta->worker);
    meta->has_worker = false;
}

/* Whether the index has every group up to `sequence`. */
static bool is_applied(struct meta *meta, uint64_t sequence) {
    struct meta_view *view = meta_view_take(meta);
    bool applied = view->root->position.sequence > sequence;
    meta_view_release(meta, &view);
    return applied;
}

bool meta_may_settle(struct meta *meta) {
    bool ready = !meta->config.has_mover || meta->mover;
    return ready && !atomic_load(&meta->failed) && !is_applied(meta, atomic_load(&meta->published));
}

/* Waits for the frozen layer, if there is one, to be applied once. */
static struct status frozen_wait(struct meta *meta) {
    pthread_mutex_lock(&meta->work_lock);
    struct status s = status_ok();
    while (meta->frozen && is_ok(s)) {
        if (!meta->config.inline_work) pthread_cond_wait(&meta->work_changed, &meta->work_lock);
        if (meta->frozen) s = meta->last_status;
        if (meta->frozen && atomic_load(&meta->failed)) s = status_of(STATUS_IO);
    }
    pthread_mutex_unlock(&meta->work_lock);
    return s;
}

struct status meta_checkpoint(struct meta *meta) {
    uint64_t sequence = atomic_load(&meta->published);
    struct kv_batch *empty = kv_batch_new();
    struct status s = status_ok();
    while (is_ok(s) && !is_applied(meta, sequence)) {
        pthread_mutex_lock(&meta->work_lock);
        meta->wanted = true;
        meta->last_status = status_ok();
        pthread_mutex_unlock(&meta->work_lock);
        /* Only a leader may freeze: an empty batch makes us one. */
        size_t failed_guard;
        s = meta_commit(&meta->kv, kv_partition_system, empty, &failed_guard);
        if (is_ok(s)) s = frozen_wait(meta);
    }
    kv_batch_free(&empty);
    return s;
}
