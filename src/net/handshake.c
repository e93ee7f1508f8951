#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "net/internal.h"
#include "net/proxy.h"
#include "net/tls.h"
#include "os/clock.h"

static bool handshake_fails(struct net_conn *conn) {
    COUNT(conn->server->counters.handshakes_failed);
    conn_close(conn, false);
    return false;
}

/* How many bytes the header has as far as is known; 0: it is not one. */
static size_t proxy_header_len(const struct net_conn *conn) {
    if (conn->head_len < NET_PROXY_FIXED_BYTES) return NET_PROXY_FIXED_BYTES;
    size_t rest;
    uint8_t fixed[NET_PROXY_FIXED_BYTES];
    memcpy(fixed, conn->head, sizeof(fixed));
    return is_ok(net_proxy_rest_len(fixed, &rest)) ? NET_PROXY_FIXED_BYTES + rest : 0;
}

static bool proxy_take(struct net_conn *conn) {
    struct net_proxy proxy;
    if (!is_ok(net_proxy_parse(slice_of(conn->head, conn->head_len), &proxy))) return false;
    if (!proxy.local) {
        conn->peer = proxy.source;
        conn->local = proxy.destination;
        conn->has_proxy = true;
    }
    head_drop(conn);
    return true;
}

/* Reads exactly the header: what is behind it belongs to TLS, or to the first request. */
static bool proxy_step(struct net_conn *conn, bool *ret_done) {
    for (;;) {
        size_t want = proxy_header_len(conn);
        if (want == 0) return false;
        if (conn->head_len == want) {
            *ret_done = true;
            return proxy_take(conn);
        }
        want -= conn->head_len;
        if (!head_reserve(conn, want) || conn->head_cap - conn->head_len < want) return false;
        ssize_t n = recv(conn->fd, conn->head + conn->head_len, want, MSG_DONTWAIT);
        if (n <= 0) {
            *ret_done = false;
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        conn->head_len += (uint32_t)n;
    }
}

static bool tls_step(struct net_conn *conn, bool *ret_done) {
    struct net_tls *tls = conn->server->listeners[conn->listener].tls;
    if (conn->ssl == NULL && !is_ok(net_tls_ssl(tls, conn->fd, &conn->ssl))) return false;
    ERR_clear_error();
    int outcome = SSL_do_handshake(conn->ssl);
    *ret_done = outcome == 1;
    if (outcome == 1) {
        COUNT(conn->server->counters.handshakes);
        return true;
    }
    int error = SSL_get_error(conn->ssl, outcome);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool handshake_step(struct net_conn *conn) {
    bool done = true;
    if (conn_state_of(conn) == CONN_PROXY) {
        if (!proxy_step(conn, &done)) return handshake_fails(conn);
        if (!done) return false;
        STORE(conn->state, conn->tls ? CONN_TLS : CONN_IDLE);
    }
    if (conn_state_of(conn) == CONN_TLS) {
        if (!tls_step(conn, &done)) return handshake_fails(conn);
        if (!done) return false;
    }
    pthread_mutex_lock(&conn->poller->lock);
    wait_unlink(conn);
    wait_link(conn, WAIT_IDLE, clock_mono_ns(clock_system()));
    STORE(conn->state, CONN_IDLE);
    pthread_mutex_unlock(&conn->poller->lock);
    return true;
}
