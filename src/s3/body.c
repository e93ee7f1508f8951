#include "s3/body.h"

#include "auth/aws_chunked.h"
#include "base/check.h"
#include "base/codec.h"
#include "http/framing.h"
#include "s3/s3.h"

enum { DOCUMENT_PIECE = 8 * 1024 };

struct status s3_body_promise_of(struct s3_call *call, struct s3_body_promise *ret_promise) {
    struct s3_body_promise promise = {0};
    struct slice md5 = s3_header(call, "content-md5");
    promise.has_md5 = md5.ptr != NULL;
    if (promise.has_md5 && !base64_decode_exact(md5, promise.md5, sizeof promise.md5)) {
        s3_refuse_with(call, "Content-MD5", md5);
        return s3_refuse(call, S3_ERROR_INVALID_DIGEST,
                         "The Content-MD5 you specified was invalid.");
    }
    TRY(s3_checksum_wish_of(call, &promise.wish));
    *ret_promise = promise;
    return status_ok();
}

static struct status too_large_refuse(struct s3_call *call, uint64_t size, uint64_t max,
                                      bool is_document) {
    if (is_document) {
        s3_refuse_with(call, "MaxMessageLengthBytes",
                       arena_printf(call->arena, "%llu", (unsigned long long)max));
        return s3_refuse(call, S3_ERROR_MAX_MESSAGE_LENGTH_EXCEEDED, NULL);
    }
    s3_refuse_with(call, "ProposedSize",
                   arena_printf(call->arena, "%llu", (unsigned long long)size));
    s3_refuse_with(call, "MaxSizeAllowed",
                   arena_printf(call->arena, "%llu", (unsigned long long)max));
    return s3_refuse(call, S3_ERROR_ENTITY_TOO_LARGE, NULL);
}

struct status s3_body_check(struct s3_call *call) {
    struct s3_body_promise promise;
    uint64_t length = 0;
    if (auth_payload_is_chunked(call->auth.payload)) {
        length = call->auth.decoded_length;
    } else if (call->head->body == HTTP_BODY_LENGTH) {
        length = call->head->content_length;
    } else if (call->head->body == HTTP_BODY_NONE) {
        return s3_refuse(call, S3_ERROR_MISSING_CONTENT_LENGTH, NULL);
    }
    if (length > S3_BODY_SIZE_MAX) {
        return too_large_refuse(call, length, S3_BODY_SIZE_MAX, false);
    }
    return s3_body_promise_of(call, &promise);
}

static struct slice hex_text(struct arena *arena, const void *bytes, size_t len) {
    char storage[DIGEST_LEN_MAX * 2];
    struct buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    hex_encode(&text, slice_of(bytes, len));
    return arena_dup(arena, buf_slice(&text));
}

static struct status md5_verify(struct s3_body *body) {
    struct s3_call *call = body->call;
    if (!body->promise.has_md5) return status_ok();
    if (memcmp(body->md5, body->promise.md5, sizeof body->md5) == 0) return status_ok();
    s3_refuse_with(call, "ExpectedDigest",
                   hex_text(call->arena, body->promise.md5, sizeof body->md5));
    s3_refuse_with(call, "CalculatedDigest", hex_text(call->arena, body->md5, sizeof body->md5));
    return s3_refuse(call, S3_ERROR_BAD_DIGEST,
                     "The Content-MD5 you specified did not match what we received.");
}

static struct status sha256_verify(struct s3_body *body) {
    unsigned char computed[DIGEST_SHA256_LEN];
    struct s3_call *call = body->call;
    if (!body->has_sha256) return status_ok();
    digest_final(&body->sha256, computed);
    if (memcmp(computed, call->auth.payload_sha256, sizeof computed) == 0) return status_ok();
    s3_refuse_with(call, "ClientComputedContentSHA256",
                   hex_text(call->arena, call->auth.payload_sha256, sizeof computed));
    s3_refuse_with(call, "S3ComputedContentSHA256",
                   hex_text(call->arena, computed, sizeof computed));
    return s3_refuse(call, S3_ERROR_CONTENT_SHA256_MISMATCH, NULL);
}

/* The text of the trailer that has the checksum; NULL where it did not come. */
static struct slice trailer_text(const struct s3_body *body, struct slice name) {
    const struct s3_call *call = body->call;
    if (body->promise.wish.place == S3_CHECKSUM_IN_AWS_TRAILER) {
        return aws_chunked_trailer(call->body_chunked, name);
    }
    return http_body_trailer(call->body_framing, name);
}

/* The value that the client announced, which for a trailer is known only now. */
static struct status announced_value(struct s3_body *body, struct checksum_value *ret_value) {
    const struct s3_checksum_wish *wish = &body->promise.wish;
    struct s3_call *call = body->call;
    if (wish->place == S3_CHECKSUM_IN_HEAD) {
        *ret_value = wish->value;
        return status_ok();
    }
    struct slice name = arena_printf(call->arena, "x-amz-checksum-%s", checksum_suffix(wish->kind));
    struct slice text = trailer_text(body, name);
    if (text.ptr == NULL) return s3_refuse(call, S3_ERROR_MALFORMED_TRAILER, NULL);
    if (checksum_value_parse(wish->kind, text, ret_value)) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST, "Value for %.*s trailing header is invalid.",
                     SLICE_FMT(name));
}

static struct status checksum_verify(struct s3_body *body) {
    struct checksum_value announced;
    struct checksum_value computed;
    if (!body->promise.wish.present) return status_ok();
    TRY(announced_value(body, &announced));
    checksum_final(body->has_own ? &body->own : &body->kept, &computed);
    if (checksum_value_eq(&announced, &computed)) return status_ok();
    return s3_checksum_mismatch(body->call, announced.kind);
}

