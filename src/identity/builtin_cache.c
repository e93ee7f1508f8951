#include "identity/builtin_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SHARDS = 16 };

enum { TEXTS = 11 };

/* A copy of an identity_key; the name and the texts stand one behind the other in `bytes`. */
struct entry {
    struct identity_key key;
    int64_t expires_ns;
    size_t name_len;
    size_t len;
    char bytes[];
};

struct shard {
    pthread_mutex_t lock; /* guards the places */
    struct entry **places;
};

struct builtin_cache {
    _Atomic uint64_t generation;
    int64_t staleness_ns;
    size_t places_per_shard;
    struct shard shards[SHARDS];
};

struct builtin_cache *builtin_cache_new(size_t entries, int64_t staleness_ns) {
    struct builtin_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) return NULL;
    cache->staleness_ns = staleness_ns;
    cache->places_per_shard = (entries + SHARDS - 1) / SHARDS;
    for (size_t i = 0; i < SHARDS; i++) pthread_mutex_init(&cache->shards[i].lock, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        cache->shards[i].places = calloc(cache->places_per_shard, sizeof(struct entry *));
        if (cache->shards[i].places == NULL) {
            builtin_cache_free(&cache);
            return NULL;
        }
    }
    return cache;
}

static void drop(struct entry **place) {
    if (*place == NULL) return;
    explicit_bzero((*place)->bytes, (*place)->len);
    free(*place);
    *place = NULL;
}

static void clear_shard(struct builtin_cache *cache, struct shard *shard) {
    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; shard->places != NULL && i < cache->places_per_shard; i++) {
        drop(&shard->places[i]);
    }
    pthread_mutex_unlock(&shard->lock);
}

void builtin_cache_clear(struct builtin_cache *cache) {
    /* First the generation: whoever puts an older one later is turned away under the lock. */
    atomic_fetch_add(&cache->generation, 1);
    for (size_t i = 0; i < SHARDS; i++) clear_shard(cache, &cache->shards[i]);
}

void builtin_cache_free(struct builtin_cache **cache) {
    if (*cache == NULL) return;
    builtin_cache_clear(*cache);
    for (size_t i = 0; i < SHARDS; i++) {
        free((*cache)->shards[i].places);
        pthread_mutex_destroy(&(*cache)->shards[i].lock);
    }
    free(*cache);
    *cache = NULL;
}

uint64_t builtin_cache_generation(struct builtin_cache *cache) {
    return atomic_load(&cache->generation);
}

/* FNV-1a. Only keys that exist get in here, so nobody gains by choosing where they fall. */
static uint64_t hash(struct slice s) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return h ^ (h >> 32);
}

static struct shard *shard_of(struct builtin_cache *cache, uint64_t h) {
    return &cache->shards[h % SHARDS];
}

static struct entry **place_of(struct builtin_cache *cache, uint64_t h) {
    return &shard_of(cache, h)->places[h / SHARDS % cache->places_per_shard];
}

/* The texts of a key, in one order for all who walk them. */
static void texts_of(struct identity_key *key, struct slice *texts[TEXTS]) {
    struct principal *principal = &key->principal;
    struct slice *all[TEXTS] = {&key->secret,
                                &principal->user_id,
                                &principal->user_name,
                                &principal->project_id,
                                &principal->project_name,
                                &principal->access_key,
                                &principal->user_domain_id,
                                &principal->user_domain_name,
                                &principal->project_domain_id,
                                &principal->project_domain_name,
                                &principal->role_names};
    memcpy(texts, all, sizeof all);
}

/* Makes the texts stand in `bytes`, where their characters are already. */
static void rebase(struct identity_key *key, const char *bytes) {
    struct slice *texts[TEXTS];
    texts_of(key, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i]->ptr = bytes;
        bytes += texts[i]->len;
    }
}

static bool copy_to_arena(const struct entry *entry, struct arena *arena,
                          struct identity_key *ret_key) {
    size_t len = entry->len - entry->name_len;
    char *bytes = arena_alloc(arena, len + 1);
    if (bytes == NULL) return false;
    memcpy(bytes, entry->bytes + entry->name_len, len);
    *ret_key = entry->key;
    rebase(ret_key, bytes);
    return true;
}

bool builtin_cache_find(struct builtin_cache *cache, struct slice name, int64_t now_ns,
                        struct arena *arena, struct identity_key *ret_key) {
    uint64_t h = hash(name);
    struct shard *shard = shard_of(cache, h);
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = *place_of(cache, h);
    bool found = entry != NULL && slice_eq(slice_of(entry->bytes, entry->name_len), name) &&
                 now_ns < entry->expires_ns && copy_to_arena(entry, arena, ret_key);
    pthread_mutex_unlock(&shard->lock);
    return found;
}

static struct entry *new_entry(struct slice name, const struct identity_key *key,
                               int64_t expires_ns) {
    struct identity_key copy = *key;
    struct slice *texts[TEXTS];
    size_t len = name.len;
    texts_of(&copy, texts);
    for (size_t i = 0; i < TEXTS; i++) len += texts[i]->len;
    struct entry *entry = malloc(sizeof *entry + len);
    if (entry == NULL) return NULL;
    char *end = entry->bytes;
    if (name.len > 0) memcpy(end, name.ptr, name.len);
    end += name.len;
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i]->len > 0) memcpy(end, texts[i]->ptr, texts[i]->len);
        end += texts[i]->len;
    }
    *entry =
        (struct entry){.key = copy, .expires_ns = expires_ns, .name_len = name.len, .len = len};
    rebase(&entry->key, entry->bytes + name.len);
    return entry;
}

void builtin_cache_put(struct builtin_cache *cache, uint64_t generation, struct slice name,
                       const struct identity_key *key, int64_t now_ns) {
    struct entry *entry = new_entry(name, key, now_ns + cache->staleness_ns);
    if (entry == NULL) return;
    uint64_t h = hash(name);
    struct shard *shard = shard_of(cache, h);
    pthread_mutex_lock(&shard->lock);
    struct entry **place = place_of(cache, h);
    if (atomic_load(&cache->generation) == generation) {
        drop(place);
        *place = entry;
        entry = NULL;
    }
    pthread_mutex_unlock(&shard->lock);
    drop(&entry);
}
