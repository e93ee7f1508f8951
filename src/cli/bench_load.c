#include "cli/bench_load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "cli/bench_worker.h"
#include "os/clock.h"

enum { PROGRESS_MS = 100 };

/* A load under way. */
struct run {
    struct bench_shared shared;
    size_t worker_count;
    struct bench_worker *workers[BENCH_THREADS_MAX];
    size_t started; /* threads, the first of the workers */
};

static size_t worker_count(const struct bench_options *options) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = options->threads > 0 ? options->threads : cores > 0 ? (uint64_t)cores : 1;
    if (count > BENCH_THREADS_MAX) count = BENCH_THREADS_MAX;
    return (size_t)(count < options->concurrency ? count : options->concurrency);
}

/* Every connection is a file descriptor, and the usual limit is 1024. */
static void raise_descriptor_limit(uint64_t concurrency) {
    struct rlimit limit;
    rlim_t wanted = concurrency + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void shared_init(struct bench_shared *shared, const struct bench_load *load) {
    int64_t now = clock_mono_ns(clock_system());
    bool ends = load->duration_ns > 0;
    shared->load = load;
    shared->tickets = load->skip;
    shared->begin_ns = now;
    shared->measure_ns = now + load->warmup_ns;
    shared->end_ns = ends ? shared->measure_ns + load->duration_ns : INT64_MAX;
    shared->wall_offset_ns = clock_wall_ns(clock_system()) - now;
}

static void worker_free(struct bench_worker *worker) {
    if (worker == NULL) return;
    for (size_t i = 0; worker->conns != NULL && i < worker->conn_count; i++) {
        net_client_close(&worker->conns[i].client);
    }
    if (worker->epoll_fd >= 0) close(worker->epoll_fd);
    bench_heads_fini(&worker->heads);
    free(worker->conns);
    free(worker);
}

/* A worker with its part of the connections. */
static struct status worker_make(struct run *run, size_t index, struct note *note) {
    const struct bench_load *load = run->shared.load;
    uint64_t share = load->options->concurrency / run->worker_count;
    struct bench_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return note_status(note, STATUS_NO_MEMORY, "not enough memory");
    run->workers[index] = worker;
    worker->shared = &run->shared;
    worker->conn_count = share + (index < load->options->concurrency % run->worker_count);
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->conns = calloc(worker->conn_count, sizeof worker->conns[0]);
    if (worker->conns == NULL || worker->epoll_fd < 0) {
        return note_status(note, STATUS_NO_MEMORY, "not enough memory or file descriptors");
    }
    for (size_t i = 0; i < worker->conn_count; i++) worker->conns[i].client.fd = -1;
    uint64_t objects = load->plan->objects;
    struct status s =
        bench_heads_init(&worker->heads, load->options, load->sign, load->body_sha256,
                         objects < BENCH_KEPT_HEADS_MAX ? objects : BENCH_KEPT_HEADS_MAX);
    if (is_ok(s)) return s;
    return note_status(note, s.code, "access key, secret key or region: too long or empty");
}

static struct status workers_start(struct run *run, struct note *note) {
    for (size_t i = 0; i < run->worker_count; i++) TRY(worker_make(run, i, note));
    shared_init(&run->shared, run->shared.load);
    while (run->started < run->worker_count) {
        struct bench_worker *worker = run->workers[run->started];
        struct thread_config config = {
            .name = "bench", .run = bench_worker_run, .argument = worker};
        __atomic_add_fetch(&run->shared.running, 1, __ATOMIC_RELAXED);
        struct status s = thread_start(&config, note, &worker->thread);
        if (!is_ok(s)) {
            __atomic_store_n(&run->shared.stop, true, __ATOMIC_RELAXED);
            return s;
        }
        run->started++;
    }
    return status_ok();
}

static void progress_tell(const struct run *run) {
    const struct bench_load *load = run->shared.load;
    struct bench_progress progress = {.elapsed_ns =
                                          clock_mono_ns(clock_system()) - run->shared.begin_ns};
    for (size_t i = 0; i < run->worker_count; i++) {
        const struct bench_worker *worker = run->workers[i];
        progress.requests += __atomic_load_n(&worker->requests, __ATOMIC_RELAXED);
        progress.bytes += __atomic_load_n(&worker->bytes, __ATOMIC_RELAXED);
        progress.errors += __atomic_load_n(&worker->errors, __ATOMIC_RELAXED);
    }
    if (load->on_progress != NULL) load->on_progress(load->context, &progress);
}

/* Waits until every thread is done; an interruption ends them sooner. */
static void watch(struct run *run) {
    const struct bench_load *load = run->shared.load;
    const struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
    for (unsigned tick = 0; __atomic_load_n(&run->shared.running, __ATOMIC_ACQUIRE) > 0; tick++) {
        if (load->interrupted != NULL && *load->interrupted) {
            __atomic_store_n(&run->shared.stop, true, __ATOMIC_RELAXED);
        }
        if (tick % (PROGRESS_MS / 10) == 0) progress_tell(run);
        nanosleep(&pause, NULL);
    }
}

static struct bench_result *merged(const struct run *run) {
    struct bench_result *result = calloc(1, sizeof *result);
    CHECK(result != NULL);
    for (size_t i = 0; i < run->worker_count; i++) {
        bench_result_merge(result, &run->workers[i]->result);
        int64_t elapsed_ns = run->workers[i]->last_ns - run->shared.measure_ns;
        if (elapsed_ns > result->elapsed_ns) result->elapsed_ns = elapsed_ns;
    }
    result->tickets = run->shared.tickets;
    return result;
}

struct status bench_load_run(const struct bench_load *load, struct note *note,
                             struct bench_result **ret_result) {
    struct run run = {.shared.load = load, .worker_count = worker_count(load->options)};
    raise_descriptor_limit(load->options->concurrency);
    struct status s = workers_start(&run, note);
    if (is_ok(s)) watch(&run);
    for (size_t i = 0; i < run.started; i++) thread_join(&run.workers[i]->thread);
    if (is_ok(s)) *ret_result = merged(&run);
    for (size_t i = 0; i < run.worker_count; i++) worker_free(run.workers[i]);
    return s;
}
