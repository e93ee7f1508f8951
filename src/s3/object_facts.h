/*
 * object_facts.h - tags and lock of a version: as headers of a request and of an answer
 *
 * Threads: the worker that serves the request.
 * Spec: S3 PutObject, x-amz-tagging, x-amz-object-lock-*; GetObject, x-amz-tagging-count.
 */
#ifndef S3_OBJECT_FACTS_H
#define S3_OBJECT_FACTS_H

#include "object/object.h"
#include "s3/call.h"
#include "s3/tagging.h"

/*
 * Reads x-amz-tagging; no tags where it is absent.
 * Owns: they lie in the call's arena.
 * Errors: REFUSED (InvalidArgument, InvalidTag, BadRequest).
 */
struct status s3_tags_of_request(struct s3_call *call, struct object_pairs *ret_tags);

/*
 * The same for a policy that asks before the operation looks: what is wrong is no tag at all.
 * Owns: they lie in the call's arena.
 */
void s3_tags_peek(const struct s3_call *call, struct object_pairs *ret_tags);

/* Refuses tags with S3's error for what is wrong with them. */
struct status s3_tagging_refuse(struct s3_call *call, enum tagging_defect defect, const char *why);

/* Tags of an object, sorted, as a tag set and back. Owns: they lie in `arena`. Errors: NO_MEMORY.
 */
struct status s3_tags_to_pairs(struct arena *arena, const struct tag_set *tags,
                               struct object_pairs *ret_pairs);
struct status s3_pairs_to_tags(struct arena *arena, const struct object_pairs *pairs,
                               struct tag_set *ret_tags);

/* Whether x-amz-tagging-directive says REPLACE. Errors: REFUSED (InvalidArgument). */
struct status s3_replaces_tags(struct s3_call *call, bool *ret_replaces);

/*
 * Reads x-amz-object-lock-mode, -retain-until-date and -legal-hold.
 * Errors: REFUSED (InvalidArgument; InvalidRequest: the bucket has no object lock).
 */
struct status s3_lock_of_request(struct s3_call *call, struct object_lock *ret_lock);

/* InvalidRequest unless the call's bucket has object lock. */
struct status s3_lock_check_bucket(struct s3_call *call);

/*
 * Says how many tags a version has, and how it is locked, each to those who may read it.
 * Errors: IO; CORRUPT; NO_MEMORY.
 */
struct status s3_facts_answer(struct s3_call *call, const struct object_meta *meta);

#endif
