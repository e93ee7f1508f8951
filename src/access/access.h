/*
 * access.h - may they?
 *
 * One evaluator for every door. A project owns its buckets: its members may do everything in them,
 * its readers see everything, administrators of the store may do all in all. What somebody gives to
 * a project, its readers may only read. A bucket's policy and, where the bucket's ownership lets
 * them count, access control lists give others what they allow: grants are a union. An explicit
 * denial, or a public access block, is final, whoever asks.
 *
 * Where lists count, an object may be another's than the bucket's: then its list alone says who may
 * read it, the bucket's owner included, and no policy gives it away.
 *
 * Threads: pure functions.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "access/acl.h"
#include "access/policy.h"

/* What the principal may do in the name of its project. */
enum access_standing { ACCESS_STRANGER, ACCESS_READER, ACCESS_MEMBER };

/* A question. */
struct access_request {
    struct policy_question question;
    enum access_standing standing;
    bool principal_admin;
    struct slice owner_project;  /* of the bucket; empty for the service itself */
    const struct policy *policy; /* of the bucket; NULL: none */
    /* Public access blocks: a policy that is public counts for the owner's project only; what a
     * list gives to the public counts for nothing. */
    bool restrict_public;
    bool ignore_public_lists;
    /*
     * The list that the action depends on, of the bucket or of the object it is about (acl.h,
     * acl_permission_of); NULL: there is none, or none counts.
     */
    const struct acl *acl;
    /* A list of Swift gives it: the container's, or the account's. */
    bool swift_list_gives;
    /* The action is about an object whose list counts: it is another's than the bucket's; it is
     * not there. */
    bool is_anothers_object;
    bool is_absent_object;
    /* The owner is asking for the policy itself, which no policy can take away. */
    bool keeps_owner_in;
};

/* Why it was decided so. */
enum access_reason {
    ACCESS_NOTHING_ALLOWS,
    ACCESS_NOTHING_THERE, /* and what a list could allow it for is not there either */
    ACCESS_POLICY_DENIES,
    ACCESS_PUBLIC_BLOCKED,
    ACCESS_PUBLIC_LIST_BLOCKED,
    ACCESS_ADMINISTRATOR,
    ACCESS_OWNER,
    ACCESS_EVERYBODY, /* one's own list of buckets, be it empty */
    ACCESS_POLICY_ALLOWS,
    ACCESS_ACL_ALLOWS,
    ACCESS_SWIFT_LIST_ALLOWS
};

struct access_decision {
    bool allowed;
    enum access_reason reason;
    size_t statement; /* of the policy, from 0, where it decided, */
    struct slice sid; /* and what it calls itself; empty: nothing */
    /* The grant of the list, from 0, where it decided; ACCESS_GRANT_OF_OWNER: none, but the right
     * of who owns the list. */
    size_t grant;
};

#define ACCESS_GRANT_OF_OWNER SIZE_MAX

/* Decides. */
struct access_decision access_decide(const struct access_request *request);

/* A sentence for the debug log and for whoever asks for an explanation. */
const char *access_reason_text(enum access_reason reason);

/* Whether a statement of the policy, or a grant of a list, decided. */
bool access_reason_is_statement(enum access_reason reason);
bool access_reason_is_grant(enum access_reason reason);

#endif
