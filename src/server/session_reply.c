/* The answer: its head, its body, and what is said when it can't be said. */
#include <stdio.h>

#include "base/check.h"
#include "base/date.h"
#include "server/log.h"
#include "server/session_state.h"

enum { RAW_BYTES_MAX = 2048 };

size_t session_raw_answer(enum s3_error error, const char *message, struct slice request_id,
                          char *out, size_t cap) {
    char text[RAW_BYTES_MAX], date[DATE_TEXT_CAP];
    size_t len = s3_reply_raw(error, message, request_id, true, text, sizeof text);
    size_t line_end = slice_find(slice_of(text, len), SLICE("\r\n"), 0);
    date_format_http(clock_wall_ns(clock_system()), date);
    int whole = snprintf(out, cap, "%.*s\r\nDate: %s\r\nServer: hink%.*s", (int)line_end, text,
                         date, (int)(len - line_end), text + line_end);
    CHECK(whole > 0 && (size_t)whole < cap);
    return (size_t)whole;
}

/* Sends a whole answer that needs no call, and ends the connection. */
static void send_raw(struct session *s, const char *text, size_t len) {
    struct slice answer = slice_of(text, len);
    size_t head_end = slice_find(answer, SLICE("\r\n\r\n"), 0);
    if (s->is_head_method && head_end < len) answer = slice_take(answer, head_end + 4);
    s->keep = false;
    if (!is_ok(sink_write(net_conn_sink(s->conn), answer))) s->broken = true;
}

/* Where not even a head could be read. Nobody knows whose it was, so it is said as S3 says it. */
static void reply_bad_head(struct session *s) {
    char text[RAW_BYTES_MAX];
    const char *message = s->note.text[0] ? s->note.text : NULL;
    size_t len = session_raw_answer(s->head_error, message, s->call.request_id, text, sizeof text);
    s->call.error = s->head_error;
    s->sent_status = s3_error_http(s->head_error);
    send_raw(s, text, len);
}

/* The headers that every answer has. */
static void set_common(struct session *s) {
    struct http_response *response = s->response;
    s->door->headers(s);
    http_response_set_date(response, "Date", clock_wall_ns(s->shared->clock));
    http_response_set_str(response, "Server", "hink");
    if (!s->keep) {
        http_response_set_str(response, "Connection", "close");
    } else if (s->head.minor_version == 0) {
        http_response_set_str(response, "Connection", "keep-alive");
    }
}

static bool is_keepable(struct session *s) {
    return s->head.keep_alive && !net_server_is_draining(net_conn_server(s->conn)) &&
           session_body_may_keep(s);
}

static struct status send_head(struct session *s) {
    buf_clear(&s->head_out);
    TRY(http_response_encode(s->response, &s->head_out));
    s->sent_status = s->response->status;
    return sink_write(net_conn_sink(s->conn), buf_slice(&s->head_out));
}

static void set_length(struct session *s) {
    struct http_response *response = s->response;
    struct session_answer answer = s->door->answer(s);
    bool is_bare = response->status == 204 || response->status == 304;
    if (is_bare || http_response_find(response, SLICE("Content-Length")).ptr != NULL) return;
    http_response_set_u64(response, "Content-Length",
                          answer.sends ? answer.length : answer.document.len);
}

static struct status send_body(struct session *s) {
    struct session_answer answer = s->door->answer(s);
    if (http_status_has_no_body(s->response->status, s->head.method)) return status_ok();
    if (!answer.sends) {
        s->sent = answer.document.len;
        return sink_write(net_conn_sink(s->conn), answer.document);
    }
    http_body_sink_init_length(&s->sink, answer.length, net_conn_sink(s->conn));
    struct status status = s->door->send(s, &s->sink.sink);
    s->sent = s->sink.written;
    return is_ok(status) ? http_body_sink_end(&s->sink) : status;
}

