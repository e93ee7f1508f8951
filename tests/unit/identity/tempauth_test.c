/* Swift's old authentication: who is let in, what tokens are worth, and when they end. */
#include "identity/tempauth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "identity/builtin_login.h"
#include "kv/mem.h"

enum { USERS = 4 };

struct fixture {
    struct kv *kv;
    struct clock_manual clock;
    struct key_file key;
    struct builtin *store;
    struct tempauth *tempauth;
    struct tempauth_user users[USERS];
    struct arena arena;
    struct note note;
};

static struct tempauth_user parse(const char *text) {
    struct tempauth_user user;
    struct note note = {0};
    struct status s = tempauth_user_parse(slice_str(text), &note, &user);
    if (!is_ok(s)) print_error("%s\n", note.text);
    assert_true(is_ok(s));
    return user;
}

static void reopen(struct fixture *f, bool builtin_users) {
    struct tempauth_options options = {.store = f->store,
                                       .identity = builtin_identity(f->store),
                                       .clock = &f->clock.clock,
                                       .random = random_system(),
                                       .users = f->users,
                                       .user_count = USERS,
                                       .builtin_users = builtin_users,
                                       .token_lifetime_ns = 3600 * NS_PER_S};
    tempauth_close(&f->tempauth);
    assert_true(is_ok(tempauth_open(&options, &f->note, &f->tempauth)));
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
    f->users[0] = parse("test:tester testing .admin");
    f->users[1] = parse("  test:tester3   testing3  ");
    f->users[2] = parse("admin:admin admin .admin .reseller_admin");
    f->users[3] = parse("other:robot r2d2 service friends");
    reopen(f, false);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    tempauth_close(&f->tempauth);
    builtin_close(&f->store);
    arena_fini(&f->arena);
    kv_close(&f->kv);
    free(f);
    return 0;
}

static struct status login(struct fixture *f, const char *user, const char *key,
                           struct tempauth_grant *ret_grant) {
    struct tempauth_login wanted = {
        .user = slice_str(user), .key = slice_str(key), .source = SLICE("10.0.0.1")};
    int64_t wait_ns;
    return tempauth_login(f->tempauth, &wanted, &f->arena, &wait_ns, ret_grant);
}

static struct slice token_of(struct fixture *f, const char *user, const char *key) {
    struct tempauth_grant grant = {.token = SLICE("")};
    assert_true(is_ok(login(f, user, key, &grant)));
    return grant.token;
}

static struct status find(struct fixture *f, struct slice token, struct principal *ret_who) {
    return identity_token_find(tempauth_identity(f->tempauth), token, &f->arena, ret_who);
}

static void test_users_as_text(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "tester testing",
                                      ":tester testing",
                                      "test: testing",
                                      "test:tester",
                                      "te/st:tester testing",
                                      "test:a:b testing",
                                      "test:tester testing .king",
                                      "test:tester testing a,b"};
    struct tempauth_user user;
    struct note note;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct status s = tempauth_user_parse(slice_str(bad[i]), &note, &user);
        assert_true(status_is(s, STATUS_INVALID));
        assert_null(strstr(note.text, "testing"));
    }
    user = parse("test:tester testing .admin a b");
    assert_int_equal(user.group_count, 3);
    assert_true(slice_eq(user.key, SLICE("testing")));
}

static void test_rights(void **state) {
    struct fixture *f = *state;
    struct principal who;
    struct tempauth_grant grant;
    enum { ALL = IDENTITY_ROLE_READER | IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_ADMIN };
    assert_true(is_ok(login(f, "test:tester", "testing", &grant)));
    assert_true(slice_eq(grant.project_id, SLICE("test")));
    assert_true(grant.expires_ns == f->clock.now_ns + 3600 * NS_PER_S);
    assert_true(is_ok(find(f, grant.token, &who)));
    assert_int_equal(who.roles, ALL);
    assert_false(who.admin);
    assert_true(slice_eq(who.user_id, SLICE("test:tester")));
    assert_true(slice_eq(who.project_id, SLICE("test")));
    assert_true(who.expires_ns == grant.expires_ns);
    assert_true(is_ok(find(f, token_of(f, "test:tester3", "testing3"), &who)));
    assert_int_equal(who.roles, 0);
    assert_true(is_ok(find(f, token_of(f, "admin:admin", "admin"), &who)));
    assert_int_equal(who.roles, ALL | IDENTITY_ROLE_RESELLER);
    assert_true(who.admin);
    assert_true(is_ok(find(f, token_of(f, "other:robot", "r2d2"), &who)));
    assert_int_equal(who.roles, IDENTITY_ROLE_SERVICE);
    assert_true(slice_eq(who.role_names, SLICE("service,friends")));
}

static void test_who_is_not_let_in(void **state) {
    struct fixture *f = *state;
    struct tempauth_grant grant;
    assert_true(status_is(login(f, "test:tester", "testing3", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "test:tester", "", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "test:nobody", "testing", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "tester", "testing", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "", "", &grant), STATUS_DENIED));
    struct status s = status_of(STATUS_DENIED);
    int guesses = 0;
    for (; status_is(s, STATUS_DENIED); guesses++) s = login(f, "test:tester", "guess", &grant);
    assert_true(status_is(s, STATUS_BUSY) && guesses < 20);
    assert_true(status_is(login(f, "test:tester", "testing", &grant), STATUS_BUSY));
    assert_true(is_ok(login(f, "test:tester3", "testing3", &grant)));
}

