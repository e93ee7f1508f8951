/*
 * auth.h - who is asking, and did they sign these bytes
 *
 * Finds the one kind of authentication in a request head, looks its access key up, and verifies
 * the signature over everything the head says. What the body must turn out to be (a digest, a
 * chain of signed chunks, trailers) is part of the answer; aws_chunked.h and the digests of the
 * upload hold the body to it.
 *
 *     head, query ──▶ which kind? ──▶ parse ──▶ look the key up ──▶ verify ──▶ struct auth_result
 *                        │              │             │               │
 *                        └──────────────┴─────────────┴───────────────┴────▶ struct auth_denial
 *
 * Whatever is refused is refused before anything is created. Kinds: none (anonymous), SigV4 and
 * SigV2, each in the Authorization header or in the query (presigned). Two kinds in one request
 * are refused. The form prologue of a POST upload is another place for a proof and will be another
 * function here.
 *
 * Threads: any; a request's structs belong to its thread.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/key_cache.h"
#include "auth/sigv4.h"
#include "base/arena.h"
#include "base/note.h"
#include "base/status.h"
#include "http/head.h"
#include "identity/identity.h"

enum {
    AUTH_SKEW_MAX_S = 15 * 60,
    AUTH_PRESIGN_EXPIRES_MAX_S = 7 * 24 * 60 * 60,
    AUTH_TRAILERS_MAX = 8
};

enum auth_refusal {
    AUTH_REFUSAL_NONE = 0,
#define REFUSAL(name, text) AUTH_REFUSAL_##name,
#include "auth/refusals.def"
#undef REFUSAL
    AUTH_REFUSAL_COUNT
};

enum auth_kind {
    AUTH_ANONYMOUS,
    AUTH_SIGV4_HEADER,
    AUTH_SIGV4_QUERY,
    AUTH_SIGV2_HEADER,
    AUTH_SIGV2_QUERY
};

/* How the body is bound to the signature, and how it is framed. */
enum auth_payload {
    AUTH_PAYLOAD_UNSIGNED,                  /* not bound: UNSIGNED-PAYLOAD, SigV2, anonymous */
    AUTH_PAYLOAD_SHA256,                    /* its SHA-256 is in the result */
    AUTH_PAYLOAD_STREAMING_SIGNED,          /* aws-chunked, each chunk signed */
    AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER,  /* the same, with signed trailers */
    AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER /* aws-chunked, unsigned, with trailers */
};

struct auth_request {
    const struct http_head *head;
    const struct http_query *query; /* of head->query, decoded */
    struct slice bucket_from_host;  /* of a virtual-host style request; else empty */
    int64_t now_ns;                 /* wall clock */
    struct identity *identity;
    struct key_cache *key_cache; /* may be NULL: keys are then derived each time */
    bool allow_sigv2;
    bool allow_anonymous; /* false: a request without a proof is AUTH_REFUSAL_ANONYMOUS */
};

/* Names of trailers a request announced, lower-case, in order. */
struct auth_trailers {
    size_t count;
    struct slice names[AUTH_TRAILERS_MAX];
};

struct auth_result {
    enum auth_kind kind;
    struct principal principal;
    struct slice region; /* of the credential; empty but for SigV4 */
    enum auth_payload payload;
    unsigned char payload_sha256[SIGV4_DIGEST_LEN]; /* for AUTH_PAYLOAD_SHA256 */
    uint64_t decoded_length;                        /* for the streaming modes */
    struct auth_trailers trailers;                  /* for the trailer modes */
    struct sigv4_chain chain;                       /* for the signed streaming modes */
};

/*
 * Why not, as much of it as was known. The strings are what this server signed, for the client to
 * compare with its own; they hold nothing that the client did not send, and no secret.
 */
struct auth_denial {
    enum auth_refusal refusal;
    enum auth_kind kind;
    struct slice access_key;
    struct slice string_to_sign;     /* for SIGNATURE_MISMATCH */
    struct slice canonical_request;  /* for SIGNATURE_MISMATCH of SigV4 */
    struct slice signature_provided; /* for SIGNATURE_MISMATCH */
    struct slice unsigned_headers;   /* for UNSIGNED_HEADERS: lower-case, joined by ", " */
    int64_t request_time_ns;         /* for SKEWED, NOT_YET_VALID, EXPIRED: as the client says */
    uint64_t expires_s;              /* for NOT_YET_VALID, EXPIRED of SigV4 */
};

/*
 * Answers who sends `request`, after verifying the signature of its head.
 * A request without any proof is the anonymous principal.
 * Owns: the result's and the denial's slices lie in `arena` or in the request.
 * Errors: REFUSED (`*ret_denial` says why, `note` for people); NO_MEMORY (arena); what
 * identity_key_find fails with.
 * Blocks: for one key look-up.
 * Spec: S3 API, "Authenticating Requests (AWS Signature Version 4)" and "Signing and
 * Authenticating REST Requests" (version 2).
 */
struct status auth_identify(const struct auth_request *request, struct arena *arena,
                            struct note *note, struct auth_denial *ret_denial,
                            struct auth_result *ret_result);

/* A few words for a refusal, for logs and metrics. */
const char *auth_refusal_text(enum auth_refusal refusal);

/*
 * Adds to `head` what the query of a presigned URL says in the place of headers, as SDKs have it
 * that move all x-amz-* there; the signature covers it. A header that is in the head stays as it
 * is. `*ret_count`: how many were added.
 * Owns: names and values stay those of the query.
 * Errors: INVALID: no header can be so, or there are too many; `head` is not to be used then.
 */
struct status auth_query_headers(const struct auth_result *result, const struct http_query *query,
                                 struct http_head *head, size_t *ret_count);

/* Whether a body in that mode is framed as aws-chunked and must be read through aws_chunked.h. */
bool auth_payload_is_chunked(enum auth_payload payload);

#endif
