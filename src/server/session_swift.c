/* The Swift door in the session's steps. */
#include <stdio.h>

#include "base/check.h"
#include "base/date.h"
#include "s3/grants.h"
#include "server/session_state.h"

/* ---- the call ------------------------------------------------------------------------------- */

static struct status early_begin(struct swift_call *call) {
    TRY(session_early_begin(call->session));
    call->early = true;
    return status_ok();
}

static struct status early_write(struct swift_call *call, struct slice bytes) {
    return session_early_write(call->session, bytes);
}

static const struct swift_transport transport = {early_begin, early_write};

struct status session_swift_decide(struct swift_call *call, const struct swift_question *question,
                                   struct access_decision *ret_decision) {
    struct session *s = call->session;
    const struct s3_question asked = {.action = question->action,
                                      .bucket = question->bucket,
                                      .account_gives = question->account_gives,
                                      .key = question->key,
                                      .info = question->info};
    s->call.auth.principal = call->principal;
    return s3_decide(&s->call, &asked, ret_decision);
}

bool session_swift_claims(const struct session *s) {
    if (!s->endpoint->swift || s->call.is_website) return false;
    return swift_claims(&s->head, &s->query, s->call.bucket_from_host);
}

/* "tx", 21 digits of chance and the time. Spec: Swift, generate_trans_id. */
static void make_trans_id(struct session *s) {
    uint64_t id[2];
    random_fill(&s->ids.random, id, sizeof id);
    snprintf(s->trans_id, sizeof s->trans_id, "tx%016llx%05llx-%010llx", (unsigned long long)id[0],
             (unsigned long long)(id[1] & 0xfffff), (unsigned long long)(s->now_ns / NS_PER_S));
}

void session_swift_begin(struct session *s) {
    const struct session_shared *shared = s->shared;
    make_trans_id(s);
    s->swift = (struct swift_call){.service = &shared->zone->swift,
                                   .region = zone_swift_region(shared->zone, s->endpoint),
                                   .transport = &transport,
                                   .session = s,
                                   .arena = &s->arena,
                                   .note = &s->note,
                                   .head = &s->head,
                                   .query = &s->query,
                                   .label_from_host = s->call.bucket_from_host,
                                   .trans_id = slice_str(s->trans_id),
                                   .source_ip = slice_str(s->source_ip),
                                   .source = slice_str(s->source),
                                   .is_tls = s->is_tls,
                                   .principal = {.anonymous = true},
                                   .now_ns = s->now_ns};
    http_response_init(&s->swift.response, &s->arena);
    s->response = &s->swift.response;
    s->door = &session_swift;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static struct status route(struct session *s, struct status query) {
    if (!is_ok(query)) return swift_refuse(&s->swift, 412, "Bad URL");
    return swift_route(&s->swift);
}

static struct status authenticate(struct session *s) {
    return swift_authenticate(&s->swift);
}

static struct status check(struct session *s) {
    return swift_check(&s->swift);
}

static struct status authorize(struct session *s) {
    TRY(swift_authorize(&s->swift));
    /* Where nobody is asked, everybody is a stranger still. */
    s->authorized = s->swift.op->right != SWIFT_ANYBODY;
    return status_ok();
}

static struct status run(struct session *s) {
    return swift_run(&s->swift);
}

/* ---- body ----------------------------------------------------------------------------------- */

static enum session_body body_kind(const struct session *s) {
    static const enum session_body kinds[] = {[SWIFT_BODY_NONE] = SESSION_BODY_NONE,
                                              [SWIFT_BODY_DOCUMENT] = SESSION_BODY_DOCUMENT,
                                              [SWIFT_BODY_STREAM] = SESSION_BODY_STREAM};
    return s->swift.op != NULL ? kinds[s->swift.op->body] : SESSION_BODY_NONE;
}

static void body_given(struct session *s) {
    s->swift.body = &s->framing.source;
    s->swift.body_framing = &s->framing;
    s->swift.body_length = session_body_length(s);
}

/* ---- answer --------------------------------------------------------------------------------- */

static bool error(struct session *s) {
    return swift_reply_error(&s->swift, s->status);
}

static size_t raw(struct session *s, bool internal, char *out, size_t cap) {
    int status = internal || s->swift.error.status == 0 ? 500 : s->swift.error.status;
    s->sent_status = status;
    return swift_reply_raw(status, s->swift.trans_id, out, cap);
}

static void headers(struct session *s) {
    swift_reply_headers(&s->swift);
}

static struct session_answer answer(const struct session *s) {
    const struct swift_answer *answer = &s->swift.answer;
    return (struct session_answer){answer->document, answer->length, answer->send != NULL};
}

static struct status send_bytes(struct session *s, struct sink *sink) {
    return s->swift.answer.send(&s->swift, sink);
}

static void done(struct session *s) {
    if (s->swift.answer.done != NULL) s->swift.answer.done(&s->swift);
    s->swift.answer.done = NULL;
}

/* ---- books ---------------------------------------------------------------------------------- */

static size_t metric(const struct session *s) {
    return s3_op_count() + 1 + swift_op_index(s->swift.op);
}

static const char *operation(const struct session *s) {
    return s->swift.op != NULL ? s->swift.op->name : NULL;
}

static void record(const struct session *s, struct access_record *record) {
    const struct swift_call *call = &s->swift;
    record->request_id = call->trans_id;
    record->operation = slice_str(operation(s));
    record->bucket = call->container;
    record->bucket_owner = call->project_id;
    record->key = call->object;
    record->requester = call->principal.user_id;
    record->project = call->principal.project_id;
    if (!call->principal.anonymous) record->auth_type = SLICE("Token");
}

const struct session_door session_swift = {.route = route,
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
