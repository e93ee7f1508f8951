#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"

static struct arena arena;
static struct note note;
static const struct xml_node *root;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096, 8 * 1024 * 1024);
    note.text[0] = '\0';
    root = NULL;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum status_code parse(const char *text) {
    return xml_parse(&arena, slice_str(text), NULL, &note, &root).code;
}

static void assert_text(const struct xml_node *node, const char *name, const char *expected) {
    struct slice text = xml_text(node, name);
    assert_non_null(text.ptr);
    if (!slice_eq(text, slice_str(expected))) fail_msg("%s: %.*s", name, SLICE_FMT(text));
}

static void test_reads_a_tree(void **state) {
    (void)state;
    assert_int_equal(
        parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n"
              "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
              "  <Object><Key>a&amp;b &#x41;&lt;\xc3\xa9<![CDATA[<&>]]></Key></Object>\n"
              "  <Quiet> True </Quiet>\n  <Object a='b'><Key/><N> 12\n</N></Object>\n</Delete>\n"),
        STATUS_OK);
    assert_true(xml_is(root, "Delete"));
    assert_false(xml_is(root, "delete"));
    const struct xml_node *object = xml_child(root, "Object");
    assert_text(object, "Key", "a&b A<\xc3\xa9<&>");
    assert_null(xml_text(object, "Absent").ptr);
    object = xml_next_same(object);
    assert_text(object, "Key", "");
    uint64_t number = 0;
    assert_true(xml_u64(object, "N", &number));
    assert_int_equal(number, 12);
    assert_false(xml_u64(object, "Key", &number));
    assert_false(xml_u64(object, "Absent", &number));
    bool quiet = false;
    assert_true(xml_bool(root, "Quiet", &quiet));
    assert_true(quiet);
    assert_false(xml_bool(object, "N", &quiet));
    assert_null(xml_next_same(object));
    assert_null(xml_child(NULL, "Object"));
    assert_int_equal(root->text.len, 0);
}

static void test_prefixes_and_namespaces_are_tolerated(void **state) {
    (void)state;
    assert_int_equal(parse("<s3:A xmlns:s3='urn:x'><s3:B>1</s3:B><B xmlns='urn:y'>2</B></s3:A>"),
                     STATUS_OK);
    assert_true(xml_is(root, "A"));
    assert_text(root, "B", "1");
}

/* A name is never empty, also where nothing stands behind its colon. */
static void test_names_that_end_in_a_colon(void **state) {
    (void)state;
    assert_int_equal(parse("<a><:/><b:/><c:d/></a>"), STATUS_OK);
    const struct xml_node *child = root->first_child;
    assert_true(xml_is(child, ":"));
    assert_true(xml_is(child->next, "b:"));
    assert_true(xml_is(child->next->next, "d"));
}

static void test_other_encodings_become_utf8(void **state) {
    (void)state;
    assert_int_equal(parse("<?xml version='1.0' encoding='ISO-8859-1'?><A><B>\xe9</B></A>"),
                     STATUS_OK);
    assert_text(root, "B", "\xc3\xa9");
    assert_int_equal(parse("\xef\xbb\xbf<A><B>x</B></A>"), STATUS_OK);
}

static void test_line_ends_are_normalised(void **state) {
    (void)state;
    assert_int_equal(parse("<A><B>1\r\n2&#13;3</B></A>"), STATUS_OK);
    assert_text(root, "B", "1\n2\r3");
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const malformed[] = {
        "",
        "  ",
        "no xml",
        "<A>",
        "<A></B>",
        "<A></A><B/>",
        "<A></A>x",
        "<A>&undefined;</A>",
        "<A>\x01</A>",
        "<A>&#1;</A>",
        "<A>&#0;</A>",
        "<A>\xff</A>",
        "<A>\xed\xa0\x80</A>",
        "<A b=1/>",
        "<A b='1' b='2'/>",
        "<A><![CDATA[</A>",
        "<?xml version='1.0' encoding='no-such-thing'?><A/>",
        "<!DOCTYPE A><A/>",
        "<!DOCTYPE A SYSTEM 'file:///etc/passwd'><A/>",
        "<!DOCTYPE A [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><A>&x;</A>",
        "<!DOCTYPE A [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><A>&b;</A>",
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        note.text[0] = '\0';
        arena_reset(&arena);
        if (parse(malformed[i]) != STATUS_INVALID) fail_msg("%s", malformed[i]);
        if (note.text[0] == '\0') fail_msg("%s: refused without a word", malformed[i]);
    }
}

static struct slice repeat(struct buf *buf, const char *head, const char *piece, size_t count,
                           const char *tail) {
    buf_clear(buf);
    buf_append_str(buf, head);
    for (size_t i = 0; i < count; i++) buf_append_str(buf, piece);
    buf_append_str(buf, tail);
    assert_true(is_ok(buf_ok(buf)));
    return buf_slice(buf);
}

static enum status_code parse_limited(struct slice text, struct xml_limits limits) {
    return xml_parse(&arena, text, &limits, &note, &root).code;
}

