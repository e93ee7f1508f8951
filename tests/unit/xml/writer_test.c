#include "xml/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/date.h"
#include "xml/reader.h"

static struct buf buf;

static int setup(void **state) {
    (void)state;
    buf_init(&buf, 64 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_fini(&buf);
    return 0;
}

static void test_writes_a_document(void **state) {
    (void)state;
    struct xml_writer w;
    xml_writer_init(&w, &buf);
    xml_declaration(&w);
    xml_open_ns(&w, "ListBucketResult", XML_NS_S3);
    xml_element_str(&w, "Name", "b");
    xml_element(&w, "Prefix", SLICE(""));
    xml_element_u64(&w, "MaxKeys", 1000);
    xml_element_bool(&w, "IsTruncated", false);
    xml_open(&w, "Contents");
    xml_element(&w, "Key", SLICE("a<b>&\"c'\td\ne\rf"));
    xml_element_etag(&w, "ETag", SLICE("abc"));
    xml_element_time(&w, "LastModified", 784111777 * NS_PER_S + 5 * NS_PER_MS);
    xml_close(&w, "Contents");
    xml_open_with(&w, "Grantee", "xmlns:xsi=\"x\" xsi:type=\"Group\"");
    xml_write_text(&w, SLICE("t"));
    xml_close(&w, "Grantee");
    xml_close(&w, "ListBucketResult");
    assert_true(is_ok(xml_end(&w)));
    const char *expected =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
        "<Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents>"
        "<Key>a&lt;b&gt;&amp;&quot;c&apos;&#9;d&#10;e&#13;f</Key><ETag>&quot;abc&quot;</ETag>"
        "<LastModified>1994-11-06T08:49:37.005Z</LastModified></Contents>"
        "<Grantee xmlns:xsi=\"x\" xsi:type=\"Group\">t</Grantee></ListBucketResult>";
    assert_int_equal(buf.len, strlen(expected));
    assert_memory_equal(buf.ptr, expected, buf.len);
}

static void assert_escaped(struct slice text, const char *expected) {
    buf_clear(&buf);
    xml_escape(&buf, text);
    if (!slice_eq(buf_slice(&buf), slice_str(expected))) {
        fail_msg("%.*s is not %s", SLICE_FMT(buf_slice(&buf)), expected);
    }
}

#define R "\xef\xbf\xbd"

static void test_what_xml_cannot_carry_is_replaced(void **state) {
    (void)state;
    assert_escaped(SLICE("a\0b\x01\x1f\x7f"), "a" R "b" R R "\x7f");
    assert_escaped(SLICE("\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80"),
                   "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_escaped(SLICE("\xef\xbf\xbe-\xef\xbf\xbf"), R R R "-" R R R);
    assert_escaped(SLICE("\xff\x80"), R R);
    assert_escaped(SLICE("\xc0\xaf"), R R);
    assert_escaped(SLICE("\xed\xa0\x80"), R R R);
    assert_escaped(SLICE("\xf4\x90\x80\x80"), R R R R);
    assert_escaped(SLICE("a\xe2\x82"), "a" R R);
    assert_escaped(SLICE("a\xe2<"), "a" R "&lt;");
    assert_escaped(SLICE("\xef\xbf\xbd"), R);
}

/* Whatever goes in, a reader takes what comes out; and where XML can carry it, as it was. */
static void test_every_byte_and_pair_reads_back(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096, 64 * 1024);
    for (unsigned i = 0; i < 65536; i++) {
        const char text[2] = {(char)(i >> 8), (char)i};
        struct xml_writer w;
        const struct xml_node *root = NULL;
        buf_clear(&buf);
        arena_reset(&arena);
        xml_writer_init(&w, &buf);
        xml_open(&w, "R");
        xml_element(&w, "K", slice_of(text, 2));
        xml_close(&w, "R");
        assert_true(is_ok(xml_end(&w)));
        assert_true(is_ok(xml_parse(&arena, buf_slice(&buf), NULL, NULL, &root)));
        bool plain = (i >> 8) >= ' ' && (i >> 8) < 0x80 && (i & 0xff) >= ' ' && (i & 0xff) < 0x80;
        if (plain) assert_true(slice_eq(xml_text(root, "K"), slice_of(text, 2)));
    }
    arena_fini(&arena);
}

struct collecting_sink {
    struct sink sink;
    struct buf all;
    size_t writes;
    bool broken;
};

static struct status collect(struct sink *sink, struct slice bytes) {
    struct collecting_sink *self = CONTAINER_OF(sink, struct collecting_sink, sink);
    if (self->broken) return status_of(STATUS_CLOSED);
    buf_append(&self->all, bytes);
    self->writes++;
    return status_ok();
}

static struct status write_many(struct collecting_sink *out, size_t count) {
    static const struct sink_ops ops = {.write = collect};
    struct xml_writer w;
    struct buf small;
    buf_init(&small, 1024);
    out->sink.ops = &ops;
    buf_init(&out->all, 1024 * 1024);
    xml_writer_init_sink(&w, &small, 256, &out->sink);
    xml_open(&w, "All");
    for (size_t i = 0; i < count; i++) xml_element_u64(&w, "N", i);
    xml_close(&w, "All");
    struct status status = xml_end(&w);
    assert_true(small.cap <= 1024);
    buf_fini(&small);
    return status;
}

static void test_a_sink_gets_it_in_pieces(void **state) {
    (void)state;
    struct collecting_sink out = {.broken = false};
    assert_true(is_ok(write_many(&out, 1000)));
    assert_true(out.writes > 10);
    assert_true(slice_starts_with(buf_slice(&out.all), SLICE("<All><N>0</N><N>1</N>")));
    assert_true(slice_ends_with(buf_slice(&out.all), SLICE("<N>999</N></All>")));
    buf_fini(&out.all);
}

static void test_a_broken_sink_is_told_at_the_end(void **state) {
    (void)state;
    struct collecting_sink out = {.broken = true};
    assert_int_equal(write_many(&out, 1000).code, STATUS_CLOSED);
    buf_fini(&out.all);
}

static void test_overflow_is_told_at_the_end(void **state) {
    (void)state;
    char storage[32];
    struct buf small;
    struct xml_writer w;
    buf_init_fixed(&small, storage, sizeof storage);
    xml_writer_init(&w, &small);
    xml_open(&w, "Root");
    xml_element_str(&w, "Long", "0123456789012345678901234567890123456789");
    xml_close(&w, "Root");
    assert_int_equal(xml_end(&w).code, STATUS_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_a_document, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_xml_cannot_carry_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_byte_and_pair_reads_back, setup, teardown),
        cmocka_unit_test(test_a_sink_gets_it_in_pieces),
        cmocka_unit_test(test_a_broken_sink_is_told_at_the_end),
        cmocka_unit_test(test_overflow_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
