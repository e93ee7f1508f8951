/* What is made to be wrong in a store is found, and put right where it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "blob/driver.h"
#include "kv/driver.h"
#include "object/check.h"
#include "object/inner.h"
#include "support/objects.h"

struct seen {
    struct findings findings;
    unsigned kinds[FINDING_KINDS];
    char text[FINDINGS_TEXT_MAX];
};

struct partitions {
    struct object_partitions partitions;
    struct kv *kv;
};

static struct test_objects t;

static void seen_line(struct findings *findings, enum finding_kind kind, bool repaired,
                      const char *text) {
    struct seen *seen = CONTAINER_OF(findings, struct seen, findings);
    (void)repaired;
    seen->kinds[kind]++;
    snprintf(seen->text, sizeof seen->text, "%s", text);
    print_message("%s: %s\n", finding_word(kind), text);
}

static struct status find(struct object_partitions *partitions, struct kv_partition *partition,
                          bool *ret_found) {
    struct kv *kv = CONTAINER_OF(partitions, struct partitions, partitions)->kv;
    return kv->ops->partition_find(kv, *partition, ret_found, partition);
}

static struct seen look(bool repair) {
    struct seen seen = {.findings = {.repair = repair, .line = seen_line}};
    struct partitions partitions = {{find}, t.mem};
    assert_true(is_ok(object_check(t.mem, &partitions.partitions, &seen.findings)));
    return seen;
}

/* Exactly one thing is wrong, of that kind; if it can be repaired, it is, and nothing is left. */
static void expect_one(enum finding_kind kind, bool can_be_repaired) {
    struct seen seen = look(false);
    assert_int_equal(seen.findings.found, 1);
    assert_int_equal(seen.kinds[kind], 1);
    seen = look(true);
    assert_int_equal(seen.findings.repaired, can_be_repaired);
    seen = look(false);
    assert_int_equal(seen.findings.found, can_be_repaired ? 0 : 1);
}

static struct bucket begin(void) {
    test_objects_open(&t);
    struct bucket bucket = test_bucket(&t, "bucket");
    assert_true(is_ok(test_put(&t, &bucket, SLICE("a"), SLICE("bytes"), "1", NULL)));
    assert_true(is_ok(test_put(&t, &bucket, SLICE("b"), SLICE("more bytes"), "2", NULL)));
    assert_true(is_ok(test_put(&t, &bucket, SLICE("b"), SLICE("others"), "3", NULL)));
    assert_int_equal(look(false).findings.found, 0);
    test_tidy(&t);
    assert_int_equal(look(false).findings.found, 0);
    return bucket;
}

static void commit(struct kv_partition partition, struct kv_batch *batch) {
    assert_true(is_ok(kv_commit(t.mem, partition, batch, NULL)));
    kv_batch_free(&batch);
}

static void add(struct kv_partition partition, struct slice key, int64_t delta) {
    struct kv_batch *batch = kv_batch_new();
    kv_batch_add(batch, key, delta, INT64_MIN, INT64_MAX);
    commit(partition, batch);
}

/* The id of some blob of the bucket. */
static struct blob_id some_blob(const struct bucket *bucket) {
    struct kv_cursor *cursor;
    struct blob_id id;
    bool found;
    assert_true(is_ok(kv_cursor_open(t.mem, bucket->incarnation, SLICE("br"), &cursor)));
    assert_true(is_ok(kv_cursor_seek(cursor, SLICE("br"), &found)) && found);
    memcpy(id.bytes, kv_cursor_key(cursor).ptr + 2, sizeof id.bytes);
    kv_cursor_close(&cursor);
    return id;
}

static void test_wrong_counters(void **state) {
    (void)state;
    struct bucket bucket = begin();
    static const enum key_counter counters[] = {KEY_COUNT_OBJECTS, KEY_COUNT_BYTES,
                                                KEY_COUNT_VERSIONS, KEY_COUNT_VERSION_BYTES};
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        struct key key = key_counter(counters[i]);
        add(bucket.incarnation, key_slice(&key), i % 2 ? 7 : -1);
        expect_one(FINDING_COUNTER, true);
    }
    struct key buckets = key_bucket_count(TEST_PROJECT);
    add(kv_partition_system, key_slice(&buckets), 3);
    expect_one(FINDING_COUNTER, true);
    test_objects_close(&t);
}

static void test_wrong_references(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, some_blob(&bucket));
    add(bucket.incarnation, blob_key_slice(&extra), 2);
    expect_one(FINDING_REFERENCE, true);
    add(bucket.incarnation, blob_key_slice(&extra), -1);
    expect_one(FINDING_REFERENCE, true);
    test_objects_close(&t);
}

/* An object without its counters' and its bytes' knowledge: three things, two of them repaired. */
static void test_an_object_that_went_by_itself(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct key key = key_object(SLICE("a"));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, key_slice(&key));
    commit(bucket.incarnation, batch);
    struct seen seen = look(false);
    assert_int_equal(seen.kinds[FINDING_LEAK], 1);
    assert_int_equal(seen.kinds[FINDING_COUNTER], 2);
    look(true);
    assert_int_equal(look(false).findings.found, 0);
    test_tidy(&t); /* the blob is garbage now, and goes */
    assert_int_equal(look(false).findings.found, 0);
    assert_int_equal(test_count_keys(&t, bucket.incarnation, SLICE("b")), 1);
    test_objects_close(&t);
}

static void test_bytes_that_are_not_there(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, some_blob(&bucket));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, blob_key_slice(&record));
    commit(bucket.incarnation, batch);
    expect_one(FINDING_LOST, false);
    test_objects_close(&t);
}

static void test_a_damaged_record(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct key key = key_object(SLICE("c"));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, key_slice(&key), SLICE("\x08\x63nonsense"));
    commit(bucket.incarnation, batch);
    expect_one(FINDING_RECORD, false);
    test_objects_close(&t);
}

static void test_parts_without_an_upload(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct key_id id = {{9}};
    struct key key = key_part(id, 3);
    struct record_part part = {.etag = SLICE("d41d8cd98f00b204e9800998ecf8427e"), .modified_ns = 1};
    struct arena arena;
    struct slice raw;
    arena_init(&arena, 1024, 65536);
    assert_true(is_ok(record_encode_part(&part, &arena, &raw)));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, key_slice(&key), raw);
    commit(bucket.incarnation, batch);
    arena_fini(&arena);
    expect_one(FINDING_LEAK, true);
    test_tidy(&t);
    assert_int_equal(test_count_keys(&t, bucket.incarnation, SLICE("p")), 0);
    assert_int_equal(look(false).findings.found, 0);
    test_objects_close(&t);
}

static void test_names_and_partitions(void **state) {
    (void)state;
    struct bucket bucket = begin();
    struct key name = key_account_name(TEST_REGION, TEST_PROJECT, SLICE("bucket"));
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, key_slice(&name));
    commit(kv_partition_system, batch);
    struct seen seen = look(false); /* the S3 name, the partition; and the count of buckets */
    assert_int_equal(seen.kinds[FINDING_DIRECTORY], 2);
    assert_int_equal(seen.kinds[FINDING_COUNTER], 1);
    (void)bucket;
    test_objects_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_counters),
        cmocka_unit_test(test_wrong_references),
        cmocka_unit_test(test_an_object_that_went_by_itself),
        cmocka_unit_test(test_bytes_that_are_not_there),
        cmocka_unit_test(test_a_damaged_record),
        cmocka_unit_test(test_parts_without_an_upload),
        cmocka_unit_test(test_names_and_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
