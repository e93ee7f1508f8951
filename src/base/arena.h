/*
 * arena.h - the memory of one request: taken piece by piece, given back as a whole
 *
 *     init ── alloc* ── reset ── alloc* ── … ── fini
 *
 * An arena has a limit. Beyond it alloc returns NULL and the arena stays *overflowed* until reset:
 * a builder may go on and ask once, at its end, by arena_ok. The first block is the size given at
 * init and is kept over resets; further blocks come from the heap and go back at reset.
 * In builds with ARENA_EMULATE (the ASan builds) each allocation is a malloc of its own, so that
 * the sanitizer sees an overrun of one byte.
 *
 * Threads: one at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>

#include "base/slice.h"
#include "base/status.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; the last one stays over resets */
    size_t block_size_bytes;
    size_t limit_bytes;
    size_t used_bytes;
    bool overflowed;
};

/* Makes an empty arena; nothing is allocated before the first use. Units: both sizes in bytes. */
void arena_init(struct arena *arena, size_t block_size_bytes, size_t limit_bytes);

/* Gives all memory back. A finished arena may be initialised again. */
void arena_fini(struct arena *arena);

/* Forgets every allocation and the overflow. */
void arena_reset(struct arena *arena);

/*
 * `size` bytes, aligned for any type, not initialised; NULL past the limit (sticky). A size of 0
 * gives a valid pointer.
 * Owns: the arena.
 */
void *arena_alloc(struct arena *arena, size_t size);

/* The same, `count * size` bytes set to zero; an overflowing product is an overflow of the arena.
 */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A zeroed `type` from `arena`. */
#define ARENA_NEW(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))

/* A copy of `s` with a NUL behind it (not counted); the empty slice when the arena overflowed. */
struct slice arena_dup(struct arena *arena, struct slice s);

/* A copy of `s` as a C string; NULL when the arena overflowed. */
char *arena_cstr(struct arena *arena, struct slice s);

/* Formatted text, NUL-terminated behind its length; the empty slice when the arena overflowed. */
struct slice arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The concatenation of `count` slices. */
struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count);

/* OK, or NO_MEMORY if any allocation since the last reset failed. */
struct status arena_ok(const struct arena *arena);

#endif
