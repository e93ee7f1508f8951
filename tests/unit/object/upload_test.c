/* Uploads in parts: from their start to the object, a complaint, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "support/upload.h"

enum { LISTED_MAX = 16 };

#define SECOND INT64_C(1000000000)

static int setup(void **state) {
    struct upload_fixture *f = calloc(1, sizeof *f);
    CHECK(f);
    upload_fixture_open(f, TEST_DRIVER_MEM);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    upload_fixture_close(*state);
    free(*state);
    return 0;
}

static struct upload_listed_part put(struct upload_fixture *f, const struct upload *upload,
                                     uint32_t number, const char *bytes) {
    struct upload_listed_part listed;
    expect_status(
        upload_part_put(f->store, &f->bucket, upload, number, slice_str(bytes), &f->arena, &listed),
        STATUS_OK);
    return listed;
}

/* What became of a completion. */
struct outcome {
    struct status status;
    struct upload_complaint complaint;
    struct object_info info;
};

static struct outcome complete_as(struct upload_fixture *f, const struct upload *upload,
                                  const struct upload_completion *completion) {
    struct outcome outcome = {.status = status_ok()};
    outcome.status = upload_complete(f->store, &f->bucket, upload->key, upload->id, completion,
                                     &f->arena, &outcome.complaint, &outcome.info);
    return outcome;
}

static struct outcome complete(struct upload_fixture *f, const struct upload *upload,
                               const struct upload_listed_part *parts, size_t count) {
    struct upload_completion completion = {.parts = parts, .part_count = count};
    return complete_as(f, upload, &completion);
}

static void expect_defect(const struct outcome *outcome, enum upload_defect defect,
                          uint32_t number) {
    expect_status(outcome->status, STATUS_INVALID);
    assert_int_equal(outcome->complaint.defect, defect);
    assert_int_equal(outcome->complaint.part_number, number);
}

static void expect_text(struct upload_fixture *f, const char *key, const char *text) {
    const char *has = object_text(f->store, &f->bucket, slice_str(key), &f->arena);
    if (!text) {
        assert_null(has);
    } else {
        assert_non_null(has);
        assert_string_equal(has, text);
    }
}

static void expect_slice(struct slice s, const char *text) {
    assert_true(slice_eq(s, slice_str(text)));
}

/* ---- starting and finding ------------------------------------------------------------------- */

static void test_an_upload_is_found_as_it_was_started(void **state) {
    struct upload_fixture *f = *state;
    struct object_pair header = {SLICE("content-type"), SLICE("text/plain")};
    struct object_pair user = {SLICE("color"), SLICE("blue")};
    struct upload wanted = {.key = SLICE("k/1"),
                            .meta = {.headers = {&header, 1},
                                     .user = {&user, 1},
                                     .storage_class = SLICE("STANDARD"),
                                     .owner_id = SLICE("o"),
                                     .owner_name = SLICE("O")},
                            .checksum = {true, CHECKSUM_CRC32C, OBJECT_CHECKSUM_FULL},
                            .initiator_id = SLICE("i"),
                            .initiator_name = SLICE("I")};
    struct upload made;
    struct upload found;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &made), STATUS_OK);
    assert_int_equal(made.id.len, UPLOAD_ID_LEN);
    expect_status(upload_find(f->store, &f->bucket, SLICE("k/1"), made.id, &f->arena, &found),
                  STATUS_OK);
    expect_slice(found.key, "k/1");
    assert_true(slice_eq(found.id, made.id));
    assert_true(slice_eq(found.record, made.record));
    assert_int_equal(found.created_ns, f->clock.now_ns);
    expect_slice(found.meta.headers.items[0].value, "text/plain");
    expect_slice(found.meta.user.items[0].name, "color");
    expect_slice(found.initiator_name, "I");
    assert_int_equal(found.checksum.kind, CHECKSUM_CRC32C);
    assert_int_equal(found.checksum.type, OBJECT_CHECKSUM_FULL);
}

