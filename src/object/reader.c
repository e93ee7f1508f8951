#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"

enum {
    OPEN_TRIES_MAX = 100,
    READER_BUFFER_MAX = 128 * 1024,
    READER_ARENA_BLOCK = 4 * 1024,
    READER_ARENA_MAX = 32 * 1024 * 1024 /* a manifest of 10000 parts, raw and read */
};

/* A piece of the object that is one blob. */
struct piece {
    uint64_t first;
    uint64_t size;
    struct blob_id blob;
};

struct object_reader {
    struct object_store *store;
    struct kv_partition partition;
    uint64_t size;
    bool has_manifest; /* then it is pinned */
    struct key_id manifest_id;
    struct record_manifest manifest;
    struct piece *pieces; /* those that have bytes, in order */
    size_t piece_count;
    struct piece only; /* of an object that is one blob */
    struct blob_reader *blob;
    size_t blob_at; /* the piece whose blob is open, if one is */
    struct arena arena;
    char *buffer;
    size_t buffer_size;
};

/* ---- opening -------------------------------------------------------------------------------- */

static struct status open_piece(struct object_reader *reader, size_t at) {
    const struct piece *piece = &reader->pieces[at];
    if (reader->blob && reader->blob_at == at) return status_ok();
    blob_reader_close(&reader->blob);
    TRY(blob_reader_open(reader->store->config.blob, reader->partition, piece->blob,
                         &reader->blob));
    reader->blob_at = at;
    return blob_reader_size(reader->blob) == piece->size ? status_ok() : status_of(STATUS_CORRUPT);
}

/* Lays out the parts of the manifest one behind the other. */
static struct status lay_out(struct object_reader *reader) {
    const struct record_manifest *manifest = &reader->manifest;
    reader->pieces = arena_calloc(&reader->arena, manifest->count, sizeof *reader->pieces);
    if (!reader->pieces) return status_of(STATUS_NO_MEMORY);
    uint64_t first = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct record_manifest_part *part = &manifest->parts[i];
        if (part->size == 0) continue;
        reader->pieces[reader->piece_count++] = (struct piece){first, part->size, part->blob};
        first += part->size;
    }
    return first == reader->size ? status_ok() : status_of(STATUS_CORRUPT);
}

/* Pins the manifest before it is seen to have a reference (pin.h). */
static struct status open_manifest(struct object_reader *reader, const struct object_info *info) {
    reader->has_manifest = true;
    reader->manifest_id = manifest_id(&info->content);
    pin_add(reader->store->pins, reader->partition, reader->manifest_id);
    TRY(manifest_read(reader->store, reader->partition, reader->manifest_id, &reader->arena,
                      &reader->manifest));
    if (reader->manifest.count != info->part_count) return status_of(STATUS_CORRUPT);
    return lay_out(reader);
}

/* Opens the content; NOT_FOUND where it was released since. */
static struct status open_content(struct object_reader *reader, const struct object_info *info) {
    switch (info->content.kind) {
        case OBJECT_CONTENT_NONE:
            return status_ok();
        case OBJECT_CONTENT_BLOB:
            reader->only = (struct piece){0, info->size, info->content.id};
            reader->pieces = &reader->only;
            reader->piece_count = 1;
            return open_piece(reader, 0);
        case OBJECT_CONTENT_MANIFEST:
            return open_manifest(reader, info);
    }
    return status_of(STATUS_CORRUPT);
}

static struct status reader_new(struct object_store *store, const struct bucket *bucket,
                                const struct object_info *info, struct object_reader **ret_reader) {
    struct object_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return status_of(STATUS_NO_MEMORY);
    reader->store = store;
    reader->partition = bucket->incarnation;
    reader->size = info->size;
    arena_init(&reader->arena, READER_ARENA_BLOCK, READER_ARENA_MAX);
    struct status s = open_content(reader, info);
    if (is_ok(s)) {
        *ret_reader = reader;
    } else {
        object_reader_close(&reader);
    }
    return s;
}

/* The bytes may be released between the look at the record and theirs: then it is read again. A
 * record that stays while its bytes are absent is damage. */
struct status object_open_version(struct object_store *store, const struct bucket *bucket,
                                  struct slice key, const struct object_version *version,
                                  struct arena *arena, struct object_info *ret_info,
                                  struct object_reader **ret_reader) {
    struct slice before = {0};
    for (int i = 0; i < OPEN_TRIES_MAX; i++) {
        struct object_info info;
        TRY(object_find_version(store, bucket, key, version, arena, &info));
        if (slice_eq(before, info.record)) return status_of(STATUS_CORRUPT);
        struct status s = reader_new(store, bucket, &info, ret_reader);
        if (is_ok(s)) *ret_info = info;
        if (!status_is(s, STATUS_NOT_FOUND)) return s;
        before = info.record;
    }
    return status_of(STATUS_BUSY);
}

struct status object_open(struct object_store *store, const struct bucket *bucket, struct slice key,
                          struct arena *arena, struct object_info *ret_info,
                          struct object_reader **ret_reader) {
    static const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    return object_open_version(store, bucket, key, &current, arena, ret_info, ret_reader);
}

