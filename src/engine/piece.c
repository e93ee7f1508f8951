#include "engine/piece.h"

#include <stdlib.h>

#include "base/check.h"

void piece_init(struct piece *piece, uint32_t drive, struct volumes *volumes) {
    *piece = (struct piece){.drive = drive, .volumes = volumes};
}

void piece_fini(struct piece *piece) {
    free(piece->spans);
    piece->spans = NULL;
    piece->count = piece->cap = 0;
    piece->units = 0;
}

/* Whether `extent` goes on where the last one ends. */
static bool goes_on(const struct piece *piece, struct extent extent) {
    if (piece->count == 0) return false;
    const struct extent *last = &piece->spans[piece->count - 1].extent;
    return last->volume == extent.volume && last->start + last->count == extent.start;
}

void piece_add(struct piece *piece, struct extent extent) {
    if (goes_on(piece, extent)) {
        piece->spans[piece->count - 1].extent.count += extent.count;
        piece->units += extent.count;
        return;
    }
    if (piece->count == piece->cap) {
        piece->cap = piece->cap ? 2 * piece->cap : 4;
        piece->spans = realloc(piece->spans, piece->cap * sizeof *piece->spans);
        CHECK(piece->spans);
    }
    piece->spans[piece->count++] = (struct piece_span){extent, piece->units};
    piece->units += extent.count;
}

struct status piece_reserve(struct piece *piece, uint64_t units) {
    while (piece->units < units) {
        if (!piece->volumes) return status_of(STATUS_IO);
        if (piece->count == PIECE_EXTENTS_MAX) return status_of(STATUS_NO_SPACE);
        uint64_t missing = units - piece->units;
        struct extent extent;
        TRY(volumes_find(piece->volumes,
                         missing < UINT32_MAX / 2 ? (uint32_t)missing : UINT32_MAX / 2, &extent));
        piece_add(piece, extent);
    }
    return status_ok();
}

void piece_trim(struct piece *piece, uint64_t units) {
    while (piece->units > units) {
        struct piece_span *last = &piece->spans[piece->count - 1];
        uint64_t more = piece->units - units;
        struct extent gone = last->extent;
        if (more < gone.count) {
            gone.start += gone.count - (uint32_t)more;
            gone.count = (uint32_t)more;
        }
        if (piece->volumes) volumes_give(piece->volumes, gone);
        last->extent.count -= gone.count;
        piece->units -= gone.count;
        if (last->extent.count == 0) piece->count--;
    }
}

const struct piece_span *piece_find(const struct piece *piece, uint64_t offset,
                                    uint64_t *ret_offset) {
    uint64_t unit = offset / EXTENT_UNIT;
    CHECK(unit < piece->units);
    size_t low = 0;
    size_t high = piece->count; /* the last span that begins at or before the unit */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (piece->spans[middle].first <= unit) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_offset = offset - piece->spans[low].first * EXTENT_UNIT;
    return &piece->spans[low];
}

struct status piece_write(struct piece *piece, uint64_t offset, struct slice bytes) {
    CHECK(offset % EXTENT_UNIT == 0 && bytes.len % EXTENT_UNIT == 0);
    if (!piece->volumes) return status_of(STATUS_IO);
    while (bytes.len > 0) {
        uint64_t at;
        const struct piece_span *span = piece_find(piece, offset, &at);
        uint64_t room = (uint64_t)span->extent.count * EXTENT_UNIT - at;
        struct slice part = slice_take(bytes, room < bytes.len ? (size_t)room : bytes.len);
        TRY(volumes_write(piece->volumes, span->extent, (uint32_t)(at / EXTENT_UNIT), part));
        bytes = slice_skip(bytes, part.len);
        offset += part.len;
    }
    return status_ok();
}

