#include "support/store.h"

#include <stdio.h>

#include "base/check.h"
#include "blob/mem.h"
#include "engine/engine.h"
#include "kv/mem.h"

static const char *const mem_policies[] = {"standard", NULL};

const char *test_driver_name(enum test_driver driver) {
    return driver == TEST_DRIVER_MEM ? "mem" : "engine";
}

static void engine_start(struct test_store *store) {
    static const struct engine_policy policies[] = {{.name = "standard", .copies = 1}};
    struct engine_config config = {
        .data_dir = store->dir.path,
        .policies = policies,
        .policy_count = ARRAY_LEN(policies),
    };
    struct note note = {0};
    struct status s = engine_open(&config, clock_system(), random_system(), &note, &store->engine);
    if (!is_ok(s)) fprintf(stderr, "engine_open: %s: %s\n", status_text(s.code), note.text);
    CHECK(is_ok(s));
    store->kv = engine_kv(store->engine);
    store->blob = engine_blob(store->engine);
}

void test_store_open(struct test_store *store, enum test_driver driver) {
    *store = (struct test_store){.driver = driver};
    if (driver == TEST_DRIVER_MEM) {
        store->kv = kv_mem_open();
        store->blob = blob_mem_open(store->kv, mem_policies);
        return;
    }
    temp_dir_make(&store->dir);
    engine_start(store);
}

void test_store_reopen(struct test_store *store) {
    if (store->driver == TEST_DRIVER_MEM) return;
    engine_close(&store->engine);
    engine_start(store);
}

void test_store_close(struct test_store *store) {
    if (store->driver == TEST_DRIVER_MEM) {
        blob_store_close(&store->blob);
        kv_close(&store->kv);
        return;
    }
    engine_close(&store->engine);
    temp_dir_remove(&store->dir);
}
