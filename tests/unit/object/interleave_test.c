/*
 * Every two changes that may meet: the second one runs, whole, before each commit of the first, as
 * if it had come between that commit and the reading for it.
 */
#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/expect.h"
#include "support/objects.h"

#define OTHER_PROJECT SLICE("project-2")

struct fixture {
    struct test_objects t;
    struct bucket bucket; /* what the second one works on, or has made */
    struct bucket_wanted wanted;
    struct status status; /* of the second one */
    bool done;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    test_objects_open(&f->t);
    f->wanted = test_bucket_wanted(SLICE("b"));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    test_objects_close(&f->t);
    free(f);
    return 0;
}

static struct status create(struct fixture *f, struct bucket *ret_bucket) {
    return bucket_create(f->t.store, &f->wanted, &f->t.arena, &f->t.note, ret_bucket);
}

static struct status find(struct fixture *f, struct slice project, struct bucket *ret_bucket) {
    return bucket_find(f->t.store, TEST_REGION, project, SLICE("b"), &f->t.arena, NULL, ret_bucket);
}

/* Deletes the bucket, and expects that nothing is left after an hour. */
static void expect_nothing_left(struct fixture *f, const struct bucket *bucket) {
    if (bucket) expect_ok(bucket_delete(f->t.store, bucket, NULL));
    f->t.clock.now_ns += INT64_C(3600) * 1000000000;
    test_tidy(&f->t);
    assert_int_equal(test_count_all(&f->t), 0);
}

/* ---- what comes in between ------------------------------------------------------------------ */

static void meet_create(void *context) {
    struct fixture *f = context;
    f->status = create(f, &f->bucket);
}

static void meet_delete(void *context) {
    struct fixture *f = context;
    f->status = bucket_delete(f->t.store, &f->bucket, NULL);
}

static void meet_delete_and_create(void *context) {
    struct fixture *f = context;
    expect_ok(bucket_delete(f->t.store, &f->bucket, NULL));
    meet_create(f);
}

static void meet_tidy_later(void *context) {
    struct fixture *f = context;
    f->t.clock.now_ns += INT64_C(3600) * 1000000000;
    test_tidy(&f->t);
}

static void meet_tidy(void *context) {
    struct fixture *f = context;
    f->status = object_store_tidy(f->t.store, &f->done);
}

static void meet_put(void *context) {
    struct fixture *f = context;
    f->status = test_put(&f->t, &f->bucket, SLICE("k"), SLICE("between"), "e2", NULL);
}

static void meet_delete_object(void *context) {
    struct fixture *f = context;
    f->status = object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL);
}

static void meet_share(void *context) {
    struct fixture *f = context;
    static const struct object_meta meta;
    struct object_info source;
    struct object_info made;
    f->status = object_find(f->t.store, &f->bucket, SLICE("k"), &f->t.arena, &source);
    if (!is_ok(f->status)) return;
    const struct object_copy copy = {.source_bucket = &f->bucket,
                                     .source = &source,
                                     .bucket = &f->bucket,
                                     .key = SLICE("copy"),
                                     .meta = &meta};
    f->status = object_share(f->t.store, &copy, &f->t.arena, &made);
}

/* ---- buckets -------------------------------------------------------------------------------- */

/* With and without the S3 name: each of the two names alone has to be guarded. */
static void test_two_make_one_bucket(void **state) {
    struct fixture *f = *state;
    for (uint64_t k = 1; k <= 6; k++) {
        f->wanted.claim_s3_name = k > 3;
        struct bucket b = {0};
        struct bucket found = {0};
        fault_kv_meet_at(&f->t.kv, k > 3 ? k - 3 : k, meet_create, f);
        expect_status(STATUS_EXISTS, create(f, &b));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        assert_true(kv_partition_eq(b.incarnation, f->bucket.incarnation));
        expect_ok(find(f, TEST_PROJECT, &found));
        assert_true(kv_partition_eq(found.incarnation, f->bucket.incarnation));
        expect_nothing_left(f, &found);
    }
}

static void meet_create_elsewhere(void *context) {
    struct fixture *f = context;
    struct bucket_wanted before = f->wanted;
    f->wanted.project_id = OTHER_PROJECT;
    f->status = create(f, &f->bucket);
    f->wanted = before;
}

