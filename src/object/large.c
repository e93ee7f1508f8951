#include "object/large.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "object/inner.h"

struct slice object_link_etag(const struct object_info *info) {
    struct slice etag = info->etag;
    if (info->link.kind != OBJECT_LINK_SEGMENTS) return etag;
    struct slice before;
    struct slice rest;
    slice_cut(etag, '-', &before, &rest);
    return before;
}

/* ---- symbolic links ------------------------------------------------------------------------- */

/* The bucket that a link leads to, and the key in it. */
static struct status target_bucket(struct object_store *store, const struct bucket *bucket,
                                   const struct object_link *link, struct arena *arena,
                                   struct bucket *ret_bucket) {
    struct slice project_id = link->account.len > 0 ? link->account : bucket->project_id;
    struct bucket found;
    TRY(bucket_find(store, bucket->region, project_id, link->container, arena, NULL, &found));
    if (!slice_eq(found.project_id, project_id)) return status_of(STATUS_NOT_FOUND);
    *ret_bucket = found;
    return status_ok();
}

/* Whether a target is what the link says that it is. */
static bool is_meant(const struct object_link *link, const struct object_info *target) {
    return link->etag.len == 0 || slice_eq(link->etag, object_link_etag(target));
}

static struct status open_one(const struct object_opening *opening, struct arena *arena,
                              struct object_opened *opened) {
    static const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    const struct object_gate *gate = opening->gate;
    struct object_link *link = &opened->link;
    bool first = !opened->is_target;
    struct slice key = first ? opening->key : link->object;
    TRY(object_open_version(opening->store, &opened->bucket, key,
                            first ? &opening->version : &current, arena, &opened->info,
                            &opened->reader));
    if (!first || opening->asks_first) {
        TRY(gate->may_read(gate, &opened->bucket, &opened->info));
    }
    opened->is_other = !is_meant(link, &opened->info);
    if (opened->is_other) return status_of(STATUS_CONFLICT);
    if (opened->info.link.kind != OBJECT_LINK_SYMLINK) return status_ok();
    object_reader_close(&opened->reader);
    *link = opened->info.link;
    opened->is_target = true;
    return target_bucket(opening->store, &opened->bucket, link, arena, &opened->bucket);
}

struct status object_open_target(const struct object_opening *opening, struct arena *arena,
                                 struct object_opened *ret_opened) {
    struct object_opened opened = {.bucket = *opening->bucket};
    struct status s = status_ok();
    for (int i = 0; is_ok(s) && !opened.reader && i <= OBJECT_SYMLINK_DEPTH_MAX; i++) {
        s = open_one(opening, arena, &opened);
    }
    if (is_ok(s) && !opened.reader) s = status_of(STATUS_CONFLICT);
    if (!is_ok(s)) object_reader_close(&opened.reader);
    *ret_opened = opened;
    return s;
}

/* ---- making one of segments ----------------------------------------------------------------- */

struct large_change {
    struct store_change change;
    const struct object_large *large;
    struct object_info info;
    struct object_replacement replacement;
};

static struct record_manifest_part part_of(const struct object_segment *from, uint32_t number,
                                           struct record_segment *segment) {
    struct record_manifest_part part = {.number = number, .size = from->size, .data = from->data};
    if (from->data.len > 0) {
        part.size = from->data.len;
        part.has_md5 = from->etag.len == 2 * sizeof part.md5 &&
                       hex_decode(from->etag, part.md5, sizeof part.md5);
        return part;
    }
    *segment = (struct record_segment){
        .container = from->container,
        .object = from->object,
        .etag = from->etag,
        .object_size = from->object_size,
        .first = from->first,
        .content_type = from->content_type,
        .modified_ns = from->modified_ns,
        .large = from->large,
    };
    part.segment = segment;
    return part;
}

static struct status encode_segments(const struct object_large *large, struct arena *arena,
                                     struct slice *ret_raw, uint64_t *ret_size) {
    struct record_manifest manifest = {.count = large->count};
    struct record_segment *segments = arena_calloc(arena, large->count, sizeof *segments);
    manifest.parts = arena_calloc(arena, large->count, sizeof *manifest.parts);
    if (!segments || !manifest.parts) return status_of(STATUS_NO_MEMORY);
    uint64_t size = 0;
    for (size_t i = 0; i < large->count; i++) {
        manifest.parts[i] = part_of(&large->segments[i], (uint32_t)i + 1, &segments[i]);
        size += manifest.parts[i].size;
        if (size > INT64_MAX) return status_of(STATUS_TOO_LARGE);
    }
    *ret_size = size;
    return record_encode_manifest(&manifest, arena, ret_raw);
}

