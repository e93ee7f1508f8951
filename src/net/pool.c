#include <stdlib.h>
#include <sys/sysinfo.h>

#include "base/check.h"
#include "base/date.h"
#include "net/internal.h"

static void queue_append(struct conn_queue *queue, struct net_conn *conn) {
    conn->next = NULL;
    if (queue->last) {
        queue->last->next = conn;
    } else {
        queue->first = conn;
    }
    queue->last = conn;
    queue->len++;
}

static struct net_conn *queue_take(struct conn_queue *queue) {
    struct net_conn *conn = queue->first;
    if (conn == NULL) return NULL;
    queue->first = conn->next;
    if (queue->first == NULL) queue->last = NULL;
    queue->len--;
    conn->next = NULL;
    return conn;
}

/* Publishes what pool_stick looks at without the lock. */
static void publish(struct net_pool *pool, const struct net_server *server) {
    unsigned idle =
        pool->plain_count - (pool->busy < pool->plain_count ? pool->busy : pool->plain_count);
    STORE(pool->slack, idle + (server->limits.workers_max - pool->plain_count));
    STORE(pool->queued, pool->queue.len + pool->privileged.len);
}

static struct net_conn *take_for(struct net_pool *pool, const struct net_work *work) {
    struct net_conn *conn = queue_take(&pool->privileged);
    return conn || work->privileged_only ? conn : queue_take(&pool->queue);
}

static bool has_work_for(const struct net_pool *pool, const struct net_work *work) {
    return pool->privileged.len > 0 || (!work->privileged_only && pool->queue.len > 0);
}

/* Takes an idle worker that can do what waits; NULL when there is none. */
static struct net_work *idle_take(struct net_pool *pool) {
    for (struct net_work **link = &pool->idle; *link; link = &(*link)->idle_next) {
        struct net_work *work = *link;
        if (!has_work_for(pool, work)) continue;
        *link = work->idle_next;
        return work;
    }
    return NULL;
}

static void idle_wait(struct net_pool *pool, struct net_work *work) {
    work->idle_next = pool->idle;
    pool->idle = work;
    work->signalled = false;
    while (!work->signalled) pthread_cond_wait(&work->wake, &pool->lock);
    if (!pool->stopping) pool->waking--;
}

static void work_free(struct net_work *work) {
    free(work->in);
    free(work->out);
    free(work->copy);
    pthread_cond_destroy(&work->wake);
    free(work);
}

static struct net_work *work_new(struct net_server *server, bool privileged_only) {
    struct net_work *work = calloc(1, sizeof(*work));
    if (work == NULL) return NULL;
    CHECK(pthread_cond_init(&work->wake, NULL) == 0);
    work->server = server;
    work->privileged_only = privileged_only;
    work->source.ops = &net_source_ops;
    work->sink.ops = &net_sink_ops;
    work->in_cap = server->limits.head_max_bytes + NET_IN_ROOM;
    work->in = malloc(work->in_cap);
    work->out = malloc(NET_OUT_BYTES);
    if (work->in && work->out) return work;
    work_free(work);
    return NULL;
}

static struct net_work *wake_one(struct net_server *server);

/* Lets go of the lock, then wakes whom wake_one chose, and says what it could not do. */
static void unlock_and_wake(struct net_server *server, struct net_work *helper) {
    struct net_pool *pool = &server->pool;
    bool failed = pool->start_failed;
    pool->start_failed = false;
    pthread_mutex_unlock(&pool->lock);
    if (helper) pthread_cond_signal(&helper->wake);
    if (failed) server_warn(server, "a worker thread can't be started");
}

/* Serves one queued connection; the lock is held before and after. */
static void work_once(struct net_work *work, struct net_conn *conn) {
    struct net_pool *pool = &work->server->pool;
    struct net_work *helper = NULL;
    pool->busy++;
    /* Workers wake each other one by one, as long as there is more to do than hands. */
    if (pool->waking == 0) helper = wake_one(work->server);
    publish(pool, work->server);
    unlock_and_wake(work->server, helper);
    work_serve(work, conn);
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    publish(pool, work->server);
}

