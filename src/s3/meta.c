#include "s3/meta.h"

#include "base/check.h"
#include "base/codec.h"
#include "s3/acl_call.h"
#include "s3/object_facts.h"

#define USER_PREFIX "x-amz-meta-"
#define ENCODED_WORD_BEGIN "=?UTF-8?B?"
#define ENCODED_WORD_END "?="

/* RFC 2047 section 2: a word has at most 75 characters, so so many bytes in base64. */
enum { ENCODED_WORD_BYTES_MAX = 45 };

static const char *const system_headers[] = {
    "content-type",
    "cache-control",
    "content-encoding",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
};

static const char *const storage_classes[] = {
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
    "GLACIER",  "DEEP_ARCHIVE",       "GLACIER_IR",
};

struct status s3_storage_class(struct s3_call *call, struct slice *ret_class) {
    struct slice wanted = s3_header(call, "x-amz-storage-class");
    *ret_class = (struct slice){0};
    if (wanted.len == 0 || slice_eq(wanted, SLICE("STANDARD"))) return status_ok();
    for (size_t i = 0; i < ARRAY_LEN(storage_classes); i++) {
        if (!slice_eq(wanted, slice_str(storage_classes[i]))) continue;
        *ret_class = wanted;
        return status_ok();
    }
    s3_refuse_with(call, "StorageClassRequested", wanted);
    return s3_refuse(call, S3_ERROR_INVALID_STORAGE_CLASS, NULL);
}

/* Content-Encoding without aws-chunked, which is how the body came and not what it is. */
static struct slice content_encoding(struct arena *arena, struct slice value) {
    char storage[1024];
    struct buf kept;
    struct slice rest = value;
    bool more = value.len > 0;
    buf_init_fixed(&kept, storage, sizeof storage);
    while (more) {
        struct slice coding;
        more = slice_cut(rest, ',', &coding, &rest);
        coding = slice_trim(coding);
        if (coding.len == 0 || slice_eq_nocase(coding, SLICE("aws-chunked"))) continue;
        if (kept.len > 0) buf_append_char(&kept, ',');
        buf_append(&kept, coding);
    }
    return is_ok(buf_ok(&kept)) ? arena_dup(arena, buf_slice(&kept)) : value;
}

static bool has_token_aws_chunked(const struct s3_call *call) {
    return http_head_has_token(call->head, SLICE("content-encoding"), SLICE("aws-chunked"));
}

/* Spec: S3 PutObject, x-amz-website-redirect-location. */
static struct status redirect_check(struct s3_call *call) {
    struct slice location = s3_header(call, "x-amz-website-redirect-location");
    bool good = location.len == 0 || location.ptr[0] == '/' ||
                slice_starts_with(location, SLICE("http://")) ||
                slice_starts_with(location, SLICE("https://"));
    if (good) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                     "The website redirect location must have a prefix of 'http://' or "
                     "'https://' or '/'.");
}

static struct status system_pairs(struct s3_call *call, struct object_pairs *ret_pairs) {
    struct object_pair *pairs = arena_calloc(call->arena, ARRAY_LEN(system_headers), sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < ARRAY_LEN(system_headers); i++) {
        struct slice name = slice_str(system_headers[i]);
        struct slice value = http_head_find(call->head, name);
        if (slice_eq(name, SLICE("content-encoding")) && has_token_aws_chunked(call)) {
            value = content_encoding(call->arena, value);
        }
        if (value.len > 0) pairs[count++] = (struct object_pair){name, value};
    }
    *ret_pairs = (struct object_pairs){pairs, count};
    return arena_ok(call->arena);
}

static struct slice lower_case(struct arena *arena, struct slice s) {
    char *copy = arena_cstr(arena, s);
    if (copy == NULL) return (struct slice){0};
    for (size_t i = 0; i < s.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] - 'A' + 'a');
    }
    return slice_of(copy, s.len);
}

struct user_meta {
    struct object_pair *items;
    size_t count;
    size_t bytes;
};

