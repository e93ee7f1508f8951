/*
 * bench_result.h - what came of a load: how many, how fast, what went wrong
 *
 * Threads: one at a time; each thread of a load fills its own, which are merged.
 */
#ifndef CLI_BENCH_RESULT_H
#define CLI_BENCH_RESULT_H

#include "cli/bench_options.h"
#include "cli/bench_reply.h"
#include "cli/histogram.h"

enum { BENCH_ERROR_KINDS_MAX = 24 };

/* Requests of one operation that succeeded. */
struct bench_tally {
    uint64_t bytes;
    struct histogram latency_ns; /* counts them */
};

/* One way to go wrong, and how often. */
struct bench_error {
    int status; /* of HTTP; 0: there was no answer */
    char code[BENCH_REPLY_CODE_MAX];
    uint64_t count;
};

struct bench_errors {
    uint64_t total;
    size_t kind_count;
    struct bench_error kinds[BENCH_ERROR_KINDS_MAX];
};

/* Empty when all bytes are zero. */
struct bench_result {
    struct bench_tally tallies[BENCH_OPERATION_COUNT];
    struct bench_errors errors;
    int64_t elapsed_ns; /* from the first request to the last answer */
    uint64_t tickets;   /* drawn, the warm-up's included */
};

/* Counts `count` errors of a kind; when there are too many kinds, under "other". */
void bench_errors_add(struct bench_errors *errors, int status, const char *code, uint64_t count);

/* Adds the tallies and errors of `other`. */
void bench_result_merge(struct bench_result *result, const struct bench_result *other);

/* Adds all operations together. */
void bench_result_total(const struct bench_result *result, struct bench_tally *ret_total);

#endif
