/*
 * call.h - one S3 request on its way: what each step has found out, for the steps after it
 *
 *     route ─ authenticate ─ check ─ authorize ─ admit ─ run ─ reply
 *
 * The steps are called by the server's session, in this order and by nobody else (s3.h). A step
 * reads what earlier ones wrote and writes its own part. Everything lies in the request's arena.
 *
 * Threads: the worker that serves the request.
 */
#ifndef S3_CALL_H
#define S3_CALL_H

#include "access/access.h"
#include "auth/auth.h"
#include "base/arena.h"
#include "base/stream.h"
#include "http/head.h"
#include "http/response.h"
#include "object/object.h"
#include "s3/error.h"

struct s3_call;
struct s3_body;
struct s3_grants;
struct s3_question;

/* A storage policy that a region offers. */
struct s3_policy {
    struct slice name;
};

/* A namespace of buckets, as an endpoint leads to it. */
struct s3_region {
    struct slice name;
    const struct s3_policy *policies;
    size_t policy_count;
    struct slice default_policy;
    bool replicated;
};

/* What all calls share; outlives them. */
struct s3_service {
    struct object_store *objects;
    const struct s3_region *regions; /* of the zone, for messages that name the right choice */
    size_t region_count;
    uint64_t buckets_per_project;
    struct identity *identity; /* of those whose proof stands in a body */
    bool allow_sigv2;
    enum acl_ownership object_ownership; /* of new buckets, if a request says nothing */
    bool block_public_access;            /* of new buckets: the block is all on */
    /* Is told of every decision, for the debug log; NULL: nobody is. */
    void (*decided)(const struct s3_call *call, const struct s3_question *question,
                    const struct access_decision *decision);
};

/* Which kind of thing a request is about. */
enum s3_subject {
    S3_SERVICE,
    S3_BUCKET,
    S3_NEW_BUCKET, /* one that need not be there: CreateBucket */
    S3_WEBSITE,    /* a page of a bucket that is a web site */
    S3_KEYS,       /* keys of a bucket, named in the body: the operation asks for each */
    S3_OBJECT,
    S3_ACCOUNT /* a project as a whole, as S3 Control asks about it; the last (op.c) */
};

/* The header by which S3 Control names the project. */
#define S3_ACCOUNT_HEADER "x-amz-account-id"

/* What a request's body is to its operation. */
enum s3_body_kind {
    S3_BODY_NONE,     /* there should be none; a small one is read and dropped */
    S3_BODY_DOCUMENT, /* a small document, in memory */
    S3_BODY_STREAM    /* bytes of an object: pulled as they come */
};

/* A row of ops.def. */
struct s3_op {
    const char *name; /* S3's own: "PutObject" */
    enum http_method method;
    enum s3_subject subject;
    const char *selector; /* parameters and headers that make it this one (ops.def); NULL: none */
    const char *action;   /* of the policy language: "s3:PutObject"; NULL: nobody is asked */
    const char *log_word; /* of the access log: "REST.PUT.OBJECT" */
    enum s3_body_kind body;
    /* Looks at parameters and headers before anything is read; NULL: nothing to look at. */
    struct status (*check)(struct s3_call *call);
    /* Does it; NULL: NotImplemented, by its name. */
    struct status (*run)(struct s3_call *call);
};

/* What the session does for an operation that answers before it is done. */
struct s3_transport {
    /*
     * Sends the head (status 200, headers of call->response, chunked) now; afterwards nothing but
     * call->transport->early_write and the document of the end may be said. The XML declaration is
     * to be written first, since blanks may not stand before it; the document then has none.
     */
    struct status (*early_begin)(struct s3_call *call);
    /* Sends `bytes` at once. */
    struct status (*early_write)(struct s3_call *call, struct slice bytes);
};

/* How the answer's body comes about. */
struct s3_answer {
    struct slice document; /* these bytes, or, where `send` is set: */
    uint64_t length;       /* exactly so many bytes, */
    /* written by this, after the head is out; then only the connection can be cut. */
    struct status (*send)(struct s3_call *call, struct sink *sink);
    void *context; /* for send and done */
    /*
     * Ends what send or the document needed, whether or not either was said; called once, after the
     * answer or instead of it. NULL: nothing to end.
     */
    void (*done)(struct s3_call *call);
};

struct s3_call {
    /* from the session */
    const struct s3_service *service;
    const struct s3_region *region; /* of the endpoint */
    const struct s3_transport *transport;
    void *session;
    struct arena *arena;
    struct note *note;
    const struct http_head *head;
    const struct http_query *query;
    struct slice bucket_from_host;
    bool is_website; /* the host name is one that serves buckets as web sites */
    struct slice request_id;
    struct slice host_id;
    struct slice source_ip; /* as text */
    bool is_tls;
    struct slice tls_version; /* "TLSv1.3"; empty where it is not known */
    int64_t now_ns;           /* wall clock */

    /* route */
    const struct s3_op *op;
    struct slice bucket_name; /* decoded; empty for the service */
    struct slice key;         /* decoded; empty but for objects */
    bool is_control;          /* it is one of S3 Control's, whose documents look otherwise */

