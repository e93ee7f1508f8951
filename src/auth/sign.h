/*
 * sign.h - the client's side of SigV4: signing requests, for the load generator and for tests
 *
 *     init ── sigv4_sign* / sigv4_presign* / sigv4_sign_streaming* ── fini
 *
 * A signer keeps the signing key of the day, so that a request costs two digests and one HMAC.
 *
 * Threads: one at a time; one signer per thread is cheap.
 */
#ifndef AUTH_SIGN_H
#define AUTH_SIGN_H

#include "auth/sigv4.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    SIGV4_SIGN_HEADERS_MAX = 32,
    SIGV4_ACCESS_KEY_MAX = 128,
    SIGV4_SECRET_MAX = 256,
    SIGV4_SCOPE_MAX = SIGV4_REGION_MAX + 32,
    SIGV4_TEXT_MAX = 16 * 1024 /* a canonical request, while it is being signed */
};

/* For `payload_hash`. */
#define SIGV4_UNSIGNED_PAYLOAD SLICE("UNSIGNED-PAYLOAD")
#define SIGV4_STREAMING_PAYLOAD SLICE("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
#define SIGV4_STREAMING_PAYLOAD_TRAILER SLICE("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
#define SIGV4_STREAMING_UNSIGNED_TRAILER SLICE("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
#define SIGV4_EMPTY_SHA256 SLICE("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

struct sigv4_signer {
    char access_key[SIGV4_ACCESS_KEY_MAX];
    size_t access_key_len;
    char secret[SIGV4_SECRET_MAX];
    size_t secret_len;
    char region[SIGV4_REGION_MAX];
    size_t region_len;
    char key_date[SIGV4_DATE_LEN]; /* the day of `key`; zeros before the first use */
    unsigned char key[SIGV4_DIGEST_LEN];
    char scope[SIGV4_SCOPE_MAX];
    char text[SIGV4_TEXT_MAX];
};

/* What is to be signed. */
struct sigv4_unsigned {
    struct slice method;
    struct slice host;  /* as the Host header will say it, with a port unless it is the default */
    struct slice path;  /* as it will be sent: percent-encoded, begins with '/' */
    struct slice query; /* as it will be sent, without '?'; may be empty */
    const struct http_header *headers; /* further headers to sign; names of any case */
    size_t header_count;               /* at most SIGV4_SIGN_HEADERS_MAX - 3 */
    struct slice payload_hash;         /* hexadecimal, or one of the words above */
};

/*
 * Makes a signer for one credential and region.
 * Owns: a copy of all three. Errors: TOO_LARGE, INVALID (empty).
 */
struct status sigv4_signer_init(struct sigv4_signer *signer, struct slice access_key,
                                struct slice secret, struct slice region);

/* Wipes the secret and the key. */
void sigv4_signer_fini(struct sigv4_signer *signer);

/*
 * Appends the three header lines that sign a request, each with its CRLF: x-amz-date,
 * x-amz-content-sha256 and Authorization. The host and the given headers are signed too; the
 * caller sends them as given.
 * Errors: TOO_LARGE (too much to sign, or `out` is full); INVALID (a query that can't be parsed).
 */
struct status sigv4_sign(struct sigv4_signer *signer, const struct sigv4_unsigned *request,
                         int64_t now_ns, struct buf *out);

/*
 * The same, and gives the start of the chain that signs the body's chunks
 * (sigv4_chunk_signature). Owns: the chain's slices lie in `signer`, until its next use.
 */
struct status sigv4_sign_streaming(struct sigv4_signer *signer,
                                   const struct sigv4_unsigned *request, int64_t now_ns,
                                   struct buf *out, struct sigv4_chain *ret_chain);

/*
 * Appends the whole query string, signature included, of a presigned URL that is good for
 * `expires_s` seconds. The payload hash is UNSIGNED-PAYLOAD unless request->payload_hash is given,
 * which then is a parameter too.
 * Errors: as for sigv4_sign.
 */
struct status sigv4_presign(struct sigv4_signer *signer, const struct sigv4_unsigned *request,
                            int64_t now_ns, uint32_t expires_s, struct buf *out);

#endif
