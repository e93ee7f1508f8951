/*
 * record.h - the records of records.proto to and from the structs of this room
 *
 * Decoding trusts nothing: whatever an encoder here would not have written is CORRUPT. The slices
 * of a decoded struct point into the bytes it was decoded from, which must outlive it; arrays lie
 * in the arena.
 *
 * Every encoder gives bytes in the arena. Every pair: Errors of encode: NO_MEMORY, TOO_LARGE (past
 * the limits of object.h); of decode: CORRUPT, NO_MEMORY.
 *
 * Threads: pure functions.
 */
#ifndef OBJECT_RECORD_H
#define OBJECT_RECORD_H

#include "object/key.h"
#include "object/upload.h"

enum {
    RECORD_VERSION = 1,
    RECORD_ETAG_MAX = OBJECT_ETAG_MAX,
    RECORD_ID_MAX = 64,
    RECORD_NAME_MAX = 255,
    RECORD_CLASS_MAX = 64,
    RECORD_DIGEST_LEN = 32
};

/* The object in `info`; its key and its `record` are not in it. */
struct status record_encode_object(const struct object_info *info, struct arena *arena,
                                   struct slice *ret_raw);

/*
 * `ret_info->key` is left empty, `ret_info->record` is `raw`. A NULL arena leaves headers, user
 * metadata and tags out and allocates nothing.
 */
struct status record_decode_object(struct slice raw, struct arena *arena,
                                   struct object_info *ret_info);

/* Which versions a key has. */
struct record_head {
    struct object_version_id newest;
    bool has_null;
    struct object_version_id null_version;
};

/* A head, both ways. */
struct status record_encode_head(const struct record_head *head, struct arena *arena,
                                 struct slice *ret_raw);
struct status record_decode_head(struct slice raw, struct record_head *ret_head);

/* An upload; its id, key and `record` are not in it. */
struct status record_encode_upload(const struct upload *upload, struct arena *arena,
                                   struct slice *ret_raw);

/* `ret_upload->key` and `id` are left empty. A NULL arena: as above. */
struct status record_decode_upload(struct slice raw, struct arena *arena,
                                   struct upload *ret_upload);

/* A part as it lies in the partition. */
struct record_part {
    uint64_t size;
    struct slice etag;
    int64_t modified_ns;
    struct blob_id blob; /* where size > 0 */
    struct object_checksum checksum;
};

/* A part, both ways. */
struct status record_encode_part(const struct record_part *part, struct arena *arena,
                                 struct slice *ret_raw);
struct status record_decode_part(struct slice raw, struct record_part *ret_part);

/* A piece of another object, in a container of the same project and region. */
struct record_segment {
    struct slice container;
    struct slice object;
    struct slice etag;
    uint64_t object_size;
    uint64_t first;
    struct slice content_type;
    int64_t modified_ns;
    bool large;
};

/* A part in a manifest. Where size > 0 it is a blob, a segment or data, just one of them. */
struct record_manifest_part {
    uint32_t number;
    uint64_t size;
    struct blob_id blob;
    struct object_checksum checksum;
    bool has_md5;
    uint8_t md5[OBJECT_MD5_LEN];
    const struct record_segment *segment; /* NULL: none */
    struct slice data;
};

/* Whether the part is a blob, which the manifest has a reference to. */
static inline bool record_part_is_blob(const struct record_manifest_part *part) {
    return part->size > 0 && part->segment == NULL && part->data.len == 0;
}

struct record_manifest {
    struct record_manifest_part *parts; /* by number */
    size_t count;                       /* 1 to UPLOAD_PART_NUMBER_MAX */
};

/* A manifest, both ways. */
struct status record_encode_manifest(const struct record_manifest *manifest, struct arena *arena,
                                     struct slice *ret_raw);
struct status record_decode_manifest(struct slice raw, struct arena *arena,
                                     struct record_manifest *ret_manifest);

/* How many parts of a manifest that is garbage were released. */
struct status record_encode_manifest_garbage(uint32_t released, struct arena *arena,
                                             struct slice *ret_raw);
struct status record_decode_manifest_garbage(struct slice raw, uint32_t *ret_released);

struct record_receipt {
    int64_t expires_ns;
    struct slice key;
    uint8_t parts_digest[RECORD_DIGEST_LEN];
    struct slice object; /* the record of the object */
};

/* A receipt, both ways. */
struct status record_encode_receipt(const struct record_receipt *receipt, struct arena *arena,
                                    struct slice *ret_raw);
struct status record_decode_receipt(struct slice raw, struct record_receipt *ret_receipt);

/* A mark, both ways. */
struct status record_encode_mark(int64_t since_ns, struct arena *arena, struct slice *ret_raw);
struct status record_decode_mark(struct slice raw, int64_t *ret_since_ns);

enum record_epoch_state { RECORD_EPOCH_LIVE = 1, RECORD_EPOCH_GONE = 2 };

/* The epoch record: of `bucket` all but `incarnation` and `epoch`. */
struct record_epoch {
    uint64_t generation;
    enum record_epoch_state state;
    struct bucket bucket;
};

/* Its encoder. */
struct status record_encode_epoch(const struct record_epoch *epoch, struct arena *arena,
                                  struct slice *ret_raw);

/* `ret_epoch->bucket.epoch` is `raw`; its incarnation is the one given. */
struct status record_decode_epoch(struct slice raw, struct kv_partition incarnation,
                                  struct record_epoch *ret_epoch);

/* A configuration document, both ways. */
struct status record_encode_config(struct slice document, struct arena *arena,
                                   struct slice *ret_raw);
struct status record_decode_config(struct slice raw, struct slice *ret_document);

/* An account, both ways; `acl` is empty where there is none. */
struct record_account {
    uint64_t generation;
    int64_t created_ns;
    struct object_pairs meta;
    struct slice acl;
};
struct status record_encode_account(const struct record_account *account, struct arena *arena,
                                    struct slice *ret_raw);
struct status record_decode_account(struct slice raw, struct arena *arena,
                                    struct record_account *ret_account);

/* What a name of the directory stands for, both ways. */
struct status record_encode_name(struct kv_partition incarnation, struct arena *arena,
                                 struct slice *ret_raw);
struct status record_decode_name(struct slice raw, struct kv_partition *ret_incarnation);

enum record_pending_state { RECORD_PENDING_MAKING = 1, RECORD_PENDING_DROPPING = 2 };

struct record_pending {
    enum record_pending_state state;
    int64_t since_ns;
};

/* A pending partition, both ways. */
struct status record_encode_pending(const struct record_pending *pending, struct arena *arena,
                                    struct slice *ret_raw);
struct status record_decode_pending(struct slice raw, struct record_pending *ret_pending);

/* Whether metadata is within the limits of object.h. Errors: TOO_LARGE; INVALID (a pair without a
 * name). */
struct status record_meta_ok(const struct object_meta *meta);

#endif
