#include "swift/large.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"

/* ---- following ------------------------------------------------------------------------------ */

static struct status may_read(const struct object_gate *gate, const struct bucket *bucket,
                              const struct object_info *info) {
    struct swift_call *call = ((const struct swift_large *)gate)->call;
    return swift_authorize_found(call, "s3:GetObject", bucket, info);
}

static struct status may_list(const struct object_gate *gate, const struct bucket *bucket) {
    struct swift_call *call = ((const struct swift_large *)gate)->call;
    return swift_authorize_list(call, bucket);
}

static bool wants_link(const struct swift_call *call) {
    return slice_eq(swift_param(call, "symlink"), SLICE("get"));
}

/* The link itself, unopened: it has no bytes. */
static struct status open_link(struct swift_call *call, const struct bucket *bucket,
                               struct slice key, const struct object_version *version,
                               struct swift_large *large) {
    struct object_opened *opened = &large->opened;
    opened->bucket = *bucket;
    return object_open_version(call->service->objects, bucket, key, version, call->arena,
                               &opened->info, &opened->reader);
}

/* Spec: Swift, middleware/symlink.py: either too many links, or another object than was meant. */
static struct status refuse_link(struct swift_call *call, const struct object_opened *opened) {
    if (!opened->is_other) {
        http_response_clear(&call->response);
        return swift_refuse_plain(call, 409,
                                  "Too many levels of symbolic links, maximum allowed is %d",
                                  OBJECT_SYMLINK_DEPTH_MAX);
    }
    struct slice etag = object_link_etag(&opened->info);
    return swift_refuse_plain(
        call, 409, "Object Etag '%.*s' does not match X-Symlink-Target-Etag header '%.*s'",
        SLICE_FMT(etag), SLICE_FMT(opened->link.etag));
}

struct status swift_large_open(struct swift_call *call, const struct bucket *bucket,
                               struct slice key, const struct object_version *version,
                               struct swift_large *ret_large) {
    *ret_large = (struct swift_large){.gate = {may_read, may_list}, .call = call};
    const struct object_opening opening = {.store = call->service->objects,
                                           .bucket = bucket,
                                           .key = key,
                                           .version = *version,
                                           .gate = &ret_large->gate};
    if (wants_link(call)) return open_link(call, bucket, key, version, ret_large);
    struct status s = object_open_target(&opening, call->arena, &ret_large->opened);
    const struct object_opened *opened = &ret_large->opened;
    if (opened->is_target && !is_ok(s)) {
        swift_location_answer(call, opened->bucket.project_id, opened->link.container,
                              opened->link.object);
    }
    if (status_is(s, STATUS_NOT_FOUND) && opened->is_target) {
        s = swift_refuse(call, 404, NULL);
    } else if (status_is(s, STATUS_CONFLICT)) {
        s = refuse_link(call, opened);
    } else {
        return s;
    }
    call->error.keeps_headers = opened->is_target;
    return s;
}

struct status swift_large_follow(struct swift_large *large) {
    struct object_opened *opened = &large->opened;
    return object_reader_follow(opened->reader, &large->gate, &opened->info, large->call->arena);
}

struct status swift_large_verify(struct swift_large *large, uint64_t offset, uint64_t len) {
    struct status s = object_reader_verify(large->opened.reader, offset, len);
    return status_is(s, STATUS_CONFLICT) ? swift_refuse(large->call, 409, NULL) : s;
}

void swift_large_close(struct swift_large *large) {
    object_reader_close(&large->opened.reader);
}

/* ---- saying --------------------------------------------------------------------------------- */

bool swift_is_static_large(const struct object_info *info) {
    return info->content.kind == OBJECT_CONTENT_MANIFEST;
}

struct slice swift_etag_text(const struct object_info *info, char *out) {
    bool quoted = swift_is_static_large(info) || info->link.kind == OBJECT_LINK_PREFIX;
    struct buf text;
    buf_init_fixed(&text, out, SWIFT_ETAG_TEXT_CAP);
    if (quoted) buf_append_char(&text, '"');
    buf_append(&text, object_link_etag(info));
    if (quoted) buf_append_char(&text, '"');
    return buf_slice(&text);
}

