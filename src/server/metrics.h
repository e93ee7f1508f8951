/*
 * metrics.h - what the requests of this process came to, for Prometheus
 *
 * Counts by operation and status, latency histograms by operation, bytes either way. Counting is a
 * few relaxed atomic additions; rendering reads them one by one, so that a scrape is not a
 * snapshot.
 *
 * Life: new ── request* / render* ── free. Threads: any, but for new and free.
 * Spec: Prometheus text exposition format 0.0.4.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/buf.h"

struct metrics;

/* One finished request. */
struct metrics_request {
    size_t operation; /* index into the names given to metrics_new */
    int status;
    uint64_t bytes_in;
    uint64_t bytes_out;
    int64_t duration_ns;
};

/* Makes counters for `operation_count` operations; `names` must outlive them. */
struct metrics *metrics_new(const char *const *names, size_t operation_count);

/* Gives the counters back. */
void metrics_free(struct metrics **metrics);

/* Counts a request. */
void metrics_count(struct metrics *metrics, const struct metrics_request *request);

/* Appends all families; operations that were never asked for are left out. */
void metrics_render(const struct metrics *metrics, struct buf *out);

/* Appends one gauge or counter with its help and type lines. */
void metrics_render_value(struct buf *out, const char *name, const char *type, const char *help,
                          uint64_t value);

#endif
