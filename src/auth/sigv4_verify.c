/* The server's side of SigV4: what a request claims, and whether it is true. */
#include "auth/pass.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/ct.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define AMZ_PREFIX SLICE("x-amz-")

enum { PRESIGN_EXPIRES_MIN_S = 1 };

/* What a request says about its signature, wherever it says it. */
struct claim {
    enum auth_refusal malformed; /* how to refuse what is not in the form */
    struct slice credential;
    struct slice signed_headers; /* names in lower case, joined by ';' */
    struct slice signature;
    struct slice payload_hash; /* a NULL ptr where there is none */
    struct slice omit;         /* the query parameter that is not signed, or empty */
    struct sigv4_scope scope;
    struct slice scope_text; /* the credential without its access key */
    char time[DATE_TEXT_CAP];
};

/* The request's headers as far as they are signed. */
struct signed_headers {
    struct sigv4_header *headers;
    size_t count;
    size_t bytes; /* of all names and values */
    bool host;
    bool covered[HTTP_HEADERS_MAX];    /* by index in the head */
    uint32_t hashes[HTTP_HEADERS_MAX]; /* of the names, by index in the head */
};

/* Splits at the last '/'; false where there is none. */
static bool cut_last(struct slice text, struct slice *ret_before, struct slice *ret_after) {
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '/') at--;
    if (at == 0) return false;
    *ret_before = slice_take(text, at - 1);
    *ret_after = slice_skip(text, at);
    return true;
}

static bool is_digits(struct slice s) {
    uint64_t ignored;
    return slice_parse_u64(s, &ignored);
}

static bool is_region(struct slice s) {
    if (s.len == 0 || s.len > SIGV4_REGION_MAX) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

static bool is_access_key(struct slice s) {
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') return false;
    }
    return true;
}

/*
 * KEY/20130524/REGION/s3/aws4_request. Any well-formed region will do: many clients cannot be told
 * ours. An access key may hold slashes, so it is read from the end.
 */
struct status sigv4_credential_parse(struct auth_pass *pass, struct slice credential,
                                     enum auth_refusal malformed, struct sigv4_scope *scope) {
    struct slice rest = credential;
    struct slice service;
    struct slice terminator;
    bool whole = cut_last(rest, &rest, &terminator) && cut_last(rest, &rest, &service) &&
                 cut_last(rest, &rest, &scope->region) && cut_last(rest, &rest, &scope->date);
    scope->access_key = rest;
    if (!whole || !is_access_key(rest) || scope->date.len != SIGV4_DATE_LEN ||
        !is_digits(scope->date) || !is_region(scope->region)) {
        return auth_refuse(pass, malformed,
                           "The credential is not of the form "
                           "KEY/YYYYMMDD/REGION/s3/aws4_request.");
    }
    if (!slice_eq(service, SLICE("s3")) || !slice_eq(terminator, SLICE("aws4_request"))) {
        return auth_refuse(pass, malformed,
                           "The credential is scoped to another service than s3, or does not end "
                           "in aws4_request.");
    }
    pass->denial.access_key = rest;
    pass->result.region = scope->region;
    return status_ok();
}

static struct status credential_parse(struct auth_pass *pass, struct claim *claim) {
    TRY(sigv4_credential_parse(pass, claim->credential, claim->malformed, &claim->scope));
    claim->scope_text = slice_skip(claim->credential, claim->scope.access_key.len + 1);
    return status_ok();
}

static struct status scope_date_check(struct auth_pass *pass, const struct claim *claim) {
    if (slice_eq(claim->scope.date, slice_of(claim->time, SIGV4_DATE_LEN))) return status_ok();
    return auth_refuse(pass, claim->malformed,
                       "The credential's date %.*s is not the date of the request, %.8s.",
                       SLICE_FMT(claim->scope.date), claim->time);
}

/* One name=value of an Authorization header. */
static struct status field_store(struct auth_pass *pass, struct claim *claim, struct slice name,
                                 struct slice value) {
    struct slice *field = NULL;
    if (slice_eq(name, SLICE("Credential"))) field = &claim->credential;
    if (slice_eq(name, SLICE("SignedHeaders"))) field = &claim->signed_headers;
    if (slice_eq(name, SLICE("Signature"))) field = &claim->signature;
    if (field == NULL || field->ptr != NULL) {
        return auth_refuse(pass, claim->malformed,
                           "The Authorization header has Credential, SignedHeaders and Signature "
                           "once each, and nothing else.");
    }
    *field = value;
    return status_ok();
}

