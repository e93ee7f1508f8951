/*
 * progress.h - how far something long is: a bar on a terminal, lines elsewhere
 *
 *     begin ── show* ── end
 *
 * Threads: one at a time.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;
    const char *what; /* before the bar; may be changed while it goes on */
    bool terminal;
    bool shown;       /* a bar stands in the present line */
    int percent;      /* that was shown last */
    int64_t shown_ns; /* when, on the monotonic clock */
};

/* Begins on `out`, with `what` in front. */
void progress_begin(struct progress *progress, FILE *out, const char *what);

/*
 * Shows that `done` of `total` is done, with a few words behind it: on a terminal at most ten times
 * a second, elsewhere one line every half minute. A total of 0 is one that is not known.
 */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, const char *words);

/* Ends the line of the bar. */
void progress_end(struct progress *progress);

/* "1.4 GiB": at most `cap` bytes with the NUL; the answer is `out`. */
char *progress_bytes(uint64_t bytes, char *out, size_t cap);

#endif
