/* Objects read: find, judge the conditions, choose the bytes, say the headers. */
#include "base/check.h"
#include "base/date.h"
#include "http/condition.h"
#include "swift/large.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/ranges.h"
#include "swift/versions.h"

/* What is being read: kept with the answer until it has been sent. */
struct reading {
    struct object_info info;
    struct swift_large large;   /* not open for HEAD, unless it takes that to tell what it is */
    struct bucket bucket;       /* that it was found in */
    bool is_target;             /* at the end of a link */
    struct swift_ranges ranges; /* the bytes that are sent */
};

static void reading_done(struct swift_call *call) {
    struct reading *reading = call->answer.context;
    swift_large_close(&reading->large);
}

static struct status reading_send(struct swift_call *call, struct sink *sink) {
    struct reading *reading = call->answer.context;
    struct object_reader *reader = reading->large.opened.reader;
    CHECK(reader != NULL);
    return swift_ranges_send(&reading->ranges, reader, sink);
}

/* Finds the object, and opens it, but for HEAD of one that stands for no other. */
static struct status reading_find(struct swift_call *call, struct reading *reading) {
    struct object_version version;
    TRY(swift_version_of(call, &version));
    if (call->head->method == HTTP_HEAD) {
        TRY(object_find_version(call->service->objects, &call->bucket, call->object, &version,
                                call->arena, &reading->info));
        enum object_link_kind kind = reading->info.link.kind;
        reading->bucket = call->bucket;
        if (kind != OBJECT_LINK_PREFIX && kind != OBJECT_LINK_SYMLINK) return status_ok();
    }
    TRY(swift_large_open(call, &call->bucket, call->object, &version, &reading->large));
    reading->info = reading->large.opened.info;
    reading->bucket = reading->large.opened.bucket;
    reading->is_target = reading->large.opened.is_target;
    return status_ok();
}

/* Whether the object itself is asked for, not what it stands for. */
static bool wants_itself(const struct swift_call *call) {
    return slice_eq(swift_param(call, "multipart-manifest"), SLICE("get"));
}

/* What it is as a whole. Order: after the object itself was authorized. */
static struct status reading_follow(struct swift_call *call, struct reading *reading) {
    if (!reading->large.opened.reader || wants_itself(call)) return status_ok();
    TRY(swift_large_follow(&reading->large));
    reading->info = reading->large.opened.info;
    return status_ok();
}

/* A marker is found by its id only, and is nothing to be read. */
static struct status refuse_marker(struct swift_call *call, const struct reading *reading) {
    swift_version_answer(call, &call->bucket, &reading->info);
    return swift_refuse_with_headers(call, 404);
}

/* Spec: Swift says where the version is that is the current one. */
static void say_version(struct swift_call *call, const struct reading *reading) {
    swift_version_answer(call, &reading->bucket, &reading->info);
    struct slice id = http_response_find(&call->response, SLICE("X-Object-Version-Id"));
    if (id.len == 0 || swift_names_version(call)) return;
    swift_location_answer(call, reading->bucket.project_id, reading->bucket.name,
                          reading->info.key);
    struct slice path = http_response_find(&call->response, SLICE("Content-Location"));
    http_response_setf(&call->response, "Content-Location", "%.*s?version-id=%.*s", SLICE_FMT(path),
                       SLICE_FMT(id));
}

/* Opens what is read; the answer closes it, whatever follows. */
static struct status reading_open(struct swift_call *call, struct reading **ret_reading) {
    struct reading *reading = ARENA_NEW(call->arena, struct reading);
    struct status s;
    if (reading == NULL) return status_of(STATUS_NO_MEMORY);
    s = reading_find(call, reading);
    if (status_is(s, STATUS_NOT_FOUND)) {
        /* Spec: RFC 9110 section 13.1.1: "*" asks whether it is there at all. */
        bool asks = slice_eq(slice_trim(swift_header(call, "if-match")), SLICE("*"));
        return asks ? swift_refuse_bare(call, 412) : swift_refuse(call, 404, NULL);
    }
    TRY(s);
    call->answer.context = reading;
    call->answer.done = reading_done;
    if (reading->info.delete_marker) return refuse_marker(call, reading);
    *ret_reading = reading;
    return status_ok();
}

static struct status conditions_judge(struct swift_call *call, const struct object_info *info) {
    struct http_conditions conditions;
    http_conditions_of(call->head, &conditions);
    switch (http_conditions_check(&conditions, object_link_etag(info),
                                  swift_time_http(info->modified_ns))) {
        case HTTP_CONDITION_PROCEED:
            return status_ok();
        case HTTP_CONDITION_NOT_MODIFIED:
            return swift_refuse_with_headers(call, 304);
        case HTTP_CONDITION_FAILED:
            break;
    }
    http_response_remove(&call->response, SLICE("Accept-Ranges"));
    return swift_refuse_bare(call, 412);
}

/* Spec: RFC 9110 section 13.1.5. */
static bool if_range_holds(const struct swift_call *call, const struct object_info *info) {
    struct slice validator = swift_header(call, "if-range");
    int64_t date_ns;
    if (validator.ptr == NULL) return true;
    if (date_parse_http(validator, &date_ns)) {
        return date_ns == swift_time_http(info->modified_ns);
    }
    return slice_eq(http_etag_unquote(validator), object_link_etag(info));
}

/* HEAD is GET without the bytes; the session leaves them out. */
struct status run_get_object(struct swift_call *call) {
    struct reading *reading = NULL;
    TRY(reading_open(call, &reading));
    TRY(swift_authorize_found(call, "s3:GetObject", &reading->bucket, &reading->info));
    TRY(reading_follow(call, reading));
    swift_object_meta_answer(call, &reading->info.meta);
    swift_object_facts_answer(call, &reading->info);
    /* Of its own bytes, other than of what it stands for, the ETag is the MD5. */
    if (wants_itself(call) && reading->info.link.kind == OBJECT_LINK_PREFIX) {
        http_response_set(&call->response, SLICE("Etag"), reading->info.etag);
    }
    swift_symlink_answer(call, &reading->info);
    if (reading->is_target) {
        swift_location_answer(call, reading->bucket.project_id, reading->bucket.name,
                              reading->info.key);
    }
    say_version(call, reading);
    TRY(conditions_judge(call, &reading->info));
    TRY(swift_ranges_choose(call, reading->info.size, !if_range_holds(call, &reading->info),
                            &reading->ranges));
    for (size_t i = 0; i < reading->ranges.ranges.count && call->head->method == HTTP_GET; i++) {
        const struct http_range *range = &reading->ranges.ranges.items[i];
        TRY(swift_large_verify(&reading->large, range->first, range->len));
    }
    call->answer.length = swift_ranges_length(&reading->ranges);
    call->answer.send = reading_send;
    return status_ok();
}