static struct status authorization_parse(struct auth_pass *pass, struct slice fields,
                                         struct claim *claim) {
    struct slice field;
    struct slice name;
    struct slice value;
    bool more = true;
    while (more) {
        more = slice_cut(fields, ',', &field, &fields);
        slice_cut(field, '=', &name, &value);
        TRY(field_store(pass, claim, slice_trim(name), slice_trim(value)));
    }
    if (claim->credential.len == 0 || claim->signed_headers.len == 0 || claim->signature.len == 0) {
        return auth_refuse(pass, claim->malformed,
                           "The Authorization header lacks Credential, SignedHeaders or "
                           "Signature.");
    }
    return status_ok();
}

static struct status algorithm_check(struct auth_pass *pass, struct slice algorithm,
                                     enum auth_refusal otherwise) {
    if (slice_eq(algorithm, SLICE(ALGORITHM))) return status_ok();
    if (slice_starts_with(algorithm, SLICE("AWS4-ECDSA"))) {
        return auth_refuse(
            pass, AUTH_REFUSAL_ALGORITHM_UNSUPPORTED,
            "Asymmetric signatures (SigV4A) are not supported here; sign with " ALGORITHM ".");
    }
    return auth_refuse(pass, otherwise, "Requests are signed with " ALGORITHM ".");
}

static bool is_header_name(struct slice s) {
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return true;
}

static bool is_text(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0') return false;
    }
    return true;
}

/* A fixed buf of `cap` bytes from `arena`; of none when the arena is full, and then it overflows.
 */
static void arena_buf(struct arena *arena, size_t cap, struct buf *ret_buf) {
    void *bytes = arena_alloc(arena, cap);
    buf_init_fixed(ret_buf, bytes, bytes == NULL ? 0 : cap);
}

/*
 * FNV-1a of a name in any case. A head may hold hundreds of names of one length, each signed: they
 * are told apart by a number before they are compared.
 */
static uint32_t name_hash(struct slice name) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return hash;
}

/* Joins the values of `count` headers called `name`, `bytes` long in all. */
static struct slice values_join(struct auth_pass *pass, struct slice name, size_t bytes,
                                size_t count) {
    const struct http_head *head = pass->request->head;
    size_t found = 0;
    struct buf joined;
    arena_buf(pass->arena, bytes + count, &joined);
    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_eq_nocase(head->headers[i].name, name)) continue;
        if (found++ > 0) buf_append_char(&joined, ',');
        buf_append(&joined, head->headers[i].value);
    }
    return buf_slice(&joined);
}

/*
 * All values of the header `name` as one, each header seen marked as covered; false where one was
 * covered before, by the same name. A name that no header has gets an empty value.
 */
static bool signed_value(struct auth_pass *pass, struct slice name, struct signed_headers *all,
                         struct slice *ret_value) {
    const struct http_head *head = pass->request->head;
    struct slice value = {0};
    uint32_t hash = name_hash(name);
    size_t bytes = 0;
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (all->hashes[i] != hash || !slice_eq_nocase(head->headers[i].name, name)) continue;
        if (all->covered[i]) return false;
        all->covered[i] = true;
        value = head->headers[i].value;
        bytes += value.len;
        count++;
    }
    if (slice_eq(name, SLICE("host"))) {
        if (all->host) return false;
        all->host = true;
        value = head->authority;
    } else if (count > 1) {
        value = values_join(pass, name, bytes, count);
    }
    *ret_value = value;
    return true;
}

static struct status signed_headers_collect(struct auth_pass *pass, const struct claim *claim,
                                            struct signed_headers *all) {
    const struct http_head *head = pass->request->head;
    struct slice rest = claim->signed_headers;
    size_t cap = 1;
    bool more = true;
    for (size_t i = 0; i < head->header_count; i++) {
        all->hashes[i] = name_hash(head->headers[i].name);
        all->covered[i] = false;
    }
    for (size_t i = 0; i < rest.len; i++) cap += rest.ptr[i] == ';';
    all->headers = cap > SIGV4_SIGNED_HEADERS_MAX
                       ? NULL
                       : arena_calloc(pass->arena, cap, sizeof *all->headers);
    while (more && all->headers != NULL) {
        struct sigv4_header *header = &all->headers[all->count++];
        more = slice_cut(rest, ';', &header->name, &rest);
        bool fresh = signed_value(pass, header->name, all, &header->value);
        if (!fresh || !is_header_name(header->name) || !is_text(header->value)) {
            return auth_refuse(pass, claim->malformed,
                               "SignedHeaders is a list of header names in lower case, once each, "
                               "joined by semicolons.");
        }
        all->bytes += header->name.len + header->value.len;
    }
    TRY(arena_ok(pass->arena));
    if (all->headers == NULL) {
        return auth_refuse(pass, claim->malformed, "SignedHeaders names more than %d headers.",
                           SIGV4_SIGNED_HEADERS_MAX);
    }
    return status_ok();
}

