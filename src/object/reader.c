#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/digest.h"
#include "object/inner.h"
#include "object/large.h"
#include "object/list.h"

enum {
    OPEN_TRIES_MAX = 100,
    PIECES_FIRST = 64,
    READER_BUFFER_MAX = 128 * 1024,
    READER_ARENA_BLOCK = 4 * 1024,
    READER_ARENA_MAX = 32 * 1024 * 1024 /* a manifest of 10000 parts, raw and read */
};

/* A piece of the object: a blob, bytes of its manifest, or a range of another object. */
struct piece {
    uint64_t first;
    uint64_t size;
    struct blob_id blob;
    struct slice data;                    /* where it has any, it is these bytes */
    const struct record_segment *segment; /* where it has one, it is this */
};

/* A container that segments lie in; they are found once a reader. */
struct segment_bucket {
    struct slice name;
    struct bucket bucket;
    struct segment_bucket *next;
};

struct object_reader {
    struct object_store *store;
    struct kv_partition partition;
    struct slice region; /* where segments lie, with the project */
    struct slice project_id;
    struct object_link link;
    const struct object_gate *gate; /* who may follow segments; NULL: nobody has asked */
    unsigned depth;                 /* of objects with segments in objects with segments */
    uint64_t *left;                 /* segments that may still be looked at; of the outermost */
    uint64_t left_here;
    struct segment_bucket *buckets;
    struct object_reader *inner; /* the segment that is open, if one is */
    size_t inner_at;
    uint64_t size;
    bool has_manifest; /* then it is pinned */
    struct key_id manifest_id;
    struct record_manifest manifest;
    struct piece *pieces; /* those that have bytes, in order */
    size_t piece_count;
    size_t piece_cap;
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
        reader->pieces[reader->piece_count++] =
            (struct piece){first, part->size, part->blob, part->data, part->segment};
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
            reader->only = (struct piece){.size = info->size, .blob = info->content.id};
            reader->pieces = &reader->only;
            reader->piece_count = 1;
            return open_piece(reader, 0);
        case OBJECT_CONTENT_MANIFEST:
            return open_manifest(reader, info);
    }
    return status_of(STATUS_CORRUPT);
}

/* Segments are looked for later, when bucket and info may have gone. */
static struct status take_link(struct object_reader *reader, const struct bucket *bucket,
                               const struct object_info *info) {
    reader->left_here = OBJECT_SEGMENTS_LOOK_MAX;
    reader->left = &reader->left_here;
    reader->link.kind = info->link.kind;
    if (info->link.kind == OBJECT_LINK_NONE || info->link.kind == OBJECT_LINK_SYMLINK) {
        return status_ok();
    }
    reader->region = arena_dup(&reader->arena, bucket->region);
    reader->project_id = arena_dup(&reader->arena, bucket->project_id);
    reader->link.container = arena_dup(&reader->arena, info->link.container);
    reader->link.object = arena_dup(&reader->arena, info->link.object);
    return arena_ok(&reader->arena);
}

static struct status reader_new(struct object_store *store, const struct bucket *bucket,
                                const struct object_info *info, struct object_reader **ret_reader) {
    struct object_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return status_of(STATUS_NO_MEMORY);
    reader->store = store;
    reader->partition = bucket->incarnation;
    reader->size = info->size;
    arena_init(&reader->arena, READER_ARENA_BLOCK, READER_ARENA_MAX);
    struct status s = take_link(reader, bucket, info);
    if (is_ok(s)) s = open_content(reader, info);
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
    object_reader_close(&self->inner);
    blob_reader_close(&self->blob);
    if (self->has_manifest) {
        pin_remove(self->store->pins, self->partition, self->manifest_id);
    }
    arena_fini(&self->arena);
    free(self->buffer);
    free(self);
    *reader = NULL;
}

/* ---- segments ------------------------------------------------------------------------------- */

