/*
 * admin_command.h - what the command line asks of the server's side (struct cli_context)
 *
 * Reading the configuration that a command names, and executing administration on a store that
 * nobody serves.
 *
 * Threads: the main thread.
 */
#ifndef SERVER_ADMIN_COMMAND_H
#define SERVER_ADMIN_COMMAND_H

#include "base/buf.h"
#include "cli/cli.h"
#include "server/config.h"

/*
 * The configuration that --config FILE, or --data DIR and its companions, stand for.
 * Owns: the caller; config_free.
 * Errors: as config_load and config_default.
 */
struct status admin_command_config(const struct cli_where *where, struct note *note,
                                   struct config **ret_config);

/* cli_context.check_config. */
struct status admin_command_check_config(const char *path, struct note *note);

/* cli_context.admin_socket. */
struct status admin_command_socket(const struct cli_where *where, struct note *note, char *out,
                                   size_t cap);

/* cli_context.admin_offline. Errors: BUSY; NOT_FOUND (no store is there); noted. */
struct status admin_command_offline(const struct cli_where *where, struct slice request,
                                    struct note *note, struct buf *reply);

/* cli_context.explain_document. */
void admin_command_document(struct slice request, struct buf *reply);

/* cli_context.check. */
struct status admin_command_check(const struct cli_where *where, bool blocks, struct note *note,
                                  struct findings *findings);

#endif
