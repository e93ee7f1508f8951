/*
 * fault_kv.h - a kv that passes everything on, and dies, or lets others in, at the k-th commit
 *
 *     init ── … ── [dies: every further change is IO] ── revive ── …
 *
 * A commit that dies may or may not have been applied, as in a real crash. Reads go on.
 *
 * Threads: any.
 */
#ifndef SUPPORT_FAULT_KV_H
#define SUPPORT_FAULT_KV_H

#include <pthread.h>

#include "kv/driver.h"

struct fault_kv {
    struct kv kv; /* to be used in the place of `inner` */
    struct kv *inner;
    pthread_mutex_t lock; /* guards everything below */
    uint64_t commits;     /* so far, drops included */
    uint64_t die_at;      /* the number of the commit, from 1; 0: never */
    bool applied;         /* whether that one is applied before it dies */
    bool dead;
    uint64_t meet_at;            /* the number of the commit before which `meet` runs; 0: none */
    void (*meet)(void *context); /* may use the kv */
    void *context;
};

/* Wraps `inner`, which outlives it. */
void fault_kv_init(struct fault_kv *kv, struct kv *inner);

/* Lets it die at the `k`-th commit from now on. */
void fault_kv_die_at(struct fault_kv *kv, uint64_t k, bool applied);

/*
 * Runs `meet` once, before the `k`-th commit from now on: what another thread might do between the
 * reading for that commit and the commit.
 */
void fault_kv_meet_at(struct fault_kv *kv, uint64_t k, void (*meet)(void *context), void *context);

/* Takes that back; says whether it has run. */
bool fault_kv_met(struct fault_kv *kv);

/* Makes it work again, as after a restart; says whether it had died. */
bool fault_kv_revive(struct fault_kv *kv);

#endif
