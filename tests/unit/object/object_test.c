/* Objects: put whole or not at all, read to the end, replaced, deleted, copied; bytes freed. */
#include "object/object.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/expect.h"
#include "support/objects.h"
#include "support/store.h"

#define BLOBS SLICE("b")

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

static void expect_usage(struct test_objects *t, const struct bucket *bucket, uint64_t objects,
                         uint64_t bytes) {
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(t->store, bucket, &usage));
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.bytes, bytes);
}

/* The bucket has no object, and after housekeeping nothing but its epoch record. */
static void expect_empty(struct test_objects *t, const struct bucket *bucket) {
    expect_usage(t, bucket, 0, 0);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, bucket->incarnation, SLICE("")), 1);
}

/* ---- putting, getting, deleting ------------------------------------------------------------- */

static void test_puts_and_gets(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("hello"), "e1", NULL));
    expect_text(test_get(t, &b, SLICE("k")), "e1:hello");
    expect_usage(t, &b, 1, 5);
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("hi"), "e2", NULL));
    expect_text(test_get(t, &b, SLICE("k")), "e2:hi");
    expect_usage(t, &b, 1, 2);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, BLOBS), 1);
    bool found = false;
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, &found));
    assert_true(found);
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, &found));
    assert_false(found);
    expect_empty(t, &b);
}

static void test_an_empty_object_needs_no_blob(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    expect_ok(test_put(t, &b, SLICE("k"), SLICE(""), "e", NULL));
    assert_int_equal(test_count_keys(t, b.incarnation, BLOBS), 0);
    expect_text(test_get(t, &b, SLICE("k")), "e:");
    expect_usage(t, &b, 1, 0);
    struct object_part part;
    struct object_info info;
    expect_ok(object_find(t->store, &b, SLICE("k"), &t->arena, &info));
    assert_int_equal(info.content.kind, OBJECT_CONTENT_NONE);
    expect_ok(object_part_find(t->store, &b, &info, 1, &part));
    assert_int_equal(part.size, 0);
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_empty(t, &b);
}

static void test_keys_may_have_any_bytes(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    char longest[OBJECT_KEY_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const struct slice keys[] = {SLICE("\0"), SLICE("a\0b"), SLICE("\xff\xff"), SLICE("/"),
                                 slice_of(longest, OBJECT_KEY_MAX)};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        expect_ok(test_put(t, &b, keys[i], keys[i], "e", NULL));
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        expect_slice(slice_skip(test_get(t, &b, keys[i]), 2), keys[i]);
    }
    struct slice too_long = slice_of(longest, sizeof longest);
    bool found = true;
    expect_status(STATUS_INVALID, test_put(t, &b, too_long, SLICE("x"), "e", NULL));
    expect_status(STATUS_INVALID, test_put(t, &b, SLICE(""), SLICE("x"), "e", NULL));
    expect_text(test_get(t, &b, too_long), "not found");
    expect_ok(object_delete(t->store, &b, too_long, NULL, &found));
    assert_false(found);
}

static void test_keeps_what_the_client_says(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    const struct object_pair headers[] = {{SLICE("content-type"), SLICE("text/plain")}};
    const struct object_pair user[] = {{SLICE("a"), SLICE("")}, {SLICE("b"), SLICE("\xff \x01")}};
    const struct object_put put = {.key = SLICE("k"),
                                   .meta = {.headers = {headers, 1},
                                            .user = {user, 2},
                                            .storage_class = SLICE("STANDARD_IA"),
                                            .owner_id = SLICE("user-1"),
                                            .owner_name = SLICE("Alice")},
                                   .size_hint = 0};
    struct object_seal seal = {.etag = SLICE("e")};
    seal.checksum = (struct object_checksum){
        .present = true, .type = OBJECT_CHECKSUM_FULL, .value = {CHECKSUM_CRC32C, 4, {1, 2, 3, 4}}};
    struct object_writer *writer;
    struct object_info made;
    struct object_info info;
    expect_ok(object_writer_begin(t->store, &b, &put, &t->note, &writer));
    expect_ok(object_writer_write(writer, SLICE("ab")));
    expect_ok(object_writer_write(writer, SLICE("c")));
    assert_int_equal(object_writer_size(writer), 3);
    expect_ok(object_writer_commit(&writer, &seal, &t->arena, &made));
    assert_null(writer);
    expect_ok(object_find(t->store, &b, SLICE("k"), &t->arena, &info));
    expect_slice(info.record, made.record);
    expect_text(info.key, "k");
    assert_int_equal(info.size, 3);
    assert_int_equal(info.modified_ns, t->clock.now_ns);
    assert_int_equal(info.part_count, 0);
    assert_int_equal(info.meta.headers.count, 1);
    expect_text(info.meta.headers.items[0].value, "text/plain");
    assert_int_equal(info.meta.user.count, 2);
    expect_text(info.meta.user.items[0].name, "a");
    expect_text(info.meta.user.items[0].value, "");
    expect_slice(info.meta.user.items[1].value, SLICE("\xff \x01"));
    expect_text(info.meta.storage_class, "STANDARD_IA");
    expect_text(info.meta.owner_id, "user-1");
    expect_text(info.meta.owner_name, "Alice");
    assert_true(info.checksum.present);
    assert_true(info.checksum.value.kind == CHECKSUM_CRC32C);
    assert_memory_equal(info.checksum.value.bytes, "\1\2\3\4", 4);
}

