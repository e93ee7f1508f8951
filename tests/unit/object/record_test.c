/* Records: as protobuf reads them, refused when a bit is wrong, bounded. */
#include "object/record.h"

#include <stdlib.h>

#include "base/check.h"
#include "object/records.pb-c.h"
#include "object/wire.h"
#include "support/expect.h"
#include "support/records.h"

static int setup(void **state) {
    struct arena *arena = malloc(sizeof *arena);
    if (!arena) return -1;
    arena_init(arena, 64 * 1024, 256 * 1024 * 1024);
    *state = arena;
    return 0;
}

static int teardown(void **state) {
    arena_fini(*state);
    free(*state);
    return 0;
}

static const ProtobufCMessageDescriptor *descriptor_of(enum test_record kind) {
    const ProtobufCMessageDescriptor *const descriptors[TEST_RECORD_COUNT] = {
        [TEST_RECORD_OBJECT] = &object__object__descriptor,
        [TEST_RECORD_UPLOAD] = &object__upload__descriptor,
        [TEST_RECORD_PART] = &object__part__descriptor,
        [TEST_RECORD_MANIFEST] = &object__manifest__descriptor,
        [TEST_RECORD_MANIFEST_GARBAGE] = &object__manifest_garbage__descriptor,
        [TEST_RECORD_RECEIPT] = &object__receipt__descriptor,
        [TEST_RECORD_MARK] = &object__mark__descriptor,
        [TEST_RECORD_EPOCH] = &object__epoch__descriptor,
        [TEST_RECORD_NAME] = &object__name__descriptor,
        [TEST_RECORD_PENDING] = &object__pending__descriptor,
        [TEST_RECORD_HEAD] = &object__head__descriptor,
    };
    return descriptors[kind];
}

/* What our encoder writes, the protobuf library reads without a field it does not know, and writes
 * again as the same bytes. */
