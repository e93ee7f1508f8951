#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the headers above before it */
#include <cmocka.h>

static bool no_facts(const struct policy_facts *facts, struct slice key,
                     struct policy_values *ret_values) {
    (void)facts;
    (void)key;
    (void)ret_values;
    return false;
}

static const struct policy_facts facts = {no_facts};
static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 256 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct access_request request(const char *project, const char *owner) {
    return (struct access_request){
        .question = {.principal = {.account = slice_str(project)},
                     .action = SLICE("s3:GetObject"),
                     .resource = SLICE("arn:aws:s3:::b/k"),
                     .facts = &facts},
        .standing = ACCESS_MEMBER,
        .owner_project = slice_str(owner),
    };
}

static const struct policy *policy(const char *effect, const char *principal) {
    const struct policy *parsed = NULL;
    struct slice text = arena_printf(&arena,
                                     "{\"Statement\":[{\"Effect\":\"%s\",\"Principal\":%s,"
                                     "\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}]}",
                                     effect, principal);
    assert_true(is_ok(policy_parse(&arena, text, SLICE("b"), NULL, &parsed)));
    return parsed;
}

static void decides(const struct access_request *r, bool allowed, enum access_reason reason) {
    struct access_decision decision = access_decide(r);
    assert_int_equal(decision.allowed, allowed);
    assert_int_equal(decision.reason, reason);
    assert_true(access_reason_text(reason)[0] != '\0');
}

static void test_project_owns_its_buckets(void **state) {
    (void)state;
    struct access_request own = request("a", "a");
    struct access_request foreign = request("a", "b");
    struct access_request longer = request("a", "ab");
    decides(&own, true, ACCESS_OWNER);
    decides(&foreign, false, ACCESS_NOTHING_ALLOWS);
    decides(&longer, false, ACCESS_NOTHING_ALLOWS);
}

static void test_administrator_may(void **state) {
    (void)state;
    struct access_request foreign = request("a", "b");
    foreign.principal_admin = true;
    decides(&foreign, true, ACCESS_ADMINISTRATOR);
}

static void test_nobody_may_not(void **state) {
    (void)state;
    /* Even where an owner is missing: nothing and nothing are not the same project. */
    struct access_request nobody = request("", "");
    nobody.question.principal.anonymous = true;
    decides(&nobody, false, ACCESS_NOTHING_ALLOWS);
    nobody.question.principal.anonymous = false;
    decides(&nobody, false, ACCESS_NOTHING_ALLOWS);
    struct access_request claimed = request("a", "a");
    claimed.question.principal.anonymous = true;
    decides(&claimed, false, ACCESS_NOTHING_ALLOWS);
}

static void test_everybody_may_ask_for_their_buckets(void **state) {
    (void)state;
    struct access_request nobody = request("", "");
    nobody.question.principal.anonymous = true;
    nobody.question.action = SLICE("s3:ListAllMyBuckets");
    decides(&nobody, true, ACCESS_EVERYBODY);
    nobody.question.action = SLICE("s3:ListAllMyBucketsAndMore");
    decides(&nobody, false, ACCESS_NOTHING_ALLOWS);
}

static void test_policies_allow(void **state) {
    (void)state;
    struct access_request foreign = request("a", "b");
    foreign.policy = policy("Allow", "{\"AWS\":\"a\"}");
    decides(&foreign, true, ACCESS_POLICY_ALLOWS);
    foreign.policy = policy("Allow", "{\"AWS\":\"c\"}");
    decides(&foreign, false, ACCESS_NOTHING_ALLOWS);
}

static void test_a_denial_is_final(void **state) {
    (void)state;
    struct access_request own = request("a", "a");
    own.policy = policy("Deny", "\"*\"");
    decides(&own, false, ACCESS_POLICY_DENIES);
    own.principal_admin = true;
    decides(&own, false, ACCESS_POLICY_DENIES);
}

