/* What blob.h promises, asked of every driver. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/random.h"
#include "support/store.h"

static const struct kv_partition part_a = {{1}};
static const struct kv_partition part_b = {{2}};

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

/* Byte `at` of the blob made from `seed`: repeats nowhere near a block's length. */
static char pattern_at(unsigned seed, size_t at) {
    return (char)((at * 31 + at / 251 + seed * 17) ^ (at >> 16));
}

static char *pattern_make(unsigned seed, size_t size) {
    char *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = pattern_at(seed, i);
    return bytes;
}

static void expect_range(struct blob_reader *reader, unsigned seed, size_t offset, size_t len) {
    char *got = malloc(len + 1);
    expect_code(blob_reader_read(reader, offset, got, len), STATUS_OK);
    for (size_t i = 0; i < len; i++) {
        if (got[i] != pattern_at(seed, offset + i)) fail_msg("byte %zu is wrong", offset + i);
    }
    free(got);
}

static struct blob_writer *begin(struct test_store *store, struct kv_partition partition,
                                 uint64_t hint) {
    struct blob_writer *writer;
    expect_code(blob_writer_begin(store->blob, partition, TEST_POLICY, hint, &writer), STATUS_OK);
    return writer;
}

static void write_pattern(struct blob_writer *writer, unsigned seed, size_t size, size_t step) {
    char *bytes = pattern_make(seed, size);
    for (size_t at = 0; at < size; at += step) {
        struct slice piece = slice_take(slice_skip(slice_of(bytes, size), at), step);
        expect_code(blob_writer_write(writer, piece), STATUS_OK);
    }
    free(bytes);
    assert_int_equal(blob_writer_size(writer), size);
    expect_code(blob_writer_seal(writer), STATUS_OK);
}

static struct blob_id store_blob(struct test_store *store, struct kv_partition partition,
                                 unsigned seed, size_t size) {
    struct blob_writer *writer = begin(store, partition, size);
    struct blob_id id = blob_writer_id(writer);
    write_pattern(writer, seed, size, 100 * 1000);
    struct kv_batch *batch = kv_batch_new();
    blob_writer_bind(writer, batch);
    expect_code(kv_commit(store->kv, partition, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    blob_writer_commit(&writer);
    assert_null(writer);
    return id;
}

static void expect_blob(struct test_store *store, struct kv_partition partition, struct blob_id id,
                        unsigned seed, size_t size) {
    struct blob_reader *reader;
    expect_code(blob_reader_open(store->blob, partition, id, &reader), STATUS_OK);
    assert_int_equal(blob_reader_size(reader), size);
    expect_range(reader, seed, 0, size);
    blob_reader_close(&reader);
    assert_null(reader);
}

static void expect_gone(struct test_store *store, struct kv_partition partition,
                        struct blob_id id) {
    struct blob_reader *reader;
    expect_code(blob_reader_open(store->blob, partition, id, &reader), STATUS_NOT_FOUND);
}

static void collect_all(struct test_store *store, struct kv_partition partition) {
    bool done = false;
    while (!done) expect_code(blob_collect(store->blob, partition, 3, &done), STATUS_OK);
}

/* Commits `shares` shares, then `unbinds` unbinds, in one batch. */
static struct status change_refs(struct test_store *store, struct blob_id id, int shares,
                                 int unbinds) {
    struct kv_batch *batch = kv_batch_new();
    for (int i = 0; i < shares; i++) blob_share(store->blob, id, batch);
    for (int i = 0; i < unbinds; i++) blob_unbind(store->blob, id, batch);
    struct status s = kv_commit(store->kv, part_a, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* How many keys the partition has. */
static size_t key_count(struct test_store *store, struct kv_partition partition) {
    struct kv_cursor *cursor;
    bool found;
    size_t count = 0;
    expect_code(kv_cursor_open(store->kv, partition, SLICE(""), &cursor), STATUS_OK);
    expect_code(kv_cursor_seek(cursor, SLICE(""), &found), STATUS_OK);
    for (; found; count++) expect_code(kv_cursor_next(cursor, &found), STATUS_OK);
    kv_cursor_close(&cursor);
    return count;
}

enum { KIB = 1024, MIB = 1024 * 1024 };

static const size_t sizes[] = {
    0,      1,         4095,    64 * KIB - 1, 64 * KIB,           64 * KIB + 1, 128 * KIB,
    200000, 256 * KIB, MIB - 1, MIB,          MIB + 64 * KIB + 3, 5 * MIB + 7,
};

static void test_sizes(void **state) {
    struct test_store *store = *state;
    struct blob_id ids[ARRAY_LEN(sizes)];
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) ids[i] = store_blob(store, part_a, i, sizes[i]);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) expect_blob(store, part_a, ids[i], i, sizes[i]);
    test_store_reopen(store);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) expect_blob(store, part_a, ids[i], i, sizes[i]);
    expect_gone(store, part_b, ids[0]);
    expect_gone(store, part_b, ids[ARRAY_LEN(sizes) - 1]);
    assert_int_equal(key_count(store, part_a), ARRAY_LEN(sizes)); /* a record each, no more */
}

static void test_pieces_of_any_length(void **state) {
    struct test_store *store = *state;
    static const size_t steps[] = {1, 7, 4096, 65535, 65536, 65537, 262144, 300000, 2 * MIB};
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        size_t size = steps[i] == 1 ? 70000 : 700001;
        struct blob_writer *writer = begin(store, part_a, UINT64_MAX);
        struct blob_id id = blob_writer_id(writer);
        write_pattern(writer, i, size, steps[i]);
        struct kv_batch *batch = kv_batch_new();
        blob_writer_bind(writer, batch);
        expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
        kv_batch_free(&batch);
        blob_writer_commit(&writer);
        expect_blob(store, part_a, id, i, size);
    }
}