static void test_what_is_no_upload_is_not_found(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload found;
    static const char *const ids[] = {"", "abc1234def", "zz345678901234567890123456789012",
                                      "00000000000000000000000000000000"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct slice id = slice_str(ids[i]);
        expect_status(upload_find(f->store, &f->bucket, SLICE("k"), id, &f->arena, &found),
                      STATUS_NOT_FOUND);
        expect_status(upload_abort(f->store, &f->bucket, SLICE("k"), id), STATUS_NOT_FOUND);
        struct upload_listed_part part = {.number = 1, .etag = SLICE("1234")};
        struct upload other = {.key = SLICE("k"), .id = id};
        expect_status(complete(f, &other, &part, 1).status, STATUS_NOT_FOUND);
    }
    expect_status(upload_find(f->store, &f->bucket, SLICE("other"), upload.id, &f->arena, &found),
                  STATUS_NOT_FOUND);
    expect_status(upload_abort(f->store, &f->bucket, SLICE("other"), upload.id), STATUS_NOT_FOUND);
}

static void test_a_checksum_of_the_whole_must_combine(void **state) {
    struct upload_fixture *f = *state;
    struct upload wanted = {.key = SLICE("k"),
                            .checksum = {true, CHECKSUM_SHA256, OBJECT_CHECKSUM_FULL}};
    struct upload made;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &made), STATUS_INVALID);
    wanted.checksum.type = OBJECT_CHECKSUM_COMPOSITE;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &made), STATUS_OK);
}

static void test_ids_sort_as_they_were_made(void **state) {
    struct upload_fixture *f = *state;
    static const int64_t steps[] = {1, 0, 0, -5 * SECOND, SECOND, 0, -SECOND};
    struct upload last = upload_started(f, "k");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        f->clock.now_ns += steps[i];
        struct upload next = upload_started(f, "k");
        assert_true(slice_cmp(last.id, next.id) < 0);
        last = next;
    }
}

/* ---- parts ---------------------------------------------------------------------------------- */

static void test_parts_are_listed_page_by_page(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload other = upload_started(f, "k");
    put(f, &upload, 10000, "last");
    put(f, &upload, 2, "two");
    put(f, &upload, 1, "");
    put(f, &upload, 300, "middle");
    put(f, &other, 7, "of another");
    struct upload_part parts[3];
    size_t count;
    bool more;
    expect_status(
        upload_part_list(f->store, &f->bucket, &upload, 0, &f->arena, parts, 3, &count, &more),
        STATUS_OK);
    assert_int_equal(count, 3);
    assert_true(more);
    assert_int_equal(parts[0].number, 1);
    assert_int_equal(parts[0].size, 0);
    expect_slice(parts[0].etag, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(parts[1].number, 2);
    assert_int_equal(parts[1].size, 3);
    assert_int_equal(parts[1].modified_ns, f->clock.now_ns);
    assert_int_equal(parts[2].number, 300);
    expect_status(
        upload_part_list(f->store, &f->bucket, &upload, 300, &f->arena, parts, 3, &count, &more),
        STATUS_OK);
    assert_int_equal(count, 1);
    assert_false(more);
    assert_int_equal(parts[0].number, 10000);
    expect_status(
        upload_part_list(f->store, &f->bucket, &upload, 10000, &f->arena, parts, 3, &count, &more),
        STATUS_OK);
    assert_int_equal(count, 0);
    assert_false(more);
    expect_status(
        upload_part_list(f->store, &f->bucket, &upload, 0, &f->arena, parts, 0, &count, &more),
        STATUS_OK);
    assert_int_equal(count, 0);
}

static void test_a_part_takes_the_place_of_another(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part first = put(f, &upload, 1, "first");
    struct upload_listed_part second = put(f, &upload, 1, "second");
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.parts, 1);
    assert_int_equal(holdings.blobs, 1);
    struct outcome outcome = complete(f, &upload, &first, 1);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 1);
    expect_status(complete(f, &upload, &second, 1).status, STATUS_OK);
    expect_text(f, "k", "second");
}

