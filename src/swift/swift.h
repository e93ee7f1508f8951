/*
 * swift.h - the door of OpenStack's Object Storage API v1: the steps of the server's session
 *
 *     swift_route ─ swift_authenticate ─ swift_check ─ swift_authorize ─ (admit) ─ swift_run
 *          └──────────────┴─── any failure ───┴───────────────┴─────────────┴─────────┴─▶ _error
 *
 * Adding an operation touches ops.def, one op_*.c and a test; nothing here.
 *
 * Threads: the worker that serves the request.
 * Spec: OpenStack, "Object Storage API v1", and what Swift itself answers where that is silent.
 */
#ifndef SWIFT_SWIFT_H
#define SWIFT_SWIFT_H

#include "swift/call.h"

/* All operations, in the order of ops.def, for metrics and documents. */
size_t swift_op_count(void);
const struct swift_op *swift_op_at(size_t index);

/* The place of a row in the table; swift_op_count() for NULL: what could not be routed. */
size_t swift_op_index(const struct swift_op *op);

/*
 * Whether the request is for this door rather than for S3, where an endpoint serves both: by its
 * path or by the host's label (`c.auth_x`), unless it is signed for S3. Pure.
 */
bool swift_claims(const struct http_head *head, const struct http_query *query, struct slice label);

/*
 * Finds operation, account, container and object. Pure; call->region.
 * Errors: REFUSED (404, 405, 412).
 */
struct status swift_route(struct swift_call *call);

/*
 * Finds out who asks. A token that is nobody's makes them nobody: what everybody may is answered
 * all the same. Errors: REFUSED (503: the source did not answer); NO_MEMORY.
 * Blocks: for one look-up.
 */
struct status swift_authenticate(struct swift_call *call);

/* Looks at the head. Errors: REFUSED. */
struct status swift_check(struct swift_call *call);

/*
 * Finds the container and asks whether the principal may. What is not there is told only to who
 * could see it. Errors: REFUSED (401, 403, 404); IO.
 */
struct status swift_authorize(struct swift_call *call);

/* Runs the operation: fills call->response and call->answer. Errors: any. */
struct status swift_run(struct swift_call *call);

/*
 * Fills call->response and call->answer for `status` and call->error; ends an answer that was
 * begun. True: the error is ours, log call->note.
 */
bool swift_reply_error(struct swift_call *call, struct status status);

/* Sets the headers that every answer has: X-Trans-Id and its like. */
void swift_reply_headers(struct swift_call *call);

/* A whole answer (head and page) without a call's memory. */
size_t swift_reply_raw(int status, struct slice trans_id, char *out, size_t cap);

#endif
