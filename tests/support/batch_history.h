/*
 * batch_history.h - a history of random batches, of which any prefix can be told apart
 *
 * Batch number n of a seed is always the same: puts, deletes, an addition to a counter, and its own
 * number. So a store that was cut off anywhere says itself how far it came, and is compared with a
 * store in memory that was given as much.
 */
#ifndef SUPPORT_BATCH_HISTORY_H
#define SUPPORT_BATCH_HISTORY_H

#include "kv/kv.h"
#include "support/sim_fs.h"

enum { BATCH_HISTORY_TEXT_MAX = 700 };

struct batch_history {
    uint64_t seed;
    unsigned keys;     /* how many there are to choose from */
    uint64_t asked;    /* the last batch that was given to the store */
    uint64_t acked;    /* the last one that it said OK to */
    const char *fault; /* what went wrong first; NULL: nothing */
    char text[BATCH_HISTORY_TEXT_MAX];
};

/* Notes a fault with seed and batch; `more` may be empty. Always false. */
bool batch_history_complain(struct batch_history *history, const char *what, const char *more);

/*
 * Commits the next batches until the plug of `sim` is pulled, or `count` are done. False with a
 * fault: a commit failed without a cut.
 */
bool batch_history_go(struct batch_history *history, struct kv *kv, struct sim_fs *sim,
                      size_t count);

/*
 * Whether `kv` holds exactly the first batches, at least those that it said OK to; the history goes
 * on from there. False with a fault.
 */
bool batch_history_compare(struct batch_history *history, struct kv *kv);

#endif
