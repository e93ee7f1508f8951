/*
 * privileges.h - root for as long as a port below 1024 needs it, and not a line longer
 *
 *     privileges_find ── enter ── (files are made by the user) ── leave ── (ports) ── drop
 *
 * Everything on the disk is made as the user that the server will be, so that it can be opened
 * again without root. Where no user is configured, or the process is not root's, all of it does
 * nothing.
 *
 * Threads: the main thread; the identity changes for all threads of the process.
 */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/note.h"
#include "server/config.h"

struct privileges {
    bool change; /* there is somebody else to be */
    uid_t uid;
    gid_t gid;
    const char *user;
};

/*
 * Finds whom to become. A process that is not root's may be told to be who it is already.
 * Errors: INVALID (no such user or group); DENIED (not root, and not that user); noted.
 */
struct status privileges_find(const struct config_server *server, struct note *note,
                              struct privileges *ret_privileges);

/* Is the user for now; privileges_leave is root again. Errors: DENIED, noted. */
struct status privileges_enter(const struct privileges *privileges, struct note *note);
struct status privileges_leave(const struct privileges *privileges, struct note *note);

/* Is the user from here on, without a way back. Errors: DENIED, noted. */
struct status privileges_drop(const struct privileges *privileges, struct note *note);

#endif