static void test_is_protobuf(void **state) {
    struct arena *arena = *state;
    for (int kind = 0; kind < TEST_RECORD_COUNT; kind++) {
        struct slice raw = {0};
        expect_ok(test_record_sample((enum test_record)kind, arena, &raw));
        ProtobufCMessage *message = protobuf_c_message_unpack(
            descriptor_of((enum test_record)kind), NULL, raw.len, (const uint8_t *)raw.ptr);
        assert_non_null(message);
        assert_int_equal(message->n_unknown_fields, 0);
        assert_int_equal(protobuf_c_message_get_packed_size(message), raw.len);
        char *packed = malloc(raw.len);
        assert_non_null(packed);
        protobuf_c_message_pack(message, (uint8_t *)packed);
        assert_memory_equal(packed, raw.ptr, raw.len);
        free(packed);
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

/* Every field arrives where it belongs, as the library sees it. */
static void test_fields_are_the_right_ones(void **state) {
    struct arena *arena = *state;
    struct slice raw = {0};
    expect_ok(test_record_sample(TEST_RECORD_OBJECT, arena, &raw));
    Object__Object *object = object__object__unpack(NULL, raw.len, (const uint8_t *)raw.ptr);
    assert_non_null(object);
    assert_int_equal(object->version, 1);
    assert_int_equal(object->size, 1000);
    assert_int_equal(object->part_count, 3);
    assert_int_equal(object->content_kind, OBJECT__CONTENT_KIND__MANIFEST);
    assert_int_equal(object->content_id.len, 16);
    assert_int_equal(object->checksum->kind, OBJECT__CHECKSUM_KIND__SHA1);
    assert_true(object->checksum->composite);
    assert_int_equal(object->n_headers, 2);
    assert_int_equal(object->n_user, 2);
    assert_memory_equal(object->headers[1]->name.data, "cache-control", 13);
    assert_int_equal(object->user[0]->value.len, 0);
    object__object__free_unpacked(object, NULL);
    expect_ok(test_record_sample(TEST_RECORD_EPOCH, arena, &raw));
    Object__Epoch *epoch = object__epoch__unpack(NULL, raw.len, (const uint8_t *)raw.ptr);
    assert_non_null(epoch);
    assert_int_equal(epoch->state, OBJECT__EPOCH_STATE__GONE);
    assert_memory_equal(epoch->policy.data, "standard", 8);
    assert_true(epoch->has_s3_name);
    object__epoch__free_unpacked(epoch, NULL);
}

static void test_round_trips(void **state) {
    struct arena *arena = *state;
    for (int kind = 0; kind < TEST_RECORD_COUNT; kind++) {
        struct slice raw = {0};
        struct slice again = {0};
        expect_ok(test_record_sample((enum test_record)kind, arena, &raw));
        expect_ok(test_record_again((enum test_record)kind, raw, arena, &again));
        expect_slice(again, raw);
    }
}

/* A record cut short anywhere, longer by anything, or of another version is none. */
static void test_refuses_other_lengths_and_versions(void **state) {
    struct arena *arena = *state;
    for (int kind = 0; kind < TEST_RECORD_COUNT; kind++) {
        struct slice raw = {0};
        struct slice again = {0};
        expect_ok(test_record_sample((enum test_record)kind, arena, &raw));
        for (size_t len = 0; len < raw.len; len++) {
            struct status s =
                test_record_again((enum test_record)kind, slice_take(raw, len), arena, &again);
            /* Cut between two fields it may be another record, but never the same one. */
            if (is_ok(s)) expect_slice(again, slice_take(raw, len));
        }
        const struct slice longer[] = {raw, SLICE("\0")};
        expect_status(
            STATUS_CORRUPT,
            test_record_again((enum test_record)kind, arena_join(arena, longer, 2), arena, &again));
        const struct slice next[] = {SLICE("\x08\x02"), slice_skip(raw, 2)};
        expect_status(STATUS_CORRUPT, test_record_again((enum test_record)kind,
                                                        arena_join(arena, next, 2), arena, &again));
    }
}

/* Whatever single byte is wrong: the record is refused, or it is canonical all the same. */
static void test_any_wrong_byte(void **state) {
    struct arena *arena = *state;
    struct arena scratch;
    size_t refused = 0;
    size_t taken = 0;
    arena_init(&scratch, 64 * 1024, 64 * 1024 * 1024);
    for (int kind = 0; kind < TEST_RECORD_COUNT; kind++) {
        struct slice raw = {0};
        expect_ok(test_record_sample((enum test_record)kind, arena, &raw));
        for (size_t at = 0; at < raw.len * 256; at++) {
            struct slice again = {0};
            arena_reset(&scratch);
            char *copy = arena_alloc(&scratch, raw.len);
            memcpy(copy, raw.ptr, raw.len);
            copy[at / 256] = (char)(at % 256);
            struct status s = test_record_again((enum test_record)kind, slice_of(copy, raw.len),
                                                &scratch, &again);
            if (is_ok(s)) {
                assert_true(slice_eq(again, slice_of(copy, raw.len)));
                taken++;
            } else {
                assert_true(status_is(s, STATUS_CORRUPT));
                refused++;
            }
        }
    }
    arena_fini(&scratch);
    assert_true(refused > 0 && taken > 0); /* text and hashes cannot be told from others */
}

/* ---- what goes together --------------------------------------------------------------------- */

struct field {
    uint32_t number;
    uint64_t value;
    struct slice bytes;
};

/* A record of the given fields, in the given order. */
static struct slice record_of(struct arena *arena, const struct field *fields, size_t count) {
    struct buf buf;
    buf_init(&buf, 1024 * 1024);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].bytes.len > 0) {
            wire_put_bytes(&buf, fields[i].number, fields[i].bytes);
        } else {
            wire_put_number(&buf, fields[i].number, fields[i].value);
        }
    }
    struct slice raw = arena_dup(arena, buf_slice(&buf));
    buf_fini(&buf);
    return raw;
}

