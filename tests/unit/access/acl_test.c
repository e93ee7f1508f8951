#include "access/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static const struct policy_principal owner = {.account = {"own", 3}, .user_id = {"u1", 2}};
static const struct policy_principal other = {.account = {"oth", 3}, .user_id = {"u2", 2}};
static const struct policy_principal bucket_owner = {.account = {"buc", 3}, .user_id = {"u3", 2}};
static const struct policy_principal nobody = {.anonymous = true};

/* What each canned list of an object gives to whom. */
static const struct {
    const char *name;
    unsigned owner;
    unsigned other;
    unsigned bucket_owner;
    unsigned nobody;
    bool is_public;
} cases[] = {
    {"private", ACL_FULL_CONTROL, 0, 0, 0, false},
    {"public-read", ACL_FULL_CONTROL, ACL_READ, ACL_READ, ACL_READ, true},
    {"public-read-write", ACL_FULL_CONTROL, ACL_READ | ACL_WRITE, ACL_READ | ACL_WRITE,
     ACL_READ | ACL_WRITE, true},
    {"authenticated-read", ACL_FULL_CONTROL, ACL_READ, ACL_READ, 0, true},
    {"aws-exec-read", ACL_FULL_CONTROL, 0, 0, 0, false},
    {"bucket-owner-read", ACL_FULL_CONTROL, 0, ACL_READ, 0, false},
    {"bucket-owner-full-control", ACL_FULL_CONTROL, 0, ACL_FULL_CONTROL, 0, false},
    {"log-delivery-write", ACL_FULL_CONTROL, 0, 0, 0, false},
};

static void assert_gives(const struct acl *acl, const struct policy_principal *who,
                         unsigned permissions) {
    size_t grant;
    for (unsigned bit = 1; bit < ACL_FULL_CONTROL; bit <<= 1) {
        assert_int_equal(acl_allows(acl, who, bit, true, &grant), (permissions & bit) != 0);
    }
    bool all = acl_allows(acl, who, ACL_FULL_CONTROL, true, &grant);
    assert_int_equal(all, permissions == ACL_FULL_CONTROL);
}

static void test_canned(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096, 64 * 1024);
    struct acl_owners owners = {SLICE("own"), SLICE("Owner"), SLICE("buc"), SLICE("Bucket")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct acl acl;
        assert_true(is_ok(acl_canned(slice_str(cases[i].name), &owners, &arena, &acl)));
        assert_gives(&acl, &owner, cases[i].owner);
        assert_gives(&acl, &other, cases[i].other);
        assert_gives(&acl, &bucket_owner, cases[i].bucket_owner);
        assert_gives(&acl, &nobody, cases[i].nobody);
        assert_int_equal(acl_is_public(&acl), cases[i].is_public);
    }
    struct acl acl;
    struct status s = acl_canned(SLICE("everybody"), &owners, &arena, &acl);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    arena_fini(&arena);
}

/* One's own list can be read and written whatever it says; what it hangs on, not. */
static void test_owner_keeps_the_list(void **state) {
    (void)state;
    struct acl acl = {.owner_id = SLICE("own")};
    assert_gives(&acl, &owner, ACL_READ_ACP | ACL_WRITE_ACP);
    assert_gives(&acl, &other, 0);
    assert_gives(&acl, &nobody, 0);
}

static void test_grants_by_user_and_by_project(void **state) {
    (void)state;
    struct acl_grant grants[] = {
        {.kind = ACL_USER, .id = SLICE("u2"), .permission = ACL_READ},
        {.kind = ACL_USER, .id = SLICE("oth"), .permission = ACL_WRITE},
    };
    struct acl acl = {.owner_id = SLICE("own"), .grants = grants, .grant_count = 2};
    assert_gives(&acl, &other, ACL_READ | ACL_WRITE);
    assert_gives(&acl, &bucket_owner, 0);
    assert_false(acl_is_public(&acl));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canned),
        cmocka_unit_test(test_owner_keeps_the_list),
        cmocka_unit_test(test_grants_by_user_and_by_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