static struct status segment_bucket(struct object_reader *reader, struct slice name,
                                    const struct bucket **ret_bucket) {
    struct segment_bucket *at = reader->buckets;
    while (at && !slice_eq(at->name, name)) at = at->next;
    if (!at) {
        at = ARENA_NEW(&reader->arena, struct segment_bucket);
        if (!at) return status_of(STATUS_NO_MEMORY);
        at->name = name;
        TRY(bucket_find(reader->store, reader->region, reader->project_id, name, &reader->arena,
                        NULL, &at->bucket));
        /* What another project has under this name is no segment of ours. */
        if (!slice_eq(at->bucket.project_id, reader->project_id)) {
            return status_of(STATUS_NOT_FOUND);
        }
        at->next = reader->buckets;
        reader->buckets = at;
    }
    *ret_bucket = &at->bucket;
    return status_ok();
}

/* Opens a segment's object, as it must be; its own segments are looked for too. */
static struct status segment_open(struct object_reader *reader, const struct record_segment *wanted,
                                  struct object_reader **ret_inner) {
    struct object_opening opening = {
        .store = reader->store, .key = wanted->object, .gate = reader->gate, .asks_first = true};
    struct object_opened opened = {.reader = NULL};
    struct arena arena;
    if (reader->depth >= OBJECT_SEGMENTS_DEPTH_MAX) return status_of(STATUS_CONFLICT);
    TRY(segment_bucket(reader, wanted->container, &opening.bucket));
    arena_init(&arena, READER_ARENA_BLOCK, STORE_ARENA_MAX);
    struct status s = object_open_target(&opening, &arena, &opened);
    if (is_ok(s)) {
        opened.reader->depth = reader->depth + 1;
        opened.reader->left = reader->left;
        bool same = slice_eq(object_link_etag(&opened.info), wanted->etag) &&
                    opened.info.size == wanted->object_size;
        s = same ? object_reader_follow(opened.reader, reader->gate, &opened.info, &arena)
                 : status_of(STATUS_CONFLICT);
    }
    arena_fini(&arena);
    if (is_ok(s)) {
        *ret_inner = opened.reader;
    } else {
        object_reader_close(&opened.reader);
    }
    return s;
}

/* A segment that has gone is as bad as one that has changed. */
static struct status open_segment(struct object_reader *reader, size_t at) {
    if (reader->inner && reader->inner_at == at) return status_ok();
    object_reader_close(&reader->inner);
    if (!reader->gate) return status_of(STATUS_UNSUPPORTED);
    struct status s = segment_open(reader, reader->pieces[at].segment, &reader->inner);
    if (status_is(s, STATUS_NOT_FOUND)) return status_of(STATUS_CONFLICT);
    TRY(s);
    reader->inner_at = at;
    return status_ok();
}

/* Room for one more piece. */
static struct piece *piece_new(struct object_reader *reader) {
    if (reader->piece_count == reader->piece_cap) {
        size_t cap = reader->piece_cap == 0 ? PIECES_FIRST : 2 * reader->piece_cap;
        struct piece *pieces = arena_calloc(&reader->arena, cap, sizeof *pieces);
        if (!pieces) return NULL;
        if (reader->piece_count > 0) {
            memcpy(pieces, reader->pieces, reader->piece_count * sizeof *pieces);
        }
        reader->pieces = pieces;
        reader->piece_cap = cap;
    }
    return &reader->pieces[reader->piece_count++];
}

/* What a prefix stands for, in the making. */
struct assembling {
    struct object_reader *reader;
    struct digest md5; /* of the ETags, one behind the other */
    uint64_t size;
    size_t count;
    int64_t modified_ns;
};

