/*
 * keystone_door.h - the Identity API on its own listener: requests in, keystone_serve, answers out
 *
 * What session.h is for S3, for requests whose bodies are small documents: the body is read whole
 * before anything is done. One line a request in the access log.
 *
 *     keystone_door_init ── keystone_door_serve* ── keystone_door_fini
 *
 * Threads: any, once made.
 */
#ifndef SERVER_KEYSTONE_DOOR_H
#define SERVER_KEYSTONE_DOOR_H

#include "keystone/keystone.h"
#include "net/conn.h"
#include "server/access_log.h"
#include "server/config.h"
#include "server/metrics.h"

enum { KEYSTONE_DOOR_ARENA_BYTES_MAX = 32 * 1024 * 1024 };

struct keystone_door {
    const struct config *config;
    struct keystone_service service;
    struct keystone_endpoint *endpoints;
    struct access_log *access_log; /* NULL: off */
    struct metrics *metrics;       /* of session_metrics_new; NULL: nobody counts */
};

/* Owns: its array of endpoints, until keystone_door_fini; what it is given outlives it. */
void keystone_door_init(struct keystone_door *door, const struct config *config,
                        struct builtin *store, struct access_log *access_log,
                        struct metrics *metrics);

/* Gives the array back; a door of zeros is allowed. */
void keystone_door_fini(struct keystone_door *door);

/*
 * Serves one request; as net_handler.serve.
 * Blocks: for the client, under the connection's deadlines; for the store; for a password.
 */
enum net_next keystone_door_serve(const struct keystone_door *door, struct net_conn *conn);

#endif
