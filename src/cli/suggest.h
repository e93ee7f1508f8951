/*
 * suggest.h - "did you mean …?" for a word that is on no list
 *
 * Threads: pure functions.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include "base/slice.h"

/* Longer words get no suggestion. */
enum { SUGGEST_WORD_MAX = 63 };

/*
 * The entry of `words` that `word` is most likely a misspelling of: at most one changed, missing,
 * additional or swapped letter for each three letters of it; NULL where none is that near.
 */
const char *suggest(struct slice word, const char *const *words, size_t count);

#endif