static void test_a_part_that_was_not_committed_was_never_there(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_part_writer *writer;
    expect_status(upload_part_begin(f->store, &f->bucket, &upload, 1, UINT64_MAX, NULL, &writer),
                  STATUS_OK);
    expect_status(upload_part_write(writer, SLICE("some ")), STATUS_OK);
    expect_status(upload_part_write(writer, SLICE("bytes")), STATUS_OK);
    assert_int_equal(upload_part_size(writer), 10);
    upload_part_abort(&writer);
    upload_part_abort(&writer);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.parts + holdings.blobs, 0);
}

static void test_a_part_has_the_checksum_of_its_upload(void **state) {
    struct upload_fixture *f = *state;
    struct upload wanted = {.key = SLICE("k"),
                            .checksum = {true, CHECKSUM_SHA1, OBJECT_CHECKSUM_COMPOSITE}};
    struct upload upload;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &upload), STATUS_OK);
    struct object_checksum checksums[2] = {{.present = false}, {.present = true}};
    checksum_of(CHECKSUM_CRC32, SLICE("abc"), &checksums[1].value);
    for (size_t i = 0; i < ARRAY_LEN(checksums); i++) {
        struct upload_part_writer *writer;
        expect_status(upload_part_begin(f->store, &f->bucket, &upload, 1, 3, NULL, &writer),
                      STATUS_OK);
        expect_status(upload_part_write(writer, SLICE("abc")), STATUS_OK);
        expect_status(upload_part_commit(&writer, SLICE("etag"), &checksums[i], NULL),
                      STATUS_INVALID);
    }
    assert_int_equal(upload_fixture_tidy(f).blobs, 0);
}

/* ---- completing ----------------------------------------------------------------------------- */

static void test_the_listed_parts_become_the_object(void **state) {
    struct upload_fixture *f = *state;
    struct object_pair user = {SLICE("color"), SLICE("blue")};
    struct upload wanted = {.key = SLICE("k"), .meta = {.user = {&user, 1}}};
    struct upload upload;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &upload), STATUS_OK);
    put(f, &upload, 5, "not listed");
    struct upload_listed_part parts[] = {put(f, &upload, 2, "hello "), put(f, &upload, 3, "wide "),
                                         put(f, &upload, 700, "world")};
    put(f, &upload, 9999, "neither");
    expect_text(f, "k", NULL);
    f->clock.now_ns += 5 * SECOND;
    struct outcome outcome = complete(f, &upload, parts, 3);
    expect_status(outcome.status, STATUS_OK);
    expect_slice(outcome.info.key, "k");
    expect_slice(outcome.info.etag, "2fc6d2a9374000e9315d1806007ae85f-3");
    assert_int_equal(outcome.info.part_count, 3);
    assert_int_equal(outcome.info.size, 16);
    assert_int_equal(outcome.info.modified_ns, f->clock.now_ns);
    assert_false(outcome.info.checksum.present);
    expect_text(f, "k", "hello wide world");
    struct object_info info;
    expect_status(object_find(f->store, &f->bucket, SLICE("k"), &f->arena, &info), STATUS_OK);
    expect_slice(info.meta.user.items[0].value, "blue");
    assert_true(slice_eq(info.record, outcome.info.record));
    struct upload found;
    expect_status(upload_find(f->store, &f->bucket, SLICE("k"), upload.id, &f->arena, &found),
                  STATUS_NOT_FOUND);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.objects, 1);
    assert_int_equal(holdings.bytes, 16);
    assert_int_equal(holdings.blobs, 3);
    assert_int_equal(holdings.parts + holdings.uploads, 0);
}

