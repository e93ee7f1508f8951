/*
 * object.h - objects: written whole or not at all, read, copied, deleted
 *
 *     begin ── write* ── commit          nothing is visible before commit returned
 *        └───────┴───── abort
 *
 *     open ── read* / send* ── close     reads one version to the end, whatever happens meanwhile
 *
 * An object is a key, bytes and facts. Its bytes are one blob, or, when it was uploaded in parts,
 * a manifest of blobs; object_reader hides which. ETag and checksum are the door's: it
 * computes them while the bytes pass and gives them to commit.
 *
 * Conditions are judged by the caller's function against the object that the very batch replaces,
 * so they are exact: of N concurrent writers that require absence one wins.
 *
 * Threads: any; a writer and a reader belong to one thread at a time. Blocks: as kv and blob.
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include "base/stream.h"
#include "crypto/checksum.h"
#include "object/bucket.h"

enum {
    OBJECT_KEY_MAX = 1024,
    OBJECT_ETAG_MAX = 64,
    OBJECT_HEADERS_MAX = 16,          /* system headers of an object */
    OBJECT_USER_META_MAX = 256,       /* entries */
    OBJECT_META_BYTES_MAX = 16 * 1024 /* names and values of both, together */
};

/* A name and a value of system headers or user metadata. */
struct object_pair {
    struct slice name; /* lower case; user metadata without its prefix */
    struct slice value;
};

struct object_pairs {
    const struct object_pair *items;
    size_t count;
};

enum object_checksum_type { OBJECT_CHECKSUM_FULL, OBJECT_CHECKSUM_COMPOSITE };

/* The checksum kept with an object or a part. */
struct object_checksum {
    bool present;
    enum object_checksum_type type;
    struct checksum_value value; /* of COMPOSITE: over the values of the parts */
};

/* What the client says about an object when it makes one. */
struct object_meta {
    struct object_pairs headers; /* content-type, cache-control, … as given */
    struct object_pairs user;
    struct slice storage_class; /* as asked for; empty: the default */
    struct slice owner_id;
    struct slice owner_name;
};

/* Where the bytes lie; only this room looks into it. */
enum object_content_kind { OBJECT_CONTENT_NONE, OBJECT_CONTENT_BLOB, OBJECT_CONTENT_MANIFEST };

struct object_content {
    enum object_content_kind kind;
    struct blob_id id; /* of the blob, or of the manifest */
};

/* An object as it was found. */
struct object_info {
    struct slice key;
    uint64_t size;
    struct slice etag; /* without quotation marks; "…-N" for N parts */
    int64_t modified_ns;
    uint32_t part_count; /* 0: not uploaded in parts */
    struct object_checksum checksum;
    struct object_meta meta;
    struct object_content content;
    struct slice record; /* the exact bytes of the record, for guards */
};

/*
 * A condition of a write. `current` is the object that would be replaced or deleted, NULL where
 * there is none. Called once or several times, each time a batch is built.
 * Errors: whatever refuses the write: PRECONDITION, NOT_FOUND, DENIED.
 */
struct object_condition {
    struct status (*judge)(const struct object_condition *condition,
                           const struct object_info *current);
};

/* ---- reading ------------------------------------------------------------------------------ */

/*
 * Finds the object of a key.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status object_find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info);

struct object_reader;

/*
 * Finds the object of a key and opens its bytes, both of one version.
 * Owns: `*ret_info` lies in `arena`; `*ret_reader` is the caller's, until object_reader_close.
 * Errors: as object_find.
 */
struct status object_open(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info,
                          struct object_reader **ret_reader);

/* Reads exactly `len` bytes from `offset`. Errors: RANGE; CORRUPT; IO. */
struct status object_reader_read(struct object_reader *reader, uint64_t offset, void *buffer,
                                 size_t len);

/*
 * Pushes `len` bytes from `offset` into `sink`, without copying where blob and sink can.
 * Errors: RANGE; CORRUPT; IO; those of the sink.
 */
struct status object_reader_send(struct object_reader *reader, uint64_t offset, uint64_t len,
                                 struct sink *sink);

