#include "support/http_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

struct conn {
    int fd;
    size_t len;
    char bytes[HTTP_PEER_REQUEST_MAX];
};

static int listen_at(int port, int *ret_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(fd, HTTP_PEER_CONNECTIONS) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

struct slice http_peer_header(const struct http_peer_request *request, const char *name) {
    struct slice rest = request->head;
    while (rest.len > 0) {
        struct slice line, word, value;
        slice_cut(rest, '\n', &line, &rest);
        if (slice_ends_with(line, SLICE("\r"))) line.len--;
        if (slice_cut(line, ':', &word, &value) && slice_eq_nocase(word, slice_str(name))) {
            return slice_trim(value);
        }
    }
    return SLICE("");
}

void http_peer_say(struct buf *out, int status, const char *headers, struct slice body) {
    buf_printf(out, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n%s\r\n", status, body.len, headers);
    buf_append(out, body);
}

/* Whether there is a whole request in the connection. */
static bool parse(const struct conn *conn, struct http_peer_request *ret_request) {
    struct slice all = slice_of(conn->bytes, conn->len);
    struct slice rest;
    uint64_t length = 0;
    size_t end = slice_find(all, SLICE("\r\n\r\n"), 0);
    if (end == all.len) return false;
    ret_request->head = slice_take(all, end + 2);
    struct slice text = http_peer_header(ret_request, "content-length");
    if (text.len > 0) CHECK(slice_parse_u64(text, &length));
    ret_request->body = slice_skip(all, end + 4);
    if (ret_request->body.len < length) return false;
    slice_cut(all, ' ', &ret_request->method, &rest);
    slice_cut(rest, ' ', &ret_request->target, &rest);
    return true;
}

static void hang_up(struct conn *conn) {
    close(conn->fd);
    *conn = (struct conn){.fd = -1};
}

/* With the lock held. */
static void serve(struct http_peer *peer, struct conn *conn) {
    struct http_peer_request request;
    struct buf out;
    if (peer->is_silent || !parse(conn, &request)) return;
    buf_init(&out, 4 * 1024 * 1024);
    peer->requests++;
    bool said = peer->answer(peer, &request, &out);
    conn->len = 0;
    size_t sent = 0;
    while (said && sent < out.len) {
        ssize_t n = send(conn->fd, out.ptr + sent, out.len - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += (size_t)n;
    }
    if (!said || sent < out.len) hang_up(conn);
    buf_fini(&out);
}

static void receive(struct http_peer *peer, struct conn *conn) {
    ssize_t n = recv(conn->fd, conn->bytes + conn->len, sizeof conn->bytes - conn->len, 0);
    if (n <= 0) {
        hang_up(conn);
        return;
    }
    conn->len += (size_t)n;
    serve(peer, conn);
}

static void accept_one(struct http_peer *peer, struct conn *conns) {
    int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    for (int i = 0; i < HTTP_PEER_CONNECTIONS && fd >= 0; i++) {
        if (conns[i].fd >= 0) continue;
        conns[i] = (struct conn){.fd = fd};
        peer->connections++;
        return;
    }
    if (fd >= 0) close(fd);
}

/* One round; false where the test wants it to end. */
static bool look(struct http_peer *peer, struct conn *conns) {
    struct pollfd fds[HTTP_PEER_CONNECTIONS + 2];
    char word = 0;
    for (int i = 0; i < HTTP_PEER_CONNECTIONS; i++) {
        fds[i] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
    }
    pthread_mutex_lock(&peer->lock);
    fds[HTTP_PEER_CONNECTIONS] = (struct pollfd){.fd = peer->listener, .events = POLLIN};
    pthread_mutex_unlock(&peer->lock);
    fds[HTTP_PEER_CONNECTIONS + 1] = (struct pollfd){.fd = peer->wake[0], .events = POLLIN};
    if (poll(fds, HTTP_PEER_CONNECTIONS + 2, 20) < 0) return true;
    if (fds[HTTP_PEER_CONNECTIONS + 1].revents != 0) CHECK(read(peer->wake[0], &word, 1) == 1);
    pthread_mutex_lock(&peer->lock);
    if (peer->listener < 0) {
        for (int i = 0; i < HTTP_PEER_CONNECTIONS; i++) {
            if (conns[i].fd >= 0) hang_up(&conns[i]);
        }
    }
    for (int i = 0; i < HTTP_PEER_CONNECTIONS; i++) {
        if (conns[i].fd < 0) continue;
        if (fds[i].revents != 0) {
            receive(peer, &conns[i]);
        } else if (conns[i].len > 0) {
            serve(peer, &conns[i]);
        }
    }
    if (peer->listener >= 0 && fds[HTTP_PEER_CONNECTIONS].revents != 0) accept_one(peer, conns);
    pthread_mutex_unlock(&peer->lock);
    return word != 'x';
}

static void *run(void *argument) {
    struct http_peer *peer = argument;
    struct conn *conns = calloc(HTTP_PEER_CONNECTIONS, sizeof *conns);
    CHECK(conns != NULL);
    for (int i = 0; i < HTTP_PEER_CONNECTIONS; i++) conns[i].fd = -1;
    while (look(peer, conns)) continue;
    for (int i = 0; i < HTTP_PEER_CONNECTIONS; i++) {
        if (conns[i].fd >= 0) close(conns[i].fd);
    }
    free(conns);
    return NULL;
}

void http_peer_start(struct http_peer *peer) {
    CHECK(pthread_mutex_init(&peer->lock, NULL) == 0);
    CHECK(pipe(peer->wake) == 0);
    peer->listener = listen_at(0, &peer->port);
    CHECK(pthread_create(&peer->thread, NULL, run, peer) == 0);
}

void http_peer_stop(struct http_peer *peer) {
    CHECK(write(peer->wake[1], "x", 1) == 1);
    CHECK(pthread_join(peer->thread, NULL) == 0);
    if (peer->listener >= 0) close(peer->listener);
    close(peer->wake[0]);
    close(peer->wake[1]);
    pthread_mutex_destroy(&peer->lock);
}

void http_peer_go_away(struct http_peer *peer) {
    pthread_mutex_lock(&peer->lock);
    close(peer->listener);
    peer->listener = -1;
    pthread_mutex_unlock(&peer->lock);
    CHECK(write(peer->wake[1], "w", 1) == 1);
}

void http_peer_come_back(struct http_peer *peer) {
    int port;
    pthread_mutex_lock(&peer->lock);
    peer->listener = listen_at(peer->port, &port);
    pthread_mutex_unlock(&peer->lock);
    CHECK(write(peer->wake[1], "w", 1) == 1);
}
