#include "s3/grants.h"

#include "object/config.h"
#include "s3/facts.h"

/* A document of the bucket; a NULL ptr where it has none. */
static struct status document_read(struct s3_call *call, const struct bucket *bucket,
                                   enum bucket_config kind, struct slice *ret_document) {
    *ret_document = slice_of(NULL, 0);
    struct status s = bucket_config_get(call->service->objects, bucket, kind, SLICE(""),
                                        call->arena, ret_document);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* A document that was validated when it was put: what does not parse now is damage. */
static struct status damage(struct status s) {
    bool is_wrong = status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE);
    return is_wrong ? status_of(STATUS_CORRUPT) : s;
}

struct status s3_policy_read(struct s3_call *call, const struct bucket *bucket,
                             const struct policy **ret_policy) {
    struct slice text;
    *ret_policy = NULL;
    TRY(document_read(call, bucket, BUCKET_CONFIG_POLICY, &text));
    if (text.ptr == NULL) return status_ok();
    return damage(policy_parse(call->arena, text, bucket->name, NULL, ret_policy));
}

struct status s3_public_access_read(struct s3_call *call, const struct bucket *bucket,
                                    struct public_access *ret_block) {
    struct slice document;
    *ret_block = (struct public_access){0};
    TRY(document_read(call, bucket, BUCKET_CONFIG_PUBLIC_ACCESS, &document));
    if (document.ptr == NULL) return status_ok();
    return damage(public_access_parse(call->arena, document, NULL, ret_block));
}

static struct slice resource_arn(struct s3_call *call, const struct bucket *bucket,
                                 struct slice key) {
    return key.len > 0 ? arena_printf(call->arena, "arn:aws:s3:::%.*s/%.*s",
                                      SLICE_FMT(bucket->name), SLICE_FMT(key))
                       : arena_printf(call->arena, "arn:aws:s3:::%.*s", SLICE_FMT(bucket->name));
}

/* The policy's own operations, which its owner can always do. */
static bool is_about_the_policy(struct slice action) {
    return slice_eq(action, SLICE("s3:GetBucketPolicy")) ||
           slice_eq(action, SLICE("s3:PutBucketPolicy")) ||
           slice_eq(action, SLICE("s3:DeleteBucketPolicy"));
}

struct status s3_decide(struct s3_call *call, const char *action, const struct bucket *bucket,
                        struct slice key, struct access_decision *ret_decision) {
    const struct principal *principal = &call->auth.principal;
    struct public_access block;
    struct s3_facts facts;
    s3_facts_init(&facts, call);
    struct access_request request = {
        .question = {.principal = {.anonymous = principal->anonymous,
                                   .account = principal->project_id,
                                   .user_id = principal->user_id,
                                   .user_name = principal->user_name},
                     .action = slice_str(action),
                     .facts = &facts.facts},
        .principal_admin = principal->admin,
        .owner_project = bucket->project_id,
        .keeps_owner_in = is_about_the_policy(slice_str(action)),
    };
    TRY(s3_policy_read(call, bucket, &request.policy));
    if (request.policy != NULL) {
        TRY(s3_public_access_read(call, bucket, &block));
        request.restrict_public = block.restrict_all;
        request.question.resource = resource_arn(call, bucket, key);
        TRY(arena_ok(call->arena));
    }
    *ret_decision = access_decide(&request);
    return status_ok();
}
