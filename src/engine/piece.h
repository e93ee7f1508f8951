/*
 * piece.h - one piece of a blob: extents on one drive, as one run of bytes
 *
 *     init ── reserve* ── write* ── sync ── trim ── (named by a record)
 *        └── add* (what a record names) ── read*
 *
 * What a piece has reserved is only in memory. A piece whose drive is not there is lost: it has no
 * volumes, and every call on its bytes is IO.
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_PIECE_H
#define ENGINE_PIECE_H

#include "engine/volume.h"

enum { PIECE_EXTENTS_MAX = 64 * 1024 };

/* An extent, and the unit of the piece that it begins with. */
struct piece_span {
    struct extent extent;
    uint64_t first;
};

struct piece {
    uint32_t drive; /* its number; 0: lost */
    struct volumes *volumes;
    struct piece_span *spans;
    size_t count;
    size_t cap;
    uint64_t units;
};

/* An empty piece on a drive; `volumes` is NULL where that is not there. */
void piece_init(struct piece *piece, uint32_t drive, struct volumes *volumes);

/* Frees the list; the extents stay as they are. */
void piece_fini(struct piece *piece);

/* Adds an extent that is the piece's already. */
void piece_add(struct piece *piece, struct extent extent);

/* Finds room until the piece has `units`. Errors: NO_SPACE (or too scattered); IO. */
struct status piece_reserve(struct piece *piece, uint64_t units);

/* Gives back what is behind the first `units`; piece_trim(piece, 0) gives all back. */
void piece_trim(struct piece *piece, uint64_t units);

/* Writes whole units at byte `offset`; both, and the address, are multiples of EXTENT_UNIT. */
struct status piece_write(struct piece *piece, uint64_t offset, struct slice bytes);

/* Reads `len` bytes at byte `offset`; `direct` past the page cache, aligned as a write. */
struct status piece_read(const struct piece *piece, uint64_t offset, void *buffer, size_t len,
                         bool direct);

/*
 * Makes a piece of its own of the extents that have the range; the answer is where `offset` lies in
 * it. Owns: `ret_part` the caller, piece_fini.
 */
uint64_t piece_part(const struct piece *piece, uint64_t offset, size_t len, struct piece *ret_part);

/* Whether the range lies in the page cache, so that reading it does not wait for the drive. */
bool piece_is_cached(const struct piece *piece, uint64_t offset, size_t len);

/* Notes that the range, whole units, was read through the page cache and found right. */
void piece_verified(const struct piece *piece, uint64_t offset, size_t len);

/*
 * Up to `len` bytes from byte `offset` that can be sent as they are, in one piece of a file; the
 * answer is how many, 0: none.
 */
uint64_t piece_sendable(const struct piece *piece, uint64_t offset, uint64_t len, int *ret_fd,
                        uint64_t *ret_offset);

/* Makes what was written durable. */
struct status piece_sync(struct piece *piece);

/* The extent that has byte `offset`, and where in it that is. */
const struct piece_span *piece_find(const struct piece *piece, uint64_t offset,
                                    uint64_t *ret_offset);

#endif
