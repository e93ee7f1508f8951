/* Buckets: two names, quotas, listings; made and deleted under races and crashes. */
#include "object/bucket.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/expect.h"
#include "support/objects.h"

enum { THREADS = 8 };

#define OTHER_PROJECT SLICE("project-2")

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

static struct status find(struct test_objects *t, struct slice project, const char *name,
                          struct bucket *ret_bucket) {
    return bucket_find(t->store, TEST_REGION, project, slice_str(name), &t->arena, &t->note,
                       ret_bucket);
}

static struct status create(struct test_objects *t, const struct bucket_wanted *wanted,
                            struct bucket *ret_bucket) {
    return bucket_create(t->store, wanted, &t->arena, &t->note, ret_bucket);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void test_is_found_by_both_names(void **state) {
    struct test_objects *t = *state;
    struct bucket made = test_bucket(t, "photos");
    const struct slice callers[] = {TEST_PROJECT, OTHER_PROJECT, SLICE("")};
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        struct bucket b = {0};
        expect_ok(find(t, callers[i], "photos", &b));
        assert_true(kv_partition_eq(b.incarnation, made.incarnation));
        expect_text(b.name, "photos");
        expect_slice(b.region, TEST_REGION);
        expect_slice(b.project_id, TEST_PROJECT);
        expect_text(b.owner_id, "user-1");
        expect_text(b.owner_name, "Alice");
        expect_text(b.policy, "standard");
        assert_true(b.has_s3_name);
        assert_int_equal(b.created_ns, t->clock.now_ns);
        expect_slice(b.epoch, made.epoch);
    }
    struct bucket b = {0};
    expect_status(STATUS_NOT_FOUND, find(t, TEST_PROJECT, "photo", &b));
    assert_non_null(strstr(t->note.text, "photo"));
    expect_status(STATUS_NOT_FOUND, bucket_find(t->store, SLICE("elsewhere"), TEST_PROJECT,
                                                SLICE("photos"), &t->arena, NULL, &b));
}

static void test_account_name_comes_first(void **state) {
    struct test_objects *t = *state;
    struct bucket global = test_bucket(t, "shared");
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("shared"));
    wanted.project_id = OTHER_PROJECT;
    wanted.s3_name_optional = true;
    struct bucket own = {0};
    expect_ok(create(t, &wanted, &own));
    assert_false(own.has_s3_name);
    struct bucket b = {0};
    expect_ok(find(t, OTHER_PROJECT, "shared", &b));
    assert_true(kv_partition_eq(b.incarnation, own.incarnation));
    expect_ok(find(t, SLICE(""), "shared", &b));
    assert_true(kv_partition_eq(b.incarnation, global.incarnation));
    expect_ok(bucket_delete(t->store, &own, &t->note));
    expect_ok(find(t, OTHER_PROJECT, "shared", &b));
    assert_true(kv_partition_eq(b.incarnation, global.incarnation));
}

static void test_taken_names(void **state) {
    struct test_objects *t = *state;
    struct bucket first = test_bucket(t, "taken");
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("taken"));
    struct bucket b = {0};
    expect_status(STATUS_EXISTS, create(t, &wanted, &b));
    assert_true(kv_partition_eq(b.incarnation, first.incarnation));
    expect_slice(b.project_id, TEST_PROJECT);
    wanted.project_id = OTHER_PROJECT;
    expect_status(STATUS_EXISTS, create(t, &wanted, &b));
    expect_slice(b.project_id, TEST_PROJECT);
    wanted.region = SLICE("elsewhere");
    expect_ok(create(t, &wanted, &b));
    wanted.region = TEST_REGION;
    wanted.claim_s3_name = false;
    expect_ok(create(t, &wanted, &b));
    assert_false(b.has_s3_name);
}

