/*
 * A browser's form with files: its fields are signed with a key for temporary URLs, and say how
 * much may be sent, until when, and where the browser goes then.
 */
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "http/form.h"
#include "http/text.h"
#include "swift/by_url.h"
#include "swift/cors.h"
#include "swift/error.h"
#include "swift/object_meta.h"
#include "swift/ops.h"
#include "swift/store.h"
#include "xml/writer.h"

enum { SCRATCH_BLOCK = 16 * 1024, SCRATCH_MAX = 1024 * 1024, REDIRECT_MAX = 128 * 1024 };

/* One form on its way to being objects. */
struct form_post {
    struct source source; /* of one file, not longer than the form allows */
    struct swift_call *call;
    struct http_form form;
    struct note why;       /* what is wrong with the form */
    struct http_head head; /* of one file: fields as headers */
    struct arena scratch;  /* of one file */
    struct arena *whole;   /* of the request */
    struct slice max_size; /* as the form has them, for the signature */
    struct slice max_count;
    struct slice expires;
    struct slice redirect;
    uint64_t size_max;
    uint64_t count_max;
    uint64_t size;      /* of the file, so far */
    const char *broken; /* the form itself is at fault, in the middle of a file; NULL: it is not */
    /* How it ended: what a PUT would have said, or what is wrong with the form. */
    int status;
    const char *message;
    struct slice page; /* of a status that is no success; a NULL ptr: its words */
};

/* ---- refusals: the form is none ------------------------------------------------------------- */

static struct status refuse_malformed(struct form_post *post, const char *why) {
    return swift_refuse_plain(post->call, 400, "FormPost: %s", why);
}

static struct status refuse_proof(struct form_post *post, const char *why) {
    struct status s = swift_refuse(post->call, 401, "FormPost: %s", why);
    post->call->error.nobodys = true;
    return s;
}

/* What is wrong with the form's bytes is said in Swift's way. */
static struct status form_status(struct form_post *post, struct status s) {
    if (!status_is(s, STATUS_INVALID) && !status_is(s, STATUS_TOO_LARGE)) return s;
    return refuse_malformed(post, post->why.text);
}

/* ---- fields --------------------------------------------------------------------------------- */

static struct slice field(const struct form_post *post, const char *name, const char *absent) {
    struct slice value = http_form_find(&post->form, slice_str(name));
    return value.len > 0 ? value : slice_str(absent);
}

static struct status read_limits(struct form_post *post, int64_t *ret_expires_s) {
    uint64_t expires_s;
    post->redirect = field(post, "redirect", "");
    post->max_size = field(post, "max_file_size", "0");
    post->max_count = field(post, "max_file_count", "0");
    post->expires = field(post, "expires", "0");
    if (!slice_parse_u64(post->max_count, &post->count_max)) {
        return refuse_malformed(post, "max_file_count not an integer");
    }
    if (!slice_parse_u64(post->max_size, &post->size_max)) {
        return refuse_malformed(post, "max_file_size not an integer");
    }
    if (!slice_parse_u64(post->expires, &expires_s)) {
        return refuse_malformed(post, "expired not an integer");
    }
    *ret_expires_s = expires_s > INT64_MAX ? INT64_MAX : (int64_t)expires_s;
    return status_ok();
}

static bool head_add(struct http_head *head, const char *name, struct slice value) {
    if (value.len == 0) return true;
    if (!http_is_field_value(value)) return false;
    head->headers[head->header_count++] = (struct http_header){slice_str(name), value};
    return true;
}

static struct status add_time(struct form_post *post, const char *name, const char *header,
                              const char *what) {
    struct slice value = http_form_find(&post->form, slice_str(name));
    uint64_t seconds;
    if (value.ptr == NULL) return status_ok();
    bool negative = slice_starts_with(value, SLICE("-"));
    if (!slice_parse_u64(slice_skip(value, negative), &seconds)) {
        return swift_refuse_plain(post->call, 400, "FormPost: %s not an integer: %s required.",
                                  name, what);
    }
    CHECK(head_add(&post->head, header, value));
    return status_ok();
}

/* What the form says of a file, as the headers that a PUT would have. Fields count before what the
 * file's part says. */
static struct status fields_as_headers(struct form_post *post) {
    struct http_form *form = &post->form;
    memset(&post->head, 0, offsetof(struct http_head, headers));
    TRY(add_time(post, "x_delete_at", "x-delete-at", "Unix timestamp"));
    TRY(add_time(post, "x_delete_after", "x-delete-after", "Number of seconds"));
    struct slice type = http_form_find(form, SLICE("content-type"));
    struct slice encoding = http_form_find(form, SLICE("content-encoding"));
    if (type.ptr == NULL) type = form->file_type;
    if (encoding.ptr == NULL) encoding = form->file_encoding;
    bool good = head_add(&post->head, "content-type", type) &&
                head_add(&post->head, "content-encoding", encoding);
    return good ? status_ok() : refuse_malformed(post, "a field is no value of a header");
}

/* ---- proof ---------------------------------------------------------------------------------- */

