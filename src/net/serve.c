#include "net/internal.h"
#include "os/clock.h"

static struct slice unread(const struct net_work *work) {
    return slice_of(work->in + work->in_pos, work->in_len - work->in_pos);
}

static void work_take(struct net_work *work, struct net_conn *conn) {
    memcpy(work->in, conn->head, conn->head_len);
    work->in_pos = 0;
    work->in_len = conn->head_len;
    head_drop(conn);
    work->conn = conn;
    conn->work = work;
    STORE(conn->state, CONN_SERVED);
}

static void work_end(struct net_work *work, enum net_next next) {
    struct net_conn *conn = work->conn;
    work->conn = NULL;
    if (next == NET_ABORT) {
        conn_close(conn, true);
    } else {
        conn_linger(conn);
    }
}

static void add_total(uint64_t *total, uint64_t n) {
    __atomic_store_n(total, __atomic_load_n(total, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static enum net_next serve_one(struct net_work *work) {
    struct net_server *server = work->server;
    work_begin(work);
    enum net_next next = server->handler->serve(server->context, work->conn);
    if (next != NET_ABORT && !is_ok(work_flush(work))) next = NET_ABORT;
    if (status_is(work->written, STATUS_TIMEOUT)) COUNT(server->counters.io_timeouts);
    work->conn->requests++;
    add_total(&work->total_requests, 1);
    add_total(&work->total_in, work->bytes_in);
    add_total(&work->total_out, work->bytes_out);
    return next;
}

/*
 * A lone client that answers within microseconds: two processors that go to sleep and are woken
 * for every request cost more than the request. Who misses is not waited for so for a while.
 */
static enum io_result recv_spin(struct net_work *work, size_t *ret_len) {
    struct net_conn *conn = work->conn;
    size_t cap = work->server->limits.head_max_bytes;
    if (conn->spin_skip > 0) {
        conn->spin_skip--;
        return IO_AGAIN;
    }
    int64_t until_ns = clock_mono_ns(clock_system()) + NET_SPIN_NS;
    do {
        enum io_result result = io_recv(conn, work->in, cap, ret_len);
        if (result != IO_AGAIN) return result;
    } while (clock_mono_ns(clock_system()) < until_ns);
    conn->spin_skip = NET_SPIN_SKIP;
    return IO_AGAIN;
}

/* Waits a moment for the next request, where a thread can be spared: this saves the client two
 * context switches a request. */
static enum io_result recv_sticky(struct net_work *work, size_t *ret_len) {
    size_t cap = work->server->limits.head_max_bytes;
    enum io_result result = IO_AGAIN;
    if (pool_is_lone(work->server)) result = recv_spin(work, ret_len);
    if (result == IO_AGAIN) result = io_recv_tick(work->conn, work->in, cap, ret_len);
    pool_unstick(work->server);
    return result;
}

/* Gives the connection to the poller; false: there is something to read first. */
static bool park(struct net_work *work, enum io_result *ret_result) {
    struct net_conn *conn = work->conn;
    enum conn_state state = CONN_IDLE;
    *ret_result = IO_AGAIN;
    if (work->in_len > 0) {
        state = CONN_HEAD;
        if (!head_store(conn, unread(work))) {
            COUNT(work->server->counters.refused_memory);
            *ret_result = IO_CLOSED;
            return false;
        }
        conn->head_scanned = 0;
    }
    enum park_result parked = conn_park(conn, state, clock_mono_ns(clock_system()));
    if (parked == PARK_DRAINING) *ret_result = IO_CLOSED;
    if (parked != PARKED) head_drop(conn);
    return parked == PARKED;
}

/* Bytes of the next head, or AGAIN with the connection parked (`*ret_parked`). */
static enum io_result next_bytes(struct net_work *work, bool *waited, size_t *ret_len,
                                 bool *ret_parked) {
    struct net_conn *conn = work->conn;
    enum io_result result;
    *ret_parked = false;
    if (!conn->maybe_more) {
        if (!*waited && work->in_len == 0 && pool_stick(conn, clock_mono_ns(clock_system()))) {
            *waited = true;
            return recv_sticky(work, ret_len);
        }
        *ret_parked = park(work, &result);
        if (*ret_parked || result == IO_CLOSED) return result;
    }
    size_t room = work->server->limits.head_max_bytes - work->in_len;
    return io_recv(conn, work->in + work->in_len, room, ret_len);
}

/* Whether the bytes that are here are the next request, to be served by this very worker. */
static bool serve_next(struct net_work *work) {
    struct net_conn *conn = work->conn;
    struct net_server *server = work->server;
    if (LOAD(server->pool.queued) == 0) return true;
    /* Others wait: to the end of the queue, unless it is full. */
    if (!head_store(conn, unread(work))) return true;
    struct net_conn *rejected;
    conn->work = NULL;
    STORE(conn->state, CONN_QUEUED);
    pool_push(server, conn, &rejected);
    if (rejected == NULL) return false;
    work_take(work, conn);
    return true;
}

static bool is_ready(struct net_work *work, uint32_t *scanned) {
    return work->in_len > 0 && head_is_ready(work->server, unread(work), scanned);
}

/* Goes on to the connection's next head; false: the connection is no longer ours. */
static bool next_head(struct net_work *work) {
    bool waited = false;
    uint32_t scanned = 0;
    memmove(work->in, work->in + work->in_pos, work->in_len - work->in_pos);
    work->in_len -= work->in_pos;
    work->in_pos = 0;
    if (work->in_len > 0) work->conn->head_began_ns = clock_mono_ns(clock_system());
    while (!is_ready(work, &scanned)) {
        size_t len = 0;
        bool parked;
        enum io_result result = next_bytes(work, &waited, &len, &parked);
        if (parked) return false;
        if (result == IO_CLOSED) {
            work_end(work, NET_CLOSE);
            return false;
        }
        if (result == IO_AGAIN) continue;
        if (work->in_len == 0) work->conn->head_began_ns = clock_mono_ns(clock_system());
        work->in_len += len;
    }
    return serve_next(work);
}

void work_serve(struct net_work *work, struct net_conn *conn) {
    work_take(work, conn);
    for (;;) {
        enum net_next next = serve_one(work);
        if (next == NET_KEEP && LOAD(work->server->draining)) next = NET_CLOSE;
        if (next != NET_KEEP) {
            work_end(work, next);
            return;
        }
        if (!next_head(work)) return;
    }
}
