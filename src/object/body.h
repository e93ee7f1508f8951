/*
 * body.h - the bytes of an object or a part on their way into a blob
 *
 *     begin ── write* / pull ── seal ── bind(batch) ── [commit] ── end
 *        └────────┴──────────────┴──────────┴──────────────┴────── end
 *
 * No bytes need no blob. Memory is constant: one buffer, made when it is pulled through.
 *
 * Threads: one at a time.
 */
#ifndef OBJECT_BODY_H
#define OBJECT_BODY_H

#include "base/stream.h"
#include "blob/blob.h"
#include "object/bucket.h"

enum { BODY_BUFFER_MAX = 512 * 1024 };

struct body {
    struct blob_store *blob;
    struct kv_partition partition;
    char policy[BLOB_POLICY_NAME_MAX];
    size_t policy_len;
    uint64_t size_hint;
    uint64_t size_max;
    uint64_t size;
    struct blob_writer *writer; /* NULL: no byte yet */
};

/*
 * Starts a body; where bytes are expected the blob is begun, so that a lack of space is known
 * before they come. Units: size_max in bytes; more is TOO_LARGE.
 */
struct status body_begin(struct body *body, struct object_store *store, const struct bucket *bucket,
                         uint64_t size_hint, uint64_t size_max);

/* Takes bytes; pulls a source to its verified end. Errors: NO_SPACE; TOO_LARGE; IO; the source's.
 */
struct status body_write(struct body *body, struct slice bytes);
struct status body_pull(struct body *body, struct source *source);

/* Makes the bytes durable. */
struct status body_seal(struct body *body);

/* Adds the lines that bind the blob, where there is one. Order: after seal. */
void body_bind(const struct body *body, struct kv_batch *batch);

/* The blob's id. Order: only where size > 0. */
struct blob_id body_blob(const struct body *body);

/*
 * Ends it: `outcome` is that of the batch that binds it, or what came before; `unknown` as in
 * struct store_change.
 */
void body_end(struct body *body, struct status outcome, bool unknown);

#endif
