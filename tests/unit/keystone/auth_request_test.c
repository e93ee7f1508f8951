/* The authentication request: what is read out of it, and what is refused with which words. */
#include "keystone/auth_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "identity/builtin_login.h"

static struct status read_text(const char *text, struct json **ret_document,
                               struct keystone_auth_request *ret_request, struct note *note) {
    assert_true(is_ok(json_parse(slice_str(text), note, ret_document)));
    return keystone_auth_request_read(*ret_document, note, ret_request);
}

static void refused(const char *text, enum status_code code, const char *message) {
    struct json *document;
    struct keystone_auth_request request;
    struct note note = {""};
    struct status s = read_text(text, &document, &request, &note);
    json_free(&document);
    assert_int_equal(s.code, code);
    assert_string_equal(note.text, message);
}

static void test_password(void **state) {
    struct json *document;
    struct keystone_auth_request request;
    struct note note = {""};
    (void)state;
    struct status s = read_text(
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":"
        "\"ann\",\"domain\":{\"name\":\"Default\"},\"password\":\"secret\"}}},\"scope\":{"
        "\"project\":{\"id\":\"p1\"}}}}",
        &document, &request, &note);
    assert_true(is_ok(s));
    assert_int_equal(request.methods, BUILTIN_METHOD_PASSWORD);
    assert_true(slice_eq(request.user.name, SLICE("ann")) && request.user.id.len == 0);
    assert_true(slice_eq(request.user.domain_name, SLICE("Default")));
    assert_true(slice_eq(request.password, SLICE("secret")));
    assert_int_equal(request.scope, KEYSTONE_SCOPE_PROJECT);
    assert_true(slice_eq(request.project.id, SLICE("p1")));
    json_free(&document);
}

static void test_token(void **state) {
    struct json *document;
    struct keystone_auth_request request;
    struct note note = {""};
    (void)state;
    struct status s = read_text(
        "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"t\"}},"
        "\"scope\":\"unscoped\"}}",
        &document, &request, &note);
    assert_true(is_ok(s));
    assert_int_equal(request.methods, BUILTIN_METHOD_TOKEN);
    assert_int_equal(request.scope, KEYSTONE_SCOPE_UNSCOPED);
    json_free(&document);
}

#define WITH_USER(user) \
    "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":" user "}}}}"

static void test_refusals(void **state) {
    static const char no_methods[] = "The request needs auth.identity.methods, a list of methods.";
    (void)state;
    refused("{}", STATUS_INVALID, no_methods);
    refused("[]", STATUS_INVALID, no_methods);
    refused("{\"auth\":{\"identity\":{\"methods\":[]}}}", STATUS_INVALID, no_methods);
    refused("{\"auth\":{\"identity\":{\"methods\":\"password\"}}}", STATUS_INVALID, no_methods);
    refused("{\"auth\":{\"identity\":{\"methods\":[7]}}}", STATUS_UNSUPPORTED,
            "There is no authentication method ''; there are password, token "
            "and application_credential.");
    refused("{\"auth\":{\"identity\":{\"methods\":[\"totp\"]}}}", STATUS_UNSUPPORTED,
            "There is no authentication method 'totp'; there are password, token "
            "and application_credential.");
    refused("{\"auth\":{\"identity\":{\"methods\":[\"token\"]}}}", STATUS_INVALID,
            "The method token needs the token's id.");
    refused(WITH_USER("{\"name\":\"a\",\"domain\":{\"id\":\"d\"}}"), STATUS_INVALID,
            "The method password needs a user's password.");
    refused(WITH_USER("{\"password\":\"p\"}"), STATUS_INVALID, "The user needs an id or a name.");
    refused(WITH_USER("{\"password\":\"p\",\"name\":\"a\"}"), STATUS_INVALID,
            "The name of a user needs its domain.");
    refused(
        "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"t\"}},"
        "\"scope\":{\"system\":{\"all\":true}}}}",
        STATUS_UNSUPPORTED, "There is no such scope; there are project and unscoped.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
