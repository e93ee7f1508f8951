/*
 * session_state.h - a request in the hands of its worker; for session*.c only
 *
 * Threads: the worker's.
 */
#ifndef SERVER_SESSION_STATE_H
#define SERVER_SESSION_STATE_H

#include "auth/aws_chunked.h"
#include "http/framing.h"
#include "os/random.h"
#include "s3/s3.h"
#include "server/session.h"

/* Between connection and framing: says "100 Continue" when the body is first asked for. */
struct session_gate {
    struct source source;
    bool expecting; /* the client waits for our word; it has not been said */
    bool failed;    /* the client left, or took too long */
};

struct session {
    const struct session_shared *shared;
    struct arena arena;
    struct random_seeded ids;
    struct buf head_out; /* of the answer; kept over requests */

    /* of the request */
    struct net_conn *conn;
    struct status status; /* of the steps so far */
    bool has_head;        /* `head` is there; else `head_error` says why not */
    bool is_head_method;  /* as far as a broken head lets know */
    bool answered;        /* by HTTP alone, without an operation */
    bool authorized;      /* a stranger did not get so far */
    bool admitted;        /* `admitted_bytes` are taken out of the budget */
    bool is_chunked;      /* `chunked` is in use */
    bool keep;            /* the connection is kept, as the answer said */
    bool broken;          /* the answer broke off */
    enum s3_error head_error;
    uint64_t admitted_bytes;
    uint64_t sent; /* bytes of the answer's body */
    int64_t began_ns;
    int sent_status;
    struct note note;
    struct http_head head;
    struct http_query query;
    struct s3_call call;
    struct session_gate gate;
    struct http_body_source framing;
    struct aws_chunked chunked;
    struct http_body_sink sink;
    char request_id[SESSION_REQUEST_ID_LEN + 1];
    char source_ip[NET_ADDRESS_TEXT_MAX];
};

/* session.c: the first step and the last, and what is around them. */
void session_begin(struct session *session, struct net_conn *conn);
struct status session_read_head(struct session *session);
struct status session_settle(struct session *session);
enum net_next session_next(const struct session *session);

/* session_body.c */

/* Makes ready to read the body that the head announces; nothing is read yet. */
void session_body_begin(struct session *session);

/* Takes the body out of the budgets and gives it to the call. Errors: REFUSED (SlowDown). */
struct status session_body_admit(struct session *session);

/* Whether nothing stands in the way of another request behind this one's body. */
bool session_body_may_keep(struct session *session);

/* Reads what is left of the body; false where the connection can't be kept. */
bool session_body_end(struct session *session);

/* session_reply.c: says what there is to say, error or not. */
void session_reply(struct session *session);
extern const struct s3_transport session_transport;

/* session_log.c: the access log's line and the metrics. */
void session_log(struct session *session);

#endif
