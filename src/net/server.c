#include "net/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "net/internal.h"
#include "net/tls.h"
#include "os/clock.h"

static const struct net_limits limit_defaults = {
    .connections_max = 20000,
    .workers_max = 64,
    .queue_max = 1024,
    .worker_stack_bytes = 256 * 1024,
    .head_max_bytes = 17 * 1024,
    .head_memory_max_bytes = 64 * 1024 * 1024,
    .body_memory_max_bytes = 256 * 1024 * 1024,
    .handshake_timeout_ns = 10 * NS_PER_S,
    .head_timeout_ns = 30 * NS_PER_S,
    .idle_timeout_ns = 75 * NS_PER_S,
    .io_timeout_ns = 30 * NS_PER_S,
    .body_rate_bytes = 1024,
    .body_rate_grace_ns = 10 * NS_PER_S,
    .linger_timeout_ns = 2 * NS_PER_S,
    .linger_max_bytes = 4 * 1024 * 1024,
};

enum { WORKERS_LIMIT = 65536, HEAD_LIMIT_BYTES = 16 * 1024 * 1024, POLLER_STACK = 256 * 1024 };

#define OR_DEFAULT(field) \
    if (limits->field == 0) limits->field = limit_defaults.field

static void fill_limits(struct net_limits *limits) {
    OR_DEFAULT(connections_max);
    OR_DEFAULT(workers_max);
    OR_DEFAULT(queue_max);
    OR_DEFAULT(worker_stack_bytes);
    OR_DEFAULT(head_max_bytes);
    OR_DEFAULT(head_memory_max_bytes);
    OR_DEFAULT(body_memory_max_bytes);
    OR_DEFAULT(handshake_timeout_ns);
    OR_DEFAULT(head_timeout_ns);
    OR_DEFAULT(idle_timeout_ns);
    OR_DEFAULT(io_timeout_ns);
    OR_DEFAULT(body_rate_bytes);
    OR_DEFAULT(body_rate_grace_ns);
    OR_DEFAULT(linger_timeout_ns);
    OR_DEFAULT(linger_max_bytes);
    if (limits->workers_without_body == 0) limits->workers_without_body = limits->workers_max / 4;
}

static struct status check_config(const struct net_config *config, struct note *note) {
    const struct net_limits *limits = &config->limits;
    if (limits->workers_max > WORKERS_LIMIT || limits->head_max_bytes > HEAD_LIMIT_BYTES) {
        return note_status(note, STATUS_INVALID, "too many workers or too large heads");
    }
    if (limits->workers_without_body > 0 && limits->workers_max > 0 &&
        limits->workers_without_body >= limits->workers_max) {
        return note_status(note, STATUS_INVALID, "no workers are left for bodies");
    }
    if (config->listener_count == 0 || config->listener_count > UINT16_MAX) {
        return note_status(note, STATUS_INVALID, "nothing to listen on");
    }
    return status_ok();
}

void server_warn(struct net_server *server, const char *format, ...) {
    char text[NOTE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (server->handler->warn) server->handler->warn(server->context, text);
}

static struct status open_listeners(struct net_server *server, const struct net_config *config,
                                    struct note *note) {
    for (size_t i = 0; i < config->listener_count; i++) {
        TRY(listener_open(&server->listeners[i], &config->listeners[i], note));
        server->listener_count = i + 1;
    }
    return status_ok();
}

static void server_init(struct net_server *server, const struct net_config *config) {
    pthread_condattr_t monotonic;
    *server = (struct net_server){.limits = config->limits,
                                  .handler = config->handler,
                                  .context = config->context,
                                  .trusted_count = config->trusted_count};
    fill_limits(&server->limits);
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&server->reload_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&server->quiet_lock, NULL) == 0);
    CHECK(pthread_cond_init(&server->quiet, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->ktls_available = net_tls_ktls_probe();
    server->listeners = calloc(config->listener_count, sizeof(server->listeners[0]));
    server->trusted = calloc(config->trusted_count + 1, sizeof(server->trusted[0]));
    CHECK(server->listeners != NULL && server->trusted != NULL);
    for (size_t i = 0; i < config->trusted_count; i++) server->trusted[i] = config->trusted[i];
}

struct status net_server_open(const struct net_config *config, struct note *note,
                              struct net_server **ret_server) {
    TRY(check_config(config, note));
    CHECK(config->handler && config->handler->head_ready && config->handler->serve);
    struct net_server *server = malloc(sizeof(*server));
    CHECK(server != NULL);
    server_init(server, config);
    struct status opened = pool_init(&server->pool, server);
    if (is_ok(opened)) opened = open_listeners(server, config, note);
    if (!is_ok(opened)) {
        net_server_close(&server);
        return opened;
    }
    *ret_server = server;
    return status_ok();
}

static bool any_tls(const struct net_server *server) {
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].tls) return true;
    }
    return false;
}

