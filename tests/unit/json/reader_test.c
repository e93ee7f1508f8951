#include "json/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"

static struct note note;

static void test_reads_values(void **state) {
    (void)state;
    struct json *doc = NULL;
    struct slice text = SLICE(
        " {\"s\": \"a\\n\\u00e9\\ud83d\\ude00/\\/\", \"n\": 42, \"neg\": -7, \"f\": 1.5, \"t\": "
        "true,"
        " \"z\": null, \"a\": [1, [], {}, \"x\"], \"S\": \"other\", \"big\": 9007199254740992,"
        " \"e\": 1e2}\n");
    assert_true(is_ok(json_parse(text, &note, &doc)));
    assert_int_equal(json_type(doc), JSON_OBJECT);
    assert_int_equal(json_count(doc), 10);
    assert_true(slice_eq(json_get_string(doc, "s"), SLICE("a\n\xc3\xa9\xf0\x9f\x98\x80//")));
    assert_true(slice_eq(json_get_string(doc, "S"), SLICE("other")));
    assert_null(json_get_string(doc, "n").ptr);
    assert_null(json_get_string(doc, "absent").ptr);
    uint64_t u = 0;
    int64_t i = 0;
    double d = 0;
    bool b = false;
    assert_true(json_u64(json_get(doc, "n"), &u) && u == 42);
    assert_true(json_i64(json_get(doc, "neg"), &i) && i == -7);
    assert_false(json_u64(json_get(doc, "neg"), &u));
    assert_false(json_u64(json_get(doc, "f"), &u));
    assert_false(json_u64(json_get(doc, "s"), &u));
    assert_false(json_u64(NULL, &u));
    assert_true(json_u64(json_get(doc, "big"), &u) && u == UINT64_C(9007199254740992));
    assert_true(json_u64(json_get(doc, "e"), &u) && u == 100);
    assert_true(json_double(json_get(doc, "f"), &d) && d > 1.4 && d < 1.6);
    assert_true(json_bool(json_get(doc, "t"), &b) && b);
    assert_false(json_bool(json_get(doc, "z"), &b));
    assert_int_equal(json_type(json_get(doc, "z")), JSON_NULL);
    assert_int_equal(json_type(json_get(doc, "absent")), JSON_NULL);
    json_free(&doc);
    assert_null(doc);
    json_free(&doc);
}

static void test_iterates(void **state) {
    (void)state;
    struct json *doc = NULL;
    assert_true(is_ok(json_parse(SLICE("{\"a\":1,\"b\":[10,20,30]}"), &note, &doc)));
    char names[8] = "";
    JSON_EACH(member, doc) strncat(names, json_name(member).ptr, 2);
    assert_string_equal(names, "ab");
    uint64_t sum = 0;
    JSON_EACH(item, json_get(doc, "b")) {
        uint64_t n = 0;
        assert_true(json_u64(item, &n));
        assert_int_equal(json_name(item).len, 0);
        sum += n;
    }
    assert_int_equal(sum, 60);
    assert_null(json_get(json_get(doc, "b"), "a"));
    assert_null(json_first(json_get(doc, "a")));
    assert_int_equal(json_count(NULL), 0);
    json_free(&doc);
}

static void test_scalars_are_documents(void **state) {
    (void)state;
    static const char *const good[] = {"1", "-0", "0.5", "1E+9", "\"x\"", "true", "null", " [ ] "};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct json *doc = NULL;
        if (!is_ok(json_parse(slice_str(good[i]), &note, &doc))) fail_msg("%s", good[i]);
        json_free(&doc);
    }
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "  ",
        "{",
        "[",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "1 2",
        "nul",
        "True",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "--1",
        "-",
        "0x10",
        "NaN",
        "Infinity",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\t\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\u0000\"",
        "{\"a\":1,\"a\":2}",
        "[{\"b\":{\"a\":1,\"\\u0061\":2}}]",
        "\"\xff\"",
        "\"\xed\xa0\x80\"",
        "{}x",
        "[]]",
        "}",
        "[}",
        "{]",
        "{\"a\":1,}",
        "// c\n1",
        "/**/1",
        "{1:2}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct json *doc = NULL;
        note.text[0] = '\0';
        struct status status = json_parse(slice_str(bad[i]), &note, &doc);
        if (status.code != STATUS_INVALID || doc != NULL) fail_msg("%s: %d", bad[i], status.code);
        if (note.text[0] == '\0') fail_msg("%s: refused without a word", bad[i]);
    }
    struct json *doc = NULL;
    assert_int_equal(json_parse(SLICE("\"a\0b\""), &note, &doc).code, STATUS_INVALID);
    assert_int_equal(json_parse(SLICE("1\0"), &note, &doc).code, STATUS_INVALID);
}

static enum status_code parse_nested(size_t depth) {
    struct buf buf;
    struct json *doc = NULL;
    buf_init(&buf, 8 * 1024 * 1024);
    for (size_t i = 0; i < depth; i++) buf_append_char(&buf, '[');
    for (size_t i = 0; i < depth; i++) buf_append_char(&buf, ']');
    struct status status = json_parse(buf_slice(&buf), &note, &doc);
    json_free(&doc);
    buf_fini(&buf);
    return status.code;
}

static enum status_code parse_wide(size_t members) {
    struct buf buf;
    struct json *doc = NULL;
    buf_init(&buf, 8 * 1024 * 1024);
    for (size_t i = 0; i < members; i++) buf_printf(&buf, "%c\"%zu\":1", i == 0 ? '{' : ',', i);
    buf_append_char(&buf, '}');
    struct status status = json_parse(buf_slice(&buf), &note, &doc);
    json_free(&doc);
    buf_fini(&buf);
    return status.code;
}

static void test_limits(void **state) {
    (void)state;
    assert_int_equal(parse_nested(JSON_DEPTH_MAX), STATUS_OK);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1), STATUS_TOO_LARGE);
    assert_int_equal(parse_nested(1000000), STATUS_TOO_LARGE);
    assert_int_equal(parse_wide(JSON_MEMBERS_MAX), STATUS_OK);
    assert_int_equal(parse_wide(JSON_MEMBERS_MAX + 1), STATUS_TOO_LARGE);
    char *blanks = malloc(JSON_BYTES_MAX + 1);
    assert_non_null(blanks);
    memset(blanks, ' ', JSON_BYTES_MAX + 1);
    struct json *doc = NULL;
    struct slice text = slice_of(blanks, JSON_BYTES_MAX + 1);
    assert_int_equal(json_parse(text, &note, &doc).code, STATUS_TOO_LARGE);
    free(blanks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_values),
        cmocka_unit_test(test_iterates),
        cmocka_unit_test(test_scalars_are_documents),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
