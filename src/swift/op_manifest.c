/*
 * Static large objects: the list of segments that makes one, shows what one is made of, or goes
 * with all its segments.
 */
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "crypto/digest.h"
#include "http/condition.h"
#include "json/writer.h"
#include "swift/large.h"
#include "swift/legacy.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/remove.h"
#include "swift/report.h"
#include "swift/slo.h"

enum { DOCUMENT_MAX = 8 * 1024 * 1024, HEARTBEAT_SEGMENTS = 100, MD5_TEXT_LEN = 32 };

/* ---- PUT: the list -------------------------------------------------------------------------- */

static struct status refuse_list(struct swift_call *call, enum swift_slo_verdict verdict,
                                 const struct buf *errors) {
    switch (verdict) {
        case SWIFT_SLO_NO_JSON:
            return swift_refuse(call, 400, "Manifest must be valid JSON.\n");
        case SWIFT_SLO_NO_LIST:
            return swift_refuse(call, 400, "Manifest must be a list.\n");
        case SWIFT_SLO_TOO_MANY:
            return swift_refuse(call, 413, "Number of object-backed segments must be <= %d",
                                SWIFT_SLO_SEGMENTS_MAX);
        case SWIFT_SLO_ENTRIES_WRONG:
            IGNORE_STATUS(swift_refuse_plain(call, 400, " "));
            call->error.body = arena_dup(call->arena, buf_slice(errors));
            return status_of(STATUS_REFUSED);
        case SWIFT_SLO_GOOD:
            break;
    }
    return status_ok();
}

static struct status list_read(struct swift_call *call, struct swift_slo *ret_slo) {
    enum swift_slo_verdict verdict;
    struct slice text;
    struct buf errors;
    if (call->head->body == HTTP_BODY_NONE) return swift_refuse(call, 411, NULL);
    if (call->head->body == HTTP_BODY_LENGTH && call->head->content_length > SWIFT_SLO_BYTES_MAX) {
        return swift_refuse(call, 413, "Manifest File > %d bytes", SWIFT_SLO_BYTES_MAX);
    }
    TRY(swift_body_document(call, SWIFT_SLO_BYTES_MAX, &text));
    buf_init(&errors, SWIFT_SLO_ERRORS_MAX);
    struct status s = swift_slo_parse(call->arena, text, call->container, call->object, &errors,
                                      ret_slo, &verdict);
    if (is_ok(s)) s = refuse_list(call, verdict, &errors);
    buf_fini(&errors);
    return s;
}

/* ---- PUT: the segments ---------------------------------------------------------------------- */

/* One manifest in the making. */
struct making {
    struct swift_call *call;
    struct swift_slo slo;
    struct object_segment *segments;
    struct swift_report report;
    bool heartbeat;
    struct digest md5; /* of the ETags */
    uint64_t size;
    struct slice etag; /* of the whole */
};

static struct status problem(struct making *making, const struct swift_slo_entry *entry,
                             const char *why) {
    return swift_report_failed(&making->report, entry->path, 400, why);
}

/* Finds the object; `*ret_found` is false where a problem was noted. */
static struct status segment_find(struct making *making, const struct swift_slo_entry *entry,
                                  struct object_info *ret_info, bool *ret_found) {
    static const struct object_version current = {.kind = OBJECT_VERSION_CURRENT};
    struct swift_call *call = making->call;
    struct swift_large large;
    struct bucket bucket;
    *ret_found = false;
    struct status s = swift_authorize_other(call, "s3:GetObject", call->project_id,
                                            entry->container, entry->object, &bucket);
    if (is_ok(s)) s = swift_large_open(call, &bucket, entry->object, &current, &large);
    if (is_ok(s)) {
        *ret_info = large.opened.info;
        swift_large_close(&large);
        *ret_found = true;
        return s;
    }
    if (!status_is(s, STATUS_REFUSED) && !status_is(s, STATUS_NOT_FOUND)) return s;
    int status = status_is(s, STATUS_NOT_FOUND) ? 404 : call->error.status;
    call->error = (struct swift_error){0};
    return swift_report_failed(&making->report, entry->path, status, NULL);
}

