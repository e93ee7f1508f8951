#include "base/check.h"
#include "object/account.h"
#include "object/config.h"
#include "object/record_inner.h"

enum {
    EPOCH_FIELD_GENERATION = 2,
    EPOCH_FIELD_STATE = 3,
    EPOCH_FIELD_NAME = 4,
    EPOCH_FIELD_REGION = 5,
    EPOCH_FIELD_PROJECT_ID = 6,
    EPOCH_FIELD_OWNER_ID = 7,
    EPOCH_FIELD_OWNER_NAME = 8,
    EPOCH_FIELD_POLICY = 9,
    EPOCH_FIELD_HAS_S3_NAME = 10,
    EPOCH_FIELD_CREATED = 11,
    EPOCH_FIELD_CONFIGS = 12,
    EPOCH_FIELD_VERSIONING = 13,
    EPOCH_FIELD_LOCK_ENABLED = 14,
    EPOCH_FIELD_LOCK_MODE = 15,
    EPOCH_FIELD_LOCK_DAYS = 16,
    EPOCH_FIELD_LOCK_YEARS = 17,
    EPOCH_FIELD_QUOTA_BYTES = 18,
    EPOCH_FIELD_QUOTA_OBJECTS = 19,
    EPOCH_RECORD_MAX = 4 * 1024
};

enum {
    NAME_FIELD_INCARNATION = 2,
    CONFIG_FIELD_DOCUMENT = 2,
    PENDING_FIELD_STATE = 2,
    PENDING_FIELD_SINCE = 3,
    DIRECTORY_RECORD_MAX = 64
};

enum {
    ACCOUNT_FIELD_GENERATION = 2,
    ACCOUNT_FIELD_CREATED = 3,
    ACCOUNT_FIELD_META = 4,
    ACCOUNT_FIELD_ACL = 5,
    ACCOUNT_RECORD_MAX = 64 * 1024
};

static const struct wire_shape account_shape = {
    .numbers =
        WIRE(RECORD_FIELD_VERSION) | WIRE(ACCOUNT_FIELD_GENERATION) | WIRE(ACCOUNT_FIELD_CREATED),
    .bytes = WIRE(ACCOUNT_FIELD_META) | WIRE(ACCOUNT_FIELD_ACL),
    .repeated = WIRE(ACCOUNT_FIELD_META),
};

static const struct wire_shape epoch_shape = {
    .numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(EPOCH_FIELD_GENERATION) | WIRE(EPOCH_FIELD_STATE) |
               WIRE(EPOCH_FIELD_HAS_S3_NAME) | WIRE(EPOCH_FIELD_CREATED) |
               WIRE(EPOCH_FIELD_CONFIGS) | WIRE(EPOCH_FIELD_VERSIONING) |
               WIRE(EPOCH_FIELD_LOCK_ENABLED) | WIRE(EPOCH_FIELD_LOCK_MODE) |
               WIRE(EPOCH_FIELD_LOCK_DAYS) | WIRE(EPOCH_FIELD_LOCK_YEARS) |
               WIRE(EPOCH_FIELD_QUOTA_BYTES) | WIRE(EPOCH_FIELD_QUOTA_OBJECTS),
    .bytes = WIRE(EPOCH_FIELD_NAME) | WIRE(EPOCH_FIELD_REGION) | WIRE(EPOCH_FIELD_PROJECT_ID) |
             WIRE(EPOCH_FIELD_OWNER_ID) | WIRE(EPOCH_FIELD_OWNER_NAME) | WIRE(EPOCH_FIELD_POLICY),
};

struct status record_encode_epoch(const struct record_epoch *epoch, struct arena *arena,
                                  struct slice *ret_raw) {
    const struct bucket *bucket = &epoch->bucket;
    struct buf buf;
    record_begin(&buf, EPOCH_RECORD_MAX);
    wire_put_number(&buf, EPOCH_FIELD_GENERATION, epoch->generation);
    wire_put_number(&buf, EPOCH_FIELD_STATE, epoch->state);
    wire_put_bytes(&buf, EPOCH_FIELD_NAME, bucket->name);
    wire_put_bytes(&buf, EPOCH_FIELD_REGION, bucket->region);
    wire_put_bytes(&buf, EPOCH_FIELD_PROJECT_ID, bucket->project_id);
    wire_put_bytes(&buf, EPOCH_FIELD_OWNER_ID, bucket->owner_id);
    wire_put_bytes(&buf, EPOCH_FIELD_OWNER_NAME, bucket->owner_name);
    wire_put_bytes(&buf, EPOCH_FIELD_POLICY, bucket->policy);
    wire_put_number(&buf, EPOCH_FIELD_HAS_S3_NAME, bucket->has_s3_name);
    wire_put_number(&buf, EPOCH_FIELD_CREATED, (uint64_t)bucket->created_ns);
    wire_put_number(&buf, EPOCH_FIELD_CONFIGS, bucket->configs);
    wire_put_number(&buf, EPOCH_FIELD_VERSIONING, bucket->versioning);
    wire_put_number(&buf, EPOCH_FIELD_LOCK_ENABLED, bucket->lock.enabled);
    wire_put_number(&buf, EPOCH_FIELD_LOCK_MODE, bucket->lock.mode);
    wire_put_number(&buf, EPOCH_FIELD_LOCK_DAYS, bucket->lock.days);
    wire_put_number(&buf, EPOCH_FIELD_LOCK_YEARS, bucket->lock.years);
    const struct bucket_quota *quota = &bucket->quota;
    if (quota->limits_bytes) wire_put_number(&buf, EPOCH_FIELD_QUOTA_BYTES, quota->bytes + 1);
    if (quota->limits_objects) {
        wire_put_number(&buf, EPOCH_FIELD_QUOTA_OBJECTS, quota->objects + 1);
    }
    return record_finish(&buf, arena, ret_raw);
}

