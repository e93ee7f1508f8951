#include "swift/route.h"

#include <stdio.h>

#include "base/check.h"
#include "support/expect.h"
#include "swift/swift.h"

static struct arena arena;
static struct note note;
static struct http_head head;
static struct http_query query;
static struct swift_call call;

static void parse(const char *method, const char *target, const char *headers) {
    size_t len;
    arena_reset(&arena);
    struct slice text =
        arena_printf(&arena, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, target, headers);
    if (http_head_parse(text, &head, &len, &note) != HTTP_HEAD_COMPLETE) fail_msg("%s", note.text);
    expect_ok(http_query_parse(&arena, head.query, &query));
}

static struct status route(const char *method, const char *target, const char *headers,
                           const char *label) {
    parse(method, target, headers);
    call = (struct swift_call){.arena = &arena,
                               .note = &note,
                               .head = &head,
                               .query = &query,
                               .label_from_host = slice_str(label)};
    http_response_init(&call.response, &arena);
    return swift_route(&call);
}

static void test_paths_are_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        const char *label;
        const char *op;
        const char *project;
        const char *container;
        const char *object;
    } cases[] = {
        {"GET", "/v1/AUTH_p", "", "SwiftGetAccount", "p", "", ""},
        {"GET", "/v1/AUTH_p/", "", "SwiftGetAccount", "p", "", ""},
        {"HEAD", "/swift/v1/AUTH_p/c", "", "SwiftHeadContainer", "p", "c", ""},
        {"PUT", "/v1.0/AUTH_p/c%20d/", "", "SwiftPutContainer", "p", "c d", ""},
        {"PUT", "/v1/AUTH_p/c/a/b%2Fc//", "", "SwiftPutObject", "p", "c", "a/b/c//"},
        {"COPY", "/v1/AUTH_p/c/o", "", "SwiftCopyObject", "p", "c", "o"},
        {"GET", "/o/p", "c.auth_p", "SwiftGetObject", "p", "c", "o/p"},
        {"GET", "/c/o", "AUTH-p", "SwiftGetObject", "p", "c", "o"},
        {"GET", "/", "auth_p", "SwiftGetAccount", "p", "", ""},
        {"GET", "/info", "", "SwiftGetInfo", "", "", ""},
        {"GET", "/healthcheck", "", "SwiftGetHealth", "", "", ""},
        {"GET", "/auth/v1.0", "", "SwiftLogin", "", "", ""},
        {"GET", "/v1/other/c", "", "SwiftGetContainer", "", "c", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status s = route(cases[i].method, cases[i].target, "", cases[i].label);
        if (!is_ok(s)) fail_msg("%s: %s", cases[i].target, note.text);
        assert_string_equal(call.op->name, cases[i].op);
        expect_slice(call.project_id, slice_str(cases[i].project));
        expect_slice(call.container, slice_str(cases[i].container));
        expect_slice(call.object, slice_str(cases[i].object));
    }
}

static void test_selectors_choose_the_row(void **state) {
    (void)state;
    expect_ok(route("PUT", "/v1/AUTH_p/c/o?multipart-manifest=put", "", ""));
    assert_string_equal(call.op->name, "SwiftPutManifest");
    expect_ok(route("PUT", "/v1/AUTH_p/c/o", "X-Copy-From: a/b\r\n", ""));
    assert_string_equal(call.op->name, "SwiftCopyFrom");
    expect_ok(route("POST", "/v1/AUTH_p?bulk-delete", "", ""));
    assert_string_equal(call.op->name, "SwiftBulkDelete");
}

static void test_broken_paths_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *target;
        int status;
    } cases[] = {{"/v1", 412},
                 {"/v1/", 412},
                 {"/v1/AUTH_p//o", 412},
                 {"/v1/AUTH_p/%zz", 412},
                 {"/v1/AUTH_p/%FF", 412},
                 {"/v1/AUTH_p/a%00b", 412},
                 {"/other", 412}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_status(STATUS_REFUSED, route("GET", cases[i].target, "", ""));
        assert_int_equal(call.error.status, cases[i].status);
    }
    expect_status(STATUS_REFUSED, route("PATCH", "/v1/AUTH_p/c/o", "", ""));
    assert_int_equal(call.error.status, 405);
    expect_slice(http_response_find(&call.response, SLICE("Allow")),
                 SLICE("COPY, DELETE, GET, HEAD, OPTIONS, POST, PUT"));
}

static void test_names_have_limits(void **state) {
    (void)state;
    char name[SWIFT_OBJECT_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    struct slice text = slice_of(name, SWIFT_CONTAINER_NAME_MAX + 1);
    char target[2 * sizeof name];
    snprintf(target, sizeof target, "/v1/AUTH_p/%.*s", SLICE_FMT(text));
    expect_status(STATUS_REFUSED, route("PUT", target, "", ""));
    expect_slice(call.error.body, SLICE("Container name length of 257 longer than 256"));
    snprintf(target, sizeof target, "/v1/AUTH_p/%.*s", SLICE_FMT(slice_take(text, 256)));
    expect_ok(route("PUT", target, "", ""));
    snprintf(target, sizeof target, "/v1/AUTH_p/c/%.*s",
             SLICE_FMT(slice_of(name, SWIFT_OBJECT_NAME_MAX + 1)));
    expect_status(STATUS_REFUSED, route("PUT", target, "", ""));
    expect_slice(call.error.body, SLICE("Object name length of 1025 longer than 1024"));
}

static bool claims(const char *method, const char *target, const char *headers, const char *label) {
    parse(method, target, headers);
    return swift_claims(&head, &query, slice_str(label));
}

static void test_what_is_signed_for_s3_is_s3s(void **state) {
    (void)state;
    assert_true(claims("GET", "/v1/AUTH_p/c", "", ""));
    assert_true(claims("GET", "/swift/v1/anything", "", ""));
    assert_true(claims("GET", "/v1/other", "X-Auth-Token: t\r\n", ""));
    assert_true(claims("GET", "/info", "", ""));
    assert_true(claims("GET", "/x", "", "c.auth_p"));
    assert_false(claims("GET", "/v1/other", "", ""));
    assert_false(claims("GET", "/v10/AUTH_p", "", ""));
    assert_false(claims("GET", "/bucket/v1/AUTH_p", "", ""));
    assert_false(claims("GET", "/x", "", "bucket"));
    assert_false(claims("GET", "/x", "", "auth_"));
    assert_false(claims("POST", "/info", "Content-Type: multipart/form-data; boundary=x\r\n", ""));
    const char *signature = "Authorization: AWS4-HMAC-SHA256 Credential=x\r\n";
    assert_false(claims("GET", "/v1/AUTH_p/c", signature, ""));
    assert_false(claims("GET", "/info", "Authorization: AWS a:b\r\n", ""));
    assert_false(claims("GET", "/v1/AUTH_p/c?X-Amz-Algorithm=AWS4-HMAC-SHA256", "", ""));
    assert_false(claims("GET", "/v1/AUTH_p/c?AWSAccessKeyId=a&Signature=b", "", ""));
}

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_taken_apart),
        cmocka_unit_test(test_selectors_choose_the_row),
        cmocka_unit_test(test_broken_paths_are_refused),
        cmocka_unit_test(test_names_have_limits),
        cmocka_unit_test(test_what_is_signed_for_s3_is_s3s),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
