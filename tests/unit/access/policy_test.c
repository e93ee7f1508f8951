#include "access/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "access/pattern.h"
#include "base/check.h"

enum { FACTS_MAX = 8, VALUES_MAX = 4 };

/* Facts of a test: "key=value,value;key=value". */
struct test_facts {
    struct policy_facts facts;
    size_t count;
    struct slice keys[FACTS_MAX];
    struct slice values[FACTS_MAX][VALUES_MAX];
    size_t value_counts[FACTS_MAX];
};

static bool find_fact(const struct policy_facts *facts, struct slice key,
                      struct policy_values *ret_values) {
    const struct test_facts *t = (const struct test_facts *)facts; /* its first member */
    for (size_t i = 0; i < t->count; i++) {
        if (!slice_eq_nocase(t->keys[i], key)) continue;
        *ret_values = (struct policy_values){t->values[i], t->value_counts[i]};
        return true;
    }
    return false;
}

static void facts_init(struct test_facts *t, const char *text) {
    *t = (struct test_facts){.facts = {find_fact}};
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        struct slice one;
        struct slice values;
        slice_cut(rest, ';', &one, &rest);
        size_t n = t->count++;
        slice_cut(one, '=', &t->keys[n], &values);
        while (values.len > 0) {
            slice_cut(values, ',', &t->values[n][t->value_counts[n]++], &values);
        }
    }
}

static struct arena arena;
static struct note note;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static const struct policy *parse(const char *text) {
    const struct policy *policy = NULL;
    struct status s = policy_parse(&arena, slice_str(text), SLICE("b"), &note, &policy);
    if (!is_ok(s)) fail_msg("%s: %s", note.text, text);
    return policy;
}

static const struct policy_principal alice = {
    .account = {"acme", 4}, .user_id = {"u1", 2}, .user_name = {"alice", 5}};
static const struct policy_principal nobody = {.anonymous = true};

static enum policy_effect ask(const char *text, const struct policy_principal *who,
                              const char *action, const char *resource, const char *facts) {
    struct test_facts t;
    facts_init(&t, facts);
    struct policy_question question = {.principal = *who,
                                       .action = slice_str(action),
                                       .resource = slice_str(resource),
                                       .facts = &t.facts};
    return policy_evaluate(parse(text), &question, NULL);
}

#define STATEMENT(effect, principal, action, resource)                          \
    "{\"Effect\":\"" effect "\",\"Principal\":" principal ",\"Action\":" action \
    ",\"Resource\":" resource "}"
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define OBJECTS "\"arn:aws:s3:::b/*\""
#define KEY "arn:aws:s3:::b/k"

static void test_allow_deny_and_nothing(void **state) {
    (void)state;
    const char *allow = POLICY(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS));
    assert_int_equal(ask(allow, &nobody, "s3:GetObject", KEY, ""), POLICY_ALLOW);
    assert_int_equal(ask(allow, &nobody, "s3:getobject", KEY, ""), POLICY_ALLOW);
    assert_int_equal(ask(allow, &nobody, "s3:PutObject", KEY, ""), POLICY_NOTHING);
    assert_int_equal(ask(allow, &nobody, "s3:GetObject", "arn:aws:s3:::b", ""), POLICY_NOTHING);
    const char *both = POLICY(STATEMENT("Allow", "\"*\"", "\"s3:*\"", OBJECTS) "," STATEMENT(
        "Deny", "{\"AWS\":\"acme\"}", "[\"s3:Put*\",\"s3:Delete?bject\"]", OBJECTS));
    assert_int_equal(ask(both, &alice, "s3:PutObject", KEY, ""), POLICY_DENY);
    assert_int_equal(ask(both, &alice, "s3:DeleteObject", KEY, ""), POLICY_DENY);
    assert_int_equal(ask(both, &alice, "s3:GetObject", KEY, ""), POLICY_ALLOW);
    assert_int_equal(ask(both, &nobody, "s3:PutObject", KEY, ""), POLICY_ALLOW);
}

