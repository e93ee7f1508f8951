/*
 * support.h - a server to test against: one word a request, answered with what the word asks for
 *
 *     PING            "PONG\n"                        BYE     "BYE\n", then closes
 *     ECHO n          n bytes of body, sent back      LINES n the same in pulls of one byte
 *     BIG n           n bytes of a pattern            FILE    the test's file
 *     INFO            who, where, how                 HOLD    waits for release, then "HELD\n"
 *     ABORT           half an answer, then cut        SOAK    pulls until that fails; notes why
 *
 * A request is a line of these, lines of anything, and an empty line.
 */
#ifndef UNIT_NET_SUPPORT_H
#define UNIT_NET_SUPPORT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "net/server.h"

struct fixture {
    struct net_config config;
    struct net_listener_config listeners[4];
    struct net_server *server;
    int file_fd;
    uint64_t file_len;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned holding; /* requests in HOLD */
    bool released;
    unsigned soaked; /* SOAK requests over */
    enum status_code soak_code;
    unsigned workers_begun; /* atomic */
    unsigned workers_ended; /* atomic */
};

enum { PATTERN_BYTES = 251 };

static inline char pattern_at(uint64_t i) {
    return (char)(i % PATTERN_BYTES);
}

static inline bool support_head_ready(struct slice bytes, size_t scanned, size_t *ret_scanned) {
    size_t from = scanned > 3 ? scanned - 3 : 0;
    *ret_scanned = bytes.len;
    return slice_find(bytes, SLICE("\r\n\r\n"), from) < bytes.len;
}

static inline struct status support_text(struct net_conn *conn, const char *text) {
    return sink_write(net_conn_sink(conn), slice_str(text));
}

static inline struct status support_echo(struct net_conn *conn, uint64_t n, size_t step) {
    char buffer[32768];
    while (n > 0) {
        size_t len = 0;
        size_t cap = n < step ? (size_t)n : step;
        bool end;
        TRY(source_pull(net_conn_source(conn), buffer, cap, &len, &end));
        TRY(sink_write(net_conn_sink(conn), slice_of(buffer, len)));
        n -= len;
    }
    return status_ok();
}

static inline struct status support_big(struct net_conn *conn, uint64_t n) {
    char buffer[100 * PATTERN_BYTES];
    for (size_t i = 0; i < sizeof(buffer); i++) buffer[i] = pattern_at(i);
    while (n > 0) {
        size_t len = n < sizeof(buffer) ? (size_t)n : sizeof(buffer);
        TRY(sink_write(net_conn_sink(conn), slice_of(buffer, len)));
        n -= len;
    }
    return status_ok();
}

static inline struct status support_info(struct net_conn *conn) {
    char peer[NET_ADDRESS_TEXT_MAX], socket_peer[NET_ADDRESS_TEXT_MAX], local[NET_ADDRESS_TEXT_MAX];
    char text[512];
    struct net_address address;
    net_conn_local(conn, &address);
    net_address_format_ip(net_conn_peer(conn), peer);
    net_address_format_ip(net_conn_socket_peer(conn), socket_peer);
    net_address_format_ip(&address, local);
    snprintf(text, sizeof(text), "peer=%s socket=%s local=%s tls=%d sni=%.*s version=%s n=%u\n",
             peer, socket_peer, local, net_conn_is_tls(conn), SLICE_FMT(net_conn_sni(conn)),
             net_conn_tls_version(conn), net_conn_request_index(conn));
    return support_text(conn, text);
}

static inline struct status support_hold(struct fixture *fixture, struct net_conn *conn) {
    pthread_mutex_lock(&fixture->lock);
    fixture->holding++;
    pthread_cond_broadcast(&fixture->changed);
    while (!fixture->released) pthread_cond_wait(&fixture->changed, &fixture->lock);
    fixture->holding--;
    pthread_mutex_unlock(&fixture->lock);
    return support_text(conn, "HELD\n");
}

