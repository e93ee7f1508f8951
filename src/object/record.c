#include "object/record.h"

#include "base/check.h"
#include "object/record_inner.h"

enum {
    OBJECT_RECORD_MAX = 64 * 1024, /* above what the limits of object.h come to */
    PART_RECORD_MAX = 1024,
    META_FIELD_CLASS = 9, /* the metadata has the same numbers in Object and Upload */
    META_FIELD_OWNER_ID = 10,
    META_FIELD_OWNER_NAME = 11,
    META_FIELD_HEADERS = 12,
    META_FIELD_USER = 13,
    META_FIELD_TAGS = 14,
    META_FIELD_ACL = 15,
    META_FIELD_LOCK_MODE = 16,
    META_FIELD_LOCK_UNTIL = 17,
    META_FIELD_LEGAL_HOLD = 18,
    META_FIELD_DELETE_AT = 28,
    META_NUMBERS = WIRE(META_FIELD_LOCK_MODE) | WIRE(META_FIELD_LOCK_UNTIL) |
                   WIRE(META_FIELD_LEGAL_HOLD) | WIRE(META_FIELD_DELETE_AT),
    META_FIELDS = WIRE(META_FIELD_CLASS) | WIRE(META_FIELD_OWNER_ID) | WIRE(META_FIELD_OWNER_NAME) |
                  WIRE(META_FIELD_HEADERS) | WIRE(META_FIELD_USER) | WIRE(META_FIELD_TAGS) |
                  WIRE(META_FIELD_ACL),
    META_REPEATED = WIRE(META_FIELD_HEADERS) | WIRE(META_FIELD_USER) | WIRE(META_FIELD_TAGS)
};

enum { PAIR_FIELD_NAME = 1, PAIR_FIELD_VALUE = 2 };

static const struct wire_shape pair_shape = {.bytes =
                                                 WIRE(PAIR_FIELD_NAME) | WIRE(PAIR_FIELD_VALUE)};

/* ---- metadata ------------------------------------------------------------------------------- */

static struct status pairs_ok(const struct object_pairs *pairs, size_t count_max, size_t bytes_max,
                              size_t *bytes) {
    if (pairs->count > count_max) return status_of(STATUS_TOO_LARGE);
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].name.len == 0) return status_of(STATUS_INVALID);
        *bytes += pairs->items[i].name.len + pairs->items[i].value.len;
        if (*bytes > bytes_max) return status_of(STATUS_TOO_LARGE);
    }
    return status_ok();
}

struct status record_meta_ok(const struct object_meta *meta) {
    size_t bytes = 0;
    size_t tag_bytes = 0;
    if (meta->storage_class.len > RECORD_CLASS_MAX || meta->owner_id.len > RECORD_ID_MAX ||
        meta->owner_name.len > RECORD_NAME_MAX || meta->acl.len > OBJECT_ACL_MAX) {
        return status_of(STATUS_TOO_LARGE);
    }
    if (meta->delete_at_s < 0 || meta->delete_at_s > OBJECT_DELETE_AT_MAX) {
        return status_of(STATUS_INVALID);
    }
    if ((meta->lock.mode == OBJECT_LOCK_NONE) != (meta->lock.until_ns == 0)) {
        return status_of(STATUS_INVALID);
    }
    TRY(pairs_ok(&meta->headers, OBJECT_HEADERS_MAX, OBJECT_META_BYTES_MAX, &bytes));
    TRY(pairs_ok(&meta->user, OBJECT_USER_META_MAX, OBJECT_META_BYTES_MAX, &bytes));
    return pairs_ok(&meta->tags, OBJECT_TAGS_MAX, OBJECT_TAG_BYTES_MAX, &tag_bytes);
}

void record_put_pairs(struct buf *buf, uint32_t number, const struct object_pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        const struct object_pair *pair = &pairs->items[i];
        wire_put_head(buf, number,
                      wire_bytes_len(PAIR_FIELD_NAME, pair->name.len) +
                          wire_bytes_len(PAIR_FIELD_VALUE, pair->value.len));
        wire_put_bytes(buf, PAIR_FIELD_NAME, pair->name);
        wire_put_bytes(buf, PAIR_FIELD_VALUE, pair->value);
    }
}

