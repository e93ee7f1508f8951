/* Objects that stand for others: segments, prefixes and links; versions that expire. */
#include "object/large.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"
#include "support/expect.h"
#include "support/objects.h"

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

static struct status yes(const struct object_gate *gate, const struct bucket *bucket,
                         const struct object_info *info) {
    (void)gate;
    (void)bucket;
    (void)info;
    return status_ok();
}

/* Nobody may read what lies in the container "secret". */
static struct status not_secret(const struct object_gate *gate, const struct bucket *bucket,
                                const struct object_info *info) {
    (void)gate;
    (void)info;
    return slice_eq(bucket->name, SLICE("secret")) ? status_of(STATUS_DENIED) : status_ok();
}

static const struct object_gate open_gate = {.may_read = yes};
static const struct object_gate secret_gate = {.may_read = not_secret};

/* What a read gives: the bytes, or the status in words. */
static struct slice read_as(struct test_objects *t, const struct bucket *bucket, const char *key,
                            const struct object_gate *gate, uint64_t first, uint64_t len) {
    const struct object_opening opening = {
        .store = t->store, .bucket = bucket, .key = slice_str(key), .gate = gate};
    struct object_opened opened = {.reader = NULL};
    struct status s = object_open_target(&opening, &t->arena, &opened);
    struct slice bytes = {0};
    if (is_ok(s)) s = object_reader_follow(opened.reader, gate, &opened.info, &t->arena);
    if (is_ok(s)) {
        if (len == UINT64_MAX) len = opened.info.size - first;
        char *buffer = arena_alloc(&t->arena, len + 1);
        assert_non_null(buffer);
        s = object_reader_verify(opened.reader, first, len);
        if (is_ok(s)) s = object_reader_read(opened.reader, first, buffer, len);
        bytes = slice_of(buffer, len);
    }
    object_reader_close(&opened.reader);
    return is_ok(s) ? bytes : slice_str(status_text(s.code));
}

static struct slice read_all(struct test_objects *t, const struct bucket *bucket, const char *key) {
    return read_as(t, bucket, key, &open_gate, 0, UINT64_MAX);
}

static struct object_segment segment(const char *container, const char *object, const char *etag,
                                     uint64_t object_size, uint64_t first, uint64_t size) {
    return (struct object_segment){.container = slice_str(container),
                                   .object = slice_str(object),
                                   .etag = slice_str(etag),
                                   .object_size = object_size,
                                   .first = first,
                                   .size = size};
}

static struct object_info put_large(struct test_objects *t, const struct bucket *bucket,
                                    const char *key, const struct object_segment *segments,
                                    size_t count) {
    struct object_info info;
    const struct object_large large = {.key = slice_str(key),
                                       .segments = segments,
                                       .count = count,
                                       .etag = slice_str(key),
                                       .manifest_etag = SLICE("m")};
    expect_ok(object_large_put(t->store, bucket, &large, &t->arena, &info));
    return info;
}

/* ---- segments ------------------------------------------------------------------------------- */

static void test_reads_ranges_of_other_containers_and_inline_bytes(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct bucket parts = test_bucket(t, "parts");
    expect_ok(test_put(t, &parts, SLICE("1"), SLICE("hello world"), "e1", NULL));
    expect_ok(test_put(t, &b, SLICE("2"), SLICE("goodbye"), "e2", NULL));
    struct object_segment segments[] = {segment("parts", "1", "e1", 11, 0, 11),
                                        {.data = SLICE("--")},
                                        segment("b", "2", "e2", 7, 4, 3),
                                        segment("parts", "1", "e1", 11, 6, 5)};
    struct object_info info = put_large(t, &b, "all", segments, ARRAY_LEN(segments));
    assert_int_equal(info.size, 21);
    expect_text(info.etag, "all-4");
    expect_text(object_link_etag(&info), "all");
    assert_int_equal(info.link.kind, OBJECT_LINK_SEGMENTS);
    expect_text(read_all(t, &b, "all"), "hello world--byeworld");
    expect_text(read_as(t, &b, "all", &open_gate, 9, 6), "ld--by");
    expect_text(read_as(t, &b, "all", &open_gate, 20, 1), "d");
    expect_text(read_as(t, &b, "all", &open_gate, 20, 2), status_text(STATUS_RANGE));
    struct object_segment *found;
    size_t count;
    expect_ok(object_segments_read(t->store, &b, &info, &t->arena, &found, &count));
    assert_int_equal(count, 4);
    expect_text(found[1].data, "--");
    expect_text(found[2].object, "2");
    assert_int_equal(found[2].first, 4);
    /* It goes without taking its segments along. */
    expect_ok(object_delete(t->store, &b, SLICE("all"), NULL, NULL));
    test_tidy(t);
    expect_text(test_get(t, &parts, SLICE("1")), "e1:hello world");
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("m")), 0);
}

