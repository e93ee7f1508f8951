/*
 * key_cache.h - derived SigV4 signing keys, kept
 *
 *     new ── signing_key ─(verified)─ keep ── … ── free
 *
 * A signing key costs four HMACs and is the same for all of a day. The cache is bounded and
 * set-associative: an entry pushes the oldest of its set out. Only keys that verified a signature
 * are kept, so that a stranger's guesses push nothing out. An entry answers only to the very
 * secret it was derived from, so a changed secret needs no invalidation.
 *
 * Threads: any; each set has its lock.
 */
#ifndef AUTH_KEY_CACHE_H
#define AUTH_KEY_CACHE_H

#include "auth/sigv4.h"
#include "base/slice.h"
#include "base/status.h"

struct key_cache;

/*
 * Makes a cache of about `capacity` keys.
 * Owns: the caller, until key_cache_free. Errors: NO_MEMORY.
 */
struct status key_cache_new(size_t capacity, struct key_cache **ret_cache);

/* Wipes and frees `*cache` and nulls it; NULL is allowed. */
void key_cache_free(struct key_cache **cache);

/*
 * The signing key for `secret` and the scope, from the cache or derived; true says that it is in
 * the cache. `cache` may be NULL.
 */
bool key_cache_signing_key(struct key_cache *cache, struct slice secret,
                           const struct sigv4_scope *scope,
                           unsigned char ret_key[SIGV4_DIGEST_LEN]);

/* Keeps a derived key for the next time. Without a cache, or where it does not fit, nothing
 * happens.
 */
void key_cache_keep(struct key_cache *cache, struct slice secret, const struct sigv4_scope *scope,
                    const unsigned char key[SIGV4_DIGEST_LEN]);

#endif