/* Compares the object with what the list says of it. */
static struct status segment_compare(struct making *making, const struct swift_slo_entry *entry,
                                     const struct object_info *info, bool is_last,
                                     struct object_segment *segment) {
    if (!swift_slo_resolve(&entry->range, info->size, &segment->first, &segment->size)) {
        TRY(problem(making, entry, "Unsatisfiable Range"));
    } else if (segment->size < 1 && !is_last) {
        TRY(problem(making, entry, "Too small; each segment must be at least 1 byte."));
    }
    if (entry->has_size && entry->size != info->size) {
        TRY(problem(making, entry, "Size Mismatch"));
    }
    if (entry->etag.ptr != NULL && !slice_eq(entry->etag, object_link_etag(info))) {
        TRY(problem(making, entry, "Etag Mismatch"));
    }
    return status_ok();
}

static struct status segment_look(struct making *making, size_t at) {
    const struct swift_slo_entry *entry = &making->slo.entries[at];
    struct object_segment *segment = &making->segments[at];
    struct object_info info;
    bool found;
    TRY(segment_find(making, entry, &info, &found));
    if (!found) return status_ok();
    *segment = (struct object_segment){
        .container = entry->container,
        .object = entry->object,
        .etag = object_link_etag(&info),
        .object_size = info.size,
        .content_type = swift_object_header(&info.meta, SLICE("content-type")),
        .modified_ns = info.modified_ns,
        .large = swift_is_static_large(&info),
    };
    return segment_compare(making, entry, &info, at + 1 == making->slo.count, segment);
}

static struct slice md5_text(struct arena *arena, const struct digest *digest) {
    unsigned char md5[DIGEST_MD5_LEN];
    char text[MD5_TEXT_LEN];
    struct buf buf;
    digest_final(digest, md5);
    buf_init_fixed(&buf, text, sizeof text);
    hex_encode(&buf, slice_of(md5, sizeof md5));
    return arena_dup(arena, buf_slice(&buf));
}

static struct slice md5_of(struct arena *arena, struct slice bytes) {
    struct digest digest;
    digest_init(&digest, DIGEST_MD5);
    digest_update(&digest, bytes);
    return md5_text(arena, &digest);
}

static bool is_range(const struct object_segment *segment) {
    return segment->size != segment->object_size;
}

/* The range as it is kept and summed: "0-1023". */
static struct slice range_text(struct arena *arena, const struct object_segment *segment) {
    return arena_printf(arena, "%llu-%llu", (unsigned long long)segment->first,
                        (unsigned long long)(segment->first + segment->size - 1));
}

/* Takes a segment's share of the ETag and the size. */
static void segment_sum(struct making *making, struct object_segment *segment) {
    making->size += segment->size;
    digest_update(&making->md5, segment->etag);
    if (segment->data.len > 0 || !is_range(segment)) return;
    digest_update(&making->md5, SLICE(":"));
    digest_update(&making->md5, range_text(making->call->arena, segment));
    digest_update(&making->md5, SLICE(";"));
}

static struct status heartbeat(struct making *making, size_t at) {
    if (!making->heartbeat || at % HEARTBEAT_SEGMENTS != 0) return status_ok();
    return making->call->transport->early_write(making->call, SLICE(" "));
}

static struct status segments_look(struct making *making) {
    struct arena *arena = making->call->arena;
    for (size_t i = 0; i < making->slo.count; i++) {
        struct object_segment *segment = &making->segments[i];
        struct slice data = making->slo.entries[i].data;
        TRY(heartbeat(making, i));
        if (data.len > 0) {
            *segment =
                (struct object_segment){.data = data, .size = data.len, .object_size = data.len};
            segment->etag = md5_of(arena, data);
        } else {
            TRY(segment_look(making, i));
        }
        if (making->report.failed_count > 0) continue;
        segment_sum(making, segment);
    }
    making->etag = md5_text(arena, &making->md5);
    return arena_ok(arena);
}

/* ---- what one is made of, as JSON ----------------------------------------------------------- */

static void write_path(struct json_writer *json, struct arena *arena, const char *key,
                       const struct object_segment *segment) {
    json_member_string(json, key,
                       arena_printf(arena, "/%.*s/%.*s", SLICE_FMT(segment->container),
                                    SLICE_FMT(segment->object)));
}

