#include "engine/cache.h"

#include <stdlib.h>

#include "base/check.h"

enum { SHARDS = 16, SLAB_FRAMES = 32, SLABS_MIN = 2 };

struct shard {
    _Alignas(64) pthread_mutex_t lock; /* guards all but the pins and marks of frames */
    struct cache_frame **heads;
    size_t head_count;
    struct cache_frame **frames; /* all there are, in slabs */
    size_t frame_count;
    size_t frame_limit;
    size_t frame_cap;
    struct cache_frame *free;
    size_t hand;
    void **slabs;
    size_t slab_count;
};

struct cache {
    struct shard shards[SHARDS];
};

static uint32_t mix(uint32_t number) {
    return number * 0x9e3779b1u;
}

static struct shard *shard_of(struct cache *cache, uint32_t number) {
    return &cache->shards[mix(number) >> 28];
}

static struct cache_frame **head_of(struct shard *shard, uint32_t number) {
    return &shard->heads[(mix(number) >> 4) & (shard->head_count - 1)];
}

struct cache *cache_new(size_t limit_bytes) {
    struct cache *cache = aligned_alloc(64, sizeof *cache);
    CHECK(cache);
    memset(cache, 0, sizeof *cache);
    size_t per_shard = limit_bytes / PAGE_BYTES / SHARDS;
    if (per_shard < SLABS_MIN * SLAB_FRAMES) per_shard = SLABS_MIN * SLAB_FRAMES;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
        shard->frame_limit = per_shard;
        shard->head_count = SLAB_FRAMES;
        while (shard->head_count < per_shard) shard->head_count *= 2;
        shard->heads = calloc(shard->head_count, sizeof(struct cache_frame *));
        CHECK(shard->heads);
    }
    return cache;
}

void cache_free(struct cache **cache) {
    if (!*cache) return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &(*cache)->shards[i];
        for (size_t j = 0; j < shard->frame_count; j++) CHECK(shard->frames[j]->pins == 0);
        for (size_t j = 0; j < shard->slab_count; j++) free(shard->slabs[j]);
        for (size_t j = 0; j < shard->frame_count; j += SLAB_FRAMES) free(shard->frames[j]);
        free(shard->slabs);
        free(shard->frames);
        free(shard->heads);
        pthread_mutex_destroy(&shard->lock);
    }
    free(*cache);
    *cache = NULL;
}

/* Adds a slab of frames to the free ones. Called under the lock. */
static void slab_add(struct shard *shard) {
    char *bytes = aligned_alloc(4096, (size_t)SLAB_FRAMES * PAGE_BYTES);
    struct cache_frame *frames = calloc(SLAB_FRAMES, sizeof *frames);
    shard->slabs = reallocarray(shard->slabs, shard->slab_count + 1, sizeof *shard->slabs);
    if (shard->frame_count + SLAB_FRAMES > shard->frame_cap) {
        shard->frame_cap = shard->frame_cap ? 2 * shard->frame_cap : 2 * SLAB_FRAMES;
        shard->frames = reallocarray(shard->frames, shard->frame_cap, sizeof(struct cache_frame *));
    }
    CHECK(bytes && frames && shard->slabs && shard->frames);
    shard->slabs[shard->slab_count++] = bytes;
    for (size_t i = 0; i < SLAB_FRAMES; i++) {
        frames[i].bytes = bytes + i * PAGE_BYTES;
        frames[i].next = shard->free;
        shard->free = &frames[i];
        shard->frames[shard->frame_count++] = &frames[i];
    }
}

static void unlist(struct shard *shard, struct cache_frame *frame) {
    struct cache_frame **link = head_of(shard, frame->number);
    while (*link != frame) link = &(*link)->next;
    *link = frame->next;
    frame->listed = false;
}

static void set_free(struct shard *shard, struct cache_frame *frame) {
    frame->next = shard->free;
    shard->free = frame;
}

/* Moves the hand until it finds a frame that nobody uses; false if there is none. */
static bool evict(struct shard *shard) {
    for (size_t steps = 2 * shard->frame_count; steps > 0; steps--) {
        if (++shard->hand >= shard->frame_count) shard->hand = 0;
        struct cache_frame *frame = shard->frames[shard->hand];
        if (!frame->listed || atomic_load(&frame->pins) > 0) continue;
        if (atomic_exchange(&frame->wanted, false)) continue;
        unlist(shard, frame);
        set_free(shard, frame);
        return true;
    }
    return false;
}

