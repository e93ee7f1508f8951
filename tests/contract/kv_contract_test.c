/* What kv.h promises, asked of every driver. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "kv/driver.h"
#include "kv/mem.h"
#include "os/random.h"
#include "support/store.h"

static const struct kv_partition part_a = {{1}};
static const struct kv_partition part_b = {{2}};
static const struct kv_partition part_last = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

static enum test_driver driver;

static int setup(void **state) {
    struct test_store *store = calloc(1, sizeof *store);
    test_store_open(store, driver);
    *state = store;
    return 0;
}

static int teardown(void **state) {
    struct test_store *store = *state;
    test_store_close(store);
    free(store);
    return 0;
}

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static void put(struct kv *kv, struct kv_partition partition, const char *key, const char *value) {
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, slice_str(key), slice_str(value));
    expect_code(kv_commit(kv, partition, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
}

/* Expects the value of a key; NULL: that it is absent. */
static void expect_holds(struct kv *kv, struct kv_partition partition, const char *key,
                         const char *value) {
    struct arena arena;
    arena_init(&arena, 1024, 64 * 1024);
    struct slice got;
    struct status s = kv_get(kv, partition, slice_str(key), &arena, &got);
    expect_code(s, value ? STATUS_OK : STATUS_NOT_FOUND);
    if (value) {
        assert_int_equal(got.len, strlen(value));
        assert_memory_equal(got.ptr, value, got.len);
    }
    arena_fini(&arena);
}

static int64_t counter(struct kv *kv, struct kv_partition partition, const char *key) {
    struct arena arena;
    arena_init(&arena, 1024, 64 * 1024);
    struct slice got;
    int64_t count = 0;
    struct status s = kv_get(kv, partition, slice_str(key), &arena, &got);
    if (is_ok(s)) expect_code(kv_counter_parse(got, &count), STATUS_OK);
    arena_fini(&arena);
    return count;
}

static void expect_at(struct kv_cursor *cursor, bool found, const char *key) {
    assert_int_equal(found, key != NULL);
    if (!key) return;
    struct slice at = kv_cursor_key(cursor);
    assert_int_equal(at.len, strlen(key));
    assert_memory_equal(at.ptr, key, at.len);
}

static void test_put_get_delete(void **state) {
    struct test_store *store = *state;
    expect_holds(store->kv, part_a, "k", NULL);
    put(store->kv, part_a, "k", "v1");
    expect_holds(store->kv, part_a, "k", "v1");
    expect_holds(store->kv, part_b, "k", NULL);
    put(store->kv, part_b, "k", "other");
    put(store->kv, part_a, "k", "v2");
    test_store_reopen(store);
    expect_holds(store->kv, part_a, "k", "v2");
    expect_holds(store->kv, part_b, "k", "other");
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, SLICE("k"));
    kv_batch_delete(batch, SLICE("never there"));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    expect_holds(store->kv, part_a, "k", NULL);
    test_store_reopen(store);
    expect_holds(store->kv, part_a, "k", NULL);
    expect_holds(store->kv, part_b, "k", "other");
}

static void test_keys_hold_any_byte(void **state) {
    struct test_store *store = *state;
    char key[KV_KEY_MAX + 1];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (char)(i * 7);
    struct arena arena;
    arena_init(&arena, 1024, 64 * 1024);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, slice_of(key, KV_KEY_MAX), SLICE("\0\xff"));
    expect_code(kv_commit(store->kv, part_last, batch, NULL), STATUS_OK);
    struct slice got;
    expect_code(kv_get(store->kv, part_last, slice_of(key, KV_KEY_MAX), &arena, &got), STATUS_OK);
    assert_true(slice_eq(got, SLICE("\0\xff")));
    expect_code(kv_get(store->kv, part_last, slice_of(key, KV_KEY_MAX + 1), &arena, &got),
                STATUS_NOT_FOUND);
    kv_batch_clear(batch);
    kv_batch_put(batch, slice_of(key, KV_KEY_MAX + 1), SLICE("v"));
    expect_code(kv_commit(store->kv, part_last, batch, NULL), STATUS_TOO_LARGE);
    kv_batch_free(&batch);
    struct kv_cursor *cursor;
    expect_code(kv_cursor_open(store->kv, part_last, slice_of(key, KV_KEY_MAX), &cursor),
                STATUS_OK);
    bool found;
    expect_code(kv_cursor_seek(cursor, slice_of(NULL, 0), &found), STATUS_OK);
    assert_true(found);
    expect_code(kv_cursor_seek(cursor, slice_of(key, KV_KEY_MAX + 1), &found), STATUS_OK);
    assert_false(found);
    expect_code(kv_cursor_seek_back(cursor, slice_of(key, KV_KEY_MAX + 1), &found), STATUS_OK);
    assert_true(found);
    kv_cursor_close(&cursor);
    arena_fini(&arena);
}

