/*
 * tempurl.h - temporary URLs: what their query says, and whether it is signed with one of the keys
 *
 *     ?temp_url_sig=…&temp_url_expires=…[&temp_url_prefix=…][&temp_url_ip_range=…][&filename=…][&inline]
 *
 *     HMAC(key, ["ip=RANGE\n"] METHOD "\n" EXPIRES "\n" ["prefix:"] PATH)
 *
 * with SHA-1, SHA-256 or SHA-512, told by the length of the digits or by a name in front of base64.
 * HEAD may be signed as another method. Every key and method is tried, in a time that tells nothing
 * about which fits.
 *
 * Threads: pure functions.
 * Spec: Object Storage API, "Temporary URL middleware"; Swift, middleware/tempurl.py, digest.py.
 */
#ifndef SWIFT_TEMPURL_H
#define SWIFT_TEMPURL_H

#include "base/arena.h"
#include "crypto/digest.h"
#include "http/head.h"

enum { SWIFT_TEMPURL_KEYS_MAX = 4 };

struct swift_tempurl {
    enum digest_kind kind;
    unsigned char signature[DIGEST_LEN_MAX];
    size_t signature_len;
    int64_t expires_s;
    bool has_prefix;
    struct slice prefix;
    struct slice ip_range; /* a NULL ptr: any */
    struct slice filename; /* empty: none */
    bool is_inline;
};

/* Whether a request shows a temporary URL's proof, be it a wrong one. */
bool swift_tempurl_claims(const struct http_query *query);

/*
 * Reads the query; false: it is none that could be right, at `now_s` (seconds since 1970).
 * Owns: slices point into the query.
 */
bool swift_tempurl_read(const struct http_query *query, int64_t now_s,
                        struct swift_tempurl *ret_tempurl);

/* Whether an address, as text, is within a range "10.0.0.0/8", or is that address. */
bool swift_tempurl_ip_fits(struct slice range, struct slice address);

/* What is asked: the method, and where. */
struct swift_tempurl_request {
    enum http_method method;
    struct slice before; /* "/v1/AUTH_x/container/" */
    struct slice object;
};

/*
 * Whether one of the keys has signed it; `*ret_key` says which. Keys that are empty sign nothing.
 * The object must begin with the prefix, where there is one.
 * Errors: NO_MEMORY (never says yes).
 */
bool swift_tempurl_verify(const struct swift_tempurl *tempurl,
                          const struct swift_tempurl_request *request, const struct slice *keys,
                          size_t count, struct arena *arena, size_t *ret_key);

/* A signature as digits or as "name:base64" (either alphabet); false: it is neither. */
bool swift_signature_parse(struct slice text, enum digest_kind *ret_kind, unsigned char *out,
                           size_t *ret_len);

/*
 * Whether one of the keys has signed `text`, as `signature` says, which is as long as its digest;
 * the first that fits is told. Every key is tried. Keys that are empty sign nothing.
 */
bool swift_signature_fits(enum digest_kind kind, struct slice signature, struct slice text,
                          const struct slice *keys, size_t count, size_t *ret_key);

/* "attachment; filename=…": the Content-Disposition that a name gets. Owns: it lies in `arena`. */
struct slice swift_disposition(struct arena *arena, const char *kind, struct slice filename);

#endif
