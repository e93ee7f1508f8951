/*
 * log.h - what the process says to its operator: one line an event, to stderr or the journal
 *
 * A line is "LEVEL text", with a date in front unless stderr is the journal, where the level
 * becomes its priority prefix. Control characters in the text are written as \xNN, so that nobody
 * forges a line. Never give it a secret.
 *
 * Threads: any; a line is one write.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Drops what is less urgent than `level`; LOG_INFO until told otherwise. */
void log_set_level(enum log_level level);

/* Whether a line of that level would be written. */
bool log_enabled(enum log_level level);

/* Writes one line. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The level of that name (error, warning, info, debug); false where there is none. */
bool log_level_parse(struct slice name, enum log_level *ret_level);

#endif
