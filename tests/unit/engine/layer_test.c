/* A layer: ordered names, with the value that each had up to a group. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/layer.h"
#include "os/random.h"

enum { NAMES = 500, GROUPS = 4000 };

static void expect_known(const struct layer *layer, uint64_t sequence, const char *name,
                         const char *value) {
    struct slice got;
    bool known = layer_get(layer, sequence, slice_str(name), &got);
    assert_int_equal(known, value != NULL);
    if (value) assert_true(slice_eq(got, slice_str(value)));
}

static void test_versions_by_sequence(void **state) {
    (void)state;
    struct layer *layer = layer_new();
    assert_true(layer_bytes(layer) < 64 * 1024);
    layer_set(layer, 3, SLICE("k"), SLICE("three"));
    layer_set(layer, 5, SLICE("k"), SLICE(""));
    layer_set(layer, 9, SLICE("k"), SLICE("nine"));
    layer_set(layer, 9, SLICE("j"), SLICE("x"));
    expect_known(layer, 2, "k", NULL);
    expect_known(layer, 3, "k", "three");
    expect_known(layer, 4, "k", "three");
    expect_known(layer, 8, "k", "");
    expect_known(layer, 9, "k", "nine");
    expect_known(layer, 8, "j", NULL);
    expect_known(layer, 9, "jj", NULL);
    assert_int_equal(layer_count(layer), 2);
    layer_free(&layer);
    assert_null(layer);
}

static void expect_at(const struct layer_node *node, int number) {
    if (number < 0 || number >= NAMES) {
        assert_null(node);
        return;
    }
    char name[16];
    snprintf(name, sizeof name, "n%05d", number * 2);
    assert_non_null(node);
    assert_true(slice_eq(layer_node_name(node), slice_str(name)));
}

static void test_order_both_ways(void **state) {
    (void)state;
    struct layer *layer = layer_new();
    char name[16];
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%05d", i * 7 % NAMES * 2);
        layer_set(layer, 1, slice_str(name), slice_str(name));
    }
    assert_int_equal(layer_count(layer), NAMES);
    int n = 0;
    for (const struct layer_node *node = layer_first(layer); node; node = layer_next(node)) {
        expect_at(node, n++);
    }
    assert_int_equal(n, NAMES);
    for (int i = -1; i < 2 * NAMES + 1; i++) {
        int len =
            i < 0 ? snprintf(name, sizeof name, "a") : snprintf(name, sizeof name, "n%05d", i);
        struct slice at = slice_of(name, (size_t)len);
        bool exact = i >= 0 && i % 2 == 0 && i < 2 * NAMES;
        int before = i < 0 ? -1 : (i < 2 * NAMES ? (i + 1) / 2 - 1 : NAMES - 1);
        expect_at(layer_seek(layer, at, false), before + 1);
        expect_at(layer_seek(layer, at, true), before + 1 + exact);
        expect_at(layer_seek_back(layer, at, true), before);
        expect_at(layer_seek_back(layer, at, false), before + exact);
    }
    layer_free(&layer);
}

static void test_large_values(void **state) {
    (void)state;
    static char big[300000];
    struct layer *layer = layer_new();
    for (uint64_t i = 1; i <= 20; i++) {
        memset(big, (int)('a' + i), sizeof big);
        char name[16];
        int len = snprintf(name, sizeof name, "big%d", (int)(i % 5));
        layer_set(layer, i, slice_of(name, (size_t)len), slice_of(big, sizeof big));
        layer_set(layer, i, SLICE("small"), SLICE("s"));
    }
    assert_true(layer_bytes(layer) >= 20 * sizeof big);
    struct slice got;
    assert_true(layer_get(layer, 20, SLICE("big0"), &got));
    assert_true(slice_eq(got, slice_of(big, sizeof big)));
    layer_free(&layer);
}

struct race {
    struct layer *layer;
    atomic_ullong published;
    atomic_bool stop;
    atomic_ullong reads;
};

/* Every group sets both names to its number: whoever sees a group sees it whole. */
static void *read_pairs(void *argument) {
    struct race *race = argument;
    while (!atomic_load(&race->stop)) {
        uint64_t sequence = atomic_load(&race->published);
        uint64_t a = 0;
        uint64_t b = 0;
        struct slice got;
        if (layer_get(race->layer, sequence, SLICE("first"), &got)) memcpy(&a, got.ptr, sizeof a);
        if (layer_get(race->layer, sequence, SLICE("second"), &got)) memcpy(&b, got.ptr, sizeof b);
        CHECK(a == b && a == sequence);
        for (const struct layer_node *n = layer_first(race->layer); n; n = layer_next(n)) {
            const struct layer_node *next = layer_next(n);
            CHECK(!next || slice_cmp(layer_node_name(n), layer_node_name(next)) < 0);
        }
        atomic_fetch_add(&race->reads, 1);
    }
    return NULL;
}

static void test_readers_beside_the_writer(void **state) {
    (void)state;
    struct race race = {.layer = layer_new()};
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_pairs, &race), 0);
    }
    struct random_seeded random;
    random_seeded_init(&random, 3);
    for (uint64_t sequence = 1; sequence <= GROUPS; sequence++) {
        char name[24];
        int len = snprintf(name, sizeof name, "m%llu",
                           (unsigned long long)random_seeded_below(&random, NAMES));
        struct slice number = slice_of(&sequence, sizeof sequence);
        layer_set(race.layer, sequence, SLICE("first"), number);
        layer_set(race.layer, sequence, slice_of(name, (size_t)len), number);
        layer_set(race.layer, sequence, SLICE("second"), number);
        atomic_store(&race.published, sequence);
    }
    while (atomic_load(&race.reads) < 10) continue;
    atomic_store(&race.stop, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
    layer_free(&race.layer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_by_sequence),
        cmocka_unit_test(test_order_both_ways),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_readers_beside_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
