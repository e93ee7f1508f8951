/*
 * GetObject and HeadObject: find, judge the conditions, choose the bytes, say the headers.
 */
#include "base/check.h"
#include "base/date.h"
#include "http/condition.h"
#include "http/range.h"
#include "http/text.h"
#include "object/upload.h"
#include "s3/checksum_header.h"
#include "s3/large.h"
#include "s3/meta.h"
#include "s3/object_facts.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"

/* What is being read: kept with the answer until it has been sent. */
struct reading {
    struct object_info info;
    struct bucket bucket;    /* that it was found in */
    struct s3_large large;   /* not open for HEAD, unless it takes that to tell what it is */
    struct http_range range; /* the bytes that are sent */
    bool partial;            /* 206 */
    bool by_part;
    struct object_part part;
};

static const struct {
    const char *param;
    const char *header;
} overrides[] = {
    {"response-content-type", "Content-Type"},
    {"response-content-language", "Content-Language"},
    {"response-expires", "Expires"},
    {"response-cache-control", "Cache-Control"},
    {"response-content-disposition", "Content-Disposition"},
    {"response-content-encoding", "Content-Encoding"},
};

/* Spec: S3 GetObject, "Overriding response header values through the request". */
static struct status overrides_check(struct s3_call *call) {
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        struct slice value = s3_param(call, overrides[i].param);
        if (value.ptr == NULL) continue;
        if (call->auth.kind == AUTH_ANONYMOUS) {
            return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                             "Request specific response headers cannot be used for anonymous GET "
                             "requests.");
        }
        if (!http_is_field_value(value)) {
            return s3_refuse_argument(call, overrides[i].param, value, "Invalid Argument");
        }
    }
    return status_ok();
}

/* The part that is asked for; 0: none. */
static struct status part_number(struct s3_call *call, uint32_t *ret_number) {
    struct slice text = s3_param(call, "partNumber");
    uint64_t number = 0;
    *ret_number = 0;
    if (text.ptr == NULL) return status_ok();
    if (!slice_parse_u64(text, &number) || number < 1 || number > UPLOAD_PART_NUMBER_MAX) {
        return s3_refuse_argument(call, "partNumber", text,
                                  "Part number must be an integer between 1 and 10000, inclusive");
    }
    if (s3_header(call, "range").ptr != NULL) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "Cannot specify both Range header and partNumber query parameter");
    }
    *ret_number = (uint32_t)number;
    return status_ok();
}

struct status op_get_object_check(struct s3_call *call) {
    uint32_t number;
    TRY(s3_check_headers(call));
    TRY(s3_version_check(call));
    TRY(overrides_check(call));
    return part_number(call, &number);
}

static void reading_done(struct s3_call *call) {
    struct reading *reading = call->answer.context;
    s3_large_close(&reading->large);
}

static struct status reading_send(struct s3_call *call, struct sink *sink) {
    struct reading *reading = call->answer.context;
    struct object_reader *reader = reading->large.opened.reader;
    CHECK(reader != NULL);
    return object_reader_send(reader, reading->range.first, reading->range.len, sink);
}

/* Finds the object, and opens it, but for HEAD of one that stands for no other. */
static struct status reading_find(struct s3_call *call, const struct object_version *version,
                                  struct reading *reading) {
    if (call->head->method == HTTP_HEAD) {
        TRY(object_find_version(call->service->objects, &call->bucket, call->key, version,
                                call->arena, &reading->info));
        enum object_link_kind kind = reading->info.link.kind;
        reading->bucket = call->bucket;
        if (kind != OBJECT_LINK_PREFIX && kind != OBJECT_LINK_SYMLINK) return status_ok();
    }
    TRY(s3_large_open(call, &call->bucket, call->key, version, &reading->large));
    reading->info = reading->large.opened.info;
    reading->bucket = reading->large.opened.bucket;
    return status_ok();
}

/* Opens what is read; the answer closes it, whatever follows. */
static struct status reading_open(struct s3_call *call, struct reading **ret_reading) {
    struct reading *reading = ARENA_NEW(call->arena, struct reading);
    struct object_version version;
    struct status status;
    TRY(s3_version_of(call, &version));
    if (reading == NULL) return status_of(STATUS_NO_MEMORY);
    status = reading_find(call, &version, reading);
    if (status_is(status, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, &call->bucket, call->key, &version);
    }
    TRY(status);
    call->answer.context = reading;
    call->answer.done = reading_done;
    if (reading->info.delete_marker) return s3_refuse_marker(call, &reading->info);
    *ret_reading = reading;
    return status_ok();
}

/* What it is as a whole. Order: after the object itself was authorized. */
static struct status reading_follow(struct reading *reading) {
    if (!reading->large.opened.reader) return status_ok();
    TRY(s3_large_follow(&reading->large));
    reading->info = reading->large.opened.info;
    return status_ok();
}

/* What 200, 206 and 304 have in common. */
static void validators_answer(struct s3_call *call, const struct object_info *info) {
    s3_etag_answer(call, info->etag);
    http_response_set_date(&call->response, "Last-Modified", info->modified_ns);
}

static struct status conditions_judge(struct s3_call *call, const struct object_info *info) {
    struct http_conditions conditions;
    http_conditions_of(call->head, &conditions);
    switch (http_conditions_check(&conditions, info->etag, info->modified_ns)) {
        case HTTP_CONDITION_PROCEED:
            return status_ok();
        case HTTP_CONDITION_NOT_MODIFIED:
            validators_answer(call, info);
            return s3_refuse(call, S3_ERROR_NOT_MODIFIED, NULL);
        case HTTP_CONDITION_FAILED:
            break;
    }
    return s3_refuse_condition(
        call, conditions.if_match.ptr != NULL ? "If-Match" : "If-Unmodified-Since");
}

