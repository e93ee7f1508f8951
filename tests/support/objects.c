#include "support/objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "blob/mem.h"
#include "kv/mem.h"
#include "support/store.h"

enum { TIDY_PASSES_MAX = 100 };

static const char *const policies[] = {"standard", NULL};

static void open_layer(struct test_objects *t) {
    const struct object_store_config config = {
        .kv = &t->kv.kv, .blob = t->blob, .clock = &t->clock.clock, .random = random_system()};
    CHECK(is_ok(object_store_open(&config, &t->note, &t->store)));
}

void test_objects_open(struct test_objects *t) {
    *t = (struct test_objects){.mem = kv_mem_open()};
    fault_kv_init(&t->kv, t->mem);
    t->blob = blob_mem_open(&t->kv.kv, policies);
    clock_manual_init(&t->clock, INT64_C(1700000000) * 1000000000);
    arena_init(&t->arena, 64 * 1024, 256 * 1024 * 1024);
    open_layer(t);
}

void test_objects_reopen(struct test_objects *t) {
    object_store_close(&t->store);
    fault_kv_revive(&t->kv);
    open_layer(t);
}

void test_objects_close(struct test_objects *t) {
    struct kv *fault = &t->kv.kv;
    object_store_close(&t->store);
    blob_store_close(&t->blob);
    kv_close(&fault);
    kv_close(&t->mem);
    arena_fini(&t->arena);
}

struct bucket_wanted test_bucket_wanted(struct slice name) {
    return (struct bucket_wanted){
        .name = name,
        .region = TEST_REGION,
        .project_id = TEST_PROJECT,
        .owner_id = SLICE("user-1"),
        .owner_name = SLICE("Alice"),
        .policy = TEST_POLICY,
        .claim_s3_name = true,
        .buckets_max = UINT64_MAX,
    };
}

struct bucket test_bucket(struct test_objects *t, const char *name) {
    struct bucket_wanted wanted = test_bucket_wanted(slice_str(name));
    struct bucket bucket = {0};
    struct status s = bucket_create(t->store, &wanted, &t->arena, &t->note, &bucket);
    assert_string_equal(status_text(s.code), "ok");
    return bucket;
}

struct status test_put(struct test_objects *t, const struct bucket *bucket, struct slice key,
                       struct slice bytes, const char *etag,
                       const struct object_condition *condition) {
    const struct object_put put = {.key = key, .size_hint = UINT64_MAX};
    const struct object_seal seal = {.etag = slice_str(etag), .condition = condition};
    struct object_writer *writer;
    TRY(object_writer_begin(t->store, bucket, &put, NULL, &writer));
    struct status s = object_writer_write(writer, bytes);
    if (!is_ok(s)) {
        object_writer_abort(&writer);
        return s;
    }
    return object_writer_commit(&writer, &seal, NULL, NULL);
}

struct slice test_get(struct test_objects *t, const struct bucket *bucket, struct slice key) {
    struct object_reader *reader = NULL;
    struct object_info info;
    struct status s = object_open(t->store, bucket, key, &t->arena, &info, &reader);
    if (!is_ok(s)) return slice_str(status_text(s.code));
    char *bytes = arena_alloc(&t->arena, info.size);
    assert_non_null(bytes);
    s = object_reader_read(reader, 0, bytes, info.size);
    object_reader_close(&reader);
    if (!is_ok(s)) return slice_str(status_text(s.code));
    const struct slice all[] = {info.etag, SLICE(":"), slice_of(bytes, info.size)};
    return arena_join(&t->arena, all, 3);
}

void test_tidy(struct test_objects *t) {
    bool done = false;
    for (int i = 0; i < TIDY_PASSES_MAX && !done; i++) {
        struct status s = object_store_tidy(t->store, &done);
        assert_string_equal(status_text(s.code), "ok");
    }
    assert_true(done);
}

size_t test_count_keys(struct test_objects *t, struct kv_partition partition, struct slice prefix) {
    struct kv_cursor *cursor;
    size_t count = 0;
    bool found = false;
    CHECK(is_ok(kv_cursor_open(t->mem, partition, prefix, &cursor)));
    CHECK(is_ok(kv_cursor_seek(cursor, prefix, &found)));
    while (found) {
        count++;
        CHECK(is_ok(kv_cursor_next(cursor, &found)));
    }
    kv_cursor_close(&cursor);
    return count;
}

uint64_t test_count_all(struct test_objects *t) {
    struct kv_stats stats = {0};
    kv_stats_read(t->mem, &stats);
    return stats.entries;
}
