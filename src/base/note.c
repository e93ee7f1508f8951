#include "base/note.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 0)))
note_vset(struct note *note, const char *format, va_list args) {
    if (note != NULL) vsnprintf(note->text, sizeof note->text, format, args);
}

void note_set(struct note *note, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note_vset(note, format, args);
    va_end(args);
}

struct status note_status(struct note *note, enum status_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note_vset(note, format, args);
    va_end(args);
    return status_of(code);
}
