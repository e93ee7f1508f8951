/* A size (8 bytes) and any bytes as a Range, a copy range and a list of entity tags. */
#include <stdint.h>

#include "base/check.h"
#include "http/condition.h"
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct http_range range, uint64_t size) {
    char storage[128];
    struct buf buf;
    buf_init_fixed(&buf, storage, sizeof storage);
    http_content_range(&buf, range, size);
    CHECK(is_ok(buf_ok(&buf)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t object_size;
    struct http_range range;
    if (size < sizeof object_size) return 0;
    memcpy(&object_size, data, sizeof object_size);
    struct slice text = slice_of(data + sizeof object_size, size - sizeof object_size);
    if (http_range_resolve(text, object_size, &range) == HTTP_RANGE_PART) {
        CHECK(range.len > 0 && http_range_is_inside(range, object_size));
        check_text(range, object_size);
    }
    if (is_ok(http_copy_range_parse(text, &range))) {
        CHECK(range.len > 0 && range.first + range.len > range.first);
        if (http_range_is_inside(range, object_size)) check_text(range, object_size);
    }
    bool strong = http_etag_list_has(text, SLICE("abc"), false);
    bool weak = http_etag_list_has(text, SLICE("abc"), true);
    CHECK(!strong || weak);
    CHECK(http_etag_unquote(text).len <= text.len);
    return 0;
}
