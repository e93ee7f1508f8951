/* Passwords, roles and tokens: what opens, what does not, and what a change takes away. */
#include "identity/builtin_login.h"

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
#include "os/thread.h"

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

static struct builtin_entity create(struct fixture *f, enum builtin_kind kind, const char *name,
                                    bool admin) {
    struct builtin_entity wanted = {.kind = kind,
                                    .name = slice_str(name),
                                    .id = slice_str(name),
                                    .enabled = true,
                                    .admin = admin};
    struct builtin_entity made;
    struct status s = builtin_create(f->store, &wanted, &f->arena, &f->note, &made);
    if (!is_ok(s)) print_error("%s\n", f->note.text);
    assert_true(is_ok(s));
    return made;
}

static void reopen(struct fixture *f) {
    struct builtin_options options = {.kv = f->kv,
                                      .clock = &f->clock.clock,
                                      .random = random_system(),
                                      .key = &f->key,
                                      .password_cost = {.log_n = 4, .r = 8, .p = 1}};
    builtin_close(&f->store);
    assert_true(is_ok(builtin_open(&options, &f->note, &f->store)));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->kv = kv_mem_open();
    clock_manual_init(&f->clock, 1700000000 * NS_PER_S);
    arena_init(&f->arena, 64 * 1024, 64 * 1024 * 1024);
    reopen(f);
    struct builtin_entity domain = {
        .kind = BUILTIN_DOMAIN, .name = SLICE("default"), .id = SLICE("default"), .enabled = true};
    if (!is_ok(builtin_create(f->store, &domain, &f->arena, &f->note, &domain))) return -1;
    f->user = create(f, BUILTIN_USER, "ann", false);
    f->project = create(f, BUILTIN_PROJECT, "p", false);
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

static struct status login(struct fixture *f, const char *user, const char *password) {
    struct builtin_login wanted = {
        .user_id = slice_str(user), .password = slice_str(password), .source = SLICE("127.0.0.1")};
    int64_t wait_ns;
    return builtin_login(f->store, &wanted, &wait_ns);
}

static void grant(struct fixture *f, unsigned roles) {
    assert_true(is_ok(builtin_role_grant(f->store, f->user.id, f->project.id, roles, &f->note)));
}

static struct status issue(struct fixture *f, struct slice project_id, struct slice *ret_text) {
    struct builtin_token_wanted wanted = {.user_id = f->user.id,
                                          .project_id = project_id,
                                          .methods = BUILTIN_METHOD_PASSWORD,
                                          .expires_ns = f->clock.now_ns + 3600 * NS_PER_S};
    struct builtin_bearer bearer;
    return builtin_token_issue(f->store, &wanted, &f->arena, ret_text, &bearer);
}

static struct slice token_of(struct fixture *f) {
    struct slice text = SLICE("");
    assert_true(is_ok(issue(f, f->project.id, &text)));
    return text;
}

static bool opens(struct fixture *f, struct slice text) {
    struct builtin_bearer bearer;
    struct status s = builtin_token_open(f->store, text, &f->arena, &bearer);
    assert_true(is_ok(s) || status_is(s, STATUS_NOT_FOUND));
    return is_ok(s);
}

static void revoke(struct fixture *f, struct slice text) {
    struct builtin_bearer bearer;
    assert_true(is_ok(builtin_token_open(f->store, text, &f->arena, &bearer)));
    assert_true(is_ok(builtin_token_revoke(f->store, &bearer, &f->note)));
}

static void test_password(void **state) {
    struct fixture *f = *state;
    assert_true(status_is(login(f, "ann", "correct horse"), STATUS_DENIED));
    struct slice good = SLICE("correct horse");
    assert_true(is_ok(builtin_password_set(f->store, f->user.id, good, &f->note)));
    assert_true(is_ok(login(f, "ann", "correct horse")));
    assert_true(status_is(login(f, "ann", "correct Horse"), STATUS_DENIED));
    assert_true(status_is(login(f, "ann", ""), STATUS_DENIED));
    assert_true(status_is(login(f, "bob", "correct horse"), STATUS_DENIED));
    assert_true(status_is(login(f, "no id\n", "correct horse"), STATUS_DENIED));
    reopen(f);
    assert_true(is_ok(login(f, "ann", "correct horse")));
    assert_true(is_ok(builtin_set_enabled(f->store, BUILTIN_USER, f->user.id, false, &f->note)));
    assert_true(status_is(login(f, "ann", "correct horse"), STATUS_DENIED));
}

static void test_passwords_that_are_none(void **state) {
    struct fixture *f = *state;
    static const char *const bad[] = {"", "1234567", "with\ncontrol",
                                      "\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct status s = builtin_password_set(f->store, f->user.id, slice_str(bad[i]), &f->note);
        assert_true(status_is(s, STATUS_INVALID));
    }
    struct status s = builtin_password_set(f->store, SLICE("bob"), SLICE("12345678"), &f->note);
    assert_true(status_is(s, STATUS_NOT_FOUND));
}

static void test_guessing_waits(void **state) {
    struct fixture *f = *state;
    struct builtin_login wanted = {
        .user_id = f->user.id, .password = SLICE("wrong guess"), .source = SLICE("10.0.0.1")};
    int64_t wait_ns;
    struct slice good = SLICE("right guess");
    assert_true(is_ok(builtin_password_set(f->store, f->user.id, good, &f->note)));
    struct status s = status_of(STATUS_DENIED);
    int guesses = 0;
    while (status_is(s, STATUS_DENIED)) {
        s = builtin_login(f->store, &wanted, &wait_ns);
        guesses++;
    }
    assert_true(status_is(s, STATUS_BUSY) && wait_ns > 0 && guesses < 20);
    /* The right one has to wait too: else the answer would tell. */
    wanted.password = good;
    assert_true(status_is(builtin_login(f->store, &wanted, &wait_ns), STATUS_BUSY));
    f->clock.now_ns += wait_ns;
    assert_true(is_ok(builtin_login(f->store, &wanted, &wait_ns)));
}

static void test_roles(void **state) {
    struct fixture *f = *state;
    unsigned roles;
    assert_true(is_ok(builtin_roles_of(f->store, &f->user, &f->project, &f->arena, &roles)));
    assert_int_equal(roles, 0);
    grant(f, BUILTIN_ROLE_MEMBER);
    assert_true(is_ok(builtin_roles_of(f->store, &f->user, &f->project, &f->arena, &roles)));
    assert_int_equal(roles, BUILTIN_ROLE_MEMBER | BUILTIN_ROLE_READER);
    struct builtin_grant *grants;
    size_t count;
    assert_true(
        is_ok(builtin_grant_list(f->store, f->user.id, &f->arena, &f->note, &grants, &count)));
    assert_int_equal(count, 1);
    assert_true(slice_eq(grants[0].project.id, f->project.id));
    struct status s =
        builtin_role_revoke(f->store, f->user.id, f->project.id, BUILTIN_ROLE_READER, &f->note);
    assert_true(is_ok(s));
    assert_true(is_ok(builtin_roles_of(f->store, &f->user, &f->project, &f->arena, &roles)));
    assert_int_equal(roles, 0);
    s = builtin_role_grant(f->store, f->user.id, SLICE("nosuch"), 1, &f->note);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = builtin_role_grant(f->store, SLICE("nosuch"), f->project.id, 1, &f->note);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    struct builtin_entity admin = create(f, BUILTIN_USER, "root", true);
    assert_true(is_ok(builtin_roles_of(f->store, &admin, &f->project, &f->arena, &roles)));
    assert_int_equal(roles, 15);
}

static void test_a_new_project_inherits_no_roles(void **state) {
    struct fixture *f = *state;
    unsigned roles;
    grant(f, BUILTIN_ROLE_ADMIN);
    struct slice token = token_of(f);
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_PROJECT, f->project.id, &f->note)));
    f->clock.now_ns += NS_PER_S;
    f->project = create(f, BUILTIN_PROJECT, "p", false);
    assert_true(is_ok(builtin_roles_of(f->store, &f->user, &f->project, &f->arena, &roles)));
    assert_int_equal(roles, 0);
    assert_false(opens(f, token));
}

