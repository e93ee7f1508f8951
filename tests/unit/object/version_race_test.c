/*
 * Many threads on the versions of few keys: an old version that nobody touches is found and listed
 * by everybody all the while, whatever comes and goes above it, and the counters are exact.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/config.h"
#include "object/list.h"
#include "support/expect.h"
#include "support/loose_kv.h"
#include "support/objects.h"

enum { THREADS = 6, KEYS = 3, ROUNDS = 400 };

struct world {
    struct test_objects t;
    struct loose_kv loose;
    struct object_store *store;
    struct bucket bucket;
    struct object_version anchors[KEYS];
};

struct worker {
    struct world *w;
    unsigned number;
    struct random_seeded random;
    struct arena arena;
    struct status status; /* the first that was not expected */
    const char *where;
};

static char key_bytes[KEYS] = {'a', 'b', 'c'};

static struct slice key_at(size_t at) {
    return slice_of(&key_bytes[at], 1);
}

static void note_wrong(struct worker *worker, struct status s, const char *where) {
    if (is_ok(s) || !is_ok(worker->status)) return;
    worker->status = s;
    worker->where = where;
}

static struct status put(struct world *w, struct slice key, struct slice bytes, const char *etag,
                         struct arena *arena, struct object_info *ret_info) {
    const struct object_put wanted = {.key = key, .size_hint = bytes.len};
    const struct object_seal seal = {.etag = slice_str(etag)};
    struct object_writer *writer;
    TRY(object_writer_begin(w->store, &w->bucket, &wanted, NULL, &writer));
    struct status s = object_writer_write(writer, bytes);
    if (!is_ok(s)) {
        object_writer_abort(&writer);
        return s;
    }
    return object_writer_commit(&writer, &seal, arena, ret_info);
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    if (!w) return -1;
    test_objects_open(&w->t);
    loose_kv_init(&w->loose, &w->t.kv.kv, false);
    const struct object_store_config config = {.kv = &w->loose.kv,
                                               .blob = w->t.blob,
                                               .clock = &w->t.clock.clock,
                                               .random = random_system()};
    expect_ok(object_store_open(&config, NULL, &w->store));
    test_bucket(&w->t, "b");
    expect_ok(bucket_find(w->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &w->t.arena, NULL,
                          &w->bucket));
    expect_ok(bucket_versioning_set(w->store, &w->bucket, BUCKET_VERSIONING_ENABLED));
    expect_ok(bucket_find(w->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &w->t.arena, NULL,
                          &w->bucket));
    for (size_t at = 0; at < KEYS; at++) {
        struct object_info info;
        expect_ok(put(w, key_at(at), SLICE("anchor"), "anchor", &w->t.arena, &info));
        w->anchors[at] = (struct object_version){OBJECT_VERSION_ID, info.version};
    }
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    object_store_close(&w->store);
    test_objects_close(&w->t);
    free(w);
    return 0;
}

/* ---- what everybody does -------------------------------------------------------------------- */

static struct status list_all(struct worker *worker, size_t page_max,
                              struct version_list_entry *entries, size_t cap, size_t *ret_count) {
    struct version_list_query query = {.max = page_max};
    struct version_list_page page = {.truncated = true};
    size_t count = 0;
    while (page.truncated) {
        TRY(list_versions(worker->w->store, &worker->w->bucket, &query, &worker->arena, &page));
        for (size_t i = 0; i < page.count && count < cap; i++) entries[count++] = page.entries[i];
        query.key_marker = page.next_key;
        query.has_id_marker = page.next_id.len > 0;
        if (query.has_id_marker) CHECK(object_version_parse(page.next_id, &query.id_marker));
    }
    *ret_count = count;
    return status_ok();
}

/* Every anchor is there once, names ascend, and so do the ages within a key. */
static struct status check_list(struct worker *worker) {
    enum { CAP = 4096 };
    struct version_list_entry *entries = arena_calloc(&worker->arena, CAP, sizeof *entries);
    size_t count;
    size_t anchors = 0;
    if (!entries) return status_of(STATUS_NO_MEMORY);
    TRY(list_all(worker, 1 + random_seeded_below(&worker->random, 4), entries, CAP, &count));
    for (size_t i = 0; i < count; i++) {
        anchors += slice_eq(entries[i].info.etag, SLICE("anchor"));
        if (i == 0) continue;
        int names = slice_cmp(entries[i - 1].name, entries[i].name);
        bool older = names < 0 || memcmp(entries[i - 1].info.version.bytes,
                                         entries[i].info.version.bytes, OBJECT_VERSION_ID_LEN) > 0;
        if (names > 0 || !older) return status_of(STATUS_MISMATCH);
    }
    return anchors == KEYS ? status_ok() : status_of(STATUS_MISMATCH);
}

