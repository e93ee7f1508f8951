#include "s3/grants.h"

#include "access/container_acl.h"
#include "object/config.h"
#include "object/project.h"
#include "s3/acl_call.h"
#include "s3/facts.h"
#include "xml/reader.h"

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

/* Adds what a document switches on. */
static struct status block_add(struct s3_call *call, struct slice document,
                               struct public_access *block) {
    struct public_access more;
    if (document.ptr == NULL) return status_ok();
    TRY(damage(public_access_parse(call->arena, document, NULL, &more)));
    block->block_acls |= more.block_acls;
    block->ignore_acls |= more.ignore_acls;
    block->block_policy |= more.block_policy;
    block->restrict_all |= more.restrict_all;
    return status_ok();
}

struct status s3_public_access_read(struct s3_call *call, const struct bucket *bucket,
                                    struct public_access *ret_block) {
    struct slice document;
    struct slice of_project = {0};
    *ret_block = (struct public_access){0};
    TRY(document_read(call, bucket, BUCKET_CONFIG_PUBLIC_ACCESS, &document));
    struct status s = project_config_get(call->service->objects, bucket->project_id,
                                         PROJECT_CONFIG_PUBLIC_ACCESS, call->arena, &of_project);
    if (!status_is(s, STATUS_NOT_FOUND)) TRY(s);
    TRY(block_add(call, document, ret_block));
    return block_add(call, of_project, ret_block);
}

struct status s3_requester_pays(struct s3_call *call, const struct bucket *bucket, bool *ret_pays) {
    struct slice document;
    const struct xml_node *root;
    *ret_pays = false;
    TRY(document_read(call, bucket, BUCKET_CONFIG_REQUEST_PAYMENT, &document));
    if (document.ptr == NULL) return status_ok();
    TRY(damage(xml_parse(call->arena, document, NULL, call->note, &root)));
    *ret_pays = slice_eq(slice_trim(xml_text(root, "Payer")), SLICE("Requester"));
    return status_ok();
}

/* What a bucket's documents say to a decision. */
struct s3_grants {
    struct kv_partition incarnation;
    const struct policy *policy; /* NULL: none */
    bool asks_tags;              /* it speaks of tags that an object has, */
    bool asks_body;              /* of what a document about an object would set */
    struct public_access block;
    bool lists_count;
    struct acl acl;               /* the bucket's, where lists count */
    struct slice container_read;  /* Swift's lists; empty: none */
    struct slice container_write; /* (access/container_acl.h) */
};

static struct status lists_read(struct s3_call *call, const struct bucket *bucket,
                                struct s3_grants *grants) {
    struct s3_ownership ownership;
    const struct acl_owners owners = {.owner_id = bucket->project_id};
    TRY(s3_ownership_read(call, bucket, &ownership));
    grants->lists_count = ownership.rule != ACL_OWNER_ENFORCED;
    if (!grants->lists_count) return status_ok();
    TRY(s3_acl_of_bucket(call, bucket, &owners, &grants->acl));
    return s3_public_access_read(call, bucket, &grants->block);
}

/* Whether a policy speaks of something, as far as its text shows: what is escaped may be anything.
 */
static bool speaks_of(struct slice policy, struct slice word) {
    for (size_t i = 0; i < policy.len; i++) {
        if (policy.ptr[i] == '\\') return true;
        if (slice_starts_with_nocase(slice_skip(policy, i), word)) return true;
    }
    return false;
}

static struct status policy_use(struct s3_call *call, struct slice text,
                                const struct bucket *bucket, struct s3_grants *grants) {
    TRY(policy_parse(call->arena, text, bucket->name, call->note, &grants->policy));
    /* Whether an object, or a body, has to be looked at before the policy can be asked. */
    grants->asks_tags = speaks_of(text, SLICE("existingobjecttag"));
    grants->asks_body =
        speaks_of(text, SLICE("requestobjecttag")) || speaks_of(text, SLICE("object-lock-"));
    return status_ok();
}

static struct status container_lists_read(struct s3_call *call, const struct bucket *bucket,
                                          struct s3_grants *grants) {
    TRY(document_read(call, bucket, BUCKET_CONFIG_CONTAINER_READ, &grants->container_read));
    TRY(document_read(call, bucket, BUCKET_CONFIG_CONTAINER_WRITE, &grants->container_write));
    if (grants->container_read.len == 0) return status_ok();
    return s3_public_access_read(call, bucket, &grants->block);
}