/*
 * Whether If-Range lets Range count: what the client has a part of is still this object.
 * Spec: RFC 9110 section 13.1.5.
 */
static bool if_range_holds(const struct s3_call *call, const struct object_info *info) {
    struct slice validator = s3_header(call, "if-range");
    int64_t date_ns;
    if (validator.ptr == NULL) return true;
    if (date_parse_http(validator, &date_ns)) {
        return date_ns / NS_PER_S == info->modified_ns / NS_PER_S;
    }
    return slice_eq(http_etag_unquote(validator), info->etag);
}

static struct status range_refuse(struct s3_call *call, struct slice range, uint64_t size) {
    struct buf text;
    char storage[64];
    buf_init_fixed(&text, storage, sizeof storage);
    http_content_range_unsatisfied(&text, size);
    s3_refuse_header(call, "Content-Range", arena_dup(call->arena, buf_slice(&text)));
    s3_refuse_with(call, "RangeRequested", range);
    s3_refuse_with(call, "ActualObjectSize",
                   arena_printf(call->arena, "%llu", (unsigned long long)size));
    return s3_refuse(call, S3_ERROR_INVALID_RANGE, NULL);
}

static struct status range_choose(struct s3_call *call, struct reading *reading) {
    struct slice header = s3_header(call, "range");
    uint64_t size = reading->info.size;
    reading->range = (struct http_range){0, size};
    if (!if_range_holds(call, &reading->info)) return status_ok();
    switch (http_range_resolve(header, size, &reading->range)) {
        case HTTP_RANGE_WHOLE:
            return status_ok();
        case HTTP_RANGE_PART:
            reading->partial = true;
            return status_ok();
        case HTTP_RANGE_UNSATISFIABLE:
            break;
    }
    return range_refuse(call, header, size);
}

/*
 * Spec-deviation: S3 answers 416 InvalidPartNumber to a part that is not there; the S3 test suite
 * of Ceph, which clients are measured against, wants 400 InvalidPart.
 */
static struct status part_choose(struct s3_call *call, struct reading *reading, uint32_t number) {
    struct status status = object_part_find(call->service->objects, &reading->bucket,
                                            &reading->info, number, &reading->part);
    if (status_is(status, STATUS_RANGE)) {
        s3_refuse_with(call, "PartNumber", s3_param(call, "partNumber"));
        return s3_refuse(call, S3_ERROR_INVALID_PART,
                         "The requested partnumber is not satisfiable");
    }
    TRY(status);
    reading->by_part = true;
    reading->partial = reading->part.size > 0;
    reading->range = (struct http_range){reading->part.first, reading->part.size};
    return status_ok();
}

static void range_answer(struct s3_call *call, const struct reading *reading) {
    struct buf text;
    char storage[96];
    buf_init_fixed(&text, storage, sizeof storage);
    http_content_range(&text, reading->range, reading->info.size);
    http_response_set(&call->response, SLICE("Content-Range"), buf_slice(&text));
}

/*
 * With x-amz-checksum-mode the checksum of what is sent: of the whole object, or of a part. The
 * type is the object's. Spec: S3 GetObject, x-amz-checksum-mode.
 */
static void checksum_answer(struct s3_call *call, const struct reading *reading) {
    const struct object_info *info = &reading->info;
    struct slice mode = s3_header(call, "x-amz-checksum-mode");
    bool whole = reading->range.len == info->size && !reading->by_part && !reading->partial;
    if (!slice_eq_nocase(mode, SLICE("ENABLED"))) return;
    if (whole || info->part_count == 0) {
        if (whole || reading->by_part) {
            s3_checksum_answer_typed(call, &info->checksum, info->part_count);
        }
    } else if (reading->by_part && reading->part.checksum.present) {
        s3_checksum_answer(call, &reading->part.checksum, 0);
        http_response_set_str(&call->response, "x-amz-checksum-type",
                              s3_checksum_type_name(info->checksum.type));
    }
}

static void overrides_answer(struct s3_call *call) {
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        struct slice value = s3_param(call, overrides[i].param);
        if (value.ptr == NULL) continue;
        http_response_set(&call->response, slice_str(overrides[i].header), value);
    }
}

static struct status headers_answer(struct s3_call *call, const struct reading *reading) {
    struct http_response *response = &call->response;
    s3_meta_answer(call, &reading->info.meta);
    s3_version_answer(call, &reading->info);
    TRY(s3_facts_answer(call, &reading->info.meta));
    validators_answer(call, &reading->info);
    http_response_set_str(response, "Accept-Ranges", "bytes");
    if (reading->partial) {
        response->status = 206;
        range_answer(call, reading);
    }
    if (reading->by_part && reading->info.part_count > 0) {
        http_response_set_u64(response, "x-amz-mp-parts-count", reading->info.part_count);
    }
    checksum_answer(call, reading);
    overrides_answer(call);
    return status_ok();
}

/* HEAD is GET without the bytes; the session leaves them out. */
struct status op_get_object(struct s3_call *call) {
    struct reading *reading = NULL;
    uint32_t number;
    TRY(part_number(call, &number));
    TRY(reading_open(call, &reading));
    TRY(s3_authorize_found(call, s3_version_action("s3:GetObject", s3_param(call, "versionId")),
                           &reading->bucket, &reading->info));
    TRY(reading_follow(reading));
    TRY(conditions_judge(call, &reading->info));
    TRY(number > 0 ? part_choose(call, reading, number) : range_choose(call, reading));
    if (call->head->method != HTTP_HEAD) {
        TRY(s3_large_verify(&reading->large, reading->range.first, reading->range.len));
    }
    TRY(headers_answer(call, reading));
    call->answer.length = reading->range.len;
    call->answer.send = reading_send;
    return status_ok();
}
