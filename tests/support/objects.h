/*
 * objects.h - an object layer over the references of kv and blob, for tests
 *
 *     open ── [reopen]* ── close
 *
 * Asserts with cmocka where a helper fails.
 */
#ifndef SUPPORT_OBJECTS_H
#define SUPPORT_OBJECTS_H

#include "object/object.h"
#include "support/fault_kv.h"

struct test_objects {
    struct kv *mem;
    struct fault_kv kv; /* over `mem` */
    struct blob_store *blob;
    struct clock_manual clock;
    struct object_store *store;
    struct arena arena;
    struct note note;
};

#define TEST_REGION SLICE("europe-se-1")
#define TEST_PROJECT SLICE("project-1")

/* A new, empty layer. */
void test_objects_open(struct test_objects *t);

/* Closes the layer and opens it again over the same store, which works again. */
void test_objects_reopen(struct test_objects *t);

/* Closes everything. */
void test_objects_close(struct test_objects *t);

/* A wanted bucket of TEST_PROJECT in TEST_REGION that claims its S3 name. */
struct bucket_wanted test_bucket_wanted(struct slice name);

/* Makes it. */
struct bucket test_bucket(struct test_objects *t, const char *name);

/* Puts an object of these bytes; its ETag is `etag`. */
struct status test_put(struct test_objects *t, const struct bucket *bucket, struct slice key,
                       struct slice bytes, const char *etag,
                       const struct object_condition *condition);

/* The bytes of an object, with its ETag in front: "etag:bytes"; or the status in words. */
struct slice test_get(struct test_objects *t, const struct bucket *bucket, struct slice key);

/* Does the housekeeping until nothing is left. */
void test_tidy(struct test_objects *t);

/* How many keys there are in a partition under a prefix. */
size_t test_count_keys(struct test_objects *t, struct kv_partition partition, struct slice prefix);

/* How many keys there are at all. */
uint64_t test_count_all(struct test_objects *t);

#endif
