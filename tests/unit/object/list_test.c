/* Listings: what a page holds, where it ends, and what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "object/list.h"
#include "object/record.h"
#include "support/counting_kv.h"
#include "support/store.h"

static const struct bucket bucket = {.incarnation = {{7}}};

/* A store with keys in one bucket, and the arena of its listings. */
struct fixture {
    struct test_store under;
    struct counting_kv counting;
    struct object_store *store;
    struct arena arena;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f);
    test_store_open(&f->under, TEST_DRIVER_MEM);
    counting_kv_init(&f->counting, f->under.kv);
    struct object_store_config config = {.kv = &f->counting.kv,
                                         .blob = f->under.blob,
                                         .clock = clock_system(),
                                         .random = random_system()};
    CHECK(is_ok(object_store_open(&config, NULL, &f->store)));
    arena_init(&f->arena, 64 * 1024, 16 * 1024 * 1024);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    object_store_close(&f->store);
    test_store_close(&f->under);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

static struct slice record_of(struct fixture *f, uint64_t size) {
    struct object_info info = {.size = size,
                               .etag = SLICE("d41d8cd98f00b204e9800998ecf8427e"),
                               .modified_ns = 1700000000000000000,
                               .meta = {.owner_id = SLICE("alice"), .owner_name = SLICE("Alice")}};
    if (size > 0) info.content.kind = OBJECT_CONTENT_BLOB;
    struct slice record;
    CHECK(is_ok(record_encode_object(&info, &f->arena, &record)));
    return record;
}

static void add_to(struct fixture *f, struct kv_batch *batch, struct slice object_key) {
    struct key key = key_object(object_key);
    kv_batch_put(batch, key_slice(&key), record_of(f, object_key.len));
}

static void commit(struct fixture *f, struct kv_batch *batch) {
    CHECK(is_ok(kv_commit(f->under.kv, bucket.incarnation, batch, NULL)));
    kv_batch_clear(batch);
    arena_reset(&f->arena);
}

static void add(struct fixture *f, const char *const *keys, size_t count) {
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < count; i++) add_to(f, batch, slice_str(keys[i]));
    commit(f, batch);
    kv_batch_free(&batch);
}

#define ADD(f, ...)                            \
    add(f, (const char *const[]){__VA_ARGS__}, \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct list_page list(struct fixture *f, const struct list_query *query) {
    struct list_page page;
    struct status s = list_objects(f->store, &bucket, query, &f->arena, &page);
    assert_string_equal(status_text(s.code), status_text(STATUS_OK));
    return page;
}

/* Expects the names of a page, with a blank between them, and "…" behind them if it is truncated.
 */
static void expect(struct fixture *f, struct list_query query, const char *names) {
    if (query.max == 0) query.max = LIST_PAGE_MAX;
    struct list_page page = list(f, &query);
    char text[4096];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text - 1);
    for (size_t i = 0; i < page.count; i++) {
        if (i > 0) buf_append_char(&buf, ' ');
        buf_append(&buf, page.entries[i].name);
        size_t end = page.entries[i].name.len;
        bool rolled = query.delimiter.len > 0 &&
                      slice_find(page.entries[i].name, query.delimiter, query.prefix.len) < end;
        assert_int_equal(page.entries[i].is_prefix, rolled);
        if (!rolled) assert_int_equal(page.entries[i].info.size, end);
    }
    if (page.truncated) {
        buf_append_str(&buf, " …");
        assert_true(slice_eq(page.next, page.entries[page.count - 1].name));
    }
    assert_true(is_ok(buf_ok(&buf)));
    text[buf.len] = 0;
    assert_string_equal(text, names);
}

#define QUERY(...) ((struct list_query){__VA_ARGS__})

static void test_keys_come_in_bytewise_order(void **state) {
    struct fixture *f = *state;
    expect(f, QUERY(.max = 10), "");
    ADD(f, "b", "a", "B", "a/b", "a-b", "ab", "\xc3\xa4");
    expect(f, QUERY(.max = 10), "B a a-b a/b ab b \xc3\xa4");
    expect(f, QUERY(.max = 3), "B a a-b …");
    expect(f, QUERY(.max = 7), "B a a-b a/b ab b \xc3\xa4");
    expect(f, QUERY(.after = SLICE("a-b")), "a/b ab b \xc3\xa4");
    expect(f, QUERY(.after = SLICE("a.")), "a/b ab b \xc3\xa4");
    expect(f, QUERY(.after = SLICE("\xff")), "");
    expect(f, QUERY(.prefix = SLICE("a")), "a a-b a/b ab");
    expect(f, QUERY(.prefix = SLICE("a"), .max = 4), "a a-b a/b ab");
    expect(f, QUERY(.prefix = SLICE("nothing")), "");
}

static void test_entries_have_what_the_record_says(void **state) {
    struct fixture *f = *state;
    ADD(f, "abc");
    struct list_page page = list(f, &QUERY(.max = 1));
    const struct object_info *info = &page.entries[0].info;
    assert_true(slice_eq(info->key, SLICE("abc")));
    assert_true(slice_eq(info->etag, SLICE("d41d8cd98f00b204e9800998ecf8427e")));
    assert_true(slice_eq(info->meta.owner_name, SLICE("Alice")));
    assert_int_equal(info->modified_ns, 1700000000000000000);
}

