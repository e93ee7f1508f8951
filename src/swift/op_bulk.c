/* Many objects at once: deleted by a list, put out of an archive. */
#include "base/check.h"
#include "base/codec.h"
#include "swift/archive.h"
#include "swift/container.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/remove.h"
#include "swift/report.h"
#include "swift/store.h"

enum {
    BULK_LIST_BYTES_MAX = 4 * 1024 * 1024,
    BULK_PULSE = 500, /* so many are done before the client is told that it goes on */
    BULK_PATH_MAX = SWIFT_OBJECT_NAME_MAX + SWIFT_CONTAINER_NAME_MAX + 2,
    SCRATCH_BLOCK = 16 * 1024,
    SCRATCH_MAX = 1024 * 1024
};

/* One request on its way through many. */
struct bulk {
    struct swift_call *call;
    struct swift_report report;
    struct arena scratch; /* of one of the many */
    struct arena *whole;  /* of the request */
    size_t count;
    uint64_t done;
    uint64_t not_found;
    size_t containers_made;
    bool is_broken; /* one failed by our fault */
};

static void bulk_begin(struct bulk *bulk, struct swift_call *call, const char *root) {
    *bulk = (struct bulk){.call = call, .whole = call->arena};
    swift_report_begin(&bulk->report, call, root);
    arena_init(&bulk->scratch, SCRATCH_BLOCK, SCRATCH_MAX);
}

/* From here to one_end what the call allocates goes with the one. */
static void one_begin(struct bulk *bulk) {
    arena_reset(&bulk->scratch);
    bulk->call->arena = &bulk->scratch;
}

static void one_end(struct bulk *bulk) {
    bulk->call->arena = bulk->whole;
    bulk->call->error = (struct swift_error){0};
}