void object_reader_close(struct object_reader **reader) {
    struct object_reader *self = *reader;
    if (!self) return;
    blob_reader_close(&self->blob);
    if (self->has_manifest) {
        pin_remove(self->store->pins, self->partition, self->manifest_id);
    }
    arena_fini(&self->arena);
    free(self->buffer);
    free(self);
    *reader = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The piece with the byte at `offset`, which is below the size. */
static size_t piece_at(const struct object_reader *reader, uint64_t offset) {
    size_t low = 0;
    size_t high = reader->piece_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (reader->pieces[middle].first <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* What of a range lies in one blob, which is open then. */
struct stretch {
    uint64_t offset; /* in the blob */
    uint64_t len;
};

static struct status stretch_at(struct object_reader *reader, uint64_t offset, uint64_t len,
                                struct stretch *ret_stretch) {
    size_t at = piece_at(reader, offset);
    const struct piece *piece = &reader->pieces[at];
    struct status s = open_piece(reader, at);
    /* The manifest is pinned, so its blobs are there. */
    if (status_is(s, STATUS_NOT_FOUND)) return status_of(STATUS_CORRUPT);
    TRY(s);
    uint64_t inside = offset - piece->first;
    uint64_t room = piece->size - inside;
    *ret_stretch = (struct stretch){inside, len < room ? len : room};
    return status_ok();
}

static bool in_range(const struct object_reader *reader, uint64_t offset, uint64_t len) {
    return offset <= reader->size && len <= reader->size - offset;
}

struct status object_reader_read(struct object_reader *reader, uint64_t offset, void *buffer,
                                 size_t len) {
    char *out = buffer;
    if (!in_range(reader, offset, len)) return status_of(STATUS_RANGE);
    while (len > 0) {
        struct stretch stretch;
        TRY(stretch_at(reader, offset, len, &stretch));
        TRY(blob_reader_read(reader->blob, stretch.offset, out, (size_t)stretch.len));
        out += stretch.len;
        offset += stretch.len;
        len -= (size_t)stretch.len;
    }
    return status_ok();
}

static struct status buffer_make(struct object_reader *reader) {
    if (reader->buffer) return status_ok();
    reader->buffer_size =
        reader->size < READER_BUFFER_MAX ? (size_t)reader->size : READER_BUFFER_MAX;
    reader->buffer = malloc(reader->buffer_size);
    return reader->buffer ? status_ok() : status_of(STATUS_NO_MEMORY);
}

/* Sends the beginning of the stretch through the buffer. */
static struct status send_read(struct object_reader *reader, const struct stretch *stretch,
                               struct sink *sink, uint64_t *ret_sent) {
    TRY(buffer_make(reader));
    size_t len = stretch->len < reader->buffer_size ? (size_t)stretch->len : reader->buffer_size;
    TRY(blob_reader_read(reader->blob, stretch->offset, reader->buffer, len));
    *ret_sent = len;
    return sink_write(sink, slice_of(reader->buffer, len));
}

/* Sends the beginning of the stretch, as a piece of a file where that can be. */
static struct status send_some(struct object_reader *reader, const struct stretch *stretch,
                               struct sink *sink, uint64_t *ret_sent) {
    if (!sink_can_send_file(sink)) return send_read(reader, stretch, sink, ret_sent);
    struct blob_segment segment = {0};
    struct status s = blob_reader_segment(reader->blob, stretch->offset, stretch->len, &segment);
    if (status_is(s, STATUS_UNSUPPORTED)) return send_read(reader, stretch, sink, ret_sent);
    TRY(s);
    CHECK(segment.len > 0 && segment.len <= stretch->len);
    *ret_sent = segment.len;
    return sink->ops->send_file(sink, segment.fd, segment.file_offset, segment.len);
}

struct status object_reader_send(struct object_reader *reader, uint64_t offset, uint64_t len,
                                 struct sink *sink) {
    if (!in_range(reader, offset, len)) return status_of(STATUS_RANGE);
    while (len > 0) {
        struct stretch stretch;
        uint64_t sent;
        TRY(stretch_at(reader, offset, len, &stretch));
        TRY(send_some(reader, &stretch, sink, &sent));
        offset += sent;
        len -= sent;
    }
    return status_ok();
}

/* ---- parts ---------------------------------------------------------------------------------- */

static struct status part_of_manifest(const struct record_manifest *manifest, uint32_t number,
                                      struct object_part *ret_part) {
    if (number == 0 || number > manifest->count) return status_of(STATUS_RANGE);
    uint64_t first = 0;
    for (size_t i = 0; i + 1 < number; i++) first += manifest->parts[i].size;
    const struct record_manifest_part *part = &manifest->parts[number - 1];
    *ret_part = (struct object_part){part->number, first, part->size, part->checksum};
    return status_ok();
}

struct status object_part_find(struct object_store *store, const struct bucket *bucket,
                               const struct object_info *info, uint32_t number,
                               struct object_part *ret_part) {
    if (info->content.kind != OBJECT_CONTENT_MANIFEST) {
        if (number != 1) return status_of(STATUS_RANGE);
        *ret_part = (struct object_part){1, 0, info->size, info->checksum};
        return status_ok();
    }
    struct arena arena;
    struct record_manifest manifest;
    arena_init(&arena, READER_ARENA_BLOCK, READER_ARENA_MAX);
    struct status s =
        manifest_read(store, bucket->incarnation, manifest_id(&info->content), &arena, &manifest);
    if (is_ok(s)) s = part_of_manifest(&manifest, number, ret_part);
    arena_fini(&arena);
    return s;
}

struct status object_parts_read(struct object_store *store, const struct bucket *bucket,
                                const struct object_info *info, struct object_part *parts) {
    struct arena arena;
    struct record_manifest manifest;
    arena_init(&arena, READER_ARENA_BLOCK, READER_ARENA_MAX);
    struct status s =
        manifest_read(store, bucket->incarnation, manifest_id(&info->content), &arena, &manifest);
    if (is_ok(s) && manifest.count != info->part_count) s = status_of(STATUS_CORRUPT);
    uint64_t first = 0;
    for (size_t i = 0; is_ok(s) && i < manifest.count; i++) {
        const struct record_manifest_part *part = &manifest.parts[i];
        parts[i] = (struct object_part){part->number, first, part->size, part->checksum};
        first += part->size;
    }
    arena_fini(&arena);
    return s;
}
