#include "auth/sign.h"

#include "base/arena.h"
#include "base/codec.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { ARENA_BLOCK = 8 * 1024, ARENA_LIMIT = 256 * 1024, OWN_HEADERS = 3 };

/* One signature being made. */
struct signing {
    struct sigv4_signer *signer;
    const struct sigv4_unsigned *request;
    struct arena arena;
    char time[DATE_TEXT_CAP];
    struct slice scope;
    struct sigv4_header headers[SIGV4_SIGN_HEADERS_MAX];
    size_t header_count;
    char signature[SIGV4_HEX_LEN];
};

static struct status field_copy(struct slice text, char *field, size_t cap, size_t *ret_len) {
    if (text.len == 0) return status_of(STATUS_INVALID);
    if (text.len > cap) return status_of(STATUS_TOO_LARGE);
    memcpy(field, text.ptr, text.len);
    *ret_len = text.len;
    return status_ok();
}

struct status sigv4_signer_init(struct sigv4_signer *signer, struct slice access_key,
                                struct slice secret, struct slice region) {
    memset(signer, 0, sizeof *signer);
    TRY(field_copy(access_key, signer->access_key, sizeof signer->access_key,
                   &signer->access_key_len));
    TRY(field_copy(region, signer->region, sizeof signer->region, &signer->region_len));
    return field_copy(secret, signer->secret, sizeof signer->secret, &signer->secret_len);
}

void sigv4_signer_fini(struct sigv4_signer *signer) {
    explicit_bzero(signer, sizeof *signer);
}

/* Sets the scope for the day of signing->time, and the key where the day is a new one. */
static void day_begin(struct signing *signing) {
    struct sigv4_signer *signer = signing->signer;
    struct sigv4_scope scope = {
        .access_key = slice_of(signer->access_key, signer->access_key_len),
        .date = slice_of(signing->time, SIGV4_DATE_LEN),
        .region = slice_of(signer->region, signer->region_len),
    };
    struct buf text;
    buf_init_fixed(&text, signer->scope, sizeof signer->scope);
    buf_append(&text, scope.date);
    buf_append_char(&text, '/');
    buf_append(&text, scope.region);
    buf_append(&text, SLICE("/s3/aws4_request"));
    signing->scope = buf_slice(&text);
    if (slice_eq(slice_of(signer->key_date, SIGV4_DATE_LEN), scope.date)) return;
    sigv4_signing_key(slice_of(signer->secret, signer->secret_len), &scope, signer->key);
    memcpy(signer->key_date, scope.date.ptr, SIGV4_DATE_LEN);
}

static void signing_begin(struct signing *signing, struct sigv4_signer *signer,
                          const struct sigv4_unsigned *request, int64_t now_ns) {
    signing->signer = signer;
    signing->request = request;
    signing->header_count = 0;
    arena_init(&signing->arena, ARENA_BLOCK, ARENA_LIMIT);
    date_format_compact(now_ns, signing->time);
    day_begin(signing);
}

static struct slice lower_case(struct arena *arena, struct slice name) {
    bool upper = false;
    for (size_t i = 0; i < name.len; i++) upper |= name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
    char *copy = upper ? arena_alloc(arena, name.len) : NULL;
    if (copy == NULL) return name;
    for (size_t i = 0; i < name.len; i++) {
        bool is_upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        copy[i] = (char)(name.ptr[i] + (is_upper ? 'a' - 'A' : 0));
    }
    return slice_of(copy, name.len);
}

/* Puts a header in its place by name. */
static void header_add(struct signing *signing, struct slice name, struct slice value) {
    size_t at = signing->header_count++;
    name = lower_case(&signing->arena, name);
    for (; at > 0 && slice_cmp(signing->headers[at - 1].name, name) > 0; at--) {
        signing->headers[at] = signing->headers[at - 1];
    }
    signing->headers[at] = (struct sigv4_header){name, value};
}

static struct status headers_add(struct signing *signing) {
    const struct sigv4_unsigned *request = signing->request;
    if (request->header_count > SIGV4_SIGN_HEADERS_MAX - OWN_HEADERS) {
        return status_of(STATUS_TOO_LARGE);
    }
    header_add(signing, SLICE("host"), request->host);
    for (size_t i = 0; i < request->header_count; i++) {
        header_add(signing, request->headers[i].name, request->headers[i].value);
    }
    return status_ok();
}

/* Computes the signature with the headers that were added and the raw query `query`. */
static struct status signature_make(struct signing *signing, struct slice query,
                                    struct slice payload_hash) {
    struct http_query parsed;
    struct slice canonical_query = {0};
    struct buf text;
    if (query.len > 0) {
        TRY(http_query_parse(&signing->arena, query, &parsed));
        canonical_query = sigv4_canonical_query(&signing->arena, &parsed, (struct slice){0}, false);
    }
    struct sigv4_canonical canonical = {
        .method = signing->request->method,
        .path = sigv4_canonical_path(&signing->arena, signing->request->path),
        .query = canonical_query,
        .headers = signing->headers,
        .header_count = signing->header_count,
        .payload_hash = payload_hash,
    };
    TRY(arena_ok(&signing->arena));
    buf_init_fixed(&text, signing->signer->text, sizeof signing->signer->text);
    sigv4_canonical_request(&canonical, &text);
    size_t canonical_len = text.len;
    sigv4_string_to_sign(slice_of(signing->time, DATE_COMPACT_LEN), signing->scope,
                         buf_slice(&text), &text);
    TRY(buf_ok(&text));
    sigv4_signature(signing->signer->key, slice_skip(buf_slice(&text), canonical_len),
                    signing->signature);
    return status_ok();
}