/* The path as the form's page has it: a container may have a slash behind it, or not. */
static struct slice path_of(const struct swift_call *call, struct slice base) {
    struct slice sent = call->head->path;
    bool has_slash = call->object.len > 0 || sent.ptr[sent.len - 1] == '/';
    return arena_printf(call->arena, "%.*s/%.*s/%.*s%s%.*s", SLICE_FMT(base),
                        SLICE_FMT(call->account), SLICE_FMT(call->container), has_slash ? "/" : "",
                        SLICE_FMT(call->object));
}

/* Paths are signed as Swift has them, and, where the endpoint has another, as that has them. */
static struct status verify(struct form_post *post, bool *ret_good, size_t *ret_key) {
    struct swift_call *call = post->call;
    struct slice keys[SWIFT_TEMPURL_KEYS_MAX];
    const struct slice bases[] = {SLICE("/v1"), call->base};
    unsigned char signature[DIGEST_LEN_MAX];
    enum digest_kind kind;
    size_t len;
    *ret_good = false;
    if (!swift_signature_parse(field(post, "signature", ""), &kind, signature, &len)) {
        return status_ok();
    }
    TRY(swift_url_keys(call, keys));
    for (size_t i = 0; i < ARRAY_LEN(bases) && !*ret_good; i++) {
        struct slice text = arena_printf(call->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s",
                                         SLICE_FMT(path_of(call, bases[i])),
                                         SLICE_FMT(post->redirect), SLICE_FMT(post->max_size),
                                         SLICE_FMT(post->max_count), SLICE_FMT(post->expires));
        TRY(arena_ok(call->arena));
        *ret_good = swift_signature_fits(kind, slice_of(signature, len), text, keys,
                                         ARRAY_LEN(keys), ret_key);
    }
    return status_ok();
}

/*
 * Spec-deviation: the proof is asked for before a file is counted, and also where there is none, so
 * that nobody's redirect is followed which nobody has signed.
 */
static struct status prove(struct form_post *post) {
    struct swift_call *call = post->call;
    int64_t expires_s = 0;
    size_t key = 0;
    bool good = false;
    TRY(read_limits(post, &expires_s));
    if (expires_s < call->now_ns / NS_PER_S) return refuse_proof(post, "Form Expired");
    if (call->project_id.len > 0) TRY(verify(post, &good, &key));
    if (!good) return refuse_proof(post, "Invalid Signature");
    swift_url_principal(call, key >= SWIFT_URL_CONTAINER_KEYS);
    return status_ok();
}

/* ---- files ---------------------------------------------------------------------------------- */

static struct status file_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct form_post *post = CONTAINER_OF(source, struct form_post, source);
    struct status s = source_pull(&post->form.source, buffer, cap, ret_len, ret_end);
    if (status_is(s, STATUS_CLOSED) && post->form.inner_ended) {
        post->broken = post->why.text;
        return status_of(STATUS_REFUSED);
    }
    TRY(s);
    post->size += *ret_len;
    if (post->size <= post->size_max) return status_ok();
    post->broken = "max_file_size exceeded";
    return status_of(STATUS_REFUSED);
}

static const struct source_ops file_ops = {file_pull};

static struct status name_check(struct swift_call *call, struct slice name) {
    if (!utf8_is_valid(name) || slice_find_char(name, 0) < name.len) {
        return swift_refuse(call, 412, "Invalid UTF8 or contains NULL");
    }
    if (name.len <= SWIFT_OBJECT_NAME_MAX) return status_ok();
    return swift_refuse(call, 400, "Object name length of %zu longer than %d", name.len,
                        SWIFT_OBJECT_NAME_MAX);
}

static struct status meta_read(struct form_post *post, struct slice name,
                               struct object_meta *ret_meta) {
    struct swift_call *call = post->call;
    const struct http_head *head = call->head;
    call->head = &post->head;
    struct status s = swift_object_meta_read(call, name, ret_meta);
    call->head = head;
    return s;
}

/* As a PUT of who has the key. */
static struct status put_file(struct form_post *post) {
    struct swift_call *call = post->call;
    struct bucket bucket;
    struct swift_storing storing = {.bucket = &bucket, .source = &post->source, .size = UINT64_MAX};
    struct object_info info;
    storing.object = arena_printf(call->arena, "%.*s%.*s", SLICE_FMT(call->object),
                                  SLICE_FMT(post->form.file_name));
    TRY(arena_ok(call->arena));
    TRY(name_check(call, storing.object));
    TRY(swift_authorize_other(call, "s3:PutObject", call->project_id, call->container,
                              storing.object, &bucket));
    TRY(meta_read(post, storing.object, &storing.meta));
    storing.meta.owner_id = bucket.project_id;
    post->size = 0;
    return swift_store(call, &storing, &info);
}

