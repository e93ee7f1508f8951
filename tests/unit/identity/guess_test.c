/* Guessing: what is free, what has to wait, and who does not have to pay for whom. */
#include "identity/guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/date.h"

static struct guess_table *table;
static int64_t now_ns;

static int setup(void **state) {
    struct random_seeded random;
    (void)state;
    random_seeded_init(&random, 3);
    table = guess_table_new(&random.random);
    now_ns = 1000 * NS_PER_S;
    return table == NULL;
}

static int teardown(void **state) {
    (void)state;
    guess_table_free(&table);
    return 0;
}

static bool guess(const char *user, const char *source, int64_t *ret_wait_ns) {
    *ret_wait_ns = 0;
    return guess_begin(table, slice_str(user), slice_str(source), now_ns, ret_wait_ns);
}

static void test_waits_grow(void **state) {
    int64_t wait_ns;
    (void)state;
    for (int i = 0; i < GUESS_FREE; i++) assert_true(guess("u", "a", &wait_ns));
    int64_t expected_ns = NS_PER_S;
    for (int i = 0; i < 12; i++) {
        assert_false(guess("u", "a", &wait_ns));
        assert_int_equal(wait_ns, expected_ns);
        /* Asking again does not make it longer. */
        assert_false(guess("u", "a", &wait_ns));
        assert_int_equal(wait_ns, expected_ns);
        now_ns += wait_ns;
        assert_true(guess("u", "a", &wait_ns));
        expected_ns = expected_ns * 2 < 300 * NS_PER_S ? expected_ns * 2 : 300 * NS_PER_S;
    }
}

static void test_others_do_not_wait(void **state) {
    int64_t wait_ns;
    (void)state;
    for (int i = 0; i < GUESS_FREE; i++) assert_true(guess("u", "a", &wait_ns));
    assert_false(guess("u", "a", &wait_ns));
    assert_true(guess("u", "b", &wait_ns));
    assert_true(guess("v", "a", &wait_ns));
}

static void test_right_is_free(void **state) {
    int64_t wait_ns;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(guess("u", "a", &wait_ns));
        guess_right(table, SLICE("u"), SLICE("a"));
    }
}

static void test_a_source_with_many_names_waits(void **state) {
    int64_t wait_ns;
    char user[16];
    int done = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(user, sizeof user, "u%d", i);
        done += guess(user, "a", &wait_ns);
    }
    assert_int_equal(done, GUESS_SOURCE_FREE);
    assert_true(guess("u0", "b", &wait_ns));
}

static void test_a_user_is_not_locked_out(void **state) {
    int64_t wait_ns;
    char source[16];
    int done = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(source, sizeof source, "s%d", i);
        done += guess("u", source, &wait_ns);
    }
    assert_int_equal(done, GUESS_USER_FREE);
    assert_false(guess("u", "home", &wait_ns));
    assert_true(wait_ns <= 2 * NS_PER_S);
}

static void test_forgotten(void **state) {
    int64_t wait_ns;
    (void)state;
    for (int i = 0; i < GUESS_FREE; i++) assert_true(guess("u", "a", &wait_ns));
    now_ns += 16 * 60 * NS_PER_S;
    for (int i = 0; i < GUESS_FREE; i++) assert_true(guess("u", "a", &wait_ns));
    assert_false(guess("u", "a", &wait_ns));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_waits_grow),
        TEST(test_others_do_not_wait),
        TEST(test_right_is_free),
        TEST(test_a_source_with_many_names_waits),
        TEST(test_a_user_is_not_locked_out),
        TEST(test_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
