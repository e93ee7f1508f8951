/*
 * What a page costs in a bucket with many versions of few keys, and in one with many keys of which
 * most are delete markers: the same as in a plain one. (tests/bench/versions has millions.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "object/list.h"
#include "object/record.h"
#include "support/counting_kv.h"
#include "support/store.h"

enum {
    KEYS = 4,         /* of the first bucket: "dN/key" */
    VERSIONS = 25000, /* of each: one is the object, the others are noncurrent */
    NAMES = 100000,   /* of the second */
    LIVE_EACH = 20,   /* of so many names one has an object */
    PAGE = LIST_PAGE_MAX,
    BATCH = 10000,
    SLACK = 12 /* seeks and steps that a page may cost beside what it shows */
};

static struct world {
    struct test_store under;
    struct counting_kv counting;
    struct object_store *store;
    struct arena arena;
    struct kv_batch *batch;
    size_t in_batch;
} world;

static const struct bucket plain = {.incarnation = {{1}}};
static const struct bucket full = {.incarnation = {{4}}, .versioning = BUCKET_VERSIONING_ENABLED};
static const struct bucket deep = {.incarnation = {{2}}, .versioning = BUCKET_VERSIONING_ENABLED};
static const struct bucket hollow = {.incarnation = {{3}}, .versioning = BUCKET_VERSIONING_ENABLED};

static struct object_version_id id_of(uint64_t number) {
    struct object_version_id id = {{0}};
    for (size_t i = 0; i < 8; i++) id.bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    return id;
}

static void commit(const struct bucket *bucket) {
    CHECK(is_ok(kv_commit(world.under.kv, bucket->incarnation, world.batch, NULL)));
    kv_batch_clear(world.batch);
    arena_reset(&world.arena);
    world.in_batch = 0;
}

static void add(const struct bucket *bucket, const struct key *key,
                const struct object_info *info) {
    struct slice record;
    CHECK(is_ok(record_encode_object(info, &world.arena, &record)));
    kv_batch_put(world.batch, key_slice(key), record);
    if (++world.in_batch == BATCH) commit(bucket);
}

static struct object_info info_of(uint64_t version) {
    return (struct object_info){.etag = SLICE("d41d8cd98f00b204e9800998ecf8427e"),
                                .version = id_of(version),
                                .modified_ns = 1700000000000000000,
                                .meta = {.owner_id = SLICE("a")}};
}

static void add_object(const struct bucket *bucket, const char *name, uint64_t version) {
    struct object_info info = info_of(version);
    struct key key = key_object(slice_str(name));
    add(bucket, &key, &info);
}

static void add_version(const struct bucket *bucket, const char *name, uint64_t version,
                        bool is_marker) {
    struct object_info info = info_of(version);
    struct key key = key_version(slice_str(name), info.version);
    info.delete_marker = is_marker;
    if (is_marker) info.etag = SLICE("");
    add(bucket, &key, &info);
}

static void add_head(const struct bucket *bucket, const char *name, uint64_t newest) {
    const struct record_head head = {.newest = id_of(newest)};
    struct key key = key_head(slice_str(name));
    struct slice record;
    CHECK(is_ok(record_encode_head(&head, &world.arena, &record)));
    kv_batch_put(world.batch, key_slice(&key), record);
    if (++world.in_batch == BATCH) commit(bucket);
}

static void fill(void) {
    char name[32];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "d%u/key", i);
        for (uint64_t v = 1; v < VERSIONS; v++) add_version(&deep, name, v, false);
        add_object(&deep, name, VERSIONS);
        add_head(&deep, name, VERSIONS);
    }
    commit(&deep);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "%07u", i);
        if (i % LIVE_EACH == 0) {
            add_object(&hollow, name, 1);
        } else {
            add_version(&hollow, name, 1, true);
        }
        add_head(&hollow, name, 1);
    }
    commit(&hollow);
    for (unsigned i = 0; i < NAMES / LIVE_EACH; i++) {
        snprintf(name, sizeof name, "%07u", i);
        add_object(&plain, name, 1);
    }
    commit(&plain);
    for (unsigned i = 0; i < NAMES / LIVE_EACH; i++) {
        snprintf(name, sizeof name, "%07u", i);
        add_object(&full, name, 1);
        add_head(&full, name, 1);
    }
    commit(&full);
}

static int setup(void **state) {
    (void)state;
    test_store_open(&world.under, TEST_DRIVER_MEM);
    counting_kv_init(&world.counting, world.under.kv);
    struct object_store_config config = {.kv = &world.counting.kv,
                                         .blob = world.under.blob,
                                         .clock = clock_system(),
                                         .random = random_system()};
    CHECK(is_ok(object_store_open(&config, NULL, &world.store)));
    arena_init(&world.arena, 64 * 1024, 64 * 1024 * 1024);
    world.batch = kv_batch_new();
    fill();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    kv_batch_free(&world.batch);
    object_store_close(&world.store);
    test_store_close(&world.under);
    arena_fini(&world.arena);
    return 0;
}