/* Base64 of inline bytes. */
static struct status write_data(struct json_writer *json, struct slice data) {
    struct buf text;
    buf_init(&text, DOCUMENT_MAX);
    base64_encode(&text, data);
    json_begin_object(json);
    json_member_string(json, "data", buf_slice(&text));
    json_end_object(json);
    struct status s = buf_ok(&text);
    buf_fini(&text);
    return s;
}

static void write_segment(struct json_writer *json, struct arena *arena,
                          const struct object_segment *segment) {
    char time[SWIFT_TIME_CAP];
    swift_time_iso(segment->modified_ns, time);
    json_begin_object(json);
    write_path(json, arena, "name", segment);
    json_member_u64(json, "bytes", segment->object_size);
    json_member_string(json, "hash", segment->etag);
    json_member_string(json, "content_type", segment->content_type);
    json_member_str(json, "last_modified", time);
    if (is_range(segment)) json_member_string(json, "range", range_text(arena, segment));
    if (segment->large) json_member_bool(json, "sub_slo", true);
    json_end_object(json);
}

/* As the client sent it. */
static void write_raw(struct json_writer *json, struct arena *arena,
                      const struct object_segment *segment) {
    json_begin_object(json);
    json_member_string(json, "etag", segment->etag);
    write_path(json, arena, "path", segment);
    if (is_range(segment)) json_member_string(json, "range", range_text(arena, segment));
    json_member_u64(json, "size_bytes", segment->object_size);
    json_end_object(json);
}

static struct status write_segments(struct buf *buf, struct arena *arena,
                                    const struct object_segment *segments, size_t count, bool raw) {
    struct json_writer json;
    json_writer_init(&json, buf);
    json.spaced = true;
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        if (segments[i].data.len > 0) {
            TRY(write_data(&json, segments[i].data));
        } else if (raw) {
            write_raw(&json, arena, &segments[i]);
        } else {
            write_segment(&json, arena, &segments[i]);
        }
    }
    json_end_array(&json);
    return buf_ok(buf);
}

static struct status manifest_etag(struct making *making, struct slice *ret_etag) {
    struct buf buf;
    buf_init(&buf, DOCUMENT_MAX);
    struct status s =
        write_segments(&buf, making->call->arena, making->segments, making->slo.count, false);
    if (is_ok(s)) *ret_etag = md5_of(making->call->arena, buf_slice(&buf));
    buf_fini(&buf);
    return s;
}

/* ---- PUT: the object ------------------------------------------------------------------------ */

static bool etag_differs(const struct making *making) {
    struct slice announced = http_etag_unquote(swift_header(making->call, "etag"));
    return announced.len > 0 && !slice_eq_nocase(announced, making->etag);
}

static struct status commit(struct making *making, struct object_info *ret_info) {
    struct swift_call *call = making->call;
    struct object_large large = {.key = call->object,
                                 .segments = making->segments,
                                 .count = making->slo.count,
                                 .etag = making->etag};
    TRY(swift_object_meta_read(call, call->object, &large.meta));
    TRY(manifest_etag(making, &large.manifest_etag));
    TRY(swift_legacy_keep(call, &call->bucket, call->object));
    return object_large_put(call->service->objects, &call->bucket, &large, call->arena, ret_info);
}

static void say_made(struct making *making, const struct object_info *info) {
    struct http_response *response = &making->call->response;
    http_response_setf(response, "Etag", "\"%.*s\"", SLICE_FMT(making->etag));
    http_response_set_date(response, "Last-Modified", swift_time_http(info->modified_ns));
}

/* The report of a request that was answered by 202 at once. */
static struct status report_made(struct making *making, int status,
                                 const struct object_info *info) {
    struct swift_report *report = &making->report;
    struct arena *arena = making->call->arena;
    char date[DATE_TEXT_CAP];
    swift_report_status(report, status);
    swift_report_text(report, "Response Body",
                      status == 201 ? SLICE("") : slice_str(http_reason(status)));
    if (info != NULL) {
        date_format_http(swift_time_http(info->modified_ns), date);
        swift_report_text(report, "Etag", arena_printf(arena, "\"%.*s\"", SLICE_FMT(making->etag)));
        swift_report_text(report, "Last Modified", arena_dup(arena, slice_str(date)));
    }
    return swift_report_answer(report);
}

