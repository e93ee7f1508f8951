/*
 * admin_client.h - one administration request, to the running server or to the stopped store
 *
 * Threads: the main thread. Blocks: up to a minute, or as long as is said.
 */
#ifndef CLI_ADMIN_CLIENT_H
#define CLI_ADMIN_CLIENT_H

#include "cli/cli.h"
#include "json/reader.h"

#define ADMIN_CLIENT_DEFAULT_CONFIG "/etc/hink/hink.conf"

/*
 * Sends `request` (one JSON object without line ends) to the socket of the server, or, where nobody
 * listens there, has it executed on the store. The reply (one JSON object) is appended to `reply`,
 * which the caller wipes.
 * Errors: BUSY (the store is in use by something that does not answer); TIMEOUT; CLOSED; those of
 * the context's functions; all noted.
 */
struct status admin_client_call(const struct cli_context *context, const struct cli_where *where,
                                struct slice request, struct note *note, struct buf *reply);

/* Wipes and ends a buffer that a secret may be in. */
void admin_client_wipe(struct buf *buf);

/*
 * Reads a reply.
 * Owns: the caller; json_free.
 * Errors: REFUSED (the server's own words are in `note`); CORRUPT (it makes no sense); noted.
 */
struct status admin_client_parse(struct slice reply, struct note *note, struct json **ret_reply);

/*
 * Has `where` name a store: the configuration of the system, where it names none.
 * Errors: INVALID, noted.
 */
struct status admin_client_where(struct cli_where *where, struct note *note);

/* The same for what may take long: waits at most `deadline_s` seconds for the server. */
struct status admin_client_call_within(const struct cli_context *context,
                                       const struct cli_where *where, struct slice request,
                                       unsigned deadline_s, struct note *note, struct buf *reply);

#endif
