/* The map of a volume's space, against an array of bools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/extent.h"
#include "os/random.h"

enum { UNITS = 1000, STEPS = 20000 };

static void test_runs(void **state) {
    (void)state;
    struct extent_map map;
    extent_map_init(&map, 100);
    uint32_t start = 7;
    assert_int_equal(extent_map_find(&map, 40, 1, &start), 40);
    assert_int_equal(start, 0);
    assert_int_equal(extent_map_find(&map, 40, 1, &start), 40);
    assert_int_equal(start, 40);
    extent_map_give(&map, 0, 30);
    /* 20 are left behind where the last search ended, 30 at the beginning. */
    assert_int_equal(extent_map_find(&map, 30, 1, &start), 30);
    assert_int_equal(start, 0);
    assert_int_equal(extent_map_find(&map, 30, 1, &start), 20);
    assert_int_equal(start, 80);
    assert_int_equal(extent_map_find(&map, 1, 1, &start), 0);
    assert_int_equal(map.in_use, 100);
    extent_map_grow(&map, 29);
    assert_int_equal(extent_map_find(&map, 64, 30, &start), 0);
    assert_int_equal(extent_map_find(&map, 64, 1, &start), 29);
    assert_int_equal(start, 100);
    assert_false(extent_map_take(&map, 128, 1));
    assert_false(extent_map_take(&map, 129, 1));
    assert_false(extent_map_is_free(&map, 129, 1));
    assert_false(extent_map_is_free(&map, UINT32_MAX, 2));
    extent_map_give(&map, 64, 64);
    assert_true(extent_map_take(&map, 64, 64));
    extent_map_fini(&map);
}

static void test_random_against_an_array(void **state) {
    (void)state;
    struct extent_map map;
    extent_map_init(&map, UNITS);
    static bool used[UNITS];
    struct random_seeded r;
    random_seeded_init(&r, 42);
    uint32_t count = 0;
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t start = (uint32_t)random_seeded_below(&r, UNITS);
        uint32_t len = 1 + (uint32_t)random_seeded_below(&r, 90);
        bool all_free = true;
        uint32_t run = 0;
        for (uint32_t i = start; i < start + len && i < UNITS; i++) all_free &= !used[i];
        while (start + run < UNITS && used[start + run] && run < len) run++;
        switch (random_seeded_below(&r, 3)) {
            case 0:
                if (start + len > UNITS) all_free = false;
                assert_int_equal(extent_map_take(&map, start, len), all_free);
                if (all_free) count += len;
                for (uint32_t i = start; all_free && i < start + len; i++) used[i] = true;
                break;
            case 1:
                extent_map_give(&map, start, run);
                count -= run;
                for (uint32_t i = start; i < start + run; i++) used[i] = false;
                break;
            case 2: {
                uint32_t got = extent_map_find(&map, len, 1, &start);
                assert_true(got <= len);
                assert_int_equal(got == 0, count == UNITS);
                count += got;
                for (uint32_t i = start; got > 0 && i < start + got; i++) {
                    assert_false(used[i]);
                    used[i] = true;
                }
                break;
            }
        }
        assert_int_equal(map.in_use, count);
    }
    extent_map_fini(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_random_against_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