static struct status make(struct making *making) {
    struct swift_call *call = making->call;
    struct object_info info;
    TRY(segments_look(making));
    if (making->report.failed_count > 0) {
        if (making->heartbeat) return report_made(making, 400, NULL);
        call->response.status = 400;
        return swift_report_answer(&making->report);
    }
    if (etag_differs(making)) {
        return making->heartbeat ? report_made(making, 422, NULL) : swift_refuse(call, 422, NULL);
    }
    TRY(commit(making, &info));
    if (making->heartbeat) return report_made(making, 201, &info);
    say_made(making, &info);
    swift_answer_page(call, 201);
    return status_ok();
}

/* Spec: Swift, middleware/slo.py: 202 at once, blanks, and what came of it at the end. */
static struct status begin_early(struct making *making) {
    struct swift_call *call = making->call;
    making->heartbeat = swift_is_true(swift_param(call, "heartbeat"));
    if (!making->heartbeat) return status_ok();
    call->response.status = 202;
    http_response_set_str(&call->response, "Content-Type", swift_report_type(&making->report));
    making->report.is_separated = true;
    return call->transport->early_begin(call);
}

struct status run_put_manifest(struct swift_call *call) {
    struct making making = {.call = call};
    if (swift_header(call, "x-copy-from").len > 0) {
        return swift_refuse(call, 405, "Multipart Manifest PUTs cannot be COPY requests");
    }
    TRY(list_read(call, &making.slo));
    swift_report_begin(&making.report, call, "upload");
    digest_init(&making.md5, DIGEST_MD5);
    making.segments = arena_calloc(call->arena, making.slo.count + 1, sizeof *making.segments);
    if (making.segments == NULL) return status_of(STATUS_NO_MEMORY);
    if (making.slo.count == 0) return swift_refuse(call, 400, "Manifest must not be empty.\n");
    TRY(begin_early(&making));
    return make(&making);
}

/* ---- GET ------------------------------------------------------------------------------------ */

/* Parts of an upload have no names; they get some that tell which they are. */
static struct status name_parts(struct swift_call *call, struct object_segment *segments,
                                size_t count, const struct object_info *info) {
    struct slice container = arena_printf(call->arena, "%.*s+segments", SLICE_FMT(call->container));
    for (size_t i = 0; i < count; i++) {
        if (segments[i].container.len > 0 || segments[i].data.len > 0) continue;
        segments[i].container = container;
        segments[i].object = arena_printf(call->arena, "%.*s/%zu", SLICE_FMT(call->object), i + 1);
        segments[i].content_type = SLICE("application/octet-stream");
        segments[i].modified_ns = info->modified_ns;
    }
    return arena_ok(call->arena);
}

static struct status manifest_answer(struct swift_call *call, const struct object_info *info) {
    struct object_segment *segments;
    size_t count;
    struct buf buf;
    bool raw = slice_eq(swift_param(call, "format"), SLICE("raw"));
    TRY(object_segments_read(call->service->objects, &call->bucket, info, call->arena, &segments,
                             &count));
    TRY(name_parts(call, segments, count, info));
    buf_init(&buf, DOCUMENT_MAX);
    struct status s = write_segments(&buf, call->arena, segments, count, raw);
    if (!is_ok(s)) {
        buf_fini(&buf);
        return s;
    }
    struct slice etag = md5_of(call->arena, buf_slice(&buf));
    swift_object_meta_answer(call, &info->meta);
    swift_object_facts_answer(call, info);
    http_response_set(&call->response, SLICE("Etag"), etag);
    http_response_remove(&call->response, SLICE("X-Manifest-Etag"));
    struct slice type = http_response_find(&call->response, SLICE("Content-Type"));
    const char *own = arena_printf(call->arena, "%.*s%c", SLICE_FMT(type), 0).ptr;
    TRY(arena_ok(call->arena));
    return swift_answer_document(call, &buf, raw ? own : "application/json; charset=utf-8");
}

