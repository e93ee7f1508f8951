/*
 * s3.h - the S3 door: the steps that the server's session walks through for one request
 *
 *     s3_route ─ (auth_identify) ─ s3_authenticated ─ s3_check ─ s3_authorize ─ (admit) ─ s3_run
 *          └────────┴───── any failure ─────┴──────────────┴──────────┴─────────┴──▶ s3_reply_error
 *
 * Adding an operation touches ops.def, one op_*.c and a test; nothing here.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_S3_H
#define S3_S3_H

#include "s3/call.h"

/* All operations, in the order of ops.def, for metrics and documents. */
size_t s3_op_count(void);
const struct s3_op *s3_op_at(size_t index);

/*
 * The rows that a request of `method` about `subject` (a service, bucket, website or object) may
 * be, in the order of the table: the first one, and the one behind `op`; NULL past the last.
 */
const struct s3_op *s3_op_first(enum http_method method, enum s3_subject subject);
const struct s3_op *s3_op_next(const struct s3_op *op);

/* The place of a row in the table; s3_op_count() for NULL: what could not be routed. */
size_t s3_op_index(const struct s3_op *op);

/*
 * Finds operation, bucket and key from method, target, host and query. Pure.
 * Errors: REFUSED (InvalidURI, MethodNotAllowed, …).
 */
struct status s3_route(struct s3_call *call);

/* Translates a denial of auth_identify into S3's error. Always answers REFUSED. */
struct status s3_refuse_denial(struct s3_call *call);

/* The same for what was wrong with the chunks or the framing of a body (aws_chunked_refusal). */
struct status s3_refuse_body(struct s3_call *call, struct status status);

/* Looks at names, parameters and headers. Errors: REFUSED, NotImplemented included. */
struct status s3_check(struct s3_call *call);

/* Finds the bucket and asks whether the principal may. Errors: REFUSED; IO. */
struct status s3_authorize(struct s3_call *call);

/* Runs the operation: fills call->response and call->answer. Errors: any. */
struct status s3_run(struct s3_call *call);

/*
 * Fills call->response and call->answer with the error document for `status` and call->error; ends
 * an answer that was begun. What has no S3 word is InternalError, and true in `*ret_internal`: log
 * call->note. After an early head the document alone is the answer, without an XML declaration. A
 * client never reads call->note: only what s3_refuse was given.
 */
void s3_reply_error(struct s3_call *call, struct status status, bool *ret_internal);

/*
 * A whole answer (head and body) without a call, for refusals before or beside one: a bad head, too
 * many connections, a worker queue that is full. With `close`, it says Connection: close.
 */
size_t s3_reply_raw(enum s3_error error, const char *message, struct slice request_id, bool close,
                    char *out, size_t cap);

#endif
