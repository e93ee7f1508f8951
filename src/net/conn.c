#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "net/internal.h"
#include "os/clock.h"

enum {
    DIRECT_PULL_BYTES = 4096,  /* from here on a pull reads into the caller's buffer */
    DIRECT_SEND_BYTES = 65536, /* up to here a send does not wait inside the socket */
    FILE_COPY_BYTES = 65536,
    FILE_CALL_BYTES = 1 << 30
};

void work_begin(struct net_work *work) {
    work->in_base = 0;
    work->pulled = false;
    work->out_len = 0;
    work->written = status_ok();
    work->meter_in = work->meter_out = (struct io_meter){0};
    work->bytes_in = work->bytes_out = 0;
}

/* How long the client may still keep us waiting before its average is too low. */
static int64_t rate_left_ns(const struct net_limits *limits, const struct io_meter *meter) {
    uint64_t seconds = meter->bytes / limits->body_rate_bytes;
    if (seconds > INT32_MAX) seconds = INT32_MAX;
    uint64_t rest = meter->bytes % limits->body_rate_bytes;
    int64_t part = (int64_t)((double)rest * NS_PER_S / (double)limits->body_rate_bytes);
    int64_t allowed = limits->body_rate_grace_ns + (int64_t)seconds * NS_PER_S + part;
    return allowed - meter->waited_ns;
}