/*
 * Reads and parses them once a request and bucket: a list of a thousand keys asks a thousand times,
 * and a policy may be large.
 */
static struct status grants_of(struct s3_call *call, const struct bucket *bucket,
                               const struct s3_grants **ret_grants) {
    const struct s3_grants *known = call->grants;
    struct slice policy;
    if (known != NULL && kv_partition_eq(known->incarnation, bucket->incarnation)) {
        *ret_grants = known;
        return status_ok();
    }
    struct s3_grants *grants = ARENA_NEW(call->arena, struct s3_grants);
    if (grants == NULL) return status_of(STATUS_NO_MEMORY);
    grants->incarnation = bucket->incarnation;
    TRY(document_read(call, bucket, BUCKET_CONFIG_POLICY, &policy));
    if (policy.ptr != NULL) TRY(damage(policy_use(call, policy, bucket, grants)));
    if (grants->policy != NULL) TRY(s3_public_access_read(call, bucket, &grants->block));
    TRY(lists_read(call, bucket, grants));
    TRY(container_lists_read(call, bucket, grants));
    call->grants = *ret_grants = grants;
    return status_ok();
}

struct status s3_grants_suppose(struct s3_call *call, const struct bucket *bucket,
                                struct slice policy) {
    struct s3_grants *grants = ARENA_NEW(call->arena, struct s3_grants);
    if (grants == NULL) return status_of(STATUS_NO_MEMORY);
    grants->incarnation = bucket->incarnation;
    if (call->service->objects != NULL) {
        TRY(s3_public_access_read(call, bucket, &grants->block));
        TRY(lists_read(call, bucket, grants));
    }
    TRY(policy_use(call, policy, bucket, grants));
    call->grants = grants;
    return status_ok();
}

struct status s3_objects_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count) {
    const struct s3_grants *grants;
    TRY(grants_of(call, bucket, &grants));
    *ret_count = grants->lists_count || grants->asks_tags;
    return status_ok();
}

struct status s3_bodies_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count) {
    const struct s3_grants *grants;
    TRY(grants_of(call, bucket, &grants));
    *ret_count = grants->asks_body;
    return status_ok();
}

struct status s3_lists_count(struct s3_call *call, const struct bucket *bucket, bool *ret_count) {
    const struct s3_grants *grants;
    TRY(grants_of(call, bucket, &grants));
    *ret_count = grants->lists_count;
    return status_ok();
}