static void test_ranges(void **state) {
    struct test_store *store = *state;
    static const size_t of[] = {50000, 400001};
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        size_t size = of[i];
        struct blob_id id = store_blob(store, part_a, 5, size);
        struct blob_reader *reader;
        expect_code(blob_reader_open(store->blob, part_a, id, &reader), STATUS_OK);
        static const size_t starts[] = {0, 1, 4095, 49999, 65535, 65536, 65537, 131072, 400000};
        static const size_t lens[] = {0, 1, 2, 65535, 65536, 65537, 200000};
        for (size_t s = 0; s < ARRAY_LEN(starts); s++) {
            for (size_t l = 0; l < ARRAY_LEN(lens); l++) {
                if (starts[s] + lens[l] <= size) {
                    expect_range(reader, 5, starts[s], lens[l]);
                } else {
                    char byte;
                    expect_code(blob_reader_read(reader, starts[s], &byte, lens[l]), STATUS_RANGE);
                }
            }
        }
        char byte;
        expect_code(blob_reader_read(reader, UINT64_MAX, &byte, 1), STATUS_RANGE);
        expect_code(blob_reader_read(reader, size, &byte, 0), STATUS_OK);
        blob_reader_close(&reader);
    }
    struct blob_reader *none = NULL;
    blob_reader_close(&none);
}

static void test_unknown_policy(void **state) {
    struct test_store *store = *state;
    struct blob_writer *writer;
    expect_code(blob_writer_begin(store->blob, part_a, SLICE("gold"), 1, &writer),
                STATUS_NOT_FOUND);
    expect_code(blob_writer_begin(store->blob, part_a, SLICE(""), 1, &writer), STATUS_NOT_FOUND);
}

static void test_abort_leaves_nothing(void **state) {
    struct test_store *store = *state;
    for (unsigned i = 0; i < 2; i++) {
        size_t size = i ? 300000 : 3000;
        struct blob_writer *writer = begin(store, part_a, size);
        char *bytes = pattern_make(i, size);
        expect_code(blob_writer_write(writer, slice_of(bytes, size)), STATUS_OK);
        free(bytes);
        blob_writer_abort(&writer); /* not sealed */
        assert_null(writer);
        writer = begin(store, part_a, size);
        struct blob_id id = blob_writer_id(writer);
        write_pattern(writer, i, size, size);
        struct kv_batch *batch = kv_batch_new();
        kv_batch_guard_present(batch, SLICE("nothing"));
        blob_writer_bind(writer, batch);
        expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_CONFLICT);
        kv_batch_free(&batch);
        blob_writer_abort(&writer);
        expect_gone(store, part_a, id);
    }
    struct blob_writer *none = NULL;
    blob_writer_abort(&none);
    assert_int_equal(key_count(store, part_a), 0);
}

static void test_bind_again_after_a_conflict(void **state) {
    struct test_store *store = *state;
    struct blob_writer *writer = begin(store, part_a, 100);
    struct blob_id id = blob_writer_id(writer);
    write_pattern(writer, 1, 100, 100);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_present(batch, SLICE("nothing"));
    blob_writer_bind(writer, batch);
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_CONFLICT);
    kv_batch_clear(batch);
    blob_writer_bind(writer, batch);
    expect_code(kv_commit(store->kv, part_a, batch, NULL), STATUS_OK);
    kv_batch_free(&batch);
    blob_writer_commit(&writer);
    expect_blob(store, part_a, id, 1, 100);
}

