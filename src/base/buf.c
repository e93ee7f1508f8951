#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { BUF_FIRST_CAP = 256 };

void buf_init(struct buf *buf, size_t limit) {
    *buf = (struct buf){.limit = limit};
}

void buf_init_fixed(struct buf *buf, void *storage, size_t cap) {
    *buf = (struct buf){.ptr = storage, .cap = cap, .limit = cap, .fixed = true};
}

void buf_fini(struct buf *buf) {
    if (!buf->fixed) free(buf->ptr);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf) {
    buf->len = 0;
    buf->overflowed = false;
}

static size_t grown_cap(const struct buf *buf, size_t needed) {
    size_t cap = buf->cap == 0 ? BUF_FIRST_CAP : buf->cap;
    while (cap < needed) cap *= 2;
    return cap < buf->limit ? cap : buf->limit;
}

static bool buf_grow(struct buf *buf, size_t needed) {
    if (buf->fixed || needed > buf->limit) return false;
    size_t cap = grown_cap(buf, needed);
    char *ptr = realloc(buf->ptr, cap);
    if (ptr == NULL) return false;
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

char *buf_reserve(struct buf *buf, size_t n) {
    size_t needed;
    bool fits = !buf->overflowed && !__builtin_add_overflow(buf->len, n, &needed) &&
                (needed <= buf->cap || buf_grow(buf, needed));
    if (!fits) {
        buf->overflowed = true;
        return NULL;
    }
    return buf->ptr + buf->len;
}

void buf_advance(struct buf *buf, size_t n) {
    CHECK(n <= buf->cap - buf->len);
    buf->len += n;
}

void buf_append(struct buf *buf, struct slice s) {
    if (s.len == 0) return;
    char *at = buf_reserve(buf, s.len);
    if (at == NULL) return;
    memcpy(at, s.ptr, s.len);
    buf->len += s.len;
}

void buf_append_str(struct buf *buf, const char *s) {
    buf_append(buf, slice_str(s));
}

void buf_append_char(struct buf *buf, char c) {
    buf_append(buf, slice_of(&c, 1));
}

void buf_append_u64(struct buf *buf, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buf_append(buf, slice_of(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    /* A fixed buf must have room for vsnprintf's NUL too: one byte stricter than buf_append. */
    char *at = buf_reserve(buf, (size_t)len + 1);
    if (at == NULL) return;
    va_start(args, format);
    vsnprintf(at, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t n) {
    CHECK(n <= buf->len);
    if (n == 0) return;
    memmove(buf->ptr, buf->ptr + n, buf->len - n);
    buf->len -= n;
}

struct status buf_ok(const struct buf *buf) {
    return status_of(buf->overflowed ? STATUS_TOO_LARGE : STATUS_OK);
}
