/*
 * histogram.h - how often each latency came, in fixed memory and to within one per cent
 *
 * Values below 128 are counted exactly; above, each power of two is divided into 128 steps, so that
 * a percentile is at most 1/128 too high. The largest value is kept exactly.
 *
 * Threads: one at a time.
 */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEP_BITS = 7,
    HISTOGRAM_VALUE_BITS = 42, /* of nanoseconds: 73 minutes; larger values count as that */
    HISTOGRAM_CELLS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS
};

/* Empty when all bytes are zero. */
struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t cells[HISTOGRAM_CELLS];
};

/* Counts one value. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* Adds what `other` has counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/*
 * A value that `per_mille` thousandths of all values are not above: 500 for the median; the
 * largest one for 1000; 0 where nothing was counted.
 */
uint64_t histogram_at(const struct histogram *histogram, unsigned per_mille);

#endif
