/*
 * serve.h - the server as a whole: opened piece by piece, run, and closed in the opposite order
 *
 * Threads: the main thread.
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "cli/cli.h"

/*
 * Serves until SIGINT or SIGTERM; SIGHUP reads certificates again and reopens the access log.
 * The exit code: CLI_OK after a clean stop, CLI_USAGE where the configuration can't be served,
 * CLI_FAILED. What went wrong is one line on standard error.
 */
int serve_run(const struct cli_where *where);

#endif
