/*
 * config.h - a bucket's configuration: documents, kept as they were given, versioning and lock
 *
 * A document is bytes that a door has validated; this room does not look into it. Every change
 * replaces the bucket's epoch record too, so that no batch on objects is judged under a
 * configuration that has just changed. The epoch record says which kinds there are: a bucket
 * without policy, CORS and so on costs no look-up.
 *
 * Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_CONFIG_H
#define OBJECT_CONFIG_H

#include "object/bucket.h"

enum bucket_config {
#define BUCKET_CONFIG(NAME, byte, several) BUCKET_CONFIG_##NAME,
#include "object/config.def"
#undef BUCKET_CONFIG
    BUCKET_CONFIG_COUNT
};

enum {
    BUCKET_CONFIG_ID_MAX = 255,
    BUCKET_CONFIG_DOCUMENT_MAX = 256 * 1024,
    BUCKET_CONFIG_IDS_MAX = 1000 /* of one kind in one bucket */
};

/*
 * Whether the bucket may have documents of a kind; for kinds with several, whether it ever had one.
 */
bool bucket_has_config(const struct bucket *bucket, enum bucket_config kind);

/*
 * Enables or suspends versioning; OFF is not allowed. The next write is made accordingly.
 * Errors: CONFLICT (object lock needs versioning: it cannot be suspended); NOT_FOUND (the bucket
 * has gone); as kv_commit.
 */
struct status bucket_versioning_set(struct object_store *store, const struct bucket *bucket,
                                    enum bucket_versioning versioning);

/*
 * Enables object lock, where it is not yet, and sets the default protection of new versions.
 * Errors: CONFLICT (versioning is not enabled); NOT_FOUND (the bucket has gone); as kv_commit.
 */
struct status bucket_lock_set(struct object_store *store, const struct bucket *bucket,
                              const struct bucket_lock *lock);

/*
 * Reads a document. `id` is empty but for kinds with several.
 * Owns: `*ret_document` lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status bucket_config_get(struct object_store *store, const struct bucket *bucket,
                                enum bucket_config kind, struct slice id, struct arena *arena,
                                struct slice *ret_document);

/*
 * Puts a document in the place of what was there.
 * Errors: TOO_LARGE (the document, or too many ids of the kind); NOT_FOUND (the bucket has gone);
 * as kv_commit.
 */
struct status bucket_config_put(struct object_store *store, const struct bucket *bucket,
                                enum bucket_config kind, struct slice id, struct slice document);

/* A document in a change of several things; a NULL ptr removes it. */
struct bucket_edited {
    enum bucket_config kind; /* one without several */
    struct slice document;
};

enum { BUCKET_EDITED_MAX = 8 };

/* What an edit comes to. */
struct bucket_edits {
    struct bucket_edited documents[BUCKET_EDITED_MAX];
    size_t count;
    bool sets_quota;
    struct bucket_quota quota;
};

/*
 * A change of several documents, and of the quota, at once. `make` fills in `ret_edits` from what
 * the bucket has, which it reads with bucket_config_get; it is called again when somebody else was
 * faster. What it gives lies in `arena`, or lives as long as the edit.
 */
struct bucket_edit {
    struct status (*make)(const struct bucket_edit *edit, struct object_store *store,
                          const struct bucket *now, struct arena *arena,
                          struct bucket_edits *ret_edits);
};

/*
 * Makes the change; durable on return.
 * Errors: those of make; TOO_LARGE (a document); NOT_FOUND (the bucket has gone); as kv_commit.
 */
struct status bucket_edit(struct object_store *store, const struct bucket *bucket,
                          const struct bucket_edit *edit);

/* Removes a document; to remove what is not there succeeds. Errors: as above. */
struct status bucket_config_delete(struct object_store *store, const struct bucket *bucket,
                                   enum bucket_config kind, struct slice id);

/*
 * Lists up to `cap` ids of a kind with several, bytewise from behind `after` on, with their
 * documents; `*ret_more` says that there are others.
 * Owns: what `entries` points to lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct bucket_config_entry {
    struct slice id;
    struct slice document;
};
struct status bucket_config_list(struct object_store *store, const struct bucket *bucket,
                                 enum bucket_config kind, struct slice after, struct arena *arena,
                                 struct bucket_config_entry *entries, size_t cap, size_t *ret_count,
                                 bool *ret_more);

#endif
