#include "s3/acl_call.h"

#include "access/acl_text.h"
#include "base/check.h"
#include "object/config.h"
#include "s3/acl_document.h"
#include "s3/grants.h"

/* ---- ownership ------------------------------------------------------------------------------ */

/* The document of a bucket whose controls were deleted. */
#define REMOVED "removed"

static const char *const rules[] = {
    [ACL_OWNER_ENFORCED] = "BucketOwnerEnforced",
    [ACL_OWNER_PREFERRED] = "BucketOwnerPreferred",
    [ACL_OBJECT_WRITER] = "ObjectWriter",
};

const char *s3_ownership_word(enum acl_ownership rule) {
    return rules[rule];
}

bool s3_ownership_parse(struct slice word, enum acl_ownership *ret_rule) {
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!slice_eq(word, slice_str(rules[i]))) continue;
        *ret_rule = (enum acl_ownership)i;
        return true;
    }
    return false;
}

struct slice s3_ownership_document(const struct s3_ownership *ownership) {
    return ownership->removed ? SLICE(REMOVED) : slice_str(rules[ownership->rule]);
}

struct status s3_ownership_read(struct s3_call *call, const struct bucket *bucket,
                                struct s3_ownership *ret_ownership) {
    struct s3_ownership ownership = {.rule = ACL_OWNER_ENFORCED};
    struct slice document;
    struct status s = bucket_config_get(call->service->objects, bucket, BUCKET_CONFIG_OWNERSHIP,
                                        SLICE(""), call->arena, &document);
    if (is_ok(s) && slice_eq(document, SLICE(REMOVED))) {
        ownership = (struct s3_ownership){ACL_OBJECT_WRITER, true};
    } else if (is_ok(s) && !s3_ownership_parse(document, &ownership.rule)) {
        return status_of(STATUS_CORRUPT);
    } else if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) {
        return s;
    }
    *ret_ownership = ownership;
    return status_ok();
}

/* ---- lists that are there ------------------------------------------------------------------- */

/* The name of a project or user; `otherwise` where nobody has the id any more. */
static struct status name_of(struct s3_call *call, struct slice id, struct slice otherwise,
                             struct slice *ret_name) {
    struct identity *identity = call->service->identity;
    struct status s = identity_name_find(identity, id, call->arena, ret_name);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    *ret_name = otherwise;
    return status_ok();
}

struct status s3_bucket_owners(struct s3_call *call, const struct bucket *bucket,
                               struct acl_owners *ret_owners) {
    const struct principal *principal = &call->auth.principal;
    struct slice name = principal->project_name;
    if (principal->anonymous || !slice_eq(principal->project_id, bucket->project_id)) {
        TRY(name_of(call, bucket->project_id, bucket->owner_name, &name));
    }
    *ret_owners = (struct acl_owners){bucket->project_id, name, bucket->project_id, name};
    return status_ok();
}

static struct status stored_read(struct s3_call *call, struct slice text,
                                 const struct acl_owners *owners, struct acl *ret_acl) {
    if (text.len == 0) return acl_canned(SLICE("private"), owners, call->arena, ret_acl);
    TRY(acl_text_decode(text, call->arena, ret_acl));
    ret_acl->owner_id = owners->owner_id;
    ret_acl->owner_name = owners->owner_name;
    return status_ok();
}

struct status s3_acl_of_bucket(struct s3_call *call, const struct bucket *bucket,
                               const struct acl_owners *owners, struct acl *ret_acl) {
    struct slice text = {0};
    struct status s = bucket_config_get(call->service->objects, bucket, BUCKET_CONFIG_ACL,
                                        SLICE(""), call->arena, &text);
    if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
    return stored_read(call, text, owners, ret_acl);
}

struct status s3_acl_of_object(struct s3_call *call, const struct object_info *info,
                               struct acl *ret_acl) {
    const struct acl_owners owners = {.owner_id = info->meta.owner_id,
                                      .owner_name = info->meta.owner_name};
    return stored_read(call, info->meta.acl, &owners, ret_acl);
}

