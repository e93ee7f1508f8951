/*
 * sim_kv.h - the kv reference on the plug of a simulated file system
 *
 * A commit is one operation of sim_fs.h: the one at which the plug is pulled is durable or not, and
 * IO; after it every call is IO until the restart. What was committed is there afterwards: the
 * reference takes the place of a kv that keeps its promises.
 */
#ifndef SUPPORT_SIM_KV_H
#define SUPPORT_SIM_KV_H

#include "kv/kv.h"
#include "support/sim_fs.h"

/* A new, empty store; `sim` must outlive it. Owns: the caller, kv_close. */
struct kv *sim_kv_open(struct sim_fs *sim);

#endif
