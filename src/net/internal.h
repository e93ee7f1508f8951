/*
 * internal.h - what the files of this room share, and nobody outside sees
 *
 * Who may touch a connection: its state says. Up to QUEUED, and in LINGER, it is the poller's; in
 * QUEUED and SERVED it is the worker's (or the queue's). The state changes hands under the
 * poller's lock. A connection's struct is freed by its poller only, between two batches of events,
 * so that an event in hand never points to nothing.
 *
 * Readiness is edge-triggered and registered once. While a worker owns the connection an event
 * only sets `pending`; a second one disarms it, so that a body does not wake the poller segment by
 * segment. Whoever parks it looks at `pending`, `maybe_more` and `armed` under the lock. An event
 * that says that the peer is done will not be followed by another: from then on it is read until
 * the end (`peer_done`).
 *
 * Threads: docs/threads.md.
 */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/uio.h>

#include "net/server.h"
#include "os/thread.h"

enum {
    NET_EVENTS_MAX = 64,         /* taken from epoll at once */
    NET_ACCEPT_BATCH = 64,       /* accepted before others get their turn */
    NET_REFUSED_LINGERING = 64,  /* connections over the limit that are refused politely */
    NET_REFUSAL_TEXT_MAX = 2048, /* canned answer */
    NET_OUT_BYTES = 16 * 1024,   /* cork buffer of a worker */
    NET_IN_ROOM = 16 * 1024,     /* room behind a head for small pulls */
    NET_PRIVILEGED_WORKERS = 2,  /* beyond workers_max, for privileged listeners */
    NET_SPIN_NS = 60000,         /* that a lone client is waited for awake */
    NET_SPIN_SKIP = 64,
    NET_STICKY_PER_CPU = 8,
    NET_WINDOW_MS = 16,    /* for counting active connections */
    NET_SOCKET_TICK_MS = 8 /* longest wait inside a socket call */
};

enum conn_state {
    CONN_PROXY, /* reading the PROXY header */
    CONN_TLS,   /* shaking hands */
    CONN_IDLE,
    CONN_HEAD,
    CONN_QUEUED,
    CONN_SERVED,
    CONN_LINGER,
    CONN_DEAD
};

/* Connections that wait equally long stand in the order of their deadlines. */
enum wait_kind { WAIT_HANDSHAKE, WAIT_HEAD, WAIT_IDLE, WAIT_LINGER, WAIT_KINDS, WAIT_NONE };

struct wait_list {
    struct net_conn *first;
    struct net_conn *last;
    int64_t timeout_ns;
    uint64_t count;
};

struct net_conn {
    struct net_server *server;
    struct net_poller *poller;
    struct net_work *work; /* while SERVED */
    SSL *ssl;              /* of TLS, from its first byte on */
    struct net_conn *next; /* in a wait list, the queue or the grave */
    struct net_conn *prev;
    struct net_conn *all_next;
    struct net_conn *all_prev;
    int64_t deadline_ns;
    int64_t head_began_ns;
    uint64_t id;
    uint64_t linger_left;
    uint64_t window; /* in which it was last counted as active */
    char *head;      /* bytes of an unfinished or queued head */
    uint32_t head_len;
    uint32_t head_cap;
    uint32_t head_scanned;
    uint32_t requests;
    int fd;
    uint16_t listener;
    uint8_t spin_skip; /* requests for which spinning is not tried */
    uint8_t state;     /* enum conn_state; atomic, changes hands under poller->lock */
    uint8_t wait;      /* enum wait_kind; guarded by poller->lock */
    bool armed;        /* guarded by poller->lock */
    bool pending;      /* guarded by poller->lock */
    bool maybe_more;
    bool tls;
    bool peer_eof;
    bool peer_done;  /* atomic: its end is among what is to be read */
    bool over_limit; /* counted in server->refused_open */
    bool has_proxy;  /* `local` is what the header said */
    struct net_address peer;
    struct net_address socket_peer;
    struct net_address local;
};

struct net_listener {
    int fd;
    struct net_address address;
    struct net_tls *tls; /* NULL: plain */
    char *unix_path;     /* NULL: IP */
    unsigned connections_max;
    unsigned open; /* atomic */
    bool proxy_protocol;
    bool privileged;
};

struct net_poller {
    struct net_server *server;
    int epoll_fd;
    int wake_fd;
    bool started;
    bool accepts;
    struct thread thread;
    char *scratch;          /* head_max_bytes */
    char *refusal;          /* NET_REFUSAL_TEXT_MAX */
    struct net_conn *ready; /* complete heads of this batch, linked by next */
    struct net_conn **ready_tail;
    bool drained; /* drain has been carried out here */
    bool cut;
    pthread_mutex_t lock;
    struct wait_list waits[WAIT_KINDS]; /* guarded by lock, as all below */
    int64_t wakes_at_ns;                /* when it wakes by itself; INT64_MIN while awake */
    struct net_conn *all;
    struct net_conn *grave;
};

