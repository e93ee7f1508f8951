#include "s3/write_condition.h"

#include "base/date.h"
#include "http/condition.h"
#include "s3/refusals.h"

static struct status fail(const struct s3_write_condition *condition, const char *header,
                          bool absent) {
    *condition->verdict = (struct s3_write_verdict){header, absent};
    return status_of(absent ? STATUS_NOT_FOUND : STATUS_PRECONDITION);
}

static bool is_conditional(const struct s3_write_condition *condition) {
    return condition->if_match.ptr != NULL || condition->if_none_match.ptr != NULL ||
           condition->has_size || condition->has_modified;
}

/* Against an object that is there. */
static struct status judge_present(const struct s3_write_condition *condition,
                                   const struct object_info *current) {
    if (condition->if_match.ptr != NULL &&
        !http_etag_list_has(condition->if_match, current->etag, false)) {
        return fail(condition, "If-Match", false);
    }
    if (condition->if_none_match.ptr != NULL &&
        http_etag_list_has(condition->if_none_match, current->etag, true)) {
        return fail(condition, "If-None-Match", false);
    }
    if (condition->has_size && condition->size != current->size) {
        return fail(condition, "x-amz-if-match-size", false);
    }
    if (condition->has_modified && condition->modified_s != current->modified_ns / NS_PER_S) {
        return fail(condition, "x-amz-if-match-last-modified-time", false);
    }
    return status_ok();
}

static struct status judge(const struct object_condition *base, const struct object_info *current) {
    const struct s3_write_condition *condition = (const struct s3_write_condition *)base;
    *condition->verdict = (struct s3_write_verdict){0};
    if (current != NULL) return judge_present(condition, current);
    if (condition->if_match.ptr == NULL || condition->absence_passes) return status_ok();
    return fail(condition, "If-Match", true);
}

struct status s3_write_condition_init(struct s3_call *call, struct s3_write_condition *condition) {
    condition->condition.judge = judge;
    condition->verdict = ARENA_NEW(call->arena, struct s3_write_verdict);
    return condition->verdict != NULL ? status_ok() : status_of(STATUS_NO_MEMORY);
}

struct status s3_write_condition_of(struct s3_call *call,
                                    struct s3_write_condition *ret_condition) {
    *ret_condition = (struct s3_write_condition){
        .if_match = s3_header(call, "if-match"),
        .if_none_match = s3_header(call, "if-none-match"),
    };
    return s3_write_condition_init(call, ret_condition);
}

/* x-amz-if-match-last-modified-time comes as an HTTP date, and as ISO 8601 from some clients. */
static struct status modified_parse(struct s3_call *call, struct s3_write_condition *condition) {
    static const char name[] = "x-amz-if-match-last-modified-time";
    struct slice text = s3_header(call, name);
    int64_t time_ns;
    if (text.ptr == NULL) return status_ok();
    if (!date_parse_http(text, &time_ns) && !date_parse_iso(text, &time_ns)) {
        return s3_refuse_argument(call, name, text, "Invalid Argument");
    }
    condition->has_modified = true;
    condition->modified_s = time_ns / NS_PER_S;
    return status_ok();
}

struct status s3_delete_condition_of(struct s3_call *call,
                                     struct s3_write_condition *ret_condition) {
    static const char size_name[] = "x-amz-if-match-size";
    struct slice size = s3_header(call, size_name);
    *ret_condition = (struct s3_write_condition){
        .if_match = s3_header(call, "if-match"),
        .has_size = size.ptr != NULL,
        .absence_passes = true,
    };
    if (size.ptr != NULL && !slice_parse_u64(size, &ret_condition->size)) {
        return s3_refuse_argument(call, size_name, size, "Invalid Argument");
    }
    TRY(modified_parse(call, ret_condition));
    return s3_write_condition_init(call, ret_condition);
}

const struct object_condition *s3_write_condition_ptr(const struct s3_write_condition *condition) {
    return is_conditional(condition) ? &condition->condition : NULL;
}

struct status s3_write_condition_foresee(struct s3_call *call,
                                         const struct s3_write_condition *condition) {
    struct object_info info;
    if (!is_conditional(condition)) return status_ok();
    struct status status =
        object_find(call->service->objects, &call->bucket, call->key, call->arena, &info);
    bool absent = status_is(status, STATUS_NOT_FOUND);
    if (!is_ok(status) && !absent) return status;
    status = judge(&condition->condition, absent ? NULL : &info);
    return is_ok(status) ? status : s3_write_failed(call, condition, status);
}

struct status s3_write_failed(struct s3_call *call, const struct s3_write_condition *condition,
                              struct status status) {
    const struct s3_write_verdict *verdict = condition != NULL ? condition->verdict : NULL;
    bool judged = verdict != NULL && verdict->failed != NULL;
    if (judged && status_is(status, STATUS_PRECONDITION)) {
        return s3_refuse_condition(call, verdict->failed);
    }
    if (judged && verdict->absent && status_is(status, STATUS_NOT_FOUND)) {
        return s3_refuse_no_key(call, &call->bucket, call->key);
    }
    if (status_is(status, STATUS_NOT_FOUND)) return s3_refuse_bucket_gone(call);
    return status;
}
