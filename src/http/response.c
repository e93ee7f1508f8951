#include "http/response.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/date.h"
#include "http/text.h"

void http_response_init(struct http_response *response, struct arena *arena) {
    response->status = 200;
    response->reason = NULL;
    response->arena = arena;
    http_response_clear(response);
}

void http_response_clear(struct http_response *response) {
    response->refused = false;
    response->too_many = false;
    response->header_count = 0;
}

void http_response_remove(struct http_response *response, struct slice name) {
    size_t kept = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        if (slice_eq_nocase(response->headers[i].name, name)) continue;
        response->headers[kept++] = response->headers[i];
    }
    response->header_count = kept;
}

void http_response_add(struct http_response *response, struct slice name, struct slice value) {
    if (!http_is_token(name) || !http_is_field_value(value)) {
        response->refused = true;
        return;
    }
    if (response->header_count == HTTP_RESPONSE_HEADERS_MAX) {
        response->too_many = true;
        return;
    }
    struct http_header *header = &response->headers[response->header_count];
    header->name = arena_dup(response->arena, name);
    header->value = arena_dup(response->arena, value);
    if (is_ok(arena_ok(response->arena))) response->header_count++;
}

void http_response_set(struct http_response *response, struct slice name, struct slice value) {
    http_response_remove(response, name);
    http_response_add(response, name, value);
}

void http_response_set_str(struct http_response *response, const char *name, const char *value) {
    http_response_set(response, slice_str(name), slice_str(value));
}

void http_response_set_u64(struct http_response *response, const char *name, uint64_t value) {
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    http_response_set(response, slice_str(name), slice_of(text, (size_t)len));
}

void http_response_setf(struct http_response *response, const char *name, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        response->too_many = true;
        return;
    }
    http_response_set(response, slice_str(name), slice_of(text, (size_t)len));
}

void http_response_set_date(struct http_response *response, const char *name, int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    date_format_http(time_ns, text);
    http_response_set_str(response, name, text);
}

struct slice http_response_find(const struct http_response *response, struct slice name) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (slice_eq_nocase(response->headers[i].name, name)) return response->headers[i].value;
    }
    return (struct slice){0};
}

struct status http_response_encode(const struct http_response *response, struct buf *out) {
    if (response->refused) return status_of(STATUS_INVALID);
    if (response->too_many) return status_of(STATUS_TOO_LARGE);
    TRY(arena_ok(response->arena));
    const char *reason =
        response->reason != NULL ? response->reason : http_reason(response->status);
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, reason);
    for (size_t i = 0; i < response->header_count; i++) {
        buf_append(out, response->headers[i].name);
        buf_append(out, SLICE(": "));
        buf_append(out, response->headers[i].value);
        buf_append(out, SLICE("\r\n"));
    }
    buf_append(out, SLICE("\r\n"));
    return buf_ok(out);
}

const char *http_reason(int status) {
    static const struct {
        int status;
        const char *words;
    } reasons[] = {
#define HTTP_REASON(status, words) {status, words},
#include "http/reasons.def"
#undef HTTP_REASON
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) return reasons[i].words;
    }
    return "Unknown";
}

bool http_status_has_no_body(int status, enum http_method method) {
    return method == HTTP_HEAD || status == 204 || status == 304 || status < 200;
}