static void test_arena_limit_is_no_memory(void **state) {
    struct test_store *store = *state;
    put(store->kv, part_a, "k", "0123456789012345678901234567890123456789");
    struct arena arena;
    arena_init(&arena, 16, 16);
    struct slice got;
    expect_code(kv_get(store->kv, part_a, SLICE("k"), &arena, &got), STATUS_NO_MEMORY);
    arena_fini(&arena);
}

static void test_guards(void **state) {
    struct test_store *store = *state;
    put(store->kv, part_a, "here", "value");
    static const struct {
        int kind; /* 0 absent, 1 present, 2 equals */
        const char *key;
        const char *value;
        bool holds;
    } rows[] = {
        {0, "here", NULL, false},   {0, "gone", NULL, true},     {1, "here", NULL, true},
        {1, "gone", NULL, false},   {2, "here", "value", true},  {2, "here", "other", false},
        {2, "here", "valu", false}, {2, "gone", "value", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kv_batch *batch = kv_batch_new();
        kv_batch_put(batch, SLICE("mark"), SLICE("x"));
        kv_batch_guard_present(batch, SLICE("here")); /* index 0 */
        struct slice key = slice_str(rows[i].key);
        assert_int_equal(kv_batch_guard_count(batch), 1);
        if (rows[i].kind == 0) kv_batch_guard_absent(batch, key);
        if (rows[i].kind == 1) kv_batch_guard_present(batch, key);
        if (rows[i].kind == 2) kv_batch_guard_equals(batch, key, slice_str(rows[i].value));
        size_t failed = 77;
        struct status s = kv_commit(store->kv, part_a, batch, &failed);
        expect_code(s, rows[i].holds ? STATUS_OK : STATUS_CONFLICT);
        assert_int_equal(failed, rows[i].holds ? 77 : 1);
        expect_holds(store->kv, part_a, "mark", rows[i].holds ? "x" : NULL);
        kv_batch_clear(batch);
        kv_batch_delete(batch, SLICE("mark"));
        expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
        kv_batch_free(&batch);
    }
}

/* Guards look at what was there before the batch, wherever they stand in it. */
static void test_guards_look_before_the_batch(void **state) {
    struct test_store *store = *state;
    put(store->kv, part_a, "k", "old");
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("k"), SLICE("new"));
    kv_batch_put(batch, SLICE("fresh"), SLICE("1"));
    kv_batch_guard_equals(batch, SLICE("k"), SLICE("old"));
    kv_batch_guard_absent(batch, SLICE("fresh"));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    size_t failed = 0;
    expect_code(kv_commit(store->kv, part_a, batch, &failed), STATUS_CONFLICT);
    assert_int_equal(failed, 0);
    kv_batch_free(&batch);
    expect_holds(store->kv, part_a, "k", "new");
}

