#include "identity/remote_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"

enum { SHARDS = 16, WAYS = 8 };

/* Of the time an answer counts, the last part in which somebody asks ahead: a sixth. */
enum { AHEAD_PART = 6 };

/* The name and the texts stand one behind the other in `bytes`. */
struct entry {
    struct remote_record record;
    int64_t used_ns;
    size_t name_len;
    size_t len;
    char bytes[];
};

/* Somebody asks; who wants the same waits. Lies on the asker's stack while `waiting` is 0. */
struct flight {
    struct flight *next;
    struct slice name;
    bool done;
    struct status status;
    unsigned waiting;
};

struct shard {
    pthread_mutex_t lock; /* guards all of it */
    pthread_cond_t landed;
    struct flight *flights;
    struct entry **found; /* sets of WAYS places */
    struct entry **absent;
};

struct remote_cache {
    struct remote_cache_options options;
    size_t sets;                   /* of a shard */
    _Atomic int64_t next_probe_ns; /* 0: the service is there; else when it may be tried again */
    _Atomic unsigned first_asks;
    _Atomic uint64_t hits;
    _Atomic uint64_t asks;
    _Atomic uint64_t failures;
    struct shard shards[SHARDS];
};

struct remote_cache *remote_cache_new(const struct remote_cache_options *options) {
    struct remote_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) return NULL;
    cache->options = *options;
    cache->sets = (options->entries + SHARDS * WAYS - 1) / (SHARDS * WAYS);
    bool whole = true;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
        CHECK(pthread_cond_init(&shard->landed, NULL) == 0);
        shard->found = calloc(cache->sets * WAYS, sizeof(struct entry *));
        shard->absent = calloc(cache->sets * WAYS, sizeof(struct entry *));
        whole = whole && shard->found != NULL && shard->absent != NULL;
    }
    if (!whole) remote_cache_free(&cache);
    return cache;
}

static void drop(struct entry **place) {
    if (*place == NULL) return;
    explicit_bzero((*place)->bytes, (*place)->len);
    free(*place);
    *place = NULL;
}

static void free_places(struct entry ***places, size_t count) {
    for (size_t i = 0; *places != NULL && i < count; i++) drop(&(*places)[i]);
    free(*places);
    *places = NULL;
}

void remote_cache_free(struct remote_cache **cache) {
    if (*cache == NULL) return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &(*cache)->shards[i];
        CHECK(shard->flights == NULL);
        free_places(&shard->found, (*cache)->sets * WAYS);
        free_places(&shard->absent, (*cache)->sets * WAYS);
        pthread_cond_destroy(&shard->landed);
        pthread_mutex_destroy(&shard->lock);
    }
    free(*cache);
    *cache = NULL;
}

void remote_cache_counts(const struct remote_cache *cache, uint64_t *ret_hits, uint64_t *ret_asks,
                         uint64_t *ret_failures) {
    *ret_hits = atomic_load(&cache->hits);
    *ret_asks = atomic_load(&cache->asks);
    *ret_failures = atomic_load(&cache->failures);
}

bool remote_cache_is_away(const struct remote_cache *cache) {
    return atomic_load(&cache->next_probe_ns) != 0;
}

/* --- places --- */

/* FNV-1a. Who chooses where names fall drives out what they made themselves, or what is absent. */
static uint64_t hash(struct slice s) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return h ^ (h >> 32);
}

static struct shard *shard_of(struct remote_cache *cache, struct slice name) {
    return &cache->shards[hash(name) % SHARDS];
}

static struct entry **set_of(const struct remote_cache *cache, struct entry **places,
                             struct slice name) {
    return &places[hash(name) / SHARDS % cache->sets * WAYS];
}

static struct entry **find_in(const struct remote_cache *cache, struct entry **places,
                              struct slice name) {
    struct entry **set = set_of(cache, places, name);
    for (size_t i = 0; i < WAYS; i++) {
        bool same = set[i] != NULL && slice_eq(slice_of(set[i]->bytes, set[i]->name_len), name);
        if (same) return &set[i];
    }
    return NULL;
}

static struct entry *find(const struct remote_cache *cache, struct shard *shard,
                          struct slice name) {
    struct entry **place = find_in(cache, shard->found, name);
    if (place == NULL) place = find_in(cache, shard->absent, name);
    return place != NULL ? *place : NULL;
}

/* Makes the texts stand in `bytes`, where their characters are already. */
static void rebase(struct remote_record *record, const char *bytes) {
    for (size_t i = 0; i < record->text_count; i++) {
        record->texts[i].ptr = bytes;
        bytes += record->texts[i].len;
    }
}