#define RECORD(arena, ...)                                \
    record_of(arena, (const struct field[]){__VA_ARGS__}, \
              sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

static void test_objects_that_cannot_be(void **state) {
    struct arena *arena = *state;
    const struct field version = {1, 1, {0}};
    const struct field size = {2, 5, {0}};
    const struct field etag = {3, 0, SLICE("e")};
    const struct field parts = {5, 2, {0}};
    const struct field blob = {6, 1, {0}};
    const struct field manifest = {6, 2, {0}};
    const struct field other = {6, 3, {0}};
    const struct field id = {7, 0, SLICE("0123456789abcdef")};
    const struct field short_id = {7, 0, SLICE("0123456789abcde")};
    struct object_info info;
    expect_ok(record_decode_object(RECORD(arena, version, etag), arena, &info));
    expect_ok(record_decode_object(RECORD(arena, version, size, etag, blob, id), arena, &info));
    expect_ok(
        record_decode_object(RECORD(arena, version, etag, parts, manifest, id), arena, &info));
    const struct slice wrong[] = {
        RECORD(arena, etag),
        RECORD(arena, version),
        RECORD(arena, version, etag, size),
        RECORD(arena, version, size, etag),
        RECORD(arena, version, size, etag, etag, blob, id),
        RECORD(arena, version, size, etag, blob),
        RECORD(arena, version, size, etag, id),
        RECORD(arena, version, etag, blob, id),
        RECORD(arena, version, size, etag, blob, short_id),
        RECORD(arena, version, size, etag, other, id),
        RECORD(arena, version, size, etag, manifest, id),
        RECORD(arena, version, size, etag, parts, blob, id),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct status s = record_decode_object(wrong[i], arena, &info);
        if (!status_is(s, STATUS_CORRUPT)) print_error("record %zu was taken\n", i);
        expect_status(STATUS_CORRUPT, s);
    }
}

static void test_manifests_that_cannot_be(void **state) {
    struct arena *arena = *state;
    struct record_manifest manifest;
    const struct field version = {1, 1, {0}};
    const struct field first = {2, 0, RECORD(arena, {1, 1, {0}})};
    const struct field second = {2, 0, RECORD(arena, {1, 2, {0}})};
    const struct field unnumbered = {2, 0, RECORD(arena, {2, 5, {0}})};
    const struct field too_high = {2, 0, RECORD(arena, {1, 10001, {0}})};
    const struct field no_blob = {2, 0, RECORD(arena, {1, 1, {0}}, {2, 5, {0}})};
    expect_ok(record_decode_manifest(RECORD(arena, version, first, second), arena, &manifest));
    assert_int_equal(manifest.count, 2);
    const struct slice wrong[] = {
        RECORD(arena, version),
        RECORD(arena, version, second, first),
        RECORD(arena, version, first, first),
        RECORD(arena, version, unnumbered),
        RECORD(arena, version, too_high),
        RECORD(arena, version, no_blob),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        expect_status(STATUS_CORRUPT, record_decode_manifest(wrong[i], arena, &manifest));
    }
}

/* The largest that may be written fits a value of kv, and comes back. */
static void test_the_largest_manifest(void **state) {
    struct arena *arena = *state;
    struct record_manifest_part *parts = arena_calloc(arena, UPLOAD_PART_NUMBER_MAX, sizeof *parts);
    struct record_manifest manifest = {parts, UPLOAD_PART_NUMBER_MAX};
    struct slice raw = {0};
    for (uint32_t i = 0; i < UPLOAD_PART_NUMBER_MAX; i++) {
        parts[i] = (struct record_manifest_part){
            .number = i + 1,
            .size = UPLOAD_PART_SIZE_MAX,
            .checksum = {true, OBJECT_CHECKSUM_COMPOSITE, {CHECKSUM_SHA512, 64, {1}}}};
    }
    expect_ok(record_encode_manifest(&manifest, arena, &raw));
    assert_true(raw.len <= KV_VALUE_MAX);
    expect_ok(record_decode_manifest(raw, arena, &manifest));
    assert_int_equal(manifest.count, UPLOAD_PART_NUMBER_MAX);
    assert_int_equal(manifest.parts[UPLOAD_PART_NUMBER_MAX - 1].size, UPLOAD_PART_SIZE_MAX);
}

/* ---- varints -------------------------------------------------------------------------------- */

static void test_varints(void **state) {
    (void)state;
    static const struct wire_shape shape = {.numbers = WIRE(1)};
    const uint64_t values[] = {1, 127, 128, 300, UINT32_MAX, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char bytes[16];
        struct buf buf;
        struct wire wire;
        struct wire_field field;
        buf_init_fixed(&buf, bytes, sizeof bytes);
        wire_put_number(&buf, 1, values[i]);
        assert_int_equal(buf.len, wire_number_len(1, values[i]));
        wire_begin(&wire, &shape, buf_slice(&buf));
        assert_true(wire_next(&wire, &field));
        assert_true(field.value == values[i]);
        assert_false(wire_next(&wire, &field));
        expect_ok(wire_end(&wire));
    }
    const struct slice wrong[] = {
        SLICE("\x08"),                                         /* nothing behind the tag */
        SLICE("\x08\x80"),                                     /* no last byte */
        SLICE("\x08\x81\x00"),                                 /* longer than needed */
        SLICE("\x08\x00"),                                     /* the default, spelled out */
        SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* more than 64 bits */
        SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        SLICE("\x09\x01\x00\x00\x00\x00\x00\x00\x00"), /* another type */
        SLICE("\x0a\x01x"),                            /* bytes where a number is expected */
        SLICE("\x10\x01"),                             /* a field that is not known */
        SLICE("\x08\x01\x08\x01"),                     /* twice */
        SLICE("\x00\x01"),                             /* no field */
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct wire wire;
        struct wire_field field;
        wire_begin(&wire, &shape, wrong[i]);
        while (wire_next(&wire, &field)) continue;
        expect_status(STATUS_CORRUPT, wire_end(&wire));
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_is_protobuf),
        TEST(test_fields_are_the_right_ones),
        TEST(test_round_trips),
        TEST(test_refuses_other_lengths_and_versions),
        TEST(test_any_wrong_byte),
        TEST(test_objects_that_cannot_be),
        TEST(test_manifests_that_cannot_be),
        TEST(test_the_largest_manifest),
        TEST(test_varints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
