/*
 * commit.h - group commit: many committers, one synced write
 *
 *     committer ─┐                     ┌─ guards, in order, against the database
 *     committer ─┼─ queue ── leader ───┤  and the group's own changes (overlay)
 *     committer ─┘                     └─ one write, one sync, everybody is told
 *
 * The first committer to find no leader becomes it, takes all that is queued, and afterwards hands
 * the lead to the first that has queued meanwhile; one that is alone waits for nobody. Every
 * answer, a CONFLICT too, is given after the group's write: it rests on durable state (F2).
 *
 * A failed write ends the queue: nobody knows what the log holds, so every later commit is refused
 * with IO until the store is opened again (F4).
 *
 * Threads: any.
 */
#ifndef ENGINE_COMMIT_H
#define ENGINE_COMMIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/db.h"
#include "engine/overlay.h"
#include "engine/space.h"

struct commit_waiter;

struct commit_queue {
    struct db *db;
    struct space *space;
    pthread_mutex_t lock; /* guards the list, `led` and the note */
    struct commit_waiter *first;
    struct commit_waiter *last;
    bool led;
    struct note failure;
    atomic_bool failed;
    struct overlay overlay; /* the leader's, as is the rest */
    rocksdb_writebatch_t *writes;
    atomic_ullong commits;
    atomic_ullong groups;
    atomic_ullong conflicts;
};

/* An empty queue in front of `db`, which must outlive it. */
void commit_queue_init(struct commit_queue *queue, struct db *db, struct space *space);
void commit_queue_fini(struct commit_queue *queue);

/* kv_commit. */
struct status commit_run(struct commit_queue *queue, struct kv_partition partition,
                         const struct kv_batch *batch, size_t *ret_failed_guard);

/* Removes all names that begin with those of the partition. */
struct status commit_drop(struct commit_queue *queue, struct kv_partition partition);

/* OK, or IO with the first failure in `note`. */
struct status commit_health(struct commit_queue *queue, struct note *note);

#endif
