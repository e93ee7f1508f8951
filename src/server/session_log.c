/* What is written down about a request that is over. */
#include "base/check.h"
#include "server/session_state.h"

static struct slice header_of(const struct session *s, const char *name) {
    return s->has_head ? http_head_find(&s->head, slice_str(name)) : slice_str(NULL);
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

static void write_line(const struct session *s, int64_t duration_ns) {
    const struct s3_call *call = &s->call;
    struct access_record record = {
        .time_ns = call->now_ns,
        .duration_ns = duration_ns,
        .request_id = call->request_id,
        .peer = call->source_ip,
        .operation = slice_str(call->op != NULL ? call->op->log_word : NULL),
        .bucket = call->bucket_name,
        .bucket_owner = call->bucket.project_id,
        .key = call->key,
        .method = s->has_head ? s->head.method_text : slice_str(NULL),
        .target = s->has_head ? s->head.target : slice_str(NULL),
        .host = s->has_head ? s->head.authority : slice_str(NULL),
        .referer = header_of(s, "referer"),
        .user_agent = header_of(s, "user-agent"),
        .error_code = slice_str(call->error != S3_ERROR_NONE ? s3_error_code(call->error) : NULL),
        .tls_version = slice_str(net_conn_is_tls(s->conn) ? net_conn_tls_version(s->conn) : NULL),
        .minor_version = s->has_head ? s->head.minor_version : 0,
        .status = s->sent_status,
        .bytes_received = net_conn_bytes_in(s->conn),
        .bytes_sent = s->sent,
        .object_size = UINT64_MAX,
    };
    set_auth(s, &record);
    access_log_write(s->shared->access_log, &record);
}

struct metrics *session_metrics_new(void) {
    enum { NAMES_MAX = 512 };
    static const char *names[NAMES_MAX];
    size_t count = s3_op_count();
    CHECK(count < NAMES_MAX);
    for (size_t i = 0; i < count; i++) names[i] = s3_op_at(i)->name;
    names[count] = "None";
    return metrics_new(names, count + 1);
}

void session_log(struct session *s) {
    int64_t duration_ns = clock_mono_ns(s->shared->clock) - s->began_ns;
    if (s->shared->metrics != NULL) {
        struct metrics_request request = {.operation = s3_op_index(s->call.op),
                                          .status = s->sent_status,
                                          .bytes_in = net_conn_bytes_in(s->conn),
                                          .bytes_out = s->sent,
                                          .duration_ns = duration_ns};
        metrics_count(s->shared->metrics, &request);
    }
    if (s->shared->access_log != NULL) write_line(s, duration_ns);
}