/* A client that left is no news; anything else that cuts an answer off is. */
static void answer_broke(struct session *s, struct status status) {
    s->broken = true;
    if (status_is(status, STATUS_CLOSED) || status_is(status, STATUS_TIMEOUT)) return;
    log_line(LOG_ERROR, "request %s: the answer broke off: %s%s%s", s->request_id,
             status_text(status.code), s->note.text[0] ? ": " : "", s->note.text);
}

/* An error document that found no memory is said without any. */
static void reply_without_memory(struct session *s) {
    char text[RAW_BYTES_MAX];
    size_t len = s->door->raw(s, is_ok(s->status), text, sizeof text);
    send_raw(s, text, len);
}

static void reply_whole(struct session *s) {
    set_common(s);
    set_length(s);
    struct status status = send_head(s);
    if (s->sent_status == 0) {
        log_line(LOG_ERROR, "request %s: the answer's head can't be written: %s", s->request_id,
                 status_text(status.code));
        reply_without_memory(s);
        return;
    }
    if (is_ok(status)) status = send_body(s);
    if (!is_ok(status)) answer_broke(s, status);
}

/* Who speaks HTTP/1.0 knows no chunks: the end of the connection is the end of the answer. */
static bool is_framed(const struct session *s) {
    return s->head.minor_version > 0;
}

static struct sink *early_sink(struct session *s) {
    return is_framed(s) ? &s->sink.sink : net_conn_sink(s->conn);
}

struct status session_early_begin(struct session *s) {
    CHECK(!s->early);
    s->keep = is_framed(s) && is_keepable(s);
    set_common(s);
    if (is_framed(s)) http_response_set_str(s->response, "Transfer-Encoding", "chunked");
    TRY(send_head(s));
    s->early = true;
    http_body_sink_init_chunked(&s->sink, net_conn_sink(s->conn));
    return net_conn_flush(s->conn);
}

struct status session_early_write(struct session *s, struct slice bytes) {
    s->sent += bytes.len;
    TRY(sink_write(early_sink(s), bytes));
    return net_conn_flush(s->conn);
}

/* The head is out: the document is all that is left to say, good or bad. */
static void reply_rest(struct session *s) {
    struct slice document = s->door->answer(s).document;
    struct status status = sink_write(early_sink(s), document);
    s->sent += document.len;
    if (is_ok(status) && is_framed(s)) status = http_body_sink_end(&s->sink);
    if (!is_ok(status)) answer_broke(s, status);
}

/* The error document, in the place of what there was to say. */
static void take_error(struct session *s) {
    struct status status = s->status;
    if (!s->door->error(s)) return;
    const char *operation = s->door->operation(s);
    log_line(LOG_ERROR, "request %s: %s: %s%s%s", s->request_id,
             operation != NULL ? operation : "no operation", status_text(status.code),
             s->note.text[0] ? ": " : "", s->note.text);
}

void session_reply(struct session *s) {
    if (!s->has_head) {
        reply_bad_head(s);
        return;
    }
    if (!is_ok(s->status)) take_error(s);
    if (s->early) {
        reply_rest(s);
        return;
    }
    s->keep = is_keepable(s);
    reply_whole(s);
}

size_t session_refusal(enum net_refusal why, char *out, size_t cap) {
    static const struct {
        enum s3_error error;
        const char *message;
    } refusals[] = {
        [NET_REFUSAL_CONNECTIONS] = {S3_ERROR_SLOW_DOWN, "Too many connections are open."},
        [NET_REFUSAL_QUEUE] = {S3_ERROR_SLOW_DOWN, "Too many requests wait for their turn."},
        [NET_REFUSAL_MEMORY] = {S3_ERROR_SLOW_DOWN, "Too many requests are coming in."},
        [NET_REFUSAL_HEAD_TIMEOUT] = {S3_ERROR_REQUEST_TIMEOUT, NULL},
    };
    uint64_t id;
    char text[SESSION_REQUEST_ID_LEN + 1];
    random_fill(random_system(), &id, sizeof id);
    snprintf(text, sizeof text, "%016llX", (unsigned long long)id);
    return session_raw_answer(refusals[why].error, refusals[why].message, slice_str(text), out,
                              cap);
}
