/* The administration protocol: what it answers, and that nothing it is sent can hurt it. */
#include "server/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "json/reader.h"
#include "kv/mem.h"

struct fixture {
    struct kv *kv;
    struct clock_manual clock;
    struct random_seeded random;
    struct key_file key;
    struct builtin *identity;
    struct admin admin;
    struct buf reply;
    struct json *document;
    bool has_buckets;
};

static struct status has_buckets(void *context, struct slice project_id, bool *ret_has) {
    struct fixture *f = context;
    assert_true(project_id.len > 0);
    *ret_has = f->has_buckets;
    return status_ok();
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->kv = kv_mem_open();
    clock_manual_init(&f->clock, 1700000000 * INT64_C(1000000000));
    random_seeded_init(&f->random, 11);
    struct builtin_options options = {
        .kv = f->kv, .clock = &f->clock.clock, .random = &f->random.random, .key = &f->key};
    if (!is_ok(builtin_open(&options, NULL, &f->identity))) return -1;
    f->admin =
        (struct admin){.identity = f->identity, .project_has_buckets = has_buckets, .context = f};
    buf_init(&f->reply, ADMIN_REPLY_BYTES_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    json_free(&f->document);
    buf_fini(&f->reply);
    builtin_close(&f->identity);
    kv_close(&f->kv);
    free(f);
    return 0;
}

/* Executes a request; the reply is valid JSON on one line. */
static const struct json *execute(struct fixture *f, struct slice request) {
    json_free(&f->document);
    buf_clear(&f->reply);
    admin_execute(&f->admin, request, &f->reply);
    struct slice reply = buf_slice(&f->reply);
    assert_int_equal(slice_find_char(reply, '\n'), reply.len);
    assert_true(is_ok(json_parse(reply, NULL, &f->document)));
    return f->document;
}

static const struct json *good(struct fixture *f, const char *request) {
    const struct json *reply = execute(f, slice_str(request));
    bool ok = false;
    assert_true(json_bool(json_get(reply, "ok"), &ok));
    if (!ok) print_error("%.*s\n", SLICE_FMT(buf_slice(&f->reply)));
    assert_true(ok);
    return reply;
}

static void refused(struct fixture *f, const char *request, const char *code, const char *message) {
    const struct json *reply = execute(f, slice_str(request));
    bool ok = true;
    assert_true(json_bool(json_get(reply, "ok"), &ok));
    assert_false(ok);
    struct slice said = json_get_string(reply, "message");
    if (!slice_eq(said, slice_str(message))) print_error("%.*s\n", SLICE_FMT(said));
    assert_true(slice_eq(said, slice_str(message)));
    assert_true(slice_eq(json_get_string(reply, "code"), slice_str(code)));
}

static bool text_is(const struct json *object, const char *name, const char *expected) {
    return slice_eq(json_get_string(object, name), slice_str(expected));
}

static void populate(struct fixture *f) {
    good(f, "{\"op\":\"domain.create\",\"name\":\"default\",\"id\":\"default\"}");
    good(f, "{\"op\":\"user.create\",\"name\":\"anna\",\"id\":\"u1\",\"description\":\"d\\\"q\"}");
    good(f, "{\"op\":\"project.create\",\"name\":\"shop\",\"id\":\"p1\"}");
}

static void test_entities(void **state) {
    struct fixture *f = *state;
    populate(f);
    const struct json *user = json_get(good(f, "{\"op\":\"user.show\",\"name\":\"anna\"}"), "user");
    assert_true(text_is(user, "id", "u1"));
    assert_true(text_is(user, "description", "d\"q"));
    assert_true(text_is(user, "domain_id", "default"));
    assert_true(text_is(user, "created", "2023-11-14T22:13:20.000Z"));
    good(f, "{\"op\":\"user.create\",\"name\":\"root\",\"admin\":true}");
    const struct json *list = json_get(good(f, "{\"op\":\"user.list\"}"), "items");
    assert_int_equal(json_count(list), 2);
    good(f, "{\"op\":\"user.disable\",\"name\":\"u1\"}");
    bool enabled = true;
    user = json_get(good(f, "{\"op\":\"user.show\",\"name\":\"anna\"}"), "user");
    assert_true(json_bool(json_get(user, "enabled"), &enabled));
    assert_false(enabled);
    good(f, "{\"op\":\"user.enable\",\"name\":\"anna\"}");
    good(f, "{\"op\":\"user.delete\",\"name\":\"anna\"}");
    refused(f, "{\"op\":\"user.show\",\"name\":\"anna\"}", "NOT_FOUND", "there is no user 'anna'");
}

static void test_passwords_and_roles(void **state) {
    struct fixture *f = *state;
    populate(f);
    good(f, "{\"op\":\"user.password\",\"name\":\"anna\",\"password\":\"a good one\"}");
    assert_int_equal(slice_find(buf_slice(&f->reply), SLICE("a good one"), 0), f->reply.len);
    refused(f, "{\"op\":\"user.password\",\"name\":\"anna\",\"password\":\"short\"}", "INVALID",
            "a password is 8 to 1024 bytes of UTF-8 without control characters");
    refused(f, "{\"op\":\"user.create\",\"name\":\"ben\",\"password\":\"short\"}", "INVALID",
            "a password is 8 to 1024 bytes of UTF-8 without control characters");
    refused(f, "{\"op\":\"user.show\",\"name\":\"ben\"}", "NOT_FOUND", "there is no user 'ben'");
    good(f, "{\"op\":\"role.grant\",\"name\":\"member\",\"user\":\"anna\",\"project\":\"shop\"}");
    refused(f, "{\"op\":\"role.grant\",\"name\":\"king\",\"user\":\"anna\",\"project\":\"shop\"}",
            "INVALID",
            "there is no role 'king'; there are reader, member, admin, "
            "ResellerAdmin and service");
    const struct json *list =
        json_get(good(f, "{\"op\":\"role.list\",\"user\":\"anna\"}"), "items");
    assert_int_equal(json_count(list), 1);
    assert_true(text_is(json_first(list), "role", "member"));
    assert_true(text_is(json_first(list), "project", "shop"));
    good(f, "{\"op\":\"role.revoke\",\"name\":\"member\",\"user\":\"anna\",\"project\":\"shop\"}");
    list = json_get(good(f, "{\"op\":\"role.list\",\"user\":\"anna\"}"), "items");
    assert_true(text_is(json_first(list), "role", "reader"));
}

static void test_domains_tell_names_apart(void **state) {
    struct fixture *f = *state;
    populate(f);
    good(f, "{\"op\":\"domain.create\",\"name\":\"second\",\"id\":\"d2\"}");
    good(f, "{\"op\":\"user.create\",\"name\":\"anna\",\"domain\":\"second\",\"id\":\"u2\"}");
    const struct json *reply =
        good(f, "{\"op\":\"user.show\",\"name\":\"anna\",\"domain\":\"second\"}");
    assert_true(text_is(json_get(reply, "user"), "id", "u2"));
    reply = good(f, "{\"op\":\"user.list\",\"domain\":\"second\"}");
    assert_int_equal(json_count(json_get(reply, "items")), 1);
    refused(f, "{\"op\":\"user.show\",\"name\":\"anna\",\"domain\":\"third\"}", "NOT_FOUND",
            "there is no domain 'third'");
    refused(f, "{\"op\":\"domain.delete\",\"name\":\"second\"}", "CONFLICT",
            "domain 'd2' still has 1 projects and users");
}

static void test_a_secret_is_said_once(void **state) {
    struct fixture *f = *state;
    populate(f);
    const struct json *key =
        json_get(good(f, "{\"op\":\"key.create\",\"user\":\"anna\",\"project\":\"shop\"}"), "key");
    struct slice secret = json_get_string(key, "secret_key");
    assert_int_equal(secret.len, BUILTIN_SECRET_KEY_LEN);
    assert_true(text_is(key, "user", "anna") && text_is(key, "project", "shop"));
    char show[128];
    char kept[BUILTIN_SECRET_KEY_LEN];
    memcpy(kept, secret.ptr, sizeof kept);
    snprintf(show, sizeof show, "{\"op\":\"key.show\",\"name\":\"%.*s\"}",
             SLICE_FMT(json_get_string(key, "access_key")));
    good(f, show);
    assert_null(memmem(f->reply.ptr, f->reply.len, kept, sizeof kept));
    const struct json *list = json_get(good(f, "{\"op\":\"key.list\"}"), "items");
    assert_int_equal(json_count(list), 1);
    assert_null(memmem(f->reply.ptr, f->reply.len, kept, sizeof kept));
    list = json_get(good(f, "{\"op\":\"key.list\",\"user\":\"u1\"}"), "items");
    assert_int_equal(json_count(list), 1);
}

static void test_import_makes_who_is_missing(void **state) {
    struct fixture *f = *state;
    populate(f);
    const struct json *key = json_get(
        good(f,
             "{\"op\":\"key.create\",\"user\":\"ben\",\"user_id\":\"u7\",\"project\":\"shop\","
             "\"project_id\":\"p1\",\"access_key\":\"AKIABEN\",\"secret_key\":\"0123456789\"}"),
        "key");
    assert_true(text_is(key, "user_id", "u7") && text_is(key, "project_id", "p1"));
    assert_true(text_is(key, "secret_key", "0123456789"));
    refused(f, "{\"op\":\"key.create\",\"user\":\"anna\",\"user_id\":\"u9\",\"project\":\"shop\"}",
            "EXISTS", "user 'anna' has the id u1");
    refused(f, "{\"op\":\"key.create\",\"user\":\"cleo\",\"project\":\"shop\"}", "NOT_FOUND",
            "there is no user 'cleo'");
    refused(f,
            "{\"op\":\"key.create\",\"user\":\"anna\",\"project\":\"shop\",\"access_key\":\"A\"}",
            "INVALID", "access key and secret key are given together, or none of them");
    good(f, "{\"op\":\"key.disable\",\"name\":\"AKIABEN\"}");
    good(f, "{\"op\":\"key.enable\",\"name\":\"AKIABEN\"}");
    good(f, "{\"op\":\"key.delete\",\"name\":\"AKIABEN\"}");
    refused(f, "{\"op\":\"key.delete\",\"name\":\"AKIABEN\"}", "NOT_FOUND",
            "there is no access key 'AKIABEN'");
}

static void test_a_project_with_buckets_stays(void **state) {
    struct fixture *f = *state;
    populate(f);
    f->has_buckets = true;
    refused(f, "{\"op\":\"project.delete\",\"name\":\"shop\"}", "CONFLICT",
            "project 'shop' still has buckets");
    f->has_buckets = false;
    good(f, "{\"op\":\"project.delete\",\"name\":\"shop\"}");
}

static void test_lists_have_pages(void **state) {
    struct fixture *f = *state;
    populate(f);
    for (int i = 0; i < 250; i++) {
        char request[128];
        snprintf(request, sizeof request,
                 "{\"op\":\"project.create\",\"name\":\"n%d\",\"id\":\"n%03d\"}", i, i);
        good(f, request);
    }
    const struct json *reply = good(f, "{\"op\":\"project.list\"}");
    assert_int_equal(json_count(json_get(reply, "items")), 200);
    assert_true(text_is(reply, "next", "n199"));
    reply = good(f, "{\"op\":\"project.list\",\"after\":\"n199\"}");
    assert_int_equal(json_count(json_get(reply, "items")), 51);
    assert_null(json_get(reply, "next"));
}

static void test_what_is_no_request(void **state) {
    struct fixture *f = *state;
    refused(f, "{}", "INVALID", "the request needs \"op\"");
    refused(f, "[]", "INVALID", "the request needs \"op\"");
    refused(f, "{\"op\":7}", "INVALID", "the request needs \"op\"");
    refused(f, "{\"op\":\"user.fly\"}", "UNSUPPORTED", "there is no operation \"user.fly\"");
    refused(f, "{\"op\":\"key\"}", "UNSUPPORTED", "there is no operation \"key\"");
    refused(f, "{\"op\":\"user.show\"}", "INVALID", "the request needs \"name\"");
    refused(f, "{\"op\":\"user.create\",\"name\":\"x\"}", "NOT_FOUND",
            "there is no domain 'default'");
    good(f, "{\"op\":\"ping\"}");
    static const char *const broken[] = {"", "{", "nonsense", "{\"op\":\"ping\"} x",
                                         "{\"op\":\"ping\",\"op\":\"ping\"}"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        bool ok = true;
        assert_true(json_bool(json_get(execute(f, slice_str(broken[i])), "ok"), &ok));
        assert_false(ok);
    }
    static char large[ADMIN_REQUEST_BYTES_MAX + 1];
    memset(large, ' ', sizeof large);
    struct slice code = json_get_string(execute(f, slice_of(large, sizeof large)), "code");
    assert_true(slice_eq(code, SLICE("TOO_LARGE")));
}

/* A socket in a folder of the test's own. */
struct place {
    char dir[64];
    char path[80];
};

static void make_place(struct place *place) {
    *place = (struct place){.dir = "/tmp/hink-admin-XXXXXX"};
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof place->path, "%s/admin.sock", place->dir);
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends `bytes` and reads until the other side closes. */
static size_t ask(const char *path, struct slice bytes, char *out, size_t cap) {
    int fd = connect_to(path);
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0) break;
        bytes = slice_skip(bytes, (size_t)n);
    }
    size_t len = 0;
    for (ssize_t n; len < cap && (n = recv(fd, out + len, cap - len, 0)) > 0;) len += (size_t)n;
    close(fd);
    return len;
}