static void test_principals(void **state) {
    (void)state;
    static const struct {
        const char *principal;
        bool alice;
        bool nobody;
    } cases[] = {
        {"\"*\"", true, true},
        {"{\"AWS\":\"*\"}", true, true},
        {"{\"AWS\":[\"other\",\"acme\"]}", true, false},
        {"{\"AWS\":\"arn:aws:iam::acme:root\"}", true, false},
        {"{\"AWS\":\"arn:aws:iam::acme:user/alice\"}", true, false},
        {"{\"AWS\":\"arn:aws:iam::acme:user/team/u1\"}", true, false},
        {"{\"AWS\":\"arn:aws:iam:::user/u1\"}", true, false},
        {"{\"AWS\":\"arn:aws:iam::other:user/alice\"}", false, false},
        {"{\"CanonicalUser\":\"u1\"}", true, false},
        {"{\"Service\":\"logging.s3.amazonaws.com\"}", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 POLICY("{\"Effect\":\"Allow\",\"Principal\":%s,\"Action\":\"s3:*\","
                        "\"Resource\":" OBJECTS "}"),
                 cases[i].principal);
        assert_int_equal(ask(text, &alice, "s3:GetObject", KEY, "") == POLICY_ALLOW,
                         cases[i].alice);
        assert_int_equal(ask(text, &nobody, "s3:GetObject", KEY, "") == POLICY_ALLOW,
                         cases[i].nobody);
    }
}

static void test_the_other_way_round(void **state) {
    (void)state;
    const char *text = POLICY(
        "{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"acme\"},\"NotAction\":\"s3:Get*\","
        "\"NotResource\":\"arn:aws:s3:::b/public/*\"}");
    assert_int_equal(ask(text, &nobody, "s3:PutObject", KEY, ""), POLICY_DENY);
    assert_int_equal(ask(text, &alice, "s3:PutObject", KEY, ""), POLICY_NOTHING);
    assert_int_equal(ask(text, &nobody, "s3:GetObject", KEY, ""), POLICY_NOTHING);
    assert_int_equal(ask(text, &nobody, "s3:PutObject", "arn:aws:s3:::b/public/k", ""),
                     POLICY_NOTHING);
}

