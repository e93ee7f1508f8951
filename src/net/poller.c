#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "net/internal.h"
#include "os/clock.h"

/* What an event is about stands in the low bits of its data; a connection's pointer has none. */
enum { TAG_CONN = 0, TAG_WAKE = 1, TAG_LISTENER = 2, TAG_MASK = 3, TAG_BITS = 2 };

enum { EVENTS_CONN = EPOLLIN | EPOLLRDHUP };

static const uint32_t edge = EPOLLET;

static bool epoll_set(struct net_poller *poller, int operation, int fd, uint32_t events,
                      uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(poller->epoll_fd, operation, fd, &event) == 0;
}

static void conn_arm(struct net_conn *conn, bool on) {
    uint32_t events = on ? EVENTS_CONN | edge : edge;
    CHECK(epoll_set(conn->poller, EPOLL_CTL_MOD, conn->fd, events, (uintptr_t)conn | TAG_CONN));
    conn->armed = on;
}

void poller_wake(struct net_poller *poller) {
    uint64_t one = 1;
    ssize_t n = write(poller->wake_fd, &one, sizeof(one));
    CHECK(n == sizeof(one) || errno == EAGAIN);
}

/* Makes sure that the poller wakes up in time for a deadline that was just set. */
static void wake_for(struct net_conn *conn) {
    if (conn->deadline_ns < conn->poller->wakes_at_ns) poller_wake(conn->poller);
}

static enum wait_kind first_wait(enum conn_state state) {
    return state == CONN_IDLE ? WAIT_IDLE : WAIT_HANDSHAKE;
}

bool poller_add(struct net_poller *poller, struct net_conn *conn, int64_t now_ns) {
    pthread_mutex_lock(&poller->lock);
    conn->all_next = poller->all;
    if (poller->all) poller->all->all_prev = conn;
    poller->all = conn;
    wait_link(conn, first_wait((enum conn_state)conn->state), now_ns);
    conn->armed = true;
    /* A handshake may wait for room to write. */
    uint32_t events = EVENTS_CONN | edge | (conn->tls ? EPOLLOUT : 0);
    bool added = !LOAD(conn->server->draining) &&
                 epoll_set(poller, EPOLL_CTL_ADD, conn->fd, events, (uintptr_t)conn | TAG_CONN);
    if (added) wake_for(conn);
    pthread_mutex_unlock(&poller->lock);
    if (!added) conn_close(conn, false);
    return added;
}

static void all_unlink(struct net_conn *conn) {
    if (conn->all_next) conn->all_next->all_prev = conn->all_prev;
    if (conn->all_prev) {
        conn->all_prev->all_next = conn->all_next;
    } else {
        conn->poller->all = conn->all_next;
    }
}

