/* Percentiles: exact where they can be, within one step where not. */
#include "cli/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include <string.h>

static struct histogram histogram, other;

static int setup(void **state) {
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    memset(&other, 0, sizeof other);
    return 0;
}

static void test_nothing(void **state) {
    (void)state;
    assert_int_equal(histogram_at(&histogram, 500), 0);
    assert_int_equal(histogram_at(&histogram, 1000), 0);
}

static void test_small_values_are_exact(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 100; i++) histogram_add(&histogram, i);
    assert_int_equal(histogram.count, 100);
    assert_int_equal(histogram_at(&histogram, 10), 1);
    assert_int_equal(histogram_at(&histogram, 11), 2);
    assert_int_equal(histogram_at(&histogram, 500), 50);
    assert_int_equal(histogram_at(&histogram, 990), 99);
    assert_int_equal(histogram_at(&histogram, 999), 100);
    assert_int_equal(histogram_at(&histogram, 1000), 100);
}

/* Every value on its own: never too low, and too high by at most 1/128. */
static void test_within_a_step(void **state) {
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(1) << 41; value += value / 3 + 1) {
        setup(NULL);
        histogram_add(&histogram, value);
        histogram_add(&histogram, UINT64_C(1) << 41);
        uint64_t half = histogram_at(&histogram, 500);
        assert_true(half >= value && half - value <= value / 128);
        assert_int_equal(histogram_at(&histogram, 1000), UINT64_C(1) << 41);
    }
}

static void test_huge_values(void **state) {
    (void)state;
    histogram_add(&histogram, UINT64_MAX);
    assert_true(histogram_at(&histogram, 1000) >= (UINT64_C(1) << 42) - 1);
    assert_true(histogram.max == UINT64_MAX);
}

static void test_order_does_not_matter(void **state) {
    (void)state;
    uint64_t values[1000];
    for (size_t i = 0; i < 1000; i++) {
        values[i] = (i * 7919) % 1000 * 1000;
        histogram_add(i % 2 ? &histogram : &other, values[i]);
    }
    histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 1000);
    uint64_t median = histogram_at(&histogram, 500);
    assert_true(median >= 499000 && median <= 499000 + 499000 / 128);
    assert_int_equal(histogram_at(&histogram, 1000), 999000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing, setup),
        cmocka_unit_test_setup(test_small_values_are_exact, setup),
        cmocka_unit_test_setup(test_within_a_step, setup),
        cmocka_unit_test_setup(test_huge_values, setup),
        cmocka_unit_test_setup(test_order_does_not_matter, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