static void test_tokens_end(void **state) {
    struct fixture *f = *state;
    struct principal who;
    struct slice token = token_of(f, "test:tester", "testing");
    reopen(f, false);
    assert_true(is_ok(find(f, token, &who)));
    char *copy = arena_cstr(&f->arena, token);
    for (size_t i = 0; i < token.len; i++) {
        copy[i] ^= 1;
        assert_true(status_is(find(f, slice_of(copy, token.len), &who), STATUS_NOT_FOUND));
        copy[i] ^= 1;
        assert_true(status_is(find(f, slice_take(token, i), &who), STATUS_NOT_FOUND));
    }
    /* With another password it is another user's. */
    f->users[0] = parse("test:tester other .admin");
    reopen(f, false);
    assert_true(status_is(find(f, token, &who), STATUS_NOT_FOUND));
    f->users[0] = parse("test:gone testing .admin");
    reopen(f, false);
    assert_true(status_is(find(f, token, &who), STATUS_NOT_FOUND));
    f->users[0] = parse("test:tester testing");
    reopen(f, false);
    assert_true(is_ok(find(f, token, &who)));
    assert_int_equal(who.roles, 0);
    f->clock.now_ns += 3600 * NS_PER_S;
    assert_true(status_is(find(f, token, &who), STATUS_NOT_FOUND));
}

static void create(struct fixture *f, enum builtin_kind kind, const char *name) {
    struct builtin_entity wanted = {.kind = kind, .name = slice_str(name), .enabled = true};
    if (kind == BUILTIN_DOMAIN) wanted.id = slice_str(name);
    struct builtin_entity made;
    assert_true(is_ok(builtin_create(f->store, &wanted, &f->arena, &f->note, &made)));
    if (kind != BUILTIN_USER) return;
    struct slice password = SLICE("correct horse");
    assert_true(is_ok(builtin_password_set(f->store, made.id, password, &f->note)));
}

static void test_users_of_our_own(void **state) {
    struct fixture *f = *state;
    struct principal who;
    struct tempauth_grant grant;
    struct builtin_entity project, user;
    create(f, BUILTIN_DOMAIN, "default");
    create(f, BUILTIN_PROJECT, "acme");
    create(f, BUILTIN_USER, "anna");
    assert_true(status_is(login(f, "acme:anna", "correct horse", &grant), STATUS_DENIED));
    reopen(f, true);
    assert_true(status_is(login(f, "acme:anna", "correct horse", &grant), STATUS_DENIED));
    assert_true(is_ok(builtin_find(f->store, BUILTIN_PROJECT, SLICE(""), SLICE("acme"), &f->arena,
                                   NULL, &project)));
    assert_true(is_ok(
        builtin_find(f->store, BUILTIN_USER, SLICE(""), SLICE("anna"), &f->arena, NULL, &user)));
    assert_true(
        is_ok(builtin_role_grant(f->store, user.id, project.id, BUILTIN_ROLE_READER, &f->note)));
    assert_true(status_is(login(f, "acme:anna", "wrong horse", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "nosuch:anna", "correct horse", &grant), STATUS_DENIED));
    assert_true(status_is(login(f, "acme:bert", "correct horse", &grant), STATUS_DENIED));
    assert_true(is_ok(login(f, "acme:anna", "correct horse", &grant)));
    assert_true(slice_eq(grant.project_id, project.id));
    assert_true(is_ok(find(f, grant.token, &who)));
    assert_true(slice_eq(who.user_id, user.id));
    assert_int_equal(who.roles, IDENTITY_ROLE_READER);
    assert_true(is_ok(login(f, "test:tester", "testing", &grant)));
}

static void test_names(void **state) {
    struct fixture *f = *state;
    struct identity *identity = tempauth_identity(f->tempauth);
    struct identity_entity found;
    struct slice name;
    assert_true(is_ok(identity_name_find(identity, SLICE("test:tester"), &f->arena, &name)));
    assert_true(slice_eq(name, SLICE("tester")));
    assert_true(is_ok(identity_name_find(identity, SLICE("other"), &f->arena, &name)));
    struct status s = identity_name_find(identity, SLICE("nosuch"), &f->arena, &name);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = identity_entity_find(identity, IDENTITY_PROJECT, SLICE(""), SLICE("admin"), &f->arena,
                             &found);
    assert_true(is_ok(s) && slice_eq(found.id, SLICE("admin")));
    s = identity_entity_find(identity, IDENTITY_USER, SLICE(""), SLICE("admin"), &f->arena, &found);
    assert_true(status_is(s, STATUS_NOT_FOUND));
}

static void test_twice_is_a_mistake(void **state) {
    struct fixture *f = *state;
    f->users[1] = f->users[0];
    struct tempauth_options options = {
        .store = f->store, .users = f->users, .user_count = USERS, .clock = &f->clock.clock};
    struct tempauth *other;
    assert_true(status_is(tempauth_open(&options, &f->note, &other), STATUS_EXISTS));
    assert_string_equal(f->note.text, "user test:tester is there twice");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_users_as_text),      TEST(test_rights),           TEST(test_who_is_not_let_in),
        TEST(test_tokens_end),         TEST(test_users_of_our_own), TEST(test_names),
        TEST(test_twice_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
