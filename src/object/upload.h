/*
 * upload.h - objects in parts: uploads, parts, and the one instant at which they become an object
 *
 *     create ── part* ── complete ─▶ object, receipt
 *        └───────┴────── abort
 *
 * The upload record never changes. Writing a part and aborting guard on it; completing removes it
 * while guarding on every part it lists, byte for byte. So exactly one of complete and abort wins,
 * and no part changes underneath. No byte is copied: the object's manifest names the parts' blobs.
 * Parts that are not listed are freed. A receipt stays for a day, so that the same completion again
 * gets the same answer.
 *
 * Threads: any; a part writer belongs to one thread at a time. Blocks: as kv and blob.
 */
#ifndef OBJECT_UPLOAD_H
#define OBJECT_UPLOAD_H

#include "object/object.h"

enum {
    UPLOAD_ID_LEN = 32, /* hexadecimal; ids of one key sort by the time they were made */
    UPLOAD_PART_NUMBER_MAX = 10000,
    UPLOAD_LIST_MAX = 1000
};

#define UPLOAD_PART_SIZE_MAX (UINT64_C(5) * 1024 * 1024 * 1024)
#define UPLOAD_PART_SIZE_MIN (UINT64_C(5) * 1024 * 1024) /* but for the last */

/* The checksum that the parts of an upload have, and what the object's will be made of. */
struct upload_checksum {
    bool present;
    enum checksum_kind kind;
    enum object_checksum_type type;
};

struct upload {
    struct slice id;
    struct slice key;
    int64_t created_ns;
    struct object_meta meta;
    struct upload_checksum checksum;
    struct slice initiator_id;
    struct slice initiator_name;
    struct slice record; /* the exact bytes, for guards */
};

/*
 * Starts an upload. Of `wanted`, id, created_ns and record are ignored.
 * Owns: `*ret_upload` lies in `arena`.
 * Errors: INVALID (a checksum that does not combine cannot be FULL); TOO_LARGE (metadata);
 * NOT_FOUND (the bucket has gone); as kv_commit.
 */
struct status upload_create(struct object_store *store, const struct bucket *bucket,
                            const struct upload *wanted, struct arena *arena,
                            struct upload *ret_upload);

/* Finds an upload of a key. Owns: `*ret_upload` lies in `arena`. Errors: NOT_FOUND; CORRUPT; IO. */
struct status upload_find(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct slice id, struct arena *arena, struct upload *ret_upload);

/* A part that was uploaded. */
struct upload_part {
    uint32_t number;
    uint64_t size;
    struct slice etag; /* without quotation marks */
    int64_t modified_ns;
    struct object_checksum checksum;
};

struct upload_part_writer;

/*
 * Starts a part, in the place of one of that number, which is 1 to UPLOAD_PART_NUMBER_MAX. Nothing
 * is visible of it, and nothing stays after a crash.
 * Owns: the caller, until commit or abort. Everything is copied.
 * Errors: BUSY; NO_SPACE; IO; NO_MEMORY; noted.
 */
struct status upload_part_begin(struct object_store *store, const struct bucket *bucket,
                                const struct upload *upload, uint32_t number, uint64_t size_hint,
                                struct note *note, struct upload_part_writer **ret_writer);

/* Takes all of `bytes`. After an error only abort may follow. Errors: NO_SPACE; TOO_LARGE; IO. */
struct status upload_part_write(struct upload_part_writer *writer, struct slice bytes);

/* Pulls `source` to its verified end through a buffer of the writer. Errors: both sides'. */
struct status upload_part_pull(struct upload_part_writer *writer, struct source *source);

/* Bytes taken so far. */
uint64_t upload_part_size(const struct upload_part_writer *writer);

/*
 * Makes the part part of the upload; durable on return. Consumes the writer, on failure too. The
 * checksum is present and of the upload's kind where the upload has one. The MD5 of the bytes, in
 * hexadecimal, is the ETag of a part whose object shall have an ETag as S3 makes them.
 * Owns: `*ret_part` (may be NULL) has the caller's `etag`.
 * Errors: NOT_FOUND (the upload has been completed or aborted, or the bucket has gone); INVALID
 * (the checksum is not of the upload's kind); as kv_commit.
 */
struct status upload_part_commit(struct upload_part_writer **writer, struct slice etag,
                                 const struct object_checksum *checksum,
                                 struct upload_part *ret_part);

