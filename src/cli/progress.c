#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "os/clock.h"

enum { WIDTH = 30, TERMINAL_PAUSE_MS = 100, LINE_PAUSE_S = 30 };

void progress_begin(struct progress *progress, FILE *out, const char *what) {
    *progress = (struct progress){
        .out = out, .what = what, .terminal = isatty(fileno(out)) == 1, .percent = -1};
}

static int percent_of(uint64_t done, uint64_t total) {
    if (total == 0) return 0;
    if (done >= total) return 100;
    return (int)((double)done * 100 / (double)total);
}

static void bar_print(const struct progress *progress, int percent, bool known, const char *words) {
    char bar[WIDTH + 1];
    int filled = percent * WIDTH / 100;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = 0;
    if (known) {
        fprintf(progress->out, "\r%s [%s] %3d %%  %s\033[K", progress->what, bar, percent, words);
    } else {
        fprintf(progress->out, "\r%s  %s\033[K", progress->what, words);
    }
    fflush(progress->out);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, const char *words) {
    int64_t now = clock_mono_ns(clock_system());
    int64_t pause = progress->terminal ? TERMINAL_PAUSE_MS * NS_PER_MS : LINE_PAUSE_S * NS_PER_S;
    if (progress->percent >= 0 && now - progress->shown_ns < pause) return;
    progress->percent = percent_of(done, total);
    progress->shown_ns = now;
    if (progress->terminal) {
        bar_print(progress, progress->percent, total > 0, words);
        progress->shown = true;
    } else if (total > 0) {
        fprintf(progress->out, "%s: %d %%, %s\n", progress->what, progress->percent, words);
    } else {
        fprintf(progress->out, "%s: %s\n", progress->what, words);
    }
}

void progress_end(struct progress *progress) {
    if (progress->shown) fprintf(progress->out, "\n");
    progress->shown = false;
    fflush(progress->out);
}

char *progress_bytes(uint64_t bytes, char *out, size_t cap) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, cap, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}
