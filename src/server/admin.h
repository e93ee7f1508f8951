/*
 * admin.h - administration: small JSON requests, through a local socket or directly
 *
 * A request is one JSON object on one line, {"op": "user.create", …}; the reply is one JSON object,
 * {"ok": true, …} or {"ok": false, "code": "NOT_FOUND", "message": "…"}. Operations:
 *
 *     ping
 *     domain.create  domain.list  domain.show  domain.delete  domain.enable  domain.disable
 *     project.*      user.*       the same six
 *     key.create     key.list     key.show     key.delete     key.enable     key.disable
 *     user.password  role.grant   role.revoke  role.list
 *     policy.explain (explain.h)
 *
 * and those of admin_store.h.
 *
 * A secret is in the reply to key.create and in no other. Whoever can open the socket (mode 0600:
 * the user of the server) administers everything, so there is nothing to log in with.
 *
 *     open ── execute* ── close                    on a stopped store
 *     open ── serve ── … ── stop ── close          in a server
 *
 * Threads: admin_execute from any; the others from one.
 */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "base/buf.h"
#include "base/note.h"
#include "engine/engine.h"
#include "identity/builtin.h"

enum { ADMIN_REQUEST_BYTES_MAX = 64 * 1024, ADMIN_REPLY_BYTES_MAX = 2 * 1024 * 1024 };

struct zone;

/* What administration works on. */
struct admin {
    struct builtin *identity; /* NULL, without a store: only policy.explain is asked */
    bool is_elsewhere;        /* the users are a Keystone's: nothing is to be done here */
    /* Says whether a project still has buckets; NULL: nobody asks. */
    struct status (*project_has_buckets)(void *context, struct slice project_id, bool *ret_has);
    void *context;
    const struct zone *zone; /* whose decisions can be explained; NULL: none's */
    struct engine *engine;   /* NULL: nothing can be done with drives */
    bool serving;            /* in a server, which repairs and scrubs */
};

/*
 * Executes one request and appends the reply, without a line end, to `reply`. What is wrong with
 * the request is in the reply. The caller wipes the reply.
 * Blocks: as the store.
 */
void admin_execute(struct admin *admin, struct slice request, struct buf *reply);

struct admin_server;

/*
 * Listens at `path` with mode 0600 and answers on a thread of its own, one connection at a time,
 * each within a few seconds. A socket file that nobody listens at is replaced.
 * Owns: the caller, until admin_server_stop. `admin` outlives the server.
 * Errors: BUSY (somebody listens there); DENIED; IO; noted.
 */
struct status admin_server_start(struct admin *admin, const char *path, struct note *note,
                                 struct admin_server **ret_server);

/* Ends the thread after the request in progress and removes the socket; NULL is allowed. */
void admin_server_stop(struct admin_server **server);

#endif
