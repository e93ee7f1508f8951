#include "swift/by_url.h"
#include "swift/swift.h"

/* Spec: Swift, "Auth System": X-Auth-Token, and X-Storage-Token, its old name. */
static struct slice token_of(const struct swift_call *call) {
    struct slice token = swift_header(call, "x-auth-token");
    return token.len > 0 ? token : swift_header(call, "x-storage-token");
}

/* A preflight is anonymous. Spec: Fetch, "CORS-preflight fetch". */
struct status swift_authenticate(struct swift_call *call) {
    struct slice token = token_of(call);
    call->principal = (struct principal){.anonymous = true};
    if (swift_tempurl_claims(call->query) && call->head->method != HTTP_OPTIONS &&
        call->op->subject >= SWIFT_ACCOUNT) {
        return swift_url_authenticate(call);
    }
    if (token.len == 0 || call->head->method == HTTP_OPTIONS) return status_ok();
    if (call->op->subject < SWIFT_ACCOUNT) return status_ok();
    struct principal found;
    struct status s = identity_token_find(call->service->identity, token, call->arena, &found);
    if (status_is(s, STATUS_NOT_FOUND)) {
        call->token_refused = true;
        return status_ok();
    }
    if (status_is(s, STATUS_BUSY) || status_is(s, STATUS_TIMEOUT) || status_is(s, STATUS_IO)) {
        return swift_refuse(call, 503, NULL);
    }
    TRY(s);
    call->principal = found;
    return status_ok();
}

struct status swift_check(struct swift_call *call) {
    return call->op->check != NULL ? call->op->check(call) : status_ok();
}
