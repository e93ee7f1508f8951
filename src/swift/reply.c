#include <stdio.h>

#include "base/check.h"
#include "swift/by_url.h"
#include "swift/cors.h"
#include "swift/error.h"
#include "swift/swift.h"

/*
 * The only place where neutral codes become Swift's. What an operation means by one it says itself,
 * by swift_refuse; this is for what it passed on.
 */
static int http_of_status(enum status_code code) {
    switch (code) {
        case STATUS_NOT_FOUND:
            return 404;
        case STATUS_EXISTS:
        case STATUS_CONFLICT:
            return 409;
        case STATUS_PRECONDITION:
            return 412;
        case STATUS_INVALID:
            return 400;
        case STATUS_MISMATCH:
            return 422;
        case STATUS_RANGE:
            return 416;
        case STATUS_TOO_LARGE:
        case STATUS_QUOTA:
            return 413;
        case STATUS_DENIED:
            return 403;
        case STATUS_UNSUPPORTED:
            return 501;
        case STATUS_BUSY:
        case STATUS_NO_MEMORY:
            return 503;
        case STATUS_TIMEOUT:
            return 408;
        case STATUS_CLOSED:
            return 499;
        case STATUS_NO_SPACE:
            return 507;
        default:
            return 500;
    }
}

static void end_answer(struct swift_call *call) {
    if (call->answer.done != NULL) call->answer.done(call);
    call->answer = (struct swift_answer){0};
}

/* Spec: Swift, swob: who is to show a token is told for which account. */
static void set_challenge(struct swift_call *call) {
    bool named = call->account.len > 0 && !call->error.nobodys;
    struct slice realm = named ? call->account : SLICE("unknown");
    struct buf text;
    char storage[128];
    buf_init_fixed(&text, storage, sizeof storage);
    buf_append(&text, SLICE("Swift realm=\""));
    for (size_t i = 0; i < realm.len && i < 64; i++) {
        unsigned char c = (unsigned char)realm.ptr[i];
        bool plain = c > ' ' && c < 0x7f && c != '"' && c != '\\';
        buf_append_char(&text, plain ? (char)c : '_');
    }
    buf_append(&text, SLICE("\""));
    http_response_set(&call->response, SLICE("Www-Authenticate"), buf_slice(&text));
}

bool swift_reply_error(struct swift_call *call, struct status status) {
    struct swift_error *error = &call->error;
    if (error->status == 0 || !status_is(status, STATUS_REFUSED)) {
        *error = (struct swift_error){.status = http_of_status(status.code)};
    }
    end_answer(call);
    if (call->early) return error->status == 500;
    if (!error->keeps_headers) http_response_clear(&call->response);
    if (error->body.ptr != NULL) {
        const char *type = error->type != NULL ? error->type : "text/html; charset=UTF-8";
        http_response_set_str(&call->response, "Content-Type", type);
    }
    swift_answer_page(call, error->status);
    if (error->body.ptr != NULL) call->answer.document = error->body;
    if (error->status == 401 && call->head->method != HTTP_OPTIONS) set_challenge(call);
    return error->status == 500;
}

void swift_reply_headers(struct swift_call *call) {
    http_response_set(&call->response, SLICE("X-Trans-Id"), call->trans_id);
    http_response_set(&call->response, SLICE("X-Openstack-Request-Id"), call->trans_id);
    swift_cors_apply(call);
}

struct status swift_run(struct swift_call *call) {
    if (call->op->run == NULL) {
        return swift_refuse(call, 501, "%s is not implemented.", call->op->name);
    }
    TRY(call->op->run(call));
    return call->by_url != NULL ? swift_url_answer(call) : status_ok();
}

size_t swift_reply_raw(int status, struct slice trans_id, char *out, size_t cap) {
    char page[SWIFT_PAGE_MAX];
    struct slice text = swift_page(status, page);
    const char *words = swift_reason(status);
    int len = snprintf(out, cap,
                       "HTTP/1.1 %d %s\r\n"
                       "Content-Type: text/html; charset=UTF-8\r\n"
                       "Content-Length: %zu\r\n"
                       "X-Trans-Id: %.*s\r\n"
                       "Connection: close\r\n\r\n"
                       "%.*s",
                       status, words != NULL ? words : http_reason(status), text.len,
                       SLICE_FMT(trans_id), SLICE_FMT(text));
    CHECK(len > 0 && (size_t)len < cap);
    return (size_t)len;
}