static void test_the_parts_of_an_object_are_found(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part parts[] = {put(f, &upload, 2, "hello "), put(f, &upload, 3, ""),
                                         put(f, &upload, 700, "world")};
    struct object_info info = complete(f, &upload, parts, 3).info;
    struct object_part part;
    expect_status(object_part_find(f->store, &f->bucket, &info, 1, &part), STATUS_OK);
    assert_int_equal(part.number, 2);
    assert_int_equal(part.first, 0);
    assert_int_equal(part.size, 6);
    expect_status(object_part_find(f->store, &f->bucket, &info, 2, &part), STATUS_OK);
    assert_int_equal(part.first, 6);
    assert_int_equal(part.size, 0);
    expect_status(object_part_find(f->store, &f->bucket, &info, 3, &part), STATUS_OK);
    assert_int_equal(part.number, 700);
    assert_int_equal(part.first, 6);
    assert_int_equal(part.size, 5);
    expect_status(object_part_find(f->store, &f->bucket, &info, 4, &part), STATUS_RANGE);
    expect_status(object_part_find(f->store, &f->bucket, &info, 0, &part), STATUS_RANGE);

    expect_status(object_put_bytes(f->store, &f->bucket, SLICE("k"), SLICE("whole"), NULL),
                  STATUS_OK);
    upload_fixture_tidy(f);
    expect_status(object_part_find(f->store, &f->bucket, &info, 1, &part), STATUS_NOT_FOUND);
    expect_status(object_find(f->store, &f->bucket, SLICE("k"), &f->arena, &info), STATUS_OK);
    expect_status(object_part_find(f->store, &f->bucket, &info, 1, &part), STATUS_OK);
    assert_int_equal(part.size, 5);
    expect_status(object_part_find(f->store, &f->bucket, &info, 2, &part), STATUS_RANGE);
}

static void test_no_bytes_are_an_object_too(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "");
    struct outcome outcome = complete(f, &upload, &part, 1);
    expect_status(outcome.status, STATUS_OK);
    expect_slice(outcome.info.etag, "59adb24ef3cdbe0297f05b395827453f-1");
    expect_text(f, "k", "");
    assert_int_equal(upload_fixture_tidy(f).blobs, 0);
}

static void test_what_is_wrong_with_a_list(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part a = put(f, &upload, 1, "aa");
    struct upload_listed_part b = put(f, &upload, 2, "b");
    struct upload_listed_part c = put(f, &upload, 4, "cc");
    struct outcome outcome = complete(f, &upload, &a, 0);
    expect_defect(&outcome, UPLOAD_DEFECT_EMPTY, 0);
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, c, b}, 3);
    expect_defect(&outcome, UPLOAD_DEFECT_ORDER, 2);
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, a}, 2);
    expect_defect(&outcome, UPLOAD_DEFECT_ORDER, 1);
    struct upload_listed_part missing = {.number = 3, .etag = a.etag};
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, b, missing, c}, 4);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 3);
    missing.number = 9999;
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, missing}, 2);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 9999);
    missing.number = 0;
    outcome = complete(f, &upload, &missing, 1);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 0);
    struct upload_listed_part changed = {.number = 2, .etag = a.etag};
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, changed}, 2);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 2);
    /* Nothing of that has changed anything. */
    expect_text(f, "k", NULL);
    outcome = complete(f, &upload, (struct upload_listed_part[]){a, c}, 2);
    expect_status(outcome.status, STATUS_OK);
    expect_slice(outcome.info.etag, "2c1739d41203a810cbfc894e6da36b98-2");
    expect_text(f, "k", "aacc");
    assert_int_equal(upload_fixture_tidy(f).blobs, 2);
}

