/*
 * policy_form.h - a parsed policy, as parsing and evaluating share it
 *
 * Threads: read-only once parsed.
 */
#ifndef ACCESS_POLICY_FORM_H
#define ACCESS_POLICY_FORM_H

#include "access/condition.h"
#include "access/policy.h"

/* A list of words, and whether it is meant the other way round (NotAction). */
struct policy_words {
    const struct slice *items;
    size_t count;
    bool negated;
};

enum policy_principal_kind {
    POLICY_PRINCIPAL_EVERYBODY, /* "*", {"AWS": "*"} */
    POLICY_PRINCIPAL_ACCOUNT,   /* everybody of a project */
    POLICY_PRINCIPAL_USER,      /* a user, by id or name, of a project or of any */
    POLICY_PRINCIPAL_ELSEWHERE  /* a service or a federation: nobody here */
};

struct policy_principal_form {
    enum policy_principal_kind kind;
    struct slice account; /* empty: any */
    struct slice user;
};

struct policy_statement {
    struct slice sid;
    bool allows;
    bool principals_negated;
    const struct policy_principal_form *principals;
    size_t principal_count;
    struct policy_words actions;
    struct policy_words resources;
    const struct condition *conditions;
    size_t condition_count;
};

struct policy {
    const struct policy_statement *statements;
    size_t statement_count;
};

/* Whether the statement names everybody. */
bool policy_names_everybody(const struct policy_statement *statement);

#endif
