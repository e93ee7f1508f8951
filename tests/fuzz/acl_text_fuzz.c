/* Any bytes as a stored access control list: refused, or the same again once written. */
#include <stdint.h>

#include "access/acl_text.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct policy_principal nobody = {.anonymous = true};
    struct arena arena;
    struct acl acl;
    struct acl again;
    struct slice text;
    arena_init(&arena, 4096, 256 * 1024);
    if (is_ok(acl_text_decode(slice_of(data, size), &arena, &acl)) &&
        is_ok(acl_text_encode(&acl, &arena, &text))) {
        CHECK(is_ok(acl_text_decode(text, &arena, &again)));
        CHECK(again.grant_count == acl.grant_count);
        size_t grant, grant_again;
        CHECK(acl_allows(&again, &nobody, ACL_READ, true, &grant_again) ==
              acl_allows(&acl, &nobody, ACL_READ, true, &grant));
        CHECK(grant_again == grant);
    }
    arena_fini(&arena);
    return 0;
}
