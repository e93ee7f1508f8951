/*
 * bench.h - hink bench: a load generator for S3 endpoints
 *
 *     words ──▶ bench_options ──▶ bench_run: make the objects ── warm up ── measure ── clean up
 *                                                                              └─▶ bench_report
 *
 * Threads: the main thread; it starts and joins those that make the load.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

/* Runs `hink bench argv…`; the exit code. */
int bench_main(int argc, char **argv);

#endif
