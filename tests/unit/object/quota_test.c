/* What Swift added to buckets: quotas, several documents at once, listings backwards; accounts. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/account.h"
#include "object/config.h"
#include "object/list.h"
#include "support/expect.h"
#include "support/objects.h"

static int setup(void **state) {
    struct test_objects *t = calloc(1, sizeof *t);
    if (!t) return -1;
    test_objects_open(t);
    *state = t;
    return 0;
}

static int teardown(void **state) {
    test_objects_close(*state);
    free(*state);
    return 0;
}

struct quota_edit {
    struct bucket_edit base;
    struct bucket_quota quota;
    struct slice document;
};

static struct status make(const struct bucket_edit *base, struct object_store *store,
                          const struct bucket *now, struct arena *arena,
                          struct bucket_edits *ret_edits) {
    const struct quota_edit *edit = (const struct quota_edit *)base;
    (void)store;
    (void)now;
    (void)arena;
    ret_edits->documents[0] = (struct bucket_edited){BUCKET_CONFIG_CONTAINER_META, edit->document};
    ret_edits->documents[1] = (struct bucket_edited){BUCKET_CONFIG_CONTAINER_READ, edit->document};
    ret_edits->count = 2;
    ret_edits->sets_quota = true;
    ret_edits->quota = edit->quota;
    return status_ok();
}

static struct bucket with_quota(struct test_objects *t, struct bucket bucket, uint64_t bytes,
                                uint64_t objects) {
    const struct quota_edit edit = {
        .base.make = make,
        .quota = {.limits_bytes = true, .bytes = bytes, .limits_objects = true, .objects = objects},
        .document = SLICE("x: y\n")};
    expect_ok(bucket_edit(t->store, &bucket, &edit.base));
    expect_ok(
        bucket_find(t->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &t->arena, &t->note, &bucket));
    return bucket;
}

static struct status put(struct test_objects *t, const struct bucket *bucket, const char *key,
                         const char *text) {
    struct object_put wanted = {.key = slice_str(key), .size_hint = UINT64_MAX};
    struct object_writer *writer;
    const struct object_seal seal = {.etag = SLICE("00000000000000000000000000000000")};
    TRY(object_writer_begin(t->store, bucket, &wanted, &t->note, &writer));
    struct status s = object_writer_write(writer, slice_str(text));
    if (is_ok(s)) return object_writer_commit(&writer, &seal, NULL, NULL);
    object_writer_abort(&writer);
    return s;
}

static void test_nothing_goes_beyond_a_quota(void **state) {
    struct test_objects *t = *state;
    struct bucket b = with_quota(t, test_bucket(t, "b"), 10, 2);
    expect_ok(put(t, &b, "a", "12345"));
    expect_status(STATUS_QUOTA, put(t, &b, "b", "123456"));
    expect_ok(put(t, &b, "b", "12345"));
    expect_status(STATUS_QUOTA, put(t, &b, "c", ""));
    expect_ok(put(t, &b, "b", "1"));
    expect_ok(put(t, &b, "a", "123456789"));
    expect_status(STATUS_QUOTA, put(t, &b, "a", "1234567890"));
    expect_ok(object_delete(t->store, &b, SLICE("b"), NULL, NULL));
    expect_ok(put(t, &b, "c", "1"));
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(t->store, &b, &usage));
    assert_int_equal(usage.objects, 2);
    assert_int_equal(usage.bytes, 10);
}

static void test_less_is_allowed_above_the_quota(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    expect_ok(put(t, &b, "a", "1234567890"));
    b = with_quota(t, b, 3, 0);
    expect_ok(put(t, &b, "a", "12345"));
    expect_status(STATUS_QUOTA, put(t, &b, "a", "123456"));
    expect_ok(object_delete(t->store, &b, SLICE("a"), NULL, NULL));
    expect_status(STATUS_QUOTA, put(t, &b, "a", ""));
}

static void test_several_documents_come_and_go_at_once(void **state) {
    struct test_objects *t = *state;
    struct bucket b = with_quota(t, test_bucket(t, "b"), 1, 1);
    struct slice document;
    expect_ok(bucket_config_get(t->store, &b, BUCKET_CONFIG_CONTAINER_READ, SLICE(""), &t->arena,
                                &document));
    expect_slice(document, SLICE("x: y\n"));
    const struct quota_edit nothing = {.base.make = make};
    expect_ok(bucket_edit(t->store, &b, &nothing.base));
    expect_ok(
        bucket_find(t->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &t->arena, &t->note, &b));
    assert_false(bucket_has_config(&b, BUCKET_CONFIG_CONTAINER_READ));
    assert_false(bucket_has_config(&b, BUCKET_CONFIG_CONTAINER_META));
    assert_false(b.quota.limits_bytes);
    expect_ok(put(t, &b, "a", "12345"));
}

static void expect_back(struct test_objects *t, const struct bucket *b,
                        const struct list_query *query, const char *wanted) {
    char got[256] = "";
    size_t len = 0;
    struct list_page page;
    struct list_query next = *query;
    next.reverse = true;
    do {
        expect_ok(list_objects(t->store, b, &next, &t->arena, &page));
        for (size_t i = 0; i < page.count; i++) {
            int n = snprintf(got + len, sizeof got - len, "%.*s ", SLICE_FMT(page.entries[i].name));
            len += (size_t)n;
        }
        next.after = page.next;
    } while (page.truncated);
    assert_string_equal(got, wanted);
}

static void test_listings_go_backwards(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    static const char *const keys[] = {"a", "a/", "a/1", "a/2", "b", "b/1", "c", "ü"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) expect_ok(put(t, &b, keys[i], ""));
    for (size_t max = 1; max < 4; max++) {
        expect_back(t, &b, &(struct list_query){.max = max}, "ü c b/1 b a/2 a/1 a/ a ");
        expect_back(t, &b, &(struct list_query){.max = max, .delimiter = SLICE("/")},
                    "ü c b/ b a/ a ");
        expect_back(t, &b, &(struct list_query){.max = max, .prefix = SLICE("a/")}, "a/2 a/1 a/ ");
        expect_back(t, &b, &(struct list_query){.max = max, .after = SLICE("b")}, "a/2 a/1 a/ a ");
        expect_back(t, &b, &(struct list_query){.max = max, .after = SLICE("bb")},
                    "b/1 b a/2 a/1 a/ a ");
        expect_back(t, &b,
                    &(struct list_query){.max = max, .after = SLICE("c"), .until = SLICE("a/1")},
                    "b/1 b a/2 ");
        expect_back(t, &b, &(struct list_query){.max = max, .prefix = SLICE("x")}, "");
    }
}

struct word_edit {
    struct account_edit base;
    const char *word;
};

static struct status add_word(const struct account_edit *base, struct arena *arena,
                              struct account *account) {
    const struct word_edit *edit = (const struct word_edit *)base;
    struct object_pair *pairs = arena_calloc(arena, account->meta.count + 1, sizeof *pairs);
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < account->meta.count; i++) pairs[i] = account->meta.items[i];
    pairs[account->meta.count] = (struct object_pair){slice_str(edit->word), slice_str(edit->word)};
    account->meta = (struct object_pairs){pairs, account->meta.count + 1};
    account->acl = SLICE("{}");
    return status_ok();
}

static struct test_objects *the_world;

static void *add_words(void *context) {
    for (int i = 0; i < 10; i++) {
        const struct word_edit edit = {{add_word}, context};
        expect_ok(account_change(the_world->store, TEST_PROJECT, &edit.base));
    }
    return NULL;
}

static void test_changes_of_an_account_are_not_lost(void **state) {
    struct test_objects *t = *state;
    struct account account;
    static char word[] = "word";
    pthread_t threads[4];
    expect_ok(account_read(t->store, TEST_PROJECT, &t->arena, &account));
    assert_int_equal(account.meta.count, 0);
    assert_int_equal(account.created_ns, 0);
    the_world = t;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_create(&threads[i], NULL, add_words, word);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
    expect_ok(account_read(t->store, TEST_PROJECT, &t->arena, &account));
    assert_int_equal(account.meta.count, 40);
    expect_slice(account.acl, SLICE("{}"));
    assert_true(account.created_ns > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_goes_beyond_a_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(test_less_is_allowed_above_the_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_documents_come_and_go_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_listings_go_backwards, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_of_an_account_are_not_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