/* Names of headers that must be signed and are not, joined by ", ". */
static struct slice unsigned_names(struct auth_pass *pass, const struct signed_headers *all) {
    const struct http_head *head = pass->request->head;
    size_t cap = sizeof "host, ";
    bool found = !all->host;
    struct buf names;
    for (size_t i = 0; i < head->header_count; i++) cap += head->headers[i].name.len + 2;
    for (size_t i = 0; i < head->header_count && !found; i++) {
        found = !all->covered[i] && slice_starts_with_nocase(head->headers[i].name, AMZ_PREFIX);
    }
    if (!found) return (struct slice){0};
    arena_buf(pass->arena, cap, &names);
    if (!all->host) buf_append(&names, SLICE("host"));
    for (size_t i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;
        if (all->covered[i] || !slice_starts_with_nocase(name, AMZ_PREFIX)) continue;
        if (names.len > 0) buf_append(&names, SLICE(", "));
        buf_append(&names, name);
    }
    return buf_slice(&names);
}

/*
 * A header x-amz-* changes what a request does, so that one that the signer never saw must not
 * have any effect, in a presigned URL above all (CVE-2026-71191).
 */
static struct status all_amz_signed_check(struct auth_pass *pass,
                                          const struct signed_headers *all) {
    struct slice names = unsigned_names(pass, all);
    TRY(arena_ok(pass->arena));
    if (names.len == 0) return status_ok();
    pass->denial.unsigned_headers = names;
    return auth_refuse(pass, AUTH_REFUSAL_UNSIGNED_HEADERS,
                       "Headers that must be signed are not in SignedHeaders: %.*s",
                       SLICE_FMT(names));
}

/* The same request may be written in two ways. */
struct spelling {
    struct slice path;
    struct slice query;
};

static struct slice canonical_write(struct auth_pass *pass, const struct claim *claim,
                                    const struct signed_headers *all,
                                    const struct spelling *spelling) {
    struct sigv4_canonical canonical = {
        .method = pass->request->head->method_text,
        .path = spelling->path,
        .query = spelling->query,
        .headers = all->headers,
        .header_count = all->count,
        .payload_hash = claim->payload_hash,
    };
    size_t cap = canonical.method.len + spelling->path.len + spelling->query.len + 2 * all->bytes +
                 3 * all->count + claim->payload_hash.len + 8;
    struct buf out;
    arena_buf(pass->arena, cap, &out);
    sigv4_canonical_request(&canonical, &out);
    return buf_slice(&out);
}

static struct slice string_to_sign_write(struct auth_pass *pass, const struct claim *claim,
                                         struct slice canonical_request) {
    size_t cap = sizeof ALGORITHM + DATE_COMPACT_LEN + claim->scope_text.len + SIGV4_HEX_LEN + 3;
    struct buf out;
    arena_buf(pass->arena, cap, &out);
    sigv4_string_to_sign(slice_of(claim->time, DATE_COMPACT_LEN), claim->scope_text,
                         canonical_request, &out);
    return buf_slice(&out);
}

/* Whether the signature is that of the request in this spelling; what was signed is kept. */
static bool spelling_matches(struct auth_pass *pass, const struct claim *claim,
                             const struct signed_headers *all, const struct spelling *spelling,
                             const unsigned char *key) {
    char expected[SIGV4_HEX_LEN];
    struct slice request = canonical_write(pass, claim, all, spelling);
    struct slice text = string_to_sign_write(pass, claim, request);
    sigv4_signature(key, text, expected);
    bool matches = claim->signature.len == sizeof expected &&
                   ct_equal(claim->signature.ptr, expected, sizeof expected);
    if (!matches && pass->denial.canonical_request.ptr == NULL) {
        pass->denial.canonical_request = request;
        pass->denial.string_to_sign = text;
        pass->denial.signature_provided = claim->signature;
    }
    return matches;
}

