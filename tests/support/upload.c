#include "support/upload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"

void expect_status(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static void store_open(struct upload_fixture *fixture, struct kv *kv) {
    struct object_store_config config = {.kv = kv,
                                         .blob = fixture->under.blob,
                                         .clock = &fixture->clock.clock,
                                         .random = random_system()};
    CHECK(is_ok(object_store_open(&config, NULL, &fixture->store)));
}

void upload_fixture_restart(struct upload_fixture *fixture, struct kv *kv) {
    object_store_close(&fixture->store);
    store_open(fixture, kv);
}

void upload_fixture_open(struct upload_fixture *fixture, enum test_driver driver) {
    *fixture = (struct upload_fixture){0};
    test_store_open(&fixture->under, driver);
    clock_manual_init(&fixture->clock, INT64_C(1700000000) * 1000000000);
    arena_init(&fixture->arena, 64 * 1024, 64 * 1024 * 1024);
    store_open(fixture, fixture->under.kv);
    struct bucket_wanted wanted = {.name = SLICE("bucket"),
                                   .region = SLICE("region"),
                                   .project_id = SLICE("project"),
                                   .owner_id = SLICE("owner"),
                                   .owner_name = SLICE("Owner"),
                                   .policy = TEST_POLICY,
                                   .claim_s3_name = true,
                                   .buckets_max = UINT64_MAX};
    CHECK(is_ok(bucket_create(fixture->store, &wanted, &fixture->arena, NULL, &fixture->bucket)));
}

void upload_fixture_close(struct upload_fixture *fixture) {
    object_store_close(&fixture->store);
    test_store_close(&fixture->under);
    arena_fini(&fixture->arena);
}

struct holdings upload_fixture_tidy(struct upload_fixture *fixture) {
    bool done = false;
    for (int i = 0; !done && i < 1000; i++) {
        expect_status(object_store_tidy(fixture->store, &done), STATUS_OK);
    }
    assert_true(done);
    struct holdings holdings;
    holdings_read(fixture->under.kv, fixture->bucket.incarnation, &holdings);
    assert_int_equal(holdings.waiting, 0);
    return holdings;
}

struct upload upload_started(struct upload_fixture *fixture, const char *key) {
    struct upload wanted = {.key = slice_str(key),
                            .meta = {.owner_id = SLICE("owner"), .owner_name = SLICE("Owner")},
                            .initiator_id = SLICE("initiator")};
    struct upload upload;
    expect_status(
        upload_create(fixture->store, &fixture->bucket, &wanted, &fixture->arena, &upload),
        STATUS_OK);
    return upload;
}

struct slice md5_text(struct slice bytes, struct arena *arena) {
    uint8_t md5[DIGEST_MD5_LEN];
    char text[2 * DIGEST_MD5_LEN];
    struct buf buf;
    digest_md5(bytes, md5);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(md5, sizeof md5));
    return arena_dup(arena, buf_slice(&buf));
}

struct status upload_part_put(struct object_store *store, const struct bucket *bucket,
                              const struct upload *upload, uint32_t number, struct slice bytes,
                              struct arena *arena, struct upload_listed_part *ret_listed) {
    struct upload_part_writer *writer;
    struct object_checksum checksum = {.present = upload->checksum.present};
    if (checksum.present) checksum_of(upload->checksum.kind, bytes, &checksum.value);
    struct slice etag = md5_text(bytes, arena);
    TRY(upload_part_begin(store, bucket, upload, number, bytes.len, NULL, &writer));
    struct status s = upload_part_write(writer, bytes);
    if (!is_ok(s)) {
        upload_part_abort(&writer);
        return s;
    }
    CHECK(upload_part_size(writer) == bytes.len);
    TRY(upload_part_commit(&writer, etag, &checksum, NULL));
    *ret_listed = (struct upload_listed_part){.number = number, .etag = etag};
    return status_ok();
}

struct status object_put_bytes(struct object_store *store, const struct bucket *bucket,
                               struct slice key, struct slice bytes,
                               const struct object_condition *condition) {
    struct object_put put = {.key = key, .size_hint = bytes.len};
    struct object_writer *writer;
    struct arena arena;
    arena_init(&arena, 1024, 1024 * 1024);
    struct status s = object_writer_begin(store, bucket, &put, NULL, &writer);
    if (is_ok(s)) {
        s = object_writer_write(writer, bytes);
        struct object_seal seal = {.etag = md5_text(bytes, &arena), .condition = condition};
        if (is_ok(s)) {
            s = object_writer_commit(&writer, &seal, NULL, NULL);
        } else {
            object_writer_abort(&writer);
        }
    }
    arena_fini(&arena);
    return s;
}

const char *object_text(struct object_store *store, const struct bucket *bucket, struct slice key,
                        struct arena *arena) {
    struct object_info info;
    struct object_reader *reader;
    struct status s = object_open(store, bucket, key, arena, &info, &reader);
    if (status_is(s, STATUS_NOT_FOUND)) return NULL;
    expect_status(s, STATUS_OK);
    char *text = arena_calloc(arena, info.size + 1, 1);
    CHECK(text);
    expect_status(object_reader_read(reader, 0, text, info.size), STATUS_OK);
    object_reader_close(&reader);
    return text;
}