/* Consumes the reader; NULL is allowed. */
void object_reader_close(struct object_reader **reader);

/* One part of an object that was uploaded in parts. */
struct object_part {
    uint32_t number; /* from 1; as it was uploaded under, which may skip */
    uint64_t first;  /* where it begins in the object */
    uint64_t size;
    struct object_checksum checksum;
};

/*
 * Finds the part `number`, counted from 1 in order. An object that was not uploaded in parts is its
 * own part 1.
 * Errors: RANGE (no such part); NOT_FOUND (the object was replaced meanwhile: find it again);
 * CORRUPT; IO.
 */
struct status object_part_find(struct object_store *store, const struct bucket *bucket,
                               const struct object_info *info, uint32_t number,
                               struct object_part *ret_part);

/* ---- writing ------------------------------------------------------------------------------ */

struct object_writer;

/* What is known when the bytes begin. Everything is copied. */
struct object_put {
    struct slice key;
    struct object_meta meta;
    uint64_t size_hint; /* UINT64_MAX: unknown */
};

/*
 * Starts an object. Nothing is visible of it, and nothing stays after a crash.
 * Owns: the caller, until commit or abort.
 * Errors: BUSY; NO_SPACE; IO; NO_MEMORY; noted.
 */
struct status object_writer_begin(struct object_store *store, const struct bucket *bucket,
                                  const struct object_put *put, struct note *note,
                                  struct object_writer **ret_writer);

/* Takes all of `bytes`. After an error only abort may follow. Errors: NO_SPACE; TOO_LARGE; IO. */
struct status object_writer_write(struct object_writer *writer, struct slice bytes);

/* Pulls `source` to its verified end through a buffer of the writer. Errors: both sides'. */
struct status object_writer_pull(struct object_writer *writer, struct source *source);

/* Bytes taken so far. */
uint64_t object_writer_size(const struct object_writer *writer);

/* What is known when the bytes have ended. */
struct object_seal {
    struct slice etag;
    struct object_checksum checksum;
    const struct object_condition *condition; /* NULL: none */
};

/*
 * Makes the object visible, in the place of what the key had. Durable on return. Consumes the
 * writer, on failure too.
 * Owns: `*ret_info` (may be NULL) lies in `arena`.
 * Errors: the condition's; NOT_FOUND (the bucket has gone or changed: find it again); as kv_commit.
 */
struct status object_writer_commit(struct object_writer **writer, const struct object_seal *seal,
                                   struct arena *arena, struct object_info *ret_info);

/* Drops what was written. Consumes the writer; NULL is allowed. */
void object_writer_abort(struct object_writer **writer);

/*
 * Deletes the object of a key. To delete what is not there succeeds, `*ret_found` (may be NULL)
 * tells.
 * Errors: the condition's; NOT_FOUND (the bucket has gone or changed); as kv_commit.
 */
struct status object_delete(struct object_store *store, const struct bucket *bucket,
                            struct slice key, const struct object_condition *condition,
                            bool *ret_found);

/* ---- copying ------------------------------------------------------------------------------ */

/* A copy: from what was found, to a key of the same or another bucket. */
struct object_copy {
    const struct bucket *source_bucket;
    const struct object_info *source;
    const struct bucket *bucket;
    struct slice key;
    const struct object_meta *meta;           /* of the copy */
    const struct object_condition *condition; /* on what the key has; NULL: none */
    /*
     * Says now and then that it still goes on; an error ends the copy. NULL: nobody is told.
     * Only called where bytes are copied.
     */
    struct status (*progress)(void *context, uint64_t copied);
    void *context;
};

/*
 * Whether object_share can do it: same bucket, or bytes that need no copying. Otherwise the door
 * copies by object_open and object_writer, computing what it wants on the way.
 */
bool object_can_share(const struct object_copy *copy);

/*
 * Copies without touching a byte: the new object refers to the same bytes, has the same ETag,
 * checksum and parts. Order: object_can_share said yes.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: as object_writer_commit; NOT_FOUND also where the source was replaced meanwhile.
 */
struct status object_share(struct object_store *store, const struct object_copy *copy,
                           struct arena *arena, struct object_info *ret_info);

#endif
