#include "access/pattern.h"
#include "access/policy_form.h"

#include "base/check.h"

bool policy_names_everybody(const struct policy_statement *statement) {
    for (size_t i = 0; i < statement->principal_count; i++) {
        if (statement->principals[i].kind == POLICY_PRINCIPAL_EVERYBODY) return true;
    }
    return false;
}

static bool principal_fits(const struct policy_principal_form *form,
                           const struct policy_principal *who) {
    switch (form->kind) {
        case POLICY_PRINCIPAL_EVERYBODY:
            return true;
        case POLICY_PRINCIPAL_ACCOUNT:
            return !who->anonymous && slice_eq(form->account, who->account);
        case POLICY_PRINCIPAL_USER:
            if (who->anonymous) return false;
            if (form->account.len > 0 && !slice_eq(form->account, who->account)) return false;
            return slice_eq(form->user, who->user_id) || slice_eq(form->user, who->user_name);
        case POLICY_PRINCIPAL_ELSEWHERE:
            return false;
    }
    return false;
}

static bool principals_fit(const struct policy_statement *statement,
                           const struct policy_principal *who) {
    bool not_by_account = who->for_itself && statement->allows && !statement->principals_negated;
    for (size_t i = 0; i < statement->principal_count; i++) {
        const struct policy_principal_form *form = &statement->principals[i];
        if (not_by_account && form->kind == POLICY_PRINCIPAL_ACCOUNT) continue;
        if (principal_fits(form, who)) return !statement->principals_negated;
    }
    return statement->principals_negated;
}

static bool words_fit(const struct policy_words *words, struct slice text, struct pattern_mode mode,
                      const struct policy_facts *facts) {
    for (size_t i = 0; i < words->count; i++) {
        if (pattern_matches(words->items[i], text, mode, facts)) return !words->negated;
    }
    return words->negated;
}

static bool conditions_hold(const struct policy_statement *statement,
                            const struct policy_facts *facts) {
    for (size_t i = 0; i < statement->condition_count; i++) {
        if (!condition_holds(&statement->conditions[i], facts)) return false;
    }
    return true;
}

static bool statement_fits(const struct policy_statement *statement,
                           const struct policy_question *question) {
    struct pattern_mode action = {.wildcards = true, .ignore_case = true};
    struct pattern_mode resource = {.wildcards = true, .variables = true};
    return principals_fit(statement, &question->principal) &&
           words_fit(&statement->actions, question->action, action, NULL) &&
           words_fit(&statement->resources, question->resource, resource, question->facts) &&
           conditions_hold(statement, question->facts);
}

enum policy_effect policy_evaluate(const struct policy *policy,
                                   const struct policy_question *question, size_t *ret_statement) {
    enum policy_effect effect = POLICY_NOTHING;
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct policy_statement *statement = &policy->statements[i];
        if (effect == POLICY_ALLOW && statement->allows) continue;
        if (!statement_fits(statement, question)) continue;
        effect = statement->allows ? POLICY_ALLOW : POLICY_DENY;
        if (ret_statement) *ret_statement = i;
        if (effect == POLICY_DENY) break;
    }
    return effect;
}

struct slice policy_statement_id(const struct policy *policy, size_t statement) {
    CHECK(statement < policy->statement_count);
    return policy->statements[statement].sid;
}

/* Condition keys that tie a statement to something fixed, when the value has no wildcard. */
static const char *const fixing_keys[] = {
    "aws:SourceArn",         "aws:SourceVpc",
    "aws:SourceVpce",        "aws:SourceOwner",
    "aws:SourceAccount",     "aws:userid",
    "aws:PrincipalOrgID",    "aws:PrincipalArn",
    "aws:PrincipalAccount",  "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
};

static bool values_are_fixed(const struct condition *condition) {
    for (size_t i = 0; i < condition->value_count; i++) {
        struct slice value = condition->values[i];
        bool open = slice_find_char(value, '*') < value.len ||
                    slice_find_char(value, '?') < value.len ||
                    slice_find(value, SLICE("${"), 0) < value.len;
        if (open) return false;
    }
    return condition->value_count > 0;
}

/* Whether an address list is narrow enough to be somebody: S3 wants /8 and /32 at the widest. */
static bool networks_are_narrow(const struct condition *condition) {
    for (size_t i = 0; i < condition->value_count; i++) {
        struct slice address;
        struct slice bits_text;
        uint64_t bits = UINT64_MAX;
        if (slice_cut(condition->values[i], '/', &address, &bits_text) &&
            !slice_parse_u64(bits_text, &bits)) {
            return false;
        }
        bool is_v6 = slice_find_char(address, ':') < address.len;
        if (bits < (is_v6 ? 32u : 8u)) return false;
    }
    return condition->value_count > 0;
}

static bool condition_fixes(const struct condition *condition) {
    if (!condition_is_positive(condition)) return false;
    if (slice_eq_nocase(condition->key, SLICE("aws:SourceIp"))) {
        return networks_are_narrow(condition);
    }
    for (size_t i = 0; i < ARRAY_LEN(fixing_keys); i++) {
        if (slice_eq_nocase(condition->key, slice_str(fixing_keys[i]))) {
            return values_are_fixed(condition);
        }
    }
    return false;
}

bool policy_is_public(const struct policy *policy) {
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct policy_statement *statement = &policy->statements[i];
        if (!statement->allows || !policy_names_everybody(statement)) continue;
        bool fixed = false;
        for (size_t c = 0; c < statement->condition_count && !fixed; c++) {
            fixed = condition_fixes(&statement->conditions[c]);
        }
        if (!fixed) return true;
    }
    return false;
}
