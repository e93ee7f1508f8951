/* The S3 door in the session's steps. */
#include "base/check.h"
#include "server/session_state.h"

/* ---- the call ------------------------------------------------------------------------------- */

static struct status early_begin(struct s3_call *call) {
    TRY(session_early_begin(call->session));
    call->early = true;
    return status_ok();
}

static struct status early_write(struct s3_call *call, struct slice bytes) {
    return session_early_write(call->session, bytes);
}

static const struct s3_transport transport = {early_begin, early_write};

void session_s3_begin(struct session *s) {
    const struct session_shared *shared = s->shared;
    s->call = (struct s3_call){.service = &shared->zone->service,
                               .region = &shared->zone->regions[0],
                               .transport = &transport,
                               .session = s,
                               .arena = &s->arena,
                               .note = &s->note,
                               .head = &s->head,
                               .query = &s->query,
                               .request_id = slice_of(s->request_id, SESSION_REQUEST_ID_LEN),
                               .host_id = slice_str(shared->config->server.zone),
                               .source_ip = slice_str(s->source_ip),
                               .now_ns = s->now_ns};
    http_response_init(&s->call.response, &s->arena);
    s->response = &s->call.response;
    s->door = &session_s3;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static struct status route(struct session *s, struct status query) {
    if (!is_ok(query)) return s3_refuse(&s->call, S3_ERROR_INVALID_URI, NULL);
    return s3_route(&s->call);
}

/* What a presigned URL says in its query for headers may make it another operation. */
static struct status take_query_headers(struct session *s) {
    size_t count;
    if (!is_ok(auth_query_headers(&s->call.auth, &s->query, &s->head, &count))) {
        return s3_refuse(&s->call, S3_ERROR_INVALID_ARGUMENT,
                         "The query has a parameter in a header's place that is none.");
    }
    return count > 0 ? s3_route(&s->call) : status_ok();
}

/*
 * A preflight is anonymous, whatever the address has in it: that of a presigned GET is asked about
 * with OPTIONS, and was not signed for it. Spec: Fetch, "CORS-preflight fetch".
 */
static struct status authenticate(struct session *s) {
    if (s->head.method == HTTP_OPTIONS) {
        s->call.auth = (struct auth_result){.principal = {.anonymous = true}};
        return status_ok();
    }
    struct auth_request request = {.head = &s->head,
                                   .query = &s->query,
                                   .bucket_from_host = s->call.bucket_from_host,
                                   .now_ns = s->call.now_ns,
                                   .identity = s->shared->identity,
                                   .key_cache = s->shared->key_cache,
                                   .allow_sigv2 = s->shared->config->server.sigv2,
                                   .allow_anonymous = true};
    struct status status =
        auth_identify(&request, &s->arena, &s->note, &s->call.denial, &s->call.auth);
    if (status_is(status, STATUS_REFUSED)) return s3_refuse_denial(&s->call);
    TRY(status);
    return take_query_headers(s);
}

static struct status check(struct session *s) {
    return s3_check(&s->call);
}

static struct status authorize(struct session *s) {
    TRY(s3_authorize(&s->call));
    /* Where nobody is asked, everybody is a stranger still. */
    s->authorized = s->call.op->action != NULL;
    return status_ok();
}

static struct status run(struct session *s) {
    return s3_run(&s->call);
}

/* ---- body ----------------------------------------------------------------------------------- */

static enum session_body body_kind(const struct session *s) {
    static const enum session_body kinds[] = {[S3_BODY_NONE] = SESSION_BODY_NONE,
                                              [S3_BODY_DOCUMENT] = SESSION_BODY_DOCUMENT,
                                              [S3_BODY_STREAM] = SESSION_BODY_STREAM};
    return s->call.op != NULL ? kinds[s->call.op->body] : SESSION_BODY_NONE;
}

static void body_given(struct session *s) {
    struct s3_call *call = &s->call;
    call->body_framing = &s->framing;
    call->body = &s->framing.source;
    call->body_length = session_body_length(s);
    if (!auth_payload_is_chunked(call->auth.payload)) return;
    aws_chunked_init(&s->chunked, &s->framing.source, &call->auth, &s->note);
    s->is_chunked = true;
    call->body_chunked = &s->chunked;
    call->body = &s->chunked.source;
    call->body_length = call->auth.decoded_length;
}

/* ---- answer --------------------------------------------------------------------------------- */

static bool error(struct session *s) {
    bool is_internal = false;
    s3_reply_error(&s->call, s->status, &is_internal);
    return is_internal;
}

static size_t raw(struct session *s, bool internal, char *out, size_t cap) {
    if (internal) s->call.error = S3_ERROR_INTERNAL_ERROR;
    s->sent_status = s3_error_http(s->call.error);
    return session_raw_answer(s->call.error, NULL, s->call.request_id, out, cap);
}

static void headers(struct session *s) {
    http_response_set(s->response, SLICE("x-amz-request-id"), s->call.request_id);
    http_response_set(s->response, SLICE("x-amz-id-2"), s->call.host_id);
}

static struct session_answer answer(const struct session *s) {
    const struct s3_answer *answer = &s->call.answer;
    return (struct session_answer){answer->document, answer->length, answer->send != NULL};
}

static struct status send_bytes(struct session *s, struct sink *sink) {
    return s->call.answer.send(&s->call, sink);
}

static void done(struct session *s) {
    if (s->call.answer.done != NULL) s->call.answer.done(&s->call);
    s->call.answer.done = NULL;
}

/* ---- books ---------------------------------------------------------------------------------- */

static size_t metric(const struct session *s) {
    return s3_op_index(s->call.op);
}

static const char *operation(const struct session *s) {
    return s->call.op != NULL ? s->call.op->name : NULL;
}

static void set_auth(const struct session *s, struct access_record *record) {
    static const struct {
        const char *version;
        const char *type;
    } kinds[] = {
        [AUTH_ANONYMOUS] = {NULL, NULL},
        [AUTH_SIGV4_HEADER] = {"SigV4", "AuthHeader"},
        [AUTH_SIGV4_QUERY] = {"SigV4", "QueryString"},
        [AUTH_SIGV2_HEADER] = {"SigV2", "AuthHeader"},
        [AUTH_SIGV2_QUERY] = {"SigV2", "QueryString"},
    };
    const struct s3_call *call = &s->call;
    bool denied = call->denial.refusal != AUTH_REFUSAL_NONE;
    enum auth_kind kind = denied ? call->denial.kind : call->auth.kind;
    record->signature_version = slice_str(kinds[kind].version);
    record->auth_type = slice_str(kinds[kind].type);
    record->requester = call->auth.principal.user_id;
    record->project = call->auth.principal.project_id;
    record->access_key = denied ? call->denial.access_key : call->auth.principal.access_key;
}

static void record(const struct session *s, struct access_record *record) {
    const struct s3_call *call = &s->call;
    record->request_id = call->request_id;
    record->operation = slice_str(call->op != NULL ? call->op->log_word : NULL);
    record->bucket = call->bucket_name;
    record->bucket_owner = call->bucket.project_id;
    record->key = call->key;
    record->error_code =
        slice_str(call->error != S3_ERROR_NONE ? s3_error_code(call->error) : NULL);
    set_auth(s, record);
}

const struct session_door session_s3 = {.route = route,
                                        .authenticate = authenticate,
                                        .check = check,
                                        .authorize = authorize,
                                        .run = run,
                                        .error = error,
                                        .raw = raw,
                                        .headers = headers,
                                        .body_kind = body_kind,
                                        .body_given = body_given,
                                        .answer = answer,
                                        .send = send_bytes,
                                        .done = done,
                                        .metric = metric,
                                        .operation = operation,
                                        .record = record};
