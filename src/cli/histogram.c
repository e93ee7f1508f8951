#include "cli/histogram.h"

#include <stddef.h>

enum { STEPS = 1 << HISTOGRAM_STEP_BITS };

static size_t cell_of(uint64_t value) {
    const uint64_t largest = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;
    if (value > largest) value = largest;
    if (value < STEPS) return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return ((size_t)(shift + 1) << HISTOGRAM_STEP_BITS) + (size_t)(value >> shift) - STEPS;
}

/* The largest value that is counted in a cell. */
static uint64_t cell_end(size_t cell) {
    if (cell < 2 * STEPS) return cell;
    unsigned shift = (unsigned)(cell >> HISTOGRAM_STEP_BITS) - 1;
    uint64_t step = STEPS + (cell & (STEPS - 1));
    return ((step + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->count++;
    if (value > histogram->max) histogram->max = value;
    histogram->cells[cell_of(value)]++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other) {
    histogram->count += other->count;
    if (other->max > histogram->max) histogram->max = other->max;
    for (size_t i = 0; i < HISTOGRAM_CELLS; i++) histogram->cells[i] += other->cells[i];
}

uint64_t histogram_at(const struct histogram *histogram, unsigned per_mille) {
    /* The rank is rounded up: of 10 values the 99th per cent is the tenth. */
    uint64_t rank =
        histogram->count / 1000 * per_mille + (histogram->count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_CELLS && rank > 0; i++) {
        seen += histogram->cells[i];
        if (seen < rank) continue;
        uint64_t end = cell_end(i);
        return end < histogram->max ? end : histogram->max;
    }
    return 0;
}
