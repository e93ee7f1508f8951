#include "cli/bench_worker.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/check.h"
#include "base/date.h"
#include "os/clock.h"

enum { EVENTS_MAX = 256, TICK_MS = 50 };

static const int64_t pause_ns = 200 * NS_PER_MS;

static int64_t now_ns(void) {
    return clock_mono_ns(clock_system());
}

static void counter_add(uint64_t *counter, uint64_t n) {
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Draws the next request; false where there is none any more. */
static bool claim(struct bench_shared *shared, int64_t now, struct bench_conn *conn) {
    uint64_t count = shared->load->count;
    bool measured = now >= shared->measure_ns;
    if (now >= shared->end_ns || __atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) return false;
    if (measured && count > 0 &&
        __atomic_fetch_add(&shared->measured, 1, __ATOMIC_RELAXED) >= count) {
        return false;
    }
    uint64_t ticket = __atomic_fetch_add(&shared->tickets, 1, __ATOMIC_RELAXED);
    conn->measured = measured;
    conn->has_request = bench_plan_request(shared->load->plan, ticket, &conn->request);
    return conn->has_request;
}

static void conn_end(struct bench_worker *worker, struct bench_conn *conn) {
    net_client_close(&conn->client);
    conn->state = BENCH_CONN_OVER;
    worker->over_count++;
}

static void count_error(struct bench_worker *worker, struct bench_conn *conn, int status,
                        const char *code) {
    if (conn->measured) bench_errors_add(&worker->result.errors, status, code, 1);
    counter_add(&worker->errors, 1);
    conn->has_request = false;
    if (!worker->shared->load->stop_on_error) return;
    __atomic_store_n(&worker->shared->stop, true, __ATOMIC_RELAXED);
}

/* Tries again later; a connection that can't be made is an error each time. */
static void conn_pause(struct bench_worker *worker, struct bench_conn *conn, const char *why) {
    int64_t now = now_ns();
    if (!conn->has_request && !claim(worker->shared, now, conn)) {
        conn_end(worker, conn);
        return;
    }
    count_error(worker, conn, 0, why != NULL ? why : "no connection");
    net_client_close(&conn->client);
    conn->state = BENCH_CONN_PAUSED;
    conn->resume_ns = now + pause_ns;
}

static void conn_open(struct bench_worker *worker, struct bench_conn *conn) {
    const struct bench_load *load = worker->shared->load;
    net_client_close(&conn->client);
    conn->used = false;
    conn->hung_up = false;
    conn->state = BENCH_CONN_CONNECTING;
    enum net_client_result result =
        net_client_open(&conn->client, (const struct sockaddr *)&load->addresses->addresses[0],
                        load->addresses->lens[0], load->tls, load->options->host);
    if (result == NET_CLIENT_FAILED) {
        conn_pause(worker, conn, conn->client.failure);
        return;
    }
    /*
     * Edge-triggered and for good: one system call less for each request. What has happened to the
     * socket before is an edge too.
     */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};
    CHECK(epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, conn->client.fd, &event) == 0);
}

/* Makes the request that was drawn ready to be sent. */
static void request_begin(struct bench_worker *worker, struct bench_conn *conn, int64_t now) {
    conn->head_len = bench_heads_write(&worker->heads, &conn->request,
                                       now + worker->shared->wall_offset_ns, conn->head);
    conn->sent = 0;
    bench_reply_begin(&conn->reply, conn->request.operation == BENCH_HEAD);
    conn->state = BENCH_CONN_SENDING;
}

/* Draws the next request for a connection that is ready for it; false where it is over. */
static bool request_next(struct bench_worker *worker, struct bench_conn *conn, int64_t now) {
    if (!claim(worker->shared, now, conn)) {
        conn_end(worker, conn);
        return false;
    }
    conn->retried = false;
    conn->begun_ns = now;
    request_begin(worker, conn, now);
    return true;
}

/* The whole of what has to be sent for the request. */
static uint64_t request_len(const struct bench_worker *worker, const struct bench_conn *conn) {
    bool put = conn->request.operation == BENCH_PUT;
    return conn->head_len + (put ? worker->shared->load->options->size_bytes : 0);
}

