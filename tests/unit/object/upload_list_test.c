/* Listings of uploads in progress: by key, then by time, a page at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "support/upload.h"

enum { UPLOADS_MAX = 60, BUCKETS = 25, QUERIES = 200, TEXT_MAX = 12 };

static int setup(void **state) {
    struct upload_fixture *f = calloc(1, sizeof *f);
    CHECK(f);
    upload_fixture_open(f, TEST_DRIVER_MEM);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    upload_fixture_close(*state);
    free(*state);
    return 0;
}

static struct upload_list_page list(struct upload_fixture *f,
                                    const struct upload_list_query *query) {
    struct upload_list_page page;
    expect_status(upload_list(f->store, &f->bucket, query, &f->arena, &page), STATUS_OK);
    return page;
}

/* Expects the names of a page, with a blank between them, and "…" behind them if it is truncated.
 */
static void expect(struct upload_fixture *f, struct upload_list_query query, const char *names) {
    if (query.max == 0) query.max = UPLOAD_LIST_MAX;
    struct upload_list_page page = list(f, &query);
    char text[1024];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text - 1);
    for (size_t i = 0; i < page.count; i++) {
        const struct upload_list_entry *entry = &page.entries[i];
        if (i > 0) buf_append_char(&buf, ' ');
        buf_append(&buf, entry->name);
        assert_int_equal(entry->upload.id.len, entry->is_prefix ? 0 : UPLOAD_ID_LEN);
        if (!entry->is_prefix) assert_true(slice_eq(entry->upload.key, entry->name));
    }
    if (page.truncated) buf_append_str(&buf, " …");
    assert_true(is_ok(buf_ok(&buf)));
    text[buf.len] = 0;
    assert_string_equal(text, names);
}

#define QUERY(...) ((struct upload_list_query){__VA_ARGS__})

static void test_uploads_come_by_key_and_time(void **state) {
    struct upload_fixture *f = *state;
    expect(f, QUERY(.max = 10), "");
    struct upload b = upload_started(f, "b");
    struct upload a[3] = {upload_started(f, "a"), upload_started(f, "a"), upload_started(f, "a")};
    upload_started(f, "a.b");
    struct upload_list_page page = list(f, &QUERY(.max = 10));
    assert_int_equal(page.count, 5);
    assert_false(page.truncated);
    for (int i = 0; i < 3; i++) assert_true(slice_eq(page.entries[i].upload.id, a[i].id));
    assert_true(slice_eq(page.entries[4].upload.id, b.id));
    assert_true(slice_eq(page.entries[0].upload.initiator_id, SLICE("initiator")));
    assert_true(slice_eq(page.entries[0].upload.meta.owner_name, SLICE("Owner")));
    assert_int_equal(page.entries[0].upload.created_ns, f->clock.now_ns);

    expect(f, QUERY(.max = 2), "a a …");
    page = list(f, &QUERY(.max = 2));
    assert_true(slice_eq(page.next_key, SLICE("a")));
    assert_true(slice_eq(page.next_id, a[1].id));
    expect(f, QUERY(.key_marker = SLICE("a"), .id_marker = a[1].id), "a a.b b");
    expect(f, QUERY(.key_marker = SLICE("a"), .id_marker = a[2].id), "a.b b");
    expect(f, QUERY(.key_marker = SLICE("a")), "a.b b");
    expect(f, QUERY(.key_marker = SLICE("a.b"), .max = 1), "b");
    expect(f, QUERY(.key_marker = SLICE("b")), "");
    /* An id without a key is ignored; the id need not be there any more. */
    expect(f, QUERY(.id_marker = a[1].id), "a a a a.b b");
    expect_status(upload_abort(f->store, &f->bucket, SLICE("a"), a[1].id), STATUS_OK);
    expect(f, QUERY(.key_marker = SLICE("a"), .id_marker = a[1].id), "a a.b b");
    expect(f, QUERY(.prefix = SLICE("a")), "a a a.b");
    expect(f, QUERY(.prefix = SLICE("a.")), "a.b");
}

static void test_an_id_that_is_none(void **state) {
    struct upload_fixture *f = *state;
    struct upload_list_page page;
    struct upload_list_query query = {
        .key_marker = SLICE("a"), .id_marker = SLICE("zzz"), .max = 1};
    expect_status(upload_list(f->store, &f->bucket, &query, &f->arena, &page), STATUS_INVALID);
}

static void test_max_of_zero(void **state) {
    struct upload_fixture *f = *state;
    upload_started(f, "a");
    struct upload_list_page page = list(f, &QUERY(.max = 0));
    assert_int_equal(page.count, 0);
    assert_false(page.truncated);
}

static void test_common_prefixes(void **state) {
    struct upload_fixture *f = *state;
    static const char *const keys[] = {"folder/a/1", "folder/a/1", "folder/a/2",
                                       "folder/b",   "folder/c",   "other/x"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) upload_started(f, keys[i]);
    struct upload_list_query query = {.prefix = SLICE("folder/"), .delimiter = SLICE("/")};
    expect(f, query, "folder/a/ folder/b folder/c");
    query.max = 1;
    expect(f, query, "folder/a/ …");
    struct upload_list_page page = list(f, &query);
    assert_true(slice_eq(page.next_key, SLICE("folder/a/")));
    assert_int_equal(page.next_id.len, 0);
    query.key_marker = SLICE("folder/a/");
    expect(f, query, "folder/b …");
    query.key_marker = SLICE("folder/a/1");
    expect(f, query, "folder/b …");
    query.id_marker = SLICE("00000000000000000000000000000000");
    expect(f, query, "folder/b …");
    query.key_marker = SLICE("folder/c");
    query.id_marker = SLICE("");
    expect(f, query, "");
    expect(f, QUERY(.delimiter = SLICE("/")), "folder/ other/");
}

