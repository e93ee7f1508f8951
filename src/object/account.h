/*
 * account.h - what a project has beside its buckets: Swift's account metadata and access list
 *
 * One record for a project, in all regions; made with the first thing that is said about it.
 *
 * Threads: any. Blocks: as kv.
 */
#ifndef OBJECT_ACCOUNT_H
#define OBJECT_ACCOUNT_H

#include "object/object.h"

enum {
    ACCOUNT_META_MAX = 128,             /* entries */
    ACCOUNT_META_BYTES_MAX = 32 * 1024, /* names and values together */
    ACCOUNT_ACL_MAX = 8 * 1024
};

/* An account as it was found. */
struct account {
    int64_t created_ns;       /* 0: nothing was ever said about it */
    struct object_pairs meta; /* names in lower case */
    struct slice acl;         /* the door's document; empty: none */
};

/*
 * Reads an account; one that nobody said anything about is empty.
 * Owns: `*ret_account` lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status account_read(struct object_store *store, struct slice project_id, struct arena *arena,
                           struct account *ret_account);

/*
 * A change: `edit` is given the account as it is, and changes it; what it puts in lies in `arena`,
 * or lives as long as the edit. Called again when somebody else was faster.
 */
struct account_edit {
    struct status (*edit)(const struct account_edit *edit, struct arena *arena,
                          struct account *account);
};

/*
 * Makes the change; durable on return.
 * Errors: those of edit; TOO_LARGE; INVALID (an entry without a name); BUSY; as kv_commit.
 */
struct status account_change(struct object_store *store, struct slice project_id,
                             const struct account_edit *edit);

#endif
