/*
 * object.h - objects: written whole or not at all, read, copied, deleted
 *
 *     begin ── write* ── commit          nothing is visible before commit returned
 *        └───────┴───── abort
 *
 *     open ── read* / send* ── close     reads one version to the end, whatever happens meanwhile
 *
 * An object is a key, bytes and facts. Its bytes are one blob, or, when it was uploaded in parts,
 * a manifest of blobs; object_reader hides which. ETag and checksum are the door's: it
 * computes them while the bytes pass and gives them to commit.
 *
 * Conditions are judged by the caller's function against the object that the very batch replaces,
 * so they are exact: of N concurrent writers that require absence one wins.
 *
 * With versioning a write is put upon what the key had, which stays as a noncurrent version; what
 * is found without a version is the newest one, unless that is a delete marker.
 *
 * Threads: any; a writer and a reader belong to one thread at a time. Blocks: as kv and blob.
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include "base/stream.h"
#include "crypto/checksum.h"
#include "object/bucket.h"

enum {
    OBJECT_KEY_MAX = 1024,
    OBJECT_ETAG_MAX = 64,
    OBJECT_HEADERS_MAX = 16,           /* system headers of an object */
    OBJECT_USER_META_MAX = 256,        /* entries */
    OBJECT_META_BYTES_MAX = 16 * 1024, /* names and values of both, together */
    OBJECT_TAGS_MAX = 10,
    OBJECT_TAG_BYTES_MAX = 16 * 1024, /* names and values of the tags, together */
    OBJECT_ACL_MAX = 16 * 1024,
    OBJECT_VERSION_ID_LEN = 16,
    OBJECT_VERSION_TEXT_LEN = 32, /* of an id; the null version's is "null" */
    OBJECT_LINK_ACCOUNT_MAX = 256,
    OBJECT_MD5_LEN = 16
};

/* The latest time at which an object may expire, in seconds since 1970. */
#define OBJECT_DELETE_AT_MAX INT64_C(9999999999)

/* A name and a value of system headers or user metadata. */
struct object_pair {
    struct slice name; /* lower case; user metadata without its prefix */
    struct slice value;
};

struct object_pairs {
    const struct object_pair *items;
    size_t count;
};

enum object_checksum_type { OBJECT_CHECKSUM_FULL, OBJECT_CHECKSUM_COMPOSITE };

/* The checksum kept with an object or a part. */
struct object_checksum {
    bool present;
    enum object_checksum_type type;
    struct checksum_value value; /* of COMPOSITE: over the values of the parts */
};

/* What protects a version from being removed. Bytes and metadata never change anyway. */
struct object_lock {
    enum object_lock_mode mode; /* NONE: no retention */
    int64_t until_ns;           /* protected before this */
    bool legal_hold;            /* protected as long as this is set */
};

/* What the client says about an object when it makes one; what object_amend may change later. */
struct object_meta {
    struct object_pairs headers; /* content-type, cache-control, … as given */
    struct object_pairs user;
    struct slice storage_class; /* as asked for; empty: the default */
    struct slice owner_id;
    struct slice owner_name;
    struct object_pairs tags;
    struct slice acl;        /* the door's document; empty: none */
    struct object_lock lock; /* NONE: the bucket's default, in a bucket with object lock */
    int64_t delete_at_s;     /* expires then, seconds since 1970; 0: never */
};

/* What an object stands for beside its own bytes; large.h says how it is followed. */
enum object_link_kind {
    OBJECT_LINK_NONE,
    OBJECT_LINK_SEGMENTS, /* pieces of other objects, one behind the other */
    OBJECT_LINK_PREFIX,   /* all objects of a container whose keys begin so */
    OBJECT_LINK_SYMLINK   /* another object */
};

