/*
 * note.h - what a person should read beside a status
 *
 * The caller owns a note on its stack or in its request and hands it down; whoever refuses or
 * fails writes one sentence into it. Never holds a secret. A NULL note is allowed everywhere.
 *
 * Threads: one at a time.
 */
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

#include "base/status.h"

enum { NOTE_TEXT_MAX = 384 };

struct note {
    char text[NOTE_TEXT_MAX]; /* NUL-terminated, empty when nothing was said */
};

/* Replaces the note's text; what does not fit is cut off. */
void note_set(struct note *note, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the note and returns the status with `code`: `return note_status(note, STATUS_IO, "…")`. */
struct status note_status(struct note *note, enum status_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
