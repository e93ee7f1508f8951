/*
 * container.h - what a container has beside its objects: metadata, lists, quotas
 *
 * X-Container-Meta-* is a document of the bucket, a line "name: value" for each, names in lower
 * case; the lists are documents of their own (access/container_acl.h), which S3 asks too. A quota
 * among the metadata is kept by the object layer.
 *
 * Threads: the worker that serves the request.
 * Spec: Object Storage API, "Create, update, or delete container metadata".
 */
#ifndef SWIFT_CONTAINER_H
#define SWIFT_CONTAINER_H

#include "object/config.h"
#include "swift/call.h"

/*
 * Checks what a PUT or POST says about a container: metadata, lists, quotas.
 * Errors: REFUSED (400).
 */
struct status swift_container_check(struct swift_call *call);

/* Whether it says anything that is kept. */
bool swift_container_says(const struct swift_call *call);

/*
 * Makes what the request says about a container true of a new one, `ret_quota` and `documents`
 * (room for BUCKET_EDITED_MAX).
 * Owns: it lies in call->arena. Order: it was checked. Errors: NO_MEMORY; REFUSED (400).
 */
struct status swift_container_begin(struct swift_call *call, struct bucket_document *documents,
                                    size_t *ret_count, struct bucket_quota *ret_quota);

/* The same of one that is there: call->bucket. Errors: REFUSED (400); those of bucket_edit. */
struct status swift_container_change(struct swift_call *call);

/*
 * Makes a container of the call's account in which objects are to be put, with the region's policy;
 * it may be there already. Order: the principal acts for the account.
 * Owns: `*ret_bucket` lies in call->arena. Errors: TOO_LARGE (too many containers); as kv_commit.
 */
struct status swift_container_make(struct swift_call *call, struct slice name,
                                   struct bucket *ret_bucket);

/*
 * Reads the metadata of a container.
 * Owns: `*ret_meta` lies in call->arena. Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status swift_container_meta(struct swift_call *call, const struct bucket *bucket,
                                   struct object_pairs *ret_meta);

/* The value of an entry (lower-case name); an empty slice with a NULL ptr where absent. */
struct slice swift_pair(const struct object_pairs *pairs, const char *name);

/* Says metadata, and to who acts for the account the lists. Errors: CORRUPT; IO; NO_MEMORY. */
struct status swift_container_answer(struct swift_call *call);

#endif
