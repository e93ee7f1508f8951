/* Objects copied, by COPY or by PUT with X-Copy-From. */
#include "base/check.h"
#include "base/codec.h"
#include "http/range.h"
#include "swift/body.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/meta.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

/* From where to where. */
struct copying {
    struct slice source_account; /* "AUTH_x" */
    struct slice source_container;
    struct slice source_object;
    struct bucket source_bucket;
    struct object_info source;
    struct swift_large large; /* the source, open */
    struct slice project_id;  /* of the target */
    struct slice container;
    struct slice object;
    struct bucket bucket;
    struct http_range range; /* of the source */
    const struct object_condition *condition;
};

/* Takes "container/object", with or without a slash before it, apart. */
static struct status split(struct swift_call *call, const char *header, struct slice text,
                           struct slice *ret_container, struct slice *ret_object) {
    struct slice path;
    bool good = percent_decode(call->arena, text, false, &path);
    TRY(arena_ok(call->arena));
    if (good && path.len > 0 && path.ptr[0] == '/') path = slice_skip(path, 1);
    good = good && slice_cut(path, '/', ret_container, ret_object) && ret_container->len > 0 &&
           ret_object->len > 0 && utf8_is_valid(path) && slice_find_char(path, 0) == path.len;
    if (good) return status_ok();
    return swift_refuse(call, 412, "%s header must be of the form <container name>/<object name>",
                        header);
}

/* The project of another account, which a header names. */
static struct status account_of(struct swift_call *call, const char *header,
                                struct slice *ret_project_id) {
    struct slice account = swift_header(call, header);
    *ret_project_id = call->project_id;
    if (account.ptr == NULL) return status_ok();
    bool good = account.len > call->prefix.len && slice_starts_with(account, call->prefix) &&
                slice_find_char(account, '/') == account.len;
    if (!good) return swift_refuse(call, 412, "Account name cannot contain slashes");
    *ret_project_id = slice_skip(account, call->prefix.len);
    return status_ok();
}

static struct status read_piece(struct object_reader *reader, uint64_t at, void *buffer,
                                size_t len) {
    return object_reader_read(reader, at, buffer, len);
}

/* The source's bytes as a source. */
struct copy_source {
    struct source source;
    struct object_reader *reader;
    uint64_t at;
    uint64_t size;
};

static struct status copy_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct copy_source *from = CONTAINER_OF(source, struct copy_source, source);
    uint64_t left = from->size - from->at;
    size_t len = left < cap ? (size_t)left : cap;
    if (len > 0) TRY(read_piece(from->reader, from->at, buffer, len));
    from->at += len;
    *ret_len = len;
    *ret_end = from->at == from->size;
    return status_ok();
}

static const struct source_ops copy_ops = {.pull = copy_pull};

/* With ?multipart-manifest=get it is the list that is copied, or the prefix. */
static bool wants_itself(const struct swift_call *call) {
    return slice_eq(swift_param(call, "multipart-manifest"), SLICE("get"));
}

/* What the copy has: with X-Fresh-Metadata what the request brings, else that added to the old. */
static struct status meta_of_copy(struct swift_call *call, const struct copying *copying,
                                  struct object_meta *ret_meta) {
    bool fresh = swift_is_true(swift_header(call, "x-fresh-metadata"));
    const struct object_meta *old = &copying->source.meta;
    struct object_meta brought;
    TRY(swift_object_meta_change(call, old, &brought));
    brought.owner_id = copying->bucket.project_id;
    brought.owner_name = SLICE("");
    brought.acl = SLICE("");
    brought.lock = (struct object_lock){0};
    *ret_meta = brought;
    return fresh ? status_ok() : swift_object_meta_merge(call, old, &brought, ret_meta);
}

/* Whether the two are in one account, where containers have the same names. */
static bool is_same_account(const struct copying *copying) {
    return slice_eq(copying->source_bucket.project_id, copying->bucket.project_id);
}

