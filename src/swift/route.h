/*
 * route.h - which row of ops.def a request is
 *
 * Threads: pure functions.
 */
#ifndef SWIFT_ROUTE_H
#define SWIFT_ROUTE_H

#include "swift/call.h"

/*
 * The row for a method and a kind of thing, by what selectors find in the call's head and query;
 * NULL: there is none.
 */
const struct swift_op *swift_op_find(const struct swift_call *call, enum swift_subject subject,
                                     enum http_method method);

/*
 * The methods that a kind of thing has, with ", " between them.
 * Owns: it lies in call->arena; empty when that overflowed.
 */
struct slice swift_methods(const struct swift_call *call, enum swift_subject subject);

#endif
