/*
 * server.h - connections: listening, parking, reading heads, handing them to workers
 *
 * It knows no HTTP. The caller says (struct net_handler) when the bytes of a request head may be
 * complete, serves one request at a time on a worker thread with blocking calls (conn.h), and
 * supplies the words of refusals.
 *
 *     open ── start ── (tls_reload | stats)* ── drain ── close
 *
 * A connection's life; what a stranger can make us spend grows from left to right:
 *
 *     accept ─ PROXY header ─ TLS ─▶ idle ─▶ head ─▶ queued ─▶ served ─▶ lingering ─▶ closed
 *              └──── poller ────┘     ▲  poller         worker  │   poller
 *                                     └──── kept ───────────────┘
 *
 * An idle connection costs a struct of a few hundred bytes: no thread, no buffer. The memory of a
 * head exists while a head is coming in. Every phase has a deadline, every queue an end.
 *
 * Threads: net_server_drain and _close from one thread; all else from any. docs/threads.md.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"
#include "net/address.h"
#include "net/conn.h"

struct net_server;

/* Budgets and deadlines. A zero takes the default in brackets. Units: as named. */
struct net_limits {
    unsigned connections_max;       /* open at once, all listeners together (20000) */
    unsigned workers_max;           /* threads that serve (64) */
    unsigned workers_without_body;  /* of them kept for requests without a body (a quarter) */
    unsigned queue_max;             /* complete heads that wait for a worker (1024) */
    size_t worker_stack_bytes;      /* (256 KiB) */
    size_t head_max_bytes;          /* a head that is longer is served cut off (17 KiB) */
    size_t head_memory_max_bytes;   /* all unfinished heads together (64 MiB) */
    uint64_t body_memory_max_bytes; /* what net_body_admit gives out (256 MiB) */
    int64_t handshake_timeout_ns;   /* PROXY header and TLS handshake (10 s) */
    int64_t head_timeout_ns;        /* from a head's first byte to its last (30 s) */
    int64_t idle_timeout_ns;        /* until the next request begins (75 s) */
    int64_t io_timeout_ns;          /* a body stands still, either way (30 s) */
    uint64_t body_rate_bytes;       /* least average bytes a second, either way (1024) */
    int64_t body_rate_grace_ns;     /* waiting that is allowed before the rate counts (10 s) */
    int64_t linger_timeout_ns;      /* drain after our last word (2 s) */
    uint64_t linger_max_bytes;      /* and at most so many bytes (4 MiB) */
};

/* A certificate and the host names that it is for. */
struct net_tls_identity {
    const char *const *hosts; /* "name" or "*.name", lower case; none: for whoever asks otherwise */
    size_t host_count;
    const char *certificate_path; /* PEM, the chain */
    const char *key_path;         /* PEM */
};

/* A place to listen. Pointers need to live during net_server_open only. */
struct net_listener_config {
    struct sockaddr_storage address; /* of `address_len` bytes; port 0: any free one */
    socklen_t address_len;
    const char *unix_path;    /* instead: a local socket with mode 0600; an old one is replaced */
    unsigned connections_max; /* at this listener; 0: the server's */
    bool ipv6_only;           /* [::] leaves IPv4 to another listener */
    bool proxy_protocol;      /* every connection begins with PROXY v2, from trusted ones only */
    bool privileged;          /* for administration: neither the server's connection limit nor a
                                 lack of workers stands in its way */
    const struct net_tls_identity *identities; /* none: plain; the first is the default */
    size_t identity_count;
};

/* Why the server itself has to say something. */
enum net_refusal {
    NET_REFUSAL_CONNECTIONS, /* too many connections (plain listeners only) */
    NET_REFUSAL_QUEUE,       /* too many requests wait for a worker */
    NET_REFUSAL_MEMORY,      /* the memory for heads is used up */
    NET_REFUSAL_HEAD_TIMEOUT /* the head took too long to arrive */
};

/* What the owner of the server does. All but `serve` are called on poller threads and don't block.
 */
struct net_handler {
    /*
     * Whether `bytes` may hold a complete head, or break its limit: then serve is called. The first
     * `scanned` bytes were looked at before; `*ret_scanned` is where to go on next time.
     */
    bool (*head_ready)(struct slice bytes, size_t scanned, size_t *ret_scanned);