/* Removes some version of the key that is no anchor. */
static struct status remove_some(struct worker *worker, size_t at) {
    struct version_list_query query = {.prefix = key_at(at), .max = 3};
    struct version_list_page page;
    TRY(list_versions(worker->w->store, &worker->w->bucket, &query, &worker->arena, &page));
    size_t which = random_seeded_below(&worker->random, page.count);
    const struct object_info *info = &page.entries[which].info;
    if (slice_eq(info->etag, SLICE("anchor"))) return status_ok();
    struct object_deletion deletion = {.key = key_at(at)};
    struct object_deleted deleted;
    CHECK(object_version_parse(object_version_text(info, &worker->arena), &deletion.version));
    return object_delete_version(worker->w->store, &worker->w->bucket, &deletion, &deleted);
}

static struct status read_anchor(struct worker *worker, size_t at) {
    struct object_info info;
    struct object_reader *reader;
    char bytes[6];
    TRY(object_open_version(worker->w->store, &worker->w->bucket, key_at(at),
                            &worker->w->anchors[at], &worker->arena, &info, &reader));
    struct status s = object_reader_read(reader, 0, bytes, sizeof bytes);
    object_reader_close(&reader);
    TRY(s);
    return memcmp(bytes, "anchor", 6) == 0 ? status_ok() : status_of(STATUS_MISMATCH);
}

static struct status tag(const struct object_amendment *amendment, const struct object_info *now,
                         struct object_meta *meta) {
    static const struct object_pair pair = {SLICE("t"), SLICE("v")};
    (void)amendment;
    (void)now;
    meta->tags = (struct object_pairs){&pair, meta->tags.count > 0 ? 0 : 1};
    return status_ok();
}

static struct status amend_anchor(struct worker *worker, size_t at) {
    const struct object_amendment amendment = {
        .key = key_at(at), .version = worker->w->anchors[at], .edit = tag};
    struct object_info info;
    return object_amend(worker->w->store, &worker->w->bucket, &amendment, &worker->arena, &info);
}

static void act(struct worker *worker) {
    struct world *w = worker->w;
    size_t at = random_seeded_below(&worker->random, KEYS);
    switch (random_seeded_below(&worker->random, 8)) {
        case 0:
        case 1:
            note_wrong(worker, put(w, key_at(at), SLICE("x"), "x", &worker->arena, NULL), "put");
            break;
        case 2:
            note_wrong(worker, object_delete(w->store, &w->bucket, key_at(at), NULL, NULL),
                       "delete");
            break;
        case 3:
        case 4:
            note_wrong(worker, remove_some(worker, at), "remove");
            break;
        case 5:
            note_wrong(worker, check_list(worker), "list");
            break;
        case 6:
            note_wrong(worker, read_anchor(worker, at), "read");
            break;
        default:
            note_wrong(worker, amend_anchor(worker, at), "amend");
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS && is_ok(worker->status); i++) {
        act(worker);
        arena_reset(&worker->arena);
    }
    return NULL;
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void run_workers(struct world *w) {
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.w = w, .number = i};
        random_seeded_init(&workers[i].random, i + 1);
        arena_init(&workers[i].arena, 64 * 1024, 64 * 1024 * 1024);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        arena_fini(&workers[i].arena);
        if (!is_ok(workers[i].status)) print_error("in %s\n", workers[i].where);
        expect_ok(workers[i].status);
    }
}

static void expect_nothing_left(struct world *w) {
    struct version_list_query query = {.max = 100};
    struct version_list_page page = {.truncated = true};
    while (page.truncated) {
        expect_ok(list_versions(w->store, &w->bucket, &query, &w->t.arena, &page));
        for (size_t i = 0; i < page.count; i++) {
            struct object_deletion deletion = {.key = page.entries[i].name};
            struct object_deleted deleted;
            assert_true(object_version_parse(
                object_version_text(&page.entries[i].info, &w->t.arena), &deletion.version));
            expect_ok(object_delete_version(w->store, &w->bucket, &deletion, &deleted));
            assert_true(deleted.found);
        }
        query.key_marker = page.next_key;
        query.has_id_marker = page.next_id.len > 0;
        if (query.has_id_marker) {
            assert_true(object_version_parse(page.next_id, &query.id_marker));
        }
    }
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(w->store, &w->bucket, &usage));
    assert_int_equal(usage.objects + usage.bytes + usage.versions + usage.version_bytes, 0);
    bool done = false;
    while (!done) expect_ok(object_store_tidy(w->store, &done));
    assert_int_equal(test_count_keys(&w->t, w->bucket.incarnation, SLICE("")), 1);
}

static void test_an_old_version_stays_in_sight(void **state) {
    struct world *w = *state;
    run_workers(w);
    expect_nothing_left(w);
}

/* With suspended versioning everybody replaces the one null version. */
static void test_beside_suspended_writes(void **state) {
    struct world *w = *state;
    expect_ok(bucket_versioning_set(w->store, &w->bucket, BUCKET_VERSIONING_SUSPENDED));
    expect_ok(bucket_find(w->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &w->t.arena, NULL,
                          &w->bucket));
    run_workers(w);
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(w->store, &w->bucket, &usage));
    assert_true(usage.objects + usage.versions <= (uint64_t)2 * KEYS);
    expect_nothing_left(w);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_an_old_version_stays_in_sight),
        TEST(test_beside_suspended_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