static struct status body_verify(struct s3_body *body) {
    TRY(md5_verify(body));
    TRY(sha256_verify(body));
    return checksum_verify(body);
}

static void body_update(struct s3_body *body, struct slice bytes) {
    if (body->has_sha256) {
        md5_stream_update_with(&body->md5_stream, &body->sha256, bytes);
    } else {
        md5_stream_update(&body->md5_stream, bytes);
    }
    if (body->keeps) checksum_update(&body->kept, bytes);
    if (body->has_own) checksum_update(&body->own, bytes);
    body->size += bytes.len;
}

static struct status body_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct s3_body *body = CONTAINER_OF(source, struct s3_body, source);
    size_t len = 0;
    bool end = body->inner == NULL;
    if (body->inner != NULL) {
        struct status status = source_pull(body->inner, buffer, cap, &len, &end);
        if (!is_ok(status) && body->is_request) return s3_refuse_body(body->call, status);
        if (!is_ok(status)) return status;
    }
    body_update(body, slice_of(buffer, len));
    if (body->size > body->size_max) {
        return too_large_refuse(body->call, body->size, body->size_max, !body->keeps);
    }
    if (end) {
        md5_stream_final(&body->md5_stream, body->md5);
        TRY(body_verify(body));
    }
    *ret_len = len;
    *ret_end = end;
    return status_ok();
}

static const struct source_ops body_ops = {.pull = body_pull};

static void body_init(struct s3_body *body, struct s3_call *call, struct source *inner,
                      uint64_t size_max) {
    memset(body, 0, sizeof *body);
    body->source.ops = &body_ops;
    body->call = call;
    body->inner = inner;
    body->size_max = size_max;
    md5_stream_begin(&body->md5_stream, md5_service_shared());
}

/* Starts what the head's promises need beside `kept`. */
static void promise_begin(struct s3_body *body) {
    const struct s3_checksum_wish *wish = &body->promise.wish;
    body->is_request = true;
    body->has_sha256 = body->call->auth.payload == AUTH_PAYLOAD_SHA256;
    if (body->has_sha256) digest_init(&body->sha256, DIGEST_SHA256);
    body->has_own = wish->present && (!body->keeps || wish->kind != body->kept.kind);
    if (body->has_own) checksum_init(&body->own, wish->kind);
}

struct status s3_body_init(struct s3_body *body, struct s3_call *call,
                           const enum checksum_kind *kind) {
    body_init(body, call, call->body, S3_BODY_SIZE_MAX);
    TRY(s3_body_promise_of(call, &body->promise));
    const struct s3_checksum_wish *wish = &body->promise.wish;
    enum checksum_kind kept = wish->present ? wish->kind : S3_CHECKSUM_DEFAULT;
    if (kind != NULL) kept = *kind;
    checksum_init(&body->kept, kept);
    body->keeps = true;
    promise_begin(body);
    return status_ok();
}

void s3_body_init_copy(struct s3_body *body, struct s3_call *call, struct source *source,
                       enum checksum_kind kind) {
    body_init(body, call, source, UINT64_MAX);
    checksum_init(&body->kept, kind);
    body->keeps = true;
}

struct status s3_body_init_document(struct s3_body *body, struct s3_call *call, uint64_t size_max) {
    body_init(body, call, call->body, size_max);
    TRY(s3_body_promise_of(call, &body->promise));
    promise_begin(body);
    return status_ok();
}

struct status s3_body_init_completion(struct s3_body *body, struct s3_call *call,
                                      uint64_t size_max) {
    struct slice md5 = s3_header(call, "content-md5");
    body_init(body, call, call->body, size_max);
    body->promise.has_md5 = md5.ptr != NULL;
    if (md5.ptr != NULL && !base64_decode_exact(md5, body->promise.md5, DIGEST_MD5_LEN)) {
        return s3_refuse(call, S3_ERROR_INVALID_DIGEST, NULL);
    }
    promise_begin(body);
    return status_ok();
}

struct slice s3_body_etag(const struct s3_body *body, char *out) {
    struct buf text;
    buf_init_fixed(&text, out, S3_ETAG_LEN);
    hex_encode(&text, slice_of(body->md5, sizeof body->md5));
    return buf_slice(&text);
}

struct object_checksum s3_body_checksum(const struct s3_body *body) {
    struct object_checksum checksum = {.present = true, .type = OBJECT_CHECKSUM_FULL};
    CHECK(body->keeps);
    checksum_final(&body->kept, &checksum.value);
    return checksum;
}

struct object_checksum s3_body_said(const struct s3_body *body) {
    struct object_checksum checksum = s3_body_checksum(body);
    if (body->has_own) checksum_final(&body->own, &checksum.value);
    return checksum;
}

bool s3_body_is_promised(const struct s3_body *body) {
    return body->promise.has_md5 || body->promise.wish.present;
}

struct status s3_body_document(struct s3_call *call, size_t max, struct slice *ret_document) {
    struct s3_body body;
    struct buf text;
    bool end = false;
    struct status status = s3_body_init_document(&body, call, max);
    buf_init(&text, max + DOCUMENT_PIECE);
    while (is_ok(status) && !end) {
        size_t len = 0;
        char *piece = buf_reserve(&text, DOCUMENT_PIECE);
        if (piece == NULL)
            status = status_of(STATUS_NO_MEMORY);
        else
            status = source_pull(&body.source, piece, DOCUMENT_PIECE, &len, &end);
        if (is_ok(status)) buf_advance(&text, len);
    }
    if (is_ok(status)) *ret_document = arena_dup(call->arena, buf_slice(&text));
    buf_fini(&text);
    TRY(status);
    return arena_ok(call->arena);
}
