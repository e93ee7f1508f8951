/* Any bytes as the query of a temporary URL: it is read within bounds and signed by no key of ours.
 */
#include <stdint.h>

#include "base/check.h"
#include "swift/tempurl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct slice keys[] = {SLICE("a key that nobody has"), SLICE("")};
    static struct http_query query;
    struct swift_tempurl tempurl;
    struct arena arena;
    size_t key;
    arena_init(&arena, 4096, 1 << 22);
    if (is_ok(http_query_parse(&arena, slice_of(data, size), &query)) &&
        swift_tempurl_read(&query, 0, &tempurl)) {
        CHECK(tempurl.signature_len <= sizeof tempurl.signature);
        CHECK(tempurl.signature_len == digest_len(tempurl.kind));
        swift_tempurl_ip_fits(tempurl.ip_range, SLICE("127.0.0.1"));
        const struct swift_tempurl_request request = {
            .method = HTTP_HEAD, .before = SLICE("/v1/AUTH_a/c/"), .object = SLICE("o")};
        CHECK(!swift_tempurl_verify(&tempurl, &request, keys, 2, &arena, &key));
        swift_disposition(&arena, "inline", tempurl.filename);
    }
    arena_fini(&arena);
    return 0;
}