static void test_a_new_user_inherits_nothing(void **state) {
    struct fixture *f = *state;
    grant(f, BUILTIN_ROLE_ADMIN);
    assert_true(is_ok(builtin_password_set(f->store, f->user.id, SLICE("password"), &f->note)));
    struct slice token = token_of(f);
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_USER, f->user.id, &f->note)));
    f->clock.now_ns += NS_PER_S;
    f->user = create(f, BUILTIN_USER, "ann", false);
    assert_true(status_is(login(f, "ann", "password"), STATUS_DENIED));
    assert_false(opens(f, token));
    grant(f, BUILTIN_ROLE_ADMIN);
    assert_false(opens(f, token));
}

static void test_token(void **state) {
    struct fixture *f = *state;
    struct slice text;
    assert_true(status_is(issue(f, f->project.id, &text), STATUS_DENIED));
    assert_true(is_ok(issue(f, SLICE(""), &text)));
    assert_true(opens(f, text));
    grant(f, BUILTIN_ROLE_MEMBER);
    text = token_of(f);
    struct builtin_bearer bearer;
    assert_true(is_ok(builtin_token_open(f->store, text, &f->arena, &bearer)));
    assert_true(slice_eq(bearer.user.id, f->user.id));
    assert_true(slice_eq(bearer.project.id, f->project.id));
    assert_int_equal(bearer.roles, BUILTIN_ROLE_MEMBER | BUILTIN_ROLE_READER);
    reopen(f);
    assert_true(opens(f, text));
    f->clock.now_ns += 3600 * NS_PER_S - 1;
    assert_true(opens(f, text));
    f->clock.now_ns++;
    assert_false(opens(f, text));
}

