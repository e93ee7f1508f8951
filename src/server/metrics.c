#include "server/metrics.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"

static const int metrics_statuses[] = {200, 204, 206, 301, 304, 307, 400, 403, 404, 405,
                                       409, 411, 412, 416, 417, 500, 501, 503, 505};
/* Upper bounds of the histogram in microseconds. */
static const uint64_t metrics_bounds_us[] = {
    100,    250,    500,    1000,    2500,    5000,    10000,    25000,    50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

enum {
    STATUS_SLOTS = ARRAY_LEN(metrics_statuses) + 1, /* the last one is every other status */
    BUCKETS = ARRAY_LEN(metrics_bounds_us) + 1      /* the last one is +Inf */
};

struct metrics_operation {
    uint64_t requests[STATUS_SLOTS];
    uint64_t buckets[BUCKETS];
    uint64_t duration_us;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

struct metrics {
    const char *const *names;
    size_t operation_count;
    struct metrics_operation operations[];
};

struct metrics *metrics_new(const char *const *names, size_t operation_count) {
    struct metrics *metrics =
        calloc(1, sizeof *metrics + operation_count * sizeof metrics->operations[0]);
    CHECK(metrics != NULL);
    metrics->names = names;
    metrics->operation_count = operation_count;
    return metrics;
}

void metrics_free(struct metrics **metrics) {
    free(*metrics);
    *metrics = NULL;
}

static void counter_add(uint64_t *counter, uint64_t n) {
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static uint64_t counter_read(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static size_t status_slot(int status) {
    size_t slot = 0;
    while (slot < ARRAY_LEN(metrics_statuses) && metrics_statuses[slot] != status) slot++;
    return slot;
}

static size_t bucket_of(uint64_t duration_us) {
    size_t bucket = 0;
    while (bucket < ARRAY_LEN(metrics_bounds_us) && duration_us > metrics_bounds_us[bucket])
        bucket++;
    return bucket;
}

void metrics_count(struct metrics *metrics, const struct metrics_request *request) {
    CHECK(request->operation < metrics->operation_count);
    struct metrics_operation *op = &metrics->operations[request->operation];
    uint64_t duration_us = request->duration_ns < 0 ? 0 : (uint64_t)request->duration_ns / 1000;
    counter_add(&op->requests[status_slot(request->status)], 1);
    counter_add(&op->buckets[bucket_of(duration_us)], 1);
    counter_add(&op->duration_us, duration_us);
    counter_add(&op->bytes_in, request->bytes_in);
    counter_add(&op->bytes_out, request->bytes_out);
}

static uint64_t requests_of(const struct metrics_operation *op) {
    uint64_t sum = 0;
    for (size_t i = 0; i < STATUS_SLOTS; i++) sum += counter_read(&op->requests[i]);
    return sum;
}

static void family_begin(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_render_value(struct buf *out, const char *name, const char *type, const char *help,
                          uint64_t value) {
    family_begin(out, name, type, help);
    buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void requests_render(struct buf *out, const char *name, const struct metrics_operation *op) {
    for (size_t i = 0; i < STATUS_SLOTS; i++) {
        uint64_t count = counter_read(&op->requests[i]);
        if (count == 0) continue;
        buf_printf(out, "hink_requests_total{operation=\"%s\",status=\"", name);
        if (i < ARRAY_LEN(metrics_statuses)) {
            buf_printf(out, "%d", metrics_statuses[i]);
        } else {
            buf_append_str(out, "other");
        }
        buf_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
}

static void histogram_render(struct buf *out, const char *name,
                             const struct metrics_operation *op) {
    uint64_t below = 0;
    for (size_t i = 0; i < ARRAY_LEN(metrics_bounds_us); i++) {
        below += counter_read(&op->buckets[i]);
        buf_printf(out, "hink_request_seconds_bucket{operation=\"%s\",le=\"%g\"} %llu\n", name,
                   (double)metrics_bounds_us[i] / 1e6, (unsigned long long)below);
    }
    below += counter_read(&op->buckets[BUCKETS - 1]);
    buf_printf(out, "hink_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n", name,
               (unsigned long long)below);
    buf_printf(out, "hink_request_seconds_sum{operation=\"%s\"} %.6f\n", name,
               (double)counter_read(&op->duration_us) / 1e6);
    buf_printf(out, "hink_request_seconds_count{operation=\"%s\"} %llu\n", name,
               (unsigned long long)below);
}

static void bytes_in_render(struct buf *out, const char *name, const struct metrics_operation *op) {
    buf_printf(out, "hink_received_bytes_total{operation=\"%s\"} %llu\n", name,
               (unsigned long long)counter_read(&op->bytes_in));
}

static void bytes_out_render(struct buf *out, const char *name,
                             const struct metrics_operation *op) {
    buf_printf(out, "hink_sent_bytes_total{operation=\"%s\"} %llu\n", name,
               (unsigned long long)counter_read(&op->bytes_out));
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*render)(struct buf *out, const char *name, const struct metrics_operation *op);
} families[] = {
    {"hink_requests_total", "counter", "Requests answered, by operation and HTTP status.",
     requests_render},
    {"hink_request_seconds", "histogram", "Time from the complete head to the end of the answer.",
     histogram_render},
    {"hink_received_bytes_total", "counter", "Body bytes received.", bytes_in_render},
    {"hink_sent_bytes_total", "counter", "Body bytes sent.", bytes_out_render},
};

void metrics_render(const struct metrics *metrics, struct buf *out) {
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        family_begin(out, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < metrics->operation_count; i++) {
            const struct metrics_operation *op = &metrics->operations[i];
            if (requests_of(op) > 0) families[f].render(out, metrics->names[i], op);
        }
    }
}
