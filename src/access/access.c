#include "access/access.h"

static struct access_decision decision(bool allowed, enum access_reason reason, size_t statement) {
    return (struct access_decision){allowed, reason, statement};
}

/* Reading is what has its name; all else changes something, or may. */
static bool is_reading(struct slice action) {
    return slice_starts_with(action, SLICE("s3:Get")) ||
           slice_starts_with(action, SLICE("s3:List"));
}

/* Whether the principal may do this in the name of its project. */
static bool acts_for_project(const struct access_request *request) {
    if (request->standing == ACCESS_MEMBER) return true;
    return request->standing == ACCESS_READER && is_reading(request->question.action);
}

static bool is_owner(const struct access_request *request) {
    const struct policy_principal *who = &request->question.principal;
    return !who->anonymous && !who->for_itself && who->account.len > 0 &&
           slice_eq(who->account, request->owner_project);
}

static bool acl_gives(const struct access_request *request) {
    bool of_object;
    if (request->acl == NULL) return false;
    unsigned permission = acl_permission_of(request->question.action, &of_object);
    return permission != 0 && acl_allows(request->acl, &request->question.principal, permission);
}

static struct access_decision decide(const struct access_request *request) {
    size_t statement = 0;
    enum policy_effect effect = POLICY_NOTHING;
    if (request->policy) {
        effect = policy_evaluate(request->policy, &request->question, &statement);
    }
    bool owner = is_owner(request);
    if (effect == POLICY_DENY && !(owner && request->keeps_owner_in)) {
        return decision(false, ACCESS_POLICY_DENIES, statement);
    }
    if (request->principal_admin) return decision(true, ACCESS_ADMINISTRATOR, 0);
    if (owner && !request->is_anothers_object) return decision(true, ACCESS_OWNER, 0);
    if (acl_gives(request)) return decision(true, ACCESS_ACL_ALLOWS, 0);
    if (request->is_anothers_object) return decision(false, ACCESS_NOTHING_ALLOWS, 0);
    /* Everybody may ask for their own buckets; who is nobody has none. */
    if (slice_eq(request->question.action, SLICE("s3:ListAllMyBuckets")) &&
        !request->question.principal.for_itself) {
        return decision(true, ACCESS_EVERYBODY, 0);
    }
    if (effect != POLICY_ALLOW) {
        bool absent = request->is_absent_object;
        return decision(false, absent ? ACCESS_NOTHING_THERE : ACCESS_NOTHING_ALLOWS, 0);
    }
    if (request->restrict_public && policy_is_public(request->policy)) {
        return decision(false, ACCESS_PUBLIC_BLOCKED, statement);
    }
    return decision(true, ACCESS_POLICY_ALLOWS, statement);
}

struct access_decision access_decide(const struct access_request *request) {
    struct access_request narrowed = *request;
    narrowed.question.principal.for_itself =
        !request->question.principal.anonymous && !acts_for_project(request);
    return decide(&narrowed);
}

const char *access_reason_text(enum access_reason reason) {
    switch (reason) {
        case ACCESS_NOTHING_ALLOWS:
            return "nothing allows it";
        case ACCESS_NOTHING_THERE:
            return "nothing allows it, and there is no object whose list could";
        case ACCESS_POLICY_DENIES:
            return "a statement of the bucket policy denies it";
        case ACCESS_PUBLIC_BLOCKED:
            return "the public access block ignores the public policy";
        case ACCESS_ADMINISTRATOR:
            return "the user administers the store";
        case ACCESS_OWNER:
            return "the bucket is the project's own";
        case ACCESS_EVERYBODY:
            return "everybody may";
        case ACCESS_POLICY_ALLOWS:
            return "a statement of the bucket policy allows it";
        case ACCESS_ACL_ALLOWS:
            return "an access control list allows it";
    }
    return "";
}
