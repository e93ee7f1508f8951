#include "swift/legacy.h"

#include "base/buf.h"
#include "base/codec.h"
#include "object/config.h"
#include "object/list.h"
#include "swift/body.h"
#include "swift/large.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/remove.h"

#define ETAG_OF_NOTHING SLICE("d41d8cd98f00b204e9800998ecf8427e")
#define MARKER_TYPE SLICE("application/x-deleted;swift_versions_deleted=1")

/* ---- configuration -------------------------------------------------------------------------- */

/* Where versions go, and how; the document is "stack NAME" or "history NAME". */
struct location {
    bool is_history;
    struct slice container; /* empty: nowhere */
};

static struct status location_read(struct swift_call *call, const struct bucket *bucket,
                                   struct location *ret_location) {
    struct slice document, mode;
    *ret_location = (struct location){.container = SLICE("")};
    if (!bucket_has_config(bucket, BUCKET_CONFIG_VERSIONS_LOCATION)) return status_ok();
    struct status s =
        bucket_config_get(call->service->objects, bucket, BUCKET_CONFIG_VERSIONS_LOCATION,
                          SLICE(""), call->arena, &document);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    if (!slice_cut(document, ' ', &mode, &ret_location->container)) {
        return status_of(STATUS_CORRUPT);
    }
    ret_location->is_history = slice_eq(mode, SLICE("history"));
    return status_ok();
}

struct status swift_legacy_check(struct swift_call *call) {
    struct slice stack = swift_header(call, "x-versions-location");
    struct slice history = swift_header(call, "x-history-location");
    struct slice asked = stack.len > 0 ? stack : history;
    struct slice name;
    if (stack.len > 0 && history.len > 0) {
        return swift_refuse_plain(
            call, 400, "Only one of x-versions-location or x-history-location may be specified");
    }
    bool good = percent_decode(call->arena, asked, false, &name);
    TRY(arena_ok(call->arena));
    if (good && slice_find_char(name, '/') == name.len && name.len < BUCKET_NAME_MAX) {
        return status_ok();
    }
    return swift_refuse(call, 412, "Container name cannot contain slashes");
}

struct status swift_legacy_set(struct swift_call *call, const struct bucket *bucket) {
    static const char *const headers[] = {"x-versions-location", "x-history-location",
                                          "x-remove-versions-location",
                                          "x-remove-history-location"};
    struct object_store *store = call->service->objects;
    struct slice stack = swift_header(call, headers[0]);
    struct slice history = swift_header(call, headers[1]);
    struct slice name;
    bool says = false;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        says |= swift_header(call, headers[i]).ptr != NULL;
    }
    if (!says || !call->acts_for_account) return status_ok();
    percent_decode(call->arena, stack.len > 0 ? stack : history, false, &name);
    if (name.len == 0) {
        return bucket_config_delete(store, bucket, BUCKET_CONFIG_VERSIONS_LOCATION, SLICE(""));
    }
    struct slice document =
        arena_printf(call->arena, "%s %.*s", stack.len > 0 ? "stack" : "history", SLICE_FMT(name));
    TRY(arena_ok(call->arena));
    return bucket_config_put(store, bucket, BUCKET_CONFIG_VERSIONS_LOCATION, SLICE(""), document);
}

struct status swift_legacy_answer(struct swift_call *call) {
    struct location location;
    TRY(location_read(call, &call->bucket, &location));
    if (location.container.len == 0) return status_ok();
    http_response_set(&call->response,
                      slice_str(location.is_history ? "X-History-Location" : "X-Versions-Location"),
                      location.container);
    return status_ok();
}

/* ---- copying -------------------------------------------------------------------------------- */

struct slice_reader {
    struct source source;
    struct object_reader *reader;
    uint64_t at;
    uint64_t size;
};

static struct status reader_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    struct slice_reader *from = (struct slice_reader *)source;
    uint64_t left = from->size - from->at;
    size_t len = left < cap ? (size_t)left : cap;
    if (len > 0) TRY(object_reader_read(from->reader, from->at, buffer, len));
    from->at += len;
    *ret_len = len;
    *ret_end = from->at == from->size;
    return status_ok();
}

static const struct source_ops reader_ops = {.pull = reader_pull};

static struct status copy_list(struct swift_call *call, const struct bucket *from,
                               const struct object_info *source, const struct bucket *to,
                               struct slice name) {
    struct object_segment *segments;
    struct object_info info;
    struct object_large large = {.key = name,
                                 .meta = source->meta,
                                 .etag = object_link_etag(source),
                                 .manifest_etag = source->link.etag};
    TRY(object_segments_read(call->service->objects, from, source, call->arena, &segments,
                             &large.count));
    large.segments = segments;
    return object_large_put(call->service->objects, to, &large, call->arena, &info);
}

static struct status copy_bytes(struct swift_call *call, const struct object_info *source,
                                struct object_reader *reader, const struct bucket *to,
                                struct slice name) {
    struct slice_reader from = {.source = {&reader_ops}, .reader = reader, .size = source->size};
    struct object_put put = {
        .key = name, .meta = source->meta, .link = source->link, .size_hint = source->size};
    struct object_writer *writer = NULL;
    struct swift_body body;
    char storage[SWIFT_ETAG_LEN];
    put.meta.lock = (struct object_lock){0};
    put.meta.owner_id = to->project_id;
    swift_body_init(&body, call, &from.source, SLICE(""));
    body.size_max = UINT64_MAX;
    TRY(object_writer_begin(call->service->objects, to, &put, call->note, &writer));
    struct status s = object_writer_pull(writer, &body.source);
    if (!is_ok(s)) {
        object_writer_abort(&writer);
        return s;
    }
    struct object_seal seal = {.etag = swift_body_etag(&body, storage),
                               .checksum = swift_body_checksum(&body)};
    return object_writer_commit(&writer, &seal, call->arena, NULL);
}