/* Takes one header in; one of a name that was there already is joined to it, as S3 does. */
static struct status user_add(struct s3_call *call, struct user_meta *user, struct slice name,
                              struct slice value) {
    size_t at = 0;
    while (at < user->count && !slice_eq_nocase(user->items[at].name, name)) at++;
    user->bytes += value.len + (at == user->count ? name.len : 1);
    if (user->bytes > S3_USER_META_MAX_BYTES) {
        s3_refuse_with(call, "Size", arena_printf(call->arena, "%zu", user->bytes));
        s3_refuse_with(call, "MaxSizeAllowed",
                       arena_printf(call->arena, "%d", S3_USER_META_MAX_BYTES));
        return s3_refuse(call, S3_ERROR_METADATA_TOO_LARGE, NULL);
    }
    if (at < user->count) {
        const struct slice parts[] = {user->items[at].value, SLICE(","), value};
        user->items[at].value = arena_join(call->arena, parts, ARRAY_LEN(parts));
        return status_ok();
    }
    if (user->count == OBJECT_USER_META_MAX) {
        return s3_refuse(call, S3_ERROR_METADATA_TOO_LARGE, NULL);
    }
    user->items[user->count++] = (struct object_pair){lower_case(call->arena, name), value};
    return status_ok();
}

static size_t user_header_count(const struct http_head *head) {
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (slice_starts_with_nocase(head->headers[i].name, SLICE(USER_PREFIX))) count++;
    }
    return count;
}

static struct status user_pairs(struct s3_call *call, struct object_pairs *ret_pairs) {
    const struct slice prefix = SLICE(USER_PREFIX);
    const struct http_head *head = call->head;
    size_t most = user_header_count(head);
    struct user_meta user = {.items = arena_calloc(call->arena, most, sizeof *user.items)};
    if (user.items == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;
        if (!slice_starts_with_nocase(name, prefix) || name.len == prefix.len) continue;
        TRY(user_add(call, &user, slice_skip(name, prefix.len), head->headers[i].value));
    }
    *ret_pairs = (struct object_pairs){user.items, user.count};
    return arena_ok(call->arena);
}

struct status s3_meta_of_request(struct s3_call *call, struct object_meta *ret_meta) {
    struct object_meta meta = {0};
    TRY(redirect_check(call));
    TRY(s3_storage_class(call, &meta.storage_class));
    TRY(system_pairs(call, &meta.headers));
    TRY(user_pairs(call, &meta.user));
    s3_owner(call, &meta.owner_id, &meta.owner_name);
    TRY(s3_tags_of_request(call, &meta.tags));
    TRY(s3_lock_of_request(call, &meta.lock));
    TRY(s3_acl_settle(call, &meta));
    *ret_meta = meta;
    return status_ok();
}

static bool is_ascii(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80) return false;
    }
    return true;
}

/* The longest beginning of `s` that fits a word and ends between two characters. */
static size_t word_len(struct slice s) {
    size_t len = s.len < ENCODED_WORD_BYTES_MAX ? s.len : ENCODED_WORD_BYTES_MAX;
    while (len < s.len && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) len--;
    return len;
}

struct slice s3_meta_encode(struct arena *arena, struct slice value) {
    struct buf text;
    struct slice rest = value;
    if (is_ascii(value) || !utf8_is_valid(value)) return value;
    buf_init(&text, value.len * 4 + 64);
    while (rest.len > 0) {
        size_t len = word_len(rest);
        if (text.len > 0) buf_append_char(&text, ' ');
        buf_append_str(&text, ENCODED_WORD_BEGIN);
        base64_encode(&text, slice_take(rest, len));
        buf_append_str(&text, ENCODED_WORD_END);
        rest = slice_skip(rest, len);
    }
    struct slice encoded = is_ok(buf_ok(&text)) ? arena_dup(arena, buf_slice(&text)) : value;
    buf_fini(&text);
    return encoded;
}

void s3_meta_answer(struct s3_call *call, const struct object_meta *meta) {
    struct http_response *response = &call->response;
    http_response_set_str(response, "Content-Type", "binary/octet-stream");
    for (size_t i = 0; i < meta->headers.count; i++) {
        http_response_set(response, meta->headers.items[i].name, meta->headers.items[i].value);
    }
    for (size_t i = 0; i < meta->user.count; i++) {
        const struct object_pair *pair = &meta->user.items[i];
        const struct slice parts[] = {SLICE(USER_PREFIX), pair->name};
        http_response_set(response, arena_join(call->arena, parts, ARRAY_LEN(parts)),
                          s3_meta_encode(call->arena, pair->value));
    }
    if (meta->storage_class.len > 0) {
        http_response_set(response, SLICE("x-amz-storage-class"), meta->storage_class);
    }
}

void s3_etag_answer(struct s3_call *call, struct slice etag) {
    http_response_setf(&call->response, "ETag", "\"%.*s\"", SLICE_FMT(etag));
}