static inline void support_soak(struct fixture *fixture, struct net_conn *conn) {
    char buffer[8192];
    size_t len;
    bool end;
    struct status pulled;
    do {
        pulled = source_pull(net_conn_source(conn), buffer, sizeof(buffer), &len, &end);
    } while (is_ok(pulled));
    pthread_mutex_lock(&fixture->lock);
    fixture->soaked++;
    fixture->soak_code = pulled.code;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline uint64_t support_number(struct slice rest) {
    uint64_t n = 0;
    (void)slice_parse_u64(slice_trim(rest), &n);
    return n;
}

static inline enum net_next support_run(struct fixture *fixture, struct net_conn *conn,
                                        struct slice word, struct slice rest) {
    struct status done = status_ok();
    if (slice_eq(word, SLICE("BYE"))) {
        IGNORE_STATUS(support_text(conn, "BYE\n")); /* closed anyway */
        return NET_CLOSE;
    }
    if (slice_eq(word, SLICE("ABORT"))) {
        IGNORE_STATUS(support_text(conn, "HALF"));
        return NET_ABORT;
    }
    if (slice_eq(word, SLICE("SOAK"))) {
        support_soak(fixture, conn);
        return NET_ABORT;
    }
    if (slice_eq(word, SLICE("PING"))) done = support_text(conn, "PONG\n");
    if (slice_eq(word, SLICE("ECHO"))) done = support_echo(conn, support_number(rest), 32768);
    if (slice_eq(word, SLICE("LINES"))) done = support_echo(conn, support_number(rest), 1);
    if (slice_eq(word, SLICE("BIG"))) done = support_big(conn, support_number(rest));
    if (slice_eq(word, SLICE("INFO"))) done = support_info(conn);
    if (slice_eq(word, SLICE("HOLD"))) done = support_hold(fixture, conn);
    if (slice_eq(word, SLICE("FILE"))) {
        struct sink *sink = net_conn_sink(conn);
        done = support_text(conn, "FILE\n");
        if (is_ok(done)) done = sink->ops->send_file(sink, fixture->file_fd, 0, fixture->file_len);
    }
    return is_ok(done) ? NET_KEEP : NET_ABORT;
}

static inline enum net_next support_serve(void *context, struct net_conn *conn) {
    struct slice bytes = net_conn_bytes(conn);
    size_t end = slice_find(bytes, SLICE("\r\n\r\n"), 0);
    if (end == bytes.len) {
        IGNORE_STATUS(support_text(conn, "TOO LARGE\n")); /* closed anyway */
        return NET_CLOSE;
    }
    struct slice line, word, rest;
    net_conn_consume(conn, end + 4);
    (void)slice_cut(slice_take(bytes, end), '\r', &line, &rest);
    (void)slice_cut(line, ' ', &word, &rest);
    return support_run(context, conn, word, rest);
}

static inline size_t support_refusal(void *context, enum net_refusal why, char *out, size_t cap) {
    (void)context;
    return (size_t)snprintf(out, cap, "REFUSED %d\n", (int)why);
}

static inline void *support_worker_begin(void *context) {
    struct fixture *fixture = context;
    __atomic_add_fetch(&fixture->workers_begun, 1, __ATOMIC_RELAXED);
    return fixture;
}

static inline void support_worker_end(void *context, void *data) {
    struct fixture *fixture = context;
    CHECK(data == context);
    __atomic_add_fetch(&fixture->workers_ended, 1, __ATOMIC_RELAXED);
}

static const struct net_handler support_handler = {.head_ready = support_head_ready,
                                                   .serve = support_serve,
                                                   .refusal = support_refusal,
                                                   .worker_begin = support_worker_begin,
                                                   .worker_end = support_worker_end};

static inline void listener_ipv4(struct net_listener_config *listener) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memcpy(&listener->address, &in, sizeof(in));
    listener->address_len = sizeof(in);
}

