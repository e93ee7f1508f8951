#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static struct arena arena;

static void test_pieces_do_not_overlap(void **state) {
    (void)state;
    unsigned char *pieces[100];
    arena_init(&arena, 256, 64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t k = 0; k < i; k++) assert_int_equal(pieces[i][k], i);
    }
    assert_true(is_ok(arena_ok(&arena)));
    arena_fini(&arena);
}

static void test_alignment(void **state) {
    (void)state;
    arena_init(&arena, 64, 4096);
    for (size_t size = 0; size < 40; size++) {
        assert_int_equal((uintptr_t)arena_alloc(&arena, size) % 16, 0);
    }
    arena_fini(&arena);
}

static void test_overflow_sticks_until_reset(void **state) {
    (void)state;
    arena_init(&arena, 128, 1024);
    assert_non_null(arena_alloc(&arena, 1024));
    assert_true(is_ok(arena_ok(&arena)));
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_alloc(&arena, 0));
    assert_true(status_is(arena_ok(&arena), STATUS_NO_MEMORY));
    assert_null(arena_dup(&arena, SLICE("text")).ptr);
    assert_null(arena_cstr(&arena, SLICE("text")));
    assert_int_equal(arena_printf(&arena, "%d", 1).len, 0);
    assert_int_equal(arena_join(&arena, NULL, 0).len, 0);
    arena_reset(&arena);
    assert_true(is_ok(arena_ok(&arena)));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1000));
    arena_fini(&arena);
}

static void test_zeroed(void **state) {
    (void)state;
    arena_init(&arena, 128, 4096);
    for (int round = 0; round < 3; round++) {
        unsigned char *bytes = arena_calloc(&arena, 10, 10);
        for (size_t i = 0; i < 100; i++) assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, 100);
        arena_reset(&arena);
    }
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_false(is_ok(arena_ok(&arena)));
    arena_fini(&arena);
}

static void test_texts(void **state) {
    (void)state;
    struct slice parts[] = {SLICE("a"), SLICE(""), SLICE("bc")};
    arena_init(&arena, 128, 4096);
    struct slice copy = arena_dup(&arena, slice_of("a\0b", 3));
    assert_true(slice_eq(copy, slice_of("a\0b", 3)));
    assert_int_equal(copy.ptr[3], 0);
    assert_string_equal(arena_cstr(&arena, SLICE("text")), "text");
    assert_string_equal(arena_cstr(&arena, slice_of(NULL, 0)), "");
    struct slice printed = arena_printf(&arena, "%s-%d", "x", 42);
    assert_true(slice_eq(printed, SLICE("x-42")));
    assert_int_equal(printed.ptr[4], 0);
    assert_true(slice_eq(arena_join(&arena, parts, ARRAY_LEN(parts)), SLICE("abc")));
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_overflow_sticks_until_reset),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
