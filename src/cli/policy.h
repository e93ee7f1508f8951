/*
 * policy.h - hink policy explain: why a request is allowed or denied, and by what
 *
 * The question goes to the running server, or is answered on the store that nobody serves; with
 * --policy alone it needs neither.
 *
 * Threads: the main thread.
 */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "cli/cli.h"

/* Runs `hink policy argv…`; the exit code. */
int policy_main(int argc, char **argv, const struct cli_context *context);

#endif
