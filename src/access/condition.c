#include "access/condition.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "access/pattern.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"

enum { NUMBER_TEXT_MAX = 64, ADDRESS_TEXT_MAX = 64 };

enum comparison {
    COMPARE_EQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_MORE,
    COMPARE_MORE_EQUAL
};

struct condition_operator {
    const char *name;
    /* Whether the request's value fits the policy's. */
    bool (*fits)(const struct condition_operator *operator, struct slice wanted, struct slice given,
                 const struct policy_facts *facts);
    bool (*is_valid)(struct slice wanted);
    enum comparison comparison;
    bool negated;
    bool ignore_case;
    bool wildcards;
};

static bool any_text(struct slice wanted) {
    (void)wanted;
    return true;
}

static bool ordered(enum comparison comparison, int order) {
    switch (comparison) {
        case COMPARE_EQUAL:
            return order == 0;
        case COMPARE_LESS:
            return order < 0;
        case COMPARE_LESS_EQUAL:
            return order <= 0;
        case COMPARE_MORE:
            return order > 0;
        case COMPARE_MORE_EQUAL:
            return order >= 0;
    }
    return false;
}

static bool string_fits(const struct condition_operator *operator, struct slice wanted,
                        struct slice given, const struct policy_facts *facts) {
    struct pattern_mode mode = {
        .wildcards = operator->wildcards, .variables = true, .ignore_case = operator->ignore_case };
    return pattern_matches(wanted, given, mode, facts);
}

