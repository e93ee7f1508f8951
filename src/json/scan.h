/*
 * scan.h - whether a text is JSON, by the letter and within our limits
 *
 * The library behind reader.h takes more than JSON (control characters, odd numbers) and calls
 * itself for every level of nesting; it gets to see only what passed here.
 *
 * Threads: pure functions.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"

/*
 * Whether `text` is one JSON value without NUL in its strings, within the limits of reader.h.
 * Errors: INVALID, TOO_LARGE, noted.
 * Spec: RFC 8259.
 */
struct status json_scan(struct slice text, struct note *note);

#endif
