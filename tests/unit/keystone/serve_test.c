/* Requests to the Identity API without a network: routes, who may, and what a stranger learns. */
#include "keystone/keystone.h"

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

static const struct keystone_endpoint endpoints[] = {
    {.region = SLICE("r1"), .host = SLICE("s3.example.com"), .tls = true},
    {.region = SLICE("r2"), .port = SLICE("9001")},
    {.region = SLICE("r2"), .port = SLICE("9002")},
};

struct fixture {
    struct kv *kv;
    struct clock_manual clock;
    struct random_seeded random;
    struct key_file key;
    struct keystone_service service;
    struct arena arena;
    struct note note;
    struct http_head head;
    struct keystone_call call;
    char text[4096];
    char token[BUILTIN_TOKEN_TEXT_MAX];
};

static void make(struct fixture *f, enum builtin_kind kind, const char *name, bool admin) {
    struct builtin_entity wanted = {.kind = kind,
                                    .name = slice_str(name),
                                    .id = slice_str(name),
                                    .enabled = true,
                                    .admin = admin};
    struct status s = builtin_create(f->service.store, &wanted, &f->arena, &f->note, &wanted);
    assert_true(is_ok(s));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->kv = kv_mem_open();
    clock_manual_init(&f->clock, 1700000000 * NS_PER_S);
    random_seeded_init(&f->random, 7);
    arena_init(&f->arena, 64 * 1024, 64 * 1024 * 1024);
    struct builtin_options options = {.kv = f->kv,
                                      .clock = &f->clock.clock,
                                      .random = &f->random.random,
                                      .key = &f->key,
                                      .password_cost = {.log_n = 4, .r = 8, .p = 1}};
    f->service = (struct keystone_service){
        .endpoints = endpoints, .endpoint_count = 3, .token_lifetime_ns = 3600 * NS_PER_S};
    if (!is_ok(builtin_open(&options, &f->note, &f->service.store))) return -1;
    make(f, BUILTIN_DOMAIN, "default", false);
    make(f, BUILTIN_USER, "ann", false);
    make(f, BUILTIN_USER, "ben", false);
    make(f, BUILTIN_USER, "root", true);
    make(f, BUILTIN_PROJECT, "p", false);
    make(f, BUILTIN_PROJECT, "q", false);
    struct builtin *store = f->service.store;
    bool ok =
        is_ok(builtin_password_set(store, SLICE("ann"), SLICE("password"), &f->note)) &&
        is_ok(builtin_role_grant(store, SLICE("ann"), SLICE("p"), BUILTIN_ROLE_MEMBER, &f->note));
    *state = f;
    return ok ? 0 : -1;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    keystone_fini(&f->call);
    builtin_close(&f->service.store);
    arena_fini(&f->arena);
    kv_close(&f->kv);
    free(f);
    return 0;
}

/* Makes the request and gives the status of the answer. */
static int ask(struct fixture *f, const char *method, const char *target, const char *token,
               const char *body) {
    size_t head_len;
    int len = snprintf(f->text, sizeof f->text,
                       "%s %s HTTP/1.1\r\nHost: id.example:5000\r\n%s%s%s\r\n", method, target,
                       token ? "X-Auth-Token: " : "", token ? token : "", token ? "\r\n" : "");
    assert_true(len > 0 && (size_t)len < sizeof f->text);
    enum http_head_verdict verdict =
        http_head_parse(slice_of(f->text, (size_t)len), &f->head, &head_len, NULL);
    assert_int_equal(verdict, HTTP_HEAD_COMPLETE);
    keystone_fini(&f->call);
    f->call = (struct keystone_call){.service = &f->service,
                                     .head = &f->head,
                                     .body = slice_str(body ? body : ""),
                                     .source = SLICE("192.0.2.1"),
                                     .request_id = SLICE("req-1"),
                                     .now_ns = f->clock.now_ns,
                                     .arena = &f->arena,
                                     .note = &f->note};
    keystone_serve(&f->call);
    return f->call.response.status;
}