/* The pieces that come next; how many. */
static int next_pieces(const struct bench_worker *worker, const struct bench_conn *conn,
                       struct iovec pieces[2]) {
    const struct bench_load *load = worker->shared->load;
    uint64_t left = request_len(worker, conn) - conn->sent;
    int count = 0;
    uint64_t body_at = 0;
    if (conn->sent < conn->head_len) {
        size_t head_left = conn->head_len - (size_t)conn->sent;
        pieces[count++] = (struct iovec){(char *)(uintptr_t)conn->head + conn->sent, head_left};
        left -= head_left;
    } else {
        body_at = (conn->sent - conn->head_len) % load->body_len;
    }
    if (left > 0) {
        size_t len = load->body_len - (size_t)body_at;
        if (len > left) len = (size_t)left;
        pieces[count++] = (struct iovec){(char *)(uintptr_t)load->body + body_at, len};
    }
    return count;
}

static void count_answer(struct bench_worker *worker, struct bench_conn *conn, int64_t now) {
    if (conn->reply.status < 200 || conn->reply.status > 299) {
        char code[BENCH_REPLY_CODE_MAX];
        bench_reply_error_code(&conn->reply, code);
        count_error(worker, conn, conn->reply.status, code);
        return;
    }
    bool put = conn->request.operation == BENCH_PUT;
    uint64_t bytes = put ? worker->shared->load->options->size_bytes : conn->reply.body_bytes;
    if (conn->measured) {
        struct bench_tally *tally = &worker->result.tallies[conn->request.operation];
        tally->bytes += bytes;
        histogram_add(&tally->latency_ns, (uint64_t)(now - conn->begun_ns));
    }
    counter_add(&worker->requests, 1);
    counter_add(&worker->bytes, bytes);
    conn->has_request = false;
}

/* The answer is whole; true where the connection has the next request to send. */
static bool conn_answered(struct bench_worker *worker, struct bench_conn *conn) {
    int64_t now = now_ns();
    bool kept = conn->reply.keeps && !conn->hung_up && conn->sent == request_len(worker, conn);
    count_answer(worker, conn, now);
    if (conn->measured) worker->last_ns = now;
    conn->used = true;
    if (kept) return request_next(worker, conn, now);
    conn_open(worker, conn);
    return false;
}

/*
 * The connection is of no use any more. One that the peer closed between two requests is opened
 * again and the request repeated: that is no error of anybody (RFC 9112 section 9.3.1).
 */
static void conn_broken(struct bench_worker *worker, struct bench_conn *conn, const char *why) {
    bool unanswered = conn->reply.status == 0 && conn->reply.head_len == 0;
    if (conn->used && unanswered && !conn->retried) {
        conn->retried = true;
    } else {
        count_error(worker, conn, 0, why);
        if (conn->measured) worker->last_ns = now_ns();
    }
    conn_open(worker, conn);
}

/* Reads what is there; true where the connection has the next request to send. */
static bool conn_receive(struct bench_worker *worker, struct bench_conn *conn) {
    for (;;) {
        size_t len = 0;
        enum net_client_result result =
            net_client_recv(&conn->client, worker->received, sizeof worker->received, &len);
        if (result == NET_CLIENT_WAIT_READ || result == NET_CLIENT_WAIT_WRITE) return false;
        if (result == NET_CLIENT_CLOSED) bench_reply_closed(&conn->reply);
        size_t used = bench_reply_take(&conn->reply, slice_of(worker->received, len));
        if (used < len) conn->reply.keeps = false;
        if (conn->reply.state == BENCH_REPLY_DONE) return conn_answered(worker, conn);
        if (result == NET_CLIENT_FAILED || conn->reply.state == BENCH_REPLY_BAD) {
            const char *why = result == NET_CLIENT_CLOSED ? "connection closed" : "no HTTP";
            conn_broken(worker, conn, result == NET_CLIENT_FAILED ? conn->client.failure : why);
            return false;
        }
        /* A plain socket that gave less than asked for is empty, unless its end is behind it. */
        bool empty = conn->client.ssl == NULL && len < sizeof worker->received;
        if (empty && !conn->hung_up) return false;
    }
}

