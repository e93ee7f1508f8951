/* The body of a request: asked for, paid for, and read to its end one way or another. */
#include "base/check.h"
#include "server/session_state.h"

static struct status say_continue(struct session *s) {
    /* Spec: RFC 9110 section 10.1.1 */
    return sink_write(net_conn_sink(s->conn), SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static struct status gate_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct session_gate *gate = CONTAINER_OF(source, struct session_gate, source);
    struct session *s = CONTAINER_OF(gate, struct session, gate);
    struct status status = status_ok();
    if (gate->expecting) {
        status = say_continue(s);
        if (is_ok(status)) status = net_conn_flush(s->conn);
    }
    gate->expecting = false;
    if (is_ok(status)) {
        status = source_pull(net_conn_source(s->conn), buffer, cap, ret_len, ret_end);
    }
    if (!is_ok(status)) gate->failed = true;
    return status;
}

static const struct source_ops gate_ops = {.pull = gate_pull};

void session_body_begin(struct session *s) {
    http_body_source_init(&s->framing, &s->head, &s->gate.source, &s->note);
    s->gate = (struct session_gate){
        .source = {&gate_ops},
        /* Who speaks HTTP/1.0 does not know the answer; the parser has seen to that. */
        .expecting = s->head.expect_continue,
    };
}

/* Whether all of the body came with the head: then nobody has to be waited for. */
static bool is_here(const struct session *s) {
    if (s->head.body == HTTP_BODY_CHUNKED) return false;
    return s->framing.left <= net_conn_bytes(s->conn).len;
}

/* What the body takes of the memory that is for bodies. */
static uint64_t memory_of(const struct session *s) {
    bool is_document = s->door->body_kind(s) == SESSION_BODY_DOCUMENT;
    uint64_t most = is_document ? SESSION_DOCUMENT_BYTES : SESSION_STREAM_BYTES;
    bool is_known = s->head.body == HTTP_BODY_LENGTH;
    return is_known && s->head.content_length < most ? s->head.content_length : most;
}

/* Takes body and worker out of the budgets, if that is not done. */
static bool take_budget(struct session *s) {
    if (s->admitted) return true;
    uint64_t bytes = memory_of(s);
    if (!is_ok(net_body_admit(net_conn_server(s->conn), bytes))) return false;
    s->admitted = true;
    s->admitted_bytes = bytes;
    return true;
}

uint64_t session_body_length(const struct session *s) {
    if (s->head.body == HTTP_BODY_CHUNKED) return UINT64_MAX;
    return s->head.body == HTTP_BODY_LENGTH ? s->head.content_length : 0;
}

struct status session_body_admit(struct session *s) {
    bool is_wanted = s->door->body_kind(s) != SESSION_BODY_NONE;
    if (is_wanted && !is_here(s) && !take_budget(s)) return status_of(STATUS_BUSY);
    s->door->body_given(s);
    if (!s->gate.expecting || !http_body_is_drained(&s->framing)) return status_ok();
    /* An empty body is never pulled, and a client may want the word all the same: botocore takes
     * the next answer of the connection for garbage where it did not come. */
    s->gate.expecting = false;
    return say_continue(s);
}

bool session_body_may_keep(struct session *s) {
    /* Spec: RFC 9110 section 10.1.1: whether the body comes now, nobody knows. */
    if (s->gate.expecting) return false;
    if (http_body_is_drained(&s->framing)) return true;
    if (s->framing.state == HTTP_BODY_BROKEN || s->gate.failed) return false;
    /* A stranger does not get a worker to wait for the rest. */
    if (!s->authorized) return is_here(s);
    bool is_long = s->head.body == HTTP_BODY_LENGTH && s->framing.left > SESSION_DRAIN_BYTES_MAX;
    return !is_long && (is_here(s) || take_budget(s));
}

bool session_body_end(struct session *s) {
    if (http_body_is_drained(&s->framing)) return true;
    /* The client may be waiting for the answer before it goes on. */
    if (!is_ok(net_conn_flush(s->conn))) return false;
    return is_ok(http_body_drain(&s->framing, SESSION_DRAIN_BYTES_MAX));
}