void conn_close(struct net_conn *conn, bool reset) {
    struct net_poller *poller = conn->poller;
    struct net_server *server = conn->server;
    struct linger now = {.l_onoff = 1};
    if (reset) (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    head_drop(conn);
    server_conn_closed(server, conn);
    pthread_mutex_lock(&poller->lock);
    wait_unlink(conn);
    all_unlink(conn);
    close(conn->fd);
    STORE(conn->state, CONN_DEAD);
    conn->next = poller->grave;
    poller->grave = conn;
    pthread_mutex_unlock(&poller->lock);
}

enum park_result conn_park(struct net_conn *conn, enum conn_state state, int64_t now_ns) {
    struct net_poller *poller = conn->poller;
    enum park_result result = PARKED;
    pthread_mutex_lock(&poller->lock);
    if (conn->pending) {
        conn->pending = false;
        result = PARK_EVENTS;
    } else if (LOAD(conn->server->cutting) ||
               (state == CONN_IDLE && LOAD(conn->server->draining))) {
        result = PARK_DRAINING;
    } else {
        conn->work = NULL;
        wait_link(conn, state == CONN_IDLE ? WAIT_IDLE : WAIT_HEAD, now_ns);
        STORE(conn->state, state);
        if (!conn->armed) conn_arm(conn, true);
        wake_for(conn);
    }
    pthread_mutex_unlock(&poller->lock);
    return result;
}

void conn_linger(struct net_conn *conn) {
    io_shutdown(conn);
    if (conn->peer_eof || LOAD(conn->server->cutting)) {
        conn_close(conn, false);
        return;
    }
    pthread_mutex_lock(&conn->poller->lock);
    wait_unlink(conn);
    conn->work = NULL;
    conn->linger_left = conn->server->limits.linger_max_bytes;
    wait_link(conn, WAIT_LINGER, clock_mono_ns(clock_system()));
    STORE(conn->state, CONN_LINGER);
    /* What is there already has had its event. */
    conn_arm(conn, true);
    wake_for(conn);
    pthread_mutex_unlock(&conn->poller->lock);
}

static void linger_step(struct net_poller *poller, struct net_conn *conn) {
    bool local = conn->socket_peer.family == NET_LOCAL;
    size_t cap = conn->server->limits.head_max_bytes;
    for (;;) {
        /* TCP drops bytes without copying them when asked to truncate. */
        ssize_t n = local ? recv(conn->fd, poller->scratch, cap, MSG_DONTWAIT)
                          : recv(conn->fd, NULL, 1 << 20, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || (uint64_t)n >= conn->linger_left) break;
        conn->linger_left -= (uint64_t)n;
    }
    conn_close(conn, false);
}

static void head_queue(struct net_poller *poller, struct net_conn *conn) {
    pthread_mutex_lock(&poller->lock);
    wait_unlink(conn);
    STORE(conn->state, CONN_QUEUED);
    pthread_mutex_unlock(&poller->lock);
    *poller->ready_tail = conn;
    poller->ready_tail = &conn->next;
}

static void head_begin(struct net_poller *poller, struct net_conn *conn) {
    pthread_mutex_lock(&poller->lock);
    wait_unlink(conn);
    wait_link(conn, WAIT_HEAD, conn->head_began_ns);
    STORE(conn->state, CONN_HEAD);
    pthread_mutex_unlock(&poller->lock);
}

/* `len` more bytes are there: in the scratch buffer the first ones, in the head others. */
static bool head_goes_on(struct net_poller *poller, struct net_conn *conn, size_t len) {
    bool ready;
    bool first = conn->head_len == 0;
    if (first) {
        conn->head_began_ns = clock_mono_ns(clock_system());
        conn->head_scanned = 0;
        struct slice bytes = slice_of(poller->scratch, len);
        ready = head_is_ready(conn->server, bytes, &conn->head_scanned);
        if (!head_store(conn, bytes)) {
            conn_refuse(conn, NET_REFUSAL_MEMORY);
            return false;
        }
    } else {
        conn->head_len += (uint32_t)len;
        ready =
            head_is_ready(conn->server, slice_of(conn->head, conn->head_len), &conn->head_scanned);
    }
    if (ready) {
        head_queue(poller, conn);
    } else if (first) {
        head_begin(poller, conn);
    }
    return !ready;
}

static enum io_result head_recv(struct net_poller *poller, struct net_conn *conn, size_t *ret_len) {
    if (conn->head_len == 0) {
        return io_recv(conn, poller->scratch, conn->server->limits.head_max_bytes, ret_len);
    }
    return io_recv(conn, conn->head + conn->head_len, conn->head_cap - conn->head_len, ret_len);
}

static void read_head(struct net_poller *poller, struct net_conn *conn) {
    for (;;) {
        size_t len = 0;
        if (conn->head_len > 0 && !head_reserve(conn, 1)) {
            conn_refuse(conn, NET_REFUSAL_MEMORY);
            return;
        }
        enum io_result result = head_recv(poller, conn, &len);
        bool last =
            result == IO_AGAIN && conn_state_of(conn) == CONN_IDLE && LOAD(conn->server->draining);
        if (result == IO_CLOSED || last) {
            conn_close(conn, false);
            return;
        }
        if (result == IO_AGAIN || !head_goes_on(poller, conn, len) || !conn->maybe_more) return;
    }
}

/* Whether the connection is the poller's; if not, the event is left for whoever parks it. */
static bool claim(struct net_conn *conn) {
    enum conn_state state = conn_state_of(conn);
    if (state != CONN_QUEUED && state != CONN_SERVED) return state != CONN_DEAD;
    struct net_poller *poller = conn->poller;
    pthread_mutex_lock(&poller->lock);
    state = conn_state_of(conn);
    bool busy = state == CONN_QUEUED || state == CONN_SERVED;
    if (busy) {
        if (conn->pending && conn->armed) conn_arm(conn, false);
        conn->pending = true;
    }
    pthread_mutex_unlock(&poller->lock);
    return !busy && state != CONN_DEAD;
}

static void on_conn(struct net_poller *poller, struct net_conn *conn, uint32_t events) {
    /* Before anybody else hears of the event. */
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) STORE(conn->peer_done, true);
    if (!claim(conn)) return;
    /* A new socket can always be written to; TLS's memory is for those who say something. */
    if (events == EPOLLOUT && conn->ssl == NULL) return;
    switch (conn_state_of(conn)) {
        case CONN_PROXY:
        case CONN_TLS:
            if (handshake_step(conn)) read_head(poller, conn);
            return;
        case CONN_IDLE:
        case CONN_HEAD:
            read_head(poller, conn);
            return;
        case CONN_LINGER:
            linger_step(poller, conn);
            return;
        case CONN_QUEUED:
        case CONN_SERVED:
        case CONN_DEAD:
            return;
    }
}

