#include "swift/web_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

enum { OUT_MAX = 64 * 1024 };

static struct buf out;

static int setup(void **state) {
    (void)state;
    buf_init(&out, OUT_MAX);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_fini(&out);
    return 0;
}

static bool says(const char *text) {
    return slice_find(buf_slice(&out), slice_str(text), 0) < out.len;
}

static void make(const char *prefix, const char *name, const char *type, uint64_t bytes,
                 const char *css) {
    struct swift_web_page page;
    buf_clear(&out);
    swift_web_page_begin(&page, slice_str(prefix));
    swift_web_page_file(
        &page,
        &(struct swift_web_file){
            .name = slice_str(name), .type = slice_str(type), .bytes = bytes, .modified_ns = 1});
    assert_true(swift_web_page_has_room(&page));
    swift_web_page_end(&page, SLICE("<label>"), slice_str(css), &out);
    assert_true(is_ok(buf_ok(&out)));
}

static void test_names_and_types_are_escaped(void **state) {
    (void)state;
    make("", "<b>\"", "Text/\"><script>", 7, "");
    assert_true(says("href=\"%3Cb%3E%22\">&lt;b&gt;"));
    assert_true(says("class=\"item type-text type-"));
    assert_true(says("Listing of &lt;label&gt;</title>"));
    assert_false(says("<script") || says("<b>") || says("<label>"));
    assert_false(says("../"));
}

static void test_links_stay_below_the_page(void **state) {
    (void)state;
    make("d/", "d//evil.example", "text/plain", 7, "");
    assert_true(says("href=\".//evil.example\""));
    make("", "javascript:x", "text/plain", 7, "");
    assert_true(says("href=\"javascript%3Ax\""));
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{0, ">0<"},
                 {1023, ">1023<"},
                 {1024, ">1Ki<"},
                 {1536, ">2Ki<"},
                 {UINT64_C(5) << 30, ">5Gi<"},
                 {UINT64_MAX, ">16Ei<"}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        make("", "n", "a/b", sizes[i].bytes, "");
        if (!says(sizes[i].text)) fail_msg("not said: %s", sizes[i].text);
    }
}

static void test_style_sheets(void **state) {
    (void)state;
    make("a/b/", "a/b/c", "a/b", 1, "s/x.css");
    assert_true(says("href=\"../../s/x.css\""));
    make("a/", "a/c", "a/b", 1, "https://example.com/\"x.css");
    assert_true(says("href=\"https://example.com/&quot;x.css\""));
    make("a/", "a/c", "a/b", 1, "javascript:x");
    assert_true(says("href=\"../javascript%3Ax\""));
    make("", "c", "a/b", 1, "");
    assert_true(says("<style"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_and_types_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_stay_below_the_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_style_sheets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