static void *work_run(void *argument) {
    struct net_work *work = argument;
    struct net_server *server = work->server;
    struct net_pool *pool = &server->pool;
    const struct net_handler *handler = server->handler;
    if (handler->worker_begin) work->data = handler->worker_begin(server->context);
    pthread_mutex_lock(&pool->lock);
    pool->waking--;
    for (;;) {
        struct net_conn *conn = take_for(pool, work);
        if (conn) {
            work_once(work, conn);
        } else if (pool->stopping) {
            break;
        } else {
            /* What waits may be for others than us. */
            struct net_work *helper = pool->waking == 0 ? wake_one(server) : NULL;
            if (helper) pthread_cond_signal(&helper->wake);
            idle_wait(pool, work);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    if (handler->worker_end) handler->worker_end(server->context, work->data);
    return NULL;
}

/* Starts a worker, when there is work that one more may do. */
static void start_one(struct net_server *server) {
    struct net_pool *pool = &server->pool;
    bool may_plain = pool->plain_count < server->limits.workers_max;
    unsigned extra = pool->work_count - pool->plain_count;
    if (!may_plain && (pool->privileged.len == 0 || extra >= NET_PRIVILEGED_WORKERS)) return;
    struct net_work *work = work_new(server, !may_plain);
    struct thread_config config = {.name = "hink-worker",
                                   .stack_size_bytes = server->limits.worker_stack_bytes,
                                   .run = work_run,
                                   .argument = work};
    if (work == NULL || !is_ok(thread_start(&config, NULL, &work->thread))) {
        pool->start_failed = true;
        if (work) work_free(work);
        return;
    }
    pool->works[pool->work_count++] = work;
    if (may_plain) pool->plain_count++;
    pool->waking++;
}

/* Chooses a worker for what waits, and the caller signals it without the lock; or starts one. */
static struct net_work *wake_one(struct net_server *server) {
    struct net_pool *pool = &server->pool;
    if (pool->queue.len + pool->privileged.len == 0) return NULL;
    struct net_work *work = idle_take(pool);
    if (work == NULL) {
        start_one(server);
        return NULL;
    }
    work->signalled = true;
    pool->waking++;
    return work;
}

/* The end of a rejected list is where the next goes. */
static void push_one(struct net_server *server, struct net_conn *conn,
                     struct net_conn ***rejected) {
    struct net_pool *pool = &server->pool;
    if (server->listeners[conn->listener].privileged) {
        queue_append(&pool->privileged, conn);
    } else if (pool->queue.len < server->limits.queue_max) {
        queue_append(&pool->queue, conn);
    } else {
        conn->next = NULL;
        **rejected = conn;
        *rejected = &conn->next;
    }
}

void pool_push(struct net_server *server, struct net_conn *list, struct net_conn **ret_rejected) {
    struct net_pool *pool = &server->pool;
    struct net_work *helper = NULL;
    *ret_rejected = NULL;
    pthread_mutex_lock(&pool->lock);
    while (list) {
        struct net_conn *next = list->next;
        push_one(server, list, &ret_rejected);
        list = next;
    }
    if (pool->waking == 0) helper = wake_one(server);
    publish(pool, server);
    unlock_and_wake(server, helper);
}

/* Counts the connection once in every window of time; roughly is good enough. */
static void count_active(struct net_pool *pool, struct net_conn *conn, int64_t now_ns) {
    uint64_t window = (uint64_t)now_ns / (NET_WINDOW_MS * NS_PER_MS);
    uint64_t counted = LOAD(pool->window);
    if (counted != window && __atomic_compare_exchange_n(&pool->window, &counted, window, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        unsigned seen = __atomic_exchange_n(&pool->seen, 0, __ATOMIC_RELAXED);
        STORE(pool->seen_before, counted + 1 == window ? seen : 0);
    }
    if (conn->window == window) return;
    conn->window = window;
    COUNT(pool->seen);
}

bool pool_stick(struct net_conn *conn, int64_t now_ns) {
    struct net_server *server = conn->server;
    struct net_pool *pool = &server->pool;
    count_active(pool, conn, now_ns);
    if (LOAD(pool->queued) > 0 || LOAD(pool->slack) == 0 || LOAD(server->draining)) return false;
    if (LOAD(pool->seen) > pool->sticky_max || LOAD(pool->seen_before) > pool->sticky_max) {
        return false;
    }
    if (__atomic_add_fetch(&pool->sticky, 1, __ATOMIC_RELAXED) <= pool->sticky_max) return true;
    pool_unstick(server);
    return false;
}

bool pool_is_lone(struct net_server *server) {
    struct net_pool *pool = &server->pool;
    return pool->may_spin && LOAD(pool->seen) <= 1 && LOAD(pool->seen_before) <= 1;
}

void pool_unstick(struct net_server *server) {
    __atomic_sub_fetch(&server->pool.sticky, 1, __ATOMIC_RELAXED);
}

struct status pool_init(struct net_pool *pool, struct net_server *server) {
    CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    pool->works =
        calloc(server->limits.workers_max + NET_PRIVILEGED_WORKERS, sizeof(struct net_work *));
    pool->slack = server->limits.workers_max;
    unsigned most = (unsigned)get_nprocs() * NET_STICKY_PER_CPU;
    pool->may_spin = get_nprocs() > 1;
    unsigned half = server->limits.workers_max / 2;
    pool->sticky_max = most < half ? most : half;
    return status_of(pool->works ? STATUS_OK : STATUS_NO_MEMORY);
}

void pool_stop(struct net_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (struct net_work *work = pool->idle; work; work = work->idle_next) {
        work->signalled = true;
        pthread_cond_signal(&work->wake);
    }
    pool->idle = NULL;
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->work_count; i++) {
        thread_join(&pool->works[i]->thread);
        work_free(pool->works[i]);
    }
    free(pool->works);
    pool->works = NULL;
    pool->work_count = 0;
    pthread_mutex_destroy(&pool->lock);
}
