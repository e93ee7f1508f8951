/* Many threads on few keys: conditions and counters are exact, readers meet no torn state. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/expect.h"
#include "support/objects.h"

enum { THREADS = 8, KEYS = 4 };

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

struct worker {
    struct test_objects *t;
    const struct bucket *bucket;
    unsigned number;
    unsigned rounds;
    struct random_seeded random;
    struct status status; /* the first that was not expected */
    unsigned won;
};

static void note_status_of(struct worker *worker, struct status s) {
    if (is_ok(worker->status)) worker->status = s;
}

/* Runs THREADS workers, and whoever else is given, to their end. */
static void run_workers(struct worker *workers, void *(*run)(void *)) {
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++) expect_ok(workers[i].status);
}

static void make_workers(struct test_objects *t, const struct bucket *bucket, unsigned rounds,
                         struct worker *workers) {
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.t = t, .bucket = bucket, .number = i, .rounds = rounds};
        random_seeded_init(&workers[i].random, i + 1);
    }
}

static void expect_nothing_left(struct test_objects *t, const struct bucket *bucket) {
    struct bucket_usage usage;
    for (char key = '0'; key < '0' + KEYS; key++) {
        expect_ok(object_delete(t->store, bucket, slice_of(&key, 1), NULL, NULL));
    }
    expect_ok(bucket_usage_read(t->store, bucket, &usage));
    assert_int_equal(usage.objects, 0);
    assert_int_equal(usage.bytes, 0);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, bucket->incarnation, SLICE("")), 1);
}

/* ---- If-None-Match -------------------------------------------------------------------------- */

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

/* Everybody tries to be the first on each of many keys. */
static void *be_first(void *argument) {
    struct worker *worker = argument;
    const struct object_condition absent = {judge_absent};
    for (unsigned round = 0; round < worker->rounds; round++) {
        char key[16];
        snprintf(key, sizeof key, "%u", round);
        struct status s =
            test_put(worker->t, worker->bucket, slice_str(key), SLICE("x"), "e", &absent);
        worker->won += is_ok(s);
        if (!is_ok(s) && !status_is(s, STATUS_PRECONDITION)) note_status_of(worker, s);
    }
    return NULL;
}

static void test_one_of_many_is_first(void **state) {
    enum { ROUNDS = 500 };
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct worker workers[THREADS];
    struct bucket_usage usage;
    unsigned won = 0;
    make_workers(t, &b, ROUNDS, workers);
    run_workers(workers, be_first);
    for (unsigned i = 0; i < THREADS; i++) won += workers[i].won;
    assert_int_equal(won, ROUNDS);
    expect_ok(bucket_usage_read(t->store, &b, &usage));
    assert_int_equal(usage.objects, ROUNDS);
    assert_int_equal(usage.bytes, ROUNDS);
}

/* ---- compare and swap ----------------------------------------------------------------------- */

struct etag_condition {
    struct object_condition condition;
    struct slice etag;
};

static struct status judge_etag(const struct object_condition *condition,
                                const struct object_info *current) {
    const struct etag_condition *self = (const struct etag_condition *)condition;
    if (!current || !slice_eq(current->etag, self->etag)) return status_of(STATUS_PRECONDITION);
    return status_ok();
}

/* Adds one to the number that is the ETag; PRECONDITION: somebody else was faster. */
static struct status add_one(struct worker *worker, struct arena *arena) {
    struct object_info info;
    uint64_t number;
    char next[24];
    arena_reset(arena);
    TRY(object_find(worker->t->store, worker->bucket, SLICE("0"), arena, &info));
    CHECK(slice_parse_u64(info.etag, &number));
    snprintf(next, sizeof next, "%llu", (unsigned long long)number + 1);
    const struct etag_condition same = {{judge_etag}, info.etag};
    return test_put(worker->t, worker->bucket, SLICE("0"), slice_str(next), next, &same.condition);
}