/* How long the client has kept us waiting for how many bytes. */
struct io_meter {
    int64_t waited_ns;
    uint64_t bytes;
};

/* A worker: its thread, its buffers, and the connection in its hands. */
struct net_work {
    struct net_server *server;
    struct net_conn *conn;
    struct source source;
    struct sink sink;
    char *in; /* head, and bytes behind it */
    size_t in_cap;
    size_t in_pos;
    size_t in_len;
    size_t in_base; /* where small pulls are read to: behind the head */
    bool pulled;
    char *out; /* corked */
    size_t out_len;
    char *copy;            /* for files over TLS; made when first needed */
    struct status written; /* first failure of the sink */
    struct io_meter meter_in;
    struct io_meter meter_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    void *data;        /* the handler's */
    uint64_t total_in; /* atomic, written here only, as below */
    uint64_t total_out;
    uint64_t total_requests;
    struct thread thread;
    struct net_work *idle_next; /* guarded by pool.lock, as below */
    pthread_cond_t wake;
    bool signalled;
    bool privileged_only;
};

struct conn_queue {
    struct net_conn *first;
    struct net_conn *last;
    unsigned len;
};

struct net_pool {
    pthread_mutex_t lock;
    struct conn_queue queue; /* guarded by lock, as below */
    struct conn_queue privileged;
    struct net_work *idle; /* last in, first out: warm caches, cold surplus */
    struct net_work **works;
    unsigned work_count;
    unsigned plain_count; /* works that are not privileged_only */
    unsigned busy;
    unsigned waking; /* told to come and not here yet */
    bool stopping;
    bool start_failed; /* to be said when the lock is let go */
    unsigned slack;    /* atomic: workers idle or not yet started */
    unsigned queued;   /* atomic copy of both lengths */
    unsigned sticky;   /* atomic: workers that wait on a socket for the next request */
    unsigned sticky_max;
    bool may_spin;
    uint64_t window;      /* atomic: which stretch of time is being counted */
    unsigned seen;        /* atomic: connections served in it */
    unsigned seen_before; /* atomic: and in the one before */
};

/* What is counted where it happens seldom enough; each atomic. */
struct net_counters {
    uint64_t accepted;
    uint64_t refused_connections;
    uint64_t refused_queue;
    uint64_t refused_memory;
    uint64_t head_timeouts;
    uint64_t idle_timeouts;
    uint64_t handshakes;
    uint64_t handshakes_failed;
    uint64_t io_timeouts;
};

struct net_server {
    struct net_limits limits;
    const struct net_handler *handler;
    void *context;
    struct net_listener *listeners;
    size_t listener_count;
    struct net_network *trusted;
    size_t trusted_count;
    struct net_poller pollers[2]; /* [0] accepts and keeps plain connections, [1] keeps TLS */
    unsigned poller_count;
    struct net_pool pool;
    struct net_counters counters;
    int spare_fd; /* given up to accept and refuse when fds run out; poller 0 only */
    bool ktls_available;
    bool started;
    bool draining;         /* atomic */
    bool cutting;          /* atomic */
    bool stopping;         /* atomic */
    unsigned open;         /* atomic */
    unsigned refused_open; /* atomic */
    uint64_t head_memory;  /* atomic */
    uint64_t body_memory;  /* atomic */
    uint64_t body_workers; /* atomic */
    uint64_t last_id;      /* poller 0 only */
    pthread_mutex_t reload_lock;
    pthread_mutex_t quiet_lock;
    pthread_cond_t quiet; /* guarded by quiet_lock: a connection has been closed while draining */
};

/* What a non-blocking read or write found. */
enum io_result { IO_DATA, IO_AGAIN, IO_CLOSED };

/* io.c: the socket or TLS below a connection */

/* Reads without waiting. Sets maybe_more and peer_eof. */
enum io_result io_recv(struct net_conn *conn, void *buffer, size_t cap, size_t *ret_len);

/* The same, but a plain socket waits for NET_SOCKET_TICK_MS, a TLS one by poll. */
enum io_result io_recv_tick(struct net_conn *conn, void *buffer, size_t cap, size_t *ret_len);

/*
 * Writes what can be written, waiting inside the socket for at most a tick.
 * `flags`: MSG_MORE, MSG_DONTWAIT. For TLS one piece at a time and `*ret_events` is what to poll.
 */
enum io_result io_send(struct net_conn *conn, const struct iovec *pieces, int count, int flags,
                       size_t *ret_len, short *ret_events);

/* Sends from a file without copying; IO_CLOSED with errno EINVAL where this can't be done. */
enum io_result io_send_file(struct net_conn *conn, int fd, uint64_t offset, size_t len,
                            size_t *ret_len, short *ret_events);

