/*
 * bench_load.h - makes a load: connections that each have one request under way, all the time
 *
 * A few threads, one epoll each; a connection that has its answer sends the next request at once.
 * Requests that begin in the warm-up are made and forgotten. When the time is over, or the tickets
 * or the count are used up, those under way are waited for.
 *
 *     main thread ── bench_load_run ──┬─ worker: epoll, its connections, its result
 *                        │ progress   └─ worker: …
 *                        └─ joined and merged
 *
 * Threads: bench_load_run starts and joins its own.
 */
#ifndef CLI_BENCH_LOAD_H
#define CLI_BENCH_LOAD_H

#include <signal.h>

#include "cli/bench_plan.h"
#include "cli/bench_result.h"
#include "net/client.h"

/* How far a load is. */
struct bench_progress {
    int64_t elapsed_ns; /* since its beginning */
    uint64_t requests;  /* answered well, the warm-up's included */
    uint64_t bytes;
    uint64_t errors;
};

struct bench_load {
    const struct bench_options *options;
    const struct bench_plan *plan;
    const struct net_client_addresses *addresses; /* the first is used */
    struct net_client_tls *tls;                   /* NULL: plain */
    bool sign;
    bool stop_on_error;
    int64_t warmup_ns;
    int64_t duration_ns; /* after the warm-up; 0: until the tickets or the count are used up */
    uint64_t skip;       /* tickets that are left out */
    uint64_t count;      /* of requests after the warm-up; 0: no end */
    const char *body;    /* of what is put, again and again */
    size_t body_len;
    char body_sha256[SIGV4_HEX_LEN];          /* of size_bytes of it */
    const volatile sig_atomic_t *interrupted; /* ends it early; NULL */
    /* Called a few times a second; NULL. */
    void (*on_progress)(void *context, const struct bench_progress *progress);
    void *context;
};

/*
 * Makes a load and waits for its end.
 * Owns: `*ret_result` is the caller's, to be freed.
 * Errors: NO_MEMORY, BUSY, INVALID (keys that can't be signed with), noted; errors of requests are
 * in the result.
 * Blocks: for as long as the load lasts.
 */
struct status bench_load_run(const struct bench_load *load, struct note *note,
                             struct bench_result **ret_result);

#endif