struct status s3_acl_store(struct s3_call *call, const struct acl *acl, struct slice *ret_text) {
    const struct acl_grant *first = acl->grants;
    bool is_private = acl->grant_count == 1 && first->kind == ACL_USER &&
                      slice_eq(first->id, acl->owner_id) && first->permission == ACL_FULL_CONTROL;
    *ret_text = (struct slice){0};
    if (is_private) return status_ok();
    struct status s = acl_text_encode(acl, call->arena, ret_text);
    if (status_is(s, STATUS_TOO_LARGE)) {
        return s3_refuse(call, S3_ERROR_MALFORMED_ACL, "The access control list is too large.");
    }
    return s;
}

/* ---- lists of a request --------------------------------------------------------------------- */

static struct status refuse_defect(struct s3_call *call, enum acl_defect defect,
                                   const struct note *why) {
    switch (defect) {
        case ACL_DEFECT_MALFORMED:
            return s3_refuse(call, S3_ERROR_MALFORMED_ACL, NULL);
        case ACL_DEFECT_ARGUMENT:
            return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", why->text);
        case ACL_DEFECT_EMAIL:
            return s3_refuse(call, S3_ERROR_UNRESOLVABLE_GRANT, NULL);
    }
    return status_of(STATUS_INVALID);
}

/* Whoever is given something must be there; lists show names, so they get theirs. */
static struct status grantees_find(struct s3_call *call, const struct acl *acl) {
    struct acl_grant *grants = (struct acl_grant *)(uintptr_t)acl->grants;
    for (size_t i = 0; i < acl->grant_count; i++) {
        if (grants[i].kind != ACL_USER) continue;
        struct slice id = grants[i].id;
        struct status s =
            identity_name_find(call->service->identity, id, call->arena, &grants[i].name);
        if (status_is(s, STATUS_NOT_FOUND)) {
            return s3_refuse_argument(call, "CanonicalUser/ID", id, "Invalid id");
        }
        TRY(s);
    }
    return status_ok();
}

static struct status of_grant_headers(struct s3_call *call, const struct acl_owners *owners,
                                      struct acl *ret_acl) {
    enum acl_defect defect;
    struct note why = {0};
    struct status s = acl_headers_parse(call->head, owners, call->arena, &why, &defect, ret_acl);
    return status_is(s, STATUS_INVALID) ? refuse_defect(call, defect, &why) : s;
}

/* The list that the headers say, whether or not those are there whom it gives something. */
static struct status of_headers(struct s3_call *call, const struct acl_owners *owners,
                                bool *ret_present, struct acl *ret_acl) {
    struct slice canned = s3_header(call, "x-amz-acl");
    bool has_grants = acl_headers_are_there(call->head);
    *ret_present = canned.ptr != NULL || has_grants;
    if (canned.ptr != NULL && has_grants) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "Specifying both Canned ACLs and Header Grants is not allowed");
    }
    if (has_grants) return of_grant_headers(call, owners, ret_acl);
    if (canned.ptr == NULL) return status_ok();
    struct status s = acl_canned(canned, owners, call->arena, ret_acl);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    return s3_refuse_argument(call, "x-amz-acl", canned, "Invalid Argument");
}

struct status s3_acl_of_headers(struct s3_call *call, const struct acl_owners *owners,
                                bool *ret_present, struct acl *ret_acl) {
    TRY(of_headers(call, owners, ret_present, ret_acl));
    return *ret_present ? grantees_find(call, ret_acl) : status_ok();
}

static struct status of_document(struct s3_call *call, const struct acl_owners *owners,
                                 struct slice document, struct acl *ret_acl) {
    enum acl_defect defect;
    struct note why = {0};
    struct status s = acl_document_parse(call->arena, document, &why, &defect, ret_acl);
    if (status_is(s, STATUS_INVALID)) return refuse_defect(call, defect, &why);
    TRY(s);
    if (!slice_eq(ret_acl->owner_id, owners->owner_id)) {
        return s3_refuse(call, S3_ERROR_ACCESS_DENIED, "The owner of a list cannot be changed.");
    }
    ret_acl->owner_name = owners->owner_name;
    return grantees_find(call, ret_acl);
}

