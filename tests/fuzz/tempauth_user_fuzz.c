/* Users of Swift's old authentication, as text: nothing breaks, and what is taken is within limits.
 */
#include "base/check.h"
#include "identity/tempauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tempauth_user user;
    struct note note;
    if (!is_ok(tempauth_user_parse(slice_of(data, size), &note, &user))) return 0;
    CHECK(user.account.len > 0 && user.account.len <= IDENTITY_ID_MAX);
    CHECK(user.name.len > 0 && user.name.len <= IDENTITY_NAME_MAX);
    CHECK(user.key.len > 0 && user.key.len <= TEMPAUTH_KEY_MAX);
    CHECK(user.group_count <= TEMPAUTH_GROUPS_MAX);
    return 0;
}
