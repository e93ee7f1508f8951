#include "s3/acl_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static struct arena arena;
static struct note note;
static enum acl_defect defect;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    note.text[0] = '\0';
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define GROUP "http://acs.amazonaws.com/groups/global/"
#define LIST(owner, grants)                                                   \
    "<AccessControlPolicy><Owner>" owner "</Owner><AccessControlList>" grants \
    "</AccessControlList></AccessControlPolicy>"
#define GRANT(grantee, permission)                                             \
    "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" " \
    "xsi:type=\"CanonicalUser\">" grantee "</Grantee><Permission>" permission  \
    "</Permission></Grant>"

/* What is written is read back the same. */
static void test_round_trip(void **state) {
    (void)state;
    struct acl_owners owners = {SLICE("own"), SLICE("Owner & Co"), SLICE("own"), SLICE("")};
    struct acl acl;
    assert_true(is_ok(acl_canned(SLICE("public-read-write"), &owners, &arena, &acl)));
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, 64 * 1024);
    xml_writer_init(&writer, &buf);
    acl_document_write(&writer, &acl);
    assert_true(is_ok(xml_end(&writer)));
    struct acl again;
    assert_true(is_ok(acl_document_parse(&arena, buf_slice(&buf), &note, &defect, &again)));
    assert_true(slice_eq(again.owner_name, SLICE("Owner & Co")));
    assert_int_equal(again.grant_count, acl.grant_count);
    for (size_t i = 0; i < acl.grant_count; i++) {
        const struct acl_grant *grant = &again.grants[(i + 2) % 3]; /* groups come first */
        assert_int_equal(grant->kind, acl.grants[i].kind);
        assert_int_equal(grant->permission, acl.grants[i].permission);
        assert_true(slice_eq(grant->id, acl.grants[i].id));
    }
    buf_fini(&buf);
}

static void test_headers(void **state) {
    (void)state;
    struct http_head head = {
        .header_count = 3,
        .headers = {{SLICE("X-Amz-Grant-Read"), SLICE("uri=\"" GROUP "AllUsers\", id=\"u1\"")},
                    {SLICE("x-amz-grant-full-control"), SLICE("id=u2")},
                    {SLICE("x-amz-other"), SLICE("id=u3")}}};
    struct acl_owners owners = {.owner_id = SLICE("own")};
    struct acl acl;
    assert_true(acl_headers_are_there(&head));
    assert_true(is_ok(acl_headers_parse(&head, &owners, &arena, &note, &defect, &acl)));
    assert_int_equal(acl.grant_count, 3);
    assert_int_equal(acl.grants[0].kind, ACL_EVERYBODY);
    assert_int_equal(acl.grants[1].permission, ACL_READ);
    assert_int_equal(acl.grants[2].permission, ACL_FULL_CONTROL);
    assert_true(slice_eq(acl.grants[2].id, SLICE("u2")));
    head.header_count = 1;
    static const struct {
        const char *value;
        enum acl_defect defect;
    } wrong[] = {{"u1", ACL_DEFECT_ARGUMENT},
                 {"id=\"\"", ACL_DEFECT_ARGUMENT},
                 {"uri=\"http://elsewhere\"", ACL_DEFECT_ARGUMENT},
                 {"emailAddress=\"a@b\"", ACL_DEFECT_EMAIL}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        head.headers[0].value = slice_str(wrong[i].value);
        struct status s = acl_headers_parse(&head, &owners, &arena, &note, &defect, &acl);
        assert_true(status_is(s, STATUS_INVALID));
        assert_int_equal(defect, wrong[i].defect);
    }
    head.header_count = 0;
    assert_false(acl_headers_are_there(&head));
}

static void test_refuses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum acl_defect defect;
    } cases[] = {
        {"", ACL_DEFECT_MALFORMED},
        {"<AccessControlPolicy/>", ACL_DEFECT_MALFORMED},
        {LIST("", ""), ACL_DEFECT_MALFORMED},
        {LIST("<ID>a</ID>", GRANT("", "READ")), ACL_DEFECT_MALFORMED},
        {LIST("<ID>a</ID>", GRANT("<ID>b</ID>", "LOOK")), ACL_DEFECT_MALFORMED},
        {LIST("<ID>a</ID>", "<Grant><Permission>READ</Permission></Grant>"), ACL_DEFECT_MALFORMED},
        {LIST("<ID>a</ID>", GRANT("<URI>http://x</URI>", "READ")), ACL_DEFECT_ARGUMENT},
        {LIST("<ID>a</ID>", GRANT("<EmailAddress>a@b</EmailAddress>", "READ")), ACL_DEFECT_EMAIL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct acl acl;
        struct status s =
            acl_document_parse(&arena, slice_str(cases[i].text), &note, &defect, &acl);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", cases[i].text);
        assert_int_equal(defect, cases[i].defect);
        assert_true(note.text[0] != '\0');
    }
}

static void test_grants_are_bounded(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, ACL_DOCUMENT_MAX);
    buf_append_str(&buf, "<AccessControlPolicy><Owner><ID>a</ID></Owner><AccessControlList>");
    for (size_t i = 0; i <= ACL_GRANTS_MAX; i++) {
        buf_append_str(&buf,
                       "<Grant><Grantee><ID>b</ID></Grantee><Permission>READ</Permission>"
                       "</Grant>");
    }
    buf_append_str(&buf, "</AccessControlList></AccessControlPolicy>");
    struct acl acl;
    struct status s = acl_document_parse(&arena, buf_slice(&buf), &note, &defect, &acl);
    assert_true(status_is(s, STATUS_INVALID));
    buf_fini(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grants_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
