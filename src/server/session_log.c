/* What is written down about a request that is over. */
#include "base/check.h"
#include "server/session_state.h"

static struct slice header_of(const struct session *s, const char *name) {
    return s->has_head ? http_head_find(&s->head, slice_str(name)) : slice_str(NULL);
}

static void write_line(const struct session *s, int64_t duration_ns) {
    struct access_record record = {
        .time_ns = s->now_ns,
        .duration_ns = duration_ns,
        .peer = slice_str(s->source_ip),
        .method = s->has_head ? s->head.method_text : slice_str(NULL),
        .target = s->has_head ? s->head.target : slice_str(NULL),
        .host = s->has_head ? s->head.authority : slice_str(NULL),
        .referer = header_of(s, "referer"),
        .user_agent = header_of(s, "user-agent"),
        .tls_version = slice_str(net_conn_is_tls(s->conn) ? net_conn_tls_version(s->conn) : NULL),
        .minor_version = s->has_head ? s->head.minor_version : 0,
        .status = s->sent_status,
        .bytes_received = net_conn_bytes_in(s->conn),
        .bytes_sent = s->sent,
        .object_size = UINT64_MAX,
    };
    s->door->record(s, &record);
    access_log_write(s->shared->access_log, &record);
}

/* Behind those of S3 and Swift come those of the Identity API. */
static size_t first_route(void) {
    return s3_op_count() + 1 + swift_op_count() + 1;
}

size_t session_metrics_of_route(const struct keystone_route *route) {
    return first_route() + (route != NULL ? keystone_route_index(route) : keystone_route_count());
}

struct metrics *session_metrics_new(void) {
    enum { NAMES_MAX = 512 };
    static const char *names[NAMES_MAX];
    size_t count = first_route() + keystone_route_count() + 1;
    size_t n = 0;
    CHECK(count <= NAMES_MAX);
    for (size_t i = 0; i < s3_op_count(); i++) names[n++] = s3_op_at(i)->name;
    names[n++] = "None";
    for (size_t i = 0; i < swift_op_count(); i++) names[n++] = swift_op_at(i)->name;
    names[n++] = "SwiftNone";
    for (size_t i = 0; i < keystone_route_count(); i++) names[n++] = keystone_route_at(i)->name;
    names[n++] = "identity:none";
    return metrics_new(names, count);
}

void session_log(struct session *s) {
    int64_t duration_ns = clock_mono_ns(s->shared->clock) - s->began_ns;
    if (s->shared->metrics != NULL) {
        struct metrics_request request = {.operation = s->door->metric(s),
                                          .status = s->sent_status,
                                          .bytes_in = net_conn_bytes_in(s->conn),
                                          .bytes_out = s->sent,
                                          .duration_ns = duration_ns};
        metrics_count(s->shared->metrics, &request);
    }
    if (s->shared->access_log != NULL) write_line(s, duration_ns);
}