static void test_later_change_of_a_key_counts(void **state) {
    struct test_store *store = *state;
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("a"), SLICE("1"));
    kv_batch_delete(batch, SLICE("a"));
    kv_batch_delete(batch, SLICE("b"));
    kv_batch_put(batch, SLICE("b"), SLICE("2"));
    kv_batch_put(batch, SLICE("c"), SLICE("1"));
    kv_batch_put(batch, SLICE("c"), SLICE("3"));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    expect_holds(store->kv, part_a, "a", NULL);
    expect_holds(store->kv, part_a, "b", "2");
    expect_holds(store->kv, part_a, "c", "3");
}

static void add(struct kv *kv, int64_t delta, int64_t min, int64_t max, enum status_code code) {
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_absent(batch, SLICE("nobody"));
    kv_batch_add(batch, SLICE("n"), delta, min, max);
    size_t failed = 0;
    expect_code(kv_commit(kv, part_a, batch, &failed), code);
    if (code == STATUS_CONFLICT) assert_int_equal(failed, 1);
    kv_batch_free(&batch);
}

static void test_counters(void **state) {
    struct test_store *store = *state;
    add(store->kv, 5, 0, 10, STATUS_OK);
    add(store->kv, 6, 0, 10, STATUS_CONFLICT);
    add(store->kv, -6, 0, 10, STATUS_CONFLICT);
    assert_int_equal(counter(store->kv, part_a, "n"), 5);
    add(store->kv, INT64_MAX, INT64_MIN, INT64_MAX, STATUS_CONFLICT); /* overflow */
    add(store->kv, 0, 5, 5, STATUS_OK);
    test_store_reopen(store);
    add(store->kv, -7, -2, 0, STATUS_OK);
    assert_int_equal(counter(store->kv, part_a, "n"), -2);
    add(store->kv, 2, INT64_MIN, INT64_MAX, STATUS_OK);
    expect_holds(store->kv, part_a, "n", NULL); /* a counter of 0 is an absent key */
    put(store->kv, part_a, "n", "no counter");
    add(store->kv, 1, INT64_MIN, INT64_MAX, STATUS_CORRUPT);
    expect_holds(store->kv, part_a, "n", "no counter");
}

static void test_counter_additions_accumulate(void **state) {
    struct test_store *store = *state;
    struct kv_batch *batch = kv_batch_new();
    kv_batch_add(batch, SLICE("n"), 3, 0, 3);
    kv_batch_add(batch, SLICE("n"), 4, 0, 7);
    kv_batch_add(batch, SLICE("n"), -6, 1, 1);
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    assert_int_equal(counter(store->kv, part_a, "n"), 1);
    size_t failed = 9;
    expect_code(kv_commit(store->kv, part_a, batch, &failed), STATUS_CONFLICT);
    assert_int_equal(failed, 0);
    assert_int_equal(counter(store->kv, part_a, "n"), 1);
    kv_batch_clear(batch);
    kv_batch_delete(batch, SLICE("n"));
    kv_batch_add(batch, SLICE("n"), 8, 8, 8);
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    assert_int_equal(counter(store->kv, part_a, "n"), 8);
    kv_batch_free(&batch);
}

