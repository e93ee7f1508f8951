/*
 * bucket.h - buckets: two names, one incarnation, one epoch
 *
 *     (region, project, name) ─┐
 *                              ├─▶ incarnation (a kv partition) ─ epoch record
 *     (region, S3 name) ───────┘
 *
 * A bucket is known by its name within its project (Swift's), and, if it claimed it, by a name that
 * is unique in the region (S3's). Its data lies in a partition named by its incarnation, never by
 * its name. The epoch record in there holds its configuration; every batch on its objects and
 * uploads guards on these exact bytes, so nobody writes into a bucket that has just changed or
 * gone.
 *
 * Life: bucket_create ── … ── bucket_delete (only while it has no object and no version); a bucket
 * made anew under the name is another incarnation. docs/format.md has the steps and what a crash
 * leaves of them.
 *
 * Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_BUCKET_H
#define OBJECT_BUCKET_H

#include "base/arena.h"
#include "object/store.h"

enum {
    BUCKET_NAME_MAX = 256, /* of any door; S3's own rule is stricter */
    BUCKET_LIST_MAX = 1000,
    BUCKET_LOCK_PERIOD_MAX = 36500 /* days or years of a default protection */
};

/* Whether a write keeps what was there: never yet, always, or not at present. */
enum bucket_versioning {
    BUCKET_VERSIONING_OFF, /* only before the first of the others */
    BUCKET_VERSIONING_ENABLED,
    BUCKET_VERSIONING_SUSPENDED
};

/* How strictly a version is protected from being removed. */
enum object_lock_mode { OBJECT_LOCK_NONE, OBJECT_LOCK_GOVERNANCE, OBJECT_LOCK_COMPLIANCE };

/* Object lock in a bucket, and how long versions are protected where nothing is said. */
struct bucket_lock {
    bool enabled;               /* never becomes false again */
    enum object_lock_mode mode; /* NONE: there is no default */
    uint64_t days;              /* exactly one of both, where there is a default */
    uint64_t years;
};

/* How much may be in a bucket: current objects, and their bytes. */
struct bucket_quota {
    bool limits_bytes;
    bool limits_objects;
    uint64_t bytes; /* at most BUCKET_QUOTA_MAX, as are the objects */
    uint64_t objects;
};

#define BUCKET_QUOTA_MAX (UINT64_C(1) << 62)

/* A bucket as it was found. */
struct bucket {
    struct kv_partition incarnation;
    struct slice name;
    struct slice region;
    struct slice project_id; /* who pays and may do everything */
    struct slice owner_id;   /* the user who made it */
    struct slice owner_name;
    struct slice policy; /* storage policy; never changes */
    bool has_s3_name;    /* found by everybody, not only by its project */
    int64_t created_ns;
    uint64_t configs; /* which documents it has: config.h */
    enum bucket_versioning versioning;
    struct bucket_lock lock;
    struct bucket_quota quota; /* exact: no write goes beyond it */
    struct slice epoch;        /* the exact bytes of the epoch record, for guards */
};

/* A document that a bucket has from the beginning (config.h). */
struct bucket_document {
    int kind; /* enum bucket_config; one without several */
    struct slice text;
};

/* What is wanted. */
struct bucket_wanted {
    struct slice name;
    struct slice region;
    struct slice project_id;
    struct slice owner_id;
    struct slice owner_name;
    struct slice policy;
    bool claim_s3_name;    /* false: the account name only */
    bool s3_name_optional; /* go on without it where it is taken */
    uint64_t buckets_max;  /* of the project, all regions; UINT64_MAX: no limit */
    bool object_lock;      /* with object lock, and so with versioning */
    const struct bucket_document *documents;
    size_t document_count;
    struct bucket_quota quota;
};

/*
 * Makes a bucket.
 * Owns: `*ret_bucket` lies in `arena`. When the answer is EXISTS it is the bucket that is there.
 * Errors: EXISTS (its project tells whether it is one's own); TOO_LARGE (the project has
 * buckets_max already); as kv_commit; noted.
 */
struct status bucket_create(struct object_store *store, const struct bucket_wanted *wanted,
                            struct arena *arena, struct note *note, struct bucket *ret_bucket);

/*
 * Finds a bucket as a caller of `project_id` (empty: anonymous) means it: by the project's own name
 * first, then by the region's S3 name.
 * Owns: `*ret_bucket` lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; noted.
 */
struct status bucket_find(struct object_store *store, struct slice region, struct slice project_id,
                          struct slice name, struct arena *arena, struct note *note,
                          struct bucket *ret_bucket);

/*
 * Lists up to `cap` buckets of a project in one region, by name from behind `after` on, those whose
 * names begin with `prefix`; `*ret_more` says that there are others.
 * Owns: what `buckets` points to lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status bucket_list(struct object_store *store, struct slice region, struct slice project_id,
                          struct slice prefix, struct slice after, struct arena *arena,
                          struct bucket *buckets, size_t cap, size_t *ret_count, bool *ret_more);

/* The same backwards: by name from before `before` (empty: from the last) to the first. */
struct status bucket_list_back(struct object_store *store, struct slice region,
                               struct slice project_id, struct slice prefix, struct slice before,
                               struct arena *arena, struct bucket *buckets, size_t cap,
                               size_t *ret_count, bool *ret_more);

/* Whether the project has a bucket in any region. Errors: IO. */
struct status bucket_project_has_any(struct object_store *store, struct slice project_id,
                                     bool *ret_has);

/*
 * Deletes an empty bucket. Its uploads end with it, in the background.
 * Errors: CONFLICT (it has objects, versions or delete markers); NOT_FOUND (it has gone meanwhile);
 * as kv_commit; noted.
 */
struct status bucket_delete(struct object_store *store, const struct bucket *bucket,
                            struct note *note);

/* How many objects a bucket has, and their bytes; of versions, beside the current ones. */
struct bucket_usage {
    uint64_t objects;
    uint64_t bytes;
    uint64_t versions; /* noncurrent versions and delete markers */
    uint64_t version_bytes;
};

/* Reads the exact usage. Errors: CORRUPT; IO. */
struct status bucket_usage_read(struct object_store *store, const struct bucket *bucket,
                                struct bucket_usage *ret_usage);

#endif
