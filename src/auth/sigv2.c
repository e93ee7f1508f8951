/* SigV2, which old clients still speak: HMAC-SHA1 over a few headers and the resource. */
#include <stdlib.h>

#include "auth/pass.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/ct.h"
#include "crypto/hmac.h"

enum { SHA1_LEN = 20 };

/* Query parameters that are part of the resource and therefore signed, in bytewise order. */
static const char *const signed_params[] = {
    "accelerate",
    "acl",
    "analytics",
    "append",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};

/* A header x-amz-*, or a query parameter of a presigned URL that stands for one. */
struct amz_header {
    struct slice name; /* any case */
    struct slice value;
};

struct claim {
    struct slice access_key;
    struct slice signature; /* base64 */
    struct slice date;      /* what stands in the date's place */
    bool from_query;        /* headers may have been moved into the query */
};

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int name_cmp(struct slice a, struct slice b) {
    size_t shared = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shared; i++) {
        int order = (unsigned char)lower(a.ptr[i]) - (unsigned char)lower(b.ptr[i]);
        if (order != 0) return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int amz_header_cmp(const void *a, const void *b) {
    const struct amz_header *left = a;
    const struct amz_header *right = b;
    int order = name_cmp(left->name, right->name);
    if (order != 0) return order;
    /* Headers of one name stay in the order in which they came: by their place in memory. */
    return (left->value.ptr > right->value.ptr) - (left->value.ptr < right->value.ptr);
}

static bool is_amz(struct slice name) {
    return slice_starts_with_nocase(name, SLICE("x-amz-"));
}

static size_t amz_headers_collect(const struct auth_pass *pass, const struct claim *claim,
                                  struct amz_header *ret_headers) {
    const struct http_head *head = pass->request->head;
    const struct http_query *query = pass->request->query;
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!is_amz(head->headers[i].name)) continue;
        ret_headers[count++] = (struct amz_header){head->headers[i].name, head->headers[i].value};
    }
    for (size_t i = 0; claim->from_query && i < query->count; i++) {
        if (!is_amz(query->params[i].name)) continue;
        if (http_head_find(head, query->params[i].name).ptr != NULL) continue;
        ret_headers[count++] = (struct amz_header){query->params[i].name, query->params[i].value};
    }
    return count;
}

static void amz_headers_append(const struct auth_pass *pass, const struct claim *claim,
                               struct buf *out) {
    struct amz_header headers[HTTP_HEADERS_MAX + HTTP_QUERY_PARAMS_MAX];
    size_t count = amz_headers_collect(pass, claim, headers);
    qsort(headers, count, sizeof headers[0], amz_header_cmp);
    for (size_t i = 0; i < count; i++) {
        bool goes_on = i > 0 && name_cmp(headers[i].name, headers[i - 1].name) == 0;
        if (i > 0) buf_append_char(out, goes_on ? ',' : '\n');
        for (size_t c = 0; !goes_on && c < headers[i].name.len; c++) {
            buf_append_char(out, lower(headers[i].name.ptr[c]));
        }
        if (!goes_on) buf_append_char(out, ':');
        buf_append(out, slice_trim(headers[i].value));
    }
    if (count > 0) buf_append_char(out, '\n');
}

/* The bucket of a virtual-host request, the path as it was sent, the parameters that count. */
static void resource_append(const struct auth_pass *pass, bool add_slash, struct buf *out) {
    const struct auth_request *request = pass->request;
    char separator = '?';
    if (request->bucket_from_host.len > 0) {
        buf_append_char(out, '/');
        buf_append(out, request->bucket_from_host);
    }
    buf_append(out, request->head->path);
    if (add_slash) buf_append_char(out, '/');
    for (size_t i = 0; request->query->count > 0 && i < ARRAY_LEN(signed_params); i++) {
        const struct http_param *param =
            http_query_find(request->query, slice_str(signed_params[i]));
        if (param == NULL) continue;
        buf_append_char(out, separator);
        buf_append(out, param->name);
        if (param->has_value) buf_append_char(out, '=');
        buf_append(out, param->value);
        separator = '&';
    }
}

/* Content-MD5 or Content-Type, which a presigned URL may bring in its query. */
static struct slice header_or_param(const struct auth_pass *pass, const struct claim *claim,
                                    struct slice name) {
    struct slice header = http_head_find(pass->request->head, name);
    if (header.ptr != NULL || !claim->from_query) return header;
    const struct http_param *param = http_query_find(pass->request->query, name);
    return param == NULL ? header : param->value;
}

static void string_to_sign_append(const struct auth_pass *pass, const struct claim *claim,
                                  bool add_slash, struct buf *out) {
    buf_append(out, pass->request->head->method_text);
    buf_append_char(out, '\n');
    buf_append(out, header_or_param(pass, claim, SLICE("content-md5")));
    buf_append_char(out, '\n');
    buf_append(out, header_or_param(pass, claim, SLICE("content-type")));
    buf_append_char(out, '\n');
    buf_append(out, claim->date);
    buf_append_char(out, '\n');
    amz_headers_append(pass, claim, out);
    resource_append(pass, add_slash, out);
}

/* An upper bound: everything of a head can be in it at most once, the query also decoded. */
static size_t string_to_sign_cap(const struct auth_request *request) {
    const struct http_head *head = request->head;
    size_t cap = 65 + head->method_text.len + head->path.len + 2 * head->query.len +
                 request->bucket_from_host.len + 4 * request->query->count;
    for (size_t i = 0; i < head->header_count; i++) {
        cap += head->headers[i].name.len + head->headers[i].value.len + 4;
    }
    return cap;
}