static void test_cursor_both_ways(void **state) {
    struct test_store *store = *state;
    const char *keys[] = {"a", "p", "p\x01", "pa", "pb", "pb\xff", "p\xff\xff", "q"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) put(store->kv, part_a, keys[i], keys[i]);
    put(store->kv, part_b, "pc", "of another partition");
    struct kv_cursor *cursor;
    bool found;
    expect_code(kv_cursor_open(store->kv, part_a, SLICE("p"), &cursor), STATUS_OK);
    expect_code(kv_cursor_next(cursor, &found), STATUS_OK); /* it stands nowhere yet */
    assert_false(found);
    expect_code(kv_cursor_seek(cursor, SLICE(""), &found), STATUS_OK);
    for (size_t i = 1; i < 7; i++) {
        expect_at(cursor, found, keys[i]);
        assert_true(slice_eq(kv_cursor_value(cursor), slice_str(keys[i])));
        expect_code(kv_cursor_next(cursor, &found), STATUS_OK);
    }
    expect_at(cursor, found, NULL);
    expect_code(kv_cursor_seek_back(cursor, SLICE("z"), &found), STATUS_OK);
    for (size_t i = 6; i > 0; i--) {
        expect_at(cursor, found, keys[i]);
        expect_code(kv_cursor_prev(cursor, &found), STATUS_OK);
    }
    expect_at(cursor, found, NULL);
    static const struct {
        const char *key, *at, *at_or_before;
    } seeks[] = {
        {"a", "p", NULL},         {"p", "p", "p"},     {"p\x01\x01", "pa", "p\x01"},
        {"pa", "pa", "pa"},       {"paa", "pb", "pa"}, {"pc", "p\xff\xff", "pb\xff"},
        {"q", NULL, "p\xff\xff"}, {"", "p", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(seeks); i++) {
        expect_code(kv_cursor_seek(cursor, slice_str(seeks[i].key), &found), STATUS_OK);
        expect_at(cursor, found, seeks[i].at);
        expect_code(kv_cursor_seek_back(cursor, slice_str(seeks[i].key), &found), STATUS_OK);
        expect_at(cursor, found, seeks[i].at_or_before);
    }
    kv_cursor_close(&cursor);
    assert_null(cursor);
    kv_cursor_close(&cursor);
}

static void test_cursor_in_the_last_partition(void **state) {
    struct test_store *store = *state;
    put(store->kv, part_last, "\xff\xff", "1");
    put(store->kv, part_last, "\xff", "2");
    struct kv_cursor *cursor;
    bool found;
    expect_code(kv_cursor_open(store->kv, part_last, SLICE("\xff"), &cursor), STATUS_OK);
    expect_code(kv_cursor_seek(cursor, SLICE("\xff"), &found), STATUS_OK);
    expect_at(cursor, found, "\xff");
    expect_code(kv_cursor_seek_back(cursor, SLICE("\xff\xff\xff"), &found), STATUS_OK);
    expect_at(cursor, found, "\xff\xff");
    kv_cursor_close(&cursor);
    expect_code(kv_cursor_open(store->kv, part_last, SLICE(""), &cursor), STATUS_OK);
    expect_code(kv_cursor_seek_back(cursor, SLICE("\xff\xff\xff"), &found), STATUS_OK);
    expect_at(cursor, found, "\xff\xff");
    kv_cursor_close(&cursor);
}

static void test_big_batch_and_value(void **state) {
    enum { COUNT = 25000, BIG = 2 * 1024 * 1024 };
    struct test_store *store = *state;
    struct kv_batch *batch = kv_batch_new();
    char key[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "k%07d", i);
        kv_batch_guard_absent(batch, slice_str(key));
        kv_batch_put(batch, slice_str(key), slice_str(key));
    }
    char *big = malloc(BIG);
    memset(big, 'x', BIG);
    kv_batch_put(batch, SLICE("big"), slice_of(big, BIG));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    size_t failed = 9;
    expect_code(kv_commit(store->kv, part_a, batch, &failed), STATUS_CONFLICT);
    assert_int_equal(failed, 0);
    kv_batch_free(&batch);
    test_store_reopen(store);
    struct arena arena;
    arena_init(&arena, 1024, 2 * BIG);
    struct slice got;
    expect_code(kv_get(store->kv, part_a, SLICE("big"), &arena, &got), STATUS_OK);
    assert_true(slice_eq(got, slice_of(big, BIG)));
    arena_fini(&arena);
    free(big);
    struct kv_cursor *cursor;
    bool found;
    expect_code(kv_cursor_open(store->kv, part_a, SLICE("k"), &cursor), STATUS_OK);
    expect_code(kv_cursor_seek(cursor, SLICE("k"), &found), STATUS_OK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "k%07d", i);
        expect_at(cursor, found, key);
        expect_code(kv_cursor_next(cursor, &found), STATUS_OK);
    }
    assert_false(found);
    kv_cursor_close(&cursor);
}