static void test_a_segment_that_changed_or_went_is_a_conflict(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    expect_ok(test_put(t, &b, SLICE("1"), SLICE("one"), "e1", NULL));
    expect_ok(test_put(t, &b, SLICE("2"), SLICE("two"), "e2", NULL));
    struct object_segment segments[] = {segment("b", "1", "e1", 3, 0, 3),
                                        segment("b", "2", "e2", 3, 0, 3)};
    put_large(t, &b, "all", segments, ARRAY_LEN(segments));
    expect_ok(test_put(t, &b, SLICE("2"), SLICE("TWO"), "e3", NULL));
    expect_text(read_all(t, &b, "all"), status_text(STATUS_CONFLICT));
    /* What lies before it is as good as ever. */
    expect_text(read_as(t, &b, "all", &open_gate, 0, 3), "one");
    expect_ok(object_delete(t->store, &b, SLICE("2"), NULL, NULL));
    expect_text(read_all(t, &b, "all"), status_text(STATUS_CONFLICT));
    expect_ok(test_put(t, &b, SLICE("2"), SLICE("two"), "e2", NULL));
    expect_text(read_all(t, &b, "all"), "onetwo");
}

static void test_nothing_is_followed_without_a_gate(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct bucket secret = test_bucket(t, "secret");
    expect_ok(test_put(t, &secret, SLICE("1"), SLICE("one"), "e1", NULL));
    struct object_segment segments[] = {segment("secret", "1", "e1", 3, 0, 3)};
    put_large(t, &b, "all", segments, 1);
    struct object_info info;
    struct object_reader *reader;
    char byte;
    expect_ok(object_open(t->store, &b, SLICE("all"), &t->arena, &info, &reader));
    assert_int_equal(object_reader_read(reader, 0, &byte, 1).code, STATUS_UNSUPPORTED);
    object_reader_close(&reader);
    expect_text(read_as(t, &b, "all", &secret_gate, 0, 3), status_text(STATUS_DENIED));
}

static void test_nests_to_a_depth(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    char key[8] = "l0";
    char before[8] = "l0";
    expect_ok(test_put(t, &b, SLICE("l0"), SLICE("deep"), "l0", NULL));
    for (int i = 1; i <= OBJECT_SEGMENTS_DEPTH_MAX + 1; i++) {
        snprintf(key, sizeof key, "l%d", i);
        struct object_segment segments[] = {segment("b", before, before, 4, 0, 4)};
        put_large(t, &b, key, segments, 1);
        bool too_deep = i > OBJECT_SEGMENTS_DEPTH_MAX;
        expect_text(read_all(t, &b, key), too_deep ? status_text(STATUS_CONFLICT) : "deep");
        memcpy(before, key, sizeof key);
    }
}

/* ---- prefixes ------------------------------------------------------------------------------- */

static void put_link(struct test_objects *t, const struct bucket *bucket, const char *key,
                     struct object_link link) {
    struct object_put put = {.key = slice_str(key), .link = link, .size_hint = 0};
    struct object_seal seal = {.etag = SLICE("link")};
    struct object_writer *writer;
    expect_ok(object_writer_begin(t->store, bucket, &put, &t->note, &writer));
    expect_ok(object_writer_commit(&writer, &seal, &t->arena, NULL));
}

static void test_a_prefix_is_what_is_there(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put_link(t, &b, "dlo",
             (struct object_link){
                 .kind = OBJECT_LINK_PREFIX, .container = SLICE("b"), .object = SLICE("p/")});
    expect_text(read_all(t, &b, "dlo"), "");
    expect_ok(test_put(t, &b, SLICE("p/2"), SLICE("two"), "e2", NULL));
    expect_ok(test_put(t, &b, SLICE("p/1"), SLICE("one"), "e1", NULL));
    expect_ok(test_put(t, &b, SLICE("p/0"), SLICE(""), "e0", NULL));
    expect_text(read_all(t, &b, "dlo"), "onetwo");
    struct object_info info;
    struct object_reader *reader;
    expect_ok(object_open(t->store, &b, SLICE("dlo"), &t->arena, &info, &reader));
    expect_ok(object_reader_follow(reader, &open_gate, &info, &t->arena));
    assert_int_equal(info.size, 6);
    /* MD5 of "e0e1e2" */
    expect_text(info.etag, "dfed4d528141a8d4c2d9465490f28acc");
    object_reader_close(&reader);
}

/* ---- links ---------------------------------------------------------------------------------- */

static struct object_link symlink_to(const char *container, const char *object) {
    return (struct object_link){.kind = OBJECT_LINK_SYMLINK,
                                .container = slice_str(container),
                                .object = slice_str(object)};
}

