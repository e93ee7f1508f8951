#include "s3/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

struct status s3_refuse(struct s3_call *call, enum s3_error error, const char *format, ...) {
    call->error = error;
    call->detail.message = slice_of(NULL, 0);
    if (format == NULL)
        return note_status(call->note, STATUS_REFUSED, "%s", s3_error_message(error));
    struct note said = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(said.text, sizeof said.text, format, args);
    va_end(args);
    call->detail.message = arena_dup(call->arena, slice_str(said.text));
    return note_status(call->note, STATUS_REFUSED, "%s", said.text);
}

void s3_refuse_with(struct s3_call *call, const char *name, struct slice value) {
    struct s3_error_detail *detail = &call->detail;
    if (detail->count == ARRAY_LEN(detail->items)) return;
    detail->items[detail->count++] = (struct s3_error_item){name, value};
}

struct status s3_refuse_argument(struct s3_call *call, const char *name, struct slice value,
                                 const char *sentence) {
    s3_refuse_with(call, "ArgumentName", slice_str(name));
    s3_refuse_with(call, "ArgumentValue", value);
    return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", sentence);
}

struct status s3_refuse_header_value(struct s3_call *call, const char *name, struct slice value) {
    s3_refuse_with(call, "Header", slice_str(name));
    return s3_refuse(call, S3_ERROR_NOT_IMPLEMENTED,
                     "The header %s with the value \"%.*s\" is not implemented.", name,
                     SLICE_FMT(slice_take(value, 100)));
}

void s3_refuse_header(struct s3_call *call, const char *name, struct slice value) {
    struct s3_error_detail *detail = &call->detail;
    if (detail->header_count == ARRAY_LEN(detail->headers)) return;
    detail->headers[detail->header_count++] = (struct s3_error_item){name, value};
}

/* `value` so that its ptr says that it is there. */
static struct slice present(struct slice value) {
    return value.ptr != NULL ? value : slice_of("", 0);
}

struct slice s3_param(const struct s3_call *call, const char *name) {
    const struct http_param *param = http_query_find(call->query, slice_str(name));
    return param != NULL ? present(param->value) : slice_of(NULL, 0);
}

struct slice s3_header(const struct s3_call *call, const char *name) {
    return http_head_find(call->head, slice_str(name));
}

void s3_owner(const struct s3_call *call, struct slice *ret_id, struct slice *ret_name) {
    *ret_id = call->auth.principal.project_id;
    *ret_name = call->auth.principal.project_name;
}

static void document_done(struct s3_call *call) {
    buf_fini(call->answer.context);
}

struct status s3_answer_xml(struct s3_call *call, struct buf *buf) {
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
    http_response_set_str(&call->response, "Content-Type", "application/xml");
    return status_ok();
}
