/*
 * ops.h - the functions that the rows of ops.def name
 *
 * op_x_check looks at parameters and headers before anything is read, op_x does it. Both return
 * REFUSED after s3_refuse, or the status of a lower room, which reply.c translates.
 *
 * Threads: the worker that serves the request. Blocks: a check never.
 */
#ifndef S3_OPS_H
#define S3_OPS_H

#include "s3/call.h"

/* op_bucket.c, op_list_buckets.c: buckets. Spec: S3 API, the page of each operation's name. */
struct status op_list_buckets_check(struct s3_call *call);
struct status op_list_buckets(struct s3_call *call);
struct status op_create_bucket_check(struct s3_call *call);
struct status op_create_bucket(struct s3_call *call);
struct status op_head_bucket(struct s3_call *call);
struct status op_delete_bucket(struct s3_call *call);
struct status op_get_bucket_location(struct s3_call *call);

/* op_versioning.c: versioning and object lock of a bucket. */
struct status op_put_bucket_versioning(struct s3_call *call);
struct status op_get_bucket_versioning(struct s3_call *call);
struct status op_put_object_lock_configuration(struct s3_call *call);
struct status op_get_object_lock_configuration(struct s3_call *call);

/* op_amend.c: what may change of a version. */
struct status op_amend_check(struct s3_call *call);
struct status op_put_object_tagging(struct s3_call *call);
struct status op_get_object_tagging(struct s3_call *call);
struct status op_delete_object_tagging(struct s3_call *call);
struct status op_put_object_retention(struct s3_call *call);
struct status op_get_object_retention(struct s3_call *call);
struct status op_put_object_legal_hold(struct s3_call *call);
struct status op_get_object_legal_hold(struct s3_call *call);

/* op_attributes.c: what is asked for of an object. */
struct status op_get_object_attributes_check(struct s3_call *call);
struct status op_get_object_attributes(struct s3_call *call);

/* op_config.c: configurations that are kept as they are given. */
struct status op_config_check(struct s3_call *call);
struct status op_put_config(struct s3_call *call);
struct status op_get_config(struct s3_call *call);
struct status op_delete_config(struct s3_call *call);
struct status op_list_configs(struct s3_call *call);

/* op_website.c: pages for browsers. */
struct status op_website(struct s3_call *call);

/* op_post.c: uploads by forms. */
struct status op_post_object_check(struct s3_call *call);
struct status op_post_object(struct s3_call *call);

/* op_policy.c: who may. */
struct status op_put_bucket_policy(struct s3_call *call);
struct status op_get_bucket_policy(struct s3_call *call);
struct status op_delete_bucket_policy(struct s3_call *call);
struct status op_get_bucket_policy_status(struct s3_call *call);
struct status op_put_public_access_block(struct s3_call *call);
struct status op_get_public_access_block(struct s3_call *call);
struct status op_delete_public_access_block(struct s3_call *call);
struct status op_put_account_public_access_block(struct s3_call *call);
struct status op_get_account_public_access_block(struct s3_call *call);
struct status op_delete_account_public_access_block(struct s3_call *call);

/* op_acl.c: access control lists, and whether they count. */
struct status op_get_bucket_acl(struct s3_call *call);
struct status op_put_bucket_acl(struct s3_call *call);
struct status op_object_acl_check(struct s3_call *call);
struct status op_get_object_acl(struct s3_call *call);
struct status op_put_object_acl(struct s3_call *call);
struct status op_get_bucket_ownership_controls(struct s3_call *call);
struct status op_put_bucket_ownership_controls(struct s3_call *call);
struct status op_delete_bucket_ownership_controls(struct s3_call *call);

/* op_options.c: preflights of browsers. */
struct status op_options_check(struct s3_call *call);
struct status op_options(struct s3_call *call);

/* op_list.c, op_list_uploads.c: what is in a bucket. */
struct status op_list_objects_check(struct s3_call *call);
struct status op_list_objects(struct s3_call *call);
struct status op_list_objects_v2_check(struct s3_call *call);
struct status op_list_objects_v2(struct s3_call *call);
struct status op_list_object_versions_check(struct s3_call *call);
struct status op_list_object_versions(struct s3_call *call);
struct status op_list_multipart_uploads_check(struct s3_call *call);
struct status op_list_multipart_uploads(struct s3_call *call);

/* objects, whole: op_put.c, op_get.c, op_delete.c, op_delete_many.c, op_copy.c */
struct status op_put_object_check(struct s3_call *call);
struct status op_put_object(struct s3_call *call);
struct status op_get_object_check(struct s3_call *call);
struct status op_get_object(struct s3_call *call);
struct status op_delete_object_check(struct s3_call *call);
struct status op_delete_object(struct s3_call *call);
struct status op_delete_objects_check(struct s3_call *call);
struct status op_delete_objects(struct s3_call *call);
struct status op_copy_object_check(struct s3_call *call);
struct status op_copy_object(struct s3_call *call);

/* objects in parts: op_upload.c, op_part.c, op_complete.c */
struct status op_create_multipart_upload_check(struct s3_call *call);
struct status op_create_multipart_upload(struct s3_call *call);
struct status op_upload_part_check(struct s3_call *call);
struct status op_upload_part(struct s3_call *call);
struct status op_upload_part_copy_check(struct s3_call *call);
struct status op_upload_part_copy(struct s3_call *call);
struct status op_complete_multipart_upload_check(struct s3_call *call);
struct status op_complete_multipart_upload(struct s3_call *call);
struct status op_abort_multipart_upload(struct s3_call *call);
struct status op_list_parts_check(struct s3_call *call);
struct status op_list_parts(struct s3_call *call);

#endif