/* Sends what goes out; true where the connection has the next request to send. */
static bool conn_send(struct bench_worker *worker, struct bench_conn *conn) {
    while (conn->sent < request_len(worker, conn)) {
        struct iovec pieces[2];
        size_t len = 0;
        int count = next_pieces(worker, conn, pieces);
        enum net_client_result result = net_client_send(&conn->client, pieces, count, &len);
        if (result == NET_CLIENT_DONE) {
            conn->sent += len;
            continue;
        }
        /* A server may refuse a body before it has it all, and cut the connection. */
        return conn_receive(worker, conn);
    }
    /* The answer will raise an edge: looking for it now would mostly find nothing. */
    conn->state = BENCH_CONN_RECEIVING;
    return false;
}

static bool conn_connect(struct bench_worker *worker, struct bench_conn *conn) {
    enum net_client_result result = net_client_ready(&conn->client);
    if (result == NET_CLIENT_FAILED) conn_pause(worker, conn, conn->client.failure);
    if (result != NET_CLIENT_DONE) return false;
    if (!conn->has_request) return request_next(worker, conn, now_ns());
    request_begin(worker, conn, now_ns());
    return true;
}

static void conn_run(struct bench_worker *worker, struct bench_conn *conn) {
    bool more = true;
    while (more) {
        switch (conn->state) {
            case BENCH_CONN_CONNECTING:
                more = conn_connect(worker, conn);
                break;
            case BENCH_CONN_SENDING:
                more = conn_send(worker, conn);
                break;
            case BENCH_CONN_RECEIVING:
                more = conn_receive(worker, conn);
                break;
            default:
                return;
        }
    }
}

static void conn_event(struct bench_worker *worker, const struct epoll_event *event) {
    struct bench_conn *conn = event->data.ptr;
    /* Told once: nothing will raise an edge again for a connection whose peer has gone. */
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) conn->hung_up = true;
    conn_run(worker, conn);
}

/* Gives up what takes too long, and wakes what is paused. */
static void sweep(struct bench_worker *worker, int64_t now) {
    struct bench_shared *shared = worker->shared;
    int64_t timeout = shared->load->options->timeout_ns;
    bool ending = now >= shared->end_ns || __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
    for (size_t i = 0; i < worker->conn_count; i++) {
        struct bench_conn *conn = &worker->conns[i];
        bool idle = conn->state == BENCH_CONN_PAUSED || conn->state == BENCH_CONN_CONNECTING;
        bool under_way = conn->has_request && conn->state != BENCH_CONN_OVER;
        if (ending && idle && !under_way) {
            conn_end(worker, conn);
        } else if (conn->state == BENCH_CONN_PAUSED && now >= conn->resume_ns) {
            conn_open(worker, conn);
        } else if (under_way && now - conn->begun_ns > timeout) {
            count_error(worker, conn, 0, "timeout");
            if (conn->measured) worker->last_ns = now;
            conn_open(worker, conn);
        }
    }
}

void *bench_worker_run(void *argument) {
    struct bench_worker *worker = argument;
    struct epoll_event events[EVENTS_MAX];
    int64_t swept_ns = now_ns();
    for (size_t i = 0; i < worker->conn_count; i++) conn_open(worker, &worker->conns[i]);
    while (worker->over_count < worker->conn_count) {
        int count = epoll_wait(worker->epoll_fd, events, EVENTS_MAX, TICK_MS);
        CHECK(count >= 0 || errno == EINTR);
        for (int i = 0; i < count; i++) conn_event(worker, &events[i]);
        int64_t now = now_ns();
        if (now - swept_ns < TICK_MS * NS_PER_MS) continue;
        sweep(worker, now);
        swept_ns = now;
    }
    __atomic_sub_fetch(&worker->shared->running, 1, __ATOMIC_RELEASE);
    return NULL;
}
