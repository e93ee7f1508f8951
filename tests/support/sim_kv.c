#include "support/sim_kv.h"

#include <stdlib.h>

#include "base/check.h"
#include "kv/driver.h"
#include "kv/mem.h"

struct sim_kv {
    struct kv kv;
    struct kv *mem;
    struct sim_fs *sim;
};

static struct sim_kv *sim_of(struct kv *kv) {
    return CONTAINER_OF(kv, struct sim_kv, kv);
}

static struct status power(struct kv *kv) {
    return status_of(sim_fs_is_cut(sim_of(kv)->sim) ? STATUS_IO : STATUS_OK);
}

static struct status sim_get(struct kv *kv, struct kv_partition partition, struct slice key,
                             struct arena *arena, struct slice *ret_value) {
    TRY(power(kv));
    return kv_get(sim_of(kv)->mem, partition, key, arena, ret_value);
}

static struct status sim_cursor_open(struct kv *kv, struct kv_partition partition,
                                     struct slice prefix, struct kv_cursor **ret_cursor) {
    TRY(power(kv));
    return kv_cursor_open(sim_of(kv)->mem, partition, prefix, ret_cursor);
}

static struct status sim_commit(struct kv *kv, struct kv_partition partition,
                                const struct kv_batch *batch, size_t *ret_failed_guard) {
    struct sim_kv *self = sim_of(kv);
    bool done;
    struct status s = sim_fs_operation(self->sim, &done);
    struct status committed =
        done ? kv_commit(self->mem, partition, batch, ret_failed_guard) : status_ok();
    return is_ok(s) ? committed : s;
}

static struct status sim_drop(struct kv *kv, struct kv_partition partition, size_t entries_max,
                              bool *ret_done) {
    TRY(power(kv));
    return kv_drop(sim_of(kv)->mem, partition, entries_max, ret_done);
}

static void sim_stats_read(struct kv *kv, struct kv_stats *ret_stats) {
    kv_stats_read(sim_of(kv)->mem, ret_stats);
}

static struct status sim_partition_find(struct kv *kv, struct kv_partition from, bool *ret_found,
                                        struct kv_partition *ret_partition) {
    TRY(power(kv));
    struct kv *mem = sim_of(kv)->mem;
    return mem->ops->partition_find(mem, from, ret_found, ret_partition);
}

static void sim_close(struct kv **kv) {
    struct sim_kv *self = sim_of(*kv);
    kv_close(&self->mem);
    free(self);
    *kv = NULL;
}

static const struct kv_ops sim_ops = {
    .get = sim_get,
    .cursor_open = sim_cursor_open,
    .commit = sim_commit,
    .drop = sim_drop,
    .stats_read = sim_stats_read,
    .partition_find = sim_partition_find,
    .close = sim_close,
};

struct kv *sim_kv_open(struct sim_fs *sim) {
    struct sim_kv *self = calloc(1, sizeof *self);
    CHECK(self);
    self->kv.ops = &sim_ops;
    self->mem = kv_mem_open();
    self->sim = sim;
    return &self->kv;
}