static void *count_up(void *argument) {
    struct worker *worker = argument;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    while (worker->won < worker->rounds && is_ok(worker->status)) {
        struct status s = add_one(worker, &arena);
        worker->won += is_ok(s);
        if (!is_ok(s) && !status_is(s, STATUS_PRECONDITION)) note_status_of(worker, s);
    }
    arena_fini(&arena);
    return NULL;
}

static void test_compare_and_swap_loses_nothing(void **state) {
    enum { ROUNDS = 200 };
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct worker workers[THREADS];
    char wanted[32];
    expect_ok(test_put(t, &b, SLICE("0"), SLICE("0"), "0", NULL));
    make_workers(t, &b, ROUNDS, workers);
    run_workers(workers, count_up);
    snprintf(wanted, sizeof wanted, "%u:%u", THREADS * ROUNDS, THREADS * ROUNDS);
    expect_text(test_get(t, &b, SLICE("0")), wanted);
    expect_nothing_left(t, &b);
}

/* ---- everything at once --------------------------------------------------------------------- */

/* Bytes that say who wrote them and how many they are: "nnnn…", the ETag being the length. */
static struct status put_some(struct worker *worker, struct slice key) {
    char bytes[64];
    char etag[8];
    size_t len = random_seeded_below(&worker->random, sizeof bytes);
    memset(bytes, (int)('a' + worker->number), len);
    snprintf(etag, sizeof etag, "%zu", len);
    return test_put(worker->t, worker->bucket, key, slice_of(bytes, len), etag, NULL);
}

/* What is read is whole: one writer's bytes, as many as the ETag says. */
static struct status read_some(struct worker *worker, struct slice key, struct arena *arena) {
    struct object_reader *reader;
    struct object_info info;
    uint64_t len;
    char bytes[64];
    struct status s = object_open(worker->t->store, worker->bucket, key, arena, &info, &reader);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    s = object_reader_read(reader, 0, bytes, info.size);
    object_reader_close(&reader);
    TRY(s);
    if (!slice_parse_u64(info.etag, &len) || len != info.size) return status_of(STATUS_MISMATCH);
    for (size_t i = 1; i < len; i++) {
        if (bytes[i] != bytes[0]) return status_of(STATUS_MISMATCH);
    }
    return status_ok();
}