/* operator, key, values as JSON, facts, does it hold */
static const struct {
    const char *operator;
    const char *key;
    const char *values;
    const char *facts;
    bool holds;
} conditions[] = {
    {"StringEquals", "s3:prefix", "\"a\"", "s3:prefix=a", true},
    {"StringEquals", "S3:PREFIX", "[\"b\",\"a\"]", "s3:prefix=a", true},
    {"StringEquals", "s3:prefix", "\"a*\"", "s3:prefix=ab", false},
    {"StringEquals", "s3:prefix", "\"a\"", "", false},
    {"StringEqualsIfExists", "s3:prefix", "\"a\"", "", true},
    {"StringEqualsIfExists", "s3:prefix", "\"a\"", "s3:prefix=b", false},
    {"StringNotEquals", "s3:prefix", "[\"a\",\"b\"]", "s3:prefix=b", false},
    {"StringNotEquals", "s3:prefix", "[\"a\",\"b\"]", "s3:prefix=c", true},
    {"StringNotEquals", "s3:prefix", "\"a\"", "", true},
    {"StringEqualsIgnoreCase", "s3:prefix", "\"AbC\"", "s3:prefix=aBc", true},
    {"StringNotEqualsIgnoreCase", "s3:prefix", "\"AbC\"", "s3:prefix=aBc", false},
    {"StringLike", "s3:prefix", "\"home/*/x?\"", "s3:prefix=home/a/b/xy", true},
    {"StringLike", "s3:prefix", "\"home/*/x?\"", "s3:prefix=home/a/x", false},
    {"StringNotLike", "s3:prefix", "\"a*\"", "s3:prefix=ab", false},
    {"StringLike", "s3:prefix", "\"${aws:username}/*\"", "s3:prefix=al/x;aws:username=al", true},
    {"StringLike", "s3:prefix", "\"${aws:username}/*\"", "s3:prefix=x/x;aws:username=*", false},
    {"StringEquals", "s3:prefix", "\"${aws:username}\"", "s3:prefix=", false},
    {"StringEquals", "s3:prefix", "\"${aws:username, 'guest'}\"", "s3:prefix=guest", true},
    {"StringLike", "s3:prefix", "\"${*}\"", "s3:prefix=*", true},
    {"StringLike", "s3:prefix", "\"${*}\"", "s3:prefix=x", false},
    {"NumericEquals", "s3:max-keys", "10", "s3:max-keys=10.0", true},
    {"NumericNotEquals", "s3:max-keys", "\"10\"", "s3:max-keys=10", false},
    {"NumericLessThan", "s3:max-keys", "\"10\"", "s3:max-keys=9", true},
    {"NumericLessThan", "s3:max-keys", "\"10\"", "s3:max-keys=10", false},
    {"NumericLessThanEquals", "s3:max-keys", "\"10\"", "s3:max-keys=10", true},
    {"NumericGreaterThan", "s3:max-keys", "\"10\"", "s3:max-keys=11", true},
    {"NumericGreaterThanEquals", "s3:max-keys", "\"10\"", "s3:max-keys=9", false},
    {"NumericLessThan", "s3:max-keys", "\"10\"", "s3:max-keys=many", false},
    {"DateEquals", "aws:CurrentTime", "\"2026-01-01T00:00:00Z\"",
     "aws:CurrentTime=2026-01-01T01:00:00+01:00", true},
    {"DateLessThan", "aws:CurrentTime", "\"2026-01-01\"", "aws:CurrentTime=2025-12-31T23:59:59Z",
     true},
    {"DateGreaterThan", "aws:EpochTime", "\"100\"", "aws:EpochTime=99", false},
    {"DateGreaterThanEquals", "aws:EpochTime", "\"100\"", "aws:EpochTime=100", true},
    {"DateLessThanEquals", "aws:EpochTime", "\"100\"", "aws:EpochTime=101", false},
    {"DateNotEquals", "aws:EpochTime", "\"100\"", "aws:EpochTime=101", true},
    {"Bool", "aws:SecureTransport", "false", "aws:SecureTransport=false", true},
    {"Bool", "aws:SecureTransport", "\"true\"", "aws:SecureTransport=false", false},
    {"BoolIfExists", "aws:SecureTransport", "\"true\"", "", true},
    {"BinaryEquals", "x:blob", "\"QmluYXJ5\"", "x:blob=QmluYXJ5", true},
    {"IpAddress", "aws:SourceIp", "\"10.1.0.0/15\"", "aws:SourceIp=10.0.255.255", true},
    {"IpAddress", "aws:SourceIp", "\"10.1.0.0/16\"", "aws:SourceIp=10.2.0.1", false},
    {"IpAddress", "aws:SourceIp", "[\"192.0.2.1\",\"2001:db8::/33\"]",
     "aws:SourceIp=2001:db8:7fff::1", true},
    {"IpAddress", "aws:SourceIp", "\"2001:db8::/33\"", "aws:SourceIp=2001:db8:8000::1", false},
    {"IpAddress", "aws:SourceIp", "\"0.0.0.0/0\"", "aws:SourceIp=::1", false},
    {"NotIpAddress", "aws:SourceIp", "\"10.0.0.0/8\"", "aws:SourceIp=11.0.0.1", true},
    {"NotIpAddress", "aws:SourceIp", "\"10.0.0.0/8\"", "aws:SourceIp=10.0.0.1", false},
    {"ArnLike", "aws:SourceArn", "\"arn:aws:sns:*:1:t*\"", "aws:SourceArn=arn:aws:sns:eu:1:top",
     true},
    {"ArnLike", "aws:SourceArn", "\"arn:aws:*:1:top:\"", "aws:SourceArn=arn:aws:sns:eu:1:top",
     false},
    {"ArnNotEquals", "aws:SourceArn", "\"arn:aws:sns:eu:1:top\"",
     "aws:SourceArn=arn:aws:sns:eu:1:top", false},
    {"Null", "s3:prefix", "\"true\"", "", true},
    {"Null", "s3:prefix", "\"true\"", "s3:prefix=a", false},
    {"Null", "s3:prefix", "\"false\"", "s3:prefix=a", true},
    {"ForAllValues:StringEquals", "t:k", "[\"a\",\"b\"]", "t:k=a,b", true},
    {"ForAllValues:StringEquals", "t:k", "[\"a\",\"b\"]", "t:k=a,c", false},
    {"ForAllValues:StringEquals", "t:k", "[\"a\"]", "", true},
    {"ForAnyValue:StringEquals", "t:k", "[\"a\",\"b\"]", "t:k=c,b", true},
    {"ForAnyValue:StringEquals", "t:k", "[\"a\",\"b\"]", "t:k=c,d", false},
    {"ForAnyValue:StringEquals", "t:k", "[\"a\"]", "", false},
    {"ForAnyValue:StringNotEquals", "t:k", "[\"a\"]", "t:k=a,b", true},
    {"ForAnyValue:StringNotEquals", "t:k", "[\"a\"]", "t:k=a", false},
    {"ForAnyValue:StringLikeIfExists", "t:k", "[\"a*\"]", "t:k=ab", true},
};

