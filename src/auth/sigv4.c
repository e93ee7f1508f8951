#include "auth/sigv4.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"

/* "AWS4" and the secret; no secret is longer than identity allows. */
enum { SECRET_MAX = 4 + 512 };

static void key_step(const unsigned char *key, size_t key_len, struct slice text,
                     unsigned char ret_key[SIGV4_DIGEST_LEN]) {
    hmac_sha256(slice_of(key, key_len), text, ret_key);
}

void sigv4_signing_key(struct slice secret, const struct sigv4_scope *scope,
                       unsigned char ret_key[SIGV4_DIGEST_LEN]) {
    char first[SECRET_MAX];
    unsigned char key[SIGV4_DIGEST_LEN];
    struct buf text;
    buf_init_fixed(&text, first, sizeof first);
    buf_append_str(&text, "AWS4");
    buf_append(&text, secret);
    CHECK(is_ok(buf_ok(&text)));
    hmac_sha256(buf_slice(&text), scope->date, key);
    key_step(key, sizeof key, scope->region, key);
    key_step(key, sizeof key, SLICE("s3"), key);
    key_step(key, sizeof key, SLICE(TERMINATOR), ret_key);
    explicit_bzero(first, sizeof first);
    explicit_bzero(key, sizeof key);
}

static bool is_unreserved(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool is_plain_path(struct slice path) {
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] != '/' && !is_unreserved((unsigned char)path.ptr[i])) return false;
    }
    return true;
}

/* A fixed buf of `cap` bytes from `arena`; of none when the arena is full, and then it overflows.
 */
static void arena_buf(struct arena *arena, size_t cap, struct buf *ret_buf) {
    void *bytes = arena_alloc(arena, cap);
    buf_init_fixed(ret_buf, bytes, bytes == NULL ? 0 : cap);
}

struct slice sigv4_canonical_path(struct arena *arena, struct slice path) {
    struct slice decoded;
    struct buf out;
    if (is_plain_path(path)) return path;
    if (!percent_decode(arena, path, false, &decoded)) return path;
    arena_buf(arena, 3 * decoded.len, &out);
    percent_encode(&out, decoded, true);
    return buf_slice(&out);
}

struct pair {
    struct slice name;
    struct slice value;
};

static int pair_cmp(const struct pair *a, const struct pair *b) {
    int order = slice_cmp(a->name, b->name);
    return order != 0 ? order : slice_cmp(a->value, b->value);
}

/* Insertion: at most HTTP_QUERY_PARAMS_MAX pairs, which most clients send sorted. */
static void pairs_sort(struct pair *pairs, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct pair moving = pairs[i];
        size_t at = i;
        for (; at > 0 && pair_cmp(&pairs[at - 1], &moving) > 0; at--) pairs[at] = pairs[at - 1];
        pairs[at] = moving;
    }
}

static struct slice encoded(struct arena *arena, struct slice text) {
    struct buf out;
    arena_buf(arena, 3 * text.len, &out);
    percent_encode(&out, text, false);
    return buf_slice(&out);
}

static size_t pairs_collect(struct arena *arena, const struct http_query *query, struct slice omit,
                            bool as_sent, struct pair *ret_pairs) {
    size_t count = 0;
    for (size_t i = 0; i < query->count; i++) {
        const struct http_param *param = &query->params[i];
        if (omit.len > 0 && slice_eq(param->name, omit)) continue;
        ret_pairs[count++] =
            as_sent ? (struct pair){param->raw_name, param->raw_value}
                    : (struct pair){encoded(arena, param->name), encoded(arena, param->value)};
    }
    return count;
}

struct slice sigv4_canonical_query(struct arena *arena, const struct http_query *query,
                                   struct slice omit, bool as_sent) {
    struct pair pairs[HTTP_QUERY_PARAMS_MAX];
    size_t count = pairs_collect(arena, query, omit, as_sent, pairs);
    size_t cap = 0;
    struct buf out;
    pairs_sort(pairs, count);
    for (size_t i = 0; i < count; i++) cap += pairs[i].name.len + pairs[i].value.len + 2;
    arena_buf(arena, cap, &out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buf_append_char(&out, '&');
        buf_append(&out, pairs[i].name);
        buf_append_char(&out, '=');
        buf_append(&out, pairs[i].value);
    }
    return buf_slice(&out);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool has_blank_runs(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\t') return true;
        if (s.ptr[i] == ' ' && i + 1 < s.len && s.ptr[i + 1] == ' ') return true;
    }
    return false;
}

