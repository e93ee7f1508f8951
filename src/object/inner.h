/*
 * inner.h - the inner side of store.h: how this room changes a bucket
 *
 * Every change of a bucket goes through store_change: it builds a batch that is guarded on the
 * bucket's epoch record, commits it, and when it lost a race builds it again from what is there
 * then. Every change of the object of a key adds its lines by object_replace, whoever makes it
 * (put, complete, share, delete): the guard on what the key had, the release of those bytes, the
 * record, the counters, the change record.
 *
 * Only this room includes it. Threads: as store.h.
 */
#ifndef OBJECT_INNER_H
#define OBJECT_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "object/key.h"
#include "object/object.h"
#include "object/pin.h"
#include "object/record.h"
#include "object/tidy.h"

enum {
    STORE_LANES = 64,
    STORE_RETRIES_MAX = 1000,
    STORE_ARENA_BLOCK = 16 * 1024,
    STORE_ARENA_MAX = 64 * 1024 * 1024
};

struct object_store {
    struct object_store_config config;
    struct pin_table *pins; /* manifests that readers have open */
    struct tidy *tidy;      /* what waits for the housekeeping, and its thread */
    /*
     * Those who lost a race for a key wait here for each other, so that N writers of one key need
     * in the order of N batches. A lane is chosen by the key's hash; it guards nothing.
     */
    pthread_mutex_t lanes[STORE_LANES];
    _Atomic uint64_t tidied_buckets;
    _Atomic uint64_t tidy_errors;
    _Atomic uint64_t commit_retries;
};

struct store_change;

/* One change; embedded as first member in what `build` needs. */
struct store_change {
    struct object_store *store;
    /*
     * Adds the lines of the change to `batch`, reading what they depend on. Called again for each
     * try, with an empty `scratch`; `bucket` is the bucket as it is now.
     * Errors: CONFLICT: what was read did not fit together, try again; every other one ends the
     * change and is its outcome.
     */
    struct status (*build)(struct store_change *change, struct kv_batch *batch,
                           struct arena *scratch);
    const struct bucket *bucket;
    struct slice key;   /* chooses the lane; the object's key, or what else is contended */
    bool nothing;       /* set by build: there is nothing to change, no batch is needed */
    bool makes_garbage; /* set by build: tell the housekeeping */
    bool unknown;       /* after an error: it is not known whether the batch will be there */
};

/*
 * Makes the change; durable on return.
 * Errors: those of build; NOT_FOUND (the bucket has gone); BUSY (too many lost races); as
 * kv_commit.
 */
struct status store_change(struct store_change *change);

/* Reads the value of a key in a bucket's partition. Errors: as kv_get. */
struct status store_get(struct object_store *store, const struct bucket *bucket,
                        const struct key *key, struct arena *arena, struct slice *ret_value);

/* Reads the epoch record of an incarnation. Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY. */
struct status store_read_epoch(struct object_store *store, struct kv_partition incarnation,
                               struct arena *arena, struct record_epoch *ret_epoch);

/* Makes a deleted bucket's names free and has its partition dropped; safe to be done twice. */
struct status bucket_finish_deletion(struct object_store *store, const struct bucket *bucket);

/* A copy of `bucket` in the arena. Errors: NO_MEMORY. */
struct status bucket_dup(const struct bucket *bucket, struct arena *arena,
                         struct bucket *ret_bucket);

/* The same of metadata. */
struct status object_meta_dup(const struct object_meta *meta, struct arena *arena,
                              struct object_meta *ret_meta);

/*
 * Adds a document to the batch that makes a bucket, and its bit to the bucket.
 * Errors: TOO_LARGE; NO_MEMORY.
 */
struct status bucket_config_begin(struct bucket *bucket, const struct bucket_document *document,
                                  struct arena *arena, struct kv_batch *batch);

/* The current time. */
static inline int64_t store_now_ns(struct object_store *store) {
    return clock_wall_ns(store->config.clock);
}

/* A new id for a manifest: random. */
struct key_id store_new_id(struct object_store *store);

