#include "swift/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "swift/error.h"

enum { DOCUMENT_PIECE = 8 * 1024 };

__attribute__((format(printf, 3, 0))) static struct status refuse(struct swift_call *call,
                                                                  int status, const char *format,
                                                                  va_list args) {
    struct note said = {0};
    call->error = (struct swift_error){.status = status};
    if (format == NULL) return note_status(call->note, STATUS_REFUSED, "%d", status);
    vsnprintf(said.text, sizeof said.text, format, args);
    call->error.body = arena_dup(call->arena, slice_str(said.text));
    return note_status(call->note, STATUS_REFUSED, "%s", said.text);
}

struct status swift_refuse(struct swift_call *call, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct status s = refuse(call, status, format, args);
    va_end(args);
    return s;
}

struct status swift_refuse_plain(struct swift_call *call, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct status s = refuse(call, status, format, args);
    va_end(args);
    call->error.type = "text/plain";
    return s;
}

struct status swift_refuse_with_headers(struct swift_call *call, int status) {
    struct status s = swift_refuse(call, status, NULL);
    call->error.keeps_headers = true;
    return s;
}

struct status swift_refuse_bare(struct swift_call *call, int status) {
    struct status s = swift_refuse_with_headers(call, status);
    call->error.body = slice_of("", 0);
    return s;
}

struct status swift_deny(struct swift_call *call) {
    return swift_refuse(call, call->principal.anonymous ? 401 : 403, NULL);
}

struct slice swift_param(const struct swift_call *call, const char *name) {
    const struct http_param *param = http_query_find(call->query, slice_str(name));
    if (param == NULL) return slice_of(NULL, 0);
    return param->value.ptr != NULL ? param->value : slice_of("", 0);
}

struct slice swift_header(const struct swift_call *call, const char *name) {
    return http_head_find(call->head, slice_str(name));
}

bool swift_is_true(struct slice text) {
    static const char *const words[] = {"true", "1", "yes", "on", "t", "y"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq_nocase(text, slice_str(words[i]))) return true;
    }
    return false;
}

void swift_answer_page(struct swift_call *call, int status) {
    char page[SWIFT_PAGE_MAX];
    struct slice text = swift_page(status, page);
    call->response.status = status;
    call->response.reason = swift_reason(status);
    call->answer.document = arena_dup(call->arena, text);
    if (http_response_find(&call->response, SLICE("Content-Type")).ptr != NULL) return;
    http_response_set_str(&call->response, "Content-Type", "text/html; charset=UTF-8");
}

static void document_done(struct swift_call *call) {
    buf_fini(call->answer.context);
}

struct status swift_answer_document(struct swift_call *call, struct buf *buf, const char *type) {
    CHECK(!buf->fixed);
    struct status status = buf_ok(buf);
    struct buf *kept = ARENA_NEW(call->arena, struct buf);
    if (is_ok(status) && kept == NULL) status = status_of(STATUS_NO_MEMORY);
    if (!is_ok(status)) {
        buf_fini(buf);
        return status;
    }
    *kept = *buf;
    buf_init(buf, buf->limit);
    call->answer.document = buf_slice(kept);
    call->answer.context = kept;
    call->answer.done = document_done;
    http_response_set_str(&call->response, "Content-Type", type);
    return status_ok();
}

struct status swift_body_document(struct swift_call *call, size_t max, struct slice *ret_document) {
    struct buf text;
    bool end = false;
    struct status status = status_ok();
    buf_init(&text, max + DOCUMENT_PIECE);
    while (is_ok(status) && !end) {
        size_t len = 0;
        char *piece = buf_reserve(&text, DOCUMENT_PIECE);
        if (piece == NULL) {
            status = status_of(STATUS_NO_MEMORY);
        } else {
            status = source_pull(call->body, piece, DOCUMENT_PIECE, &len, &end);
        }
        if (is_ok(status)) buf_advance(&text, len);
        if (is_ok(status) && text.len > max) status = swift_refuse(call, 413, NULL);
    }
    if (is_ok(status)) *ret_document = arena_dup(call->arena, buf_slice(&text));
    buf_fini(&text);
    TRY(status);
    return arena_ok(call->arena);
}
