/*
 * key.h - the keys of kv under which the object layer keeps its records
 *
 * In a bucket's partition the first byte is the table ('b' belongs to the blob layer):
 *
 *     'e'                 epoch record              'm' ID     manifest
 *     'n' WHAT            counter                   'M' ID     counter of its extra references
 *     'o' key             the object of a key       'g' ID     candidate: it may be garbage
 *     'u' KEY ID          upload in progress        'r' ID     receipt of a completion
 *     'p' ID number       part of an upload         't' time ID   when a receipt ends
 *     'a' ID              ended upload whose parts are to be freed
 *     'k' KIND id         configuration document (config.def)
 *     'v' KEY ~VERSION    noncurrent version or delete marker; newest first
 *     'h' key             head: which versions a key has, where its bucket has versioning
 *     'x' seconds VERSION key   when a version expires
 *
 * A version's id is inverted in its key, so that the newest comes first. 'c' is kept for the change
 * log. In the system partition:
 *
 *     'd' 'a' REGION PROJECT name   account name    'd' 'n' project   counter: buckets
 *     'd' 's' REGION name           S3 name         'd' 'p' ID        pending partition
 *     'd' 'c' kind project          document of a project (project.h)
 *     'd' 'm' project               account
 *
 * An ID is 16 bytes, a number 2 and a time 8 bytes, big-endian. What stands in capitals is a string
 * with something behind it, in groups of eight bytes, zero-padded, each followed by a byte: 0xff if
 * another group follows, else how many of the eight count. That keeps the order of strings with
 * any bytes in them, and the length within 9/8. A string at the end of a key is as it is.
 *
 * Threads: pure functions.
 */
#ifndef OBJECT_KEY_H
#define OBJECT_KEY_H

#include "blob/blob.h"
#include "object/upload.h"

/* Tables of a bucket's partition. */
enum key_table {
    KEY_EPOCH = 'e',
    KEY_COUNTER = 'n',
    KEY_CONFIG = 'k',
    KEY_OBJECT = 'o',
    KEY_UPLOAD = 'u',
    KEY_PART = 'p',
    KEY_ENDED = 'a',
    KEY_MANIFEST = 'm',
    KEY_MANIFEST_EXTRA = 'M',
    KEY_MANIFEST_GARBAGE = 'g',
    KEY_RECEIPT = 'r',
    KEY_RECEIPT_END = 't',
    KEY_VERSION = 'v',
    KEY_HEAD = 'h',
    KEY_EXPIRY = 'x'
};

/* Tables of the directory, the second byte. */
enum key_directory {
    KEY_DIRECTORY = 'd', /* the first byte of them all */
    KEY_ACCOUNT_NAME = 'a',
    KEY_S3_NAME = 's',
    KEY_BUCKET_COUNT = 'n',
    KEY_ACCOUNT = 'm',
    KEY_PENDING = 'p',
    KEY_PROJECT_CONFIG = 'c'
};

enum key_counter {
    KEY_COUNT_OBJECTS = 'o',
    KEY_COUNT_BYTES = 'b',
    KEY_COUNT_VERSIONS = 'v',     /* entries of the table KEY_VERSION */
    KEY_COUNT_VERSION_BYTES = 'w' /* their bytes */
};

enum { KEY_ID_LEN = 16, KEY_NAME_PART_MAX = 256 };

/* An id of 16 bytes: of an upload or a manifest. */
struct key_id {
    uint8_t bytes[KEY_ID_LEN];
};

/* Whether two version ids are the same; the order in which versions were made; "none" is zeros. */
static inline bool version_id_eq(struct object_version_id a, struct object_version_id b) {
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}
static inline int version_id_cmp(struct object_version_id a, struct object_version_id b) {
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}
static inline bool version_id_is_none(struct object_version_id id) {
    static const struct object_version_id none;
    return version_id_eq(id, none);
}

/* One key. */
struct key {
    char bytes[KV_KEY_MAX];
    size_t len;
};

/* Its bytes, valid as long as the key. */
static inline struct slice key_slice(const struct key *key) {
    return slice_of(key->bytes, key->len);
}

/* The first byte of a table, as the prefix of all its keys. */
struct key key_of_table(enum key_table table);

