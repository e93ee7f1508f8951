/*
 * versions.h - X-Versions-Enabled: the versions that S3 knows, by Swift's names
 *
 * A container that keeps versions is a bucket with versioning, the same through both doors; one
 * that stops is a bucket whose versioning is suspended. The id of a version is the text that S3 has
 * for it, "null" for what was written while none were kept.
 *
 * Threads: the worker that serves the request. Blocks: as the store.
 * Spec: Swift, middleware/versioned_writes/object_versioning.py.
 */
#ifndef SWIFT_VERSIONS_H
#define SWIFT_VERSIONS_H

#include "swift/listing.h"

/* The version that ?version-id= names; the current one if it is absent. Errors: REFUSED (400). */
struct status swift_version_of(struct swift_call *call, struct object_version *ret_version);

/* Whether a version is named. */
bool swift_names_version(const struct swift_call *call);

/* Says X-Object-Version-Id of what was written or read, where the bucket keeps or kept versions. */
void swift_version_answer(struct swift_call *call, const struct bucket *bucket,
                          const struct object_info *info);

/*
 * Makes what X-Versions-Enabled of a PUT or POST says true of a container, if who asks acts for the
 * account. Errors: REFUSED (400; 409: the bucket has object lock); those of bucket_versioning_set.
 */
struct status swift_versions_set(struct swift_call *call, const struct bucket *bucket);

/* Says X-Versions-Enabled of a container. */
void swift_versions_answer(struct swift_call *call);

/* Answers with a page of versions, always as JSON. Errors: CORRUPT; IO; NO_MEMORY. */
struct status swift_versions_list(struct swift_call *call, const struct swift_listing *listing);

#endif
