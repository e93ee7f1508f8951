/* Any bytes as a list of an account: what is refused gives nobody anything. */
#include <stdint.h>

#include "base/check.h"
#include "swift/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_of(data, size);
    struct note why = {0};
    enum swift_standing standing;
    struct swift_call call = {.principal = {.user_id = SLICE("u"), .project_id = SLICE("p")}};
    bool good = is_ok(swift_account_list_check(text, &why));
    if (!is_ok(swift_account_standing(&call, text, &standing))) return 0;
    CHECK(!good || why.text[0] == 0);
    call.principal = (struct principal){.anonymous = true};
    CHECK(is_ok(swift_account_standing(&call, text, &standing)) && standing == SWIFT_NOTHING);
    return 0;
}