struct slice swift_slo_etag(const struct object_info *info, char *out) {
    bool has_segments = info->link.kind == OBJECT_LINK_SEGMENTS;
    return has_segments ? swift_etag_text(info, out) : slice_of(out, 0);
}

struct slice swift_symlink_path(const struct swift_call *call, const struct object_info *info,
                                char *out) {
    const struct object_link *link = &info->link;
    struct slice project_id = link->account.len > 0 ? link->account : call->project_id;
    struct buf text;
    buf_init_fixed(&text, out, SWIFT_SYMLINK_PATH_CAP);
    if (link->kind != OBJECT_LINK_SYMLINK) return slice_of(out, 0);
    buf_printf(&text, "/v1/AUTH_%.*s/", SLICE_FMT(project_id));
    percent_encode(&text, link->container, false);
    buf_append_char(&text, '/');
    percent_encode(&text, link->object, true);
    return buf_slice(&text);
}

void swift_location_answer(struct swift_call *call, struct slice project_id, struct slice container,
                           struct slice object) {
    char path[SWIFT_SYMLINK_PATH_CAP];
    const struct object_info info = {.link = {.kind = OBJECT_LINK_SYMLINK,
                                              .account = project_id,
                                              .container = container,
                                              .object = object}};
    http_response_set(&call->response, SLICE("Content-Location"),
                      swift_symlink_path(call, &info, path));
}

/* A header that names a container and an object, percent-encoded. */
static void say_path(struct swift_call *call, const char *name, const struct object_link *link) {
    struct buf text;
    buf_init(&text, 8 * SWIFT_OBJECT_NAME_MAX);
    percent_encode(&text, link->container, false);
    buf_append_char(&text, '/');
    percent_encode(&text, link->object, true);
    http_response_set(&call->response, slice_str(name), buf_slice(&text));
    buf_fini(&text);
}

void swift_large_answer(struct swift_call *call, const struct object_info *info) {
    struct http_response *response = &call->response;
    const struct object_link *link = &info->link;
    if (info->meta.delete_at_s > 0) {
        http_response_set_u64(response, "X-Delete-At", (uint64_t)info->meta.delete_at_s);
    }
    if (swift_is_static_large(info)) {
        http_response_set_str(response, "X-Static-Large-Object", "True");
        if (link->etag.len > 0) http_response_set(response, SLICE("X-Manifest-Etag"), link->etag);
    }
    if (link->kind == OBJECT_LINK_PREFIX) say_path(call, "X-Object-Manifest", link);
}

void swift_symlink_answer(struct swift_call *call, const struct object_info *info) {
    const struct object_link *link = &info->link;
    struct http_response *response = &call->response;
    if (link->kind != OBJECT_LINK_SYMLINK) return;
    say_path(call, "X-Symlink-Target", link);
    if (link->account.len > 0) {
        http_response_set(response, SLICE("X-Symlink-Target-Account"),
                          arena_printf(call->arena, "%.*s%.*s", SLICE_FMT(call->prefix),
                                       SLICE_FMT(link->account)));
    }
    if (link->etag.len == 0) return;
    http_response_set(response, SLICE("X-Symlink-Target-Etag"), link->etag);
    http_response_set_u64(response, "X-Symlink-Target-Bytes", link->size);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct status swift_prefix_read(struct swift_call *call, struct object_link *ret_link) {
    struct slice header = swift_header(call, "x-object-manifest");
    struct slice value;
    struct object_link link = {.kind = OBJECT_LINK_PREFIX};
    *ret_link = (struct object_link){.kind = OBJECT_LINK_NONE};
    if (header.len == 0) return status_ok();
    bool good = percent_decode(call->arena, header, false, &value);
    TRY(arena_ok(call->arena));
    good = good && slice_cut(value, '/', &link.container, &link.object) && link.container.len > 0 &&
           link.container.len <= BUCKET_NAME_MAX && link.object.len > 0 &&
           link.object.len <= OBJECT_KEY_MAX && link.object.ptr[0] != '/' &&
           slice_find_char(value, '?') == value.len && slice_find_char(value, '&') == value.len;
    if (!good) {
        return swift_refuse(call, 400, "X-Object-Manifest must be in the format container/prefix");
    }
    *ret_link = link;
    return status_ok();
}