static struct entry *new_entry(struct slice name, const struct remote_record *record) {
    size_t len = name.len;
    CHECK(record->text_count <= REMOTE_TEXTS_MAX);
    for (size_t i = 0; i < record->text_count; i++) len += record->texts[i].len;
    struct entry *entry = malloc(sizeof *entry + len);
    if (entry == NULL) return NULL;
    *entry = (struct entry){.record = *record, .name_len = name.len, .len = len};
    entry->used_ns = record->checked_ns;
    char *end = entry->bytes;
    memcpy(end, name.ptr, name.len);
    end += name.len;
    for (size_t i = 0; i < record->text_count; i++) {
        if (record->texts[i].len > 0) memcpy(end, record->texts[i].ptr, record->texts[i].len);
        end += record->texts[i].len;
    }
    rebase(&entry->record, entry->bytes + name.len);
    return entry;
}

/* Replaces what is there of that name, or what was not used for the longest time. */
static void put(const struct remote_cache *cache, struct shard *shard, struct slice name,
                const struct remote_record *record) {
    bool is_found = record->outcome == REMOTE_FOUND;
    struct entry **other = find_in(cache, is_found ? shard->absent : shard->found, name);
    struct entry **places = is_found ? shard->found : shard->absent;
    struct entry **place = find_in(cache, places, name);
    struct entry **set = set_of(cache, places, name);
    for (size_t i = 0; i < WAYS && place == NULL; i++) {
        if (set[i] == NULL) place = &set[i];
    }
    if (place == NULL) {
        place = &set[0];
        for (size_t i = 1; i < WAYS; i++) {
            if (set[i]->used_ns < (*place)->used_ns) place = &set[i];
        }
    }
    if (other != NULL) drop(other);
    drop(place);
    *place = new_entry(name, record);
}

static struct status copy_out(struct entry *entry, int64_t now_ns, struct arena *arena,
                              struct remote_record *ret_record) {
    size_t len = entry->len - entry->name_len;
    char *bytes = arena_alloc(arena, len + 1);
    TRY(arena_ok(arena));
    memcpy(bytes, entry->bytes + entry->name_len, len);
    *ret_record = entry->record;
    rebase(ret_record, bytes);
    entry->used_ns = now_ns;
    return status_ok();
}

/* --- what counts --- */

static bool counts(const struct remote_cache *cache, const struct entry *entry, int64_t now_ns,
                   bool asking) {
    const struct remote_cache_options *options = &cache->options;
    int64_t age_ns = now_ns - entry->record.checked_ns;
    if (entry->record.outcome != REMOTE_FOUND) return age_ns < options->absent_ns;
    int64_t ahead_ns = options->refresh_ns - options->refresh_ns / AHEAD_PART;
    return age_ns < (asking ? options->refresh_ns : ahead_ns);
}

/* Whether the entry may stand in for an answer that can't be had. */
static bool stands_in(const struct remote_cache *cache, const struct entry *entry, int64_t now_ns) {
    int64_t age_ns = now_ns - entry->record.checked_ns;
    bool found = entry->record.outcome == REMOTE_FOUND;
    return found && age_ns < cache->options.stale_max_ns;
}

/* While the service is away, one request each retry_ns tries it. */
static bool may_ask(struct remote_cache *cache, int64_t now_ns) {
    int64_t next_ns = atomic_load(&cache->next_probe_ns);
    if (next_ns == 0) return true;
    if (now_ns < next_ns) return false;
    return atomic_compare_exchange_strong(&cache->next_probe_ns, &next_ns,
                                          now_ns + cache->options.retry_ns);
}

static bool is_away(struct status s) {
    return status_is(s, STATUS_TIMEOUT) || status_is(s, STATUS_IO) || status_is(s, STATUS_BUSY);
}

/* --- flights --- */

static struct flight *flight_find(const struct shard *shard, struct slice name) {
    for (struct flight *f = shard->flights; f != NULL; f = f->next) {
        if (slice_eq(f->name, name)) return f;
    }
    return NULL;
}

/* With the lock held, which it gives up meanwhile. */
static struct status flight_wait(struct shard *shard, struct flight *flight) {
    flight->waiting++;
    while (!flight->done) pthread_cond_wait(&shard->landed, &shard->lock);
    struct status s = flight->status;
    flight->waiting--;
    pthread_cond_broadcast(&shard->landed);
    return s;
}