/* Copies an object as it is: links stay links, lists stay lists. `*ret_found` false: none. */
static struct status copy(struct swift_call *call, const struct bucket *from, struct slice object,
                          const struct bucket *to, struct slice name, bool *ret_found) {
    struct object_info source;
    struct object_reader *reader = NULL;
    struct status s =
        object_open(call->service->objects, from, object, call->arena, &source, &reader);
    *ret_found = !status_is(s, STATUS_NOT_FOUND);
    if (!*ret_found) return status_ok();
    TRY(s);
    s = source.link.kind == OBJECT_LINK_SEGMENTS ? copy_list(call, from, &source, to, name)
                                                 : copy_bytes(call, &source, reader, to, name);
    object_reader_close(&reader);
    return s;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static struct slice name_at(struct swift_call *call, struct slice object, int64_t time_ns) {
    char time[SWIFT_TIME_CAP] = "";
    if (time_ns != 0) swift_time_timestamp(time_ns, time);
    return arena_printf(call->arena, "%03zx%.*s/%s", object.len, SLICE_FMT(object), time);
}

/* The container that versions go to; 412 where there is none. */
static struct status archive_find(struct swift_call *call, const struct location *location,
                                  const struct bucket *bucket, struct bucket *ret_archive) {
    struct status s =
        swift_container_find(call, bucket->project_id, location->container, ret_archive);
    return status_is(s, STATUS_NOT_FOUND) ? swift_refuse(call, 412, NULL) : s;
}

/* Copies the current object; one whose name would be too long there can't be kept. */
static struct status keep(struct swift_call *call, const struct location *location,
                          const struct bucket *bucket, struct slice object) {
    struct object_info info;
    struct bucket archive;
    bool found;
    struct status s = object_find(call->service->objects, bucket, object, call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(archive_find(call, location, bucket, &archive));
    struct slice name = name_at(call, object, info.modified_ns);
    TRY(arena_ok(call->arena));
    if (name.len > OBJECT_KEY_MAX) return swift_refuse(call, 412, NULL);
    return copy(call, bucket, object, &archive, name, &found);
}

struct status swift_legacy_keep(struct swift_call *call, const struct bucket *bucket,
                                struct slice object) {
    struct location location;
    TRY(location_read(call, bucket, &location));
    if (location.container.len == 0) return status_ok();
    return keep(call, &location, bucket, object);
}

/* ---- deleting ------------------------------------------------------------------------------- */

static struct status put_marker(struct swift_call *call, const struct location *location) {
    struct bucket archive;
    struct object_pair type = {SLICE("content-type"), MARKER_TYPE};
    struct object_put put = {.key = name_at(call, call->object, call->now_ns), .size_hint = 0};
    const struct object_seal seal = {.etag = ETAG_OF_NOTHING};
    struct object_writer *writer = NULL;
    TRY(archive_find(call, location, &call->bucket, &archive));
    put.meta = (struct object_meta){.headers = {&type, 1}, .owner_id = archive.project_id};
    TRY(object_writer_begin(call->service->objects, &archive, &put, call->note, &writer));
    return object_writer_commit(&writer, &seal, call->arena, NULL);
}

static bool is_marker(const struct list_entry *entry) {
    return slice_eq(swift_object_header(&entry->info.meta, SLICE("content-type")), MARKER_TYPE);
}

/* Brings a version back in the object's place, and takes it from the archive. */
static struct status restore(struct swift_call *call, const struct bucket *archive,
                             struct slice name, bool *ret_done) {
    TRY(copy(call, archive, name, &call->bucket, call->object, ret_done));
    return *ret_done ? object_delete(call->service->objects, archive, name, NULL, NULL)
                     : status_ok();
}

/* The last one comes back; a marker above it goes first, where there is no current object. */
static struct status pop(struct swift_call *call, const struct bucket *archive, bool *ret_done) {
    struct object_store *store = call->service->objects;
    const struct list_query query = {
        .prefix = name_at(call, call->object, 0), .max = 2, .reverse = true, .with_headers = true};
    struct list_page page;
    struct object_info info;
    TRY(list_objects(store, archive, &query, call->arena, &page));
    if (page.count == 0) return status_ok();
    if (!is_marker(&page.entries[0])) return restore(call, archive, page.entries[0].name, ret_done);
    struct status s = object_find(store, &call->bucket, call->object, call->arena, &info);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    if (page.count > 1 && !is_marker(&page.entries[1])) {
        TRY(restore(call, archive, page.entries[1].name, ret_done));
    }
    *ret_done = true;
    return object_delete(store, archive, page.entries[0].name, NULL, NULL);
}

struct status swift_legacy_delete(struct swift_call *call, bool *ret_done) {
    struct location location;
    struct bucket archive;
    *ret_done = false;
    TRY(location_read(call, &call->bucket, &location));
    if (location.container.len == 0) return status_ok();
    if (location.is_history) {
        TRY(keep(call, &location, &call->bucket, call->object));
        return put_marker(call, &location);
    }
    struct status s =
        swift_container_find(call, call->bucket.project_id, location.container, &archive);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    return pop(call, &archive, ret_done);
}
