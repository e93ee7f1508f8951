/*
 * listen.h - the configuration as the connections want it: ports, certificates, budgets
 *
 * The S3 listeners come first, in the order of config->listeners; the ones of the Identity API and
 * those of administration follow, in the order of [server]. listen_kind_of tells them apart.
 *
 * Threads: the main thread; listen_kind_of any.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "net/server.h"
#include "server/config.h"

/*
 * Opens all ports of the configuration.
 * Owns: the caller; net_server_close. `handler` and `context` outlive the server.
 * Errors: as net_server_open, noted.
 */
struct status listen_open(const struct config *config, const struct net_handler *handler,
                          void *context, struct note *note, struct net_server **ret_server);

enum listen_kind { LISTEN_S3, LISTEN_KEYSTONE, LISTEN_ADMIN };

/* What listener `index` is for. */
enum listen_kind listen_kind_of(const struct config *config, size_t index);

#endif
