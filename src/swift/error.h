/*
 * error.h - what Swift says with a status: its words in the status line, and a page
 *
 * Threads: pure functions.
 * Spec: Swift, common/swob.py, RESPONSE_REASONS.
 */
#ifndef SWIFT_ERROR_H
#define SWIFT_ERROR_H

#include "base/slice.h"

enum { SWIFT_PAGE_MAX = 512 };

/* The words of the status line; NULL: those that HTTP has. */
const char *swift_reason(int status);

/* Writes the page for a status to `out` (SWIFT_PAGE_MAX bytes); empty where Swift has none. */
struct slice swift_page(int status, char *out);

#endif
