#include "s3/post_policy.h"

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
#include "base/date.h"

static struct http_form form;
static struct note note;
static struct post_policy_range range;

/* A form with the fields "name=value;name=value". */
static void fill_form(const char *text) {
    memset(&form, 0, offsetof(struct http_form, buffer));
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        struct slice one;
        slice_cut(rest, ';', &one, &rest);
        struct http_form_field *field = &form.fields[form.field_count++];
        slice_cut(one, '=', &field->name, &field->value);
    }
}

static struct status check(const char *document, const char *fields) {
    fill_form(fields);
    struct post_policy_subject subject = {
        .form = &form, .bucket = SLICE("b"), .key = http_form_find(&form, SLICE("key"))};
    assert_true(date_parse_iso(SLICE("2026-06-01T12:00:00Z"), &subject.now_ns));
    note.text[0] = '\0';
    return post_policy_check(slice_str(document), &subject, &note, &range);
}

#define UNTIL "{\"expiration\":\"2026-06-01T12:00:01Z\",\"conditions\":"

static void test_holds(void **state) {
    (void)state;
    const char *document = UNTIL
        "[{\"bucket\":\"b\"},[\"starts-with\",\"$key\",\"user/\"],{\"acl\":\"private\"},"
        "[\"eq\",\"$Content-Type\",\"text/plain\"],[\"starts-with\",\"$success\",\"\"],"
        "[\"content-length-range\",10,\"1000\"]]}";
    assert_true(
        is_ok(check(document,
                    "key=user/x;ACL=private;content-type=text/plain;policy=p;"
                    "x-amz-signature=s;x-ignore-me=1;x-amz-checksum-sha256=c;success=201")));
    assert_int_equal(range.min_bytes, 10);
    assert_int_equal(range.max_bytes, 1000);
}

static void test_no_range_is_no_limit(void **state) {
    (void)state;
    assert_true(is_ok(check(UNTIL "[{\"key\":\"k\"}]}", "key=k")));
    assert_int_equal(range.min_bytes, 0);
    assert_true(range.max_bytes == UINT64_MAX);
}

static void test_content_types_as_a_list(void **state) {
    (void)state;
    const char *document = UNTIL "[[\"starts-with\",\"$Content-Type\",\"image/\"]]}";
    assert_true(is_ok(check(document, "Content-Type=image/png, image/gif")));
    assert_true(status_is(check(document, "Content-Type=image/png, text/html"), STATUS_DENIED));
}

static void test_denied(void **state) {
    (void)state;
    static const struct {
        const char *document;
        const char *fields;
    } cases[] = {
        {"{\"expiration\":\"2026-06-01T12:00:00Z\",\"conditions\":[{\"key\":\"k\"}]}", "key=k"},
        {UNTIL "[{\"key\":\"other\"}]}", "key=k"},
        {UNTIL "[{\"key\":\"K\"}]}", "key=k"},
        {UNTIL "[{\"key\":\"k\"}]}", "key=k;acl=private"},
        {UNTIL "[{\"key\":\"k\"},{\"acl\":\"private\"}]}", "key=k"},
        {UNTIL "[{\"key\":\"k\"},{\"bucket\":\"other\"}]}", "key=k"},
        {UNTIL "[{\"key\":\"k\"},{\"bucket\":\"other\"}]}", "key=k;bucket=other"},
        {UNTIL "[[\"starts-with\",\"$key\",\"a\"]]}", "key=ba"},
        {UNTIL "[[\"starts-with\",\"$key\",\"\"]]}", "policy=p"},
        /* What is there twice must be right twice. */
        {UNTIL "[{\"key\":\"k\"},{\"x-amz-meta-a\":\"1\"}]}",
         "key=k;x-amz-meta-a=1;X-AMZ-META-A=2"},
        {UNTIL "[{\"key\":\"k\"},[\"starts-with\",\"$acl\",\"p\"]]}", "key=k;acl=private;acl=x"},
        {UNTIL "[{\"key\":\"k\"}]}", "key=k;key=other"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status s = check(cases[i].document, cases[i].fields);
        if (!status_is(s, STATUS_DENIED)) fail_msg("case %zu", i);
        assert_true(note.text[0] != '\0');
    }
}

static void test_invalid(void **state) {
    (void)state;
    static const char *const documents[] = {
        "",
        "[]",
        "{\"conditions\":[{\"key\":\"k\"}]}",
        "{\"Expiration\":\"2026-06-01T12:00:01Z\",\"conditions\":[{\"key\":\"k\"}]}",
        "{\"expiration\":\"tomorrow\",\"conditions\":[{\"key\":\"k\"}]}",
        "{\"expiration\":\"2026-06-01T12:00:01Z\"}",
        "{\"expiration\":\"2026-06-01T12:00:01Z\",\"CONDITIONS\":[{\"key\":\"k\"}]}",
        UNTIL "[]}",
        UNTIL "[{}]}",
        UNTIL "[\"key\"]}",
        UNTIL "[{\"key\":1}]}",
        UNTIL "[[\"eq\",\"$key\"]]}",
        UNTIL "[[\"eq\",\"key\",\"k\"]]}",
        UNTIL "[[\"ends-with\",\"$key\",\"k\"]]}",
        UNTIL "[{\"key\":\"k\"},[\"content-length-range\",0]]}",
        UNTIL "[{\"key\":\"k\"},[\"content-length-range\",-1,10]]}",
        UNTIL "[{\"key\":\"k\"},[\"content-length-range\",\"a\",10]]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct status s = check(documents[i], "key=k");
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", documents[i]);
        assert_true(note.text[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_no_range_is_no_limit),
        cmocka_unit_test(test_content_types_as_a_list),
        cmocka_unit_test(test_denied),
        cmocka_unit_test(test_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