static void header_lines_append(const struct signing *signing, struct buf *out) {
    const struct sigv4_signer *signer = signing->signer;
    buf_append(out, SLICE("x-amz-date: "));
    buf_append(out, slice_of(signing->time, DATE_COMPACT_LEN));
    buf_append(out, SLICE("\r\nx-amz-content-sha256: "));
    buf_append(out, signing->request->payload_hash);
    buf_append(out, SLICE("\r\nAuthorization: " ALGORITHM " Credential="));
    buf_append(out, slice_of(signer->access_key, signer->access_key_len));
    buf_append_char(out, '/');
    buf_append(out, signing->scope);
    buf_append(out, SLICE(",SignedHeaders="));
    sigv4_signed_headers(signing->headers, signing->header_count, out);
    buf_append(out, SLICE(",Signature="));
    buf_append(out, slice_of(signing->signature, SIGV4_HEX_LEN));
    buf_append(out, SLICE("\r\n"));
}

static struct status signing_header_form(struct signing *signing, struct buf *out) {
    TRY(headers_add(signing));
    header_add(signing, SLICE("x-amz-content-sha256"), signing->request->payload_hash);
    header_add(signing, SLICE("x-amz-date"), slice_of(signing->time, DATE_COMPACT_LEN));
    TRY(signature_make(signing, signing->request->query, signing->request->payload_hash));
    header_lines_append(signing, out);
    return buf_ok(out);
}

struct status sigv4_sign(struct sigv4_signer *signer, const struct sigv4_unsigned *request,
                         int64_t now_ns, struct buf *out) {
    struct signing signing;
    signing_begin(&signing, signer, request, now_ns);
    struct status status = signing_header_form(&signing, out);
    arena_fini(&signing.arena);
    return status;
}

struct status sigv4_sign_streaming(struct sigv4_signer *signer,
                                   const struct sigv4_unsigned *request, int64_t now_ns,
                                   struct buf *out, struct sigv4_chain *ret_chain) {
    struct signing signing;
    signing_begin(&signing, signer, request, now_ns);
    struct status status = signing_header_form(&signing, out);
    if (is_ok(status)) {
        ret_chain->scope = signing.scope;
        memcpy(ret_chain->key, signer->key, sizeof ret_chain->key);
        memcpy(ret_chain->time, signing.time, sizeof ret_chain->time);
        memcpy(ret_chain->previous, signing.signature, sizeof ret_chain->previous);
    }
    arena_fini(&signing.arena);
    return status;
}

/* The query of a presigned URL, but for its signature. */
static void presign_query_append(struct signing *signing, uint32_t expires_s, struct buf *out) {
    const struct sigv4_signer *signer = signing->signer;
    if (signing->request->query.len > 0) {
        buf_append(out, signing->request->query);
        buf_append_char(out, '&');
    }
    buf_append(out, SLICE("X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential="));
    percent_encode(out, slice_of(signer->access_key, signer->access_key_len), false);
    buf_append(out, SLICE("%2F"));
    percent_encode(out, signing->scope, false);
    buf_append(out, SLICE("&X-Amz-Date="));
    buf_append(out, slice_of(signing->time, DATE_COMPACT_LEN));
    buf_append(out, SLICE("&X-Amz-Expires="));
    buf_append_u64(out, expires_s);
    if (signing->request->payload_hash.len > 0) {
        buf_append(out, SLICE("&X-Amz-Content-Sha256="));
        buf_append(out, signing->request->payload_hash);
    }
    buf_append(out, SLICE("&X-Amz-SignedHeaders="));
    for (size_t i = 0; i < signing->header_count; i++) {
        if (i > 0) buf_append(out, SLICE("%3B"));
        percent_encode(out, signing->headers[i].name, false);
    }
}

static struct status signing_query_form(struct signing *signing, uint32_t expires_s,
                                        struct buf *out) {
    size_t before = out->len;
    bool bound = signing->request->payload_hash.len > 0;
    TRY(headers_add(signing));
    presign_query_append(signing, expires_s, out);
    TRY(buf_ok(out));
    TRY(signature_make(signing, slice_skip(buf_slice(out), before),
                       bound ? signing->request->payload_hash : SIGV4_UNSIGNED_PAYLOAD));
    buf_append(out, SLICE("&X-Amz-Signature="));
    buf_append(out, slice_of(signing->signature, SIGV4_HEX_LEN));
    return buf_ok(out);
}

struct status sigv4_presign(struct sigv4_signer *signer, const struct sigv4_unsigned *request,
                            int64_t now_ns, uint32_t expires_s, struct buf *out) {
    struct signing signing;
    signing_begin(&signing, signer, request, now_ns);
    struct status status = signing_query_form(&signing, expires_s, out);
    arena_fini(&signing.arena);
    return status;
}