/* ---- compared with a listing that looks at everything --------------------------------------- */

struct entry {
    char name[TEXT_MAX];
    size_t len;
    struct slice id; /* empty: a common prefix */
};

static struct slice name_of(const struct entry *entry) {
    return slice_of(entry->name, entry->len);
}

struct model {
    struct entry uploads[UPLOADS_MAX];
    size_t count;
};

static struct slice random_text(struct random_seeded *random, char *text, size_t len_min,
                                size_t len_max) {
    static const char alphabet[] = {'a', 'b', '/', '/', '\xff', '\0', '\x01'};
    size_t len = len_min + random_seeded_below(random, len_max - len_min + 1);
    for (size_t i = 0; i < len; i++) {
        text[i] = alphabet[random_seeded_below(random, sizeof alphabet)];
    }
    return slice_of(text, len);
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *left = a;
    const struct entry *right = b;
    int order = slice_cmp(name_of(left), name_of(right));
    return order ? order : slice_cmp(left->id, right->id);
}

static void model_fill(struct upload_fixture *f, struct model *model,
                       struct random_seeded *random) {
    model->count = random_seeded_below(random, UPLOADS_MAX + 1);
    for (size_t i = 0; i < model->count; i++) {
        struct entry *entry = &model->uploads[i];
        struct upload wanted = {.key = random_text(random, entry->name, 1, TEXT_MAX)};
        struct upload made;
        expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &made), STATUS_OK);
        entry->len = wanted.key.len;
        entry->id = made.id;
    }
    qsort(model->uploads, model->count, sizeof model->uploads[0], compare_entries);
}

/* What an upload is in a listing; false: it is not in it. */
static bool listed_as(const struct upload_list_query *query, const struct entry *upload,
                      struct entry *ret_entry) {
    *ret_entry = *upload;
    struct slice key = name_of(upload);
    if (!slice_starts_with(key, query->prefix)) return false;
    size_t at =
        query->delimiter.len > 0 ? slice_find(key, query->delimiter, query->prefix.len) : key.len;
    if (at < key.len) {
        ret_entry->len = at + query->delimiter.len;
        ret_entry->id = SLICE("");
    }
    if (query->key_marker.len == 0) return true;
    int order = slice_cmp(name_of(ret_entry), query->key_marker);
    if (order != 0) return order > 0;
    return query->id_marker.len > 0 && ret_entry->id.len > 0 &&
           slice_cmp(ret_entry->id, query->id_marker) > 0;
}

/* Compares a page with the model. */
static void check_page(const struct model *model, const struct upload_list_query *query,
                       const struct upload_list_page *page) {
    size_t count = 0;
    bool truncated = false;
    struct entry last = {.len = 0};
    for (size_t i = 0; i < model->count && !truncated && query->max > 0; i++) {
        struct entry entry;
        if (!listed_as(query, &model->uploads[i], &entry)) continue;
        if (count > 0 && entry.id.len == 0 && compare_entries(&entry, &last) == 0) continue;
        last = entry;
        truncated = count == query->max;
        if (truncated) break;
        assert_true(count < page->count);
        assert_true(slice_eq(page->entries[count].name, name_of(&entry)));
        assert_true(slice_eq(page->entries[count].upload.id, entry.id));
        assert_int_equal(page->entries[count].is_prefix, entry.id.len == 0);
        count++;
    }
    assert_int_equal(page->count, count);
    assert_int_equal(page->truncated, truncated);
}

static void ask(struct upload_fixture *f, const struct model *model, struct random_seeded *random,
                struct arena *arena) {
    char prefix[2];
    char delimiter[2];
    char marker[TEXT_MAX];
    struct upload_list_query query = {.max = random_seeded_below(random, 12)};
    if (random_seeded_below(random, 2)) query.prefix = random_text(random, prefix, 0, 2);
    if (random_seeded_below(random, 2)) query.delimiter = random_text(random, delimiter, 1, 2);
    if (random_seeded_below(random, 2)) query.key_marker = random_text(random, marker, 0, TEXT_MAX);
    if (model->count > 0 && random_seeded_below(random, 2)) {
        const struct entry *entry = &model->uploads[random_seeded_below(random, model->count)];
        query.key_marker = name_of(entry);
        query.id_marker = entry->id;
    }
    struct upload_list_page page = {.truncated = true};
    while (page.truncated) {
        expect_status(upload_list(f->store, &f->bucket, &query, arena, &page), STATUS_OK);
        check_page(model, &query, &page);
        query.key_marker = page.next_key;
        query.id_marker = page.next_id;
    }
    arena_reset(arena);
}

static void test_random_listings(void **state) {
    (void)state;
    struct random_seeded random;
    random_seeded_init(&random, 20261);
    struct arena arena;
    arena_init(&arena, 64 * 1024, 4 * 1024 * 1024);
    for (int i = 0; i < BUCKETS; i++) {
        struct upload_fixture f;
        struct model model;
        upload_fixture_open(&f, TEST_DRIVER_MEM);
        model_fill(&f, &model, &random);
        for (int j = 0; j < QUERIES; j++) ask(&f, &model, &random, &arena);
        upload_fixture_close(&f);
    }
    arena_fini(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_uploads_come_by_key_and_time),
        TEST(test_an_id_that_is_none),
        TEST(test_max_of_zero),
        TEST(test_common_prefixes),
        cmocka_unit_test(test_random_listings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
