/* Objects: put whole or not at all, read to the end, replaced, deleted, copied; bytes freed. */
#include "object/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/objects.h"

#define BLOBS SLICE("b")

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

static void assert_text(struct slice got, const char *wanted) {
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static void assert_usage(struct test_objects *t, const struct bucket *bucket, uint64_t objects,
                         uint64_t bytes) {
    struct bucket_usage usage;
    assert_ok(bucket_usage_read(t->store, bucket, &usage));
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.bytes, bytes);
}

static void test_puts_and_gets(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    assert_text(test_get(t, &b, SLICE("k")), "not found");
    assert_ok(test_put(t, &b, SLICE("k"), SLICE("hello"), "e1", NULL));
    assert_text(test_get(t, &b, SLICE("k")), "e1:hello");
    assert_usage(t, &b, 1, 5);
    assert_ok(test_put(t, &b, SLICE("k"), SLICE("hi"), "e2", NULL));
    assert_text(test_get(t, &b, SLICE("k")), "e2:hi");
    assert_usage(t, &b, 1, 2);
    bool found = false;
    assert_ok(object_delete(t->store, &b, SLICE("k"), NULL, &found));
    assert_true(found);
    assert_text(test_get(t, &b, SLICE("k")), "not found");
    assert_ok(object_delete(t->store, &b, SLICE("k"), NULL, &found));
    assert_false(found);
    assert_usage(t, &b, 0, 0);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, BLOBS), 0);
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("")), 1); /* the epoch record */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_puts_and_gets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