/* An object that has no list is shown as it is: of a prefix, what it has itself. */
struct status run_get_manifest(struct swift_call *call) {
    struct object_info info;
    TRY(object_find(call->service->objects, &call->bucket, call->object, call->arena, &info));
    TRY(swift_authorize_found(call, "s3:GetObject", &call->bucket, &info));
    return swift_is_static_large(&info) ? manifest_answer(call, &info) : run_get_object(call);
}

/* ---- DELETE --------------------------------------------------------------------------------- */

/* What is to be removed: segments first, then what they made. */
struct removing {
    struct swift_call *call;
    struct swift_report report;
    uint64_t deleted;
    uint64_t not_found;
    size_t looked; /* segments so far; bounded */
};

static struct status remove_one(struct removing *removing, struct slice container,
                                struct slice object) {
    struct swift_call *call = removing->call;
    int status;
    TRY(swift_remove(call, container, object, &status));
    if (status == 204) removing->deleted++;
    if (status == 404) removing->not_found++;
    if (status == 204 || status == 404) return status_ok();
    struct slice name =
        arena_printf(call->arena, "/%.*s/%.*s", SLICE_FMT(container), SLICE_FMT(object));
    return swift_report_failed(&removing->report, name, status, NULL);
}

static struct status remove_tree(struct removing *removing, struct slice container,
                                 struct slice object, int depth);

static struct status remove_segments(struct removing *removing, const struct bucket *bucket,
                                     const struct object_info *info, int depth) {
    struct swift_call *call = removing->call;
    struct object_segment *segments;
    size_t count;
    TRY(object_segments_read(call->service->objects, bucket, info, call->arena, &segments, &count));
    for (size_t i = 0; i < count; i++) {
        if (segments[i].container.len == 0) continue; /* bytes of its own */
        if (++removing->looked > 10 * SWIFT_SLO_SEGMENTS_MAX) {
            return swift_refuse(call, 400, "Too many buffered slo segments to delete.");
        }
        if (segments[i].large && depth < OBJECT_SEGMENTS_DEPTH_MAX) {
            TRY(remove_tree(removing, segments[i].container, segments[i].object, depth + 1));
        } else {
            TRY(remove_one(removing, segments[i].container, segments[i].object));
        }
    }
    return status_ok();
}

static struct status remove_tree(struct removing *removing, struct slice container,
                                 struct slice object, int depth) {
    struct swift_call *call = removing->call;
    struct bucket bucket;
    struct object_info info;
    struct status s = swift_authorize_other(call, "s3:DeleteObject", call->project_id, container,
                                            object, &bucket);
    if (is_ok(s)) {
        s = object_find(call->service->objects, &bucket, object, call->arena, &info);
        if (is_ok(s) && swift_is_static_large(&info)) {
            TRY(remove_segments(removing, &bucket, &info, depth));
        }
    }
    call->error = (struct swift_error){0};
    return remove_one(removing, container, object);
}

/* Whether the object itself may go so. Spec: Swift names what is wrong in the report. */
static struct status root_check(struct removing *removing, bool *ret_good) {
    struct swift_call *call = removing->call;
    struct object_info info;
    struct status s =
        object_find(call->service->objects, &call->bucket, call->object, call->arena, &info);
    *ret_good = is_ok(s) && swift_is_static_large(&info);
    if (*ret_good) return s;
    if (status_is(s, STATUS_NOT_FOUND)) {
        removing->not_found++;
        return status_ok();
    }
    TRY(s);
    return swift_report_failed(&removing->report,
                               arena_printf(call->arena, "/%.*s/%.*s", SLICE_FMT(call->container),
                                            SLICE_FMT(call->object)),
                               400, "Not an SLO manifest");
}

struct status run_delete_manifest(struct swift_call *call) {
    struct removing removing = {.call = call};
    bool good;
    swift_report_begin(&removing.report, call, "delete");
    TRY(root_check(&removing, &good));
    if (good) TRY(remove_tree(&removing, call->container, call->object, 0));
    swift_report_number(&removing.report, "Number Deleted", removing.deleted);
    swift_report_number(&removing.report, "Number Not Found", removing.not_found);
    swift_report_text(&removing.report, "Response Body", SLICE(""));
    swift_report_status(&removing.report, removing.report.failed_count > 0 ? 400 : 200);
    return swift_report_answer(&removing.report);
}
