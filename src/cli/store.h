/*
 * store.h - `hink drive`, `hink scrub` and `hink status`
 *
 * They go to the running server through its socket, or, where there is none, to the store itself.
 *
 * Threads: the main thread.
 */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "cli/cli.h"

/* Runs the verb of `noun` ("drive", "scrub", "status") that `argv` begins with; the exit code. */
int store_main(const char *noun, int argc, char **argv, const struct cli_context *context);

#endif
