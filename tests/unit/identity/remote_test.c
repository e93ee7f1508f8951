/* Users of a Keystone: what a key or token is worth, how long, and what happens without it. */
#include "identity/remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "crypto/digest.h"
#include "identity/remote_document.h"
#include "support/http_peer.h"

#define DOMAIN "\"domain\":{\"id\":\"default\",\"name\":\"Default\"}"
#define USER "\"user\":{\"id\":\"u1\",\"name\":\"ann\"," DOMAIN "}"
#define PROJECT "\"project\":{\"id\":\"p1\",\"name\":\"acme\"," DOMAIN "}"
#define EXPIRES "\"expires_at\":\"2033-01-01T00:00:00.000000Z\""

/* What the fake Keystone knows; changed with the peer's lock held. */
struct fixture {
    struct http_peer peer;
    struct clock_manual clock;
    struct remote *remote;
    struct arena arena;
    const char *role;     /* NULL: none */
    const char *blob;     /* of the credential; NULL: there is none */
    const char *disabled; /* "users", "projects" or "domains" */
    const char *document; /* in the place of every answer but the login's; NULL: none */
    int status;           /* of every answer but the login's; 0: as it should be */
    int login_status;     /* 201 */
    int generation;       /* of our token: another one is 401 */
    bool has_token;       /* the users' token is valid */
    int logins;
    char told[NOTE_TEXT_MAX];
    int tellings;
};

static void say_login(struct fixture *f, struct buf *out) {
    char header[64];
    f->logins++;
    snprintf(header, sizeof header, "X-Subject-Token: service-%d\r\n", f->generation);
    http_peer_say(out, f->login_status, header, SLICE("{\"token\":{" EXPIRES "}}"));
}

/* A document, with `text` in the place of its "%s". */
static void say(struct buf *out, const char *document, const char *text) {
    char bytes[2048];
    struct buf body;
    struct slice all = slice_str(document);
    size_t at = slice_find(all, SLICE("%s"), 0);
    buf_init_fixed(&body, bytes, sizeof bytes);
    buf_append(&body, slice_take(all, at));
    if (at < all.len) {
        buf_append(&body, slice_str(text));
        buf_append(&body, slice_skip(all, at + 2));
    }
    http_peer_say(out, 200, "", buf_slice(&body));
}

static bool is_enabled(const struct fixture *f, const char *kind) {
    return f->disabled == NULL || strcmp(f->disabled, kind) != 0;
}

static bool answer_resource(struct fixture *f, const struct http_peer_request *request,
                            struct buf *out) {
    struct slice path = slice_skip(request->target, 3);
    if (slice_starts_with(path, SLICE("/credentials/")) && f->blob != NULL) {
        say(out,
            "{\"credential\":{\"type\":\"ec2\",\"user_id\":\"u1\",\"project_id\":\"p1\","
            "\"blob\":\"%s\"}}",
            f->blob);
    } else if (slice_starts_with(path, SLICE("/role_assignments?effective&include_names&"
                                             "user.id=u1&scope.project.id=p1"))) {
        say(out,
            f->role == NULL
                ? "{\"role_assignments\":[]}"
                : "{\"role_assignments\":[{\"role\":{\"id\":\"r\",\"name\":\"%s\"}," USER
                  ",\"scope\":{" PROJECT "}}]}",
            f->role);
    } else if (slice_eq(path, SLICE("/users/u1"))) {
        say(out,
            "{\"user\":{\"id\":\"u1\",\"name\":\"ann\",\"domain_id\":\"default\",\"enabled\":%s}}",
            is_enabled(f, "users") ? "true" : "false");
    } else if (slice_eq(path, SLICE("/projects/p1"))) {
        say(out,
            "{\"project\":{\"id\":\"p1\",\"name\":\"acme\",\"domain_id\":\"default\",\"enabled\":%"
            "s}}",
            is_enabled(f, "projects") ? "true" : "false");
    } else if (slice_eq(path, SLICE("/projects?name=acme%20x&domain_id=default"))) {
        say(out,
            "{\"projects\":[{\"id\":\"p0\",\"name\":\"acme\",\"enabled\":true},{\"id\":\"p9\","
            "\"name\":\"acme x\",\"domain_id\":\"default\",\"enabled\":%s}]}",
            "true");
    } else if (slice_eq(path, SLICE("/domains/default"))) {
        say(out, "{\"domain\":{\"id\":\"default\",\"name\":\"Default\",\"enabled\":%s}}",
            is_enabled(f, "domains") ? "true" : "false");
    } else if (slice_starts_with(path, SLICE("/auth/tokens")) && f->has_token &&
               slice_eq(http_peer_header(request, "x-subject-token"), SLICE("the-token"))) {
        say(out, "{\"token\":{" EXPIRES "," USER "," PROJECT ",\"roles\":[{\"name\":\"%s\"}]}}",
            f->role);
    } else {
        http_peer_say(out, 404, "", SLICE("{\"error\":{\"code\":404}}"));
    }
    return true;
}

