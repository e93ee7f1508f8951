#include "server/keystone_door.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "http/framing.h"
#include "net/server.h"
#include "os/clock.h"
#include "os/random.h"
#include "server/log.h"
#include "server/session.h"
#include "server/who.h"

enum { ARENA_BLOCK_BYTES = 16 * 1024, REQUEST_ID_MAX = 40, SOURCE_MAX = NET_ADDRESS_TEXT_MAX };

/* --- the zone's endpoints as the catalogue has them --- */

/* The first name that is no pattern; else the address, where it is one; else the client knows. */
static struct slice host_of(const struct config_endpoint *endpoint, struct slice address) {
    for (size_t i = 0; i < endpoint->hosts.count; i++) {
        if (endpoint->hosts.items[i][0] != '*') return slice_str(endpoint->hosts.items[i]);
    }
    bool any = slice_eq(address, SLICE("*")) || slice_eq(address, SLICE("0.0.0.0")) ||
               slice_eq(address, SLICE("[::]"));
    if (any) return SLICE("");
    bool brackets = slice_starts_with(address, SLICE("["));
    return brackets ? slice_of(address.ptr + 1, address.len - 2) : address;
}

static struct keystone_endpoint endpoint_of(const struct config_endpoint *endpoint) {
    struct slice text = slice_str(endpoint->listen.items[0].text);
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') colon--;
    struct slice port = slice_skip(text, colon);
    bool tls = endpoint->tls_certificate != NULL;
    if (slice_eq(port, tls ? SLICE("443") : SLICE("80"))) port = SLICE("");
    return (struct keystone_endpoint){.region = slice_str(endpoint->region->name),
                                      .url = slice_str(endpoint->url),
                                      .tls = tls,
                                      .host = host_of(endpoint, slice_take(text, colon - 1)),
                                      .port = port};
}

void keystone_door_init(struct keystone_door *door, const struct config *config,
                        struct builtin *store, struct access_log *access_log,
                        struct metrics *metrics) {
    struct keystone_endpoint *endpoints = calloc(config->endpoint_count, sizeof *endpoints);
    CHECK(endpoints != NULL);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        endpoints[i] = endpoint_of(&config->endpoints[i]);
    }
    *door =
        (struct keystone_door){.config = config,
                               .endpoints = endpoints,
                               .access_log = access_log,
                               .metrics = metrics,
                               .service = {.store = store,
                                           .endpoints = endpoints,
                                           .endpoint_count = config->endpoint_count,
                                           .url = slice_str(config->server.keystone_url),
                                           .token_lifetime_ns = config->server.token_lifetime_ns}};
}

void keystone_door_fini(struct keystone_door *door) {
    free(door->endpoints);
    *door = (struct keystone_door){0};
}

/* --- a request --- */

struct exchange {
    const struct keystone_door *door;
    struct net_conn *conn;
    struct http_head head;
    bool has_head;
    bool keep;
    bool admitted; /* a body is taken out of the budgets */
    int64_t began_ns;
    struct http_body_source framing;
    struct keystone_call call;
    struct arena arena;
    struct note note;
    char request_id[REQUEST_ID_MAX];
    char source_ip[NET_ADDRESS_TEXT_MAX];
    char source[SOURCE_MAX];
};

static void make_request_id(struct exchange *x) {
    uint64_t id[2];
    random_fill(random_system(), id, sizeof id);
    snprintf(x->request_id, sizeof x->request_id, "req-%016llx%016llx", (unsigned long long)id[0],
             (unsigned long long)id[1]);
    x->call.request_id = slice_str(x->request_id);
}

/* Guesses are counted by address; by network where one client has more addresses than we count. */
static void find_client(struct exchange *x) {
    struct who who = who_find(&x->door->config->proxy, x->conn, &x->head);
    net_address_format_ip(&who.address, x->source_ip);
    who_format_source(&who, x->source);
    x->call.source = slice_str(x->source);
    x->call.tls = who.tls;
}

/* Refuses before the call; the connection ends where a body may be on its way. */
static bool refuse(struct exchange *x, int status, const char *message) {
    x->keep = false;
    keystone_refuse_early(&x->call, status, message);
    return false;
}

static bool read_head(struct exchange *x) {
    size_t head_len;
    struct slice bytes = net_conn_bytes(x->conn);
    enum http_head_verdict verdict = http_head_parse(bytes, &x->head, &head_len, &x->note);
    if (verdict != HTTP_HEAD_COMPLETE) return refuse(x, 400, "The request is malformed.");
    net_conn_consume(x->conn, head_len);
    x->has_head = true;
    x->call.head = &x->head;
    x->keep = x->head.keep_alive && !net_server_is_draining(net_conn_server(x->conn));
    find_client(x);
    return true;
}

static bool pull_body(struct exchange *x, char *bytes) {
    size_t len = 0;
    bool end = false;
    while (!end && len <= KEYSTONE_BODY_BYTES_MAX) {
        size_t got;
        struct status s = source_pull(&x->framing.source, bytes + len,
                                      KEYSTONE_BODY_BYTES_MAX + 1 - len, &got, &end);
        if (!is_ok(s)) return refuse(x, 400, "The body of the request is malformed.");
        len += got;
    }
    if (len > KEYSTONE_BODY_BYTES_MAX) return refuse(x, 413, "The body is too large.");
    x->call.body = slice_of(bytes, len);
    return true;
}