static void put_meta(struct buf *buf, const struct object_meta *meta) {
    wire_put_bytes(buf, META_FIELD_CLASS, meta->storage_class);
    wire_put_bytes(buf, META_FIELD_OWNER_ID, meta->owner_id);
    wire_put_bytes(buf, META_FIELD_OWNER_NAME, meta->owner_name);
    record_put_pairs(buf, META_FIELD_HEADERS, &meta->headers);
    record_put_pairs(buf, META_FIELD_USER, &meta->user);
    record_put_pairs(buf, META_FIELD_TAGS, &meta->tags);
    wire_put_bytes(buf, META_FIELD_ACL, meta->acl);
    wire_put_number(buf, META_FIELD_LOCK_MODE, meta->lock.mode);
    wire_put_number(buf, META_FIELD_LOCK_UNTIL, (uint64_t)meta->lock.until_ns);
    wire_put_number(buf, META_FIELD_LEGAL_HOLD, meta->lock.legal_hold);
}

/* Behind all other fields. */
static void put_expiry(struct buf *buf, const struct object_meta *meta) {
    wire_put_number(buf, META_FIELD_DELETE_AT, (uint64_t)meta->delete_at_s);
}

static void get_pair(struct wire *wire, const struct wire_field *field,
                     struct object_pair *ret_pair) {
    struct wire inner;
    struct wire_field at;
    struct object_pair pair = {{0}, {0}};
    for (wire_begin(&inner, &pair_shape, field->bytes); wire_next(&inner, &at);) {
        if (at.number == PAIR_FIELD_NAME) pair.name = at.bytes;
        if (at.number == PAIR_FIELD_VALUE) pair.value = at.bytes;
    }
    record_expect(wire, is_ok(wire_end(&inner)) && pair.name.len > 0);
    *ret_pair = pair;
}

/* Room for as many pairs as there are, `field` being the first of them. */
static struct object_pair *pairs_room(const struct wire *wire, const struct wire_field *field,
                                      size_t count_max, struct arena *arena) {
    struct wire ahead = *wire;
    struct wire_field at;
    size_t count = 1;
    while (count < count_max && wire_next(&ahead, &at) && at.number == field->number) count++;
    return arena_calloc(arena, count, sizeof(struct object_pair));
}

/* Takes one pair; without an arena it is skipped. */
void record_get_pairs(struct wire *wire, const struct wire_field *field, size_t count_max,
                      struct arena *arena, struct object_pairs *pairs) {
    if (!arena) return;
    if (pairs->count == 0) pairs->items = pairs_room(wire, field, count_max, arena);
    record_expect(wire, pairs->count < count_max);
    if (wire->damaged || !pairs->items) return;
    get_pair(wire, field, (struct object_pair *)(uintptr_t)&pairs->items[pairs->count]);
    pairs->count++;
}

static void get_lock(struct wire *wire, const struct wire_field *field, struct object_lock *lock) {
    switch (field->number) {
        case META_FIELD_LOCK_MODE:
            lock->mode = (enum object_lock_mode)record_number(wire, field, OBJECT_LOCK_COMPLIANCE);
            break;
        case META_FIELD_LOCK_UNTIL:
            lock->until_ns = (int64_t)record_number(wire, field, INT64_MAX);
            break;
        case META_FIELD_LEGAL_HOLD:
            lock->legal_hold = record_number(wire, field, 1) == 1;
            break;
    }
}

