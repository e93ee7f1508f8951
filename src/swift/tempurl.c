#include "swift/tempurl.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "crypto/ct.h"
#include "crypto/hmac.h"

static struct slice param(const struct http_query *query, const char *name) {
    const struct http_param *found = http_query_find(query, slice_str(name));
    if (found == NULL) return slice_of(NULL, 0);
    return found->value.ptr != NULL ? found->value : slice_of("", 0);
}

bool swift_tempurl_claims(const struct http_query *query) {
    return param(query, "temp_url_sig").ptr != NULL || param(query, "temp_url_expires").ptr != NULL;
}

/* ---- signatures ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum digest_kind kind;
    size_t len;
} digests[] = {{"sha1", DIGEST_SHA1, DIGEST_SHA1_LEN},
               {"sha256", DIGEST_SHA256, DIGEST_SHA256_LEN},
               {"sha512", DIGEST_SHA512, DIGEST_SHA512_LEN}};

/* Base64 of either alphabet, with or without padding. */
static bool base64_any(struct slice text, unsigned char *out, size_t want) {
    char plain[4 * DIGEST_LEN_MAX];
    struct buf buf;
    buf_init_fixed(&buf, plain, sizeof plain);
    while (text.len > 0 && text.ptr[text.len - 1] == '=') text = slice_take(text, text.len - 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        buf_append_char(&buf, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (is_ok(buf_ok(&buf)) && buf.len % 4 != 0) buf_append_char(&buf, '=');
    return is_ok(buf_ok(&buf)) && base64_decode_exact(buf_slice(&buf), out, want);
}

bool swift_signature_parse(struct slice text, enum digest_kind *ret_kind, unsigned char *out,
                           size_t *ret_len) {
    struct slice name, rest;
    bool named = slice_cut(text, ':', &name, &rest);
    for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
        bool good = named ? slice_eq(name, slice_str(digests[i].name)) &&
                                base64_any(rest, out, digests[i].len)
                          : text.len == 2 * digests[i].len && hex_decode(text, out, digests[i].len);
        if (!good) continue;
        *ret_kind = digests[i].kind;
        *ret_len = digests[i].len;
        return true;
    }
    return false;
}

/* ---- the query ------------------------------------------------------------------------------ */

/* Seconds, or a date as Swift writes it: 2020-01-01T00:00:00Z and nothing else. */
static bool expires_parse(struct slice text, int64_t *ret_seconds) {
    uint64_t seconds;
    int64_t time_ns;
    if (slice_parse_u64(text, &seconds)) {
        *ret_seconds = seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
        return true;
    }
    bool form = text.len == 20 && text.ptr[19] == 'Z' && date_parse_iso(text, &time_ns);
    if (form) *ret_seconds = time_ns / NS_PER_S;
    return form;
}

bool swift_tempurl_read(const struct http_query *query, int64_t now_s,
                        struct swift_tempurl *ret_tempurl) {
    struct swift_tempurl tempurl = {.ip_range = param(query, "temp_url_ip_range"),
                                    .prefix = param(query, "temp_url_prefix"),
                                    .filename = param(query, "filename"),
                                    .is_inline = param(query, "inline").ptr != NULL};
    if (!expires_parse(param(query, "temp_url_expires"), &tempurl.expires_s)) return false;
    if (tempurl.expires_s < now_s) return false;
    if (!swift_signature_parse(param(query, "temp_url_sig"), &tempurl.kind, tempurl.signature,
                               &tempurl.signature_len)) {
        return false;
    }
    tempurl.has_prefix = tempurl.prefix.ptr != NULL;
    if (tempurl.ip_range.len == 0) tempurl.ip_range = slice_of(NULL, 0);
    *ret_tempurl = tempurl;
    return true;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* An address as bytes: 4 or 16; 0: it is none. */
static size_t address_parse(struct slice text, unsigned char *out) {
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy) return 0;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, out) == 1) return 4;
    return inet_pton(AF_INET6, copy, out) == 1 ? 16 : 0;
}

/* Whether the bits of `a` from `from` on are all zero. */
static bool is_clear_from(const unsigned char *a, size_t len, size_t from) {
    for (size_t bit = from; bit < 8 * len; bit++) {
        if ((a[bit / 8] >> (7 - bit % 8)) & 1) return false;
    }
    return true;
}