static void test_all_parts_but_the_last_have_a_minimum(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part parts[] = {put(f, &upload, 1, "12345"), put(f, &upload, 2, "1234"),
                                         put(f, &upload, 3, "12345"), put(f, &upload, 4, "1")};
    struct upload_completion completion = {.parts = parts, .part_count = 4, .min_part_size = 5};
    struct outcome outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_SMALL, 2);
    assert_int_equal(outcome.complaint.part_size, 4);
    assert_true(slice_eq(outcome.complaint.part_etag, parts[1].etag));
    parts[1] = put(f, &upload, 2, "12345");
    expect_status(complete_as(f, &upload, &completion).status, STATUS_OK);
    expect_text(f, "k", "1234512345123451");
}

static void test_the_size_that_was_announced(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "12345");
    struct upload_completion completion = {
        .parts = &part, .part_count = 1, .has_size = true, .size = 4};
    struct outcome outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_SIZE, 0);
    assert_int_equal(outcome.complaint.part_size, 5);
    completion.size = 5;
    expect_status(complete_as(f, &upload, &completion).status, STATUS_OK);
}

static struct upload started_with(struct upload_fixture *f, enum checksum_kind kind,
                                  enum object_checksum_type type) {
    struct upload wanted = {.key = SLICE("k"), .checksum = {true, kind, type}};
    struct upload upload;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &upload), STATUS_OK);
    return upload;
}

static void expect_checksum(const struct checksum_value *value, const char *hex) {
    char text[2 * CHECKSUM_LEN_MAX + 1] = {0};
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(value->bytes, value->len));
    assert_string_equal(text, hex);
}

static void test_a_checksum_of_checksums(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = started_with(f, CHECKSUM_SHA256, OBJECT_CHECKSUM_COMPOSITE);
    struct upload_listed_part parts[] = {put(f, &upload, 1, "hello "), put(f, &upload, 2, "world")};
    parts[1].has_checksum = true;
    checksum_of(CHECKSUM_SHA256, SLICE("worlds"), &parts[1].checksum);
    struct outcome outcome = complete(f, &upload, parts, 2);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 2);
    checksum_of(CHECKSUM_SHA256, SLICE("world"), &parts[1].checksum);
    outcome = complete(f, &upload, parts, 2);
    expect_status(outcome.status, STATUS_OK);
    assert_int_equal(outcome.info.checksum.type, OBJECT_CHECKSUM_COMPOSITE);
    expect_checksum(&outcome.info.checksum.value,
                    "66189ed7991e1e0fce065399c5ca05fc15c281865a7a2991bdd667c1466a91a4");
    struct object_part part;
    expect_status(object_part_find(f->store, &f->bucket, &outcome.info, 2, &part), STATUS_OK);
    assert_true(part.checksum.present);
    assert_true(checksum_value_eq(&part.checksum.value, &parts[1].checksum));
}

static void test_a_checksum_of_the_whole(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = started_with(f, CHECKSUM_CRC32, OBJECT_CHECKSUM_FULL);
    struct upload_listed_part parts[] = {put(f, &upload, 1, "hello "), put(f, &upload, 2, ""),
                                         put(f, &upload, 3, "world")};
    struct upload_completion completion = {.parts = parts, .part_count = 3};
    completion.expected.present = true;
    checksum_of(CHECKSUM_CRC32, SLICE("hello  world"), &completion.expected.value);
    struct outcome outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_CHECKSUM, 0);
    checksum_of(CHECKSUM_CRC32C, SLICE("hello world"), &completion.expected.value);
    outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_CHECKSUM, 0);
    checksum_of(CHECKSUM_CRC32, SLICE("hello world"), &completion.expected.value);
    completion.expected.type = OBJECT_CHECKSUM_COMPOSITE;
    outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_CHECKSUM, 0);
    completion.expected.type = OBJECT_CHECKSUM_FULL;
    outcome = complete_as(f, &upload, &completion);
    expect_status(outcome.status, STATUS_OK);
    expect_checksum(&outcome.info.checksum.value, "0d4a1185");
}