static void get_meta(struct wire *wire, const struct wire_field *field, struct arena *arena,
                     struct object_meta *meta) {
    switch (field->number) {
        case META_FIELD_CLASS:
            meta->storage_class = record_bytes(wire, field, RECORD_CLASS_MAX);
            break;
        case META_FIELD_OWNER_ID:
            meta->owner_id = record_bytes(wire, field, RECORD_ID_MAX);
            break;
        case META_FIELD_OWNER_NAME:
            meta->owner_name = record_bytes(wire, field, RECORD_NAME_MAX);
            break;
        case META_FIELD_HEADERS:
            record_get_pairs(wire, field, OBJECT_HEADERS_MAX, arena, &meta->headers);
            break;
        case META_FIELD_USER:
            record_get_pairs(wire, field, OBJECT_USER_META_MAX, arena, &meta->user);
            break;
        case META_FIELD_TAGS:
            record_get_pairs(wire, field, OBJECT_TAGS_MAX, arena, &meta->tags);
            break;
        case META_FIELD_ACL:
            meta->acl = record_bytes(wire, field, OBJECT_ACL_MAX);
            break;
        case META_FIELD_DELETE_AT:
            meta->delete_at_s = (int64_t)record_number(wire, field, OBJECT_DELETE_AT_MAX);
            break;
        default:
            get_lock(wire, field, &meta->lock);
    }
}

/* OK if the metadata as it was read is what put_meta may have written. */
static struct status meta_sound(const struct object_meta *meta, struct arena *arena) {
    if (arena) TRY(arena_ok(arena));
    return is_ok(record_meta_ok(meta)) ? status_ok() : status_of(STATUS_CORRUPT);
}

/* ---- objects -------------------------------------------------------------------------------- */

enum {
    OBJECT_FIELD_SIZE = 2,
    OBJECT_FIELD_ETAG = 3,
    OBJECT_FIELD_MODIFIED = 4,
    OBJECT_FIELD_PART_COUNT = 5,
    OBJECT_FIELD_CONTENT_KIND = 6,
    OBJECT_FIELD_CONTENT_ID = 7,
    OBJECT_FIELD_CHECKSUM = 8,
    OBJECT_FIELD_VERSION_ID = 19,
    OBJECT_FIELD_NULL_VERSION = 20,
    OBJECT_FIELD_DELETE_MARKER = 21,
    OBJECT_FIELD_LINK_KIND = 22,
    OBJECT_FIELD_LINK_ACCOUNT = 23,
    OBJECT_FIELD_LINK_CONTAINER = 24,
    OBJECT_FIELD_LINK_OBJECT = 25,
    OBJECT_FIELD_LINK_ETAG = 26,
    OBJECT_FIELD_LINK_SIZE = 27
};

static const struct wire_shape object_shape = {
    .numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(OBJECT_FIELD_SIZE) | WIRE(OBJECT_FIELD_MODIFIED) |
               WIRE(OBJECT_FIELD_PART_COUNT) | WIRE(OBJECT_FIELD_CONTENT_KIND) |
               WIRE(OBJECT_FIELD_NULL_VERSION) | WIRE(OBJECT_FIELD_DELETE_MARKER) |
               WIRE(OBJECT_FIELD_LINK_KIND) | WIRE(OBJECT_FIELD_LINK_SIZE) | META_NUMBERS,
    .bytes = WIRE(OBJECT_FIELD_ETAG) | WIRE(OBJECT_FIELD_CONTENT_ID) | WIRE(OBJECT_FIELD_CHECKSUM) |
             WIRE(OBJECT_FIELD_VERSION_ID) | WIRE(OBJECT_FIELD_LINK_ACCOUNT) |
             WIRE(OBJECT_FIELD_LINK_CONTAINER) | WIRE(OBJECT_FIELD_LINK_OBJECT) |
             WIRE(OBJECT_FIELD_LINK_ETAG) | META_FIELDS,
    .repeated = META_REPEATED,
};

static void put_link(struct buf *buf, const struct object_link *link) {
    wire_put_number(buf, OBJECT_FIELD_LINK_KIND, link->kind);
    wire_put_bytes(buf, OBJECT_FIELD_LINK_ACCOUNT, link->account);
    wire_put_bytes(buf, OBJECT_FIELD_LINK_CONTAINER, link->container);
    wire_put_bytes(buf, OBJECT_FIELD_LINK_OBJECT, link->object);
    wire_put_bytes(buf, OBJECT_FIELD_LINK_ETAG, link->etag);
    wire_put_number(buf, OBJECT_FIELD_LINK_SIZE, link->size);
}

