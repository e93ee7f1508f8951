#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h needs the headers above before it */
#include <cmocka.h>

static struct access_request request(const char *project, const char *owner) {
    return (struct access_request){
        .action = "s3:GetObject",
        .principal_project = slice_str(project),
        .owner_project = slice_str(owner),
    };
}

static void test_project_owns_its_buckets(void **state) {
    (void)state;
    struct access_request own = request("a", "a");
    struct access_request foreign = request("a", "b");
    struct access_request longer = request("a", "ab");
    assert_true(access_allows(&own));
    assert_false(access_allows(&foreign));
    assert_false(access_allows(&longer));
}

static void test_administrator_may(void **state) {
    (void)state;
    struct access_request foreign = request("a", "b");
    foreign.principal_admin = true;
    assert_true(access_allows(&foreign));
}

static void test_nobody_may_not(void **state) {
    (void)state;
    /* Even where an owner is missing: nothing and nothing are not the same project. */
    struct access_request nobody = request("", "");
    nobody.principal_anonymous = true;
    assert_false(access_allows(&nobody));
    nobody.principal_anonymous = false;
    assert_false(access_allows(&nobody));
    struct access_request claimed = request("a", "a");
    claimed.principal_anonymous = true;
    assert_false(access_allows(&claimed));
}

static void test_everybody_may_ask_for_their_buckets(void **state) {
    (void)state;
    struct access_request nobody = request("", "");
    nobody.principal_anonymous = true;
    nobody.action = "s3:ListAllMyBuckets";
    assert_true(access_allows(&nobody));
    nobody.action = "s3:ListAllMyBucketsAndMore";
    assert_false(access_allows(&nobody));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_project_owns_its_buckets),
        cmocka_unit_test(test_administrator_may),
        cmocka_unit_test(test_nobody_may_not),
        cmocka_unit_test(test_everybody_may_ask_for_their_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
