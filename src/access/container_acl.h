/*
 * container_acl.h - Swift's lists of a container: who may read, who may write
 *
 *     .r:*                everybody (objects); .r:HOST, .r:.DOMAIN, .r:-HOST by the Referer
 *     .rlistings          who may by the Referer may list, too
 *     PROJECT:USER        by id or name; "*" for any
 *     NAME                a project or a user by id, a project by name, or whoever has that role
 *
 * Names count in the default domain only, where nobody but the operator gives them.
 *
 * Threads: pure functions.
 * Spec: Swift, common/middleware/acl.py and keystoneauth.py.
 */
#ifndef ACCESS_CONTAINER_ACL_H
#define ACCESS_CONTAINER_ACL_H

#include "base/buf.h"
#include "base/note.h"
#include "base/slice.h"

enum { CONTAINER_ACL_MAX = 8 * 1024 };

/* Who asks. */
struct container_acl_who {
    bool anonymous;
    bool for_itself; /* what is given to the project is not given to this user of it */
    bool names_count;
    struct slice project_id;
    struct slice project_name;
    struct slice user_id;
    struct slice user_name;
    struct slice role_names; /* with "," between them */
    struct slice referer;    /* as the header has it; may be empty */
};

enum container_acl_verdict {
    CONTAINER_ACL_NOTHING,
    CONTAINER_ACL_NAMED, /* whom it names */
    CONTAINER_ACL_PUBLIC /* everybody, or everybody who comes from somewhere */
};

/*
 * Appends a list in its clean form: blanks away, one word for referrers.
 * Errors: INVALID, with Swift's words in `note`; TOO_LARGE.
 */
struct status container_acl_clean(struct slice text, bool writes, struct buf *out,
                                  struct note *note);

/* What a clean list gives: an object to read or write, or, with `lists`, the listing to read. */
enum container_acl_verdict container_acl_ask(struct slice acl, bool lists,
                                             const struct container_acl_who *who);

/* Whether a clean list gives anything to everybody. */
bool container_acl_is_public(struct slice acl);

/*
 * Whether `element` of a list (but no referrer) means who asks; also for the lists of an account.
 */
bool container_acl_means(struct slice element, const struct container_acl_who *who);

#endif