/* Seeks and steps of a page of objects; `*ret_count` is what it shows. */
static size_t cost_of_objects(const struct bucket *bucket, struct list_query query,
                              size_t *ret_count) {
    struct list_page page;
    arena_reset(&world.arena);
    world.counting.seeks = world.counting.steps = 0;
    query.max = PAGE;
    assert_true(is_ok(list_objects(world.store, bucket, &query, &world.arena, &page)));
    *ret_count = page.count;
    return world.counting.seeks + world.counting.steps;
}

/* The same of a page of versions. */
static size_t cost_of_versions(const struct bucket *bucket, struct version_list_query query,
                               struct version_list_page *ret_page) {
    arena_reset(&world.arena);
    world.counting.seeks = world.counting.steps = 0;
    query.max = PAGE;
    assert_true(is_ok(list_versions(world.store, bucket, &query, &world.arena, ret_page)));
    return world.counting.seeks + world.counting.steps;
}

static void test_objects_above_many_versions(void **state) {
    (void)state;
    size_t count;
    assert_in_range(cost_of_objects(&deep, (struct list_query){0}, &count), KEYS, KEYS + SLACK);
    assert_int_equal(count, KEYS);
}

static void test_objects_between_delete_markers(void **state) {
    (void)state;
    size_t count;
    size_t usual = cost_of_objects(&plain, (struct list_query){0}, &count);
    assert_int_equal(count, PAGE);
    assert_in_range(usual, PAGE, PAGE + SLACK);
    assert_int_equal(cost_of_objects(&hollow, (struct list_query){0}, &count), usual);
    assert_int_equal(count, PAGE);
    struct list_query middle = {.after = SLICE("0050000")};
    assert_in_range(cost_of_objects(&hollow, middle, &count), PAGE, PAGE + SLACK);
    assert_int_equal(count, PAGE);
}

static void test_versions_of_few_keys(void **state) {
    (void)state;
    struct version_list_page page;
    struct version_list_query middle = {.key_marker = SLICE("d2/key"),
                                        .has_id_marker = true,
                                        .id_marker = {OBJECT_VERSION_ID, id_of(VERSIONS / 2)}};
    assert_in_range(cost_of_versions(&deep, (struct version_list_query){0}, &page), PAGE,
                    PAGE + SLACK);
    assert_int_equal(page.count, PAGE);
    assert_in_range(cost_of_versions(&deep, middle, &page), PAGE, PAGE + SLACK);
    assert_int_equal(page.count, PAGE);
    assert_memory_equal(page.entries[0].info.version.bytes, id_of(VERSIONS / 2 - 1).bytes,
                        OBJECT_VERSION_ID_LEN);
}

/* A key marker alone means behind all versions of the key, which are not looked at. */
static void test_from_key_to_key(void **state) {
    (void)state;
    struct version_list_page page;
    struct version_list_query behind = {.key_marker = SLICE("d0/key")};
    assert_in_range(cost_of_versions(&deep, behind, &page), PAGE, PAGE + SLACK);
    assert_true(slice_eq(page.entries[0].name, SLICE("d1/key")));
    behind.key_marker = SLICE("d3/key");
    assert_in_range(cost_of_versions(&deep, behind, &page), 0, SLACK);
    assert_int_equal(page.count, 0);
}

static void test_common_prefixes_of_versions(void **state) {
    (void)state;
    struct version_list_page page;
    struct version_list_query query = {.delimiter = SLICE("/")};
    /* Each of the two tables is asked once for each prefix. */
    assert_in_range(cost_of_versions(&deep, query, &page), KEYS, 2 * KEYS + SLACK);
    assert_int_equal(page.count, KEYS);
    assert_true(page.entries[0].is_prefix);
}

/*
 * A key costs four: its head, what it has in two tables, and whether the head is still the same.
 * That most keys are markers makes no difference.
 */
static void test_versions_that_are_delete_markers(void **state) {
    (void)state;
    struct version_list_page page;
    struct version_list_query middle = {.key_marker = SLICE("0070000")};
    size_t usual = cost_of_versions(&full, (struct version_list_query){0}, &page);
    assert_in_range(usual, 4 * PAGE - SLACK, 4 * PAGE + SLACK);
    assert_int_equal(page.count, PAGE);
    size_t cost = cost_of_versions(&hollow, (struct version_list_query){0}, &page);
    assert_in_range(cost, PAGE, usual + PAGE / LIVE_EACH);
    assert_int_equal(page.count, PAGE);
    assert_in_range(cost_of_versions(&hollow, middle, &page), PAGE, usual + PAGE / LIVE_EACH);
    assert_int_equal(page.count, PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_above_many_versions),
        cmocka_unit_test(test_objects_between_delete_markers),
        cmocka_unit_test(test_versions_of_few_keys),
        cmocka_unit_test(test_from_key_to_key),
        cmocka_unit_test(test_common_prefixes_of_versions),
        cmocka_unit_test(test_versions_that_are_delete_markers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