static void test_forged_tokens(void **state) {
    struct fixture *f = *state;
    grant(f, BUILTIN_ROLE_MEMBER);
    struct slice text = token_of(f);
    char *bytes = arena_cstr(&f->arena, text);
    for (size_t i = 0; i < text.len; i++) {
        char was = bytes[i];
        bytes[i] = was == 'A' ? 'B' : 'A';
        assert_false(opens(f, slice_of(bytes, text.len)));
        bytes[i] = was;
        assert_false(opens(f, slice_of(bytes, i)));
    }
    assert_true(opens(f, slice_of(bytes, text.len)));
    assert_false(opens(f, SLICE("")));
    assert_false(opens(f, SLICE("hink1.")));
}

static void test_what_ends_a_token(void **state) {
    struct fixture *f = *state;
    grant(f, BUILTIN_ROLE_MEMBER);
    struct slice first = token_of(f);
    struct slice second = token_of(f);
    revoke(f, first);
    assert_false(opens(f, first));
    reopen(f);
    assert_false(opens(f, first));
    assert_true(opens(f, second));
    struct status s = builtin_role_revoke(f->store, f->user.id, f->project.id, 7, &f->note);
    assert_true(is_ok(s));
    assert_false(opens(f, second));
    grant(f, BUILTIN_ROLE_MEMBER);
    assert_true(opens(f, second));
    static const enum builtin_kind kinds[] = {BUILTIN_USER, BUILTIN_PROJECT, BUILTIN_DOMAIN};
    static const char *const ids[] = {"ann", "p", "default"};
    for (size_t i = 0; i < 3; i++) {
        struct slice id = slice_str(ids[i]);
        assert_true(is_ok(builtin_set_enabled(f->store, kinds[i], id, false, &f->note)));
        assert_false(opens(f, second));
        assert_true(is_ok(builtin_set_enabled(f->store, kinds[i], id, true, &f->note)));
        assert_true(opens(f, second));
    }
    f->clock.now_ns++;
    struct slice password = SLICE("a new password");
    assert_true(is_ok(builtin_password_set(f->store, f->user.id, password, &f->note)));
    assert_false(opens(f, second));
    assert_true(opens(f, token_of(f)));
}

static void test_the_list_is_bounded(void **state) {
    struct fixture *f = *state;
    grant(f, BUILTIN_ROLE_MEMBER);
    struct slice other = token_of(f);
    for (int i = 0; i < BUILTIN_REVOKED_MAX; i++) {
        struct slice text = token_of(f);
        revoke(f, text);
        assert_false(opens(f, text));
    }
    assert_true(opens(f, other));
    struct slice last = token_of(f);
    revoke(f, last);
    assert_false(opens(f, last));
    /* The price of one too many: all that the user has. */
    assert_false(opens(f, other));
    assert_true(opens(f, token_of(f)));
}

static void test_expired_revocations_make_room(void **state) {
    struct fixture *f = *state;
    grant(f, BUILTIN_ROLE_MEMBER);
    for (int i = 0; i < BUILTIN_REVOKED_MAX; i++) revoke(f, token_of(f));
    f->clock.now_ns += 3600 * NS_PER_S;
    struct slice other = token_of(f);
    revoke(f, token_of(f));
    assert_true(opens(f, other));
}

