/* The map of grains: what is taken, freed, held, given back, and which pages of it changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/page.h"
#include "engine/space_map.h"

enum { PAGES = 3 * SPACE_CHUNK_PAGES };

static struct space_map map;

static int setup(void **state) {
    (void)state;
    space_map_init(&map);
    space_map_grow(&map, PAGES);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    space_map_fini(&map);
    return 0;
}

static uint32_t take(uint32_t least, uint32_t most, uint32_t *ret_count) {
    uint32_t page;
    assert_true(space_map_take(&map, least, most, &page, ret_count));
    return page;
}

static void test_freed_pages_are_held_until_released(void **state) {
    (void)state;
    uint32_t count;
    uint32_t page = take(PAGES, PAGES, &count);
    assert_int_equal(page, 0);
    assert_int_equal(count, PAGES);
    space_map_settle(&map, 1);
    assert_int_equal(map.live_pages, PAGES);
    space_map_free(&map, 100 * PAGE_GRAINS, 5 * PAGE_GRAINS);
    space_map_settle(&map, 2);
    assert_int_equal(map.live_pages, PAGES - 5);
    assert_int_equal(map.free_pages, 0);
    assert_false(space_map_take(&map, 1, 1, &page, &count));
    space_map_release(&map, 1);
    assert_false(space_map_take(&map, 1, 1, &page, &count));
    space_map_release(&map, 2);
    assert_int_equal(take(1, 100, &count), 100);
    assert_int_equal(count, 5);
}

static void test_a_page_is_free_when_all_its_grains_are(void **state) {
    (void)state;
    uint32_t count;
    take(PAGES, PAGES, &count);
    space_map_settle(&map, 1);
    for (unsigned grain = 0; grain < PAGE_GRAINS; grain++) {
        assert_int_equal(map.free_pages, 0);
        space_map_free(&map, 7 * PAGE_GRAINS + grain, 1);
        space_map_settle(&map, 2 + grain);
        space_map_release(&map, 2 + grain);
    }
    assert_int_equal(map.free_pages, 1);
    assert_int_equal(take(1, 1, &count), 7);
}

static void test_an_undone_transaction_leaves_nothing(void **state) {
    (void)state;
    uint32_t count;
    take(1000, 1000, &count);
    space_map_settle(&map, 1);
    uint64_t grains = map.live_grains;
    uint32_t page = take(50, 50, &count);
    space_map_free(&map, 3 * PAGE_GRAINS + 2, 3);
    space_map_free(&map, (uint64_t)page * PAGE_GRAINS, PAGE_GRAINS); /* taken just before */
    space_map_undo(&map);
    assert_int_equal(map.live_grains, grains);
    assert_int_equal(map.live_pages, 1000);
    assert_int_equal(map.free_pages, PAGES - 1000);
    assert_int_equal(map.live[3], 0xff);
    assert_int_equal(map.held[3], 0);
}

static void test_what_changes_is_known(void **state) {
    (void)state;
    uint32_t count;
    take(PAGES, PAGES, &count);
    space_map_settle(&map, 1);
    for (size_t i = 0; i < 3; i++) map.changed[i] = false;
    space_map_free(&map, (uint64_t)(SPACE_CHUNK_PAGES + 1) * PAGE_GRAINS, 1);
    assert_false(map.changed[0]);
    assert_true(map.changed[1]);
    assert_false(map.changed[2]);
    space_map_free(&map, (uint64_t)2 * SPACE_CHUNK_PAGES * PAGE_GRAINS, PAGE_GRAINS);
    assert_true(map.changed[2]);
    space_map_settle(&map, 2);
    map.changed[2] = false;
    space_map_release(&map, 2);
    assert_false(map.changed[2]); /* what is held is not stored */
    assert_int_equal(take(1, 1, &count), 2 * SPACE_CHUNK_PAGES);
    assert_true(map.changed[2]);
}

static void test_runs_are_long_enough(void **state) {
    (void)state;
    uint32_t count;
    take(PAGES, PAGES, &count);
    space_map_settle(&map, 1);
    space_map_free(&map, (uint64_t)10 * PAGE_GRAINS, 3 * PAGE_GRAINS);
    space_map_free(&map, (uint64_t)20 * PAGE_GRAINS, 8 * PAGE_GRAINS);
    space_map_settle(&map, 2);
    space_map_release(&map, 2);
    uint32_t page;
    assert_false(space_map_take(&map, 9, 9, &page, &count));
    assert_int_equal(take(4, 6, &count), 20);
    assert_int_equal(count, 6);
    assert_int_equal(take(1, 100, &count), 26); /* goes on from there */
    assert_int_equal(count, 2);
    assert_int_equal(take(1, 100, &count), 10);
    assert_int_equal(count, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_freed_pages_are_held_until_released),
        TEST(test_a_page_is_free_when_all_its_grains_are),
        TEST(test_an_undone_transaction_leaves_nothing),
        TEST(test_what_changes_is_known),
        TEST(test_runs_are_long_enough),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
