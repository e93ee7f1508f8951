/*
 * store.h - the store that a configuration names: its engine, and who may use it
 *
 *     store_open ── … ── store_close
 *
 * Threads: one opens and closes; what is in between is the engine's and the identity's to say.
 */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "engine/engine.h"
#include "identity/builtin.h"
#include "server/config.h"

/* An open store; both NULL where it is closed. */
struct store {
    struct engine *engine;
    struct builtin *identity;
};

/*
 * Makes the directories above `path` that are missing, mode 0700, durably.
 * Errors: DENIED, NO_SPACE, IO, INVALID (a file stands in the way), noted.
 */
struct status store_make_parents(const char *path, struct note *note);

/*
 * Opens the data directory of `config` and the key file beside it; both are made where they are
 * missing. `serving` says that it will be open for long: it is repaired and scrubbed meanwhile.
 * Owns: the caller; store_close.
 * Errors: as engine_open, key_file_load and builtin_open, noted.
 */
struct status store_open(const struct config *config, bool serving, struct note *note,
                         struct store *ret_store);

/* Closes both; nothing where it is closed. */
void store_close(struct store *store);

#endif
