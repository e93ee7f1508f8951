/* The old authentication: a user and a key for a token. */
#include "identity/tempauth.h"
#include "swift/ops.h"

static struct slice header_of(const struct swift_call *call, const char *name, const char *old) {
    struct slice value = swift_header(call, name);
    return value.len > 0 ? value : swift_header(call, old);
}

/* Guessing is slowed: who has to wait is told for how long. */
static struct status refuse_wait(struct swift_call *call, int64_t wait_ns) {
    enum { NS_PER_S = 1000000000 };
    uint64_t seconds = wait_ns > 0 ? (uint64_t)(wait_ns / NS_PER_S) + 1 : 1;
    http_response_set_u64(&call->response, "Retry-After", seconds);
    return swift_refuse_with_headers(call, wait_ns > 0 ? 429 : 503);
}

static void say_grant(struct swift_call *call, const struct tempauth_grant *grant) {
    struct http_response *response = &call->response;
    int64_t left_ns = grant->expires_ns - call->now_ns;
    http_response_setf(response, "X-Storage-Url", "http%s://%.*s/v1/AUTH_%.*s",
                       call->is_tls ? "s" : "", SLICE_FMT(call->head->authority),
                       SLICE_FMT(grant->project_id));
    http_response_set(response, SLICE("X-Auth-Token"), grant->token);
    http_response_set(response, SLICE("X-Storage-Token"), grant->token);
    http_response_set_u64(response, "X-Auth-Token-Expires",
                          left_ns > 0 ? (uint64_t)(left_ns / 1000000000) : 0);
    http_response_set_str(response, "Cache-Control", "no-store");
    swift_answer_page(call, 200);
}

/* Spec: OpenStack Swift, "Authentication", Auth version 1. */
struct status run_login(struct swift_call *call) {
    struct tempauth_login login = {.user = header_of(call, "x-auth-user", "x-storage-user"),
                                   .key = header_of(call, "x-auth-key", "x-storage-pass"),
                                   .source = call->source};
    struct tempauth_grant grant;
    int64_t wait_ns = 0;
    if (call->service->tempauth == NULL) return swift_refuse(call, 404, NULL);
    if (login.user.len == 0 || login.key.len == 0) return swift_refuse(call, 401, NULL);
    struct status s =
        tempauth_login(call->service->tempauth, &login, call->arena, &wait_ns, &grant);
    if (status_is(s, STATUS_DENIED)) return swift_refuse(call, 401, NULL);
    if (status_is(s, STATUS_BUSY)) return refuse_wait(call, wait_ns);
    TRY(s);
    say_grant(call, &grant);
    return status_ok();
}