static void on_event(struct net_poller *poller, const struct epoll_event *event) {
    uint64_t data = event->data.u64;
    switch (data & TAG_MASK) {
        case TAG_CONN:
            on_conn(poller, (struct net_conn *)(uintptr_t)data, event->events);
            return;
        case TAG_LISTENER:
            accept_all(poller->server, data >> TAG_BITS);
            return;
        default: {
            uint64_t count;
            (void)!read(poller->wake_fd, &count, sizeof(count));
        }
    }
}

static void expire(struct net_conn *conn, enum wait_kind kind) {
    struct net_counters *counters = &conn->server->counters;
    switch (kind) {
        case WAIT_HEAD:
            conn_refuse(conn, NET_REFUSAL_HEAD_TIMEOUT);
            return;
        case WAIT_IDLE:
            COUNT(counters->idle_timeouts);
            if (conn->tls) io_shutdown(conn);
            break;
        case WAIT_HANDSHAKE:
            COUNT(counters->handshakes_failed);
            break;
        default:
            break;
    }
    conn_close(conn, false);
}

/* Takes one connection whose time is over out of its list; NULL when there is none. */
static struct net_conn *take_expired(struct net_poller *poller, enum wait_kind kind,
                                     int64_t now_ns) {
    pthread_mutex_lock(&poller->lock);
    struct net_conn *conn = poller->waits[kind].first;
    if (conn && conn->deadline_ns > now_ns) conn = NULL;
    if (conn) wait_unlink(conn);
    pthread_mutex_unlock(&poller->lock);
    return conn;
}

static void expire_all(struct net_poller *poller) {
    int64_t now_ns = clock_mono_ns(clock_system());
    for (int kind = 0; kind < WAIT_KINDS; kind++) {
        struct net_conn *conn;
        while ((conn = take_expired(poller, (enum wait_kind)kind, now_ns)) != NULL) {
            expire(conn, (enum wait_kind)kind);
        }
    }
}

static void hand_over(struct net_poller *poller) {
    if (poller->ready == NULL) return;
    struct net_conn *rejected = NULL;
    *poller->ready_tail = NULL;
    pool_push(poller->server, poller->ready, &rejected);
    poller->ready = NULL;
    poller->ready_tail = &poller->ready;
    while (rejected) {
        struct net_conn *next = rejected->next;
        conn_refuse(rejected, NET_REFUSAL_QUEUE);
        rejected = next;
    }
}

/* Closes what waits for nothing that we still want: everybody in the list. */
static void close_list(struct net_poller *poller, enum wait_kind kind) {
    struct net_conn *conn;
    while ((conn = take_expired(poller, kind, INT64_MAX)) != NULL) conn_close(conn, false);
}

static void stop_listening(struct net_poller *poller) {
    struct net_server *server = poller->server;
    for (size_t i = 0; poller->accepts && i < server->listener_count; i++) {
        (void)epoll_set(poller, EPOLL_CTL_DEL, server->listeners[i].fd, 0, 0);
        /* Also ends the backlog: clients try elsewhere at once. */
        (void)shutdown(server->listeners[i].fd, SHUT_RDWR);
    }
}