static void test_a_checksum_is_expected_of_an_upload_without(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "12345");
    struct upload_completion completion = {.parts = &part, .part_count = 1};
    completion.expected.present = true;
    checksum_of(CHECKSUM_CRC32, SLICE("12345"), &completion.expected.value);
    struct outcome outcome = complete_as(f, &upload, &completion);
    expect_defect(&outcome, UPLOAD_DEFECT_CHECKSUM, 0);
}

static void test_the_object_of_before_is_freed(void **state) {
    struct upload_fixture *f = *state;
    expect_status(object_put_bytes(f->store, &f->bucket, SLICE("k"), SLICE("old"), NULL),
                  STATUS_OK);
    for (int i = 0; i < 2; i++) {
        struct upload upload = upload_started(f, "k");
        struct upload_listed_part parts[] = {put(f, &upload, 1, "ne"), put(f, &upload, 2, "w")};
        expect_status(complete(f, &upload, parts, 2).status, STATUS_OK);
        expect_text(f, "k", "new");
        struct holdings holdings = upload_fixture_tidy(f);
        assert_int_equal(holdings.blobs, 2);
        assert_int_equal(holdings.manifests, 1);
        assert_int_equal(holdings.bytes, 3);
    }
    expect_status(object_delete(f->store, &f->bucket, SLICE("k"), NULL, NULL), STATUS_OK);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.blobs + holdings.manifests + holdings.objects, 0);
}

/* A condition that wants the key to have nothing. */
static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

static const struct object_condition absent = {judge_absent};

static void test_a_condition_leaves_the_upload_as_it_was(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "new");
    expect_status(object_put_bytes(f->store, &f->bucket, SLICE("k"), SLICE("old"), NULL),
                  STATUS_OK);
    struct upload_completion completion = {.parts = &part, .part_count = 1, .condition = &absent};
    expect_status(complete_as(f, &upload, &completion).status, STATUS_PRECONDITION);
    expect_text(f, "k", "old");
    expect_status(object_delete(f->store, &f->bucket, SLICE("k"), NULL, NULL), STATUS_OK);
    expect_status(complete_as(f, &upload, &completion).status, STATUS_OK);
    expect_text(f, "k", "new");
    /* The key has the object of this very completion, so that is no reason to refuse it again. */
    expect_status(complete_as(f, &upload, &completion).status, STATUS_OK);
}

/* ---- asked again ---------------------------------------------------------------------------- */

static void test_the_same_list_again_gets_the_same_answer(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part parts[] = {put(f, &upload, 1, "hello "), put(f, &upload, 2, "world")};
    struct outcome first = complete(f, &upload, parts, 2);
    expect_status(first.status, STATUS_OK);
    expect_status(object_put_bytes(f->store, &f->bucket, SLICE("k"), SLICE("later"), NULL),
                  STATUS_OK);
    f->clock.now_ns += 23 * 3600 * SECOND;
    upload_fixture_tidy(f);
    struct outcome again = complete(f, &upload, parts, 2);
    expect_status(again.status, STATUS_OK);
    assert_true(slice_eq(again.info.etag, first.info.etag));
    assert_int_equal(again.info.modified_ns, first.info.modified_ns);
    assert_int_equal(again.info.size, first.info.size);
    expect_slice(again.info.key, "k");
    expect_text(f, "k", "later");

    expect_status(complete(f, &upload, parts, 1).status, STATUS_NOT_FOUND);
    expect_status(complete(f, &upload, parts, 0).status, STATUS_NOT_FOUND);
    parts[1].has_checksum = true;
    checksum_of(CHECKSUM_CRC32, SLICE("world"), &parts[1].checksum);
    expect_status(complete(f, &upload, parts, 2).status, STATUS_NOT_FOUND);
    parts[1].has_checksum = false;
    expect_status(complete(f, &upload, parts, 2).status, STATUS_OK);
    parts[1].etag = parts[0].etag;
    expect_status(complete(f, &upload, parts, 2).status, STATUS_NOT_FOUND);
}

