/*
 * acl_call.h - access control lists of a call: what a bucket or object has, what a request sets
 *
 * Lists count in buckets whose ownership is not "BucketOwnerEnforced"; in others everything is the
 * bucket owner's, and a request may only say what is so anyway. A new bucket has the ownership that
 * the server's configuration says, if the request says nothing.
 *
 * Threads: the worker that serves the request. Blocks: as the store, where a bucket has a list or
 * an ownership of its own.
 * Spec: S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".
 */
#ifndef S3_ACL_CALL_H
#define S3_ACL_CALL_H

#include "access/acl.h"
#include "object/object.h"
#include "s3/call.h"

/* What a bucket says about the ownership of objects in it. */
struct s3_ownership {
    enum acl_ownership rule;
    bool removed; /* the controls were deleted: as OBJECT_WRITER, but there is nothing to show */
};

/* Reads it. Errors: CORRUPT; IO; NO_MEMORY. */
struct status s3_ownership_read(struct s3_call *call, const struct bucket *bucket,
                                struct s3_ownership *ret_ownership);

/* The document that a bucket keeps about it, and S3's word for a rule, both ways. */
struct slice s3_ownership_document(const struct s3_ownership *ownership);
const char *s3_ownership_word(enum acl_ownership rule);
bool s3_ownership_parse(struct slice word, enum acl_ownership *ret_rule);

/* The owners that lists of a bucket, or of things in it, are made with. Errors: of identity. */
struct status s3_bucket_owners(struct s3_call *call, const struct bucket *bucket,
                               struct acl_owners *ret_owners);

/*
 * Reads a bucket's list; the owner's alone where it has none.
 * Owns: `*ret_acl` lies in call->arena. Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status s3_acl_of_bucket(struct s3_call *call, const struct bucket *bucket,
                               const struct acl_owners *owners, struct acl *ret_acl);

/* The same of an object that was found. */
struct status s3_acl_of_object(struct s3_call *call, const struct object_info *info,
                               struct acl *ret_acl);

/*
 * The list that the headers of the request set (x-amz-acl, x-amz-grant-*); `*ret_present` tells
 * whether they do. Who is given something must be known, and gets a name.
 * Errors: REFUSED (InvalidArgument, InvalidRequest, …); those of identity.
 */
struct status s3_acl_of_headers(struct s3_call *call, const struct acl_owners *owners,
                                bool *ret_present, struct acl *ret_acl);

/*
 * The list of a request that puts one: its headers', or else its document's, which must name the
 * owner. Errors: REFUSED; those of identity and of the body.
 */
struct status s3_acl_of_put(struct s3_call *call, const struct acl_owners *owners,
                            struct acl *ret_acl);

/*
 * Settles whose an object is that the request writes, and its list, where lists count; `meta` has
 * the writer as owner. Reads headers only.
 * Errors: REFUSED (AccessControlListNotSupported, AccessDenied, …); CORRUPT; IO; NO_MEMORY.
 */
struct status s3_acl_settle(struct s3_call *call, struct object_meta *meta);

/*
 * Whether a request's list says no more than what is so where lists don't count: the bucket's owner
 * has everything.
 */
bool s3_acl_is_as_enforced(const struct s3_call *call, const struct acl *acl,
                           const struct acl_owners *owners);

/*
 * AccessDenied to a list that is public where the bucket's public access block, or its owner's, has
 * BlockPublicAcls.
 */
struct status s3_acl_check_public(struct s3_call *call, const struct bucket *bucket,
                                  const struct acl *acl);

/* The bytes that are stored of a list; empty for one that gives its owner everything and no more.
 */
struct status s3_acl_store(struct s3_call *call, const struct acl *acl, struct slice *ret_text);
#endif