static struct status assemble_one(struct assembling *assembling, const struct object_info *info) {
    struct object_reader *reader = assembling->reader;
    struct record_segment *segment = ARENA_NEW(&reader->arena, struct record_segment);
    if (!segment) return status_of(STATUS_NO_MEMORY);
    *segment = (struct record_segment){
        .container = reader->link.container,
        .object = arena_dup(&reader->arena, info->key),
        .etag = arena_dup(&reader->arena, object_link_etag(info)),
        .object_size = info->size,
    };
    TRY(arena_ok(&reader->arena));
    if (++assembling->count > OBJECT_PREFIX_SEGMENTS_MAX) return status_of(STATUS_TOO_LARGE);
    digest_update(&assembling->md5, segment->etag);
    if (info->modified_ns > assembling->modified_ns) assembling->modified_ns = info->modified_ns;
    if (info->size == 0) return status_ok();
    struct piece *piece = piece_new(reader);
    if (!piece) return status_of(STATUS_NO_MEMORY);
    *piece = (struct piece){.first = assembling->size, .size = info->size, .segment = segment};
    assembling->size += info->size;
    return status_ok();
}

static struct status assemble(struct assembling *assembling, const struct bucket *bucket) {
    struct list_query query = {.prefix = assembling->reader->link.object, .max = LIST_PAGE_MAX};
    struct key after;
    struct arena arena;
    struct status s = status_ok();
    bool more = true;
    arena_init(&arena, STORE_ARENA_BLOCK, STORE_ARENA_MAX);
    while (is_ok(s) && more) {
        struct list_page page = {0};
        arena_reset(&arena);
        s = list_objects(assembling->reader->store, bucket, &query, &arena, &page);
        for (size_t i = 0; is_ok(s) && i < page.count; i++) {
            s = assemble_one(assembling, &page.entries[i].info);
        }
        more = is_ok(s) && page.truncated;
        if (!more) break;
        memcpy(after.bytes, page.next.ptr, page.next.len);
        query.after = slice_of(after.bytes, page.next.len);
    }
    arena_fini(&arena);
    return s;
}

/* Lists what the prefix stands for; the object's own bytes, if it has any, do not count. */
static struct status follow_prefix(struct object_reader *reader, struct object_info *info,
                                   struct arena *arena) {
    struct assembling assembling = {.reader = reader, .modified_ns = info->modified_ns};
    const struct bucket *bucket;
    uint8_t md5[DIGEST_MD5_LEN];
    char text[2 * DIGEST_MD5_LEN];
    struct buf buf;
    digest_init(&assembling.md5, DIGEST_MD5);
    TRY(segment_bucket(reader, reader->link.container, &bucket));
    if (reader->gate->may_list) TRY(reader->gate->may_list(reader->gate, bucket));
    blob_reader_close(&reader->blob);
    reader->pieces = NULL;
    reader->piece_count = 0;
    TRY(assemble(&assembling, bucket));
    digest_final(&assembling.md5, md5);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(md5, sizeof md5));
    reader->size = assembling.size;
    info->size = assembling.size;
    info->etag = arena_dup(arena, buf_slice(&buf));
    info->modified_ns = assembling.modified_ns;
    info->checksum = (struct object_checksum){0};
    return arena_ok(arena);
}

