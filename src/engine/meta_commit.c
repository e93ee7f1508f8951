/* Group commit: one leader judges, writes and publishes for all that wait. */
#include <semaphore.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "blob/driver.h"
#include "engine/meta_inside.h"

enum {
    GROUP_BATCHES_MAX = 1024,
    GROUP_ENTRIES_MAX = 64 * 1024,
    SHRINKING_BYTES_MAX = 64 * 1024,
    SLACK_PAGES = 512, /* of the index, kept for deletions */
    FORESEEN_MAX = 8,  /* guards of a batch that its committer looks up beforehand */
};

static const uint64_t group_bytes_max = KV_BATCH_BYTES_MAX;
static const int64_t wait_step_ns = 20 * NS_PER_MS;
static const int64_t slow_step_ns = NS_PER_MS;

/* What the index says about a guard on presence or equality. */
enum foreseen { FORESEEN_NOT, FORESEEN_HOLDS, FORESEEN_FAILS };

/* One committer, on its stack, from queueing until it is told. */
struct meta_waiter {
    struct meta_waiter *next;
    struct kv_partition partition;
    const struct kv_batch *batch;
    uint64_t bytes;
    uint64_t riding; /* of these: bodies */
    struct status status;
    size_t failed_guard;
    struct meta_view *view; /* that the guards were foreseen in */
    enum foreseen foreseen[FORESEEN_MAX];
    bool no_room; /* was refused, as the index may find none */
    bool leads;   /* woken to lead, not to return */
    sem_t woken;
};

/* The group that is being judged. */
struct group {
    struct meta *meta;
    struct meta_view *view;
    uint64_t sequence; /* published before it */
};

void meta_queue_init(struct meta_queue *queue) {
    *queue = (struct meta_queue){0};
    CHECK(pthread_mutex_init(&queue->lock, NULL) == 0);
    overlay_init(&queue->pending);
    log_buffer_init(&queue->buffer);
}

void meta_queue_fini(struct meta_queue *queue) {
    CHECK(!queue->led && !queue->first);
    log_buffer_fini(&queue->buffer);
    overlay_fini(&queue->pending);
    pthread_mutex_destroy(&queue->lock);
}

/* What a key holds for the next batch of the group. */
static struct status look_up(struct group *group, struct kv_partition partition, struct slice key,
                             struct meta_value *ret_value) {
    const struct overlay_change *change = overlay_find(&group->meta->queue.pending, partition, key);
    if (change) {
        *ret_value = (struct meta_value){.bytes = overlay_value(change)};
        return status_ok();
    }
    struct meta_name name;
    CHECK(meta_name_make(&name, partition, key));
    return meta_look_up(group->meta, group->view, group->sequence, meta_name_slice(&name),
                        ret_value);
}

static bool guard_holds(const struct kv_entry *entry, struct slice value) {
    if (entry->kind == KV_ENTRY_GUARD_ABSENT) return value.len == 0;
    if (entry->kind == KV_ENTRY_GUARD_PRESENT) return value.len > 0;
    return slice_eq(value, entry->value);
}

/*
 * Looks a guard up in the index, in the committer's own thread: the leader, of whom there is one,
 * should not wait for a drive. What the layers or the group say later, counts before it.
 */
static enum foreseen guard_foresee(struct meta *meta, const struct meta_waiter *waiter,
                                   const struct kv_entry *entry) {
    struct meta_name name;
    CHECK(meta_name_make(&name, waiter->partition, entry->key));
    struct slice newer;
    if (meta_layers_get(waiter->view, UINT64_MAX, meta_name_slice(&name), &newer)) {
        return FORESEEN_NOT;
    }
    struct index_value value = {0};
    struct status s = index_get(meta->index, waiter->view->root, meta_name_slice(&name), &value);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return FORESEEN_NOT;
    bool holds = guard_holds(entry, value.bytes);
    if (is_ok(s)) index_value_end(meta->index, &value);
    return holds ? FORESEEN_HOLDS : FORESEEN_FAILS;
}

