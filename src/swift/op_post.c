/* Metadata of an object, changed in its place. */
#include "base/check.h"
#include "swift/large.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

struct posting {
    struct object_amendment amendment;
    struct swift_call *call;
};

/* Spec: Swift, middleware/symlink.py: what is said is not said of the link. */
static struct status refuse_symlink(struct swift_call *call, const struct object_link *link) {
    struct slice project_id = link->account.len > 0 ? link->account : call->project_id;
    swift_location_answer(call, project_id, link->container, link->object);
    struct slice location = http_response_find(&call->response, SLICE("Content-Location"));
    http_response_set(&call->response, SLICE("Location"), location);
    http_response_remove(&call->response, SLICE("Content-Location"));
    struct status s = swift_refuse(call, 307,
                                   "The requested POST was applied to a symlink. POST directly to "
                                   "the target to apply requested metadata.");
    call->error.keeps_headers = true;
    return s;
}

static struct status edit(const struct object_amendment *amendment, const struct object_info *now,
                          struct object_meta *meta) {
    const struct posting *posting = (const struct posting *)amendment;
    (void)now;
    struct object_meta changed;
    TRY(swift_object_meta_change(posting->call, meta, &changed));
    *meta = changed;
    return status_ok();
}

/* Spec: Object Storage API, "Create or update object metadata": what is not brought is gone. */
struct status run_post_object(struct swift_call *call) {
    struct object_link link;
    struct object_info info;
    TRY(swift_prefix_read(call, &link));
    struct posting posting = {
        .amendment = {.key = call->object, .edit = edit, .touches = true, .link = &link},
        .call = call};
    struct status s =
        object_amend(call->service->objects, &call->bucket, &posting.amendment, call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) return swift_refuse(call, 404, NULL);
    TRY(s);
    if (info.link.kind == OBJECT_LINK_SYMLINK) return refuse_symlink(call, &info.link);
    swift_answer_page(call, 202);
    return status_ok();
}
