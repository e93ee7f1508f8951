/*
 * object_meta.h - what is said about an object: headers of a request ↔ struct object_meta
 *
 * The same records as S3's: content headers by their names, X-Object-Meta-* in the place of
 * x-amz-meta-*.
 *
 * Threads: the worker that serves the request.
 */
#ifndef SWIFT_OBJECT_META_H
#define SWIFT_OBJECT_META_H

#include "swift/call.h"

/*
 * Reads the metadata that a PUT brings, Content-Type guessed from the name where there is none or
 * X-Detect-Content-Type says so. The container's project owns it.
 * Owns: it lies in call->arena, or points into the head.
 * Errors: REFUSED (400); NO_MEMORY.
 */
struct status swift_object_meta_read(struct swift_call *call, struct slice name,
                                     struct object_meta *ret_meta);

/*
 * The metadata of one of many objects that a request brings: what its head says of all of them, and
 * a type (empty: guessed from the name). Owns, Errors: as above.
 */
struct status swift_object_meta_of_one(struct swift_call *call, struct slice name,
                                       struct slice type, struct object_meta *ret_meta);

/*
 * The metadata of `old` as a POST (or a copy with new metadata) leaves it: user metadata and
 * content headers are replaced, but the type stays where none is brought.
 * Owns, Errors: as above.
 */
struct status swift_object_meta_change(struct swift_call *call, const struct object_meta *old,
                                       struct object_meta *ret_meta);

/*
 * What a copy has that keeps its source's metadata: that, with what the request brings in the place
 * of it or beside it.
 * Owns, Errors: as above.
 */
struct status swift_object_meta_merge(struct swift_call *call, const struct object_meta *old,
                                      const struct object_meta *brought,
                                      struct object_meta *ret_meta);

/* The value of a system header (lower-case name); an empty slice with a NULL ptr where absent. */
struct slice swift_object_header(const struct object_meta *meta, struct slice name);

/* Says metadata, Content-Type and the other content headers. */
void swift_object_meta_answer(struct swift_call *call, const struct object_meta *meta);

/* Says ETag, Last-Modified, X-Timestamp and Accept-Ranges. */
void swift_object_facts_answer(struct swift_call *call, const struct object_info *info);

#endif