static bool answer(struct http_peer *peer, const struct http_peer_request *request,
                   struct buf *out) {
    struct fixture *f = peer->context;
    char token[32];
    if (slice_eq(request->method, SLICE("POST"))) {
        say_login(f, out);
        return true;
    }
    int len = snprintf(token, sizeof token, "service-%d", f->generation);
    bool ours = slice_eq(http_peer_header(request, "x-auth-token"), slice_of(token, (size_t)len));
    if (!ours) {
        http_peer_say(out, 401, "", SLICE("{}"));
    } else if (f->document != NULL || f->status != 0) {
        http_peer_say(out, f->status != 0 ? f->status : 200, "",
                      slice_str(f->document != NULL ? f->document : "{}"));
    } else {
        return answer_resource(f, request, out);
    }
    return true;
}

static void tell(void *context, bool is_problem, const char *text) {
    struct fixture *f = context;
    (void)is_problem;
    f->tellings++;
    snprintf(f->told, sizeof f->told, "%s", text);
}

#define BLOB \
    "{\\\"access\\\":\\\"AKONE\\\",\\\"secret\\\":\\\"s3cr3t-of-ann\\\",\\\"trust_id\\\":null}"

static int setup(void **state) {
    static const char *const reader[] = {"reader"};
    static const char *const member[] = {"member"};
    static const char *const reseller[] = {"ResellerAdmin"};
    struct fixture *f = calloc(1, sizeof *f);
    struct note note = {0};
    char url[64];
    if (f == NULL) return -1;
    f->role = "Member";
    f->blob = BLOB;
    f->login_status = 201;
    f->has_token = true;
    f->peer = (struct http_peer){.answer = answer, .context = f};
    http_peer_start(&f->peer);
    clock_manual_init(&f->clock, 1900000000 * NS_PER_S);
    arena_init(&f->arena, 64 * 1024, 64 * 1024 * 1024);
    int len = snprintf(url, sizeof url, "http://127.0.0.1:%d/", f->peer.port);
    struct remote_options options = {
        .url = slice_of(url, (size_t)len),
        .user = {.name = SLICE("hink"),
                 .password = SLICE("pw"),
                 .domain = SLICE("Default"),
                 .project = SLICE("service"),
                 .project_domain = SLICE("Default")},
        .roles = {.reader = {reader, 1}, .member = {member, 1}, .reseller = {reseller, 1}},
        .clock = &f->clock.clock,
        .timeout_ns = 2 * NS_PER_S,
        .tell = tell,
        .context = f};
    assert_true(is_ok(remote_open(&options, &note, &f->remote)));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    remote_close(&f->remote);
    http_peer_stop(&f->peer);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

static enum status_code key(struct fixture *f, const char *access_key,
                            struct identity_key *ret_key) {
    return identity_key_find(remote_identity(f->remote), slice_str(access_key), &f->arena, ret_key)
        .code;
}

static enum status_code token(struct fixture *f, const char *text, struct principal *ret_who) {
    return identity_token_find(remote_identity(f->remote), slice_str(text), &f->arena, ret_who)
        .code;
}

static unsigned asked(struct fixture *f) {
    pthread_mutex_lock(&f->peer.lock);
    unsigned count = f->peer.requests;
    pthread_mutex_unlock(&f->peer.lock);
    return count;
}

static void later(struct fixture *f, int64_t seconds) {
    f->clock.now_ns += seconds * NS_PER_S;
}

#define OK 0

static void test_a_key(void **state) {
    struct fixture *f = *state;
    struct identity_key k;
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_true(slice_eq(k.secret, SLICE("s3cr3t-of-ann")));
    assert_true(slice_eq(k.principal.user_id, SLICE("u1")));
    assert_true(slice_eq(k.principal.user_name, SLICE("ann")));
    assert_true(slice_eq(k.principal.project_name, SLICE("acme")));
    assert_true(slice_eq(k.principal.project_domain_name, SLICE("Default")));
    assert_true(slice_eq(k.principal.role_names, SLICE("Member")));
    assert_int_equal(k.principal.roles, IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER);
    assert_false(k.principal.admin);
    unsigned before = asked(f);
    for (int i = 0; i < 10; i++) assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(asked(f), before);
    assert_int_equal(f->logins, 1);
    /* The blob is of this key and of no other. */
    assert_int_equal(key(f, "AKTWO", &k), STATUS_NOT_FOUND);
    assert_int_equal(key(f, "", &k), STATUS_NOT_FOUND);
}

static void test_what_a_secret_does_not_prove(void **state) {
    struct fixture *f = *state;
    static const char *const kinds[] = {"users", "projects", "domains"};
    struct identity_key k;
    f->role = NULL;
    assert_int_equal(key(f, "AKONE", &k), STATUS_DENIED);
    f->role = "reader";
    later(f, 6);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(k.principal.roles, IDENTITY_ROLE_READER);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        f->disabled = kinds[i];
        later(f, 60);
        assert_int_equal(key(f, "AKONE", &k), STATUS_DENIED);
        f->disabled = NULL;
        later(f, 60);
        assert_int_equal(key(f, "AKONE", &k), OK);
    }
    f->role = "resellerADMIN";
    later(f, 60);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_true(k.principal.admin);
    f->role = "king";
    later(f, 60);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(k.principal.roles, 0);
    f->blob = NULL;
    later(f, 60);
    assert_int_equal(key(f, "AKONE", &k), STATUS_NOT_FOUND);
}

