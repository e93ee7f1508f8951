#include "object/store.h"

#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"

struct status object_store_open(const struct object_store_config *config, struct note *note,
                                struct object_store **ret_store) {
    struct object_store *store = calloc(1, sizeof *store);
    if (!store) return note_status(note, STATUS_NO_MEMORY, "no memory for the object layer");
    store->config = *config;
    for (size_t i = 0; i < STORE_LANES; i++) {
        CHECK(pthread_mutex_init(&store->lanes[i], NULL) == 0);
    }
    store->pins = pin_table_new();
    store->tidy = tidy_new(store);
    struct status s = config->housekeeping ? tidy_start(store->tidy, note) : status_ok();
    if (is_ok(s)) {
        *ret_store = store;
    } else {
        object_store_close(&store);
    }
    return s;
}

void object_store_close(struct object_store **store) {
    if (!*store) return;
    tidy_free(&(*store)->tidy);
    pin_table_free(&(*store)->pins);
    for (size_t i = 0; i < STORE_LANES; i++) pthread_mutex_destroy(&(*store)->lanes[i]);
    free(*store);
    *store = NULL;
}

void object_store_stats_read(struct object_store *store, struct object_store_stats *ret_stats) {
    struct blob_stats blobs = {0};
    blob_stats_read(store->config.blob, &blobs);
    *ret_stats = (struct object_store_stats){
        .tidied_blobs = blobs.collected_blobs,
        .tidied_buckets = atomic_load(&store->tidied_buckets),
        .tidy_errors = atomic_load(&store->tidy_errors),
        .commit_retries = atomic_load(&store->commit_retries),
    };
}
