/*
 * bench_worker.h - one thread of a load: its connections and what came of them
 *
 * Life of a connection:
 *
 *     connecting ─▶ sending ─▶ receiving ─▶ sending …            (kept)
 *         ▲            │           └─ answered, not kept ─┐
 *         └────────────┴── closed by the peer, failed ────┤
 *         └─ paused (after a failure to connect) ◀────────┘       over: nothing left to do
 *
 * Threads: bench_worker_run is one; the struct bench_shared is everybody's, by atomics.
 */
#ifndef CLI_BENCH_WORKER_H
#define CLI_BENCH_WORKER_H

#include "cli/bench_load.h"
#include "os/thread.h"

enum { BENCH_RECV_MAX = 256 * 1024 };

enum bench_conn_state {
    BENCH_CONN_CONNECTING,
    BENCH_CONN_SENDING,
    BENCH_CONN_RECEIVING,
    BENCH_CONN_PAUSED,
    BENCH_CONN_OVER
};

struct bench_conn {
    struct net_client client;
    enum bench_conn_state state;
    bool has_request; /* drawn and not yet accounted for */
    bool measured;
    bool used;    /* it has had an answer: the peer may have closed it meanwhile */
    bool retried; /* this request, for that reason */
    bool hung_up; /* the peer has said its last byte, perhaps not yet read */
    struct bench_request request;
    int64_t begun_ns;
    int64_t resume_ns; /* when paused */
    size_t head_len;
    uint64_t sent; /* of head and body */
    char head[BENCH_HEAD_MAX];
    struct bench_reply reply;
};

/* What the threads of a load share. */
struct bench_shared {
    const struct bench_load *load;
    int64_t begin_ns;
    int64_t measure_ns; /* when the warm-up ends */
    int64_t end_ns;     /* when no request begins any more; INT64_MAX: never */
    int64_t wall_offset_ns;
    uint64_t tickets;  /* atomic */
    uint64_t measured; /* atomic: claims on the count */
    unsigned running;  /* atomic: threads */
    bool stop;         /* atomic */
};

struct bench_worker {
    struct bench_shared *shared;
    struct thread thread;
    int epoll_fd;
    size_t conn_count;
    size_t over_count;
    struct bench_conn *conns;
    struct bench_heads heads;
    struct bench_result result;
    int64_t last_ns;   /* of the last measured answer */
    uint64_t requests; /* atomic, as bytes and errors: for the progress */
    uint64_t bytes;
    uint64_t errors;
    char received[BENCH_RECV_MAX];
};

/* Makes load until there is nothing left to do. `argument` is a struct bench_worker. */
void *bench_worker_run(void *argument);

#endif
