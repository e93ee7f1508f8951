/* Configuration documents: put, replaced, removed, listed, and exact against other changes. */
#include "object/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
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

#define assert_status(code_, expression) \
    assert_string_equal(status_text((expression).code), status_text(code_))
#define assert_ok(expression) assert_status(STATUS_OK, expression)

/* The bucket as it is now. */
static struct bucket found(struct test_objects *t) {
    struct bucket bucket;
    assert_ok(
        bucket_find(t->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &t->arena, &t->note, &bucket));
    return bucket;
}

static void assert_document(struct test_objects *t, enum bucket_config kind, struct slice id,
                            const char *wanted) {
    struct bucket bucket = found(t);
    struct slice document;
    assert_ok(bucket_config_get(t->store, &bucket, kind, id, &t->arena, &document));
    assert_true(slice_eq(document, slice_str(wanted)));
}

static void assert_no_document(struct test_objects *t, enum bucket_config kind, struct slice id) {
    struct bucket bucket = found(t);
    struct slice document;
    assert_status(STATUS_NOT_FOUND,
                  bucket_config_get(t->store, &bucket, kind, id, &t->arena, &document));
}

static void test_one_of_a_kind(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct slice none = {0};
    assert_no_document(t, BUCKET_CONFIG_CORS, none);
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_CORS, none, SLICE("first")));
    assert_document(t, BUCKET_CONFIG_CORS, none, "first");
    assert_no_document(t, BUCKET_CONFIG_POLICY, none);
    /* The bucket was found before the change: it is found again inside. */
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_CORS, none, SLICE("")));
    assert_document(t, BUCKET_CONFIG_CORS, none, "");
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_POLICY, none, SLICE("{}")));
    assert_ok(bucket_config_delete(t->store, &b, BUCKET_CONFIG_CORS, none));
    assert_no_document(t, BUCKET_CONFIG_CORS, none);
    assert_document(t, BUCKET_CONFIG_POLICY, none, "{}");
    assert_ok(bucket_config_delete(t->store, &b, BUCKET_CONFIG_CORS, none));
}

static void test_several_of_a_kind(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    for (int i = 0; i < 5; i++) {
        struct slice id = arena_printf(&t->arena, "id-%d", i);
        assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_INVENTORY, id, id));
    }
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_METRICS, SLICE("id-9"), SLICE("m")));
    assert_ok(bucket_config_delete(t->store, &b, BUCKET_CONFIG_INVENTORY, SLICE("id-2")));
    struct bucket_config_entry entries[3];
    size_t count;
    bool more;
    struct bucket now = found(t);
    assert_ok(bucket_config_list(t->store, &now, BUCKET_CONFIG_INVENTORY, SLICE(""), &t->arena,
                                 entries, 3, &count, &more));
    assert_int_equal(count, 3);
    assert_true(more);
    assert_true(slice_eq(entries[2].id, SLICE("id-3")));
    assert_true(slice_eq(entries[2].document, SLICE("id-3")));
    assert_ok(bucket_config_list(t->store, &now, BUCKET_CONFIG_INVENTORY, SLICE("id-3"), &t->arena,
                                 entries, 3, &count, &more));
    assert_int_equal(count, 1);
    assert_false(more);
    assert_true(slice_eq(entries[0].id, SLICE("id-4")));
    assert_no_document(t, BUCKET_CONFIG_INVENTORY, SLICE("id-2"));
    assert_document(t, BUCKET_CONFIG_METRICS, SLICE("id-9"), "m");
}

static void test_limits(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    char *large = calloc(1, BUCKET_CONFIG_DOCUMENT_MAX + 1);
    struct slice document = slice_of(large, BUCKET_CONFIG_DOCUMENT_MAX);
    struct slice none = {0};
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_WEBSITE, none, document));
    document.len++;
    assert_status(STATUS_TOO_LARGE,
                  bucket_config_put(t->store, &b, BUCKET_CONFIG_WEBSITE, none, document));
    free(large);
    for (int i = 0; i < BUCKET_CONFIG_IDS_MAX; i++) {
        struct slice id = arena_printf(&t->arena, "%d", i);
        assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_METRICS, id, id));
    }
    assert_status(STATUS_TOO_LARGE,
                  bucket_config_put(t->store, &b, BUCKET_CONFIG_METRICS, SLICE("x"), SLICE("x")));
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_METRICS, SLICE("7"), SLICE("x")));
}

/* A bucket that has gone takes no document, and an object put with an old view still succeeds. */
static void test_beside_other_changes(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct slice none = {0};
    assert_ok(bucket_config_put(t->store, &b, BUCKET_CONFIG_TAGGING, none, SLICE("t")));
    assert_ok(test_put(t, &b, SLICE("k"), SLICE("bytes"), "e", NULL));
    assert_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    assert_ok(bucket_delete(t->store, &b, &t->note));
    assert_status(STATUS_NOT_FOUND,
                  bucket_config_put(t->store, &b, BUCKET_CONFIG_TAGGING, none, SLICE("t")));
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_of_a_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_of_a_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside_other_changes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
