/*
 * listen.h - the configuration as the connections want it: ports, certificates, budgets
 *
 * The S3 listeners come first, in the order of config->listeners; the ones of administration
 * follow, in the order of config->server.admin_listen. listen_is_admin tells them apart.
 *
 * Threads: the main thread; listen_is_admin any.
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

/* Whether listener `index` is one of administration. */
bool listen_is_admin(const struct config *config, size_t index);

#endif
