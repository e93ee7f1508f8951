/* Application credentials: what they are good for, and what ends them. */
#include "identity/builtin_application.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/date.h"
#include "kv/mem.h"

struct fixture {
    struct kv *kv;
    struct clock_manual clock;
    struct key_file key;
    struct builtin *store;
    struct arena arena;
    struct note note;
    struct builtin_entity user;
    struct builtin_entity project;
};

static struct builtin_entity create(struct fixture *f, enum builtin_kind kind, const char *name) {
    struct builtin_entity wanted = {
        .kind = kind, .name = slice_str(name), .id = slice_str(name), .enabled = true};
    struct builtin_entity made = {.id = SLICE("")};
    assert_true(is_ok(builtin_create(f->store, &wanted, &f->arena, &f->note, &made)));
    return made;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->kv = kv_mem_open();
    clock_manual_init(&f->clock, 1700000000 * NS_PER_S);
    arena_init(&f->arena, 64 * 1024, 64 * 1024 * 1024);
    struct builtin_options options = {.kv = f->kv,
                                      .clock = &f->clock.clock,
                                      .random = random_system(),
                                      .key = &f->key,
                                      .password_cost = {.log_n = 4, .r = 8, .p = 1}};
    assert_true(is_ok(builtin_open(&options, &f->note, &f->store)));
    create(f, BUILTIN_DOMAIN, "default");
    f->user = create(f, BUILTIN_USER, "ann");
    f->project = create(f, BUILTIN_PROJECT, "p");
    struct status s =
        builtin_role_grant(f->store, f->user.id, f->project.id, BUILTIN_ROLE_MEMBER, &f->note);
    assert_true(is_ok(s));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    builtin_close(&f->store);
    arena_fini(&f->arena);
    kv_close(&f->kv);
    free(f);
    return 0;
}

static struct status make(struct fixture *f, const char *name, unsigned roles, int64_t expires_ns,
                          struct builtin_application *ret_made) {
    struct builtin_application wanted = {.user_id = f->user.id,
                                         .project_id = f->project.id,
                                         .name = slice_str(name),
                                         .roles = roles,
                                         .expires_ns = expires_ns};
    return builtin_application_create(f->store, &wanted, &f->arena, &f->note, ret_made);
}

static struct status login(struct fixture *f, struct slice id, struct slice secret,
                           struct builtin_application *ret_application) {
    struct builtin_application_login wanted = {
        .id = id, .secret = secret, .source = SLICE("10.0.0.1")};
    int64_t wait_ns;
    return builtin_application_login(f->store, &wanted, &f->arena, &wait_ns, ret_application);
}

static struct slice token_of(struct fixture *f, const struct builtin_application *application) {
    struct builtin_token_wanted wanted = {.user_id = application->user_id,
                                          .project_id = application->project_id,
                                          .application_id = application->id,
                                          .methods = BUILTIN_METHOD_APPLICATION,
                                          .expires_ns = f->clock.now_ns + 3600 * NS_PER_S};
    struct builtin_bearer bearer;
    struct slice text = SLICE("");
    assert_true(is_ok(builtin_token_issue(f->store, &wanted, &f->arena, &text, &bearer)));
    return text;
}

static unsigned roles_of(struct fixture *f, struct slice token) {
    struct principal who;
    struct identity *identity = builtin_identity(f->store);
    struct status s = identity_token_find(identity, token, &f->arena, &who);
    assert_true(is_ok(s) || status_is(s, STATUS_NOT_FOUND));
    return is_ok(s) ? who.roles : 0;
}

static void test_a_part_of_the_rights(void **state) {
    struct fixture *f = *state;
    struct builtin_application made, found;
    assert_true(is_ok(make(f, "backup", BUILTIN_ROLE_READER, 0, &made)));
    assert_int_equal(made.secret.len, BUILTIN_APPLICATION_SECRET_LEN);
    assert_true(is_ok(login(f, made.id, made.secret, &found)));
    assert_true(slice_eq(found.name, SLICE("backup")) && found.secret.len == 0);
    assert_true(status_is(login(f, made.id, SLICE("wrong secret"), &found), STATUS_DENIED));
    assert_true(
        status_is(login(f, SLICE("ann.0123456789abcdef"), made.secret, &found), STATUS_DENIED));
    assert_true(status_is(login(f, SLICE("."), made.secret, &found), STATUS_DENIED));
    assert_true(status_is(login(f, SLICE(""), made.secret, &found), STATUS_DENIED));
    struct builtin_application_login by_name = {.user_id = f->user.id,
                                                .name = SLICE("backup"),
                                                .secret = made.secret,
                                                .source = SLICE("10.0.0.2")};
    int64_t wait_ns;
    assert_true(is_ok(builtin_application_login(f->store, &by_name, &f->arena, &wait_ns, &found)));
    struct slice token = token_of(f, &made);
    assert_int_equal(roles_of(f, token), BUILTIN_ROLE_READER);
    /* It has what both have: the user's other roles are not its own, and it keeps none they lost.
     */
    struct status s =
        builtin_role_revoke(f->store, f->user.id, f->project.id, BUILTIN_ROLE_READER, &f->note);
    assert_true(is_ok(s));
    assert_int_equal(roles_of(f, token), 0);
}