/* Whether a guard on presence or equality, number `guard` of its batch, holds. */
static struct status guard_judge(struct group *group, const struct meta_waiter *waiter,
                                 const struct kv_entry *entry, size_t guard) {
    bool foreseen = guard < FORESEEN_MAX && waiter->foreseen[guard] != FORESEEN_NOT &&
                    waiter->view->root == group->view->root;
    struct meta_value value = {0};
    bool holds;
    if (foreseen) {
        const struct overlay_change *change =
            overlay_find(&group->meta->queue.pending, waiter->partition, entry->key);
        struct meta_name name;
        CHECK(meta_name_make(&name, waiter->partition, entry->key));
        struct slice newer = change ? overlay_value(change) : slice_of(NULL, 0);
        bool known =
            change || meta_layers_get(group->view, group->sequence, meta_name_slice(&name), &newer);
        holds = known ? guard_holds(entry, newer) : waiter->foreseen[guard] == FORESEEN_HOLDS;
    } else {
        TRY(look_up(group, waiter->partition, entry->key, &value));
        holds = guard_holds(entry, value.bytes);
        meta_look_up_end(group->meta, &value);
    }
    return holds ? status_ok() : status_of(STATUS_CONFLICT);
}

static struct status counter_change(struct group *group, struct kv_partition partition,
                                    const struct kv_entry *entry) {
    struct meta_value value;
    TRY(look_up(group, partition, entry->key, &value));
    int64_t count = 0;
    struct status s = value.bytes.len > 0 ? kv_counter_parse(value.bytes, &count) : status_ok();
    meta_look_up_end(group->meta, &value);
    TRY(s);
    if (!kv_counter_add(count, entry, &count)) return status_of(STATUS_CONFLICT);
    overlay_set_counter(&group->meta->queue.pending, partition, entry->key, count);
    return status_ok();
}

static struct status entry_apply(struct group *group, struct kv_partition partition,
                                 const struct kv_entry *entry) {
    struct overlay *pending = &group->meta->queue.pending;
    switch (entry->kind) {
        case KV_ENTRY_PUT:
            overlay_set(pending, partition, entry->key, entry->value);
            break;
        case KV_ENTRY_DELETE:
            overlay_set(pending, partition, entry->key, slice_of(NULL, 0));
            break;
        case KV_ENTRY_ADD:
            return counter_change(group, partition, entry);
        case KV_ENTRY_GUARD_ABSENT:
        case KV_ENTRY_GUARD_PRESENT:
        case KV_ENTRY_GUARD_EQUALS:
            break;
    }
    return status_ok();
}

static bool entry_is_guard_only(const struct kv_entry *entry) {
    return kv_entry_is_guard(entry->kind) && entry->kind != KV_ENTRY_ADD;
}

/* First what was there before the batch, then its changes one after the other (kv.h). */
static struct status batch_judge(struct group *group, struct meta_waiter *waiter) {
    size_t count = kv_batch_entry_count(waiter->batch);
    size_t guard = 0;
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(waiter->batch, i);
        waiter->failed_guard = guard;
        if (entry_is_guard_only(&entry)) TRY(guard_judge(group, waiter, &entry, guard));
        guard += kv_entry_is_guard(entry.kind);
    }
    guard = 0;
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(waiter->batch, i);
        waiter->failed_guard = guard;
        guard += kv_entry_is_guard(entry.kind);
        TRY(entry_apply(group, waiter->partition, &entry));
    }
    return status_ok();
}

/* How much a batch writes, and whether it is a deletion: it takes away, and binds no new blob. */
static uint64_t batch_weigh(struct meta *meta, const struct kv_batch *batch, uint64_t *ret_riding,
                            bool *ret_shrinking) {
    uint64_t bytes = 0;
    uint64_t riding = 0;
    bool takes = false;
    bool binds = false;
    size_t count = kv_batch_entry_count(batch);
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(batch, i);
        if (entry_is_guard_only(&entry)) continue;
        bytes += entry.key.len + entry.value.len;
        if (entry.kind == KV_ENTRY_PUT) riding += meta_riding(meta, entry.key, entry.value);
        takes |= entry.kind == KV_ENTRY_DELETE || (entry.kind == KV_ENTRY_ADD && entry.delta < 0);
        binds |= entry.kind == KV_ENTRY_PUT && entry.key.len == BLOB_KEY_LEN &&
                 entry.key.ptr[0] == BLOB_KEY_PREFIX && entry.key.ptr[1] == BLOB_KEY_RECORD;
    }
    *ret_riding = riding;
    *ret_shrinking = takes && !binds && bytes <= SHRINKING_BYTES_MAX;
    return bytes;
}

