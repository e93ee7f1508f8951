/* Any bytes as a list of a container: refused, or clean, and clean again the same. */
#include <stdint.h>

#include "access/container_acl.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct container_acl_who nobody = {.anonymous = true,
                                                    .referer = {"http://a.example/", 17}};
    struct slice text = slice_of(data, size);
    struct buf once, twice;
    struct note why;
    buf_init(&once, 4 * CONTAINER_ACL_MAX);
    buf_init(&twice, 4 * CONTAINER_ACL_MAX);
    if (is_ok(container_acl_clean(text, size % 2 == 0, &once, &why)) &&
        once.len <= CONTAINER_ACL_MAX) {
        CHECK(is_ok(container_acl_clean(buf_slice(&once), size % 2 == 0, &twice, &why)));
        CHECK(slice_eq(buf_slice(&once), buf_slice(&twice)));
        bool is_public =
            container_acl_ask(buf_slice(&once), false, &nobody) != CONTAINER_ACL_NOTHING;
        CHECK(!is_public || container_acl_is_public(buf_slice(&once)));
    }
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