static void test_refuses_too_much_metadata(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    static char big[OBJECT_META_BYTES_MAX];
    memset(big, 'x', sizeof big);
    const struct object_pair fits = {SLICE("n"), slice_of(big, sizeof big - 1)};
    const struct object_pair too_big = {SLICE("n"), slice_of(big, sizeof big)};
    const struct object_pair unnamed = {SLICE(""), SLICE("x")};
    struct object_put put = {.key = SLICE("k"), .meta = {.user = {&fits, 1}}};
    const struct object_seal seal = {.etag = SLICE("e")};
    struct object_writer *writer = NULL;
    expect_ok(object_writer_begin(t->store, &b, &put, NULL, &writer));
    expect_ok(object_writer_commit(&writer, &seal, NULL, NULL));
    put.meta.user.items = &too_big;
    expect_status(STATUS_TOO_LARGE, object_writer_begin(t->store, &b, &put, NULL, &writer));
    put.meta.user.items = &unnamed;
    expect_status(STATUS_INVALID, object_writer_begin(t->store, &b, &put, NULL, &writer));
    put.meta.user = (struct object_pairs){&fits, OBJECT_USER_META_MAX + 1};
    expect_status(STATUS_TOO_LARGE, object_writer_begin(t->store, &b, &put, NULL, &writer));
}

/* A source that breaks off in the middle. */
static struct status broken_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    (void)source;
    (void)buffer;
    (void)cap;
    (void)ret_len;
    (void)ret_end;
    return status_of(STATUS_CLOSED);
}

static void test_pulls_a_body(void **state) {
    enum { SIZE = 300 * 1000 };
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7 % 251);
    const uint64_t hints[] = {0, 1, SIZE, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        const struct object_put put = {.key = SLICE("k"), .size_hint = hints[i]};
        const struct object_seal seal = {.etag = SLICE("e")};
        struct object_writer *writer;
        struct slice_source source;
        slice_source_init(&source, slice_of(bytes, SIZE), 1000);
        expect_ok(object_writer_begin(t->store, &b, &put, NULL, &writer));
        expect_ok(object_writer_pull(writer, &source.source));
        assert_int_equal(object_writer_size(writer), SIZE);
        expect_ok(object_writer_commit(&writer, &seal, NULL, NULL));
        expect_slice(slice_skip(test_get(t, &b, SLICE("k")), 2), slice_of(bytes, SIZE));
    }
    free(bytes);
}

static void test_what_was_not_committed_never_was(void **state) {
    static const struct source_ops broken_ops = {broken_pull};
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    const struct object_put put = {.key = SLICE("k"), .size_hint = 100};
    struct source broken = {&broken_ops};
    struct object_writer *writer;
    expect_ok(object_writer_begin(t->store, &b, &put, NULL, &writer));
    expect_ok(object_writer_write(writer, SLICE("half")));
    expect_status(STATUS_CLOSED, object_writer_pull(writer, &broken));
    object_writer_abort(&writer);
    assert_null(writer);
    object_writer_abort(&writer);
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    expect_empty(t, &b);
}

