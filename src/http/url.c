#include "http/url.h"

#include "http/text.h"

/* RFC 3986 section 3.2.2: unreserved, pct-encoded and sub-delims. */
static bool is_reg_name_char(char c) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
    return c != '\0' && strchr("-._~%!$&'()*+,;=", c) != NULL;
}

static bool is_reg_name(struct slice host) {
    for (size_t i = 0; i < host.len; i++) {
        if (!is_reg_name_char(host.ptr[i])) return false;
    }
    return true;
}

static bool is_ip_literal(struct slice host) {
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != ':' && !is_reg_name_char(host.ptr[i])) return false;
    }
    return host.len >= 2;
}

static bool is_port(struct slice port) {
    uint64_t number;
    return port.len == 0 || (port.len <= 5 && slice_parse_u64(port, &number) && number <= 65535);
}

static bool split_ip_literal(struct slice authority, struct slice *ret_host,
                             struct slice *ret_port) {
    size_t end = slice_find_char(authority, ']');
    if (end == authority.len) return false;
    struct slice host = slice_skip(slice_take(authority, end), 1);
    struct slice rest = slice_skip(authority, end + 1);
    if (rest.len > 0 && rest.ptr[0] != ':') return false;
    struct slice port = slice_skip(rest, rest.len > 0);
    if (!is_ip_literal(host) || !is_port(port)) return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

bool http_authority_split(struct slice authority, struct slice *ret_host, struct slice *ret_port) {
    if (authority.len > 0 && authority.ptr[0] == '[') {
        return split_ip_literal(authority, ret_host, ret_port);
    }
    struct slice host;
    struct slice port;
    slice_cut(authority, ':', &host, &port);
    if (!is_reg_name(host) || !is_port(port)) return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

static bool parse_scheme(struct slice *text, bool *ret_https) {
    static const struct slice http = {"http://", 7};
    static const struct slice https = {"https://", 8};
    *ret_https = slice_starts_with_nocase(*text, https);
    if (!*ret_https && !slice_starts_with_nocase(*text, http)) return false;
    *text = slice_skip(*text, *ret_https ? https.len : http.len);
    return true;
}

static bool is_visible(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f || c == '#') return false;
    }
    return true;
}

static uint16_t port_of(struct slice port, bool https) {
    uint64_t number;
    if (port.len > 0 && slice_parse_u64(port, &number)) return (uint16_t)number;
    return https ? 443 : 80;
}

static size_t authority_len(struct slice rest) {
    size_t slash = slice_find_char(rest, '/');
    size_t mark = slice_find_char(rest, '?');
    return slash < mark ? slash : mark;
}

struct status http_url_parse(struct slice text, struct note *note, struct http_url *ret_url) {
    struct http_url url = {0};
    struct slice rest = text;
    struct slice port;
    if (!parse_scheme(&rest, &url.https)) {
        return note_status(note, STATUS_INVALID, "a URL begins with http:// or https://");
    }
    size_t end = authority_len(rest);
    url.authority = slice_take(rest, end);
    if (!http_authority_split(url.authority, &url.host, &port) || url.host.len == 0) {
        return note_status(note, STATUS_INVALID, "the URL names no host, or a malformed one");
    }
    url.port = port_of(port, url.https);
    if (url.port == 0) return note_status(note, STATUS_INVALID, "0 is no port to connect to");
    slice_cut(slice_skip(rest, end), '?', &url.path, &url.query);
    if (url.path.len == 0) url.path = SLICE("/");
    if (!is_visible(url.path) || !is_visible(url.query)) {
        return note_status(note, STATUS_INVALID,
                           "the URL has a blank, a control character or a fragment");
    }
    *ret_url = url;
    return status_ok();
}