/*
 * Whether the index will find room for all that is not in it yet, this batch too (C7): what was
 * acknowledged must not be kept from it by a full drive. Deletions may use what is kept for them.
 * What was deleted is room only after a checkpoint, so one is begun where room is short.
 */
static struct status room_admit(struct group *group, const struct meta_waiter *waiter,
                                bool shrinking) {
    struct meta *meta = group->meta;
    uint64_t changes = meta->queue.pending.count + kv_batch_entry_count(waiter->batch);
    uint64_t bytes = meta->queue.pending_bytes + waiter->bytes - waiter->riding;
    for (unsigned i = 0; i < group->view->layer_count; i++) {
        const struct meta_layer *layer = group->view->layers[i];
        changes += layer_count(layer->layer);
        bytes += layer_bytes(layer->layer) - atomic_load(&layer->riding);
    }
    meta_room_of_mover(meta, &changes, &bytes);
    uint64_t slack = shrinking ? 0 : SLACK_PAGES;
    struct status s = index_room(meta->index, changes, bytes, slack, false);
    if (!status_is(s, STATUS_NO_SPACE)) return s;
    /* Only what makes the file longer needs some of the drive. */
    if (meta->config.space) s = space_admit(meta->config.space, waiter->bytes, shrinking);
    bool may_grow = !meta->config.space || is_ok(s);
    if (may_grow) s = index_room(meta->index, changes, bytes, slack, true);
    if (!status_is(s, STATUS_NO_SPACE)) return s;
    pthread_mutex_lock(&meta->work_lock);
    meta->wanted = true;
    pthread_mutex_unlock(&meta->work_lock);
    return status_of(shrinking ? STATUS_BUSY : STATUS_NO_SPACE);
}

/* Judges one batch; what it changes is then pending, or nothing of it is. */
static void waiter_judge(struct group *group, struct meta_waiter *waiter) {
    struct meta *meta = group->meta;
    struct overlay *pending = &meta->queue.pending;
    size_t mark = overlay_mark(pending);
    bool shrinking;
    uint64_t bytes = batch_weigh(meta, waiter->batch, &waiter->riding, &shrinking);
    waiter->status = bytes > 0 ? room_admit(group, waiter, shrinking) : status_ok();
    waiter->no_room = !is_ok(waiter->status);
    if (is_ok(waiter->status)) waiter->status = batch_judge(group, waiter);
    if (is_ok(waiter->status)) meta->queue.pending_bytes += bytes - waiter->riding;
    if (!is_ok(waiter->status)) overlay_rollback(pending, mark);
}

/* Makes the group's changes the payload of a record. */
static void group_encode(struct meta_queue *queue) {
    log_buffer_clear(&queue->buffer);
    for (size_t i = 0; i < queue->pending.count; i++) {
        const struct overlay_change *change = &queue->pending.changes[i];
        meta_change_encode(&queue->buffer, change->partition, change->key, overlay_value(change));
    }
}

/* Notes the group's changes in the active layer, the last one of each name, and shows them (C3). */
static void group_publish(struct group *group, uint64_t sequence) {
    struct meta *meta = group->meta;
    struct overlay *pending = &meta->queue.pending;
    struct layer *active = group->view->layers[0]->layer;
    for (size_t i = 0; i < pending->count; i++) {
        const struct overlay_change *change = &pending->changes[i];
        if (overlay_find(pending, change->partition, change->key) != change) continue;
        struct meta_name name;
        CHECK(meta_name_make(&name, change->partition, change->key));
        struct slice value = overlay_value(change);
        layer_set(active, sequence, meta_name_slice(&name), value);
        size_t riding = meta_riding(meta, change->key, value);
        if (riding > 0) atomic_fetch_add(&group->view->layers[0]->riding, riding);
    }
    atomic_store_explicit(&meta->published, sequence, memory_order_release);
}

