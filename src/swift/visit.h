/*
 * visit.h - the objects of a container one by one, whatever is made of them
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 */
#ifndef SWIFT_VISIT_H
#define SWIFT_VISIT_H

#include "object/list.h"
#include "swift/call.h"

/* Who takes entries; embed it. */
struct swift_visitor {
    /* False: no more. The entry is gone after the call. */
    bool (*visit)(struct swift_visitor *visitor, const struct list_entry *entry);
};

/*
 * Visits what a query finds in call->bucket, page by page of the store, each in memory of its own.
 * query->max says how many there will be about, not how many are visited. Nobody is asked.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status swift_visit(struct swift_call *call, const struct list_query *query,
                          struct swift_visitor *visitor);

/* The Content-Type of an object that was listed with its headers. */
struct slice swift_entry_type(const struct list_entry *entry);

#endif
