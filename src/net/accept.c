#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "net/internal.h"
#include "net/tls.h"
#include "os/clock.h"

enum { BACKLOG = 4096 };

static struct status listen_fails(struct note *note, const struct net_listener *listener,
                                  const char *what, int error) {
    char address[NET_ADDRESS_TEXT_MAX];
    net_address_format(&listener->address, address);
    enum status_code code = error == EADDRINUSE                         ? STATUS_BUSY
                            : error == EACCES || error == EPERM         ? STATUS_DENIED
                            : error == EADDRNOTAVAIL || error == EINVAL ? STATUS_INVALID
                                                                        : STATUS_IO;
    const char *where = listener->unix_path ? listener->unix_path : address;
    return note_status(note, code, "%s: %s: %s", where, what, strerrordesc_np(error));
}

static void set_flag(int fd, int level, int option) {
    int on = 1;
    (void)setsockopt(fd, level, option, &on, sizeof(on));
}

/* Accepted sockets inherit all of this, which saves four calls a connection. */
static void set_inherited(int fd) {
    struct timeval tick = {.tv_usec = NET_SOCKET_TICK_MS * 1000};
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
    set_flag(fd, SOL_SOCKET, SO_KEEPALIVE);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof(tick));
}

static struct status ip_open(struct net_listener *listener,
                             const struct net_listener_config *config, struct note *note) {
    set_flag(listener->fd, SOL_SOCKET, SO_REUSEADDR);
    if (config->ipv6_only) set_flag(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY);
    const struct sockaddr *address = (const struct sockaddr *)&config->address;
    if (bind(listener->fd, address, config->address_len) != 0) {
        return listen_fails(note, listener, "can't be bound", errno);
    }
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof(bound);
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &bound_len) != 0) {
        return listen_fails(note, listener, "has no address", errno);
    }
    listener->address = net_address_of((struct sockaddr *)&bound, bound_len);
    return status_ok();
}

/* Whether somebody answers at a local socket; what nobody answers at is a leftover. */
static bool unix_is_alive(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;
    bool alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                 errno == EACCES || errno == EPERM || errno == EAGAIN;
    close(fd);
    return alive;
}

static struct status unix_open(struct net_listener *listener, struct note *note) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(listener->unix_path);
    if (len >= sizeof(address.sun_path)) {
        return listen_fails(note, listener, "path is too long", ENAMETOOLONG);
    }
    memcpy(address.sun_path, listener->unix_path, len);
    struct stat there;
    if (lstat(listener->unix_path, &there) == 0) {
        if (!S_ISSOCK(there.st_mode)) return listen_fails(note, listener, "is no socket", EEXIST);
        if (unix_is_alive(&address)) return listen_fails(note, listener, "in use", EADDRINUSE);
        (void)unlink(listener->unix_path);
    }
    /* Before listen nobody can connect, so that nobody comes in before the mode is right. */
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return listen_fails(note, listener, "can't be bound", errno);
    }
    if (chmod(listener->unix_path, S_IRUSR | S_IWUSR) != 0) {
        return listen_fails(note, listener, "mode can't be set", errno);
    }
    listener->address = (struct net_address){.family = NET_LOCAL};
    return status_ok();
}

static struct status listener_bind(struct net_listener *listener,
                                   const struct net_listener_config *config, struct note *note) {
    int family = config->unix_path ? AF_UNIX : config->address.ss_family;
    listener->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) return listen_fails(note, listener, "no socket", errno);
    if (config->unix_path) {
        TRY(unix_open(listener, note));
    } else {
        TRY(ip_open(listener, config, note));
    }
    set_inherited(listener->fd);
    if (listen(listener->fd, BACKLOG) != 0) {
        return listen_fails(note, listener, "can't listen", errno);
    }
    return status_ok();
}

struct status listener_open(struct net_listener *listener, const struct net_listener_config *config,
                            struct note *note) {
    *listener = (struct net_listener){.fd = -1,
                                      .connections_max = config->connections_max,
                                      .proxy_protocol = config->proxy_protocol,
                                      .privileged = config->privileged};
    if (config->unix_path) {
        listener->unix_path = strdup(config->unix_path);
        CHECK(listener->unix_path != NULL);
    } else {
        listener->address =
            net_address_of((const struct sockaddr *)&config->address, config->address_len);
    }
    struct status opened = status_ok();
    if (config->identity_count > 0) {
        opened = net_tls_open(config->identities, config->identity_count, note, &listener->tls);
    }
    if (is_ok(opened)) opened = listener_bind(listener, config, note);
    if (!is_ok(opened)) {
        /* A path that somebody else owns must not be removed. */
        free(listener->unix_path);
        listener->unix_path = NULL;
        listener_close(listener);
    }
    return opened;
}