/* Whether the layer and the log can take the group; waits for a checkpoint where they can't. */
static bool group_admit(struct meta *meta, size_t payload_len) {
    bool slowed = false;
    int64_t until_ns = 0;
    while (meta_layer_is_over(meta) || !log_room(meta->log, payload_len)) {
        int64_t now_ns = clock_mono_ns(meta->config.clock);
        if (!slowed) until_ns = now_ns + meta->config.patience_ns;
        if (!slowed) atomic_fetch_add(&meta->slowed, 1);
        bool last_try = now_ns >= until_ns || (slowed && meta->config.inline_work);
        slowed = true;
        if (last_try || atomic_load(&meta->failed)) return false;
        meta_freeze(meta, true);
        if (meta_layer_is_over(meta)) meta_work_wait(meta, now_ns + wait_step_ns);
        if (!log_room(meta->log, payload_len)) log_room_wait(meta->log, wait_step_ns);
    }
    /* Full, and the one before is still being applied: a little slower. */
    if (!slowed && meta_layer_is_full(meta) && !meta->config.inline_work) {
        meta_work_wait(meta, clock_mono_ns(meta->config.clock) + slow_step_ns);
    }
    return true;
}

/* Writes the group's changes, durable, and publishes them. */
static struct status group_write(struct group *group) {
    struct meta *meta = group->meta;
    struct meta_queue *queue = &meta->queue;
    uint64_t sequence;
    struct status s = log_append(meta->log, &queue->buffer, &sequence);
    atomic_fetch_add(&meta->groups, 1);
    if (!is_ok(s)) {
        struct note note;
        note_set(&note, "the log can't be written: %s", status_text(s.code));
        meta_fail(meta, &note);
        return status_of(STATUS_IO); /* NO_SPACE would promise that nothing was written */
    }
    group_publish(group, sequence);
    return status_ok();
}

static struct status group_steps(struct group *group, struct meta_waiter *first) {
    struct meta *meta = group->meta;
    struct meta_queue *queue = &meta->queue;
    if (atomic_load(&meta->failed)) return status_of(STATUS_IO);
    for (struct meta_waiter *w = first; w; w = w->next) waiter_judge(group, w);
    if (queue->pending.count == 0) return status_ok();
    group_encode(queue);
    /* A new layer may have been begun meanwhile; what was judged holds in it, too. */
    bool admitted = group_admit(meta, queue->buffer.len);
    meta_view_release(meta, &group->view);
    group->view = meta_view_take(meta);
    if (admitted) return group_write(group);
    atomic_fetch_add(&meta->refused, 1);
    return status_of(atomic_load(&meta->failed) ? STATUS_IO : STATUS_BUSY);
}

/*
 * Judges and writes the group that begins at `first`; each waiter's status is then its answer. Even
 * a CONFLICT is answered only now, when what decided it is durable (C4); if the write failed, it
 * never will be.
 */
static void group_run(struct meta *meta, struct meta_waiter *first) {
    meta_freeze(meta, false);
    struct group group = {.meta = meta, .view = meta_view_take(meta)};
    group.sequence = atomic_load(&meta->published);
    overlay_clear(&meta->queue.pending);
    meta->queue.pending_bytes = 0;
    struct status s = group_steps(&group, first);
    meta_view_release(meta, &group.view);
    meta_freeze(meta, false); /* if the group has found that a checkpoint is wanted */
    for (struct meta_waiter *w = first; w; w = w->next) {
        if (!is_ok(s)) w->status = s;
        atomic_fetch_add(&meta->commits, is_ok(w->status));
        atomic_fetch_add(&meta->conflicts, status_is(w->status, STATUS_CONFLICT));
    }
}