static void test_another_key_has_no_receipt(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "bytes");
    expect_status(complete(f, &upload, &part, 1).status, STATUS_OK);
    upload.key = SLICE("l");
    expect_status(complete(f, &upload, &part, 1).status, STATUS_NOT_FOUND);
}

static void test_a_receipt_ends_after_a_day(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "bytes");
    expect_status(complete(f, &upload, &part, 1).status, STATUS_OK);
    assert_int_equal(upload_fixture_tidy(f).receipts, 1);
    f->clock.now_ns += 24 * 3600 * SECOND + 1;
    assert_int_equal(upload_fixture_tidy(f).receipts, 0);
    expect_status(complete(f, &upload, &part, 1).status, STATUS_NOT_FOUND);
    expect_text(f, "k", "bytes");
}

static void test_a_completed_upload_cannot_be_aborted(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "bytes");
    expect_status(complete(f, &upload, &part, 1).status, STATUS_OK);
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_NOT_FOUND);
    expect_text(f, "k", "bytes");
}

/* ---- ending --------------------------------------------------------------------------------- */

static void test_abort_frees_everything(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload kept = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "one");
    put(f, &upload, 2, "two");
    put(f, &kept, 1, "other");
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_OK);
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_NOT_FOUND);
    expect_status(complete(f, &upload, &part, 1).status, STATUS_NOT_FOUND);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.uploads, 1);
    assert_int_equal(holdings.parts, 1);
    assert_int_equal(holdings.blobs, 1);
}

static void test_a_part_comes_after_the_end(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_part_writer *writer;
    expect_status(upload_part_begin(f->store, &f->bucket, &upload, 1, 5, NULL, &writer), STATUS_OK);
    expect_status(upload_part_write(writer, SLICE("bytes")), STATUS_OK);
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_OK);
    struct object_checksum none = {.present = false};
    expect_status(upload_part_commit(&writer, SLICE("etag"), &none, NULL), STATUS_NOT_FOUND);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.parts + holdings.blobs + holdings.uploads, 0);
}

static void test_a_bucket_ends_with_its_uploads(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    struct upload_listed_part part = put(f, &upload, 1, "bytes");
    struct upload_part_writer *writer;
    expect_status(upload_part_begin(f->store, &f->bucket, &upload, 2, 5, NULL, &writer), STATUS_OK);
    expect_status(upload_part_write(writer, SLICE("bytes")), STATUS_OK);
    expect_status(bucket_delete(f->store, &f->bucket, NULL), STATUS_OK);
    struct object_checksum none = {.present = false};
    expect_status(upload_part_commit(&writer, SLICE("etag"), &none, NULL), STATUS_NOT_FOUND);
    expect_status(complete(f, &upload, &part, 1).status, STATUS_NOT_FOUND);
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_NOT_FOUND);
    struct upload wanted = {.key = SLICE("k")};
    struct upload made;
    expect_status(upload_create(f->store, &f->bucket, &wanted, &f->arena, &made), STATUS_NOT_FOUND);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.parts + holdings.blobs + holdings.uploads, 0);
    struct blob_stats stats;
    blob_stats_read(f->under.blob, &stats);
    assert_int_equal(stats.collected_blobs, 1);
}

/* ---- as many parts as there may be ---------------------------------------------------------- */

static struct upload_listed_part *put_many(struct upload_fixture *f, const struct upload *upload,
                                           uint32_t count) {
    struct upload_listed_part *parts = calloc(count, sizeof *parts);
    CHECK(parts);
    for (uint32_t i = 0; i < count; i++) parts[i] = put(f, upload, i + 1, "x");
    return parts;
}