static void test_unbind_and_collect(void **state) {
    struct test_store *store = *state;
    struct blob_id kept = store_blob(store, part_a, 0, 300000);
    struct blob_id gone[7];
    for (unsigned i = 0; i < ARRAY_LEN(gone); i++) {
        gone[i] = store_blob(store, part_a, i, i % 2 ? 100 : 200000);
        expect_code(change_refs(store, gone[i], 0, 1), STATUS_OK);
        expect_code(change_refs(store, gone[i], 0, 1), STATUS_CONFLICT); /* it has none left */
        expect_code(change_refs(store, gone[i], 1, 0), STATUS_CONFLICT);
    }
    test_store_reopen(store);
    struct blob_stats before;
    blob_stats_read(store->blob, &before);
    bool done = true;
    expect_code(blob_collect(store->blob, part_a, 2, &done), STATUS_OK);
    assert_false(done);
    collect_all(store, part_a);
    struct blob_stats after;
    blob_stats_read(store->blob, &after);
    assert_int_equal(after.collected_blobs - before.collected_blobs, ARRAY_LEN(gone));
    for (unsigned i = 0; i < ARRAY_LEN(gone); i++) {
        expect_gone(store, part_a, gone[i]);
        expect_code(change_refs(store, gone[i], 1, 0), STATUS_CONFLICT); /* nor is it there */
    }
    assert_int_equal(key_count(store, part_a), 1);
    expect_blob(store, part_a, kept, 0, 300000);
    test_store_reopen(store);
    expect_blob(store, part_a, kept, 0, 300000);
    expect_gone(store, part_a, gone[0]);
}

static void test_share(void **state) {
    struct test_store *store = *state;
    struct blob_id id = store_blob(store, part_a, 3, 100000);
    expect_code(change_refs(store, id, 2, 0), STATUS_OK); /* 3 references */
    expect_code(change_refs(store, id, 0, 2), STATUS_OK); /* 1 */
    collect_all(store, part_a);
    expect_blob(store, part_a, id, 3, 100000);
    assert_int_equal(key_count(store, part_a), 1); /* not even a counter is left */
    expect_code(change_refs(store, id, 0, 2), STATUS_CONFLICT);
    expect_code(change_refs(store, id, 1, 1), STATUS_OK); /* a copy onto itself */
    collect_all(store, part_a);
    expect_blob(store, part_a, id, 3, 100000);
    expect_code(change_refs(store, id, 1, 2), STATUS_OK);
    collect_all(store, part_a);
    expect_gone(store, part_a, id);
    assert_int_equal(key_count(store, part_a), 0);
}

static void test_open_readers_read_to_the_end(void **state) {
    struct test_store *store = *state;
    struct blob_id small = store_blob(store, part_a, 1, 1000);
    struct blob_id large = store_blob(store, part_a, 2, 300000);
    struct blob_reader *readers[2];
    expect_code(blob_reader_open(store->blob, part_a, small, &readers[0]), STATUS_OK);
    expect_code(blob_reader_open(store->blob, part_a, large, &readers[1]), STATUS_OK);
    expect_code(change_refs(store, small, 0, 1), STATUS_OK);
    expect_code(change_refs(store, large, 0, 1), STATUS_OK);
    collect_all(store, part_a);
    expect_gone(store, part_a, small);
    expect_gone(store, part_a, large);
    expect_range(readers[0], 1, 0, 1000);
    expect_range(readers[1], 2, 0, 300000);
    blob_reader_close(&readers[0]);
    blob_reader_close(&readers[1]);
}

static void test_segment_is_the_same_bytes(void **state) {
    struct test_store *store = *state;
    struct blob_id id = store_blob(store, part_a, 4, 200000);
    struct blob_reader *reader;
    expect_code(blob_reader_open(store->blob, part_a, id, &reader), STATUS_OK);
    struct blob_segment segment;
    expect_code(blob_reader_segment(reader, 200001, 1, &segment), STATUS_RANGE);
    struct status s = blob_reader_segment(reader, 1000, 100000, &segment);
    if (!is_ok(s)) expect_code(s, STATUS_UNSUPPORTED);
    expect_range(reader, 4, 0, 200000);
    /* Now that all was checked, a driver may hand out all of it. */
    size_t sent = 0;
    for (uint64_t at = 1000; at < 200000; at += segment.len) {
        s = blob_reader_segment(reader, at, 200000 - at, &segment);
        if (status_is(s, STATUS_UNSUPPORTED)) break;
        expect_code(s, STATUS_OK);
        assert_true(segment.len > 0 && segment.len <= 200000 - at);
        char *bytes = malloc(segment.len);
        assert_int_equal(pread(segment.fd, bytes, segment.len, (off_t)segment.file_offset),
                         segment.len);
        for (size_t i = 0; i < segment.len; i++) {
            assert_int_equal(bytes[i], pattern_at(4, at + i));
        }
        free(bytes);
        sent += segment.len;
    }
    if (driver >= TEST_DRIVER_DATA) assert_int_equal(sent, 199000);
    blob_reader_close(&reader);
}

