#include "server/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "http/url.h"
#include "server/session_state.h"
#include "server/who.h"

enum { ARENA_BLOCK_BYTES = 32 * 1024 };

/* What broken heads come to. */
static const enum s3_error head_errors[] = {
    [HTTP_HEAD_PARTIAL] = S3_ERROR_BAD_REQUEST,
    [HTTP_HEAD_BAD] = S3_ERROR_BAD_REQUEST,
    [HTTP_HEAD_TOO_LARGE] = S3_ERROR_REQUEST_HEADER_SECTION_TOO_LARGE,
    [HTTP_HEAD_BAD_VERSION] = S3_ERROR_VERSION_NOT_SUPPORTED,
    [HTTP_HEAD_UNSUPPORTED] = S3_ERROR_NOT_IMPLEMENTED,
};

/* Whether it is the target that is too long, as far as an unparsed head shows. */
static bool target_is_too_long(struct slice bytes) {
    struct slice line, method, rest, target, version;
    slice_cut(bytes, '\n', &line, &rest);
    slice_cut(line, ' ', &method, &rest);
    slice_cut(rest, ' ', &target, &version);
    return target.len > HTTP_TARGET_MAX;
}

struct status session_read_head(struct session *s) {
    struct slice bytes = net_conn_bytes(s->conn);
    size_t head_len;
    enum http_head_verdict verdict = http_head_parse(bytes, &s->head, &head_len, &s->note);
    if (verdict != HTTP_HEAD_COMPLETE) {
        s->head_error = head_errors[verdict];
        bool too_long = verdict == HTTP_HEAD_TOO_LARGE && target_is_too_long(bytes);
        if (too_long) s->head_error = S3_ERROR_URI_TOO_LONG;
        s->is_head_method = slice_starts_with(bytes, SLICE("HEAD "));
        return status_of(STATUS_REFUSED);
    }
    net_conn_consume(s->conn, head_len);
    s->has_head = true;
    s->is_head_method = s->head.method == HTTP_HEAD;
    session_body_begin(s);
    struct who who = who_find(&s->shared->config->proxy, s->conn, &s->head);
    s->call.is_tls = s->is_tls = who.tls;
    if (net_conn_is_tls(s->conn)) s->call.tls_version = slice_str(net_conn_tls_version(s->conn));
    net_address_format_ip(&who.address, s->source_ip);
    who_format_source(&who, s->source);
    s->call.source_ip = slice_str(s->source_ip);
    return status_ok();
}

/* The region that port and Host header lead to. */
static struct status find_endpoint(struct session *s) {
    const struct config *config = s->shared->config;
    const struct config_listener *listener = &config->listeners[net_conn_listener(s->conn)];
    struct slice host, port;
    if (!http_authority_split(s->head.authority, &host, &port)) {
        return s3_refuse(&s->call, S3_ERROR_INVALID_URI, "The Host header is not a host and port.");
    }
    /* RFC 3986 section 3.2.2: a name with a dot at its end is the same name. */
    if (host.len > 1 && host.ptr[host.len - 1] == '.') host.len--;
    const struct config_endpoint *endpoint =
        config_endpoint_find(listener, host, &s->call.bucket_from_host, &s->call.is_website);
    if (endpoint == NULL) {
        return s3_refuse(&s->call, S3_ERROR_INVALID_REQUEST,
                         "No endpoint at this address has the host name in the request.");
    }
    s->endpoint = endpoint;
    s->call.region = zone_region(s->shared->zone, endpoint);
    return status_ok();
}

/* Spec: RFC 9110 section 9.3.7: what the server as a whole can do. */
static bool answers_options_of_all(struct session *s) {
    if (!slice_eq(s->head.path, SLICE("*"))) return false;
    http_response_set_str(&s->call.response, "Allow", "GET, HEAD, PUT, POST, DELETE, OPTIONS");
    s->answered = true;
    return true;
}

