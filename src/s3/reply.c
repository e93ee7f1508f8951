#include <stdio.h>

#include "base/check.h"
#include "s3/cors.h"
#include "s3/s3.h"
#include "xml/writer.h"

enum { ERROR_DOCUMENT_MAX = 256 * 1024, RAW_DOCUMENT_MAX = 4096 };

/* ---- from a status to S3's word ------------------------------------------------------------ */

/*
 * The only place where neutral codes become S3's. What an operation means by one it says itself, by
 * s3_refuse; this is for what it passed on.
 */
static enum s3_error error_of_status(const struct s3_call *call, enum status_code code) {
    bool is_object = call->op != NULL && call->op->subject == S3_OBJECT;
    switch (code) {
        case STATUS_NOT_FOUND:
            return is_object ? S3_ERROR_NO_SUCH_KEY : S3_ERROR_NO_SUCH_BUCKET;
        case STATUS_CONFLICT:
            return S3_ERROR_OPERATION_ABORTED;
        case STATUS_PRECONDITION:
            return S3_ERROR_PRECONDITION_FAILED;
        case STATUS_INVALID:
            return S3_ERROR_INVALID_REQUEST;
        case STATUS_MISMATCH:
            return S3_ERROR_BAD_DIGEST;
        case STATUS_RANGE:
            return S3_ERROR_INVALID_RANGE;
        case STATUS_TOO_LARGE:
            return S3_ERROR_ENTITY_TOO_LARGE;
        case STATUS_DENIED:
            return S3_ERROR_ACCESS_DENIED;
        case STATUS_UNSUPPORTED:
            return S3_ERROR_NOT_IMPLEMENTED;
        case STATUS_BUSY:
            return S3_ERROR_SLOW_DOWN;
        case STATUS_TIMEOUT:
            return S3_ERROR_REQUEST_TIMEOUT;
        case STATUS_CLOSED:
            return S3_ERROR_INCOMPLETE_BODY;
        case STATUS_QUOTA:
            return S3_ERROR_QUOTA_EXCEEDED;
        case STATUS_NO_SPACE:
            return S3_ERROR_INSUFFICIENT_STORAGE;
        case STATUS_NO_MEMORY:
            return S3_ERROR_SERVICE_UNAVAILABLE;
        default:
            return S3_ERROR_INTERNAL_ERROR;
    }
}

/* ---- the document -------------------------------------------------------------------------- */

static bool has_detail(const struct s3_call *call, const char *name) {
    for (size_t i = 0; i < call->detail.count; i++) {
        if (strcmp(call->detail.items[i].name, name) == 0) return true;
    }
    return false;
}

/* What S3 names beside some errors, where the operation did not. */
static void add_usual_details(struct s3_call *call, enum s3_error error) {
    switch (error) {
        case S3_ERROR_NO_SUCH_BUCKET:
        case S3_ERROR_BUCKET_ALREADY_EXISTS:
        case S3_ERROR_BUCKET_ALREADY_OWNED_BY_YOU:
        case S3_ERROR_BUCKET_NOT_EMPTY:
        case S3_ERROR_INVALID_BUCKET_NAME:
            if (!has_detail(call, "BucketName")) {
                s3_refuse_with(call, "BucketName", call->bucket_name);
            }
            break;
        case S3_ERROR_NO_SUCH_KEY:
            if (!has_detail(call, "Key")) s3_refuse_with(call, "Key", call->key);
            break;
        case S3_ERROR_NO_SUCH_UPLOAD:
            if (!has_detail(call, "UploadId")) {
                s3_refuse_with(call, "UploadId", s3_param(call, "uploadId"));
            }
            break;
        default:
            break;
    }
}

