/*
 * legacy.h - X-Versions-Location and X-History-Location: what was there goes to another container
 *
 *     stack      a PUT moves the current object away; a DELETE brings the last one back
 *     history    PUT and DELETE move it away; a DELETE leaves a marker behind it
 *
 * An object "name" of the time T is called LLLname/T there, LLL being the length of its name in
 * three hexadecimal digits. Other than versions (versions.h) these are objects like any other, and
 * nothing is atomic but each step: what was there is copied before it is replaced, so that it is
 * twice there after a crash, never gone.
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 * Spec: Swift, middleware/versioned_writes/legacy.py.
 */
#ifndef SWIFT_LEGACY_H
#define SWIFT_LEGACY_H

#include "swift/call.h"

/* Looks at the headers of a PUT or POST of a container. Errors: REFUSED (400, 412). */
struct status swift_legacy_check(struct swift_call *call);

/* Keeps what they say, if who asks acts for the account. Errors: those of bucket_config_put. */
struct status swift_legacy_set(struct swift_call *call, const struct bucket *bucket);

/* Says where versions of a container go. Errors: CORRUPT; IO; NO_MEMORY. */
struct status swift_legacy_answer(struct swift_call *call);

/*
 * Copies the object that is about to be replaced, where the container says so.
 * Errors: REFUSED (412: there is no such container); IO.
 */
struct status swift_legacy_keep(struct swift_call *call, const struct bucket *bucket,
                                struct slice object);

/*
 * What a DELETE does besides: `*ret_done` says that it is done altogether, as the last version was
 * brought back in the object's place. Errors: as above.
 */
struct status swift_legacy_delete(struct swift_call *call, bool *ret_done);

#endif
