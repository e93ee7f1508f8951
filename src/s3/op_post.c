/*
 * PostObject: an upload by a browser's form. The proof stands in the form, so that this operation
 * asks who and whether itself, once it has read the fields before the file. From there on the
 * fields take the place of headers.
 */
#include "auth/form.h"
#include "base/check.h"
#include "base/codec.h"
#include "http/text.h"
#include "http/url.h"
#include "s3/body.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/post_policy.h"
#include "s3/refusals.h"
#include "s3/s3.h"
#include "s3/version_call.h"
#include "xml/writer.h"

enum { LOCATION_MAX = 8 * 1024, ANSWER_MAX = 64 * 1024 };

/* A form on its way to being an object. */
struct post {
    struct http_form form;
    struct post_policy_range range;
    struct http_head head; /* the fields as headers */
};

struct status op_post_object_check(struct s3_call *call) {
    struct slice boundary;
    /* One proof in a request, and a form's stands in its fields. */
    if (call->auth.kind != AUTH_ANONYMOUS) {
        return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                         "A form is signed in its fields: neither an Authorization header nor a "
                         "presigned URL goes with it.");
    }
    if (http_form_boundary(s3_header(call, "Content-Type"), &boundary)) return status_ok();
    return s3_refuse(call, S3_ERROR_REQUEST_IS_NOT_MULTIPART, NULL);
}

static struct status begin(struct s3_call *call, struct post *post) {
    struct slice boundary;
    CHECK(http_form_boundary(s3_header(call, "Content-Type"), &boundary));
    struct note why = {0};
    struct status s = http_form_begin(&post->form, boundary, call->body, call->arena, &why);
    if (status_is(s, STATUS_TOO_LARGE)) {
        return s3_refuse(call, S3_ERROR_MAX_POST_PRE_DATA_LENGTH, "%s", why.text);
    }
    if (status_is(s, STATUS_INVALID)) {
        return s3_refuse(call, S3_ERROR_MALFORMED_POST_REQUEST, "%s", why.text);
    }
    return s;
}

/* ---- the key -------------------------------------------------------------------------------- */

/* The name without the folders that some browsers send with it. */
static struct slice base_name(struct slice name) {
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != '/' && name.ptr[at - 1] != '\\') at--;
    return slice_skip(name, at);
}

static struct status find_key(struct s3_call *call, struct post *post) {
    struct slice mark = SLICE("${filename}");
    struct slice key = http_form_find(&post->form, SLICE("key"));
    if (key.len == 0) {
        return s3_refuse(call, S3_ERROR_USER_KEY_MUST_BE_SPECIFIED,
                         "Bucket POST must contain a field named 'key'. If it is specified, please "
                         "check the order of the fields.");
    }
    size_t at = slice_find(key, mark, 0);
    if (at < key.len) {
        struct slice parts[] = {slice_take(key, at), base_name(post->form.file_name),
                                slice_skip(key, at + mark.len)};
        key = arena_join(call->arena, parts, ARRAY_LEN(parts));
        TRY(arena_ok(call->arena));
    }
    if (key.len > OBJECT_KEY_MAX) return s3_refuse(call, S3_ERROR_KEY_TOO_LONG, NULL);
    if (key.len == 0 || !utf8_is_valid(key)) return s3_refuse(call, S3_ERROR_INVALID_URI, NULL);
    call->key = key;
    return status_ok();
}

/* ---- fields as headers ---------------------------------------------------------------------- */

static bool head_add(struct http_head *head, struct slice name, struct slice value) {
    if (head->header_count == HTTP_HEADERS_MAX) return false;
    head->headers[head->header_count++] = (struct http_header){name, value};
    return true;
}

/* Headers of the request itself that still mean something beside the fields. */
static bool is_kept(struct slice name) {
    static const char *const kept[] = {"host", "origin", "referer", "user-agent"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (slice_eq_nocase(name, slice_str(kept[i]))) return true;
    }
    return false;
}

/* Fields that carry the proof, or the form's own words. */
static bool is_of_the_form(struct slice name) {
    static const char *const names[] = {
        "key",        "policy",          "signature",       "awsaccesskeyid",
        "file",       "bucket",          "redirect",        "success_action_redirect",
        "x-amz-date", "x-amz-algorithm", "x-amz-signature", "success_action_status",
        "submit",     "x-amz-credential"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(name, slice_str(names[i]))) return true;
    }
    return slice_starts_with_nocase(name, SLICE("x-ignore-"));
}