static void test_keys_that_need_a_role(void **state) {
    struct fixture *f = *state;
    struct builtin_key wanted = {
        .user_id = f->user.id, .project_id = f->project.id, .enabled = true, .needs_role = true};
    struct builtin_key made;
    struct builtin_key seen;
    struct identity_key found;
    struct identity *identity = builtin_identity(f->store);
    assert_true(is_ok(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &made)));
    assert_true(is_ok(builtin_key_reveal(f->store, made.access_key, &f->arena, &f->note, &seen)));
    assert_true(slice_eq(seen.secret, made.secret) && seen.needs_role);
    struct status s = identity_key_find(identity, made.access_key, &f->arena, &found);
    assert_true(status_is(s, STATUS_DENIED));
    grant(f, BUILTIN_ROLE_READER);
    assert_true(is_ok(identity_key_find(identity, made.access_key, &f->arena, &found)));
    assert_int_equal(found.principal.roles, IDENTITY_ROLE_READER);
    grant(f, BUILTIN_ROLE_MEMBER);
    assert_true(is_ok(identity_key_find(identity, made.access_key, &f->arena, &found)));
    assert_int_equal(found.principal.roles, IDENTITY_ROLE_READER | IDENTITY_ROLE_MEMBER);
    assert_true(slice_eq(found.secret, made.secret));
    s = builtin_role_revoke(f->store, f->user.id, f->project.id, BUILTIN_ROLE_READER, &f->note);
    assert_true(is_ok(s));
    s = identity_key_find(identity, made.access_key, &f->arena, &found);
    assert_true(status_is(s, STATUS_DENIED));
}

/* The operator's keys need no role: their users are members. */
static void test_keys_that_need_none(void **state) {
    struct fixture *f = *state;
    struct builtin_key wanted = {
        .user_id = f->user.id, .project_id = f->project.id, .enabled = true};
    struct builtin_key made;
    struct identity_key found;
    struct identity *identity = builtin_identity(f->store);
    assert_true(is_ok(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &made)));
    assert_true(is_ok(identity_key_find(identity, made.access_key, &f->arena, &found)));
    assert_int_equal(found.principal.roles, IDENTITY_ROLE_READER | IDENTITY_ROLE_MEMBER);
    assert_false(found.principal.admin);
    assert_true(slice_eq(found.principal.role_names, SLICE("reader,member")));
    assert_true(slice_eq(found.principal.user_domain_name, SLICE("default")));
    grant(f, BUILTIN_ROLE_RESELLER);
    assert_true(is_ok(identity_key_find(identity, made.access_key, &f->arena, &found)));
    assert_true(found.principal.admin);
}

/* What a door gets for a token, and how soon it notices that there is less. */
static void test_tokens_as_doors_see_them(void **state) {
    struct fixture *f = *state;
    struct principal who;
    struct identity *identity = builtin_identity(f->store);
    grant(f, BUILTIN_ROLE_READER | BUILTIN_ROLE_SERVICE);
    struct slice token = token_of(f);
    /* Once out of the store and once out of the cache. */
    for (int i = 0; i < 2; i++) {
        assert_true(is_ok(identity_token_find(identity, token, &f->arena, &who)));
        assert_true(slice_eq(who.user_id, f->user.id) && slice_eq(who.project_name, SLICE("p")));
        assert_int_equal(who.roles, IDENTITY_ROLE_READER | IDENTITY_ROLE_SERVICE);
        assert_true(slice_eq(who.role_names, SLICE("reader,service")));
        assert_true(slice_eq(who.project_domain_id, SLICE("default")));
        assert_true(who.access_key.len == 0 && !who.admin && !who.anonymous);
        assert_true(who.expires_ns == f->clock.now_ns + 3600 * NS_PER_S);
    }
    struct status s =
        builtin_role_revoke(f->store, f->user.id, f->project.id, BUILTIN_ROLE_SERVICE, &f->note);
    assert_true(is_ok(s));
    assert_true(is_ok(identity_token_find(identity, token, &f->arena, &who)));
    assert_int_equal(who.roles, IDENTITY_ROLE_READER);
    revoke(f, token);
    s = identity_token_find(identity, token, &f->arena, &who);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    struct slice other = token_of(f);
    assert_true(is_ok(identity_token_find(identity, other, &f->arena, &who)));
    /* The cache's clock is another than the one that tokens expire by. */
    f->clock.now_ns += 3600 * NS_PER_S;
    s = identity_token_find(identity, other, &f->arena, &who);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = identity_token_find(identity, SLICE(""), &f->arena, &who);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = identity_token_find(identity, SLICE("hink1.AAAA"), &f->arena, &who);
    assert_true(status_is(s, STATUS_NOT_FOUND));
}