static void test_conditions(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                        "\"Resource\":" OBJECTS ",\"Condition\":{\"%s\":{\"%s\":%s}}}"),
                 conditions[i].operator, conditions[i].key, conditions[i].values);
        bool holds = ask(text, &alice, "s3:GetObject", KEY, conditions[i].facts) == POLICY_ALLOW;
        if (holds != conditions[i].holds) fail_msg("case %zu: %s", i, text);
        arena_reset(&arena);
    }
}

static void test_all_conditions_must_hold(void **state) {
    (void)state;
    const char *text =
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS
               ",\"Condition\":{\"StringEquals\":{\"a:x\":\"1\",\"a:y\":\"2\"},"
               "\"Bool\":{\"a:z\":\"true\"}}}");
    assert_int_equal(ask(text, &alice, "s3:GetObject", KEY, "a:x=1;a:y=2;a:z=true"), POLICY_ALLOW);
    assert_int_equal(ask(text, &alice, "s3:GetObject", KEY, "a:x=1;a:y=3;a:z=true"),
                     POLICY_NOTHING);
    assert_int_equal(ask(text, &alice, "s3:GetObject", KEY, "a:x=1;a:y=2;a:z=false"),
                     POLICY_NOTHING);
}

static void test_variables_in_resources(void **state) {
    (void)state;
    const char *text =
        POLICY(STATEMENT("Allow", "\"*\"", "\"s3:*\"", "\"arn:aws:s3:::b/${aws:username}/*\""));
    assert_int_equal(ask(text, &alice, "s3:GetObject", "arn:aws:s3:::b/al/x", "aws:username=al"),
                     POLICY_ALLOW);
    assert_int_equal(ask(text, &alice, "s3:GetObject", "arn:aws:s3:::b/bo/x", "aws:username=al"),
                     POLICY_NOTHING);
    assert_int_equal(ask(text, &alice, "s3:GetObject", "arn:aws:s3:::b/bo/x", "aws:username=*"),
                     POLICY_NOTHING);
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{",
        "{\"Version\":\"2012-10-17\"}",
        "{\"Version\":\"2020-01-01\",\"Statement\":[]}",
        POLICY(""),
        POLICY("1"),
        POLICY(STATEMENT("Maybe", "\"*\"", "\"s3:*\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "\"acme\"", "\"s3:*\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "{\"AWS\":\"not an account\"}", "\"s3:*\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "{\"Who\":\"acme\"}", "\"s3:*\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "{}", "\"s3:*\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "\"*\"", "\"ec2:Run\"", OBJECTS)),
        POLICY(STATEMENT("Allow", "\"*\"", "[]", OBJECTS)),
        POLICY(STATEMENT("Allow", "\"*\"", "\"s3:*\"", "\"arn:aws:s3:::other/*\"")),
        POLICY(STATEMENT("Allow", "\"*\"", "\"s3:*\"", "\"b/*\"")),
        POLICY("{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS "}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Resource\":" OBJECTS "}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\"}"),
        POLICY("{\"Effect\":\"Allow\",\"NotPrincipal\":\"*\",\"Action\":\"s3:*\","
               "\"Resource\":" OBJECTS "}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
               "\"Resource\":" OBJECTS ",\"Surprise\":1}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS
               ",\"Condition\":{\"StringSounds\":{\"a:b\":\"c\"}}}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS
               ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/33\"}}}"),
        POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS
               ",\"Condition\":{\"NumericEquals\":{\"s3:max-keys\":\"ten\"}}}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct policy *policy = NULL;
        note.text[0] = '\0';
        struct status s = policy_parse(&arena, slice_str(wrong[i]), SLICE("b"), &note, &policy);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", wrong[i]);
        assert_true(note.text[0] != '\0');
        arena_reset(&arena);
    }
}

static void test_too_large(void **state) {
    (void)state;
    static char text[POLICY_BYTES_MAX + 1];
    memset(text, ' ', sizeof text);
    text[0] = '{';
    const struct policy *policy = NULL;
    struct status s = policy_parse(&arena, slice_of(text, sizeof text), SLICE("b"), &note, &policy);
    assert_true(status_is(s, STATUS_TOO_LARGE));
}

#define PUBLIC_IF(condition)                                                                     \
    POLICY("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS \
           ",\"Condition\":" condition "}")

static void test_public(void **state) {
    (void)state;
    assert_true(policy_is_public(parse(POLICY(STATEMENT("Allow", "\"*\"", "\"s3:*\"", OBJECTS)))));
    assert_false(policy_is_public(
        parse(POLICY(STATEMENT("Allow", "{\"AWS\":\"acme\"}", "\"s3:*\"", OBJECTS)))));
    assert_false(policy_is_public(parse(POLICY(STATEMENT("Deny", "\"*\"", "\"s3:*\"", OBJECTS)))));
    assert_false(
        policy_is_public(parse(PUBLIC_IF("{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}"))));
    assert_true(
        policy_is_public(parse(PUBLIC_IF("{\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/1\"}}"))));
    assert_true(
        policy_is_public(parse(PUBLIC_IF("{\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}"))));
    assert_false(
        policy_is_public(parse(PUBLIC_IF("{\"StringEquals\":{\"aws:SourceAccount\":\"acme\"}}"))));
    assert_true(
        policy_is_public(parse(PUBLIC_IF("{\"StringLike\":{\"aws:SourceAccount\":\"*\"}}"))));
    assert_true(policy_is_public(parse(PUBLIC_IF("{\"StringEquals\":{\"s3:prefix\":\"a\"}}"))));
}

/* A pattern made to be slow stays within pattern times text. */
static void test_patterns_do_not_explode(void **state) {
    (void)state;
    char pattern[401];
    char text[1025];
    for (size_t i = 0; i < 400; i += 2) memcpy(pattern + i, "*a", 2);
    pattern[400] = 'b';
    memset(text, 'a', sizeof text);
    struct pattern_mode mode = {.wildcards = true};
    assert_false(pattern_matches(slice_of(pattern, 401), slice_of(text, 1025), mode, NULL));
    text[1024] = 'b';
    assert_true(pattern_matches(slice_of(pattern, 401), slice_of(text, 1025), mode, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_allow_deny_and_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_principals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_other_way_round, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_conditions_must_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables_in_resources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_public, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patterns_do_not_explode, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
