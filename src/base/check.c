#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *promise, const char *file, int line) {
    fprintf(stderr, "hink: %s:%d: broken promise: %s\n", file, line, promise);
    abort();
}