static void test_links_are_followed(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct bucket secret = test_bucket(t, "secret");
    expect_ok(test_put(t, &secret, SLICE("1"), SLICE("one"), "e1", NULL));
    put_link(t, &b, "a", symlink_to("secret", "1"));
    put_link(t, &b, "aa", symlink_to("b", "a"));
    put_link(t, &b, "aaa", symlink_to("b", "aa"));
    put_link(t, &b, "gone", symlink_to("b", "nothing"));
    put_link(t, &b, "x", symlink_to("b", "y"));
    put_link(t, &b, "y", symlink_to("b", "x"));
    expect_text(read_all(t, &b, "a"), "one");
    expect_text(read_all(t, &b, "aa"), "one");
    expect_text(read_all(t, &b, "aaa"), status_text(STATUS_CONFLICT));
    expect_text(read_all(t, &b, "gone"), "not found");
    expect_text(read_all(t, &b, "x"), status_text(STATUS_CONFLICT));
    expect_text(read_as(t, &b, "a", &secret_gate, 0, 1), status_text(STATUS_DENIED));
    struct object_link fixed = symlink_to("secret", "1");
    fixed.etag = SLICE("e1");
    put_link(t, &b, "fixed", fixed);
    expect_text(read_all(t, &b, "fixed"), "one");
    expect_ok(test_put(t, &secret, SLICE("1"), SLICE("ONE"), "e2", NULL));
    expect_text(read_all(t, &b, "fixed"), status_text(STATUS_CONFLICT));
    expect_text(read_all(t, &b, "a"), "ONE");
}

/* ---- expiry --------------------------------------------------------------------------------- */

static void put_until(struct test_objects *t, const struct bucket *bucket, const char *key,
                      int64_t delete_at_s) {
    struct object_put put = {
        .key = slice_str(key), .meta = {.delete_at_s = delete_at_s}, .size_hint = 3};
    struct object_seal seal = {.etag = SLICE("e")};
    struct object_writer *writer;
    expect_ok(object_writer_begin(t->store, bucket, &put, &t->note, &writer));
    expect_ok(object_writer_write(writer, SLICE("abc")));
    expect_ok(object_writer_commit(&writer, &seal, &t->arena, NULL));
}

static size_t marks(struct test_objects *t, const struct bucket *bucket) {
    return test_count_keys(t, bucket->incarnation, SLICE("x"));
}

static void test_an_expired_object_is_gone_at_once_and_taken_away_later(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct bucket_usage usage;
    int64_t now_s = t->clock.now_ns / 1000000000;
    put_until(t, &b, "k", now_s + 10);
    put_until(t, &b, "later", now_s + 100);
    expect_text(test_get(t, &b, SLICE("k")), "e:abc");
    test_tidy(t);
    expect_text(test_get(t, &b, SLICE("k")), "e:abc");
    t->clock.now_ns += INT64_C(10) * 1000000000;
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    expect_ok(bucket_usage_read(t->store, &b, &usage));
    assert_int_equal(usage.objects, 2);
    test_tidy(t);
    expect_ok(bucket_usage_read(t->store, &b, &usage));
    assert_int_equal(usage.objects, 1);
    assert_int_equal(marks(t, &b), 1);
    expect_text(test_get(t, &b, SLICE("later")), "e:abc");
    /* What replaces it, and says nothing, stays. */
    expect_ok(test_put(t, &b, SLICE("later"), SLICE("now"), "e", NULL));
    assert_int_equal(marks(t, &b), 0);
    t->clock.now_ns += INT64_C(100) * 1000000000;
    test_tidy(t);
    expect_text(test_get(t, &b, SLICE("later")), "e:now");
}

static struct status later(const struct object_amendment *amendment, const struct object_info *now,
                           struct object_meta *meta) {
    (void)amendment;
    meta->delete_at_s = now->meta.delete_at_s + 50;
    return status_ok();
}

static void test_the_time_can_be_changed(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    struct object_info info;
    int64_t now_s = t->clock.now_ns / 1000000000;
    put_until(t, &b, "k", now_s + 10);
    const struct object_amendment amendment = {.key = SLICE("k"), .edit = later};
    expect_ok(object_amend(t->store, &b, &amendment, &t->arena, &info));
    assert_int_equal(info.meta.delete_at_s, now_s + 60);
    assert_int_equal(marks(t, &b), 1);
    t->clock.now_ns += INT64_C(20) * 1000000000;
    test_tidy(t);
    expect_text(test_get(t, &b, SLICE("k")), "e:abc");
    t->clock.now_ns += INT64_C(50) * 1000000000;
    assert_int_equal(object_amend(t->store, &b, &amendment, &t->arena, &info).code,
                     STATUS_NOT_FOUND);
    test_tidy(t);
    assert_int_equal(marks(t, &b), 0);
}

static void test_expired_objects_keep_no_bucket(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put_until(t, &b, "k", t->clock.now_ns / 1000000000 + 10);
    assert_int_equal(bucket_delete(t->store, &b, &t->note).code, STATUS_CONFLICT);
    t->clock.now_ns += INT64_C(10) * 1000000000;
    expect_ok(bucket_delete(t->store, &b, &t->note));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_ranges_of_other_containers_and_inline_bytes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_segment_that_changed_or_went_is_a_conflict, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_followed_without_a_gate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nests_to_a_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_prefix_is_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_expired_object_is_gone_at_once_and_taken_away_later,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_time_can_be_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expired_objects_keep_no_bucket, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