static void test_common_prefixes_are_met_once(void **state) {
    struct fixture *f = *state;
    ADD(f, "asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla", "d/", "e");
    struct slice slash = SLICE("/");
    expect(f, QUERY(.delimiter = slash), "asdf boo/ cquux/ d/ e");
    expect(f, QUERY(.delimiter = slash, .max = 1), "asdf …");
    expect(f, QUERY(.delimiter = slash, .max = 1, .after = SLICE("asdf")), "boo/ …");
    expect(f, QUERY(.delimiter = slash, .max = 2, .after = SLICE("boo/")), "cquux/ d/ …");
    expect(f, QUERY(.delimiter = slash, .max = 2, .after = SLICE("cquux/")), "d/ e");
    expect(f, QUERY(.delimiter = slash, .prefix = SLICE("boo/")), "boo/bar boo/baz/");
    expect(f, QUERY(.delimiter = slash, .prefix = SLICE("boo")), "boo/");
    expect(f, QUERY(.delimiter = slash, .prefix = SLICE("d/")), "d/");
    expect(f, QUERY(.delimiter = SLICE("a")), "a boo/ba cquux/bla cquux/thud d/ e");
    expect(f, QUERY(.delimiter = SLICE("nowhere")),
           "asdf boo/bar boo/baz/xyzzy cquux/bla cquux/thud d/ e");
}

/* As S3 does: a marker inside of a common prefix skips the rest of it. */
static void test_a_marker_inside_of_a_common_prefix(void **state) {
    struct fixture *f = *state;
    ADD(f, "f/a/1", "f/a/2", "f/x", "f/y");
    struct list_query query = {.prefix = SLICE("f/"), .delimiter = SLICE("/")};
    expect(f, query, "f/a/ f/x f/y");
    query.after = SLICE("f/a/1");
    expect(f, query, "f/x f/y");
    query.after = SLICE("f/a/");
    expect(f, query, "f/x f/y");
    query.after = SLICE("f/a/zzz");
    expect(f, query, "f/x f/y");
    query.after = SLICE("f/a");
    expect(f, query, "f/a/ f/x f/y");
    query.after = SLICE("f/");
    expect(f, query, "f/a/ f/x f/y");
    query.after = SLICE("a/b/c");
    expect(f, query, "f/a/ f/x f/y");
    query.after = SLICE("g/");
    expect(f, query, "");
    /* `from` speaks of keys: what is left of the common prefix is met. */
    query.after = SLICE("");
    query.from = SLICE("f/a/2");
    expect(f, query, "f/a/ f/x f/y");
    query.from = SLICE("f/a/3");
    expect(f, query, "f/x f/y");
    query.after = SLICE("f/x");
    expect(f, query, "f/y");
}

static void test_keys_before_the_end(void **state) {
    struct fixture *f = *state;
    ADD(f, "a", "b/1", "b/2", "c", "d");
    expect(f, QUERY(.until = SLICE("c")), "a b/1 b/2");
    expect(f, QUERY(.until = SLICE("b/2"), .delimiter = SLICE("/")), "a b/");
    expect(f, QUERY(.until = SLICE("b/1"), .delimiter = SLICE("/")), "a");
    expect(f, QUERY(.until = SLICE("d"), .max = 4), "a b/1 b/2 c");
    expect(f, QUERY(.until = SLICE("d"), .max = 3), "a b/1 b/2 …");
    expect(f, QUERY(.from = SLICE("b/2"), .until = SLICE("d")), "b/2 c");
}

static void test_delimiters_of_several_bytes(void **state) {
    struct fixture *f = *state;
    ADD(f, "a--b--c", "a-b", "a--", "x\xe2\x86\x92y", "x\xe2\x86\x90y", "z");
    expect(f, QUERY(.delimiter = SLICE("--")), "a-- a-b x\xe2\x86\x90y x\xe2\x86\x92y z");
    expect(f, QUERY(.delimiter = SLICE("\xe2\x86\x92")),
           "a-- a--b--c a-b x\xe2\x86\x90y x\xe2\x86\x92 z");
    expect(f, QUERY(.delimiter = SLICE("--"), .prefix = SLICE("a--")), "a-- a--b--");
    expect(f, QUERY(.delimiter = SLICE("--"), .prefix = SLICE("a-")), "a-- a--b-- a-b");
}

static void test_bytes_past_all_text(void **state) {
    struct fixture *f = *state;
    ADD(f, "\xff", "\xff\xff", "\xff\xff\xff", "a\xff", "a\xff/b", "b");
    expect(f, QUERY(.delimiter = SLICE("\xff")), "a\xff b \xff");
    expect(f, QUERY(.delimiter = SLICE("\xff"), .after = SLICE("\xff")), "");
    expect(f, QUERY(.delimiter = SLICE("\xff"), .after = SLICE("\xff\xff")), "");
    expect(f, QUERY(.delimiter = SLICE("\xff"), .prefix = SLICE("\xff")), "\xff \xff\xff");
    expect(f, QUERY(.delimiter = SLICE("/"), .after = SLICE("a\xff/")),
           "b \xff \xff\xff "
           "\xff\xff\xff");
}