/*
 * Spec-deviation: some clients encode a path or a query otherwise than S3's rules say and sign it
 * as they send it. That names the same request just as surely, so it is the second guess.
 */
static bool signature_matches(struct auth_pass *pass, const struct claim *claim,
                              const struct signed_headers *all, const unsigned char *key) {
    const struct http_head *head = pass->request->head;
    const struct http_query *query = pass->request->query;
    struct spelling by_rule = {
        .path = sigv4_canonical_path(pass->arena, head->path),
        .query = sigv4_canonical_query(pass->arena, query, claim->omit, false),
    };
    if (spelling_matches(pass, claim, all, &by_rule, key)) return true;
    struct spelling as_sent = {
        .path = head->path,
        .query = sigv4_canonical_query(pass->arena, query, claim->omit, true),
    };
    bool same = slice_eq(by_rule.path, as_sent.path) && slice_eq(by_rule.query, as_sent.query);
    return !same && spelling_matches(pass, claim, all, &as_sent, key);
}

/* The body's chunks go on from the signature of the head. */
static struct status chain_start(struct auth_pass *pass, const struct claim *claim,
                                 const unsigned char *key) {
    struct sigv4_chain *chain = &pass->result.chain;
    memcpy(chain->key, key, sizeof chain->key);
    memcpy(chain->time, claim->time, sizeof chain->time);
    memcpy(chain->previous, claim->signature.ptr, sizeof chain->previous);
    chain->scope = arena_dup(pass->arena, claim->scope_text);
    return arena_ok(pass->arena);
}

static struct status signature_check(struct auth_pass *pass, const struct claim *claim,
                                     const struct signed_headers *all) {
    struct slice secret;
    unsigned char key[SIGV4_DIGEST_LEN];
    TRY(auth_key_look_up(pass, claim->scope.access_key, &secret));
    struct key_cache *cache = pass->request->key_cache;
    bool cached = key_cache_signing_key(cache, secret, &claim->scope, key);
    bool matches = signature_matches(pass, claim, all, key);
    struct status status = arena_ok(pass->arena);
    if (is_ok(status) && !matches) {
        status = auth_refuse(pass, AUTH_REFUSAL_SIGNATURE_MISMATCH,
                             "The signature is not the one this server computes for the request. "
                             "Check the secret key and how the request is signed.");
    }
    if (is_ok(status) && !cached) key_cache_keep(cache, secret, &claim->scope, key);
    if (is_ok(status)) status = chain_start(pass, claim, key);
    explicit_bzero(key, sizeof key);
    return status;
}

/* The part that is the same wherever the signature stands. */
static struct status claim_verify(struct auth_pass *pass, const struct claim *claim) {
    struct signed_headers all; /* its arrays are filled as far as the head has headers */
    all.count = 0;
    all.bytes = 0;
    all.host = false;
    TRY(signed_headers_collect(pass, claim, &all));
    TRY(all_amz_signed_check(pass, &all));
    TRY(auth_payload_parse(pass, claim->payload_hash, true));
    return signature_check(pass, claim, &all);
}

struct status sigv4_verify_header(struct auth_pass *pass, struct slice authorization) {
    struct claim claim = {.malformed = AUTH_REFUSAL_MALFORMED_HEADER};
    struct slice algorithm;
    struct slice fields;
    int64_t time_ns;
    bool is_amz;
    slice_cut(authorization, ' ', &algorithm, &fields);
    TRY(algorithm_check(pass, algorithm, AUTH_REFUSAL_TYPE_UNKNOWN));
    TRY(authorization_parse(pass, fields, &claim));
    TRY(credential_parse(pass, &claim));
    TRY(auth_header_time(pass, &time_ns, &is_amz));
    date_format_compact(time_ns, claim.time);
    TRY(scope_date_check(pass, &claim));
    TRY(auth_header_single(pass, SLICE("x-amz-content-sha256"), AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           &claim.payload_hash));
    if (claim.payload_hash.ptr == NULL) {
        return auth_refuse(pass, AUTH_REFUSAL_PAYLOAD_HASH_MISSING,
                           "A request signed in its Authorization header needs "
                           "x-amz-content-sha256.");
    }
    return claim_verify(pass, &claim);
}

/*
 * The value of the one parameter of that name. What a URL must have, it has in exactly this
 * spelling; a header that a signer moved into the query may be in any case of letters.
 */
