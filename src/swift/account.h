/*
 * account.h - what an account has beside its containers: metadata, list, quota
 *
 * Threads: the worker that serves the request.
 * Spec: Object Storage API, "Create, update, or delete account metadata"; Swift, common/middleware
 * acl.py, account_quotas.py.
 */
#ifndef SWIFT_ACCOUNT_H
#define SWIFT_ACCOUNT_H

#include "object/account.h"
#include "swift/call.h"

/*
 * What a list of an account gives the principal. Lists that do not parse give nothing.
 * Errors: NO_MEMORY.
 */
struct status swift_account_standing(const struct swift_call *call, struct slice list,
                                     enum swift_standing *ret_standing);

/* Whether a text is a list of an account. Errors: INVALID, with Swift's words in `why`. */
struct status swift_account_list_check(struct slice text, struct note *why);

/*
 * Whether the account has room for so many bytes more (of which `replaced` go). The sum of an
 * account's containers is taken now, and not guarded: writes at the same time may go beyond.
 * Errors: REFUSED (413); IO.
 */
struct status swift_account_room(struct swift_call *call, struct slice project_id, uint64_t bytes,
                                 uint64_t replaced);

#endif