static void test_ten_thousand_parts(void **state) {
    struct upload_fixture *f = *state;
    char key[OBJECT_KEY_MAX + 1] = {0};
    memset(key, 'k', OBJECT_KEY_MAX);
    struct upload upload = upload_started(f, key);
    struct upload_listed_part *parts = put_many(f, &upload, UPLOAD_PART_NUMBER_MAX);
    struct outcome outcome = complete(f, &upload, parts, UPLOAD_PART_NUMBER_MAX);
    expect_status(outcome.status, STATUS_OK);
    assert_int_equal(outcome.info.size, UPLOAD_PART_NUMBER_MAX);
    struct object_part part;
    expect_status(object_part_find(f->store, &f->bucket, &outcome.info, 10000, &part), STATUS_OK);
    assert_int_equal(part.first, 9999);
    expect_status(complete(f, &upload, parts, UPLOAD_PART_NUMBER_MAX).status, STATUS_OK);
    free(parts);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.blobs, UPLOAD_PART_NUMBER_MAX);
    assert_int_equal(holdings.parts, 0);

    upload = upload_started(f, key); /* takes the place of all those */
    struct upload_listed_part last = put(f, &upload, UPLOAD_PART_NUMBER_MAX, "y");
    expect_status(complete(f, &upload, &last, 1).status, STATUS_OK);
    holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.blobs, 1);
    assert_int_equal(holdings.manifests, 1);
}

/* More than the housekeeping frees in one step. */
static void test_the_end_of_many_parts(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    free(put_many(f, &upload, 1500));
    expect_status(upload_abort(f->store, &f->bucket, upload.key, upload.id), STATUS_OK);
    struct holdings holdings = upload_fixture_tidy(f);
    assert_int_equal(holdings.parts + holdings.blobs, 0);
}

static void test_a_list_of_more_parts_than_there_can_be(void **state) {
    struct upload_fixture *f = *state;
    struct upload upload = upload_started(f, "k");
    put(f, &upload, 1, "x");
    size_t count = UPLOAD_PART_NUMBER_MAX + 1;
    struct upload_listed_part *parts = calloc(count, sizeof *parts);
    CHECK(parts);
    struct slice etag = md5_text(SLICE("x"), &f->arena);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = (struct upload_listed_part){.number = i + 1, .etag = etag};
    }
    struct outcome outcome = complete(f, &upload, parts, count);
    expect_defect(&outcome, UPLOAD_DEFECT_PART, 2);
    free(parts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_an_upload_is_found_as_it_was_started),
        TEST(test_what_is_no_upload_is_not_found),
        TEST(test_a_checksum_of_the_whole_must_combine),
        TEST(test_ids_sort_as_they_were_made),
        TEST(test_parts_are_listed_page_by_page),
        TEST(test_a_part_takes_the_place_of_another),
        TEST(test_a_part_that_was_not_committed_was_never_there),
        TEST(test_a_part_has_the_checksum_of_its_upload),
        TEST(test_the_listed_parts_become_the_object),
        TEST(test_the_parts_of_an_object_are_found),
        TEST(test_no_bytes_are_an_object_too),
        TEST(test_what_is_wrong_with_a_list),
        TEST(test_all_parts_but_the_last_have_a_minimum),
        TEST(test_the_size_that_was_announced),
        TEST(test_a_checksum_of_checksums),
        TEST(test_a_checksum_of_the_whole),
        TEST(test_a_checksum_is_expected_of_an_upload_without),
        TEST(test_the_object_of_before_is_freed),
        TEST(test_a_condition_leaves_the_upload_as_it_was),
        TEST(test_the_same_list_again_gets_the_same_answer),
        TEST(test_another_key_has_no_receipt),
        TEST(test_a_receipt_ends_after_a_day),
        TEST(test_a_completed_upload_cannot_be_aborted),
        TEST(test_abort_frees_everything),
        TEST(test_a_part_comes_after_the_end),
        TEST(test_a_bucket_ends_with_its_uploads),
        TEST(test_ten_thousand_parts),
        TEST(test_the_end_of_many_parts),
        TEST(test_a_list_of_more_parts_than_there_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
