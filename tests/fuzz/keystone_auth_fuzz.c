/* Any bytes as an authentication request: what is taken is whole, what is refused has a reason. */
#include <stdint.h>

#include "base/check.h"
#include "identity/builtin_login.h"
#include "keystone/auth_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_named(const struct keystone_named *named) {
    bool by_name = named->name.len > 0 && named->domain_id.len + named->domain_name.len > 0;
    CHECK(named->id.len > 0 || by_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json *document = NULL;
    struct keystone_auth_request request;
    struct note note = {""};
    if (!is_ok(json_parse(slice_of(data, size), NULL, &document))) return 0;
    struct status s = keystone_auth_request_read(document, &note, &request);
    if (is_ok(s)) {
        CHECK(request.methods != 0);
        if ((request.methods & BUILTIN_METHOD_PASSWORD) != 0) check_named(&request.user);
        if ((request.methods & BUILTIN_METHOD_TOKEN) != 0) CHECK(request.token.len > 0);
        if (request.scope == KEYSTONE_SCOPE_PROJECT) check_named(&request.project);
    } else {
        CHECK(note.text[0] != '\0');
    }
    json_free(&document);
    return 0;
}
