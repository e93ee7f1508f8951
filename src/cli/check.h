/*
 * check.h - `hink check`: looks at everything in a store that nobody serves
 *
 * Threads: the main thread.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/cli.h"

/* Runs `hink check` with the words behind it; the exit code. */
int check_main(int argc, char **argv, const struct cli_context *context);

#endif