/* Two projects claim one S3 name: one has it, and the other none, or does without. */
static void test_two_projects_claim_one_name(void **state) {
    struct fixture *f = *state;
    for (uint64_t k = 1; k <= 3; k++) {
        struct bucket b = {0};
        f->wanted.s3_name_optional = false;
        fault_kv_meet_at(&f->t.kv, k, meet_create_elsewhere, f);
        expect_status(STATUS_EXISTS, create(f, &b));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        expect_slice(b.project_id, OTHER_PROJECT);
        expect_nothing_left(f, &f->bucket);
        f->wanted.s3_name_optional = true;
        fault_kv_meet_at(&f->t.kv, k, meet_create_elsewhere, f);
        expect_ok(create(f, &b));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        assert_true(f->bucket.has_s3_name);
        assert_false(b.has_s3_name);
        expect_ok(find(f, SLICE(""), &b));
        assert_true(kv_partition_eq(b.incarnation, f->bucket.incarnation));
        expect_ok(find(f, TEST_PROJECT, &b));
        expect_ok(bucket_delete(f->t.store, &b, NULL));
        expect_nothing_left(f, &f->bucket);
    }
}

static void meet_create_another(void *context) {
    struct fixture *f = context;
    struct bucket_wanted before = f->wanted;
    f->wanted.name = SLICE("another");
    f->status = create(f, &f->bucket);
    f->wanted = before;
}

static void test_the_last_bucket_of_a_quota(void **state) {
    struct fixture *f = *state;
    f->wanted.buckets_max = 1;
    for (uint64_t k = 1; k <= 3; k++) {
        struct bucket b = {0};
        fault_kv_meet_at(&f->t.kv, k, meet_create_another, f);
        expect_status(STATUS_TOO_LARGE, create(f, &b));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        expect_status(STATUS_NOT_FOUND, find(f, TEST_PROJECT, &b));
        /* The loser has said itself that its partition is to be dropped: nobody has to wait. */
        expect_ok(bucket_delete(f->t.store, &f->bucket, NULL));
        test_tidy(&f->t);
        assert_int_equal(test_count_all(&f->t), 0);
    }
}

/* A creation that takes too long is given up by the housekeeping, and finds that out. */
static void test_a_creation_that_was_given_up(void **state) {
    struct fixture *f = *state;
    struct bucket b = {0};
    fault_kv_meet_at(&f->t.kv, 3, meet_tidy_later, f);
    expect_status(STATUS_BUSY, create(f, &b));
    expect_nothing_left(f, NULL);
    fault_kv_meet_at(&f->t.kv, 2, meet_tidy_later, f);
    expect_status(STATUS_BUSY, create(f, &b));
    expect_nothing_left(f, NULL);
}

/* The housekeeping was about to give up a creation that has just been published. */
static void meet_publish(void *context) {
    struct fixture *f = context;
    struct kv_batch *batch = kv_batch_new();
    struct slice name;
    struct key account = key_account_name(TEST_REGION, TEST_PROJECT, SLICE("b"));
    struct key s3 = key_s3_name(TEST_REGION, SLICE("b"));
    struct key count = key_bucket_count(TEST_PROJECT);
    struct key pending = key_pending(f->bucket.incarnation);
    expect_ok(record_encode_name(f->bucket.incarnation, &f->t.arena, &name));
    kv_batch_guard_present(batch, key_slice(&pending));
    kv_batch_put(batch, key_slice(&account), name);
    kv_batch_put(batch, key_slice(&s3), name);
    kv_batch_add(batch, key_slice(&count), 1, 0, 1);
    kv_batch_delete(batch, key_slice(&pending));
    f->status = kv_commit(f->t.mem, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
}

static void test_a_creation_that_was_nearly_given_up(void **state) {
    struct fixture *f = *state;
    struct bucket b = {0};
    struct kv_cursor *cursor;
    bool found;
    bool done;
    fault_kv_die_at(&f->t.kv, 3, false);
    expect_status(STATUS_IO, create(f, &b));
    test_objects_reopen(&f->t);
    struct key all = key_of_directory(KEY_PENDING);
    expect_ok(kv_cursor_open(f->t.mem, kv_partition_system, key_slice(&all), &cursor));
    expect_ok(kv_cursor_seek(cursor, key_slice(&all), &found));
    assert_true(found);
    memcpy(f->bucket.incarnation.id, kv_cursor_key(cursor).ptr + all.len, KV_PARTITION_LEN);
    kv_cursor_close(&cursor);
    f->t.clock.now_ns += INT64_C(3600) * 1000000000;
    fault_kv_meet_at(&f->t.kv, 1, meet_publish, f);
    expect_ok(object_store_tidy(f->t.store, &done));
    assert_true(fault_kv_met(&f->t.kv));
    expect_ok(f->status);
    expect_ok(find(f, TEST_PROJECT, &b));
    expect_ok(test_put(&f->t, &b, SLICE("k"), SLICE("x"), "e", NULL));
    expect_ok(object_delete(f->t.store, &b, SLICE("k"), NULL, NULL));
    expect_nothing_left(f, &b);
}

static void test_two_delete_one_bucket(void **state) {
    struct fixture *f = *state;
    for (uint64_t k = 1; k <= 2; k++) {
        expect_ok(create(f, &f->bucket));
        struct bucket b = f->bucket;
        fault_kv_meet_at(&f->t.kv, k, meet_delete, f);
        struct status s = bucket_delete(f->t.store, &b, NULL);
        assert_true(fault_kv_met(&f->t.kv));
        assert_int_equal(is_ok(s) + is_ok(f->status), 1);
        expect_status(STATUS_NOT_FOUND, is_ok(s) ? f->status : s);
        expect_status(STATUS_NOT_FOUND, find(f, TEST_PROJECT, &b));
        expect_nothing_left(f, NULL);
    }
}

/* The names that a deletion takes away may already be those of another bucket. */
static void test_a_bucket_made_anew_keeps_its_names(void **state) {
    struct fixture *f = *state;
    for (int claims = 0; claims < 2; claims++) {
        struct bucket found = {0};
        f->wanted.claim_s3_name = claims;
        expect_ok(create(f, &f->bucket));
        struct bucket old = f->bucket;
        fault_kv_meet_at(&f->t.kv, 2, meet_create, f);
        expect_ok(bucket_delete(f->t.store, &old, NULL));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status); /* it met a deleted bucket, and finished the deletion first */
        expect_ok(find(f, TEST_PROJECT, &found));
        assert_true(kv_partition_eq(found.incarnation, f->bucket.incarnation));
        expect_status(claims ? STATUS_OK : STATUS_NOT_FOUND, find(f, SLICE(""), &found));
        expect_nothing_left(f, &f->bucket);
    }
}

