/* Symbolic links: an object without bytes that leads to another. */
#include "base/check.h"
#include "base/codec.h"
#include "http/condition.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

#define ETAG_OF_NOTHING SLICE("d41d8cd98f00b204e9800998ecf8427e")

/* Whose the target is. Spec: Swift, check_account_format. */
static struct status account_read_header(struct swift_call *call, struct object_link *link) {
    struct slice account = swift_header(call, "x-symlink-target-account");
    if (account.len == 0) return status_ok();
    bool good = slice_starts_with(account, call->prefix) && account.len > call->prefix.len &&
                slice_find_char(account, '/') == account.len &&
                account.len - call->prefix.len <= OBJECT_LINK_ACCOUNT_MAX;
    if (!good) return swift_refuse(call, 412, "Account name cannot contain slashes");
    link->account = slice_skip(account, call->prefix.len);
    return status_ok();
}

static struct status target_read(struct swift_call *call, struct object_link *ret_link) {
    struct object_link link = {.kind = OBJECT_LINK_SYMLINK};
    struct slice path;
    bool good = percent_decode(call->arena, swift_header(call, "x-symlink-target"), false, &path);
    TRY(arena_ok(call->arena));
    if (good && path.len > 0 && path.ptr[0] == '/') path = slice_skip(path, 1);
    good = good && slice_cut(path, '/', &link.container, &link.object) && link.container.len > 0 &&
           link.container.len <= BUCKET_NAME_MAX && link.object.len > 0 &&
           link.object.len <= OBJECT_KEY_MAX;
    if (!good) {
        return swift_refuse(call, 412,
                            "X-Symlink-Target header must be of the form <container name>/<object "
                            "name>");
    }
    TRY(account_read_header(call, &link));
    *ret_link = link;
    return status_ok();
}

static bool is_itself(const struct swift_call *call, const struct object_link *link) {
    struct slice project_id = link->account.len > 0 ? link->account : call->project_id;
    return slice_eq(project_id, call->project_id) && slice_eq(link->container, call->container) &&
           slice_eq(link->object, call->object);
}

static struct status empty_check(struct swift_call *call) {
    if (call->head->body == HTTP_BODY_LENGTH && call->head->content_length == 0) return status_ok();
    if (call->head->body == HTTP_BODY_NONE) return swift_refuse(call, 411, NULL);
    return swift_refuse_plain(call, 400, "Symlink requests require a zero byte body");
}

/* ---- links that name an ETag ---------------------------------------------------------------- */

static struct status refuse_target(struct swift_call *call, const struct object_link *link,
                                   struct status refusal) {
    struct slice project_id = link->account.len > 0 ? link->account : call->project_id;
    swift_location_answer(call, project_id, link->container, link->object);
    call->error.keeps_headers = true;
    return refusal;
}

/* The target must be there, and be what the link says; its type becomes the link's. */
static struct status fixed_check(struct swift_call *call, struct object_link *link,
                                 struct slice *ret_type) {
    static const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    struct slice project_id = link->account.len > 0 ? link->account : call->project_id;
    struct slice etag = http_etag_unquote(swift_header(call, "x-symlink-target-etag"));
    struct swift_large large;
    struct bucket bucket;
    TRY(swift_authorize_other(call, "s3:GetObject", project_id, link->container, link->object,
                              &bucket));
    struct status s = swift_large_open(call, &bucket, link->object, &current, &large);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = swift_refuse_plain(call, 409, "X-Symlink-Target does not exist");
        return refuse_target(call, link, s);
    }
    TRY(s);
    struct slice has = object_link_etag(&large.opened.info);
    swift_large_close(&large);
    if (!slice_eq(has, etag)) {
        s = swift_refuse_plain(
            call, 409, "Object Etag '%.*s' does not match X-Symlink-Target-Etag header '%.*s'",
            SLICE_FMT(has), SLICE_FMT(etag));
        return refuse_target(call, link, s);
    }
    link->etag = has;
    link->size = large.opened.info.size;
    *ret_type = swift_object_header(&large.opened.info.meta, SLICE("content-type"));
    return status_ok();
}

/* ---- PUT ------------------------------------------------------------------------------------ */

/* The type of a link that came without one. */
static void type_set(const struct swift_call *call, struct object_meta *meta, struct slice type) {
    if (swift_header(call, "content-type").len > 0) return;
    for (size_t i = 0; i < meta->headers.count; i++) {
        struct object_pair *pair = (struct object_pair *)(uintptr_t)&meta->headers.items[i];
        if (slice_eq(pair->name, SLICE("content-type"))) pair->value = type;
    }
}

struct status run_put_symlink(struct swift_call *call) {
    struct object_put put = {.key = call->object, .size_hint = 0};
    const struct object_seal seal = {.etag = ETAG_OF_NOTHING};
    struct object_writer *writer = NULL;
    struct object_info info;
    struct slice type = SLICE("application/symlink");
    TRY(target_read(call, &put.link));
    TRY(empty_check(call));
    if (is_itself(call, &put.link)) {
        return swift_refuse_plain(call, 400, "Symlink cannot target itself");
    }
    TRY(swift_object_meta_read(call, call->object, &put.meta));
    if (swift_header(call, "x-symlink-target-etag").len > 0) {
        TRY(fixed_check(call, &put.link, &type));
    }
    type_set(call, &put.meta, type);
    TRY(swift_legacy_keep(call, &call->bucket, call->object));
    TRY(object_writer_begin(call->service->objects, &call->bucket, &put, call->note, &writer));
    TRY(object_writer_commit(&writer, &seal, call->arena, &info));
    http_response_set(&call->response, SLICE("Etag"), info.etag);
    http_response_set_date(&call->response, "Last-Modified", swift_time_http(info.modified_ns));
    swift_answer_page(call, 201);
    return status_ok();
}
