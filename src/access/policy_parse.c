#include "access/pattern.h"
#include "access/policy_form.h"
#include "base/check.h"
#include "json/reader.h"

/* A policy on its way in. */
struct parse {
    struct arena *arena;
    struct slice bucket;
    struct note *note;
};

static struct status refuse(struct parse *p, const char *text) {
    return note_status(p->note, STATUS_INVALID, "%s", text);
}

/* How many values there are where a list may also be a lone string. */
static size_t word_count(const struct json *value) {
    return json_type(value) == JSON_ARRAY ? json_count(value) : 1;
}

/* Reads a string, or a list of strings; other scalars too where `lenient` (conditions). */
static struct status scalar_read(struct parse *p, const struct json *value, bool lenient,
                                 struct slice *ret_word) {
    bool truth;
    double number;
    if (json_string(value, ret_word)) {
        *ret_word = arena_dup(p->arena, *ret_word);
    } else if (lenient && json_bool(value, &truth)) {
        *ret_word = truth ? SLICE("true") : SLICE("false");
    } else if (lenient && json_double(value, &number)) {
        *ret_word = arena_printf(p->arena, "%.17g", number);
    } else {
        return refuse(p, "Syntax errors in policy: a string is missing.");
    }
    return arena_ok(p->arena);
}

static struct status words_read(struct parse *p, const struct json *value, bool lenient,
                                const struct slice **ret_words, size_t *ret_count) {
    size_t count = word_count(value);
    if (count > POLICY_VALUES_MAX) return refuse(p, "A list of the policy is too long.");
    struct slice *words = arena_calloc(p->arena, count, sizeof *words);
    TRY(arena_ok(p->arena));
    size_t n = 0;
    if (json_type(value) != JSON_ARRAY) {
        TRY(scalar_read(p, value, lenient, &words[n++]));
    } else {
        JSON_EACH(item, value) TRY(scalar_read(p, item, lenient, &words[n++]));
    }
    *ret_words = words;
    *ret_count = n;
    return status_ok();
}

/* ---- principals ---- */

static bool is_account(struct slice text) {
    if (text.len == 0 || text.len > 64) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
        if (!fine) return false;
    }
    return true;
}

/* "arn:aws:iam::ACCOUNT:root", "arn:aws:iam::ACCOUNT:user/PATH/NAME". */
static bool principal_arn_read(struct slice text, struct policy_principal_form *ret_principal) {
    struct slice prefix = SLICE("arn:aws:iam::");
    if (!slice_starts_with(text, prefix)) return false;
    struct slice account;
    struct slice rest;
    if (!slice_cut(slice_skip(text, prefix.len), ':', &account, &rest)) return false;
    ret_principal->account = account;
    if (slice_eq(rest, SLICE("root"))) {
        ret_principal->kind = POLICY_PRINCIPAL_ACCOUNT;
        return is_account(account);
    }
    if (!slice_starts_with(rest, SLICE("user/"))) return false;
    ret_principal->kind = POLICY_PRINCIPAL_USER;
    ret_principal->user = slice_skip(rest, 5);
    for (size_t at; (at = slice_find_char(ret_principal->user, '/')) < ret_principal->user.len;) {
        ret_principal->user = slice_skip(ret_principal->user, at + 1);
    }
    return ret_principal->user.len > 0 && (account.len == 0 || is_account(account));
}

static struct status principal_read(struct parse *p, struct slice kind, struct slice text,
                                    struct policy_principal_form *ret_principal) {
    *ret_principal = (struct policy_principal_form){0};
    bool is_aws = slice_eq(kind, SLICE("AWS"));
    if (is_aws && slice_eq(text, SLICE("*"))) {
        ret_principal->kind = POLICY_PRINCIPAL_EVERYBODY;
    } else if (is_aws && is_account(text)) {
        ret_principal->kind = POLICY_PRINCIPAL_ACCOUNT;
        ret_principal->account = text;
    } else if (is_aws) {
        if (!principal_arn_read(text, ret_principal))
            return refuse(p, "Invalid principal in policy");
    } else if (slice_eq(kind, SLICE("CanonicalUser"))) {
        ret_principal->kind = POLICY_PRINCIPAL_USER;
        ret_principal->user = text;
    } else if (slice_eq(kind, SLICE("Service")) || slice_eq(kind, SLICE("Federated"))) {
        ret_principal->kind = POLICY_PRINCIPAL_ELSEWHERE;
    } else {
        return refuse(p, "Invalid principal in policy");
    }
    return status_ok();
}

static size_t principal_total(const struct json *value) {
    size_t total = 0;
    JSON_EACH(list, value) total += word_count(list);
    return total;
}

static struct status principal_lists_read(struct parse *p, const struct json *value,
                                          struct policy_principal_form *principals,
                                          size_t *ret_count) {
    size_t n = 0;
    JSON_EACH(list, value) {
        const struct slice *words;
        size_t count;
        TRY(words_read(p, list, false, &words, &count));
        for (size_t i = 0; i < count; i++) {
            TRY(principal_read(p, json_name(list), words[i], &principals[n++]));
        }
    }
    *ret_count = n;
    return status_ok();
}

