/*
 * list.h - listing a bucket: keys in order, rolled up at a delimiter, a page at a time
 *
 *     after ──▶ [ object | common prefix ]* ──▶ next
 *
 * A page costs what it shows: the cursor seeks past a common prefix instead of walking through it.
 *
 * Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_LIST_H
#define OBJECT_LIST_H

#include "object/object.h"

enum { LIST_PAGE_MAX = 1000 };

/* What to list. Empty slices stand for nothing. */
struct list_query {
    struct slice prefix;
    struct slice delimiter; /* any string */
    struct slice after;     /* keys and common prefixes behind this, itself excluded */
    struct slice from;      /* keys at or behind this; the later one of both counts */
    struct slice until;     /* keys before this; for Swift's end_marker */
    size_t max;             /* entries, at most LIST_PAGE_MAX */
    bool reverse;           /* from the last to the first: `after` and `until` are upper and lower
                               bound then, `from` does not count */
    bool with_headers;      /* entries have their system headers, user metadata and tags */
};

/* An entry of a page. */
struct list_entry {
    bool is_prefix;
    struct slice name;       /* the key, or the common prefix with its delimiter */
    struct object_info info; /* of an object; without metadata unless asked for */
};

/* A page. All lies in the arena it was made in. */
struct list_page {
    struct list_entry *entries; /* in the order that was asked for, bytewise by their names */
    size_t count;
    bool truncated;
    struct slice next; /* `after` of the next page where it is truncated: the last name */
};

/*
 * Lists one page.
 * Owns: `*ret_page` lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status list_objects(struct object_store *store, const struct bucket *bucket,
                           const struct list_query *query, struct arena *arena,
                           struct list_page *ret_page);

/* ---- versions ------------------------------------------------------------------------------- */

/* Which versions to list. Empty slices stand for nothing. */
struct version_list_query {
    struct slice prefix;
    struct slice delimiter;  /* any string */
    struct slice key_marker; /* keys and common prefixes behind this; and, with an id marker, */
    bool has_id_marker;      /* versions of that very key that are older than the marker */
    struct object_version id_marker;
    size_t max;        /* entries, at most LIST_PAGE_MAX */
    bool with_headers; /* as in struct list_query */
};

struct version_list_entry {
    bool is_prefix;
    struct slice name;       /* the key, or the common prefix with its delimiter */
    struct object_info info; /* of a version or delete marker; user metadata is left out */
    bool is_latest;
};

/* A page. All lies in the arena it was made in. */
struct version_list_page {
    struct version_list_entry *entries; /* by name, those of one key newest first */
    size_t count;
    bool truncated;
    /* The markers of the next page where it is truncated. */
    struct slice next_key;
    struct slice next_id; /* empty behind a common prefix */
};

/*
 * Lists one page of versions and delete markers. It costs what it shows: it seeks past a common
 * prefix, and from one key to the next where a marker says so. Every version that was there all the
 * while is met, also when a newer one of its key came or went meanwhile.
 *
 * An id marker may be the id of any version, there or not; the null version is also named so in
 * next_id, where it has an id, since "null" says nothing about its place once it has gone.
 * Owns: `*ret_page` lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status list_versions(struct object_store *store, const struct bucket *bucket,
                            const struct version_list_query *query, struct arena *arena,
                            struct version_list_page *ret_page);

#endif