static void test_a_put_meets_the_end_of_its_bucket(void **state) {
    struct fixture *f = *state;
    expect_ok(create(f, &f->bucket));
    struct bucket old = f->bucket;
    fault_kv_meet_at(&f->t.kv, 1, meet_delete, f);
    expect_status(STATUS_NOT_FOUND, test_put(&f->t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    expect_ok(f->status);
    expect_ok(create(f, &f->bucket));
    old = f->bucket;
    fault_kv_meet_at(&f->t.kv, 1, meet_delete_and_create, f);
    expect_status(STATUS_NOT_FOUND, test_put(&f->t, &old, SLICE("k"), SLICE("x"), "e", NULL));
    expect_ok(f->status);
    expect_nothing_left(f, &f->bucket);
}

static void test_a_deletion_meets_a_put(void **state) {
    struct fixture *f = *state;
    expect_ok(create(f, &f->bucket));
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_status(STATUS_CONFLICT, bucket_delete(f->t.store, &f->bucket, NULL));
    expect_ok(f->status);
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "e2:between");
    fault_kv_meet_at(&f->t.kv, 2, meet_put, f); /* never gets there */
    expect_status(STATUS_CONFLICT, bucket_delete(f->t.store, &f->bucket, NULL));
    assert_false(fault_kv_met(&f->t.kv));
    expect_ok(object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL));
    fault_kv_meet_at(&f->t.kv, 2, meet_put, f);
    expect_ok(bucket_delete(f->t.store, &f->bucket, NULL));
    assert_true(fault_kv_met(&f->t.kv));
    expect_status(STATUS_NOT_FOUND, f->status);
    expect_nothing_left(f, NULL);
}

/* ---- objects -------------------------------------------------------------------------------- */

static void expect_usage(struct fixture *f, uint64_t objects, uint64_t bytes) {
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(f->t.store, &f->bucket, &usage));
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.bytes, bytes);
}

static void clear(struct fixture *f) {
    expect_ok(object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL));
    expect_ok(object_delete(f->t.store, &f->bucket, SLICE("copy"), NULL, NULL));
    expect_usage(f, 0, 0);
    test_tidy(&f->t);
    assert_int_equal(test_count_keys(&f->t, f->bucket.incarnation, SLICE("")), 1);
}

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

static struct status judge_present(const struct object_condition *condition,
                                   const struct object_info *current) {
    (void)condition;
    return current ? status_ok() : status_of(STATUS_PRECONDITION);
}