static void test_limits(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4 * 1024 * 1024);
    struct slice text = repeat(&buf, "<A>", "<B>", 3, "</B></B></B></A>");
    assert_int_equal(parse_limited(text, (struct xml_limits){.depth_max = 4}), STATUS_OK);
    assert_int_equal(parse_limited(text, (struct xml_limits){.depth_max = 3}), STATUS_TOO_LARGE);
    text = repeat(&buf, "<A>", "<B/>", 9, "</A>");
    assert_int_equal(parse_limited(text, (struct xml_limits){.elements_max = 10}), STATUS_OK);
    assert_int_equal(parse_limited(text, (struct xml_limits){.elements_max = 9}), STATUS_TOO_LARGE);
    assert_int_equal(parse_limited(text, (struct xml_limits){.bytes_max = text.len}), STATUS_OK);
    assert_int_equal(parse_limited(text, (struct xml_limits){.bytes_max = text.len - 1}),
                     STATUS_TOO_LARGE);
    text = repeat(&buf, "<A>", "x", 100, "</A>");
    assert_int_equal(parse_limited(text, (struct xml_limits){.text_max = 100}), STATUS_OK);
    assert_int_equal(parse_limited(text, (struct xml_limits){.text_max = 99}), STATUS_TOO_LARGE);
    text = repeat(&buf, "<", "x", 300, "/>");
    assert_int_equal(parse_limited(text, (struct xml_limits){0}), STATUS_TOO_LARGE);
    buf_fini(&buf);
}

static void test_an_endless_tag_is_cut_short(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4 * 1024 * 1024);
    struct slice text = repeat(&buf, "<A b='", "xxxxxxxxxx", 60000, "'/>");
    assert_int_equal(parse_limited(text, (struct xml_limits){0}), STATUS_TOO_LARGE);
    text = repeat(&buf, "<!--", "xxxxxxxxxx", 60000, "--><A/>");
    assert_int_equal(parse_limited(text, (struct xml_limits){0}), STATUS_TOO_LARGE);
    buf_fini(&buf);
}

static void test_deep_nesting_costs_nothing(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4 * 1024 * 1024);
    struct slice text = repeat(&buf, "", "<A>", 300000, "");
    assert_int_equal(parse_limited(text, (struct xml_limits){0}), STATUS_TOO_LARGE);
    assert_true(arena.used_bytes < 64 * 1024);
    buf_fini(&buf);
}

static void test_small_arena(void **state) {
    (void)state;
    struct arena small;
    arena_init(&small, 256, 1024);
    struct buf buf;
    buf_init(&buf, 1024 * 1024);
    struct slice text = repeat(&buf, "<A>", "<B>text</B>", 1000, "</A>");
    assert_int_equal(xml_parse(&small, text, NULL, &note, &root).code, STATUS_NO_MEMORY);
    assert_null(root);
    buf_fini(&buf);
    arena_fini(&small);
}

static void append_part(struct buf *buf, int number) {
    buf_printf(buf,
               "  <Part>\n    <ChecksumSHA256>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
               "%08d</ChecksumSHA256>\n    <ETag>&quot;%032d&quot;</ETag>\n"
               "    <PartNumber>%d</PartNumber>\n  </Part>\n",
               number, number, number);
}

static void test_ten_thousand_parts(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4 * 1024 * 1024);
    buf_append_str(&buf, "<CompleteMultipartUpload xmlns='http://s3.amazonaws.com/'>\n");
    for (int i = 1; i <= 10000; i++) append_part(&buf, i);
    buf_append_str(&buf, "</CompleteMultipartUpload>");
    struct xml_limits limits = {.bytes_max = 4 * 1024 * 1024, .elements_max = 50000};
    assert_int_equal(parse_limited(buf_slice(&buf), limits), STATUS_OK);
    uint64_t count = 0;
    const struct xml_node *part = xml_child(root, "Part");
    for (; part != NULL; part = xml_next_same(part)) {
        uint64_t number = 0;
        count++;
        assert_true(xml_u64(part, "PartNumber", &number));
        assert_int_equal(number, count);
        assert_int_equal(xml_text(part, "ETag").len, 34);
    }
    assert_int_equal(count, 10000);
    buf_fini(&buf);
}

struct broken_source {
    struct source source;
    int pulls;
};

static struct status broken_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    struct broken_source *self = CONTAINER_OF(source, struct broken_source, source);
    if (self->pulls++ > 0) return status_of(STATUS_MISMATCH);
    assert_true(cap >= 4);
    memcpy(buffer, "<A/>", 4);
    *ret_len = 4;
    *ret_end = false;
    return status_ok();
}

static void test_nothing_is_believed_before_the_verified_end(void **state) {
    (void)state;
    static const struct source_ops ops = {.pull = broken_pull};
    struct broken_source source = {.source = {&ops}};
    struct status status = xml_read(&arena, &source.source, NULL, &note, &root);
    assert_int_equal(status.code, STATUS_MISMATCH);
    assert_null(root);
}

static void test_pieces_of_any_size(void **state) {
    (void)state;
    struct slice text = SLICE("<A><B>a&amp;\xc3\xa9z</B><C>1</C></A>");
    for (size_t step = 1; step < 8; step++) {
        struct slice_source source;
        slice_source_init(&source, text, step);
        assert_true(is_ok(xml_read(&arena, &source.source, NULL, &note, &root)));
        assert_text(root, "B", "a&\xc3\xa9z");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_a_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefixes_and_namespaces_are_tolerated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_names_that_end_in_a_colon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_encodings_become_utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(test_line_ends_are_normalised, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_endless_tag_is_cut_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deep_nesting_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_arena, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ten_thousand_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_believed_before_the_verified_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pieces_of_any_size, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
