#include "server/serve.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/data.h"
#include "engine/mirror.h"
#include "object/bucket.h"
#include "server/admin.h"
#include "server/admin_command.h"
#include "server/first.h"
#include "server/keystone_door.h"
#include "server/listen.h"
#include "server/notify.h"
#include "server/pages.h"
#include "server/privileges.h"
#include "server/session.h"
#include "server/store.h"
#include "server/user_source.h"

enum {
    KEY_CACHE_ENTRIES = 4096,
    FILES_BESIDE_CONNECTIONS = 1024,
    MAPPED_BYTES =
        1024 * 1024, /* memory from this size on is the kernel's again when it is freed */
    KEPT_BYTES = 4 * 1024 * 1024, /* free memory that is kept at the end of a heap */
};

/* Everything that is open while the server runs. */
struct server {
    struct config *config;
    struct privileges privileges;
    struct store store;
    struct user_source source;
    struct object_store *objects;
    struct zone zone;
    struct key_cache *key_cache;
    struct access_log *access_log;
    struct metrics *metrics;
    struct session_shared shared;
    struct pages pages;
    struct keystone_door keystone;
    struct admin admin;
    struct admin_server *admin_server;
    struct net_server *net;
    struct first first;
    enum mirror_state copies[ENGINE_METADATA_COPIES_MAX]; /* as they were said to be last */
};

/* --- what the connections ask of us --- */

static enum net_next handler_serve(void *context, struct net_conn *conn) {
    struct server *server = context;
    switch (listen_kind_of(server->config, net_conn_listener(conn))) {
        case LISTEN_ADMIN:
            return pages_serve(&server->pages, conn);
        case LISTEN_KEYSTONE:
            return keystone_door_serve(&server->keystone, conn);
        case LISTEN_S3:
            break;
    }
    return session_serve(net_conn_worker_data(conn), conn);
}

static size_t handler_refusal(void *context, enum net_refusal why, char *out, size_t cap) {
    (void)context;
    return session_refusal(why, out, cap);
}

static void *handler_worker_begin(void *context) {
    struct server *server = context;
    return session_new(&server->shared);
}

static void handler_worker_end(void *context, void *data) {
    struct session *session = data;
    (void)context;
    session_free(&session);
}

static void handler_warn(void *context, const char *text) {
    (void)context;
    log_line(LOG_WARNING, "%s", text);
}

static const struct net_handler handler = {.head_ready = http_head_may_be_complete,
                                           .serve = handler_serve,
                                           .refusal = handler_refusal,
                                           .worker_begin = handler_worker_begin,
                                           .worker_end = handler_worker_end,
                                           .warn = handler_warn};

static struct status project_has_buckets(void *context, struct slice project_id, bool *ret_has) {
    struct server *server = context;
    return bucket_project_has_any(server->objects, project_id, ret_has);
}

/* --- open and close --- */

static void note_redundancy(const struct server *server) {
    struct note note;
    for (size_t i = 0; i < server->config->policy_count; i++) {
        if (!engine_redundancy_note(server->store.engine, i, &note)) continue;
        log_line(LOG_WARNING, "%s", note.text);
    }
}

/* A drive that is not what it should be does not stop the start. */
static void note_drives(const struct server *server) {
    struct data_drive drive;
    struct data_store *data = engine_data(server->store.engine);
    for (uint32_t n = 0; data_drive_next(data, n, &drive); n = drive.number + 1) {
        if (drive.state != DRIVE_SERVING) log_line(LOG_WARNING, "%s", drive.line.text);
    }
}

/* Says what has become of the copies of the metadata since the last time. */
static void note_copies(struct server *server) {
    struct mirror *mirror = engine_mirror(server->store.engine);
    for (size_t i = 0; i < mirror_count(mirror); i++) {
        struct mirror_copy copy;
        mirror_copy_read(mirror, i, &copy);
        if (copy.state == server->copies[i]) continue;
        server->copies[i] = copy.state;
        if (copy.state == MIRROR_SERVING) {
            log_line(LOG_INFO, "metadata copy %s (%s/meta): it is in service", copy.name,
                     copy.path);
        } else {
            bool is_well = copy.state == MIRROR_FILLING || copy.state == MIRROR_WAITING;
            log_line(is_well ? LOG_INFO : LOG_WARNING, "%s", copy.line.text);
        }
    }
}

/* As many file descriptors as we are let have; says so where that is fewer than are configured. */
static void raise_limits(const struct config_limits *limits) {
    struct rlimit files;
    uint64_t wanted = limits->connections + FILES_BESIDE_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        /* What could not be raised is said below. */
        (void)setrlimit(RLIMIT_NOFILE, &files);
        if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    }
    if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= wanted) return;
    log_line(LOG_WARNING,
             "limits: %llu connections need %llu open files, and this process may have only %llu "
             "(ulimit -n)",
             (unsigned long long)limits->connections, (unsigned long long)wanted,
             (unsigned long long)files.rlim_cur);
}

/* What lies on the disk, as the user that the server will be. */
static struct status open_store(struct server *server, struct note *note) {
    struct config *config = server->config;
    TRY(store_open(config, true, note, &server->store));
    struct object_store_config objects = {.kv = engine_kv(server->store.engine),
                                          .blob = engine_blob(server->store.engine),
                                          .clock = clock_system(),
                                          .random = random_system(),
                                          .housekeeping = true};
    TRY(object_store_open(&objects, note, &server->objects));
    TRY(user_source_open(config, server->store.identity, note, &server->source));
    zone_init(&server->zone, config, server->objects, user_source_identity(&server->source));
    zone_set_tempauth(&server->zone, server->source.tempauth);
    TRY(first_make(&server->zone, server->store.identity, note, &server->first));
    if (config->log.access_log == NULL) return status_ok();
    return access_log_open(config->log.access_log, config->log.access_log_format, note,
                           &server->access_log);
}

