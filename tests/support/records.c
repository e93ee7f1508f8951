#include "support/records.h"

#include "base/check.h"

/* ---- once around ---------------------------------------------------------------------------- */

static struct status object_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct object_info without;
    struct object_info info;
    TRY(record_decode_object(raw, arena, &info));
    CHECK(is_ok(record_decode_object(raw, NULL, &without)));
    CHECK(without.size == info.size && without.meta.user.count == 0);
    return record_encode_object(&info, arena, ret);
}

static struct status upload_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct upload upload;
    TRY(record_decode_upload(raw, arena, &upload));
    return record_encode_upload(&upload, arena, ret);
}

static struct status part_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct record_part part;
    TRY(record_decode_part(raw, &part));
    return record_encode_part(&part, arena, ret);
}

static struct status manifest_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct record_manifest manifest;
    TRY(record_decode_manifest(raw, arena, &manifest));
    return record_encode_manifest(&manifest, arena, ret);
}

static struct status garbage_again(struct slice raw, struct arena *arena, struct slice *ret) {
    uint32_t released;
    TRY(record_decode_manifest_garbage(raw, &released));
    return record_encode_manifest_garbage(released, arena, ret);
}

static struct status receipt_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct record_receipt receipt;
    TRY(record_decode_receipt(raw, &receipt));
    return record_encode_receipt(&receipt, arena, ret);
}

static struct status mark_again(struct slice raw, struct arena *arena, struct slice *ret) {
    int64_t since_ns;
    TRY(record_decode_mark(raw, &since_ns));
    return record_encode_mark(since_ns, arena, ret);
}

static struct status epoch_again(struct slice raw, struct arena *arena, struct slice *ret) {
    const struct kv_partition incarnation = {{1}};
    struct record_epoch epoch;
    TRY(record_decode_epoch(raw, incarnation, &epoch));
    return record_encode_epoch(&epoch, arena, ret);
}

static struct status name_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct kv_partition incarnation;
    TRY(record_decode_name(raw, &incarnation));
    return record_encode_name(incarnation, arena, ret);
}

static struct status pending_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct record_pending pending;
    TRY(record_decode_pending(raw, &pending));
    return record_encode_pending(&pending, arena, ret);
}

static struct status head_again(struct slice raw, struct arena *arena, struct slice *ret) {
    struct record_head head;
    TRY(record_decode_head(raw, &head));
    return record_encode_head(&head, arena, ret);
}

struct status test_record_again(enum test_record kind, struct slice raw, struct arena *arena,
                                struct slice *ret_again) {
    static const struct {
        struct status (*again)(struct slice raw, struct arena *arena, struct slice *ret);
    } rows[TEST_RECORD_COUNT] = {
        [TEST_RECORD_OBJECT] = {object_again},
        [TEST_RECORD_UPLOAD] = {upload_again},
        [TEST_RECORD_PART] = {part_again},
        [TEST_RECORD_MANIFEST] = {manifest_again},
        [TEST_RECORD_MANIFEST_GARBAGE] = {garbage_again},
        [TEST_RECORD_RECEIPT] = {receipt_again},
        [TEST_RECORD_MARK] = {mark_again},
        [TEST_RECORD_EPOCH] = {epoch_again},
        [TEST_RECORD_NAME] = {name_again},
        [TEST_RECORD_PENDING] = {pending_again},
        [TEST_RECORD_HEAD] = {head_again},
    };
    CHECK(kind < TEST_RECORD_COUNT);
    return rows[kind].again(raw, arena, ret_again);
}

/* ---- samples -------------------------------------------------------------------------------- */

static const struct object_pair headers[] = {{SLICE("content-type"), SLICE("text/plain")},
                                             {SLICE("cache-control"), SLICE("no-store")}};
static const struct object_pair user[] = {{SLICE("a"), SLICE("")}, {SLICE("b"), SLICE("1")}};

static const struct object_meta meta = {
    .headers = {headers, 2},
    .user = {user, 2},
    .storage_class = SLICE("STANDARD_IA"),
    .owner_id = SLICE("user-1"),
    .owner_name = SLICE("Alice"),
    .tags = {user, 2},
    .acl = SLICE("<acl>"),
    .lock = {OBJECT_LOCK_COMPLIANCE, INT64_C(1800000000000000000), true},
};

static const struct object_checksum checksum = {
    .present = true,
    .type = OBJECT_CHECKSUM_COMPOSITE,
    .value = {CHECKSUM_SHA1, 20, {1, 2, 3}},
};