struct status s3_acl_of_put(struct s3_call *call, const struct acl_owners *owners,
                            struct acl *ret_acl) {
    bool present;
    struct slice document;
    TRY(s3_acl_of_headers(call, owners, &present, ret_acl));
    TRY(s3_body_document(call, ACL_DOCUMENT_MAX, &document));
    if (present && document.len > 0) return s3_refuse(call, S3_ERROR_UNEXPECTED_CONTENT, NULL);
    if (present) return status_ok();
    if (document.len > 0) return of_document(call, owners, document, ret_acl);
    s3_refuse_with(call, "MissingHeaderName", SLICE("x-amz-acl"));
    return s3_refuse(call, S3_ERROR_MISSING_SECURITY_HEADER, NULL);
}

struct status s3_acl_check_public(struct s3_call *call, const struct bucket *bucket,
                                  const struct acl *acl) {
    struct public_access block;
    if (!acl_is_public(acl)) return status_ok();
    TRY(s3_public_access_read(call, bucket, &block));
    if (!block.block_acls) return status_ok();
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED,
                     "The access control list is public, and the public access block of the "
                     "bucket or of its owner forbids such lists (BlockPublicAcls).");
}

/* ---- objects that are written --------------------------------------------------------------- */

/*
 * Whether a request sets no other list than what is so anyway.
 * Spec-deviation: S3 takes "bucket-owner-full-control" only; clients that always say "private" are
 * let pass here when they are the bucket's owner, for whom that is the same.
 */
bool s3_acl_is_as_enforced(const struct s3_call *call, const struct acl *acl,
                           const struct acl_owners *owners) {
    if (slice_eq(s3_header(call, "x-amz-acl"), SLICE("bucket-owner-full-control"))) return true;
    for (size_t i = 0; i < acl->grant_count; i++) {
        const struct acl_grant *grant = &acl->grants[i];
        if (grant->kind != ACL_USER || !slice_eq(grant->id, owners->bucket_owner_id)) return false;
    }
    return true;
}

static struct status settle_enforced(struct s3_call *call, const struct acl_owners *bucket_owners,
                                     struct object_meta *meta) {
    bool present;
    struct acl acl;
    struct acl_owners owners = *bucket_owners;
    owners.owner_id = meta->owner_id;
    owners.owner_name = meta->owner_name;
    TRY(of_headers(call, &owners, &present, &acl));
    if (present && !s3_acl_is_as_enforced(call, &acl, &owners)) {
        return s3_refuse(call, S3_ERROR_ACCESS_CONTROL_LIST_NOT_SUPPORTED, NULL);
    }
    meta->owner_id = bucket_owners->owner_id;
    meta->owner_name = bucket_owners->owner_name;
    return status_ok();
}

/*
 * What nobody wrote belongs to the bucket's owner.
 * Spec-deviation: for S3 it is nobody's own, and the bucket's owner can only delete it.
 */
struct status s3_acl_settle(struct s3_call *call, struct object_meta *meta) {
    struct s3_ownership ownership;
    struct acl_owners owners;
    struct acl acl;
    bool present;
    TRY(s3_ownership_read(call, &call->bucket, &ownership));
    TRY(s3_bucket_owners(call, &call->bucket, &owners));
    if (ownership.rule == ACL_OWNER_ENFORCED) return settle_enforced(call, &owners, meta);
    bool is_left = ownership.rule == ACL_OWNER_PREFERRED &&
                   slice_eq(s3_header(call, "x-amz-acl"), SLICE("bucket-owner-full-control"));
    if (is_left || call->auth.principal.anonymous) {
        meta->owner_id = owners.owner_id;
        meta->owner_name = owners.owner_name;
    }
    owners.owner_id = meta->owner_id;
    owners.owner_name = meta->owner_name;
    TRY(s3_acl_of_headers(call, &owners, &present, &acl));
    if (!present) return status_ok();
    TRY(s3_acl_check_public(call, &call->bucket, &acl));
    return s3_acl_store(call, &acl, &meta->acl);
}