static struct status principals_read(struct parse *p, const struct json *statement,
                                     struct policy_statement *ret_statement) {
    const struct json *value = json_get(statement, "Principal");
    const struct json *other = json_get(statement, "NotPrincipal");
    if ((value == NULL) == (other == NULL)) {
        return refuse(p, "Missing required field Principal");
    }
    ret_statement->principals_negated = value == NULL;
    if (value == NULL) value = other;
    struct slice text;
    size_t total = json_type(value) == JSON_OBJECT ? principal_total(value) : 1;
    if (total == 0 || total > POLICY_VALUES_MAX) return refuse(p, "Invalid principal in policy");
    struct policy_principal_form *principals = arena_calloc(p->arena, total, sizeof *principals);
    TRY(arena_ok(p->arena));
    ret_statement->principals = principals;
    ret_statement->principal_count = 1;
    if (json_type(value) == JSON_OBJECT) {
        return principal_lists_read(p, value, principals, &ret_statement->principal_count);
    }
    if (json_string(value, &text) && slice_eq(text, SLICE("*"))) return status_ok();
    return refuse(p, "Invalid principal in policy");
}

/* ---- actions and resources ---- */

static struct status pair_read(struct parse *p, const struct json *statement, const char *name,
                               const char *not_name, const char *missing,
                               struct policy_words *ret_words) {
    const struct json *value = json_get(statement, name);
    const struct json *other = json_get(statement, not_name);
    if ((value == NULL) == (other == NULL)) return refuse(p, missing);
    ret_words->negated = value == NULL;
    TRY(words_read(p, value ? value : other, false, &ret_words->items, &ret_words->count));
    return ret_words->count > 0 ? status_ok() : refuse(p, missing);
}

static struct status actions_check(struct parse *p, const struct policy_words *actions) {
    for (size_t i = 0; i < actions->count; i++) {
        struct slice word = actions->items[i];
        bool fine = slice_eq(word, SLICE("*")) ||
                    (slice_starts_with_nocase(word, SLICE("s3:")) && word.len > 3);
        if (!fine) return refuse(p, "Policy has invalid action");
    }
    return status_ok();
}

/* Whether a resource pattern can only mean this bucket or what lies in it. */
static bool resource_is_ours(struct slice pattern, struct slice bucket) {
    struct slice prefix = SLICE("arn:aws:s3:::");
    if (!slice_starts_with(pattern, prefix)) return false;
    struct slice name;
    struct slice rest;
    slice_cut(slice_skip(pattern, prefix.len), '/', &name, &rest);
    struct pattern_mode mode = {.wildcards = true};
    bool trailing_run = name.len > 0 && name.ptr[name.len - 1] == '*';
    return pattern_matches(name, bucket, mode, NULL) ||
           (trailing_run && slice_starts_with(slice_take(name, name.len - 1), bucket));
}

static struct status resources_check(struct parse *p, const struct policy_words *resources) {
    for (size_t i = 0; i < resources->count; i++) {
        if (!resource_is_ours(resources->items[i], p->bucket)) {
            return refuse(p, "Policy has invalid resource");
        }
    }
    return status_ok();
}

/* ---- conditions ---- */

static size_t condition_total(const struct json *block) {
    size_t total = 0;
    JSON_EACH(operator, block) total += json_count(operator);
    return total;
}

static struct status condition_read(struct parse *p, const struct json *operator,
                                    const struct json * line, struct condition *ret_condition) {
    if (!condition_operator_parse(json_name(operator), ret_condition)) {
        return note_status(p->note, STATUS_INVALID, "Invalid Condition type : %.*s",
                           SLICE_FMT(slice_take(json_name(operator), 64)));
    }
    ret_condition->key = arena_dup(p->arena, json_name(line));
    TRY(words_read(p, line, true, &ret_condition->values, &ret_condition->value_count));
    for (size_t i = 0; i < ret_condition->value_count; i++) {
        if (!condition_value_is_valid(ret_condition, ret_condition->values[i])) {
            return note_status(p->note, STATUS_INVALID, "Invalid value in Condition %.*s : %.*s",
                               SLICE_FMT(slice_take(json_name(operator), 64)),
                               SLICE_FMT(slice_take(json_name(line), 64)));
        }
    }
    return status_ok();
}

static struct status conditions_read(struct parse *p, const struct json *block,
                                     struct policy_statement *ret_statement) {
    if (block == NULL) return status_ok();
    if (json_type(block) != JSON_OBJECT) return refuse(p, "Invalid Condition in policy");
    size_t total = condition_total(block);
    struct condition *conditions = arena_calloc(p->arena, total, sizeof *conditions);
    TRY(arena_ok(p->arena));
    size_t n = 0;
    JSON_EACH(operator, block) {
        if (json_type(operator) != JSON_OBJECT) return refuse(p, "Invalid Condition in policy");
        JSON_EACH(line, operator) TRY(condition_read(p, operator, line, &conditions[n++]));
    }
    ret_statement->conditions = conditions;
    ret_statement->condition_count = n;
    return status_ok();
}

