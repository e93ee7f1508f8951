/*
 * condition.h - the operators of a policy's Condition block
 *
 * Operators are rows of a table: how two values are compared, and whether the outcome is negated.
 *
 * Threads: pure functions.
 * Spec: AWS IAM User Guide, "IAM JSON policy elements: Condition operators" and "Single-valued vs.
 * multivalued context keys".
 */
#ifndef ACCESS_CONDITION_H
#define ACCESS_CONDITION_H

#include "access/policy.h"

struct condition_operator;

enum condition_set { CONDITION_SET_NONE, CONDITION_SET_ALL, CONDITION_SET_ANY };

/* One line of a Condition block: operator, key, values. */
struct condition {
    const struct condition_operator *operator;
    enum condition_set set;
    bool if_exists;
    struct slice key;
    const struct slice *values;
    size_t value_count;
};

/*
 * Reads "ForAnyValue:StringLikeIfExists" into operator, set and if_exists; false where there is no
 * such operator.
 */
bool condition_operator_parse(struct slice text, struct condition *ret_condition);

/* Whether the operator can use `value`: a number, a date, a network, true or false. */
bool condition_value_is_valid(const struct condition *condition, struct slice value);

/* Whether the operator demands a value: neither negated, nor satisfied by a key that is absent. */
bool condition_is_positive(const struct condition *condition);

/* Whether the condition holds. */
bool condition_holds(const struct condition *condition, const struct policy_facts *facts);

#endif