struct object_link {
    enum object_link_kind kind;
    struct slice account;   /* of SYMLINK: the target's project; empty: the object's own */
    struct slice container; /* of PREFIX and SYMLINK */
    struct slice object;    /* the prefix, or the target's key */
    struct slice etag; /* of SEGMENTS: of the list as given; of SYMLINK: the target's; or empty */
    uint64_t size;     /* of SYMLINK with an ETag: the target's */
};

/* Names a version: the time at which it was made, so that newer ones are greater, and chance. */
struct object_version_id {
    uint8_t bytes[OBJECT_VERSION_ID_LEN];
};

/* Which version of a key is meant. */
enum object_version_kind {
    OBJECT_VERSION_CURRENT, /* the newest, if it is an object */
    OBJECT_VERSION_NULL,    /* the one written without or with suspended versioning */
    OBJECT_VERSION_ID       /* the one with that id, object or delete marker */
};

struct object_version {
    enum object_version_kind kind;
    struct object_version_id id;
};

/* Where the bytes lie; only this room looks into it. */
enum object_content_kind { OBJECT_CONTENT_NONE, OBJECT_CONTENT_BLOB, OBJECT_CONTENT_MANIFEST };

struct object_content {
    enum object_content_kind kind;
    struct blob_id id; /* of the blob, or of the manifest */
};

/* An object as it was found. */
struct object_info {
    struct slice key;
    uint64_t size;
    struct slice etag; /* without quotation marks; "…-N" for N parts */
    int64_t modified_ns;
    uint32_t part_count; /* 0: not uploaded in parts */
    struct object_checksum checksum;
    struct object_meta meta;
    struct object_content content;
    struct object_link link;
    struct object_version_id version; /* zeros: written before its bucket had versioning */
    bool null_version;                /* it is the null version */
    bool delete_marker;               /* then it has neither ETag nor bytes */
    struct slice record;              /* the exact bytes of the record, for guards */
};

/*
 * A condition of a write. `current` is the object that would be replaced or deleted, NULL where
 * there is none. Called once or several times, each time a batch is built.
 * Errors: whatever refuses the write: PRECONDITION, NOT_FOUND, DENIED.
 */
struct object_condition {
    struct status (*judge)(const struct object_condition *condition,
                           const struct object_info *current);
};

/* ---- reading ------------------------------------------------------------------------------ */

/*
 * Finds the object of a key.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: NOT_FOUND; CORRUPT; IO; NO_MEMORY.
 */
struct status object_find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info);

/*
 * Finds a version of a key, which may be a delete marker unless it is the CURRENT one.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: as object_find.
 */
struct status object_find_version(struct object_store *store, const struct bucket *bucket,
                                  struct slice key, const struct object_version *version,
                                  struct arena *arena, struct object_info *ret_info);

/*
 * Finds the delete marker that is the newest version of a key, for a door that tells why there is
 * no object. Errors: NOT_FOUND (the newest version is none, or there is no version); CORRUPT; IO.
 */
struct status object_find_marker(struct object_store *store, const struct bucket *bucket,
                                 struct slice key, struct arena *arena,
                                 struct object_info *ret_info);

/* The version a text names: "null" or an id; false: it is neither. */
bool object_version_parse(struct slice text, struct object_version *ret_version);

/*
 * The text that names a version.
 * Owns: it lies in `arena`; empty when that overflowed.
 */
struct slice object_version_text(const struct object_info *info, struct arena *arena);

struct object_reader;

/*
 * Finds a version as object_find_version and opens its bytes; a delete marker has none.
 * Owns: as object_open.
 */
struct status object_open_version(struct object_store *store, const struct bucket *bucket,
                                  struct slice key, const struct object_version *version,
                                  struct arena *arena, struct object_info *ret_info,
                                  struct object_reader **ret_reader);

/*
 * Finds the object of a key and opens its bytes, both of one version.
 * Owns: `*ret_info` lies in `arena`; `*ret_reader` is the caller's, until object_reader_close.
 * Errors: as object_find.
 */
struct status object_open(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info,
                          struct object_reader **ret_reader);

