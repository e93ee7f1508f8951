/*
 * Any bytes as a list of segments: what is taken from it lies within bounds, and every wrong entry
 * is told.
 */
#include <stdint.h>

#include "base/check.h"
#include "swift/slo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct swift_slo_entry *entry) {
    uint64_t first, len;
    if (entry->data.len > 0) return;
    CHECK(entry->container.len > 0 && entry->object.len > 0);
    if (!swift_slo_resolve(&entry->range, 1000, &first, &len)) return;
    CHECK(first <= 1000 && len <= 1000 - first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct buf errors;
    struct swift_slo slo;
    enum swift_slo_verdict verdict;
    arena_init(&arena, 4096, 1 << 24);
    buf_init(&errors, SWIFT_SLO_ERRORS_MAX);
    struct status s = swift_slo_parse(&arena, slice_of(data, size), SLICE("c"), SLICE("o"), &errors,
                                      &slo, &verdict);
    if (is_ok(s) && verdict == SWIFT_SLO_GOOD) {
        CHECK(slo.count <= SWIFT_SLO_ENTRIES_MAX && errors.len == 0);
        for (size_t i = 0; i < slo.count; i++) check_entry(&slo.entries[i]);
    }
    if (is_ok(s) && verdict == SWIFT_SLO_ENTRIES_WRONG) CHECK(errors.len > 0 || errors.overflowed);
    buf_fini(&errors);
    arena_fini(&arena);
    return 0;
}
