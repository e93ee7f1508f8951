/*
 * remove.h - an object or a container taken away, as one of many
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 */
#ifndef SWIFT_REMOVE_H
#define SWIFT_REMOVE_H

#include "swift/call.h"

/*
 * Deletes an object of the call's account, or a container where `object` is empty, if the principal
 * may; `*ret_status` is what a request of its own would be answered: 204, 401, 403, 404, 409.
 * Errors: IO; as the store.
 */
struct status swift_remove(struct swift_call *call, struct slice container, struct slice object,
                           int *ret_status);

#endif