/* What a PUT would have answered becomes the form's answer. */
static struct status take_refusal(struct form_post *post) {
    struct swift_call *call = post->call;
    char page[SWIFT_PAGE_MAX];
    struct slice body = call->error.body;
    post->status = call->error.status;
    post->message = "";
    if (body.ptr == NULL) body = swift_page(post->status, page);
    if (body.len > 0) post->page = arena_dup(post->whole, body);
    call->error = (struct swift_error){0};
    return arena_ok(post->whole);
}

static struct status take_file(struct form_post *post) {
    struct swift_call *call = post->call;
    TRY(fields_as_headers(post));
    call->arena = &post->scratch;
    struct status s = put_file(post);
    call->arena = post->whole;
    if (post->broken != NULL) return refuse_malformed(post, post->broken);
    if (status_is(s, STATUS_NOT_FOUND)) s = swift_refuse(call, 404, NULL);
    if (status_is(s, STATUS_REFUSED)) return take_refusal(post);
    TRY(s);
    post->status = 201;
    return status_ok();
}

static struct status take_files(struct form_post *post, bool found) {
    uint64_t count = 0;
    post->status = 400;
    post->message = "No Files To Process";
    while (found) {
        if (count++ == post->count_max) {
            post->status = 400;
            post->message = "Max File Count Exceeded";
            return status_ok();
        }
        post->message = "";
        TRY(take_file(post));
        if (post->status / 100 != 2) return status_ok();
        arena_reset(&post->scratch);
        TRY(form_status(post, http_form_next(&post->form, &post->scratch, &found)));
    }
    return status_ok();
}

/* ---- answer --------------------------------------------------------------------------------- */

static const char *words_of(int status) {
    const char *words = swift_reason(status);
    return words != NULL ? words : http_reason(status);
}

static struct status answer_plain(struct form_post *post) {
    struct swift_call *call = post->call;
    bool has_message = post->message[0] != '\0';
    struct slice text = arena_printf(call->arena, "%d %s%s%s", post->status, words_of(post->status),
                                     has_message ? "\r\nFormPost: " : "", post->message);
    TRY(arena_ok(call->arena));
    call->response.status = post->status;
    call->response.reason = swift_reason(post->status);
    call->answer.document = post->page.len > 0 ? post->page : text;
    http_response_set_str(&call->response, "Content-Type", "text/plain");
    return status_ok();
}

/* The attribute of a page: quotes and brackets only, as Swift's own readers see "&" as it is. */
static void append_attribute(struct buf *buf, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        struct slice one = slice_of(text.ptr + i, 1);
        if (one.ptr[0] == '&') {
            buf_append_char(buf, '&');
        } else {
            xml_escape(buf, one);
        }
    }
}

static struct status answer_redirect(struct form_post *post) {
    struct swift_call *call = post->call;
    bool has_query = slice_find_char(post->redirect, '?') < post->redirect.len;
    struct slice message = slice_str(post->message);
    struct buf buf;
    if (!http_is_field_value(post->redirect)) return refuse_malformed(post, "redirect is no URL");
    buf_init(&buf, REDIRECT_MAX);
    buf_append(&buf, post->redirect);
    buf_printf(&buf, "%sstatus=%d&message=", has_query ? "&" : "?", post->status);
    percent_encode(&buf, message, true);
    struct slice target = arena_dup(call->arena, buf_slice(&buf));
    buf_clear(&buf);
    buf_append_str(&buf, "<html><body><p><a href=\"");
    append_attribute(&buf, target);
    buf_append_str(&buf, "\">Click to continue...</a></p></body></html>");
    call->answer.document = arena_dup(call->arena, buf_slice(&buf));
    struct status s = buf_ok(&buf);
    buf_fini(&buf);
    TRY(s);
    call->response.status = 303;
    http_response_set(&call->response, SLICE("Location"), target);
    return arena_ok(call->arena);
}

/* ---- the door ------------------------------------------------------------------------------- */

/* Where it is not there, a file is 404. */
static struct status find_container(struct swift_call *call) {
    struct status s = swift_container_find(call, call->project_id, call->container, &call->bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    call->has_bucket = true;
    return swift_cors_find(call);
}

static struct status run(struct form_post *post) {
    struct swift_call *call = post->call;
    struct slice boundary;
    bool found;
    if (!http_form_boundary(swift_header(call, "content-type"), &boundary)) {
        return refuse_malformed(post, "invalid starting boundary");
    }
    TRY(form_status(post,
                    http_form_open(&post->form, boundary, call->body, call->arena, &post->why)));
    TRY(form_status(post, http_form_next(&post->form, call->arena, &found)));
    TRY(prove(post));
    TRY(find_container(call));
    TRY(take_files(post, found));
    return post->redirect.len > 0 ? answer_redirect(post) : answer_plain(post);
}

struct status run_form(struct swift_call *call) {
    struct form_post *post = arena_alloc(call->arena, sizeof *post);
    if (post == NULL) return status_of(STATUS_NO_MEMORY);
    memset(post, 0, sizeof *post);
    post->source.ops = &file_ops;
    post->call = call;
    post->whole = call->arena;
    arena_init(&post->scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    struct status s = run(post);
    arena_fini(&post->scratch);
    return s;
}
