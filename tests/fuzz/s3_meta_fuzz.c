/*
 * Any head as a PutObject's: its metadata and promises keep their bounds, and what is kept can be
 * said again in an answer, whatever bytes it has.
 */
#include <stdint.h>

#include "base/check.h"
#include "http/text.h"
#include "s3/body.h"
#include "s3/meta.h"
#include "s3/refusals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head head;
static struct http_query query;

static void check_meta(struct s3_call *call) {
    struct object_meta meta;
    struct buf out;
    if (!is_ok(s3_meta_of_request(call, &meta))) return;
    size_t bytes = 0;
    for (size_t i = 0; i < meta.user.count; i++) bytes += meta.user.items[i].value.len;
    CHECK(bytes <= S3_USER_META_MAX_BYTES);
    CHECK(meta.headers.count <= OBJECT_HEADERS_MAX && meta.user.count <= OBJECT_USER_META_MAX);
    s3_meta_answer(call, &meta);
    buf_init(&out, HTTP_RESPONSE_HEAD_MAX);
    struct status status = http_response_encode(&call->response, &out);
    CHECK(is_ok(status) || status_is(status, STATUS_TOO_LARGE));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct note note = {""};
    size_t head_len;
    if (http_head_parse(slice_of(data, size), &head, &head_len, &note) != HTTP_HEAD_COMPLETE) {
        return 0;
    }
    arena_init(&arena, 16 * 1024, 1 << 22);
    static const struct s3_service service;
    struct s3_call call = {
        .service = &service, .arena = &arena, .note = &note, .head = &head, .query = &query};
    http_response_init(&call.response, &arena);
    struct s3_checksum_wish wish;
    IGNORE_STATUS(s3_check_headers(&call)); /* refusals are answers too */
    IGNORE_STATUS(s3_body_check(&call));
    if (is_ok(s3_checksum_wish_of(&call, &wish)) && wish.present &&
        wish.place == S3_CHECKSUM_IN_HEAD) {
        CHECK(wish.value.kind == wish.kind && wish.value.len == checksum_len(wish.kind));
    }
    check_meta(&call);
    arena_fini(&arena);
    return 0;
}
