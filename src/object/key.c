#include "object/key.h"

#include <endian.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"

enum {
    GROUP = 8,
    GROUP_LEN = GROUP + 1, /* with the byte that says what follows */
    GROUP_MORE = 0xff
};

static void append(struct key *key, const void *bytes, size_t len) {
    CHECK(len <= sizeof key->bytes - key->len);
    if (len > 0) memcpy(key->bytes + key->len, bytes, len);
    key->len += len;
}

static void append_slice(struct key *key, struct slice s) {
    append(key, s.ptr, s.len);
}

static void append_byte(struct key *key, int byte) {
    char c = (char)byte;
    append(key, &c, 1);
}

/* Appends the groups of `s` that are known to be followed by another; gives back what is left. */
static struct slice append_full_groups(struct key *key, struct slice s) {
    while (s.len >= GROUP) {
        append(key, s.ptr, GROUP);
        append_byte(key, GROUP_MORE);
        s = slice_skip(s, GROUP);
    }
    return s;
}

static void append_grouped(struct key *key, struct slice s) {
    static const char zeros[GROUP];
    struct slice rest = append_full_groups(key, s);
    append_slice(key, rest);
    append(key, zeros, GROUP - rest.len);
    append_byte(key, (int)rest.len);
}

/* How many bytes of the group at `group` count, or -1 if it is not one that is written here. */
static int group_count(const char *group) {
    unsigned char count = (unsigned char)group[GROUP];
    if (count == GROUP_MORE) return GROUP;
    if (count >= GROUP) return -1;
    for (size_t i = count; i < GROUP; i++) {
        if (group[i] != 0) return -1;
    }
    return count;
}

/* Reads a grouped string off the front of `*rest`. */
static struct status parse_grouped(struct slice *rest, struct arena *arena, struct slice *ret_s) {
    char *out = arena_alloc(arena, rest->len);
    if (!out) return status_of(STATUS_NO_MEMORY);
    size_t len = 0;
    bool more = true;
    while (more) {
        if (rest->len < GROUP_LEN) return status_of(STATUS_CORRUPT);
        int count = group_count(rest->ptr);
        if (count < 0) return status_of(STATUS_CORRUPT);
        memcpy(out + len, rest->ptr, (size_t)count);
        len += (size_t)count;
        more = (unsigned char)rest->ptr[GROUP] == GROUP_MORE;
        *rest = slice_skip(*rest, GROUP_LEN);
    }
    *ret_s = slice_of(out, len);
    return status_ok();
}

static struct key key_begin(int first) {
    struct key key;
    key.len = 0;
    append_byte(&key, first);
    return key;
}

static struct key directory_begin(enum key_directory table) {
    struct key key = key_begin(KEY_DIRECTORY);
    append_byte(&key, table);
    return key;
}

struct key key_of_table(enum key_table table) {
    return key_begin(table);
}

struct key key_epoch(void) {
    return key_begin(KEY_EPOCH);
}

struct key key_counter(enum key_counter which) {
    struct key key = key_begin(KEY_COUNTER);
    append_byte(&key, which);
    return key;
}

struct key key_config(char kind, struct slice id) {
    struct key key = key_begin(KEY_CONFIG);
    append_byte(&key, kind);
    append_slice(&key, id);
    return key;
}

struct key key_of_id(enum key_table table, struct key_id id) {
    struct key key = key_begin(table);
    append(&key, id.bytes, sizeof id.bytes);
    return key;
}

struct key key_receipt_end(int64_t expires_ns, struct key_id id) {
    struct key key = key_begin(KEY_RECEIPT_END);
    uint64_t big = htobe64((uint64_t)expires_ns);
    append(&key, &big, sizeof big);
    append(&key, id.bytes, sizeof id.bytes);
    return key;
}

struct key key_object(struct slice object_key) {
    CHECK(object_key.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_OBJECT);
    append_slice(&key, object_key);
    return key;
}

struct slice key_object_parse(struct slice kv_key) {
    CHECK(kv_key.len > 0);
    return slice_skip(kv_key, 1);
}

struct key key_uploads_of(struct slice object_key) {
    CHECK(object_key.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_UPLOAD);
    append_grouped(&key, object_key);
    return key;
}

struct key key_upload(struct slice object_key, struct key_id id) {
    struct key key = key_uploads_of(object_key);
    append(&key, id.bytes, sizeof id.bytes);
    return key;
}

struct key key_uploads_with_prefix(struct slice prefix) {
    CHECK(prefix.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_UPLOAD);
    append_slice(&key, append_full_groups(&key, prefix));
    return key;
}

struct status key_upload_parse(struct slice kv_key, struct arena *arena,
                               struct slice *ret_object_key, struct key_id *ret_id) {
    if (kv_key.len == 0 || kv_key.ptr[0] != KEY_UPLOAD) return status_of(STATUS_CORRUPT);
    struct slice rest = slice_skip(kv_key, 1);
    TRY(parse_grouped(&rest, arena, ret_object_key));
    return key_id_parse(rest, 0, ret_id);
}

struct key key_head(struct slice object_key) {
    CHECK(object_key.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_HEAD);
    append_slice(&key, object_key);
    return key;
}

struct key key_versions_of(struct slice object_key) {
    CHECK(object_key.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_VERSION);
    append_grouped(&key, object_key);
    return key;
}

struct key key_version(struct slice object_key, struct object_version_id id) {
    struct key key = key_versions_of(object_key);
    for (size_t i = 0; i < sizeof id.bytes; i++) append_byte(&key, (unsigned char)~id.bytes[i]);
    return key;
}

