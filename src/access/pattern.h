/*
 * pattern.h - wildcards and policy variables
 *
 * In a pattern `*` is any run of characters and `?` any one. ${name} is replaced by the value of a
 * condition key, whose characters are then literal; ${*}, ${?} and ${$} are these characters
 * themselves; ${name, 'text'} has a default.
 *
 * Threads: pure functions.
 * Spec: AWS IAM User Guide, "IAM policy elements: Variables and tags".
 */
#ifndef ACCESS_PATTERN_H
#define ACCESS_PATTERN_H

#include "access/policy.h"

/* How a pattern is compared. */
struct pattern_mode {
    bool wildcards;   /* `*` and `?` are special */
    bool variables;   /* ${…} is replaced */
    bool ignore_case; /* of ASCII letters */
};

/*
 * Whether `text` matches `pattern`. A variable without value and default matches nothing. `facts`
 * may be NULL.
 */
bool pattern_matches(struct slice pattern, struct slice text, struct pattern_mode mode,
                     const struct policy_facts *facts);

#endif