/* Whether the fields of a link go with its kind. */
static bool link_sound(const struct object_link *link, enum object_content_kind content) {
    bool is_symlink = link->kind == OBJECT_LINK_SYMLINK;
    bool names = is_symlink || link->kind == OBJECT_LINK_PREFIX;
    if (link->account.len > OBJECT_LINK_ACCOUNT_MAX || link->container.len > BUCKET_NAME_MAX ||
        link->object.len > OBJECT_KEY_MAX || link->etag.len > RECORD_ETAG_MAX) {
        return false;
    }
    if (names != (link->container.len > 0) || (!names && link->object.len > 0)) return false;
    if (!is_symlink && (link->account.len > 0 || link->size > 0)) return false;
    if (is_symlink && link->object.len == 0) return false;
    if (link->kind == OBJECT_LINK_SEGMENTS) return content == OBJECT_CONTENT_MANIFEST;
    return is_symlink ? content == OBJECT_CONTENT_NONE : names || link->etag.len == 0;
}

struct status record_encode_object(const struct object_info *info, struct arena *arena,
                                   struct slice *ret_raw) {
    TRY(record_meta_ok(&info->meta));
    CHECK(info->delete_marker == (info->etag.len == 0) && info->etag.len <= RECORD_ETAG_MAX);
    if (!link_sound(&info->link, info->content.kind)) return status_of(STATUS_INVALID);
    struct buf buf;
    record_begin(&buf, OBJECT_RECORD_MAX);
    wire_put_number(&buf, OBJECT_FIELD_SIZE, info->size);
    wire_put_bytes(&buf, OBJECT_FIELD_ETAG, info->etag);
    wire_put_number(&buf, OBJECT_FIELD_MODIFIED, (uint64_t)info->modified_ns);
    wire_put_number(&buf, OBJECT_FIELD_PART_COUNT, info->part_count);
    wire_put_number(&buf, OBJECT_FIELD_CONTENT_KIND, info->content.kind);
    if (info->content.kind != OBJECT_CONTENT_NONE) {
        wire_put_bytes(&buf, OBJECT_FIELD_CONTENT_ID,
                       slice_of(info->content.id.bytes, BLOB_ID_LEN));
    }
    record_put_checksum(&buf, OBJECT_FIELD_CHECKSUM, &info->checksum, true);
    put_meta(&buf, &info->meta);
    if (!version_id_is_none(info->version)) {
        wire_put_bytes(&buf, OBJECT_FIELD_VERSION_ID,
                       slice_of(info->version.bytes, OBJECT_VERSION_ID_LEN));
        wire_put_number(&buf, OBJECT_FIELD_NULL_VERSION, info->null_version);
    }
    wire_put_number(&buf, OBJECT_FIELD_DELETE_MARKER, info->delete_marker);
    put_link(&buf, &info->link);
    put_expiry(&buf, &info->meta);
    return record_finish(&buf, arena, ret_raw);
}

static void get_link_field(struct wire *wire, const struct wire_field *field,
                           struct object_link *link) {
    switch (field->number) {
        case OBJECT_FIELD_LINK_KIND:
            link->kind = (enum object_link_kind)record_number(wire, field, OBJECT_LINK_SYMLINK);
            break;
        case OBJECT_FIELD_LINK_ACCOUNT:
            link->account = record_bytes(wire, field, OBJECT_LINK_ACCOUNT_MAX);
            break;
        case OBJECT_FIELD_LINK_CONTAINER:
            link->container = record_bytes(wire, field, BUCKET_NAME_MAX);
            break;
        case OBJECT_FIELD_LINK_OBJECT:
            link->object = record_bytes(wire, field, OBJECT_KEY_MAX);
            break;
        case OBJECT_FIELD_LINK_ETAG:
            link->etag = record_bytes(wire, field, RECORD_ETAG_MAX);
            break;
        case OBJECT_FIELD_LINK_SIZE:
            link->size = record_number(wire, field, INT64_MAX);
            break;
    }
}

