#include "engine/commit.h"

#include <semaphore.h>

#include "base/check.h"
#include "blob/driver.h"

enum { GROUP_BATCHES_MAX = 1024, GROUP_ENTRIES_MAX = 64 * 1024, SHRINKING_BYTES_MAX = 64 * 1024 };

/* One committer, on its stack, from queueing until it is told. */
struct commit_waiter {
    struct commit_waiter *next;
    struct kv_partition partition;
    const struct kv_batch *batch; /* NULL: drop the partition */
    struct status status;
    size_t failed_guard;
    bool leads; /* woken to lead, not to return */
    sem_t woken;
};

void commit_queue_init(struct commit_queue *queue, struct db *db, struct space *space) {
    *queue = (struct commit_queue){.db = db, .space = space};
    CHECK(pthread_mutex_init(&queue->lock, NULL) == 0);
    overlay_init(&queue->overlay);
    queue->writes = rocksdb_writebatch_create();
}

void commit_queue_fini(struct commit_queue *queue) {
    CHECK(!queue->led && !queue->first);
    rocksdb_writebatch_destroy(queue->writes);
    overlay_fini(&queue->overlay);
    pthread_mutex_destroy(&queue->lock);
}

/* What a name holds for the next batch of the group; `*ret_pinned` is NULL or to be destroyed. */
static struct status look_up(const struct commit_queue *queue, struct kv_partition partition,
                             struct slice key, rocksdb_pinnableslice_t **ret_pinned,
                             struct slice *ret_value) {
    *ret_pinned = NULL;
    *ret_value = slice_of(NULL, 0);
    const struct overlay_change *change = overlay_find(&queue->overlay, partition, key);
    if (change) {
        *ret_value = overlay_value(change);
        return status_ok();
    }
    struct db_name name;
    db_name_make(&name, partition, key);
    struct status s = db_get(queue->db, slice_of(name.bytes, name.len), ret_pinned);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    ret_value->ptr = rocksdb_pinnableslice_value(*ret_pinned, &ret_value->len);
    return status_ok();
}

static void look_up_end(rocksdb_pinnableslice_t *pinned) {
    if (pinned) rocksdb_pinnableslice_destroy(pinned);
}

/* Judges a guard on presence or equality. */
static struct status guard_judge(const struct commit_queue *queue, struct kv_partition partition,
                                 const struct kv_entry *entry) {
    rocksdb_pinnableslice_t *pinned;
    struct slice value;
    TRY(look_up(queue, partition, entry->key, &pinned, &value));
    bool holds = entry->kind == KV_ENTRY_GUARD_ABSENT    ? value.len == 0
                 : entry->kind == KV_ENTRY_GUARD_PRESENT ? value.len > 0
                                                         : slice_eq(value, entry->value);
    look_up_end(pinned);
    return holds ? status_ok() : status_of(STATUS_CONFLICT);
}

static struct status counter_change(struct commit_queue *queue, struct kv_partition partition,
                                    const struct kv_entry *entry) {
    rocksdb_pinnableslice_t *pinned;
    struct slice value;
    TRY(look_up(queue, partition, entry->key, &pinned, &value));
    int64_t count = 0;
    struct status s = value.len > 0 ? kv_counter_parse(value, &count) : status_ok();
    look_up_end(pinned);
    TRY(s);
    if (!kv_counter_add(count, entry, &count)) return status_of(STATUS_CONFLICT);
    overlay_set_counter(&queue->overlay, partition, entry->key, count);
    return status_ok();
}

