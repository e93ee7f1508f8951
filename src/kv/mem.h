/*
 * mem.h - the kv reference: a sorted map in memory under one lock, easy to believe
 *
 * For tests and for comparing drivers; it forgets everything at kv_close.
 */
#ifndef KV_MEM_H
#define KV_MEM_H

#include "kv/kv.h"

/* A new, empty store. Owns: the caller, until kv_close. */
struct kv *kv_mem_open(void);

#endif