struct key key_versions_with_prefix(struct slice prefix) {
    CHECK(prefix.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_VERSION);
    append_slice(&key, append_full_groups(&key, prefix));
    return key;
}

struct status key_version_parse(struct slice kv_key, struct arena *arena,
                                struct slice *ret_object_key, struct object_version_id *ret_id) {
    if (kv_key.len == 0 || kv_key.ptr[0] != KEY_VERSION) return status_of(STATUS_CORRUPT);
    struct slice rest = slice_skip(kv_key, 1);
    TRY(parse_grouped(&rest, arena, ret_object_key));
    if (rest.len != sizeof ret_id->bytes) return status_of(STATUS_CORRUPT);
    for (size_t i = 0; i < rest.len; i++) ret_id->bytes[i] = (uint8_t) ~(unsigned char)rest.ptr[i];
    return status_ok();
}

struct key key_part(struct key_id upload, uint32_t number) {
    CHECK(number <= UINT16_MAX);
    struct key key = key_of_id(KEY_PART, upload);
    uint16_t big = htobe16((uint16_t)number);
    append(&key, &big, sizeof big);
    return key;
}

struct status key_part_parse(struct slice kv_key, struct key_id *ret_upload, uint32_t *ret_number) {
    uint16_t big;
    if (kv_key.len != 1 + KEY_ID_LEN + sizeof big) return status_of(STATUS_CORRUPT);
    memcpy(ret_upload->bytes, kv_key.ptr + 1, KEY_ID_LEN);
    memcpy(&big, kv_key.ptr + 1 + KEY_ID_LEN, sizeof big);
    *ret_number = be16toh(big);
    return status_ok();
}

struct status key_id_parse(struct slice kv_key, size_t before_id, struct key_id *ret_id) {
    if (kv_key.len != before_id + KEY_ID_LEN) return status_of(STATUS_CORRUPT);
    memcpy(ret_id->bytes, kv_key.ptr + before_id, KEY_ID_LEN);
    return status_ok();
}

struct status key_receipt_end_parse(struct slice kv_key, int64_t *ret_expires_ns,
                                    struct key_id *ret_id) {
    uint64_t big;
    TRY(key_id_parse(kv_key, 1 + sizeof big, ret_id));
    memcpy(&big, kv_key.ptr + 1, sizeof big);
    *ret_expires_ns = (int64_t)be64toh(big);
    return status_ok();
}

struct key key_expiry(int64_t delete_at_s, struct object_version_id id, struct slice object_key) {
    CHECK(object_key.len <= OBJECT_KEY_MAX);
    struct key key = key_begin(KEY_EXPIRY);
    uint64_t big = htobe64((uint64_t)delete_at_s);
    append(&key, &big, sizeof big);
    append(&key, id.bytes, sizeof id.bytes);
    append_slice(&key, object_key);
    return key;
}

struct status key_expiry_parse(struct slice kv_key, int64_t *ret_delete_at_s,
                               struct object_version_id *ret_id, struct slice *ret_object_key) {
    uint64_t big;
    const size_t before_key = 1 + sizeof big + sizeof ret_id->bytes;
    if (kv_key.len <= before_key) return status_of(STATUS_CORRUPT);
    memcpy(&big, kv_key.ptr + 1, sizeof big);
    memcpy(ret_id->bytes, kv_key.ptr + 1 + sizeof big, sizeof ret_id->bytes);
    *ret_delete_at_s = (int64_t)be64toh(big);
    *ret_object_key = slice_skip(kv_key, before_key);
    return status_ok();
}

struct key key_account_name(struct slice region, struct slice project_id, struct slice name) {
    CHECK(name.len <= KEY_NAME_PART_MAX);
    struct key key = directory_begin(KEY_ACCOUNT_NAME);
    append_grouped(&key, region);
    append_grouped(&key, project_id);
    append_slice(&key, name);
    return key;
}

struct key key_s3_name(struct slice region, struct slice name) {
    CHECK(name.len <= KEY_NAME_PART_MAX);
    struct key key = directory_begin(KEY_S3_NAME);
    append_grouped(&key, region);
    append_slice(&key, name);
    return key;
}

struct key key_account(struct slice project_id) {
    struct key key = directory_begin(KEY_ACCOUNT);
    append_slice(&key, project_id);
    return key;
}

struct key key_bucket_count(struct slice project_id) {
    struct key key = directory_begin(KEY_BUCKET_COUNT);
    append_slice(&key, project_id);
    return key;
}

struct key key_pending(struct kv_partition incarnation) {
    struct key key = directory_begin(KEY_PENDING);
    append(&key, incarnation.id, sizeof incarnation.id);
    return key;
}

struct key key_project_config(char kind, struct slice project_id) {
    struct key key = directory_begin(KEY_PROJECT_CONFIG);
    append(&key, &kind, 1);
    append_slice(&key, project_id);
    return key;
}

struct key key_of_directory(enum key_directory table) {
    return directory_begin(table);
}

struct slice key_account_name_parse(struct slice kv_key, const struct key *all) {
    CHECK(kv_key.len >= all->len);
    return slice_skip(kv_key, all->len);
}

bool key_id_from_text(struct slice text, struct key_id *ret_id) {
    if (text.len != UPLOAD_ID_LEN) return false;
    return hex_decode(text, ret_id->bytes, sizeof ret_id->bytes);
}

struct slice key_id_to_text(struct key_id id, struct arena *arena) {
    char text[UPLOAD_ID_LEN];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(id.bytes, sizeof id.bytes));
    return arena_dup(arena, buf_slice(&buf));
}
