/*
 * CopyObject: by reference where the store can, else byte by byte through the digests.
 */
#include "base/check.h"
#include "s3/body.h"
#include "s3/copy_source.h"
#include "s3/early.h"
#include "s3/grants.h"
#include "s3/meta.h"
#include "s3/object_facts.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"
#include "s3/write_condition.h"

enum { TRIES_MAX = 4, RESULT_MAX = 4096 };

static bool replaces_meta(const struct s3_call *call) {
    return slice_eq(s3_header(call, "x-amz-metadata-directive"), SLICE("REPLACE"));
}

struct status op_copy_object_check(struct s3_call *call) {
    bool present;
    enum checksum_kind kind;
    struct slice storage_class;
    struct slice directive = s3_header(call, "x-amz-metadata-directive");
    bool replaces_tags;
    TRY(s3_check_headers(call));
    TRY(s3_replaces_tags(call, &replaces_tags));
    TRY(s3_copy_source_check(call));
    TRY(s3_checksum_algorithm(call, &present, &kind));
    TRY(s3_storage_class(call, &storage_class));
    if (directive.len == 0 || slice_eq(directive, SLICE("COPY")) || replaces_meta(call)) {
        return status_ok();
    }
    return s3_refuse_argument(call, "x-amz-metadata-directive", directive,
                              "Unknown metadata directive.");
}

/* The metadata of the copy: the request's, or the source's with what is never copied replaced. */
static struct status meta_of_copy(struct s3_call *call, const struct object_info *source,
                                  struct object_meta *ret_meta) {
    struct object_meta wanted;
    bool replaces_tags;
    TRY(s3_meta_of_request(call, &wanted));
    TRY(s3_replaces_tags(call, &replaces_tags));
    if (!replaces_tags) wanted.tags = source->meta.tags;
    if (replaces_meta(call)) {
        *ret_meta = wanted;
        return status_ok();
    }
    struct object_meta meta = wanted;
    meta.user = source->meta.user;
    meta.headers = source->meta.headers;
    struct object_pair *headers =
        arena_calloc(call->arena, meta.headers.count + 1, sizeof *headers);
    size_t count = 0;
    const struct slice redirect = SLICE("x-amz-website-redirect-location");
    if (headers == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < meta.headers.count; i++) {
        if (slice_eq(meta.headers.items[i].name, redirect)) continue;
        headers[count++] = meta.headers.items[i];
    }
    struct slice location = http_head_find(call->head, redirect);
    if (location.len > 0) headers[count++] = (struct object_pair){redirect, location};
    meta.headers = (struct object_pairs){headers, count};
    *ret_meta = meta;
    return status_ok();
}

/* Spec: S3 CopyObject: a copy onto itself must change something. */
static struct status itself_check(struct s3_call *call, const struct s3_copy_source *source,
                                  const struct object_meta *meta) {
    bool itself = source->version.kind == OBJECT_VERSION_CURRENT &&
                  kv_partition_eq(source->bucket.incarnation, call->bucket.incarnation) &&
                  slice_eq(source->key, call->key);
    bool changes = replaces_meta(call) ||
                   !slice_eq(meta->storage_class, source->info.meta.storage_class) ||
                   s3_header(call, "x-amz-website-redirect-location").len > 0 ||
                   s3_header(call, "x-amz-checksum-algorithm").len > 0;
    if (!itself || changes) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "This copy request is illegal because it is trying to copy an object to "
                     "itself without changing the object's metadata, storage class, website "
                     "redirect location or encryption attributes.");
}

static struct status size_check(struct s3_call *call, const struct object_info *source) {
    if (source->size <= S3_COPY_SIZE_MAX) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "The specified copy source is larger than the maximum allowable size for a "
                     "copy source: %llu",
                     (unsigned long long)S3_COPY_SIZE_MAX);
}

/* The checksum that the copy shall have; what the source has if nothing is said. */
static enum checksum_kind wanted_kind(struct s3_call *call, const struct object_info *source) {
    bool present = false;
    enum checksum_kind kind = S3_CHECKSUM_DEFAULT;
    IGNORE_STATUS(s3_checksum_algorithm(call, &present, &kind)); /* the check has seen it */
    if (!present && source->checksum.present) kind = source->checksum.value.kind;
    return kind;
}

/* Whether the object's checksum is as wanted, so that its bytes need no reading. */
static bool has_checksum(struct s3_call *call, const struct object_info *source) {
    bool asked = s3_header(call, "x-amz-checksum-algorithm").len > 0;
    const struct object_checksum *checksum = &source->checksum;
    if (!asked) return true;
    return checksum->present && checksum->value.kind == wanted_kind(call, source);
}