static struct status copy_bytes(struct swift_call *call, struct copying *copying,
                                const struct object_meta *meta, struct object_info *ret_info) {
    struct copy_source from = {.source = {&copy_ops},
                               .reader = copying->large.opened.reader,
                               .at = copying->range.first,
                               .size = copying->range.first + copying->range.len};
    struct object_put put = {
        .key = copying->object, .meta = *meta, .size_hint = copying->range.len};
    bool keeps_link = wants_itself(call) || copying->source.link.kind == OBJECT_LINK_SYMLINK;
    if (keeps_link && is_same_account(copying)) put.link = copying->source.link;
    struct object_writer *writer = NULL;
    struct swift_body body;
    char storage[SWIFT_ETAG_LEN];
    swift_body_init(&body, call, &from.source, swift_header(call, "etag"));
    TRY(object_writer_begin(call->service->objects, &copying->bucket, &put, call->note, &writer));
    struct status s = object_writer_pull(writer, &body.source);
    if (!is_ok(s)) {
        object_writer_abort(&writer);
        return s;
    }
    struct object_seal seal = {.etag = swift_body_etag(&body, storage),
                               .checksum = swift_body_checksum(&body),
                               .condition = copying->condition};
    return object_writer_commit(&writer, &seal, call->arena, ret_info);
}

/* The list of segments itself; they stay where they are. */
static struct status copy_segments(struct swift_call *call, const struct copying *copying,
                                   const struct object_meta *meta, struct object_info *ret_info) {
    struct object_segment *segments;
    struct object_large large = {.key = copying->object,
                                 .meta = *meta,
                                 .etag = object_link_etag(&copying->source),
                                 .manifest_etag = copying->source.link.etag};
    TRY(object_segments_read(call->service->objects, &copying->source_bucket, &copying->source,
                             call->arena, &segments, &large.count));
    large.segments = segments;
    return object_large_put(call->service->objects, &copying->bucket, &large, call->arena,
                            ret_info);
}

/* Spec: Object Storage API, "Copy object": with Range that part of it. */
static struct status range_choose(struct swift_call *call, struct copying *copying) {
    uint64_t size = copying->source.size;
    copying->range = (struct http_range){0, size};
    enum http_range_verdict verdict =
        http_range_resolve(swift_header(call, "range"), size, &copying->range);
    return verdict == HTTP_RANGE_UNSATISFIABLE ? swift_refuse(call, 416, NULL) : status_ok();
}

static struct status copy_object(struct swift_call *call, struct copying *copying,
                                 struct object_info *ret_info) {
    struct object_meta meta;
    TRY(meta_of_copy(call, copying, &meta));
    TRY(swift_legacy_keep(call, &copying->bucket, copying->object));
    if (wants_itself(call) && copying->source.link.kind == OBJECT_LINK_SEGMENTS) {
        if (is_same_account(copying)) return copy_segments(call, copying, &meta, ret_info);
        return swift_refuse(call, 400, "The segments of a manifest are in its own account");
    }
    TRY(range_choose(call, copying));
    TRY(swift_write_condition(call, &copying->condition));
    TRY(swift_quota_check(call, &copying->bucket, copying->object, copying->range.len));
    struct object_copy copy = {.source_bucket = &copying->source_bucket,
                               .source = &copying->source,
                               .bucket = &copying->bucket,
                               .key = copying->object,
                               .meta = &meta,
                               .condition = copying->condition};
    bool is_whole = copying->range.len == copying->source.size;
    if (is_whole && copying->source.part_count == 0 &&
        copying->source.link.kind == OBJECT_LINK_NONE && object_can_share(&copy)) {
        return object_share(call->service->objects, &copy, call->arena, ret_info);
    }
    if (copying->range.len > SWIFT_OBJECT_SIZE_MAX) return swift_refuse(call, 413, NULL);
    return copy_bytes(call, copying, &meta, ret_info);
}