/* Reads exactly `len` bytes from `offset`. Errors: RANGE; CORRUPT; IO. */
struct status object_reader_read(struct object_reader *reader, uint64_t offset, void *buffer,
                                 size_t len);

/*
 * Pushes `len` bytes from `offset` into `sink`, without copying where blob and sink can.
 * Errors: RANGE; CORRUPT; IO; those of the sink.
 */
struct status object_reader_send(struct object_reader *reader, uint64_t offset, uint64_t len,
                                 struct sink *sink);

/* Consumes the reader; NULL is allowed. */
void object_reader_close(struct object_reader **reader);

/* One part of an object that was uploaded in parts. */
struct object_part {
    uint32_t number; /* from 1; as it was uploaded under, which may skip */
    uint64_t first;  /* where it begins in the object */
    uint64_t size;
    struct object_checksum checksum;
    bool has_md5; /* else it is not known, or it is no bytes of this object */
    uint8_t md5[OBJECT_MD5_LEN];
};

/*
 * Finds the part `number`, counted from 1 in order. An object that was not uploaded in parts is its
 * own part 1.
 * Errors: RANGE (no such part); NOT_FOUND (the object was replaced meanwhile: find it again);
 * CORRUPT; IO.
 */
struct status object_part_find(struct object_store *store, const struct bucket *bucket,
                               const struct object_info *info, uint32_t number,
                               struct object_part *ret_part);

/*
 * Reads all parts of an object that was uploaded in parts, in order, into `parts`, which has room
 * for info->part_count.
 * Errors: NOT_FOUND (the object was replaced meanwhile); CORRUPT; IO; NO_MEMORY.
 */
struct status object_parts_read(struct object_store *store, const struct bucket *bucket,
                                const struct object_info *info, struct object_part *parts);

/* ---- writing ------------------------------------------------------------------------------ */

struct object_writer;

/* What is known when the bytes begin. Everything is copied. */
struct object_put {
    struct slice key;
    struct object_meta meta;
    struct object_link link; /* a prefix, a symlink or none; SEGMENTS: large.h */
    uint64_t size_hint;      /* UINT64_MAX: unknown */
};

/*
 * Starts an object. Nothing is visible of it, and nothing stays after a crash.
 * Owns: the caller, until commit or abort.
 * Errors: BUSY; NO_SPACE; IO; NO_MEMORY; noted.
 */
struct status object_writer_begin(struct object_store *store, const struct bucket *bucket,
                                  const struct object_put *put, struct note *note,
                                  struct object_writer **ret_writer);

/* Takes all of `bytes`. After an error only abort may follow. Errors: NO_SPACE; TOO_LARGE; IO. */
struct status object_writer_write(struct object_writer *writer, struct slice bytes);

/* Pulls `source` to its verified end through a buffer of the writer. Errors: both sides'. */
struct status object_writer_pull(struct object_writer *writer, struct source *source);

/* Bytes taken so far. */
uint64_t object_writer_size(const struct object_writer *writer);

/* What is known when the bytes have ended. */
struct object_seal {
    struct slice etag;
    struct object_checksum checksum;
    const struct object_condition *condition; /* NULL: none */
};

/*
 * Makes the object visible, in the place of what the key had. Durable on return. Consumes the
 * writer, on failure too.
 * Owns: `*ret_info` (may be NULL) lies in `arena`.
 * Errors: the condition's; NOT_FOUND (the bucket has gone or changed: find it again); as kv_commit.
 */
struct status object_writer_commit(struct object_writer **writer, const struct object_seal *seal,
                                   struct arena *arena, struct object_info *ret_info);

/* Drops what was written. Consumes the writer; NULL is allowed. */
void object_writer_abort(struct object_writer **writer);

