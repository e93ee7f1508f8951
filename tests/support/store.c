#include "support/store.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/check.h"
#include "blob/mem.h"
#include "engine/data.h"
#include "engine/engine.h"
#include "engine/meta.h"
#include "kv/mem.h"

static const char *const mem_policies[] = {"standard", NULL};

static const char *const driver_names[] = {
    [TEST_DRIVER_MEM] = "mem",
    [TEST_DRIVER_ENGINE] = "engine",
    [TEST_DRIVER_DATA] = "data, one drive",
    [TEST_DRIVER_DATA_COPIES] = "data, three copies",
    [TEST_DRIVER_DATA_PARITY] = "data, 4+2",
    [TEST_DRIVER_META] = "meta",
    [TEST_DRIVER_META_SMALL] = "meta with small layers",
};

const char *test_driver_name(enum test_driver driver) {
    return driver_names[driver];
}

/* Six directories of one device stand for six drives. */
static void data_start(struct test_store *store) {
    enum { DRIVES = 6 };
    static const struct data_policy policies[] = {
        [TEST_DRIVER_DATA] = {.name = "standard", .data_pieces = 1},
        [TEST_DRIVER_DATA_COPIES] = {.name = "standard", .data_pieces = 1, .parity_pieces = 2},
        [TEST_DRIVER_DATA_PARITY] = {.name = "standard", .data_pieces = 4, .parity_pieces = 2},
    };
    struct data_policy policy = policies[store->driver];
    policy.same_device = true;
    char paths[DRIVES][TEMP_DIR_MAX + 8];
    struct data_drive_config drives[DRIVES];
    for (unsigned i = 0; i < DRIVES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/drive%u", store->dir.path, i);
        drives[i] = (struct data_drive_config){.path = paths[i]};
    }
    struct data_config config = {
        .kv = store->kv,
        .fs = fs_system(),
        .clock = clock_system(),
        .random = random_system(),
        .drives = drives,
        .drive_count = store->driver == TEST_DRIVER_DATA ? 1 : DRIVES,
        .policies = &policy,
        .policy_count = 1,
        .limits = {.volume_bytes = 8 << 20, .grow_bytes = 1 << 20, .reserve_bytes = 1 << 20},
        .mend_interval_s = 1,
    };
    struct note note = {0};
    struct status s = data_open(&config, &note, &store->data);
    if (!is_ok(s)) fprintf(stderr, "data_open: %s: %s\n", status_text(s.code), note.text);
    CHECK(is_ok(s));
    store->blob = data_blob(store->data);
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

static struct meta_config meta_config_of(const struct test_store *store) {
    struct meta_config config = {
        .fs = fs_system(), .clock = clock_system(), .dir_fd = store->dir_fd};
    if (store->driver == TEST_DRIVER_META_SMALL) {
        config.layer_bytes = 40 * 1024;
        config.cache_bytes = 1024 * 1024;
        config.segment_bytes = 1024 * 1024;
        config.segments_max = 64;
    }
    return config;
}

static void meta_start(struct test_store *store) {
    struct meta_config config = meta_config_of(store);
    struct note note = {0};
    struct status s = meta_open(&config, &note, &store->meta);
    if (!is_ok(s)) fprintf(stderr, "meta_open: %s: %s\n", status_text(s.code), note.text);
    CHECK(is_ok(s));
    store->kv = meta_kv(store->meta);
}

static void meta_make(struct test_store *store) {
    CHECK(is_ok(fs_dir_open(fs_system(), AT_FDCWD, store->dir.path, &store->dir_fd)));
    struct meta_config config = meta_config_of(store);
    struct note note = {0};
    CHECK(is_ok(meta_create(&config, random_system(), &note)));
    meta_start(store);
}

/* What is stored is whole, whatever a test did. */
static void meta_end(struct test_store *store) {
    struct note note = {0};
    CHECK(is_ok(meta_checkpoint(store->meta)));
    struct status s = meta_check(store->meta, &note);
    if (!is_ok(s)) fprintf(stderr, "meta_check: %s\n", note.text);
    CHECK(is_ok(s));
    meta_close(&store->meta);
    fs_close(fs_system(), &store->dir_fd);
}

static bool is_meta(const struct test_store *store) {
    return store->driver >= TEST_DRIVER_META;
}

static bool is_data(const struct test_store *store) {
    return store->driver >= TEST_DRIVER_DATA && store->driver < TEST_BLOB_DRIVER_COUNT;
}

void test_store_open(struct test_store *store, enum test_driver driver) {
    *store = (struct test_store){.driver = driver};
    if (driver != TEST_DRIVER_MEM) temp_dir_make(&store->dir);
    if (driver == TEST_DRIVER_ENGINE) {
        engine_start(store);
        return;
    }
    if (is_meta(store)) {
        meta_make(store);
        return;
    }
    store->kv = kv_mem_open();
    if (is_data(store)) {
        data_start(store);
    } else {
        store->blob = blob_mem_open(store->kv, mem_policies);
    }
}

void test_store_reopen(struct test_store *store) {
    if (store->driver == TEST_DRIVER_ENGINE) {
        engine_close(&store->engine);
        engine_start(store);
    } else if (is_data(store)) {
        data_close(&store->data);
        data_start(store);
    } else if (is_meta(store)) {
        meta_close(&store->meta);
        meta_start(store);
    }
}

void test_store_close(struct test_store *store) {
    if (store->driver == TEST_DRIVER_ENGINE) {
        engine_close(&store->engine);
    } else if (is_data(store)) {
        data_close(&store->data);
        kv_close(&store->kv);
    } else if (is_meta(store)) {
        meta_end(store);
    } else {
        blob_store_close(&store->blob);
        kv_close(&store->kv);
    }
    if (store->driver != TEST_DRIVER_MEM) temp_dir_remove(&store->dir);
}
