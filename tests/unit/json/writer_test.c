#include "json/writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "json/reader.h"

static struct buf buf;
static struct json_writer w;

static int setup(void **state) {
    (void)state;
    buf_init(&buf, 64 * 1024);
    json_writer_init(&w, &buf);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_fini(&buf);
    return 0;
}

static void assert_text(const char *expected) {
    if (!slice_eq(buf_slice(&buf), slice_str(expected))) {
        fail_msg("%.*s is not %s", SLICE_FMT(buf_slice(&buf)), expected);
    }
}

static void test_writes_a_document(void **state) {
    (void)state;
    json_begin_object(&w);
    json_member_str(&w, "s", "a\"b");
    json_member_u64(&w, "u", UINT64_MAX);
    json_member_bool(&w, "b", true);
    json_member_str(&w, "null", NULL);
    json_key(&w, "list");
    json_begin_array(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_write_i64(&w, INT64_MIN);
    json_write_null(&w);
    json_end_array(&w);
    json_key_slice(&w, SLICE("k\n"));
    json_write_double(&w, 0.1);
    json_member_string(&w, "e", SLICE(""));
    json_end_object(&w);
    assert_text(
        "{\"s\":\"a\\\"b\",\"u\":18446744073709551615,\"b\":true,\"null\":null,"
        "\"list\":[{},[],-9223372036854775808,null],\"k\\n\":0.1,\"e\":\"\"}");
}

static void test_doubles(void **state) {
    (void)state;
    json_begin_array(&w);
    json_write_double(&w, 0);
    json_write_double(&w, 1234567.25);
    json_write_double(&w, 1.0 / 3);
    json_write_double(&w, NAN);
    json_write_double(&w, INFINITY);
    json_end_array(&w);
    assert_text("[0,1234567.25,0.3333333333333333,null,null]");
}

static void test_escapes(void **state) {
    (void)state;
    json_escape(&buf, SLICE("\"\\/\b\f\n\r\t\x01\x1f\x7f\0'"));
    assert_text("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u0000'\"");
    buf_clear(&buf);
    json_escape(&buf, SLICE("\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_text("\"\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80\"");
    buf_clear(&buf);
    json_escape(&buf, SLICE("a\xff\xc3"));
    assert_text("\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_every_pair_of_bytes_reads_back(void **state) {
    (void)state;
    for (unsigned i = 0x0101; i < 65536; i++) {
        const char text[2] = {(char)(i >> 8), (char)i};
        if (text[1] == '\0') continue;
        struct json *doc = NULL;
        struct slice back = {0};
        buf_clear(&buf);
        json_escape(&buf, slice_of(text, 2));
        assert_true(is_ok(json_parse(buf_slice(&buf), NULL, &doc)));
        assert_true(json_string(doc, &back));
        bool ascii = (i & 0x8080) == 0;
        if (ascii) assert_true(slice_eq(back, slice_of(text, 2)));
        json_free(&doc);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_a_document, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doubles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_pair_of_bytes_reads_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
