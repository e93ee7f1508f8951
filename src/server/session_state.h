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
#include "swift/swift.h"

/* Between connection and framing: says "100 Continue" when the body is first asked for. */
struct session_gate {
    struct source source;
    bool expecting; /* the client waits for our word; it has not been said */
    bool failed;    /* the client left, or took too long */
};

/* What a request's body is to its operation. */
enum session_body {
    SESSION_BODY_NONE,
    SESSION_BODY_DOCUMENT, /* small, in memory */
    SESSION_BODY_STREAM
};

/* What there is to say behind the head. */
struct session_answer {
    struct slice document;
    uint64_t length; /* with `sends` */
    bool sends;      /* so many bytes by door->send, instead of the document */
};

/*
 * A door: what S3 and Swift do differently, in the steps of session.c. Everything else about a
 * request (head, client, endpoint, body, answer, books) is the session's.
 */
struct session_door {
    /* The steps. `query` is how it went to take the query apart; INVALID and TOO_LARGE are the
     * door's to answer. Errors: REFUSED, with the reason in the door's call; any. */
    struct status (*route)(struct session *s, struct status query);
    struct status (*authenticate)(struct session *s);
    struct status (*check)(struct session *s);
    struct status (*authorize)(struct session *s);
    struct status (*run)(struct session *s);

    /* Puts the door's words for s->status in the place of what there was to say; `true` is for an
     * error that is ours. */
    bool (*error)(struct session *s);
    /* Says an error without the call, where there was no memory for more: a whole answer. */
    size_t (*raw)(struct session *s, bool internal, char *out, size_t cap);
    /* The headers that every answer of the door has. */
    void (*headers)(struct session *s);

    enum session_body (*body_kind)(const struct session *s);
    /* Hands the body over, s->framing or what stands above it. */
    void (*body_given)(struct session *s);

    struct session_answer (*answer)(const struct session *s);
    struct status (*send)(struct session *s, struct sink *sink);
    void (*done)(struct session *s); /* ends what the answer needed; may be called again */

    /* For the books: the operation's place among the metrics, its name (NULL: none), and what the
     * access log has about it. */
    size_t (*metric)(const struct session *s);
    const char *(*operation)(const struct session *s);
    void (*record)(const struct session *s, struct access_record *record);
};

extern const struct session_door session_s3;    /* session_s3.c */
extern const struct session_door session_swift; /* session_swift.c */

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
    bool early;           /* the head of the answer is out already */
    bool is_tls;
    enum s3_error head_error;
    uint64_t admitted_bytes;
    uint64_t sent; /* bytes of the answer's body */
    int64_t began_ns;
    int sent_status;
    struct note note;
    struct http_head head;
    struct http_query query;
    const struct session_door *door;
    struct http_response *response; /* the door's */
    /*
     * The door's call. That of S3 is there for Swift too: buckets have one evaluator (s3/grants.h).
     */
    struct s3_call call;
    struct swift_call swift;
    const struct config_endpoint *endpoint;
    int64_t now_ns;
    struct session_gate gate;
    struct http_body_source framing;
    struct aws_chunked chunked;
    struct http_body_sink sink;
    char request_id[SESSION_REQUEST_ID_LEN + 1];
    char trans_id[SWIFT_TRANS_ID_LEN + 1]; /* of Swift */
    char source_ip[NET_ADDRESS_TEXT_MAX];
    char source[NET_ADDRESS_TEXT_MAX]; /* address or network of the client */
};

/* session.c: the first step and the last, and what is around them. */
void session_begin(struct session *session, struct net_conn *conn);
struct status session_read_head(struct session *session);
struct status session_settle(struct session *session);
enum net_next session_next(const struct session *session);

/* session_body.c */

/* Makes ready to read the body that the head announces; nothing is read yet. */
void session_body_begin(struct session *session);

/* Takes the body out of the budgets and gives it to the call. Errors: BUSY. */
struct status session_body_admit(struct session *session);

/* Whether nothing stands in the way of another request behind this one's body. */
bool session_body_may_keep(struct session *session);

/* Reads what is left of the body; false where the connection can't be kept. */
bool session_body_end(struct session *session);

/* The length of the content, UINT64_MAX where nobody knows it yet. */
uint64_t session_body_length(const struct session *session);

/* session_reply.c: says what there is to say, error or not. */
void session_reply(struct session *session);

/* A whole answer of S3's that needs no call, with the headers that every answer has. */
size_t session_raw_answer(enum s3_error error, const char *message, struct slice request_id,
                          char *out, size_t cap);

/* Sends the head of the answer now, in chunks what follows, and then a piece of it at once. */
struct status session_early_begin(struct session *session);
struct status session_early_write(struct session *session, struct slice bytes);

/* session_swift.c: whether the request is one for Swift; and the call for it. */
bool session_swift_claims(const struct session *session);
void session_swift_begin(struct session *session);

/* session_s3.c: the S3 call of a new request. */
void session_s3_begin(struct session *session);

/* session_log.c: the access log's line and the metrics. */
void session_log(struct session *session);

#endif
