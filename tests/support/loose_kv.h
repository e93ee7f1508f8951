/*
 * loose_kv.h - a kv that lets others come between what was read and its commit, so that tests meet
 * the races which are rare otherwise; that ignores its guards, or fails once, if asked
 */
#ifndef SUPPORT_LOOSE_KV_H
#define SUPPORT_LOOSE_KV_H

#include "kv/driver.h"

struct loose_kv {
    struct kv kv;
    struct kv *inner;
    bool ignore_guards;
    _Atomic int64_t
        calls_left; /* so many calls on, one fails: a read with IO, a commit with BUSY */
};

/* Puts `loose` in front of `inner`. It needs no end. */
void loose_kv_init(struct loose_kv *loose, struct kv *inner, bool ignore_guards);

#endif