/* Spec: Python, ipaddress.ip_network: bits of a host in a network make it none. */
bool swift_tempurl_ip_fits(struct slice range, struct slice address) {
    unsigned char network[16], host[16], differ[16];
    struct slice before, bits_text;
    uint64_t bits;
    bool has_bits = slice_cut(range, '/', &before, &bits_text);
    size_t len = address_parse(before, network);
    if (len == 0 || address_parse(address, host) != len) return false;
    bits = 8 * len;
    if (has_bits && (!slice_parse_u64(bits_text, &bits) || bits > 8 * len)) return false;
    if (!is_clear_from(network, len, bits)) return false;
    for (size_t i = 0; i < len; i++) differ[i] = network[i] ^ host[i];
    for (size_t bit = 0; bit < bits; bit++) {
        if ((differ[bit / 8] >> (7 - bit % 8)) & 1) return false;
    }
    return true;
}

/* ---- verifying ------------------------------------------------------------------------------ */

static const char *const methods[] = {[HTTP_GET] = "GET",
                                      [HTTP_HEAD] = "HEAD",
                                      [HTTP_PUT] = "PUT",
                                      [HTTP_POST] = "POST",
                                      [HTTP_DELETE] = "DELETE"};

/* What is signed. */
static struct slice text_of(const struct swift_tempurl *tempurl,
                            const struct swift_tempurl_request *request, enum http_method method,
                            struct arena *arena) {
    bool has_range = tempurl->ip_range.ptr != NULL;
    struct slice path = tempurl->has_prefix ? tempurl->prefix : request->object;
    return arena_printf(arena, "%s%.*s%s%s\n%lld\n%s%.*s%.*s", has_range ? "ip=" : "",
                        SLICE_FMT(tempurl->ip_range), has_range ? "\n" : "", methods[method],
                        (long long)tempurl->expires_s, tempurl->has_prefix ? "prefix:" : "",
                        SLICE_FMT(request->before), SLICE_FMT(path));
}

bool swift_signature_fits(enum digest_kind kind, struct slice signature, struct slice text,
                          const struct slice *keys, size_t count, size_t *ret_key) {
    bool fits = false;
    for (size_t i = 0; i < count; i++) {
        unsigned char mac[DIGEST_LEN_MAX];
        if (keys[i].len == 0) continue;
        hmac_of(kind, keys[i], text, mac);
        bool same = ct_equal(mac, signature.ptr, signature.len);
        if (same && !fits) *ret_key = i;
        fits |= same;
        ct_wipe(mac, sizeof mac);
    }
    return fits;
}

bool swift_tempurl_verify(const struct swift_tempurl *tempurl,
                          const struct swift_tempurl_request *request, const struct slice *keys,
                          size_t count, struct arena *arena, size_t *ret_key) {
    static const enum http_method as_head[] = {HTTP_HEAD, HTTP_GET, HTTP_POST, HTTP_PUT};
    size_t method_count = request->method == HTTP_HEAD ? ARRAY_LEN(as_head) : 1;
    bool fits = false;
    if (request->method < HTTP_GET || request->method > HTTP_DELETE) return false;
    if (tempurl->has_prefix && !slice_starts_with(request->object, tempurl->prefix)) return false;
    for (size_t i = 0; i < method_count; i++) {
        enum http_method method = method_count > 1 ? as_head[i] : request->method;
        struct slice text = text_of(tempurl, request, method, arena);
        if (!is_ok(arena_ok(arena))) return false;
        fits |= swift_signature_fits(tempurl->kind,
                                     slice_of(tempurl->signature, tempurl->signature_len), text,
                                     keys, count, ret_key);
    }
    return fits;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* As Python's quote does with safe=" /" or safe="/". */
static void quote(struct buf *buf, struct slice text, bool keep_blank) {
    for (size_t i = 0; i < text.len; i++) {
        struct slice one = slice_of(text.ptr + i, 1);
        if (keep_blank && one.ptr[0] == ' ') {
            buf_append_char(buf, ' ');
        } else {
            percent_encode(buf, one, true);
        }
    }
}

struct slice swift_disposition(struct arena *arena, const char *kind, struct slice filename) {
    enum { TEXT_MAX = 32 * 1024 };
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_printf(&text, "%s; filename=\"", kind);
    quote(&text, filename, true);
    buf_append_str(&text, "\"; filename*=UTF-8''");
    quote(&text, filename, false);
    struct slice result = arena_dup(arena, buf_slice(&text));
    buf_fini(&text);
    return result;
}