static void write_document(struct xml_writer *writer, const struct s3_call *call,
                           enum s3_error error) {
    const struct s3_error_detail *detail = &call->detail;
    if (!call->early) xml_declaration(writer);
    /* Spec: S3 Control's model is not among those whose errors are without a wrapper. */
    if (call->is_control) xml_open_ns(writer, "ErrorResponse", XML_NS_S3_CONTROL);
    xml_open(writer, "Error");
    xml_element_str(writer, "Code", s3_error_code(error));
    if (detail->message.len > 0) {
        xml_element(writer, "Message", detail->message);
    } else {
        xml_element_str(writer, "Message", s3_error_message(error));
    }
    for (size_t i = 0; i < detail->count; i++) {
        xml_element(writer, detail->items[i].name, detail->items[i].value);
    }
    xml_element(writer, "Resource", call->head->path);
    if (call->is_control) xml_close(writer, "Error");
    xml_element(writer, "RequestId", call->request_id);
    xml_element(writer, "HostId", call->host_id);
    xml_close(writer, call->is_control ? "ErrorResponse" : "Error");
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* For browsers. Spec: S3 User Guide, "Website endpoints", "Key differences". */
static struct status answer_page(struct s3_call *call, enum s3_error error) {
    struct buf buf;
    struct slice message = call->detail.message;
    if (message.len == 0) message = slice_str(s3_error_message(error));
    buf_init(&buf, ERROR_DOCUMENT_MAX);
    int status = s3_error_http(error);
    buf_printf(&buf,
               "<!DOCTYPE html>\n<html><head><title>%d %s</title></head>\n<body>\n"
               "<h1>%d %s</h1>\n<ul>\n<li>Code: %s</li>\n<li>Message: ",
               status, http_reason(status), status, http_reason(status), s3_error_code(error));
    xml_escape(&buf, message);
    buf_append_str(&buf, "</li>\n<li>RequestId: ");
    xml_escape(&buf, call->request_id);
    buf_append_str(&buf, "</li>\n</ul>\n</body></html>\n");
    struct status s = s3_answer_xml(call, &buf);
    http_response_set_str(&call->response, "Content-Type", "text/html; charset=utf-8");
    return s;
}

static void set_ids(struct s3_call *call) {
    http_response_set(&call->response, SLICE("x-amz-request-id"), call->request_id);
    http_response_set(&call->response, SLICE("x-amz-id-2"), call->host_id);
}

static void end_answer(struct s3_call *call) {
    if (call->answer.done != NULL) call->answer.done(call);
    call->answer = (struct s3_answer){0};
}

/* A 304 keeps the headers that describe the object, a HEAD has no body. */
static void set_head(struct s3_call *call, enum s3_error error) {
    if (error != S3_ERROR_NOT_MODIFIED) http_response_clear(&call->response);
    call->response.status = s3_error_http(error);
    set_ids(call);
    s3_cors_apply(call);
    for (size_t i = 0; i < call->detail.header_count; i++) {
        http_response_set(&call->response, slice_str(call->detail.headers[i].name),
                          call->detail.headers[i].value);
    }
}

static bool has_body(const struct s3_call *call, enum s3_error error) {
    return call->early || !http_status_has_no_body(s3_error_http(error), call->head->method);
}

void s3_reply_error(struct s3_call *call, struct status status, bool *ret_internal) {
    enum s3_error error = call->error;
    /* A refusal without a word is a bug of ours, not of the client. */
    if (error == S3_ERROR_NONE || !status_is(status, STATUS_REFUSED)) {
        error = error_of_status(call, status.code);
        call->detail.message = slice_of(NULL, 0);
    }
    call->error = error;
    *ret_internal = error == S3_ERROR_INTERNAL_ERROR;
    end_answer(call);
    if (!call->early) set_head(call, error);
    if (!has_body(call, error)) return;
    if (call->is_website) {
        /* As below: without memory the status alone has to do. */
        IGNORE_STATUS(answer_page(call, error));
        return;
    }
    add_usual_details(call, error);
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, ERROR_DOCUMENT_MAX);
    xml_writer_init(&writer, &buf);
    write_document(&writer, call, error);
    struct status written = xml_end(&writer);
    if (is_ok(written)) written = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    /* Where even that does not fit into memory, the status alone has to do. */
    IGNORE_STATUS(written);
}

struct status s3_run(struct s3_call *call) {
    set_ids(call);
    s3_cors_apply(call);
    return call->op->run(call);
}

/* ---- an answer without a call -------------------------------------------------------------- */

size_t s3_reply_raw(enum s3_error error, const char *message, struct slice request_id, bool close,
                    char *out, size_t cap) {
    char storage[RAW_DOCUMENT_MAX];
    struct buf document;
    struct xml_writer writer;
    buf_init_fixed(&document, storage, sizeof storage);
    xml_writer_init(&writer, &document);
    xml_declaration(&writer);
    xml_open(&writer, "Error");
    xml_element_str(&writer, "Code", s3_error_code(error));
    xml_element_str(&writer, "Message", message != NULL ? message : s3_error_message(error));
    xml_element(&writer, "RequestId", request_id);
    xml_close(&writer, "Error");
    CHECK(is_ok(xml_end(&writer)));
    int len = snprintf(out, cap,
                       "HTTP/1.1 %d %s\r\n"
                       "Content-Type: application/xml\r\n"
                       "Content-Length: %zu\r\n"
                       "x-amz-request-id: %.*s\r\n"
                       "%s\r\n"
                       "%.*s",
                       s3_error_http(error), http_reason(s3_error_http(error)), document.len,
                       SLICE_FMT(request_id), close ? "Connection: close\r\n" : "",
                       SLICE_FMT(buf_slice(&document)));
    CHECK(len > 0 && (size_t)len < cap);
    return (size_t)len;
}
