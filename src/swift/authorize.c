/* May they? The account's own people by their roles; for others the bucket's evaluator is asked. */
#include "swift/account.h"
#include "swift/by_url.h"
#include "swift/cors.h"
#include "swift/swift.h"

bool swift_is_reseller(const struct swift_call *call) {
    const struct principal *who = &call->principal;
    return !who->anonymous && (who->admin || (who->roles & IDENTITY_ROLE_RESELLER) != 0);
}

/* Whether the principal may, in an account, by its role there. */
static bool role_allows(const struct swift_call *call, struct slice project_id, bool reads) {
    const struct principal *who = &call->principal;
    if (who->anonymous || project_id.len == 0) return false;
    if (swift_is_reseller(call)) return true;
    if (!slice_eq(who->project_id, project_id)) return false;
    return (who->roles & (reads ? IDENTITY_ROLE_READER : IDENTITY_ROLE_MEMBER)) != 0;
}

/* What the list of an account gives the principal. Who has the role does not need it. */
static struct status standing_in(struct swift_call *call, struct slice project_id,
                                 enum swift_standing *ret_standing) {
    struct account account;
    *ret_standing = SWIFT_NOTHING;
    if (call->principal.anonymous || role_allows(call, project_id, false)) return status_ok();
    TRY(account_read(call->service->objects, project_id, call->arena, &account));
    if (account.acl.len == 0) return status_ok();
    return swift_account_standing(call, account.acl, ret_standing);
}

static bool standing_allows(enum swift_standing standing, bool reads) {
    return standing >= (reads ? SWIFT_READ_ONLY : SWIFT_READ_WRITE);
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
    if (!swift_url_reaches(call, question->bucket)) return swift_deny(call);
    TRY(call->service->decide(call, question, &decision));
    return decision.allowed ? status_ok() : swift_deny(call);
}

/* ---- the call's own account ----------------------------------------------------------------- */

static bool account_allows(const struct swift_call *call, bool reads) {
    return role_allows(call, call->project_id, reads) || standing_allows(call->standing, reads);
}

static struct status authorize_account(struct swift_call *call) {
    bool allowed =
        call->op->right == SWIFT_READ ? account_allows(call, true) : call->acts_for_account;
    return allowed ? status_ok() : swift_deny(call);
}

/* Nothing is there: those who may see the account are told so, others learn nothing. */
static struct status authorize_absent(struct swift_call *call, bool reads) {
    const struct swift_op *op = call->op;
    if (!account_allows(call, reads)) return swift_deny(call);
    bool makes = op->method == HTTP_PUT && op->subject == SWIFT_CONTAINER;
    return makes ? status_ok() : swift_refuse(call, 404, NULL);
}

static struct status authorize_in_container(struct swift_call *call) {
    const struct swift_op *op = call->op;
    bool reads = op->right == SWIFT_READ;
    struct status found =
        swift_container_find(call, call->project_id, call->container, &call->bucket);
    if (status_is(found, STATUS_NOT_FOUND)) return authorize_absent(call, reads);
    TRY(found);
    call->has_bucket = true;
    TRY(swift_cors_find(call));
    if (op->right == SWIFT_OWN && !account_allows(call, false)) return swift_deny(call);
    return ask(call,
               &(struct swift_question){.action = op->action,
                                        .bucket = &call->bucket,
                                        .account_gives = standing_allows(call->standing, reads),
                                        .key = call->object});
}

struct status swift_authorize(struct swift_call *call) {
    const struct swift_op *op = call->op;
    if (op->right == SWIFT_ANYBODY) return status_ok();
    TRY(standing_in(call, call->project_id, &call->standing));
    call->acts_for_account =
        role_allows(call, call->project_id, false) || call->standing == SWIFT_ADMIN;
    if (op->subject == SWIFT_ACCOUNT) return authorize_account(call);
    return authorize_in_container(call);
}

/* ---- others --------------------------------------------------------------------------------- */

static bool is_reading(const char *action) {
    return slice_starts_with(slice_str(action), SLICE("s3:Get")) ||
           slice_starts_with(slice_str(action), SLICE("s3:List"));
}

struct status swift_authorize_other(struct swift_call *call, const char *action,
                                    struct slice project_id, struct slice container,
                                    struct slice object, struct bucket *ret_bucket) {
    struct bucket bucket;
    enum swift_standing standing;
    bool reads = is_reading(action);
    TRY(standing_in(call, project_id, &standing));
    struct status found = swift_container_find(call, project_id, container, &bucket);
    if (status_is(found, STATUS_NOT_FOUND)) {
        bool allowed = role_allows(call, project_id, reads) || standing_allows(standing, reads);
        return allowed ? swift_refuse(call, 404, NULL) : swift_deny(call);
    }
    TRY(found);
    TRY(ask(call, &(struct swift_question){.action = action,
                                           .bucket = &bucket,
                                           .account_gives = standing_allows(standing, reads),
                                           .key = object}));
    *ret_bucket = bucket;
    return status_ok();
}

struct status swift_authorize_found(struct swift_call *call, const char *action,
                                    const struct bucket *bucket, const struct object_info *info) {
    enum swift_standing standing;
    TRY(standing_in(call, bucket->project_id, &standing));
    return ask(call, &(struct swift_question){
                         .action = action,
                         .bucket = bucket,
                         .account_gives = standing_allows(standing, is_reading(action)),
                         .key = info->key,
                         .info = info});
}

struct status swift_authorize_list(struct swift_call *call, const struct bucket *bucket) {
    enum swift_standing standing;
    TRY(standing_in(call, bucket->project_id, &standing));
    return ask(call, &(struct swift_question){.action = "s3:ListBucket",
                                              .bucket = bucket,
                                              .account_gives = standing_allows(standing, true)});
}
