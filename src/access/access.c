#include "access/access.h"

static struct access_decision decision(bool allowed, enum access_reason reason) {
    return (struct access_decision){.allowed = allowed, .reason = reason};
}

static struct access_decision by_statement(const struct access_request *request, bool allowed,
                                           enum access_reason reason, size_t statement) {
    return (struct access_decision){.allowed = allowed,
                                    .reason = reason,
                                    .statement = statement,
                                    .sid = policy_statement_id(request->policy, statement)};
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

/* What the list says; NOTHING_ALLOWS: nothing. */
static struct access_decision ask_list(const struct access_request *request) {
    const struct policy_principal *who = &request->question.principal;
    struct access_decision none = decision(false, ACCESS_NOTHING_ALLOWS);
    size_t grant;
    bool of_object;
    if (request->acl == NULL) return none;
    unsigned permission = acl_permission_of(request->question.action, &of_object);
    if (permission == 0) return none;
    if (acl_allows(request->acl, who, permission, !request->ignore_public_lists, &grant)) {
        return (struct access_decision){
            .allowed = true, .reason = ACCESS_ACL_ALLOWS, .grant = grant};
    }
    if (!acl_allows(request->acl, who, permission, true, &grant)) return none;
    return (struct access_decision){.reason = ACCESS_PUBLIC_LIST_BLOCKED, .grant = grant};
}

static struct access_decision decide(const struct access_request *request) {
    size_t statement = 0;
    enum policy_effect effect = POLICY_NOTHING;
    if (request->policy) {
        effect = policy_evaluate(request->policy, &request->question, &statement);
    }
    bool owner = is_owner(request);
    if (effect == POLICY_DENY && !(owner && request->keeps_owner_in)) {
        return by_statement(request, false, ACCESS_POLICY_DENIES, statement);
    }
    if (request->principal_admin) return decision(true, ACCESS_ADMINISTRATOR);
    if (owner && !request->is_anothers_object) return decision(true, ACCESS_OWNER);
    struct access_decision list = ask_list(request);
    if (list.allowed || request->is_anothers_object) return list;
    if (request->swift_list_gives) return decision(true, ACCESS_SWIFT_LIST_ALLOWS);
    /* Everybody may ask for their own buckets; who is nobody has none. */
    if (slice_eq(request->question.action, SLICE("s3:ListAllMyBuckets")) &&
        !request->question.principal.for_itself) {
        return decision(true, ACCESS_EVERYBODY);
    }
    if (effect != POLICY_ALLOW) {
        return request->is_absent_object ? decision(false, ACCESS_NOTHING_THERE) : list;
    }
    if (request->restrict_public && policy_is_public(request->policy)) {
        return by_statement(request, false, ACCESS_PUBLIC_BLOCKED, statement);
    }
    return by_statement(request, true, ACCESS_POLICY_ALLOWS, statement);
}

bool access_reason_is_statement(enum access_reason reason) {
    return reason == ACCESS_POLICY_ALLOWS || reason == ACCESS_POLICY_DENIES ||
           reason == ACCESS_PUBLIC_BLOCKED;
}

bool access_reason_is_grant(enum access_reason reason) {
    return reason == ACCESS_ACL_ALLOWS || reason == ACCESS_PUBLIC_LIST_BLOCKED;
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
            return "a public access block ignores the policy, which is public";
        case ACCESS_PUBLIC_LIST_BLOCKED:
            return "a public access block ignores the grant, which is public";
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
        case ACCESS_SWIFT_LIST_ALLOWS:
            return "a list of the container or of its account allows it";
    }
    return "";
}