static struct status take_field(struct s3_call *call, struct post *post,
                                const struct http_form_field *field) {
    struct slice name = field->name;
    if (is_of_the_form(name) || !http_is_token(name)) return status_ok();
    if (slice_eq_nocase(name, SLICE("acl"))) name = SLICE("x-amz-acl");
    if (slice_eq_nocase(name, SLICE("tagging"))) name = SLICE("x-amz-tagging");
    if (!http_is_field_value(field->value)) {
        return s3_refuse_argument(call, arena_cstr(call->arena, name), field->value,
                                  "The field has a control character in it.");
    }
    if (head_add(&post->head, name, slice_trim(field->value))) return status_ok();
    return s3_refuse(call, S3_ERROR_MAX_POST_PRE_DATA_LENGTH, NULL);
}

static struct status take_fields(struct s3_call *call, struct post *post) {
    post->head = *call->head;
    post->head.header_count = 0;
    post->head.expect_continue = false;
    for (size_t i = 0; i < post->form.field_count; i++) {
        TRY(take_field(call, post, &post->form.fields[i]));
    }
    for (size_t i = 0; i < call->head->header_count; i++) {
        const struct http_header *header = &call->head->headers[i];
        if (is_kept(header->name)) head_add(&post->head, header->name, header->value);
    }
    call->head = &post->head;
    return s3_check_headers(call);
}

/* ---- who, and may they ---------------------------------------------------------------------- */

static struct slice field(const struct post *post, const char *name) {
    return http_form_find(&post->form, slice_str(name));
}

static struct status identify(struct s3_call *call, const struct post *post) {
    struct auth_request request = {.head = call->head,
                                   .query = call->query,
                                   .now_ns = call->now_ns,
                                   .identity = call->service->identity,
                                   .allow_sigv2 = call->service->allow_sigv2,
                                   .allow_anonymous = true};
    struct auth_form form = {.policy = field(post, "policy"),
                             .algorithm = field(post, "x-amz-algorithm"),
                             .credential = field(post, "x-amz-credential"),
                             .date = field(post, "x-amz-date"),
                             .signature = field(post, "x-amz-signature"),
                             .access_key = field(post, "AWSAccessKeyId"),
                             .signature_v2 = field(post, "signature"),
                             .token = field(post, "x-amz-security-token")};
    struct status s =
        auth_identify_form(&request, &form, call->arena, call->note, &call->denial, &call->auth);
    return status_is(s, STATUS_REFUSED) ? s3_refuse_denial(call) : s;
}

static struct status check_policy(struct s3_call *call, struct post *post) {
    struct slice text = field(post, "policy");
    post->range = (struct post_policy_range){.max_bytes = UINT64_MAX};
    if (call->auth.principal.anonymous) return status_ok();
    char *document = arena_alloc(call->arena, text.len + 1);
    size_t len;
    TRY(arena_ok(call->arena));
    if (!base64_decode(text, document, text.len, &len)) {
        return s3_refuse(call, S3_ERROR_INVALID_POLICY_DOCUMENT, "Invalid Policy: not base64.");
    }
    struct post_policy_subject subject = {
        .form = &post->form, .bucket = call->bucket_name, .key = call->key, .now_ns = call->now_ns};
    struct note why = {0};
    struct status s = post_policy_check(slice_of(document, len), &subject, &why, &post->range);
    if (status_is(s, STATUS_DENIED)) {
        return s3_refuse(call, S3_ERROR_ACCESS_DENIED, "%s", why.text);
    }
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) {
        return s3_refuse(call, S3_ERROR_INVALID_POLICY_DOCUMENT, "%s", why.text);
    }
    return s;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static struct slice location_of(const struct s3_call *call) {
    struct buf buf;
    buf_init(&buf, LOCATION_MAX);
    buf_append_str(&buf, call->is_tls ? "https://" : "http://");
    buf_append(&buf, call->head->authority);
    buf_append_char(&buf, '/');
    if (call->bucket_from_host.len == 0) {
        percent_encode(&buf, call->bucket_name, false);
        buf_append_char(&buf, '/');
    }
    percent_encode(&buf, call->key, true);
    struct slice location = arena_dup(call->arena, buf_slice(&buf));
    buf_fini(&buf);
    return location;
}