/* A deletion as asked for. */
struct object_deletion {
    struct slice key;
    /*
     * CURRENT: there is to be no object; with versioning a delete marker is put upon what there is.
     * Else that version is removed for good, and the one below it becomes the newest.
     */
    struct object_version version;
    const struct object_condition *condition; /* on the version that is meant; NULL: none */
    bool bypasses_governance;                 /* a retention of that mode does not count */
    struct slice owner_id;                    /* of a delete marker */
    struct slice owner_name;
};

/* What came of it. */
struct object_deleted {
    bool found;        /* there was what was meant */
    bool is_marker;    /* a delete marker was put, or removed */
    bool has_version;  /* a version was made or removed: */
    bool null_version; /* the null one, or that with the id */
    struct object_version_id version;
};

/*
 * Deletes as asked for. To delete what is not there succeeds.
 * Errors: the condition's; DENIED (the version is protected); NOT_FOUND (the bucket has gone or
 * changed); as kv_commit.
 */
struct status object_delete_version(struct object_store *store, const struct bucket *bucket,
                                    const struct object_deletion *deletion,
                                    struct object_deleted *ret_deleted);

/* The text that names the version, as object_version_text. */
struct slice object_deleted_text(const struct object_deleted *deleted, struct arena *arena);

/*
 * Whether a version is protected at that time. Governance counts unless it is bypassed.
 */
bool object_lock_holds(const struct object_lock *lock, int64_t now_ns, bool bypasses_governance);

/*
 * A change of what may change of a version: `edit` is given a copy of its metadata, whose strings
 * may point anywhere that lives as long as the amendment. Called again when somebody else was
 * faster.
 */
struct object_amendment {
    struct slice key;
    struct object_version version;
    struct status (*edit)(const struct object_amendment *amendment, const struct object_info *now,
                          struct object_meta *meta);
    /* The prefix that it is to stand for, or none; segments and links stay; NULL: as it was. */
    const struct object_link *link;
    bool touches; /* it counts as modified now, as far as its version's id lets it (O13) */
};

/*
 * Changes the metadata of a version, and what it stands for, never its bytes; durable on return.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: those of edit; NOT_FOUND (no such version, or the bucket has gone); UNSUPPORTED (a delete
 * marker); TOO_LARGE; as kv_commit.
 */
struct status object_amend(struct object_store *store, const struct bucket *bucket,
                           const struct object_amendment *amendment, struct arena *arena,
                           struct object_info *ret_info);

/*
 * Deletes the object of a key, as object_delete_version without a version. To delete what is not
 * there succeeds, `*ret_found` (may be NULL) tells.
 * Errors: the condition's; NOT_FOUND (the bucket has gone or changed); as kv_commit.
 */
struct status object_delete(struct object_store *store, const struct bucket *bucket,
                            struct slice key, const struct object_condition *condition,
                            bool *ret_found);

/* ---- copying ------------------------------------------------------------------------------ */

/* A copy: from what was found, to a key of the same or another bucket. */
struct object_copy {
    const struct bucket *source_bucket;
    const struct object_info *source;
    const struct bucket *bucket;
    struct slice key;
    const struct object_meta *meta;           /* of the copy */
    const struct object_condition *condition; /* on what the key has; NULL: none */
    /*
     * Says now and then that it still goes on; an error ends the copy. NULL: nobody is told.
     * Only called where bytes are copied.
     */
    struct status (*progress)(void *context, uint64_t copied);
    void *context;
};

/*
 * Whether object_share can do it: same bucket, or no bytes; not what a prefix stands for. Otherwise
 * the door copies by object_open and object_writer, computing what it wants on the way.
 */
bool object_can_share(const struct object_copy *copy);

/*
 * Copies without touching a byte: the new object refers to the same bytes, has the same ETag,
 * checksum and parts. Order: object_can_share said yes.
 * Owns: `*ret_info` lies in `arena`.
 * Errors: as object_writer_commit; NOT_FOUND also where the source was replaced meanwhile.
 */
struct status object_share(struct object_store *store, const struct object_copy *copy,
                           struct arena *arena, struct object_info *ret_info);

#endif