/* With the lock held: takes it off the list, so that nobody new waits, and lets all others go. */
static void flight_land(struct shard *shard, struct flight *flight, struct status s) {
    struct flight **link = &shard->flights;
    while (*link != flight) link = &(*link)->next;
    *link = flight->next;
    flight->status = s;
    flight->done = true;
    pthread_cond_broadcast(&shard->landed);
    while (flight->waiting > 0) pthread_cond_wait(&shard->landed, &shard->lock);
}

/* Asks, with the lock given up meanwhile. */
static struct status ask(struct remote_cache *cache, struct shard *shard,
                         const struct remote_question *question, struct arena *arena,
                         struct remote_record *ret_record) {
    struct flight flight = {.next = shard->flights, .name = question->name};
    struct remote_record record = {.checked_ns = clock_mono_ns(cache->options.clock)};
    shard->flights = &flight;
    pthread_mutex_unlock(&shard->lock);
    atomic_fetch_add(&cache->asks, 1);
    struct status s = question->ask(question->context, arena, &record);
    if (is_ok(s)) s = arena_ok(arena);
    if (is_ok(s)) atomic_store(&cache->next_probe_ns, 0);
    if (!is_ok(s)) atomic_fetch_add(&cache->failures, 1);
    if (is_away(s)) {
        int64_t now_ns = clock_mono_ns(cache->options.clock);
        atomic_store(&cache->next_probe_ns, now_ns + cache->options.retry_ns);
    }
    pthread_mutex_lock(&shard->lock);
    if (is_ok(s)) put(cache, shard, question->name, &record);
    flight_land(shard, &flight, s);
    if (is_ok(s)) *ret_record = record;
    return s;
}

/* Asks for what there is no answer to, if not too many do so; with the lock held. */
static struct status ask_first(struct remote_cache *cache, struct shard *shard,
                               const struct remote_question *question, struct arena *arena,
                               struct remote_record *ret_record) {
    struct status s = status_of(STATUS_BUSY);
    bool counted = !question->is_inner;
    bool room =
        !counted || atomic_fetch_add(&cache->first_asks, 1) < (unsigned)REMOTE_FIRST_ASKS_MAX;
    if (room) s = ask(cache, shard, question, arena, ret_record);
    if (counted) atomic_fetch_sub(&cache->first_asks, 1);
    return s;
}

/* With the lock held. */
static struct status get(struct remote_cache *cache, struct shard *shard,
                         const struct remote_question *question, struct arena *arena,
                         struct remote_record *ret_record) {
    struct status s;
    for (;;) {
        int64_t now_ns = clock_mono_ns(cache->options.clock);
        struct entry *entry = find(cache, shard, question->name);
        struct flight *flight = flight_find(shard, question->name);
        if (entry != NULL && counts(cache, entry, now_ns, flight != NULL)) {
            atomic_fetch_add_explicit(&cache->hits, 1, memory_order_relaxed);
            return copy_out(entry, now_ns, arena, ret_record);
        }
        bool away = remote_cache_is_away(cache) && !question->is_inner;
        bool usable = entry != NULL && stands_in(cache, entry, now_ns);
        if (away && usable && (flight != NULL || !may_ask(cache, now_ns))) {
            return copy_out(entry, now_ns, arena, ret_record);
        }
        if (away && !usable && flight == NULL && !may_ask(cache, now_ns)) {
            return status_of(STATUS_BUSY);
        }
        if (flight == NULL) {
            s = entry != NULL ? ask(cache, shard, question, arena, ret_record)
                              : ask_first(cache, shard, question, arena, ret_record);
            break;
        }
        s = flight_wait(shard, flight);
        if (!is_ok(s)) break;
    }
    if (is_ok(s)) return s;
    int64_t now_ns = clock_mono_ns(cache->options.clock);
    struct entry *entry = find(cache, shard, question->name);
    bool usable = entry != NULL && stands_in(cache, entry, now_ns);
    return usable ? copy_out(entry, now_ns, arena, ret_record) : s;
}

struct status remote_cache_get(struct remote_cache *cache, const struct remote_question *question,
                               struct arena *arena, struct remote_record *ret_record) {
    struct shard *shard = shard_of(cache, question->name);
    CHECK(question->name.len <= REMOTE_NAME_MAX);
    pthread_mutex_lock(&shard->lock);
    struct status s = get(cache, shard, question, arena, ret_record);
    pthread_mutex_unlock(&shard->lock);
    return s;
}