static void get_version_field(struct wire *wire, const struct wire_field *field,
                              struct object_info *info) {
    switch (field->number) {
        case OBJECT_FIELD_VERSION_ID:
            record_exactly(wire, field, info->version.bytes, OBJECT_VERSION_ID_LEN);
            record_expect(wire, !version_id_is_none(info->version));
            break;
        case OBJECT_FIELD_NULL_VERSION:
            record_expect(wire, !version_id_is_none(info->version));
            info->null_version = record_number(wire, field, 1) == 1;
            break;
        case OBJECT_FIELD_DELETE_MARKER:
            info->delete_marker = record_number(wire, field, 1) == 1;
            break;
    }
}

static void get_object_field(struct wire *wire, const struct wire_field *field, struct arena *arena,
                             struct object_info *info) {
    switch (field->number) {
        case OBJECT_FIELD_SIZE:
            info->size = record_number(wire, field, INT64_MAX);
            break;
        case OBJECT_FIELD_ETAG:
            info->etag = record_bytes(wire, field, RECORD_ETAG_MAX);
            break;
        case OBJECT_FIELD_MODIFIED:
            info->modified_ns = (int64_t)record_number(wire, field, INT64_MAX);
            break;
        case OBJECT_FIELD_PART_COUNT:
            info->part_count = (uint32_t)record_number(wire, field, UPLOAD_PART_NUMBER_MAX);
            break;
        case OBJECT_FIELD_CONTENT_KIND:
            info->content.kind =
                (enum object_content_kind)record_number(wire, field, OBJECT_CONTENT_MANIFEST);
            break;
        case OBJECT_FIELD_CONTENT_ID:
            record_expect(wire, info->content.kind != OBJECT_CONTENT_NONE);
            record_exactly(wire, field, info->content.id.bytes, BLOB_ID_LEN);
            break;
        case OBJECT_FIELD_CHECKSUM:
            record_get_checksum(wire, field, true, &info->checksum);
            break;
        case OBJECT_FIELD_VERSION_ID:
        case OBJECT_FIELD_NULL_VERSION:
        case OBJECT_FIELD_DELETE_MARKER:
            get_version_field(wire, field, info);
            break;
        case OBJECT_FIELD_LINK_KIND:
        case OBJECT_FIELD_LINK_ACCOUNT:
        case OBJECT_FIELD_LINK_CONTAINER:
        case OBJECT_FIELD_LINK_OBJECT:
        case OBJECT_FIELD_LINK_ETAG:
        case OBJECT_FIELD_LINK_SIZE:
            get_link_field(wire, field, &info->link);
            break;
        default:
            get_meta(wire, field, arena, &info->meta);
    }
}

/* Whether kind of content, size and number of parts go together (O9). */
static bool content_sound(const struct object_info *info, bool has_id) {
    switch (info->content.kind) {
        case OBJECT_CONTENT_NONE:
            return info->size == 0 && info->part_count == 0 && !has_id;
        case OBJECT_CONTENT_BLOB:
            return info->size > 0 && info->part_count == 0 && has_id;
        case OBJECT_CONTENT_MANIFEST:
            return info->part_count > 0 && has_id;
    }
    return false;
}

struct status record_decode_object(struct slice raw, struct arena *arena,
                                   struct object_info *ret_info) {
    struct object_info info = {.record = raw};
    bool has_id = false;
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &object_shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        has_id |= field.number == OBJECT_FIELD_CONTENT_ID;
        get_object_field(&wire, &field, arena, &info);
    }
    TRY(wire_end(&wire));
    if (info.delete_marker != (info.etag.len == 0)) return status_of(STATUS_CORRUPT);
    if (info.delete_marker && info.content.kind != OBJECT_CONTENT_NONE) {
        return status_of(STATUS_CORRUPT);
    }
    if (!content_sound(&info, has_id)) return status_of(STATUS_CORRUPT);
    if (!link_sound(&info.link, info.content.kind)) return status_of(STATUS_CORRUPT);
    /* What was written before its bucket had versioning is the null version (O13). */
    if (version_id_is_none(info.version)) info.null_version = true;
    TRY(meta_sound(&info.meta, arena));
    *ret_info = info;
    return status_ok();
}