struct status object_reader_follow(struct object_reader *reader, const struct object_gate *gate,
                                   struct object_info *info, struct arena *arena) {
    CHECK(gate != NULL);
    reader->gate = gate;
    if (reader->link.kind != OBJECT_LINK_PREFIX || reader->depth > 0) return status_ok();
    return follow_prefix(reader, info, arena);
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

/* What of a range lies in one piece, which is open then. */
struct stretch {
    const struct piece *piece;
    uint64_t offset; /* in the blob, the data or the object of the segment */
    uint64_t len;
};

static struct status stretch_at(struct object_reader *reader, uint64_t offset, uint64_t len,
                                struct stretch *ret_stretch) {
    size_t at = piece_at(reader, offset);
    const struct piece *piece = &reader->pieces[at];
    uint64_t inside = offset - piece->first;
    uint64_t room = piece->size - inside;
    if (piece->segment) {
        TRY(open_segment(reader, at));
        inside += piece->segment->first;
    } else if (piece->data.len == 0) {
        struct status s = open_piece(reader, at);
        /* The manifest is pinned, so its blobs are there. */
        if (status_is(s, STATUS_NOT_FOUND)) return status_of(STATUS_CORRUPT);
        TRY(s);
    }
    *ret_stretch = (struct stretch){piece, inside, len < room ? len : room};
    return status_ok();
}

static bool in_range(const struct object_reader *reader, uint64_t offset, uint64_t len) {
    return offset <= reader->size && len <= reader->size - offset;
}

struct status object_reader_verify(struct object_reader *reader, uint64_t offset, uint64_t len) {
    if (!in_range(reader, offset, len)) return status_of(STATUS_RANGE);
    while (len > 0) {
        size_t at = piece_at(reader, offset);
        const struct piece *piece = &reader->pieces[at];
        uint64_t inside = offset - piece->first;
        uint64_t some = len < piece->size - inside ? len : piece->size - inside;
        if (piece->segment && *reader->left > 0) {
            (*reader->left)--;
            TRY(open_segment(reader, at));
            TRY(object_reader_verify(reader->inner, piece->segment->first + inside, some));
        }
        offset += some;
        len -= some;
    }
    return status_ok();
}

static struct status stretch_read(struct object_reader *reader, const struct stretch *stretch,
                                  void *out, size_t len) {
    if (stretch->piece->segment) {
        return object_reader_read(reader->inner, stretch->offset, out, len);
    }
    if (stretch->piece->data.len > 0) {
        memcpy(out, stretch->piece->data.ptr + stretch->offset, len);
        return status_ok();
    }
    return blob_reader_read(reader->blob, stretch->offset, out, len);
}

struct status object_reader_read(struct object_reader *reader, uint64_t offset, void *buffer,
                                 size_t len) {
    char *out = buffer;
    if (!in_range(reader, offset, len)) return status_of(STATUS_RANGE);
    while (len > 0) {
        struct stretch stretch;
        TRY(stretch_at(reader, offset, len, &stretch));
        TRY(stretch_read(reader, &stretch, out, (size_t)stretch.len));
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
static struct status send_blob(struct object_reader *reader, const struct stretch *stretch,
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

static struct status send_some(struct object_reader *reader, const struct stretch *stretch,
                               struct sink *sink, uint64_t *ret_sent) {
    const struct piece *piece = stretch->piece;
    *ret_sent = stretch->len;
    if (piece->segment) {
        return object_reader_send(reader->inner, stretch->offset, stretch->len, sink);
    }
    if (piece->data.len > 0) {
        return sink_write(sink, slice_of(piece->data.ptr + stretch->offset, (size_t)stretch->len));
    }
    return send_blob(reader, stretch, sink, ret_sent);
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

static struct object_part part_of(const struct record_manifest_part *from, uint64_t first) {
    struct object_part part = {from->number, first, from->size, from->checksum, from->has_md5, {0}};
    memcpy(part.md5, from->md5, sizeof part.md5);
    return part;
}

static struct status part_of_manifest(const struct record_manifest *manifest, uint32_t number,
                                      struct object_part *ret_part) {
    if (number == 0 || number > manifest->count) return status_of(STATUS_RANGE);
    uint64_t first = 0;
    for (size_t i = 0; i + 1 < number; i++) first += manifest->parts[i].size;
    *ret_part = part_of(&manifest->parts[number - 1], first);
    return status_ok();
}

struct status object_part_find(struct object_store *store, const struct bucket *bucket,
                               const struct object_info *info, uint32_t number,
                               struct object_part *ret_part) {
    if (info->content.kind != OBJECT_CONTENT_MANIFEST) {
        if (number != 1) return status_of(STATUS_RANGE);
        *ret_part =
            (struct object_part){.number = 1, .size = info->size, .checksum = info->checksum};
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
        parts[i] = part_of(&manifest.parts[i], first);
        first += parts[i].size;
    }
    arena_fini(&arena);
    return s;
}