static void test_blobs_that_are_nothing(void **state) {
    struct fixture *f = *state;
    static const char *const blobs[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\\\"access\\\":\\\"AKONE\\\"}",
        "{\\\"access\\\":\\\"other\\\",\\\"secret\\\":\\\"s3cr3t-of-ann\\\"}",
        "{\\\"access\\\":\\\"AKONE\\\",\\\"secret\\\":\\\"a\\\\nb\\\"}"};
    struct identity_key k;
    for (size_t i = 0; i < ARRAY_LEN(blobs); i++) {
        f->blob = blobs[i];
        later(f, 10);
        assert_int_equal(key(f, "AKONE", &k), STATUS_NOT_FOUND);
    }
    f->blob =
        "{\\\"access\\\":\\\"AKONE\\\",\\\"secret\\\":\\\"s3cr3t-of-ann\\\","
        "\\\"app_cred_id\\\":\\\"x\\\"}";
    later(f, 10);
    assert_int_equal(key(f, "AKONE", &k), STATUS_DENIED);
    /* Nothing that somebody writes there makes Keystone look away. */
    assert_int_equal(f->tellings, 0);
}

static void test_a_token(void **state) {
    struct fixture *f = *state;
    struct principal who;
    assert_int_equal(token(f, "the-token", &who), OK);
    assert_int_equal(who.roles, IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER);
    assert_true(slice_eq(who.project_id, SLICE("p1")));
    assert_int_equal(token(f, "another", &who), STATUS_NOT_FOUND);
    assert_int_equal(token(f, "with space", &who), STATUS_NOT_FOUND);
    assert_int_equal(token(f, "", &who), STATUS_NOT_FOUND);
    f->has_token = false;
    later(f, 49);
    assert_int_equal(token(f, "the-token", &who), OK);
    later(f, 11);
    assert_int_equal(token(f, "the-token", &who), STATUS_NOT_FOUND);
}

static void test_absence_is_asked_once(void **state) {
    struct fixture *f = *state;
    struct identity_key k;
    assert_int_equal(key(f, "AKNONE", &k), STATUS_NOT_FOUND);
    unsigned before = asked(f);
    for (int i = 0; i < 100; i++) assert_int_equal(key(f, "AKNONE", &k), STATUS_NOT_FOUND);
    assert_int_equal(asked(f), before);
    later(f, 6);
    assert_int_equal(key(f, "AKNONE", &k), STATUS_NOT_FOUND);
    assert_int_equal(asked(f), before + 1);
    /* However many there are, what is known stays known. */
    assert_int_equal(key(f, "AKONE", &k), OK);
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "AKNONE%d", i);
        assert_int_equal(key(f, name, &k), STATUS_NOT_FOUND);
    }
    before = asked(f);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(asked(f), before);
}

static void test_keystone_away(void **state) {
    struct fixture *f = *state;
    struct identity_key k;
    struct remote_counts counts;
    assert_int_equal(key(f, "AKONE", &k), OK);
    http_peer_go_away(&f->peer);
    later(f, 61);
    for (int i = 0; i < 14; i++) {
        assert_int_equal(key(f, "AKONE", &k), OK);
        assert_int_equal(key(f, "AKTWO", &k), STATUS_BUSY);
        later(f, 59);
    }
    assert_int_equal(f->tellings, 1);
    later(f, 60);
    assert_int_equal(key(f, "AKONE", &k), STATUS_BUSY);
    remote_count(f->remote, &counts);
    assert_true(counts.is_away && counts.failures > 0);
    http_peer_come_back(&f->peer);
    later(f, 3);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(f->tellings, 2);
    assert_string_equal(f->told, "Keystone answers again");
    remote_count(f->remote, &counts);
    assert_false(counts.is_away);
}