static bool number_parse(struct slice text, long double *ret_number) {
    char copy[NUMBER_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789.+-eE") != text.len) return false;
    char *end;
    errno = 0;
    *ret_number = strtold(copy, &end);
    return errno == 0 && end == copy + text.len;
}

static bool is_number(struct slice wanted) {
    long double number;
    return number_parse(wanted, &number);
}

static bool number_fits(const struct condition_operator *operator, struct slice wanted,
                        struct slice given, const struct policy_facts *facts) {
    (void)facts;
    long double a;
    long double b;
    if (!number_parse(given, &a) || !number_parse(wanted, &b)) return false;
    return ordered(operator->comparison, a < b ? -1 : a > b);
}

/* A date in ISO 8601, or seconds since 1970. */
static bool moment_parse(struct slice text, int64_t *ret_ns) {
    uint64_t seconds;
    if (slice_parse_u64(text, &seconds)) {
        if (seconds > (uint64_t)(INT64_MAX / NS_PER_S)) return false;
        *ret_ns = (int64_t)seconds * NS_PER_S;
        return true;
    }
    if (text.len == 10) {
        char whole[DATE_TEXT_CAP] = {0};
        memcpy(whole, text.ptr, text.len);
        memcpy(whole + text.len, "T00:00:00Z", 10);
        return date_parse_iso(slice_str(whole), ret_ns);
    }
    return date_parse_iso(text, ret_ns);
}

static bool is_moment(struct slice wanted) {
    int64_t ns;
    return moment_parse(wanted, &ns);
}

static bool moment_fits(const struct condition_operator *operator, struct slice wanted,
                        struct slice given, const struct policy_facts *facts) {
    (void)facts;
    int64_t a;
    int64_t b;
    if (!moment_parse(given, &a) || !moment_parse(wanted, &b)) return false;
    return ordered(operator->comparison, a < b ? -1 : a > b);
}

static bool is_bool(struct slice wanted) {
    return slice_eq_nocase(wanted, SLICE("true")) || slice_eq_nocase(wanted, SLICE("false"));
}

static bool bool_fits(const struct condition_operator *operator, struct slice wanted,
                      struct slice given, const struct policy_facts *facts) {
    (void)operator;
    (void)facts;
    return slice_eq_nocase(wanted, given);
}

static bool is_base64(struct slice wanted) {
    char bytes[POLICY_BYTES_MAX];
    size_t len;
    return base64_decode(wanted, bytes, sizeof bytes, &len);
}

struct network {
    int family;
    unsigned char bytes[16];
    unsigned bits;
};

static bool address_parse(struct slice text, struct network *ret_network) {
    char copy[ADDRESS_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    ret_network->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
    ret_network->bits = ret_network->family == AF_INET6 ? 128 : 32;
    return inet_pton(ret_network->family, copy, ret_network->bytes) == 1;
}

static bool network_parse(struct slice text, struct network *ret_network) {
    struct slice address;
    struct slice bits;
    bool has_bits = slice_cut(text, '/', &address, &bits);
    if (!address_parse(address, ret_network)) return false;
    if (!has_bits) return true;
    uint64_t count;
    if (!slice_parse_u64(bits, &count) || count > ret_network->bits) return false;
    ret_network->bits = (unsigned)count;
    return true;
}

static bool is_network(struct slice wanted) {
    struct network network;
    return network_parse(wanted, &network);
}

static bool network_fits(const struct condition_operator *operator, struct slice wanted,
                         struct slice given, const struct policy_facts *facts) {
    (void)operator;
    (void)facts;
    struct network network;
    struct network address;
    if (!network_parse(wanted, &network) || !address_parse(given, &address)) return false;
    if (network.family != address.family) return false;
    unsigned whole = network.bits / 8;
    if (memcmp(network.bytes, address.bytes, whole) != 0) return false;
    unsigned rest = network.bits % 8;
    if (rest == 0) return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return (network.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

enum { ARN_PARTS = 6 };

/* Splits an ARN at its first five colons; false where there are fewer. */
static bool arn_split(struct slice text, struct slice parts[ARN_PARTS]) {
    for (size_t i = 0; i + 1 < ARN_PARTS; i++) {
        if (!slice_cut(text, ':', &parts[i], &text)) return false;
    }
    parts[ARN_PARTS - 1] = text;
    return true;
}

static bool is_arn(struct slice wanted) {
    struct slice parts[ARN_PARTS];
    return slice_eq(wanted, SLICE("*")) || arn_split(wanted, parts);
}

/* Each part by itself, so that a wildcard does not reach over a colon. */
static bool arn_fits(const struct condition_operator *operator, struct slice wanted,
                     struct slice given, const struct policy_facts *facts) {
    (void)operator;
    struct pattern_mode mode = {.wildcards = true, .variables = true};
    struct slice a[ARN_PARTS];
    struct slice b[ARN_PARTS];
    if (slice_eq(wanted, SLICE("*"))) return true;
    if (!arn_split(wanted, a) || !arn_split(given, b)) return false;
    for (size_t i = 0; i < ARN_PARTS; i++) {
        if (!pattern_matches(a[i], b[i], mode, facts)) return false;
    }
    return true;
}

static const char null_name[] = "Null";

static const struct condition_operator operators[] = {
    {"StringEquals", string_fits, any_text, .negated = false},
    {"StringNotEquals", string_fits, any_text, .negated = true},
    {"StringEqualsIgnoreCase", string_fits, any_text, .ignore_case = true},
    {"StringNotEqualsIgnoreCase", string_fits, any_text, .ignore_case = true, .negated = true},
    {"StringLike", string_fits, any_text, .wildcards = true},
    {"StringNotLike", string_fits, any_text, .wildcards = true, .negated = true},
    {"NumericEquals", number_fits, is_number, .comparison = COMPARE_EQUAL},
    {"NumericNotEquals", number_fits, is_number, .comparison = COMPARE_EQUAL, .negated = true},
    {"NumericLessThan", number_fits, is_number, .comparison = COMPARE_LESS},
    {"NumericLessThanEquals", number_fits, is_number, .comparison = COMPARE_LESS_EQUAL},
    {"NumericGreaterThan", number_fits, is_number, .comparison = COMPARE_MORE},
    {"NumericGreaterThanEquals", number_fits, is_number, .comparison = COMPARE_MORE_EQUAL},
    {"DateEquals", moment_fits, is_moment, .comparison = COMPARE_EQUAL},
    {"DateNotEquals", moment_fits, is_moment, .comparison = COMPARE_EQUAL, .negated = true},
    {"DateLessThan", moment_fits, is_moment, .comparison = COMPARE_LESS},
    {"DateLessThanEquals", moment_fits, is_moment, .comparison = COMPARE_LESS_EQUAL},
    {"DateGreaterThan", moment_fits, is_moment, .comparison = COMPARE_MORE},
    {"DateGreaterThanEquals", moment_fits, is_moment, .comparison = COMPARE_MORE_EQUAL},
    {"Bool", bool_fits, is_bool, .negated = false},
    {"BinaryEquals", string_fits, is_base64, .negated = false},
    {"IpAddress", network_fits, is_network, .negated = false},
    {"NotIpAddress", network_fits, is_network, .negated = true},
    {"ArnEquals", arn_fits, is_arn, .negated = false},
    {"ArnLike", arn_fits, is_arn, .negated = false},
    {"ArnNotEquals", arn_fits, is_arn, .negated = true},
    {"ArnNotLike", arn_fits, is_arn, .negated = true},
    {null_name, bool_fits, is_bool, .negated = false},
};

static const struct condition_operator *operator_find(struct slice name) {
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (slice_eq(slice_str(operators[i].name), name)) return &operators[i];
    }
    return NULL;
}

bool condition_operator_parse(struct slice text, struct condition *ret_condition) {
    struct slice any = SLICE("ForAnyValue:");
    struct slice all = SLICE("ForAllValues:");
    struct slice if_exists = SLICE("IfExists");
    ret_condition->set = CONDITION_SET_NONE;
    if (slice_starts_with(text, any)) {
        ret_condition->set = CONDITION_SET_ANY;
        text = slice_skip(text, any.len);
    } else if (slice_starts_with(text, all)) {
        ret_condition->set = CONDITION_SET_ALL;
        text = slice_skip(text, all.len);
    }
    ret_condition->if_exists = slice_ends_with(text, if_exists);
    if (ret_condition->if_exists) text = slice_take(text, text.len - if_exists.len);
    ret_condition->operator= operator_find(text);
    return ret_condition->operator!=
        NULL && !(ret_condition->operator->name == null_name && ret_condition->if_exists);
}

bool condition_value_is_valid(const struct condition *condition, struct slice value) {
    bool has_variable = slice_find(value, SLICE("${"), 0) < value.len;
    return has_variable || condition->operator->is_valid(value);
}

bool condition_is_positive(const struct condition *condition) {
    return !condition->operator->negated && !condition->if_exists &&
            condition->set != CONDITION_SET_ALL && condition->
            operator->name != null_name;
}

/* Whether one value of the request satisfies the operator against the list of the policy. */
static bool value_satisfies(const struct condition *condition, struct slice given,
                            const struct policy_facts *facts) {
    const struct condition_operator *operator= condition->operator;
    for (size_t i = 0; i < condition->value_count; i++) {
        if (operator->fits(operator, condition->values[i], given, facts)) return !operator->negated;
    }
    return operator->negated;
}

static bool any_satisfies(const struct condition *condition, const struct policy_values *given,
                          const struct policy_facts *facts) {
    for (size_t i = 0; i < given->count; i++) {
        if (value_satisfies(condition, given->items[i], facts)) return true;
    }
    return false;
}

static bool all_satisfy(const struct condition *condition, const struct policy_values *given,
                        const struct policy_facts *facts) {
    for (size_t i = 0; i < given->count; i++) {
        if (!value_satisfies(condition, given->items[i], facts)) return false;
    }
    return true;
}

bool condition_holds(const struct condition *condition, const struct policy_facts *facts) {
    struct policy_values given = {0};
    bool is_there = facts->find(facts, condition->key, &given) && given.count > 0;
    if (condition->operator->name == null_name) {
        return value_satisfies(condition, is_there ? SLICE("false") : SLICE("true"), facts);
    }
    if (!is_there) {
        if (condition->if_exists || condition->set == CONDITION_SET_ALL) return true;
        return condition->operator->negated && condition->set == CONDITION_SET_NONE;
    }
    /* Without a set operator a negated one must hold for every value, others for one. */
    bool need_all = condition->set == CONDITION_SET_ALL ||
                    (condition->set == CONDITION_SET_NONE && condition->operator->negated);
    return need_all ? all_satisfy(condition, &given, facts)
                    : any_satisfies(condition, &given, facts);
}