static struct cache_frame *look(struct shard *shard, uint32_t number) {
    struct cache_frame *frame = *head_of(shard, number);
    while (frame && frame->number != number) frame = frame->next;
    return frame;
}

struct cache_frame *cache_find(struct cache *cache, uint32_t number) {
    struct shard *shard = shard_of(cache, number);
    pthread_mutex_lock(&shard->lock);
    struct cache_frame *frame = look(shard, number);
    if (frame) atomic_fetch_add(&frame->pins, 1);
    pthread_mutex_unlock(&shard->lock);
    if (frame && !atomic_load_explicit(&frame->wanted, memory_order_relaxed)) {
        atomic_store_explicit(&frame->wanted, true, memory_order_relaxed);
    }
    return frame;
}

bool cache_has(struct cache *cache, uint32_t number) {
    struct shard *shard = shard_of(cache, number);
    pthread_mutex_lock(&shard->lock);
    bool there = look(shard, number);
    pthread_mutex_unlock(&shard->lock);
    return there;
}

struct cache_frame *cache_take(struct cache *cache, uint32_t number) {
    struct shard *shard = shard_of(cache, number);
    pthread_mutex_lock(&shard->lock);
    bool full = shard->frame_count >= shard->frame_limit;
    if (!shard->free && !(full && evict(shard))) slab_add(shard);
    struct cache_frame *frame = shard->free;
    shard->free = frame->next;
    frame->number = number;
    frame->sum = 0;
    frame->listed = false;
    atomic_store(&frame->pins, 1);
    atomic_store(&frame->wanted, false);
    pthread_mutex_unlock(&shard->lock);
    return frame;
}

static void list(struct shard *shard, struct cache_frame *frame) {
    struct cache_frame **head = head_of(shard, frame->number);
    frame->next = *head;
    frame->listed = true;
    *head = frame;
}

/* Ends a pin under the lock. */
static void unpin_locked(struct shard *shard, struct cache_frame *frame) {
    if (atomic_fetch_sub(&frame->pins, 1) == 1 && !frame->listed) set_free(shard, frame);
}

struct cache_frame *cache_insert(struct cache *cache, struct cache_frame *frame) {
    struct shard *shard = shard_of(cache, frame->number);
    pthread_mutex_lock(&shard->lock);
    struct cache_frame *other = look(shard, frame->number);
    if (other) {
        atomic_fetch_add(&other->pins, 1);
        unpin_locked(shard, frame);
    } else {
        list(shard, frame);
    }
    pthread_mutex_unlock(&shard->lock);
    return other ? other : frame;
}

static void drop_locked(struct shard *shard, uint32_t number) {
    struct cache_frame *frame = look(shard, number);
    if (!frame) return;
    unlist(shard, frame);
    if (atomic_load(&frame->pins) == 0) set_free(shard, frame);
}

void cache_replace(struct cache *cache, struct cache_frame *frame) {
    struct shard *shard = shard_of(cache, frame->number);
    pthread_mutex_lock(&shard->lock);
    drop_locked(shard, frame->number);
    list(shard, frame);
    atomic_fetch_sub(&frame->pins, 1);
    pthread_mutex_unlock(&shard->lock);
}

void cache_unpin(struct cache *cache, struct cache_frame *frame) {
    /* A listed frame can be unlisted by a drop that sees our pin: the last pin then frees it. */
    struct shard *shard = shard_of(cache, frame->number);
    pthread_mutex_lock(&shard->lock);
    unpin_locked(shard, frame);
    pthread_mutex_unlock(&shard->lock);
}

void cache_drop(struct cache *cache, uint32_t number) {
    struct shard *shard = shard_of(cache, number);
    pthread_mutex_lock(&shard->lock);
    drop_locked(shard, number);
    pthread_mutex_unlock(&shard->lock);
}

size_t cache_bytes(struct cache *cache) {
    size_t bytes = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        bytes += shard->frame_count * PAGE_BYTES;
        pthread_mutex_unlock(&shard->lock);
    }
    return bytes;
}
