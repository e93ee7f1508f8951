#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

void findings_say(struct findings *findings, enum finding_kind kind, bool repaired,
                  const char *format, ...) {
    char text[FINDINGS_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    findings->found++;
    findings->repaired += repaired;
    findings->line(findings, kind, repaired, text);
}

void findings_step(struct findings *findings, const char *what, uint64_t done, uint64_t total) {
    if (findings->step) findings->step(findings, what, done, total);
}

const char *finding_word(enum finding_kind kind) {
    static const char *const words[FINDING_KINDS] = {
        [FINDING_METADATA] = "metadata", [FINDING_RECORD] = "record",
        [FINDING_OVERLAP] = "overlap",   [FINDING_BLOCK] = "block",
        [FINDING_LOST] = "lost",         [FINDING_SHORT] = "short",
        [FINDING_LEAK] = "leak",         [FINDING_REFERENCE] = "reference",
        [FINDING_COUNTER] = "counter",   [FINDING_DIRECTORY] = "directory",
    };
    CHECK((size_t)kind < ARRAY_LEN(words));
    return words[kind];
}
