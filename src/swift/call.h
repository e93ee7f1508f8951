/*
 * call.h - one Swift request on its way: what each step has found out, for the steps after it
 *
 *     route ─ authenticate ─ check ─ authorize ─ admit ─ run ─ reply
 *
 * The steps are called by the server's session, in this order and by nobody else (swift.h). A step
 * reads what earlier ones wrote and writes its own part. Everything lies in the request's arena.
 *
 * An account is a project, a container a bucket: the same as through S3. What Swift knows besides
 * (metadata of containers, access lists, quotas) is a document of the bucket, or the record of the
 * account.
 *
 * Threads: the worker that serves the request.
 */
#ifndef SWIFT_CALL_H
#define SWIFT_CALL_H

#include "access/access.h"
#include "base/arena.h"
#include "base/stream.h"
#include "http/framing.h"
#include "http/head.h"
#include "http/response.h"
#include "identity/identity.h"
#include "object/object.h"

struct swift_by_url;
struct swift_call;

enum {
    SWIFT_TRANS_ID_LEN = 34, /* "tx", 21 digits, "-" and the time */
    SWIFT_CONTAINER_NAME_MAX = 256,
    SWIFT_OBJECT_NAME_MAX = 1024,
    SWIFT_LISTING_MAX = 10000, /* entries of a page, of containers or of objects */
    SWIFT_RESELLER_PREFIX_MAX = 32
};

/* The largest object of one request, as Swift has it. */
#define SWIFT_OBJECT_SIZE_MAX (UINT64_C(5) * 1024 * 1024 * 1024 + 2)

/* A namespace of containers, as an endpoint leads to it. */
struct swift_region {
    struct slice name;
    const struct slice *policies; /* storage policies that it offers */
    size_t policy_count;
    struct slice default_policy;
    bool replicated;
};

/* What is asked of the evaluator of buckets, which all doors share. */
struct swift_question {
    const char *action; /* in S3's words: "s3:GetObject" */
    const struct bucket *bucket;
    bool account_gives;             /* the account's list does */
    struct slice key;               /* empty: it is about the container */
    const struct object_info *info; /* the object, where it has been found already */
};

/* What all calls share; outlives them. */
struct swift_service {
    struct object_store *objects;
    struct identity *identity;
    struct tempauth *tempauth; /* NULL: there is no /auth/v1.0 */
    uint64_t buckets_per_project;
    /*
     * Whether call->principal may: bucket policy, lists of either door, public access block.
     * Errors: CORRUPT; IO; NO_MEMORY.
     */
    struct status (*decide)(struct swift_call *call, const struct swift_question *question,
                            struct access_decision *ret_decision);
};

/* What an account's list gives somebody. */
enum swift_standing { SWIFT_NOTHING, SWIFT_READ_ONLY, SWIFT_READ_WRITE, SWIFT_ADMIN };

/* Which kind of thing a request is about. */
enum swift_subject {
    SWIFT_INFO,
    SWIFT_HEALTH,
    SWIFT_LOGIN,
    SWIFT_ACCOUNT,
    SWIFT_CONTAINER,
    SWIFT_OBJECT
};

/* Who may, before anything is asked of a bucket. */
enum swift_right {
    SWIFT_ANYBODY, /* nobody is asked; or the operation asks itself */
    SWIFT_READ,    /* account, container or object are read */
    SWIFT_WRITE,   /* a container's objects are written */
    SWIFT_OWN      /* only who may act for the account: containers come and go, or are changed */
};

/* What a request's body is to its operation. */
enum swift_body_kind {
    SWIFT_BODY_NONE,     /* there should be none; a small one is read and dropped */
    SWIFT_BODY_DOCUMENT, /* a small document, in memory */
    SWIFT_BODY_STREAM    /* bytes of an object, an archive, a form: pulled as they come */
};

/* A row of ops.def. */
struct swift_op {
    const char *name; /* "SwiftPutObject": metrics, access log */
    enum http_method method;
    enum swift_subject subject;
    const char *selector; /* parameters and headers that make it this one (ops.def); NULL: none */
    enum swift_right right;
    const char *action; /* in S3's words, for policies and lists; NULL: none of a bucket */
    enum swift_body_kind body;
    /* Looks at the head before anybody is asked; NULL: nothing to look at. */
    struct status (*check)(struct swift_call *call);
    /* Does it; NULL: 501, by its name. */
    struct status (*run)(struct swift_call *call);
};

/* What the session does for an operation that answers before it is done. */
struct swift_transport {
    /* Sends the head (status and headers of call->response, chunked) now; afterwards nothing but
     * early_write and the document of the end may be said. */
    struct status (*early_begin)(struct swift_call *call);
    /* Sends `bytes` at once. */
    struct status (*early_write)(struct swift_call *call, struct slice bytes);
};

/* How the answer's body comes about. */
struct swift_answer {
    struct slice document; /* these bytes, or, where `send` is set: */
    uint64_t length;       /* exactly so many bytes, */
    /* written by this, after the head is out; then only the connection can be cut. */
    struct status (*send)(struct swift_call *call, struct sink *sink);
    void *context; /* for send and done */
    /*
     * Ends what send or the document needed, whether or not either was said; called once, after the
     * answer or instead of it. NULL: nothing to end.
     */
    void (*done)(struct swift_call *call);
};

/* What is said instead of an answer. */
struct swift_error {
    int status;         /* 0: by the status of the step that failed */
    struct slice body;  /* a NULL ptr: the page that Swift has for the status */
    const char *type;   /* of `body`; NULL: it is called HTML */
    bool nobodys;       /* the challenge of a 401 names no account */
    bool keeps_headers; /* those that call->response has belong to it (304, 412, 416) */
};

