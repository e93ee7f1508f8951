#include "cli/bench_result.h"

void bench_errors_add(struct bench_errors *errors, int status, const char *code, uint64_t count) {
    struct bench_error *kind = errors->kinds;
    struct bench_error *end = kind + errors->kind_count;
    errors->total += count;
    while (kind < end && (kind->status != status || strcmp(kind->code, code) != 0)) kind++;
    if (kind == errors->kinds + BENCH_ERROR_KINDS_MAX) {
        /* The last one gives its place to all that come late. */
        kind--;
        kind->status = 0;
        snprintf(kind->code, sizeof kind->code, "other");
    } else if (kind == end) {
        errors->kind_count++;
        kind->status = status;
        snprintf(kind->code, sizeof kind->code, "%s", code);
    }
    kind->count += count;
}

static void tally_merge(struct bench_tally *tally, const struct bench_tally *other) {
    tally->bytes += other->bytes;
    histogram_merge(&tally->latency_ns, &other->latency_ns);
}

void bench_result_merge(struct bench_result *result, const struct bench_result *other) {
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) {
        tally_merge(&result->tallies[i], &other->tallies[i]);
    }
    for (size_t i = 0; i < other->errors.kind_count; i++) {
        const struct bench_error *kind = &other->errors.kinds[i];
        bench_errors_add(&result->errors, kind->status, kind->code, kind->count);
    }
}

void bench_result_total(const struct bench_result *result, struct bench_tally *ret_total) {
    memset(ret_total, 0, sizeof *ret_total);
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) tally_merge(ret_total, &result->tallies[i]);
}