    /* authenticate */
    struct auth_result auth;
    struct auth_denial denial;

    /* authorize: there for buckets and objects, but for CreateBucket */
    struct bucket bucket;
    const struct s3_grants *grants; /* of the bucket that was last asked about (grants.c) */

    /* admit */
    struct source *body;              /* decoded content; ends verified (aws_chunked) */
    uint64_t body_length;             /* of it; UINT64_MAX: unknown */
    struct aws_chunked *body_chunked; /* where it is framed so: trailers, refusals; else NULL */
    struct http_body_source *body_framing; /* trailers of HTTP itself */

    /* run */
    struct http_response response;
    struct s3_answer answer;
    bool early; /* the head is out already */

    /* what went wrong; from anywhere */
    enum s3_error error; /* S3_ERROR_NONE: by the status */
    struct s3_error_detail detail;
    void *state; /* of the operation, from check to run */
};

/*
 * Refuses the call with an S3 error and a sentence for people (NULL: the error's own message):
 * `return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "…")`. Always answers REFUSED.
 */
struct status s3_refuse(struct s3_call *call, enum s3_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds an element <name>value</name> to the error document, as S3 does (Key, Condition, …). */
void s3_refuse_with(struct s3_call *call, const char *name, struct slice value);

/*
 * InvalidArgument about the parameter or header `name`, with ArgumentName and ArgumentValue as S3
 * has them, and a sentence. Always answers REFUSED.
 */
struct status s3_refuse_argument(struct s3_call *call, const char *name, struct slice value,
                                 const char *sentence);

/* NotImplemented about a header, by its name and value. Always answers REFUSED. */
struct status s3_refuse_header_value(struct s3_call *call, const char *name, struct slice value);

/*
 * Has the error answer carry a header (Allow, Content-Range); otherwise only 304 keeps those that
 * call->response has. The value must live as long as the call.
 */
void s3_refuse_header(struct s3_call *call, const char *name, struct slice value);

/* The value of a query parameter; an empty slice with a NULL ptr where it is absent. */
struct slice s3_param(const struct s3_call *call, const char *name);

/* The value of a header (any case); an empty slice with a NULL ptr where it is absent. */
struct slice s3_header(const struct s3_call *call, const char *name);

/*
 * Whom S3 names as the owner of what the principal makes: its project, which is what S3 calls an
 * account. (The initiator of an upload is the user.)
 */
void s3_owner(const struct s3_call *call, struct slice *ret_id, struct slice *ret_name);

/*
 * Makes the XML document in `buf` the answer, with Content-Type application/xml and the status that
 * call->response has. Whatever went wrong in `buf` is told here.
 * Owns: the call takes the bytes over, on failure too; `buf` is empty afterwards.
 * Errors: NO_MEMORY.
 */
struct status s3_answer_xml(struct s3_call *call, struct buf *buf);

/*
 * Reads the body as a document of at most `max` bytes, verified to its end, with Content-MD5 and
 * checksums checked (body.h). Errors: REFUSED; those of the connection.
 */
struct status s3_body_document(struct s3_call *call, size_t max, struct slice *ret_document);

/*
 * Whether `bucket` belongs to whom the header `name` (x-amz-expected-bucket-owner,
 * x-amz-source-expected-bucket-owner) says, where it is there. Errors: REFUSED (AccessDenied).
 */
struct status s3_expect_owner(struct s3_call *call, const char *name, const struct bucket *bucket);

/*
 * Whether the principal may do `action` on another bucket and key than the call's own (a copy's
 * source, a key of a multi-delete), in the version that call->asked_version names. Finds the
 * bucket. Errors: REFUSED (AccessDenied, NoSuchBucket); IO.
 */
struct status s3_authorize_other(struct s3_call *call, const char *action, struct slice bucket_name,
                                 struct slice key, const struct object_version *version,
                                 struct bucket *ret_bucket);

/*
 * Whether the principal may set what a write sets beside the bytes: tags, a list, retention, a
 * legal hold, each by a permission of its own. Order: the write itself was authorized; the key is
 * known. Errors: REFUSED (AccessDenied); IO.
 */
struct status s3_authorize_extras(struct s3_call *call);

/*
 * Asks about the call's own object once its document has been read, for operations that a policy
 * may allow or deny by what is in it (tags, retention); for others it has been settled already.
 * `facts` and `tags` as in struct s3_question; `tags` may be NULL.
 * Errors: REFUSED (AccessDenied, …); IO.
 */
struct status s3_authorize_document(struct s3_call *call, struct object_pairs facts,
                                    const struct object_pairs *tags);

/*
 * The same of an object that has been opened: the one that was there when the request was
 * authorized may have been replaced since by another with another list.
 * Errors: REFUSED (AccessDenied); IO.
 */
struct status s3_authorize_found(struct s3_call *call, const char *action,
                                 const struct bucket *bucket, const struct object_info *info);

#endif
