#include "s3/tagging.h"

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
static enum tagging_defect defect;

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

#define SET(tags) "<Tagging><TagSet>" tags "</TagSet></Tagging>"
#define TAG(key, value) "<Tag><Key>" key "</Key><Value>" value "</Value></Tag>"

static void test_documents(void **state) {
    (void)state;
    struct tag_set tags;
    assert_true(is_ok(tagging_parse(&arena, SLICE("" SET(TAG("a b", "1") TAG("k\xc3\xa9y", ""))),
                                    10, &note, &defect, &tags)));
    assert_int_equal(tags.count, 2);
    assert_true(slice_eq(tags.items[0].key, SLICE("a b")));
    assert_true(slice_eq(tags.items[1].value, SLICE("")));
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, 4096);
    xml_writer_init(&writer, &buf);
    tagging_write(&writer, &tags);
    assert_true(is_ok(xml_end(&writer)));
    assert_true(slice_eq(buf_slice(&buf),
                         SLICE("<TagSet>" TAG("a b", "1") TAG("k\xc3\xa9y", "") "</TagSet>")));
    buf_fini(&buf);
    assert_true(is_ok(tagging_parse(&arena, SLICE("" SET("")), 10, &note, &defect, &tags)));
    assert_int_equal(tags.count, 0);
}

static void test_headers(void **state) {
    (void)state;
    struct tag_set tags;
    assert_true(
        is_ok(tagging_parse_header(&arena, SLICE("a=1&b+c=%2Fd&e"), 10, &note, &defect, &tags)));
    assert_int_equal(tags.count, 3);
    assert_true(slice_eq(tags.items[1].key, SLICE("b c")));
    assert_true(slice_eq(tags.items[1].value, SLICE("/d")));
    assert_true(slice_eq(tags.items[2].value, SLICE("")));
    struct status s = tagging_parse_header(&arena, SLICE("a=%zz"), 10, &note, &defect, &tags);
    assert_true(status_is(s, STATUS_INVALID));
    assert_int_equal(defect, TAGGING_ARGUMENT);
    s = tagging_parse_header(&arena, SLICE("a=1&a=2"), 10, &note, &defect, &tags);
    assert_true(status_is(s, STATUS_INVALID));
    assert_int_equal(defect, TAGGING_INVALID);
}

static void refuses(struct slice document, enum tagging_defect expected) {
    struct tag_set tags;
    struct status s = tagging_parse(&arena, document, 2, &note, &defect, &tags);
    if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %.*s", SLICE_FMT(document));
    assert_int_equal(defect, expected);
    assert_true(note.text[0] != '\0');
}

static void test_refuses(void **state) {
    (void)state;
    refuses(SLICE(""), TAGGING_MALFORMED);
    refuses(SLICE("<Tagging/>"), TAGGING_MALFORMED);
    refuses(SLICE("" SET("<Tag><Key>a</Key></Tag>")), TAGGING_MALFORMED);
    refuses(SLICE("" SET(TAG("", "a"))), TAGGING_INVALID);
    refuses(SLICE("" SET(TAG("a<![CDATA[<]]>", "a"))), TAGGING_INVALID);
    refuses(SLICE("" SET(TAG("aws:x", "a"))), TAGGING_INVALID);
    refuses(SLICE("" SET(TAG("a", "1") TAG("a", "2"))), TAGGING_INVALID);
    refuses(SLICE("" SET(TAG("a", "1") TAG("b", "2") TAG("c", "3"))), TAGGING_TOO_MANY);
}

/* The limits count characters, not bytes. */
static void test_lengths(void **state) {
    (void)state;
    struct tag_set tags;
    char text[2048];
    for (size_t chars = 128; chars <= 129; chars++) {
        size_t len = (size_t)snprintf(text, sizeof text, "<Tagging><TagSet><Tag><Key>");
        for (size_t i = 0; i < chars; i++) len += (size_t)snprintf(text + len, 3, "\xc3\xa9");
        snprintf(text + len, sizeof text - len, "</Key><Value>v</Value></Tag></TagSet></Tagging>");
        struct status s = tagging_parse(&arena, slice_str(text), 2, &note, &defect, &tags);
        assert_int_equal(is_ok(s), chars == 128);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
