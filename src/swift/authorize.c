/* May they? The account's own people by their roles; for others the bucket's evaluator is asked. */
#include "swift/swift.h"

/* Whether the principal may, in an account, by its role there. */
static bool role_allows(const struct swift_call *call, struct slice project_id, bool reads) {
    const struct principal *who = &call->principal;
    if (who->anonymous || project_id.len == 0) return false;
    if (who->admin || (who->roles & IDENTITY_ROLE_RESELLER) != 0) return true;
    if (!slice_eq(who->project_id, project_id)) return false;
    return (who->roles & (reads ? IDENTITY_ROLE_READER : IDENTITY_ROLE_MEMBER)) != 0;
}

struct status swift_container_find(struct swift_call *call, struct slice project_id,
                                   struct slice name, struct bucket *ret_bucket) {
    TRY(bucket_find(call->service->objects, call->region->name, project_id, name, call->arena,
                    call->note, ret_bucket));
    /* By its S3 name another project's is found. */
    if (slice_eq(ret_bucket->project_id, project_id)) return status_ok();
    return status_of(STATUS_NOT_FOUND);
}

static struct status ask(struct swift_call *call, const struct swift_question *question) {
    struct access_decision decision;
    TRY(call->service->decide(call, question, &decision));
    return decision.allowed ? status_ok() : swift_deny(call);
}

/* Nothing is there: those who may see the account are told so, others learn nothing. */
static struct status nothing_there(struct swift_call *call, struct slice project_id, bool reads) {
    return role_allows(call, project_id, reads) ? swift_refuse(call, 404, NULL) : swift_deny(call);
}

static struct status authorize_account(struct swift_call *call, bool reads) {
    return role_allows(call, call->project_id, reads) ? status_ok() : swift_deny(call);
}

static struct status authorize_in_container(struct swift_call *call) {
    const struct swift_op *op = call->op;
    bool reads = op->right == SWIFT_READ;
    struct status found =
        swift_container_find(call, call->project_id, call->container, &call->bucket);
    if (status_is(found, STATUS_NOT_FOUND)) {
        bool makes = op->method == HTTP_PUT && op->subject == SWIFT_CONTAINER;
        return makes ? authorize_account(call, false)
                     : nothing_there(call, call->project_id, reads);
    }
    TRY(found);
    call->has_bucket = true;
    if (op->right == SWIFT_OWN && !call->acts_for_account) return swift_deny(call);
    return ask(call, &(struct swift_question){
                         .action = op->action, .bucket = &call->bucket, .key = call->object});
}

struct status swift_authorize(struct swift_call *call) {
    const struct swift_op *op = call->op;
    if (op->right == SWIFT_ANYBODY) return status_ok();
    bool reads = op->right == SWIFT_READ;
    call->acts_for_account = role_allows(call, call->project_id, false);
    if (op->subject == SWIFT_ACCOUNT) return authorize_account(call, reads);
    return authorize_in_container(call);
}

struct status swift_authorize_other(struct swift_call *call, const char *action,
                                    struct slice project_id, struct slice container,
                                    struct slice object, struct bucket *ret_bucket) {
    struct bucket bucket;
    struct status found = swift_container_find(call, project_id, container, &bucket);
    if (status_is(found, STATUS_NOT_FOUND)) return nothing_there(call, project_id, true);
    TRY(found);
    TRY(ask(call, &(struct swift_question){.action = action, .bucket = &bucket, .key = object}));
    *ret_bucket = bucket;
    return status_ok();
}

struct status swift_authorize_found(struct swift_call *call, const char *action,
                                    const struct bucket *bucket, const struct object_info *info) {
    return ask(call, &(struct swift_question){
                         .action = action, .bucket = bucket, .key = info->key, .info = info});
}