void listener_close(struct net_listener *listener) {
    if (listener->fd >= 0) close(listener->fd);
    listener->fd = -1;
    if (listener->unix_path) (void)unlink(listener->unix_path);
    free(listener->unix_path);
    listener->unix_path = NULL;
    net_tls_close(&listener->tls);
}

/* The last word on a socket for which there is not even room to wait for its end. */
static void refuse_at_once(struct net_server *server, const struct net_listener *listener, int fd) {
    const struct net_handler *handler = server->handler;
    COUNT(server->counters.refused_connections);
    char *text = server->pollers[0].refusal;
    if (handler->refusal && !listener->tls) {
        size_t len =
            handler->refusal(server->context, NET_REFUSAL_CONNECTIONS, text, NET_REFUSAL_TEXT_MAX);
        if (len > 0) (void)send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    close(fd);
}

static bool is_trusted(const struct net_server *server, const struct net_address *peer) {
    for (size_t i = 0; i < server->trusted_count; i++) {
        if (net_network_contains(&server->trusted[i], peer)) return true;
    }
    return false;
}

static bool over_limit(const struct net_server *server, const struct net_listener *listener) {
    if (listener->connections_max && LOAD(listener->open) >= listener->connections_max) return true;
    return !listener->privileged && LOAD(server->open) >= server->limits.connections_max;
}

static struct net_conn *conn_new(struct net_server *server, size_t index, int fd,
                                 const struct net_address *peer) {
    struct net_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL) return NULL;
    const struct net_listener *listener = &server->listeners[index];
    conn->server = server;
    conn->fd = fd;
    conn->listener = (uint16_t)index;
    conn->id = ++server->last_id;
    conn->tls = listener->tls != NULL;
    conn->poller = &server->pollers[conn->tls ? 1 : 0];
    conn->peer = conn->socket_peer = *peer;
    conn->wait = WAIT_NONE;
    conn->state = listener->proxy_protocol ? CONN_PROXY : conn->tls ? CONN_TLS : CONN_IDLE;
    return conn;
}

/* Takes the connection in, or only to refuse it and to wait until that is read. */
static void admit(struct net_server *server, size_t index, int fd, const struct net_address *peer) {
    struct net_listener *listener = &server->listeners[index];
    bool over = over_limit(server, listener);
    bool polite = !listener->tls && LOAD(server->refused_open) < NET_REFUSED_LINGERING;
    struct net_conn *conn = over && !polite ? NULL : conn_new(server, index, fd, peer);
    if (conn == NULL) {
        refuse_at_once(server, listener, fd);
        return;
    }
    conn->over_limit = over;
    COUNT(server->open);
    COUNT(listener->open);
    if (over) COUNT(server->refused_open);
    if (poller_add(conn->poller, conn, clock_mono_ns(clock_system())) && over) {
        conn_refuse(conn, NET_REFUSAL_CONNECTIONS);
    }
}

static void take(struct net_server *server, size_t index, int fd, const struct sockaddr *sockaddr,
                 socklen_t len) {
    struct net_address peer = net_address_of(sockaddr, len);
    COUNT(server->counters.accepted);
    if (server->listeners[index].proxy_protocol && !is_trusted(server, &peer)) {
        COUNT(server->counters.handshakes_failed);
        close(fd);
        return;
    }
    admit(server, index, fd, &peer);
}

/* With no fd left, a waiting connection would wake us for ever: one fd is kept to end it. */
static bool shed(struct net_server *server, const struct net_listener *listener) {
    if (server->spare_fd < 0) return false;
    close(server->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) refuse_at_once(server, listener, fd);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

void accept_all(struct net_server *server, size_t index) {
    struct net_listener *listener = &server->listeners[index];
    for (int i = 0; i < NET_ACCEPT_BATCH; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);
        address.ss_family = AF_UNSPEC;
        /* Plain sockets block, within their timeouts; OpenSSL needs its own not to. */
        int flags = SOCK_CLOEXEC | (listener->tls ? SOCK_NONBLOCK : 0);
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &len, flags);
        if (fd >= 0) {
            take(server, index, fd, (struct sockaddr *)&address, len);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (i == 0) server_warn(server, "accept: %s", strerrordesc_np(errno));
            if (!shed(server, listener)) return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}
