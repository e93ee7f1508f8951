/*
 * The session over a real connection, with operations of the test's own: the path of a request says
 * which. What needs S3's operations is in tests/wire and tests/s3.
 */
#include "server/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "kv/mem.h"
#include "server/session_state.h"
#include "support/temp_dir.h"

enum { ANSWER_MAX = 1 << 20 };

struct fixture {
    struct config *config;
    struct zone zone;
    struct temp_dir dir;
    struct access_log *access_log;
    char log_path[TEMP_DIR_MAX + 16];
    struct session_shared shared;
    struct net_server *net;
    uint16_t port;
    unsigned done; /* answers ended; atomic */
};

static struct fixture *the_fixture;

/* --- operations --- */

static struct status op_plain(struct s3_call *call) {
    call->answer.document = SLICE("plain");
    return status_ok();
}

static struct status op_early(struct s3_call *call) {
    TRY(call->transport->early_begin(call));
    TRY(call->transport->early_write(call, SLICE("<?xml?>")));
    TRY(call->transport->early_write(call, SLICE("   ")));
    call->answer.document = SLICE("<Done/>");
    return status_ok();
}

static struct status op_early_error(struct s3_call *call) {
    TRY(call->transport->early_begin(call));
    TRY(call->transport->early_write(call, SLICE(" ")));
    return s3_refuse(call, S3_ERROR_NO_SUCH_KEY, NULL);
}

static void count_done(struct s3_call *call) {
    (void)call;
    __atomic_add_fetch(&the_fixture->done, 1, __ATOMIC_RELAXED);
}

static struct status send_whole(struct s3_call *call, struct sink *sink) {
    (void)call;
    TRY(sink_write(sink, SLICE("01234")));
    return sink_write(sink, SLICE("56789"));
}

static struct status send_half(struct s3_call *call, struct sink *sink) {
    (void)call;
    TRY(sink_write(sink, SLICE("01234")));
    return status_of(STATUS_CORRUPT);
}

static struct status send_short(struct s3_call *call, struct sink *sink) {
    (void)call;
    return sink_write(sink, SLICE("01234"));
}

static struct status answer_with(struct s3_call *call,
                                 struct status (*send)(struct s3_call *, struct sink *)) {
    call->answer = (struct s3_answer){.length = 10, .send = send, .done = count_done};
    return status_ok();
}

static struct status op_send(struct s3_call *call) {
    return answer_with(call, send_whole);
}

static struct status op_half(struct s3_call *call) {
    return answer_with(call, send_half);
}

static struct status op_short(struct s3_call *call) {
    return answer_with(call, send_short);
}

static struct status op_fails(struct s3_call *call) {
    IGNORE_STATUS(answer_with(call, send_whole));
    return note_status(call->note, STATUS_IO, "the drive is gone");
}

static struct status op_inject(struct s3_call *call) {
    http_response_set_str(&call->response, "x-amz-meta-a", "one\r\nX-Evil: two");
    return status_ok();
}

static struct status op_hungry(struct s3_call *call) {
    (void)arena_alloc(call->arena, SESSION_ARENA_BYTES_MAX + 1);
    return arena_ok(call->arena);
}

static struct status op_body(struct s3_call *call) {
    char bytes[64];
    size_t len;
    bool end;
    TRY(source_fill(call->body, bytes, sizeof bytes, &len, &end));
    if (!end) return s3_refuse(call, S3_ERROR_ENTITY_TOO_LARGE, NULL);
    call->answer.document = arena_dup(call->arena, slice_of(bytes, len));
    return status_ok();
}

static const struct s3_op ops[] = {
    {.name = "plain", .run = op_plain, .body = S3_BODY_NONE},
    {.name = "early", .run = op_early, .body = S3_BODY_NONE},
    {.name = "early-error", .run = op_early_error, .body = S3_BODY_NONE},
    {.name = "send", .run = op_send, .body = S3_BODY_NONE},
    {.name = "half", .run = op_half, .body = S3_BODY_NONE},
    {.name = "short", .run = op_short, .body = S3_BODY_NONE},
    {.name = "fails", .run = op_fails, .body = S3_BODY_NONE},
    {.name = "inject", .run = op_inject, .body = S3_BODY_NONE},
    {.name = "hungry", .run = op_hungry, .body = S3_BODY_NONE},
    {.name = "body", .run = op_body, .body = S3_BODY_DOCUMENT},
    {.name = "unread", .run = op_plain, .body = S3_BODY_STREAM},
};

static const struct s3_op *op_of(struct slice path) {
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (path.len > 0 && slice_eq(slice_skip(path, 1), slice_str(ops[i].name))) return &ops[i];
    }
    return NULL;
}

