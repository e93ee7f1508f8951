/*
 * cors.h - browsers of other origins: what a container's metadata lets them see
 *
 * X-Container-Meta-Access-Control-Allow-Origin, -Max-Age and -Expose-Headers. Other requests than
 * those of browsers are not concerned.
 *
 * Threads: the worker that serves the request.
 * Spec: Fetch, "CORS protocol"; Swift, "CORS"; its strict_cors_mode is on.
 */
#ifndef SWIFT_CORS_H
#define SWIFT_CORS_H

#include "swift/call.h"

/*
 * Finds out what the container lets the request's origin see, where it has one. Order: the
 * container was found. Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status swift_cors_find(struct swift_call *call);

/* Says it, with whatever else is said. */
void swift_cors_apply(struct swift_call *call);

#endif