static struct status bytes_copy(struct s3_call *call, const struct s3_copy_source *source,
                                const struct object_meta *meta,
                                const struct s3_write_condition *condition,
                                struct object_info *ret_info) {
    struct s3_copy_bytes bytes;
    struct s3_body body;
    struct object_writer *writer = NULL;
    char etag[S3_ETAG_LEN];
    struct object_put put = {.key = call->key, .meta = *meta, .size_hint = source->info.size};
    s3_copy_bytes_init(&bytes, call, source, 0, source->info.size);
    s3_body_init_copy(&body, call, &bytes.source, wanted_kind(call, &source->info));
    TRY(object_writer_begin(call->service->objects, &call->bucket, &put, call->note, &writer));
    struct status status = object_writer_pull(writer, &body.source);
    if (!is_ok(status)) {
        object_writer_abort(&writer);
        return status;
    }
    struct object_seal seal = {.etag = s3_body_etag(&body, etag),
                               .checksum = s3_body_checksum(&body),
                               .condition = s3_write_condition_ptr(condition)};
    status = object_writer_commit(&writer, &seal, call->arena, ret_info);
    return is_ok(status) ? status : s3_write_failed(call, condition, status);
}

/*
 * Tags that come along with the source are read there, and set here. Spec: S3 API, CopyObject,
 * x-amz-tagging-directive.
 */
static struct status authorize_tags(struct s3_call *call, const struct s3_copy_source *source) {
    bool replaces;
    struct bucket bucket;
    const struct object_version *version = &source->version;
    bool is_named = version->kind != OBJECT_VERSION_CURRENT;
    TRY(s3_replaces_tags(call, &replaces));
    if (replaces || source->info.meta.tags.count == 0) return status_ok();
    struct slice name = is_named ? s3_version_text(call, version) : slice_of(NULL, 0);
    TRY(s3_authorize_other(call, s3_version_action("s3:GetObjectTagging", name),
                           source->bucket.name, source->key, version, &bucket));
    const struct s3_question question = {.action = "s3:PutObjectTagging",
                                         .bucket = &call->bucket,
                                         .key = call->key,
                                         .tags = &source->info.meta.tags};
    return s3_authorize_question(call, &question);
}

/*
 * Copies what was found. `*ret_again` says that the source was replaced meanwhile, and is to be
 * found again.
 */
static struct status copy(struct s3_call *call, const struct s3_copy_source *source,
                          struct object_info *ret_info, bool *ret_again) {
    struct object_meta meta;
    struct s3_write_condition condition;
    *ret_again = false;
    TRY(size_check(call, &source->info));
    TRY(authorize_tags(call, source));
    TRY(meta_of_copy(call, &source->info, &meta));
    TRY(itself_check(call, source, &meta));
    TRY(s3_write_condition_of(call, &condition));
    TRY(s3_write_condition_foresee(call, &condition));
    struct object_copy wanted = {.source_bucket = &source->bucket,
                                 .source = &source->info,
                                 .bucket = &call->bucket,
                                 .key = call->key,
                                 .meta = &meta,
                                 .condition = s3_write_condition_ptr(&condition)};
    if (!has_checksum(call, &source->info) || !object_can_share(&wanted)) {
        return bytes_copy(call, source, &meta, &condition, ret_info);
    }
    struct status status = object_share(call->service->objects, &wanted, call->arena, ret_info);
    *ret_again = status_is(status, STATUS_NOT_FOUND) && !condition.verdict->absent;
    return is_ok(status) || *ret_again ? status : s3_write_failed(call, &condition, status);
}

static struct status result_answer(struct s3_call *call, const struct object_info *info) {
    struct xml_writer xml;
    struct buf text;
    buf_init(&text, RESULT_MAX);
    xml_writer_init(&xml, &text);
    s3_early_declaration(call, &xml);
    xml_open_ns(&xml, "CopyObjectResult", XML_NS_S3);
    xml_element_etag(&xml, "ETag", info->etag);
    xml_element_time(&xml, "LastModified", info->modified_ns);
    s3_checksum_element(&xml, call->arena, &info->checksum, info->part_count);
    if (info->checksum.present) {
        xml_element_str(&xml, "ChecksumType", s3_checksum_type_name(info->checksum.type));
    }
    xml_close(&xml, "CopyObjectResult");
    struct status status = xml_end(&xml);
    if (is_ok(status)) return s3_answer_xml(call, &text);
    buf_fini(&text);
    return status;
}

struct status op_copy_object(struct s3_call *call) {
    struct object_info info = {0};
    struct status status = status_ok();
    bool again = true;
    for (int i = 0; i < TRIES_MAX && again; i++) {
        struct s3_copy_source source;
        TRY(s3_copy_source_open(call, &source));
        /* It is known before the copy, so an early head has it too. */
        s3_copy_source_answer(call, &source);
        status = copy(call, &source, &info, &again);
        s3_copy_source_close(&source);
    }
    if (again) return s3_refuse_bucket_gone(call);
    TRY(status);
    if (!call->early) s3_version_answer_written(call, &info);
    return result_answer(call, &info);
}
