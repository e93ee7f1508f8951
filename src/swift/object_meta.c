#include "swift/object_meta.h"

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "http/text.h"
#include "swift/large.h"
#include "swift/listing.h"
#include "swift/meta.h"

#define USER_PREFIX SLICE("x-object-meta-")

/* Kept as they come. Spec: Swift, object server, allowed_headers. */
static const char *const content_headers[] = {
    "cache-control", "content-disposition", "content-encoding", "content-language",
    "expires",       "x-robots-tag",
};

/* ---- Content-Type --------------------------------------------------------------------------- */

static struct slice guess_type(struct slice name) {
    static const struct {
        const char *extension;
        const char *type;
    } types[] = {
#define SWIFT_TYPE(extension, type) {extension, type},
#include "swift/types.def"
#undef SWIFT_TYPE
    };
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.' && name.ptr[dot - 1] != '/') dot--;
    bool has_extension = dot > 1 && name.ptr[dot - 1] == '.';
    struct slice extension = slice_skip(name, dot);
    for (size_t i = 0; i < ARRAY_LEN(types) && has_extension; i++) {
        if (slice_eq_nocase(extension, slice_str(types[i].extension))) {
            return slice_str(types[i].type);
        }
    }
    return SLICE("application/octet-stream");
}

/* Spec: Swift, check_object_creation. */
static struct status type_of(struct swift_call *call, struct slice name, struct slice *ret_type) {
    struct slice type = swift_header(call, "content-type");
    bool detects = swift_is_true(swift_header(call, "x-detect-content-type"));
    *ret_type = detects || type.len == 0 ? guess_type(name) : type;
    if (utf8_is_valid(type)) return status_ok();
    return swift_refuse_plain(call, 400, "Please specify only UTF-8 encodable content types");
}

/* ---- reading -------------------------------------------------------------------------------- */