static void test_refuses_what_is_too_long(void **state) {
    struct test_objects *t = *state;
    char name[BUCKET_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    struct bucket_wanted wanted = test_bucket_wanted(slice_of(name, sizeof name));
    struct bucket b = {0};
    expect_status(STATUS_INVALID, create(t, &wanted, &b));
    wanted.name = slice_of(name, BUCKET_NAME_MAX);
    expect_ok(create(t, &wanted, &b));
    expect_status(STATUS_NOT_FOUND, bucket_find(t->store, TEST_REGION, TEST_PROJECT,
                                                slice_of(name, sizeof name), &t->arena, NULL, &b));
    wanted = test_bucket_wanted(SLICE(""));
    expect_status(STATUS_INVALID, create(t, &wanted, &b));
}

/* ---- listing -------------------------------------------------------------------------------- */

static void list(struct test_objects *t, const char *prefix, const char *after, size_t cap,
                 const char *wanted, bool wanted_more) {
    struct bucket buckets[8];
    size_t count;
    bool more;
    char text[256] = "";
    size_t len = 0;
    expect_ok(bucket_list(t->store, TEST_REGION, TEST_PROJECT, slice_str(prefix), slice_str(after),
                          &t->arena, buckets, cap, &count, &more));
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s ", SLICE_FMT(buckets[i].name));
    }
    assert_string_equal(text, wanted);
    assert_int_equal(more, wanted_more);
}

static void test_lists_by_name(void **state) {
    struct test_objects *t = *state;
    list(t, "", "", 8, "", false);
    test_bucket(t, "b2");
    test_bucket(t, "a");
    struct bucket b1 = test_bucket(t, "b1");
    test_bucket(t, "c");
    struct bucket_wanted foreign = test_bucket_wanted(SLICE("b3"));
    foreign.project_id = SLICE("project-10");
    struct bucket b = {0};
    expect_ok(create(t, &foreign, &b));
    foreign.project_id = TEST_PROJECT;
    foreign.region = SLICE("europe-se-10");
    expect_ok(create(t, &foreign, &b));
    list(t, "", "", 8, "a b1 b2 c ", false);
    list(t, "b", "", 8, "b1 b2 ", false);
    list(t, "b", "", 1, "b1 ", true);
    list(t, "b", "b1", 8, "b2 ", false);
    list(t, "", "b1", 8, "b2 c ", false);
    list(t, "", "b", 2, "b1 b2 ", true);
    list(t, "b", "c", 8, "", false);
    list(t, "", "c", 8, "", false);
    list(t, "", "", 0, "", true);
    expect_ok(bucket_delete(t->store, &b1, &t->note));
    list(t, "", "", 8, "a b2 c ", false);
}

static void test_project_has_any(void **state) {
    struct test_objects *t = *state;
    bool has = true;
    expect_ok(bucket_project_has_any(t->store, TEST_PROJECT, &has));
    assert_false(has);
    struct bucket b = test_bucket(t, "b");
    expect_ok(bucket_project_has_any(t->store, TEST_PROJECT, &has));
    assert_true(has);
    expect_ok(bucket_project_has_any(t->store, OTHER_PROJECT, &has));
    assert_false(has);
    expect_ok(bucket_delete(t->store, &b, &t->note));
    expect_ok(bucket_project_has_any(t->store, TEST_PROJECT, &has));
    assert_false(has);
}

/* ---- deleting ------------------------------------------------------------------------------- */

