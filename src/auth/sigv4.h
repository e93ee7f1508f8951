/*
 * sigv4.h - AWS Signature Version 4 as S3 uses it: the parts that signer and verifier share
 *
 *     method, path, query, headers ──▶ canonical request ──▶ string to sign ──▶ signature
 *     secret, date, region ──────────▶ signing key ────────────────────────────────┘
 *
 * S3 differs from other services: the path is encoded once and not normalised.
 *
 * Threads: pure functions.
 */
#ifndef AUTH_SIGV4_H
#define AUTH_SIGV4_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/date.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/head.h"

enum {
    SIGV4_DIGEST_LEN = 32,
    SIGV4_HEX_LEN = 64,
    SIGV4_DATE_LEN = 8, /* 20130524 */
    SIGV4_REGION_MAX = 64,
    SIGV4_SIGNED_HEADERS_MAX = HTTP_HEADERS_MAX
};

/* The scope of a credential; the service is always s3, the terminator always aws4_request. */
struct sigv4_scope {
    struct slice access_key;
    struct slice date; /* SIGV4_DATE_LEN digits */
    struct slice region;
};

/* The running signature of a body in signed chunks. */
struct sigv4_chain {
    unsigned char key[SIGV4_DIGEST_LEN];
    char time[DATE_COMPACT_LEN + 1];
    struct slice scope;           /* "20130524/us-east-1/s3/aws4_request" */
    char previous[SIGV4_HEX_LEN]; /* signature of the head, then of each chunk in turn */
};

/* One header of a canonical request: the name in lower case, the values as sent, joined. */
struct sigv4_header {
    struct slice name;
    struct slice value;
};

/* What a canonical request is made of. */
struct sigv4_canonical {
    struct slice method;
    struct slice path;                  /* in its canonical form: sigv4_canonical_path */
    struct slice query;                 /* in its canonical form: sigv4_canonical_query */
    const struct sigv4_header *headers; /* sorted by name */
    size_t header_count;
    struct slice payload_hash;
};

/* Derives the key that signs requests within `scope`. */
void sigv4_signing_key(struct slice secret, const struct sigv4_scope *scope,
                       unsigned char ret_key[SIGV4_DIGEST_LEN]);

/*
 * The canonical form of a raw path: decoded, and each byte but the unreserved ones and '/' encoded.
 * A path with a broken escape is taken as it is.
 * Owns: the answer lies in `arena`, or is `path` itself.
 */
struct slice sigv4_canonical_path(struct arena *arena, struct slice path);

/*
 * The canonical form of a query: parameters encoded and sorted, "name=" for those without a value;
 * without the parameter `omit` (may be empty). `as_sent` takes the raw names and values instead of
 * encoding the decoded ones.
 * Owns: the answer lies in `arena`.
 */
struct slice sigv4_canonical_query(struct arena *arena, const struct http_query *query,
                                   struct slice omit, bool as_sent);

/* Appends the canonical request; header values are trimmed and their runs of blanks collapsed. */
void sigv4_canonical_request(const struct sigv4_canonical *canonical, struct buf *out);

/* Appends the names of `headers` joined by ';'. */
void sigv4_signed_headers(const struct sigv4_header *headers, size_t count, struct buf *out);

/* Appends the string to sign for a canonical request at `time` (compact form) within `scope`. */
void sigv4_string_to_sign(struct slice time, struct slice scope, struct slice canonical_request,
                          struct buf *out);

/* The signature of `string_to_sign`, in hexadecimal, without a NUL. */
void sigv4_signature(const unsigned char key[SIGV4_DIGEST_LEN], struct slice string_to_sign,
                     char ret_hex[SIGV4_HEX_LEN]);

/*
 * The signature that the next chunk of `chain` must carry, given the SHA-256 of its data. Does not
 * move the chain on: copy it to chain->previous once it is seen to match.
 * Spec: S3 API, "Signature calculations: transferring payload in multiple chunks".
 */
void sigv4_chunk_signature(const struct sigv4_chain *chain,
                           const unsigned char data_sha256[SIGV4_DIGEST_LEN],
                           char ret_hex[SIGV4_HEX_LEN]);

/* The same for the trailers, given the SHA-256 of their canonical lines ("name:value\n"). */
void sigv4_trailer_signature(const struct sigv4_chain *chain,
                             const unsigned char trailers_sha256[SIGV4_DIGEST_LEN],
                             char ret_hex[SIGV4_HEX_LEN]);

#endif