    /*
     * Serves the one request whose head begins at net_conn_bytes(conn). What was written is flushed
     * afterwards; bytes not consumed belong to the next request.
     */
    enum net_next (*serve)(void *context, struct net_conn *conn);

    /* Writes at most `cap` bytes to `out` and returns how many. NULL: just close. */
    size_t (*refusal)(void *context, enum net_refusal why, char *out, size_t cap);

    /* Makes and drops what a worker keeps over requests (net_conn_worker_data). Both or none. */
    void *(*worker_begin)(void *context);
    void (*worker_end)(void *context, void *data);

    /* A line for the log: accept fails, a thread can't be started. NULL: nowhere. */
    void (*warn)(void *context, const char *text);
};

struct net_config {
    struct net_limits limits;
    const struct net_listener_config *listeners;
    size_t listener_count;
    const struct net_network *trusted; /* who may send PROXY headers */
    size_t trusted_count;
    const struct net_handler *handler; /* outlives the server */
    void *context;
};

/* What goes on; counters count from open. */
struct net_stats {
    uint64_t connections_open; /* all of the next five and what is being shaken hands with */
    uint64_t connections_idle;
    uint64_t connections_head; /* a head has begun */
    uint64_t connections_queued;
    uint64_t connections_active; /* being served */
    uint64_t connections_lingering;
    uint64_t accepted;
    uint64_t refused_connections;
    uint64_t refused_queue;
    uint64_t refused_memory;
    uint64_t head_timeouts;
    uint64_t idle_timeouts;
    uint64_t handshakes;
    uint64_t handshakes_failed; /* PROXY and TLS, deadlines included */
    uint64_t requests;
    uint64_t io_timeouts;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t workers;
    uint64_t workers_busy;
    uint64_t head_memory_bytes;
    uint64_t body_workers;
    uint64_t body_memory_bytes;
    bool ktls_available; /* the kernel offers it; untested beyond that */
};

/*
 * Opens all listeners and loads their certificates; nothing is accepted yet, so that privileges
 * can be dropped in between.
 * Owns: the caller; net_server_close.
 * Errors: INVALID (limits, certificates), BUSY (address in use), DENIED, IO, all with a note.
 */
struct status net_server_open(const struct net_config *config, struct note *note,
                              struct net_server **ret_server);

/*
 * Starts the pollers: from here on requests are served.
 * Errors: BUSY, NO_MEMORY.
 */
struct status net_server_start(struct net_server *server, struct note *note);

/* Where listener `index` really listens: the port, where 0 was asked for. */
void net_server_address(const struct net_server *server, size_t index,
                        struct net_address *ret_address);

/*
 * Loads the certificates of all listeners again. All are replaced, or, when one can't be loaded,
 * none. Connections that exist go on as they are.
 * Errors: INVALID with the file in `note`.
 * Blocks: reads files.
 */
struct status net_server_tls_reload(struct net_server *server, struct note *note);

/*
 * Ends service politely: no new connections, idle ones closed, requests in flight go on until
 * `timeout_ns` is over, then their connections are cut. Returns when nothing is being served.
 * Blocks: at most about `timeout_ns`, and as long as the handler needs to notice a cut connection.
 */
void net_server_drain(struct net_server *server, int64_t timeout_ns);

/* Whether drain has begun: answers say Connection: close then. */
bool net_server_is_draining(const struct net_server *server);

/*
 * Cuts what is left, ends all threads, closes the listeners and nulls the pointer; NULL is allowed.
 * Local sockets are removed. Blocks: as drain with a timeout of 0.
 */
void net_server_close(struct net_server **server);

/*
 * Takes a worker for a body and `bytes` of body memory out of the budget, before the body is
 * accepted. Pairs with net_body_release.
 * Errors: BUSY: too many bodies or too much memory; answer "slow down".
 */
struct status net_body_admit(struct net_server *server, uint64_t bytes);

/* Gives back what net_body_admit gave. */
void net_body_release(struct net_server *server, uint64_t bytes);

/* A snapshot, not an instant. */
void net_server_stats(struct net_server *server, struct net_stats *ret_stats);

#endif
