/*
 * meta.h - what is said about an object: headers of a request ↔ struct object_meta ↔ of an answer
 *
 * System headers (Content-Type, Cache-Control, …) are kept and given back as they came; user
 * metadata (x-amz-meta-*) too, its names in lower case, repeated ones joined by a comma. Bytes that
 * are not ASCII go out as RFC 2047 has it where they are UTF-8, and as they came where they are
 * not.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_META_H
#define S3_META_H

#include "object/object.h"
#include "s3/call.h"

enum { S3_USER_META_MAX_BYTES = 2048 };

/*
 * Reads the metadata that a request brings; the owner is the principal.
 * Owns: `*ret_meta` lies in call->arena, or points into the head.
 * Errors: REFUSED (MetadataTooLarge, InvalidStorageClass, InvalidArgument, …); NO_MEMORY.
 */
struct status s3_meta_of_request(struct s3_call *call, struct object_meta *ret_meta);

/*
 * The storage class that the request asks for, empty for the default.
 * Errors: REFUSED (InvalidStorageClass).
 */
struct status s3_storage_class(struct s3_call *call, struct slice *ret_class);

/* Sets what the object has to say about itself: system headers, user metadata, storage class. */
void s3_meta_answer(struct s3_call *call, const struct object_meta *meta);

/* Sets ETag, in quotation marks. */
void s3_etag_answer(struct s3_call *call, struct slice etag);

/*
 * `value` as a header may have it: itself where it is ASCII or not UTF-8, else as encoded words.
 * Owns: `arena`. Spec: RFC 2047 sections 2, 4.1.
 */
struct slice s3_meta_encode(struct arena *arena, struct slice value);

#endif