/* Says now and then that it goes on. Spec: Swift, middleware/bulk.py, yield_frequency. */
static struct status pulse(struct bulk *bulk) {
    struct swift_call *call = bulk->call;
    if (++bulk->count % BULK_PULSE != 0) return status_ok();
    if (call->early) return call->transport->early_write(call, SLICE(" "));
    bool is_xml = bulk->report.format == SWIFT_XML || bulk->report.format == SWIFT_TEXT_XML;
    http_response_set_str(&call->response, "Content-Type", swift_report_type(&bulk->report));
    bulk->report.is_separated = true;
    TRY(call->transport->early_begin(call));
    return call->transport->early_write(
        call, is_xml ? SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") : SLICE(" "));
}

static struct status failed(struct bulk *bulk, struct slice name, int status) {
    if (status / 100 == 5) bulk->is_broken = true;
    return swift_report_failed(&bulk->report, slice_take(name, BULK_PATH_MAX), status, NULL);
}

/* ---- deleting ------------------------------------------------------------------------------- */

static bool names_object(struct slice name) {
    struct slice container, object;
    while (name.len > 0 && name.ptr[0] == '/') name = slice_skip(name, 1);
    while (name.len > 0 && name.ptr[name.len - 1] == '/') name = slice_take(name, name.len - 1);
    return slice_cut(name, '/', &container, &object);
}

static struct status delete_named(struct bulk *bulk, struct slice name, int *ret_status) {
    struct slice container, object = SLICE("");
    struct slice path = name;
    while (path.len > 0 && path.ptr[0] == '/') path = slice_skip(path, 1);
    slice_cut(path, '/', &container, &object);
    *ret_status = 412;
    if (!utf8_is_valid(path) || slice_find_char(path, 0) < path.len) return status_ok();
    return swift_remove(bulk->call, container, object, ret_status);
}

static struct status delete_line(struct bulk *bulk, struct slice line, bool objects) {
    struct slice name;
    int status = 0;
    line = slice_trim(line);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line = slice_take(line, line.len - 1);
    if (line.len == 0) return status_ok();
    one_begin(bulk);
    /* What is no escape stands for itself. */
    if (!percent_decode(bulk->call->arena, line, false, &name)) name = line;
    struct status s = status_ok();
    bool mine = names_object(name) == objects;
    if (mine) s = delete_named(bulk, name, &status);
    one_end(bulk);
    TRY(s);
    if (!mine) return status_ok();
    if (status == 204) bulk->done++;
    if (status == 404) bulk->not_found++;
    if (status != 204 && status != 404) TRY(failed(bulk, name, status));
    return pulse(bulk);
}

/* Objects first, then containers, which they may have been in. */
static struct status delete_lines(struct bulk *bulk, struct slice list) {
    for (int pass = 0; pass < 2; pass++) {
        struct slice rest = list;
        bool more = true;
        while (more) {
            struct slice line;
            more = slice_cut(rest, '\n', &line, &rest);
            TRY(delete_line(bulk, line, pass == 0));
            if (bulk->report.failed_count < SWIFT_BULK_FAILED_MAX) continue;
            swift_report_text(&bulk->report, "Response Body",
                              SLICE("Max delete failures exceeded"));
            return status_ok();
        }
    }
    return status_ok();
}

/* Why nothing is deleted at all; 0: nothing is wrong. */
static int list_refusal(const struct bulk *bulk, struct slice list, struct slice *ret_why) {
    size_t lines = 0;
    struct slice rest = list;
    bool more = true;
    while (more) {
        struct slice line;
        more = slice_cut(rest, '\n', &line, &rest);
        if (line.len > 2 * (size_t)BULK_PATH_MAX) {
            *ret_why = SLICE("Invalid File Name");
            return 400;
        }
        lines += more || line.len > 0;
    }
    if (lines <= SWIFT_BULK_DELETES_MAX) return 0;
    *ret_why =
        arena_printf(bulk->whole, "Maximum Bulk Deletes: %d per request", SWIFT_BULK_DELETES_MAX);
    return 413;
}

/* What can be told from the head. */
static int head_refusal(struct bulk *bulk) {
    struct swift_call *call = bulk->call;
    struct slice type = swift_header(call, "content-type");
    if (bulk->report.is_unacceptable) return 406;
    if (type.len > 0 && !slice_starts_with(type, SLICE("text/plain"))) return 406;
    return call->head->body == HTTP_BODY_NONE ? 411 : 0;
}

static struct status delete_run(struct bulk *bulk, int *ret_status) {
    struct slice list = {0};
    struct slice why = SLICE("");
    *ret_status = head_refusal(bulk);
    if (*ret_status != 0) return status_ok();
    struct status s = swift_body_document(bulk->call, BULK_LIST_BYTES_MAX, &list);
    if (status_is(s, STATUS_REFUSED) && bulk->call->error.status == 413) {
        bulk->call->error = (struct swift_error){0};
        *ret_status = 413;
        return status_ok();
    }
    TRY(s);
    *ret_status = list_refusal(bulk, list, &why);
    swift_report_text(&bulk->report, "Response Body", why);
    return *ret_status != 0 ? status_ok() : delete_lines(bulk, list);
}

/* Spec: Swift, middleware/bulk.py: the status of the request stands in the document. */
struct status run_bulk_delete(struct swift_call *call) {
    struct bulk bulk;
    int status;
    bulk_begin(&bulk, call, "delete");
    struct swift_report *report = &bulk.report;
    swift_report_text(report, "Response Body", SLICE(""));
    struct status s = delete_run(&bulk, &status);
    arena_fini(&bulk.scratch);
    TRY(s);
    bool nothing = status == 0 && bulk.done + bulk.not_found + report->failed_count == 0;
    if (nothing) swift_report_text(report, "Response Body", SLICE("Invalid bulk delete."));
    if (status == 0 && (nothing || report->failed_count > 0)) status = bulk.is_broken ? 502 : 400;
    swift_report_number(report, "Number Deleted", bulk.done);
    swift_report_number(report, "Number Not Found", bulk.not_found);
    swift_report_status(report, status == 0 ? 200 : status);
    return swift_report_answer(report);
}

/* ---- extracting ----------------------------------------------------------------------------- */

/* Where the archive's files go: below container and prefix of the request. */
static struct slice member_path(const struct bulk *bulk, struct slice name) {
    struct swift_call *call = bulk->call;
    struct slice base = call->object;
    if (slice_starts_with(name, SLICE("./"))) name = slice_skip(name, 2);
    while (name.len > 0 && name.ptr[0] == '/') name = slice_skip(name, 1);
    while (base.len > 0 && base.ptr[base.len - 1] == '/') base = slice_take(base, base.len - 1);
    if (call->container.len == 0) return name;
    if (base.len == 0) {
        return arena_printf(call->arena, "%.*s/%.*s", SLICE_FMT(call->container), SLICE_FMT(name));
    }
    return arena_printf(call->arena, "%.*s/%.*s/%.*s", SLICE_FMT(call->container), SLICE_FMT(base),
                        SLICE_FMT(name));
}

/* The container, made where it is not there and the principal may. */
static struct status member_container(struct bulk *bulk, struct slice container,
                                      struct slice object, struct bucket *ret_bucket) {
    struct swift_call *call = bulk->call;
    struct status s = swift_authorize_other(call, "s3:PutObject", call->project_id, container,
                                            object, ret_bucket);
    bool absent = status_is(s, STATUS_REFUSED) && call->error.status == 404;
    if (!absent) return s;
    if (bulk->containers_made++ >= SWIFT_BULK_CONTAINERS_MAX) {
        return swift_refuse(call, 400, "More than %d containers to create from tar.",
                            SWIFT_BULK_CONTAINERS_MAX);
    }
    if (container.len > SWIFT_CONTAINER_NAME_MAX - 1) return swift_refuse(call, 400, NULL);
    TRY(swift_container_make(call, container, ret_bucket));
    return swift_authorize_other(call, "s3:PutObject", call->project_id, container, object,
                                 ret_bucket);
}

static struct status member_store(struct bulk *bulk, struct swift_archive *archive,
                                  const struct swift_archive_member *member, struct slice path) {
    struct swift_call *call = bulk->call;
    struct slice container, object;
    struct bucket bucket;
    struct object_info info;
    struct swift_storing storing = {.source = swift_archive_source(archive), .size = member->size};
    if (!utf8_is_valid(path) || slice_find_char(path, 0) < path.len) {
        return swift_refuse(call, 412, NULL);
    }
    slice_cut(path, '/', &container, &object);
    if (member->size > SWIFT_OBJECT_SIZE_MAX) return swift_refuse(call, 413, NULL);
    if (object.len == 0 || object.len > SWIFT_OBJECT_NAME_MAX) {
        return swift_refuse(call, 400, NULL);
    }
    TRY(member_container(bulk, container, object, &bucket));
    TRY(swift_object_meta_of_one(call, object, member->type, &storing.meta));
    TRY(swift_archive_meta(archive, call->arena, &storing.meta.user));
    storing.meta.owner_id = bucket.project_id;
    storing.bucket = &bucket;
    storing.object = object;
    return swift_store(call, &storing, &info);
}

/* What is wrong with one file is no end of the others, but for a broken archive or connection. */
static struct status member_put(struct bulk *bulk, struct swift_archive *archive,
                                const struct swift_archive_member *member, bool *ret_stop) {
    one_begin(bulk);
    struct slice path = member_path(bulk, member->name);
    bool counts = slice_find_char(path, '/') < path.len; /* a file at the base has no container */
    struct status s = counts ? member_store(bulk, archive, member, path) : status_ok();
    int refused = status_is(s, STATUS_REFUSED) ? bulk->call->error.status : 0;
    if (status_is(s, STATUS_NOT_FOUND)) refused = 404;
    if (status_is(s, STATUS_TOO_LARGE)) refused = 413;
    if (status_is(s, STATUS_DENIED)) refused = 403;
    if (swift_archive_is_broken(archive)) refused = 0;
    bulk->call->arena = bulk->whole;
    bulk->call->error = (struct swift_error){0};
    if (is_ok(s)) bulk->done += counts;
    *ret_stop = refused == 401 && bulk->call->principal.anonymous;
    if (refused == 0) return s;
    return failed(bulk, path, refused);
}

static struct status extract_run(struct bulk *bulk, struct swift_archive *archive,
                                 int *ret_status) {
    bool stop = false;
    while (!stop && bulk->report.failed_count < SWIFT_BULK_FAILED_MAX) {
        struct swift_archive_member member;
        bool found;
        struct status s = swift_archive_next(archive, &member, &found);
        if (is_ok(s) && !found) break;
        if (is_ok(s)) s = member_put(bulk, archive, &member, &stop);
        if (swift_archive_is_broken(archive)) {
            *ret_status = 400;
            swift_report_text(
                &bulk->report, "Response Body",
                arena_printf(bulk->whole, "Invalid Tar File: %s", swift_archive_defect(archive)));
            return status_ok();
        }
        TRY(s);
        TRY(pulse(bulk));
    }
    if (stop) *ret_status = 401;
    return status_ok();
}

static struct status extract_answer(struct bulk *bulk, int status) {
    struct swift_report *report = &bulk->report;
    if (status == 0 && report->failed_count > 0) status = bulk->is_broken ? 502 : 400;
    if (status == 0 && bulk->done == 0) {
        status = 400;
        swift_report_text(report, "Response Body", SLICE("Invalid Tar File: No Valid Files"));
    }
    swift_report_number(report, "Number Files Created", bulk->done);
    swift_report_status(report, status == 0 ? 201 : status);
    return swift_report_answer(report);
}

struct status run_extract_archive(struct swift_call *call) {
    struct bulk bulk;
    struct swift_archive *archive = NULL;
    enum swift_archive_kind kind;
    int status = 0;
    if (!swift_archive_kind_of(swift_param(call, "extract-archive"), &kind)) {
        return swift_refuse(call, 400, "Unsupported archive format");
    }
    bulk_begin(&bulk, call, "extract");
    swift_report_text(&bulk.report, "Response Body", SLICE(""));
    struct status s = status_ok();
    if (bulk.report.is_unacceptable) {
        status = 406;
    } else if (call->head->body == HTTP_BODY_NONE) {
        status = 411;
    } else {
        s = swift_archive_open(call->body, kind, &archive);
        if (is_ok(s)) s = extract_run(&bulk, archive, &status);
    }
    swift_archive_close(&archive);
    arena_fini(&bulk.scratch);
    TRY(s);
    return extract_answer(&bulk, status);
}
