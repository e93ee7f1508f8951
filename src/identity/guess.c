#include "identity/guess.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "crypto/digest.h"

enum { WAYS = 4, SETS = GUESS_ENTRIES / WAYS, SEED_LEN = 16 };

#define FORGET_NS (15 * 60 * NS_PER_S)

struct entry {
    uint64_t name; /* 0: free */
    uint32_t attempts;
    int64_t touched_ns;
    int64_t next_ns; /* no attempt before */
};

struct guess_table {
    pthread_mutex_t lock;   /* of the entries */
    uint8_t seed[SEED_LEN]; /* so that nobody outside knows who shares a set with whom */
    struct entry entries[GUESS_ENTRIES];
};

/* What is counted, how many are free, and how long the longest wait is. */
static const struct kind {
    bool by_user;
    bool by_source;
    uint32_t free;
    int64_t wait_max_ns;
} kinds[] = {
    {true, true, GUESS_FREE, 300 * NS_PER_S},
    {false, true, GUESS_SOURCE_FREE, 60 * NS_PER_S},
    {true, false, GUESS_USER_FREE, 2 * NS_PER_S},
};

struct guess_table *guess_table_new(struct random *random) {
    struct guess_table *table = calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    CHECK(pthread_mutex_init(&table->lock, NULL) == 0);
    random_fill(random, table->seed, sizeof table->seed);
    return table;
}

void guess_table_free(struct guess_table **table) {
    if (*table == NULL) return;
    pthread_mutex_destroy(&(*table)->lock);
    free(*table);
    *table = NULL;
}

static uint64_t name_of(const struct guess_table *table, const struct kind *kind, struct slice user,
                        struct slice source) {
    uint8_t out[DIGEST_SHA256_LEN];
    uint64_t name;
    struct digest digest;
    digest_init(&digest, DIGEST_SHA256);
    digest_update(&digest, slice_of(table->seed, sizeof table->seed));
    digest_update(&digest, kind->by_user ? SLICE("u") : SLICE("-"));
    if (kind->by_user) digest_update(&digest, user);
    digest_update(&digest, slice_of("\0", 1));
    if (kind->by_source) digest_update(&digest, source);
    digest_final(&digest, out);
    memcpy(&name, out, sizeof name);
    return name != 0 ? name : 1;
}

/* The entry of that name, or the one whose place it takes. */
static struct entry *entry_of(struct guess_table *table, uint64_t name, int64_t now_ns) {
    struct entry *set = &table->entries[name % SETS * WAYS];
    struct entry *oldest = &set[0];
    struct entry *found = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].name == name) found = &set[i];
        if (set[i].touched_ns < oldest->touched_ns) oldest = &set[i];
    }
    if (found == NULL || now_ns - found->touched_ns > FORGET_NS) {
        if (found == NULL) found = oldest;
        *found = (struct entry){.name = name, .touched_ns = now_ns};
    }
    return found;
}

static void count(struct entry *entry, const struct kind *kind, int64_t now_ns) {
    enum { DOUBLINGS_MAX = 20 };
    entry->touched_ns = now_ns;
    if (entry->attempts < UINT32_MAX) entry->attempts++;
    if (entry->attempts < kind->free) return;
    uint32_t over = entry->attempts - kind->free;
    int64_t wait_ns = NS_PER_S << (over < DOUBLINGS_MAX ? over : DOUBLINGS_MAX);
    entry->next_ns = now_ns + (wait_ns < kind->wait_max_ns ? wait_ns : kind->wait_max_ns);
}

bool guess_begin(struct guess_table *table, struct slice user, struct slice source, int64_t now_ns,
                 int64_t *ret_wait_ns) {
    struct entry *entries[ARRAY_LEN(kinds)];
    int64_t wait_ns = 0;
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        entries[i] = entry_of(table, name_of(table, &kinds[i], user, source), now_ns);
        int64_t left_ns = entries[i]->next_ns - now_ns;
        if (left_ns > wait_ns) wait_ns = left_ns;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds) && wait_ns == 0; i++) {
        count(entries[i], &kinds[i], now_ns);
    }
    pthread_mutex_unlock(&table->lock);
    if (wait_ns > 0) *ret_wait_ns = wait_ns;
    return wait_ns == 0;
}

void guess_right(struct guess_table *table, struct slice user, struct slice source) {
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        uint64_t name = name_of(table, &kinds[i], user, source);
        struct entry *set = &table->entries[name % SETS * WAYS];
        for (size_t j = 0; j < WAYS; j++) {
            if (set[j].name != name) continue;
            bool own = kinds[i].by_user && kinds[i].by_source;
            /* One right guess takes itself back; others' wrong ones stay. */
            set[j].attempts = own || set[j].attempts == 0 ? 0 : set[j].attempts - 1;
            if (own) set[j].next_ns = 0;
        }
    }
    pthread_mutex_unlock(&table->lock);
}
