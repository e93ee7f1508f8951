/* A page of the index with any bytes: either it is refused, or everything in it can be looked at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/index.h"
#include "engine/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *page = calloc(1, PAGE_BYTES); /* on the heap, so that an overrun is seen */
    CHECK(page);
    if (size > 0) memcpy(page, data, size < PAGE_BYTES ? size : PAGE_BYTES);
    bool branch = page_kind_of(page) == PAGE_BRANCH;
    if (is_ok(page_check_entries(page))) {
        char *name = malloc(INDEX_NAME_MAX);
        CHECK(name);
        volatile char sink = 0;
        for (unsigned i = 0; i < page_count(page); i++) {
            struct slice key = slice_of(name, page_key_copy(page, i, name));
            bool exact;
            CHECK(page_lower_bound(page, key, &exact) <= page_count(page));
            CHECK(page_child_for(page, key) < page_count(page));
            bool is_large;
            struct slice value = slice_of(NULL, 0);
            if (!branch) value = page_value_at(page, i, &is_large);
            if (branch) sink = (char)page_child(page, i).number;
            if (value.len > 0) sink = value.ptr[value.len - 1];
        }
        (void)sink;
        free(name);
    }
    free(page);
    return 0;
}
