#include "s3/copy_source.h"

#include "base/check.h"
#include "base/codec.h"
#include "http/condition.h"
#include "s3/early.h"
#include "s3/refusals.h"
#include "s3/version_call.h"

#define VERSION_MARK "?versionId="

struct status s3_copy_name_parse(struct arena *arena, struct slice header, struct note *note,
                                 struct s3_copy_name *ret_name) {
    struct s3_copy_name name = {0};
    struct slice path = header;
    size_t mark = slice_find(header, SLICE(VERSION_MARK), 0);
    if (mark < header.len) {
        path = slice_take(header, mark);
        name.version = slice_skip(header, mark + sizeof VERSION_MARK - 1);
    }
    if (!percent_decode(arena, path, true, &path)) {
        return note_status(note, STATUS_INVALID, "Invalid copy source encoding");
    }
    if (path.len > 0 && path.ptr[0] == '/') path = slice_skip(path, 1);
    bool has_key = slice_cut(path, '/', &name.bucket, &name.key);
    if (name.bucket.len == 0 || name.bucket.len > BUCKET_NAME_MAX) {
        return note_status(note, STATUS_INVALID, "Invalid copy source bucket name");
    }
    if (!has_key || name.key.len == 0 || name.key.len > OBJECT_KEY_MAX ||
        !utf8_is_valid(name.key)) {
        return note_status(note, STATUS_INVALID, "Invalid copy source object key");
    }
    *ret_name = name;
    return status_ok();
}

static struct status name_of(struct s3_call *call, struct s3_copy_name *ret_name,
                             struct object_version *ret_version) {
    struct slice header = s3_header(call, "x-amz-copy-source");
    struct note note = {0};
    struct status status = s3_copy_name_parse(call->arena, header, &note, ret_name);
    if (!is_ok(status)) {
        return s3_refuse_argument(call, "x-amz-copy-source", header, note.text);
    }
    return s3_version_parse(call, ret_name->version, ret_version);
}

struct status s3_copy_source_check(struct s3_call *call) {
    struct s3_copy_name name;
    struct object_version version;
    return name_of(call, &name, &version);
}

/* The header among the conditions that was not fulfilled, for the answer. */
static const char *failed_condition(const struct http_conditions *conditions, struct slice etag) {
    if (conditions->if_match.ptr != NULL &&
        !http_etag_list_has(conditions->if_match, etag, false)) {
        return "x-amz-copy-source-If-Match";
    }
    if (conditions->if_none_match.ptr != NULL) return "x-amz-copy-source-If-None-Match";
    if (conditions->if_unmodified_since.ptr != NULL) return "x-amz-copy-source-If-Unmodified-Since";
    return "x-amz-copy-source-If-Modified-Since";
}

static struct status source_judge(struct s3_call *call, const struct s3_copy_source *source) {
    const struct object_info *info = &source->info;
    struct http_conditions conditions;
    http_copy_conditions_of(call->head, &conditions);
    if (http_copy_conditions_check(&conditions, info->etag, info->modified_ns) !=
        HTTP_CONDITION_PROCEED) {
        return s3_refuse_condition(call, failed_condition(&conditions, info->etag));
    }
    return status_ok();
}

/* Spec: S3 CopyObject: a delete marker that is named cannot be copied. */
static struct status marker_refuse(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "The source of a copy request may not specifically refer to a delete marker "
                     "by version id.");
}

/* What was opened may be read, and is what the request wants. */
static struct status source_check(struct s3_call *call, struct slice version,
                                  struct s3_copy_source *source) {
    source->bucket = source->large.opened.bucket;
    source->info = source->large.opened.info;
    source->key = source->info.key;
    if (source->info.delete_marker) return marker_refuse(call);
    TRY(s3_authorize_found(call, s3_version_action("s3:GetObject", version), &source->bucket,
                           &source->info));
    TRY(s3_large_follow(&source->large));
    source->info = source->large.opened.info;
    TRY(s3_large_verify(&source->large, 0, source->info.size));
    return source_judge(call, source);
}

struct status s3_copy_source_open(struct s3_call *call, struct s3_copy_source *ret_source) {
    struct s3_copy_name name;
    *ret_source = (struct s3_copy_source){0};
    TRY(name_of(call, &name, &ret_source->version));
    struct object_version *version = &ret_source->version;
    struct bucket *bucket = &ret_source->bucket;
    TRY(s3_authorize_other(call, s3_version_action("s3:GetObject", name.version), name.bucket,
                           name.key, version, bucket));
    TRY(s3_expect_owner(call, "x-amz-source-expected-bucket-owner", bucket));
    struct status status = s3_large_open(call, bucket, name.key, version, &ret_source->large);
    if (status_is(status, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, bucket, name.key, version);
    }
    TRY(status);
    status = source_check(call, name.version, ret_source);
    if (!is_ok(status)) s3_copy_source_close(ret_source);
    return status;
}

void s3_copy_source_answer(struct s3_call *call, const struct s3_copy_source *source) {
    if (source->bucket.versioning == BUCKET_VERSIONING_OFF) return;
    http_response_set(&call->response, SLICE("x-amz-copy-source-version-id"),
                      object_version_text(&source->info, call->arena));
}

void s3_copy_source_close(struct s3_copy_source *source) {
    s3_large_close(&source->large);
}

static struct status bytes_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                bool *ret_end) {
    struct s3_copy_bytes *bytes = CONTAINER_OF(source, struct s3_copy_bytes, source);
    size_t len = bytes->left < cap ? (size_t)bytes->left : cap;
    if (len > 0) TRY(object_reader_read(bytes->reader, bytes->at, buffer, len));
    bytes->at += len;
    bytes->left -= len;
    bytes->since_pulse += len;
    if (bytes->since_pulse >= S3_EARLY_PULSE_BYTES) {
        bytes->since_pulse = 0;
        TRY(s3_early_pulse(bytes->call));
    }
    *ret_len = len;
    *ret_end = bytes->left == 0;
    return status_ok();
}

static const struct source_ops bytes_ops = {.pull = bytes_pull};

void s3_copy_bytes_init(struct s3_copy_bytes *bytes, struct s3_call *call,
                        const struct s3_copy_source *from, uint64_t first, uint64_t len) {
    *bytes = (struct s3_copy_bytes){.source = {&bytes_ops},
                                    .call = call,
                                    .reader = from->large.opened.reader,
                                    .at = first,
                                    .left = len};
}
