#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/internal.h"

/* One SSL call takes an int. */
enum { TLS_PIECE_MAX = 1 << 20 };

static enum io_result tls_result(struct net_conn *conn, int outcome, short *ret_events) {
    int error = SSL_get_error(conn->ssl, outcome);
    conn->maybe_more = false;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        *ret_events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return IO_AGAIN;
    }
    conn->peer_eof = true;
    return IO_CLOSED;
}

static enum io_result tls_recv(struct net_conn *conn, void *buffer, size_t cap, size_t *ret_len,
                               short *ret_events) {
    ERR_clear_error();
    int n = SSL_read(conn->ssl, buffer, cap > TLS_PIECE_MAX ? TLS_PIECE_MAX : (int)cap);
    if (n <= 0) return tls_result(conn, n, ret_events);
    conn->maybe_more = true;
    *ret_len = (size_t)n;
    return IO_DATA;
}

static enum io_result plain_recv(struct net_conn *conn, void *buffer, size_t cap, int flags,
                                 size_t *ret_len) {
    ssize_t n;
    do {
        n = recv(conn->fd, buffer, cap, flags);
    } while (n < 0 && errno == EINTR);
    conn->maybe_more = n == (ssize_t)cap || (n > 0 && LOAD(conn->peer_done));
    if (n > 0) {
        *ret_len = (size_t)n;
        return IO_DATA;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IO_AGAIN;
    conn->peer_eof = true;
    return IO_CLOSED;
}

enum io_result io_recv(struct net_conn *conn, void *buffer, size_t cap, size_t *ret_len) {
    short events;
    if (conn->tls) return tls_recv(conn, buffer, cap, ret_len, &events);
    return plain_recv(conn, buffer, cap, MSG_DONTWAIT, ret_len);
}

enum io_result io_recv_tick(struct net_conn *conn, void *buffer, size_t cap, size_t *ret_len) {
    /* The plain socket has NET_SOCKET_TICK_MS for its receive timeout. */
    if (!conn->tls) return plain_recv(conn, buffer, cap, 0, ret_len);
    short events = POLLIN;
    enum io_result result = tls_recv(conn, buffer, cap, ret_len, &events);
    if (result != IO_AGAIN) return result;
    struct pollfd wait = {.fd = conn->fd, .events = events};
    if (poll(&wait, 1, NET_SOCKET_TICK_MS) <= 0) return IO_AGAIN;
    return tls_recv(conn, buffer, cap, ret_len, &events);
}

static enum io_result tls_send(struct net_conn *conn, struct iovec piece, size_t *ret_len,
                               short *ret_events) {
    int len = piece.iov_len > TLS_PIECE_MAX ? TLS_PIECE_MAX : (int)piece.iov_len;
    ERR_clear_error();
    int n = SSL_write(conn->ssl, piece.iov_base, len);
    if (n <= 0) {
        bool maybe_more = conn->maybe_more;
        enum io_result result = tls_result(conn, n, ret_events);
        conn->maybe_more = maybe_more;
        return result;
    }
    *ret_len = (size_t)n;
    return IO_DATA;
}

enum io_result io_send(struct net_conn *conn, const struct iovec *pieces, int count, int flags,
                       size_t *ret_len, short *ret_events) {
    if (conn->tls) return tls_send(conn, pieces[0], ret_len, ret_events);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = sendmsg(conn->fd, &message, flags | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    *ret_events = POLLOUT;
    if (n >= 0) {
        *ret_len = (size_t)n;
        return IO_DATA;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IO_AGAIN;
    conn->peer_eof = true;
    return IO_CLOSED;
}

bool io_can_send_file(const struct net_conn *conn) {
    return !conn->tls || BIO_get_ktls_send(SSL_get_wbio(conn->ssl));
}

static enum io_result tls_send_file(struct net_conn *conn, int fd, uint64_t offset, size_t len,
                                    size_t *ret_len, short *ret_events) {
    ERR_clear_error();
    ossl_ssize_t n = SSL_sendfile(conn->ssl, fd, (off_t)offset, len, 0);
    if (n < 0) return tls_result(conn, (int)n, ret_events);
    *ret_len = (size_t)n;
    return IO_DATA;
}

enum io_result io_send_file(struct net_conn *conn, int fd, uint64_t offset, size_t len,
                            size_t *ret_len, short *ret_events) {
    if (conn->tls) return tls_send_file(conn, fd, offset, len, ret_len, ret_events);
    off_t at = (off_t)offset;
    ssize_t n;
    do {
        n = sendfile(conn->fd, fd, &at, len);
    } while (n < 0 && errno == EINTR);
    *ret_events = POLLOUT;
    if (n >= 0) {
        *ret_len = (size_t)n;
        return IO_DATA;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : IO_CLOSED;
}

void io_shutdown(struct net_conn *conn) {
    if (conn->ssl && SSL_is_init_finished(conn->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
    }
    (void)shutdown(conn->fd, SHUT_WR);
}