static struct status route(struct session *s) {
    TRY(find_endpoint(s));
    if (answers_options_of_all(s)) return status_ok();
    struct status parsed = http_query_parse(&s->arena, s->head.query, &s->query);
    if (status_is(parsed, STATUS_NO_MEMORY)) return parsed;
    if (session_swift_claims(s)) session_swift_begin(s);
    return s->door->route(s, parsed);
}

static struct status authenticate(struct session *s) {
    return s->door->authenticate(s);
}

static struct status check(struct session *s) {
    return s->door->check(s);
}

static struct status authorize(struct session *s) {
    return s->door->authorize(s);
}

static struct status admit(struct session *s) {
    return session_body_admit(s);
}

static struct status run(struct session *s) {
    return s->door->run(s);
}

static struct status reply(struct session *s) {
    session_reply(s);
    return s->status;
}

struct status session_settle(struct session *s) {
    s->door->done(s);
    session_log(s);
    s->keep = s->keep && !s->broken && session_body_end(s);
    if (s->is_chunked) aws_chunked_fini(&s->chunked);
    if (s->admitted) net_body_release(net_conn_server(s->conn), s->admitted_bytes);
    arena_reset(&s->arena);
    return s->status;
}

/*
 * One request's way, and the only place where its order is written. A step that does not succeed
 * leads straight to those that are taken always.
 */
static const struct step {
    struct status (*take)(struct session *s);
    bool always;
} steps[] = {
    {session_read_head, false}, /* what did they say? */
    {route, false},             /* which door, region and operation is it? */
    {authenticate, false},      /* who says so, and did they sign these bytes? */
    {check, false},             /* are parameters and headers sane? */
    {authorize, false},         /* may they? */
    {admit, false},             /* shall we take the body? */
    {run, false},               /* do it */
    {reply, true},              /* say it */
    {session_settle, true},     /* the books, and what is left of the body */
};

static void request_id_make(struct session *s) {
    uint64_t id;
    random_fill(&s->ids.random, &id, sizeof id);
    snprintf(s->request_id, sizeof s->request_id, "%016llX", (unsigned long long)id);
}

void session_begin(struct session *s, struct net_conn *conn) {
    const struct session_shared *shared = s->shared;
    s->conn = conn;
    s->status = status_ok();
    s->has_head = s->is_head_method = s->answered = s->authorized = s->admitted = false;
    s->is_chunked = s->keep = s->broken = s->early = s->is_tls = false;
    s->endpoint = NULL;
    s->head_error = S3_ERROR_NONE;
    s->admitted_bytes = s->sent = 0;
    s->sent_status = 0;
    s->note.text[0] = 0;
    s->query.count = 0;
    s->began_ns = clock_mono_ns(shared->clock);
    request_id_make(s);
    net_address_format_ip(net_conn_peer(conn), s->source_ip);
    s->now_ns = clock_wall_ns(shared->clock);
    session_s3_begin(s);
}

enum net_next session_next(const struct session *s) {
    if (s->broken) return NET_ABORT;
    return s->keep ? NET_KEEP : NET_CLOSE;
}

enum net_next session_serve(struct session *s, struct net_conn *conn) {
    session_begin(s, conn);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        bool on = is_ok(s->status) && !s->answered;
        if (on || steps[i].always) s->status = steps[i].take(s);
    }
    return session_next(s);
}

struct session *session_new(const struct session_shared *shared) {
    struct session *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->shared = shared;
    arena_init(&s->arena, ARENA_BLOCK_BYTES, SESSION_ARENA_BYTES_MAX);
    buf_init(&s->head_out, HTTP_RESPONSE_HEAD_MAX);
    uint64_t seed;
    random_fill(random_system(), &seed, sizeof seed);
    random_seeded_init(&s->ids, seed);
    return s;
}

void session_free(struct session **session) {
    struct session *s = *session;
    if (s == NULL) return;
    arena_fini(&s->arena);
    buf_fini(&s->head_out);
    free(s);
    *session = NULL;
}