static void test_socket_answers_and_survives(void **state) {
    struct fixture *f = *state;
    struct place place;
    struct note note = {0};
    struct admin_server *server = NULL;
    struct stat st;
    char reply[256];
    make_place(&place);
    struct status s = admin_server_start(&f->admin, place.path, &note, &server);
    if (!is_ok(s)) print_error("%s\n", note.text);
    assert_true(is_ok(s));
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    size_t len = ask(place.path, SLICE("{\"op\":\"ping\"}\n"), reply, sizeof reply);
    assert_true(slice_eq(slice_of(reply, len), SLICE("{\"ok\":true}\n")));
    /* A line without an end that is too long is dropped; so is who says nothing. */
    static char large[ADMIN_REQUEST_BYTES_MAX + 1000];
    memset(large, 'x', sizeof large);
    assert_int_equal(ask(place.path, slice_of(large, sizeof large), reply, sizeof reply), 0);
    close(connect_to(place.path));
    len = ask(place.path, SLICE("{\"op\":\"ping\"}\n"), reply, sizeof reply);
    assert_int_equal(len, 12);

    /* Nobody takes the place of a server that lives. */
    struct admin_server *second = NULL;
    assert_true(status_is(admin_server_start(&f->admin, place.path, &note, &second), STATUS_BUSY));
    assert_null(second);
    /* Stopping does not wait for who is connected and silent. */
    int silent = connect_to(place.path);
    admin_server_stop(&server);
    assert_null(server);
    close(silent);
    assert_int_equal(access(place.path, F_OK), -1);
    assert_int_equal(rmdir(place.dir), 0);
}