/* What the form wants to be shown next; an address that is none counts as not given. */
static struct slice redirect_of(const struct s3_call *call, const struct post *post,
                                struct slice etag) {
    struct http_url url;
    struct slice wanted = field(post, "success_action_redirect");
    if (wanted.ptr == NULL) wanted = field(post, "redirect");
    if (!is_ok(http_url_parse(wanted, NULL, &url)) || !http_is_field_value(wanted)) {
        return slice_of(NULL, 0);
    }
    struct buf buf;
    buf_init(&buf, LOCATION_MAX);
    buf_append(&buf, wanted);
    buf_append_str(&buf, url.query.len > 0 ? "&bucket=" : "?bucket=");
    percent_encode(&buf, call->bucket_name, false);
    buf_append_str(&buf, "&key=");
    percent_encode(&buf, call->key, false);
    buf_printf(&buf, "&etag=%%22%.*s%%22", SLICE_FMT(etag));
    bool fits = is_ok(buf_ok(&buf));
    struct slice location = fits ? arena_dup(call->arena, buf_slice(&buf)) : slice_of(NULL, 0);
    buf_fini(&buf);
    return location;
}

static struct status answer_document(struct s3_call *call, struct slice location,
                                     struct slice etag) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open(&writer, "PostResponse");
    xml_element(&writer, "Location", location);
    xml_element(&writer, "Bucket", call->bucket_name);
    xml_element(&writer, "Key", call->key);
    xml_element_etag(&writer, "ETag", etag);
    xml_close(&writer, "PostResponse");
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}

static struct status answer(struct s3_call *call, const struct post *post,
                            const struct s3_body *body) {
    char storage[S3_ETAG_LEN];
    struct slice etag = s3_body_etag(body, storage);
    struct object_checksum checksum = s3_body_checksum(body);
    struct slice wanted = field(post, "success_action_status");
    struct slice location = redirect_of(call, post, etag);
    s3_etag_answer(call, etag);
    s3_checksum_answer_typed(call, &checksum, 0);
    call->response.status = 204;
    if (location.ptr != NULL) {
        call->response.status = 303;
        http_response_set(&call->response, SLICE("Location"), location);
        return arena_ok(call->arena);
    }
    location = location_of(call);
    TRY(arena_ok(call->arena));
    http_response_set(&call->response, SLICE("Location"), location);
    if (slice_eq(wanted, SLICE("200"))) call->response.status = 200;
    if (!slice_eq(wanted, SLICE("201"))) return status_ok();
    call->response.status = 201;
    return answer_document(call, location, etag);
}

/* ---- the file ------------------------------------------------------------------------------- */

static struct status check_size(struct s3_call *call, const struct post *post, uint64_t size) {
    if (size >= post->range.min_bytes) return status_ok();
    s3_refuse_with(call, "ProposedSize",
                   arena_printf(call->arena, "%llu", (unsigned long long)size));
    s3_refuse_with(call, "MinSizeAllowed",
                   arena_printf(call->arena, "%llu", (unsigned long long)post->range.min_bytes));
    return s3_refuse(call, S3_ERROR_ENTITY_TOO_SMALL, NULL);
}

/* Consumes the writer. */
static struct status store_file(struct s3_call *call, struct post *post, struct s3_body *body,
                                struct object_writer **writer) {
    char storage[S3_ETAG_LEN];
    struct status s = object_writer_pull(*writer, &body->source);
    if (is_ok(s)) s = check_size(call, post, object_writer_size(*writer));
    if (!is_ok(s)) {
        object_writer_abort(writer);
        return s;
    }
    struct object_seal seal = {.etag = s3_body_etag(body, storage),
                               .checksum = s3_body_checksum(body)};
    struct object_info info;
    s = object_writer_commit(writer, &seal, call->arena, &info);
    if (is_ok(s)) s3_version_answer_written(call, &info);
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse_bucket_gone(call) : s;
}

static struct status take_file(struct s3_call *call, struct post *post) {
    struct object_meta meta;
    struct s3_body body;
    struct object_writer *writer = NULL;
    TRY(s3_meta_of_request(call, &meta));
    call->body = &post->form.source;
    call->body_length = UINT64_MAX;
    TRY(s3_body_init(&body, call, NULL));
    if (post->range.max_bytes < body.size_max) body.size_max = post->range.max_bytes;
    struct object_put put = {.key = call->key, .meta = meta, .size_hint = UINT64_MAX};
    TRY(object_writer_begin(call->service->objects, &call->bucket, &put, call->note, &writer));
    TRY(store_file(call, post, &body, &writer));
    return answer(call, post, &body);
}

struct status op_post_object(struct s3_call *call) {
    struct post *post = arena_alloc(call->arena, sizeof *post);
    TRY(arena_ok(call->arena));
    TRY(begin(call, post));
    TRY(find_key(call, post));
    TRY(identify(call, post));
    TRY(check_policy(call, post));
    TRY(take_fields(call, post));
    TRY(s3_authorize_other(call, "s3:PutObject", call->bucket_name, call->key, NULL,
                           &call->bucket));
    TRY(s3_authorize_extras(call));
    return take_file(call, post);
}
