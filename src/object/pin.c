#include "object/pin.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

enum { PIN_CHAINS = 64 }; /* a power of two */

struct pin {
    struct pin *next;
    struct kv_partition partition;
    struct key_id id;
    size_t count;
};

struct pin_table {
    pthread_mutex_t lock; /* guards everything below */
    struct pin *chains[PIN_CHAINS];
};

struct pin_table *pin_table_new(void) {
    struct pin_table *table = calloc(1, sizeof *table);
    CHECK(table && pthread_mutex_init(&table->lock, NULL) == 0);
    return table;
}

void pin_table_free(struct pin_table **table) {
    if (!*table) return;
    for (size_t i = 0; i < PIN_CHAINS; i++) CHECK(!(*table)->chains[i]);
    pthread_mutex_destroy(&(*table)->lock);
    free(*table);
    *table = NULL;
}

/* Where the pin is linked in, or would be. Order: under the lock. */
static struct pin **find(struct pin_table *table, struct kv_partition partition, struct key_id id) {
    struct pin **at = &table->chains[id.bytes[0] & (PIN_CHAINS - 1)];
    while (*at && (memcmp((*at)->id.bytes, id.bytes, sizeof id.bytes) != 0 ||
                   !kv_partition_eq((*at)->partition, partition))) {
        at = &(*at)->next;
    }
    return at;
}

void pin_add(struct pin_table *table, struct kv_partition partition, struct key_id id) {
    struct pin *fresh = calloc(1, sizeof *fresh);
    CHECK(fresh);
    *fresh = (struct pin){.partition = partition, .id = id};
    pthread_mutex_lock(&table->lock);
    struct pin **at = find(table, partition, id);
    if (!*at) {
        *at = fresh;
        fresh = NULL;
    }
    (*at)->count++;
    pthread_mutex_unlock(&table->lock);
    free(fresh);
}

void pin_remove(struct pin_table *table, struct kv_partition partition, struct key_id id) {
    struct pin *dead = NULL;
    pthread_mutex_lock(&table->lock);
    struct pin **at = find(table, partition, id);
    CHECK(*at);
    if (--(*at)->count == 0) {
        dead = *at;
        *at = dead->next;
    }
    pthread_mutex_unlock(&table->lock);
    free(dead);
}

bool pin_is(struct pin_table *table, struct kv_partition partition, struct key_id id) {
    pthread_mutex_lock(&table->lock);
    bool is = *find(table, partition, id) != NULL;
    pthread_mutex_unlock(&table->lock);
    return is;
}