static struct status take_steps(struct session *s) {
    TRY(session_read_head(s));
    s->call.op = op_of(s->head.path);
    assert_non_null(s->call.op);
    s->authorized = true;
    TRY(session_body_admit(s));
    return s->call.op->run(&s->call);
}

/* As session_serve, with our own operations and nobody to ask. */
static enum net_next serve_own(struct session *s, struct net_conn *conn) {
    session_begin(s, conn);
    s->status = take_steps(s);
    session_reply(s);
    s->call.op = NULL; /* the books know S3's only */
    IGNORE_STATUS(session_settle(s));
    return session_next(s);
}

static enum net_next serve(void *context, struct net_conn *conn) {
    struct session *s = net_conn_worker_data(conn);
    (void)context;
    struct slice bytes = net_conn_bytes(conn);
    size_t from = slice_find_char(bytes, '/');
    size_t to = from;
    while (to < bytes.len && bytes.ptr[to] != ' ') to++;
    bool own = op_of(slice_of(bytes.ptr + from, to - from)) != NULL;
    return own ? serve_own(s, conn) : session_serve(s, conn);
}

/* --- the server --- */

static void *worker_begin(void *context) {
    struct fixture *f = context;
    return session_new(&f->shared);
}

static void worker_end(void *context, void *data) {
    struct session *s = data;
    (void)context;
    session_free(&s);
}

static size_t refusal(void *context, enum net_refusal why, char *out, size_t cap) {
    (void)context;
    return session_refusal(why, out, cap);
}

static const struct net_handler handler = {.head_ready = http_head_may_be_complete,
                                           .serve = serve,
                                           .refusal = refusal,
                                           .worker_begin = worker_begin,
                                           .worker_end = worker_end};

static struct status find_nobody(struct identity *identity, struct slice access_key,
                                 struct arena *arena, struct identity_key *ret_key) {
    (void)identity;
    (void)access_key;
    (void)arena;
    (void)ret_key;
    return status_of(STATUS_NOT_FOUND);
}

static const struct identity_ops nobody_ops = {.key_find = find_nobody};
static struct identity nobody = {.ops = &nobody_ops};

static void listen_on_loopback(struct fixture *f, const struct net_limits *limits) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct net_listener_config listener = {.address_len = sizeof address};
    memcpy(&listener.address, &address, sizeof address);
    struct net_config config = {.limits = *limits,
                                .listeners = &listener,
                                .listener_count = 1,
                                .handler = &handler,
                                .context = f};
    struct note note = {0};
    struct net_address where;
    assert_true(is_ok(net_server_open(&config, &note, &f->net)));
    assert_true(is_ok(net_server_start(f->net, &note)));
    net_server_address(f->net, 0, &where);
    f->port = where.port;
}