static bool said(struct fixture *f, const char *text) {
    struct slice document = buf_slice(&f->call.document);
    return slice_find(document, slice_str(text), 0) < document.len;
}

#define LOGIN                                                                                   \
    "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":"     \
    "\"ann\","                                                                                  \
    "\"domain\":{\"id\":\"default\"},\"password\":\"%s\"}}},\"scope\":{\"project\":{\"id\":\"%" \
    "s\"}}}}"

static int login(struct fixture *f, const char *password, const char *project) {
    char body[1024];
    snprintf(body, sizeof body, LOGIN, password, project);
    int status = ask(f, "POST", "/v3/auth/tokens", NULL, body);
    struct slice token = http_response_find(&f->call.response, SLICE("X-Subject-Token"));
    snprintf(f->token, sizeof f->token, "%.*s", SLICE_FMT(token));
    return status;
}

static void test_discovery(void **state) {
    struct fixture *f = *state;
    assert_int_equal(ask(f, "GET", "/", NULL, NULL), 300);
    assert_true(said(f, "\"href\":\"http://id.example:5000/v3/\""));
    assert_int_equal(ask(f, "GET", "/v3", NULL, NULL), 200);
    assert_int_equal(ask(f, "HEAD", "/v3/", NULL, NULL), 200);
    f->service.url = SLICE("https://id.example.com");
    assert_int_equal(ask(f, "GET", "/v3/", NULL, NULL), 200);
    assert_true(said(f, "\"href\":\"https://id.example.com/v3/\""));
}

static void test_routes(void **state) {
    struct fixture *f = *state;
    assert_int_equal(ask(f, "GET", "/v2.0", NULL, NULL), 404);
    assert_int_equal(ask(f, "GET", "//", NULL, NULL), 404);
    assert_int_equal(ask(f, "GET", "/v3//auth/tokens", NULL, NULL), 404);
    assert_int_equal(ask(f, "GET", "/a/b/c/d/e/f/g/h/i/j", NULL, NULL), 404);
    assert_int_equal(ask(f, "DELETE", "/v3", NULL, NULL), 405);
    assert_int_equal(ask(f, "OPTIONS", "*", NULL, NULL), 405);
    assert_int_equal(ask(f, "GET", "/v3/users/%zz", NULL, NULL), 404);
    assert_int_equal(ask(f, "GET", "/v3/users?a=%zz", NULL, NULL), 400);
}

static void test_strangers(void **state) {
    struct fixture *f = *state;
    static const char *const targets[] = {"/v3/auth/tokens",   "/v3/auth/catalog",
                                          "/v3/auth/projects", "/v3/projects",
                                          "/v3/projects/p",    "/v3/users",
                                          "/v3/users/ann",     "/v3/roles",
                                          "/v3/credentials",   "/v3/users/ann/credentials/OS-EC2"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_int_equal(ask(f, "GET", targets[i], NULL, NULL), 401);
        assert_int_equal(ask(f, "GET", targets[i], "hink1.AAAA", NULL), 401);
        struct slice how = http_response_find(&f->call.response, SLICE("WWW-Authenticate"));
        assert_true(slice_eq(how, SLICE("Keystone uri=\"http://id.example:5000/v3\"")));
    }
}

static void test_login(void **state) {
    struct fixture *f = *state;
    assert_int_equal(login(f, "wrong", "p"), 401);
    /* No role, no such project: the same answer. */
    assert_int_equal(login(f, "password", "q"), 401);
    assert_int_equal(login(f, "password", "nosuch"), 401);
    assert_int_equal(login(f, "password", "p"), 201);
    assert_true(said(f, "\"expires_at\":\"2023-11-14T23:13:20.000000Z\""));
    assert_true(said(f, "\"roles\":[{\"id\":\"reader\",\"name\":\"reader\"},{\"id\":\"member\""));
    assert_true(said(f, "\"url\":\"https://s3.example.com/swift/v1/AUTH_p\""));
    assert_true(said(f, "\"url\":\"http://id.example:9001\""));
    assert_false(said(f, ":9002"));
    assert_int_equal(ask(f, "GET", "/v3/auth/projects", f->token, NULL), 200);
    assert_true(said(f, "\"projects\":[{\"id\":\"p\""));
    assert_false(said(f, "\"id\":\"q\""));
    f->clock.now_ns += 3600 * NS_PER_S;
    assert_int_equal(ask(f, "GET", "/v3/auth/projects", f->token, NULL), 401);
}