/* ---- heads ---------------------------------------------------------------------------------- */

enum { HEAD_FIELD_NEWEST = 2, HEAD_FIELD_NULL = 3, HEAD_RECORD_MAX = 64 };

struct status record_encode_head(const struct record_head *head, struct arena *arena,
                                 struct slice *ret_raw) {
    struct buf buf;
    record_begin(&buf, HEAD_RECORD_MAX);
    wire_put_bytes(&buf, HEAD_FIELD_NEWEST, slice_of(head->newest.bytes, OBJECT_VERSION_ID_LEN));
    if (head->has_null) {
        wire_put_bytes(&buf, HEAD_FIELD_NULL,
                       slice_of(head->null_version.bytes, OBJECT_VERSION_ID_LEN));
    }
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_head(struct slice raw, struct record_head *ret_head) {
    static const struct wire_shape shape = {
        .numbers = WIRE(RECORD_FIELD_VERSION),
        .bytes = WIRE(HEAD_FIELD_NEWEST) | WIRE(HEAD_FIELD_NULL)};
    struct record_head head = {0};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        bool newest = field.number == HEAD_FIELD_NEWEST;
        struct object_version_id *into = newest ? &head.newest : &head.null_version;
        head.has_null |= !newest;
        record_exactly(&wire, &field, into->bytes, OBJECT_VERSION_ID_LEN);
    }
    TRY(wire_end(&wire));
    if (version_id_is_none(head.newest)) return status_of(STATUS_CORRUPT);
    if (head.has_null && version_id_is_none(head.null_version)) return status_of(STATUS_CORRUPT);
    *ret_head = head;
    return status_ok();
}

/* ---- uploads -------------------------------------------------------------------------------- */

enum {
    UPLOAD_FIELD_CREATED = 2,
    UPLOAD_FIELD_CHECKSUM = 3,
    UPLOAD_FIELD_INITIATOR_ID = 4,
    UPLOAD_FIELD_INITIATOR_NAME = 5
};

static const struct wire_shape upload_shape = {
    .numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(UPLOAD_FIELD_CREATED) | META_NUMBERS,
    .bytes = WIRE(UPLOAD_FIELD_CHECKSUM) | WIRE(UPLOAD_FIELD_INITIATOR_ID) |
             WIRE(UPLOAD_FIELD_INITIATOR_NAME) | META_FIELDS,
    .repeated = META_REPEATED,
};

struct status record_encode_upload(const struct upload *upload, struct arena *arena,
                                   struct slice *ret_raw) {
    TRY(record_meta_ok(&upload->meta));
    if (upload->initiator_id.len > RECORD_ID_MAX || upload->initiator_name.len > RECORD_NAME_MAX) {
        return status_of(STATUS_TOO_LARGE);
    }
    struct object_checksum wanted = {.present = upload->checksum.present,
                                     .type = upload->checksum.type,
                                     .value = {.kind = upload->checksum.kind}};
    struct buf buf;
    record_begin(&buf, OBJECT_RECORD_MAX);
    wire_put_number(&buf, UPLOAD_FIELD_CREATED, (uint64_t)upload->created_ns);
    record_put_checksum(&buf, UPLOAD_FIELD_CHECKSUM, &wanted, false);
    wire_put_bytes(&buf, UPLOAD_FIELD_INITIATOR_ID, upload->initiator_id);
    wire_put_bytes(&buf, UPLOAD_FIELD_INITIATOR_NAME, upload->initiator_name);
    put_meta(&buf, &upload->meta);
    put_expiry(&buf, &upload->meta);
    return record_finish(&buf, arena, ret_raw);
}