/* Lists give what they give beside policies, and decide alone about what is another's. */
static void test_lists(void **state) {
    (void)state;
    const struct acl_grant grant = {ACL_USER, SLICE("a"), SLICE(""), ACL_READ};
    const struct acl acl = {.owner_id = SLICE("c"), .grants = &grant, .grant_count = 1};
    struct access_request foreign = request("a", "b");
    foreign.acl = &acl;
    decides(&foreign, true, ACCESS_ACL_ALLOWS);
    foreign.question.action = SLICE("s3:PutObjectAcl");
    decides(&foreign, false, ACCESS_NOTHING_ALLOWS);
    foreign.question.action = SLICE("s3:GetObject");
    foreign.policy = policy("Deny", "\"*\"");
    decides(&foreign, false, ACCESS_POLICY_DENIES);
    struct access_request owner = request("b", "b");
    owner.acl = &acl;
    decides(&owner, true, ACCESS_OWNER);
    owner.is_anothers_object = true;
    decides(&owner, false, ACCESS_NOTHING_ALLOWS);
    owner.policy = policy("Allow", "\"*\"");
    decides(&owner, false, ACCESS_NOTHING_ALLOWS);
    struct access_request absent = request("a", "b");
    absent.is_absent_object = true;
    decides(&absent, false, ACCESS_NOTHING_THERE);
    absent.policy = policy("Allow", "\"*\"");
    decides(&absent, true, ACCESS_POLICY_ALLOWS);
}

/* A reader sees what the project has, and changes it by no right of the project's. */
static void test_readers(void **state) {
    (void)state;
    const struct acl_grant grant = {ACL_USER, SLICE("a"), SLICE(""), ACL_FULL_CONTROL};
    const struct acl acl = {.owner_id = SLICE("a"), .grants = &grant, .grant_count = 1};
    struct access_request own = request("a", "a");
    own.standing = ACCESS_READER;
    decides(&own, true, ACCESS_OWNER);
    own.question.action = SLICE("s3:ListAllMyBuckets");
    decides(&own, true, ACCESS_OWNER);
    own.question.action = SLICE("s3:PutObject");
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.acl = &acl;
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.policy = policy("Allow", "{\"AWS\":\"a\"}");
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.question.principal.user_id = SLICE("u");
    own.policy = policy("Allow", "{\"AWS\":\"arn:aws:iam::a:user/u\"}");
    decides(&own, true, ACCESS_POLICY_ALLOWS);
    own.policy = policy("Allow", "\"*\"");
    decides(&own, true, ACCESS_POLICY_ALLOWS);
    own.question.action = SLICE("s3:GetObject");
    own.policy = policy("Deny", "{\"AWS\":\"a\"}");
    decides(&own, false, ACCESS_POLICY_DENIES);
    own.question.action = SLICE("s3:PutObject");
    decides(&own, false, ACCESS_POLICY_DENIES);
}

/* Whose role says nothing to us has nothing by the project, not even its list of buckets. */
static void test_strangers_in_their_project(void **state) {
    (void)state;
    struct access_request own = request("a", "a");
    own.standing = ACCESS_STRANGER;
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.question.action = SLICE("s3:ListAllMyBuckets");
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.question.action = SLICE("s3:GetObject");
    own.policy = policy("Allow", "{\"AWS\":\"a\"}");
    decides(&own, false, ACCESS_NOTHING_ALLOWS);
    own.policy = policy("Allow", "\"*\"");
    decides(&own, true, ACCESS_POLICY_ALLOWS);
}

/* Who owns the bucket can always take a policy away that shuts everybody out. */
static void test_the_owner_keeps_the_policy(void **state) {
    (void)state;
    struct access_request own = request("a", "a");
    own.policy = policy("Deny", "\"*\"");
    own.keeps_owner_in = true;
    decides(&own, true, ACCESS_OWNER);
    struct access_request foreign = request("b", "a");
    foreign.policy = own.policy;
    foreign.keeps_owner_in = true;
    decides(&foreign, false, ACCESS_POLICY_DENIES);
}

static void test_public_access_block(void **state) {
    (void)state;
    struct access_request foreign = request("a", "b");
    foreign.restrict_public = true;
    foreign.policy = policy("Allow", "\"*\"");
    decides(&foreign, false, ACCESS_PUBLIC_BLOCKED);
    foreign.policy = policy("Allow", "{\"AWS\":\"a\"}");
    decides(&foreign, true, ACCESS_POLICY_ALLOWS);
    struct access_request own = request("b", "b");
    own.restrict_public = true;
    own.policy = policy("Allow", "\"*\"");
    decides(&own, true, ACCESS_OWNER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_project_owns_its_buckets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers_in_their_project, setup, teardown),
        cmocka_unit_test_setup_teardown(test_administrator_may, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_may_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everybody_may_ask_for_their_buckets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policies_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_denial_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_owner_keeps_the_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_public_access_block, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