/* Spec: Swift, middleware/copy.py. */
static void copy_answer(struct swift_call *call, const struct copying *copying,
                        const struct object_info *info) {
    struct http_response *response = &call->response;
    struct buf text;
    buf_init(&text, 8 * SWIFT_OBJECT_NAME_MAX);
    percent_encode(&text, copying->source_container, false);
    buf_append_char(&text, '/');
    percent_encode(&text, copying->source_object, true);
    http_response_set(response, SLICE("X-Copied-From"), buf_slice(&text));
    buf_fini(&text);
    http_response_set(response, SLICE("X-Copied-From-Account"), copying->source_account);
    http_response_set_date(response, "X-Copied-From-Last-Modified",
                           swift_time_http(copying->source.modified_ns));
    swift_meta_answer(call, "X-Object-Meta-", &info->meta.user);
    char etag[SWIFT_ETAG_TEXT_CAP];
    bool is_prefix = info->link.kind == OBJECT_LINK_PREFIX;
    http_response_set(response, SLICE("Etag"),
                      is_prefix ? info->etag : swift_etag_text(info, etag));
    http_response_set_date(response, "Last-Modified", swift_time_http(info->modified_ns));
    swift_answer_page(call, 201);
}

/* The source may be read, and all of it is there. */
static struct status source_check(struct swift_call *call, struct copying *copying) {
    struct object_opened *opened = &copying->large.opened;
    copying->source_bucket = opened->bucket;
    TRY(swift_authorize_found(call, "s3:GetObject", &opened->bucket, &opened->info));
    if (!wants_itself(call)) {
        TRY(swift_large_follow(&copying->large));
        TRY(swift_large_verify(&copying->large, 0, opened->info.size));
    }
    copying->source = opened->info;
    return status_ok();
}

/* Order: both containers are found, and both sides were asked about. */
static struct status run(struct swift_call *call, struct copying *copying) {
    static const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    struct object_info info;
    struct status s = swift_large_open(call, &copying->source_bucket, copying->source_object,
                                       &current, &copying->large);
    if (status_is(s, STATUS_NOT_FOUND)) return swift_refuse(call, 404, NULL);
    TRY(s);
    s = source_check(call, copying);
    if (is_ok(s)) s = copy_object(call, copying, &info);
    swift_large_close(&copying->large);
    if (status_is(s, STATUS_QUOTA)) return swift_refuse(call, 413, "Upload exceeds quota.");
    TRY(s);
    copy_answer(call, copying, &info);
    return status_ok();
}

struct status run_copy_from(struct swift_call *call) {
    struct copying copying = {.project_id = call->project_id,
                              .container = call->container,
                              .object = call->object,
                              .bucket = call->bucket};
    struct slice source_project;
    if (call->head->body == HTTP_BODY_LENGTH && call->head->content_length > 0) {
        return swift_refuse_plain(call, 400, "Copy requests require a zero byte body");
    }
    TRY(split(call, "X-Copy-From", swift_header(call, "x-copy-from"), &copying.source_container,
              &copying.source_object));
    TRY(account_of(call, "x-copy-from-account", &source_project));
    copying.source_account =
        arena_printf(call->arena, "%.*s%.*s", SLICE_FMT(call->prefix), SLICE_FMT(source_project));
    TRY(swift_authorize_other(call, "s3:GetObject", source_project, copying.source_container,
                              copying.source_object, &copying.source_bucket));
    return run(call, &copying);
}

struct status run_copy_object(struct swift_call *call) {
    struct copying copying = {.source_account = call->account,
                              .source_container = call->container,
                              .source_object = call->object,
                              .source_bucket = call->bucket};
    struct slice destination = swift_header(call, "destination");
    if (destination.len == 0) {
        return swift_refuse(call, 412, "Destination header required");
    }
    TRY(split(call, "Destination", destination, &copying.container, &copying.object));
    if (copying.object.len > SWIFT_OBJECT_NAME_MAX) {
        return swift_refuse_plain(call, 400, "Object name length of %zu longer than %d",
                                  copying.object.len, SWIFT_OBJECT_NAME_MAX);
    }
    TRY(account_of(call, "destination-account", &copying.project_id));
    TRY(swift_authorize_other(call, "s3:PutObject", copying.project_id, copying.container,
                              copying.object, &copying.bucket));
    return run(call, &copying);
}
