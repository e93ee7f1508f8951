/*
 * session.h - one request from its first byte to its line in the access log
 *
 * The steps and their order are a table in session.c; each asks a room below. A session is what a
 * worker keeps for the requests that it serves one after the other: an arena with a limit and the
 * structs that are too large for its stack.
 *
 *     session_new ── session_serve* ── session_free
 *
 * Threads: a session belongs to one worker. What is shared (struct session_shared) does not change.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "auth/key_cache.h"
#include "identity/identity.h"
#include "keystone/keystone.h"
#include "net/server.h"
#include "os/clock.h"
#include "server/access_log.h"
#include "server/metrics.h"
#include "server/zone.h"

enum {
    SESSION_ARENA_BYTES_MAX = 32 * 1024 * 1024, /* of one request */
    SESSION_DOCUMENT_BYTES = 4 * 1024 * 1024,   /* of body memory, for a document of any length */
    SESSION_STREAM_BYTES = 1024 * 1024,         /* of body memory, for an upload */
    SESSION_DRAIN_BYTES_MAX = 256 * 1024,       /* of a body that nobody wanted */
    SESSION_REQUEST_ID_LEN = 16
};

/* What all sessions work with; outlives them. */
struct session_shared {
    const struct config *config;
    const struct zone *zone;
    struct identity *identity;
    struct key_cache *key_cache;   /* NULL: keys are derived each time */
    struct metrics *metrics;       /* of session_metrics_new; NULL: nobody counts */
    struct access_log *access_log; /* NULL: off */
    struct clock *clock;
};

struct session;

/* Makes what one worker needs. Owns: the caller; session_free. */
struct session *session_new(const struct session_shared *shared);

/* Gives it back; NULL is allowed. */
void session_free(struct session **session);

/*
 * Serves the request whose head begins at net_conn_bytes(conn), and says what becomes of the
 * connection.
 * Blocks: for the client, under the connection's deadlines; for the store.
 */
enum net_next session_serve(struct session *session, struct net_conn *conn);

/* S3's words for what the connections refuse by themselves: net_handler.refusal. */
size_t session_refusal(enum net_refusal why, char *out, size_t cap);

/*
 * swift_service.decide: asks the evaluator that S3 has too.
 * Order: the call is a session's.
 */
struct status session_swift_decide(struct swift_call *call, const struct swift_question *question,
                                   struct access_decision *ret_decision);

/* Counters for all operations of S3, of Swift and of the Identity API, and for what is none. Owns:
 * the caller; metrics_free. */
struct metrics *session_metrics_new(void);

/* Which of them is an operation of the Identity API; NULL: what is none of it. */
size_t session_metrics_of_route(const struct keystone_route *route);

#endif