static struct status headers_read(struct swift_call *call, struct slice type,
                                  struct object_pairs *ret_pairs) {
    struct object_pair *pairs =
        arena_calloc(call->arena, ARRAY_LEN(content_headers) + 1, sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    pairs[count++] = (struct object_pair){SLICE("content-type"), type};
    for (size_t i = 0; i < ARRAY_LEN(content_headers); i++) {
        struct slice value = swift_header(call, content_headers[i]);
        if (value.len == 0) continue;
        pairs[count++] = (struct object_pair){slice_str(content_headers[i]), value};
    }
    *ret_pairs = (struct object_pairs){pairs, count};
    return status_ok();
}

/* A time of a header, which may have digits behind a point. */
static bool seconds_parse(struct slice text, int64_t *ret_seconds) {
    struct slice whole, rest;
    uint64_t seconds;
    slice_cut(slice_trim(text), '.', &whole, &rest);
    bool negative = whole.len > 0 && whole.ptr[0] == '-';
    if (!slice_parse_u64(negative ? slice_skip(whole, 1) : whole, &seconds)) return false;
    if (seconds > (uint64_t)OBJECT_DELETE_AT_MAX) seconds = (uint64_t)OBJECT_DELETE_AT_MAX;
    *ret_seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
    return true;
}

/* X-Delete-After counts before X-Delete-At. Spec: Swift, check_delete_headers. */
static struct status expiry_read(struct swift_call *call, int64_t *ret_delete_at_s) {
    struct slice after = swift_header(call, "x-delete-after");
    struct slice at = swift_header(call, "x-delete-at");
    int64_t now_s = call->now_ns / NS_PER_S;
    int64_t seconds = 0;
    *ret_delete_at_s = 0;
    if (after.ptr != NULL) {
        if (!seconds_parse(after, &seconds)) {
            return swift_refuse_plain(call, 400, "Non-integer X-Delete-After");
        }
        if (seconds <= 0) return swift_refuse_plain(call, 400, "X-Delete-After in past");
        seconds += now_s;
    } else if (at.ptr != NULL) {
        if (!seconds_parse(at, &seconds)) {
            return swift_refuse_plain(call, 400, "Non-integer X-Delete-At");
        }
        if (seconds <= now_s) return swift_refuse_plain(call, 400, "X-Delete-At in past");
    }
    *ret_delete_at_s = seconds < OBJECT_DELETE_AT_MAX ? seconds : OBJECT_DELETE_AT_MAX;
    return status_ok();
}

struct status swift_object_meta_read(struct swift_call *call, struct slice name,
                                     struct object_meta *ret_meta) {
    struct slice type;
    struct object_meta meta = {.owner_id = call->bucket.project_id};
    TRY(type_of(call, name, &type));
    TRY(swift_meta_check(call, USER_PREFIX));
    TRY(headers_read(call, type, &meta.headers));
    TRY(swift_meta_read(call, USER_PREFIX, &meta.user));
    TRY(expiry_read(call, &meta.delete_at_s));
    *ret_meta = meta;
    return status_ok();
}

struct status swift_object_meta_of_one(struct swift_call *call, struct slice name,
                                       struct slice type, struct object_meta *ret_meta) {
    struct object_meta meta = {.owner_id = call->bucket.project_id};
    struct object_pair *pair = ARENA_NEW(call->arena, struct object_pair);
    if (pair == NULL) return status_of(STATUS_NO_MEMORY);
    *pair = (struct object_pair){SLICE("content-type"), type.len > 0 ? type : guess_type(name)};
    meta.headers = (struct object_pairs){pair, 1};
    TRY(swift_meta_check(call, USER_PREFIX));
    TRY(swift_meta_read(call, USER_PREFIX, &meta.user));
    TRY(expiry_read(call, &meta.delete_at_s));
    *ret_meta = meta;
    return status_ok();
}

struct status swift_object_meta_change(struct swift_call *call, const struct object_meta *old,
                                       struct object_meta *ret_meta) {
    struct object_meta meta = *old;
    struct slice type = swift_header(call, "content-type");
    if (type.len == 0) type = swift_object_header(old, SLICE("content-type"));
    if (type.len == 0) type = SLICE("application/octet-stream");
    TRY(swift_meta_check(call, USER_PREFIX));
    TRY(headers_read(call, type, &meta.headers));
    TRY(swift_meta_read(call, USER_PREFIX, &meta.user));
    TRY(expiry_read(call, &meta.delete_at_s));
    *ret_meta = meta;
    return status_ok();
}

/* `over` and, of `under`, what is not in it. */
static struct status pairs_merge(struct arena *arena, const struct object_pairs *under,
                                 const struct object_pairs *over, struct object_pairs *ret_pairs) {
    struct object_pair *pairs = arena_calloc(arena, under->count + over->count + 1, sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < over->count; i++) pairs[count++] = over->items[i];
    for (size_t i = 0; i < under->count; i++) {
        size_t at = 0;
        while (at < over->count && !slice_eq(over->items[at].name, under->items[i].name)) at++;
        if (at == over->count) pairs[count++] = under->items[i];
    }
    *ret_pairs = (struct object_pairs){pairs, count};
    return status_ok();
}

struct status swift_object_meta_merge(struct swift_call *call, const struct object_meta *old,
                                      const struct object_meta *brought,
                                      struct object_meta *ret_meta) {
    struct object_meta meta = *brought;
    if (meta.delete_at_s == 0) meta.delete_at_s = old->delete_at_s;
    TRY(pairs_merge(call->arena, &old->headers, &brought->headers, &meta.headers));
    TRY(pairs_merge(call->arena, &old->user, &brought->user, &meta.user));
    *ret_meta = meta;
    return status_ok();
}

struct slice swift_object_header(const struct object_meta *meta, struct slice name) {
    for (size_t i = 0; i < meta->headers.count; i++) {
        if (slice_eq(meta->headers.items[i].name, name)) return meta->headers.items[i].value;
    }
    return slice_of(NULL, 0);
}

/* ---- saying --------------------------------------------------------------------------------- */

void swift_object_meta_answer(struct swift_call *call, const struct object_meta *meta) {
    static const struct {
        const char *name;
        const char *said;
    } words[] = {{"cache-control", "Cache-Control"},
                 {"content-disposition", "Content-Disposition"},
                 {"content-encoding", "Content-Encoding"},
                 {"content-language", "Content-Language"},
                 {"expires", "Expires"},
                 {"x-robots-tag", "X-Robots-Tag"}};
    struct slice type = swift_object_header(meta, SLICE("content-type"));
    if (type.len == 0 || !http_is_field_value(type)) type = SLICE("application/octet-stream");
    http_response_set(&call->response, SLICE("Content-Type"), type);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice value = swift_object_header(meta, slice_str(words[i].name));
        if (value.len == 0 || !http_is_field_value(value)) continue;
        http_response_set(&call->response, slice_str(words[i].said), value);
    }
    swift_meta_answer(call, "X-Object-Meta-", &meta->user);
}

void swift_object_facts_answer(struct swift_call *call, const struct object_info *info) {
    struct http_response *response = &call->response;
    char time[SWIFT_TIME_CAP];
    char etag[SWIFT_ETAG_TEXT_CAP];
    http_response_set(response, SLICE("Etag"), swift_etag_text(info, etag));
    swift_large_answer(call, info);
    http_response_set_date(response, "Last-Modified", swift_time_http(info->modified_ns));
    swift_time_timestamp(info->modified_ns, time);
    http_response_set_str(response, "X-Timestamp", time);
    http_response_set_str(response, "Accept-Ranges", "bytes");
}