#define LOGIN_IN                                                                            \
    "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":" \
    "\"ann\","                                                                              \
    "\"domain\":{\"name\":\"%s\"},\"password\":\"password\"}}}}}"

static void test_the_default_domain_has_two_spellings(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *domain;
        int status;
    } cases[] = {{"default", 201}, {"Default", 201}, {"defaults", 401}, {"", 400}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        snprintf(body, sizeof body, LOGIN_IN, cases[i].domain);
        assert_int_equal(ask(f, "POST", "/v3/auth/tokens", NULL, body), cases[i].status);
    }
    /* A domain that is called so is another one. */
    struct builtin_entity wanted = {
        .kind = BUILTIN_DOMAIN, .name = SLICE("Default"), .id = SLICE("d2"), .enabled = true};
    struct status s = builtin_create(f->service.store, &wanted, &f->arena, &f->note, &wanted);
    assert_true(is_ok(s));
    char body[512];
    snprintf(body, sizeof body, LOGIN_IN, "Default");
    assert_int_equal(ask(f, "POST", "/v3/auth/tokens", NULL, body), 401);
}

static void test_others(void **state) {
    struct fixture *f = *state;
    assert_int_equal(login(f, "password", "p"), 201);
    assert_int_equal(ask(f, "GET", "/v3/users/ann", f->token, NULL), 200);
    /* Who is there and who is not looks the same. */
    assert_int_equal(ask(f, "GET", "/v3/users/ben", f->token, NULL), 403);
    assert_int_equal(ask(f, "GET", "/v3/users/nosuch", f->token, NULL), 403);
    assert_int_equal(ask(f, "GET", "/v3/projects/p", f->token, NULL), 200);
    assert_int_equal(ask(f, "GET", "/v3/projects/q", f->token, NULL), 403);
    assert_int_equal(ask(f, "GET", "/v3/projects/nosuch", f->token, NULL), 403);
    assert_int_equal(ask(f, "GET", "/v3/users", f->token, NULL), 200);
    assert_true(said(f, "\"ann\"") && !said(f, "\"ben\""));
    assert_int_equal(ask(f, "GET", "/v3/users/ben/credentials/OS-EC2", f->token, NULL), 403);
    assert_int_equal(ask(f, "PUT", "/v3/projects/q/users/ann/roles/admin", f->token, NULL), 403);
    assert_int_equal(
        ask(f, "POST", "/v3/users/ben/credentials/OS-EC2", f->token, "{\"tenant_id\":\"p\"}"), 403);
    assert_int_equal(
        ask(f, "POST", "/v3/users/ann/credentials/OS-EC2", f->token, "{\"tenant_id\":\"q\"}"), 403);
    assert_int_equal(
        ask(f, "POST", "/v3/users/ann/credentials/OS-EC2", f->token, "{\"tenant_id\":\"p\"}"), 201);
    assert_true(said(f, "\"access\":\"HINK"));
    assert_int_equal(ask(f, "GET", "/v3/users/ann/credentials/OS-EC2", f->token, NULL), 200);
    assert_true(said(f, "\"access\":\"HINK"));
}

static void test_no_header_is_injected(void **state) {
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, HTTP_RESPONSE_HEAD_MAX);
    assert_int_equal(ask(f, "GET", "/v3/users/a%0d%0aX-Evil:%201", "x", NULL), 401);
    assert_true(is_ok(http_response_encode(&f->call.response, &out)));
    assert_int_equal(slice_find(buf_slice(&out), SLICE("Evil"), 0), out.len);
    buf_fini(&out);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_discovery),
        TEST(test_routes),
        TEST(test_strangers),
        TEST(test_login),
        TEST(test_others),
        TEST(test_the_default_domain_has_two_spellings),
        TEST(test_no_header_is_injected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
