#include "access/acl_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

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

static void test_round_trip(void **state) {
    (void)state;
    const struct acl_grant grants[] = {
        {ACL_USER, SLICE("testid"), SLICE("M. Tester"), ACL_FULL_CONTROL},
        {ACL_USER, SLICE("u2"), SLICE(""), ACL_WRITE_ACP},
        {ACL_EVERYBODY, SLICE(""), SLICE(""), ACL_READ},
        {ACL_AUTHENTICATED, SLICE(""), SLICE(""), ACL_READ_ACP},
        {ACL_LOG_DELIVERY, SLICE(""), SLICE(""), ACL_WRITE},
    };
    const struct acl acl = {.grants = grants, .grant_count = ARRAY_LEN(grants)};
    struct slice text;
    struct acl again;
    assert_true(is_ok(acl_text_encode(&acl, &arena, &text)));
    assert_true(slice_eq(text, SLICE("uF testid M. Tester\nu8 u2 \ne1\na4\nl2\n")));
    assert_true(is_ok(acl_text_decode(text, &arena, &again)));
    assert_int_equal(again.grant_count, acl.grant_count);
    for (size_t i = 0; i < acl.grant_count; i++) {
        assert_int_equal(again.grants[i].kind, grants[i].kind);
        assert_int_equal(again.grants[i].permission, grants[i].permission);
        assert_true(slice_eq(again.grants[i].id, grants[i].id));
        assert_true(slice_eq(again.grants[i].name, grants[i].name));
    }
}

/* Nothing for anybody is something: no text would mean the owner's own list. */
static void test_no_grants(void **state) {
    (void)state;
    const struct acl nothing = {.owner_id = SLICE("own")};
    struct acl again;
    struct slice text;
    assert_true(is_ok(acl_text_encode(&nothing, &arena, &text)));
    assert_true(text.len > 0);
    assert_true(is_ok(acl_text_decode(text, &arena, &again)));
    assert_int_equal(again.grant_count, 0);
}

/* A name cannot add a grant. */
static void test_names_stay_in_their_line(void **state) {
    (void)state;
    const struct acl_grant grant = {ACL_USER, SLICE("u"), SLICE("a\ne1\r"), ACL_READ};
    const struct acl acl = {.grants = &grant, .grant_count = 1};
    struct acl again;
    struct slice text;
    assert_true(is_ok(acl_text_encode(&acl, &arena, &text)));
    assert_true(is_ok(acl_text_decode(text, &arena, &again)));
    assert_int_equal(again.grant_count, 1);
    assert_true(slice_eq(again.grants[0].name, SLICE("a e1 ")));
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const texts[] = {
        "e1", "e\n", "x1\n",    "eg\n",   "e1 \n",           "u1\n", "u1 id\n", "u1  n\n",
        "\n", "-",   "e1\n-\n", "-\n-\n", "u1 id n\ne1 x\n", "E1\n", "e1\n\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct acl acl;
        struct status s = acl_text_decode(slice_str(texts[i]), &arena, &acl);
        if (!status_is(s, STATUS_CORRUPT)) fail_msg("taken: %s", texts[i]);
    }
    const struct acl_grant grant = {ACL_USER, SLICE("a b"), SLICE(""), ACL_READ};
    const struct acl acl = {.grants = &grant, .grant_count = 1};
    struct slice text;
    assert_true(status_is(acl_text_encode(&acl, &arena, &text), STATUS_INVALID));
}

static void test_too_large(void **state) {
    (void)state;
    static struct acl_grant grants[ACL_GRANTS_MAX + 1];
    static char name[256];
    struct slice text;
    memset(name, 'n', sizeof name);
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        grants[i] = (struct acl_grant){ACL_USER, SLICE("u"), slice_of(name, sizeof name), ACL_READ};
    }
    const struct acl wide = {.grants = grants, .grant_count = ACL_GRANTS_MAX};
    assert_true(status_is(acl_text_encode(&wide, &arena, &text), STATUS_TOO_LARGE));
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) grants[i].name = SLICE("");
    const struct acl many = {.grants = grants, .grant_count = ACL_GRANTS_MAX + 1};
    struct acl again;
    assert_true(is_ok(acl_text_encode(&many, &arena, &text)));
    assert_true(status_is(acl_text_decode(text, &arena, &again), STATUS_CORRUPT));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_round_trip), CASE(test_no_grants), CASE(test_names_stay_in_their_line),
        CASE(test_refuses),    CASE(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