bool sigv2_signature_matches(struct slice provided, struct slice secret, struct slice text) {
    enum { BASE64_LEN = 28 };
    unsigned char expected[SHA1_LEN];
    unsigned char given[SHA1_LEN];
    char repaired[BASE64_LEN];
    if (provided.len != sizeof repaired) return false;
    for (size_t i = 0; i < sizeof repaired; i++) {
        repaired[i] = provided.ptr[i] == ' ' ? '+' : provided.ptr[i];
    }
    if (!base64_decode_exact(slice_of(repaired, sizeof repaired), given, sizeof given)) {
        return false;
    }
    hmac_sha1(secret, text, expected);
    return ct_equal(given, expected, sizeof expected);
}

/* Whether the path names a bucket and nothing else, without a slash behind it. */
static bool is_bare_bucket(const struct auth_request *request) {
    struct slice path = request->head->path;
    return request->bucket_from_host.len == 0 && path.len > 1 &&
           slice_find_char(slice_skip(path, 1), '/') == path.len - 1;
}

/*
 * Whether the signature is the right one. S3 takes the path of a bucket as if it ended in a slash,
 * and so do its SDKs; other clients sign what they send. Both name the same bucket.
 */
static bool claim_matches(const struct auth_pass *pass, const struct claim *claim,
                          struct slice secret, struct buf *text) {
    bool matches = false;
    if (is_bare_bucket(pass->request)) {
        string_to_sign_append(pass, claim, true, text);
        CHECK(is_ok(buf_ok(text)));
        matches = sigv2_signature_matches(claim->signature, secret, buf_slice(text));
    }
    if (!matches) {
        buf_clear(text);
        string_to_sign_append(pass, claim, false, text);
        CHECK(is_ok(buf_ok(text)));
        matches = sigv2_signature_matches(claim->signature, secret, buf_slice(text));
    }
    return matches;
}

static struct status claim_verify(struct auth_pass *pass, const struct claim *claim) {
    struct slice hash;
    struct slice secret;
    struct buf text;
    TRY(auth_header_single(pass, SLICE("x-amz-content-sha256"), AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           &hash));
    TRY(auth_payload_parse(pass, hash, false));
    pass->denial.access_key = claim->access_key;
    TRY(auth_key_look_up(pass, claim->access_key, &secret));
    size_t cap = string_to_sign_cap(pass->request);
    void *bytes = arena_alloc(pass->arena, cap);
    if (bytes == NULL) return status_of(STATUS_NO_MEMORY);
    buf_init_fixed(&text, bytes, cap);
    if (claim_matches(pass, claim, secret, &text)) return status_ok();
    pass->denial.string_to_sign = buf_slice(&text);
    pass->denial.signature_provided = claim->signature;
    return auth_refuse(pass, AUTH_REFUSAL_SIGNATURE_MISMATCH,
                       "The signature is not the one this server computes for the request. Check "
                       "the secret key and how the request is signed.");
}

/* "AWS KEY:SIGNATURE"; a key may hold a colon, base64 does not. */
static struct status authorization_parse(struct auth_pass *pass, struct slice authorization,
                                         struct claim *claim) {
    struct slice pair = slice_trim(slice_skip(authorization, sizeof "AWS " - 1));
    size_t at = pair.len;
    while (at > 0 && pair.ptr[at - 1] != ':') at--;
    if (at <= 1 || at == pair.len) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_SIGV2,
                           "The Authorization header is not of the form AWS KEY:SIGNATURE.");
    }
    claim->access_key = slice_take(pair, at - 1);
    claim->signature = slice_skip(pair, at);
    return status_ok();
}

struct status sigv2_verify_header(struct auth_pass *pass, struct slice authorization) {
    struct claim claim = {0};
    int64_t time_ns;
    bool is_amz_date;
    TRY(authorization_parse(pass, authorization, &claim));
    TRY(auth_header_time(pass, &time_ns, &is_amz_date));
    /* x-amz-date is signed among the x-amz-* headers, and takes the place of Date. */
    if (!is_amz_date) claim.date = http_head_find(pass->request->head, SLICE("date"));
    return claim_verify(pass, &claim);
}

/* The one parameter of that name, which must have a value. */
static struct status param_single(struct auth_pass *pass, struct slice name,
                                  struct slice *ret_value) {
    const struct http_query *query = pass->request->query;
    const struct http_param *found = NULL;
    bool misspelt = false;
    size_t count = 0;
    for (size_t i = 0; i < query->count; i++) {
        if (!slice_eq_nocase(query->params[i].name, name)) continue;
        misspelt = misspelt || !slice_eq(query->params[i].name, name);
        found = &query->params[i];
        count++;
    }
    if (count != 1 || misspelt || found->value.len == 0) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_SIGV2,
                           "A presigned URL of version 2 has AWSAccessKeyId, Expires and "
                           "Signature once each.");
    }
    *ret_value = found->value;
    return status_ok();
}

static struct status expires_check(struct auth_pass *pass, struct slice expires) {
    uint64_t expires_s;
    if (!slice_parse_u64(expires, &expires_s)) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_SIGV2,
                           "Expires is a number of seconds since 1970.");
    }
    uint64_t now_s = (uint64_t)(pass->request->now_ns / NS_PER_S);
    pass->denial.expires_s = expires_s;
    if (now_s <= expires_s) return status_ok();
    return auth_refuse(pass, AUTH_REFUSAL_EXPIRED, "The signed URL has expired.");
}

struct status sigv2_verify_query(struct auth_pass *pass) {
    struct claim claim = {.from_query = true};
    TRY(param_single(pass, SLICE("AWSAccessKeyId"), &claim.access_key));
    TRY(param_single(pass, SLICE("Signature"), &claim.signature));
    TRY(param_single(pass, SLICE("Expires"), &claim.date));
    TRY(expires_check(pass, claim.date));
    return claim_verify(pass, &claim);
}