static void get_epoch_lock(struct wire *wire, const struct wire_field *field,
                           struct bucket_lock *lock) {
    switch (field->number) {
        case EPOCH_FIELD_LOCK_ENABLED:
            lock->enabled = record_number(wire, field, 1) == 1;
            break;
        case EPOCH_FIELD_LOCK_MODE:
            lock->mode = (enum object_lock_mode)record_number(wire, field, OBJECT_LOCK_COMPLIANCE);
            break;
        case EPOCH_FIELD_LOCK_DAYS:
            lock->days = record_number(wire, field, BUCKET_LOCK_PERIOD_MAX);
            break;
        case EPOCH_FIELD_LOCK_YEARS:
            lock->years = record_number(wire, field, BUCKET_LOCK_PERIOD_MAX);
            break;
    }
}

/* A quota is kept plus one: nothing may be in a bucket whose quota is 0. */
static void get_epoch_quota(struct wire *wire, const struct wire_field *field,
                            struct bucket_quota *quota) {
    uint64_t value = record_number(wire, field, BUCKET_QUOTA_MAX + 1);
    if (field->number == EPOCH_FIELD_QUOTA_BYTES) {
        quota->limits_bytes = true;
        quota->bytes = value - 1;
    } else if (field->number == EPOCH_FIELD_QUOTA_OBJECTS) {
        quota->limits_objects = true;
        quota->objects = value - 1;
    }
}

/* Whether lock and versioning go together (O12). */
static bool epoch_lock_sound(const struct bucket *bucket) {
    const struct bucket_lock *lock = &bucket->lock;
    bool has_default = lock->mode != OBJECT_LOCK_NONE;
    if (has_default != ((lock->days > 0) != (lock->years > 0))) return false;
    if (!has_default && lock->days > 0) return false;
    if (has_default && !lock->enabled) return false;
    return !lock->enabled || bucket->versioning == BUCKET_VERSIONING_ENABLED;
}

static void get_epoch_number(struct wire *wire, const struct wire_field *field,
                             struct record_epoch *epoch) {
    switch (field->number) {
        case EPOCH_FIELD_GENERATION:
            epoch->generation = field->value;
            break;
        case EPOCH_FIELD_STATE:
            epoch->state = (enum record_epoch_state)record_number(wire, field, RECORD_EPOCH_GONE);
            break;
        case EPOCH_FIELD_HAS_S3_NAME:
            epoch->bucket.has_s3_name = record_number(wire, field, 1) == 1;
            break;
        case EPOCH_FIELD_CREATED:
            epoch->bucket.created_ns = (int64_t)record_number(wire, field, INT64_MAX);
            break;
        case EPOCH_FIELD_CONFIGS:
            epoch->bucket.configs = field->value;
            break;
        case EPOCH_FIELD_VERSIONING:
            epoch->bucket.versioning =
                (enum bucket_versioning)record_number(wire, field, BUCKET_VERSIONING_SUSPENDED);
            break;
        case EPOCH_FIELD_QUOTA_BYTES:
        case EPOCH_FIELD_QUOTA_OBJECTS:
            get_epoch_quota(wire, field, &epoch->bucket.quota);
            break;
        default:
            get_epoch_lock(wire, field, &epoch->bucket.lock);
    }
}

static void get_epoch_bytes(struct wire *wire, const struct wire_field *field,
                            struct bucket *bucket) {
    switch (field->number) {
        case EPOCH_FIELD_NAME:
            bucket->name = record_bytes(wire, field, BUCKET_NAME_MAX);
            break;
        case EPOCH_FIELD_REGION:
            bucket->region = record_bytes(wire, field, RECORD_ID_MAX);
            break;
        case EPOCH_FIELD_PROJECT_ID:
            bucket->project_id = record_bytes(wire, field, RECORD_ID_MAX);
            break;
        case EPOCH_FIELD_OWNER_ID:
            bucket->owner_id = record_bytes(wire, field, RECORD_ID_MAX);
            break;
        case EPOCH_FIELD_OWNER_NAME:
            bucket->owner_name = record_bytes(wire, field, RECORD_NAME_MAX);
            break;
        case EPOCH_FIELD_POLICY:
            bucket->policy = record_bytes(wire, field, BLOB_POLICY_NAME_MAX);
            break;
    }
}