/* Drops what was written; NULL is allowed. */
void upload_part_abort(struct upload_part_writer **writer);

/*
 * Lists up to `cap` parts with numbers behind `after`; `*ret_more` says that there are others.
 * Owns: what `parts` points to lies in `arena`.
 * Errors: CORRUPT; IO; NO_MEMORY.
 */
struct status upload_part_list(struct object_store *store, const struct bucket *bucket,
                               const struct upload *upload, uint32_t after, struct arena *arena,
                               struct upload_part *parts, size_t cap, size_t *ret_count,
                               bool *ret_more);

/* A part as the client lists it. */
struct upload_listed_part {
    uint32_t number;
    struct slice etag; /* without quotation marks */
    bool has_checksum;
    struct checksum_value checksum;
};

enum upload_defect {
    UPLOAD_DEFECT_NONE,
    UPLOAD_DEFECT_PART,     /* a listed part is not there, or has another ETag or checksum */
    UPLOAD_DEFECT_ORDER,    /* numbers do not ascend */
    UPLOAD_DEFECT_SMALL,    /* a part but the last is below the minimum */
    UPLOAD_DEFECT_SIZE,     /* the object's size is not the one announced */
    UPLOAD_DEFECT_CHECKSUM, /* the object's checksum is not the one announced, or not of that kind
                             */
    UPLOAD_DEFECT_EMPTY     /* no part is listed */
};

/* A completion as asked for. */
struct upload_completion {
    const struct upload_listed_part *parts;
    size_t part_count;
    bool has_size;
    uint64_t size;                   /* x-amz-mp-object-size */
    uint64_t min_part_size;          /* of all but the last: UPLOAD_PART_SIZE_MIN; 0: any */
    struct object_checksum expected; /* of the whole object; present: must be equal */
    const struct object_condition *condition; /* on what the key has; NULL: none */
};

/* What is wrong with a completion, for the door's error. */
struct upload_complaint {
    enum upload_defect defect;
    uint32_t part_number;
    uint64_t part_size;
    struct slice part_etag;
};

/*
 * Makes the object out of the listed parts. The same list again, after it succeeded, gives the same
 * answer for a day, whatever became of the object, and without judging the condition again.
 *
 * The ETag is the MD5 of the MD5s of the parts, with "-" and their number. A COMPOSITE checksum is
 * that of the parts' checksums, one behind the other; a FULL one that of the object's bytes.
 * Owns: `*ret_info` and the complaint's slices lie in `arena`.
 * Errors: INVALID (`*ret_complaint`, written only then, says what); NOT_FOUND (no such upload, or
 * it was completed with another list); the condition's; as kv_commit.
 */
struct status upload_complete(struct object_store *store, const struct bucket *bucket,
                              struct slice key, struct slice id,
                              const struct upload_completion *completion, struct arena *arena,
                              struct upload_complaint *ret_complaint, struct object_info *ret_info);

/*
 * Ends an upload and frees its parts. Errors: NOT_FOUND (no such upload, or it was completed); as
 * kv_commit.
 */
struct status upload_abort(struct object_store *store, const struct bucket *bucket,
                           struct slice key, struct slice id);

/* Which uploads to list. Empty slices stand for nothing; markers, prefix and delimiter act as in
 * list.h, and within a key the uploads come in the order in which they were made. */
struct upload_list_query {
    struct slice prefix;
    struct slice delimiter;
    struct slice key_marker;
    struct slice id_marker; /* with key_marker: uploads of that key behind this id too; without it
                               nothing, as in S3 */
    size_t max;             /* at most UPLOAD_LIST_MAX */
};

struct upload_list_entry {
    bool is_prefix;
    struct slice name; /* the key, or the common prefix */
    struct upload upload;
};

struct upload_list_page {
    struct upload_list_entry *entries;
    size_t count;
    bool truncated;
    struct slice next_key; /* the markers of the next page where it is truncated */
    struct slice next_id;  /* empty where the last entry is a common prefix */
};

/*
 * Lists one page of uploads in progress, by key and then by time. User metadata is left out.
 * Owns: `*ret_page` lies in `arena`.
 * Errors: INVALID (id_marker is no id); CORRUPT; IO; NO_MEMORY.
 */
struct status upload_list(struct object_store *store, const struct bucket *bucket,
                          const struct upload_list_query *query, struct arena *arena,
                          struct upload_list_page *ret_page);

#endif