static void cut_all(struct net_poller *poller) {
    for (int kind = 0; kind < WAIT_KINDS; kind++) close_list(poller, (enum wait_kind)kind);
    pthread_mutex_lock(&poller->lock);
    /* The rest is with workers, who will find their sockets dead. */
    for (struct net_conn *conn = poller->all; conn; conn = conn->all_next) {
        (void)shutdown(conn->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&poller->lock);
}

static void obey(struct net_poller *poller) {
    if (LOAD(poller->server->draining) && !poller->drained) {
        poller->drained = true;
        stop_listening(poller);
        close_list(poller, WAIT_IDLE);
        close_list(poller, WAIT_HANDSHAKE);
    }
    if (LOAD(poller->server->cutting)) cut_all(poller);
}

static void bury(struct net_conn *grave) {
    while (grave) {
        struct net_conn *next = grave->next;
        free(grave);
        grave = next;
    }
}

/* Frees the dead, and says how long to sleep. Units: ms, -1 for ever. */
static int before_sleep(struct net_poller *poller) {
    pthread_mutex_lock(&poller->lock);
    struct net_conn *grave = poller->grave;
    poller->grave = NULL;
    int64_t nearest_ns = poller->wakes_at_ns = wait_nearest_ns(poller);
    pthread_mutex_unlock(&poller->lock);
    bury(grave);
    if (nearest_ns == INT64_MAX) return -1;
    int64_t left_ns = nearest_ns - clock_mono_ns(clock_system());
    if (left_ns <= 0) return 0;
    int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static void after_sleep(struct net_poller *poller) {
    pthread_mutex_lock(&poller->lock);
    poller->wakes_at_ns = INT64_MIN;
    pthread_mutex_unlock(&poller->lock);
}

void *poller_run(void *argument) {
    struct net_poller *poller = argument;
    struct epoll_event events[NET_EVENTS_MAX];
    while (!LOAD(poller->server->stopping)) {
        obey(poller);
        int n = epoll_wait(poller->epoll_fd, events, NET_EVENTS_MAX, before_sleep(poller));
        CHECK(n >= 0 || errno == EINTR);
        after_sleep(poller);
        for (int i = 0; i < n; i++) on_event(poller, &events[i]);
        hand_over(poller);
        expire_all(poller);
    }
    return NULL;
}

static struct status poller_watch(struct net_poller *poller) {
    struct net_server *server = poller->server;
    if (poller->epoll_fd < 0 || poller->wake_fd < 0) return status_from_errno(errno);
    if (!epoll_set(poller, EPOLL_CTL_ADD, poller->wake_fd, EPOLLIN, TAG_WAKE)) {
        return status_from_errno(errno);
    }
    for (size_t i = 0; poller->accepts && i < server->listener_count; i++) {
        uint64_t data = (uint64_t)i << TAG_BITS | TAG_LISTENER;
        if (!epoll_set(poller, EPOLL_CTL_ADD, server->listeners[i].fd, EPOLLIN, data)) {
            return status_from_errno(errno);
        }
    }
    return status_ok();
}

static void set_timeouts(struct net_poller *poller) {
    const struct net_limits *limits = &poller->server->limits;
    poller->waits[WAIT_HANDSHAKE].timeout_ns = limits->handshake_timeout_ns;
    poller->waits[WAIT_HEAD].timeout_ns = limits->head_timeout_ns;
    poller->waits[WAIT_IDLE].timeout_ns = limits->idle_timeout_ns;
    poller->waits[WAIT_LINGER].timeout_ns = limits->linger_timeout_ns;
}

struct status poller_init(struct net_poller *poller, struct net_server *server, bool accepts) {
    *poller = (struct net_poller){.server = server, .accepts = accepts};
    poller->ready_tail = &poller->ready;
    CHECK(pthread_mutex_init(&poller->lock, NULL) == 0);
    set_timeouts(poller);
    poller->scratch = malloc(server->limits.head_max_bytes);
    poller->refusal = malloc(NET_REFUSAL_TEXT_MAX);
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    poller->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!poller->scratch || !poller->refusal) return status_of(STATUS_NO_MEMORY);
    return poller_watch(poller);
}

void poller_fini(struct net_poller *poller) {
    while (poller->all) conn_close(poller->all, true);
    bury(poller->grave);
    if (poller->epoll_fd >= 0) close(poller->epoll_fd);
    if (poller->wake_fd >= 0) close(poller->wake_fd);
    free(poller->scratch);
    free(poller->refusal);
    pthread_mutex_destroy(&poller->lock);
}
