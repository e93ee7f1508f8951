#include "cli/suggest.h"

static size_t min3(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* The edit distance with swaps of neighbours (optimal string alignment), by three rows. */
static size_t distance(struct slice a, struct slice b) {
    size_t rows[3][SUGGEST_WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
            bool swapped =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped && before[j - 2] + 1 < row[j]) row[j] = before[j - 2] + 1;
        }
        size_t *recycled = before;
        before = above;
        above = row;
        row = recycled;
    }
    return above[b.len];
}

const char *suggest(struct slice word, const char *const *words, size_t count) {
    if (word.len == 0 || word.len > SUGGEST_WORD_MAX) return NULL;
    const char *best = NULL;
    size_t best_distance = word.len / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        struct slice candidate = slice_str(words[i]);
        if (candidate.len > SUGGEST_WORD_MAX) continue;
        size_t d = distance(word, candidate);
        if (d >= best_distance || d > word.len / 3 + 1) continue;
        best = words[i];
        best_distance = d;
    }
    return best;
}