/* ---- statements ---- */

static struct status members_check(struct parse *p, const struct json *object,
                                   const char *const *known, size_t count) {
    JSON_EACH(member, object) {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++) {
            found = slice_eq(json_name(member), slice_str(known[i]));
        }
        if (!found) {
            return note_status(p->note, STATUS_INVALID, "Unknown field %.*s",
                               SLICE_FMT(slice_take(json_name(member), 64)));
        }
    }
    return status_ok();
}

static struct status statement_read(struct parse *p, const struct json *statement,
                                    struct policy_statement *ret_statement) {
    static const char *const known[] = {"Sid",          "Effect",      "Principal",
                                        "NotPrincipal", "Action",      "NotAction",
                                        "Resource",     "NotResource", "Condition"};
    if (json_type(statement) != JSON_OBJECT) return refuse(p, "Syntax errors in policy.");
    TRY(members_check(p, statement, known, ARRAY_LEN(known)));
    struct slice effect = json_get_string(statement, "Effect");
    ret_statement->allows = slice_eq(effect, SLICE("Allow"));
    if (!ret_statement->allows && !slice_eq(effect, SLICE("Deny"))) {
        return refuse(p, "Invalid effect in policy: it is Allow or Deny.");
    }
    ret_statement->sid = arena_dup(p->arena, json_get_string(statement, "Sid"));
    TRY(principals_read(p, statement, ret_statement));
    if (ret_statement->principals_negated && ret_statement->allows) {
        return refuse(p, "Allow with NotPrincipal is not allowed.");
    }
    TRY(pair_read(p, statement, "Action", "NotAction", "Missing required field Action",
                  &ret_statement->actions));
    TRY(actions_check(p, &ret_statement->actions));
    TRY(pair_read(p, statement, "Resource", "NotResource", "Missing required field Resource",
                  &ret_statement->resources));
    TRY(resources_check(p, &ret_statement->resources));
    return conditions_read(p, json_get(statement, "Condition"), ret_statement);
}

static struct status statements_read(struct parse *p, const struct json *list,
                                     struct policy *policy) {
    size_t count = word_count(list);
    if (list == NULL || count == 0) return refuse(p, "Missing required field Statement");
    if (count > POLICY_STATEMENTS_MAX) return refuse(p, "The policy has too many statements.");
    struct policy_statement *statements = arena_calloc(p->arena, count, sizeof *statements);
    TRY(arena_ok(p->arena));
    size_t n = 0;
    if (json_type(list) != JSON_ARRAY) {
        TRY(statement_read(p, list, &statements[n++]));
    } else {
        JSON_EACH(item, list) TRY(statement_read(p, item, &statements[n++]));
    }
    policy->statements = statements;
    policy->statement_count = n;
    return status_ok();
}

static struct status document_read(struct parse *p, const struct json *document,
                                   struct policy *policy) {
    static const char *const known[] = {"Version", "Id", "Statement"};
    if (json_type(document) != JSON_OBJECT) {
        return refuse(p, "Policies must be valid JSON and the first byte must be '{'");
    }
    TRY(members_check(p, document, known, ARRAY_LEN(known)));
    struct slice version = json_get_string(document, "Version");
    if (json_get(document, "Version") != NULL && !slice_eq(version, SLICE("2012-10-17")) &&
        !slice_eq(version, SLICE("2008-10-17"))) {
        return refuse(p, "The policy must contain a valid version string");
    }
    return statements_read(p, json_get(document, "Statement"), policy);
}

struct status policy_parse(struct arena *arena, struct slice text, struct slice bucket,
                           struct note *note, const struct policy **ret_policy) {
    struct parse p = {.arena = arena, .bucket = bucket, .note = note};
    if (text.len > POLICY_BYTES_MAX) {
        return note_status(note, STATUS_TOO_LARGE, "Policies may have at most %d bytes",
                           POLICY_BYTES_MAX);
    }
    if (text.len == 0 || text.ptr[0] != '{') {
        return refuse(&p, "Policies must be valid JSON and the first byte must be '{'");
    }
    struct json *document = NULL;
    struct note why = {0};
    struct status s = json_parse(text, &why, &document);
    if (!is_ok(s)) {
        return note_status(note, s.code, "This policy contains invalid Json: %.200s", why.text);
    }
    struct policy *policy = ARENA_NEW(arena, struct policy);
    s = policy ? document_read(&p, document, policy) : status_of(STATUS_NO_MEMORY);
    json_free(&document);
    if (is_ok(s)) *ret_policy = policy;
    return s;
}