/* Whether io_send_file is worth a try: a plain socket, or one whose TLS the kernel does. */
bool io_can_send_file(const struct net_conn *conn);

/* Says that we shall write no more. */
void io_shutdown(struct net_conn *conn);

/* wait.c: deadlines; all under poller->lock */

/* Puts the connection last into a list; it must be in none. */
void wait_link(struct net_conn *conn, enum wait_kind kind, int64_t now_ns);

/* Takes it out of the list it is in, if any. */
void wait_unlink(struct net_conn *conn);

/* The nearest deadline; INT64_MAX without any. */
int64_t wait_nearest_ns(const struct net_poller *poller);

/* head.c: the bytes of heads, within the budget */

/* Room for one more byte at least, up to `want`; false: over the budget or the limit. */
bool head_reserve(struct net_conn *conn, size_t want);

/* Keeps a copy of `bytes` as the head so far; false: over the budget. */
bool head_store(struct net_conn *conn, struct slice bytes);

/* Gives the bytes back. */
void head_drop(struct net_conn *conn);

/* Whether the handler, or a full buffer, says that these bytes are to be served. */
bool head_is_ready(struct net_server *server, struct slice bytes, uint32_t *scanned);

/* poller.c */

/* Prepares a poller. Errors: BUSY. */
struct status poller_init(struct net_poller *poller, struct net_server *server, bool accepts);

/* Closes what is left, when its thread has ended. */
void poller_fini(struct net_poller *poller);

/* The thread. Argument: the poller. */
void *poller_run(void *argument);

/* Makes the poller look at its flags. */
void poller_wake(struct net_poller *poller);

/* Takes in a new connection; now the poller's. False: closed again. */
bool poller_add(struct net_poller *poller, struct net_conn *conn, int64_t now_ns);

/* Ends the connection; it must belong to the caller. Frees the struct at the poller's next turn. */
void conn_close(struct net_conn *conn, bool reset);

/*
 * A worker gives a connection back: to wait for a request (IDLE), for the rest of one (HEAD, its
 * bytes stored). It is still the worker's when events came meanwhile (read first), or when the
 * server is draining and there is nothing to wait for.
 */
enum park_result { PARKED, PARK_EVENTS, PARK_DRAINING };
enum park_result conn_park(struct net_conn *conn, enum conn_state state, int64_t now_ns);

/* Our last word is said: drain for a while, then close. */
void conn_linger(struct net_conn *conn);

/* accept.c */

/* Opens the listener. Errors: BUSY, DENIED, IO, INVALID. */
struct status listener_open(struct net_listener *listener, const struct net_listener_config *config,
                            struct note *note);

/* Closes it and removes its local socket. */
void listener_close(struct net_listener *listener);

/* Accepts what is there. Poller 0 only. */
void accept_all(struct net_server *server, size_t index);

/* refuse.c: the words of the server itself, then a lingering close. Poller only. */
void conn_refuse(struct net_conn *conn, enum net_refusal why);

/* handshake.c: what comes before the first head; true: go on reading a head. Poller only. */
bool handshake_step(struct net_conn *conn);

/* pool.c */

/* Prepares, ends (no poller runs any more). */
struct status pool_init(struct net_pool *pool, struct net_server *server);
void pool_stop(struct net_pool *pool);

/*
 * Hands over complete heads, a list linked by next, in their order.
 * `*ret_rejected` is the list of those that found the queue full.
 */
void pool_push(struct net_server *server, struct net_conn *list, struct net_conn **ret_rejected);

/*
 * Whether a worker may stay with its connection for a moment, and that it does so no longer. Only
 * while few connections are active: thread by thread they are served faster than by way of the
 * poller, but a crowd is not.
 */
bool pool_stick(struct net_conn *conn, int64_t now_ns);
void pool_unstick(struct net_server *server);

/* Whether one connection is active and no other, and there is a processor to spare for it. */
bool pool_is_lone(struct net_server *server);

/* serve.c: serves the connection and what follows on it, as long as that is fair. */
void work_serve(struct net_work *work, struct net_conn *conn);

/* conn.c: begins and ends a request on a worker. */
void work_begin(struct net_work *work);
struct status work_flush(struct net_work *work);
extern const struct source_ops net_source_ops;
extern const struct sink_ops net_sink_ops;

/* server.c: counts a closed connection. */
void server_conn_closed(struct net_server *server, const struct net_conn *conn);
void server_warn(struct net_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define COUNT(counter) ((void)__atomic_add_fetch(&(counter), 1, __ATOMIC_RELAXED))
#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

/* The state of a connection, which another thread may be changing. */
static inline enum conn_state conn_state_of(const struct net_conn *conn) {
    return (enum conn_state)LOAD(conn->state);
}

#endif
