#include "base/codec.h"

#include "base/check.h"

static const char lower_digits[] = "0123456789abcdef";
static const char upper_digits[] = "0123456789ABCDEF";
static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a hexadecimal digit; -1 for any other byte. */
static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that two hexadecimal digits are; -1 where they are none. */
static int hex_byte(const char *digits) {
    int high = hex_value(digits[0]);
    int low = hex_value(digits[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void hex_encode(struct buf *buf, struct slice bytes) {
    char *at = buf_reserve(buf, 2 * bytes.len);
    if (at == NULL) return;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        *at++ = lower_digits[byte >> 4];
        *at++ = lower_digits[byte & 15];
    }
    buf_advance(buf, 2 * bytes.len);
}

bool hex_decode(struct slice text, void *out, size_t out_len) {
    unsigned char *bytes = out;
    if (text.len % 2 != 0 || text.len / 2 != out_len) return false;
    for (size_t i = 0; i < out_len; i++) {
        int byte = hex_byte(text.ptr + 2 * i);
        if (byte < 0) return false;
        bytes[i] = (unsigned char)byte;
    }
    return true;
}

/* Writes the four characters of one to three bytes. */
static void base64_encode_group(const unsigned char *bytes, size_t len, char *out) {
    uint32_t group = (uint32_t)bytes[0] << 16;
    if (len > 1) group |= (uint32_t)bytes[1] << 8;
    if (len > 2) group |= bytes[2];
    out[0] = base64_alphabet[group >> 18];
    out[1] = base64_alphabet[group >> 12 & 63];
    out[2] = len > 1 ? base64_alphabet[group >> 6 & 63] : '=';
    out[3] = len > 2 ? base64_alphabet[group & 63] : '=';
}

void base64_encode(struct buf *buf, struct slice bytes) {
    size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
    char *at = buf_reserve(buf, 4 * groups);
    if (at == NULL) return;
    for (size_t done = 0; done < bytes.len; done += 3, at += 4) {
        size_t len = bytes.len - done < 3 ? bytes.len - done : 3;
        base64_encode_group((const unsigned char *)bytes.ptr + done, len, at);
    }
    buf_advance(buf, 4 * groups);
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

/* Decodes four characters, of which `used` are no padding, into `used - 1` bytes. */
static bool base64_decode_group(const char *text, size_t used, unsigned char *out) {
    uint32_t group = 0;
    for (size_t i = 0; i < used; i++) {
        int value = base64_value(text[i]);
        if (value < 0) return false;
        group |= (uint32_t)value << (18 - 6 * i);
    }
    /* RFC 4648 section 3.5: bits that belong to no byte are zero, or two texts mean the same. */
    if ((group & ((UINT32_C(1) << (8 * (4 - used))) - 1)) != 0) return false;
    for (size_t i = 0; i + 1 < used; i++) out[i] = (unsigned char)(group >> (16 - 8 * i));
    return true;
}

static size_t base64_padding(struct slice text) {
    if (text.len == 0 || text.ptr[text.len - 1] != '=') return 0;
    return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

bool base64_decode(struct slice text, void *out, size_t cap, size_t *ret_len) {
    unsigned char *bytes = out;
    if (text.len % 4 != 0) return false;
    size_t padding = base64_padding(text);
    size_t len = text.len / 4 * 3 - padding;
    if (len > cap) return false;
    for (size_t at = 0; at < text.len; at += 4, bytes += 3) {
        size_t used = at + 4 == text.len ? 4 - padding : 4;
        if (!base64_decode_group(text.ptr + at, used, bytes)) return false;
    }
    *ret_len = len;
    return true;
}

bool base64_decode_exact(struct slice text, void *out, size_t out_len) {
    size_t len;
    return base64_decode(text, out, out_len, &len) && len == out_len;
}

static bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_encode(struct buf *buf, struct slice s, bool keep_slash) {
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        len += is_unreserved(s.ptr[i]) || (keep_slash && s.ptr[i] == '/') ? 1 : 3;
    }
    char *at = buf_reserve(buf, len);
    if (at == NULL) return;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (is_unreserved(s.ptr[i]) || (keep_slash && byte == '/')) {
            *at++ = s.ptr[i];
            continue;
        }
        *at++ = '%';
        *at++ = upper_digits[byte >> 4];
        *at++ = upper_digits[byte & 15];
    }
    buf_advance(buf, len);
}

/* Whether every `%` begins an escape; `*ret_plain` says that there is nothing to decode. */
static bool escapes_are_whole(struct slice s, bool plus_is_space, bool *ret_plain) {
    *ret_plain = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%') {
            if (s.len - i < 3 || hex_byte(s.ptr + i + 1) < 0) return false;
            *ret_plain = false;
            i += 2;
        } else if (s.ptr[i] == '+' && plus_is_space) {
            *ret_plain = false;
        }
    }
    return true;
}

bool percent_decode(struct arena *arena, struct slice s, bool plus_is_space,
                    struct slice *ret_text) {
    bool plain;
    if (!escapes_are_whole(s, plus_is_space, &plain)) return false;
    if (plain) {
        *ret_text = s;
        return true;
    }
    char *text = arena_alloc(arena, s.len);
    if (text == NULL) return false;
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            c = (char)hex_byte(s.ptr + i + 1);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        text[len++] = c;
    }
    *ret_text = slice_of(text, len);
    return true;
}

/*
 * The bytes of one character that begins with `first`, and the least and the most that its second
 * byte may be, which is where overlong forms, surrogates and what lies past U+10FFFF are refused.
 * 0 for a byte that begins none. Spec: RFC 3629 section 4.
 */
static size_t utf8_form(unsigned char first, unsigned char *ret_least, unsigned char *ret_most) {
    *ret_least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *ret_most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;
    if (first < 0xe0) return 2;
    if (first < 0xf0) return 3;
    return first < 0xf5 ? 4 : 0;
}

bool utf8_is_valid(struct slice s) {
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        unsigned char least, most;
        size_t len = utf8_form(bytes[at], &least, &most);
        if (len == 0 || len > s.len - at) return false;
        if (len > 1 && (bytes[at + 1] < least || bytes[at + 1] > most)) return false;
        for (size_t i = 2; i < len; i++) {
            if ((bytes[at + i] & 0xc0) != 0x80) return false;
        }
        at += len;
    }
    return true;
}
