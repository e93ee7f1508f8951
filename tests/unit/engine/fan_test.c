/* Work cut in pieces: each is done once, whoever does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/fan.h"

enum { PIECES = 500, ROUNDS = 200 };

static atomic_uint done[PIECES];

static void note_done(void *argument, size_t i) {
    assert_ptr_equal(argument, done);
    atomic_fetch_add(&done[i], 1);
}

static void expect_each_once(struct fan *fan, size_t count) {
    for (size_t i = 0; i < PIECES; i++) atomic_store(&done[i], 0);
    fan_run(fan, count, note_done, done);
    for (size_t i = 0; i < PIECES; i++) assert_int_equal(atomic_load(&done[i]), i < count);
}

static void test_each_piece_is_done_once(void **state) {
    (void)state;
    for (unsigned threads = 0; threads <= 4; threads += 2) {
        struct fan *fan = fan_new(threads);
        for (size_t round = 0; round < ROUNDS; round++) expect_each_once(fan, round * 7 % PIECES);
        expect_each_once(fan, 0);
        expect_each_once(fan, 1);
        expect_each_once(fan, PIECES);
        fan_free(&fan);
        assert_null(fan);
    }
}

static void test_a_fan_that_never_worked_ends(void **state) {
    (void)state;
    struct fan *fan = fan_new(3);
    fan_free(&fan);
    fan_free(&fan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_is_done_once),
        cmocka_unit_test(test_a_fan_that_never_worked_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