/* Keys that are the table alone, with an id, or with a time and an id. */
struct key key_epoch(void);
struct key key_counter(enum key_counter which);
struct key key_of_id(enum key_table table, struct key_id id);
struct key key_receipt_end(int64_t expires_ns, struct key_id id);

/* A configuration document; the id may be empty, and is at most 255 bytes. */
struct key key_config(char kind, struct slice id);

/* The object of a key. Order: the key is at most OBJECT_KEY_MAX bytes, here and below. */
struct key key_object(struct slice object_key);

/* The object's key in a key of the table KEY_OBJECT; it points into `kv_key`. */
struct slice key_object_parse(struct slice kv_key);

/* The head of a key. */
struct key key_head(struct slice object_key);

/* A version of a key; and what the keys of all versions of that key begin with. */
struct key key_version(struct slice object_key, struct object_version_id id);
struct key key_versions_of(struct slice object_key);

/* As key_uploads_with_prefix. */
struct key key_versions_with_prefix(struct slice prefix);

/*
 * Takes a key of the table KEY_VERSION apart.
 * Owns: `*ret_object_key` lies in `arena`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status key_version_parse(struct slice kv_key, struct arena *arena,
                                struct slice *ret_object_key, struct object_version_id *ret_id);

/* When a version expires. */
struct key key_expiry(int64_t delete_at_s, struct object_version_id id, struct slice object_key);

/*
 * Takes a key of the table KEY_EXPIRY apart; `*ret_object_key` points into `kv_key`.
 * Errors: CORRUPT.
 */
struct status key_expiry_parse(struct slice kv_key, int64_t *ret_delete_at_s,
                               struct object_version_id *ret_id, struct slice *ret_object_key);

/* An upload of a key; and what the keys of all uploads of that key begin with. */
struct key key_upload(struct slice object_key, struct key_id id);
struct key key_uploads_of(struct slice object_key);

/*
 * What the keys of all uploads of keys that begin with `prefix` begin with. Others may begin with
 * it too where `prefix` ends in NULs: whoever scans looks at the key again.
 */
struct key key_uploads_with_prefix(struct slice prefix);

/*
 * Takes a key of the table KEY_UPLOAD apart.
 * Owns: `*ret_object_key` lies in `arena`.
 * Errors: CORRUPT; NO_MEMORY.
 */
struct status key_upload_parse(struct slice kv_key, struct arena *arena,
                               struct slice *ret_object_key, struct key_id *ret_id);

/* A part of an upload; what the keys of all its parts begin with is key_of_id(KEY_PART, id). */
struct key key_part(struct key_id upload, uint32_t number);

/* The number in a key of the table KEY_PART. Errors: CORRUPT. */
struct status key_part_parse(struct slice kv_key, struct key_id *ret_upload, uint32_t *ret_number);

/* The id in a key of a table whose keys are a table's byte and an id, or end in an id. */
struct status key_id_parse(struct slice kv_key, size_t before_id, struct key_id *ret_id);

/* The time in a key of the table KEY_RECEIPT_END. Errors: CORRUPT. */
struct status key_receipt_end_parse(struct slice kv_key, int64_t *ret_expires_ns,
                                    struct key_id *ret_id);

/* Keys of the directory. Order: every string is at most KEY_NAME_PART_MAX bytes. */
struct key key_account_name(struct slice region, struct slice project_id, struct slice name);
struct key key_s3_name(struct slice region, struct slice name);
struct key key_bucket_count(struct slice project_id);
struct key key_account(struct slice project_id);
struct key key_pending(struct kv_partition incarnation);
struct key key_project_config(char kind, struct slice project_id);

/* What all keys of a table of the directory begin with. */
struct key key_of_directory(enum key_directory table);

/*
 * The name in a key made by key_account_name, given what all names of that project begin with,
 * key_account_name(region, project_id, empty). It points into `kv_key`.
 */
struct slice key_account_name_parse(struct slice kv_key, const struct key *all);

/* An id and its text of UPLOAD_ID_LEN hexadecimal digits; false where it is not exactly that. */
bool key_id_from_text(struct slice text, struct key_id *ret_id);
struct slice key_id_to_text(struct key_id id, struct arena *arena);

#endif
