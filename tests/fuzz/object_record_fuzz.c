/*
 * Any bytes as a record of the object layer: refused, or exactly what is written for what was read.
 * The first byte chooses the kind.
 */
#include <stdlib.h>

#include "base/check.h"
#include "support/records.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct slice raw = slice_of(data + 1, size - 1);
    struct slice again = {0};
    struct arena arena;
    arena_init(&arena, 16 * 1024, ARENA_MAX);
    struct status s =
        test_record_again((enum test_record)(data[0] % TEST_RECORD_COUNT), raw, &arena, &again);
    CHECK(is_ok(s) || status_is(s, STATUS_CORRUPT));
    CHECK(!is_ok(s) || slice_eq(raw, again));
    arena_fini(&arena);
    return 0;
}