static struct status entry_apply(struct commit_queue *queue, struct kv_partition partition,
                                 const struct kv_entry *entry) {
    switch (entry->kind) {
        case KV_ENTRY_PUT:
            overlay_set(&queue->overlay, partition, entry->key, entry->value);
            break;
        case KV_ENTRY_DELETE:
            overlay_set(&queue->overlay, partition, entry->key, slice_of(NULL, 0));
            break;
        case KV_ENTRY_ADD:
            return counter_change(queue, partition, entry);
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
static struct status batch_judge(struct commit_queue *queue, struct commit_waiter *waiter) {
    size_t count = kv_batch_entry_count(waiter->batch);
    size_t guard = 0;
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(waiter->batch, i);
        waiter->failed_guard = guard;
        guard += kv_entry_is_guard(entry.kind);
        if (entry_is_guard_only(&entry)) TRY(guard_judge(queue, waiter->partition, &entry));
    }
    guard = 0;
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(waiter->batch, i);
        waiter->failed_guard = guard;
        guard += kv_entry_is_guard(entry.kind);
        TRY(entry_apply(queue, waiter->partition, &entry));
    }
    return status_ok();
}

/* How much a batch writes, and whether it is a deletion: it takes away, and binds no new blob. */
static uint64_t batch_weigh(const struct kv_batch *batch, bool *ret_shrinking) {
    uint64_t bytes = 0;
    bool takes = false;
    bool binds = false;
    size_t count = kv_batch_entry_count(batch);
    for (size_t i = 0; i < count; i++) {
        struct kv_entry entry = kv_batch_entry(batch, i);
        if (entry_is_guard_only(&entry)) continue;
        bytes += entry.key.len + entry.value.len;
        takes |= entry.kind == KV_ENTRY_DELETE || (entry.kind == KV_ENTRY_ADD && entry.delta < 0);
        binds |= entry.kind == KV_ENTRY_PUT && entry.key.len == BLOB_KEY_LEN &&
                 entry.key.ptr[0] == BLOB_KEY_PREFIX && entry.key.ptr[1] == BLOB_KEY_RECORD;
    }
    *ret_shrinking = takes && !binds && bytes <= SHRINKING_BYTES_MAX;
    return bytes;
}

static struct status batch_admit(struct commit_queue *queue, const struct kv_batch *batch) {
    bool shrinking;
    uint64_t bytes = batch_weigh(batch, &shrinking);
    return space_admit(queue->space, bytes, shrinking);
}

static void drop_add(struct commit_queue *queue, struct kv_partition partition) {
    struct db_name from;
    struct db_name to;
    db_name_make(&from, partition, slice_of(NULL, 0));
    to = from;
    if (!db_name_after_prefix(&to)) memset(to.bytes, 0xff, to.len = sizeof to.bytes);
    rocksdb_writebatch_delete_range(queue->writes, from.bytes, from.len, to.bytes, to.len);
}

static void waiter_judge(struct commit_queue *queue, struct commit_waiter *waiter) {
    if (!waiter->batch) {
        drop_add(queue, waiter->partition);
        waiter->status = status_ok();
        return;
    }
    size_t mark = overlay_mark(&queue->overlay);
    waiter->status = batch_admit(queue, waiter->batch);
    if (is_ok(waiter->status)) waiter->status = batch_judge(queue, waiter);
    if (!is_ok(waiter->status)) overlay_rollback(&queue->overlay, mark);
}

static void writes_add(struct commit_queue *queue) {
    for (size_t i = 0; i < queue->overlay.count; i++) {
        const struct overlay_change *change = &queue->overlay.changes[i];
        struct db_name name;
        db_name_make(&name, change->partition, change->key);
        struct slice value = overlay_value(change);
        if (value.len > 0) {
            rocksdb_writebatch_put(queue->writes, name.bytes, name.len, value.ptr, value.len);
        } else {
            rocksdb_writebatch_delete(queue->writes, name.bytes, name.len);
        }
    }
}

static void fail(struct commit_queue *queue, const struct note *note) {
    pthread_mutex_lock(&queue->lock);
    queue->failure = *note;
    pthread_mutex_unlock(&queue->lock);
    atomic_store(&queue->failed, true);
}

