/*
 * bench_report.h - what hink bench says: a line that moves, a report for people, JSON for programs
 *
 * Threads: the main thread.
 */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "cli/bench_load.h"

/* A progress line on a terminal; on anything else it says nothing. */
struct bench_bar {
    FILE *out;
    const char *what; /* "put", "making objects" */
    bool is_terminal;
    int64_t total_ns; /* of warm-up and duration; 0: it is as long as `total` requests take */
    uint64_t total;
    int64_t last_ns;
    uint64_t last_requests;
};

/* Begins a line on `out`. */
void bench_bar_init(struct bench_bar *bar, FILE *out, const char *what);

/* Shows how far the load is: bench_load.on_progress with the bar for its context. */
void bench_bar_show(void *bar, const struct bench_progress *progress);

/* Wipes the line out. */
void bench_bar_end(struct bench_bar *bar);

/* Prints the result for people. */
void bench_report_print(const struct bench_options *options, const struct bench_result *result,
                        FILE *out);

/* Appends the result as one JSON object. */
void bench_report_json(const struct bench_options *options, const struct bench_result *result,
                       struct buf *out);

#endif