static struct status sample_object(struct arena *arena, struct slice *ret_raw) {
    const struct object_info info = {
        .size = 1000,
        .etag = SLICE("0123456789abcdef0123456789abcdef-3"),
        .modified_ns = INT64_C(1700000000000000000),
        .part_count = 3,
        .checksum = checksum,
        .meta = meta,
        .content = {OBJECT_CONTENT_MANIFEST, {{9, 8, 7}}},
        .version = {{1, 2, 3}},
        .null_version = true,
    };
    return record_encode_object(&info, arena, ret_raw);
}

static struct status sample_upload(struct arena *arena, struct slice *ret_raw) {
    const struct upload upload = {
        .created_ns = INT64_C(1700000000000000000),
        .meta = meta,
        .checksum = {true, CHECKSUM_CRC64NVME, OBJECT_CHECKSUM_FULL},
        .initiator_id = SLICE("user-2"),
        .initiator_name = SLICE("Bob"),
    };
    return record_encode_upload(&upload, arena, ret_raw);
}

static struct status sample_part(struct arena *arena, struct slice *ret_raw) {
    const struct record_part part = {
        .size = 5, .etag = SLICE("e"), .modified_ns = 7, .blob = {{1, 2}}, .checksum = checksum};
    return record_encode_part(&part, arena, ret_raw);
}

static struct status sample_manifest(struct arena *arena, struct slice *ret_raw) {
    struct record_manifest_part parts[] = {
        {.number = 1, .size = 5, .blob = {{1}}, .checksum = checksum},
        {.number = 3, .size = 0},
        {.number = 10000, .size = 6, .blob = {{2}}},
    };
    const struct record_manifest manifest = {parts, ARRAY_LEN(parts)};
    return record_encode_manifest(&manifest, arena, ret_raw);
}

static struct status sample_receipt(struct arena *arena, struct slice *ret_raw) {
    struct record_receipt receipt = {
        .expires_ns = 8, .key = SLICE("key"), .parts_digest = {1, 2, 3}};
    TRY(sample_object(arena, &receipt.object));
    return record_encode_receipt(&receipt, arena, ret_raw);
}

static struct status sample_epoch(struct arena *arena, struct slice *ret_raw) {
    const struct record_epoch epoch = {.generation = 3,
                                       .state = RECORD_EPOCH_GONE,
                                       .bucket = {.name = SLICE("bucket"),
                                                  .region = SLICE("europe-se-1"),
                                                  .project_id = SLICE("project-1"),
                                                  .owner_id = SLICE("user-1"),
                                                  .owner_name = SLICE("Alice"),
                                                  .policy = SLICE("standard"),
                                                  .has_s3_name = true,
                                                  .created_ns = 9,
                                                  .versioning = BUCKET_VERSIONING_ENABLED,
                                                  .lock = {true, OBJECT_LOCK_GOVERNANCE, 30, 0}}};
    return record_encode_epoch(&epoch, arena, ret_raw);
}

struct status test_record_sample(enum test_record kind, struct arena *arena,
                                 struct slice *ret_raw) {
    const struct record_pending pending = {RECORD_PENDING_DROPPING, 77};
    const struct kv_partition incarnation = {{3, 2, 1}};
    const struct record_head head = {{{1, 2}}, true, {{3, 4}}};
    switch (kind) {
        case TEST_RECORD_OBJECT:
            return sample_object(arena, ret_raw);
        case TEST_RECORD_UPLOAD:
            return sample_upload(arena, ret_raw);
        case TEST_RECORD_PART:
            return sample_part(arena, ret_raw);
        case TEST_RECORD_MANIFEST:
            return sample_manifest(arena, ret_raw);
        case TEST_RECORD_MANIFEST_GARBAGE:
            return record_encode_manifest_garbage(500, arena, ret_raw);
        case TEST_RECORD_RECEIPT:
            return sample_receipt(arena, ret_raw);
        case TEST_RECORD_MARK:
            return record_encode_mark(1234567, arena, ret_raw);
        case TEST_RECORD_EPOCH:
            return sample_epoch(arena, ret_raw);
        case TEST_RECORD_NAME:
            return record_encode_name(incarnation, arena, ret_raw);
        case TEST_RECORD_PENDING:
            return record_encode_pending(&pending, arena, ret_raw);
        case TEST_RECORD_HEAD:
            return record_encode_head(&head, arena, ret_raw);
        case TEST_RECORD_COUNT:
            break;
    }
    return status_of(STATUS_INVALID);
}
