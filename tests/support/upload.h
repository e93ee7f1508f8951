/*
 * upload.h - a bucket in a fresh store, and uploads into it in a line each, for tests
 */
#ifndef SUPPORT_UPLOAD_H
#define SUPPORT_UPLOAD_H

#include "object/upload.h"
#include "support/holdings.h"
#include "support/store.h"

struct upload_fixture {
    struct test_store under;
    struct clock_manual clock;
    struct object_store *store;
    struct arena arena; /* of whatever is read */
    struct bucket bucket;
};

/* Opens a store, without a thread of its own, and makes the bucket. */
void upload_fixture_open(struct upload_fixture *fixture, enum test_driver driver);
void upload_fixture_close(struct upload_fixture *fixture);

/* Opens the store again, over another kv in front of the same one. */
void upload_fixture_restart(struct upload_fixture *fixture, struct kv *kv);

/* Lets the housekeeping do all it can, and balances the books. */
struct holdings upload_fixture_tidy(struct upload_fixture *fixture);

/* Starts an upload of a key. */
struct upload upload_started(struct upload_fixture *fixture, const char *key);

/* Writes a part; the ETag is its MD5. Owns: the ETag of `*ret_listed` lies in the arena. */
struct status upload_part_put(struct object_store *store, const struct bucket *bucket,
                              const struct upload *upload, uint32_t number, struct slice bytes,
                              struct arena *arena, struct upload_listed_part *ret_listed);

/* The hexadecimal MD5. */
struct slice md5_text(struct slice bytes, struct arena *arena);

/* Writes an object in one piece. */
struct status object_put_bytes(struct object_store *store, const struct bucket *bucket,
                               struct slice key, struct slice bytes,
                               const struct object_condition *condition);

/* The bytes of an object, as text in the arena; NULL where there is none. */
const char *object_text(struct object_store *store, const struct bucket *bucket, struct slice key,
                        struct arena *arena);

/* Fails the test unless the status has that code. */
void expect_status(struct status s, enum status_code code);

#endif