static struct status start_poller(struct net_server *server, unsigned index, struct note *note) {
    struct net_poller *poller = &server->pollers[index];
    struct thread_config config = {.name = index == 0 ? "hink-poller" : "hink-poller-tls",
                                   .stack_size_bytes = POLLER_STACK,
                                   .run = poller_run,
                                   .argument = poller};
    TRY(thread_start(&config, note, &poller->thread));
    poller->started = true;
    return status_ok();
}

struct status net_server_start(struct net_server *server, struct note *note) {
    unsigned wanted = any_tls(server) ? 2 : 1;
    CHECK(!server->started);
    server->started = true;
    while (server->poller_count < wanted) {
        unsigned index = server->poller_count++;
        TRY(poller_init(&server->pollers[index], server, index == 0));
    }
    /* The one that accepts comes last: it gives connections to the other. */
    for (unsigned i = wanted; i > 0; i--) TRY(start_poller(server, i - 1, note));
    return status_ok();
}

void net_server_address(const struct net_server *server, size_t index,
                        struct net_address *ret_address) {
    CHECK(index < server->listener_count);
    *ret_address = server->listeners[index].address;
}

static struct status prepare_all(struct net_server *server, struct note *note,
                                 struct tls_set **sets) {
    for (size_t i = 0; i < server->listener_count; i++) {
        struct net_tls *tls = server->listeners[i].tls;
        if (tls) TRY(net_tls_prepare(tls, note, &sets[i]));
    }
    return status_ok();
}

struct status net_server_tls_reload(struct net_server *server, struct note *note) {
    struct tls_set **sets = calloc(server->listener_count, sizeof(struct tls_set *));
    if (sets == NULL) return status_of(STATUS_NO_MEMORY);
    pthread_mutex_lock(&server->reload_lock);
    struct status prepared = prepare_all(server, note, sets);
    for (size_t i = 0; i < server->listener_count; i++) {
        if (sets[i] == NULL) continue;
        if (is_ok(prepared)) {
            net_tls_commit(server->listeners[i].tls, &sets[i]);
        } else {
            net_tls_drop(&sets[i]);
        }
    }
    pthread_mutex_unlock(&server->reload_lock);
    free(sets);
    return prepared;
}

bool net_server_is_draining(const struct net_server *server) {
    return LOAD(server->draining);
}

void server_conn_closed(struct net_server *server, const struct net_conn *conn) {
    __atomic_sub_fetch(&server->listeners[conn->listener].open, 1, __ATOMIC_RELAXED);
    if (conn->over_limit) __atomic_sub_fetch(&server->refused_open, 1, __ATOMIC_RELAXED);
    bool last = __atomic_sub_fetch(&server->open, 1, __ATOMIC_SEQ_CST) == 0;
    if (!last || !__atomic_load_n(&server->draining, __ATOMIC_SEQ_CST)) return;
    pthread_mutex_lock(&server->quiet_lock);
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->quiet_lock);
}