/* A fixture with one plain listener on a free port, not started: a test may change the rest. */
static inline struct fixture *fixture_new(void) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    fixture->file_fd = -1;
    listener_ipv4(&fixture->listeners[0]);
    fixture->config = (struct net_config){.listeners = fixture->listeners,
                                          .listener_count = 1,
                                          .handler = &support_handler,
                                          .context = fixture};
    return fixture;
}

static inline void fixture_start(struct fixture *fixture) {
    struct note note = {""};
    if (!is_ok(net_server_open(&fixture->config, &note, &fixture->server)))
        fail_msg("%s", note.text);
    assert_true(is_ok(net_server_start(fixture->server, &note)));
}

static inline void fixture_release(struct fixture *fixture) {
    pthread_mutex_lock(&fixture->lock);
    fixture->released = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void fixture_await_holding(struct fixture *fixture, unsigned count) {
    pthread_mutex_lock(&fixture->lock);
    while (fixture->holding < count) pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void fixture_free(struct fixture *fixture) {
    fixture_release(fixture);
    net_server_close(&fixture->server);
    assert_int_equal(fixture->workers_begun, fixture->workers_ended);
    if (fixture->file_fd >= 0) close(fixture->file_fd);
    pthread_mutex_destroy(&fixture->lock);
    pthread_cond_destroy(&fixture->changed);
    free(fixture);
}

static inline struct net_stats fixture_stats(struct fixture *fixture) {
    struct net_stats stats;
    net_server_stats(fixture->server, &stats);
    return stats;
}

/* Waits until a counter that begins at `offset` in the stats is at least `least`. */
static inline void await_stat(struct fixture *fixture, size_t offset, uint64_t least) {
    for (int i = 0; i < 10000; i++) {
        struct net_stats stats = fixture_stats(fixture);
        uint64_t value;
        memcpy(&value, (const char *)&stats + offset, sizeof(value));
        if (value >= least) return;
        (void)poll(NULL, 0, 1);
    }
    fail_msg("the counter at %zu never came to %llu", offset, (unsigned long long)least);
}

#define AWAIT_STAT(fixture, name, least) \
    await_stat(fixture, offsetof(struct net_stats, name), least)

/* A client; reads give up after ten seconds. */
static inline int client_connect(struct fixture *fixture, size_t listener) {
    struct net_address address;
    struct sockaddr_storage to;
    struct timeval patience = {.tv_sec = 10};
    net_server_address(fixture->server, listener, &address);
    socklen_t len = net_address_to_sockaddr(&address, &to);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

static inline void client_send_bytes(int fd, const void *bytes, size_t len) {
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void client_send(int fd, const char *text) {
    client_send_bytes(fd, text, strlen(text));
}

/* Reads exactly what is expected. */
static inline void client_expect_bytes(int fd, const void *expected, size_t len) {
    char *got = malloc(len + 1);
    size_t have = 0;
    while (have < len) {
        ssize_t n = recv(fd, got + have, len - have, 0);
        if (n <= 0) fail_msg("%zu of %zu bytes, then %zd (%d)", have, len, n, errno);
        have += (size_t)n;
    }
    assert_memory_equal(got, expected, len);
    free(got);
}

static inline void client_expect(int fd, const char *text) {
    client_expect_bytes(fd, text, strlen(text));
}

/* Reads a line into `out`. */
static inline void client_read_line(int fd, char *out, size_t cap) {
    size_t len = 0;
    while (len + 1 < cap) {
        assert_int_equal(recv(fd, out + len, 1, 0), 1);
        if (out[len++] == '\n') break;
    }
    out[len] = '\0';
}

/* The connection ends here, and politely: an end, not a reset. */
static inline void client_expect_end(int fd) {
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static inline void client_close(int fd) {
    assert_int_equal(close(fd), 0);
}

#endif