/* What a browser's page may see (cors.h). */
struct swift_cors {
    struct slice origin; /* empty: nothing */
    struct slice exposed;
    struct slice max_age;
};

/* What may be asked about at all; whoever has a token is not confined. */
enum swift_reach { SWIFT_REACH_ALL, SWIFT_REACH_ACCOUNT, SWIFT_REACH_CONTAINER };

struct swift_call {
    /* from the session */
    const struct swift_service *service;
    const struct swift_region *region; /* of the endpoint */
    const struct swift_transport *transport;
    void *session;
    struct arena *arena;
    struct note *note;
    const struct http_head *head;
    const struct http_query *query;
    struct slice label_from_host; /* what stands before the endpoint's name in Host; else empty */
    struct slice trans_id;
    struct slice source_ip; /* as text */
    struct slice source;    /* address or network of the client: guesses are counted by it */
    bool is_tls;
    int64_t now_ns; /* wall clock */

    /* route */
    const struct swift_op *op;
    struct slice base;       /* what the account's path begins with: "/v1", "/swift/v1" */
    struct slice account;    /* as the path has it: "AUTH_4711"; decoded */
    struct slice prefix;     /* of it: "AUTH_" */
    struct slice project_id; /* the rest of it */
    struct slice container;  /* decoded; empty but for containers and objects */
    struct slice object;     /* decoded; empty but for objects */

    /* authenticate */
    struct principal principal;
    bool token_refused;                /* there was one, and it is nobody's */
    enum swift_reach url_reach;        /* what a temporary URL reaches; else ALL */
    const struct swift_by_url *by_url; /* NULL: it is none */

    /* authorize */
    bool acts_for_account;        /* the principal may do everything in the account */
    enum swift_standing standing; /* what the account's list gives them */
    bool has_bucket;              /* the container is there: */
    struct bucket bucket;

    struct swift_cors cors;

    /* admit */
    struct source *body;
    uint64_t body_length; /* UINT64_MAX: unknown */
    struct http_body_source *body_framing;

    /* run */
    struct http_response response;
    struct swift_answer answer;
    bool early; /* the head is out already */

    struct swift_error error; /* what went wrong; from anywhere */
    void *state;              /* of the operation, from check to run */
};

/*
 * Refuses the call with a status, and a sentence as Swift has it, in the place of the page for the
 * status (NULL: that page). Always answers REFUSED.
 */
struct status swift_refuse(struct swift_call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same where Swift calls the sentence text/plain. */
struct status swift_refuse_plain(struct swift_call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the headers that call->response has by now, and nothing in the body. */
struct status swift_refuse_bare(struct swift_call *call, int status);

/* The same with the headers that call->response has by now. */
struct status swift_refuse_with_headers(struct swift_call *call, int status);

/* 401 to who is nobody, 403 to others. Always answers REFUSED. */
struct status swift_deny(struct swift_call *call);

/* Whether the principal may administer all accounts (Swift's reseller admin). */
bool swift_is_reseller(const struct swift_call *call);

/* The value of a query parameter; an empty slice with a NULL ptr where it is absent. */
struct slice swift_param(const struct swift_call *call, const char *name);

/* The value of a header (any case); an empty slice with a NULL ptr where it is absent. */
struct slice swift_header(const struct swift_call *call, const char *name);

/* "yes", "true", "1", "on", "t" and "y" in any case. Spec: Swift, config_true_value. */
bool swift_is_true(struct slice text);

/* Answers with a status and the page that Swift has for it, if it has one. */
void swift_answer_page(struct swift_call *call, int status);

/*
 * Makes what is in `buf` the answer; whatever went wrong in `buf` is told here.
 * Owns: the call takes the bytes over, on failure too; `buf` is empty afterwards.
 * Errors: NO_MEMORY; TOO_LARGE.
 */
struct status swift_answer_document(struct swift_call *call, struct buf *buf, const char *type);

/*
 * Reads the body to its end, at most `max` bytes.
 * Errors: REFUSED (413; 499 where the client left); NO_MEMORY.
 */
struct status swift_body_document(struct swift_call *call, size_t max, struct slice *ret_document);

/*
 * Finds a container of an account by its name there; the names that S3 gives out do not count.
 * Errors: NOT_FOUND; CORRUPT; IO.
 */
struct status swift_container_find(struct swift_call *call, struct slice project_id,
                                   struct slice name, struct bucket *ret_bucket);

/*
 * Whether the principal may do `action` with another container and object than the call's own (the
 * source of a copy, a segment), in any account. Finds the container.
 * Errors: REFUSED (401, 403, 404); IO.
 */
struct status swift_authorize_other(struct swift_call *call, const char *action,
                                    struct slice project_id, struct slice container,
                                    struct slice object, struct bucket *ret_bucket);

/*
 * What a write requires of what is there: If-None-Match: *, or nothing; NULL in `*ret_condition`.
 * Errors: REFUSED (400).
 */
struct status swift_write_condition(struct swift_call *call,
                                    const struct object_condition **ret_condition);

/*
 * Whether quotas of container and account leave room for `size` bytes (UINT64_MAX: nobody knows) as
 * `object`. Errors: REFUSED (413); IO.
 */
struct status swift_quota_check(struct swift_call *call, const struct bucket *bucket,
                                struct slice object, uint64_t size);

/* Whether the principal may list a container that was found. Errors: REFUSED (401, 403); IO. */
struct status swift_authorize_list(struct swift_call *call, const struct bucket *bucket);

/*
 * The same of an object that has been opened: it may have another list than the one that was there
 * when the request was authorized. Errors: REFUSED (401, 403); IO.
 */
struct status swift_authorize_found(struct swift_call *call, const char *action,
                                    const struct bucket *bucket, const struct object_info *info);

#endif