static void test_reads_ranges(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("0123456789"), "e", NULL));
    struct object_reader *reader;
    struct object_info info;
    char buffer[16];
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &reader));
    expect_ok(object_reader_read(reader, 3, buffer, 4));
    assert_memory_equal(buffer, "3456", 4);
    expect_ok(object_reader_read(reader, 10, buffer, 0));
    expect_status(STATUS_RANGE, object_reader_read(reader, 10, buffer, 1));
    expect_status(STATUS_RANGE, object_reader_read(reader, 3, buffer, 8));
    expect_status(STATUS_RANGE, object_reader_read(reader, UINT64_MAX, buffer, 2));
    object_reader_close(&reader);
    object_reader_close(&reader);
}

/* A reader has one version, whatever comes after it was opened. */
static void test_a_reader_reads_to_the_end(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_reader *reader;
    struct object_info info;
    char buffer[5];
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("first"), "e", NULL));
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &reader));
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("later"), "e", NULL));
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    test_tidy(t);
    expect_ok(object_reader_read(reader, 0, buffer, 5));
    assert_memory_equal(buffer, "first", 5);
    object_reader_close(&reader);
    expect_empty(t, &b);
}

/* ---- conditions ----------------------------------------------------------------------------- */

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

struct etag_condition {
    struct object_condition condition;
    struct slice etag;
};

static struct status judge_etag(const struct object_condition *condition,
                                const struct object_info *current) {
    const struct etag_condition *self =
        (const struct etag_condition *)condition; /* its first member */
    if (!current) return status_of(STATUS_NOT_FOUND);
    return slice_eq(current->etag, self->etag) ? status_ok() : status_of(STATUS_PRECONDITION);
}

static void test_conditions(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    const struct object_condition absent = {judge_absent};
    const struct etag_condition is_e1 = {{judge_etag}, SLICE("e1")};
    const struct object_condition *match = &is_e1.condition;
    struct slice k = SLICE("k");
    expect_status(STATUS_NOT_FOUND, test_put(t, &b, k, SLICE("x"), "e", match));
    expect_status(STATUS_NOT_FOUND, object_delete(t->store, &b, k, match, NULL));
    expect_ok(test_put(t, &b, k, SLICE("one"), "e1", &absent));
    expect_status(STATUS_PRECONDITION, test_put(t, &b, k, SLICE("two"), "e2", &absent));
    expect_status(STATUS_PRECONDITION, object_delete(t->store, &b, k, &absent, NULL));
    expect_ok(test_put(t, &b, k, SLICE("two"), "e2", match));
    expect_status(STATUS_PRECONDITION, test_put(t, &b, k, SLICE("three"), "e3", match));
    expect_text(test_get(t, &b, k), "e2:two");
    expect_status(STATUS_PRECONDITION, object_delete(t->store, &b, k, match, NULL));
    expect_ok(test_put(t, &b, k, SLICE("one"), "e1", NULL));
    expect_ok(object_delete(t->store, &b, k, match, NULL));
    expect_empty(t, &b);
}

/* ---- the bucket changes --------------------------------------------------------------------- */

/* Writes the epoch record anew, as a change of the configuration does. */
static void reconfigure(struct test_objects *t, const struct bucket *bucket) {
    struct record_epoch epoch;
    struct slice raw;
    struct key key = key_epoch();
    struct kv_batch *batch = kv_batch_new();
    expect_ok(store_read_epoch(t->store, bucket->incarnation, &t->arena, &epoch));
    epoch.generation++;
    expect_ok(record_encode_epoch(&epoch, &t->arena, &raw));
    kv_batch_put(batch, key_slice(&key), raw);
    expect_ok(kv_commit(t->mem, bucket->incarnation, batch, NULL));
    kv_batch_free(&batch);
}

static void test_a_bucket_that_was_reconfigured_is_written(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    const struct object_put put = {.key = SLICE("k"), .size_hint = 1};
    const struct object_seal seal = {.etag = SLICE("e")};
    struct object_writer *writer;
    expect_ok(object_writer_begin(t->store, &b, &put, NULL, &writer));
    expect_ok(object_writer_write(writer, SLICE("x")));
    reconfigure(t, &b);
    expect_ok(object_writer_commit(&writer, &seal, NULL, NULL));
    expect_text(test_get(t, &b, SLICE("k")), "e:x");
    reconfigure(t, &b);
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    reconfigure(t, &b);
    expect_ok(bucket_delete(t->store, &b, &t->note));
}

/* ---- crashes -------------------------------------------------------------------------------- */