static struct status large_build(struct store_change *change, struct kv_batch *batch,
                                 struct arena *scratch) {
    struct large_change *putting = CONTAINER_OF(change, struct large_change, change);
    const struct object_large *large = putting->large;
    struct object_info *info = &putting->info;
    struct key_id manifest = store_new_id(change->store);
    struct slice raw;
    TRY(encode_segments(large, scratch, &raw, &info->size));
    manifest_bind(manifest, raw, batch);
    memcpy(info->content.id.bytes, manifest.bytes, sizeof manifest.bytes);
    TRY(record_encode_object(info, scratch, &raw));
    TRY(object_replacement_keep(&putting->replacement, raw));
    return object_replace(change, &putting->replacement, batch, scratch);
}

struct status object_large_put(struct object_store *store, const struct bucket *bucket,
                               const struct object_large *large, struct arena *arena,
                               struct object_info *ret_info) {
    if (large->key.len == 0 || large->key.len > OBJECT_KEY_MAX || large->count == 0) {
        return status_of(STATUS_INVALID);
    }
    if (large->count > OBJECT_SEGMENTS_MAX) return status_of(STATUS_TOO_LARGE);
    struct large_change putting = {
        .change = {.store = store, .build = large_build, .bucket = bucket, .key = large->key},
        .large = large,
        .info = {.key = large->key,
                 .etag = arena_printf(arena, "%.*s-%zu", SLICE_FMT(large->etag), large->count),
                 .modified_ns = store_now_ns(store),
                 .part_count = (uint32_t)large->count,
                 .meta = large->meta,
                 .content = {.kind = OBJECT_CONTENT_MANIFEST},
                 .link = {.kind = OBJECT_LINK_SEGMENTS, .etag = large->manifest_etag}},
        .replacement = {.key = large->key, .condition = large->condition, .arena = arena},
    };
    TRY(arena_ok(arena));
    TRY(record_meta_ok(&large->meta));
    putting.replacement.next = &putting.info;
    TRY(store_change(&putting.change));
    struct object_info info;
    TRY(record_decode_object(putting.info.record, arena, &info));
    info.key = arena_dup(arena, large->key);
    TRY(arena_ok(arena));
    *ret_info = info;
    return status_ok();
}

/* ---- what it is made of --------------------------------------------------------------------- */

static struct slice md5_text(const struct record_manifest_part *part, struct arena *arena) {
    char text[2 * OBJECT_MD5_LEN];
    struct buf buf;
    if (!part->has_md5) return SLICE("");
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(part->md5, sizeof part->md5));
    return arena_dup(arena, buf_slice(&buf));
}

static struct object_segment segment_of(const struct record_manifest_part *part,
                                        struct arena *arena) {
    const struct record_segment *from = part->segment;
    struct object_segment segment = {.size = part->size, .object_size = part->size};
    if (!from) {
        segment.etag = md5_text(part, arena);
        segment.data = part->data;
        return segment;
    }
    segment.container = from->container;
    segment.object = from->object;
    segment.etag = from->etag;
    segment.object_size = from->object_size;
    segment.first = from->first;
    segment.content_type = from->content_type;
    segment.modified_ns = from->modified_ns;
    segment.large = from->large;
    return segment;
}

struct status object_segments_read(struct object_store *store, const struct bucket *bucket,
                                   const struct object_info *info, struct arena *arena,
                                   struct object_segment **ret_segments, size_t *ret_count) {
    struct record_manifest manifest;
    if (info->content.kind != OBJECT_CONTENT_MANIFEST) return status_of(STATUS_UNSUPPORTED);
    TRY(manifest_read(store, bucket->incarnation, manifest_id(&info->content), arena, &manifest));
    struct object_segment *segments = arena_calloc(arena, manifest.count, sizeof *segments);
    if (!segments) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < manifest.count; i++) segments[i] = segment_of(&manifest.parts[i], arena);
    TRY(arena_ok(arena));
    *ret_segments = segments;
    *ret_count = manifest.count;
    return status_ok();
}
