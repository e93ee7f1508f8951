/*
 * grants.h - what a bucket's configuration says about who may: policy, public access block, payer
 *
 * Threads: the worker that serves the request. Blocks: as the store, where there is such a
 * document.
 */
#ifndef S3_GRANTS_H
#define S3_GRANTS_H

#include "access/access.h"
#include "object/object.h"
#include "s3/call.h"
#include "s3/public_access.h"

/*
 * Reads the bucket's policy; NULL in `*ret_policy` where it has none.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status s3_policy_read(struct s3_call *call, const struct bucket *bucket,
                             const struct policy **ret_policy);

/*
 * Reads the public access block that counts for it: what its own or its project's switches on.
 * Errors: as above.
 */
struct status s3_public_access_read(struct s3_call *call, const struct bucket *bucket,
                                    struct public_access *ret_block);

/* Whether who asks, and not who owns the bucket, is to pay. Errors: as above. */
struct status s3_requester_pays(struct s3_call *call, const struct bucket *bucket, bool *ret_pays);

/* What is asked. */
struct s3_question {
    const char *action;
    const struct bucket *bucket;
    bool account_gives; /* a list of the account that the bucket is in (Swift's) */
    struct slice key;   /* empty: it is about the bucket */
    struct object_version version;
    const struct object_info *info; /* the object, where it has been found already */
    struct slice prefix; /* a listing of which that would be one; NULL ptr: as in the query */
    /* Condition keys that the request itself does not show, several pairs for several values;
     * they go before what it shows. */
    struct object_pairs facts;
    const struct object_pairs *tags; /* that it would set; NULL: those of its headers */
};

/* A bucket, or a key in it (not empty), as policies name it. Owns: it lies in call->arena. */
struct slice s3_resource_arn(struct s3_call *call, const struct bucket *bucket, struct slice key);

/*
 * Decides whether the principal may do it; by the documents as the request found them when it first
 * asked about this bucket.
 * Errors: as above.
 */
struct status s3_decide(struct s3_call *call, const struct s3_question *question,
                        struct access_decision *ret_decision);

/*
 * Has decisions about `bucket` go by another policy than the one it has: one that is not put yet.
 * The text is parsed as if it were put.
 * Errors: INVALID, TOO_LARGE, noted in call->note; as above.
 */
struct status s3_grants_suppose(struct s3_call *call, const struct bucket *bucket,
                                struct slice policy);

/*
 * Decides, and refuses what is not allowed as the request itself would be refused.
 * Errors: REFUSED (AccessDenied, NoSuchKey, …); as above.
 */
struct status s3_authorize_question(struct s3_call *call, const struct s3_question *question);

/*
 * Whether an object of the bucket has a say itself: by its own list, or by tags that the bucket's
 * policy asks for. Errors: as above.
 */
struct status s3_objects_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count);

/*
 * Whether the bucket's policy speaks of what a document about an object would set: its tags, its
 * retention. Errors: as above.
 */
struct status s3_bodies_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count);

/* Whether lists of access count in the bucket. Errors: as above. */
struct status s3_lists_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count);

#endif