static void test_answers_that_are_none(void **state) {
    struct fixture *f = *state;
    static const int statuses[] = {400, 401, 403, 429, 500, 503, 302, 204};
    static const char *const documents[] = {"",   "<html>",        "[]", "{\"credential\":[]}",
                                            "{}", "{\"token\":{}}"};
    struct identity_key k;
    struct principal who;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        f->status = statuses[i];
        later(f, 6);
        assert_int_equal(key(f, "AKONE", &k), STATUS_BUSY);
        later(f, 6);
        assert_int_equal(token(f, "the-token", &who), STATUS_BUSY);
    }
    f->status = 0;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        f->document = documents[i];
        later(f, 6);
        assert_int_equal(key(f, "AKONE", &k), STATUS_BUSY);
        assert_int_equal(token(f, "the-token", &who), STATUS_BUSY);
    }
    f->document = NULL;
    later(f, 6);
    assert_int_equal(key(f, "AKONE", &k), OK);
    /* And what was known before stands, while no other answer can be had. */
    f->status = 403;
    later(f, 100);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_non_null(strstr(f->told, "the service user may not ask this"));
}

static void test_our_own_token(void **state) {
    struct fixture *f = *state;
    struct identity_key k;
    struct note note = {0};
    assert_int_equal(key(f, "AKONE", &k), OK);
    f->generation++;
    later(f, 61);
    assert_int_equal(key(f, "AKONE", &k), OK);
    assert_int_equal(f->logins, 2);
    f->login_status = 401;
    f->generation++;
    assert_true(status_is(remote_probe(f->remote, &note), STATUS_DENIED));
    assert_string_equal(note.text,
                        "Keystone answers 401 to the login of 'hink' in project 'service'");
    /* Nobody knocks more than once a second. */
    int before = f->logins;
    for (int i = 0; i < 5; i++) assert_int_equal(key(f, "AKNEW", &k), STATUS_BUSY);
    assert_int_equal(f->logins, before);
    f->login_status = 201;
    later(f, 3);
    assert_int_equal(key(f, "AKNEW", &k), STATUS_NOT_FOUND);
}

static void test_names(void **state) {
    struct fixture *f = *state;
    struct identity *identity = remote_identity(f->remote);
    struct identity_entity found;
    struct slice name;
    assert_true(is_ok(identity_name_find(identity, SLICE("p1"), &f->arena, &name)));
    assert_true(slice_eq(name, SLICE("acme")));
    assert_true(is_ok(identity_name_find(identity, SLICE("u1"), &f->arena, &name)));
    assert_true(slice_eq(name, SLICE("ann")));
    struct status s = identity_name_find(identity, SLICE("../u1"), &f->arena, &name);
    assert_true(status_is(s, STATUS_NOT_FOUND));
    s = identity_entity_find(identity, IDENTITY_PROJECT, SLICE(""), SLICE("acme x"), &f->arena,
                             &found);
    assert_true(is_ok(s) && slice_eq(found.id, SLICE("p9")));
    s = identity_entity_find(identity, IDENTITY_USER, SLICE(""), SLICE("acme x"), &f->arena,
                             &found);
    assert_true(status_is(s, STATUS_NOT_FOUND));
}

enum { THREADS = 16 };

static void *find_one(void *argument) {
    struct fixture *f = argument;
    struct identity_key k;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    struct status s = identity_key_find(remote_identity(f->remote), SLICE("AKONE"), &arena, &k);
    arena_fini(&arena);
    return is_ok(s) ? f : NULL;
}

static void test_one_asks_for_all(void **state) {
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    pthread_mutex_lock(&f->peer.lock);
    f->peer.is_silent = true;
    pthread_mutex_unlock(&f->peer.lock);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, find_one, f), 0);
    }
    pthread_mutex_lock(&f->peer.lock);
    f->peer.is_silent = false;
    pthread_mutex_unlock(&f->peer.lock);
    for (int i = 0; i < THREADS; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    /* A login, the credential, the user, the project, their domain, the roles. */
    assert_int_equal(asked(f), 6);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_key),
        TEST(test_what_a_secret_does_not_prove),
        TEST(test_blobs_that_are_nothing),
        TEST(test_a_token),
        TEST(test_absence_is_asked_once),
        TEST(test_keystone_away),
        TEST(test_answers_that_are_none),
        TEST(test_our_own_token),
        TEST(test_names),
        TEST(test_one_asks_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