static void test_a_put_meets_another(void **state) {
    struct fixture *f = *state;
    const struct object_condition absent = {judge_absent};
    const struct object_condition present = {judge_present};
    expect_ok(create(f, &f->bucket));
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "e1:first");
    expect_usage(f, 1, 5);
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "e1:first");
    clear(f);
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_status(STATUS_PRECONDITION,
                  test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", &absent));
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "e2:between");
    fault_kv_meet_at(&f->t.kv, 1, meet_delete_object, f);
    expect_status(STATUS_PRECONDITION,
                  test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", &present));
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "not found");
    clear(f);
}

static void test_a_delete_meets_a_put(void **state) {
    struct fixture *f = *state;
    const struct object_condition present = {judge_present};
    expect_ok(create(f, &f->bucket));
    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_ok(object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL));
    expect_text(test_get(&f->t, &f->bucket, SLICE("k")), "not found");
    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
    fault_kv_meet_at(&f->t.kv, 1, meet_delete_object, f);
    expect_status(STATUS_PRECONDITION,
                  object_delete(f->t.store, &f->bucket, SLICE("k"), &present, NULL));
    clear(f);
}

/* A copy meets the end of its source, or a replacement, whose bytes may be freed at once. */
static void test_a_copy_meets_the_end_of_its_source(void **state) {
    static void (*const meets[])(void *) = {meet_put, meet_delete_object};
    static const struct object_meta meta;
    struct fixture *f = *state;
    expect_ok(create(f, &f->bucket));
    for (size_t i = 0; i < ARRAY_LEN(meets); i++) {
        struct object_info source;
        struct object_info made;
        expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
        expect_ok(object_find(f->t.store, &f->bucket, SLICE("k"), &f->t.arena, &source));
        const struct object_copy copy = {.source_bucket = &f->bucket,
                                         .source = &source,
                                         .bucket = &f->bucket,
                                         .key = SLICE("copy"),
                                         .meta = &meta};
        fault_kv_meet_at(&f->t.kv, 1, meets[i], f);
        expect_status(STATUS_NOT_FOUND, object_share(f->t.store, &copy, &f->t.arena, &made));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        clear(f);
    }
}

/* The same where the source has another reference, so that its bytes would still be there. */
static void test_a_copy_is_of_the_current_object(void **state) {
    static const struct object_meta meta;
    struct fixture *f = *state;
    struct object_info source;
    struct object_info made;
    expect_ok(create(f, &f->bucket));
    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("first"), "e1", NULL));
    meet_share(f);
    expect_ok(f->status);
    expect_ok(object_find(f->t.store, &f->bucket, SLICE("k"), &f->t.arena, &source));
    const struct object_copy copy = {.source_bucket = &f->bucket,
                                     .source = &source,
                                     .bucket = &f->bucket,
                                     .key = SLICE("second"),
                                     .meta = &meta};
    fault_kv_meet_at(&f->t.kv, 1, meet_put, f);
    expect_status(STATUS_NOT_FOUND, object_share(f->t.store, &copy, &f->t.arena, &made));
    expect_text(test_get(&f->t, &f->bucket, SLICE("second")), "not found");
    clear(f);
}

/* ---- the housekeeping ----------------------------------------------------------------------- */

enum { PARTS = 1200 }; /* three steps */

struct assembly {
    struct store_change change;
    struct blob_writer *writers[PARTS];
    struct key_id id;
    struct slice manifest;
    struct object_replacement replacement;
};

static struct status assemble(struct store_change *change, struct kv_batch *batch,
                              struct arena *scratch) {
    struct assembly *a = CONTAINER_OF(change, struct assembly, change);
    for (size_t i = 0; i < PARTS; i++) blob_writer_bind(a->writers[i], batch);
    manifest_bind(a->id, a->manifest, batch);
    return object_replace(change, &a->replacement, batch, scratch);
}

