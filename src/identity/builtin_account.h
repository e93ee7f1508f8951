/*
 * builtin_account.h - the record of what a user can prove and may do
 *
 * Only builtin_*.c include it. An account is read and written as a whole; it is there once anything
 * was written to it, and goes with its user.
 *
 * Threads: as builtin.h.
 */
#ifndef IDENTITY_BUILTIN_ACCOUNT_H
#define IDENTITY_BUILTIN_ACCOUNT_H

#include "identity/builtin_login.h"
#include "identity/builtin_record.h"
#include "identity/builtin_store.h"

/*
 * Reads the account of a user; an empty one where there is none.
 * Owns: `*ret_account` and `*ret_raw` (empty where there is none; may be NULL) lie in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status builtin_account_read(struct builtin *store, struct slice user_id, struct arena *arena,
                                   struct slice *ret_raw, Identity__Account **ret_account);

/* A change of an account: `attempt` may be called several times, each time on a fresh record. */
struct builtin_account_change {
    struct builtin *store;
    struct slice user_id;
    struct note *note;
    struct status (*attempt)(struct builtin_account_change *change, struct arena *arena,
                             Identity__Account *account);
    void *context;
};

/* Repeats the attempt and its commit while somebody else comes in between. */
struct status builtin_account_change(struct builtin_account_change *change);

#endif
