/*
 * pages.h - what the administration listener shows: health and metrics, as plain HTTP
 *
 *     /healthz/live    200 as long as the process answers
 *     /healthz/ready   200 while requests are taken and the store works; 503 and the reason
 *     /metrics         Prometheus text
 *
 * Threads: any, once made.
 */
#ifndef SERVER_PAGES_H
#define SERVER_PAGES_H

#include "engine/engine.h"
#include "identity/remote.h"
#include "net/server.h"
#include "object/store.h"
#include "server/config.h"
#include "server/metrics.h"

/* What the pages tell about; all of it outlives them. */
struct pages {
    const struct config *config;
    struct engine *engine;
    struct object_store *objects;
    const struct metrics *metrics;
    const struct remote *remote; /* NULL: the users are our own */
};

/* Serves one request at the administration listener; as net_handler.serve. */
enum net_next pages_serve(const struct pages *pages, struct net_conn *conn);

/* Appends all metrics of the process. */
void pages_metrics(const struct pages *pages, struct net_server *net, struct buf *out);

#endif