static void test_what_ends_one(void **state) {
    struct fixture *f = *state;
    struct builtin_application made, found;
    int64_t end_ns = f->clock.now_ns + 60 * NS_PER_S;
    assert_true(is_ok(make(f, "brief", BUILTIN_ROLE_MEMBER, end_ns, &made)));
    struct slice token = token_of(f, &made);
    assert_int_equal(roles_of(f, token), BUILTIN_ROLE_MEMBER | BUILTIN_ROLE_READER);
    f->clock.now_ns = end_ns;
    assert_int_equal(roles_of(f, token), 0);
    assert_true(status_is(login(f, made.id, made.secret, &found), STATUS_DENIED));
    assert_true(is_ok(make(f, "brief", BUILTIN_ROLE_MEMBER, 0, &made)));
    token = token_of(f, &made);
    assert_true(status_is(make(f, "brief", BUILTIN_ROLE_MEMBER, 0, &found), STATUS_EXISTS));
    assert_true(is_ok(builtin_application_delete(f->store, made.id, &f->note)));
    assert_int_equal(roles_of(f, token), 0);
    assert_true(status_is(login(f, made.id, made.secret, &found), STATUS_DENIED));
    struct status s = builtin_application_delete(f->store, made.id, &f->note);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = builtin_application_find(f->store, made.id, &f->arena, &found);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    /* A project made anew under the old id has none of the one before. */
    assert_true(is_ok(make(f, "old", BUILTIN_ROLE_MEMBER, 0, &made)));
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_PROJECT, f->project.id, &f->note)));
    f->clock.now_ns += NS_PER_S;
    f->project = create(f, BUILTIN_PROJECT, "p");
    assert_true(status_is(login(f, made.id, made.secret, &found), STATUS_DENIED));
    struct builtin_application *list;
    size_t count;
    s = builtin_application_list(f->store, f->user.id, &f->arena, &list, &count);
    assert_true(is_ok(s));
    assert_int_equal(count, 0);
}

static void test_bounds(void **state) {
    struct fixture *f = *state;
    struct builtin_application made;
    assert_true(status_is(make(f, "", BUILTIN_ROLE_MEMBER, 0, &made), STATUS_INVALID));
    assert_true(status_is(make(f, "a\nb", BUILTIN_ROLE_MEMBER, 0, &made), STATUS_INVALID));
    assert_true(status_is(make(f, "none", 0, 0, &made), STATUS_INVALID));
    for (int i = 0; i < BUILTIN_APPLICATIONS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "app %d", i);
        assert_true(is_ok(make(f, name, BUILTIN_ROLE_MEMBER, 0, &made)));
    }
    assert_true(status_is(make(f, "more", BUILTIN_ROLE_MEMBER, 0, &made), STATUS_TOO_LARGE));
    struct builtin_application *list;
    size_t count;
    struct status s = builtin_application_list(f->store, f->user.id, &f->arena, &list, &count);
    assert_true(is_ok(s));
    assert_int_equal(count, BUILTIN_APPLICATIONS_MAX);
    assert_true(slice_eq(list[0].user_id, f->user.id));
}

static void test_guessing_waits(void **state) {
    struct fixture *f = *state;
    struct builtin_application made, found;
    assert_true(is_ok(make(f, "guessed", BUILTIN_ROLE_MEMBER, 0, &made)));
    struct status s = status_of(STATUS_DENIED);
    int guesses = 0;
    for (; status_is(s, STATUS_DENIED); guesses++) s = login(f, made.id, SLICE("guess"), &found);
    assert_true(status_is(s, STATUS_BUSY) && guesses < 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_part_of_the_rights),
        TEST(test_what_ends_one),
        TEST(test_bounds),
        TEST(test_guessing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
