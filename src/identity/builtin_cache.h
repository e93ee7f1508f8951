/*
 * builtin_cache.h - access keys and tokens that were looked up lately
 *
 * An entry has a name: an access key, or the digest of a token, so that no token lies about here.
 *
 * Bounded in number: an entry has one place, and whoever comes later takes it. Bounded in time: an
 * entry is not used past its staleness. builtin_cache_clear makes the next look-up of every key
 * read the store, even if a look-up that began before is still on its way.
 *
 *     generation ── (read the store) ── put(generation)
 *
 * Threads: any, but for new and free.
 */
#ifndef IDENTITY_BUILTIN_CACHE_H
#define IDENTITY_BUILTIN_CACHE_H

#include "identity/identity.h"

struct builtin_cache;

/* Makes a cache of about `entries` places. Units: staleness in nanoseconds. */
struct builtin_cache *builtin_cache_new(size_t entries, int64_t staleness_ns);

/* Wipes the secrets and gives everything back; NULL is allowed. */
void builtin_cache_free(struct builtin_cache **cache);

/* What to hand to builtin_cache_put; taken before the store is read. */
uint64_t builtin_cache_generation(struct builtin_cache *cache);

/* Finds an entry that is fresh at `now_ns` and copies it to `arena`; false where there is none. */
bool builtin_cache_find(struct builtin_cache *cache, struct slice name, int64_t now_ns,
                        struct arena *arena, struct identity_key *ret_key);

/* Keeps a copy of `key`, unless the cache was cleared since `generation` was taken. */
void builtin_cache_put(struct builtin_cache *cache, uint64_t generation, struct slice name,
                       const struct identity_key *key, int64_t now_ns);

/* Forgets everything. */
void builtin_cache_clear(struct builtin_cache *cache);

#endif
