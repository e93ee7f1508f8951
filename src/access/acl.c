#include "access/acl.h"

#include "base/check.h"

enum { CANNED_GRANTS_MAX = 2 };

/* Who a canned list gives something to, beside the owner's FULL_CONTROL. */
enum canned_grantee {
    CANNED_NOBODY,
    CANNED_EVERYBODY,
    CANNED_AUTHENTICATED,
    CANNED_LOG_DELIVERY,
    CANNED_BUCKET_OWNER
};

static const struct {
    const char *name;
    struct {
        enum canned_grantee to;
        unsigned permission;
    } grants[CANNED_GRANTS_MAX];
} canned[] = {
    {"private", {{CANNED_NOBODY, 0}}},
    {"public-read", {{CANNED_EVERYBODY, ACL_READ}}},
    {"public-read-write", {{CANNED_EVERYBODY, ACL_READ}, {CANNED_EVERYBODY, ACL_WRITE}}},
    {"authenticated-read", {{CANNED_AUTHENTICATED, ACL_READ}}},
    {"aws-exec-read", {{CANNED_NOBODY, 0}}},
    {"bucket-owner-read", {{CANNED_BUCKET_OWNER, ACL_READ}}},
    {"bucket-owner-full-control", {{CANNED_BUCKET_OWNER, ACL_FULL_CONTROL}}},
    {"log-delivery-write", {{CANNED_LOG_DELIVERY, ACL_WRITE}, {CANNED_LOG_DELIVERY, ACL_READ_ACP}}},
};

static bool grant_make(enum canned_grantee to, unsigned permission, const struct acl_owners *owners,
                       struct acl_grant *ret_grant) {
    *ret_grant = (struct acl_grant){.permission = permission};
    switch (to) {
        case CANNED_NOBODY:
            return false;
        case CANNED_EVERYBODY:
            ret_grant->kind = ACL_EVERYBODY;
            return true;
        case CANNED_AUTHENTICATED:
            ret_grant->kind = ACL_AUTHENTICATED;
            return true;
        case CANNED_LOG_DELIVERY:
            ret_grant->kind = ACL_LOG_DELIVERY;
            return true;
        case CANNED_BUCKET_OWNER:
            ret_grant->kind = ACL_USER;
            ret_grant->id = owners->bucket_owner_id;
            ret_grant->name = owners->bucket_owner_name;
            return !slice_eq(owners->bucket_owner_id, owners->owner_id);
    }
    return false;
}

struct status acl_canned(struct slice name, const struct acl_owners *owners, struct arena *arena,
                         struct acl *ret_acl) {
    for (size_t i = 0; i < ARRAY_LEN(canned); i++) {
        if (!slice_eq(name, slice_str(canned[i].name))) continue;
        struct acl_grant *grants = arena_calloc(arena, 1 + CANNED_GRANTS_MAX, sizeof *grants);
        TRY(arena_ok(arena));
        size_t count = 0;
        grants[count++] = (struct acl_grant){.kind = ACL_USER,
                                             .id = owners->owner_id,
                                             .name = owners->owner_name,
                                             .permission = ACL_FULL_CONTROL};
        for (size_t g = 0; g < CANNED_GRANTS_MAX; g++) {
            count += grant_make(canned[i].grants[g].to, canned[i].grants[g].permission, owners,
                                &grants[count]);
        }
        *ret_acl = (struct acl){owners->owner_id, owners->owner_name, grants, count};
        return status_ok();
    }
    return status_of(STATUS_NOT_FOUND);
}

static bool is_same(struct slice id, const struct policy_principal *who) {
    bool of_account = !who->for_itself && slice_eq(id, who->account);
    return !who->anonymous && (of_account || slice_eq(id, who->user_id));
}

static bool grant_fits(const struct acl_grant *grant, const struct policy_principal *who) {
    switch (grant->kind) {
        case ACL_USER:
            return is_same(grant->id, who);
        case ACL_EVERYBODY:
            return true;
        case ACL_AUTHENTICATED:
            return !who->anonymous;
        case ACL_LOG_DELIVERY:
            return false;
    }
    return false;
}

bool acl_grant_is_public(const struct acl_grant *grant) {
    return grant->kind == ACL_EVERYBODY || grant->kind == ACL_AUTHENTICATED;
}

bool acl_allows(const struct acl *acl, const struct policy_principal *who, unsigned permission,
                bool with_public, size_t *ret_grant) {
    unsigned given = is_same(acl->owner_id, who) ? ACL_READ_ACP | ACL_WRITE_ACP : 0;
    *ret_grant = SIZE_MAX;
    for (size_t i = 0; i < acl->grant_count && (given & permission) != permission; i++) {
        const struct acl_grant *grant = &acl->grants[i];
        if (!with_public && acl_grant_is_public(grant)) continue;
        if (!grant_fits(grant, who)) continue;
        given |= grant->permission;
        *ret_grant = i;
    }
    return (given & permission) == permission;
}

static const struct {
    const char *action;
    unsigned permission;
    bool of_object;
} actions[] = {
    {"s3:ListBucket", ACL_READ, false},
    {"s3:ListBucketVersions", ACL_READ, false},
    {"s3:ListBucketMultipartUploads", ACL_READ, false},
    {"s3:PutObject", ACL_WRITE, false},
    {"s3:DeleteObject", ACL_WRITE, false},
    {"s3:DeleteObjectVersion", ACL_WRITE, false},
    {"s3:GetBucketAcl", ACL_READ_ACP, false},
    {"s3:PutBucketAcl", ACL_WRITE_ACP, false},
    {"s3:GetObject", ACL_READ, true},
    {"s3:GetObjectVersion", ACL_READ, true},
    {"s3:GetObjectTorrent", ACL_READ, true},
    {"s3:GetObjectAcl", ACL_READ_ACP, true},
    {"s3:GetObjectVersionAcl", ACL_READ_ACP, true},
    {"s3:PutObjectAcl", ACL_WRITE_ACP, true},
    {"s3:PutObjectVersionAcl", ACL_WRITE_ACP, true},
};

unsigned acl_permission_of(struct slice action, bool *ret_of_object) {
    *ret_of_object = false;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!slice_eq(action, slice_str(actions[i].action))) continue;
        *ret_of_object = actions[i].of_object;
        return actions[i].permission;
    }
    return 0;
}

bool acl_is_public(const struct acl *acl) {
    for (size_t i = 0; i < acl->grant_count; i++) {
        if (acl_grant_is_public(&acl->grants[i])) return true;
    }
    return false;
}
