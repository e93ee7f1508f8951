#include "engine/pin.h"

#include <stdlib.h>

#include "base/check.h"

struct pin_entry {
    struct pin_entry *next;
    struct kv_partition partition;
    struct blob_id id;
    size_t readers;
    struct pin_waiting *waiting;
};

void pins_init(struct pins *pins) {
    *pins = (struct pins){0};
    CHECK(pthread_mutex_init(&pins->lock, NULL) == 0);
}

void pins_fini(struct pins *pins) {
    CHECK(pins->count == 0);
    pthread_mutex_destroy(&pins->lock);
}

/* Ids end in chance. */
static struct pin_entry **find(struct pins *pins, struct kv_partition partition,
                               struct blob_id id) {
    size_t bucket = (id.bytes[BLOB_ID_LEN - 1] | id.bytes[BLOB_ID_LEN - 2] << 8) % PIN_BUCKETS;
    struct pin_entry **at = &pins->buckets[bucket];
    while (*at && (memcmp((*at)->id.bytes, id.bytes, sizeof id.bytes) != 0 ||
                   !kv_partition_eq((*at)->partition, partition))) {
        at = &(*at)->next;
    }
    return at;
}

void pin_take(struct pins *pins, struct kv_partition partition, struct blob_id id) {
    pthread_mutex_lock(&pins->lock);
    struct pin_entry **at = find(pins, partition, id);
    if (!*at) {
        *at = calloc(1, sizeof **at);
        CHECK(*at);
        (*at)->partition = partition;
        (*at)->id = id;
        pins->count++;
    }
    (*at)->readers++;
    pthread_mutex_unlock(&pins->lock);
}

struct pin_waiting *pin_drop(struct pins *pins, struct kv_partition partition, struct blob_id id) {
    pthread_mutex_lock(&pins->lock);
    struct pin_entry **at = find(pins, partition, id);
    CHECK(*at && (*at)->readers > 0);
    struct pin_waiting *waiting = NULL;
    if (--(*at)->readers == 0) {
        struct pin_entry *gone = *at;
        *at = gone->next;
        waiting = gone->waiting;
        free(gone);
        pins->count--;
    }
    pthread_mutex_unlock(&pins->lock);
    return waiting;
}

bool pin_defer(struct pins *pins, struct kv_partition partition, struct blob_id id,
               struct pin_waiting *list) {
    pthread_mutex_lock(&pins->lock);
    struct pin_entry *entry = *find(pins, partition, id);
    while (entry && list) {
        struct pin_waiting *next = list->next;
        list->next = entry->waiting;
        entry->waiting = list;
        list = next;
    }
    pthread_mutex_unlock(&pins->lock);
    return entry;
}