static void test_others_are_found(void **state) {
    struct fixture *f = *state;
    struct identity_entity found;
    struct identity *identity = builtin_identity(f->store);
    struct status s =
        identity_entity_find(identity, IDENTITY_USER, SLICE(""), SLICE("ann"), &f->arena, &found);
    assert_true(is_ok(s) && slice_eq(found.id, f->user.id));
    assert_true(slice_eq(found.domain_id, SLICE("default")));
    s = identity_entity_find(identity, IDENTITY_PROJECT, SLICE("default"), SLICE("p"), &f->arena,
                             &found);
    assert_true(is_ok(s) && slice_eq(found.name, SLICE("p")));
    s = identity_entity_find(identity, IDENTITY_PROJECT, SLICE(""), SLICE("ann"), &f->arena,
                             &found);
    assert_true(status_is(s, STATUS_NOT_FOUND));
}

enum { THREADS = 8, LOGINS = 40 };

/* Each thread is a client of its own: right, then wrong, then a token that is made and revoked. */
struct client {
    struct fixture *f;
    int number;
    int right;
    int denied;
    int void_tokens;
};

static void *run_client(void *argument) {
    struct client *c = argument;
    struct builtin *store = c->f->store;
    char source[16];
    struct arena arena;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    snprintf(source, sizeof source, "10.0.0.%d", c->number);
    struct builtin_login wanted = {.user_id = SLICE("ann"), .source = slice_str(source)};
    for (int i = 0; i < LOGINS; i++) {
        int64_t wait_ns;
        arena_reset(&arena);
        wanted.password = i % 8 == 7 ? SLICE("wrong guess") : SLICE("right guess");
        struct status s = builtin_login(store, &wanted, &wait_ns);
        if (is_ok(s)) c->right++;
        if (status_is(s, STATUS_DENIED)) c->denied++;
    }
    for (int i = 0; i < 4; i++) {
        struct builtin_token_wanted token = {
            .user_id = SLICE("ann"), .project_id = SLICE("p"), .expires_ns = INT64_MAX};
        struct builtin_bearer bearer;
        struct slice text;
        struct note note;
        if (!is_ok(builtin_token_issue(store, &token, &arena, &text, &bearer))) continue;
        if (!is_ok(builtin_token_revoke(store, &bearer, &note))) continue;
        struct status s = builtin_token_open(store, text, &arena, &bearer);
        if (status_is(s, STATUS_NOT_FOUND)) c->void_tokens++;
    }
    arena_fini(&arena);
    return NULL;
}

static void test_many_at_once(void **state) {
    struct fixture *f = *state;
    struct client clients[THREADS];
    struct thread threads[THREADS];
    struct slice good = SLICE("right guess");
    assert_true(is_ok(builtin_password_set(f->store, f->user.id, good, &f->note)));
    grant(f, BUILTIN_ROLE_MEMBER);
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (struct client){.f = f, .number = i};
        struct thread_config config = {
            .name = "client", .run = run_client, .argument = &clients[i]};
        assert_true(is_ok(thread_start(&config, NULL, &threads[i])));
    }
    for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(clients[i].right, LOGINS - LOGINS / 8);
        assert_int_equal(clients[i].denied, LOGINS / 8);
        assert_int_equal(clients[i].void_tokens, 4);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_password),
        TEST(test_passwords_that_are_none),
        TEST(test_guessing_waits),
        TEST(test_roles),
        TEST(test_a_new_project_inherits_no_roles),
        TEST(test_a_new_user_inherits_nothing),
        TEST(test_token),
        TEST(test_forged_tokens),
        TEST(test_what_ends_a_token),
        TEST(test_the_list_is_bounded),
        TEST(test_expired_revocations_make_room),
        TEST(test_keys_that_need_a_role),
        TEST(test_keys_that_need_none),
        TEST(test_tokens_as_doors_see_them),
        TEST(test_others_are_found),
        TEST(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