static struct status param_single(struct auth_pass *pass, struct slice name, bool required,
                                  struct slice *ret_value) {
    const struct http_query *query = pass->request->query;
    const struct http_param *found = NULL;
    for (size_t i = 0; i < query->count; i++) {
        if (!slice_eq_nocase(query->params[i].name, name)) continue;
        bool misspelt = required && !slice_eq(query->params[i].name, name);
        if (found != NULL || misspelt) {
            return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_QUERY,
                               "The query has %.*s more than once, or misspelt.", SLICE_FMT(name));
        }
        found = &query->params[i];
    }
    if (found == NULL && required) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_QUERY,
                           "A presigned URL of version 4 needs the parameter %.*s.",
                           SLICE_FMT(name));
    }
    if (found != NULL) *ret_value = found->value;
    return status_ok();
}

static struct status presign_time_check(struct auth_pass *pass, int64_t time_ns,
                                        uint64_t expires_s) {
    int64_t now_ns = pass->request->now_ns;
    pass->denial.request_time_ns = time_ns;
    pass->denial.expires_s = expires_s;
    if (!auth_time_within(time_ns, now_ns, AUTH_SKEW_MAX_S)) {
        return auth_refuse(pass, AUTH_REFUSAL_NOT_YET_VALID, "The signed URL is not valid yet.");
    }
    if (!auth_time_within(now_ns, time_ns, (int64_t)expires_s)) {
        return auth_refuse(pass, AUTH_REFUSAL_EXPIRED, "The signed URL has expired.");
    }
    return status_ok();
}

static struct status presign_time_parse(struct auth_pass *pass, struct claim *claim) {
    struct slice date = {0};
    struct slice expires = {0};
    int64_t time_ns;
    uint64_t expires_s;
    TRY(param_single(pass, SLICE("X-Amz-Date"), true, &date));
    TRY(param_single(pass, SLICE("X-Amz-Expires"), true, &expires));
    if (!date_parse_compact(date, &time_ns)) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_QUERY,
                           "X-Amz-Date is a date of the form YYYYMMDD'T'HHMMSS'Z'.");
    }
    if (!slice_parse_u64(expires, &expires_s) || expires_s < PRESIGN_EXPIRES_MIN_S ||
        expires_s > AUTH_PRESIGN_EXPIRES_MAX_S) {
        return auth_refuse(pass, AUTH_REFUSAL_MALFORMED_QUERY,
                           "X-Amz-Expires is a number of seconds from %d to %d.",
                           PRESIGN_EXPIRES_MIN_S, AUTH_PRESIGN_EXPIRES_MAX_S);
    }
    date_format_compact(time_ns, claim->time);
    TRY(scope_date_check(pass, claim));
    return presign_time_check(pass, time_ns, expires_s);
}

/* The payload of a presigned request: said in a header, in the query, or not at all. */
static struct status presign_payload_find(struct auth_pass *pass, struct claim *claim) {
    struct slice header;
    struct slice param = {0};
    TRY(auth_header_single(pass, SLICE("x-amz-content-sha256"), AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           &header));
    TRY(param_single(pass, SLICE("X-Amz-Content-Sha256"), false, &param));
    if (header.ptr != NULL && param.ptr != NULL && !slice_eq(header, param)) {
        return auth_refuse(pass, AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           "The query and the headers name different payload hashes.");
    }
    claim->payload_hash = SLICE("UNSIGNED-PAYLOAD");
    if (param.ptr != NULL) claim->payload_hash = param;
    if (header.ptr != NULL) claim->payload_hash = header;
    return status_ok();
}

struct status sigv4_verify_query(struct auth_pass *pass) {
    struct claim claim = {.malformed = AUTH_REFUSAL_MALFORMED_QUERY,
                          .omit = SLICE("X-Amz-Signature")};
    struct slice algorithm = {0};
    TRY(param_single(pass, SLICE("X-Amz-Algorithm"), true, &algorithm));
    TRY(algorithm_check(pass, algorithm, AUTH_REFUSAL_MALFORMED_QUERY));
    TRY(param_single(pass, SLICE("X-Amz-Credential"), true, &claim.credential));
    TRY(param_single(pass, SLICE("X-Amz-SignedHeaders"), true, &claim.signed_headers));
    TRY(param_single(pass, claim.omit, true, &claim.signature));
    TRY(credential_parse(pass, &claim));
    TRY(presign_time_parse(pass, &claim));
    TRY(presign_payload_find(pass, &claim));
    return claim_verify(pass, &claim);
}
