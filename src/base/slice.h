/*
 * slice.h - a pointer and a length, by value: bytes that somebody else owns
 *
 * A slice is never NUL-terminated by promise and may hold any byte. The empty slice has len 0 and
 * any pointer, NULL included. A slice is valid as long as what it points into.
 *
 * Threads: pure functions.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* The slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s". */
#define SLICE_FMT(s) (int)(s).len, (s).ptr

/* The slice of `len` bytes at `ptr`. */
static inline struct slice slice_of(const void *ptr, size_t len) {
    return (struct slice){ptr, len};
}

/* The slice of a C string without its NUL; empty for NULL. */
static inline struct slice slice_str(const char *s) {
    return (struct slice){s, s ? strlen(s) : 0};
}

/* Whether both hold the same bytes. Not constant-time: secrets are compared by crypto/ct.h. */
static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytewise order: below, at or above zero, a prefix sorting before what it is a prefix of. */
int slice_cmp(struct slice a, struct slice b);

/* Whether both are equal when ASCII letters are taken without case. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Whether `s` begins or ends with those bytes; _nocase takes ASCII letters without case. */
bool slice_starts_with(struct slice s, struct slice prefix);
bool slice_ends_with(struct slice s, struct slice suffix);
bool slice_starts_with_nocase(struct slice s, struct slice prefix);

/* `s` without its first `n` bytes; `n` is at most s.len. */
struct slice slice_skip(struct slice s, size_t n);

/* The first `n` bytes of `s`, or all of it where it is shorter. */
struct slice slice_take(struct slice s, size_t n);

/* `s` without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* The index of the first `c` in `s`; s.len where there is none. */
size_t slice_find_char(struct slice s, char c);

/* The index of the first `needle` in `s` at or after `from`; s.len where there is none. */
size_t slice_find(struct slice s, struct slice needle, size_t from);

/*
 * Splits at the first `separator`: `*ret_head` before it, `*ret_rest` behind it. Without one the
 * head is all of `s`, the rest is empty, and the answer is false.
 */
bool slice_cut(struct slice s, char separator, struct slice *ret_head, struct slice *ret_rest);

/* Parses a whole slice of ASCII digits, at least one, no sign; false on anything else or overflow.
 */
bool slice_parse_u64(struct slice s, uint64_t *ret_value);

#endif
