/* Objects read: find, judge the conditions, choose the bytes, say the headers. */
#include "base/check.h"
#include "base/date.h"
#include "http/condition.h"
#include "http/range.h"
#include "swift/listing.h"
#include "swift/object_meta.h"
#include "swift/ops.h"

/* What is being read: kept with the answer until it has been sent. */
struct reading {
    struct object_info info;
    struct object_reader *reader; /* NULL for HEAD */
    struct http_range range;      /* the bytes that are sent */
};

static void reading_done(struct swift_call *call) {
    struct reading *reading = call->answer.context;
    object_reader_close(&reading->reader);
}

static struct status reading_send(struct swift_call *call, struct sink *sink) {
    struct reading *reading = call->answer.context;
    CHECK(reading->reader != NULL);
    return object_reader_send(reading->reader, reading->range.first, reading->range.len, sink);
}

/* Finds the object, and opens it but for HEAD; the answer closes it, whatever follows. */
static struct status reading_open(struct swift_call *call, struct reading **ret_reading) {
    struct reading *reading = ARENA_NEW(call->arena, struct reading);
    struct object_store *store = call->service->objects;
    struct status s;
    if (reading == NULL) return status_of(STATUS_NO_MEMORY);
    if (call->head->method == HTTP_HEAD) {
        s = object_find(store, &call->bucket, call->object, call->arena, &reading->info);
    } else {
        s = object_open(store, &call->bucket, call->object, call->arena, &reading->info,
                        &reading->reader);
    }
    if (status_is(s, STATUS_NOT_FOUND)) return swift_refuse(call, 404, NULL);
    TRY(s);
    call->answer.context = reading;
    call->answer.done = reading_done;
    *ret_reading = reading;
    return status_ok();
}

static struct status conditions_judge(struct swift_call *call, const struct object_info *info) {
    struct http_conditions conditions;
    http_conditions_of(call->head, &conditions);
    switch (http_conditions_check(&conditions, info->etag, swift_time_http(info->modified_ns))) {
        case HTTP_CONDITION_PROCEED:
            return status_ok();
        case HTTP_CONDITION_NOT_MODIFIED:
            return swift_refuse_with_headers(call, 304);
        case HTTP_CONDITION_FAILED:
            break;
    }
    return swift_refuse_with_headers(call, 412);
}

/* Spec: RFC 9110 section 13.1.5. */
static bool if_range_holds(const struct swift_call *call, const struct object_info *info) {
    struct slice validator = swift_header(call, "if-range");
    int64_t date_ns;
    if (validator.ptr == NULL) return true;
    if (date_parse_http(validator, &date_ns)) {
        return date_ns == swift_time_http(info->modified_ns);
    }
    return slice_eq(http_etag_unquote(validator), info->etag);
}

static void say_content_range(struct swift_call *call, const struct reading *reading,
                              bool satisfied) {
    struct buf text;
    char storage[96];
    buf_init_fixed(&text, storage, sizeof storage);
    if (satisfied) {
        http_content_range(&text, reading->range, reading->info.size);
    } else {
        http_content_range_unsatisfied(&text, reading->info.size);
    }
    http_response_set(&call->response, SLICE("Content-Range"), buf_slice(&text));
}

static struct status range_choose(struct swift_call *call, struct reading *reading) {
    reading->range = (struct http_range){0, reading->info.size};
    if (!if_range_holds(call, &reading->info)) return status_ok();
    switch (http_range_resolve(swift_header(call, "range"), reading->info.size, &reading->range)) {
        case HTTP_RANGE_WHOLE:
            return status_ok();
        case HTTP_RANGE_PART:
            call->response.status = 206;
            say_content_range(call, reading, true);
            return status_ok();
        case HTTP_RANGE_UNSATISFIABLE:
            break;
    }
    say_content_range(call, reading, false);
    return swift_refuse_with_headers(call, 416);
}

/* HEAD is GET without the bytes; the session leaves them out. */
struct status run_get_object(struct swift_call *call) {
    struct reading *reading = NULL;
    TRY(reading_open(call, &reading));
    TRY(swift_authorize_found(call, "s3:GetObject", &call->bucket, &reading->info));
    swift_object_meta_answer(call, &reading->info.meta);
    swift_object_facts_answer(call, &reading->info);
    TRY(conditions_judge(call, &reading->info));
    TRY(range_choose(call, reading));
    call->answer.length = reading->range.len;
    call->answer.send = reading_send;
    return status_ok();
}
