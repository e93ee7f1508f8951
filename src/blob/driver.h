/*
 * driver.h - what a blob driver provides, and the keys that all drivers share
 *
 * Only drivers, and blob.c and check.c of this room, include this. The references of a blob, its
 * being garbage and its end are the same for every driver and live in blob.c, over three keys in
 * the blob's partition:
 *
 *     'b' 'r' ID   the record: how to find and check the bytes; written by the driver's bind
 *     'b' 'x' ID   a counter of *extra* references: absent is 0, one reference; -1 is none left
 *     'b' 'g' ID   a candidate: a reference was taken away, so it may be garbage
 *
 * and two marks that a driver may put beside the record, 'b' 'p' ID and 'b' 's' ID.
 *
 * A fresh blob has its record only. The steps, each one batch (docs/format.md):
 *
 *     share     record is present; extra += 1, at least 1
 *     unbind    extra -= 1, at least -1; put the candidate
 *     collect   extra is -1, and the record is what was read; delete record, marks, counter and
 *               candidate; then free the bytes
 *               or, if that guard fails: extra is at least 0; delete the candidate
 *
 * Only a share can meet a blob that is gone, as its caller may hold an id that it read before; the
 * guard on the record, which goes in the same batch as the counter, refuses it then.
 */
#ifndef BLOB_DRIVER_H
#define BLOB_DRIVER_H

#include "blob/blob.h"

struct blob_store_ops {
    struct status (*writer_begin)(struct blob_store *store, struct kv_partition partition,
                                  struct slice policy, uint64_t size_hint,
                                  struct blob_writer **ret_writer);
    struct status (*reader_open)(struct blob_store *store, struct kv_partition partition,
                                 struct blob_id id, struct blob_reader **ret_reader);
    /*
     * Frees the bytes of a blob whose record, with the value `record`, was just removed for good.
     * What cannot be freed now must be found and freed after a restart.
     */
    void (*free_bytes)(struct blob_store *store, struct kv_partition partition, struct blob_id id,
                       struct slice record);
    void (*stats_read)(struct blob_store *store, struct blob_stats *ret_stats);
    void (*close)(struct blob_store **store);
};

/* A driver's store embeds this as its first member. */
struct blob_store {
    const struct blob_store_ops *ops;
    struct kv *kv; /* where the records lie */
};

struct blob_writer_ops {
    struct status (*write)(struct blob_writer *writer, struct slice bytes);
    struct status (*seal)(struct blob_writer *writer);
    void (*bind)(const struct blob_writer *writer, struct kv_batch *batch);
    void (*commit)(struct blob_writer **writer);
    void (*abort)(struct blob_writer **writer);
    void (*forget)(struct blob_writer **writer);
};

enum blob_writer_state { BLOB_WRITER_OPEN, BLOB_WRITER_SEALED, BLOB_WRITER_FAILED };

/* A driver's writer embeds this as its first member; `state` and `size` are kept by blob.c. */
struct blob_writer {
    const struct blob_writer_ops *ops;
    struct blob_id id;
    uint64_t size;
    enum blob_writer_state state;
};

struct blob_reader_ops {
    /* The range has been checked. */
    struct status (*read)(struct blob_reader *reader, uint64_t offset, void *buffer, size_t len);
    struct status (*segment)(struct blob_reader *reader, uint64_t offset, uint64_t len,
                             struct blob_segment *ret_segment);
    void (*close)(struct blob_reader **reader);
};

/* A driver's reader embeds this as its first member. */
struct blob_reader {
    const struct blob_reader_ops *ops;
    uint64_t size;
};

enum { BLOB_KEY_LEN = 2 + BLOB_ID_LEN };

/* The kinds of keys, the second byte. */
enum blob_key_kind {
    BLOB_KEY_RECORD = 'r',
    BLOB_KEY_EXTRA = 'x',
    BLOB_KEY_GARBAGE = 'g',
    BLOB_KEY_PLACED = 'p', /* a driver's mark, see engine/data.h; removed with the record */
    BLOB_KEY_SHORT = 's',  /* likewise */
};

struct blob_key {
    char bytes[BLOB_KEY_LEN];
};

/* The key of one kind of one blob. */
struct blob_key blob_key_make(enum blob_key_kind kind, struct blob_id id);

/* Its bytes; valid as long as the key. */
static inline struct slice blob_key_slice(const struct blob_key *key) {
    return slice_of(key->bytes, sizeof key->bytes);
}

#endif