static int ms_rounded_up(int64_t ns) {
    int64_t ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Waits until the socket can go on, within what is left of the client's time. */
static struct status wait_for(struct net_work *work, struct io_meter *meter, short events) {
    const struct net_limits *limits = &work->server->limits;
    int64_t left_ns = rate_left_ns(limits, meter);
    if (left_ns > limits->io_timeout_ns) left_ns = limits->io_timeout_ns;
    if (left_ns <= 0) return status_of(STATUS_TIMEOUT);
    int64_t began_ns = clock_mono_ns(clock_system());
    struct pollfd wait = {.fd = work->conn->fd, .events = events};
    int n;
    do {
        n = poll(&wait, 1, ms_rounded_up(left_ns));
    } while (n < 0 && errno == EINTR);
    meter->waited_ns += clock_mono_ns(clock_system()) - began_ns;
    return status_of(n == 0 ? STATUS_TIMEOUT : STATUS_OK);
}

/* The client's turn: its time is metered, inside the socket call too. */
static struct status recv_some(struct net_work *work, void *buffer, size_t cap, size_t *ret_len) {
    struct net_conn *conn = work->conn;
    struct io_meter *meter = &work->meter_in;
    int64_t began_ns = clock_mono_ns(clock_system());
    enum io_result result = io_recv_tick(conn, buffer, cap, ret_len);
    meter->waited_ns += clock_mono_ns(clock_system()) - began_ns;
    while (result == IO_AGAIN) {
        struct status waited = wait_for(work, meter, POLLIN);
        if (!is_ok(waited)) {
            COUNT(work->server->counters.io_timeouts);
            return waited;
        }
        result = io_recv(conn, buffer, cap, ret_len);
    }
    if (result == IO_CLOSED) return status_of(STATUS_CLOSED);
    meter->bytes += *ret_len;
    if (rate_left_ns(&work->server->limits, meter) > 0) return status_ok();
    COUNT(work->server->counters.io_timeouts);
    return status_of(STATUS_TIMEOUT);
}

/* Small pulls are served from a larger read; what is too much begins the next request. */
static struct status refill(struct net_work *work) {
    work->in_pos = work->in_len = work->in_base;
    size_t len = 0;
    TRY(recv_some(work, work->in + work->in_base, work->in_cap - work->in_base, &len));
    work->in_len += len;
    return status_ok();
}

static struct status source_pull_bytes(struct source *source, void *buffer, size_t cap,
                                       size_t *ret_len, bool *ret_end) {
    struct net_work *work = CONTAINER_OF(source, struct net_work, source);
    size_t len = 0;
    if (!work->pulled) {
        work->pulled = true;
        work->in_base = work->in_pos;
    }
    if (work->in_pos == work->in_len && cap >= DIRECT_PULL_BYTES) {
        TRY(recv_some(work, buffer, cap, &len));
    } else {
        if (work->in_pos == work->in_len) TRY(refill(work));
        len = work->in_len - work->in_pos < cap ? work->in_len - work->in_pos : cap;
        memcpy(buffer, work->in + work->in_pos, len);
        work->in_pos += len;
    }
    work->bytes_in += len;
    *ret_len = len;
    *ret_end = false;
    return status_ok();
}

const struct source_ops net_source_ops = {.pull = source_pull_bytes};

static struct status after_send(struct net_work *work, enum io_result result, short events) {
    if (result == IO_CLOSED) return status_of(STATUS_CLOSED);
    if (result == IO_AGAIN) return wait_for(work, &work->meter_out, events);
    if (rate_left_ns(&work->server->limits, &work->meter_out) > 0) return status_ok();
    return status_of(STATUS_TIMEOUT);
}

/* One send of at most two pieces, and the wait behind it when nothing could be sent. */
static struct status send_some(struct net_work *work, const struct iovec *pieces, int count,
                               int flags, size_t *ret_len) {
    struct io_meter *meter = &work->meter_out;
    short events = POLLOUT;
    bool large = pieces[0].iov_len + (count > 1 ? pieces[1].iov_len : 0) > DIRECT_SEND_BYTES;
    int64_t began_ns = large ? clock_mono_ns(clock_system()) : 0;
    *ret_len = 0;
    enum io_result result =
        io_send(work->conn, pieces, count, flags | (large ? 0 : MSG_DONTWAIT), ret_len, &events);
    if (large) meter->waited_ns += clock_mono_ns(clock_system()) - began_ns;
    meter->bytes += *ret_len;
    return after_send(work, result, events);
}

static struct status send_all(struct net_work *work, struct iovec *pieces, int count, int flags) {
    while (count > 0) {
        if (pieces[0].iov_len == 0) {
            pieces++;
            count--;
            continue;
        }
        size_t sent;
        TRY(send_some(work, pieces, count, flags, &sent));
        for (int i = 0; i < count && sent > 0; i++) {
            size_t part = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
            pieces[i].iov_base = (char *)pieces[i].iov_base + part;
            pieces[i].iov_len -= part;
            sent -= part;
        }
    }
    return status_ok();
}

/* Sends what is corked and `bytes` behind it. */
static struct status send_corked(struct net_work *work, struct slice bytes, int flags) {
    struct iovec pieces[2] = {{work->out, work->out_len},
                              {(void *)(uintptr_t)bytes.ptr, bytes.len}};
    work->out_len = 0;
    if (is_ok(work->written)) work->written = send_all(work, pieces, 2, flags);
    return work->written;
}

struct status work_flush(struct net_work *work) {
    return send_corked(work, SLICE(""), 0);
}

static struct slice cork(struct net_work *work, struct slice bytes) {
    size_t room = NET_OUT_BYTES - work->out_len;
    size_t len = bytes.len < room ? bytes.len : room;
    if (len > 0) memcpy(work->out + work->out_len, bytes.ptr, len);
    work->out_len += len;
    return slice_skip(bytes, len);
}

static struct status sink_write_bytes(struct sink *sink, struct slice bytes) {
    struct net_work *work = CONTAINER_OF(sink, struct net_work, sink);
    if (!is_ok(work->written)) return work->written;
    work->bytes_out += bytes.len;
    bool fits = bytes.len <= NET_OUT_BYTES - work->out_len;
    /* A TLS record holds as much as the cork: the first ones are filled up. */
    if (fits || work->conn->tls) bytes = cork(work, bytes);
    return fits ? status_ok() : send_corked(work, bytes, 0);
}

/* Reads a piece of the file; shorter than promised is a failure of ours, not an end. */
static struct status read_piece(int fd, char *to, uint64_t offset, size_t len, size_t *ret_len) {
    ssize_t n;
    do {
        n = pread(fd, to, len, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return status_from_errno(errno);
    if (n == 0) return status_of(STATUS_CORRUPT);
    *ret_len = (size_t)n;
    return status_ok();
}

static struct status copy_file(struct net_work *work, int fd, uint64_t offset, uint64_t len) {
    if (work->copy == NULL) work->copy = malloc(FILE_COPY_BYTES);
    if (work->copy == NULL) return status_of(STATUS_NO_MEMORY);
    while (len > 0) {
        size_t piece = len < FILE_COPY_BYTES ? (size_t)len : FILE_COPY_BYTES;
        TRY(read_piece(fd, work->copy, offset, piece, &piece));
        TRY(send_corked(work, slice_of(work->copy, piece), 0));
        offset += piece;
        len -= piece;
    }
    return status_ok();
}

static struct status send_file_some(struct net_work *work, int fd, uint64_t offset, uint64_t len,
                                    size_t *ret_len) {
    struct io_meter *meter = &work->meter_out;
    short events = POLLOUT;
    int64_t began_ns = clock_mono_ns(clock_system());
    *ret_len = 0;
    errno = 0;
    size_t most = len < FILE_CALL_BYTES ? (size_t)len : FILE_CALL_BYTES;
    enum io_result result = io_send_file(work->conn, fd, offset, most, ret_len, &events);
    if (result == IO_CLOSED && (errno == EINVAL || errno == ENOSYS)) {
        return status_of(STATUS_UNSUPPORTED);
    }
    if (result == IO_DATA && *ret_len == 0) return status_of(STATUS_CORRUPT);
    meter->waited_ns += clock_mono_ns(clock_system()) - began_ns;
    meter->bytes += *ret_len;
    return after_send(work, result, events);
}

static struct status send_file_direct(struct net_work *work, int fd, uint64_t *offset,
                                      uint64_t *len) {
    TRY(send_corked(work, SLICE(""), MSG_MORE));
    while (*len > 0) {
        size_t sent;
        TRY(send_file_some(work, fd, *offset, *len, &sent));
        *offset += sent;
        *len -= sent;
    }
    return status_ok();
}

/* A file small enough to leave with the head in one piece. */
static struct status cork_file(struct net_work *work, int fd, uint64_t offset, uint64_t len) {
    while (len > 0) {
        size_t piece;
        TRY(read_piece(fd, work->out + work->out_len, offset, (size_t)len, &piece));
        work->out_len += piece;
        offset += piece;
        len -= piece;
    }
    return status_ok();
}

static struct status send_file_any(struct net_work *work, int fd, uint64_t offset, uint64_t len) {
    if (len <= NET_OUT_BYTES - work->out_len) return cork_file(work, fd, offset, len);
    if (!io_can_send_file(work->conn)) return copy_file(work, fd, offset, len);
    struct status sent = send_file_direct(work, fd, &offset, &len);
    /* Some file systems can't; nothing has been sent of what is left. */
    return status_is(sent, STATUS_UNSUPPORTED) ? copy_file(work, fd, offset, len) : sent;
}

static struct status sink_send_file_bytes(struct sink *sink, int fd, uint64_t offset,
                                          uint64_t len) {
    struct net_work *work = CONTAINER_OF(sink, struct net_work, sink);
    if (!is_ok(work->written)) return work->written;
    work->bytes_out += len;
    work->written = send_file_any(work, fd, offset, len);
    return work->written;
}

const struct sink_ops net_sink_ops = {.write = sink_write_bytes, .send_file = sink_send_file_bytes};

struct slice net_conn_bytes(const struct net_conn *conn) {
    const struct net_work *work = conn->work;
    return slice_of(work->in + work->in_pos, work->in_len - work->in_pos);
}

void net_conn_consume(struct net_conn *conn, size_t n) {
    struct net_work *work = conn->work;
    CHECK(n <= work->in_len - work->in_pos);
    work->in_pos += n;
}

struct source *net_conn_source(struct net_conn *conn) {
    return &conn->work->source;
}

struct sink *net_conn_sink(struct net_conn *conn) {
    return &conn->work->sink;
}

struct status net_conn_flush(struct net_conn *conn) {
    return work_flush(conn->work);
}

bool net_conn_peer_closed(struct net_conn *conn) {
    struct pollfd now = {.fd = conn->fd, .events = POLLRDHUP};
    if (conn->peer_eof) return true;
    return poll(&now, 1, 0) > 0 && (now.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

const struct net_address *net_conn_peer(const struct net_conn *conn) {
    return &conn->peer;
}

const struct net_address *net_conn_socket_peer(const struct net_conn *conn) {
    return &conn->socket_peer;
}

void net_conn_local(const struct net_conn *conn, struct net_address *ret_address) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    if (conn->has_proxy) {
        *ret_address = conn->local;
    } else if (getsockname(conn->fd, (struct sockaddr *)&address, &len) == 0) {
        *ret_address = net_address_of((struct sockaddr *)&address, len);
    } else {
        *ret_address = (struct net_address){.family = NET_UNKNOWN};
    }
}

size_t net_conn_listener(const struct net_conn *conn) {
    return conn->listener;
}

bool net_conn_is_tls(const struct net_conn *conn) {
    return conn->tls;
}

struct slice net_conn_sni(const struct net_conn *conn) {
    if (conn->ssl == NULL) return slice_str(NULL);
    return slice_str(SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name));
}

const char *net_conn_tls_version(const struct net_conn *conn) {
    return conn->ssl ? SSL_get_version(conn->ssl) : "-";
}

const char *net_conn_tls_cipher(const struct net_conn *conn) {
    return conn->ssl ? SSL_get_cipher_name(conn->ssl) : "-";
}

uint64_t net_conn_id(const struct net_conn *conn) {
    return conn->id;
}

uint32_t net_conn_request_index(const struct net_conn *conn) {
    return conn->requests;
}

int64_t net_conn_head_began_ns(const struct net_conn *conn) {
    return conn->head_began_ns;
}

uint64_t net_conn_bytes_in(const struct net_conn *conn) {
    return conn->work->bytes_in;
}

uint64_t net_conn_bytes_out(const struct net_conn *conn) {
    return conn->work->bytes_out;
}

struct net_server *net_conn_server(const struct net_conn *conn) {
    return conn->server;
}

void *net_conn_worker_data(const struct net_conn *conn) {
    return conn->work->data;
}
