/*
 * meta.h - X-Object-Meta-*, X-Container-Meta-*, X-Account-Meta-*: limits, and both directions
 *
 * Names are kept in lower case, as through S3, and said with capitals as Swift says them.
 *
 * Threads: the worker that serves the request.
 * Spec: Object Storage API, "Metadata"; Swift, common/constraints.py, check_metadata.
 */
#ifndef SWIFT_META_H
#define SWIFT_META_H

#include "swift/call.h"

enum {
    SWIFT_META_NAME_MAX = 128,
    SWIFT_META_VALUE_MAX = 256,
    SWIFT_META_COUNT_MAX = 90,
    SWIFT_META_BYTES_MAX = 4096, /* of names and values together */
    SWIFT_HEADER_VALUE_MAX = 8192
};

/*
 * Checks the metadata that a request brings under `prefix` ("x-object-meta-"). Errors: REFUSED
 * (400), in Swift's words.
 */
struct status swift_meta_check(struct swift_call *call, struct slice prefix);

/*
 * Collects the metadata of a request, names in lower case and without the prefix; a repeated one
 * is joined by commas, one with an empty value is left out.
 * Owns: it lies in call->arena. Errors: NO_MEMORY.
 */
struct status swift_meta_read(struct swift_call *call, struct slice prefix,
                              struct object_pairs *ret_pairs);

/*
 * What metadata becomes by a request: what is under `prefix` replaces, with an empty value removes,
 * as does what is under `remove` ("x-remove-container-meta-").
 * Owns: it lies in `arena`, or points into `before` and the head. Errors: NO_MEMORY.
 */
struct status swift_meta_change(struct swift_call *call, struct slice prefix, struct slice remove,
                                const struct object_pairs *before, struct arena *arena,
                                struct object_pairs *ret_pairs);

/* Whether all of it is within the limits. Errors: REFUSED (400). */
struct status swift_meta_bounds(struct swift_call *call, const struct object_pairs *pairs);

/* Says metadata: "X-Object-Meta-" and the name with capitals. */
void swift_meta_answer(struct swift_call *call, const char *prefix,
                       const struct object_pairs *pairs);

#endif
