/* Lists of segments: what is taken from them, and what Swift says is wrong with them. */
#include "swift/slo.h"

#include "support/expect.h"

enum { ERRORS_MAX = 4096 };

struct parsed {
    struct arena arena;
    struct buf errors;
    struct swift_slo slo;
    enum swift_slo_verdict verdict;
};

static void parse(struct parsed *p, const char *text) {
    arena_init(&p->arena, 4096, 1024 * 1024);
    buf_init(&p->errors, ERRORS_MAX);
    expect_ok(swift_slo_parse(&p->arena, slice_str(text), SLICE("c"), SLICE("self"), &p->errors,
                              &p->slo, &p->verdict));
}

static void forget(struct parsed *p) {
    buf_fini(&p->errors);
    arena_fini(&p->arena);
}

static void expect_wrong(const char *text, const char *errors) {
    struct parsed p;
    parse(&p, text);
    assert_int_equal(p.verdict, SWIFT_SLO_ENTRIES_WRONG);
    expect_slice(buf_slice(&p.errors), slice_str(errors));
    forget(&p);
}

static void expect_verdict(const char *text, enum swift_slo_verdict verdict) {
    struct parsed p;
    parse(&p, text);
    assert_int_equal(p.verdict, verdict);
    forget(&p);
}

static void test_takes_objects_and_data(void **state) {
    (void)state;
    struct parsed p;
    parse(&p,
          "[{\"path\": \"/a/b/c\", \"etag\": \"e\", \"size_bytes\": \"12\", \"range\": \"2-\"},"
          " {\"data\": \"aGk=\"}, {\"path\": \"x/y\", \"etag\": null, \"size_bytes\": null}]");
    assert_int_equal(p.verdict, SWIFT_SLO_GOOD);
    assert_int_equal(p.slo.count, 3);
    assert_int_equal(p.slo.object_count, 2);
    const struct swift_slo_entry *e = p.slo.entries;
    expect_slice(e[0].container, SLICE("a"));
    expect_slice(e[0].object, SLICE("b/c"));
    expect_slice(e[0].etag, SLICE("e"));
    assert_int_equal(e[0].size, 12);
    uint64_t first, len;
    assert_true(swift_slo_resolve(&e[0].range, 12, &first, &len));
    assert_int_equal(first, 2);
    assert_int_equal(len, 10);
    expect_slice(e[1].data, SLICE("hi"));
    assert_null(e[2].etag.ptr);
    assert_false(e[2].has_size);
    forget(&p);
}

static void test_says_what_is_wrong_with_each(void **state) {
    (void)state;
    expect_wrong("[1, {}]",
                 "Index 0: not a JSON object\n"
                 "Index 1: expected keys to include one of b'data' or b'path'\n");
    expect_wrong("[{\"path\": \"/a/b\", \"zz\": 1, \"bytes\": 2}]",
                 "Index 0: extraneous keys \"bytes\", \"zz\"\n");
    expect_wrong("[{\"path\": 4}]", "Index 0: \"path\" must be a string\n");
    expect_wrong("[{\"path\": \"/a/b\", \"etag\": 4}]",
                 "Index 0: \"etag\" must be a string or null (if provided)\n");
    expect_wrong("[{\"path\": \"/a//\"}]",
                 "Index 0: path does not refer to an object. Path must "
                 "be of the form /container/object.\n");
    expect_wrong("[{\"path\": \"/a/b\", \"size_bytes\": \"x\"}]", "Index 0: invalid size_bytes\n");
    expect_wrong("[{\"path\": \"/a/b\", \"size_bytes\": 0}, {\"path\": \"/a/b\"}]",
                 "Index 0: too small; each segment must be at least 1 byte.\n");
    expect_wrong("[{\"path\": \"/c/self\"}]",
                 "Index 0: manifest must not include itself as a segment\n");
    expect_wrong("[{\"path\": \"/a/b\", \"range\": \"1-2,4-5\"}]",
                 "Index 0: multiple ranges (only one allowed)\n");
    expect_wrong("[{\"path\": \"/a/b\", \"range\": \"5-2\"}]", "Index 0: invalid range\n");
    expect_wrong("[{\"path\": \"/a/b\", \"range\": \"7-8\", \"size_bytes\": 7}]",
                 "Index 0: unsatisfiable range\n");
    expect_wrong("[{\"path\": \"/a/b\"}, {\"data\": \"*\"}]",
                 "Index 1: data must be valid base64\n");
    expect_wrong("[{\"data\": \"aGk=\"}]",
                 "Inline data segments require at least one object-backed segment.\n");
}

static void test_refuses_what_is_no_list(void **state) {
    (void)state;
    expect_verdict("[", SWIFT_SLO_NO_JSON);
    expect_verdict("", SWIFT_SLO_NO_JSON);
    expect_verdict("{}", SWIFT_SLO_NO_LIST);
    expect_verdict("[]", SWIFT_SLO_GOOD);
}

static void test_bounds_the_number_of_entries(void **state) {
    (void)state;
    struct buf text;
    buf_init(&text, 1024 * 1024);
    buf_append_char(&text, '[');
    for (int i = 0; i <= SWIFT_SLO_ENTRIES_MAX; i++) {
        if (i > 0) buf_append_char(&text, ',');
        buf_append_str(&text, "{\"path\": \"/a/b\"}");
    }
    buf_append_str(&text, "]");
    buf_append(&text, slice_of("", 1));
    expect_verdict(text.ptr, SWIFT_SLO_TOO_MANY);
    buf_fini(&text);
}

static void test_resolves_suffixes_and_ends(void **state) {
    (void)state;
    uint64_t first, len;
    const struct swift_slo_range suffix = {.present = true, .has_last = true, .last = 3};
    const struct swift_slo_range within = {
        .present = true, .has_first = true, .has_last = true, .first = 2, .last = 100};
    const struct swift_slo_range none = {.present = true, .has_last = true, .last = 0};
    assert_true(swift_slo_resolve(&suffix, 10, &first, &len));
    assert_int_equal(first, 7);
    assert_int_equal(len, 3);
    assert_true(swift_slo_resolve(&suffix, 2, &first, &len));
    assert_int_equal(len, 2);
    assert_true(swift_slo_resolve(&within, 10, &first, &len));
    assert_int_equal(len, 8);
    assert_false(swift_slo_resolve(&within, 2, &first, &len));
    assert_false(swift_slo_resolve(&none, 10, &first, &len));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_objects_and_data),
        cmocka_unit_test(test_says_what_is_wrong_with_each),
        cmocka_unit_test(test_refuses_what_is_no_list),
        cmocka_unit_test(test_bounds_the_number_of_entries),
        cmocka_unit_test(test_resolves_suffixes_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
