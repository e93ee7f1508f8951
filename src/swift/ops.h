/*
 * ops.h - the functions that the rows of ops.def name
 *
 * check_x looks at the head before anybody is asked, run_x does it. Both return REFUSED after
 * swift_refuse, or the status of a lower room, which reply.c translates.
 *
 * Threads: the worker that serves the request. Blocks: a check never.
 */
#ifndef SWIFT_OPS_H
#define SWIFT_OPS_H

#include "swift/call.h"

/* op_service.c: what there is, and that it is there. */
struct status run_info(struct swift_call *call);
struct status run_health(struct swift_call *call);

/* op_login.c. */
struct status run_login(struct swift_call *call);

/* cors.c. */
struct status run_options(struct swift_call *call);

/* op_account.c. Spec: Object Storage API, "Accounts". */
struct status run_get_account(struct swift_call *call);
struct status run_post_account(struct swift_call *call);
struct status run_forbidden(struct swift_call *call);

/* op_container.c, op_list.c. Spec: Object Storage API, "Containers". */
struct status run_get_container(struct swift_call *call);
struct status run_put_container(struct swift_call *call);
struct status run_post_container(struct swift_call *call);
struct status run_delete_container(struct swift_call *call);

/* op_manifest.c. Spec: Object Storage API, "Large objects"; Swift, middleware/slo.py. */
struct status run_put_manifest(struct swift_call *call);
struct status run_get_manifest(struct swift_call *call);
struct status run_delete_manifest(struct swift_call *call);

/* op_bulk.c. Spec: Swift, middleware/bulk.py. */
struct status run_bulk_delete(struct swift_call *call);
struct status run_extract_archive(struct swift_call *call);

/* op_form.c. Spec: Swift, middleware/formpost.py. */
struct status run_form(struct swift_call *call);

/* op_web.c: containers and objects, as a web site for who wants pages, else as they are. Spec:
 * Swift, middleware/staticweb.py. */
struct status run_web_container(struct swift_call *call);
struct status run_web_object(struct swift_call *call);

/* op_put.c. Spec: Swift, middleware/versioned_writes/object_versioning.py. */
struct status run_restore_version(struct swift_call *call);

/* op_symlink.c. Spec: Swift, middleware/symlink.py. */
struct status run_put_symlink(struct swift_call *call);

/* op_get.c, op_put.c, op_post.c, op_copy.c. Spec: Object Storage API, "Objects". */
struct status run_get_object(struct swift_call *call);
struct status run_put_object(struct swift_call *call);
struct status run_post_object(struct swift_call *call);
struct status run_delete_object(struct swift_call *call);
struct status run_copy_from(struct swift_call *call);
struct status run_copy_object(struct swift_call *call);

#endif
