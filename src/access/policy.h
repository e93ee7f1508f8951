/*
 * policy.h - the policy language: who may, or may not, do what to which resource, and when
 *
 *     text ── policy_parse ──▶ struct policy ── policy_evaluate(question) ──▶ allow | deny |
 * nothing
 *
 * Whole: Principal and NotPrincipal, Action and NotAction, Resource and NotResource, every
 * condition operator with IfExists and the set operators, policy variables with defaults. What a
 * condition key means the asker says (struct policy_facts). Unknown keys are absent, unknown
 * operators are refused when the policy is put.
 *
 * Names of accounts are project ids: "arn:aws:iam::PROJECT:root" is everybody of a project,
 * "arn:aws:iam::PROJECT:user/NAME" one user by name or id.
 *
 * Threads: a parsed policy does not change; any number may ask it.
 * Spec: AWS IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy
 * elements: Condition operators".
 */
#ifndef ACCESS_POLICY_H
#define ACCESS_POLICY_H

#include "base/arena.h"
#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    POLICY_BYTES_MAX = 20 * 1024,
    POLICY_STATEMENTS_MAX = 512,
    POLICY_VALUES_MAX = 2048 /* of one list */
};

struct policy;

/*
 * Parses and checks the policy of the bucket `bucket`; every resource must be that bucket or lie in
 * it, every action be one of s3's.
 * Owns: `*ret_policy` lies in `arena` and does not need `text`.
 * Errors: INVALID, TOO_LARGE, NO_MEMORY, noted in words for S3's MalformedPolicy.
 */
struct status policy_parse(struct arena *arena, struct slice text, struct slice bucket,
                           struct note *note, const struct policy **ret_policy);

/* The values that a condition key has in a request. */
struct policy_values {
    const struct slice *items;
    size_t count;
};

/* Where condition keys get their values. */
struct policy_facts {
    /* The values of `key` (any case), as in "aws:SourceIp"; false where it is absent. */
    bool (*find)(const struct policy_facts *facts, struct slice key,
                 struct policy_values *ret_values);
};

/* Who asks, as principals are written. */
struct policy_principal {
    bool anonymous;
    struct slice account; /* project id */
    struct slice user_id;
    struct slice user_name;
    /* What is allowed to the account is not allowed to this user of it; what is denied is denied.
     */
    bool for_itself;
};

/* A question. */
struct policy_question {
    struct policy_principal principal;
    struct slice action;   /* "s3:GetObject" */
    struct slice resource; /* "arn:aws:s3:::bucket/key" */
    const struct policy_facts *facts;
};

enum policy_effect { POLICY_NOTHING, POLICY_ALLOW, POLICY_DENY };

/*
 * What the policy says: a statement that denies is final, whatever others say. `*ret_statement`
 * (may be NULL) is the number of the statement that decided, from 0.
 */
enum policy_effect policy_evaluate(const struct policy *policy,
                                   const struct policy_question *question, size_t *ret_statement);

/* What a statement calls itself, its Sid; empty where it does not. */
struct slice policy_statement_id(const struct policy *policy, size_t statement);

/*
 * Whether the policy lets the public in: a statement allows everybody without a condition that ties
 * it to fixed addresses, accounts or networks.
 * Spec: Amazon S3 User Guide, "The meaning of public".
 */
bool policy_is_public(const struct policy *policy);

#endif