/* Puts an object of PARTS parts of one byte under "k". */
static void put_parts(struct fixture *f) {
    struct assembly *a = calloc(1, sizeof *a);
    struct record_manifest_part *parts = calloc(PARTS, sizeof *parts);
    struct object_info info = {
        .key = SLICE("k"), .etag = SLICE("e"), .size = PARTS, .part_count = PARTS};
    assert_true(a && parts);
    for (uint32_t i = 0; i < PARTS; i++) {
        expect_ok(blob_writer_begin(f->t.blob, f->bucket.incarnation, f->bucket.policy, 1,
                                    &a->writers[i]));
        expect_ok(blob_writer_write(a->writers[i], SLICE("x")));
        expect_ok(blob_writer_seal(a->writers[i]));
        parts[i] = (struct record_manifest_part){
            .number = i + 1, .size = 1, .blob = blob_writer_id(a->writers[i])};
    }
    const struct record_manifest manifest = {parts, PARTS};
    a->id = store_new_id(f->t.store);
    info.content.kind = OBJECT_CONTENT_MANIFEST;
    memcpy(info.content.id.bytes, a->id.bytes, sizeof a->id.bytes);
    expect_ok(record_encode_manifest(&manifest, &f->t.arena, &a->manifest));
    expect_ok(record_encode_object(&info, &f->t.arena, &info.record));
    a->change = (struct store_change){
        .store = f->t.store, .build = assemble, .bucket = &f->bucket, .key = info.key};
    a->replacement = (struct object_replacement){.key = info.key, .next = &info};
    expect_ok(store_change(&a->change));
    for (size_t i = 0; i < PARTS; i++) blob_writer_commit(&a->writers[i]);
    free(parts);
    free(a);
}

/* Two passes over the same garbage free each blob once, wherever the second one comes in. */
static void test_two_tidy_one_manifest(void **state) {
    struct fixture *f = *state;
    expect_ok(create(f, &f->bucket));
    for (uint64_t k = 1; k <= 6; k++) {
        bool done;
        put_parts(f);
        expect_ok(object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL));
        fault_kv_meet_at(&f->t.kv, k, meet_tidy, f);
        expect_ok(object_store_tidy(f->t.store, &done));
        assert_true(fault_kv_met(&f->t.kv));
        expect_ok(f->status);
        clear(f);
    }
}

/* A copy, or the end of one, comes between the look at a candidate and what is done with it. */
static void test_tidying_meets_copies(void **state) {
    static void (*const meets[])(void *) = {meet_share, meet_delete_object, meet_put};
    struct fixture *f = *state;
    expect_ok(create(f, &f->bucket));
    for (size_t i = 0; i < ARRAY_LEN(meets); i++) {
        for (int parts = 0; parts < 2; parts++) {
            for (uint64_t k = 1; k <= 3; k++) {
                bool done;
                if (parts) put_parts(f);
                if (!parts) {
                    expect_ok(test_put(&f->t, &f->bucket, SLICE("k"), SLICE("x"), "e", NULL));
                }
                meet_share(f);
                expect_ok(object_delete(f->t.store, &f->bucket, SLICE("copy"), NULL, NULL));
                fault_kv_meet_at(&f->t.kv, k, meets[i], f);
                expect_ok(object_store_tidy(f->t.store, &done));
                if (fault_kv_met(&f->t.kv)) expect_ok(f->status);
                test_tidy(&f->t);
                struct slice got = test_get(&f->t, &f->bucket, SLICE("copy"));
                assert_true(slice_eq(got, SLICE("not found")) || got.ptr[0] == 'e');
                clear(f);
            }
        }
    }
}

static void test_two_drop_one_bucket(void **state) {
    struct fixture *f = *state;
    bool met = true;
    for (uint64_t k = 1; met; k++) {
        bool done;
        expect_ok(create(f, &f->bucket));
        put_parts(f);
        expect_ok(object_delete(f->t.store, &f->bucket, SLICE("k"), NULL, NULL));
        expect_ok(bucket_delete(f->t.store, &f->bucket, NULL));
        fault_kv_meet_at(&f->t.kv, k, meet_tidy, f);
        expect_ok(object_store_tidy(f->t.store, &done));
        met = fault_kv_met(&f->t.kv);
        expect_nothing_left(f, NULL);
        if (k > 8) k += 100; /* the many in the middle are one blob each */
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_two_make_one_bucket),
        TEST(test_two_projects_claim_one_name),
        TEST(test_the_last_bucket_of_a_quota),
        TEST(test_a_creation_that_was_given_up),
        TEST(test_a_creation_that_was_nearly_given_up),
        TEST(test_two_delete_one_bucket),
        TEST(test_a_bucket_made_anew_keeps_its_names),
        TEST(test_a_put_meets_the_end_of_its_bucket),
        TEST(test_a_deletion_meets_a_put),
        TEST(test_a_put_meets_another),
        TEST(test_a_delete_meets_a_put),
        TEST(test_a_copy_meets_the_end_of_its_source),
        TEST(test_a_copy_is_of_the_current_object),
        TEST(test_two_tidy_one_manifest),
        TEST(test_tidying_meets_copies),
        TEST(test_two_drop_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