static void test_socket_replaces_what_is_dead_only(void **state) {
    struct fixture *f = *state;
    struct place place;
    struct note note = {0};
    struct admin_server *server = NULL;
    make_place(&place);
    /* What a killed server leaves: a socket that nobody listens at. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, place.path, strlen(place.path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_true(is_ok(admin_server_start(&f->admin, place.path, &note, &server)));
    admin_server_stop(&server);
    FILE *file = fopen(place.path, "w");
    assert_non_null(file);
    fclose(file);
    assert_true(
        status_is(admin_server_start(&f->admin, place.path, &note, &server), STATUS_EXISTS));
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(rmdir(place.dir), 0);
    admin_server_stop(&server);
    char longer[200];
    memset(longer, 'a', sizeof longer);
    longer[199] = 0;
    assert_false(is_ok(admin_server_start(&f->admin, longer, &note, &server)));
}

/* A document that comes along needs no store; who asks is named by ids then. */
static void test_a_policy_is_explained_alone(void **state) {
    struct fixture *f = *state;
    f->admin = (struct admin){0};
#define POLICY                                                                                     \
    "\"policy\":\"{\\\"Statement\\\":[{\\\"Sid\\\":\\\"NoBob\\\",\\\"Effect\\\":\\\"Deny\\\","     \
    "\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":\\\"s3:*\\\",\\\"Resource\\\":\\\"arn:aws:s3:::b/" \
    "*\\\","                                                                                       \
    "\\\"Condition\\\":{\\\"ForAnyValue:StringEquals\\\":{\\\"aws:x\\\":\\\"2\\\"}}}]}\""
    const struct json *said =
        json_get(good(f,
                      "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"b\","
                      "\"key\":\"k\",\"project\":\"p1\",\"user\":\"bob\",\"owner\":\"p1\","
                      "\"facts\":{\"aws:X\":[\"1\",\"2\"]}," POLICY "}"),
                 "explanation");
    uint64_t statement;
    assert_true(text_is(said, "decision", "denied"));
    assert_true(text_is(said, "sid", "NoBob"));
    assert_true(text_is(said, "resource", "arn:aws:s3:::b/k"));
    assert_true(json_u64(json_get(said, "statement"), &statement) && statement == 1);
    said = json_get(good(f,
                         "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"b\","
                         "\"key\":\"k\",\"project\":\"p1\",\"owner\":\"p1\"," POLICY "}"),
                    "explanation");
    assert_true(text_is(said, "decision", "allowed"));
    assert_true(text_is(said, "reason", "the bucket is the project's own"));
    refused(f, "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"b\"}",
            "INVALID", "without a store a \"policy\" is needed");
    refused(f, "{\"op\":\"policy.explain\",\"action\":\"get\",\"bucket\":\"b\"," POLICY "}",
            "INVALID", "'get' is no action of S3, as s3:GetObject is");
    refused(f,
            "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"b\",\"user\":"
            "\"u\"," POLICY "}",
            "INVALID", "a user asks in a project: which one?");
    refused(f,
            "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"b\","
            "\"facts\":{\"x\":1}," POLICY "}",
            "INVALID", "the fact 'x' is no string");
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_entities),
        TEST(test_passwords_and_roles),
        TEST(test_domains_tell_names_apart),
        TEST(test_a_secret_is_said_once),
        TEST(test_import_makes_who_is_missing),
        TEST(test_a_project_with_buckets_stays),
        TEST(test_lists_have_pages),
        TEST(test_what_is_no_request),
        TEST(test_socket_answers_and_survives),
        TEST(test_socket_replaces_what_is_dead_only),
        TEST(test_a_policy_is_explained_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