static void test_batch_limits(void **state) {
    struct test_store *store = *state;
    struct kv_batch *batch = kv_batch_new();
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK); /* empty */
    char key[16];
    for (int i = 0; i <= KV_BATCH_ENTRIES_MAX; i++) {
        expect_code(kv_batch_ok(batch), STATUS_OK);
        snprintf(key, sizeof key, "k%07d", i);
        kv_batch_put(batch, slice_str(key), SLICE("v"));
    }
    expect_code(kv_batch_ok(batch), STATUS_TOO_LARGE);
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_TOO_LARGE);
    kv_batch_clear(batch);
    expect_code(kv_batch_ok(batch), STATUS_OK);
    char *big = calloc(1, KV_VALUE_MAX + 1);
    kv_batch_put(batch, SLICE("k"), slice_of(big, KV_VALUE_MAX + 1));
    expect_code(kv_batch_ok(batch), STATUS_TOO_LARGE);
    kv_batch_clear(batch);
    for (int i = 0; i < 4; i++) kv_batch_put(batch, SLICE("k"), slice_of(big, KV_VALUE_MAX - 1));
    expect_code(kv_batch_ok(batch), STATUS_OK);
    kv_batch_put(batch, SLICE("k"), slice_of(big, 16));
    expect_code(kv_batch_ok(batch), STATUS_TOO_LARGE);
    free(big);
    kv_batch_free(&batch);
}

/* The first partition at or after one, for other drivers: passes by what was deleted. */
static void test_partitions_are_found_in_order(void **state) {
    struct test_store *store = *state;
    struct kv *kv = store->kv;
    struct kv_partition parts[] = {{{1}}, {{1, 0, 5}}, {{7}}, {{0xff, 0xff}}};
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("k"), SLICE("v"));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        assert_true(is_ok(kv_commit(kv, parts[i], batch, NULL)));
    }
    kv_batch_clear(batch);
    kv_batch_delete(batch, SLICE("k"));
    assert_true(is_ok(kv_commit(kv, parts[2], batch, NULL)));
    kv_batch_free(&batch);
    struct kv_partition from = {{0, 1}}; /* the system partition may have something */
    struct kv_partition found;
    bool is_there;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (i == 2) continue;
        assert_true(is_ok(kv->ops->partition_find(kv, from, &is_there, &found)));
        assert_true(is_there);
        assert_memory_equal(found.id, parts[i].id, sizeof found.id);
        assert_true(is_ok(kv->ops->partition_find(kv, found, &is_there, &found)));
        assert_true(is_there);
        assert_memory_equal(found.id, parts[i].id, sizeof found.id);
        from = found;
        from.id[KV_PARTITION_LEN - 1]++;
    }
    assert_true(is_ok(kv->ops->partition_find(kv, from, &is_there, &found)));
    assert_false(is_there);
}

static void test_drop(void **state) {
    enum { COUNT = 1000 };
    struct test_store *store = *state;
    char key[16];
    struct kv_batch *batch = kv_batch_new();
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "k%07d", i);
        kv_batch_put(batch, slice_str(key), SLICE("v"));
    }
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    expect_code(kv_commit(store->kv, part_b, batch, NULL), STATUS_OK);
    expect_code(kv_commit(store->kv, part_last, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    bool done = false;
    int steps = 0;
    for (; !done; steps++) {
        expect_code(kv_drop(store->kv, part_a, 100, &done), STATUS_OK);
        if (steps % 3 == 1) test_store_reopen(store); /* resumable */
        assert_true(steps <= COUNT / 100);
    }
    expect_code(kv_drop(store->kv, part_last, 2 * COUNT, &done), STATUS_OK);
    test_store_reopen(store);
    struct kv_cursor *cursor;
    bool found;
    expect_code(kv_cursor_open(store->kv, part_a, SLICE(""), &cursor), STATUS_OK);
    expect_code(kv_cursor_seek(cursor, SLICE(""), &found), STATUS_OK);
    assert_false(found);
    kv_cursor_close(&cursor);
    expect_holds(store->kv, part_b, "k0000000", "v");
    expect_holds(store->kv, part_b, "k0000999", "v");
    expect_holds(store->kv, part_last, "k0000999", NULL);
    put(store->kv, part_a, "again", "v");
    expect_holds(store->kv, part_a, "again", "v");
}

static void test_stats(void **state) {
    struct test_store *store = *state;
    put(store->kv, part_a, "k", "v");
    struct kv_stats before;
    kv_stats_read(store->kv, &before);
    put(store->kv, part_a, "k2", "v");
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_absent(batch, SLICE("k"));
    kv_batch_put(batch, SLICE("k"), SLICE("w"));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_CONFLICT);
    kv_batch_free(&batch);
    struct kv_stats after;
    kv_stats_read(store->kv, &after);
    assert_int_equal(after.commits, before.commits + 1);
    assert_int_equal(after.commit_groups, before.commit_groups + 1);
    assert_int_equal(after.conflicts, before.conflicts + 1);
}

