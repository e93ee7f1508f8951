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

/* op_list.c, op_list_uploads.c: what is in a bucket. */
struct status op_list_objects_check(struct s3_call *call);
struct status op_list_objects(struct s3_call *call);
struct status op_list_objects_v2_check(struct s3_call *call);
struct status op_list_objects_v2(struct s3_call *call);
struct status op_list_object_versions_check(struct s3_call *call);
struct status op_list_object_versions(struct s3_call *call);
struct status op_list_multipart_uploads_check(struct s3_call *call);
struct status op_list_multipart_uploads(struct s3_call *call);

#endif
