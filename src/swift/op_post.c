/* Metadata of an object, changed in its place. */
#include "base/check.h"
#include "swift/large.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

struct posting {
    struct object_amendment amendment;
    struct swift_call *call;
};

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
    struct posting posting = {.amendment = {.key = call->object, .edit = edit, .link = &link},
                              .call = call};
    struct status s =
        object_amend(call->service->objects, &call->bucket, &posting.amendment, call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) return swift_refuse(call, 404, NULL);
    TRY(s);
    swift_answer_page(call, 202);
    return status_ok();
}