/* Replaces an object while the store dies: afterwards it is the old or the new one, whole. */
static void test_a_put_survives_a_crash(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    for (int applied = 0; applied < 2; applied++) {
        expect_ok(test_put(t, &b, SLICE("k"), SLICE("old"), "e1", NULL));
        fault_kv_die_at(&t->kv, 1, applied);
        expect_status(STATUS_IO, test_put(t, &b, SLICE("k"), SLICE("new"), "e2", NULL));
        test_objects_reopen(t);
        expect_text(test_get(t, &b, SLICE("k")), applied ? "e2:new" : "e1:old");
        expect_usage(t, &b, 1, 3);
        fault_kv_die_at(&t->kv, 1, applied);
        expect_status(STATUS_IO, object_delete(t->store, &b, SLICE("k"), NULL, NULL));
        test_objects_reopen(t);
        expect_text(test_get(t, &b, SLICE("k")), applied ? "not found" : "e1:old");
        expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    }
    expect_empty(t, &b);
}

/* ---- copies --------------------------------------------------------------------------------- */

static struct object_copy copy_of(struct test_objects *t, const struct bucket *bucket,
                                  const char *from, const char *to, struct object_info *info) {
    static const struct object_pair user[] = {{SLICE("copied"), SLICE("yes")}};
    static const struct object_meta meta = {.user = {user, 1}};
    expect_ok(object_find(t->store, bucket, slice_str(from), &t->arena, info));
    return (struct object_copy){.source_bucket = bucket,
                                .source = info,
                                .bucket = bucket,
                                .key = slice_str(to),
                                .meta = &meta};
}

static void test_a_copy_shares_the_bytes(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_info source;
    struct object_info made;
    expect_ok(test_put(t, &b, SLICE("from"), SLICE("bytes"), "e", NULL));
    struct object_copy copy = copy_of(t, &b, "from", "to", &source);
    assert_true(object_can_share(&copy));
    expect_ok(object_share(t->store, &copy, &t->arena, &made));
    expect_text(made.key, "to");
    expect_text(made.meta.user.items[0].name, "copied");
    expect_usage(t, &b, 2, 10);
    expect_ok(object_delete(t->store, &b, SLICE("from"), NULL, NULL));
    test_tidy(t);
    expect_text(test_get(t, &b, SLICE("to")), "e:bytes");
    expect_usage(t, &b, 1, 5);
    expect_ok(object_delete(t->store, &b, SLICE("to"), NULL, NULL));
    expect_empty(t, &b);
}

static void test_a_copy_onto_itself(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_info info;
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("bytes"), "e", NULL));
    for (int i = 0; i < 3; i++) {
        struct object_copy copy = copy_of(t, &b, "k", "k", &info);
        t->clock.now_ns++;
        expect_ok(object_share(t->store, &copy, &t->arena, &info));
        test_tidy(t);
    }
    expect_text(test_get(t, &b, SLICE("k")), "e:bytes");
    expect_usage(t, &b, 1, 5);
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_empty(t, &b);
}

static void test_a_copy_of_what_was_replaced(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    const struct object_condition absent = {judge_absent};
    struct object_info source;
    struct object_info made;
    expect_ok(test_put(t, &b, SLICE("from"), SLICE("one"), "e", NULL));
    expect_ok(test_put(t, &b, SLICE("to"), SLICE("there"), "e", NULL));
    struct object_copy copy = copy_of(t, &b, "from", "to", &source);
    copy.condition = &absent;
    expect_status(STATUS_PRECONDITION, object_share(t->store, &copy, &t->arena, &made));
    copy.condition = NULL;
    expect_ok(test_put(t, &b, SLICE("from"), SLICE("two"), "e", NULL));
    expect_status(STATUS_NOT_FOUND, object_share(t->store, &copy, &t->arena, &made));
    expect_ok(object_delete(t->store, &b, SLICE("from"), NULL, NULL));
    expect_status(STATUS_NOT_FOUND, object_share(t->store, &copy, &t->arena, &made));
    expect_text(test_get(t, &b, SLICE("to")), "e:there");
}

