/*
 * buf.h - bytes being put together, never past a limit
 *
 *     init / init_fixed ── append* ── buf_slice ── clear ── … ── fini
 *
 * A buf grows on the heap up to its limit (buf_init), or lives in the caller's bytes and never
 * grows (buf_init_fixed). What does not fit sets `overflowed`, which sticks until buf_clear; a
 * piece is appended whole or not at all. Ask once at the end, by buf_ok.
 *
 * Threads: one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"
#include "base/status.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t limit;
    bool fixed;
    bool overflowed;
};

/* An empty buf that grows as needed to at most `limit` bytes. Owns: its heap bytes, until fini. */
void buf_init(struct buf *buf, size_t limit);

/* An empty buf in the caller's `cap` bytes at `storage`. */
void buf_init_fixed(struct buf *buf, void *storage, size_t cap);

/* Gives the heap bytes back. */
void buf_fini(struct buf *buf);

/* Empties it and forgets the overflow; keeps the memory. */
void buf_clear(struct buf *buf);

/* Each appends its piece, whole or not at all. */
void buf_append(struct buf *buf, struct slice s);
void buf_append_str(struct buf *buf, const char *s);
void buf_append_char(struct buf *buf, char c);
void buf_append_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for at least `n` more bytes, to be filled and then counted by buf_advance; NULL if not. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_advance(struct buf *buf, size_t n);

/* Drops the first `n` bytes and moves the rest to the front. */
void buf_consume(struct buf *buf, size_t n);

/* What has been put together so far; valid until the next append. */
static inline struct slice buf_slice(const struct buf *buf) {
    return slice_of(buf->ptr, buf->len);
}

/* OK, or TOO_LARGE if anything did not fit. */
struct status buf_ok(const struct buf *buf);

#endif
