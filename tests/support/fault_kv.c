#include "support/fault_kv.h"

#include "base/check.h"

static struct fault_kv *fault_of(struct kv *kv) {
    return CONTAINER_OF(kv, struct fault_kv, kv);
}

/* Counts a change, and lets others in before it. */
static void step(struct fault_kv *self, bool *ret_dies, bool *ret_apply) {
    void (*meet)(void *context) = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->meet_at != 0 && self->commits + 1 == self->meet_at) {
        meet = self->meet;
        self->meet_at = 0;
    }
    pthread_mutex_unlock(&self->lock);
    if (meet) meet(self->context);
    pthread_mutex_lock(&self->lock);
    bool was_dead = self->dead;
    self->commits++;
    if (self->die_at != 0 && self->commits == self->die_at) self->dead = true;
    *ret_dies = self->dead;
    *ret_apply = !was_dead && (!self->dead || self->applied);
    pthread_mutex_unlock(&self->lock);
}

static struct status fault_get(struct kv *kv, struct kv_partition partition, struct slice key,
                               struct arena *arena, struct slice *ret_value) {
    return kv_get(fault_of(kv)->inner, partition, key, arena, ret_value);
}

static struct status fault_cursor_open(struct kv *kv, struct kv_partition partition,
                                       struct slice prefix, struct kv_cursor **ret_cursor) {
    return kv_cursor_open(fault_of(kv)->inner, partition, prefix, ret_cursor);
}

static struct status fault_commit(struct kv *kv, struct kv_partition partition,
                                  const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct fault_kv *self = fault_of(kv);
    bool dies;
    bool apply;
    struct status s = status_ok();
    step(self, &dies, &apply);
    if (apply) s = kv_commit(self->inner, partition, batch, ret_failed_guard);
    return dies ? status_of(STATUS_IO) : s;
}

static struct status fault_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                                bool *ret_done) {
    struct fault_kv *self = fault_of(kv);
    bool dies;
    bool apply;
    struct status s = status_ok();
    step(self, &dies, &apply);
    if (apply) s = kv_drop(self->inner, partition, entries_max, ret_done);
    return dies ? status_of(STATUS_IO) : s;
}

static void fault_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    kv_stats_read(fault_of(kv)->inner, ret_stats);
}

static void fault_close(struct kv **kv) {
    pthread_mutex_destroy(&fault_of(*kv)->lock);
    *kv = NULL;
}

static const struct kv_ops fault_ops = {
    .get = fault_get,
    .cursor_open = fault_cursor_open,
    .commit = fault_commit,
    .drop = fault_drop,
    .stats_read = fault_stats_read,
    .close = fault_close,
};

void fault_kv_init(struct fault_kv *kv, struct kv *inner) {
    *kv = (struct fault_kv){.kv = {&fault_ops}, .inner = inner};
    CHECK(pthread_mutex_init(&kv->lock, NULL) == 0);
}

void fault_kv_die_at(struct fault_kv *kv, uint64_t k, bool applied) {
    pthread_mutex_lock(&kv->lock);
    kv->die_at = kv->commits + k;
    kv->applied = applied;
    pthread_mutex_unlock(&kv->lock);
}

bool fault_kv_revive(struct fault_kv *kv) {
    pthread_mutex_lock(&kv->lock);
    bool was_dead = kv->dead;
    kv->dead = false;
    kv->die_at = 0;
    pthread_mutex_unlock(&kv->lock);
    return was_dead;
}

void fault_kv_meet_at(struct fault_kv *kv, uint64_t k, void (*meet)(void *context), void *context) {
    pthread_mutex_lock(&kv->lock);
    kv->meet_at = kv->commits + k;
    kv->meet = meet;
    kv->context = context;
    pthread_mutex_unlock(&kv->lock);
}

bool fault_kv_met(struct fault_kv *kv) {
    pthread_mutex_lock(&kv->lock);
    bool met = kv->meet_at == 0;
    kv->meet_at = 0;
    pthread_mutex_unlock(&kv->lock);
    return met;
}