static void test_only_no_bytes_go_to_another_bucket(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct bucket other = test_bucket(t, "other");
    struct object_info source;
    struct object_info made;
    expect_ok(test_put(t, &b, SLICE("full"), SLICE("x"), "e", NULL));
    expect_ok(test_put(t, &b, SLICE("empty"), SLICE(""), "e", NULL));
    struct object_copy copy = copy_of(t, &b, "full", "k", &source);
    copy.bucket = &other;
    assert_false(object_can_share(&copy));
    copy = copy_of(t, &b, "empty", "k", &source);
    copy.bucket = &other;
    assert_true(object_can_share(&copy));
    expect_ok(object_share(t->store, &copy, &t->arena, &made));
    expect_text(test_get(t, &other, SLICE("k")), "e:");
    expect_usage(t, &other, 1, 0);
}

/* ---- objects of parts ----------------------------------------------------------------------- */

/* Makes an object of blobs as a completed upload does. */
struct assembly {
    struct store_change change;
    struct blob_writer *writers[2000];
    size_t count;
    struct key_id id;
    struct slice manifest;
    struct object_replacement replacement;
};

static struct status assemble_build(struct store_change *change, struct kv_batch *batch,
                                    struct arena *scratch) {
    struct assembly *a = CONTAINER_OF(change, struct assembly, change);
    for (size_t i = 0; i < a->count; i++) {
        if (a->writers[i]) blob_writer_bind(a->writers[i], batch);
    }
    manifest_bind(a->id, a->manifest, batch);
    return object_replace(change, &a->replacement, batch, scratch);
}

/* An object with `count` parts numbered 2, 4, 6, …, part i having `sizes(i)` bytes 'a' + i % 26. */
static void put_parts(struct test_objects *t, const struct bucket *bucket, const char *key,
                      size_t count, size_t (*size_of_part)(size_t i)) {
    struct assembly *a = calloc(1, sizeof *a);
    struct record_manifest_part *parts = calloc(count, sizeof *parts);
    assert_non_null(a);
    assert_non_null(parts);
    struct object_info info = {.key = slice_str(key), .etag = SLICE("e-n")};
    for (size_t i = 0; i < count; i++) {
        char byte = (char)('a' + i % 26);
        parts[i] =
            (struct record_manifest_part){.number = (uint32_t)(2 * i + 2), .size = size_of_part(i)};
        info.size += parts[i].size;
        if (parts[i].size == 0) continue;
        expect_ok(blob_writer_begin(t->blob, bucket->incarnation, bucket->policy, UINT64_MAX,
                                    &a->writers[i]));
        for (size_t j = 0; j < parts[i].size; j++) {
            expect_ok(blob_writer_write(a->writers[i], slice_of(&byte, 1)));
        }
        expect_ok(blob_writer_seal(a->writers[i]));
        parts[i].blob = blob_writer_id(a->writers[i]);
    }
    const struct record_manifest manifest = {parts, count};
    a->count = count;
    a->id = store_new_id(t->store);
    info.part_count = (uint32_t)count;
    info.content.kind = OBJECT_CONTENT_MANIFEST;
    memcpy(info.content.id.bytes, a->id.bytes, sizeof a->id.bytes);
    expect_ok(record_encode_manifest(&manifest, &t->arena, &a->manifest));
    expect_ok(record_encode_object(&info, &t->arena, &info.record));
    a->change = (struct store_change){
        .store = t->store, .build = assemble_build, .bucket = bucket, .key = slice_str(key)};
    a->replacement = (struct object_replacement){.key = slice_str(key), .next = &info};
    expect_ok(store_change(&a->change));
    for (size_t i = 0; i < count; i++) {
        if (a->writers[i]) blob_writer_commit(&a->writers[i]);
    }
    free(parts);
    free(a);
}

static size_t one_two_none_three(size_t i) {
    static const size_t sizes[] = {1, 2, 0, 3};
    return sizes[i];
}

static void test_reads_across_parts(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put_parts(t, &b, "k", 4, one_two_none_three);
    expect_text(test_get(t, &b, SLICE("k")), "e-n:abbddd");
    struct object_reader *reader;
    struct object_info info;
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &reader));
    const char *all = "abbddd";
    for (size_t from = 0; from <= 6; from++) {
        for (size_t to = from; to <= 6; to++) {
            char buffer[6];
            expect_ok(object_reader_read(reader, from, buffer, to - from));
            assert_memory_equal(buffer, all + from, to - from);
        }
    }
    object_reader_close(&reader);
    const struct object_part wanted[] = {
        {.number = 2, .first = 0, .size = 1},
        {.number = 4, .first = 1, .size = 2},
        {.number = 6, .first = 3, .size = 0},
        {.number = 8, .first = 3, .size = 3},
    };
    struct object_part part;
    for (uint32_t i = 0; i < ARRAY_LEN(wanted); i++) {
        expect_ok(object_part_find(t->store, &b, &info, i + 1, &part));
        assert_int_equal(part.number, wanted[i].number);
        assert_int_equal(part.first, wanted[i].first);
        assert_int_equal(part.size, wanted[i].size);
    }
    expect_status(STATUS_RANGE, object_part_find(t->store, &b, &info, 0, &part));
    expect_status(STATUS_RANGE, object_part_find(t->store, &b, &info, 5, &part));
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_status(STATUS_NOT_FOUND, object_part_find(t->store, &b, &info, 1, &part));
    expect_empty(t, &b);
}

