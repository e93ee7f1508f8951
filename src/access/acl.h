/*
 * acl.h - S3's access control lists: an owner, and grants to users and groups
 *
 * The owner of a list may always read and write the list itself. What a permission means depends on
 * what the list hangs on: READ of a bucket is to list it, of an object to get it.
 *
 * Threads: pure functions.
 * Spec: S3 User Guide, "Access control list (ACL) overview".
 */
#ifndef ACCESS_ACL_H
#define ACCESS_ACL_H

#include "access/policy.h"
#include "base/arena.h"

enum { ACL_GRANTS_MAX = 100 };

/* Permissions, as bits. */
enum acl_permission {
    ACL_READ = 1,
    ACL_WRITE = 2,
    ACL_READ_ACP = 4,
    ACL_WRITE_ACP = 8,
    ACL_FULL_CONTROL = 15
};

enum acl_grantee_kind {
    ACL_USER,          /* a project, or a user, by id */
    ACL_EVERYBODY,     /* AllUsers */
    ACL_AUTHENTICATED, /* AuthenticatedUsers: whoever signs */
    ACL_LOG_DELIVERY
};

/* A permission, or FULL_CONTROL, for somebody. */
struct acl_grant {
    enum acl_grantee_kind kind;
    struct slice id; /* of ACL_USER */
    struct slice name;
    unsigned permission;
};

struct acl {
    struct slice owner_id;
    struct slice owner_name;
    const struct acl_grant *grants;
    size_t grant_count;
};

/* Whether a bucket's lists count, and whose an object in it is. */
enum acl_ownership {
    ACL_OWNER_ENFORCED,  /* lists do not count: everything is the bucket owner's */
    ACL_OWNER_PREFERRED, /* the writer's, unless it leaves it to the bucket's owner */
    ACL_OBJECT_WRITER    /* the writer's */
};

/* Whose a thing is, and whose the bucket is that it lies in. */
struct acl_owners {
    struct slice owner_id;
    struct slice owner_name;
    struct slice bucket_owner_id; /* the same for a bucket */
    struct slice bucket_owner_name;
};

/*
 * The list that a canned name ("public-read") stands for.
 * Owns: `*ret_acl` lies in `arena`.
 * Errors: NOT_FOUND (no such name); NO_MEMORY.
 */
struct status acl_canned(struct slice name, const struct acl_owners *owners, struct arena *arena,
                         struct acl *ret_acl);

/*
 * Whether the list gives `who` all of `permission` (bits); without `with_public` by what it gives
 * others than everybody and whoever signs. `*ret_grant` is the grant that decided, from 0; SIZE_MAX
 * where it is the right of who owns the list.
 */
bool acl_allows(const struct acl *acl, const struct policy_principal *who, unsigned permission,
                bool with_public, size_t *ret_grant);

/*
 * The permission that `action` ("s3:GetObject") needs, and whether it is one of an object's list
 * rather than of the bucket's; 0 where no list can give it.
 * Spec: S3 User Guide, "Mapping of ACL permissions and access policy permissions".
 */
unsigned acl_permission_of(struct slice action, bool *ret_of_object);

/* Whether the grant, or any of the list, gives something to everybody, or to whoever signs. */
bool acl_grant_is_public(const struct acl_grant *grant);
bool acl_is_public(const struct acl *acl);

#endif
