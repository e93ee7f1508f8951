/*
 * remote_cache.h - answers of an identity service elsewhere, how long they count, and who asks
 *
 * Whoever finds no answer that still counts asks, and all others who want the same wait for that.
 *
 *     checked ──────── refresh_ns ─────────────── stale_max_ns ────▶
 *        counts; shortly       counts only while         counts never
 *        before the end one    the service is away
 *        asks ahead
 *
 * That something is not there, or not allowed, is remembered for absent_ns, in a table of its own,
 * so that no flood of names that nobody has drives out the answers of those who are somebody. While
 * the service is away, one request each retry_ns tries it and no other waits for it. At most
 * REMOTE_FIRST_ASKS_MAX names that were not known before are asked for at once; more are BUSY.
 *
 * Threads: any, but for new and free.
 */
#ifndef IDENTITY_REMOTE_CACHE_H
#define IDENTITY_REMOTE_CACHE_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "os/clock.h"

enum { REMOTE_TEXTS_MAX = 12, REMOTE_FIRST_ASKS_MAX = 32, REMOTE_NAME_MAX = 600 };

/* An answer. */
struct remote_record {
    enum { REMOTE_FOUND, REMOTE_ABSENT, REMOTE_DENIED } outcome;
    unsigned bits;
    int64_t expires_ns;
    int64_t checked_ns; /* by the monotonic clock: when the service was asked, at the earliest */
    size_t text_count;
    struct slice texts[REMOTE_TEXTS_MAX];
};

struct remote_cache_options {
    struct clock *clock;
    size_t entries; /* of those that are found, and again of those that are not */
    int64_t refresh_ns;
    int64_t stale_max_ns;
    int64_t absent_ns;
    int64_t retry_ns;
};

struct remote_cache;

/* NULL where there is no memory. */
struct remote_cache *remote_cache_new(const struct remote_cache_options *options);

/* Wipes the texts and gives everything back; NULL is allowed. */
void remote_cache_free(struct remote_cache **cache);

/* What is wanted to know, and how to ask for it. */
struct remote_question {
    struct slice name; /* at most REMOTE_NAME_MAX bytes */
    bool is_inner;     /* asked by another question's `ask`, which has been let through */
    /* Fills in the record; its checked_ns is set before. TIMEOUT, IO, BUSY: the service is away. */
    struct status (*ask)(void *context, struct arena *arena, struct remote_record *ret_record);
    void *context;
};

/*
 * Answers out of the cache or by asking.
 * Owns: the texts of `*ret_record` lie in `arena`.
 * Errors: BUSY (the service is away, or asked too much); what `ask` fails with.
 * Blocks: as `ask`.
 */
struct status remote_cache_get(struct remote_cache *cache, const struct remote_question *question,
                               struct arena *arena, struct remote_record *ret_record);

/* How often the cache had an answer and how often somebody had to ask, since it was made. */
void remote_cache_counts(const struct remote_cache *cache, uint64_t *ret_hits, uint64_t *ret_asks,
                         uint64_t *ret_failures);

/* Whether the last ask failed because the service is away. */
bool remote_cache_is_away(const struct remote_cache *cache);

#endif