/* Judges and writes the group that begins at `first`; each waiter's status is then its answer. */
static void group_run(struct commit_queue *queue, struct commit_waiter *first) {
    overlay_clear(&queue->overlay);
    rocksdb_writebatch_clear(queue->writes);
    struct status s = status_of(atomic_load(&queue->failed) ? STATUS_IO : STATUS_OK);
    struct note note = {0};
    for (struct commit_waiter *w = first; w && is_ok(s); w = w->next) waiter_judge(queue, w);
    if (is_ok(s)) writes_add(queue);
    if (is_ok(s) && rocksdb_writebatch_count(queue->writes) > 0) {
        s = db_write(queue->db, queue->writes, &note);
        atomic_fetch_add(&queue->groups, 1);
        if (!is_ok(s)) fail(queue, &note);
    }
    for (struct commit_waiter *w = first; w; w = w->next) {
        /* NO_SPACE would promise that nothing was written. */
        if (!is_ok(s)) w->status = status_of(STATUS_IO);
        atomic_fetch_add(&queue->commits, is_ok(w->status));
        atomic_fetch_add(&queue->conflicts, status_is(w->status, STATUS_CONFLICT));
    }
}

/* Takes a group off the queue's front. Drops go alone, as they are not in the overlay. */
static struct commit_waiter *group_take(struct commit_queue *queue) {
    struct commit_waiter *first = queue->first;
    struct commit_waiter *last = first;
    size_t entries = first->batch ? kv_batch_entry_count(first->batch) : GROUP_ENTRIES_MAX;
    for (size_t count = 1; last->next && count < GROUP_BATCHES_MAX; count++) {
        if (!last->next->batch) break;
        entries += kv_batch_entry_count(last->next->batch);
        if (entries > GROUP_ENTRIES_MAX) break;
        last = last->next;
    }
    queue->first = last->next;
    if (!queue->first) queue->last = NULL;
    last->next = NULL;
    return first;
}

/* Gives the lead to the first in the queue, if there is one. */
static void lead_pass(struct commit_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct commit_waiter *heir = queue->first;
    queue->led = heir != NULL;
    if (heir) heir->leads = true;
    pthread_mutex_unlock(&queue->lock);
    if (heir) sem_post(&heir->woken);
}

static void group_tell(struct commit_waiter *first, const struct commit_waiter *self) {
    while (first) {
        struct commit_waiter *next = first->next; /* a waiter that was told is gone */
        if (first != self) sem_post(&first->woken);
        first = next;
    }
}

static void lead(struct commit_queue *queue, struct commit_waiter *self) {
    pthread_mutex_lock(&queue->lock);
    struct commit_waiter *group = group_take(queue);
    pthread_mutex_unlock(&queue->lock);
    CHECK(group == self);
    group_run(queue, group);
    lead_pass(queue);
    group_tell(group, self);
}

static void wait_for(sem_t *woken) {
    while (sem_wait(woken) != 0) continue; /* EINTR */
}

static struct status enqueue(struct commit_queue *queue, struct commit_waiter *self) {
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
    if (self->leads) lead(queue, self);
    sem_destroy(&self->woken);
    return self->status;
}

struct status commit_run(struct commit_queue *queue, struct kv_partition partition,
                         const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct commit_waiter self = {.partition = partition, .batch = batch};
    struct status s = enqueue(queue, &self);
    if (status_is(s, STATUS_CONFLICT)) *ret_failed_guard = self.failed_guard;
    return s;
}

struct status commit_drop(struct commit_queue *queue, struct kv_partition partition) {
    struct commit_waiter self = {.partition = partition};
    return enqueue(queue, &self);
}

struct status commit_health(struct commit_queue *queue, struct note *note) {
    if (!atomic_load(&queue->failed)) return status_ok();
    pthread_mutex_lock(&queue->lock);
    struct status s = note_status(note, STATUS_IO, "%s", queue->failure.text);
    pthread_mutex_unlock(&queue->lock);
    return s;
}
