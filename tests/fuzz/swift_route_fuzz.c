/* Any bytes as a head: claimed and routed, or refused; names stay within their limits. */
#include <stdint.h>

#include "base/check.h"
#include "swift/swift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct note note = {0};
    struct http_head head;
    struct http_query query;
    size_t len;
    if (http_head_parse(slice_of(data, size), &head, &len, &note) != HTTP_HEAD_COMPLETE) return 0;
    arena_init(&arena, 4096, 1024 * 1024);
    if (is_ok(http_query_parse(&arena, head.query, &query)) &&
        swift_claims(&head, &query, SLICE(""))) {
        struct swift_call call = {.arena = &arena, .note = &note, .head = &head, .query = &query};
        http_response_init(&call.response, &arena);
        if (is_ok(swift_route(&call))) {
            CHECK(call.op != NULL);
            CHECK(call.container.len <= SWIFT_CONTAINER_NAME_MAX);
            CHECK(call.object.len <= SWIFT_OBJECT_NAME_MAX);
            CHECK(call.op->subject != SWIFT_OBJECT || call.container.len > 0);
        } else {
            CHECK(call.error.status >= 400);
        }
    }
    arena_fini(&arena);
    return 0;
}
