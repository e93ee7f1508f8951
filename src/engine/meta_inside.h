/*
 * meta_inside.h - the insides of the metadata store, as its files share them
 *
 * Threads: see struct meta.
 */
#ifndef ENGINE_META_INSIDE_H
#define ENGINE_META_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/index.h"
#include "engine/layer.h"
#include "engine/log.h"
#include "engine/meta.h"
#include "engine/overlay.h"
#include "kv/driver.h"
#include "os/thread.h"

enum { META_NAME_MAX = KV_PARTITION_LEN + KV_KEY_MAX, META_LAYERS = 2 };

/* A layer that views share. */
struct meta_layer {
    struct layer *layer;
    unsigned views;
    atomic_ullong riding; /* bytes of bodies, which will not get into the index */
};

/* What a reader needs to have together: layers, the newest first, and the root below them (C5). */
struct meta_view {
    struct meta_layer *layers[META_LAYERS];
    unsigned layer_count;
    struct index_root *root;
    unsigned pins;
};

struct meta_waiter;

/* The queue of committers, and what its leader works with. */
struct meta_queue {
    pthread_mutex_t lock; /* guards the list and `led` */
    struct meta_waiter *first;
    struct meta_waiter *last;
    bool led;
    struct overlay pending; /* the leader's, as is the rest */
    uint64_t pending_bytes;
    struct log_buffer buffer;
};

struct meta {
    struct kv kv;
    struct meta_config config;
    struct log *log;
    struct index *index;
    atomic_ullong published;   /* the last group that readers may see */
    pthread_mutex_t view_lock; /* guards pins and views of all views */
    struct meta_view *_Atomic view;
    struct meta_queue queue;
    struct meta_layer *active; /* the leader's: in front of every view */
    pthread_mutex_t work_lock; /* guards what follows */
    pthread_cond_t work_changed;
    struct mover *_Atomic mover; /* NULL: none, or none yet */
    struct meta_layer *frozen;   /* to be applied; NULL: nothing */
    struct log_position frozen_to;
    bool wanted;               /* a checkpoint, by meta_checkpoint */
    struct status last_status; /* of the last checkpoint */
    bool closing;
    struct note failure;
    struct thread worker;
    bool has_worker;
    atomic_bool failed;
    atomic_ullong commits;
    atomic_ullong groups;
    atomic_ullong conflicts;
    atomic_ullong checkpoints;
    atomic_ullong checkpoint_ns;
    atomic_ullong slowed;
    atomic_ullong refused;
};

/* A name: the partition's id and the key behind it. */
struct meta_name {
    size_t len;
    char bytes[META_NAME_MAX];
};

/* Builds a name; false if the key is too long to be there, and then it is cut off. */
bool meta_name_make(struct meta_name *name, struct kv_partition partition, struct slice key);

/* Its bytes; valid as long as the name. */
static inline struct slice meta_name_slice(const struct meta_name *name) {
    return slice_of(name->bytes, name->len);
}

/* The current view, pinned, and the end of a pin. */
struct meta_view *meta_view_take(struct meta *meta);
void meta_view_release(struct meta *meta, struct meta_view **view);

/* Makes the first view, or the next one: a new active layer in front, or the frozen one gone. */
void meta_view_push(struct meta *meta, struct meta_layer *const *layers, unsigned layer_count);
struct meta_layer *meta_layer_new(void);

/* A value that was found; an empty one was deleted. */
struct meta_value {
    struct slice bytes;
    struct index_value stored; /* what it has to be ended with */
};

/* What the layers of a view say about a name, as of group `sequence`; false if nothing. */
bool meta_layers_get(const struct meta_view *view, uint64_t sequence, struct slice name,
                     struct slice *ret_value);

/* Looks a name up in a view, as of group `sequence`. Absent: OK, and an empty value. */
struct status meta_look_up(struct meta *meta, const struct meta_view *view, uint64_t sequence,
                           struct slice name, struct meta_value *ret_value);
void meta_look_up_end(struct meta *meta, struct meta_value *value);

/* The driver's functions. */
struct status meta_cursor_open(struct kv *kv, struct kv_partition partition, struct slice prefix,
                               struct kv_cursor **ret_cursor);
struct status meta_partition_find(struct kv *kv, struct kv_partition from, bool *ret_found,
                                  struct kv_partition *ret_partition);
struct status meta_commit(struct kv *kv, struct kv_partition partition,
                          const struct kv_batch *batch, size_t *ret_failed_guard);
void meta_queue_init(struct meta_queue *queue);
void meta_queue_fini(struct meta_queue *queue);

/* The changes of a group as they are in the log: writes one, or shows all to `layer`. */
void meta_change_encode(struct log_buffer *buffer, struct kv_partition partition, struct slice key,
                        struct slice value);
struct status meta_changes_replay(struct slice payload, uint64_t sequence, struct layer *layer);

/*
 * For the leader, between two groups: freezes the active layer if it is time (`now`: in any case)
 * and none is frozen; and waits for a checkpoint to come to its end, not longer than `until_ns`.
 */
void meta_freeze(struct meta *meta, bool now);
void meta_work_wait(struct meta *meta, int64_t until_ns);

/* Whether there is anything that a checkpoint would put into the index, and nothing failed. */
bool meta_may_settle(struct meta *meta);

/* Whether the active layer has reached its limit; whether it may not grow any more. */
bool meta_layer_is_full(struct meta *meta);
bool meta_layer_is_over(struct meta *meta);

/* Adds what the mover may put into the index beside the changes. */
void meta_room_of_mover(struct meta *meta, uint64_t *changes, uint64_t *bytes);

/* How many bytes of a value a checkpoint will move elsewhere. */
size_t meta_riding(struct meta *meta, struct slice key, struct slice value);

/* Commits stop: `note` says why. */
void meta_fail(struct meta *meta, const struct note *note);

/* Starts, and ends, the thread that does the checkpoints. */
struct status meta_worker_start(struct meta *meta, struct note *note);
void meta_worker_stop(struct meta *meta);

#endif
