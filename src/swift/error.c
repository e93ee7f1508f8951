#include "swift/error.h"

#include <stdio.h>

#include "base/check.h"

struct reason {
    int status;
    const char *words;
    const char *sentence;
};

static const struct reason *find(int status) {
    static const struct reason reasons[] = {
#define SWIFT_REASON(status, words, sentence) {status, words, sentence},
#include "swift/reasons.def"
#undef SWIFT_REASON
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) return &reasons[i];
    }
    return NULL;
}

const char *swift_reason(int status) {
    const struct reason *reason = find(status);
    return reason != NULL ? reason->words : NULL;
}

struct slice swift_page(int status, char *out) {
    const struct reason *reason = find(status);
    if (reason == NULL || reason->sentence[0] == 0) return slice_of(out, 0);
    int len = snprintf(out, SWIFT_PAGE_MAX, "<html><h1>%s</h1><p>%s</p></html>", reason->words,
                       reason->sentence);
    CHECK(len > 0 && len < SWIFT_PAGE_MAX);
    return slice_of(out, (size_t)len);
}