static void test_max_of_zero_is_an_empty_last_page(void **state) {
    struct fixture *f = *state;
    ADD(f, "a", "b");
    struct list_page page = list(f, &QUERY(.max = 0));
    assert_int_equal(page.count, 0);
    assert_false(page.truncated);
}

static void test_longest_keys_and_longer_queries(void **state) {
    struct fixture *f = *state;
    char longest[OBJECT_KEY_MAX + 1];
    memset(longest, 'k', OBJECT_KEY_MAX);
    longest[OBJECT_KEY_MAX] = 0;
    char longer[2000];
    memset(longer, 'k', sizeof longer);
    ADD(f, longest, "l/1");
    struct slice beyond = slice_of(longer, sizeof longer);
    struct list_query all = {.max = 10};
    assert_int_equal(list(f, &all).count, 2);
    expect(f, QUERY(.after = beyond), "l/1");
    expect(f, QUERY(.from = beyond), "l/1");
    expect(f, QUERY(.after = slice_str(longest)), "l/1");
    expect(f, QUERY(.prefix = beyond), "");
    expect(f, QUERY(.prefix = SLICE("l"), .delimiter = beyond), "l/1");
    expect(f, QUERY(.prefix = SLICE("k"), .until = beyond, .delimiter = slice_str(longest + 1)),
           longest);
    longer[1990] = '/';
    expect(f, QUERY(.after = beyond, .delimiter = SLICE("/")), "l/");
}

enum { DIRS = 20, FILES = 50000 };

/* A million keys under twenty prefixes: a page of the prefixes costs a page, not a million. */
static void test_a_page_seeks_past_common_prefixes(void **state) {
    struct fixture *f = *state;
    struct kv_batch *batch = kv_batch_new();
    for (int dir = 0; dir < DIRS; dir++) {
        for (int file = 0; file < FILES; file++) {
            char name[32];
            snprintf(name, sizeof name, "d%02d/%06d", dir, file);
            add_to(f, batch, slice_str(name));
            if (file % 10000 == 9999) commit(f, batch);
        }
    }
    kv_batch_free(&batch);
    struct list_page page = list(f, &QUERY(.delimiter = SLICE("/"), .max = LIST_PAGE_MAX));
    assert_int_equal(page.count, DIRS);
    assert_false(page.truncated);
    assert_in_range(f->counting.seeks, DIRS, DIRS + 1);
    assert_in_range(f->counting.steps, 0, 1);

    f->counting.seeks = f->counting.steps = 0;
    page = list(f, &QUERY(.delimiter = SLICE("/"), .max = 5, .after = SLICE("d03/")));
    assert_int_equal(page.count, 5);
    assert_true(page.truncated);
    assert_in_range(f->counting.seeks + f->counting.steps, 5, 6);

    f->counting.seeks = f->counting.steps = 0;
    page = list(f, &QUERY(.prefix = SLICE("d07/"), .max = 1000, .after = SLICE("d07/025000")));
    assert_int_equal(page.count, 1000);
    assert_in_range(f->counting.seeks, 1, 1);
    assert_in_range(f->counting.steps, 1000, 1000);
}

static void test_a_damaged_record_is_an_error(void **state) {
    struct fixture *f = *state;
    struct kv_batch *batch = kv_batch_new();
    struct key key = key_object(SLICE("k"));
    kv_batch_put(batch, key_slice(&key), SLICE("\x07"));
    commit(f, batch);
    kv_batch_free(&batch);
    struct list_page page;
    struct status s = list_objects(f->store, &bucket, &QUERY(.max = 1), &f->arena, &page);
    assert_string_equal(status_text(s.code), status_text(STATUS_CORRUPT));
}

static void test_an_arena_that_is_too_small(void **state) {
    struct fixture *f = *state;
    char names[100][16];
    struct kv_batch *batch = kv_batch_new();
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "%03d", i);
        add_to(f, batch, slice_str(names[i]));
    }
    commit(f, batch);
    kv_batch_free(&batch);
    for (size_t limit = 256; limit < 64 * 1024; limit += 512) {
        struct arena small;
        arena_init(&small, 256, limit);
        struct list_page page;
        struct status s = list_objects(f->store, &bucket, &QUERY(.max = 100), &small, &page);
        if (is_ok(s))
            assert_int_equal(page.count, 100);
        else
            assert_string_equal(status_text(s.code), status_text(STATUS_NO_MEMORY));
        arena_fini(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_come_in_bytewise_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entries_have_what_the_record_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_common_prefixes_are_met_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_marker_inside_of_a_common_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_before_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delimiters_of_several_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_past_all_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_max_of_zero_is_an_empty_last_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_longest_keys_and_longer_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_page_seeks_past_common_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_record_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_arena_that_is_too_small, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
