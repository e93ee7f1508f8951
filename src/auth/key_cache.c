#include "auth/key_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "auth/sigv4.h"
#include "base/check.h"
#include "crypto/ct.h"

enum { WAYS = 4, TAG_MAX = 256, SECRET_MAX = 256 };

/* A derived key, and all that it was derived from. */
struct entry {
    size_t tag_len; /* 0: empty */
    size_t secret_len;
    char tag[TAG_MAX]; /* date, region, access key */
    char secret[SECRET_MAX];
    unsigned char key[SIGV4_DIGEST_LEN];
};

struct set {
    pthread_mutex_t lock;
    unsigned next; /* of the entries: the oldest, which goes first */
    struct entry entries[WAYS];
};

struct key_cache {
    size_t set_count; /* a power of two */
    struct set sets[];
};

struct status key_cache_new(size_t capacity, struct key_cache **ret_cache) {
    size_t set_count = 1;
    while (set_count * WAYS < capacity) set_count *= 2;
    struct key_cache *cache = calloc(1, sizeof *cache + set_count * sizeof cache->sets[0]);
    if (cache == NULL) return status_of(STATUS_NO_MEMORY);
    cache->set_count = set_count;
    for (size_t i = 0; i < set_count; i++) {
        CHECK(pthread_mutex_init(&cache->sets[i].lock, NULL) == 0);
    }
    *ret_cache = cache;
    return status_ok();
}

void key_cache_free(struct key_cache **cache) {
    struct key_cache *self = *cache;
    *cache = NULL;
    if (self == NULL) return;
    for (size_t i = 0; i < self->set_count; i++) {
        CHECK(pthread_mutex_destroy(&self->sets[i].lock) == 0);
        explicit_bzero(self->sets[i].entries, sizeof self->sets[i].entries);
    }
    free(self);
}

/* FNV-1a: the cache is bounded, so that colliding keys cost derivations and nothing else. */
static uint64_t tag_hash(struct slice tag) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < tag.len; i++) {
        hash = (hash ^ (unsigned char)tag.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

static bool entry_is(const struct entry *entry, struct slice tag, struct slice secret) {
    return slice_eq(slice_of(entry->tag, entry->tag_len), tag) && entry->secret_len == secret.len &&
           ct_equal(entry->secret, secret.ptr, secret.len);
}

static bool set_find(struct set *set, struct slice tag, struct slice secret,
                     unsigned char *ret_key) {
    bool found = false;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < WAYS && !found; i++) {
        found = entry_is(&set->entries[i], tag, secret);
        if (found) memcpy(ret_key, set->entries[i].key, SIGV4_DIGEST_LEN);
    }
    pthread_mutex_unlock(&set->lock);
    return found;
}

static void set_keep(struct set *set, struct slice tag, struct slice secret,
                     const unsigned char *key) {
    pthread_mutex_lock(&set->lock);
    struct entry *entry = &set->entries[set->next++ % WAYS];
    entry->tag_len = tag.len;
    entry->secret_len = secret.len;
    memcpy(entry->tag, tag.ptr, tag.len);
    memcpy(entry->secret, secret.ptr, secret.len);
    memcpy(entry->key, key, SIGV4_DIGEST_LEN);
    pthread_mutex_unlock(&set->lock);
}

/* Writes the entry's tag for a scope to `tag`, and finds its set; NULL where it does not fit. */
static struct set *set_of(struct key_cache *cache, struct slice secret,
                          const struct sigv4_scope *scope, struct buf *tag) {
    buf_append(tag, scope->date);
    buf_append(tag, scope->region);
    buf_append_char(tag, '/');
    buf_append(tag, scope->access_key);
    bool fits = is_ok(buf_ok(tag)) && secret.len > 0 && secret.len <= SECRET_MAX;
    if (cache == NULL || !fits) return NULL;
    return &cache->sets[tag_hash(buf_slice(tag)) & (cache->set_count - 1)];
}

bool key_cache_signing_key(struct key_cache *cache, struct slice secret,
                           const struct sigv4_scope *scope,
                           unsigned char ret_key[SIGV4_DIGEST_LEN]) {
    char text[TAG_MAX];
    struct buf tag;
    buf_init_fixed(&tag, text, sizeof text);
    struct set *set = set_of(cache, secret, scope, &tag);
    if (set != NULL && set_find(set, buf_slice(&tag), secret, ret_key)) return true;
    sigv4_signing_key(secret, scope, ret_key);
    return false;
}

void key_cache_keep(struct key_cache *cache, struct slice secret, const struct sigv4_scope *scope,
                    const unsigned char key[SIGV4_DIGEST_LEN]) {
    char text[TAG_MAX];
    struct buf tag;
    buf_init_fixed(&tag, text, sizeof text);
    struct set *set = set_of(cache, secret, scope, &tag);
    if (set != NULL) set_keep(set, buf_slice(&tag), secret, key);
}