static bool read_body(struct exchange *x) {
    bool none = x->head.body == HTTP_BODY_NONE ||
                (x->head.body == HTTP_BODY_LENGTH && x->head.content_length == 0);
    if (none) return true;
    bool large =
        x->head.body == HTTP_BODY_LENGTH && x->head.content_length > KEYSTONE_BODY_BYTES_MAX;
    if (large) return refuse(x, 413, "The body of the request is too large.");
    x->admitted = is_ok(net_body_admit(net_conn_server(x->conn), KEYSTONE_BODY_BYTES_MAX));
    if (!x->admitted) return refuse(x, 503, "Too many requests are coming in. Try again.");
    char *bytes = arena_alloc(&x->arena, KEYSTONE_BODY_BYTES_MAX + 1);
    if (bytes == NULL) return refuse(x, 503, "There is no memory left. Try again.");
    if (x->head.expect_continue) {
        /* Spec: RFC 9110 section 10.1.1 */
        struct status s =
            sink_write(net_conn_sink(x->conn), SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        if (is_ok(s)) s = net_conn_flush(x->conn);
        if (!is_ok(s)) return refuse(x, 400, "The client has left.");
    }
    http_body_source_init(&x->framing, &x->head, net_conn_source(x->conn), &x->note);
    return pull_body(x, bytes);
}

/* --- the answer --- */

static struct status say(struct exchange *x) {
    struct http_response *response = &x->call.response;
    struct slice document = buf_slice(&x->call.document);
    struct buf head;
    http_response_set_date(response, "Date", clock_wall_ns(clock_system()));
    http_response_set_str(response, "Server", "hink");
    /* Tokens and secrets are for nobody's cache. */
    http_response_set_str(response, "Cache-Control", "no-store");
    if (!x->keep) http_response_set_str(response, "Connection", "close");
    if (response->status != 204) {
        http_response_set_u64(response, "Content-Length", document.len);
    }
    buf_init(&head, HTTP_RESPONSE_HEAD_MAX);
    struct status s = http_response_encode(response, &head);
    if (is_ok(s)) s = sink_write(net_conn_sink(x->conn), buf_slice(&head));
    buf_fini(&head);
    TRY(s);
    enum http_method method = x->has_head ? x->head.method : HTTP_OTHER;
    if (http_status_has_no_body(response->status, method)) return status_ok();
    return sink_write(net_conn_sink(x->conn), document);
}

static void count(const struct exchange *x) {
    const struct keystone_call *call = &x->call;
    if (x->door->metrics == NULL) return;
    struct metrics_request request = {.operation = session_metrics_of_route(call->route),
                                      .status = call->response.status,
                                      .bytes_in = net_conn_bytes_in(x->conn),
                                      .bytes_out = call->document.len,
                                      .duration_ns = clock_mono_ns(clock_system()) - x->began_ns};
    metrics_count(x->door->metrics, &request);
}

static void write_line(const struct exchange *x) {
    const struct keystone_call *call = &x->call;
    bool has_head = x->has_head;
    struct access_record record = {
        .time_ns = call->now_ns,
        .duration_ns = clock_mono_ns(clock_system()) - x->began_ns,
        .request_id = call->request_id,
        .peer = slice_str(x->source_ip),
        .requester = call->bearer.user.id,
        .project = call->bearer.project.id,
        .operation = slice_str(call->route != NULL ? call->route->name : NULL),
        .method = has_head ? x->head.method_text : slice_str(NULL),
        .target = has_head ? x->head.target : slice_str(NULL),
        .host = has_head ? x->head.authority : slice_str(NULL),
        .user_agent = has_head ? http_head_find(&x->head, SLICE("user-agent")) : slice_str(NULL),
        .error_code = call->error,
        .tls_version = slice_str(net_conn_is_tls(x->conn) ? net_conn_tls_version(x->conn) : NULL),
        .minor_version = has_head ? x->head.minor_version : 0,
        .status = call->response.status,
        .bytes_received = net_conn_bytes_in(x->conn),
        .bytes_sent = call->document.len,
        .object_size = UINT64_MAX,
    };
    access_log_write(x->door->access_log, &record);
}

static enum net_next serve(struct exchange *x) {
    if (read_head(x) && read_body(x)) {
        keystone_serve(&x->call);
        if (x->call.internal) {
            log_line(LOG_ERROR, "request %s: %s%s%s", x->request_id,
                     x->call.route != NULL ? x->call.route->name : "no operation",
                     x->note.text[0] ? ": " : "", x->note.text);
        }
    }
    struct status said = say(x);
    count(x);
    if (x->door->access_log != NULL) write_line(x);
    if (!is_ok(said)) return NET_ABORT;
    return x->keep ? NET_KEEP : NET_CLOSE;
}

enum net_next keystone_door_serve(const struct keystone_door *door, struct net_conn *conn) {
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL) return NET_ABORT;
    arena_init(&x->arena, ARENA_BLOCK_BYTES, KEYSTONE_DOOR_ARENA_BYTES_MAX);
    x->door = door;
    x->conn = conn;
    x->began_ns = clock_mono_ns(clock_system());
    x->call.service = &door->service;
    x->call.arena = &x->arena;
    x->call.note = &x->note;
    x->call.now_ns = clock_wall_ns(clock_system());
    make_request_id(x);
    net_address_format_ip(net_conn_peer(conn), x->source_ip);
    enum net_next next = serve(x);
    keystone_fini(&x->call);
    /* The body may have held a password. */
    if (x->call.body.len > 0) explicit_bzero((void *)(uintptr_t)x->call.body.ptr, x->call.body.len);
    if (x->admitted) net_body_release(net_conn_server(conn), KEYSTONE_BODY_BYTES_MAX);
    arena_fini(&x->arena);
    free(x);
    return next;
}