static void get_upload_field(struct wire *wire, const struct wire_field *field, struct arena *arena,
                             struct upload *upload) {
    struct object_checksum wanted = {0};
    switch (field->number) {
        case UPLOAD_FIELD_CREATED:
            upload->created_ns = (int64_t)record_number(wire, field, INT64_MAX);
            break;
        case UPLOAD_FIELD_CHECKSUM:
            record_get_checksum(wire, field, false, &wanted);
            upload->checksum =
                (struct upload_checksum){wanted.present, wanted.value.kind, wanted.type};
            break;
        case UPLOAD_FIELD_INITIATOR_ID:
            upload->initiator_id = record_bytes(wire, field, RECORD_ID_MAX);
            break;
        case UPLOAD_FIELD_INITIATOR_NAME:
            upload->initiator_name = record_bytes(wire, field, RECORD_NAME_MAX);
            break;
        default:
            get_meta(wire, field, arena, &upload->meta);
    }
}

struct status record_decode_upload(struct slice raw, struct arena *arena,
                                   struct upload *ret_upload) {
    struct upload upload = {.record = raw};
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &upload_shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) get_upload_field(&wire, &field, arena, &upload);
    TRY(wire_end(&wire));
    TRY(meta_sound(&upload.meta, arena));
    *ret_upload = upload;
    return status_ok();
}

/* ---- parts ---------------------------------------------------------------------------------- */

enum {
    PART_FIELD_SIZE = 2,
    PART_FIELD_ETAG = 3,
    PART_FIELD_MODIFIED = 4,
    PART_FIELD_BLOB = 5,
    PART_FIELD_CHECKSUM = 6
};

static const struct wire_shape part_shape = {
    .numbers = WIRE(RECORD_FIELD_VERSION) | WIRE(PART_FIELD_SIZE) | WIRE(PART_FIELD_MODIFIED),
    .bytes = WIRE(PART_FIELD_ETAG) | WIRE(PART_FIELD_BLOB) | WIRE(PART_FIELD_CHECKSUM),
};

struct status record_encode_part(const struct record_part *part, struct arena *arena,
                                 struct slice *ret_raw) {
    CHECK(part->etag.len > 0 && part->etag.len <= RECORD_ETAG_MAX);
    struct buf buf;
    record_begin(&buf, PART_RECORD_MAX);
    wire_put_number(&buf, PART_FIELD_SIZE, part->size);
    wire_put_bytes(&buf, PART_FIELD_ETAG, part->etag);
    wire_put_number(&buf, PART_FIELD_MODIFIED, (uint64_t)part->modified_ns);
    if (part->size > 0) {
        wire_put_bytes(&buf, PART_FIELD_BLOB, slice_of(part->blob.bytes, BLOB_ID_LEN));
    }
    record_put_checksum(&buf, PART_FIELD_CHECKSUM, &part->checksum, true);
    return record_finish(&buf, arena, ret_raw);
}

struct status record_decode_part(struct slice raw, struct record_part *ret_part) {
    struct record_part part = {0};
    bool has_blob = false;
    struct wire wire;
    struct wire_field field;
    if (!record_open(&wire, &part_shape, raw)) return status_of(STATUS_CORRUPT);
    while (wire_next(&wire, &field)) {
        if (field.number == PART_FIELD_SIZE) part.size = record_number(&wire, &field, INT64_MAX);
        if (field.number == PART_FIELD_ETAG) {
            part.etag = record_bytes(&wire, &field, RECORD_ETAG_MAX);
        } else if (field.number == PART_FIELD_MODIFIED) {
            part.modified_ns = (int64_t)record_number(&wire, &field, INT64_MAX);
        } else if (field.number == PART_FIELD_BLOB) {
            has_blob = true;
            record_exactly(&wire, &field, part.blob.bytes, BLOB_ID_LEN);
        } else if (field.number == PART_FIELD_CHECKSUM) {
            record_get_checksum(&wire, &field, true, &part.checksum);
        }
    }
    TRY(wire_end(&wire));
    if (part.etag.len == 0 || has_blob != (part.size > 0)) return status_of(STATUS_CORRUPT);
    *ret_part = part;
    return status_ok();
}