/* Appends `value` trimmed, each run of blanks in it as one space. */
static void value_append(struct buf *out, struct slice value) {
    value = slice_trim(value);
    if (!has_blank_runs(value)) {
        buf_append(out, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        bool goes_on = i > 0 && is_blank(value.ptr[i - 1]);
        if (!is_blank(value.ptr[i])) {
            buf_append_char(out, value.ptr[i]);
        } else if (!goes_on) {
            buf_append_char(out, ' ');
        }
    }
}

void sigv4_signed_headers(const struct sigv4_header *headers, size_t count, struct buf *out) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buf_append_char(out, ';');
        buf_append(out, headers[i].name);
    }
}

void sigv4_canonical_request(const struct sigv4_canonical *canonical, struct buf *out) {
    buf_append(out, canonical->method);
    buf_append_char(out, '\n');
    buf_append(out, canonical->path);
    buf_append_char(out, '\n');
    buf_append(out, canonical->query);
    buf_append_char(out, '\n');
    for (size_t i = 0; i < canonical->header_count; i++) {
        buf_append(out, canonical->headers[i].name);
        buf_append_char(out, ':');
        value_append(out, canonical->headers[i].value);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
    sigv4_signed_headers(canonical->headers, canonical->header_count, out);
    buf_append_char(out, '\n');
    buf_append(out, canonical->payload_hash);
}

static void sha256_hex_append(struct slice bytes, struct buf *out) {
    unsigned char sum[SIGV4_DIGEST_LEN];
    digest_sha256(bytes, sum);
    hex_encode(out, slice_of(sum, sizeof sum));
}

void sigv4_string_to_sign(struct slice time, struct slice scope, struct slice canonical_request,
                          struct buf *out) {
    buf_append(out, SLICE(ALGORITHM "\n"));
    buf_append(out, time);
    buf_append_char(out, '\n');
    buf_append(out, scope);
    buf_append_char(out, '\n');
    sha256_hex_append(canonical_request, out);
}

void sigv4_signature(const unsigned char key[SIGV4_DIGEST_LEN], struct slice string_to_sign,
                     char ret_hex[SIGV4_HEX_LEN]) {
    unsigned char mac[SIGV4_DIGEST_LEN];
    struct buf out;
    hmac_sha256(slice_of(key, SIGV4_DIGEST_LEN), string_to_sign, mac);
    buf_init_fixed(&out, ret_hex, SIGV4_HEX_LEN);
    hex_encode(&out, slice_of(mac, sizeof mac));
}

/* What chunks and trailers are signed over, but for the digests at its end. */
static void chain_append(const struct sigv4_chain *chain, const char *algorithm, struct buf *out) {
    buf_append_str(out, algorithm);
    buf_append_char(out, '\n');
    buf_append(out, slice_of(chain->time, DATE_COMPACT_LEN));
    buf_append_char(out, '\n');
    buf_append(out, chain->scope);
    buf_append_char(out, '\n');
    buf_append(out, slice_of(chain->previous, SIGV4_HEX_LEN));
    buf_append_char(out, '\n');
}

enum { CHAIN_TEXT_MAX = 512 };

void sigv4_chunk_signature(const struct sigv4_chain *chain,
                           const unsigned char data_sha256[SIGV4_DIGEST_LEN],
                           char ret_hex[SIGV4_HEX_LEN]) {
    char text[CHAIN_TEXT_MAX];
    struct buf out;
    buf_init_fixed(&out, text, sizeof text);
    chain_append(chain, ALGORITHM "-PAYLOAD", &out);
    buf_append_str(&out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
    hex_encode(&out, slice_of(data_sha256, SIGV4_DIGEST_LEN));
    CHECK(is_ok(buf_ok(&out)));
    sigv4_signature(chain->key, buf_slice(&out), ret_hex);
}

void sigv4_trailer_signature(const struct sigv4_chain *chain,
                             const unsigned char trailers_sha256[SIGV4_DIGEST_LEN],
                             char ret_hex[SIGV4_HEX_LEN]) {
    char text[CHAIN_TEXT_MAX];
    struct buf out;
    buf_init_fixed(&out, text, sizeof text);
    chain_append(chain, ALGORITHM "-TRAILER", &out);
    hex_encode(&out, slice_of(trailers_sha256, SIGV4_DIGEST_LEN));
    CHECK(is_ok(buf_ok(&out)));
    sigv4_signature(chain->key, buf_slice(&out), ret_hex);
}