static struct status copy_some(struct worker *worker, struct slice from, struct slice to,
                               struct arena *arena) {
    static const struct object_meta meta;
    struct object_info info;
    struct object_info made;
    struct status s = object_find(worker->t->store, worker->bucket, from, arena, &info);
    if (is_ok(s)) {
        const struct object_copy copy = {.source_bucket = worker->bucket,
                                         .source = &info,
                                         .bucket = worker->bucket,
                                         .key = to,
                                         .meta = &meta};
        s = object_share(worker->t->store, &copy, arena, &made);
    }
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static void *do_anything(void *argument) {
    struct worker *worker = argument;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    for (unsigned round = 0; round < worker->rounds && is_ok(worker->status); round++) {
        char from = (char)('0' + random_seeded_below(&worker->random, KEYS));
        char to = (char)('0' + random_seeded_below(&worker->random, KEYS));
        uint64_t what = random_seeded_below(&worker->random, 10);
        struct slice key = slice_of(&from, 1);
        struct status s;
        bool done;
        arena_reset(&arena);
        if (what < 3) {
            s = put_some(worker, key);
        } else if (what < 5) {
            s = object_delete(worker->t->store, worker->bucket, key, NULL, NULL);
        } else if (what < 7) {
            s = copy_some(worker, key, slice_of(&to, 1), &arena);
        } else if (what < 9) {
            s = read_some(worker, key, &arena);
        } else {
            s = object_store_tidy(worker->t->store, &done);
        }
        note_status_of(worker, s);
    }
    arena_fini(&arena);
    return NULL;
}

static void expect_usage_is_exact(struct test_objects *t, const struct bucket *bucket) {
    struct bucket_usage usage;
    struct bucket_usage counted = {0};
    for (char key = '0'; key < '0' + KEYS; key++) {
        struct object_info info;
        struct status s = object_find(t->store, bucket, slice_of(&key, 1), &t->arena, &info);
        if (status_is(s, STATUS_NOT_FOUND)) continue;
        expect_ok(s);
        counted.objects++;
        counted.bytes += info.size;
    }
    expect_ok(bucket_usage_read(t->store, bucket, &usage));
    assert_int_equal(usage.objects, counted.objects);
    assert_int_equal(usage.bytes, counted.bytes);
}

static void test_everything_at_once(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct worker workers[THREADS];
    make_workers(t, &b, 1000, workers);
    run_workers(workers, do_anything);
    expect_usage_is_exact(t, &b);
    expect_nothing_left(t, &b);
}

/* ---- deleting the bucket under its writers -------------------------------------------------- */

static void *write_until_gone(void *argument) {
    struct worker *worker = argument;
    struct status s = status_ok();
    char key = (char)('0' + worker->number % KEYS);
    while (is_ok(s)) {
        s = put_some(worker, slice_of(&key, 1));
        if (is_ok(s)) {
            s = object_delete(worker->t->store, worker->bucket, slice_of(&key, 1), NULL, NULL);
        }
    }
    if (!status_is(s, STATUS_NOT_FOUND)) note_status_of(worker, s);
    return NULL;
}

static void *delete_when_empty(void *argument) {
    struct worker *worker = argument;
    struct status s = status_of(STATUS_CONFLICT);
    while (status_is(s, STATUS_CONFLICT)) {
        s = bucket_delete(worker->t->store, worker->bucket, NULL);
    }
    worker->won += is_ok(s);
    if (!status_is(s, STATUS_NOT_FOUND)) note_status_of(worker, s);
    return NULL;
}

/* Two write, so that the bucket is empty often enough; the others try to delete it. */
static void *write_or_delete(void *argument) {
    struct worker *worker = argument;
    return worker->number < 2 ? write_until_gone(worker) : delete_when_empty(worker);
}

static void test_nobody_writes_into_a_bucket_that_has_gone(void **state) {
    struct test_objects *t = *state;
    for (int round = 0; round < 10; round++) {
        struct bucket b = test_bucket(t, "b");
        struct worker workers[THREADS];
        make_workers(t, &b, 0, workers);
        run_workers(workers, write_or_delete);
        unsigned won = 0;
        for (unsigned i = 0; i < THREADS; i++) won += workers[i].won;
        assert_int_equal(won, 1);
        test_tidy(t);
        assert_int_equal(test_count_keys(t, b.incarnation, SLICE("")), 0);
        assert_int_equal(test_count_all(t), 0);
    }
}

/* ---- the housekeeping's own thread ---------------------------------------------------------- */

static void test_the_thread_tidies_by_itself(void **state) {
    struct test_objects *t = *state;
    object_store_close(&t->store);
    const struct object_store_config config = {.kv = &t->kv.kv,
                                               .blob = t->blob,
                                               .clock = &t->clock.clock,
                                               .random = random_system(),
                                               .housekeeping = true};
    expect_ok(object_store_open(&config, NULL, &t->store));
    struct bucket b = test_bucket(t, "b");
    expect_ok(test_put(t, &b, SLICE("0"), SLICE("x"), "e", NULL));
    expect_ok(object_delete(t->store, &b, SLICE("0"), NULL, NULL));
    expect_ok(bucket_delete(t->store, &b, NULL));
    /* Waits for the thread, at most 20 s. */
    for (int i = 0; i < 2000 && test_count_all(t) > 0; i++) {
        const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&step, NULL);
    }
    assert_int_equal(test_count_all(t), 0);
    struct object_store_stats stats;
    object_store_stats_read(t->store, &stats);
    assert_int_equal(stats.tidied_buckets, 1);
    assert_int_equal(stats.tidied_blobs, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_of_many_is_first),
        TEST(test_compare_and_swap_loses_nothing),
        TEST(test_everything_at_once),
        TEST(test_nobody_writes_into_a_bucket_that_has_gone),
        TEST(test_the_thread_tidies_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
