#include "access/container_acl.h"

#include "../../support/expect.h"
#include "base/check.h"

static struct slice clean(const char *text, bool writes) {
    static char storage[1024];
    struct buf out;
    struct note why = {0};
    buf_init_fixed(&out, storage, sizeof storage);
    if (is_ok(container_acl_clean(slice_str(text), writes, &out, &why))) return buf_slice(&out);
    memcpy(storage, why.text, strlen(why.text));
    return slice_of(storage, strlen(why.text));
}

static void test_lists_become_clean(void **state) {
    (void)state;
    static const struct {
        const char *given;
        const char *clean;
    } cases[] = {
        {"", ""},
        {" , ,", ""},
        {" test2 , test ", "test2,test"},
        {".r:*", ".r:*"},
        {".r : *", ".r:*"},
        {".referrer:*, .ref:- www.example.com", ".r:*,.r:-www.example.com"},
        {".r:*.example.com", ".r:.example.com"},
        {".rlistings", ".rlistings"},
        {".nonsense", ".nonsense"},
        {"a:b:c", "a:b:c"},
        {".r:", "No host/domain value after referrer designation in ACL: '.r:'"},
        {".r:-", "No host/domain value after referrer designation in ACL: '.r:-'"},
        {".r:.", "No host/domain value after referrer designation in ACL: '.r:.'"},
        {".x:y", "Unknown designator '.x' in ACL: '.x:y'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice got = clean(cases[i].given, false);
        if (slice_eq(got, slice_str(cases[i].clean))) continue;
        fail_msg("%s: %.*s", cases[i].given, SLICE_FMT(got));
    }
    assert_true(
        slice_eq(clean("a:b,.r:*", true), SLICE("Referrers not allowed in write ACL: '.r:*'")));
}

static const struct container_acl_who anna = {.names_count = true,
                                              .project_id = {"p1", 2},
                                              .project_name = {"acme", 4},
                                              .user_id = {"u1", 2},
                                              .user_name = {"anna", 4},
                                              .role_names = {"member,auditor", 14}};

static void test_users_are_meant_by_id_name_and_role(void **state) {
    (void)state;
    static const char *const given[] = {"p1",     "acme",  "u1",         "auditor",
                                        "MEMBER", "p1:u1", "acme:*",     "*:anna",
                                        "*:u1",   "*:*",   "x,acme:anna"};
    static const char *const not_given[] = {
        "",        "anna", "p2",         "acme:bert", "p1:",        ":u1",
        "other:*", ".r:",  ".rlistings", "audit",     "acme:anna:x"};
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        if (container_acl_ask(slice_str(given[i]), true, &anna) == CONTAINER_ACL_NAMED) continue;
        fail_msg("%s does not mean anna", given[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(not_given); i++) {
        if (container_acl_ask(slice_str(not_given[i]), true, &anna) == CONTAINER_ACL_NOTHING)
            continue;
        fail_msg("%s means anna", not_given[i]);
    }
}

static void test_names_of_other_domains_do_not_count(void **state) {
    (void)state;
    struct container_acl_who who = anna;
    who.names_count = false;
    assert_int_equal(container_acl_ask(SLICE("acme:anna"), false, &who), CONTAINER_ACL_NOTHING);
    assert_int_equal(container_acl_ask(SLICE("acme"), false, &who), CONTAINER_ACL_NOTHING);
    assert_int_equal(container_acl_ask(SLICE("p1:u1"), false, &who), CONTAINER_ACL_NAMED);
}

static void test_what_a_project_gets_is_not_for_who_acts_for_itself(void **state) {
    (void)state;
    struct container_acl_who who = anna;
    who.for_itself = true;
    assert_int_equal(container_acl_ask(SLICE("acme"), false, &who), CONTAINER_ACL_NOTHING);
    assert_int_equal(container_acl_ask(SLICE("acme:*"), false, &who), CONTAINER_ACL_NOTHING);
    assert_int_equal(container_acl_ask(SLICE("acme:anna"), false, &who), CONTAINER_ACL_NAMED);
}

static void test_referrers_decide_one_after_the_other(void **state) {
    (void)state;
    static const struct {
        const char *acl;
        const char *referer;
        bool allowed;
    } cases[] = {
        {".r:*", "", true},
        {".r:*", "http://www.example.com/x", true},
        {".r:.example.com", "http://www.example.com/x", true},
        {".r:.example.com", "http://example.com/x", false},
        {".r:.example.com", "", false},
        {".r:www.example.com", "https://u:p@WWW.example.com:80/x?y", true},
        {".r:*,.r:-.example.com", "http://www.example.com/x", false},
        {".r:*,.r:-.example.com", "http://www.example.org/x", true},
        {".r:-.example.com,.r:*", "http://www.example.com/x", true},
        {".r:example.com", "http://example.com.evil.test/", false},
        {".r:example.com", "http://evil.test/example.com", false},
        {".r:example.com", "http://evil.test?@example.com", false},
        {".rlistings", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct container_acl_who who = {.anonymous = true,
                                              .referer = slice_str(cases[i].referer)};
        enum container_acl_verdict got = container_acl_ask(slice_str(cases[i].acl), false, &who);
        if ((got == CONTAINER_ACL_PUBLIC) == cases[i].allowed) continue;
        fail_msg("%s from %s", cases[i].acl, cases[i].referer);
    }
}

static void test_listings_need_their_own_word(void **state) {
    (void)state;
    const struct container_acl_who nobody = {.anonymous = true};
    assert_int_equal(container_acl_ask(SLICE(".r:*"), true, &nobody), CONTAINER_ACL_NOTHING);
    assert_int_equal(container_acl_ask(SLICE(".r:*,.rlistings"), true, &nobody),
                     CONTAINER_ACL_PUBLIC);
    assert_int_equal(container_acl_ask(SLICE("*:*"), false, &nobody), CONTAINER_ACL_NOTHING);
}

static void test_public_lists_are_known(void **state) {
    (void)state;
    assert_true(container_acl_is_public(SLICE("a,.r:.example.com")));
    assert_false(container_acl_is_public(SLICE("a,.r:-.example.com,.rlistings,*:*")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_become_clean),
        cmocka_unit_test(test_users_are_meant_by_id_name_and_role),
        cmocka_unit_test(test_names_of_other_domains_do_not_count),
        cmocka_unit_test(test_what_a_project_gets_is_not_for_who_acts_for_itself),
        cmocka_unit_test(test_referrers_decide_one_after_the_other),
        cmocka_unit_test(test_listings_need_their_own_word),
        cmocka_unit_test(test_public_lists_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