static struct timespec timespec_of(int64_t ns) {
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* Waits until no connection is open; false: the time was over first. */
static bool wait_quiet(struct net_server *server, int64_t until_ns) {
    struct timespec until = timespec_of(until_ns);
    int error = 0;
    pthread_mutex_lock(&server->quiet_lock);
    while (error != ETIMEDOUT && __atomic_load_n(&server->open, __ATOMIC_SEQ_CST) > 0) {
        error = pthread_cond_timedwait(&server->quiet, &server->quiet_lock, &until);
    }
    pthread_mutex_unlock(&server->quiet_lock);
    return error != ETIMEDOUT;
}

static void wake_pollers(struct net_server *server) {
    for (unsigned i = 0; i < server->poller_count; i++) poller_wake(&server->pollers[i]);
}

void net_server_drain(struct net_server *server, int64_t timeout_ns) {
    if (!server->started) return;
    int64_t until_ns = clock_mono_ns(clock_system()) + timeout_ns;
    __atomic_store_n(&server->draining, true, __ATOMIC_SEQ_CST);
    wake_pollers(server);
    if (timeout_ns > 0 && wait_quiet(server, until_ns)) return;
    STORE(server->cutting, true);
    do {
        /* Again and again: a connection may have been on its way between two hands. */
        wake_pollers(server);
        until_ns = clock_mono_ns(clock_system()) + 20 * NS_PER_MS;
    } while (!wait_quiet(server, until_ns));
}

static void stop_threads(struct net_server *server) {
    for (unsigned i = 0; i < server->poller_count; i++) {
        struct net_poller *poller = &server->pollers[i];
        if (poller->started) poller_wake(poller);
        if (poller->started) thread_join(&poller->thread);
    }
    if (server->pool.works) pool_stop(&server->pool);
}

void net_server_close(struct net_server **server_ptr) {
    struct net_server *server = *server_ptr;
    *server_ptr = NULL;
    if (server == NULL) return;
    if (server->started && server->pollers[0].started) net_server_drain(server, 0);
    STORE(server->stopping, true);
    stop_threads(server);
    for (unsigned i = 0; i < server->poller_count; i++) poller_fini(&server->pollers[i]);
    for (size_t i = 0; i < server->listener_count; i++) listener_close(&server->listeners[i]);
    if (server->spare_fd >= 0) close(server->spare_fd);
    free(server->listeners);
    free(server->trusted);
    pthread_mutex_destroy(&server->reload_lock);
    pthread_mutex_destroy(&server->quiet_lock);
    pthread_cond_destroy(&server->quiet);
    free(server);
}

static bool budget_take(uint64_t *used, uint64_t amount, uint64_t most) {
    uint64_t before = __atomic_load_n(used, __ATOMIC_RELAXED);
    do {
        if (amount > most || before > most - amount) return false;
    } while (!__atomic_compare_exchange_n(used, &before, before + amount, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

struct status net_body_admit(struct net_server *server, uint64_t bytes) {
    const struct net_limits *limits = &server->limits;
    uint64_t workers = limits->workers_max - limits->workers_without_body;
    if (!budget_take(&server->body_workers, 1, workers)) return status_of(STATUS_BUSY);
    if (budget_take(&server->body_memory, bytes, limits->body_memory_max_bytes)) {
        return status_ok();
    }
    __atomic_sub_fetch(&server->body_workers, 1, __ATOMIC_RELAXED);
    return status_of(STATUS_BUSY);
}

void net_body_release(struct net_server *server, uint64_t bytes) {
    __atomic_sub_fetch(&server->body_memory, bytes, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&server->body_workers, 1, __ATOMIC_RELAXED);
}

static void stats_of_pollers(struct net_server *server, struct net_stats *stats) {
    for (unsigned i = 0; i < server->poller_count; i++) {
        struct net_poller *poller = &server->pollers[i];
        pthread_mutex_lock(&poller->lock);
        stats->connections_idle += poller->waits[WAIT_IDLE].count;
        stats->connections_head += poller->waits[WAIT_HEAD].count;
        stats->connections_lingering += poller->waits[WAIT_LINGER].count;
        pthread_mutex_unlock(&poller->lock);
    }
}

static void stats_of_pool(struct net_pool *pool, struct net_stats *stats) {
    pthread_mutex_lock(&pool->lock);
    stats->connections_queued = pool->queue.len + pool->privileged.len;
    stats->connections_active = stats->workers_busy = pool->busy;
    stats->workers = pool->work_count;
    for (unsigned i = 0; i < pool->work_count; i++) {
        const struct net_work *work = pool->works[i];
        stats->requests += __atomic_load_n(&work->total_requests, __ATOMIC_RELAXED);
        stats->bytes_in += __atomic_load_n(&work->total_in, __ATOMIC_RELAXED);
        stats->bytes_out += __atomic_load_n(&work->total_out, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&pool->lock);
}

#define COPY_COUNTER(name) \
    ret_stats->name = __atomic_load_n(&server->counters.name, __ATOMIC_RELAXED)

void net_server_stats(struct net_server *server, struct net_stats *ret_stats) {
    *ret_stats = (struct net_stats){.connections_open = LOAD(server->open),
                                    .head_memory_bytes = LOAD(server->head_memory),
                                    .body_workers = LOAD(server->body_workers),
                                    .body_memory_bytes = LOAD(server->body_memory),
                                    .ktls_available = server->ktls_available};
    COPY_COUNTER(accepted);
    COPY_COUNTER(refused_connections);
    COPY_COUNTER(refused_queue);
    COPY_COUNTER(refused_memory);
    COPY_COUNTER(head_timeouts);
    COPY_COUNTER(idle_timeouts);
    COPY_COUNTER(handshakes);
    COPY_COUNTER(handshakes_failed);
    COPY_COUNTER(io_timeouts);
    stats_of_pollers(server, ret_stats);
    stats_of_pool(&server->pool, ret_stats);
}
