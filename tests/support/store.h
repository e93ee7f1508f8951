/*
 * store.h - a kv and a blob store for a test, by the name of their driver
 *
 *     open ── [reopen]* ── close
 */
#ifndef SUPPORT_STORE_H
#define SUPPORT_STORE_H

#include "blob/blob.h"
#include "kv/kv.h"
#include "support/temp_dir.h"

struct data_store;
struct engine;
struct meta;

enum test_driver {
    TEST_DRIVER_MEM,
    TEST_DRIVER_ENGINE,
    TEST_DRIVER_COUNT,
    /* The engine's data half over the kv reference, for tests of blobs. */
    TEST_DRIVER_DATA = TEST_DRIVER_COUNT,
    TEST_DRIVER_DATA_COPIES,
    TEST_DRIVER_DATA_PARITY,
    TEST_BLOB_DRIVER_COUNT,
    /* The engine's metadata half, a kv only; and the same with a checkpoint all the time. */
    TEST_DRIVER_META = TEST_BLOB_DRIVER_COUNT,
    TEST_DRIVER_META_SMALL,
};

struct test_store {
    enum test_driver driver;
    struct temp_dir dir; /* of the engine */
    struct engine *engine;
    struct data_store *data;
    struct meta *meta;
    int dir_fd; /* of the meta */
    struct kv *kv;
    struct blob_store *blob;
};

/* The one policy that every test store knows. */
#define TEST_POLICY SLICE("standard")

/* The driver's name, for messages. */
const char *test_driver_name(enum test_driver driver);

/* A new, empty store. */
void test_store_open(struct test_store *store, enum test_driver driver);

/* Closes and opens it again, where the driver keeps anything; else does nothing. */
void test_store_reopen(struct test_store *store);

/* Closes it and removes its files. */
void test_store_close(struct test_store *store);

#endif