/* ---- many threads ---- */

enum { THREADS = 8, ROUNDS = 60 };

struct racer {
    struct kv *kv;
    int number;
    int wins;
    int seen_losing_blind; /* a loser that saw no winner */
};

static void *race_absent(void *argument) {
    struct racer *racer = argument;
    struct arena arena;
    arena_init(&arena, 1024, 64 * 1024);
    for (int i = 0; i < ROUNDS; i++) {
        char key[16];
        snprintf(key, sizeof key, "r%d", i);
        struct kv_batch *batch = kv_batch_new();
        kv_batch_guard_absent(batch, slice_str(key));
        kv_batch_put(batch, slice_str(key), slice_of(&racer->number, sizeof racer->number));
        kv_batch_add(batch, SLICE("wins"), 1, 0, INT64_MAX);
        struct status s = kv_commit(racer->kv, part_a, batch, NULL);
        kv_batch_free(&batch);
        racer->wins += is_ok(s);
        struct slice got;
        if (status_is(s, STATUS_CONFLICT) &&
            !is_ok(kv_get(racer->kv, part_a, slice_str(key), &arena, &got))) {
            racer->seen_losing_blind++;
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return NULL;
}

static void run_racers(struct kv *kv, struct racer *racers, void *(*run)(void *)) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.kv = kv, .number = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void test_one_absent_guard_wins(void **state) {
    struct test_store *store = *state;
    struct racer racers[THREADS];
    run_racers(store->kv, racers, race_absent);
    int wins = 0;
    for (int i = 0; i < THREADS; i++) {
        wins += racers[i].wins;
        assert_int_equal(racers[i].seen_losing_blind, 0);
    }
    assert_int_equal(wins, ROUNDS);
    assert_int_equal(counter(store->kv, part_a, "wins"), ROUNDS);
    test_store_reopen(store);
    assert_int_equal(counter(store->kv, part_a, "wins"), ROUNDS);
}

/* Takes from a counter that may not go below zero, and reads, compares and replaces a value. */
static void *race_counters(void *argument) {
    struct racer *racer = argument;
    struct arena arena;
    arena_init(&arena, 1024, 64 * 1024);
    for (int i = 0; i < ROUNDS; i++) {
        struct kv_batch *batch = kv_batch_new();
        kv_batch_add(batch, SLICE("stock"), -1, 0, INT64_MAX);
        racer->wins += is_ok(kv_commit(racer->kv, part_a, batch, NULL));
        for (bool done = false; !done; arena_reset(&arena)) {
            struct slice old;
            CHECK(is_ok(kv_get(racer->kv, part_a, SLICE("text"), &arena, &old)));
            struct slice next =
                arena_printf(&arena, "%d", (int)strtol(arena_cstr(&arena, old), NULL, 10) + 1);
            kv_batch_clear(batch);
            kv_batch_guard_equals(batch, SLICE("text"), old);
            kv_batch_put(batch, SLICE("text"), next);
            done = is_ok(kv_commit(racer->kv, part_a, batch, NULL));
        }
        kv_batch_free(&batch);
    }
    arena_fini(&arena);
    return NULL;
}

static void test_counters_are_exact(void **state) {
    struct test_store *store = *state;
    struct kv_batch *batch = kv_batch_new();
    kv_batch_add(batch, SLICE("stock"), THREADS * ROUNDS - 100, 0, INT64_MAX);
    kv_batch_put(batch, SLICE("text"), SLICE("0"));
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    struct racer racers[THREADS];
    run_racers(store->kv, racers, race_counters);
    int wins = 0;
    for (int i = 0; i < THREADS; i++) wins += racers[i].wins;
    assert_int_equal(wins, THREADS * ROUNDS - 100);
    assert_int_equal(counter(store->kv, part_a, "stock"), 0);
    char total[16];
    snprintf(total, sizeof total, "%d", THREADS * ROUNDS);
    expect_holds(store->kv, part_a, "text", total);
}

/* ---- random operations, compared with the reference ---- */

enum { RANDOM_STEPS = 1500, RANDOM_KEYS = 40 };

static struct slice random_key(struct random_seeded *r, char *storage) {
    int len = snprintf(storage, 32, "%s%llu", random_seeded_below(r, 2) ? "a/" : "b",
                       (unsigned long long)random_seeded_below(r, RANDOM_KEYS));
    return slice_of(storage, (size_t)len);
}

static void random_batch(struct random_seeded *r, struct kv_batch *batch) {
    kv_batch_clear(batch);
    size_t count = 1 + random_seeded_below(r, 6);
    for (size_t i = 0; i < count; i++) {
        char key_storage[32];
        char counter_key[32];
        struct slice key = random_key(r, key_storage);
        int len = snprintf(counter_key, sizeof counter_key, "n%llu",
                           (unsigned long long)random_seeded_below(r, 4));
        struct slice count_key = slice_of(counter_key, (size_t)len);
        char value[4] = {"xyz"[random_seeded_below(r, 3)]};
        struct slice one = slice_of(value, 1);
        switch (random_seeded_below(r, 8)) {
            case 0:
                kv_batch_guard_absent(batch, key);
                break;
            case 1:
                kv_batch_guard_present(batch, key);
                break;
            case 2:
                kv_batch_guard_equals(batch, key, one);
                break;
            case 3:
                kv_batch_delete(batch, key);
                break;
            case 4:
                kv_batch_add(batch, count_key, (int64_t)random_seeded_below(r, 7) - 3, -5, 5);
                break;
            default:
                kv_batch_put(batch, key, one);
                break;
        }
    }
}

static void compare_all(struct kv *a, struct kv *b, struct kv_partition partition) {
    struct kv_cursor *ca;
    struct kv_cursor *cb;
    expect_code(kv_cursor_open(a, partition, SLICE(""), &ca), STATUS_OK);
    expect_code(kv_cursor_open(b, partition, SLICE(""), &cb), STATUS_OK);
    bool fa;
    bool fb;
    expect_code(kv_cursor_seek(ca, SLICE(""), &fa), STATUS_OK);
    expect_code(kv_cursor_seek(cb, SLICE(""), &fb), STATUS_OK);
    while (fa && fb) {
        assert_true(slice_eq(kv_cursor_key(ca), kv_cursor_key(cb)));
        assert_true(slice_eq(kv_cursor_value(ca), kv_cursor_value(cb)));
        expect_code(kv_cursor_next(ca, &fa), STATUS_OK);
        expect_code(kv_cursor_next(cb, &fb), STATUS_OK);
    }
    assert_int_equal(fa, fb);
    kv_cursor_close(&ca);
    kv_cursor_close(&cb);
}

static void compare_walk(struct random_seeded *r, struct kv *a, struct kv *b) {
    struct kv_cursor *ca;
    struct kv_cursor *cb;
    struct slice prefix = random_seeded_below(r, 2) ? SLICE("a/") : SLICE("");
    expect_code(kv_cursor_open(a, part_a, prefix, &ca), STATUS_OK);
    expect_code(kv_cursor_open(b, part_a, prefix, &cb), STATUS_OK);
    for (int i = 0; i < 8; i++) {
        char storage[32];
        struct slice key = random_key(r, storage);
        uint64_t what = random_seeded_below(r, 4);
        bool fa;
        bool fb;
        struct status sa = what == 0   ? kv_cursor_seek(ca, key, &fa)
                           : what == 1 ? kv_cursor_seek_back(ca, key, &fa)
                           : what == 2 ? kv_cursor_next(ca, &fa)
                                       : kv_cursor_prev(ca, &fa);
        struct status sb = what == 0   ? kv_cursor_seek(cb, key, &fb)
                           : what == 1 ? kv_cursor_seek_back(cb, key, &fb)
                           : what == 2 ? kv_cursor_next(cb, &fb)
                                       : kv_cursor_prev(cb, &fb);
        expect_code(sa, STATUS_OK);
        expect_code(sb, STATUS_OK);
        assert_int_equal(fa, fb);
        if (fa) assert_true(slice_eq(kv_cursor_key(ca), kv_cursor_key(cb)));
    }
    kv_cursor_close(&ca);
    kv_cursor_close(&cb);
}

static void test_random_operations(void **state) {
    struct test_store *store = *state;
    uint64_t seed;
    const char *given = getenv("HINK_TEST_SEED");
    random_fill(random_system(), &seed, sizeof seed);
    if (given) seed = strtoull(given, NULL, 10);
    print_message("HINK_TEST_SEED=%llu\n", (unsigned long long)seed);
    struct random_seeded r;
    random_seeded_init(&r, seed);
    struct kv *twin = kv_mem_open();
    struct kv_batch *batch = kv_batch_new();
    for (int i = 0; i < RANDOM_STEPS; i++) {
        struct kv_partition partition = random_seeded_below(&r, 4) ? part_a : part_last;
        random_batch(&r, batch);
        size_t failed = 99;
        size_t twin_failed = 99;
        struct status s = kv_commit(store->kv, partition, batch, &failed);
        struct status t = kv_commit(twin, partition, batch, &twin_failed);
        assert_int_equal(s.code, t.code);
        assert_int_equal(failed, twin_failed);
        if (random_seeded_below(&r, 10) == 0) compare_walk(&r, store->kv, twin);
        if (random_seeded_below(&r, 300) == 0) {
            bool done = false;
            while (!done) expect_code(kv_drop(store->kv, part_last, 3, &done), STATUS_OK);
            done = false;
            while (!done) expect_code(kv_drop(twin, part_last, 3, &done), STATUS_OK);
        }
        if (random_seeded_below(&r, 400) == 0) test_store_reopen(store);
    }
    compare_all(store->kv, twin, part_a);
    compare_all(store->kv, twin, part_last);
    kv_batch_free(&batch);
    kv_close(&twin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_put_get_delete),
        TEST(test_keys_hold_any_byte),
        TEST(test_arena_limit_is_no_memory),
        TEST(test_guards),
        TEST(test_guards_look_before_the_batch),
        TEST(test_later_change_of_a_key_counts),
        TEST(test_counters),
        TEST(test_counter_additions_accumulate),
        TEST(test_cursor_both_ways),
        TEST(test_cursor_in_the_last_partition),
        TEST(test_big_batch_and_value),
        TEST(test_batch_limits),
        TEST(test_partitions_are_found_in_order),
        TEST(test_drop),
        TEST(test_stats),
        TEST(test_one_absent_guard_wins),
        TEST(test_counters_are_exact),
        TEST(test_random_operations),
#undef TEST
    };
    int failures = 0;
    static const enum test_driver drivers[] = {TEST_DRIVER_MEM, TEST_DRIVER_ENGINE,
                                               TEST_DRIVER_META, TEST_DRIVER_META_SMALL};
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        driver = drivers[i];
        print_message("driver %s\n", test_driver_name(driver));
        failures += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failures;
}