static struct status open_shared(struct server *server, struct note *note) {
    const struct config *config = server->config;
    struct status s = key_cache_new(KEY_CACHE_ENTRIES, &server->key_cache);
    if (!is_ok(s)) return note_status(note, s.code, "the key cache: %s", status_text(s.code));
    server->metrics = session_metrics_new();
    server->shared = (struct session_shared){.config = server->config,
                                             .zone = &server->zone,
                                             .identity = user_source_identity(&server->source),
                                             .key_cache = server->key_cache,
                                             .metrics = server->metrics,
                                             .access_log = server->access_log,
                                             .clock = clock_system()};
    keystone_door_init(&server->keystone, config, server->store.identity, server->access_log,
                       server->metrics);
    server->pages = (struct pages){.config = server->config,
                                   .engine = server->store.engine,
                                   .objects = server->objects,
                                   .metrics = server->metrics,
                                   .remote = server->source.remote};
    server->admin = (struct admin){.identity = server->store.identity,
                                   .is_elsewhere = server->source.remote != NULL,
                                   .project_has_buckets = project_has_buckets,
                                   .context = server,
                                   .zone = &server->zone,
                                   .engine = server->store.engine,
                                   .serving = true};
    return status_ok();
}

/* Ports below 1024 need root, the rest must not have it. */
static struct status open_all(struct server *server, struct note *note) {
    const struct config *config = server->config;
    TRY(privileges_find(&config->server, note, &server->privileges));
    TRY(privileges_enter(&server->privileges, note));
    TRY(open_store(server, note));
    TRY(open_shared(server, note));
    TRY(privileges_leave(&server->privileges, note));
    TRY(listen_open(config, &handler, server, note, &server->net));
    TRY(privileges_drop(&server->privileges, note));
    TRY(store_make_parents(config->server.admin_socket, note));
    TRY(admin_server_start(&server->admin, config->server.admin_socket, note,
                           &server->admin_server));
    return net_server_start(server->net, note);
}

static void close_all(struct server *server) {
    net_server_close(&server->net);
    admin_server_stop(&server->admin_server);
    if (server->metrics != NULL) metrics_free(&server->metrics);
    key_cache_free(&server->key_cache);
    keystone_door_fini(&server->keystone);
    access_log_close(&server->access_log);
    first_wipe(&server->first);
    zone_fini(&server->zone);
    user_source_close(&server->source);
    object_store_close(&server->objects);
    store_close(&server->store);
    config_free(&server->config);
}

/* --- run --- */

static void signals_block(sigset_t *ret_signals) {
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGHUP);
    /* Before any thread is started, so that all of them leave these to the main thread. */
    CHECK(pthread_sigmask(SIG_BLOCK, ret_signals, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static void reload(struct server *server) {
    struct note note = {0};
    notify_reloading();
    struct status s = net_server_tls_reload(server->net, &note);
    if (!is_ok(s)) log_line(LOG_ERROR, "certificates stay as they are: %s", note.text);
    if (server->access_log != NULL) {
        struct status reopened = access_log_reopen(server->access_log, &note);
        if (!is_ok(reopened)) log_line(LOG_ERROR, "%s; the old file goes on", note.text);
    }
    log_line(LOG_INFO, "certificates read again, access log reopened");
    notify_ready(NULL);
}

/* Waits for a signal, with the housekeeping of each second in between; gives the one that ends us.
 */
static int wait_for_end(struct server *server, const sigset_t *signals) {
    const struct timespec second = {.tv_sec = 1};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);
        if (number == SIGINT || number == SIGTERM) return number;
        if (number == SIGHUP) reload(server);
        access_log_flush(server->access_log);
        note_copies(server);
    }
}

static void stop(struct server *server, int number) {
    log_line(LOG_INFO, "%s: stopping, requests in flight have %lld s",
             number == SIGINT ? "SIGINT" : "SIGTERM",
             (long long)(server->config->limits.shutdown_timeout_ns / NS_PER_S));
    notify_stopping();
    net_server_drain(server->net, server->config->limits.shutdown_timeout_ns);
}

static int complain(const struct note *note, struct status status) {
    const char *text = note->text[0] ? note->text : status_text(status.code);
    fprintf(stderr, "hink serve: %s\n", text);
    return status_is(status, STATUS_INVALID) ? CLI_USAGE : CLI_FAILED;
}

/* The C library raises the size from which on it asks the kernel to the largest piece that was ever
 * freed, and keeps pieces below: a hundred MiB after some rounds of uploads, in which at any time
 * there are sixteen. */
static void settle_memory(void) {
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

int serve_run(const struct cli_where *where) {
    struct server server = {0};
    struct note note = {0};
    sigset_t signals;
    struct status s = admin_command_config(where, &note, &server.config);
    if (!is_ok(s)) {
        (void)complain(&note, s);
        return CLI_USAGE;
    }
    log_set_level(server.config->log.level);
    settle_memory();
    signals_block(&signals);
    s = open_all(&server, &note);
    if (is_ok(s)) {
        raise_limits(&server.config->limits);
        note_redundancy(&server);
        note_drives(&server);
        note_copies(&server);
        first_greet(&server.first, server.config, server.net);
        first_wipe(&server.first);
        user_source_greet(&server.source, server.config);
        notify_ready(server.config->server.zone);
        stop(&server, wait_for_end(&server, &signals));
    }
    int code = is_ok(s) ? CLI_OK : complain(&note, s);
    close_all(&server);
    if (code == CLI_OK) log_line(LOG_INFO, "stopped");
    return code;
}
