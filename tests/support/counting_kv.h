/*
 * counting_kv.h - a kv that counts how its cursors are moved, in front of another one
 *
 * What a listing costs is how often a cursor seeks and steps; nothing else goes through.
 *
 * Threads: one.
 */
#ifndef SUPPORT_COUNTING_KV_H
#define SUPPORT_COUNTING_KV_H

#include "kv/driver.h"

struct counting_kv {
    struct kv kv;
    struct kv *inner;
    size_t seeks;
    size_t steps;
};

/* Counts from 0, in front of `inner`, which outlives it. */
void counting_kv_init(struct counting_kv *counting, struct kv *inner);

#endif