struct status record_decode_epoch(struct slice raw, struct kv_partition incarnation,
                                  struct record_epoch *ret_epoch) {
    struct record_epoch epoch = {.bucket = {.incarnation = incarnation, .epoch = raw}};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &epoch_shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        get_epoch_number(&wire, &field, &epoch);
        get_epoch_bytes(&wire, &field, &epoch.bucket);
    }
    TRY(wire_end(&wire));
    const struct bucket *bucket = &epoch.bucket;
    if (epoch.generation == 0 || epoch.state == 0 || bucket->name.len == 0 ||
        bucket->region.len == 0 || bucket->project_id.len == 0 || bucket->policy.len == 0 ||
        !epoch_lock_sound(bucket)) {
        return status_of(STATUS_CORRUPT);
    }
    *ret_epoch = epoch;
    return status_ok();
}

struct status record_encode_name(struct kv_partition incarnation, struct arena *arena,
                                 struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, DIRECTORY_RECORD_MAX);
    wire_put_bytes(&buf, NAME_FIELD_INCARNATION, slice_of(incarnation.id, sizeof incarnation.id));
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_name(struct slice raw, struct kv_partition *ret_incarnation) {
    static const struct wire_shape shape = {.numbers = WIRE(RECORD_FIELD_VERSION),
                                            .bytes = WIRE(NAME_FIELD_INCARNATION)};
    struct kv_partition incarnation = {{0}};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        record_exactly(&wire, &field, incarnation.id, sizeof incarnation.id);
    }
    TRY(wire_end(&wire));
    if (kv_partition_eq(incarnation, kv_partition_system)) return status_of(STATUS_CORRUPT);
    *ret_incarnation = incarnation;
    return status_ok();
}

struct status record_encode_config(struct slice document, struct arena *arena,
                                   struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, BUCKET_CONFIG_DOCUMENT_MAX + DIRECTORY_RECORD_MAX);
    wire_put_bytes(&buf, CONFIG_FIELD_DOCUMENT, document);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_config(struct slice raw, struct slice *ret_document) {
    static const struct wire_shape shape = {.numbers = WIRE(RECORD_FIELD_VERSION),
                                            .bytes = WIRE(CONFIG_FIELD_DOCUMENT)};
    struct slice document = SLICE("");
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        document = record_bytes(&wire, &field, BUCKET_CONFIG_DOCUMENT_MAX);
    }
    TRY(wire_end(&wire));
    *ret_document = document;
    return status_ok();
}

struct status record_encode_pending(const struct record_pending *pending, struct arena *arena,
                                    struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, DIRECTORY_RECORD_MAX);
    wire_put_number(&buf, PENDING_FIELD_STATE, pending->state);
    wire_put_number(&buf, PENDING_FIELD_SINCE, (uint64_t)pending->since_ns);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_pending(struct slice raw, struct record_pending *ret_pending) {
    static const struct wire_shape shape = {.numbers = WIRE(RECORD_FIELD_VERSION) |
                                                       WIRE(PENDING_FIELD_STATE) |
                                                       WIRE(PENDING_FIELD_SINCE)};
    struct record_pending pending = {0};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        if (field.number == PENDING_FIELD_STATE) {
            pending.state =
                (enum record_pending_state)record_number(&wire, &field, RECORD_PENDING_DROPPING);
        } else {
            pending.since_ns = (int64_t)record_number(&wire, &field, INT64_MAX);
        }
    }
    TRY(wire_end(&wire));
    if (pending.state == 0) return status_of(STATUS_CORRUPT);
    *ret_pending = pending;
    return status_ok();
}

struct status record_encode_account(const struct record_account *account, struct arena *arena,
                                    struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, ACCOUNT_RECORD_MAX);
    wire_put_number(&buf, ACCOUNT_FIELD_GENERATION, account->generation);
    wire_put_number(&buf, ACCOUNT_FIELD_CREATED, (uint64_t)account->created_ns);
    record_put_pairs(&buf, ACCOUNT_FIELD_META, &account->meta);
    wire_put_bytes(&buf, ACCOUNT_FIELD_ACL, account->acl);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_account(struct slice raw, struct arena *arena,
                                    struct record_account *ret_account) {
    struct record_account account = {0};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &account_shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        switch (field.number) {
            case ACCOUNT_FIELD_GENERATION:
                account.generation = field.value;
                break;
            case ACCOUNT_FIELD_CREATED:
                account.created_ns = (int64_t)record_number(&wire, &field, INT64_MAX);
                break;
            case ACCOUNT_FIELD_META:
                record_get_pairs(&wire, &field, ACCOUNT_META_MAX, arena, &account.meta);
                break;
            case ACCOUNT_FIELD_ACL:
                account.acl = record_bytes(&wire, &field, ACCOUNT_ACL_MAX);
                break;
        }
    }
    TRY(wire_end(&wire));
    TRY(arena_ok(arena));
    if (account.generation == 0) return status_of(STATUS_CORRUPT);
    *ret_account = account;
    return status_ok();
}