/* Takes a group off the queue's front. */
static struct meta_waiter *group_take(struct meta_queue *queue) {
    struct meta_waiter *first = queue->first;
    struct meta_waiter *last = first;
    size_t entries = kv_batch_entry_count(first->batch);
    uint64_t bytes = first->bytes;
    for (size_t count = 1; last->next && count < GROUP_BATCHES_MAX; count++) {
        entries += kv_batch_entry_count(last->next->batch);
        bytes += last->next->bytes;
        if (entries > GROUP_ENTRIES_MAX || bytes > group_bytes_max) break;
        last = last->next;
    }
    queue->first = last->next;
    if (!queue->first) queue->last = NULL;
    last->next = NULL;
    return first;
}

/* Gives the lead to the first in the queue, if there is one. */
static void lead_pass(struct meta_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct meta_waiter *heir = queue->first;
    queue->led = heir != NULL;
    if (heir) heir->leads = true;
    pthread_mutex_unlock(&queue->lock);
    if (heir) sem_post(&heir->woken);
}

static void group_tell(struct meta_waiter *first, const struct meta_waiter *self) {
    while (first) {
        struct meta_waiter *next = first->next; /* a waiter that was told is gone */
        if (first != self) sem_post(&first->woken);
        first = next;
    }
}

static void lead(struct meta *meta, struct meta_waiter *self) {
    pthread_mutex_lock(&meta->queue.lock);
    struct meta_waiter *group = group_take(&meta->queue);
    pthread_mutex_unlock(&meta->queue.lock);
    CHECK(group == self);
    group_run(meta, group);
    lead_pass(&meta->queue);
    group_tell(group, self);
}

static void wait_for(sem_t *woken) {
    while (sem_wait(woken) != 0) continue; /* EINTR */
}

static struct status enqueue(struct meta *meta, struct meta_waiter *self) {
    struct meta_queue *queue = &meta->queue;
    CHECK(sem_init(&self->woken, 0, 0) == 0);
    pthread_mutex_lock(&queue->lock);
    if (queue->last) {
        queue->last->next = self;
    } else {
        queue->first = self;
    }
    queue->last = self;
    self->leads = !queue->led;
    queue->led = true;
    bool leads = self->leads;
    pthread_mutex_unlock(&queue->lock);
    if (!leads) wait_for(&self->woken);
    if (self->leads) lead(meta, self);
    sem_destroy(&self->woken);
    return self->status;
}

/* Looks up the first guards of the batch. */
static void guards_foresee(struct meta *meta, struct meta_waiter *waiter) {
    size_t count = kv_batch_entry_count(waiter->batch);
    size_t guard = 0;
    for (size_t i = 0; i < count && guard < FORESEEN_MAX; i++) {
        struct kv_entry entry = kv_batch_entry(waiter->batch, i);
        if (entry_is_guard_only(&entry)) {
            waiter->foreseen[guard] = guard_foresee(meta, waiter, &entry);
        }
        guard += kv_entry_is_guard(entry.kind);
    }
}

static struct status commit_once(struct meta *meta, struct kv_partition partition,
                                 const struct kv_batch *batch, size_t *ret_failed_guard,
                                 bool *ret_no_room) {
    struct meta_waiter self = {.partition = partition, .batch = batch};
    bool shrinking;
    self.bytes = batch_weigh(meta, batch, &self.riding, &shrinking);
    self.view = meta_view_take(meta);
    guards_foresee(meta, &self);
    struct status s = enqueue(meta, &self);
    meta_view_release(meta, &self.view);
    if (status_is(s, STATUS_CONFLICT)) *ret_failed_guard = self.failed_guard;
    *ret_no_room = self.no_room;
    return s;
}

struct status meta_commit(struct kv *kv, struct kv_partition partition,
                          const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct meta *meta = CONTAINER_OF(kv, struct meta, kv);
    bool no_room;
    struct status s = commit_once(meta, partition, batch, ret_failed_guard, &no_room);
    /* What was deleted lately is room after a checkpoint only: nobody is told before that. */
    if (no_room && meta_may_settle(meta) && is_ok(meta_checkpoint(meta))) {
        s = commit_once(meta, partition, batch, ret_failed_guard, &no_room);
    }
    return s;
}