static void test_deletes_what_is_empty(void **state) {
    struct test_objects *t = *state;
    struct bucket old = test_bucket(t, "b");
    struct bucket b = {0};
    expect_ok(test_put(t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    expect_status(STATUS_CONFLICT, bucket_delete(t->store, &old, &t->note));
    assert_non_null(strstr(t->note.text, "not empty"));
    expect_ok(object_delete(t->store, &old, SLICE("k"), NULL, NULL));
    expect_ok(bucket_delete(t->store, &old, &t->note));
    expect_status(STATUS_NOT_FOUND, bucket_delete(t->store, &old, &t->note));
    expect_status(STATUS_NOT_FOUND, find(t, TEST_PROJECT, "b", &b));
    expect_status(STATUS_NOT_FOUND, test_put(t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    struct bucket anew = test_bucket(t, "b");
    assert_false(kv_partition_eq(anew.incarnation, old.incarnation));
    expect_status(STATUS_NOT_FOUND, test_put(t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    expect_text(test_get(t, &anew, SLICE("k")), "not found");
    test_tidy(t);
    assert_int_equal(test_count_keys(t, old.incarnation, SLICE("")), 0);
    expect_status(STATUS_NOT_FOUND, test_put(t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    expect_status(STATUS_NOT_FOUND, bucket_delete(t->store, &old, &t->note));
    expect_ok(bucket_delete(t->store, &anew, &t->note));
    test_tidy(t);
    assert_int_equal(test_count_all(t), 0);
}

static void test_a_name_without_a_bucket_is_damage(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    bool done = false;
    while (!done) expect_ok(kv_drop(t->mem, b.incarnation, 100, &done));
    expect_status(STATUS_CORRUPT, find(t, TEST_PROJECT, "b", &b));
    expect_status(STATUS_CORRUPT, find(t, SLICE(""), "b", &b));
}

/* One bucket with a damaged record does not keep the others from being tidied. */
static void test_damage_is_passed_over(void **state) {
    struct test_objects *t = *state;
    struct bucket damaged = test_bucket(t, "a");
    struct bucket sound = test_bucket(t, "b");
    struct object_store_stats stats;
    struct kv_batch *batch = kv_batch_new();
    bool done = true;
    const struct bucket *const both[] = {&damaged, &sound};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        expect_ok(test_put(t, both[i], SLICE("k"), SLICE("x"), "e", NULL));
        expect_ok(object_delete(t->store, both[i], SLICE("k"), NULL, NULL));
    }
    const struct key_id id = {{1}};
    struct key mark = key_receipt_end(0, id);
    kv_batch_put(batch, slice_take(key_slice(&mark), mark.len - 1), SLICE("x"));
    expect_ok(kv_commit(t->mem, damaged.incarnation, batch, NULL));
    kv_batch_free(&batch);
    expect_status(STATUS_CORRUPT, object_store_tidy(t->store, &done));
    assert_false(done);
    assert_int_equal(test_count_keys(t, sound.incarnation, SLICE("")), 1);
    object_store_stats_read(t->store, &stats);
    assert_int_equal(stats.tidy_errors, 1);
    assert_int_equal(stats.tidied_blobs, 1);
}

/* ---- quotas and races ----------------------------------------------------------------------- */

static void test_quota(void **state) {
    struct test_objects *t = *state;
    struct bucket b = {0};
    struct bucket kept = {0};
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("b1"));
    wanted.buckets_max = 2;
    expect_ok(create(t, &wanted, &kept));
    wanted.name = SLICE("b2");
    wanted.region = SLICE("elsewhere");
    expect_ok(create(t, &wanted, &b));
    wanted.name = SLICE("b3");
    expect_status(STATUS_TOO_LARGE, create(t, &wanted, &b));
    wanted.name = SLICE("b2");
    expect_status(STATUS_EXISTS, create(t, &wanted, &b));
    wanted.name = SLICE("b3");
    expect_ok(bucket_delete(t->store, &kept, &t->note));
    expect_ok(create(t, &wanted, &b));
}

struct racer {
    struct test_objects *t;
    struct bucket_wanted wanted;
    char name[16];
    struct status status;
    struct kv_partition incarnation;
};

static void *race(void *argument) {
    struct racer *racer = argument;
    struct arena arena;
    struct bucket bucket = {0};
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    racer->status = bucket_create(racer->t->store, &racer->wanted, &arena, NULL, &bucket);
    racer->incarnation = bucket.incarnation;
    arena_fini(&arena);
    return NULL;
}

static void run_racers(struct racer *racers) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void test_one_of_many_gets_the_name(void **state) {
    struct test_objects *t = *state;
    for (int round = 0; round < 20; round++) {
        struct racer racers[THREADS];
        size_t won = 0;
        for (size_t i = 0; i < THREADS; i++) {
            racers[i] = (struct racer){.t = t, .wanted = test_bucket_wanted(SLICE("wanted"))};
            if (i % 2 == 1) racers[i].wanted.project_id = OTHER_PROJECT;
        }
        run_racers(racers);
        struct bucket b = {0};
        expect_ok(find(t, SLICE(""), "wanted", &b));
        for (size_t i = 0; i < THREADS; i++) {
            won += is_ok(racers[i].status);
            if (!is_ok(racers[i].status)) expect_status(STATUS_EXISTS, racers[i].status);
            assert_true(kv_partition_eq(racers[i].incarnation, b.incarnation));
        }
        assert_int_equal(won, 1);
        expect_ok(bucket_delete(t->store, &b, &t->note));
    }
    test_tidy(t);
    assert_int_equal(test_count_all(t), 0);
}

static void test_quota_is_exact_under_a_race(void **state) {
    enum { MAX = 5 };
    struct test_objects *t = *state;
    for (int round = 0; round < 20; round++) {
        struct racer racers[THREADS];
        size_t won = 0;
        for (size_t i = 0; i < THREADS; i++) {
            racers[i] = (struct racer){.t = t};
            snprintf(racers[i].name, sizeof racers[i].name, "b%zu", i);
            racers[i].wanted = test_bucket_wanted(slice_str(racers[i].name));
            racers[i].wanted.buckets_max = MAX;
        }
        run_racers(racers);
        for (size_t i = 0; i < THREADS; i++) {
            struct bucket b = {0};
            won += is_ok(racers[i].status);
            if (!is_ok(racers[i].status)) {
                expect_status(STATUS_TOO_LARGE, racers[i].status);
                expect_status(STATUS_NOT_FOUND, find(t, TEST_PROJECT, racers[i].name, &b));
                continue;
            }
            expect_ok(find(t, TEST_PROJECT, racers[i].name, &b));
            expect_ok(bucket_delete(t->store, &b, &t->note));
        }
        assert_int_equal(won, MAX);
    }
    test_tidy(t);
    assert_int_equal(test_count_all(t), 0);
}

/* ---- crashes -------------------------------------------------------------------------------- */

/* Everything that a bucket is, is gone: names, count, partition, intents. */
static void assert_nothing_left(struct test_objects *t) {
    t->clock.now_ns += INT64_C(3600) * 1000000000;
    test_tidy(t);
    assert_int_equal(test_count_all(t), 0);
}

/* Creates a bucket while the store dies at the k-th commit; false when it did not come to it. */
static bool create_and_crash(struct test_objects *t, uint64_t k, bool applied) {
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("crashed"));
    struct bucket b = {0};
    fault_kv_die_at(&t->kv, k, applied);
    struct status s = create(t, &wanted, &b);
    bool died = fault_kv_revive(&t->kv);
    test_objects_reopen(t);
    if (is_ok(s)) expect_ok(find(t, TEST_PROJECT, "crashed", &b));
    struct status found = find(t, TEST_PROJECT, "crashed", &b);
    if (is_ok(found)) {
        expect_ok(find(t, SLICE(""), "crashed", &b));
        expect_ok(test_put(t, &b, SLICE("k"), SLICE("x"), "e", NULL));
        expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    } else {
        expect_status(STATUS_NOT_FOUND, found);
        expect_ok(create(t, &wanted, &b)); /* what the crash left is not in the way */
    }
    expect_ok(bucket_delete(t->store, &b, &t->note));
    assert_nothing_left(t);
    return died;
}

static void test_creation_survives_a_crash_anywhere(void **state) {
    struct test_objects *t = *state;
    uint64_t k = 1;
    while (create_and_crash(t, k, false) && create_and_crash(t, k, true)) k++;
    assert_int_equal(k, 4); /* it takes three commits */
}

/* What waits of a creation is left alone as long as it may still go on. */
static void test_a_young_creation_is_left_alone(void **state) {
    struct test_objects *t = *state;
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("slow"));
    struct bucket b = {0};
    fault_kv_die_at(&t->kv, 3, false);
    expect_status(STATUS_IO, create(t, &wanted, &b));
    test_objects_reopen(t);
    test_tidy(t);
    assert_int_equal(test_count_all(t), 2); /* the intent and the epoch record */
    assert_nothing_left(t);
}

static bool delete_and_crash(struct test_objects *t, uint64_t k, bool applied) {
    struct bucket b = test_bucket(t, "crashed");
    struct bucket anew = {0};
    fault_kv_die_at(&t->kv, k, applied);
    struct status s = bucket_delete(t->store, &b, &t->note);
    bool died = fault_kv_revive(&t->kv);
    test_objects_reopen(t);
    struct status found = find(t, TEST_PROJECT, "crashed", &anew);
    if (is_ok(s)) expect_status(STATUS_NOT_FOUND, found);
    if (is_ok(found)) {
        assert_true(kv_partition_eq(anew.incarnation, b.incarnation));
        expect_ok(bucket_delete(t->store, &b, &t->note));
    }
    anew = test_bucket(t, "crashed");
    assert_false(kv_partition_eq(anew.incarnation, b.incarnation));
    expect_ok(bucket_delete(t->store, &anew, &t->note));
    assert_nothing_left(t);
    return died;
}

static void test_deletion_survives_a_crash_anywhere(void **state) {
    struct test_objects *t = *state;
    uint64_t k = 1;
    while (delete_and_crash(t, k, false) && delete_and_crash(t, k, true)) k++;
    assert_int_equal(k, 3); /* it takes two commits, and the housekeeping */
}

/* A crash between the steps of a deletion: whoever meets the names takes them away. */
static void test_whoever_meets_a_deleted_bucket_finishes_it(void **state) {
    struct test_objects *t = *state;
    for (int who = 0; who < 3; who++) {
        struct bucket b = test_bucket(t, "half");
        fault_kv_die_at(&t->kv, 2, false);
        expect_ok(bucket_delete(t->store, &b, &t->note));
        test_objects_reopen(t);
        size_t names = test_count_keys(t, kv_partition_system, SLICE("d"));
        assert_int_equal(names, 3); /* two names and the count */
        if (who == 0) expect_status(STATUS_NOT_FOUND, find(t, SLICE(""), "half", &b));
        if (who == 1) list(t, "", "", 8, "", false);
        if (who == 2) test_tidy(t);
        names = test_count_keys(t, kv_partition_system, SLICE("d"));
        assert_int_equal(names, who == 2 ? 0 : 1); /* that the partition is to be dropped */
        assert_nothing_left(t);
    }
}

/* The housekeeping, too, may die at every step and begin again. */
static void test_dropping_survives_a_crash_anywhere(void **state) {
    struct test_objects *t = *state;
    bool died = true;
    for (uint64_t k = 1; died; k++) {
        bool done;
        struct bucket b = test_bucket(t, "dropped");
        for (int i = 0; i < 20; i++) {
            char key[] = {'k', (char)('a' + i)};
            expect_ok(test_put(t, &b, slice_of(key, 2), SLICE("bytes"), "e", NULL));
            expect_ok(object_delete(t->store, &b, slice_of(key, 2), NULL, NULL));
        }
        expect_ok(bucket_delete(t->store, &b, &t->note));
        fault_kv_die_at(&t->kv, k, k % 2 == 0);
        IGNORE_STATUS(object_store_tidy(t->store, &done)); /* it is to fail */
        died = fault_kv_revive(&t->kv);
        test_objects_reopen(t);
        assert_nothing_left(t);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_is_found_by_both_names),
        TEST(test_account_name_comes_first),
        TEST(test_taken_names),
        TEST(test_refuses_what_is_too_long),
        TEST(test_lists_by_name),
        TEST(test_project_has_any),
        TEST(test_deletes_what_is_empty),
        TEST(test_a_name_without_a_bucket_is_damage),
        TEST(test_damage_is_passed_over),
        TEST(test_quota),
        TEST(test_one_of_many_gets_the_name),
        TEST(test_quota_is_exact_under_a_race),
        TEST(test_creation_survives_a_crash_anywhere),
        TEST(test_a_young_creation_is_left_alone),
        TEST(test_deletion_survives_a_crash_anywhere),
        TEST(test_whoever_meets_a_deleted_bucket_finishes_it),
        TEST(test_dropping_survives_a_crash_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
