/*
 * account.h - hink user, project, domain, key: the commands that administer who exists
 *
 * One table of verbs and options; each call becomes one request of server/admin.h, sent to the
 * socket of the running server or executed on the store that nobody serves.
 *
 * Threads: the main thread.
 */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include "cli/cli.h"

/* Runs `hink NOUN argv…`; the exit code. */
int account_main(const char *noun, int argc, char **argv, const struct cli_context *context);

#endif