struct slice s3_resource_arn(struct s3_call *call, const struct bucket *bucket, struct slice key) {
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

/* Adds what an object's list says. */
static struct status ask_object(struct s3_call *call, const struct bucket *bucket,
                                const struct object_info *info, struct access_request *request) {
    struct acl *acl = ARENA_NEW(call->arena, struct acl);
    if (acl == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(s3_acl_of_object(call, info, acl));
    request->acl = acl;
    request->is_anothers_object = !slice_eq(info->meta.owner_id, bucket->project_id);
    return status_ok();
}

/* Adds what the list says that the action depends on. */
static struct status ask_lists(struct s3_call *call, const struct s3_question *question,
                               const struct s3_grants *grants, struct access_request *request) {
    bool of_object;
    struct object_info found;
    const struct object_info *info = question->info;
    unsigned permission = acl_permission_of(request->question.action, &of_object);
    if (!grants->lists_count || permission == 0 || request->principal_admin) return status_ok();
    if (!of_object) {
        request->acl = &grants->acl;
        return status_ok();
    }
    if (info == NULL) {
        struct status s =
            object_find_version(call->service->objects, question->bucket, question->key,
                                &question->version, call->arena, &found);
        request->is_absent_object = status_is(s, STATUS_NOT_FOUND);
        if (request->is_absent_object) return status_ok();
        TRY(s);
        request->is_absent_object = found.delete_marker;
        if (found.delete_marker) return status_ok();
        info = &found;
    }
    return ask_object(call, question->bucket, info, request);
}

/* The tags that the object has which is asked about; none where there is none. */
static struct status existing_tags(struct s3_call *call, const struct s3_question *question,
                                   const struct s3_grants *grants, struct object_pairs *ret_tags) {
    struct object_info info;
    *ret_tags = (struct object_pairs){0};
    bool has_objects = call->service->objects != NULL;
    if (!grants->asks_tags || question->key.len == 0 || !has_objects) return status_ok();
    if (question->info != NULL) {
        *ret_tags = question->info->meta.tags;
        return status_ok();
    }
    struct status s = object_find_version(call->service->objects, question->bucket, question->key,
                                          &question->version, call->arena, &info);
    if (is_ok(s)) *ret_tags = info.meta.tags;
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static enum access_standing standing_of(const struct principal *principal) {
    if ((principal->roles & IDENTITY_ROLE_MEMBER) != 0) return ACCESS_MEMBER;
    return (principal->roles & IDENTITY_ROLE_READER) != 0 ? ACCESS_READER : ACCESS_STRANGER;
}

/* Names are the operator's to give in the default domain only. */
static bool names_count(const struct principal *principal) {
    return slice_eq(principal->user_domain_id, SLICE("default")) &&
           slice_eq(principal->project_domain_id, SLICE("default"));
}

/* Whether the container's lists give it. A public access block holds for them as for S3's. */
static bool container_gives(struct s3_call *call, const struct s3_question *question,
                            const struct s3_grants *grants) {
    const struct principal *principal = &call->auth.principal;
    bool of_object;
    unsigned permission = acl_permission_of(slice_str(question->action), &of_object);
    bool writes = permission == ACL_WRITE;
    if (permission != ACL_READ && !writes) return false;
    enum access_standing standing = standing_of(principal);
    const struct container_acl_who who = {
        .anonymous = principal->anonymous,
        .for_itself = writes ? standing != ACCESS_MEMBER : standing == ACCESS_STRANGER,
        .names_count = names_count(principal),
        .project_id = principal->project_id,
        .project_name = principal->project_name,
        .user_id = principal->user_id,
        .user_name = principal->user_name,
        .role_names = principal->role_names,
        .referer = s3_header(call, "referer")};
    struct slice list = writes ? grants->container_write : grants->container_read;
    const struct public_access *block = &grants->block;
    bool blocked = block->block_acls || block->ignore_acls || block->restrict_all;
    switch (container_acl_ask(list, !writes && !of_object, &who)) {
        case CONTAINER_ACL_NAMED:
            return true;
        case CONTAINER_ACL_PUBLIC:
            return !writes && !blocked;
        case CONTAINER_ACL_NOTHING:
            break;
    }
    return false;
}

struct status s3_decide(struct s3_call *call, const struct s3_question *question,
                        struct access_decision *ret_decision) {
    const struct principal *principal = &call->auth.principal;
    const struct bucket *bucket = question->bucket;
    const struct s3_grants *grants;
    struct s3_facts facts;
    TRY(grants_of(call, bucket, &grants));
    s3_facts_init(&facts, call, bucket);
    facts.prefix = question->prefix;
    facts.given = question->facts;
    facts.tags = question->tags;
    TRY(existing_tags(call, question, grants, &facts.existing));
    struct access_request request = {
        .question = {.principal = {.anonymous = principal->anonymous,
                                   .account = principal->project_id,
                                   .user_id = principal->user_id,
                                   .user_name = principal->user_name},
                     .action = slice_str(question->action),
                     .facts = &facts.facts},
        .standing = standing_of(principal),
        .policy = grants->policy,
        .restrict_public = grants->block.restrict_all,
        .ignore_public_lists = grants->block.ignore_acls,
        .principal_admin = principal->admin,
        .owner_project = bucket->project_id,
        .swift_list_gives = question->account_gives || container_gives(call, question, grants),
        .keeps_owner_in = is_about_the_policy(slice_str(question->action)),
    };
    TRY(ask_lists(call, question, grants, &request));
    if (request.policy != NULL) {
        request.question.resource = s3_resource_arn(call, bucket, question->key);
        TRY(arena_ok(call->arena));
    }
    *ret_decision = access_decide(&request);
    /* Without memory a fact may have seemed absent. */
    TRY(arena_ok(call->arena));
    if (call->service->decided != NULL) call->service->decided(call, question, ret_decision);
    return status_ok();
}