static void test_copies_of_parts(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_info source;
    struct object_info made;
    put_parts(t, &b, "from", 4, one_two_none_three);
    struct object_copy copy = copy_of(t, &b, "from", "to", &source);
    expect_ok(object_share(t->store, &copy, &t->arena, &made));
    assert_int_equal(made.part_count, 4);
    copy = copy_of(t, &b, "to", "to", &source);
    t->clock.now_ns++;
    expect_ok(object_share(t->store, &copy, &t->arena, &made));
    expect_ok(object_delete(t->store, &b, SLICE("from"), NULL, NULL));
    test_tidy(t);
    expect_text(test_get(t, &b, SLICE("to")), "e-n:abbddd");
    assert_int_equal(test_count_keys(t, b.incarnation, BLOBS), 3);
    expect_ok(object_delete(t->store, &b, SLICE("to"), NULL, NULL));
    expect_empty(t, &b);
}

/* The blobs of a manifest stay as long as somebody of this process reads it. */
static void test_an_open_manifest_is_kept(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_reader *reader;
    struct object_reader *second;
    struct object_info info;
    bool done = true;
    char buffer[6];
    put_parts(t, &b, "k", 4, one_two_none_three);
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &reader));
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &second));
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    object_reader_close(&second);
    expect_ok(object_store_tidy(t->store, &done));
    assert_false(done);
    expect_ok(object_reader_read(reader, 0, buffer, 6));
    assert_memory_equal(buffer, "abbddd", 6);
    object_reader_close(&reader);
    expect_empty(t, &b);
}

static size_t one_each(size_t i) {
    (void)i;
    return 1;
}

/* A large manifest is freed in steps, and a crash between them begins again where it was. */
static void test_frees_many_parts_in_steps(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    for (uint64_t k = 1; k <= 6; k++) {
        bool done;
        put_parts(t, &b, "k", 1200, one_each);
        assert_int_equal(test_count_keys(t, b.incarnation, BLOBS), 1200);
        expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
        fault_kv_die_at(&t->kv, k, k % 2 == 0);
        expect_status(STATUS_IO, object_store_tidy(t->store, &done));
        test_objects_reopen(t);
        expect_empty(t, &b);
    }
}

static void test_a_missing_blob_is_damage(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct kv_batch *batch = kv_batch_new();
    struct kv_cursor *cursor;
    bool found;
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("x"), "e", NULL));
    expect_ok(kv_cursor_open(t->mem, b.incarnation, BLOBS, &cursor));
    expect_ok(kv_cursor_seek(cursor, BLOBS, &found));
    kv_batch_delete(batch, kv_cursor_key(cursor));
    expect_ok(kv_commit(t->mem, b.incarnation, batch, NULL));
    expect_text(test_get(t, &b, SLICE("k")), status_text(STATUS_CORRUPT));
    kv_cursor_close(&cursor);
    kv_batch_free(&batch);
}

/* ---- sending -------------------------------------------------------------------------------- */

struct memory_sink {
    struct sink sink;
    char *bytes;
    size_t len;
    size_t cap;
    size_t by_file;
    size_t by_bytes;
};

static struct status memory_write(struct sink *sink, struct slice bytes) {
    struct memory_sink *self = CONTAINER_OF(sink, struct memory_sink, sink);
    if (bytes.len > self->cap - self->len) return status_of(STATUS_CLOSED);
    memcpy(self->bytes + self->len, bytes.ptr, bytes.len);
    self->len += bytes.len;
    self->by_bytes += bytes.len;
    return status_ok();
}