static void setup_with(struct fixture *f, const char *proxy, const struct net_limits *limits) {
    char text[1024];
    struct note note = {0};
    temp_dir_make(&f->dir);
    snprintf(text, sizeof text,
             "[server]\ndata = %s/data\n%s[policy p]\n[region r]\npolicies = p\n"
             "[endpoint e]\nregion = r\nlisten = 127.0.0.1:9000\nhosts = h.test, *.h.test\n",
             f->dir.path, proxy);
    if (!is_ok(config_parse("test.conf", slice_str(text), &note, &f->config))) {
        fail_msg("%s", note.text);
    }
    zone_init(&f->zone, f->config, NULL, NULL);
    snprintf(f->log_path, sizeof f->log_path, "%s/log", f->dir.path);
    assert_true(is_ok(access_log_open(f->log_path, ACCESS_LOG_JSON, &note, &f->access_log)));
    f->shared = (struct session_shared){.config = f->config,
                                        .zone = &f->zone,
                                        .identity = &nobody,
                                        .metrics = session_metrics_new(),
                                        .access_log = f->access_log,
                                        .clock = clock_system()};
    the_fixture = f;
    listen_on_loopback(f, limits);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct net_limits limits = {.workers_max = 4, .workers_without_body = 2};
    setup_with(f, "", &limits);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    net_server_close(&f->net);
    metrics_free(&f->shared.metrics);
    access_log_close(&f->access_log);
    zone_fini(&f->zone);
    config_free(&f->config);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

/* --- the client --- */

static int dial(const struct fixture *f) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes until `mark` has been there, or until the end; gives whether the end was a cut. */
static bool hear(int fd, const char *mark, char *out) {
    size_t len = 0;
    out[0] = 0;
    while (len + 1 < ANSWER_MAX && (mark == NULL || strstr(out, mark) == NULL)) {
        ssize_t n = recv(fd, out + len, ANSWER_MAX - 1 - len, 0);
        if (n <= 0) return n < 0;
        len += (size_t)n;
        out[len] = 0;
    }
    return false;
}

/* Sends a request on a connection of its own and gives the whole answer. */
static bool ask(const struct fixture *f, const char *request, char *out) {
    int fd = dial(f);
    say(fd, request);
    bool cut = hear(fd, NULL, out);
    close(fd);
    return cut;
}

static bool has(const char *answer, const char *text) {
    if (strstr(answer, text) != NULL) return true;
    print_error("no «%s» in:\n%s\n", text, answer);
    return false;
}

#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
#define GET_KEEP(path) "GET " path " HTTP/1.1\r\nHost: h.test\r\n\r\n"

static char answer[ANSWER_MAX];

/* --- tests --- */

static void test_plain_answer(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/plain"), answer);
    assert_true(has(answer, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(answer, "\r\nContent-Length: 5\r\n"));
    assert_true(has(answer, "\r\nx-amz-request-id: "));
    assert_true(has(answer, "\r\nDate: "));
    assert_true(has(answer, "\r\nConnection: close\r\n"));
    assert_true(has(answer, "\r\n\r\nplain"));
}

static void test_head_of_a_plain_answer(void **state) {
    struct fixture *f = *state;
    ask(f, "HEAD /plain HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n", answer);
    assert_true(has(answer, "\r\nContent-Length: 5\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void test_early_answer_is_chunked_and_kept(void **state) {
    struct fixture *f = *state;
    int fd = dial(f);
    say(fd, GET_KEEP("/early"));
    hear(fd, "0\r\n\r\n", answer);
    assert_true(has(answer, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_null(strstr(answer, "Content-Length"));
    assert_true(has(answer, "7\r\n<?xml?>\r\n3\r\n   \r\n7\r\n<Done/>\r\n0\r\n\r\n"));
    say(fd, GET_CLOSE("/plain"));
    hear(fd, NULL, answer);
    assert_true(has(answer, "\r\n\r\nplain"));
    close(fd);
}

static void test_early_answer_for_http_1_0(void **state) {
    struct fixture *f = *state;
    ask(f, "GET /early HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", answer);
    assert_null(strstr(answer, "chunked"));
    assert_true(has(answer, "\r\nConnection: close\r\n"));
    assert_true(has(answer, "\r\n\r\n<?xml?>   <Done/>"));
}

static void test_early_answer_that_fails(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/early-error"), answer);
    assert_true(has(answer, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(answer, "<Code>NoSuchKey</Code>"));
    assert_true(has(answer, "</Error>\r\n0\r\n\r\n"));
}

static void test_sent_answer_and_its_end(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/send"), answer);
    assert_true(has(answer, "\r\nContent-Length: 10\r\n"));
    assert_true(has(answer, "\r\n\r\n0123456789"));
    ask(f, "HEAD /send HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n", answer);
    assert_true(has(answer, "\r\nContent-Length: 10\r\n"));
    assert_null(strstr(answer, "01234"));
    assert_int_equal(__atomic_load_n(&f->done, __ATOMIC_RELAXED), 2);
}

/* An answer that broke off must not look complete: no reuse, no clean end behind ten bytes. */
static void test_broken_answers_are_cut(void **state) {
    struct fixture *f = *state;
    static const char *const requests[] = {GET_KEEP("/half"), GET_KEEP("/short")};
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        bool cut = ask(f, requests[i], answer);
        bool whole = strstr(answer, "0123456789") != NULL;
        assert_true(cut || !whole);
        assert_null(strstr(answer, "56789"));
    }
    assert_int_equal(__atomic_load_n(&f->done, __ATOMIC_RELAXED), 2);
}

static void test_failure_is_an_internal_error_without_its_note(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/fails"), answer);
    assert_true(has(answer, "HTTP/1.1 500 "));
    assert_true(has(answer, "<Code>InternalError</Code>"));
    assert_null(strstr(answer, "drive"));
    assert_null(strstr(answer, "0123456789"));
    assert_int_equal(__atomic_load_n(&f->done, __ATOMIC_RELAXED), 1);
}

static void test_no_header_is_injected(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/inject"), answer);
    assert_true(has(answer, "HTTP/1.1 500 "));
    assert_null(strstr(answer, "Evil"));
}

static void test_no_memory_is_said_without_any(void **state) {
    struct fixture *f = *state;
    ask(f, GET_CLOSE("/hungry"), answer);
    assert_true(has(answer, "HTTP/1.1 503 "));
    ask(f, GET_CLOSE("/plain"), answer);
    assert_true(has(answer, "\r\n\r\nplain"));
}

static void test_continue_comes_with_the_first_pull(void **state) {
    struct fixture *f = *state;
    int fd = dial(f);
    say(fd,
        "PUT /body HTTP/1.1\r\nHost: h.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\n");
    hear(fd, "\r\n\r\n", answer);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "body");
    hear(fd, NULL, answer);
    assert_true(has(answer, "\r\n\r\nbody"));
    close(fd);
}

static void test_no_continue_for_what_is_not_read(void **state) {
    struct fixture *f = *state;
    ask(f,
        "PUT /unread HTTP/1.1\r\nHost: h.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
        answer);
    assert_null(strstr(answer, "100 Continue"));
    assert_true(has(answer, "\r\nConnection: close\r\n"));
}

static void test_unread_bodies_are_drained(void **state) {
    struct fixture *f = *state;
    static const char *const requests[] = {
        "PUT /unread HTTP/1.1\r\nHost: h.test\r\nContent-Length: 4\r\n\r\n1234",
        "PUT /plain HTTP/1.1\r\nHost: h.test\r\nContent-Length: 4\r\n\r\n1234",
        ("PUT /unread HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\n1234\r\n0\r\n\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        int fd = dial(f);
        say(fd, requests[i]);
        say(fd, GET_CLOSE("/early"));
        hear(fd, NULL, answer);
        assert_true(has(answer, "\r\n\r\nplainHTTP/1.1 200 OK\r\n"));
        close(fd);
    }
}

static void test_long_unread_bodies_end_the_connection(void **state) {
    struct fixture *f = *state;
    ask(f, "PUT /unread HTTP/1.1\r\nHost: h.test\r\nContent-Length: 300000\r\n\r\n1234", answer);
    assert_true(has(answer, "\r\nConnection: close\r\n"));
    assert_true(has(answer, "\r\n\r\nplain"));
}

static void test_bodies_beyond_the_budget_are_told_to_slow_down(void **state) {
    struct fixture *f = *state;
    int held[2];
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        held[i] = dial(f);
        say(held[i],
            "PUT /body HTTP/1.1\r\nHost: h.test\r\nExpect: 100-continue\r\n"
            "Content-Length: 4\r\n\r\n");
        hear(held[i], "\r\n\r\n", answer);
    }
    ask(f, "PUT /body HTTP/1.1\r\nHost: h.test\r\nContent-Length: 4\r\n\r\n", answer);
    assert_true(has(answer, "HTTP/1.1 503 "));
    assert_true(has(answer, "<Code>SlowDown</Code>"));
    /* A body that is here already waits for nobody. */
    ask(f,
        "PUT /body HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhere",
        answer);
    assert_true(has(answer, "\r\n\r\nhere"));
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        say(held[i], "body");
        hear(held[i], "body", answer);
        assert_true(has(answer, "HTTP/1.1 200 OK\r\n"));
        close(held[i]);
    }
    struct net_stats stats;
    do {
        net_server_stats(f->net, &stats);
    } while (stats.workers_busy > 0);
    assert_int_equal(stats.body_workers, 0);
    assert_int_equal(stats.body_memory_bytes, 0);
}

static void test_hosts_of_nobody(void **state) {
    struct fixture *f = *state;
    ask(f, "GET /b HTTP/1.1\r\nHost: a:b:c\r\nConnection: close\r\n\r\n", answer);
    assert_true(has(answer, "HTTP/1.1 400 "));
    /* The only endpoint of an address takes every host. */
    ask(f, "OPTIONS * HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n", answer);
    assert_true(has(answer, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(answer, "\r\nAllow: GET, "));
}

static void test_refusals_of_the_connections(void **state) {
    static const struct {
        enum net_refusal why;
        const char *code;
    } cases[] = {{NET_REFUSAL_CONNECTIONS, "503 Service Unavailable\r\n"},
                 {NET_REFUSAL_QUEUE, "<Code>SlowDown</Code>"},
                 {NET_REFUSAL_MEMORY, "<Code>SlowDown</Code>"},
                 {NET_REFUSAL_HEAD_TIMEOUT, "<Code>RequestTimeout</Code>"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[2048];
        size_t len = session_refusal(cases[i].why, text, sizeof text - 1);
        text[len] = 0;
        assert_true(has(text, cases[i].code));
        assert_true(has(text, "\r\nDate: "));
        assert_true(has(text, "\r\nConnection: close\r\n"));
        assert_true(has(text, "\r\nx-amz-request-id: "));
    }
}

/* Reads the file of the access log, which is written when it is flushed. */
static const char *read_log(struct fixture *f) {
    access_log_flush(f->access_log);
    FILE *file = fopen(f->log_path, "r");
    assert_non_null(file);
    size_t len = fread(answer, 1, sizeof answer - 1, file);
    answer[len] = 0;
    fclose(file);
    return answer;
}

static void test_log_masks_what_gives_access(void **state) {
    struct fixture *f = *state;
    ask(f,
        GET_CLOSE("/b/k?X-Amz-Signature=5ec4e7&X-Amz-Credential=AKID%2Fscope&Signature=5ec4e7"
                  "&x-amz-security-token=5ec4e7&prefix=shown"),
        answer);
    ask(f,
        "GET /b/k HTTP/1.1\r\nHost: h.test\r\nAuthorization: AWS AKID:5ec4e7\r\n"
        "Connection: close\r\n\r\n",
        answer);
    const char *log = read_log(f);
    assert_true(has(log, "prefix=shown"));
    assert_null(strstr(log, "5ec4e7"));
    assert_null(strstr(log, "scope"));
}

static void test_metrics_count_by_status(void **state) {
    struct fixture *f = *state;
    ask(f, "nonsense\r\n\r\n", answer);
    ask(f, GET_CLOSE("/plain"), answer);
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_render(f->shared.metrics, &out);
    buf_append_char(&out, 0);
    assert_true(has(out.ptr, "hink_requests_total{operation=\"None\",status=\"400\"} 1\n"));
    assert_true(has(out.ptr, "hink_requests_total{operation=\"None\",status=\"200\"} 1\n"));
    buf_fini(&out);
}

static void ask_forwarded(struct fixture *f, const char *headers) {
    char request[512];
    snprintf(request, sizeof request,
             "OPTIONS * HTTP/1.1\r\nHost: h.test\r\n%sConnection: close\r\n\r\n", headers);
    ask(f, request, answer);
}

/* Asks with these headers a server with that configuration; whom the log has as the peer. */
static void assert_peer(const char *proxy, const char *headers, const char *peer) {
    struct fixture *f = calloc(1, sizeof *f);
    struct net_limits limits = {0};
    char wanted[128];
    setup_with(f, proxy, &limits);
    ask_forwarded(f, headers);
    snprintf(wanted, sizeof wanted, "\"peer\":\"%s\"", peer);
    assert_true(has(read_log(f), wanted));
    void *state = f;
    teardown(&state);
}

static void test_forwarded_peers(void **state) {
    const char *on = "[proxy]\ntrusted = 127.0.0.0/8, 2001:db8::/32\nforwarded_headers = on\n";
    const char *others = "[proxy]\ntrusted = 10.0.0.0/8\nforwarded_headers = on\n";
    (void)state;
    assert_peer("", "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1");
    assert_peer(others, "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1");
    assert_peer(on, "", "127.0.0.1");
    assert_peer(on, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1");
    assert_peer(on, "X-Forwarded-For: 203.0.113.1, 192.0.2.1, 127.0.0.2\r\n", "192.0.2.1");
    assert_peer(on, "X-Forwarded-For: 192.0.2.1:1234\r\n", "192.0.2.1");
    assert_peer(on, "X-Forwarded-For: 2001:db8::1, 2001:0:0::2\r\n", "2001::2");
    assert_peer(on, "X-Forwarded-For: [2001::2]:99\r\n", "2001::2");
    assert_peer(on, "X-Forwarded-For: [2001::2]\r\n", "2001::2");
    assert_peer(on, "X-Forwarded-For: 192.0.2.1, nonsense\r\n", "127.0.0.1");
    assert_peer(on, "X-Forwarded-For: 127.0.0.3\r\n", "127.0.0.3");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(plain_answer),
        TEST(head_of_a_plain_answer),
        TEST(early_answer_is_chunked_and_kept),
        TEST(early_answer_for_http_1_0),
        TEST(early_answer_that_fails),
        TEST(sent_answer_and_its_end),
        TEST(broken_answers_are_cut),
        TEST(failure_is_an_internal_error_without_its_note),
        TEST(no_header_is_injected),
        TEST(no_memory_is_said_without_any),
        TEST(continue_comes_with_the_first_pull),
        TEST(no_continue_for_what_is_not_read),
        TEST(unread_bodies_are_drained),
        TEST(long_unread_bodies_end_the_connection),
        TEST(bodies_beyond_the_budget_are_told_to_slow_down),
        TEST(hosts_of_nobody),
        TEST(refusals_of_the_connections),
        TEST(log_masks_what_gives_access),
        TEST(metrics_count_by_status),
        cmocka_unit_test(test_forwarded_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
