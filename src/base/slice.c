#include "base/slice.h"

#include <strings.h>

#include "base/check.h"

int slice_cmp(struct slice a, struct slice b) {
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);
    if (order != 0) return order;
    return (a.len > b.len) - (a.len < b.len);
}

static char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_eq_nocase(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    }
    return true;
}

bool slice_starts_with(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_eq(slice_take(s, prefix.len), prefix);
}

bool slice_ends_with(struct slice s, struct slice suffix) {
    return s.len >= suffix.len && slice_eq(slice_skip(s, s.len - suffix.len), suffix);
}

bool slice_starts_with_nocase(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_eq_nocase(slice_take(s, prefix.len), prefix);
}

struct slice slice_skip(struct slice s, size_t n) {
    CHECK(n <= s.len);
    return n == 0 ? s : slice_of(s.ptr + n, s.len - n);
}

struct slice slice_take(struct slice s, size_t n) {
    return slice_of(s.ptr, n < s.len ? n : s.len);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s) {
    while (s.len > 0 && is_blank(s.ptr[0])) s = slice_skip(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

size_t slice_find_char(struct slice s, char c) {
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

size_t slice_find(struct slice s, struct slice needle, size_t from) {
    if (from > s.len) return s.len;
    if (needle.len == 0) return from;
    struct slice rest = slice_skip(s, from);
    const char *at = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, needle.ptr, needle.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

bool slice_cut(struct slice s, char separator, struct slice *ret_head, struct slice *ret_rest) {
    size_t at = slice_find_char(s, separator);
    bool found = at < s.len;
    *ret_head = slice_take(s, at);
    *ret_rest = slice_skip(s, found ? at + 1 : s.len);
    return found;
}

bool slice_parse_u64(struct slice s, uint64_t *ret_value) {
    uint64_t value = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value)) return false;
    }
    *ret_value = value;
    return true;
}