struct status piece_read(const struct piece *piece, uint64_t offset, void *buffer, size_t len,
                         bool direct) {
    if (!piece->volumes) return status_of(STATUS_IO);
    char *to = buffer;
    while (len > 0) {
        uint64_t at;
        const struct piece_span *span = piece_find(piece, offset, &at);
        uint64_t room = (uint64_t)span->extent.count * EXTENT_UNIT - at;
        size_t n = room < len ? (size_t)room : len;
        TRY(direct ? volumes_read_direct(piece->volumes, span->extent, at, to, n)
                   : volumes_read(piece->volumes, span->extent, at, to, n));
        to += n;
        offset += n;
        len -= n;
    }
    return status_ok();
}

bool piece_is_cached(const struct piece *piece, uint64_t offset, size_t len) {
    while (piece->volumes && len > 0) {
        uint64_t at;
        const struct piece_span *span = piece_find(piece, offset, &at);
        uint64_t room = (uint64_t)span->extent.count * EXTENT_UNIT - at;
        size_t n = room < len ? (size_t)room : len;
        if (!volumes_are_cached(piece->volumes, span->extent, at, n)) return false;
        offset += n;
        len -= n;
    }
    return piece->volumes;
}

struct status piece_sync(struct piece *piece) {
    if (!piece->volumes) return status_of(STATUS_IO);
    uint32_t synced = 0;
    for (size_t i = 0; i < piece->count; i++) {
        uint32_t volume = piece->spans[i].extent.volume;
        if (volume == synced) continue;
        TRY(volumes_sync(piece->volumes, volume));
        synced = volume;
    }
    return status_ok();
}

void piece_verified(const struct piece *piece, uint64_t offset, size_t len) {
    while (len > 0) {
        uint64_t at;
        const struct piece_span *span = piece_find(piece, offset, &at);
        uint64_t room = (uint64_t)span->extent.count * EXTENT_UNIT - at;
        size_t n = room < len ? (size_t)room : len;
        volumes_verified(piece->volumes, span->extent, (uint32_t)(at / EXTENT_UNIT),
                         (uint32_t)(n / EXTENT_UNIT));
        offset += n;
        len -= n;
    }
}

uint64_t piece_sendable(const struct piece *piece, uint64_t offset, uint64_t len, int *ret_fd,
                        uint64_t *ret_offset) {
    if (!piece->volumes) return 0;
    uint64_t at;
    const struct piece_span *span = piece_find(piece, offset, &at);
    uint32_t unit = (uint32_t)(at / EXTENT_UNIT);
    uint64_t within = at % EXTENT_UNIT;
    uint64_t units = (within + len + EXTENT_UNIT - 1) / EXTENT_UNIT;
    if (units > span->extent.count - unit) units = span->extent.count - unit;
    uint64_t file_offset;
    uint32_t run =
        volumes_sendable(piece->volumes, span->extent, unit, (uint32_t)units, ret_fd, &file_offset);
    if (run == 0) return 0;
    *ret_offset = file_offset + within;
    uint64_t bytes = (uint64_t)run * EXTENT_UNIT - within;
    return bytes < len ? bytes : len;
}

uint64_t piece_part(const struct piece *piece, uint64_t offset, size_t len,
                    struct piece *ret_part) {
    piece_init(ret_part, piece->drive, piece->volumes);
    uint64_t end = offset + len;
    uint64_t begin = offset - offset % EXTENT_UNIT;
    for (uint64_t at = begin; at < end;) {
        uint64_t within;
        const struct piece_span *span = piece_find(piece, at, &within);
        uint32_t unit = (uint32_t)(within / EXTENT_UNIT);
        uint64_t wanted = (end - at + EXTENT_UNIT - 1) / EXTENT_UNIT;
        uint32_t room = span->extent.count - unit;
        uint32_t count = wanted < room ? (uint32_t)wanted : room;
        piece_add(ret_part, (struct extent){span->extent.volume, span->extent.start + unit, count});
        at += (uint64_t)count * EXTENT_UNIT;
    }
    return offset - begin;
}