/* ---- many threads ---- */

enum { THREADS = 6, ROUNDS = 40 };

struct racer {
    struct test_store *store;
    struct blob_id id;
    unsigned seed;
    int balance; /* references this thread added less those it took */
    bool wrong;
};

static void *race_refs(void *argument) {
    struct racer *racer = argument;
    for (int i = 0; i < ROUNDS; i++) {
        bool done;
        if (is_ok(change_refs(racer->store, racer->id, 1, 0))) racer->balance++;
        if (racer->balance > 0 && is_ok(change_refs(racer->store, racer->id, 0, 1))) {
            racer->balance--;
        }
        if (!is_ok(blob_collect(racer->store->blob, part_a, 4, &done))) racer->wrong = true;
    }
    return NULL;
}

static void test_sharing_races_with_collecting(void **state) {
    struct test_store *store = *state;
    struct blob_id id = store_blob(store, part_a, 1, 70000);
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.store = store, .id = id, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, race_refs, &racers[i]), 0);
    }
    int balance = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(racers[i].wrong);
        balance += racers[i].balance;
    }
    assert_int_equal(balance, 0);
    expect_blob(store, part_a, id, 1, 70000);
    expect_code(change_refs(store, id, 0, 1), STATUS_OK);
    collect_all(store, part_a);
    expect_gone(store, part_a, id);
    assert_int_equal(key_count(store, part_a), 0);
}

/* ---- random operations ---- */

enum { SLOTS = 12, STEPS = 250 };

struct slot {
    struct blob_id id;
    unsigned seed;
    size_t size;
    int refs;
};

static void random_step(struct test_store *store, struct random_seeded *r, struct slot *slot,
                        unsigned seed) {
    switch (random_seeded_below(r, 6)) {
        case 0:
        case 1:
            if (slot->refs > 0) break;
            slot->size = sizes[random_seeded_below(r, ARRAY_LEN(sizes) - 2)];
            slot->seed = seed;
            slot->id = store_blob(store, part_a, seed, slot->size);
            slot->refs = 1;
            break;
        case 2:
            expect_code(change_refs(store, slot->id, 1, 0),
                        slot->refs > 0 ? STATUS_OK : STATUS_CONFLICT);
            if (slot->refs > 0) slot->refs++;
            break;
        case 3:
            if (slot->refs == 0) break;
            expect_code(change_refs(store, slot->id, 0, 1), STATUS_OK);
            slot->refs--;
            break;
        case 4:
            collect_all(store, part_a);
            break;
        case 5:
            if (slot->refs > 0) expect_blob(store, part_a, slot->id, slot->seed, slot->size);
            break;
    }
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
    struct slot slots[SLOTS] = {0};
    for (unsigned i = 0; i < STEPS; i++) {
        random_step(store, &r, &slots[random_seeded_below(&r, SLOTS)], i);
        if (random_seeded_below(&r, 80) == 0) test_store_reopen(store);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].refs > 0) {
            expect_blob(store, part_a, slots[i].id, slots[i].seed, slots[i].size);
        }
        for (; slots[i].refs > 0; slots[i].refs--) {
            expect_code(change_refs(store, slots[i].id, 0, 1), STATUS_OK);
        }
    }
    collect_all(store, part_a);
    assert_int_equal(key_count(store, part_a), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_sizes),
        TEST(test_pieces_of_any_length),
        TEST(test_ranges),
        TEST(test_unknown_policy),
        TEST(test_abort_leaves_nothing),
        TEST(test_bind_again_after_a_conflict),
        TEST(test_unbind_and_collect),
        TEST(test_share),
        TEST(test_open_readers_read_to_the_end),
        TEST(test_segment_is_the_same_bytes),
        TEST(test_sharing_races_with_collecting),
        TEST(test_random_operations),
#undef TEST
    };
    int failures = 0;
    for (driver = 0; driver < TEST_BLOB_DRIVER_COUNT; driver++) {
        print_message("driver %s\n", test_driver_name(driver));
        failures += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failures;
}