/* What becomes of a key. */
struct object_replacement {
    struct slice key;
    /*
     * NULL: the object is deleted, with versioning by a delete marker. Its record is encoded; with
     * versioning its version, null_version, lock and record are set anew each time.
     */
    struct object_info *next;
    const struct object_condition *condition;
    struct slice marker_owner_id;
    struct slice marker_owner_name;
    struct arena *arena;       /* of a record that is made anew; set where there is a `next` */
    bool found;                /* set: there was an object */
    struct object_info marker; /* set: the delete marker that was put */
    char *storage;             /* of the record, and its room; ours */
    size_t room;
    bool asked; /* the lock that was asked for is known; ours */
    struct object_lock lock_asked;
};

/*
 * Adds all lines for it to the batch of `change`. The reference that `next` has to its bytes is the
 * caller's to add, before.
 * Errors: the condition's; DENIED (a protected version would go); TOO_LARGE; CORRUPT; IO.
 */
struct status object_replace(struct store_change *change, struct object_replacement *replacement,
                             struct kv_batch *batch, struct arena *scratch);

/* Makes a copy of `raw` the record of `next`. Errors: NO_MEMORY. */
struct status object_replacement_keep(struct object_replacement *replacement, struct slice raw);

/*
 * Adds all lines that remove the version which `deletion` names, and bring up the one below it.
 * Errors: the condition's; DENIED (it is protected); CORRUPT; IO.
 */
struct status object_remove(struct store_change *change, const struct object_deletion *deletion,
                            struct kv_batch *batch, struct arena *scratch,
                            struct object_deleted *deleted);

/*
 * Whether a version has expired, and so is not there any more for anybody: its time has come and no
 * lock holds it.
 */
bool object_has_expired(struct object_store *store, const struct object_info *info);

/* Notes when a version of `key` expires, or forgets it; nothing for one that never does (O16). */
void object_expiry_note(struct slice key, const struct object_info *info, struct kv_batch *batch);
void object_expiry_forget(struct slice key, const struct object_info *info, struct kv_batch *batch);

/* The bytes of an object that its bucket's counters count: those of segments do where they are. */
int64_t object_own_bytes(const struct object_info *info);

/* Adds lines that take away the reference to a blob, or to a manifest, or none. */
void object_release(struct store_change *change, const struct object_content *content,
                    struct kv_batch *batch);

/*
 * The place of the change log: called once for each change of an object, in its batch. Does nothing
 * until a region has a registered reader.
 */
void change_log_append(struct store_change *change, const struct object_replacement *replacement,
                       struct kv_batch *batch);

/* ---- manifests: referred to as blobs are (docs/format.md, O8) --------------
 */

/* Adds a manifest with one reference; its blobs' references become its own. */
void manifest_bind(struct key_id id, struct slice raw, struct kv_batch *batch);

/* Adds lines that give or take a reference; as blob_share and blob_unbind. */
void manifest_share(struct key_id id, struct kv_batch *batch);
void manifest_unbind(struct key_id id, struct kv_batch *batch);

/* Reads the counter of extra references; -1: it has none at all, and never will again. */
struct status manifest_extra(struct object_store *store, struct kv_partition partition,
                             struct key_id id, struct arena *arena, int64_t *ret_extra);

/* Reads a manifest. Errors: NOT_FOUND (none, or without a reference); CORRUPT; IO; NO_MEMORY. */
struct status manifest_read(struct object_store *store, struct kv_partition partition,
                            struct key_id id, struct arena *arena,
                            struct record_manifest *ret_manifest);

/* The manifest's id in an object's content. */
static inline struct key_id manifest_id(const struct object_content *content) {
    struct key_id id;
    memcpy(id.bytes, content->id.bytes, sizeof id.bytes);
    return id;
}

/* ---- uploads that have ended ---------------------------------------------------------------- */

/*
 * Adds the note that an upload has ended, whose batch removes its record: parts that are still
 * there, such as one that was written meanwhile, are freed by the housekeeping.
 */
struct status upload_mark_ended(struct store_change *change, struct key_id upload,
                                struct kv_batch *batch, struct arena *scratch);

#endif