static struct status memory_send_file(struct sink *sink, int fd, uint64_t offset, uint64_t len) {
    struct memory_sink *self = CONTAINER_OF(sink, struct memory_sink, sink);
    if (len > self->cap - self->len) return status_of(STATUS_CLOSED);
    ssize_t got = pread(fd, self->bytes + self->len, len, (off_t)offset);
    if (got < 0 || (uint64_t)got != len) return status_of(STATUS_IO);
    self->len += len;
    self->by_file += len;
    return status_ok();
}

static const struct sink_ops write_ops = {.write = memory_write};
static const struct sink_ops file_ops = {.write = memory_write, .send_file = memory_send_file};

static void test_sends_through_a_buffer(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_reader *reader;
    struct object_info info;
    char bytes[16];
    struct memory_sink sink = {.sink = {&file_ops}, .bytes = bytes, .cap = sizeof bytes};
    put_parts(t, &b, "k", 4, one_two_none_three);
    expect_ok(object_open(t->store, &b, SLICE("k"), &t->arena, &info, &reader));
    expect_ok(object_reader_send(reader, 0, 6, &sink.sink));
    expect_ok(object_reader_send(reader, 2, 2, &sink.sink));
    expect_ok(object_reader_send(reader, 6, 0, &sink.sink));
    expect_slice(slice_of(bytes, sink.len), SLICE("abbdddbd"));
    expect_status(STATUS_RANGE, object_reader_send(reader, 6, 1, &sink.sink));
    sink.cap = sink.len + 1;
    expect_status(STATUS_CLOSED, object_reader_send(reader, 0, 6, &sink.sink));
    object_reader_close(&reader);
}

/* Over the engine, whose blobs are files: the same bytes, with and without the sink's sendfile. */
static void test_sends_files(void **state) {
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 + 17 };
    struct test_store engine;
    struct test_objects t = {0};
    test_store_open(&engine, TEST_DRIVER_ENGINE);
    const struct object_store_config config = {
        .kv = engine.kv, .blob = engine.blob, .clock = clock_system(), .random = random_system()};
    expect_ok(object_store_open(&config, NULL, &t.store));
    arena_init(&t.arena, 64 * 1024, 64 * 1024 * 1024);
    struct bucket b = test_bucket(&t, "b");
    char *bytes = malloc(2 * (size_t)SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * 31 % 253);
    expect_ok(test_put(&t, &b, SLICE("k"), slice_of(bytes, SIZE), "e", NULL));
    struct object_reader *reader;
    struct object_info info;
    expect_ok(object_open(t.store, &b, SLICE("k"), &t.arena, &info, &reader));
    const struct sink_ops *const kinds[] = {&write_ops, &file_ops};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        for (uint64_t from = 0; from < SIZE; from += 1000003) {
            struct memory_sink sink = {.sink = {kinds[i]}, .bytes = bytes + SIZE, .cap = SIZE};
            expect_ok(object_reader_send(reader, from, SIZE - from, &sink.sink));
            assert_int_equal(sink.len, SIZE - from);
            assert_memory_equal(bytes + SIZE, bytes + from, SIZE - from);
            if (i == 0) assert_int_equal(sink.by_file, 0);
        }
    }
    object_reader_close(&reader);
    free(bytes);
    arena_fini(&t.arena);
    object_store_close(&t.store);
    test_store_close(&engine);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_puts_and_gets),
        TEST(test_an_empty_object_needs_no_blob),
        TEST(test_keys_may_have_any_bytes),
        TEST(test_keeps_what_the_client_says),
        TEST(test_refuses_too_much_metadata),
        TEST(test_pulls_a_body),
        TEST(test_what_was_not_committed_never_was),
        TEST(test_reads_ranges),
        TEST(test_a_reader_reads_to_the_end),
        TEST(test_conditions),
        TEST(test_a_bucket_that_was_reconfigured_is_written),
        TEST(test_a_put_survives_a_crash),
        TEST(test_a_copy_shares_the_bytes),
        TEST(test_a_copy_onto_itself),
        TEST(test_a_copy_of_what_was_replaced),
        TEST(test_only_no_bytes_go_to_another_bucket),
        TEST(test_reads_across_parts),
        TEST(test_copies_of_parts),
        TEST(test_an_open_manifest_is_kept),
        TEST(test_frees_many_parts_in_steps),
        TEST(test_a_missing_blob_is_damage),
        TEST(test_sends_through_a_buffer),
        cmocka_unit_test(test_sends_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
