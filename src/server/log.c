#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/date.h"
#include "os/clock.h"

enum { LOG_TEXT_MAX = 1024, LOG_LINE_MAX = 4 * LOG_TEXT_MAX + 64 };

static const struct {
    const char *name;
    const char *journal_prefix; /* sd-daemon(3) */
} log_levels[] = {
    [LOG_ERROR] = {"error", "<3>"},
    [LOG_WARNING] = {"warning", "<4>"},
    [LOG_INFO] = {"info", "<6>"},
    [LOG_DEBUG] = {"debug", "<7>"},
};

static enum log_level log_threshold = LOG_INFO;

void log_set_level(enum log_level level) {
    __atomic_store_n(&log_threshold, level, __ATOMIC_RELAXED);
}

bool log_enabled(enum log_level level) {
    return level <= __atomic_load_n(&log_threshold, __ATOMIC_RELAXED);
}

static void line_begin(struct buf *line, enum log_level level) {
    if (getenv("JOURNAL_STREAM") != NULL) {
        buf_append_str(line, log_levels[level].journal_prefix);
        return;
    }
    char date[DATE_TEXT_CAP];
    date_format_iso_ms(clock_wall_ns(clock_system()), date);
    buf_printf(line, "%s %s ", date, log_levels[level].name);
}

static void append_printable(struct buf *line, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            buf_printf(line, "\\x%02x", c);
        } else {
            buf_append_char(line, (char)c);
        }
    }
}

void log_line(enum log_level level, const char *format, ...) {
    if (!log_enabled(level)) return;
    char text[LOG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char storage[LOG_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, storage, sizeof storage);
    line_begin(&line, level);
    append_printable(&line, slice_str(text));
    buf_append_char(&line, '\n');
    /* Nobody is left to tell when stderr is gone. */
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written;
}

bool log_level_parse(struct slice name, enum log_level *ret_level) {
    for (size_t i = 0; i < ARRAY_LEN(log_levels); i++) {
        if (!slice_eq(name, slice_str(log_levels[i].name))) continue;
        *ret_level = (enum log_level)i;
        return true;
    }
    return false;
}
